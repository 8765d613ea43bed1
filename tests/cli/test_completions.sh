#!/bin/sh
# Completion in bash, zsh and fish, asked as a person at the prompt does; what is not installed is skipped by name.
set -u
. tests/check.sh
bin=$ADAFIRE_BUILD
PATH=$PWD/$bin:$PATH
skipped=0
make_for() { # SHELL TOOL: the completion, in $work
    "$bin/$2" --help | tools/completions -v name="$2" -v shell="$1" >"$work/$2.$1"
}
offers() { # NAME WORD...: each is a line of $work/out
    name=$1
    shift
    for word; do
        if grep -qxF -- "$word" "$work/out"; then pass; else fail "$name does not offer $word"; fi
    done
}
lacks() {
    if grep -qxF -- "$2" "$work/out"; then fail "$1 offers $2"; else pass; fi
}
# What the options are is read otherwise here than by tools/completions.
options() {
    "$bin/$1" --help | grep -oE '^ {2,6}(-[a-zA-Z], )?--[a-z-]+' | grep -oE -- '--[a-z-]+' | sort -u
    echo --version
}
ask_bash() { # TOOL WORD...: what is offered for the last of them
    bash -c 'source "$1"; shift; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); f=_${1//-/_}; $f; printf "%s\n" "${COMPREPLY[@]}"' \
        bash "$work/$1.bash" "$@" >"$work/out" 2>"$work/err"
}
ask_fish() { # TOOL COMMAND-LINE
    fish --no-config -c 'source $argv[1]; complete -C $argv[2]' "$work/$1.fish" "$2" 2>"$work/err" | cut -f 1 >"$work/out"
}
ask_zsh() { # TOOL: the specifications, one a line
    cat >"$work/ask.zsh" <<'Z'
_arguments() { print -rl -- "$@" }
source $1
Z
    zsh -f "$work/ask.zsh" "$work/$1.zsh" >"$work/specs" 2>"$work/err"
    sed 's/\[.*//; s/:.*//; s/^([^)]*)//' "$work/specs" >"$work/out"
}

for tool in adafire-convert adafire-host adafire-info adafire-flash; do
    for shell in bash zsh fish; do
        make_for $shell $tool
        command -v $shell >/dev/null || continue
        case $shell in
        bash) ask_bash $tool --; offers "bash, $tool:" $(options $tool) ;;
        fish) ask_fish $tool "$tool --"; offers "fish, $tool:" $(options $tool) ;;
        zsh) ask_zsh $tool; offers "zsh, $tool:" $(options $tool) ;;
        esac
        if [ -s "$work/err" ]; then fail "$shell, $tool"; else pass; fi
    done
done
ask_bash adafire-host --board ice
offers "bash, boards:" icebreaker
lacks "bash, boards:" cpu
ask_bash adafire-host -b ''
offers "bash, boards:" cpu sim hx8k usb-fifo
lacks "bash, boards:" attached:
ask_bash adafire-convert --signed ''
offers "bash, words:" on off auto
ask_bash adafire-convert --fit t
offers "bash, builds:" tiny
ask_bash adafire-host --labels ''
lacks "bash, files:" --board
if command -v fish >/dev/null; then
    ask_fish adafire-host 'adafire-host --board '
    offers "fish, boards:" cpu sim hx8k usb-fifo
    ask_fish adafire-convert 'adafire-convert --signed '
    offers "fish, words:" on off auto
else
    echo "skip: no fish"
    skipped=$((skipped + 1))
fi
if command -v zsh >/dev/null; then
    ask_zsh adafire-host
    if grep -qE -- '^\(-b --board\)--board\[where to run\]:board:\(cpu' "$work/specs" && grep -q 'usb-fifo' "$work/specs"; then pass
    else fail "zsh, boards"; fi
    if grep -qF -- '--build[' "$work/specs" && grep -qF ':build:(sim tiny u250)' "$work/specs"; then pass; else fail "zsh, builds"; fi
else
    echo "skip: no zsh"
    skipped=$((skipped + 1))
fi
finish $skipped
