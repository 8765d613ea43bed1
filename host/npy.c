/* The .npy format: https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html */
#include "tensor.h"

#include "error.h"
#include "file.h"

#include <stdlib.h>
#include <string.h>

#define FILE_LIMIT ((size_t)16 << 30)

static const struct {
    const char *descr; /* behind the byte order character */
    enum dtype type;
} descrs[] = {
    {"f4", DTYPE_F32}, {"f8", DTYPE_F64}, {"f2", DTYPE_F16}, {"i1", DTYPE_I8},
    {"u1", DTYPE_U8},  {"i2", DTYPE_I16}, {"u2", DTYPE_U16}, {"i4", DTYPE_I32},
    {"u4", DTYPE_U32}, {"i8", DTYPE_I64}, {"u8", DTYPE_U64}, {"b1", DTYPE_BOOL},
};

/* What stands behind 'key': in the header's dictionary, or NULL. */
static const char *find_key(const char *header, const char *key)
{
    const char *at = strstr(header, key);
    at = at ? strchr(at + strlen(key), ':') : NULL;
    return at ? at + 1 + strspn(at + 1, " ") : NULL;
}

static int parse_descr(const char *name, const char *at, enum dtype *type)
{
    if (at && (*at == '\'' || *at == '"')) {
        char order = at[1];
        for (size_t i = 0; i < sizeof descrs / sizeof *descrs; i++) {
            size_t n = strlen(descrs[i].descr);
            if (strncmp(at + 2, descrs[i].descr, n) != 0 || at[2 + n] != *at)
                continue;
            *type = descrs[i].type;
            if (order == '<' || order == '|' || order == '=')
                return AF_OK;
            if (order == '>')
                return dtype_size(*type) == 1
                           ? AF_OK
                           : af_fail(AF_UNSUPPORTED, "%s: big-endian data", name);
        }
        return af_fail(AF_UNSUPPORTED, "%s: elements of type %.8s; numbers are read", name, at);
    }
    return af_fail(AF_BAD_FILE, "%s: the .npy header has no type", name);
}

static int parse_shape(const char *name, const char *at, struct tensor *t)
{
    if (!at || *at != '(')
        return af_fail(AF_BAD_FILE, "%s: the .npy header has no shape", name);
    at++;
    t->rank = 0;
    t->count = 1;
    for (;;) {
        at += strspn(at, " ,");
        if (*at == ')')
            return AF_OK;
        if (*at < '0' || *at > '9')
            return af_fail(AF_BAD_FILE, "%s: the .npy header's shape is damaged", name);
        if (t->rank == TENSOR_MAX_RANK)
            return af_fail(AF_UNSUPPORTED, "%s: more than %d dimensions", name, TENSOR_MAX_RANK);
        int64_t d = 0;
        for (; *at >= '0' && *at <= '9'; at++)
            if (__builtin_mul_overflow(d, (int64_t)10, &d) ||
                __builtin_add_overflow(d, (int64_t)(*at - '0'), &d))
                d = INT64_MAX / 16;
        at += *at == 'L';
        if (__builtin_mul_overflow(t->count, d, &t->count) || t->count > tensor_max_elements)
            return af_fail(AF_BAD_FILE, "%s: dimension %d of the array is out of range", name,
                           t->rank);
        t->dim[t->rank++] = d;
    }
}

int npy_parse_header(const char *name, const void *bytes, size_t size, struct tensor *t,
                     size_t *offset)
{
    const unsigned char *b = bytes;
    *t = (struct tensor){0};
    if (size < 10 || memcmp(b, "\x93NUMPY", 6) != 0)
        return af_fail(AF_BAD_FILE, "%s: not an .npy file", name);
    if (b[6] < 1 || b[6] > 3)
        return af_fail(AF_UNSUPPORTED, "%s: .npy version %d", name, b[6]);
    size_t begin = b[6] == 1 ? 10 : 12, length = b[8] | (size_t)b[9] << 8;
    if (b[6] > 1 && size >= 12)
        length |= (size_t)b[10] << 16 | (size_t)b[11] << 24;
    if (size < begin || length > size - begin || length > 65536)
        return af_fail(AF_BAD_FILE, "%s: the .npy header is truncated", name);
    char *header = strndup((const char *)b + begin, length);
    if (!header)
        return af_fail(AF_NO_MEMORY, "%s: no memory", name);
    const char *order = find_key(header, "fortran_order");
    int status = parse_descr(name, find_key(header, "descr"), &t->type);
    if (!status)
        status = parse_shape(name, find_key(header, "shape"), t);
    if (!status && (!order || strncmp(order, "False", 5) != 0))
        status = af_fail(AF_UNSUPPORTED, "%s: the array is in Fortran order; save it in C order",
                         name);
    free(header);
    *offset = begin + length;
    return status;
}

int npy_parse(const char *name, const void *bytes, size_t size, struct tensor *t)
{
    struct tensor head;
    size_t offset;
    int status = npy_parse_header(name, bytes, size, &head, &offset);
    *t = (struct tensor){0};
    if (status)
        return status;
    size_t need = (size_t)head.count * dtype_size(head.type);
    if (need > size - offset)
        return af_fail(AF_BAD_FILE, "%s: truncated: %zu bytes of data where %zu belong", name,
                       size - offset, need);
    status = tensor_make(t, head.type, head.rank, head.dim);
    if (!status)
        memcpy(t->data, (const char *)bytes + offset, need);
    return status;
}

int npy_read(const char *path, struct tensor *t)
{
    void *bytes;
    size_t size;
    *t = (struct tensor){0};
    int status = file_read(path, FILE_LIMIT, &bytes, &size);
    if (!status)
        status = npy_parse(path, bytes, size, t);
    free(bytes);
    return status;
}

int npy_write(const char *path, const struct tensor *t)
{
    char header[256];
    const char *descr = "";
    for (size_t i = 0; i < sizeof descrs / sizeof *descrs; i++)
        if (descrs[i].type == t->type)
            descr = descrs[i].descr;
    int n = snprintf(header, sizeof header, "{'descr': '%c%s', 'fortran_order': False, 'shape': (",
                     dtype_size(t->type) == 1 ? '|' : '<', descr);
    for (int i = 0; i < t->rank; i++)
        n += snprintf(header + n, sizeof header - (size_t)n, "%lld%s", (long long)t->dim[i],
                      t->rank == 1 || i + 1 < t->rank ? "," : "");
    n += snprintf(header + n, sizeof header - (size_t)n, "), }");
    int padded = (10 + n + 1 + 63) / 64 * 64 - 10;
    struct file_out out;
    int status = file_create(&out, path);
    if (status)
        return status;
    unsigned char prefix[10] = {0x93, 'N', 'U', 'M', 'P', 'Y', 1, 0};
    prefix[8] = (unsigned char)(padded & 255);
    prefix[9] = (unsigned char)(padded >> 8);
    fwrite(prefix, 1, sizeof prefix, out.stream);
    fprintf(out.stream, "%-*s\n", padded - 1, header);
    fwrite(t->data, dtype_size(t->type), (size_t)t->count, out.stream);
    return file_commit(&out);
}
