#!/bin/sh
# `adafire-host --live` as people use and misuse it; its page in a real browser, where there is one, and
# its view on a terminal.
set -u
. tests/check.sh
bin=$ADAFIRE_BUILD data=tests/data/digits skipped=0
host="$bin/adafire-host"
bad() { # NAME TEXT COMMAND...
    name=$1 text=$2
    shift 2
    "$@" >"$work/out" 2>"$work/err" </dev/null
    status=$?
    if [ $status = 2 ] && [ "$(wc -l <"$work/err")" -le 2 ] && grep -qF -- "$text" "$work/err"; then
        pass
    else
        fail "$name (status $status, wanted 2 and '$text')"
    fi
}
holds() {
    if grep -qE -- "$2" "$work/out"; then pass; else fail "$1: no /$2/"; fi
}
number() {
    sed -n "s/.*\"$1\": *\\([-0-9.e+]*\\).*/\\1/p" "$work/out" | tail -n 1
}
is() { # NAME IS WANTED
    if [ "$2" = "$3" ]; then pass; else fail "$1: '$2' instead of '$3'"; fi
}

good "a model of recordings" "$bin/adafire-convert" $data/model.onnx --calib $data/calib_images.npy --scale 1/16 -q \
    --effort 0 --events --counting "sensor 16x16 fit window 5" -o "$work/m.snn"
# Half a second, a dot that runs round; 20,000 events a second.
awk 'BEGIN { for (i = 0; i < 10000; i++) {
    a = i / 900; print i * 50, int(8 + 6 * cos(a)), int(8 + 6 * sin(a)), i % 2 } }' >"$work/dot.txt"

# ---- Lines
good "a recording" "$host" "$work/m.snn" --live "$work/dot.txt"
holds "a line a decision" '^window 0: [0-9] [0-9.]+ %  \([0-9]+ timesteps?, 100 events\)  [0-9.]+ ms, [0-9.]+( [kM])? events/s$'
holds "a summary" '^  left out +0 windows dropped'
is "decisions" "$(grep -c '^window ' "$work/out")" 100
good "as JSON" "$host" "$work/m.snn" --live "$work/dot.txt" --json
cp "$work/out" "$work/all.json"
is "lines" "$(wc -l <"$work/out")" 101
if command -v python3 >/dev/null; then
    python3 -c 'import json, sys
for line in open(sys.argv[1]): json.loads(line)' "$work/out" && pass || fail "JSON"
fi
is "decisions in JSON" "$(number decisions)" 100
is "events in JSON" "$(tail -n 1 "$work/out" | sed 's/.*"events": \([0-9]*\).*/\1/')" 10000
# A window as long as the recording is the recording.
"$host" "$work/m.snn" "$work/dot.txt" --top 1 -q | sed -n 's/^[^:]*: \([0-9]* [0-9.]* %\)  (\([0-9]*\).*/\1 \2/p' >"$work/file"
"$host" "$work/m.snn" --live "$work/dot.txt" --window 10s | sed -n 's/^window 0: \([0-9]* [0-9.]* %\)  (\([0-9]*\).*/\1 \2/p' >"$work/live"
[ -s "$work/file" ] && same "the file's answer" "$work/file" "$work/live" || fail "the file's answer"
# Labels that name files.
mkdir "$work/set"
cp "$work/dot.txt" "$work/set/a.raw"
cp "$work/dot.txt" "$work/set/b.raw"
answer=$(cut -d' ' -f1 "$work/live")
printf 'file,class\nb.raw,%d\na,%d\n' "$answer" "$(((answer + 1) % 10))" >"$work/set.csv"
good "labels that name files" "$host" "$work/m.snn" "$work/set" --labels "$work/set.csv" --json -q
is "half of them are right" "$(number accuracy)" 0.5
printf 'b.raw,1\n' >"$work/set.csv"
bad "a file without a label" "set.csv: has no label for" "$host" "$work/m.snn" "$work/set" --labels "$work/set.csv" -q
answers() {
    sed 's/"latency_ms.*"cycles": [a-z0-9]*, //; s/"waiting.*"whole"/"whole"/; /summary/d' "$1"
}
answers "$work/all.json" >"$work/a"
cat "$work/dot.txt" | "$host" "$work/m.snn" --live - --queue 256 --json >"$work/out" 2>"$work/err"
answers "$work/out" >"$work/b"
same "through a pipe" "$work/a" "$work/b"
"$host" "$work/m.snn" --live - --json <"$work/dot.txt" >"$work/out" 2>"$work/err"
answers "$work/out" >"$work/b"
same "standard input that is a file" "$work/a" "$work/b"
"$host" -b csim "$work/m.snn" --live "$work/dot.txt" --json >"$work/out" 2>"$work/err"
answers "$work/out" >"$work/b"
same "on csim" "$work/a" "$work/b"
good "sliding by count" "$host" "$work/m.snn" --live "$work/dot.txt" --window 1000ev --step 500ev --limit 7 --json
is "so many decisions" "$(number decisions)" 7
good "state that goes on" "$host" "$work/m.snn" --live "$work/dot.txt" --keep-state --json
answers "$work/out" >"$work/b"
cmp -s "$work/a" "$work/b" && fail "the state makes no difference" || pass
# In its own time it takes half a second.
begin=$(date +%s%N)
good "a replay" "$host" "$work/m.snn" --live "$work/dot.txt" --replay 1 --json -q
[ $((($(date +%s%N) - begin) / 1000000)) -ge 490 ] && pass || fail "a replay that was too fast"

