#!/bin/sh
# The command-line tools as people use and misuse them: results, JSON, one-sentence errors with exit
# status 2, and no file left half-written.
set -u
. tests/check.sh
bin=$ADAFIRE_BUILD data=tests/data/digits

# bad NAME TEXT COMMAND...: exit status 2; TEXT within a line or two (the second says where help is).
bad() {
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
number() { # of a JSON key in $work/out
    sed -n "s/.*\"$1\": *\\([-0-9.e+]*\\).*/\\1/p" "$work/out"
}
within() { # NAME VALUE LEAST MOST
    if awk -v v="$2" -v a="$3" -v b="$4" 'BEGIN { exit !(v != "" && v >= a && v <= b) }'; then pass
    else fail "$1: '$2' is not in $3..$4"; fi
}
# npy SHAPE TYPE BYTES...: an .npy header and the bytes of standard input.
npy() {
    printf '\223NUMPY\001\000\166\000%-117s\n' \
        "{'descr': '$2', 'fortran_order': False, 'shape': ($1), }"
    cat
}

convert="$bin/adafire-convert $data/model.onnx --calib $data/calib_images.npy --scale 1/16 -q"
quick="$convert --effort 0 --signed on"

# ---- What they are for
for tool in convert host info flash; do
    good "$tool --help" "$bin/adafire-$tool" --help
    holds "$tool --help teaches" 'Example'
    good "$tool --version" "$bin/adafire-$tool" --version
    bad "$tool without arguments" "--help" "$bin/adafire-$tool"
    bad "$tool with a typo" "--helb" "$bin/adafire-$tool" --helb
done
# For tiny, which fires little and has little room for signed bursts.
good convert $convert --fit tiny --calib-labels $data/calib_labels.npy -o "$work/m.snn"
good "convert --json" $quick --json -o "$work/q.snn"
within "convert's agreement" "$(number agreement)" 0.98 1
mkdir "$work/before"
good "as it was called before" $convert --no-search --ssc off --signed on -o "$work/before/q.snn"
same "--no-search is no effort" "$work/q.snn" "$work/before/q.snn"
good info "$bin/adafire-info" "$work/m.snn"
holds "info names the source" 'source: model.onnx'
good "info --json" "$bin/adafire-info" --json "$work/m.snn"

host="$bin/adafire-host -q"
files="$data/test_images.npy --labels $data/test_labels.npy --reference $data/ann_logits.npy"
good host $host --json "$work/m.snn" $files
within accuracy "$(number accuracy)" 0.98 1
within agreement "$(number agreement)" 0.98 1
within timesteps "$(number timesteps_mean)" 1 2.5
for key in board model images accuracy top5 agreement timesteps_mean timesteps_histogram spikes_mean \
    events_mean sops_mean adds_mean ann_macs energy_uj_event energy_uj_spike energy_uj_add energy_uj_ann \
    integer_uj integer_uj_ann integer_memory_uj integer_memory_uj_ann images_per_second cycles_mean; do
    holds "JSON key $key" "\"$key\":"
done
holds "cycles do not apply to the CPU" '"cycles_mean": *null'
once=$(number energy_uj_event) each=$(number energy_uj_spike)
within "shifted adds" "$(number energy_uj_add)" "$once" "$each"
good "values" $host --json --task values "$work/m.snn" $data/test_images.npy --reference $data/ann_logits.npy
holds "values are no classes" '"accuracy": *null'
within "how far off the values are" "$(number deviation)" 0 0.05
good "values in words" $host --task values --top 1 --limit 2 "$work/m.snn" $data/test_images.npy
holds "values have no best" 'values .-o FILE writes them'
bad "values as labels" "not one row of 10 values" $host --task values "$work/m.snn" $data/test_images.npy --labels $data/test_labels.npy
good "host without labels" $host --json "$work/m.snn" $data/test_images.npy
holds "no accuracy without labels" '"accuracy": *null'
good "host --no-iat" $host --no-iat --json "$work/m.snn" $files
within "all timesteps" "$(number timesteps_mean)" 4 4
good "host --limit" $host --limit 7 --json "$work/m.snn" $files
within "seven images" "$(number images)" 7 7
good "host --top" $host --top 3 --limit 2 "$work/m.snn" $data/test_images.npy
good "board list" $host --board list
holds "the list has the CPU" 'cpu'
good "files" $host --report "$work/r.html" --spikes "$work/s.csv" --output "$work/o.npy" --limit 20 \
    "$work/m.snn" $files
for file in r.html s.csv o.npy; do
    if [ -s "$work/$file" ]; then pass; else fail "$file was not written"; fi
done
if grep -qE 'https?://' "$work/r.html" && grep -qE '(src|href)="?http' "$work/r.html"; then
    fail "the report needs the network"
else pass; fi

# ---- What is said of the samples must fit the network
printf 'zero\none\n' >"$work/names"
bad "too few class names" "2 names, but the network has 10 classes" $convert --classes "$work/names" -o "$work/n.snn"
bad "BGR of one channel" "--bgr needs 3 channels" $convert --bgr -o "$work/n.snn"
head -c 2048 /dev/zero | tr '\0' '\12' | npy '256,' '<i8' >"$work/ten.npy"
bad "a label too large" "classes" $convert --calib-limit 256 --calib-labels "$work/ten.npy" -o "$work/n.snn"
if [ -e "$work/n.snn" ]; then fail "a model was left"; else pass; fi

# ---- Tasks
bad "no such task" "not 'guess'" $quick --task guess -o "$work/n.snn"
bad "a task that the outputs cannot be" "[N,classes+4,H,W]" $quick --task detect -o "$work/n.snn"
if [ -e "$work/n.snn" ]; then fail "a model was left"; else pass; fi
good "convert --task" $quick --task classify -o "$work/c.snn"
good "info of a task" "$bin/adafire-info" "$work/c.snn"
holds "the task is in the model" 'task: classify'
holds "its classes" '4 timesteps, 10 classes'
good "a task's JSON" $host --json --limit 3 "$work/c.snn" $data/test_images.npy
holds "the task is in the JSON" '"task": "classify"'
bad "boxes of a classifier" "--boxes needs a detector" $host --boxes "$work/b.json" "$work/m.snn" $data/test_images.npy
bad "classes drawn" "cannot be drawn" $host --draw "$work/d" "$work/m.snn" $data/test_images.npy
bad "a classifier as detector" "[N,classes+4,H,W]" $host --task detect "$work/m.snn" $data/test_images.npy \
    --boxes "$work/b.json"
if ls "$work"/b.json* >/dev/null 2>&1; then fail "boxes of a failed run are left"; else pass; fi

bad "recordings for frames" "--events" $convert --exit-recordings nosuch.npy -o "$work/n.snn"

# ---- The network as it is
good "convert --ann" "$bin/adafire-convert" $data/model.onnx --ann $data/test_images.npy --scale 1/16 -o "$work/ann.npy"
good "its outputs as a reference" $host --json --no-iat "$work/m.snn" $data/test_images.npy --reference "$work/ann.npy"
ours=$(number agreement)
good "the stored reference" $host --json --no-iat "$work/m.snn" $data/test_images.npy --reference $data/ann_logits.npy
if [ "$ours" = "$(number agreement)" ]; then pass; else fail "--ann: agreement $ours"; fi
bad "both" "exclude each other" $convert --ann $data/test_images.npy -o "$work/none.npy"
bad "--ann, wrong shape" "model wants" "$bin/adafire-convert" $data/model.onnx --ann $data/test_labels.npy \
    -o "$work/none.npy"
if ls "$work"/none.npy* >/dev/null 2>&1; then fail "a failed run left outputs"; else pass; fi

# ---- Several outputs: the digits' features first, by a graph in front that becomes one with the file's
features=/Flatten_output_0
{ printf '\072\037\142\035\012\021%s\022\010\012\006\010\001\022\002\012\000' $features; cat $data/model.onnx; } \
    >"$work/two.onnx"
two="$bin/adafire-convert $work/two.onnx --calib $data/calib_images.npy --scale 1/16"
good "two outputs" $two --json -o "$work/two.snn"
holds "which one answers is said" "of the outputs $features \[64\], logits \[10\], 'logits' is taken for the answers"
good "the ANN's two outputs" "$bin/adafire-convert" "$work/two.onnx" --ann $data/test_images.npy --scale 1/16 -o "$work/two.npy"
good "two outputs run" $host --json "$work/two.snn" $data/test_images.npy --labels $data/test_labels.npy --reference "$work/two.npy"
within "accuracy of the second output" "$(number accuracy)" 0.98 1
within "agreement with both outputs' file" "$(number agreement)" 0.98 1
holds "host says which one answers" "'logits' is taken"
good "the logits alone as a reference" $host --json "$work/two.snn" $data/test_images.npy --reference $data/ann_logits.npy
within "agreement with the logits" "$(number agreement)" 0.98 1
good "--top of two outputs" $host --top 1 "$work/two.snn" $data/test_images.npy
good "features answer" $two -q --answers $features -o "$work/f.snn"
good "info names what answers" "$bin/adafire-info" "$work/f.snn"
holds "info names what answers" "answers: $features"
bad "no such output" "no output is called 'logit'; there are $features [64], logits [10]" $two --answers logit -o "$work/none.snn"
bad "one output for boxes" "boxes are made of all outputs" $two --answers logits --task detect -o "$work/none.snn"

# ---- One output: two classes by its sign
one=tests/data/binary
binary="$bin/adafire-convert $one/model.onnx --calib $one/samples.npy"
good "one output" $binary --json -o "$work/one.snn"
holds "one output is said to be classes" "the single output 'y' is taken for two classes by its sign"
within "agreement by the sign" "$(number agreement)" 0.95 1
for board in cpu csim; do
    good "one output on $board" $host --json --board $board "$work/one.snn" $one/samples.npy --labels $one/labels.npy -o "$work/$board.npy"
    within "accuracy by the sign on $board" "$(number accuracy)" 0.85 0.95
    within "early exit of one output on $board" "$(number timesteps_mean)" 1 2
done
same "one output, one value" "$work/cpu.npy" "$work/csim.npy"
if [ "$(wc -c <"$work/cpu.npy")" = $((128 + 4 * 120)) ]; then pass; else fail "not one value a sample"; fi
good "--iat off is for a number" $binary --json --iat off -o "$work/number.snn"
holds "a number is said to be one" "taken for a number"
good "labels make classes" $binary --json --iat off --calib-labels $one/labels.npy -o "$work/labelled.snn"
within "accuracy on calibration samples" "$(number accuracy)" 0.85 0.95
if grep -q "taken for" "$work/out"; then fail "a note on what labels tell"; else pass; fi

# ---- Searched for a goal
sops() { # GOAL NAME...
    goal=$1
    shift
    good "least $goal" "$bin/adafire-convert" $data/model.onnx --calib $data/calib_images.npy --scale 1/16 --json \
        "$@" -o "$work/o.snn"
    number exit_spike_sops_mean >"$work/$goal.spikes"
    number exit_sops_mean >"$work/$goal.events"
    within "expected loss of least $goal" "$(number expected_loss)" 0 0.005
}
sops latency --optimize latency
within "timesteps of least latency" "$(number timesteps_mean)" 1 1.02
case $bin in
*tsan) ;; # minutes, for threads that the search for latency has too
*)
    sops events --optimize events -t 3
    within "timesteps of least events" "$(number timesteps)" 1 3
    sops spikes --optimize spikes -t 3
    within "spikes of least spikes" "$(cat "$work/spikes.spikes")" 0 "$(awk '{ print 0.4 * $1 }' "$work/latency.spikes")"
    within "events of least events" "$(cat "$work/events.events")" 0 "$(awk '{ print 0.97 * $1 }' "$work/latency.events")"
    good "info of a search" "$bin/adafire-info" "$work/o.snn"
    holds "what it was optimized for" 'for spikes at 0.5 points'
    ;;
