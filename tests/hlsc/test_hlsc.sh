#!/bin/sh
# tools/hlsc: kernels as people write them, what it must refuse, random programs, planted faults.
set -u
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
build=${ADAFIRE_BUILD:-build/release}
case $build in /*) ;; *) build=$root/$build ;; esac
export ADAFIRE_BUILD="$build"
hlsc=$build/hlsc
passed=0 failed=0
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

for tool in clang-19 iverilog verilator yosys; do
    command -v $tool >/dev/null && continue
    echo "skip: $tool is not installed"
    echo "0 passed, 0 failed, 1 skipped"
    exit 77
done
case $build in
*tsan)
    echo "skip: hlsc has no threads"
    echo "0 passed, 0 failed, 1 skipped"
    exit 77
    ;;
esac
MAKEFLAGS= make -s -C "$root" -f tests/hlsc/cosim.mk BUILD_DIR="$build" >&2 || exit 1
export COSIM_READY=yes
# Sanitized builds look for faults of the compiler itself: one simulator, fewer random programs.
case $build in
*asan) sims=icarus programs=4 foreign=20 ;;
*) sims=both programs=24 foreign=60 ;;
esac

# check WHAT COMMAND...: it succeeds
check() {
    what=$1
    shift
    if "$@" >"$work/log" 2>&1; then
        passed=$((passed + 1))
    else
        failed=$((failed + 1))
        echo "FAIL $what"
        head -n 20 "$work/log"
    fi
}
silent() { # Icarus has no option that makes an error of a warning; to Verilator it is one.
    "$@" >"$work/silent" 2>&1
    status=$?
    cat "$work/silent"
    [ $status -eq 0 ] && [ ! -s "$work/silent" ]
}
finds() { # finds REGEX COMMAND...: it fails and says so
    regex=$1
    shift
    "$@" >"$work/found" 2>&1 && echo "nothing was noticed" && return 1
    grep -E "$regex" "$work/found" || { cat "$work/found" && false; }
}
option() { # option KEY KERNEL: what the kernel's first comment says
    sed -n "s/^ \\* $1: //p" "$2" | sed 's/ *\*\/$//'
}

# ---- Kernels: values, cycles, the schedule report, and what the tools think of the Verilog
lint() { verilator --lint-only -Wall -y "$root/hw/rtl" --top-module "$2" "$1"; }
lint_icarus() { silent iverilog -g2005 -Wall -Wno-timescale -y "$root/hw/rtl" -s "$2" -t null "$1"; }
synthesize() {
    yosys -q -p "read_verilog $1 $root/hw/rtl/*.v; hierarchy -top $2; proc; opt -fast; check -assert"
}
for kernel in "$here"/kernels/*.c; do
    name=$(basename "$kernel" .c)
    check "$name" "$here/cosim" "$kernel" $(option cosim "$kernel") --stall "0 40 80" --sim $sims \
        --dir "$work/$name"
    for dir in "$work/$name"/*-*; do
        option report "$kernel" >"$work/wanted"
        while read -r line; do
            check "$name: report: $line" grep -q "$line" "$dir/report"
        done <"$work/wanted"
        check "$name: verilator -Wall" lint "$dir/kernel.v" "$name"
        check "$name: iverilog -Wall" lint_icarus "$dir/kernel.v" "$name"
        check "$name: yosys" synthesize "$dir/kernel.v" "$name"
    done
done
# Behind AXI4-Lite, as a host sees it.
bench=$root/tests/hw/rtl
shell_passes() {
    iverilog -g2005 -I "$bench" -y "$bench" -y "$root/hw/rtl" -s tb_shell -o "$work/shell.vvp" \
        "$here/tb_shell.v" "$work/shell.v" && vvp -n "$work/shell.vvp" >"$work/shell.log"
    cat "$work/shell.log"
    grep -q '^pass tb_shell$' "$work/shell.log" && ! grep -q FAIL "$work/shell.log"
}
check "shell: hlsc" "$hlsc" -w -I"$root/hw" -DSHELL "$here/kernels/axi_copy.c" --top axi_copy -o "$work/shell.v"
check "shell: verilator -Wall" lint "$work/shell.v" axi_copy_axi
check "shell: iverilog -Wall" lint_icarus "$work/shell.v" axi_copy_axi
check "shell: a host starts it and reads the result" shell_passes
check "a queue too shallow is named" finds 'hlsc: .*waits for room in .samples. \(depth 8, .*three_rates.c:[0-9]+\)' \
    "$here/cosim" "$here/kernels/three_rates.c" --top three_rates -D SHALLOW
check "a promise that does not hold is noticed" finds 'hlsc: .*promised dependence of bin broken' \
    "$here/cosim" "$here/kernels/histogram.c" --top histogram -D PROMISE

# ---- Refusals: the line, the reason, status 2, and no file left
awk -v dir="$work" '/^== / {
        n++; file = sprintf("%s/refused%02d", dir, n); line = $2; sub(/^== [^ ]+ /, "")
        print line > (file ".line"); print > (file ".reason"); next
    } n { print > (file ".c") }' "$here/refusals.txt"
refuses() {
    "$hlsc" "$1.c" --top f -I"$root/hw" -o "$1.v" >"$1.log" 2>&1
    status=$?
    cat "$1.log"
    [ $status -eq 2 ] && [ ! -e "$1.v" ] &&
        grep -qE "^[^ ]*:$(cat "$1.line"):.* error: .*($(cat "$1.reason"))" "$1.log"
}
for case in "$work"/refused*.c; do
    case=${case%.c}
    check "refusal, line $(cat "$case.line"): $(cat "$case.reason")" refuses "$case"
done
fir="$here/kernels/fir.c --top fir -I$root/hw"
check "no such file" finds "hlsc|no such file" "$hlsc" "$work/none.c" --top f -o "$work/none.v"
check "no such function" finds "there is no function .nothing" "$hlsc" $fir --top nothing -o "$work/none.v"
check "no such directory" finds "none/fir.v" "$hlsc" $fir -o "$work/none/fir.v"
check "no such target" finds "target moon is not known" "$hlsc" $fir --target moon
check "no such clock" finds "a number of nanoseconds" "$hlsc" $fir --clock fast
check "nothing left behind" test ! -e "$work/none.v"
check "help" sh -c "'$hlsc' --help | grep -q 'hlsc fir.c --top fir'"
check "the same file twice" sh -c "'$hlsc' $fir -o '$work/1.v' && '$hlsc' $fir -o '$work/2.v' && cmp '$work/1.v' '$work/2.v'"

# ---- Planted faults: each must be noticed
for fault in bypass:histogram schedule:spiking_core schedule:line_buffer width:fir width:histogram; do
    kernel=$here/kernels/${fault#*:}.c
    printf '#!/bin/sh\nexec "%s" --break %s "$@"\n' "$hlsc" "${fault%:*}" >"$work/broken"
    chmod +x "$work/broken"
    check "planted fault: $fault" finds 'differs' env HLSC="$work/broken" \
        "$here/cosim" "$kernel" $(option cosim "$kernel") --stall "0 40"
done

# ---- Programs that nobody wrote
counted() { # counted REGEX COMMAND...: its last line
    regex=$1
    shift
    "$@" >"$work/counted" 2>&1
    status=$?
    tail -n 20 "$work/counted"
    [ $status -eq 0 ] && tail -n 1 "$work/counted" | grep -qE "$regex"
}
check "random programs" counted ' 0 mismatches, 0 compile errors$' "$here/fuzz" 1 $programs
if command -v csmith >/dev/null; then
    check "programs of csmith" counted ' 0 failures$' "$here/csmith" 1 $foreign
else
    echo "skip: csmith is not installed"
fi
[ "$sims" = icarus ] || check "cosim notices faults" "$here/cosim-test"

echo "$passed passed, $failed failed, 0 skipped"
[ $failed -eq 0 ]
