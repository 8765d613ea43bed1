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
# output FILE NAME COMMAND...: the same, and what it printed stays in FILE.
output() {
    file=$1
    shift
    check "$@"
    cp "$work/log" "$file"
}
finish() {
    echo "$passed passed, $failed failed, 0 skipped"
    [ $failed -eq 0 ] && exit 0 || exit 1
}

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
to="$work/a usr"   # a folder's name may hold blanks
touch "$work/a" "$work/usr"
unset ADAFIRE_SIM   # what was installed is to find what was installed beside it
# The library of a sanitizer build has sanitizer symbols; an outsider links neither.
check install make --no-print-directory BUILD=release PREFIX="$to" install
for file in bin/adafire-convert bin/adafire-host bin/adafire-info lib/libadafire.a lib/libadafire.so \
    lib/libadafire-convert.a lib/libadafire-convert.so include/adafire.h lib/pkgconfig/adafire.pc \
    lib/pkgconfig/adafire-convert.pc lib/adafire/adafire-csim-tiny.so \
    share/bash-completion/completions/adafire-host share/zsh/site-functions/_adafire-host \
    share/fish/vendor_completions.d/adafire-host.fish \
    lib/udev/rules.d/70-adafire.rules share/man/man1/adafire-host.1; do
    check "installs $file" test -s "$to/$file"
done

# The same where compilers like it better.
mv "$to" "$work/usr2" && to=$work/usr2 && sed -i "s|^prefix=.*|prefix=$to|" "$to"/lib/pkgconfig/*.pc
data=tests/data/digits
check convert "$to/bin/adafire-convert" $data/model.onnx --calib $data/calib_images.npy --scale 1/16 \
    --effort 0 -q -o "$work/digits.snn"
export PKG_CONFIG_PATH="$to/lib/pkgconfig"
cc=${CC:-cc}

# ---- The examples, as an outsider builds them: C and C++, shared and static.
for example in run convert boards events; do
    package=adafire
    case $example in convert | events) package=adafire-convert ;; esac
    source=tests/examples/$example.c
    check "$example, shared" $cc -std=c11 -Wall -Wextra -Werror $source -o "$work/$example" \
        $(pkg-config --cflags --libs $package)
    check "$example, static" $cc -std=c11 -Wall -Wextra -Werror $source -o "$work/$example-static" \
        $(pkg-config --cflags $package) -Wl,-Bstatic -L"$to/lib" -l$package -ladafire -Wl,-Bdynamic \
        $(pkg-config --libs --static $package | sed 's/-ladafire[^ ]*//g')
    command -v g++ >/dev/null || continue
    check "$example, C++" g++ -x c++ -Wall -Wextra -Werror $source -o "$work/$example-plus" \
        $(pkg-config --cflags --libs $package)
done
export LD_LIBRARY_PATH="$to/lib"
test_files="$data/test_images.npy $data/test_labels.npy"
digits="$data/model.onnx $data/calib_images.npy 0.0625 $test_files"
for kind in "" -static -plus; do
    [ -e "$work/convert$kind" ] || continue
    output "$work/convert.out$kind" "convert$kind runs" "$work/convert$kind" $digits
done
check "right answers" grep -qE '^9[89][.][0-9]+ % of 500$' "$work/convert.out"
output "$work/csim.out" "csim beside an installed library" "$work/convert" $digits csim
check "csim is as exact" cmp "$work/csim.out" "$work/convert.out"
if command -v python3 >/dev/null; then
    output "$work/python.out" "convert.py runs" python3 tests/examples/convert.py $digits
    check "Python is as exact" cmp "$work/python.out" "$work/convert.out"
fi
tail -c +129 $data/test_images.npy >"$work/samples.raw"   # what follows the .npy header
"$work/run" "$work/digits.snn" <"$work/samples.raw" >"$work/a"
"$work/run-static" "$work/digits.snn" <"$work/samples.raw" >"$work/b"
check "run answers every sample" test "$(wc -l <"$work/a")" = 500
check "shared and static agree" cmp "$work/a" "$work/b"
output "$work/boards.out" "boards" "$work/boards"
check "boards names the cpu" grep -q '^cpu ' "$work/boards.out"
output "$work/events.out" "events" "$work/events" "$work/digits.snn" $data/test_images.npy
check "events are lines of four" grep -qE '^[0-9]+,[0-9]+,[0-9]+,-?[0-9]+$' "$work/events.out"

# ---- Names
private() {
    ! nm -g --defined-only "$to/lib/$1" 2>/dev/null | awk 'NF == 3 { print $3 }' | grep -v '^af_'
}
check "libadafire.a defines af_ alone" private libadafire.a
check "libadafire-convert.a defines af_ alone" private libadafire-convert.a
printf '#include <adafire.h>\nint boards, lower, error, main_loop;\nint main(void) { return af_board_count() < boards; }\n' >"$work/own.c"
check "a program may have names of its own" $cc "$work/own.c" -o "$work/own" $(pkg-config --cflags adafire) \
    "$to/lib/libadafire.a" $(pkg-config --libs --static adafire | sed 's/-ladafire//')
light() {
    ! ldd "$to/lib/libadafire.so" | grep -E 'blas|protobuf|png|jpeg'
}
check "the runtime is light" light
declared=$(sed 's|/\*.*||' "$to/include/adafire.h" | grep -oE '\baf_[a-z_0-9]+\(' | tr -d '(' | sort -u)
visible() {
    nm -D --defined-only "$to/lib/libadafire.so" "$to/lib/libadafire-convert.so" |
        sed -n 's/.* \(af_[a-z_0-9]*\)@@ADAFIRE_[0-9].*/\1/p' | sort -u >"$work/visible"
    echo "$declared" | comm -3 - "$work/visible" | grep . && return 1
    return 0
}
check "visible is what the header declares" visible

unset LD_LIBRARY_PATH
check uninstall make --no-print-directory BUILD=release PREFIX="$to" uninstall
left() {
    [ -z "$(find "$to" -type f -o -type l)" ]
}
check "nothing is left" left
mkdir -p "$work/a b/bin" && check "install beside blanks" make --no-print-directory BUILD=release PREFIX="$work/a b" install
check "uninstall beside blanks" make --no-print-directory BUILD=release PREFIX="$work/a b" uninstall
check "nothing else is removed" test -e "$work/a" -a -e "$work/usr"
to="$work/a b"
check "nothing is left there" left
finish
