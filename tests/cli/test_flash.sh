#!/bin/sh
# adafire-flash: what it refuses, what it asks, and which program it starts with which words. The
# programs are stubs on PATH that write down how they were called.
set -u
. tests/check.sh
flash=$(realpath "$ADAFIRE_BUILD")/adafire-flash repository=$PWD
# on STATUS NAME TEXT CALL COMMAND...: exit status, TEXT on standard error, and what was called.
on() {
    wanted=$1 name=$2 text=$3 call=$4
    shift 4
    : >"$work/called"
    "$@" >"$work/out" 2>"$work/err" </dev/null
    status=$?
    if [ $status = "$wanted" ] && { [ -z "$text" ] || grep -qF -- "$text" "$work/err"; } &&
        [ "$(cat "$work/called")" = "$call" ]; then pass
    else fail "$name (status $status, wanted $wanted, '$text' and the call '$call')"; fi
}

mkdir "$work/bin" "$work/bitstreams" "$work/empty"
for program in openFPGALoader iceprog xbmgmt; do
    cat >"$work/bin/$program" <<STUB
#!/bin/sh
printf '%s' $program >>"$work/called"
for word; do printf ' <%s>' "\$word" >>"$work/called"; done
exit \${STUB_STATUS:-0}
STUB
    chmod +x "$work/bin/$program"
done
isa=$(sed -n 's/.*ISA_VERSION = \([0-9]*\).*/\1/p' hw/isa.h)
cd "$work" || exit 1
PATH=$work/bin:$PATH
for name in ulx3s.bit "a name; rm -rf x.bit" hx8k.bin ice.bin old.bit; do
    echo "bits of $name" >"bitstreams/$name"
done
sum() {
    sha256sum "bitstreams/$1" | cut -d' ' -f1
}
line() { # NAME BOARD ISA
    echo "$1 $2 $3 48 $(sum "$1")"
}
{
    echo "# file board isa_version clock_mhz sha256"
    line ulx3s.bit ulx3s "$isa"
    line hx8k.bin hx8k "$isa"
    line ice.bin icebreaker "$isa"
    line old.bit ulx3s 0
} >bitstreams/MANIFEST
b=bitstreams/ulx3s.bit

on 0 help "" "" "$flash" --help
on 0 list "" "" "$flash" --list
if grep -q '^  u250 ' out && grep -q '^  ulx3s  .*openFPGALoader' out; then pass; else fail "the list"; fi

# ---- The right program with the right words
on 0 "to memory" "" "openFPGALoader <-b> <ulx3s> <-m> <$b>" "$flash" --board ulx3s $b
on 0 "to flash" "" "openFPGALoader <-b> <ulx3s> <-f> <$b>" "$flash" --board ulx3s --flash --yes $b
on 0 "hx8k to memory" "" "iceprog <-S> <bitstreams/hx8k.bin>" "$flash" -b hx8k bitstreams/hx8k.bin
on 0 "hx8k to flash" "" "iceprog <bitstreams/hx8k.bin>" "$flash" -b hx8k --flash -y bitstreams/hx8k.bin
on 0 "icebreaker" "" "iceprog <bitstreams/ice.bin>" "$flash" -b icebreaker --flash -y bitstreams/ice.bin
grep -v '^#' "$repository/bitstreams/MANIFEST" >rows
while read -r file board rest; do
    on 0 "the repository's $file" "" "iceprog <$repository/bitstreams/$file>" \
        "$flash" -b "$board" --flash -y "$repository/bitstreams/$file"
done <rows
on 0 "a shell" "" "xbmgmt <program> <--device> <0000:b3:00.0> <--base>" "$flash" -b u250 --shell 0000:b3:00.0 -y
on 0 "no shell of the system's" "" "openFPGALoader <-b> <ulx3s> <-m> <bitstreams/a name; rm -rf x.bit>" \
    "$flash" --board ulx3s --unlisted "bitstreams/a name; rm -rf x.bit"
on 0 "dry run" "" "" "$flash" --board ulx3s --flash --dry-run $b
if grep -qF "would run: openFPGALoader -b ulx3s -f $b" out; then pass; else fail "what it would run"; fi

