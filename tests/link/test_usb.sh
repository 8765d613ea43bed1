#!/bin/sh
# USB boards without one: the system's libusb and an emulated FT2232H (umockdev) before the Verilated
# board, from serial line to serial line. The same answers as cpu to the bit; whatever goes wrong is one
# sentence, in time, and leaves nothing behind.
#   ADAFIRE_FAULTS=N: so many faults in a row instead of a few
set -u
. tests/check.sh
bin=$ADAFIRE_BUILD data=tests/data/digits
emulator=$bin/tests/link/usb/emulator
board() {
    for folder in "$bin" build/release; do
        [ ! -e "$folder/adafire-$1.so" ] || { echo "$folder/adafire-$1.so" && return; }
    done
}
case $bin in
*asan*) USB_EMULATOR_PRELOAD=$(${CC:-gcc} -print-file-name=libasan.so) && export USB_EMULATOR_PRELOAD ;;
*tsan*) skip "umockdev and the thread sanitizer do not go together" ;;
esac

# ---- The serial glue alone: from source, and as it was placed and routed
skipped=0
for design in board-loopback gates-icebreaker-loopback gates-hx8k-loopback; do
    if [ "$(board $design)" ]; then good "$design" "$bin/tests/link/usb/echo" "$(board $design)" 3000
    else
        skipped=$((skipped + 1))
        echo "skip: no $design (nextpnr-ice40, icestorm)"
    fi
done
[ -x "$emulator" ] || { echo "skip: umockdev is not installed" && finish $((skipped + 1)); }
ice=$(board board-icebreaker)
[ "$ice" ] || { echo "skip: no simulated board; \`make test\` makes one" && finish $((skipped + 1)); }

# bad NAME SECONDS TEXT COMMAND...: exit status 2, TEXT alone on standard error, within so many seconds.
bad() {
    name=$1 most=$2 text=$3
    shift 3
    begin=$(date +%s)
    timeout -k 1 120 "$@" >"$work/out" 2>"$work/err" </dev/null
    status=$?
    took=$(($(date +%s) - begin))
    if [ $status = 2 ] && [ $took -le "$most" ] && grep -qE -- "$text" "$work/err" &&
        [ "$(wc -l <"$work/err")" = 1 ]; then
        pass
    else
        fail "$name (status $status after $took s, wanted 2, '$text' within $most s)"
    fi
}
host="$bin/adafire-host -q"
good convert "$bin/adafire-convert" $data/model.onnx --calib $data/calib_images.npy --scale 1/16 --fit tiny -q \
    -o "$work/m.snn"
chmod 755 "$work"
samples="$work/m.snn $data/test_images.npy --limit 12"
run="$host $samples --board"
good cpu $run cpu -o "$work/cpu.npy"

# ---- The same answers
on() {
    name=$1
    shift
    rm -f "$work/usb.npy"
    good "$name" "$@" -o "$work/usb.npy"
    same "$name differs from cpu" "$work/cpu.npy" "$work/usb.npy"
}
on "icebreaker" "$emulator" --stats "$work/stats" "$ice" $run icebreaker
on "by path, with the kernel's driver" "$emulator" --driver "$ice" $run icebreaker:1-2
on "by serial number" "$emulator" "$ice" $run icebreaker:ADF00001
on "after a run that ended in the middle" "$emulator" --stale "$ice" $run icebreaker
for way in in out; do
    on "after a stall ($way) that nobody has cleared" "$emulator" --fault stall-$way=6000 "$ice" sh -c \
        "$run icebreaker >/dev/null 2>&1; exec $run icebreaker \$0 \$1"
done
on "short packets" "$emulator" --splinters "$ice" $run icebreaker --batch 5
if [ "$(board board-hx8k)" ]; then
    on "hx8k" "$emulator" --product "Lattice FTUSB Interface Cable" "$(board board-hx8k)" $run hx8k
