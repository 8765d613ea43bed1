#!/bin/sh
# mpirun -n N adafire-host: the same output and the same figures as one process, whatever the board;
# a rank that fails or is lost is named.
set -u
. tests/check.sh
seconds=100
bin=$(realpath "$ADAFIRE_BUILD") data=tests/data/digits
if ! command -v mpirun >/dev/null || [ ! -e "$bin/adafire-mpi.so" ]; then
    echo "skip: Open MPI is not installed, or not for this build"
    finish 1
fi
# More ranks than processors, and as root: in the words of Open MPI 4 and of 5.
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 OMPI_MCA_btl=self,vader,tcp \
    OMPI_MCA_rmaps_base_oversubscribe=1 PRTE_MCA_rmaps_default_mapping_policy=:oversubscribe
host="$bin/adafire-host -q"
good convert "$bin/adafire-convert" $data/model.onnx --calib $data/calib_images.npy --scale 1/16 -q \
    --effort 0 -o "$work/m.snn"
run="$work/m.snn $data/test_images.npy --labels $data/test_labels.npy --reference $data/ann_logits.npy"
figures() { # all but the speed
    sed 's/"images_per_second": [^,]*, //' "$work/out" >"$work/$1.json"
}
good "one process" $host $run --json --limit 101 -o "$work/one.npy"
figures one
for ranks in 2 4; do
    for batch in 101 7 2; do
        good "$ranks ranks, batch $batch" mpirun -n $ranks $host $run --json --limit 101 --batch $batch -o "$work/many.npy"
        figures many
        same "$ranks ranks, batch $batch: outputs" "$work/one.npy" "$work/many.npy"
        same "$ranks ranks, batch $batch: figures" "$work/one.json" "$work/many.json"
    done
done
good "report of one" $host $run --limit 9 --report "$work/one.html" --spikes "$work/one.csv"
good "report of two" mpirun -n 2 $host $run --limit 9 --report "$work/two.html" --spikes "$work/two.csv"
same "events" "$work/one.csv" "$work/two.csv"
if [ "$(grep -v 'a second\|per second\|/s' "$work/one.html" | cksum)" = "$(grep -v 'a second\|per second\|/s' "$work/two.html" | cksum)" ]
then pass; else fail "the reports differ"; fi

# ---- Ranks with cards of their own
if [ -x "$bin/xrt-emu" ] && [ -x "$bin/adafire-card-sim" ]; then
    good "two emulated cards" "$bin/xrt-emu" --deadline 60 --devices 2 mpirun -n 2 $host --board u250 $run --json --limit 101 \
        -o "$work/cards.npy"
    same "two emulated cards differ" "$work/one.npy" "$work/cards.npy"
    if [ "$(wc -l <"$work/out")" = 1 ] && grep -q '^{.*}$' "$work/out"; then pass
    else fail "standard output is not the JSON alone"; fi
    "$bin/xrt-emu" --deadline 60 mpirun -n 2 $host --board u250 $run >"$work/out" 2>"$work/err"
    if [ $? != 0 ] && grep -q 'adafire-host: rank 1: there is no u250:1; XRT finds 1' "$work/err"; then pass
    else fail "one card for two ranks"; fi
fi

# ---- What goes wrong names the rank
mpirun -n 3 sh -c "[ \$OMPI_COMM_WORLD_RANK != 2 ] || set -- /nowhere.snn; exec $host \${1:-$work/m.snn} $data/test_images.npy" \
    >"$work/out" 2>"$work/err"
if [ $? != 0 ] && grep -q 'adafire-host: rank 2: /nowhere.snn: No such file' "$work/err"; then pass
else fail "a rank without a model"; fi
serves() { # it has begun to: it ignores SIGTERM (bit 14)
    ignored=$(sed -n 's/^SigIgn:.*\(....\)$/\1/p' "/proc/$1/status" 2>/dev/null)
    [ "$ignored" ] && [ $((0x$ignored & 0x4000)) != 0 ]
}
spent() { # processor time, in ticks
    sed 's/.*) //' "/proc/$1/stat" 2>/dev/null | { read -r _ _ _ _ _ _ _ _ _ _ _ user system _ && echo $((user + system)); }
}
works() { # on samples: rank 0 does, too, and looks whether somebody is lost
    serves "$1" && begun=${begun:-$(spent "$1")} && [ "$(spent "$1")" -gt $((begun + 5)) ]
}
runs() { # still, and is not one that nobody has waited for yet
    grep -q '^State:.[^ZX]' "/proc/$1/status" 2>/dev/null
}
stands() {
    grep -q '^State:.T' "/proc/$1/status" 2>/dev/null
}
# How long mpirun leaves the others after it has asked them to end; more where a computer is busy.
export OMPI_MCA_odls_base_sigkill_timeout=10 PRTE_MCA_odls_base_sigkill_timeout=10
for ranks in 2 4; do
    rm -f "$work"/pid.*
    # Each says which process it is, in one piece, before it becomes adafire-host.
    mpirun -n $ranks sh -c "echo \$\$ >$work/pid.\$OMPI_COMM_WORLD_RANK.new &&
        mv $work/pid.\$OMPI_COMM_WORLD_RANK.new $work/pid.\$OMPI_COMM_WORLD_RANK &&
        exec $host --board csim $work/m.snn $data/test_images.npy $data/test_images.npy $data/test_images.npy --batch 1500 -o $work/lost.npy" \
        >"$work/out" 2>"$work/err" &
    mpi=$! begun=
    until [ -e "$work/pid.1" ] && lost=$(cat "$work/pid.1") && works "$lost"; do kill -0 $mpi || break; done
    kill -STOP "$lost" # so that it cannot be through before it is killed
    until stands "$lost"; do kill -0 "$lost" || break; done
    kill -KILL "$lost"
    wait $mpi
    if [ $? != 0 ] && grep -q "adafire-host: .*rank 1 .*lost" "$work/err"; then pass
    else fail "a lost rank of $ranks is not named"; fi
    if ls "$work"/lost.npy* >/dev/null 2>&1; then fail "a file is left"; else pass; fi
    for rank in "$work"/pid.*; do
        if runs "$(cat "$rank")"; then fail "${rank##*pid.} of $ranks ranks is left"; else pass; fi
    done
done
finish
