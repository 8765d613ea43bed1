#!/bin/sh
# Manual pages: every option and, line by line, every example of --help, sections that are not in it, and no warning
# of groff's where that is installed.
set -u
. tests/check.sh
bin=$ADAFIRE_BUILD
skipped=0
: >"$work/err"
for tool in adafire-convert adafire-host adafire-info adafire-flash; do
    page=$work/$tool.1
    about=$(sed -n '1s/^.*: \(.*\)\. \*\/$/\1/p' "host/cli/$tool.c")
    "$bin/$tool" --help >"$work/help"
    tools/man-page -v name=$tool -v about="$about" -v version=9.8.7 -v more=host/cli/man/$tool.man <"$work/help" >"$page"
    sed 's/\\-/-/g; s/\\f[BIR]//g; s/\\e/\\/g; s/^\\&//' "$page" >"$work/plain"
    cp "$work/plain" "$work/out"
    for section in NAME SYNOPSIS DESCRIPTION OPTIONS EXAMPLES "EXIT STATUS" "SEE ALSO"; do
        if [ "$(grep -cx "\.SH $section" "$work/plain")" = 1 ]; then pass; else fail "$tool: not one section $section"; fi
    done
    if grep -qx "$tool - $about" "$work/plain" && [ -n "$about" ]; then pass; else fail "$tool: what it is about"; fi
    if grep -qF 'AdaFire 9.8.7' "$work/plain"; then pass; else fail "$tool: its version"; fi
    for option in $(grep -oE '^ {2,6}(-[a-zA-Z], )?--[a-z-]+' "$work/help" | grep -oE -- '--[a-z-]+'); do
        if grep -A 1 -x '\.TP' "$work/plain" | grep -qE -- "^(-[a-zA-Z], )?$option( |,|\$)"; then pass
        else fail "$tool: no $option"; fi
    done
    # What stands in no options list is prose: not a word of it is lost.
    tr -s ' \n' '\n\n' <"$work/help" | sed 's/^Usage:$//; s/^or:$//; s/^Examples\{0,1\}:$//; /^$/d' |
        tr '[:upper:]' '[:lower:]' | tr -d ':' | sort -u >"$work/words"
    tr -s ' \n' '\n\n' <"$work/plain" | tr '[:upper:]' '[:lower:]' | tr -d ':' | sort -u >"$work/there"
    lost=$(comm -23 "$work/words" "$work/there" | grep -vxE 'exit|status' | tr '\n' ' ')
    if [ -z "$lost" ]; then pass; else fail "$tool: lost $lost"; fi
    sed -n '/^Examples\{0,1\}:$/,/^$/p' "$work/help" | sed '1d; /^$/d; s/^  //' >"$work/examples"
    sed -n '/^\.SH EXAMPLES$/,/^\.fi$/p' "$work/plain" | sed '1,2d; $d' >"$work/shown"
    if [ -s "$work/examples" ] && cmp -s "$work/examples" "$work/shown"; then pass; else fail "$tool: its examples"; fi
    if command -v groff >/dev/null; then
        groff -man -ww -Tascii "$page" >/dev/null 2>"$work/err"
        if [ -s "$work/err" ]; then fail "$tool: groff warns"; else pass; fi
    else
        echo "skip: no groff for $tool.1"
        skipped=$((skipped + 1))
    fi
done
finish $skipped
