/* Files of cards: what xclbin.h and xrt_library.h restate is what XRT's own headers say, where
 * these are installed; damaged files are refused. */
#include "test.h"

#include "base/error.h"
#include "link/xclbin.h"
#include "link/xrt_library.h"

#include <unistd.h>

#if __has_include(<xrt/xrt.h>)
#include <xclbin.h>
#include <xrt/xrt_bo.h>
#include <xrt/xrt_device.h>
#include <xrt/xrt_kernel.h>
#define HAVE_XRT 1

#define SAME_FIELD(mine, field, theirs, member)                                                    \
    CHECK_EQ(offsetof(struct mine, field), offsetof(struct theirs, member));                       \
    CHECK_EQ(sizeof(((struct mine *)0)->field), sizeof(((struct theirs *)0)->member))

TEST(layouts)
{
    CHECK_EQ(sizeof(struct xclbin_file), offsetof(struct axlf, m_sections));
    SAME_FIELD(xclbin_file, signature_length, axlf, m_signature_length);
    SAME_FIELD(xclbin_file, key, axlf, m_keyBlock);
    SAME_FIELD(xclbin_file, id, axlf, m_uniqueId);
    SAME_FIELD(xclbin_file, length, axlf, m_header.m_length);
    SAME_FIELD(xclbin_file, mode, axlf, m_header.m_mode);
    SAME_FIELD(xclbin_file, platform, axlf, m_header.m_platformVBNV);
    SAME_FIELD(xclbin_file, uuid, axlf, m_header.uuid);
    SAME_FIELD(xclbin_file, sections, axlf, m_header.m_numSections);
    CHECK_EQ(sizeof(struct xclbin_section), sizeof(struct axlf_section_header));
    SAME_FIELD(xclbin_section, kind, axlf_section_header, m_sectionKind);
    SAME_FIELD(xclbin_section, offset, axlf_section_header, m_sectionOffset);
    SAME_FIELD(xclbin_section, bytes, axlf_section_header, m_sectionSize);
    CHECK_EQ(sizeof(struct xclbin_ip), sizeof(struct ip_data));
    SAME_FIELD(xclbin_ip, base, ip_data, m_base_address);
    SAME_FIELD(xclbin_ip, name, ip_data, m_name);
    CHECK_EQ(offsetof(struct ip_layout, m_ip_data), 8);
    CHECK_EQ(sizeof(struct xclbin_memory), sizeof(struct mem_data));
    SAME_FIELD(xclbin_memory, kib, mem_data, m_size);
    SAME_FIELD(xclbin_memory, base, mem_data, m_base_address);
    SAME_FIELD(xclbin_memory, name, mem_data, m_tag);
    CHECK_EQ(offsetof(struct mem_topology, m_mem_data), 8);
    CHECK_EQ(sizeof(struct xclbin_connection), sizeof(struct connection));
    SAME_FIELD(xclbin_connection, memory, connection, mem_data_index);
    CHECK_EQ(offsetof(struct connectivity, m_connection), 4);
}

TEST(numbers)
{
    CHECK_EQ(XCLBIN_BITSTREAM, BITSTREAM);
    CHECK_EQ(XCLBIN_METADATA, EMBEDDED_METADATA);
    CHECK_EQ(XCLBIN_MEMORIES, MEM_TOPOLOGY);
    CHECK_EQ(XCLBIN_CONNECTIVITY, CONNECTIVITY);
    CHECK_EQ(XCLBIN_IP_LAYOUT, IP_LAYOUT);
    CHECK_EQ(XCLBIN_GROUP_MEMORIES, ASK_GROUP_TOPOLOGY);
    CHECK_EQ(XCLBIN_GROUP_CONNECTIVITY, ASK_GROUP_CONNECTIVITY);
    CHECK_EQ(XCLBIN_MODE_FLAT, XCLBIN_FLAT);
    CHECK_EQ(XCLBIN_MODE_PR, XCLBIN_PR);
    CHECK_EQ(XCLBIN_MODE_HW_EMU, XCLBIN_HW_EMU);
    CHECK_EQ(XCLBIN_IP_KERNEL, IP_KERNEL);
    CHECK_EQ(XCLBIN_MEMORY_DDR4, MEM_DDR4);
    CHECK_EQ(XCLBIN_INTERRUPT, IP_INT_ENABLE_MASK);
    CHECK_EQ(XRT_TO_DEVICE, XCL_BO_SYNC_BO_TO_DEVICE);
    CHECK_EQ(XRT_FROM_DEVICE, XCL_BO_SYNC_BO_FROM_DEVICE);
    CHECK_EQ(XRT_USER_RESET, XCL_USER_RESET);
    CHECK_EQ(XRT_COMPLETED, ERT_CMD_STATE_COMPLETED);
    CHECK_EQ(XRT_SUBMITTED, ERT_CMD_STATE_SUBMITTED);
}

