#include "base/npy.h"

#include "base/error.h"
#include "base/file.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* numpy's own headers are 128 bytes; a callers' first 64 KiB must hold all of it. */
#define HEADER_LIMIT 65536

static const struct {
    const char *descr; /* behind the byte order character */
    enum dtype type;
} descrs[] = {
    {"f4", DTYPE_F32}, {"f8", DTYPE_F64},  {"f2", DTYPE_F16}, {"i1", DTYPE_I8},  {"u1", DTYPE_U8},
    {"i2", DTYPE_I16}, {"u2", DTYPE_U16},  {"i4", DTYPE_I32}, {"u4", DTYPE_U32}, {"i8", DTYPE_I64},
    {"u8", DTYPE_U64}, {"b1", DTYPE_BOOL}, {"?", DTYPE_BOOL},
};

/* ---- The header: a Python dictionary literal ------------------------------------------------ */

struct cursor {
    const char *name; /* of the file */
    const char *at, *end;
};

static int damaged(const struct cursor *c)
{
    return af_fail(AF_BAD_FILE, "%s: the .npy header is damaged", c->name);
}

static void skip_space(struct cursor *c)
{
    while (c->at < c->end && (*c->at == ' ' || (*c->at >= '\t' && *c->at <= '\r')))
        c->at++;
}

/* Skips space and then `what` if it stands there. */
static bool skip(struct cursor *c, char what)
{
    skip_space(c);
    if (c->at == c->end || *c->at != what)
        return false;
    c->at++;
    return true;
}

static bool skip_word(struct cursor *c, const char *word)
{
    size_t n = strlen(word);
    if ((size_t)(c->end - c->at) < n || memcmp(c->at, word, n) != 0)
        return false;
    c->at += n;
    return true;
}

/* A quoted string without escapes, at most size - 1 characters. */
static bool take_string(struct cursor *c, char *text, size_t size)
{
    skip_space(c);
    if (c->at == c->end || (*c->at != '\'' && *c->at != '"'))
        return false;
    const char quote = *c->at++;
    size_t n = 0;
    while (c->at < c->end && *c->at != quote) {
        if (n + 1 == size || *c->at < ' ' || *c->at > '~')
            return false;
        text[n++] = *c->at++;
    }
    text[n] = 0;
    return skip(c, quote);
}

/* A type such as '<f4' or '|V3'; the latter, bytes that mean nothing, is *size alone. */
static int take_type(struct cursor *c, struct npy_field *f, size_t *size)
{
    char text[32];
    if (!take_string(c, text, sizeof text))
        return damaged(c);
    const char order = strchr("<>=|", text[0]) ? text[0] : 0;
    const char *kind = text + (order ? 1 : 0);
    *size = 0;
    for (size_t i = 0; i < sizeof descrs / sizeof *descrs; i++) {
        if (strcmp(kind, descrs[i].descr) != 0)
            continue;
        f->type = descrs[i].type;
        *size = dtype_size(f->type);
        f->swap = order == '>' && *size > 1;
        return AF_OK;
    }
    if (kind[0] == 'V' && strspn(kind + 1, "0123456789") == strlen(kind + 1) && strlen(kind) < 8) {
        *size = strtoul(kind + 1, NULL, 10);
        return AF_OK;
    }
    return af_fail(AF_UNSUPPORTED, "%s: elements of type '%s' are not read", c->name, text);
}

/* Fields: a list of ('name', 'type'). */
static int take_fields(struct cursor *c, struct npy_layout *l)
{
    const int most = (int)(sizeof l->field / sizeof *l->field);
    while (!skip(c, ']')) {
        struct npy_field f = {.offset = l->record};
        size_t size;
        if (!skip(c, '('))
            return damaged(c);
        skip_space(c);
        if (c->at < c->end && *c->at == '(')
            return af_fail(AF_UNSUPPORTED, "%s: fields with titles are not read", c->name);
        if (!take_string(c, f.name, sizeof f.name) || !skip(c, ','))
            return damaged(c);
        skip_space(c);
        if (c->at < c->end && *c->at == '[')
            return af_fail(AF_UNSUPPORTED, "%s: fields in fields are not read", c->name);
        int status = take_type(c, &f, &size);
        if (status)
            return status;
        if (!skip(c, ')'))
            return af_fail(AF_UNSUPPORTED, "%s: fields that are arrays are not read", c->name);
        l->record += size;
        if (f.name[0] && size && l->field_count == most)
            return af_fail(AF_UNSUPPORTED, "%s: more than %d fields", c->name, most);
        if (f.name[0] && size)
            l->field[l->field_count++] = f;
        if (!skip(c, ',') && (c->at == c->end || *c->at != ']'))
            return damaged(c);
    }
    return l->field_count ? AF_OK : damaged(c);
}

