/* adafire-xclbin: writes an xclbin for XRT's emulation. One for a card is linked by v++ (hw/vitis).
 */
#include "link/xclbin.h"

#include <errno.h>
#include <getopt.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_ARGUMENTS = 16, MOST_SECTIONS = 8, BANKS = 4 };
/* A U250 has 16 GiB of DDR4 in each of its four banks; XRT shows them from here on. Units'
 * registers are where v++ puts them, and their names are those that it gives. */
#define BANK_BASE(i) ((uint64_t)(4 + (i)) << 36)
#define UNIT_BASE(i) (0x1800000u + 0x10000u * (unsigned)(i))
#define PLATFORM     "xilinx:u250:gen3x16_xdma_shell:4.1"

static const char usage[] =
    "Usage: adafire-xclbin --ports FILE -o OUT.xclbin [OPTION]...\n"
    "Writes an xclbin without a bitstream: what XRT needs to know of the kernel to emulate it.\n"
    "\n"
    "  --ports FILE         the kernel's ports and registers, as `hlsc --ports` writes them\n"
    "  --units N            compute units, 1 to 16 (default 1)\n"
    "  --bank KIB           size of a bank of memory (default 16777216, as on a U250)\n"
    "  --kernel NAME        default " XCLBIN_KERNEL "\n"
    "  --card               says that it is for a card, which refuses it: for tests\n"
    "  -o FILE\n"
    "      --help\n"
    "\n"
    "Example: adafire-xclbin --ports kernel.ports --units 2 -o two.xclbin\n";

struct argument {
    char name[64];
    unsigned offset, bits;
    int width; /* of its memory port, 0: a number */
};

struct image {
    struct argument argument[MOST_ARGUMENTS];
    int arguments, units;
    enum xclbin_mode mode;
    uint64_t bank_kib;
    const char *kernel;
    struct xclbin_section section[MOST_SECTIONS];
    char *body[MOST_SECTIONS];
    int sections;
};

static int fail(const char *what, const char *why)
{
    fprintf(stderr, "adafire-xclbin: %s: %s\n", what, why);
    return 2;
}

static int read_ports(struct image *m, const char *path)
{
    char line[256], name[64];
    FILE *f = fopen(path, "r");
    if (!f)
        return fail(path, strerror(errno));
    while (fgets(line, sizeof line, f)) {
        struct argument a = {0};
        int width;
        if (m->arguments < MOST_ARGUMENTS &&
            sscanf(line, "register %63s %x %u", a.name, &a.offset, &a.bits) == 3)
            m->argument[m->arguments++] = a;
        if (sscanf(line, "axi %63s %d", name, &width) == 2)
            for (int i = 0; i < m->arguments; i++)
                if (strcmp(m->argument[i].name, name) == 0)
                    m->argument[i].width = width;
    }
    fclose(f);
    return m->arguments ? 0 : fail(path, "names no registers; has the kernel an s_axilite pragma?");
}

/* Takes the bytes over. */
static void add_section(struct image *m, enum xclbin_kind kind, const char *name, char *bytes,
                        size_t count)
{
    struct xclbin_section *s = &m->section[m->sections];
    *s = (struct xclbin_section){.kind = kind, .bytes = count};
    snprintf(s->name, sizeof s->name, "%s", name);
    m->body[m->sections++] = bytes;
}

/* The element names and attributes that XRT 2.13 looks for in its EMBEDDED_METADATA. */
static void write_arguments(const struct image *m, FILE *f)
{
    for (int i = 0; i < m->arguments; i++) {
        const struct argument *a = &m->argument[i];
        if (a->width)
            fprintf(f,
                    "<port name=\"M_AXI_%s\" mode=\"master\" range=\"0xFFFFFFFFFFFFFFFF\" "
                    "dataWidth=\"%d\" portType=\"addressable\" base=\"0x0\"/>\n",
                    a->name, a->width);
    }
    fprintf(f, "<port name=\"S_AXI_CONTROL\" mode=\"slave\" range=\"0x1000\" dataWidth=\"32\" "
               "portType=\"addressable\" base=\"0x0\"/>\n");
    for (int i = 0; i < m->arguments; i++) {
        const struct argument *a = &m->argument[i];
        fprintf(f,
                "<arg name=\"%s\" addressQualifier=\"%d\" id=\"%d\" port=\"%s%s\" size=\"0x%x\" "
                "offset=\"0x%x\" hostOffset=\"0x0\" hostSize=\"0x%x\" type=\"%s\"/>\n",
                a->name, a->width != 0, i, a->width ? "M_AXI_" : "S_AXI_CONTROL",
                a->width ? a->name : "", a->bits / 8, a->offset, a->bits / 8,
                a->width ? "uint*" : "uint");
    }
}

