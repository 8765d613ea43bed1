#!/bin/sh
# adafire-flash: what it refuses, what it asks, and which program it starts with which words. The
# programs are stubs on PATH that write down how they were called.
set -u
. tests/check.sh
flash=$(realpath "$ADAFIRE_BUILD")/adafire-flash repository=$PWD
if ! command -v umockdev-run >/dev/null; then skip "umockdev is not installed: there are no boards to flash"; fi
case $ADAFIRE_BUILD in *asan*) export ASAN_OPTIONS="verify_asan_link_order=0:${ASAN_OPTIONS:-}" ;; esac

# ---- USB boards, as the kernel shows them: device NUMBER PORT PRODUCT_ID NAME SERIAL
device() {
    id=$3
    cat <<DEVICE
P: /devices/pci0000:00/0000:00:14.0/usb1/1-$2
N: bus/usb/001/00$1
E: SUBSYSTEM=usb
E: DEVTYPE=usb_device
E: BUSNUM=001
E: DEVNUM=00$1
E: DEVNAME=/dev/bus/usb/001/00$1
A: busnum=1\\n
A: devnum=$1\\n
A: speed=480\\n
A: bConfigurationValue=1\\n
A: idVendor=0403\\n
A: idProduct=$id\\n
A: manufacturer=maker\\n
A: product=$4\\n
A: serial=$5\\n
H: descriptors=12010002000000400304${id#??}${id%??}0007010203010902370002010080FA0904000002FFFFFF0207058102000200070502020002000904010002FFFFFF020705830200020007050402000200

DEVICE
}
{
    device 2 2 6010 "iCEBreaker V1.0e" ICE1
    device 3 3 6010 "Lattice FTUSB Interface Cable" LATT1
    device 4 4 6015 "ULX3S FPGA 85K" ULX1
    device 5 5 6010 "ECPIX-5 Debug" ECP1
    device 7 7 6015 "ULX3S FPGA 12K v3.0.8" ULX2
} >"$work/one"
{
    cat "$work/one"
    device 6 6 6010 "iCEBreaker V1.0e" ICE2
} >"$work/two"
device 3 3 6010 "Lattice FTUSB Interface Cable" LATT1 >"$work/other"
attached=$work/one
export attached
# Programs do not see the boards of this computer but those in the file $attached.
real=$flash flash=$work/flash
cat >"$flash" <<WRAPPER
#!/bin/sh
exec $(command -v umockdev-run) -d "\$attached" -- $real "\$@"
WRAPPER
chmod +x "$flash"

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
on 0 "to memory" "" "openFPGALoader <--busdev-num> <1:4> <-b> <ulx3s> <-m> <$b>" "$flash" --board ulx3s $b
on 0 "to flash" "" "openFPGALoader <--busdev-num> <1:4> <-b> <ulx3s> <-f> <$b>" "$flash" --board ulx3s --flash --yes $b
on 0 "hx8k to memory" "" "iceprog <-d> <d:001/003> <-S> <bitstreams/hx8k.bin>" "$flash" -b hx8k bitstreams/hx8k.bin
on 0 "hx8k to flash" "" "iceprog <-d> <d:001/003> <bitstreams/hx8k.bin>" "$flash" -b hx8k --flash -y bitstreams/hx8k.bin
on 0 "icebreaker" "" "iceprog <-d> <d:001/002> <bitstreams/ice.bin>" "$flash" -b icebreaker --flash -y bitstreams/ice.bin
grep -v '^#' "$repository/bitstreams/MANIFEST" >rows
while read -r file board rest; do
    case $board in
    icebreaker) call="iceprog <-d> <d:001/002>" ;;
    ulx3s) call="openFPGALoader <--busdev-num> <1:4> <-b> <ulx3s> <-f>" ;;
    ulx3s_12f) call="openFPGALoader <--busdev-num> <1:7> <-b> <ulx3s> <-f>" ;;
    ecpix5) call="openFPGALoader <--busdev-num> <1:5> <-b> <ecpix5> <-f>" ;;
    *) call="iceprog <-d> <d:001/003>" ;;
    esac
    on 0 "the repository's $file" "" "$call <$repository/bitstreams/$file>" \
        "$flash" -b "$board" --flash -y "$repository/bitstreams/$file"