static int take_descr(struct cursor *c, struct npy_layout *l)
{
    int status;
    if (skip(c, '[')) {
        status = take_fields(c, l);
    } else {
        status = take_type(c, &l->field[0], &l->record);
        l->field_count = 1;
        if (!status && l->record != dtype_size(l->field[0].type))
            status = af_fail(AF_UNSUPPORTED, "%s: elements of bytes are not read", c->name);
    }
    l->head.type = l->field[0].type;
    return status;
}

static int take_order(struct cursor *c, bool *fortran)
{
    skip_space(c);
    *fortran = skip_word(c, "True");
    return *fortran || skip_word(c, "False") ? AF_OK : damaged(c);
}

static int take_shape(struct cursor *c, struct tensor *t)
{
    if (!skip(c, '('))
        return damaged(c);
    t->rank = 0;
    t->count = 1;
    while (!skip(c, ')')) {
        if (t->rank == TENSOR_MAX_RANK)
            return af_fail(AF_UNSUPPORTED, "%s: more than %d dimensions", c->name, TENSOR_MAX_RANK);
        int64_t dim = 0;
        const char *first = c->at;
        bool fits = true;
        for (; c->at < c->end && *c->at >= '0' && *c->at <= '9'; c->at++)
            fits = fits && !__builtin_mul_overflow(dim, (int64_t)10, &dim) &&
                   !__builtin_add_overflow(dim, (int64_t)(*c->at - '0'), &dim);
        if (c->at == first)
            return damaged(c);
        skip_word(c, "L"); /* Python 2's long */
        if (!fits || dim > tensor_max_elements ||
            __builtin_mul_overflow(t->count, dim, &t->count) || t->count > tensor_max_elements)
            return af_fail(AF_BAD_FILE, "%s: dimension %d of the array is out of range", c->name,
                           t->rank);
        t->dim[t->rank++] = dim;
        skip_space(c);
        if (!skip(c, ',') && (c->at == c->end || *c->at != ')'))
            return damaged(c);
    }
    return AF_OK;
}

static int take_dictionary(struct cursor *c, struct npy_layout *l)
{
    static const char *const keys[] = {"descr", "fortran_order", "shape"};
    int seen = 0, status = AF_OK;
    if (!skip(c, '{'))
        return damaged(c);
    while (!status && !skip(c, '}')) {
        char key[32];
        int k = 0;
        if (!take_string(c, key, sizeof key) || !skip(c, ':'))
            return damaged(c);
        while (k < 3 && strcmp(key, keys[k]) != 0)
            k++;
        if (k == 3 || seen & 1 << k)
            return damaged(c);
        seen |= 1 << k;
        status = k == 0   ? take_descr(c, l)
                 : k == 1 ? take_order(c, &l->fortran)
                          : take_shape(c, &l->head);
        skip_space(c);
        if (!status && !skip(c, ',') && (c->at == c->end || *c->at != '}'))
            return damaged(c);
    }
    skip_space(c);
    return status ? status : seen != 7 || c->at != c->end ? damaged(c) : AF_OK;
}

