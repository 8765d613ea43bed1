#!/bin/sh
# The engine's tests on 64-bit Arm: cross-built, with the portable kernel and NEON's, and run by qemu. Of the
# boards "cpu" alone, because the libraries of the others are not there for Arm.
set -u
cd "$(dirname "$0")/../.." || exit 1
. tests/check.sh
[ "$(basename "$ADAFIRE_BUILD")" = release ] || skip "is built in one way only"
cc=aarch64-linux-gnu-gcc
command -v "$cc" >/dev/null || skip "no $cc (apt install gcc-aarch64-linux-gnu libc6-dev-arm64-cross)"
command -v qemu-aarch64 >/dev/null || skip "no qemu-aarch64 (apt install qemu-user)"
flags="-std=gnu11 -O2 -Wall -Wextra -Werror -D_GNU_SOURCE -ffunction-sections -fdata-sections -iquote host -iquote tests -Ihost/include -Ihw"
sources=$(ls host/engine/*.c | grep -v cpu_kernel)
for f in model/model model/wiring model/range base/error base/tensor base/team base/parallel board/cpu device/device \
    device/submit device/recording device/result device/profile; do
    sources="$sources host/$f.c"
done
good "kernel of the portable C" "$cc" $flags -DKERNEL=generic -c host/engine/cpu_kernel.c -o "$work/generic.o"
good "kernel of NEON" "$cc" $flags -march=armv8.2-a+dotprod -DKERNEL=neon -c host/engine/cpu_kernel.c -o "$work/neon.o"
good "engine and tests" "$cc" $flags -static -Wl,--gc-sections -o "$work/test_engine" $sources tests/engine/test_engine.c \
    tests/engine/arm_board.c tests/reference.c tests/random_model.c "$work/generic.o" "$work/neon.o" -lm -lpthread
ADAFIRE_TEST_MODELS=40 good "they pass" qemu-aarch64 "$work/test_engine"
grep -q '^FAIL' "$work/out" && fail "a test of the engine"
finish
