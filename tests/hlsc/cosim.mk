# What cosim and fuzz need: make -f tests/hlsc/cosim.mk, from the root. The Verilated runtime is
# compiled once, and its headers beforehand, which makes a Verilated kernel a matter of half a second.
MAKEFLAGS += -r
BUILD_DIR ?= build/release
B := $(BUILD_DIR)/cosim
HERE := tests/hlsc
CC := gcc
CXX := g++
CFLAGS_ALL := -std=gnu11 -O2 -g -Wall -Wextra -Wshadow -Wconversion -Wstrict-prototypes -D_GNU_SOURCE \
	-Ihw $(CFLAGS)
VERILATOR_INCLUDE := $(shell verilator --getenv VERILATOR_ROOT 2>/dev/null)/include
CXXFLAGS_ALL := -O1 -w -DVERILATOR=1 -DVM_COVERAGE=0 -DVM_SC=0 -DVM_TRACE=0 \
	-I$(VERILATOR_INCLUDE) -I$(VERILATOR_INCLUDE)/vltstd
RUNTIME := $(B)/verilated.o $(B)/verilated_threads.o
HOST := $(B)/testbench $(B)/generate $(B)/cosim.o $(B)/hls_stream.o

.DELETE_ON_ERROR:
.PHONY: all host verilator
all: host $(if $(shell command -v verilator),verilator)
host: $(HOST)
verilator: $(RUNTIME) $(B)/verilated.h.gch $(B)/cxxflags

$(B):
	@mkdir -p $@
$(B)/%: $(HERE)/%.c | $(B)
	$(CC) $(CFLAGS_ALL) -o $@ $<
$(B)/cosim.o: $(HERE)/cosim.c $(HERE)/cosim.h hw/hls.h hw/hls_host.h | $(B)
	$(CC) $(CFLAGS_ALL) -c -o $@ $<
$(B)/hls_stream.o: hw/hls_stream.c hw/hls.h hw/hls_host.h | $(B)
	$(CC) $(CFLAGS_ALL) -c -o $@ $<
$(RUNTIME): $(B)/%.o: $(VERILATOR_INCLUDE)/%.cpp | $(B)
	$(CXX) $(CXXFLAGS_ALL) -c -o $@ $<
$(B)/verilated.h.gch: $(VERILATOR_INCLUDE)/verilated.h $(B)/cxxflags | $(B)
	@printf '#include "verilated.h"\n' >$(B)/verilated.h
	$(CXX) $(CXXFLAGS_ALL) -iquote $(VERILATOR_INCLUDE) -x c++-header -o $@ $<
$(B)/cxxflags: $(HERE)/cosim.mk | $(B)
	@echo '$(CXXFLAGS_ALL)' >$@
