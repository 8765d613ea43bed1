#!/bin/sh
# hw/rtl and hw/boards: lint, testbenches in two simulators, and what synthesis makes of it.
set -u
here=$PWD rtl=$PWD/hw/rtl boards=$PWD/hw/boards bench=$PWD/tests/hw/rtl
passed=0 failed=0 skipped=0
case ${ADAFIRE_BUILD:-} in
*asan | *tsan)
    echo "skip: Verilog is the same in every build"
    echo "0 passed, 0 failed, 1 skipped"
    exit 77
    ;;
esac
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 1

# check WHAT COMMAND...: it succeeds
check() {
    what=$1
    shift
    if "$@" >log 2>&1; then
        passed=$((passed + 1))
    else
        failed=$((failed + 1))
        echo "FAIL $what"
        head -n 40 log
    fi
}
skip() {
    echo "skip: $1"
    skipped=$((skipped + 1))
}
have() {
    command -v "$1" >/dev/null
}

# ---- Lint: no warning, at ordinary and at extreme parameters. To Verilator a warning is an error, and
# Verilator 5.032 prints a report when there is none; Icarus has no option for it.
silent() {
    "$@" >silent 2>&1
    status=$?
    cat silent
    [ $status -eq 0 ] && [ ! -s silent ]
}
lint() {
    module=$1 file=$rtl/$1.v
    [ -e "$file" ] || file=$boards/$1.v
    shift
    verilator= iverilog=
    for parameter; do
        verilator="$verilator -G$parameter"
        iverilog="$iverilog -P$module.$parameter"
    done
    if have verilator; then
        check "verilator -Wall $module $*" \
            verilator --lint-only -Wall -y "$rtl" -y "$boards" $verilator "$file"
    fi
    if have iverilog; then
        check "iverilog -Wall $module $*" \
            silent iverilog -g2001 -Wall -y "$rtl" -y "$boards" $iverilog -s "$module" -t null "$file"
    fi
}
for cycles in 4 5 12 100; do
    for abits in 8 9 12; do lint uart_words CYCLES=$cycles ABITS=$abits; done
done
lint fifo_words
lint fifo_words ABITS=2
lint SB_IO
lint word_crossing
lint word_crossing ABITS=2
lint loopback
for depth in 1 2 3 32 33 100 1024; do lint hls_fifo WIDTH=24 DEPTH=$depth; done
lint hls_fifo WIDTH=1 DEPTH=512
for bypass in 0 1; do
    lint hls_ram_sdp BYPASS=$bypass
    lint hls_ram_sdp BYPASS=$bypass WIDTH=1 DEPTH=1 AWIDTH=1
    lint hls_ram_sdp BYPASS=$bypass DEPTH=100 AWIDTH=7
done
lint hls_ram_sdp MEETS=0 TURNS=1
for width in 1 8 16 32; do lint ice40_spram WIDTH=$width AWIDTH=$((width % 14 + 1)); done
lint SB_SPRAM256KA
lint hls_ram_tdp
lint hls_ram_tdp WIDTH=1 DEPTH=1 AWIDTH=1
lint hls_ram_tdp_lanes
lint hls_ram_tdp_lanes WIDTH=8 LANES=16 DEPTH=6144 AWIDTH=13
for bypass in 0 1; do
    lint hls_ram_lanes BYPASS=$bypass
    lint hls_ram_lanes BYPASS=$bypass WIDTH=1 LANES=1 DEPTH=1 AWIDTH=1
done
lint hls_axi_burst
for module in hls_axi_read hls_axi_write; do
    lint $module
    lint $module WIDTH=8 BURST=1 DEPTH=2
    lint $module WIDTH=64 BURST=100 DEPTH=255
    lint $module WIDTH=1024 BURST=256 DEPTH=512
done
for args in 0 1 33; do
    for returns in 0 1 2; do lint hls_axi_lite ARG_WORDS=$args RETURN_WORDS=$returns AWIDTH=12 WAITS=$args ERRORS=$((args < 1 ? 1 : args < 32 ? args : 32)); done
done

