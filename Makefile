# AdaFire. `make help` says what there is to make.
MAKEFLAGS += -r
# V=1 shows the commands.
Q := $(if $(V),,@)
say = $(if $(V),,@echo "  $(1)	$(2)")
BUILD ?= release
PREFIX ?= /usr/local
DESTDIR ?=
DATA ?= ../shared/data
SECONDS_EACH ?= 60
ifeq ($(origin CC),default)
CC := gcc
endif
ifeq ($(BUILD),fuzz)
CC := clang
endif
B := build/$(BUILD)
VERSION := $(shell sed -n 's/^.define AF_VERSION  *"\(.*\)"/\1/p' host/include/adafire.h)

# Whatever is missing is installed first; tools/setup says what, and is quick when all is there.
ifeq ($(filter help clean uninstall,$(MAKECMDGOALS))$(ADAFIRE_NO_SETUP),)
SETUP := $(shell tools/setup >&2 || echo failed)
ifeq ($(SETUP),failed)
$(error tools/setup could not provide what the build needs)
endif
endif

# What running needs, and what making models and reading samples needs beyond it.
RUN_PACKAGES := zlib libcrypto libusb-1.0
MORE_PACKAGES := libpng libjpeg libprotobuf-c openblas
# Each reads files of event cameras, and may be missing: then those are refused.
has = $(shell pkg-config --exists $(1) && echo $(1))
LZ4 := $(call has,liblz4)
ZSTD := $(call has,libzstd)
HDF5 := $(firstword $(call has,hdf5) $(call has,hdf5-serial))
MORE_PACKAGES += $(LZ4) $(ZSTD) $(HDF5)
OPTIONAL := $(if $(LZ4),-DADAFIRE_LZ4) $(if $(ZSTD),-DADAFIRE_ZSTD) $(if $(HDF5),-DADAFIRE_HDF5)
PACKAGES := $(RUN_PACKAGES) $(MORE_PACKAGES)
WARN := -Wall -Wextra -Wshadow -Wconversion -Wstrict-prototypes -Wmissing-prototypes
# Enumerations name constants, whatever these are reckoned with: clang 19 warns of it.
WARN += $(if $(findstring clang,$(CC)),-Wno-enum-float-conversion -Wno-enum-enum-conversion)
ifeq ($(CI),true)
WARN += -Werror
endif
OPT := -O2 -g
SAN :=
ifeq ($(BUILD),asan)
OPT := -O1 -g
SAN := -fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer
else ifeq ($(BUILD),tsan)
OPT := -O1 -g
SAN := -fsanitize=thread
else ifeq ($(BUILD),fuzz)
OPT := -O1 -g
SAN := -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=undefined
else ifeq ($(BUILD),debug)
OPT := -O0 -g
endif

CFLAGS_ALL := -std=gnu11 $(OPT) $(WARN) $(SAN) -fPIC -MMD -MP -D_GNU_SOURCE -iquote host -iquote tests -Ihost/include -Ihw -Isim -I$(B)/gen \
	$(OPTIONAL) $(shell pkg-config --cflags $(PACKAGES)) $(CFLAGS)
RUN_LIBS := $(shell pkg-config --libs $(RUN_PACKAGES)) -lm -lpthread -ldl
LIBS := $(shell pkg-config --libs $(PACKAGES)) -lm -lpthread -ldl
# What only the commands need: baselines are JSON.
CLI_PACKAGES := libcjson

# cpu_kernel.c is compiled once per instruction set.
KERNELS := generic
ifeq ($(shell uname -m),x86_64)
KERNELS += avx2 avx512
endif
ifeq ($(shell uname -m),aarch64)
KERNELS += neon
endif
KERNEL_FLAGS_neon := -march=armv8.2-a+dotprod
KERNEL_FLAGS_avx2 := -mavx2 -mfma
KERNEL_FLAGS_avx512 := -mavx512f -mavx512bw -mavx512vl -mavx512vnni

