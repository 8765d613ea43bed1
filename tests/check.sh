# What the tests in shell share; they read it with `.`. A check counts as passed or failed; what a
# failed command printed is in $work/out and $work/err, and is shown.
: "${ADAFIRE_BUILD:=build/release}"
passed=0 failed=0
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
pass() {
    passed=$((passed + 1))
}
fail() {
    failed=$((failed + 1))
    echo "FAIL $1"
    cat "$work/out" "$work/err" "$work/called" "$work/log" 2>/dev/null
}
# same NAME FILE FILE
same() {
    if cmp -s "$2" "$3"; then pass; else fail "$1"; fi
}
# good NAME COMMAND...: exit status 0, within $seconds (ten minutes).
good() {
    name=$1
    shift
    if timeout -k 1 "${seconds:-600}" "$@" >"$work/out" 2>"$work/err" </dev/null; then pass; else fail "$name"; fi
}
# finish [SKIPPED]: the summary that tests/runner reads, and the exit status.
finish() {
    echo "$passed passed, $failed failed, ${1:-0} skipped"
    [ $failed = 0 ] || exit 1
    [ $passed != 0 ] || exit 77
    exit 0
}
skip() {
    echo "skip: $1"
    finish 1
}
