#!/bin/sh
# --board u250 on emulated cards, with the system's own XRT: the same answers as cpu, to the bit; and
# whatever goes wrong is one sentence, in time, and leaves nothing behind.
set -u
. tests/check.sh
bin=$ADAFIRE_BUILD data=tests/data/digits
# bad NAME SECONDS TEXT COMMAND...: exit status 2, TEXT on standard error, in so many seconds.
bad() {
    name=$1 most=$2 text=$3
    shift 3
    begin=$(date +%s)
    timeout -k 1 60 "$@" >"$work/out" 2>"$work/err" </dev/null
    status=$?
    took=$(($(date +%s) - begin))
    if [ $status = 2 ] && [ $took -le "$most" ] && grep -qF -- "$text" "$work/err"; then
        pass
    else
        fail "$name (status $status after $took s, wanted 2, '$text' within $most s)"
    fi
}

# ---- Without XRT, or without what it needs, a sentence says so
host="$bin/adafire-host -q"
good convert "$bin/adafire-convert" $data/model.onnx --calib $data/calib_images.npy --scale 1/16 -q \
    -o "$work/m.snn"
run="$host --board u250 $work/m.snn $data/test_images.npy --limit 20"
have=yes
case $(env -u XILINX_XRT $run 2>&1) in
*"XRT is not installed"*) have= ;;
esac
good "board list" $host --board list
if grep -q '^u250 ' "$work/out"; then pass; else fail "the list has no u250"; fi
[ "$have" ] || skip "libxrt1 is not installed"
bad "no XILINX_XRT" 1 "XILINX_XRT is not set" env -u XILINX_XRT $run
bad "a wrong XILINX_XRT" 1 "has no lib/libxrt_core.so.2" env XILINX_XRT=/nowhere $run
mkdir "$work/prefix"
ln -s "$(dirname "$(/sbin/ldconfig -p | sed -n 's/.*libxrt_coreutil.so.2 .*=> //p' | head -n 1)")" "$work/prefix/lib"
bad "no bitstream" 1 "no bitstream for the u250" env XILINX_XRT="$work/prefix" $run
bad "no card" 5 "XRT finds no card" env XILINX_XRT="$work/prefix" $run --bitstream "$work/m.snn"
bad sw_emu 1 "only hw_emu and noop" env XILINX_XRT="$work/prefix" XCL_EMULATION_MODE=sw_emu $run
[ -x "$bin/adafire-card-sim" ] || skip "no emulated card in this build; \`make emu-sim\` makes one"

# ---- The same answers
emu="$bin/xrt-emu --deadline 50"
good "cpu" $host "$work/m.snn" $data/test_images.npy --limit 20 -o "$work/cpu.npy"
good "u250" $emu --counts "$work/counts" $run -o "$work/u250.npy"
same "u250 differs from cpu" "$work/cpu.npy" "$work/u250.npy"
if [ "$(sed -n 's/.*"runs": \([0-9]*\).*/\1/p' "$work/counts")" -gt 3 ]; then pass; else fail "few runs"; fi
good "slow memory" $emu --latency 300 --stall 60 $run -o "$work/slow.npy"
same "slow memory makes a difference" "$work/cpu.npy" "$work/slow.npy"
good "two cards of three units" $emu --devices 2 --units 3 $run --devices all -o "$work/many.npy"
same "units make a difference" "$work/cpu.npy" "$work/many.npy"
good "the second card" $emu --devices 2 $host --board u250:1 "$work/m.snn" $data/test_images.npy \
    --limit 20 -o "$work/second.npy"
