#!/bin/sh
# What continuous integration asks of a run: --expect, --baseline, --junit, their exit statuses, and
# the steps of the GitHub Action and of the GitLab job.
set -u
. tests/check.sh
bin=$ADAFIRE_BUILD data=tests/data/digits
host="$bin/adafire-host -q"
files="$data/test_images.npy --labels $data/test_labels.npy --limit 50"

# ends STATUS NAME COMMAND...
ends() {
    wanted=$1 name=$2
    shift 2
    "$@" >"$work/out" 2>"$work/err" </dev/null
    status=$?
    if [ $status = "$wanted" ]; then pass; else fail "$name (status $status, wanted $wanted)"; fi
}
# refused NAME TEXT COMMAND...: status 2, one line, which holds TEXT.
refused() {
    name=$1 text=$2
    shift 2
    ends 2 "$name" "$@"
    sed -i "/^==.*ASan doesn't fully support/d" "$work/err" # of csim's processes
    if [ "$(wc -l <"$work/err")" = 1 ] && grep -qF -- "$text" "$work/err"; then pass; else fail "$name: not one line with '$text'"; fi
}
says() { # NAME FILE TEXT
    if grep -qF -- "$3" "$2"; then pass; else fail "$1: no '$3'"; fi
}
lines() { # NAME FILE COUNT
    if [ "$(wc -l <"$2")" = "$3" ]; then pass; else fail "$1: $(wc -l <"$2") lines, not $3"; fi
}
absent() {
    if ls "$work"/"$1"* >/dev/null 2>&1; then fail "$1 is left"; else pass; fi
}

good convert "$bin/adafire-convert" $data/model.onnx --calib $data/calib_images.npy --scale 1/16 --fit tiny \
    --effort 0 -q -o "$work/m.snn"
run="$host $work/m.snn $files"

# ---- Bounds
ends 0 "bounds that hold" $run --expect 'accuracy>=0.9, timesteps_mean<=4,energy_uj_event < 1' --expect 'images==50'
lines "and nothing is said" "$work/err" 0
ends 3 "bounds that do not" $run --expect 'accuracy>=0.9, accuracy>1, energy_uj_event<=0'
lines "a line for each" "$work/err" 2
says "what it is" "$work/err" 'expected > 1'
ends 3 "just below" $run --expect 'images>50'
ends 3 "just above" $run --expect 'images<50'
ends 0 "at the bound" $run --expect 'images<=50, images>=50'
ends 3 "with JSON" $run --json --expect 'images==51'
says "JSON tells it" "$work/out" '"checks": [{"name": "images==51", "held": false, "told": "images is 50, expected == 51"}]'
# Before the run: the samples are not even there.
for text in 'acuracy>=0.9' 'accuracy' 'accuracy>=' 'accuracy=>0.9' 'accuracy>=0.9,' '>=3' '' 'accuracy>=nan' 'accuracy>=0.9 images==1'; do
    refused "'$text'" "--expect" $host "$work/m.snn" "$work/nothing.npy" --expect "$text"
done
refused "a typo" "did you mean accuracy?" $host "$work/m.snn" "$work/nothing.npy" --expect 'acuracy>=0.9'
refused "no cycles on the CPU" "the board cpu counts no cycles" $host "$work/m.snn" "$work/nothing.npy" --expect 'cycles_mean<5'
refused "no boxes in classes" "the task is to classify" $host "$work/m.snn" "$work/nothing.npy" --expect 'map50>0.5'
refused "no labels" "accuracy has no value" $host "$work/m.snn" $data/test_images.npy --limit 5 --expect 'accuracy>=0.5'

# ---- JUnit
ends 3 "JUnit" $run --expect 'accuracy>=0.9, accuracy>1' --junit "$work/j.xml"
cat >"$work/junit.py" <<'P'
import sys, xml.etree.ElementTree as tree
suite = tree.parse(sys.argv[1]).getroot().find("testsuite")
cases = suite.findall("testcase")
assert int(suite.get("tests")) == len(cases), "tests"
assert int(suite.get("failures")) == len(suite.findall("testcase/failure")), "failures"
for case in cases:
    failure = case.find("failure")
    print(case.get("name"), "held" if failure is None else failure.get("message"))
P
good "JUnit is XML" python3 "$work/junit.py" "$work/j.xml"
says "one held" "$work/out" 'accuracy>=0.9 held'
says "one did not" "$work/out" 'expected > 1'
awkward="$work/<a&\"b'$(printf '\351').snn"
cp "$work/m.snn" "$awkward"
ends 0 "an awkward name" $host "$awkward" $files --expect 'images==50' --junit "$work/k.xml"
good "is XML as well" python3 "$work/junit.py" "$work/k.xml"
refused "JUnit of nothing" "--junit" $run --junit "$work/n.xml"
refused "a run that fails" "accuracy has no value" $host "$work/m.snn" $data/test_images.npy --limit 5 \
    --expect 'accuracy>=0.5' --junit "$work/n.xml"
absent n.xml
refused "JUnit over the model" "m.snn" $run --expect 'images==50' --junit "$work/m.snn"
refused "JUnit nowhere" "$work/no/j.xml" $run --expect 'images==50' --junit "$work/no/j.xml"

