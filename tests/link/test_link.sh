#!/bin/sh
# The link to Alveo cards against a stand-in for XRT (fake_xrt.c): the path that a real card takes,
# faults that no emulation shows, and that every handle is closed whatever happens.
set -u
. tests/check.sh
bin=$ADAFIRE_BUILD data=tests/data/digits fake=$ADAFIRE_BUILD/tests/fake_xrt
# on STATUS NAME TEXT RESETS COMMAND...: its status, TEXT on standard error, nothing left open.
on() {
    wanted=$1 name=$2 text=$3 resets=$4
    shift 4
    rm -f "$work/log"
    LD_LIBRARY_PATH=$fake/lib XILINX_XRT=$fake FAKE_XRT_LOG=$work/log "$@" >"$work/out" 2>"$work/err" </dev/null
    status=$?
    if [ $status = "$wanted" ] && { [ -z "$text" ] || grep -qF -- "$text" "$work/err"; }; then pass
    else fail "$name (status $status, wanted $wanted and '$text')"; fi
    if [ ! -e "$work/log" ] || grep -q "^open 0, .* resets $resets\$" "$work/log"; then pass
    else fail "$name: handles left open, or not $resets resets"; fi
}

host="$bin/adafire-host -q"
"$bin/adafire-convert" $data/model.onnx --calib $data/calib_images.npy --scale 1/16 -q --effort 0 \
    --ssc off -o "$work/m.snn" || fail convert
# As v++ would link it, but for the bitstream: not for emulation.
"$bin/adafire-xclbin" --ports "$fake/kernel.ports" --card -o "$work/card.xclbin" || fail xclbin
"$bin/adafire-xclbin" --ports "$fake/kernel.ports" -o "$work/emulation.xclbin" || fail xclbin
samples="$work/m.snn $data/test_images.npy --limit 50"
run="$host --bitstream $work/card.xclbin $samples --board"
$host $samples -o "$work/cpu.npy" >/dev/null
$host $samples --limit 2 --no-iat --spikes "$work/cpu.csv" >/dev/null

on 0 "a card" "" 0 $run u250 -o "$work/a.npy"
same "a card differs from cpu" "$work/cpu.npy" "$work/a.npy"
on 0 "by number" "" 0 $run u250:1 -o "$work/b.npy"
same "by number" "$work/cpu.npy" "$work/b.npy"
on 0 "by address" "" 0 $run u250:0000:03:00.1 -o "$work/c.npy"
same "by address" "$work/cpu.npy" "$work/c.npy"
on 0 "long answers" "" 0 $run u250 --limit 2 --no-iat --spikes "$work/card.csv"
sort "$work/cpu.csv" >"$work/cpu.sorted"
sort "$work/card.csv" >"$work/card.sorted"
same "long answers" "$work/cpu.sorted" "$work/card.sorted"
on 0 "by ADAFIRE_BITSTREAM" "" 0 env ADAFIRE_BITSTREAM="$work/card.xclbin" $host --board u250 $samples

"$bin/adafire-xclbin" --ports "$fake/kernel.ports" --card --units 40 -o "$work/forty.xclbin" || fail xclbin
on 0 "more units than are used" "u250:1 has 40 compute units, of which 24 are used: 64 are the most" 0 \
    "$bin/adafire-host" --bitstream "$work/forty.xclbin" $samples --board u250 --devices all -o "$work/forty.npy"
same "many units" "$work/cpu.npy" "$work/forty.npy"

# ---- Larger than the chip: the same network cut into tiles, in the card's memory
on 0 "by tiles" "" 0 env "ADAFIRE_TILES=2 1" $run u250 --limit 8 -o "$work/tiles.npy"
on 0 "cpu, eight" "" 0 $host $samples --limit 8 -o "$work/eight.npy"
same "tiles differ from cpu" "$work/eight.npy" "$work/tiles.npy"
on 2 "no memory for tiles" "its memory has no room for" 0 env FAKE_XRT=memory=2 "ADAFIRE_TILES=2 1" $run u250

on 0 "list" "" 0 $host --board list
if grep -q '^u250:1 *can be opened$' "$work/out"; then pass; else fail "the list has no second card"; fi

on 2 "no card" "XRT finds no card" 0 env FAKE_CARDS=0 $run u250
on 2 "no card at all" "XRT finds no card" 0 env FAKE_CARDS=0 $run u250 --devices all
on 2 "no such card" "there is no u250:2; XRT finds 2" 0 $run u250:2
on 2 "no such address" "u250:0000:04:00.1 cannot be opened" 0 $run u250:0000:04:00.1
on 2 "for emulation" "was made for emulation, and this is a card" 0 $host --board u250 $samples \
    --bitstream "$work/emulation.xclbin"
on 2 "refused" "u250:0 refuses" 0 env FAKE_XRT=refuse $run u250
on 2 "busy" "does another process use it?" 0 env FAKE_XRT=busy $run u250
for n in 1 2 3 4 5; do # behind it; of two slots, in and out
    on 2 "no memory, $n" "its memory has no room" 0 env FAKE_XRT=memory=$n $run u250
done
for state in 5 6 8 9; do # error, abort, timeout, no response
    on 2 "state $state" "a run failed (XRT's state $state)" 1 env FAKE_XRT=state=$state $run u250
done
for state in 1 2 3 7; do # new, queued, running, submitted
    on 2 "hangs in state $state" "has not finished a run within 1 s" 1 env FAKE_XRT=state=$state $run u250 \
        --timeout 1
done
isa=$(sed -n 's/.*ISA_VERSION = \([0-9]*\).*/\1/p' hw/isa.h)
on 2 "another version" "speaks version $((isa + 1)) of its language, this host version $isa" 0 \
    env FAKE_XRT=version $run u250
on 2 "damaged" "an answer of the accelerator is damaged" 0 env FAKE_XRT=damage $run u250
on 2 "damaged on the way there" "the accelerator found a wrong checksum" 0 env FAKE_XRT=checksum $run u250
on 0 "the next run" "" 0 $run u250 -o "$work/d.npy"
same "the next run" "$work/cpu.npy" "$work/d.npy"

finish
