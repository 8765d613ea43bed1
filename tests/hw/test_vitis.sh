#!/bin/sh
# hw/vitis as far as it goes without AMD's tools: the sources are C++ to clang and g++, with stand-ins for
# hls_stream.h and ap_int.h, and the scripts start the right programs (stubs that write down how they were called).
set -u
passed=0 failed=0 skipped=0
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
check "no such number of units" sh -c '! hw/vitis/build rtl p 3'
check "the RTL route" hw/vitis/build rtl some_platform
holds "RTL route" "hw/vitis/package.tcl -tclargs"
holds "RTL route" "v++ --link --target hw --platform some_platform --config"
rm "$work/called"
check "the HLS route" hw/vitis/build hls some_platform 4 hw_emu
holds "HLS route" "v++ --compile --target hw_emu --platform some_platform --kernel adafire_kernel"
holds "HLS route" "u250_4.cfg"
for file in $(sed -n 's|.*\$root/\([a-z/_.]*\)".*|\1|p' hw/vitis/build | grep -v '^build\|^$'); do
    check "$file is there" test -e "$file"
done
# The link scripts name ports that the kernel has, and units that the host looks for.
for port in $(sed -n 's/^axi \([a-z]*\) .*/\1/p' "${ADAFIRE_BUILD:-build/release}/rtl/kernel_sim.ports"); do
    check "port $port" grep -q "\.m_axi_$port:" hw/vitis/u250_4.cfg
done
check "unit" grep -q '^nk=adafire_kernel:1:adafire_kernel_1$' hw/vitis/u250_1.cfg
if command -v tclsh >/dev/null; then
    check "package.tcl is Tcl" sh -c 'echo "puts [info complete [read [open hw/vitis/package.tcl]]]" | tclsh | grep -qx 1'
else
    skipped=$((skipped + 1))
    echo "skip: tclsh is not installed"
fi
echo "$passed passed, $failed failed, $skipped skipped"
[ $failed = 0 ]