# ---- Boxes and maps: two squares that go from left to right, darker above, brighter below
awk 'BEGIN { srand(1); for (t = 0; t < 500000; t += 14) { k = int(t / 14) % 2; x = 2 + int(t / 25000)
    print t, x + int(6 * rand()), (k ? 20 : 4) + int(6 * rand()), k } }' >"$work/squares.txt"
squares() { # NAME TASK
    good "a model of $1" "$bin/adafire-convert" tests/data/squares/$1.onnx --calib tests/data/squares/calib.npz -q --events \
        --counting "sensor 32x32 window 5" --task "$2" -o "$work/$1.snn"
}
squares boxes "detect stride 1 size 6 threshold 0.5"
squares map segment
good "boxes" "$host" "$work/boxes.snn" --live "$work/squares.txt" --limit 3
holds "a line of boxes" '^window 2: 2 boxes: [01] 99\.[0-9] %, [01] 99\.[0-9] %  \(4 timesteps, '
good "boxes as JSON" "$host" "$work/boxes.snn" --live "$work/squares.txt" --json
sed -n '1s/.*"boxes": \[\(.*\)\], "timesteps.*/\1/p' "$work/out" >"$work/a"
[ "$(sed -n '51s/.*"box": \[\(.*\)\]}, .*"box": \[\(.*\)\]}\].*/\1 \2/p' "$work/out")" = \
    "12.00, 4.00, 18.00, 10.00 12.00, 20.00, 18.00, 26.00" ] && pass || fail "where the squares are after a quarter of a second"
good "boxes of a file" "$host" "$work/boxes.snn" "$work/squares.txt" --boxes "$work/boxes.json" -q
tr -d '\n' <"$work/boxes.json" | sed 's/.*"boxes": \[ *//; s/\]}\]$//; s/  */ /g' >"$work/b"
echo >>"$work/b"
same "the file's boxes" "$work/a" "$work/b"
good "a map" "$host" "$work/map.snn" --live "$work/squares.txt" --limit 3
holds "a line of a map" '^window 2: 0 9[0-9.]+ %, [12] [0-9.]+ %, [12] [0-9.]+ %  \(4 timesteps, '
good "a map as JSON" "$host" "$work/map.snn" --live "$work/squares.txt" --json --limit 1
holds "as stretches" '"height": 32, "width": 32, "map": \[\[0, [0-9]+\], \[1, [0-9]+\], .*\[2, [0-9]+\], \[0, [0-9]+\]\], "timesteps"'
is "of all pixels" "$(sed -n '1s/.*"map": \[\[\(.*\)\]\], "timesteps.*/\1/p' "$work/out" | sed 's/\], \[/\n/g' |
    awk -F, '{ n += $2 } END { print n }')" 1024
