/* The container of an Alveo's bitstream, as far as AdaFire reads and writes it. The layouts are
 * those of XRT's xclbin.h ("xclbin2"), restated because it is not installed everywhere; all little
 * endian. tests/link/test_xclbin.c compares them with the installed header. */
#ifndef ADAFIRE_XCLBIN_H
#define ADAFIRE_XCLBIN_H

#include <stdbool.h>
#include <stdint.h>

#define XCLBIN_MAGIC  "xclbin2"
#define XCLBIN_KERNEL "adafire_kernel" /* hw/kernel.c */

enum xclbin_mode { XCLBIN_MODE_FLAT = 0, XCLBIN_MODE_PR = 1, XCLBIN_MODE_HW_EMU = 4 };
enum xclbin_kind {
    XCLBIN_BITSTREAM = 0,
    XCLBIN_METADATA = 2,
    XCLBIN_MEMORIES = 6,
    XCLBIN_CONNECTIVITY = 7,
    XCLBIN_IP_LAYOUT = 8,
    XCLBIN_GROUP_MEMORIES = 26,
    XCLBIN_GROUP_CONNECTIVITY = 27,
};
enum { XCLBIN_IP_KERNEL = 1, XCLBIN_MEMORY_DDR4 = 1, XCLBIN_INTERRUPT = 1 };

struct xclbin_section {
    uint32_t kind;
    char name[16];
    uint64_t offset, bytes;
};

struct xclbin_file {
    char magic[8];
    int32_t signature_length; /* -1: none */
    uint8_t reserved[28], key[256];
    uint64_t id;
    uint64_t length, time, rom_time;
    uint16_t patch;
    uint8_t major, minor;
    uint16_t mode, actions;
    uint8_t rom_uuid[16];
    char platform[64]; /* vendor:board:name:version */
    uint8_t uuid[16];
    char debug_name[16];
    uint32_t sections; /* their headers follow, aligned to 8 bytes */
};

struct xclbin_ip {
    uint32_t type, properties;
    uint64_t base;
    char name[64]; /* kernel:unit */
};

struct xclbin_memory {
    uint8_t type, used, unused[6];
    uint64_t kib, base;
    char name[16];
};

struct xclbin_connection {
    int32_t argument, ip, memory;
};

/* What the host wants to know of one. */
enum { XCLBIN_MOST_UNITS = 64 };
struct xclbin {
    enum xclbin_mode mode;
    char platform[65];
    int units;                        /* compute units of XCLBIN_KERNEL, at least one */
    int further;                      /* of them that are there beyond the most */
    char unit[XCLBIN_MOST_UNITS][68]; /* as XRT wants to hear it: kernel:{unit} */
};

/* AF_BAD_FILE if it is no xclbin, is cut off or holds no such kernel. */
int xclbin_read(const char *path, struct xclbin *x);

#endif