static void add_metadata(struct image *m)
{
    char *text = NULL;
    size_t size = 0;
    FILE *f = open_memstream(&text, &size);
    if (!f)
        return;
    fprintf(f,
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<project name=\"adafire\">\n"
            "<platform vendor=\"xilinx\" boardid=\"u250\" name=\"gen3x16_xdma_shell\" "
            "featureRomTime=\"0\"><version major=\"4\" minor=\"1\"/>\n"
            "<device name=\"fpga0\" fpgaDevice=\"virtexuplus:xcu250:figd2104:-2L-e\" "
            "addrWidth=\"0\">\n<core name=\"OCL_REGION_0\" target=\"hw_em\" type=\"clc_region\" "
            "clockFreq=\"0MHz\" numComputeUnits=\"%d\">\n<kernelClocks><clock port=\"DATA_CLK\" "
            "frequency=\"300.000000MHz\"/></kernelClocks>\n"
            "<kernel name=\"%s\" language=\"ip_c\" vlnv=\"adafire:kernel:%s:1.0\" attributes=\"\" "
            "preferredWorkGroupSizeMultiple=\"0\" workGroupSize=\"1\" interrupt=\"true\" "
            "hwControlProtocol=\"ap_ctrl_hs\">\n",
            m->units, m->kernel, m->kernel);
    write_arguments(m, f);
    fprintf(f, "<compileWorkGroupSize x=\"1\" y=\"1\" z=\"1\"/><maxWorkGroupSize x=\"1\" y=\"1\" "
               "z=\"1\"/>\n");
    for (int i = 0; i < m->units; i++)
        fprintf(f,
                "<instance name=\"%s_%d\"><addrRemap base=\"0x%x\" range=\"0x1000\" "
                "port=\"S_AXI_CONTROL\"/></instance>\n",
                m->kernel, i + 1, UNIT_BASE(i));
    fprintf(f, "</kernel>\n</core></device></platform></project>\n");
    fclose(f);
    add_section(m, XCLBIN_METADATA, "metadata", text, size);
}

/* A count, 4 or 0 bytes of nothing, records. */
static char *list(int count, size_t head, const void *records, size_t bytes)
{
    char *list = calloc(1, head + bytes);
    const int32_t n = count;
    if (list) {
        memcpy(list, &n, sizeof n);
        memcpy(list + head, records, bytes);
    }
    return list;
}

static void add_tables(struct image *m)
{
    struct xclbin_memory bank[BANKS] = {0};
    for (int i = 0; i < BANKS; i++) {
        bank[i] = (struct xclbin_memory){
            .type = XCLBIN_MEMORY_DDR4, .used = 1, .kib = m->bank_kib, .base = BANK_BASE(i)};
        snprintf(bank[i].name, sizeof bank[i].name, "DDR[%u]", (unsigned)i % BANKS);
    }
    struct xclbin_ip ip[XCLBIN_MOST_UNITS] = {0};
    struct xclbin_connection to[XCLBIN_MOST_UNITS * MOST_ARGUMENTS];
    int connections = 0;
    for (int i = 0; i < m->units; i++) {
        ip[i] = (struct xclbin_ip){.type = XCLBIN_IP_KERNEL,
                                   .properties = XCLBIN_INTERRUPT | (unsigned)i << 1,
                                   .base = UNIT_BASE(i)};
        snprintf(ip[i].name, sizeof ip[i].name, "%.28s:%.28s_%u", m->kernel, m->kernel,
                 (unsigned)i % XCLBIN_MOST_UNITS + 1);
        for (int k = 0; k < m->arguments; k++)
            if (m->argument[k].width)
                to[connections++] = (struct xclbin_connection){k, i, i % BANKS};
    }
    /* Where groups of banks are not used, their sections are the same as the banks'. */
    const size_t banks = sizeof bank, ips = (size_t)m->units * sizeof *ip,
                 joins = (size_t)connections * sizeof *to;
    add_section(m, XCLBIN_MEMORIES, "memory", list(BANKS, 8, bank, banks), 8 + banks);
    add_section(m, XCLBIN_IP_LAYOUT, "ip_layout", list(m->units, 8, ip, ips), 8 + ips);
    add_section(m, XCLBIN_CONNECTIVITY, "connect", list(connections, 4, to, joins), 4 + joins);
    add_section(m, XCLBIN_GROUP_MEMORIES, "gtopo", list(BANKS, 8, bank, banks), 8 + banks);
    add_section(m, XCLBIN_GROUP_CONNECTIVITY, "gconn", list(connections, 4, to, joins), 4 + joins);
}

