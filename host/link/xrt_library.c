#include "link/xrt_library.h"

#include "base/error.h"

#include <dlfcn.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define CORE "libxrt_coreutil.so.2"

static const struct symbol {
    const char *name;
    size_t offset;
    bool in_shim, needed;
} symbols[] = {
#define CORE_FUNCTION(field, name) {name, offsetof(struct xrt_library, field), false, true}
    CORE_FUNCTION(device_open, "xrtDeviceOpen"),
    CORE_FUNCTION(device_open_by_address, "xrtDeviceOpenByBDF"),
    CORE_FUNCTION(device_close, "xrtDeviceClose"),
    CORE_FUNCTION(device_load, "xrtDeviceLoadXclbinFile"),
    CORE_FUNCTION(device_uuid, "xrtDeviceGetXclbinUUID"),
    CORE_FUNCTION(device_shim, "xrtDeviceToXclDevice"),
    CORE_FUNCTION(kernel_open, "xrtPLKernelOpenExclusive"),
    CORE_FUNCTION(kernel_close, "xrtKernelClose"),
    CORE_FUNCTION(kernel_group, "xrtKernelArgGroupId"),
    CORE_FUNCTION(buffer_open, "xrtBOAlloc"),
    CORE_FUNCTION(buffer_map, "xrtBOMap"),
    CORE_FUNCTION(buffer_sync, "xrtBOSync"),
    CORE_FUNCTION(buffer_close, "xrtBOFree"),
    CORE_FUNCTION(run_open, "xrtRunOpen"),
    CORE_FUNCTION(run_set, "xrtRunSetArg"),
    CORE_FUNCTION(run_start, "xrtRunStart"),
    CORE_FUNCTION(run_state, "xrtRunState"),
    CORE_FUNCTION(run_close, "xrtRunClose"),
    {"xrtKernelReadRegister", offsetof(struct xrt_library, kernel_read), false, false},
    {"xclProbe", offsetof(struct xrt_library, probe), true, true},
    {"xclInternalResetDevice", offsetof(struct xrt_library, reset), true, false},
};

/* The shim that XRT will choose, from the emulation mode. */
static int name_shim(const char *mode, char path[PATH_MAX], bool *emulated)
{
    const char *root = getenv("XILINX_XRT"), *shim = "core";
    *emulated = mode && *mode;
    if (*emulated && strcmp(mode, "hw_emu") != 0 && strcmp(mode, "noop") != 0)
        return af_fail(AF_NO_DEVICE, "XCL_EMULATION_MODE=%.20s: only hw_emu and noop are supported",
                       mode);
    if (*emulated)
        shim = mode[0] == 'h' ? "hwemu" : "noop";
    if (!root || !*root)
        return af_fail(AF_NO_DEVICE,
                       "XILINX_XRT is not set; `source /opt/xilinx/xrt/setup.sh` for a card, or "
                       "put `xrt-emu` before the command for an emulated one");
    if (snprintf(path, PATH_MAX, "%s/lib/libxrt_%s.so.2", root, shim) >= PATH_MAX ||
        access(path, R_OK) != 0)
        return af_fail(AF_NO_DEVICE, "XILINX_XRT=%.200s has no lib/libxrt_%s.so.2", root, shim);
    if (*emulated && !getenv("USER"))
        return af_fail(AF_NO_DEVICE, "XRT's emulation needs USER to be set; `xrt-emu` does that");
    return AF_OK;
}

static int load(struct xrt_library *x)
{
    char path[PATH_MAX];
    x->core = dlopen(CORE, RTLD_NOW | RTLD_GLOBAL);
    if (!x->core && access("/opt/xilinx/xrt/setup.sh", R_OK) == 0)
        return af_fail(AF_NO_DEVICE, "XRT is installed but not set up; `source "
                                     "/opt/xilinx/xrt/setup.sh`");
    if (!x->core)
        return af_fail(AF_NO_DEVICE,
                       "XRT is not installed (" CORE "); for a card take AMD's package xrt, for "
                       "emulation `apt-get install libxrt1`");
    int status = name_shim(getenv("XCL_EMULATION_MODE"), path, &x->emulated);
    if (status)
        return status;
    x->shim = dlopen(path, RTLD_NOW | RTLD_GLOBAL);
    if (!x->shim)
        return af_fail(AF_NO_DEVICE, "%.200s cannot be loaded: %.300s", path, dlerror());
    for (size_t i = 0; i < sizeof symbols / sizeof *symbols; i++) {
        /* POSIX: pointers to functions and to objects are of one size. */
        void *found = dlsym(symbols[i].in_shim ? x->shim : x->core, symbols[i].name);
        if (!found && symbols[i].needed)
            return af_fail(AF_NO_DEVICE, "this XRT has no %s; 2.13 and later are known to have it",
                           symbols[i].name);
        memcpy((char *)x + symbols[i].offset, &found, sizeof found);
    }
    return AF_OK;
}

int xrt_library_open(const struct xrt_library **library)
{
    static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
    static struct xrt_library loaded;
    static bool ready;
    int status = AF_OK;
    pthread_mutex_lock(&lock);
    if (!ready)
        status = load(&loaded);
    ready = !status;
    pthread_mutex_unlock(&lock);
    *library = status ? NULL : &loaded;
    return status;
}
