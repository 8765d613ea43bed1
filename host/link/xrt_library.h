/* XRT, the vendor's library for Alveo cards, as far as it is used here. It is loaded when a card is
 * asked for: a machine without it has every other board. Signatures are those of XRT's C API
 * (xrt_device.h, xrt_bo.h, xrt_kernel.h; tests/link/test_xclbin.c compares them with installed
 * headers); handles are pointers, NULL on failure, and ints 0 when all is well. */
#ifndef ADAFIRE_XRT_LIBRARY_H
#define ADAFIRE_XRT_LIBRARY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { XRT_TO_DEVICE = 0, XRT_FROM_DEVICE = 1 }; /* enum xclBOSyncDirection */
enum { XRT_USER_RESET = 2 };                     /* enum xclResetKind */
enum { XRT_COMPLETED = 4 }; /* enum ert_cmd_state: 5 and 6, and 8 on, are failures */
enum { XRT_SUBMITTED = 7 };

struct xrt_library {
    void *core, *shim; /* dlopen's */
    bool emulated;
    void *(*device_open)(unsigned index);
    void *(*device_open_by_address)(const char *pcie_address);
    int (*device_close)(void *device);
    int (*device_load)(void *device, const char *xclbin);
    int (*device_uuid)(void *device, unsigned char uuid[16]);
    void *(*device_shim)(void *device);
    void *(*kernel_open)(void *device, const unsigned char uuid[16], const char *name);
    int (*kernel_close)(void *kernel);
    int (*kernel_group)(void *kernel, int argument); /* the memory bank that it reaches */
    int (*kernel_read)(void *kernel, uint32_t offset, uint32_t *word); /* a register; may be NULL */
    void *(*buffer_open)(void *device, size_t bytes, uint64_t flags, uint32_t group);
    void *(*buffer_map)(void *buffer);
    int (*buffer_sync)(void *buffer, int direction, size_t bytes, size_t offset);
    int (*buffer_close)(void *buffer);
    void *(*run_open)(void *kernel);
    int (*run_set)(void *run, int argument, ...);
    int (*run_start)(void *run);
    int (*run_state)(void *run);
    int (*run_close)(void *run);
    /* Of the shim, the part below that knows the driver or the emulation. */
    unsigned (*probe)(void);                   /* devices that there are */
    int (*reset)(void *shim_handle, int kind); /* NULL where a shim has none */
};

/* Checks the environment first, because XRT ends the program over it; then loads XRT. AF_NO_DEVICE
 * says what is missing and how to get it. The library stays loaded: it does not survive dlclose. */
int xrt_library_open(const struct xrt_library **library);

#endif