esac
bare="$convert --effort 0 --signed off --burst-initial 4 --iat off --json"
good "without compression" $bare -o "$work/o.snn"
plain=$(number spikes_mean) operations=$(number sops_mean)
good "compressed by half a point" $bare --ssc 0.5p -o "$work/o.snn"
within "spikes of half a point" "$(number spikes_mean)" 0 "$(echo "$plain" | awk '{ print 0.75 * $1 }')"
good "its own rounding and initial potentials" $bare --rounding nearest --initial 0.3 -o "$work/o.snn"
within "spikes from lower initial potentials" "$(number spikes_mean)" 0 "$(echo "$plain" | awk '{ print 0.99 * $1 }')"
good "info of these" "$bin/adafire-info" "$work/o.snn"
holds "how it was converted" 'initial potential 0.3, .*rounding nearest'
bad "a potential above the threshold" "--initial" $convert --initial 1.5 -o "$work/none.snn"
good "a third of the operations left out" $bare --prune 0.33 -o "$work/o.snn"
within "operations that are left" "$(number sops_mean)" "$(echo "$operations" | awk '{ print 0.55 * $1 }')" "$(echo "$operations" | awk '{ print 0.8 * $1 }')"
good "info of what is left" "$bin/adafire-info" "$work/o.snn"
holds "what was left out" 'rounding feedback, prune 0.33'
bad "all left out" "--prune" $convert --prune 1 -o "$work/none.snn"
bad "left out with nothing to make up for it" "feedback" $convert --prune 0.1 --rounding nearest -o "$work/none.snn"
bad "another rounding" "nearest, feedback" $convert --rounding up -o "$work/none.snn"
bad "another goal" "latency, spikes, events" $convert --optimize speed -o "$work/none.snn"
bad "no points" "--ssc" $convert --ssc xp -o "$work/none.snn"