done <rows
on 0 "a shell" "" "xbmgmt <program> <--device> <0000:b3:00.0> <--base>" "$flash" -b u250 --shell 0000:b3:00.0 -y
on 0 "no shell of the system's" "" "openFPGALoader <--busdev-num> <1:4> <-b> <ulx3s> <-m> <bitstreams/a name; rm -rf x.bit>" \
    "$flash" --board ulx3s --unlisted "bitstreams/a name; rm -rf x.bit"
on 0 "dry run" "" "" "$flash" --board ulx3s --flash --dry-run $b
if grep -qF "would run: openFPGALoader --busdev-num 1:4 -b ulx3s -f $b" out; then pass; else fail "what it would run"; fi

# ---- Which of several: never the first chip that is found
attached=$work/two
on 2 "two of them" "there are 2: icebreaker:1-2, icebreaker:1-6; say which" "" "$flash" -b icebreaker --flash -y bitstreams/ice.bin
on 0 "by bus and port" "" "iceprog <-d> <d:001/006> <bitstreams/ice.bin>" "$flash" -b icebreaker:1-6 --flash -y bitstreams/ice.bin
on 0 "by serial number" "" "iceprog <-d> <d:001/002> <bitstreams/ice.bin>" "$flash" -b icebreaker:ICE1 --flash -y bitstreams/ice.bin
on 2 "not that one" "no icebreaker at LATT1 is attached" "" "$flash" -b icebreaker:LATT1 --flash -y bitstreams/ice.bin
attached=$work/other
on 2 "another FT2232H" "no icebreaker is attached" "" "$flash" -b icebreaker --flash -y bitstreams/ice.bin
attached=$work/one
grep '^hx8k.bin' bitstreams/MANIFEST | sed 's/hx8k.bin hx8k/fifo.bin hx8k_fifo/' >>bitstreams/MANIFEST
cp bitstreams/hx8k.bin bitstreams/fifo.bin
on 0 "the FT232H is not what writes" "" "iceprog <-d> <d:001/003> <-S> <bitstreams/fifo.bin>" "$flash" -b hx8k_fifo bitstreams/fifo.bin
on 2 "a board that it cannot tell apart" "this one it cannot" "" "$flash" --board arty:1-2 --unlisted "bitstreams/a name; rm -rf x.bit"
on 0 "a board without a place" "" "openFPGALoader <-b> <arty_a7_35t> <-m> <bitstreams/a name; rm -rf x.bit>" \
    "$flash" --board arty --unlisted "bitstreams/a name; rm -rf x.bit"

# ---- It asks before flash is written; no answer is no
on 2 "no answer" "nothing was done" "" "$flash" --board ulx3s --flash $b
on 2 "no answer for a shell" "nothing was done" "" "$flash" --board u250 --shell 0000:b3:00.0
: >called
echo y | "$flash" --board ulx3s --flash $b >out 2>err
if [ "$(cat called)" = "openFPGALoader <--busdev-num> <1:4> <-b> <ulx3s> <-f> <$b>" ]; then pass; else fail "yes"; fi
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
on 2 "no such board attached" "no ulx3s at 1-9 is attached" "" "$flash" --board ulx3s:1-9 $b
on 2 "a card's flash" "never written to its flash" "" "$flash" --board u250 --flash $b
on 2 "no file" "one FILE is needed" "" "$flash" --board ulx3s
on 2 "no board" "--board BOARD is needed" "" "$flash" $b
on 2 "two files" "one FILE is needed" "" "$flash" --board ulx3s $b $b
echo changed >>$b
on 2 "a changed file" "is not the file of its MANIFEST" "" "$flash" --board ulx3s $b
echo "nonsense" >>bitstreams/MANIFEST
on 2 "a damaged manifest" "MANIFEST:7: is no" "" "$flash" --board ulx3s bitstreams/none.bit

rm bitstreams/MANIFEST

# ---- Programs that fail or are not there
on 2 "a failing program" "openFPGALoader failed with status 3" "openFPGALoader <--busdev-num> <1:4> <-b> <ulx3s> <-m> <bitstreams/hx8k.bin>" \
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