same "the second card differs" "$work/cpu.npy" "$work/second.npy"
good "by tiles" $emu env "ADAFIRE_TILES=4 1" $run --limit 4 -o "$work/tiles.npy"
good "cpu, four" $host "$work/m.snn" $data/test_images.npy --limit 4 -o "$work/cpu4.npy"
same "tiles differ" "$work/cpu4.npy" "$work/tiles.npy"
good "by tiles, slow memory" $emu --latency 200 --stall 50 env "ADAFIRE_TILES=8 2" $run --limit 4 -o "$work/tiles.npy"
same "tiles and slow memory" "$work/cpu4.npy" "$work/tiles.npy"
good "profile" $emu $run --limit 3 --profile
if grep -q '^  neurons 3 ' "$work/out"; then pass; else fail "no profile of the card"; fi
tools/make_waits "$bin/rtl/kernel_u250.ports" "$bin/adafire-card-sim.ports" >"$work/waits.h"
same "hw/waits.h is old (tools/make_waits)" "$work/waits.h" hw/waits.h
good "samples one by one" $emu $run --batch 1 --limit 5 -o "$work/five.npy"
good "cpu, five" $host "$work/m.snn" $data/test_images.npy --limit 5 -o "$work/cpu5.npy"
same "batches make a difference" "$work/cpu5.npy" "$work/five.npy"
good "cpu, events" $host --limit 3 --no-iat --spikes "$work/cpu.csv" "$work/m.snn" $data/test_images.npy
good "u250, events" $emu --stall 20 $run --limit 3 --no-iat --spikes "$work/u250.csv"
sort "$work/cpu.csv" >"$work/cpu.sorted"
sort "$work/u250.csv" >"$work/u250.sorted"
same "events differ" "$work/cpu.sorted" "$work/u250.sorted"
good "random networks" "$bin/xrt-emu" --deadline 150 --stall 30 "$bin/tests/accelerator/test_conformance"
good "report" $emu $run --limit 3 --report "$work/r.html"
good "JSON" $emu $run --json
if [ "$(wc -l <"$work/out")" = 1 ] && grep -q '^{"board": "u250".*}$' "$work/out"; then pass
else fail "standard output is not the JSON alone"; fi

# ---- Words travel while a unit works: the longer of the two counts, not their sum
count() { # what more samples have cost, without the start
    echo $(($(sed -n "s/.*\"$1\": \([0-9]*\).*/\1/p" "$work/more") - $(sed -n "s/.*\"$1\": \([0-9]*\).*/\1/p" "$work/few")))
}
travels() { # BUS: whether it showed; a busy machine, which starves the host, can only hide it
    slow="$emu --bus $1 --counts"
    good "bus of $1, few" $slow "$work/few" $host --board u250 "$work/m.snn" $data/test_images.npy --limit 16
    good "bus of $1" $slow "$work/more" $host --board u250 "$work/m.snn" $data/test_images.npy --limit 160
    cycles=$(count cycles) running=$(count running) carried=$(count bus)
    most=$((running > carried ? running : carried))
    [ $((cycles - most)) -le $((running + carried - cycles)) ] # nearer to the longer than to the sum
}
for bus in 0.1 1; do # bytes a cycle: the bus is the slower part, then the unit
    tries=1
    until travels $bus || [ $tries = 8 ]; do tries=$((tries + 1)); done
    if [ $tries -lt 8 ]; then pass
    else fail "bus of $bus: $cycles cycles, $running running, $carried on the bus"; fi
    echo "bus of $bus: $cycles cycles, $running running, $carried on the bus"
done

# ---- It is the system's XRT that runs
LD_DEBUG=files $emu $run >"$work/out" 2>"$work/err"
for library in libxrt_coreutil libxrt_hwemu; do
    if grep -q "calling init: /[^ ]*/$library.so.2" "$work/err"; then pass; else fail "$library is not used"; fi
done
rm -f "$work/err"
if dpkg --verify libxrt1 | grep -q 'lib/'; then fail "libxrt1 is not as Debian made it"; else pass; fi