/* An enumeration is passed as an int is, and xuid_t is an array of 16 unsigned char. */
#define SAME_TYPE(field, type)                                                                     \
    CHECK(__builtin_types_compatible_p(__typeof__(((struct xrt_library *)0)->field), type))

TEST(functions)
{
    SAME_TYPE(device_open, __typeof__(&xrtDeviceOpen));
    SAME_TYPE(device_open_by_address, __typeof__(&xrtDeviceOpenByBDF));
    SAME_TYPE(device_close, __typeof__(&xrtDeviceClose));
    SAME_TYPE(device_load, __typeof__(&xrtDeviceLoadXclbinFile));
    SAME_TYPE(device_uuid, __typeof__(&xrtDeviceGetXclbinUUID));
    SAME_TYPE(device_shim, __typeof__(&xrtDeviceToXclDevice));
    SAME_TYPE(kernel_open, __typeof__(&xrtPLKernelOpenExclusive));
    SAME_TYPE(kernel_close, __typeof__(&xrtKernelClose));
    SAME_TYPE(kernel_group, __typeof__(&xrtKernelArgGroupId));
    SAME_TYPE(buffer_open, __typeof__(&xrtBOAlloc));
    SAME_TYPE(buffer_map, __typeof__(&xrtBOMap));
    SAME_TYPE(buffer_close, __typeof__(&xrtBOFree));
    SAME_TYPE(run_open, __typeof__(&xrtRunOpen));
    SAME_TYPE(run_set, __typeof__(&xrtRunSetArg));
    SAME_TYPE(run_start, __typeof__(&xrtRunStart));
    SAME_TYPE(run_close, __typeof__(&xrtRunClose));
    CHECK(__builtin_types_compatible_p(__typeof__(&xrtBOSync),
                                       int (*)(void *, enum xclBOSyncDirection, size_t, size_t)));
    CHECK(__builtin_types_compatible_p(__typeof__(&xrtRunState), enum ert_cmd_state (*)(void *)));
}
#endif

/* A small file, with so many bytes of it. */
static int read_cut(size_t bytes, size_t flip, struct xclbin *x)
{
    struct {
        struct xclbin_file head;
        struct xclbin_section section;
        int32_t count, nothing;
        struct xclbin_ip ip[2];
    } file = {.head = {.magic = XCLBIN_MAGIC,
                       .mode = XCLBIN_MODE_PR,
                       .platform = "xilinx:u250:a:1.0",
                       .length = sizeof file,
                       .sections = 1},
              .section = {.kind = XCLBIN_IP_LAYOUT,
                          .offset = sizeof(struct xclbin_file) + sizeof(struct xclbin_section),
                          .bytes = 8 + 2 * sizeof(struct xclbin_ip)},
              .count = 2,
              .ip = {{.type = XCLBIN_IP_KERNEL, .name = XCLBIN_KERNEL ":a"},
                     {.type = XCLBIN_IP_KERNEL, .name = XCLBIN_KERNEL ":b_2"}}};
    char path[] = "/tmp/adafire-xclbin-XXXXXX";
    const int fd = mkstemp(path);
    ((unsigned char *)&file)[flip / 8 % sizeof file] ^= (unsigned char)(flip ? 1u << flip % 8 : 0);
    if (fd < 0 || write(fd, &file, bytes) != (ssize_t)bytes)
        abort();
    close(fd);
    const int status = xclbin_read(path, x);
    unlink(path);
    return status;
}

TEST(reading)
{
    struct xclbin x;
    const size_t all = sizeof(struct xclbin_file) + sizeof(struct xclbin_section) + 8 +
                       2 * sizeof(struct xclbin_ip);
    CHECK_EQ(read_cut(all, 0, &x), AF_OK);
    CHECK_EQ(x.units, 2);
    CHECK(strcmp(x.unit[0], "adafire_kernel:{a}") == 0);
    CHECK(strcmp(x.unit[1], "adafire_kernel:{b_2}") == 0);
    CHECK(strcmp(x.platform, "xilinx:u250:a:1.0") == 0);
    CHECK_EQ(x.mode, XCLBIN_MODE_PR);
    for (size_t n = 0; n < all; n += 3)
        CHECK_EQ(read_cut(n, 0, &x), AF_BAD_FILE);
    /* Whatever bit is wrong, reading ends well or with a sentence. */
    for (size_t bit = 1; bit < 8 * all; bit++) {
        const int status = read_cut(all, bit, &x);
        CHECK(status == AF_OK || status == AF_BAD_FILE);
        CHECK(status || (x.units >= 1 && x.units <= 2));
    }
    CHECK_EQ(xclbin_read("/nowhere/x.xclbin", &x), AF_IO);
}

int main(void)
{
#ifdef HAVE_XRT
    RUN(layouts);
    RUN(numbers);
    RUN(functions);
#else
    SKIP("libxrt-dev is not installed: layouts cannot be compared with XRT's headers");
#endif
    RUN(reading);
    return test_end();
}
