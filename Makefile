# AdaFire: `make`, `make demo`, `make test`, `make help`.
MAKEFLAGS += -r
BUILD ?= release
PREFIX ?= /usr/local
DESTDIR ?=
ifeq ($(origin CC),default)
CC := gcc
endif
B := build/$(BUILD)

# Whatever is missing is installed first; tools/setup says what, and is quick when all is there.
ifeq ($(filter help clean uninstall,$(MAKECMDGOALS)),)
SETUP := $(shell tools/setup >&2 || echo failed)
ifeq ($(SETUP),failed)
$(error tools/setup could not provide what the build needs)
endif
endif

PACKAGES := zlib libpng libjpeg libprotobuf-c openblas libcrypto
WARN := -Wall -Wextra -Wshadow -Wconversion -Wstrict-prototypes -Wmissing-prototypes
ifeq ($(CI),true)
WARN += -Werror
endif
OPT := -O3 -g
SAN :=
ifeq ($(BUILD),asan)
OPT := -O1 -g
SAN := -fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer
else ifeq ($(BUILD),tsan)
OPT := -O1 -g
SAN := -fsanitize=thread
else ifeq ($(BUILD),debug)
OPT := -O0 -g
endif

CFLAGS_ALL := -std=gnu11 $(OPT) $(WARN) $(SAN) -fPIC -MMD -MP -D_GNU_SOURCE -Ihost -Ihw -I$(B)/gen \
	$(shell pkg-config --cflags $(PACKAGES)) $(CFLAGS)
LIBS := $(shell pkg-config --libs $(PACKAGES)) -lm -lpthread

# cpu_kernel.c is compiled once per instruction set.
KERNELS := generic
ifeq ($(shell uname -m),x86_64)
KERNELS += avx2 avx512
endif
KERNEL_FLAGS_avx2 := -mavx2 -mfma
KERNEL_FLAGS_avx512 := -mavx512f -mavx512bw -mavx512vl -mavx512vnni

LIB_SRC := $(filter-out host/cpu_kernel.c,$(wildcard host/*.c host/link/*.c))
CLI_SRC := $(wildcard host/cli/adafire-*.c)
CLI_COMMON := $(filter-out $(CLI_SRC),$(wildcard host/cli/*.c))
TEST_SRC := $(wildcard tests/test_*.c)
TEST_SH := $(wildcard tests/test_*.sh)
FUZZ_SRC := $(wildcard tests/fuzz_*.c)
TEST_COMMON := $(filter-out $(TEST_SRC) $(FUZZ_SRC) tests/example.c,$(wildcard tests/*.c))

GEN := $(B)/gen/onnx.pb-c.o
LIB_OBJ := $(LIB_SRC:%.c=$(B)/%.o) $(KERNELS:%=$(B)/host/cpu_kernel_%.o) $(GEN)
PROGRAMS := $(CLI_SRC:host/cli/%.c=$(B)/%)
TESTS := $(TEST_SRC:tests/%.c=$(B)/tests/%)
FUZZERS := $(FUZZ_SRC:tests/%.c=$(B)/fuzz/%)

.PHONY: all help test demo bench lint install uninstall clean fuzz man
.SECONDARY:
all: $(PROGRAMS) $(B)/libadafire.so

$(B)/libadafire.a: $(LIB_OBJ)
	@rm -f $@
	$(AR) rcs $@ $^
$(B)/libadafire.so: $(LIB_OBJ)
	$(CC) -shared $(SAN) $(LDFLAGS) -Wl,-soname,libadafire.so.0 -o $@ $^ $(LIBS)

$(PROGRAMS): $(B)/%: $(B)/host/cli/%.o $(CLI_COMMON:%.c=$(B)/%.o) $(B)/libadafire.a
	$(CC) $(SAN) $(LDFLAGS) -o $@ $^ $(LIBS)
$(TESTS): $(B)/tests/%: $(B)/tests/%.o $(TEST_COMMON:%.c=$(B)/%.o) $(B)/libadafire.a
	$(CC) $(SAN) $(LDFLAGS) -o $@ $^ $(LIBS)

# onnx.proto is the system's; protobuf is known to host/onnx.c alone.
ONNX_PROTO ?= /usr/include/onnx/onnx.proto
$(B)/gen/onnx.pb-c.c: $(ONNX_PROTO)
	@mkdir -p $(@D)
	protoc-c --proto_path=$(dir $<) --c_out=$(@D) $<
$(B)/gen/onnx.pb-c.o: $(B)/gen/onnx.pb-c.c
	$(CC) -std=gnu11 $(OPT) $(SAN) -w -fPIC -c -o $@ $<
$(B)/host/onnx.o: $(B)/gen/onnx.pb-c.c

$(B)/host/cpu_kernel_%.o: host/cpu_kernel.c
	@mkdir -p $(@D)
	$(CC) $(CFLAGS_ALL) -Wno-psabi $(KERNEL_FLAGS_$*) -DKERNEL=$* -c -o $@ $<
$(B)/%.o: %.c
	@mkdir -p $(@D)
	$(CC) $(CFLAGS_ALL) -c -o $@ $<

-include $(LIB_OBJ:.o=.d) $(CLI_SRC:%.c=$(B)/%.d) $(CLI_COMMON:%.c=$(B)/%.d) \
	$(TEST_SRC:%.c=$(B)/%.d) $(TEST_COMMON:%.c=$(B)/%.d)

clean:
	rm -rf build