# ---- Event recordings and boxes of real networks, where there are any
skipped=0
events=../shared/data/nmnist
if [ -e $events/model.onnx ]; then
    stream=$events/test_events.npy@$events/test_event_offsets.npy
    digits="$bin/adafire-convert $events/model.onnx --events --event-frames 3 --calib $events/calib_images.npy
        --calib-limit 120 --effort 0"
    good "a network of events" $digits -o "$work/e.snn"
    if grep -q "early exit is off.*--exit-recordings" "$work/err"; then pass; else fail "no note on early exit"; fi
    good "limits from recordings" $digits --exit-recordings $stream --tolerance 3 -q -o "$work/e.snn"
    good "the ANN's frames" "$bin/adafire-convert" $events/model.onnx --ann $events/test_images.npy -q -o "$work/frames.npy"
    good "a stream" $host --json "$work/e.snn" $stream --labels $events/test_event_labels.npy \
        --reference "$work/frames.npy" --report "$work/e.html"
    within "the ANN's recordings, as sums over frames" "$(number ann_accuracy)" 1 1
    within "accuracy of recordings" "$(number accuracy)" 0.97 1
    within "timesteps of recordings" "$(number timesteps_mean)" 1 3.5
    good "a goal of a network of events" $digits --exit-recordings $stream --exit-limit 20 --optimize latency -t 4 \
        --tolerance 3 --json -o "$work/n.snn"
    within "timesteps of three frames at least" "$(number timesteps)" 3 4
    within "expected loss of frames" "$(number expected_loss)" 0 0.03
    good "a goal without recordings" $digits --calib-limit 20 --optimize latency -t 3 --tolerance 20 -o "$work/n.snn"
    if [ "$(grep -c "early exit is off" "$work/err")" = 1 ]; then pass; else fail "not the note of the best one alone"; fi
    bad "frames instead of recordings" "no event recording" $digits -q --exit-recordings $events/test_images.npy -o "$work/n.snn"
else
    echo "skip: $events is not here"
    skipped=$((skipped + 1))
fi
good "a check" "$bin/adafire-convert" --check $data/model.onnx --json
holds "what is in it" '"operators": {"Conv": 4, "BatchNormalization": 4, "Relu": 3'
holds "what it would be" '"converts": true, .*"name": "logits", "kind": "output", "shape": \[10, 1, 1\], "neurons": 10, "weights": 640'
holds "what holds it" '"sim": {"fits": true}, "u250": {"fits": true}, "ulx3s": {"fits": true}, "tiny": {"fits": false, "why_not": "population ./Relu. fires bursts of up to 63, this build of up to 15 .convert it with --fit tiny'
good "a check with options" "$bin/adafire-convert" --check $data/model.onnx --fit tiny
holds "which fits now" 'build tiny .small FPGAs on USB.'
good "a check of bursts" "$bin/adafire-convert" --check $data/model.onnx --signed off --burst-initial 16
holds "which not all fire" 'not tiny: population ./Relu. fires bursts of up to 16'
printf '\010\010\102\002\020\015\072\036\012\017\012\001x\022\001y\042\003Foo\072\002my\022\001g\132\003\012\001x\142\003\012\001y' >"$work/foreign.onnx"
"$bin/adafire-convert" --check "$work/foreign.onnx" --json >"$work/out"
if [ $? = 1 ]; then pass; else fail "a check of a foreign operator"; fi
holds "a foreign operator as JSON" '^\{"network": .*"converts": false, "why_not": "node .*Foo.*, "notes": \[\]\}$'
bad "a check for a build that is none" "'huge' is no build" "$bin/adafire-convert" --check $data/model.onnx --fit huge
bad "a check with an output" "writes nothing" "$bin/adafire-convert" --check $data/model.onnx -o "$work/n.snn"
bad "a check of nothing" "No such file" "$bin/adafire-convert" --check "$work/none.onnx"
front="$bin/adafire-convert $data/model.onnx --calib $data/calib_images.npy --scale 1/16 --calib-limit 40 --effort 0 -t 2"
good "a front" $front --front "$work/front.json"
holds "what nothing beats" 'T +phi +early exit +as the ANN'
for key in samples timesteps burst early_exit best match timesteps_mean energy_uj_event energy_uj_ann; do
    if grep -q "\"$key\":" "$work/front.json"; then pass; else fail "no $key in a front"; fi