# The folders of the library (of COMMANDS: of the commands alone), each an archive, in the order in which
# a program is linked: whatever one of them lacks stands in those behind it (tools/layers).
RUNTIME := board accelerator link device engine task model base
CONVERTER := report run convert input recording network onnx
COMMANDS := live
FOLDERS := $(COMMANDS) $(CONVERTER) $(RUNTIME)
sources = $(filter-out host/engine/cpu_kernel.c,$(wildcard host/$(1)/*.c))
LIB_SRC := $(foreach f,$(FOLDERS),$(call sources,$(f)))
CLI_SRC := $(wildcard host/cli/adafire-*.c)
CLI_COMMON := $(filter-out $(CLI_SRC),$(wildcard host/cli/*.c))
TEST_SRC := $(wildcard tests/*/test_*.c)
TEST_SH := $(wildcard tests/*/test_*.sh)
FUZZ_SRC := $(wildcard tests/*/fuzz_*.c)
TEST_COMMON := $(wildcard tests/*.c)

HLSC_SRC := $(wildcard tools/hlsc/*.c)
HLSC := $(B)/hlsc

# The builds of the accelerator (hw/config.h).
ACCELERATOR := sim tiny u250 check ulx3s
# Clocks that latencies are told for: of the HX8K board, and what the schedules are made for, by a clock
# period in nanoseconds, 5 if there is none here.
MHZ_tiny := 24
MHZ_sim := 200
MHZ_u250 := 300
MHZ_check := 200
MHZ_ulx3s := 36
NS_u250 := 3.33
CSIM := $(ACCELERATOR:%=$(B)/adafire-csim-%.so)

GEN := $(B)/gen/onnx.pb-c.o
objects = $(patsubst %.c,$(B)/%.o,$(call sources,$(1))) $(extra_$(1))
extra_engine := $(KERNELS:%=$(B)/host/engine/cpu_kernel_%.o)
extra_onnx := $(GEN)
LIB_OBJ := $(foreach f,$(FOLDERS),$(call objects,$(f)))
# Where a run or a conversion spends its time; what remains builds faster so.
HOT := $(foreach f,engine convert recording device live,$(call objects,$(f))) $(B)/host/network/network.o $(ACCELERATOR:%=$(B)/hw/accelerator_%.o) $(B)/hw/hls_stream.o
$(HOT): CFLAGS_ALL := $(CFLAGS_ALL:-O2=-O3)
ARCHIVES := $(FOLDERS:%=$(B)/lib/%.a)
LIBRARIES := $(B)/libadafire.a $(B)/libadafire-convert.a $(B)/libadafire.so $(B)/libadafire-convert.so
PROGRAMS := $(CLI_SRC:host/cli/%.c=$(B)/%)
TESTS := $(TEST_SRC:tests/%.c=$(B)/tests/%)
FUZZERS := $(foreach f,$(FUZZ_SRC),$(B)/fuzz/$(basename $(notdir $(f))))

.PHONY: all archives help test quick python demo docs bench check-long check-usb check-xrt check-faults prove lint install uninstall clean fuzz fuzzers man completions $(ACCELERATOR:%=sim-%) $(ACCELERATOR:%=waves-%) $(ACCELERATOR:%=emu-%)
.SECONDARY:
.DELETE_ON_ERROR:
all: $(PROGRAMS) $(LIBRARIES) $(CSIM) $(HLSC)

define archive_rule
$(B)/lib/$(1).a: $(call objects,$(1))
endef
$(foreach f,$(FOLDERS),$(eval $(call archive_rule,$(f))))
$(ARCHIVES):
	@mkdir -p $(@D)
	@rm -f $@
	$(call say,AR,$@)
	$(Q)$(AR) rcs $@ $^
archives: $(ARCHIVES) $(CLI_SRC:%.c=$(B)/%.o) $(CLI_COMMON:%.c=$(B)/%.o) $(HLSC)
# What a user links: two libraries, which define no name that does not begin with af_. Names of their
# own begin with af_private_; of these libadafire.so shows what libadafire-convert.so needs, and no more.
SONAME := $(basename $(VERSION))
objects_of = $(foreach f,$(1),$(call objects,$(f)))
$(B)/lib/private.names.made: $(LIB_OBJ)
	@mkdir -p $(@D)
	$(Q){ nm -g --defined-only $^ | awk 'NF == 3 && $$3 !~ /^(af_|__)/ { print $$3, "af_private_" $$3 }' | sort -u; \
		printf '%s af_private_%s\n' af_tell af_tell af_fail_in af_fail_in; } >$@
# Seldom other than they were: then the library that was not touched stays as it is.
$(B)/lib/private.names $(B)/lib/adafire.map: %: %.made
	@cmp -s $< $@ || cp $< $@
$(B)/libadafire.a: $(call objects_of,$(RUNTIME))
$(B)/libadafire-convert.a: $(call objects_of,$(CONVERTER))
$(B)/libadafire.a $(B)/libadafire-convert.a: $(B)/lib/private.names
	@rm -f $@ $@.tmp
	$(call say,AR,$@)
	$(Q)$(AR) rcs $@.tmp $(filter %.o,$^)
	$(Q)objcopy --redefine-syms=$(B)/lib/private.names $@.tmp $@
	@rm -f $@.tmp
$(B)/lib/adafire.map.made: $(B)/libadafire.a $(B)/libadafire-convert.a
	$(Q){ echo "ADAFIRE_$(SONAME) { global:"; nm -g --defined-only $< | sed -n 's/.* \(af_.*\)/\1;/p' | grep -v '^af_private'; \
		echo "}; ADAFIRE_PRIVATE { global:"; nm -u $(B)/libadafire-convert.a | sed -n 's/.* \(af_private_.*\)/\1;/p' | sort -u; \
		echo "local: *; };"; } >$@
$(B)/libadafire.so: $(B)/libadafire.a $(B)/lib/adafire.map
	$(call say,LD,$@)
	$(Q)$(CC) -shared $(SAN) $(LDFLAGS) -Wl,-soname,libadafire.so.$(SONAME) -Wl,--version-script=$(B)/lib/adafire.map \
		-o $@ -Wl,--whole-archive $< -Wl,--no-whole-archive $(RUN_LIBS)
$(B)/libadafire-convert.so: $(B)/libadafire-convert.a $(B)/libadafire.so
	$(call say,LD,$@)
	$(Q){ echo "ADAFIRE_$(SONAME) { global:"; nm -g --defined-only $< | sed -n 's/.* \(af_.*\)/\1;/p' | grep -v '^af_private'; \
		echo "local: *; };"; } >$(B)/lib/adafire-convert.map
	$(Q)$(CC) -shared $(SAN) $(LDFLAGS) -Wl,-soname,libadafire-convert.so.$(SONAME) \
		-Wl,--version-script=$(B)/lib/adafire-convert.map -o $@ -Wl,--whole-archive $< -Wl,--no-whole-archive \
		-L$(B) -ladafire '-Wl,-rpath,$$ORIGIN' $(LIBS)

$(PROGRAMS): $(B)/%: $(B)/host/cli/%.o $(CLI_COMMON:%.c=$(B)/%.o) $(ARCHIVES)
	$(call say,LD,$@)
	$(Q)$(CC) $(SAN) $(LDFLAGS) -o $@ $^ $(LIBS) $(shell pkg-config --libs $(CLI_PACKAGES))
$(CLI_COMMON:%.c=$(B)/%.o): CFLAGS_ALL += $(shell pkg-config --cflags $(CLI_PACKAGES))
$(TESTS): $(B)/tests/%: $(B)/tests/%.o $(TEST_COMMON:%.c=$(B)/%.o) $(ARCHIVES)
	$(call say,LD,$@)
	$(Q)$(CC) $(SAN) $(LDFLAGS) -o $@ $^ $(LIBS)
$(B)/tests/hw/test_hls_stream: $(B)/hw/hls_stream.o
$(B)/tests/link/test_xclbin.o: CFLAGS_ALL += -isystem /usr/include/xrt
define fuzzer_rule
$(B)/fuzz/$(basename $(notdir $(1))): $(1:%.c=$(B)/%.o) $(TEST_COMMON:%.c=$(B)/%.o) $(ARCHIVES)
endef
$(foreach f,$(FUZZ_SRC),$(eval $(call fuzzer_rule,$(f))))
$(FUZZERS):
	@mkdir -p $(@D)
	$(call say,LD,$@)
	$(Q)$(CC) $(SAN) -fsanitize=fuzzer $(LDFLAGS) -o $@ $^ $(LIBS)

# hlsc stands on LLVM; nothing else knows it.
$(HLSC_SRC:%.c=$(B)/%.o): CFLAGS_ALL += -I$(shell llvm-config-19 --includedir) \
	-DAF_VERSION='"$(VERSION)"'
$(HLSC): $(HLSC_SRC:%.c=$(B)/%.o)
	$(call say,LD,$@)
	$(Q)$(CC) $(SAN) $(LDFLAGS) -o $@ $^ $(shell llvm-config-19 --ldflags --libs core bitreader passes)

# The accelerator for this computer, --board csim.
$(CSIM): $(B)/adafire-csim-%.so: $(B)/sim/csim.o $(B)/sim/memory.o $(B)/hw/accelerator_%.o $(B)/hw/hls_stream.o
	$(call say,LD,$@)
	$(Q)$(CC) -shared $(SAN) $(LDFLAGS) -Wl,-Bsymbolic -o $@ $^

# The accelerator as hardware: HLS-C to Verilog, and Verilog to a simulator that --board sim opens.
$(B)/rtl/accelerator_%.v: hw/accelerator.c $(wildcard hw/*.[ch]) $(HLSC)
	@mkdir -p $(@D)
	$(call say,HLSC,$< ($*))
	$(Q)$(HLSC) -w -Ihw -DBUILD_$(shell echo $* | tr a-z A-Z) --top accelerator --clock $(or $(NS_$*),5) --target xcup \
		--report $(@:.v=.txt) -o $@ $<
SIM_SRC := sim/verilate sim/sim.cpp sim/sim.h sim/print.h sim/behind.cpp sim/behind.h $(B)/sim/memory.o $(wildcard hw/rtl/*.v)
$(B)/adafire-sim-%.so: $(B)/rtl/accelerator_%.v $(SIM_SRC)
	$(call say,SIM,$@)
	$(Q)sim/verilate $< hw/rtl $@ sim $(MHZ_$*) $(B)/sim/memory.o
$(B)/adafire-waves-%.so: $(B)/rtl/accelerator_%.v $(SIM_SRC)
	$(call say,SIM,$@)
	$(Q)sim/verilate $< hw/rtl $@ waves $(MHZ_$*) $(B)/sim/memory.o
$(ACCELERATOR:%=waves-%): waves-%: $(B)/adafire-waves-%.so all
	@echo "adafire-host --board sim --build $* --trace FILE.fst writes waveforms."
$(ACCELERATOR:%=sim-%): sim-%: $(B)/adafire-sim-%.so all
	@echo "adafire-host --board sim --build $* runs it."

# The kernel for cards, and an emulated card to run it on (sim/README.md).
$(B)/rtl/kernel_%.v $(B)/rtl/kernel_%.ports &: hw/kernel.c $(wildcard hw/*.[ch]) $(HLSC)
	@mkdir -p $(@D)
	$(call say,HLSC,$< ($*))
	$(Q)$(HLSC) -w -Ihw -DBUILD_$(shell echo $* | tr a-z A-Z) --top adafire_kernel --clock $(or $(NS_$*),5) --target xcup \
		--report $(B)/rtl/kernel_$*.txt --ports $(B)/rtl/kernel_$*.ports -o $(B)/rtl/kernel_$*.v $<
CARD_OBJ := $(B)/sim/endpoint.o $(B)/sim/memory.o
$(B)/adafire-card-%: $(B)/rtl/kernel_%.v $(B)/rtl/kernel_%.ports $(CARD_OBJ) sim/verilate sim/card.cpp sim/card.h \
		sim/card.vlt $(wildcard hw/rtl/*.v)
	$(call say,SIM,$@)
	$(Q)sim/verilate $< hw/rtl $@ card $(CARD_OBJ)
	$(Q)cp $(B)/rtl/kernel_$*.ports $@.ports
$(B)/adafire-xclbin: $(B)/tools/xclbin.o
$(B)/xrt-emu: $(B)/sim/xrt-emu.o
$(B)/adafire-xclbin $(B)/xrt-emu:
	$(call say,LD,$@)
	$(Q)$(CC) $(SAN) $(LDFLAGS) -o $@ $^ -lcrypto -ldl
$(B)/adafire-emu-sleep.so: sim/sleep.c
	$(call say,LD,$@)
	$(Q)$(CC) -shared -fPIC -O2 -o $@ $<
EMULATION := $(B)/xrt-emu $(B)/adafire-xclbin $(B)/adafire-emu-sleep.so
$(ACCELERATOR:%=emu-%): emu-%: $(B)/adafire-card-% $(EMULATION) all
	@echo "xrt-emu --build $* adafire-host --board u250 runs it."

# A stand-in for XRT (tests/link/fake_xrt.c).
FAKE := $(B)/tests/fake_xrt
$(B)/hw/kernel_sim.o: hw/kernel.c
	@mkdir -p $(@D)
	$(call say,CC,$<)
	$(Q)$(CC) $(filter-out -Wconversion -Wextra,$(CFLAGS_ALL)) -Wno-unknown-pragmas -Wno-unused-label \
		-DBUILD_SIM -Dadafire_kernel=kernel_words -Daccelerator=kernel_accelerator -c -o $@ $<
$(FAKE)/lib/libxrt_coreutil.so.2: $(B)/tests/link/fake_xrt.o $(B)/hw/kernel_sim.o $(B)/hw/hls_stream.o $(B)/rtl/kernel_sim.ports
	@mkdir -p $(@D)
	$(call say,LD,$@)
	$(Q)$(CC) -shared $(SAN) $(LDFLAGS) -Wl,-Bsymbolic -o $@ $(filter %.o,$^) -lpthread -lz
	$(Q)cp $(B)/rtl/kernel_sim.ports $(FAKE)/kernel.ports
	$(Q)ln -sf libxrt_coreutil.so.2 $(FAKE)/lib/libxrt_core.so.2

include hw/boards/boards.mk

# Many processes: a part of its own, where Open MPI is installed.
ifneq ($(BUILD),asan)
ifneq ($(BUILD),tsan)
MPI := $(if $(shell command -v mpicc.openmpi),$(B)/adafire-mpi.so)
endif
endif
all: $(MPI)
$(B)/adafire-mpi.so: host/device/mpi/messages.c host/device/mpi/messages.h
	@mkdir -p $(@D)
	$(call say,LD,$@)
	$(Q)$(CC) -std=gnu11 -O2 $(WARN) -iquote host -shared -fPIC -o $@ $< $(shell pkg-config --cflags --libs ompi-c)

# onnx.proto is the system's; protobuf is known to host/onnx/onnx.c alone.
ONNX_PROTO ?= /usr/include/onnx/onnx.proto
$(B)/gen/onnx.pb-c.c: $(ONNX_PROTO)
	@mkdir -p $(@D)
	$(call say,GEN,$@)
	$(Q)protoc --proto_path=$(dir $<) --c_out=$(@D) $<
$(B)/gen/onnx.pb-c.o: $(B)/gen/onnx.pb-c.c
	$(call say,CC,$<)
	$(Q)$(CC) -std=gnu11 $(OPT) $(SAN) -w -fPIC -c -o $@ $<
$(B)/host/onnx/onnx.o: $(B)/gen/onnx.pb-c.c

$(B)/host/engine/cpu_kernel_%.o: host/engine/cpu_kernel.c
	@mkdir -p $(@D)
	$(call say,CC,$< ($*))
	$(Q)$(CC) $(CFLAGS_ALL) -Wno-psabi $(KERNEL_FLAGS_$*) -DKERNEL=$* -c -o $@ $<
# HLS-C means its narrow types, and labels its loops for people.
$(B)/hw/accelerator_%.o: hw/accelerator.c
	@mkdir -p $(@D)
	$(call say,CC,$< ($*))
	$(Q)$(CC) $(filter-out -Wconversion -Wextra,$(CFLAGS_ALL)) -Wno-unknown-pragmas -Wno-unused-label \
		-DBUILD_$(shell echo $* | tr a-z A-Z) -c -o $@ $<
$(B)/%.o: %.c
	@mkdir -p $(@D)
	$(call say,CC,$<)
	$(Q)$(CC) $(CFLAGS_ALL) -c -o $@ $<

-include $(LIB_OBJ:.o=.d) $(B)/tools/xclbin.d $(B)/tests/link/fake_xrt.d \
	$(patsubst %.c,$(B)/%.d,$(wildcard sim/*.c)) $(ACCELERATOR:%=$(B)/hw/accelerator_%.d) \
	$(B)/hw/kernel_sim.d $(B)/hw/hls_stream.d $(CLI_SRC:%.c=$(B)/%.d) \
	$(CLI_COMMON:%.c=$(B)/%.d) $(TEST_SRC:%.c=$(B)/%.d) $(TEST_COMMON:%.c=$(B)/%.d) \
	$(FUZZ_SRC:%.c=$(B)/%.d) $(HLSC_SRC:%.c=$(B)/%.d)

help:
	@sed -n 's/^#: //p' Makefile

#: make              build the programs and the library into build/release
#: make demo         convert and run the embedded example; writes report.html
#: make test         every test that needs no hardware; T=NAME: those whose name holds this
#: make quick        the tests that take a moment, in half a minute
#: make python       the Python package: a wheel, tested in a virtual environment (PYTHON=python3.12: of that one)
#: make docs         the C API's pages (Doxygen) into build/docs
#: make sim-NAME     the simulator for --board sim --build NAME: sim (ResNet-20; 1 minute) or tiny
#: make waves-NAME   the same, which can write waveforms (--trace FILE.fst)
#: make emu-NAME     an emulated Alveo card with that build: tools/xrt-emu adafire-host --board u250 ...
#: make bench        speed of the CPU engine beside a float simulation in PyTorch, of the readers of recordings, and of live streams
#: make check-long   accuracy tables and every task on the networks in DATA=../shared/data (hours)
#: make check-usb    every digit and 1,200 faults on emulated USB boards; how fast the link is (half an hour)
#: make bitstreams   BOARD=icebreaker|hx8k|hx8k_fifo|ulx3s|ulx3s_45f|ulx3s_25f|ulx3s_12f|ecpix5: a design, placed and routed, into bitstreams/
#: make loopback     BOARD=: the same of a design that says what it hears; make synthesis BOARD=: cells alone
#: make gates        BOARD=: a simulator of what was placed and routed; make cells BOARD=: of what was synthesised
#: make prove        formal proofs of hw/rtl, and faults that they must find (minutes; SHORT=1: what CI runs)
#: make check-xrt    LeNet-5 and ResNet-20 on an emulated Alveo card; 100 runs, four side by side (minutes)
#: make check-faults interrupts at random moments, writes that fail: nothing may be left (minutes)
#: make fuzz         run each fuzzer for SECONDS_EACH=60
#: make lint         formatting, static analysis, include layers
#: make install      PREFIX=/usr/local DESTDIR=
#: make man          manual pages from --help; make completions: of bash, zsh and fish
#: make clean
#: Options: V=1 (show commands), BUILD=release|debug|asan|tsan, CC=gcc|clang, CFLAGS=, CI=true (warnings are errors)

demo: all $(B)/adafire-sim-tiny.so
	@tools/demo $(B)

# Simulators are C++ of the tools' making: the sanitizers are for our own code.
NEEDED_BY_TESTS := all $(B)/adafire-xclbin $(FAKE)/lib/libxrt_coreutil.so.2 $(if $(filter release,$(BUILD)),$(B)/adafire-sim-tiny.so $(B)/adafire-sim-sim.so $(B)/adafire-sim-check.so $(B)/adafire-waves-tiny.so $(B)/adafire-card-sim $(B)/rtl/kernel_u250.ports $(EMULATION) $(BOARDS_TO_TEST)) $(USB_TOOLS)
CHOSEN := $(if $(T),$(foreach t,$(TESTS) $(TEST_SH),$(if $(findstring $(T),$(notdir $t)),$t)),$(TESTS) $(TEST_SH))
test: $(NEEDED_BY_TESTS) $(filter $(TESTS),$(CHOSEN))
	$(if $(CHOSEN),,$(error no test is called '$(T)'))
	@tests/runner $(B) $(CHOSEN)
SLOW := conformance optimize float_agreement engine model_file xclbin
QUICK := $(filter-out $(SLOW:%=$(B)/tests/%),$(foreach t,$(TESTS),$(if $(filter $(SLOW:%=test_%),$(notdir $t)),,$t)))
quick: $(PROGRAMS) $(CSIM) $(QUICK) $(B)/adafire-xclbin $(FAKE)/lib/libxrt_coreutil.so.2
	@tests/runner $(B) $(QUICK) tests/cli/test_flash.sh

python: all
	@tools/python $(B) $(PYTHON)

docs: host/include/adafire.h
	$(call say,DOC,build/docs/html/index.html)
	$(Q)tools/docs $< build/docs

bench: all
	@tools/bench $(B) $(DATA)

check-long: all $(TESTS)
	@tools/check-long $(B) $(DATA)
check-usb: all $(USB_TOOLS) $(BOARDS_TO_TEST) $(B)/adafire-board-slow.so
	@tools/check-usb $(B)
check-xrt: all emu-sim $(B)/rtl/kernel_u250.ports $(TESTS)
	@tools/check-xrt $(B) $(DATA)

prove:
	@tests/hw/prove $(if $(SHORT),short)

check-faults: all
	@tools/check-faults $(B)

lint:
	@tools/lint

fuzzers: $(FUZZERS) $(CSIM)
fuzz:
	@$(MAKE) --no-print-directory BUILD=fuzz fuzzers
	@tests/fuzz build/fuzz/fuzz $(SECONDS_EACH)

MAN := $(PROGRAMS:$(B)/%=$(B)/man/%.1) $(B)/man/hlsc.1
man: $(MAN)
$(B)/man/hlsc.1: $(HLSC)
	@mkdir -p $(@D)
	$(Q)help2man --no-info --name="compile HLS-C to Verilog" -o $@ $<
$(B)/man/%.1: $(B)/% host/cli/man/%.man tools/man-page
	@mkdir -p $(@D)
	$(Q)$< --help | tools/man-page -v name=$* -v about="$$(sed -n '1s/^.*: \(.*\)\. \*\/$$/\1/p' host/cli/$*.c)" \
		-v version=$(VERSION) -v more=host/cli/man/$*.man >$@

COMPLETIONS := $(foreach s,bash zsh fish,$(PROGRAMS:$(B)/%=$(B)/completions/$s/%))
completions: $(COMPLETIONS)
$(COMPLETIONS): $(B)/completions/%: tools/completions $(PROGRAMS)
	@mkdir -p $(@D)
	$(Q)$(B)/$(notdir $@) --help | tools/completions -v name=$(notdir $@) -v shell=$(notdir $(@D)) >$@

# A folder's name may hold blanks.
INSTALL_TO := $(DESTDIR)$(PREFIX)
SIMULATORS = $(wildcard $(B)/adafire-sim-*.so $(B)/adafire-waves-*.so)
BITSTREAMS = $(wildcard bitstreams/*)
CARDS = $(filter-out %.ports,$(wildcard $(B)/adafire-card-*))
PKGCONFIG = sed -e 's|@PREFIX@|$(subst $() ,\\ ,$(PREFIX))|; s|@VERSION@|$(VERSION)|; s|@RUN@|$(filter-out libusb-1.0,$(RUN_PACKAGES))|; s|@MORE@|$(MORE_PACKAGES)|'
install: all $(MAN) $(COMPLETIONS)
	install -d "$(INSTALL_TO)/bin" "$(INSTALL_TO)/lib/pkgconfig" "$(INSTALL_TO)/lib/adafire" \
		"$(INSTALL_TO)/include" "$(INSTALL_TO)/share/man/man1" "$(INSTALL_TO)/share/adafire/rtl" \
		"$(INSTALL_TO)/share/adafire/bitstreams" "$(INSTALL_TO)/lib/udev/rules.d"
	install -m 755 $(PROGRAMS) $(HLSC) "$(INSTALL_TO)/bin"
	install -m 644 host/include/adafire.h "$(INSTALL_TO)/include"
	install -m 644 hw/hls.h hw/hls_host.h hw/hls_stream.c $(wildcard hw/rtl/*.v) \
		"$(INSTALL_TO)/share/adafire/rtl"
	install -m 644 $(filter %.a,$(LIBRARIES)) "$(INSTALL_TO)/lib"
	install -m 755 $(CSIM) $(SIMULATORS) $(MPI) "$(INSTALL_TO)/lib/adafire"
	$(if $(CARDS),install -m 755 $(CARDS) $(CARDS:%=%.ports) $(filter-out %/xrt-emu,$(EMULATION)) "$(INSTALL_TO)/lib/adafire")
	$(if $(CARDS),install -m 755 $(B)/xrt-emu "$(INSTALL_TO)/bin")
	install -m 644 host/link/70-adafire.rules "$(INSTALL_TO)/lib/udev/rules.d"
	$(if $(BITSTREAMS),install -m 644 $(BITSTREAMS) "$(INSTALL_TO)/share/adafire/bitstreams")
	for name in libadafire libadafire-convert; do \
		install -m 755 $(B)/$$name.so "$(INSTALL_TO)/lib/$$name.so.$(VERSION)" && \
		ln -sf $$name.so.$(VERSION) "$(INSTALL_TO)/lib/$$name.so.$(SONAME)" && \
		ln -sf $$name.so.$(SONAME) "$(INSTALL_TO)/lib/$$name.so" || exit 1; done
	for name in adafire adafire-convert; do \
		$(PKGCONFIG) host/include/$$name.pc.in >"$(INSTALL_TO)/lib/pkgconfig/$$name.pc" || exit 1; done
	install -m 644 $(MAN) "$(INSTALL_TO)/share/man/man1"
	install -d "$(INSTALL_TO)/share/bash-completion/completions" "$(INSTALL_TO)/share/zsh/site-functions" \
		"$(INSTALL_TO)/share/fish/vendor_completions.d"
	for name in $(notdir $(PROGRAMS)); do \
		install -m 644 $(B)/completions/bash/$$name "$(INSTALL_TO)/share/bash-completion/completions/$$name" && \
		install -m 644 $(B)/completions/zsh/$$name "$(INSTALL_TO)/share/zsh/site-functions/_$$name" && \
		install -m 644 $(B)/completions/fish/$$name "$(INSTALL_TO)/share/fish/vendor_completions.d/$$name.fish" || exit 1; done
	$(if $(DESTDIR),,-@if [ "$$(id -u)" = 0 ]; then ldconfig; fi) # programs find the new libraries
uninstall:
	rm -rf "$(INSTALL_TO)/share/adafire" "$(INSTALL_TO)/lib/adafire"
	rm -f "$(INSTALL_TO)/lib/udev/rules.d/70-adafire.rules" "$(INSTALL_TO)/include/adafire.h"
	for name in $(notdir $(PROGRAMS) $(HLSC)) xrt-emu; do \
		rm -f "$(INSTALL_TO)/bin/$$name" "$(INSTALL_TO)/share/man/man1/$$name.1" \
			"$(INSTALL_TO)/share/bash-completion/completions/$$name" "$(INSTALL_TO)/share/zsh/site-functions/_$$name" \
			"$(INSTALL_TO)/share/fish/vendor_completions.d/$$name.fish"; done
	for name in adafire adafire-convert; do rm -f "$(INSTALL_TO)/lib/lib$$name.a" \
		"$(INSTALL_TO)/lib/lib$$name".so* "$(INSTALL_TO)/lib/pkgconfig/$$name.pc"; done

clean:
	rm -rf build