static int write_image(struct image *m, const char *path)
{
    struct xclbin_file head = {.magic = XCLBIN_MAGIC,
                               .signature_length = -1,
                               .major = 2,
                               .minor = 13,
                               .patch = 466,
                               .mode = (uint16_t)m->mode,
                               .platform = PLATFORM,
                               .sections = (uint32_t)m->sections};
    unsigned char digest[EVP_MAX_MD_SIZE];
    EVP_MD_CTX *hash = EVP_MD_CTX_new();
    bool good = hash && EVP_DigestInit_ex(hash, EVP_sha256(), NULL);
    uint64_t at = sizeof head + (size_t)m->sections * sizeof *m->section;
    memset(head.reserved, 0xff, sizeof head.reserved);
    memset(head.key, 0xff, sizeof head.key);
    for (int i = 0; i < m->sections; i++) {
        at = (at + 7) & ~(uint64_t)7;
        m->section[i].offset = at;
        at += m->section[i].bytes;
        good = good && m->body[i] && EVP_DigestUpdate(hash, m->body[i], m->section[i].bytes);
    }
    good = good && EVP_DigestFinal_ex(hash, digest, NULL);
    EVP_MD_CTX_free(hash);
    if (!good)
        return fail(path, "no memory");
    memcpy(head.uuid, digest, sizeof head.uuid);
    memcpy(&head.id, digest + 16, sizeof head.id);
    head.length = at;
    FILE *f = fopen(path, "wb");
    if (!f)
        return fail(path, strerror(errno));
    good = fwrite(&head, sizeof head, 1, f) == 1 &&
           fwrite(m->section, sizeof *m->section, (size_t)m->sections, f) == (size_t)m->sections;
    for (int i = 0; i < m->sections && good; i++)
        good = fseeko(f, (off_t)m->section[i].offset, SEEK_SET) == 0 &&
               fwrite(m->body[i], 1, m->section[i].bytes, f) == m->section[i].bytes;
    return fclose(f) == 0 && good ? 0 : fail(path, "cannot be written");
}

int main(int argc, char **argv)
{
    static const struct option options[] = {{"ports", 1, NULL, 'p'},  {"units", 1, NULL, 'u'},
                                            {"bank", 1, NULL, 'b'},   {"kernel", 1, NULL, 'k'},
                                            {"output", 1, NULL, 'o'}, {"help", 0, NULL, 'h'},
                                            {"card", 0, NULL, 'c'},   {NULL, 0, NULL, 0}};
    static struct image m = {
        .mode = XCLBIN_MODE_HW_EMU, .units = 1, .bank_kib = 16u << 20, .kernel = XCLBIN_KERNEL};
    const char *ports = NULL, *output = NULL;
    bool good = true;
    for (int opt; good && (opt = getopt_long(argc, argv, "o:", options, NULL)) != -1;)
        switch (opt) {
        case 'p': ports = optarg; break;
        case 'o': output = optarg; break;
        case 'c': m.mode = XCLBIN_MODE_PR; break;
        case 'k': m.kernel = optarg; break;
        case 'u': m.units = atoi(optarg); break;
        case 'b': m.bank_kib = strtoull(optarg, NULL, 10); break;
        case 'h': fputs(usage, stdout); return 0;
        default: good = false;
        }
    if (!good || !ports || !output || optind != argc || m.units < 1 ||
        m.units > XCLBIN_MOST_UNITS || !m.bank_kib) {
        fputs("Try 'adafire-xclbin --help'.\n", stderr);
        return 2;
    }
    int status = read_ports(&m, ports);
    if (!status) {
        add_metadata(&m);
        add_tables(&m);
        status = write_image(&m, output);
    }
    for (int i = 0; i < m.sections; i++)
        free(m.body[i]);
    return status;
}