done
if [ "$(grep -o '"timesteps": 1' "$work/front.json" | wc -l)" = 4 ] && grep -q '"early_exit": true' "$work/front.json" &&
    ! grep -q '"timesteps": 4' "$work/front.json"; then pass; else fail "other settings than asked for"; fi
good "a front as a page" $front -q --front "$work/front.html"
if grep -q '<circle class=best' "$work/front.html" && grep -q '</html>' "$work/front.html"; then pass; else fail "no page"; fi
bad "a front and a model" "--front takes --calib" $front --front "$work/f.html" -o "$work/f.snn"
bad "a front of nothing" "--front takes --calib" "$bin/adafire-convert" $data/model.onnx --front "$work/f.html"
bad "a front that cannot be written" "/nonexistent/f.html" $front --front /nonexistent/f.html
if [ -e ../shared/data/mnist/model.onnx ]; then
    good "a check of a network that may be wide" "$bin/adafire-convert" --check ../shared/data/mnist/model.onnx
    holds "which build holds it" 'build u250 .a tile'
else
    echo "skip: ../shared/data/mnist is not here"
    skipped=$((skipped + 1))
fi
codes=../shared/data/qdq
if [ -e $codes/mnist_u8.onnx ]; then
    for kind in u8 qcdq4; do
        good "a quantised network, $kind" "$bin/adafire-convert" $codes/mnist_$kind.onnx --calib $codes/mnist_calib_images.npy --scale 1/255 \
            --mean 0.1307 --std 0.3081 --json -o "$work/codes.snn"
        holds "a burst is a code" 'a quantised network: a burst is a code'
        within "timesteps of a quantised network, $kind" "$(number timesteps)" 1 1
        cp "$work/codes.snn" "$work/calibrated.snn"
        good "a quantised network without samples, $kind" "$bin/adafire-convert" $codes/mnist_$kind.onnx --scale 1/255 \
            --mean 0.1307 --std 0.3081 --json -o "$work/codes.snn"
        holds "nothing was measured" '"samples": 0, .*"spikes_mean": null'
        good "codes run, $kind" $host --json "$work/codes.snn" $codes/mnist_test_images.npy --labels $codes/mnist_test_labels.npy
        within "accuracy of a quantised network, $kind" "$(number accuracy)" 0.991 0.991
    done
    good "what is no codes, without samples" "$bin/adafire-convert" $codes/mnist_qcdq4.onnx --scale 1/255 --mean 0.1307 --std 0.3081 \
        --fit tiny --json -o "$work/codes.snn"
    holds "whole numbers without samples" 'taken for whole numbers'
    good "codes that are too large" "$bin/adafire-convert" --check $codes/mnist_u8.onnx --fit u250 --json
    holds "which build is too small" 'the build u250 does not hold this quantised network: its codes go to 255'
else
    echo "skip: $codes is not here"
    skipped=$((skipped + 1))
fi
# ---- Recordings
printf '%% Data file containing CD events\n%% Version 2\n%% Width 640\n%% Height 480\n\014\010' >"$work/cut.dat"
printf '\144\0\0\0\003\300\0\020\310\0\0\0\177\0\0\0\1\2' >>"$work/cut.dat" # 100 us: 3, 3, on; 200 us: 127, 0
good "info of a recording" "$bin/adafire-info" "$work/cut.dat"
holds "a recording's format" ': DAT, 2.* events'
holds "a recording that was cut" 'note .*cut off: the last 2 bytes are no whole event'
good "info --json of a recording" "$bin/adafire-info" "$work/cut.dat" --json --events "$work/cut.npy"
holds "a recording as JSON" '"format": "DAT", "events": 2, "first_us": 100, "last_us": 200, "span_us": 100, "width": 640, "height": 480, "size_from": "file"'
printf '\144\0\0\0\0\0\0\0\3\0\3\0\1\310\0\0\0\0\0\0\0\177\0\0\0\0' >"$work/records"
tail -c 26 "$work/cut.npy" | cmp -s - "$work/records" && [ "$(wc -c <"$work/cut.npy")" = 218 ] && pass || fail "events as records"
good "records are a recording" "$bin/adafire-info" "$work/cut.npy" --json
holds "records as a recording" '"format": "npy, fields x, y, t, p", "events": 2, "first_us": 100, "last_us": 200'
bad "no recording" "not a recording that is read" "$bin/adafire-info" "$0"
bad "events of a model" "a model holds no events" "$bin/adafire-info" "$work/m.snn" --events "$work/none.npy"
bad "events in place of the recording" "is read as well" "$bin/adafire-info" "$work/cut.dat" --events "$work/cut.dat"
printf '0.1 1 2 1\n0.2 1 2 1\n0.3 1 x 1\n0.4 1 2 1\n' >"$work/bad.txt"
bad "a recording that is damaged" "bad.txt: line 3 is no event" "$bin/adafire-info" "$work/bad.txt" --events "$work/none.npy"
ls "$work" | grep -q '^none.npy' && fail "a part of the events is left" || pass
for i in 0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15; do # the same on a sensor of 16x16 and on one of 8x8
    echo "0.00$((1000 + 100 * i)) $i $((i * 5 % 16)) 1" >>"$work/large.txt"
    echo "0.00$((1000 + 100 * i)) $((i / 2)) $((i * 5 % 16 / 2)) 1" >>"$work/small.txt"