int npy_parse_layout(const char *name, const void *bytes, size_t size, struct npy_layout *l)
{
    const unsigned char *b = bytes;
    *l = (struct npy_layout){0};
    if (size < 6 || memcmp(b, "\x93NUMPY", 6) != 0)
        return af_fail(AF_BAD_FILE, "%s: not an .npy file", name);
    if (size > 6 && (b[6] < 1 || b[6] > 3))
        return af_fail(AF_UNSUPPORTED, "%s: .npy version %d", name, b[6]);
    size_t begin = size > 6 && b[6] == 1 ? 10 : 12;
    if (size < begin)
        return af_fail(AF_BAD_FILE, "%s: the .npy header is truncated", name);
    size_t length = b[8] | (size_t)b[9] << 8;
    if (begin == 12)
        length |= (size_t)b[10] << 16 | (size_t)b[11] << 24;
    if (length > HEADER_LIMIT - begin)
        return af_fail(AF_BAD_FILE, "%s: an .npy header of %zu bytes is too long", name, length);
    if (length > size - begin)
        return af_fail(AF_BAD_FILE, "%s: the .npy header is truncated", name);
    struct cursor c = {name, (const char *)b + begin, (const char *)b + begin + length};
    int status = take_dictionary(&c, l);
    if (status)
        *l = (struct npy_layout){0};
    else
        l->offset = begin + length;
    return status;
}

static int refuse_layout(const char *name, const struct npy_layout *l)
{
    if (l->field[0].name[0])
        return af_fail(AF_UNSUPPORTED, "%s: holds records with fields, not numbers", name);
    if (l->field[0].swap)
        return af_fail(AF_UNSUPPORTED, "%s: big-endian data (%s)", name, dtype_name(l->head.type));
    if (l->fortran)
        return af_fail(AF_UNSUPPORTED, "%s: the array is in Fortran order; save it in C order",
                       name);
    return AF_OK;
}

int npy_parse_header(const char *name, const void *bytes, size_t size, struct tensor *t,
                     size_t *offset)
{
    struct npy_layout l;
    int status = npy_parse_layout(name, bytes, size, &l);
    *t = (struct tensor){0};
    *offset = 0;
    if (!status)
        status = refuse_layout(name, &l);
    if (status)
        return status;
    *t = l.head;
    *offset = l.offset;
    return AF_OK;
}

/* ---- Whole files ---------------------------------------------------------------------------- */

int npy_parse(const char *name, const void *bytes, size_t size, struct tensor *t)
{
    struct tensor head;
    size_t offset, need;
    int status = npy_parse_header(name, bytes, size, &head, &offset);
    *t = (struct tensor){0};
    if (status)
        return status;
    if (__builtin_mul_overflow((size_t)head.count, dtype_size(head.type), &need) ||
        need > size - offset)
        return af_fail(AF_BAD_FILE, "%s: truncated: holds %zu bytes of data for %lld elements",
                       name, size - offset, (long long)head.count);
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
    int status = file_read(path, (size_t)tensor_max_elements * 8 + HEADER_LIMIT, &bytes, &size);
    if (!status)
        status = npy_parse(path, bytes, size, t);
    free(bytes);
    return status;
}

int npy_write(const char *path, const struct tensor *t)
{
    char header[256];
    const char *descr = "";
    for (size_t i = sizeof descrs / sizeof *descrs; i-- > 0;)
        if (descrs[i].type == t->type)
            descr = descrs[i].descr;
    int n = snprintf(header, sizeof header, "{'descr': '%c%s', 'fortran_order': False, 'shape': (",
                     dtype_size(t->type) == 1 ? '|' : '<', descr);
    for (int i = 0; i < t->rank; i++)
        n += snprintf(header + n, sizeof header - (size_t)n, "%s%lld%s", i ? " " : "",
                      (long long)t->dim[i], t->rank == 1 || i + 1 < t->rank ? "," : "");
    n += snprintf(header + n, sizeof header - (size_t)n, "), }");
    const int padded = (10 + n + 1 + 63) / 64 * 64 - 10;
    unsigned char prefix[10] = {0x93, 'N', 'U', 'M', 'P', 'Y', 1, 0};
    prefix[8] = (unsigned char)(padded & 255);
    prefix[9] = (unsigned char)(padded >> 8);
    struct file_out out;
    int status = file_create(&out, path);
    if (status)
        return status;
    fwrite(prefix, 1, sizeof prefix, out.stream);
    fprintf(out.stream, "%-*s\n", padded - 1, header);
    fwrite(t->data, dtype_size(t->type), (size_t)t->count, out.stream);
    return file_commit(&out);
}