# ---- A baseline
good "an earlier run" $run --json
cp "$work/out" "$work/base.json"
ends 0 "as before" $run --baseline "$work/base.json"
says "the table" "$work/out" 'baseline            now       change'
# changed KEY FACTOR: the baseline, with a figure of KEY times FACTOR.
changed() {
    python3 - "$work/base.json" "$1" "$2" >"$work/changed.json" <<'P'
import json, sys
base = json.load(open(sys.argv[1]))
base[sys.argv[2]] *= float(sys.argv[3])
json.dump(base, sys.stdout)
P
}
changed energy_uj_event 0.98
ends 3 "2 % more energy" $run --baseline "$work/changed.json" --junit "$work/b.xml"
lines "one breach" "$work/err" 1
says "by how much" "$work/err" '(+2.04 %; tolerance 0 %)'
good "and as XML" python3 "$work/junit.py" "$work/b.xml"
says "the breach in it" "$work/out" '(+2.04 %; tolerance 0 %)'
ends 3 "less than that is tolerated" $run --baseline "$work/changed.json" --tolerance 2
ends 0 "that is tolerated" $run --baseline "$work/changed.json" --tolerance 2.1
changed energy_uj_event 1.02
ends 0 "less energy is well" $run --baseline "$work/changed.json"
says "and shown" "$work/out" '-1.96 %'
changed accuracy 1.02
ends 3 "less accuracy" $run --baseline "$work/changed.json" --json
says "the table beside JSON" "$work/err" 'worse'
if python3 -m json.tool "$work/out" >/dev/null; then pass; else fail "JSON with a baseline"; fi
changed images_per_second 100
ends 0 "speed is not judged" $run --baseline "$work/changed.json"
refused "other samples" "is of 50 samples, this run of 40" $host "$work/m.snn" $data/test_images.npy \
    --labels $data/test_labels.npy --limit 40 -q --json --baseline "$work/base.json"
refused "without labels" "cannot tell" $host "$work/m.snn" $data/test_images.npy --limit 50 --baseline "$work/base.json"
refused "another board" "on the board cpu, not on csim" $run --board csim --build tiny --baseline "$work/base.json"
refused "no baseline" "nothing.json" $run --baseline "$work/nothing.json"
for text in '' '[]' '{}' '{"board": 3}' '{"board": "cpu", "task": "classify"' '{"board":"cpu","task":"classify","images":null}'; do
    printf '%s' "$text" >"$work/bad.json"
    refused "a baseline of '$text'" "bad.json: is no baseline" $run --baseline "$work/bad.json"
done
refused "a tolerance of nothing" "--tolerance" $run --tolerance 3
refused "live" "not for live runs" $host "$work/m.snn" --live - --expect 'images>1'

# ---- Help
good help "$bin/adafire-host" --help
says "exit statuses are documented" "$work/out" 'Exit status: 0 well; 2'

# ---- The Action and the GitLab job, on the simulated accelerator: in a clone of the user's, without GitHub or GitLab
case $bin in */release) ;; *) finish ;; esac
python3 -c 'import yaml' 2>/dev/null || skip "no PyYAML, which reads the Action's steps"
user=$work/user
mkdir "$user"
cp $data/model.onnx "$user/digits.onnx"
cp $data/calib_images.npy "$user/calib.npy"
cp $data/test_images.npy $data/test_labels.npy "$user"
act() { # STATUS NAME INPUT=VALUE...
    wanted=$1 name=$2
    shift 2
    rm -f "$user/summary.md" "$user/output"
    ends "$wanted" "$name" python3 tests/cli/ci_steps.py action .github/actions/simulate/action.yml "$user" \
        model=digits.onnx "convert=--calib calib.npy --scale 1/16 --fit tiny --effort 0 -q" \
        samples=test_images.npy labels=test_labels.npy limit=20 "$@"
}
act 0 "the Action" "expect=accuracy>=0.9, cycles_mean<=200000"
says "its output" "$user/output" 'result=adafire.json'
if [ "$(python3 -c 'import json, sys; print(json.load(open(sys.argv[1]))["cycles_mean"] > 100)' "$user/adafire.json")" = True ]; then pass
else fail "the Action's run has no cycles"; fi
cp "$user/adafire.json" "$user/baseline.json"
act 0 "the Action with a baseline" baseline=baseline.json
says "the difference is shown" "$user/summary.md" 'baseline            now       change'
cp "$user/baseline.json" "$work/base.json"
changed cycles_mean 0.5
cp "$work/changed.json" "$user/baseline.json"
act 3 "the Action, twice as slow as its baseline" baseline=baseline.json
says "by how much" "$user/summary.md" '+100.00 %  worse'
says "an error on GitHub's page" "$work/out" '::error title=AdaFire::cycles_mean was'
good "JUnit of it" python3 "$work/junit.py" "$user/adafire.xml"
act 0 "and tolerated" baseline=baseline.json tolerance=101
act 2 "the Action without its baseline" baseline=nothing.json
act 2 "the Action with a typo" "expect=acuracy>1"
says "says what was meant" "$work/out" 'did you mean accuracy?'
cp "$work/base.json" "$user/baseline.json"
ln -s "$PWD" "$user/adafire"
job() { # STATUS NAME VARIABLE=VALUE...
    wanted=$1 name=$2
    shift 2
    ends "$wanted" "$name" python3 tests/cli/ci_steps.py gitlab tools/ci/gitlab.yml "$user" \
        "ADAFIRE_CI_CONVERT=--calib calib.npy --scale 1/16 --fit tiny --effort 0 -q" ADAFIRE_CI_LIMIT=20 "$@"
}
job 0 "the GitLab job"
says "it shows the difference" "$work/out" 'baseline            now       change'
job 3 "the GitLab job, too slow" "ADAFIRE_CI_EXPECT=cycles_mean<=5"
good "JUnit for GitLab" python3 "$work/junit.py" "$user/adafire.xml"
finish