# ---- It asks before flash is written; no answer is no
on 2 "no answer" "nothing was done" "" "$flash" --board ulx3s --flash $b
on 2 "no answer for a shell" "nothing was done" "" "$flash" --board u250 --shell 0000:b3:00.0
: >called
echo y | "$flash" --board ulx3s --flash $b >out 2>err
if [ "$(cat called)" = "openFPGALoader <-b> <ulx3s> <-f> <$b>" ]; then pass; else fail "yes"; fi
: >called
echo n | "$flash" --board ulx3s --flash $b >out 2>err
if [ -s called ]; then fail "no"; else pass; fi

# ---- What it refuses
on 2 "another board" "is for the board ulx3s, not ecpix5" "" "$flash" --board ecpix5 $b
on 2 "for a card" "is for the board ulx3s, not u250" "" "$flash" --board u250 $b
on 2 "an old version" "speaks version 0 of" "" "$flash" --board ulx3s bitstreams/old.bit
on 2 "not in the manifest" "--unlisted takes it all the same" "" "$flash" --board ulx3s "bitstreams/a name; rm -rf x.bit"
on 2 "no such file" "No such file" "" "$flash" --board ulx3s bitstreams/none.bit
on 2 "no such board" "no board 'spartan'" "" "$flash" --board spartan $b
on 2 "only flash" "say --flash" "" "$flash" --board icebreaker bitstreams/ice.bin
on 2 "a number for a USB board" "only cards have numbers" "" "$flash" --board ulx3s:1 $b
on 2 "a card's flash" "never written to its flash" "" "$flash" --board u250 --flash $b
on 2 "no file" "one FILE is needed" "" "$flash" --board ulx3s
on 2 "no board" "--board BOARD is needed" "" "$flash" $b
on 2 "two files" "one FILE is needed" "" "$flash" --board ulx3s $b $b
echo changed >>$b
on 2 "a changed file" "is not the file of its MANIFEST" "" "$flash" --board ulx3s $b
echo "nonsense" >>bitstreams/MANIFEST
on 2 "a damaged manifest" "MANIFEST:6: is no" "" "$flash" --board ulx3s bitstreams/none.bit

rm bitstreams/MANIFEST

# ---- Programs that fail or are not there
on 2 "a failing program" "openFPGALoader failed with status 3" "openFPGALoader <-b> <ulx3s> <-m> <bitstreams/hx8k.bin>" \
    env STUB_STATUS=3 "$flash" --board ulx3s --unlisted bitstreams/hx8k.bin
line hx8k.bin hx8k "$isa" >bitstreams/MANIFEST
on 2 "unlisted is no way around the MANIFEST" "is for the board hx8k" "" "$flash" --board ulx3s bitstreams/hx8k.bin
on 2 "no program" "openFPGALoader is not installed; openfpgaloader has it" "" \
    env PATH="$work/empty" "$flash" --board ulx3s --unlisted "bitstreams/a name; rm -rf x.bit"

# ---- A card, through XRT: the stand-in of test_link.sh
cd - >/dev/null || exit 1
fake=$ADAFIRE_BUILD/tests/fake_xrt
"$ADAFIRE_BUILD/adafire-xclbin" --ports "$fake/kernel.ports" --card -o "$work/bitstreams/u250.xclbin"
echo "u250.xclbin u250 $isa 300 $(sha256sum "$work/bitstreams/u250.xclbin" | cut -d' ' -f1)" >"$work/bitstreams/MANIFEST"
card() {
    env LD_LIBRARY_PATH="$fake/lib" XILINX_XRT="$fake" "$@"
}
on 0 "onto a card" "" "" card "$flash" --board u250:1 "$work/bitstreams/u250.xclbin"
if grep -q "u250:1 holds .*u250.xclbin, 1 compute unit$" "$work/out"; then pass; else fail "what the card holds"; fi
on 2 "no such card" "there is no u250:7" "" card "$flash" --board u250:7 "$work/bitstreams/u250.xclbin"
on 2 "a busy card" "does another process use it?" "" card env FAKE_XRT=busy "$flash" --board u250 "$work/bitstreams/u250.xclbin"

finish