done
good "a model of recordings" $quick --events --counting "sensor 16x16 fit window 1" -o "$work/fit.snn"
good "how it counts" "$bin/adafire-info" "$work/fit.snn"
holds "how it counts is in the model" 'counting: sensor 16x16 fit window 1'
good "counted as the model says" $host "$work/fit.snn" "$work/large.txt" -o "$work/large.npy"
good "a model of small recordings" $quick --events --counting "merge window 1" -o "$work/fit.snn"
good "the same, small" $host "$work/fit.snn" "$work/small.txt" -o "$work/small.npy"
same "counted at its places" "$work/large.npy" "$work/small.npy"
good "a model of all of a recording" $quick --events --counting "merge" -o "$work/fit.snn"
good "all of it" $host "$work/fit.snn" "$work/small.txt" -o "$work/all.npy"
cmp -s "$work/all.npy" "$work/small.npy" && fail "a window is all of the recording" || pass
good "counted in another way" $host "$work/fit.snn" "$work/large.txt" --counting "sensor 16x16 fit window 1" -o "$work/other.npy"
same "counted as the command says" "$work/other.npy" "$work/large.npy"
bad "a sensor that is too large" "takes larger ones" $host "$work/fit.snn" "$work/large.txt"
bad "counting pictures" "--counting is for models of recordings" $host "$work/m.snn" $data/test_images.npy --counting fit
bad "counting without events" "--counting is for networks of events" $convert --counting fit -o "$work/none.snn"
bad "no way to count" "'fast' is no way to count events" $convert --events --counting fast -o "$work/none.snn"
recording=../shared/cases/event-tables
if [ -e $recording/plain.npy ] && command -v python3 >/dev/null; then
    good "a recording" $host --json $recording/ev.snn $recording/plain.npy
    holds "whose time runs forwards" '"notes": \[\]'
    python3 - $recording/plain.npy "$work/back.npy" <<'E'
import struct, sys
head, rows = open(sys.argv[1], "rb").read()[:128], bytearray(open(sys.argv[1], "rb").read()[128:])
for i in range(100, 200):  # a clock that was set back and forth
    struct.pack_into("<q", rows, 32 * i + 24, 0)
open(sys.argv[2], "wb").write(head + bytes(rows))
E
    good "a recording's outputs" $host $recording/ev.snn $recording/plain.npy -o "$work/plain.npy"
    for file in unix_us.npy float64.npy fortran.npy xytp_struct.npy txyp.npz polarity.npy a.dat; do
        good "a recording in another container" $host $recording/ev.snn $recording/$file -o "$work/other.npy"
        same "$file is plain.npy" "$work/other.npy" "$work/plain.npy"
    done
    bad "a recording without events" "a.raw: holds no events" $host $recording/ev.snn $recording/a.raw
    bad "a recording without a header" "a.aedat4: the AEDAT 4 header is damaged" $host $recording/ev.snn $recording/a.aedat4
    good "a clock that was set back" $host --json $recording/ev.snn "$work/back.npy"
    holds "a clock that was set back is said" 'the time runs backwards in 1 recording .*event 100'
else
    echo "skip: $recording is not here"
    skipped=$((skipped + 1))
fi
cells=../shared/data/detect_bccd
case $bin in *tsan) cells=none ;; esac # minutes with the thread sanitizer, for threads that the digits have too
if [ -e $cells/model.onnx ]; then
    printf '# cells\ndetect size 32\n' >"$work/cells.txt"
    printf 'RBC\nWBC\nPlatelets\n' >"$work/cells.names"
    good "a detector" "$bin/adafire-convert" $cells/model.onnx --calib $cells/calib_images.npy --calib-limit 8 \
        --mean 127.5 --std 64 -q --effort 0 -t 8 --task "$work/cells.txt" --classes "$work/cells.names" \
        -o "$work/cells.snn"
    goal="$bin/adafire-convert $cells/model.onnx --optimize latency -t 3 --tolerance 2 --json --calib $cells/calib_images.npy
        --calib-limit 4 --mean 127.5 --std 64 -o $work/n.snn"
    good "a goal of classes everywhere" $goal
    answers=$(number expected_loss)
    good "a goal of a detector" $goal --task "detect size 32"
    within "error of its maps" "$(number expected_loss)" 1e-6 0.02
    if [ "$(number expected_loss)" != "$answers" ]; then pass; else fail "a detector loses answers"; fi
    good "info of a detector" "$bin/adafire-info" "$work/cells.snn"
    holds "classes of boxes" 'boxes of 3 classes'
    good "boxes" $host --json --limit 6 "$work/cells.snn" $cells/test_images.npy --labels $cells/test_labels.npy \
        --reference $cells/ann_output.npy --boxes "$work/b.json" --draw "$work/drawn"
    map=$(number map50)
    within "mAP" "$map" 0.5 1
    within "mAP near the ANN's" "$map" "$(number ann_map50 | awk '{ print $1 - 0.06 }')" 1
    if grep -q '"label": "WBC", "score": 0\.' "$work/b.json"; then pass; else fail "no labelled box"; fi
    if [ "$(grep -c '"sample":' "$work/b.json")" = 6 ]; then pass; else fail "not the boxes of six samples"; fi
    if [ "$(ls "$work/drawn" | wc -l)" = 6 ]; then pass; else fail "not six drawings"; fi
    good "into folders that are made" $host --limit 1 --draw "$work/a/b/c" "$work/cells.snn" $cells/test_images.npy
    if [ "$(ls "$work/a/b/c" | wc -l)" = 1 ]; then pass; else fail "no drawing in a new folder"; fi
    bad "into a file as folder" "Not a directory" $host --limit 1 --draw "$work/cells.snn/a" "$work/cells.snn" $cells/test_images.npy
    good "a detector's report" $host --limit 4 "$work/cells.snn" $cells/test_images.npy --labels $cells/test_labels.npy \
        --report "$work/cells.html"
    if grep -q 'mAP@0.5</h2><b>[0-9]' "$work/cells.html"; then pass; else fail "no mAP in the report"; fi
    good "one drawing" $host --top 2 --limit 1 --draw "$work/one.png" "$work/cells.snn" $cells/test_images.npy
    holds "boxes in words" '1 WBC .* %'
    if [ -s "$work/one.png" ]; then pass; else fail "no drawing"; fi
    bad "one name for many" "name a folder" $host --draw "$work/two.png" --limit 2 "$work/cells.snn" $cells/test_images.npy
    bad "labels of another kind" "sample,class,x1,y1,x2,y2" $host "$work/cells.snn" $cells/test_images.npy \
        --labels $data/test_labels.npy
    good "as a map" $host --task segment --top 1 --limit 1 --draw "$work/map.png" "$work/cells.snn" $cells/test_images.npy
    holds "pixels in words" '% of the pixels'
else
    echo "skip: no detector ($cells)"
    skipped=$((skipped + 1))
fi

