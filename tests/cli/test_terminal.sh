#!/bin/sh
# What a person at a terminal meets: answers unasked, lines of JSON, what was meant by a typo, which build fits, and
# nothing that is wider than the terminal.
set -u
. tests/check.sh
bin=$ADAFIRE_BUILD data=tests/data/digits squares=tests/data/squares
host="$bin/adafire-host -q"

says() { # NAME FILE TEXT
    if grep -qF -- "$3" "$2"; then pass; else fail "$1: no '$3'"; fi
}
silent() { # NAME FILE TEXT
    if grep -qF -- "$3" "$2"; then fail "$1: '$3'"; else pass; fi
}
lines() { # NAME FILE COUNT
    if [ "$(wc -l <"$2")" = "$3" ]; then pass; else fail "$1: $(wc -l <"$2") lines, not $3"; fi
}
refused() { # NAME TEXT COMMAND...: status 2, TEXT within two lines
    name=$1 text=$2
    shift 2
    "$@" >"$work/out" 2>"$work/err" </dev/null
    status=$?
    sed -i "/^==.*ASan doesn't fully support/d" "$work/err" # of csim's processes
    if [ $status = 2 ] && [ "$(wc -l <"$work/err")" -le 2 ]; then pass; else fail "$name (status $status)"; fi
    says "$name" "$work/err" "$text"
}

printf '%s\n' zero one two three four five six seven eight nine >"$work/names"
convert="$bin/adafire-convert $data/model.onnx --calib $data/calib_images.npy --scale 1/16 --effort 0 -q"
good convert $convert --fit tiny --classes "$work/names" -o "$work/m.snn"

# ---- Answers
good "one sample" $host "$work/m.snn" $data/test_images.npy --limit 1
says "answers by name" "$work/out" 'test_images.npy[0]: 4 four '
says "one, in the singular" "$work/out" 'cpu: 1 sample, '
good "a conversion of one sample" "$bin/adafire-convert" $data/model.onnx --calib $data/calib_images.npy --calib-limit 1 \
    --scale 1/16 -t 1 -o "$work/one.snn"
says "and one timestep, in the singular" "$work/out" 'Per sample, 1 timestep, mean over 1 calibration sample:'
good "info of it" "$bin/adafire-info" "$work/one.snn"
says "in the singular as well" "$work/out" 'samples, 1 timestep, 10 classes'
good "ten samples" $host "$work/m.snn" $data/test_images.npy --limit 10
says "answer" "$work/out" 'test_images.npy[9]: '
good "eleven samples" $host "$work/m.snn" $data/test_images.npy --limit 11
silent "do not" "$work/out" 'test_images.npy['
good "unless asked" $host "$work/m.snn" $data/test_images.npy --limit 11 --top 1
says "to" "$work/out" 'test_images.npy[10]: '
good "JSON has no answers" $host "$work/m.snn" $data/test_images.npy --limit 1 --json
silent "in between" "$work/out" 'four'

# ---- Lines of JSON
cat >"$work/read.py" <<'P'
import json, sys
rows = [json.loads(line) for line in open(sys.argv[1])]
assert [row["sample"] for row in rows] == list(range(len(rows)))
assert all(row["timesteps"] >= 1 and row["name"] for row in rows)
print(len(rows), eval(sys.argv[2], {"r": rows, "ends": __import__("math").fsum}))
P
row() { # NAME FILE EXPRESSION EXPECTED
    python3 "$work/read.py" "$2" "$3" >"$work/out" 2>"$work/err"
    if [ "$(cat "$work/out")" = "$4" ]; then pass; else fail "$1: wanted '$4'"; fi
}
good "lines on standard output" $host "$work/m.snn" $data/test_images.npy --limit 12 --jsonl - --top 3
cp "$work/out" "$work/l"
row "classes" "$work/l" '(r[0]["class"], r[0]["label"], len(r[0]["best"]))' "12 (4, 'four', 3)"
good "lines in a file" $host "$work/m.snn" $data/test_images.npy --limit 12 --jsonl "$work/f.jsonl" --top 3
if cmp -s "$work/l" "$work/f.jsonl"; then pass; else fail "a file's lines are others"; fi
says "with the summary beside" "$work/out" '12 samples'
good "figures and lines" $host "$work/m.snn" $data/test_images.npy --limit 12 --jsonl "$work/g.jsonl" --json
row "one class each" "$work/g.jsonl" 'max(len(x["best"]) for x in r)' "12 1"
good "values" $host "$work/m.snn" $data/test_images.npy --limit 2 --task values --jsonl "$work/v.jsonl"
row "values" "$work/v.jsonl" '[len(x["values"]) for x in r]' "2 [10, 10]"
refused "two things on standard output" "exclude each other" $host "$work/m.snn" $data/test_images.npy --json --jsonl -
refused "a run that fails" "nothing.npy" $host "$work/m.snn" $data/test_images.npy "$work/nothing.npy" --jsonl "$work/n.jsonl"
if ls "$work"/n.jsonl* >/dev/null 2>&1; then fail "lines of a failed run are left"; else pass; fi
refused "over the model" "m.snn" $host "$work/m.snn" $data/test_images.npy --jsonl "$work/m.snn"
python3 -c 'import numpy as n, sys; z = n.load(sys.argv[1]); n.save(sys.argv[2], z[z.files[0]])' $squares/calib.npz "$work/s.npy" 2>/dev/null
if [ -s "$work/s.npy" ]; then
    good "a detector" "$bin/adafire-convert" $squares/boxes.onnx --calib "$work/s.npy" -q --effort 0 \
        --task "detect stride 1 size 6 threshold 0.5" -o "$work/b.snn"
    good "its lines" $host "$work/b.snn" "$work/s.npy" --jsonl "$work/b.jsonl" --boxes "$work/b.json"
    python3 - "$work/b.jsonl" "$work/b.json" >"$work/out" 2>"$work/err" <<'P'