# ---- Testbenches: they print a line "pass NAME" for each set of parameters, or FAIL, and "end"
report() {
    timeout 300 "$@" >out 2>&1
    passed=$((passed + $(grep -c '^pass ' out)))
    fails=$(grep -c '^FAIL' out)
    if [ "$fails" -gt 0 ] || ! grep -q '^end$' out; then
        failed=$((failed + (fails > 0 ? fails : 1)))
        echo "FAIL $*"
        grep -v '^pass ' out | head -n 20
    fi
}
# A wrong use of a module ends the simulation with a message.
stops() {
    message=$1
    shift
    "$@" >out 2>&1
    cat out
    grep -q "$message" out && ! grep -q '^end$' out
}
# run NAME SIMULATION...
run() {
    name=$1
    shift
    report "$@"
    case $name in
    tb_hls_fifo)
        check "write to a full queue, $*" stops "hls_fifo: .*: write to a full queue" "$@" +overflow
        check "read from an empty queue, $*" \
            stops "hls_fifo: .*: read from an empty queue" "$@" +underflow
        ;;
    tb_hls_ram_sdp)
        check "a port that does not take turns, $*" \
            stops "hls_ram_sdp: .*: reads and writes at once" "$@" +both
        ;;
    tb_hls_ram_tdp)
        check "meeting ports, $*" stops "hls_ram_tdp: .*: both ports use address" "$@" +collide
        ;;
    esac
}
benches=$(cd "$bench" && ls tb_*.v | sed 's/\.v$//')
if have iverilog; then
    for name in $benches; do
        check "iverilog $name" iverilog -g2001 -Wall -Wno-timescale -I "$bench" -y "$bench" -y "$rtl" -y "$boards" \
            -s "$name" -o "$name.vvp" "$bench/$name.v"
        run "$name" vvp -n "$name.vvp"
    done
else
    skip "no iverilog"
fi
# All in one directory, and the simulator's own files compiled once.
build() {
    verilator --cc --exe --main --timing -Wno-lint -Wno-style -I"$bench" -y "$bench" -y "$rtl" -y "$boards" \
        --Mdir verilated --prefix "$1" --top-module "$1" "$bench/$1.v" &&
        make -C verilated -f "$1.mk" $compiled OPT_FAST=-O0 OPT_SLOW=-O0 OPT_GLOBAL=-O0
}
case $(verilator --version 2>/dev/null) in
"") skip "no verilator" ;;
"Verilator "[1-4].*) skip "testbenches need Verilator 5" ;;
*)
    compiled=
    for name in $benches; do
        check "verilator $name" build "$name"
        compiled="-o verilated.o -o verilated_timing.o -o verilated_threads.o"
        run "$name" "verilated/$name"
    done
    ;;
esac

# ---- Synthesis: which instances of tests/hw/rtl/synthesis.v have block RAM
synthesize() {
    command=$1 tdp=$2 ram=$3
    echo "read_verilog $rtl/*.v $bench/synthesis.v"
    echo "chparam -set TDP $tdp synthesis"
    echo "$command -top synthesis"
    echo "check -assert"
    for instance in shallow deep sdp sdp_bypass tdp read write lite; do
        echo "tee -o $instance select -count c:$instance.* t:$ram %i"
    done
}
block_rams() {
    at_least=$1
    shift
    for instance; do
        count=$(grep -o '^[0-9]*' "$instance")
        if [ "$at_least" -gt 0 ]; then
            check "$target: $instance has block RAM" test "${count:-0}" -ge "$at_least"
        else
            check "$target: $instance has no block RAM" test "${count:-1}" -eq 0
        fi
    done
}
if have yosys; then
    target=ice40
    synthesize synth_ice40 16 SB_RAM40_4K >ice40.ys
    check "synth_ice40" yosys -q ice40.ys
    block_rams 1 deep sdp sdp_bypass read write
    block_rams 0 lite
    target=xcup
    synthesize "synth_xilinx -family xcup -noiopad -flatten" 1024 'RAMB*' >xcup.ys
    check "synth_xilinx -family xcup" yosys -q xcup.ys
    block_rams 1 deep sdp sdp_bypass tdp read write
    block_rams 0 shallow lite
    # As many URAMs as hlsc's report says (tests/hlsc/kernels/lanes.c).
    for ram in "hls_ram_lanes 24 16 4096 12 6" "hls_ram_tdp_lanes 8 16 6144 13 4"; do
        set -- $ram
        {
            echo "read_verilog -DSYNTHESIS $rtl/$1.v"
            echo "chparam -set WIDTH $2 -set LANES $3 -set DEPTH $4 -set AWIDTH $5 -set STYLE \"ultra\" $1"
            echo "synth_xilinx -family xcup -noiopad -top $1"
            echo "select -assert-count $6 t:URAM288"
        } >uram.ys
        check "$1: $6 URAM" yosys -q uram.ys
    done
else
    skip "no yosys"
fi

cd "$here"
echo "$passed passed, $failed failed, $skipped skipped"
[ $failed -eq 0 ] || exit 1
[ $passed -gt 0 ] || exit 77