# ---- The accelerator's own source as a board
good "cpu outputs" $host --limit 20 -o "$work/cpu.npy" "$work/m.snn" $data/test_images.npy
for build in sim tiny; do
    good "csim, $build" $host --board csim --build $build --limit 20 -o "$work/csim.npy" "$work/m.snn" \
        $data/test_images.npy
    if cmp -s "$work/cpu.npy" "$work/csim.npy"; then pass; else fail "csim, $build, differs from cpu"; fi
    good "csim counts no adds" $host --board csim --build $build --limit 2 --json "$work/m.snn" $data/test_images.npy
    holds "they are not made up" '"adds_mean": *null.*"energy_uj_add": *null'
done
good "csim, events" $host --board csim --limit 2 --spikes "$work/csim.csv" "$work/m.snn" $data/test_images.npy
good "cpu, events" $host --limit 2 --spikes "$work/cpu.csv" "$work/m.snn" $data/test_images.npy
if [ "$(sort "$work/cpu.csv" | cksum)" = "$(sort "$work/csim.csv" | cksum)" ]; then pass; else fail "events differ"; fi
good "with signed bursts" $quick --fit tiny -o "$work/signed.snn"
bad "more signed bursts than tiny has room for" "convert it with --signed off" $host --board csim --build tiny \
    "$work/signed.snn" $data/test_images.npy
for build in tiny u250 ulx3s; do # which have little room for signed bursts, and are asked for none
    good "fit for $build" $convert --effort 0 --signed auto --fit $build -o "$work/auto.snn"
    good "what it has" "$bin/adafire-info" --json "$work/auto.snn"
    if grep -q '"signed": *true' "$work/out"; then fail "signed bursts, fit for $build"; else pass; fi
done
good "bursts as large as they may be" $quick -o "$work/large.snn"
bad "larger bursts than tiny fires" "bursts of up to 63, this build of up to 15 (convert it with --fit tiny)" \
    $host --board csim --build tiny "$work/large.snn" $data/test_images.npy
bad "no such build" "no build 'huge'" $host --board csim --build huge "$work/m.snn" $data/test_images.npy
bad "no such simulator" "no simulator of the build 'huge'" $host --board sim --build huge "$work/m.snn" \
    $data/test_images.npy
good "a report of a build that sends no events" $host --board csim --build tiny --limit 2 --report "$work/tiny.html" \
    --spikes "$work/csim.csv" --json "$work/m.snn" $data/test_images.npy
holds "whose events they are" 'the board does not send its events'
if [ "$(sort "$work/cpu.csv" | cksum)" = "$(sort "$work/csim.csv" | cksum)" ]; then pass; else fail "events of tiny differ"; fi
for part in "One sample: " "When samples stop"; do
    if grep -q "$part" "$work/tiny.html"; then pass; else fail "no $part in the report of tiny"; fi
done
# Samples of another scale: pictures of 0..16 as numbers of 0..1, and turned round.
scaled() { # NAME EXPRESSION
    python3 - $data/test_images.npy "$work/$1.npy" "$2" <<'E'
import struct, sys
raw = open(sys.argv[1], "rb").read()[128:]
head = "{'descr': '<f4', 'fortran_order': False, 'shape': (500, 1, 8, 8), }"
f = open(sys.argv[2], "wb")
f.write(b"\x93NUMPY\1\0v\0" + (head.ljust(117) + "\n").encode())
f.write(b"".join(struct.pack("<f", eval(sys.argv[3], {"x": x})) for x in raw))
E
}
if command -v python3 >/dev/null; then
    for kind in "ones x/16" "many x*16" "other 16-x"; do
        scaled ${kind% *} "${kind#* }"
        good "inputs $kind" $host --json "$work/m.snn" "$work/${kind% *}.npy"
        holds "a note on inputs $kind" 'the samples have values from 0 to [0-9]* .mean .*those that the model was made with from 0 to 16'
    done
    scaled right x
    good "inputs as they are" $host --json "$work/m.snn" "$work/right.npy"
    holds "no note on inputs as they are" '"notes": \[\]'
fi
good "options of other boards" $host --json --build tiny --devices 0 --timeout 5 --limit 1 "$work/m.snn" $data/test_images.npy
holds "options of other boards are named" '"--build means nothing to the board cpu", "--devices means .* cpu", "--timeout means'
bad "profile of cpu" "count their cycles" $host --profile --limit 1 "$work/m.snn" $data/test_images.npy
bad "profile of csim" "count their cycles" $host --board csim --profile --limit 1 "$work/m.snn" \
    $data/test_images.npy
if [ -f "$bin/adafire-sim-sim.so" ]; then
    sim="$host --board sim --limit 6"
    good "sim, threads" $sim -j3 -o "$work/sim.npy" "$work/m.snn" $data/test_images.npy
    good "cpu, six" $host --limit 6 -o "$work/cpu.npy" "$work/m.snn" $data/test_images.npy
    same "simulators side by side differ from cpu" "$work/cpu.npy" "$work/sim.npy"
    good "profile" $sim --profile "$work/m.snn" $data/test_images.npy
    holds "latency" 'latency  *[0-9.]* us at 200 MHz'
    holds "a population's cycles" '^  /Relu_1  *[0-9.k ]* [0-9.]* %'
    holds "a process" '^  neurons 3  *[0-9.]* %'
    good "profile as JSON" $sim --profile --json "$work/m.snn" $data/test_images.npy
    if python3 - "$work/out" <<'E'; then pass; else fail "the profile as JSON"; fi
import json, sys
run = json.load(open(sys.argv[1]))
p = run["profile"]
all = sum(row["cycles"] for row in p["populations"])
assert 0.9 * p["cycles_mean"] < all <= p["cycles_mean"] < run["cycles_mean"], all
assert [q["core"] for q in p["processes"] if q["name"] == "fetch"] == [0, 1, 2, 3]
assert abs(run["latency_us"] - run["cycles_mean"] / run["megahertz"]) < 1e-6
E
    good "report of sim" $sim --report "$work/sim.html" "$work/m.snn" $data/test_images.npy
    if grep -q 'Timeline of the cores' "$work/sim.html"; then pass; else fail "no timeline in the report"; fi