# ---- Faults: a sentence, in time
bad "the card dies while it runs" 10 "card died" $emu --fault die=3 $run --timeout 3
bad "it dies at once" 10 "card died" $emu --fault die=1 $run --timeout 3
bad "a run never ends" 10 "has not finished a run within 2 s; nothing has moved in it for " $emu --fault hang=3 $run --timeout 2
bad "the first never ends" 10 "has not finished a run within 2 s" $emu --fault hang=1 $run --timeout 2
bad "reads are answered with an error" 10 "memory answers reads with an error (AXI's SLVERR" $emu --fault read=3 $run --timeout 5
bad "writes are answered with an error" 10 "memory answers writes with an error" $emu --fault write=3 $run
bad "reads of tiles are answered with an error" 10 "memory answers reads with an error" $emu --fault read=3 \
    env "ADAFIRE_TILES=4 1" $run --timeout 5
bad "a damaged answer" 10 "an answer of the accelerator is damaged" $emu --fault corrupt=3 $run
bad "one of two cards hangs" 10 "u250:1 adafire_kernel" $emu --devices 2 --fault hang=3 $host --timeout 2 \
    --board u250:1 "$work/m.snn" $data/test_images.npy --limit 20
bad "no memory for tiles" 10 "its memory has no room for" $emu --bank 40 env "ADAFIRE_TILES=4 1" $run
bad "no memory on the card" 10 "its memory has no room" $emu --bank 24 $run
bad "no such card" 5 "there is no u250:1; XRT finds 1" $emu $run --devices 1
bad "an address" 5 "emulated cards have numbers" $emu $run --devices 0000:03:00.1
bad "no xclbin" 5 "is no xclbin" $emu $run --bitstream "$work/m.snn"
head -c 1500 "$bin/adafire-host" >"$work/cut.xclbin"
"$bin/adafire-xclbin" --ports "$bin/adafire-card-sim.ports" -o "$work/whole.xclbin"
head -c 2000 "$work/whole.xclbin" >"$work/cut.xclbin"
bad "cut off" 5 "is cut off or damaged" $emu $run --bitstream "$work/cut.xclbin"
"$bin/adafire-xclbin" --ports "$bin/adafire-card-sim.ports" --kernel vadd -o "$work/vadd.xclbin"
bad "another kernel" 5 "holds the kernel 'vadd'" $emu $run --bitstream "$work/vadd.xclbin"
bad "nothing moves" 5 "a run has left no answer" $emu --noop $run
bad "deadline" 5 "took longer than 1 s" "$bin/xrt-emu" --deadline 1 sleep 30
bad "no such build" 5 "no emulated card of the build 'huge'" "$bin/xrt-emu" --build huge true
bad "no command" 5 "xrt-emu --help" "$bin/xrt-emu"
good "the next run works" $emu $run -o "$work/next.npy"
same "the next run differs" "$work/cpu.npy" "$work/next.npy"
# Under emulation each process has cards of its own; that a card is shared by nobody else is
# tested in test_link.c.
good "two processes" $emu sh -c "$run -o $work/a.npy & $run -o $work/b.npy && wait"
same "two processes, first" "$work/cpu.npy" "$work/a.npy"
same "two processes, second" "$work/cpu.npy" "$work/b.npy"

# ---- Again and again, and side by side
i=0
while [ $i -lt "${ADAFIRE_RUNS:-5}" ]; do
    for side in 1 2 3 4; do
        $emu $run -o "$work/side$side.npy" >"$work/out$side" 2>&1 &
    done
    wait
    for side in 1 2 3 4; do
        same "run $i, side $side: $(cat "$work/out$side")" "$work/cpu.npy" "$work/side$side.npy"
        rm -f "$work/side$side.npy"
    done
    i=$((i + 1))
done

# ---- Nothing is left
# (of this build: others may be at work)
if grep -l "'$(realpath "$bin")/" /tmp/adafire-emu-*/sim/simulate.sh >"$work/out" 2>/dev/null; then
    fail "folders are left"
else pass; fi
if pgrep -f "^$(realpath "$bin")/adafire-card-" >"$work/out"; then fail "cards are left"; else pass; fi
finish