# N-Caltech101: a folder of recordings, and one of their boxes: 2, 5 points, a rectangle; 2, 1 point.
for class in darker lighter; do
    mkdir -p "$work/Caltech101/$class" "$work/Caltech101_annotations/$class"
    for i in 1 2; do
        awk -v k=$([ $class = darker ] && echo 0 || echo 1) -v x=$((3 + 9 * i)) 'BEGIN { srand(x + k)
            for (t = 0; t < 5000; t += 25) print t, x + int(6 * rand()), 10 + 8 * k + int(6 * rand()), k }' \
            >"$work/Caltech101/$class/image_000$i.bin"
        y=$([ $class = darker ] && echo 10 || echo 18)
        {
            printf '\002\0\005\0'
            for at in "0 0" "6 0" "6 6" "0 6" "0 0"; do
                printf "$(printf '\\%03o\\0\\%03o\\0' $((3 + 9 * i + ${at% *})) $((y + ${at#* })))"
            done
            printf '\002\0\001\0\004\0\004\0'
        } >"$work/Caltech101_annotations/$class/annotation_000$i.bin"
    done
done
good "N-Caltech101's boxes" "$host" "$work/boxes.snn" "$work/Caltech101" --labels "$work/Caltech101_annotations" --json -q
holds "all of them are found" '"map50": 1,'
good "boxes of a camera that was turned" "$host" "$work/boxes.snn" "$work/Caltech101" --json -q \
    --counting "sensor 32x32 flip x window 5" --labels "$work/Caltech101_annotations"
holds "boxes go where events go" '"map50": 1,'
cp "$work/Caltech101_annotations/darker/annotation_0001.bin" "$work/Caltech101_annotations/darker/annotation_0002.bin"
good "boxes of another" "$host" "$work/boxes.snn" "$work/Caltech101" --labels "$work/Caltech101_annotations" --json -q
holds "of which one is not found" '"map50": 0\.75,'
rm "$work/Caltech101_annotations/darker/annotation_0002.bin"
bad "a recording without a box" "annotation_0002.bin: No such file" "$host" "$work/boxes.snn" "$work/Caltech101" -q \
    --labels "$work/Caltech101_annotations"
good "values" "$host" "$work/m.snn" --live "$work/dot.txt" --task values --limit 2
holds "a line of values" '^window 1:( -?[0-9.e+-]+){5} \.\.\.  \('
good "values as JSON" "$host" "$work/m.snn" --live "$work/dot.txt" --task values --limit 1 --json
is "all of them" "$(sed -n '1s/.*"values": \[\([^]]*\)\].*/\1/p' "$work/out" | tr ',' '\n' | wc -l)" 10
bad "a task that it is not for" "segmentation needs a map" "$host" "$work/m.snn" --live "$work/dot.txt" --task segment

# ---- Misuse
bad "a live run of what is not there" "nowhere.raw: No such file" "$host" "$work/m.snn" --live "$work/nowhere.raw"
bad "a stream of nothing" "$work/none: the file is empty" sh -c ": >$work/none; $host $work/m.snn --live $work/none"
bad "no address" "not tcp://HOST:PORT" "$host" "$work/m.snn" --live tcp://here
bad "nobody there" "tcp://127.0.0.1:1: Connection refused" "$host" "$work/m.snn" --live tcp://127.0.0.1:1
bad "two sources" "a live run has one source" "$host" "$work/m.snn" --live - "$work/dot.txt"
bad "no window" "--window must be a time or a number of events" "$host" "$work/m.snn" --live - --window 5x
bad "unlike windows" "both are times, or both numbers" "$host" "$work/m.snn" --live - --window 5ms --step 5ev
bad "a step alone" "--step needs --window" "$host" "$work/m.snn" --live - --step 5ms
bad "labels of a stream" "--labels is not for live runs" "$host" "$work/m.snn" --live - --labels x.npy
bad "live options of files" "need --live" "$host" "$work/m.snn" "$work/dot.txt" --window 5ms
bad "an unknown format" "--format must be one of evt2, evt2.1" "$host" "$work/m.snn" --live - --format raw
bad "a pipe replayed" "only a recording in a file" "$host" "$work/m.snn" --live - --replay 1
bad "state on a board without" "begins every sample from rest" "$host" -b csim "$work/m.snn" --live "$work/dot.txt" --keep-state
bad "a page nowhere" "--view must be PORT" "$host" "$work/m.snn" --live - --view there
bad "a damaged stream" "line 1 is no event" sh -c "echo hello | $host $work/m.snn --live - --format text"
good "a model of frames" "$bin/adafire-convert" $data/model.onnx --calib $data/calib_images.npy --scale 1/16 -q --effort 0 -o "$work/f.snn"
bad "a model of frames on a stream" "takes no recordings of event cameras" "$host" "$work/f.snn" --live "$work/dot.txt"

