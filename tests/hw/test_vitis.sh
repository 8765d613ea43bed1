#!/bin/sh
# hw/vitis as far as it goes without AMD's tools: the sources are C++ to clang and g++, with stand-ins for
# hls_stream.h and ap_int.h, and the scripts start the right programs (stubs that write down how they were called).
set -u
passed=0 failed=0 skipped=0
case ${ADAFIRE_BUILD:-} in
*asan | *tsan)
    echo "skip: Verilog is the same in every build"
    echo "0 passed, 0 failed, 1 skipped"
    exit 77
    ;;
esac
unset BUILD # of make; to hw/vitis/build it is the accelerator's
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
check() {
    name=$1
    shift
    if "$@" >"$work/log" 2>&1; then passed=$((passed + 1))
    else
        failed=$((failed + 1))
        echo "FAIL $name"
        head -n 20 "$work/log"
    fi
}
holds() {
    check "$1: '$2'" grep -qF -- "$2" "$work/called"
}
flags=$(sed -n 's/.*kernel_flags=//p' hw/vitis/hls.cfg)
cat >"$work/hls_stream.h" <<'STREAM'
namespace hls
{
template <typename T> struct stream {
    T read();
    void write(const T &);
    bool empty();
};
} // namespace hls
STREAM
cat >"$work/ap_int.h" <<'INT'
__extension__ typedef unsigned __int128 wide;
template <int bits> struct ap_uint {
    static_assert(bits <= 128, "no wider one is needed");
    wide v;
    ap_uint(wide x = 0) : v(x) {}
    operator wide() const { return v; }
};
INT
if command -v clang++ >/dev/null; then
    for build in SIM TINY; do
        check "C++ to clang, $build" clang++ -std=c++14 -fsyntax-only -Werror -Wno-unknown-pragmas $flags \
            -DBUILD_$build -I"$work" -Ihw hw/vitis/kernel.cpp
    done
else
    skipped=1
    echo "skip: clang++ is not installed"
fi
# Vitis' C simulation is g++.
for build in SIM TINY U250 CHECK; do
    check "C++ to g++, $build" g++ -std=c++17 -fsyntax-only -Werror -Wno-unknown-pragmas -Wno-narrowing \
        -DBUILD_$build -I"$work" -Ihw hw/vitis/kernel.cpp
done

mkdir "$work/bin"
for program in v++ vivado; do
    cat >"$work/bin/$program" <<STUB
#!/bin/sh
echo "$program \$*" >>"$work/called"
STUB
    chmod +x "$work/bin/$program"
done
PATH=$work/bin:$PATH
export OUT=$work/out
check "usage" sh -c '! hw/vitis/build'
check "too many units" sh -c '! hw/vitis/build rtl p 65'
check "no such build" sh -c '! BUILD=none hw/vitis/build rtl p 1'
check "the RTL route" hw/vitis/build rtl some_platform
holds "RTL route" "rtl/kernel_u250.v"
holds "RTL route" "--kernel_frequency 300"
holds "RTL route" "hw/vitis/package.tcl -tclargs"
holds "RTL route" "v++ --link --target hw --platform some_platform --config"
rm "$work/called"
check "the HLS route" hw/vitis/build hls some_platform 4 hw_emu
holds "HLS route" "v++ --compile --target hw_emu --platform some_platform --kernel adafire_kernel"
holds "HLS route" "-DBUILD_U250"
check "4 units are linked" grep -q '^nk=adafire_kernel:4:adafire_kernel_1\.' "$work/out/link.cfg"
check "another build, another clock" env BUILD=tiny MHZ=150 hw/vitis/build rtl some_platform 8
holds "another build" "rtl/kernel_tiny.v"
holds "another clock" "--kernel_frequency 150"
# What cannot fit is said before anything is linked.
rm "$work/called"
refuses() { # TEXT COMMAND...
    text=$1
    shift
    "$@" >"$work/said" 2>&1 && return 1
    cat "$work/said"
    grep -q -- "$text" "$work/said" && [ ! -e "$work/called" ]
}
check "sim fits no SLR" refuses "1 unit in SLR1 takes .* BRAMs of the 604.8" env BUILD=sim hw/vitis/build rtl p 1
plan=hw/vitis/plan
cat >"$work/size" <<'SIZE'
| process | LUT | flip-flops | carry | DSP48 | RAMB36 | URAM |
| sum, 4 cores | 47900 | 50300 | 4000 | 265 | 75 | 40 |
SIZE
cat >"$work/platform" <<'PLATFORM'
  Per SLR
    SLR0:
      LUTs:  385000
      FFs:   700000
      BRAMs: 450
      URAMs: 320
      DSPs:  2500
    SLR1:
      LUTs:  385000
      FFs:   700000
      BRAMs: 450
      URAMs: 320
      DSPs:  2500
PLATFORM
check "28 tiles of 40 URAM" $plan --units 28 --size "$work/size"
check "29 are too many" refuses "8 units in SLR0 take 320 URAMs of the 288 that may be used" $plan --units 29 --size "$work/size"
check "what a shell leaves" refuses "7 units in SLR0 take 525 BRAMs of the 405" $plan --units 14 --size "$work/size" --platform "$work/platform"
sed 's/| 40 |/| 1 |/; s/47900/100/; s/50300/100/; s/| 265/| 1/; s/| 75/| 1/' "$work/size" >"$work/small"
check "ports of a bank" refuses "8 units in SLR0 have 16 ports to DDR.0., which serves 15" $plan --units 32 --size "$work/small"
check "ports of a kernel with a memory behind it" refuses "4 units in SLR0 have 20 ports to DDR.0., which serves 15" \
    $plan --units 16 --size "$work/small" --ports "${ADAFIRE_BUILD:-build/release}/rtl/kernel_sim.ports"
check "no ports" refuses "names no ports" $plan --units 1 --size "$work/small" --ports "$work/platform"
check "no sizes" refuses "tells no sizes" $plan --units 1 --size "$work/platform"
check "no platform" refuses "tells nothing of SLRs" $plan --units 1 --size "$work/size" --platform "$work/size"
check "more than the host takes" refuses "the host takes 1 to 64" $plan --units 65 --size "$work/small"
for file in $(sed -n 's|.*\$root/\([a-z/_.]*\)".*|\1|p' hw/vitis/build | grep -v '^build\|^$'); do
    check "$file is there" test -e "$file"
done
# What is linked names ports that the kernel has, and units that the host looks for.
for port in $(sed -n 's/^axi \([a-z]*\) .*/\1/p' "${ADAFIRE_BUILD:-build/release}/rtl/kernel_u250.ports"); do
    check "port $port" grep -q "\.m_axi_$port:" "$work/out/link.cfg"
done
for setting in ASSOCIATED_RESET NUM_READ_OUTSTANDING NUM_WRITE_OUTSTANDING "HAS_BURST 1"; do
    check "package.tcl: $setting" grep -q "$setting" hw/vitis/package.tcl
done
if command -v tclsh >/dev/null; then
    check "package.tcl is Tcl" sh -c 'echo "puts [info complete [read [open hw/vitis/package.tcl]]]" | tclsh | grep -qx 1'
else
    skipped=$((skipped + 1))
    echo "skip: tclsh is not installed"
fi
echo "$passed passed, $failed failed, $skipped skipped"
[ $failed = 0 ]