fi
bad "waveforms of cpu" "only the board sim has waveforms" $host --trace "$work/w.fst" "$work/m.snn" \
    $data/test_images.npy
if [ -f "$bin/adafire-waves-tiny.so" ]; then
    good "waveforms" $host --board sim --build tiny --trace "$work/w.fst:100-300" --limit 1 "$work/m.snn" \
        $data/test_images.npy
    # A waveform of these cycles: not empty, and far from all of them.
    size=$(wc -c <"$work/w.fst")
    if [ "$size" -gt 1000 ] && [ "$size" -lt 200000 ]; then pass; else fail "waveform of $size bytes"; fi
    for wrong in :5-2 :x-y "$work/w.fst:7" "$work/none/w.fst"; do
        bad "waveform $wrong" "$wrong" $host --board sim --build tiny --trace "$wrong" "$work/m.snn" \
            $data/test_images.npy
    done
fi

# ---- What is no plain file is written to, never replaced
mkfifo "$work/pipe"
cat "$work/pipe" >"$work/piped.snn" &
good "into a pipe" $convert --calib-labels $data/calib_labels.npy -o "$work/pipe"
wait
ln -s linked.snn "$work/link"
touch "$work/linked.snn"
good "through a link" $convert --calib-labels $data/calib_labels.npy -o "$work/link"
if [ -p "$work/pipe" ] && [ -s "$work/piped.snn" ]; then pass; else fail "the pipe was replaced"; fi
if [ -L "$work/link" ] && [ -s "$work/linked.snn" ]; then pass; else fail "the link was replaced"; fi
cat "$work/pipe" >/dev/null &
bad "outputs into a pipe" "cannot be written" $host -o "$work/pipe" --limit 2 "$work/m.snn" \
    $data/test_images.npy
wait

# ---- The same whatever the threads and batches
good "one thread" $convert --threads 1 --calib-labels $data/calib_labels.npy -o "$work/m1.snn"
good "three threads" $convert --threads 3 --calib-labels $data/calib_labels.npy -o "$work/m3.snn"
cp "$work/m.snn" "$work/keep.snn"
for other in m1 m3; do
    "$bin/adafire-host" -q --no-iat -j 1 -o "$work/$other.npy" "$work/$other.snn" $data/test_images.npy \
        >/dev/null
done
if cmp -s "$work/m1.npy" "$work/m3.npy"; then pass; else fail "threads change the model"; fi
good "batches of 1" $host --batch 1 -j 1 --spikes "$work/s1.csv" -o "$work/b1.npy" --limit 50 \
    "$work/m.snn" $data/test_images.npy
good "batches of 7" $host --batch 7 -j 3 --spikes "$work/s7.csv" -o "$work/b7.npy" --limit 50 \
    "$work/m.snn" $data/test_images.npy
if cmp -s "$work/b1.npy" "$work/b7.npy"; then pass; else fail "batches change the outputs"; fi
if cmp -s "$work/s1.csv" "$work/s7.csv"; then pass; else fail "batches change the events"; fi

# ---- Misuse of adafire-convert
out="$work/none.snn"
bad "no such model" "nosuch.onnx" "$bin/adafire-convert" nosuch.onnx --calib $data/calib_images.npy -o "$out"
bad "no such samples" "nosuch.npy" "$bin/adafire-convert" $data/model.onnx --calib nosuch.npy -o "$out"
bad "no calibration" "--calib" "$bin/adafire-convert" $data/model.onnx -o "$out"
bad "no output" "-o" "$bin/adafire-convert" $data/model.onnx --calib $data/calib_images.npy
bad "timesteps 0" "timesteps" $convert -t 0 -o "$out"
bad "timesteps text" "timesteps" $convert -t many -o "$out"
bad "a build that is none" "'huge' is no build to fit" $convert --fit huge -o "$out"
bad "burst 256" "burst" $convert --burst-initial 256 -o "$out"
bad "burst order" "burst" $convert --burst-initial 3 --burst-desired 5 -o "$out"
bad "std 0" "std" $convert --std 0 -o "$out"
bad "signed maybe" "--signed" $convert --signed maybe -o "$out"
bad "iat 7" "--iat" $convert --iat 7 -o "$out"
# What is written is refused before the work, if it cannot be or would destroy what is read.
cp $data/model.onnx "$work/own.onnx"
cp $data/test_images.npy "$work/own.npy"
ln -s own.npy "$work/link.npy"
bad "the network as output" "own.onnx is read as well" "$bin/adafire-convert" "$work/own.onnx" --calib $data/calib_images.npy \
    -o "$work/own.onnx"
bad "samples as output" "own.npy is read as well" $host "$work/m.snn" "$work/own.npy" -o "$work/own.npy"
bad "samples as output by a link" "is read as well" $host "$work/m.snn" "$work/own.npy" --spikes "$work/link.npy"
same "the network is left" $data/model.onnx "$work/own.onnx"
same "samples are left" $data/test_images.npy "$work/own.npy"
bad "one file for two" "two outputs" $host "$work/m.snn" "$work/own.npy" -o "$work/x" --report "$work/x"
bad "a folder as output" "Is a directory" $convert -o "$work"
bad "a full device" "No space left" $convert -o /dev/full
bad "labels of another split" "500 labels for 256 calibration samples" $convert --calib-labels $data/test_labels.npy -o "$out"
for launcher in "PMI_SIZE=4 PMI_RANK=1" MPI_LOCALNRANKS=4 "SLURM_STEP_NUM_TASKS=4 SLURM_PROCID=2" \
    "PMIX_RANK=0 SLURM_NTASKS=4"; do
    bad "started by $launcher" "one of 4 processes" env $launcher $host "$work/m.snn" $data/test_images.npy
