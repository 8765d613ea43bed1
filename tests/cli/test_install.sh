#!/bin/sh
# Installs into a fresh directory and builds the example program as an outsider would.
set -u
: "${ADAFIRE_BUILD:=build/release}"
passed=0 failed=0
check() {
    name=$1
    shift
    if "$@" >"$work/log" 2>&1; then
        passed=$((passed + 1))
    else
        failed=$((failed + 1))
        echo "FAIL $name"
        cat "$work/log"
    fi
}
finish() {
    echo "$passed passed, $failed failed, 0 skipped"
    [ $failed -eq 0 ] && exit 0 || exit 1
}

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
to=$work/usr
# The library of a sanitizer build has sanitizer symbols; an outsider links neither.
check install make --no-print-directory BUILD=release PREFIX="$to" install
for file in bin/adafire-convert bin/adafire-host bin/adafire-info lib/libadafire.a lib/libadafire.so \
    include/adafire.h lib/pkgconfig/adafire.pc \
    lib/udev/rules.d/70-adafire.rules share/man/man1/adafire-host.1; do
    check "installs $file" test -s "$to/$file"
done

data=tests/data/digits
check convert "$to/bin/adafire-convert" $data/model.onnx --calib $data/calib_images.npy --scale 1/16 \
    --no-search --ssc off -q -o "$work/digits.snn"
export PKG_CONFIG_PATH="$to/lib/pkgconfig"
# The first held-out picture: what follows the .npy header.
head -c $((128 + 64)) $data/test_images.npy | tail -c 64 >"$work/sample.raw"
cc=${CC:-cc}
check "example, shared" $cc -std=c11 -Wall -Werror tests/example.c -o "$work/shared" \
    $(pkg-config --cflags --libs adafire)
check "example, static" $cc -std=c11 -Wall -Werror tests/example.c -o "$work/static" \
    $(pkg-config --cflags adafire) "$to/lib/libadafire.a" \
    $(pkg-config --libs --static adafire | sed 's/-ladafire//')
check "runs shared" env LD_LIBRARY_PATH="$to/lib" "$work/shared" "$work/digits.snn" "$work/sample.raw"
check "runs static" "$work/static" "$work/digits.snn" "$work/sample.raw"
LD_LIBRARY_PATH=$to/lib "$work/shared" "$work/digits.snn" "$work/sample.raw" >"$work/a"
"$work/static" "$work/digits.snn" "$work/sample.raw" >"$work/b"
check "shared and static agree" cmp "$work/a" "$work/b"
printf '#include <adafire.h>\nint main() { return af_error()[0]; }\n' >"$work/plus.cc"
if command -v g++ >/dev/null; then
    check "the header is C++ as well" g++ -Wall -Werror "$work/plus.cc" -o "$work/plus" \
        $(pkg-config --cflags --libs adafire)
fi
hidden() {
    ! nm -D --defined-only "$to/lib/libadafire.so" | grep -v ' af_'
}
check "only the public API is visible" hidden
check uninstall make --no-print-directory BUILD=release PREFIX="$to" uninstall
left() {
    [ -z "$(find "$to" -type f -o -type l)" ]
}
check "nothing is left" left
finish