import json, sys
lines = [json.loads(line) for line in open(sys.argv[1])]
assert [x["boxes"] for x in lines] == [x["boxes"] for x in json.load(open(sys.argv[2]))]
assert sum(len(x["boxes"]) for x in lines) > 24
P
    if [ $? = 0 ]; then pass; else fail "lines and --boxes tell other boxes"; fi
    good "a map" "$bin/adafire-convert" $squares/map.onnx --calib "$work/s.npy" -q --effort 0 -o "$work/p.snn"
    good "its lines" $host "$work/p.snn" "$work/s.npy" --jsonl "$work/p.jsonl"
    row "shares of the pixels" "$work/p.jsonl" \
        'all(abs(sum(s["share"] for s in x["shares"]) - 1) < 1e-4 for x in r) and r[0]["shares"][0]["class"]' "24 0"
fi

# ---- What was meant
refused "an option" "Did you mean --timesteps?" $host --timestep2 3 "$work/m.snn" x
refused "an option with a value" "Did you mean --labels?" $host --lables=x "$work/m.snn" x
refused "an option of convert" "Did you mean --calib?" "$bin/adafire-convert" --clib x y
refused "an option of info" "Did you mean --events?" "$bin/adafire-info" --event5 x y
refused "an option of flash" "Did you mean --flash?" "$bin/adafire-flash" --falsh x
$host --quixotic x y 2>"$work/err"
silent "an option like none" "$work/err" 'Did you mean'
refused "a board" "did you mean icebreaker?" $host --board icebraker "$work/m.snn" x
refused "two letters exchanged" "did you mean sim?" $host --board ism "$work/m.snn" x
refused "a board of several" "did you mean hx8k?" $host --board hx8l:1-2 "$work/m.snn" x
refused "a board to flash" "did you mean ulx3s?" "$bin/adafire-flash" --board ulxs3 x
refused "a build" "did you mean tiny?" $host --board csim --build tyni "$work/m.snn" $data/test_images.npy
refused "a network" "adafire-convert a/digits.onnx --calib SAMPLES -o a/digits.snn" $host a/digits.onnx cat.png