done
bad "unwritable" "/nonexistent/" $quick -o /nonexistent/x.snn
npy "0, 1, 8, 8" "|u1" </dev/null >"$work/empty.npy"
bad "empty calibration set" "empty.npy" "$bin/adafire-convert" $data/model.onnx --calib "$work/empty.npy" -o "$out"
head -c 192 /dev/zero | npy "1, 3, 8, 8" "|u1" >"$work/three.npy"
bad "wrong channels" "three.npy" "$bin/adafire-convert" $data/model.onnx --calib "$work/three.npy" -o "$out"
head -c 20000 /dev/zero | npy "500, 1, 8, 8" "|u1" >"$work/short.npy"
bad "truncated samples" "short.npy" "$bin/adafire-convert" $data/model.onnx --calib "$work/short.npy" -o "$out"
npy "2147483648, 4096, 8, 8" "|u1" </dev/null >"$work/huge.npy"
bad "hostile sizes" "huge.npy" "$bin/adafire-convert" $data/model.onnx --calib "$work/huge.npy" -o "$out"
printf '\377\377\300\177%.0s' $(seq 64) | npy "1, 1, 8, 8" "<f4" >"$work/nan.npy"
bad "NaN samples" "nan.npy" "$bin/adafire-convert" $data/model.onnx --calib "$work/nan.npy" -o "$out"
bad "wrong labels" "calib_images" "$bin/adafire-convert" $data/model.onnx --calib $data/calib_images.npy \
    --calib-labels $data/calib_images.npy --scale 1/16 -o "$out"
head -c 3000 $data/model.onnx >"$work/cut.onnx"
bad "truncated model" "cut.onnx" "$bin/adafire-convert" "$work/cut.onnx" --calib $data/calib_images.npy -o "$out"
bad "not a model" "calib_images.npy" "$bin/adafire-convert" $data/calib_images.npy --calib $data/calib_images.npy -o "$out"
bad "a folder as model" "tests" "$bin/adafire-convert" tests --calib $data/calib_images.npy -o "$out"
if ls "$work"/none.snn* >/dev/null 2>&1; then fail "a failed conversion left a file"; else pass; fi

# ---- Misuse of adafire-host
bad "no such .snn" "nosuch.snn" $host nosuch.snn $data/test_images.npy
bad "no input" "--help" $host "$work/m.snn"
bad "an .onnx" "model.onnx" $host $data/model.onnx $data/test_images.npy
bad "an unknown board" "nosuchboard" $host --board nosuchboard "$work/m.snn" $data/test_images.npy
bad "too many timesteps" "timesteps" $host -t 5 "$work/m.snn" $data/test_images.npy
bad "wrong shape" "three.npy" $host "$work/m.snn" "$work/three.npy"
bad "wrong label count" "calib_labels" $host "$work/m.snn" $data/test_images.npy --labels $data/calib_labels.npy
bad "wrong reference" "test_images" $host "$work/m.snn" $data/test_images.npy --reference $data/test_images.npy
bad "report into nowhere" "/nonexistent/" $host --report /nonexistent/r.html "$work/m.snn" $data/test_images.npy
size=$(wc -c <"$work/m.snn")
for cut in 0 1 15 16 64 $((size / 2)) $((size - 1)); do
    head -c "$cut" "$work/m.snn" >"$work/cut.snn"
    bad "model cut to $cut bytes" "cut.snn" $host "$work/cut.snn" $data/test_images.npy
    bad "info, cut to $cut bytes" "cut.snn" "$bin/adafire-info" "$work/cut.snn"
done
cp "$work/m.snn" "$work/flip.snn"
printf '\125' | dd of="$work/flip.snn" bs=1 seek=$((size / 3)) conv=notrunc 2>/dev/null
bad "a changed byte" "flip.snn" $host "$work/flip.snn" $data/test_images.npy
if ls "$work"/*.snn.* >/dev/null 2>&1; then fail "temporary files are left"; else pass; fi

# ---- Interrupted: nothing half-written
timeout -s INT 0.3 "$bin/adafire-convert" $data/model.onnx --calib $data/calib_images.npy --scale 1/16 \
    -t 256 -q -o "$work/interrupted.snn" >/dev/null 2>&1
if ls "$work"/interrupted.snn* >/dev/null 2>&1; then fail "Ctrl-C left a file"; else pass; fi

# interrupted SIGNAL COMMAND...: sent when the command has begun to write into $work/in
interrupted() {
    signal=$1
    shift
    rm -rf "$work/in"
    mkdir "$work/in"
    env --default-signal=INT "$@" >"$work/out" 2>"$work/err" </dev/null &
    pid=$!
    until [ "$(ls "$work/in")" ]; do kill -0 $pid 2>/dev/null || break; done
    kill -s "$signal" $pid
    wait $pid
    status=$?
    if [ $status -gt 128 ] && [ -z "$(ls "$work/in")" ]; then pass
    else
        ls "$work/in"
        fail "SIG$signal to $1 (status $status)"
    fi
}
many="$data/test_images.npy $data/test_images.npy $data/test_images.npy $data/test_images.npy"
for signal in INT TERM HUP; do
    interrupted $signal $host --board csim "$work/m.snn" $many -o "$work/in/o.npy" --spikes "$work/in/s.csv"
done
interrupted INT "$bin/adafire-convert" $data/model.onnx --ann $many $many $many $many $many $many $many $many \
    --scale 1/16 -o "$work/in/ann.npy"

# ---- A closed pipe: what was being written is gone, and the status tells
rm -rf "$work/in"
mkdir "$work/in"
{
    $host --top 1 "$work/m.snn" $many $many $many $many -o "$work/in/o.npy" --spikes "$work/in/s.csv" 2>/dev/null
    echo $? >"$work/status"
} | head -n 1 >/dev/null
if [ "$(cat "$work/status")" -gt 128 ] && [ -z "$(ls "$work/in")" ]; then pass; else fail "a closed pipe"; fi
{
    env --ignore-signal=PIPE $host --json "$work/m.snn" $data/test_images.npy 2>"$work/err"
    echo $? >"$work/status"
} | true
if [ "$(cat "$work/status")" = 2 ] && grep -q "standard output" "$work/err"; then pass
else fail "a closed pipe whose signal is ignored"; fi
if [ -w /dev/full ]; then
    "$bin/adafire-info" "$work/m.snn" >/dev/full 2>"$work/err"
    if [ $? = 2 ] && grep -q "standard output" "$work/err"; then pass; else fail "a full disk"; fi
fi

finish "$skipped"