# ---- The page
begin_page() { # MODEL RECORDING
    "$host" "$work/$1" --live "$work/$2" --replay 1 --loop --view 0 -q --json >"$work/page.out" 2>"$work/page.err" &
    run=$!
    address=
    until [ -n "$address" ] || ! kill -0 $run 2>/dev/null; do
        sleep 0.1
        address=$(sed -n 's/^the page is at //p' "$work/page.err" 2>/dev/null)
    done
}
begin_page m.snn dot.txt
# What is on the page, and that its figures go on; nothing is asked of others, nothing fails.
timeout 60 python3 tests/live/browser.py "$address" 3 "$work/page.png" \
    'document.getElementById("state").textContent' 'document.querySelectorAll("#recent tr").length' \
    'rows.length > 1 && rows.every((r) => r.values.length > 5)' \
    '+document.getElementById("class").textContent >= 0' \
    'new Set(document.getElementById("picture").getContext("2d").getImageData(0, 0, 8, 8).data).size > 2' \
    'document.querySelectorAll("#figures dd").length' >"$work/out" 2>"$work/err"
status=$?
printf '"live"\n12\ntrue\ntrue\ntrue\n11\n' >"$work/wanted"
if [ $status = 77 ] || ! command -v python3 >/dev/null; then
    echo "skip: there is no Chromium, or no Python"
    skipped=1
else
    same "the page in a browser" "$work/out" "$work/wanted"
    [ "$(wc -c <"$work/page.png")" -gt 10000 ] && pass || fail "the page's picture"
fi
kill -TERM $run
wait $run && pass || fail "a run that was asked to end"
tail -n 1 "$work/page.out" >"$work/out"
holds "its summary" '"summary": .*"decisions": [0-9]{3}'
# Boxes and maps on it: colours that events do not have.
if [ $skipped = 0 ]; then
    drawn='((p) => { let n = 0; for (let i = 0; i < p.length; i += 4) n += p[i + 1] > Math.max(p[i], p[i + 2]) + 20; return n > 5; })'
    drawn="$drawn(document.getElementById(\"picture\").getContext(\"2d\").getImageData(0, 0, 32, 32).data)"
    for kind in boxes map; do
        begin_page $kind.snn squares.txt
        timeout 60 python3 tests/live/browser.py "$address" 2 "$work/page.png" "$drawn" \
            'document.getElementById("class").textContent' >"$work/out" 2>"$work/err"
        kill -TERM $run
        wait $run
        printf 'true\n"%s"\n' "$([ $kind = boxes ] && echo 2 boxes || echo 0)" >"$work/wanted"
        same "$kind on the page" "$work/out" "$work/wanted"
    done
fi

good "a page for others" "$host" "$work/m.snn" --live "$work/dot.txt" --view 0.0.0.0:0
grep -q '^note: whoever reaches this computer can look' "$work/err" && pass || fail "who can look is not said"

# ---- The terminal
if command -v script >/dev/null; then
    shown="$work/m.snn --live $work/dot.txt"
    screen() {
        script -qec "stty cols 80 rows 24; $* $host $shown --replay 1 --screen" /dev/null \
            >"$work/out" 2>"$work/err" </dev/null
    }
    screen env LC_ALL=C.UTF-8 TERM=xterm-256color
    holds "a picture" '38;5;[0-9]+;48;5;[0-9]+m▀'
    holds "what populations do" '% /[A-Za-z]'
    screen env LC_ALL=C.UTF-8 TERM=xterm-256color NO_COLOR=1
    grep -q '38;5;' "$work/out" && fail "colour in spite of NO_COLOR" || pass
    holds "blocks without colour" '[▀▄█]'
    screen env LC_ALL=C TERM=dumb
    holds "lines on a dumb terminal" '^window 0: '
    holds "and why" 'note: --screen needs a terminal'
    shown="$work/boxes.snn --live $work/squares.txt"
    screen env LC_ALL=C.UTF-8 TERM=xterm-256color
    holds "edges of boxes" '(38|48);5;226m'
    holds "and how many" '2 boxes'
    shown="$work/map.snn --live $work/squares.txt"
    screen env LC_ALL=C.UTF-8 TERM=xterm-256color
    holds "shades of a map" '(38|48);5;22[;m]'
    holds "colours of its classes" '(38|48);5;226[;m]'
    holds "of all of them" '(38|48);5;51[;m]'
else
    echo "skip: there is no script(1)"
    skipped=$((skipped + 1))
fi
finish $skipped