fi
# What a student would flash: the files in bitstreams/, taken apart again.
good "cpu, two images" $host "$work/m.snn" $data/test_images.npy --limit 2 --board cpu -o "$work/two.npy"
for row in "icebreaker:6010:iCEBreaker V1.0e" "hx8k:6010:Lattice FTUSB Interface Cable" "hx8k_fifo:6014:UM232H"; do
    name=${row%%:*} product=${row#*:} gates=$(board gates-$name-bitstream)
    if [ "$gates" ]; then
        rm -f "$work/usb.npy"
        good "bitstreams/$name.bin" "$emulator" --id "${product%%:*}" --product "${product#*:}" "$gates" $host "$work/m.snn" \
            $data/test_images.npy --limit 2 --board $name --timeout 300 -o "$work/usb.npy"
        same "bitstreams/$name.bin differs from cpu" "$work/two.npy" "$work/usb.npy"
    else
        skipped=$((skipped + 1))
        echo "skip: no bitstreams/$name.bin to simulate (icestorm)"
    fi
done
if [ "$(board board-ulx3s_12f)" ]; then
    ulx3s="$emulator --id 6015"
    on "ulx3s_12f" $ulx3s --product "ULX3S FPGA 12K v3.0.8" "$(board board-ulx3s_12f)" $run ulx3s_12f
    bad "a ULX3S with another chip" 15 "no ulx3s_45f is attached" $ulx3s --product "ULX3S FPGA 12K v3.0.8" \
        "$(board board-ulx3s_12f)" $run ulx3s_45f
    good "faults of a ULX3S" $ulx3s --product "ULX3S FPGA 12K v3.0.8" "$(board board-ulx3s_12f)" \
        "$bin/tests/link/usb/faults" "$work/m.snn" $data/test_images.npy "${ADAFIRE_FAULTS:-6}" 7 ulx3s_12f
fi
# As nextpnr has placed and routed it, and packed it into that very file.
ecp5=$(board gates-ulx3s_12f-accelerator)
if [ "$ecp5" ]; then
    same "bitstreams/ulx3s_12f.bit is not what is made" bitstreams/ulx3s_12f.bit \
        "$(dirname "$ecp5")/boards/ulx3s_12f-accelerator.bit"
    rm -f "$work/usb.npy"
    good "bitstreams/ulx3s_12f.bit" $emulator --id 6015 --product "ULX3S FPGA 12K v3.0.8" "$ecp5" $host "$work/m.snn" \
        $data/test_images.npy --limit 2 --board ulx3s_12f --timeout 300 -o "$work/usb.npy"
    same "bitstreams/ulx3s_12f.bit differs from cpu" "$work/two.npy" "$work/usb.npy"
else
    skipped=$((skipped + 1))
    echo "skip: no ulx3s_12f placed and routed to simulate (nextpnr-ecp5, tools/setup boards)"
fi
fifo=$(board board-hx8k_fifo)
if [ "$fifo" ]; then
    on "hx8k_fifo" "$emulator" --id 6014 --product UM232H "$fifo" $run hx8k_fifo
    on "another chip's FIFO" "$emulator" --product "Dual RS232-HS" "$fifo" $run hx8k_fifo:0403:6010
    good "faults of a FIFO" "$emulator" --id 6014 --product UM232H "$fifo" "$bin/tests/link/usb/faults" "$work/m.snn" \
        $data/test_images.npy "${ADAFIRE_FAULTS:-6}" 7 hx8k_fifo
    on "usb-fifo" "$emulator" "$fifo" $run usb-fifo
    on "usb-fifo, short packets" "$emulator" --splinters "$fifo" $run usb-fifo:1-2
    bad "usb-fifo, unplugged" 20 "usb-fifo:1-2 has been unplugged" "$emulator" --fault unplug=6000 "$fifo" $run usb-fifo
    bad "usb-fifo, stalled" 20 "usb-fifo:1-2 refuses to go on" "$emulator" --fault stall-in=6000 "$fifo" $run usb-fifo
    bad "usb-fifo, silent" 20 "usb-fifo:1-2 has been silent" "$emulator" --fault silence=6000 "$fifo" $run usb-fifo --timeout 20
    bad "usb-fifo, begins anew" 20 "usb-fifo:1-2|accelerator" "$emulator" --fault power=6000 "$fifo" $run usb-fifo --timeout 20
fi
# At 1 Mbaud a board of 2 does not answer.
bad "by VID:PID, at another speed" 10 "usb:1-2 " "$emulator" "$ice" $run usb:0403:6010

# ---- Which board, and why not
bad "none" 15 "no icebreaker is attached; .*--board list" $run icebreaker
bad "another board" 15 "no icebreaker is attached" "$emulator" --product "Digilent USB Device" "$ice" $run icebreaker
bad "another path" 15 "no icebreaker at 1-3 is attached" "$emulator" "$ice" $run icebreaker:1-3
bad "another chip" 15 "no device 0403:6014 is attached" "$emulator" "$ice" $run usb:0403:6014
bad "no chip of FTDI's" 15 "does not know an FTDI chip's requests" "$emulator" --strange --vendor 1209 "$ice" \
    $run usb:1209:6010
bad "in use" 15 "in use by another program" "$emulator" --busy "$ice" $run icebreaker
bad "not allowed" 15 "you may not open it; .*udev rule" "$emulator" --forbidden "$ice" $run icebreaker
good "list" "$emulator" --forbidden "$ice" $host --board list
if grep -q '^icebreaker:1-2 .*0403:6010 .*ADF00001: .*udev rule' "$work/out"; then pass; else fail "why it cannot be used"; fi
good "list" "$emulator" "$ice" $host --board list
if grep -q '^icebreaker:1-2 .*iCEBreaker V1.0e.*: can be opened' "$work/out"; then pass; else fail "what is attached"; fi
bad "another design" 10 "accelerator speaks version 0" "$emulator" \
    --product "Lattice FTUSB Interface Cable" "$(board board-loopback)" $run hx8k --timeout 20

# ---- Faults: with the first bytes, in the program, in the samples
fault() { # KIND TEXT SECONDS BYTES
    for after in $4; do
        case $1 in *in | overrun) at=$((after / 6)) ;; *) at=$after ;; esac
        bad "$1=$at" "$3" "$2" "$emulator" --fault "$1=$at" --seed 11 "$ice" $run icebreaker --timeout 20
    done
}
silent="has been silent|has not finished"
damaged="damaged|checksum|wrong length|no message|no frame|does not know|silent|speaks version|answers to|instead of"
damaged="$damaged|words of counters|does not have|does not answer|in the middle|not understood|has not finished"
fault unplug "icebreaker:1-2 has been unplugged" 20 "0 30 2000 7000"
fault stall-out "icebreaker:1-2 refuses to go on" 20 "30 2000 7000"
fault stall-in "icebreaker:1-2 refuses to go on" 20 "30 2000 7000"
fault io-in "Input/Output Error" 20 "0 30 2000 7000"
fault io-out "Input/Output Error" 20 "0 30 2000 7000"
fault short-out "has not taken all" 20 "0 30 2000 7000"
fault silence "$silent|does not answer" 20 "0 30 2000 7000"
fault power "$damaged" 30 "0 30 2000 7000"
fault glitch "$damaged" 30 "0 30 2000 7000"
for kind in lose twice flip; do
    fault $kind-out "$damaged" 30 "0 30 2000 7000"
done
for after in 1 7 60 400; do
    for kind in lose twice flip; do
        bad "$kind-in=$after" 30 "$damaged" "$emulator" --fault $kind-in=$after --seed 2 "$ice" $run icebreaker --timeout 20
    done
done
bad "a request refused" 15 "does not know an FTDI chip's requests" "$emulator" --fault control=0 "$ice" $run icebreaker
good "many faults" "$emulator" --driver "$ice" "$bin/tests/link/usb/faults" "$work/m.snn" $data/test_images.npy \
    "${ADAFIRE_FAULTS:-12}" 7 icebreaker
cat "$work/out"
finish $skipped