# ---- Builds
good "board list" $host --board list
says "what a build can" "$work/out" '--build tiny  1 core of 1 lane, bursts of 15,'
for build in sim:SIM u250:U250 ulx3s:ULX3S tiny:TINY; do
    set -- $(printf 'CORES LANES BURST_BITS\n' | gcc -E -P -DBUILD_${build#*:} -include hw/config.h -x c - | tail -n 1)
    s=s
    [ "$1" = 1 ] && s=
    l=s
    [ "$2" = 1 ] && l=
    says "build ${build%:*} is as the list says" "$work/out" \
        "$(printf -- '--build %-5s %d core%s of %d lane%s, bursts of %d' "${build%:*}" "$1" "$s" "$2" "$l" $(((1 << $3) - 1)))"
done
good "a model for sim" $convert --signed on -o "$work/large.snn"
refused "which build would fit" "it would fit --board sim --build sim" $host --board csim --build tiny "$work/large.snn" $data/test_images.npy
if [ -d /usr/local/lib/adafire ] || [ -d /usr/lib/adafire ]; then :; else
    mkdir "$work/bin"
    cp "$bin/adafire-host" "$bin/adafire-csim-tiny.so" "$work/bin"
    alone="env -u ADAFIRE_SIM $work/bin/adafire-host"
    good "the only one that is here" $alone --board csim --json "$work/m.snn" $data/test_images.npy --limit 2
    says "is used" "$work/out" '"build": "tiny"'
    says "and said" "$work/err" 'note: the build tiny is used: sim is not installed'
    refused "where none fits" "it runs on --board cpu" $alone --board csim "$work/large.snn" $data/test_images.npy
    good "what is here" $alone --board list
    says "what is not installed" "$work/out" '--build sim   not installed; `make sim-sim` makes it'
    refused "none is here" "no simulator of the build 'sim'" $alone --board sim "$work/m.snn" $data/test_images.npy
fi

# ---- Eighty columns, and fewer
widest() { # NAME FILE MOST
    sed -i "/^==.*ASan doesn't fully support/d" "$2"
    wide=$(python3 -c 'import sys; print(max(len(l.rstrip("\n").replace("<K>", "")) for l in open(sys.argv[1])))' "$2")
    if [ "$wide" -le "$3" ]; then pass; else fail "$1: $wide columns"; fi
}
for tool in convert host info flash; do
    good "$tool --help" "$bin/adafire-$tool" --help
    widest "$tool --help" "$work/out" 80
done
good "a summary" $host "$work/m.snn" $data/test_images.npy --labels $data/test_labels.npy --reference $data/ann_logits.npy
widest "a summary" "$work/out" 80
for columns in 80 58 30; do
    good "board list on $columns columns" env TERM=xterm python3 tests/cli/terminal.py $columns "$bin/adafire-host" --board list
    [ $columns = 30 ] || widest "board list on $columns columns" "$work/out" $columns
    good "progress on $columns columns" env TERM=xterm python3 tests/cli/terminal.py $columns $convert --effort 1 -t 2 -o "$work/w.snn"
    env TERM=xterm python3 tests/cli/terminal.py $columns "$bin/adafire-convert" $data/model.onnx --calib $data/calib_images.npy \
        --scale 1/16 -o "$work/w.snn" >"$work/out"
    grep '<K>' "$work/out" >"$work/progress"
    says "progress on $columns columns" "$work/progress" ' %'
    widest "progress on $columns columns" "$work/progress" $columns
done
# Steps of a conversion: k of n, one after the other up to the last, whatever is asked for.
for what in "" "--effort 0" "-t 1" "--search --effort 0" "--ssc 0.05" "--bias-correction off" "--rounding nearest --effort 0" "--fit tiny"; do
    env TERM=xterm python3 tests/cli/terminal.py 80 "$bin/adafire-convert" $data/model.onnx --calib $data/calib_images.npy \
        --scale 1/16 $what -o "$work/w.snn" | grep -oE '<K>[0-9]+ of [0-9]+: ' | tr -d ':' | sed 's/<K>//' | uniq >"$work/out"
    if awk '$1 < k || $1 > k + 1 || (n && $3 != n) { exit 1 } { k = $1; n = $3 } END { exit !(n > 2 && k == n) }' "$work/out"; then pass
    else fail "steps of a conversion with '$what'"; fi
done

# Tables: on a terminal within its columns, into a file in full.
for table in "convert $data/model.onnx --calib $data/calib_images.npy --scale 1/16 -o $work/w.snn" \
    "convert $data/model.onnx --calib $data/calib_images.npy --scale 1/16 --search --ssc 0.05 --effort 0 -o $work/w.snn" \
    "convert --check $data/model.onnx" "info $work/m.snn" \
    "host $work/m.snn $data/test_images.npy --labels $data/test_labels.npy"; do
    env TERM=xterm python3 tests/cli/terminal.py 80 $bin/adafire-$table >"$work/out" 2>"$work/err" || fail "$table"
    if [ "$(wc -l <"$work/out")" -gt 5 ]; then pass; else fail "no table of $table"; fi
    widest "adafire-$table" "$work/out" 80
done
good "a table in a file" "$bin/adafire-info" "$work/m.snn"
says "has all columns" "$work/out" '  rho  from:kernel'
env TERM=dumb python3 tests/cli/terminal.py 80 "$bin/adafire-convert" $data/model.onnx --calib $data/calib_images.npy \
    --scale 1/16 -o "$work/w.snn" >"$work/out"
silent "a dumb terminal" "$work/out" '<K>'
finish
