/* https://github.com/lz4/lz4/blob/dev/doc/lz4_Frame_format.md, RFC 8878 */
#include "recording/unpack.h"

#include "base/error.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#ifdef ADAFIRE_LZ4
#include <lz4frame.h>
#endif
#ifdef ADAFIRE_ZSTD
#include <zstd.h>
#endif

/* Each library: a context, a frame's beginning, and a step that takes *in bytes and gives *out. */
struct library {
    void *(*make)(void);
    void (*begin)(void *context);
    const char *(*step)(void *context, void *out, size_t *out_size, const void *in,
                        size_t *in_size);
    void (*end)(void *context);
};

#ifdef ADAFIRE_LZ4
static void *lz4_make(void)
{
    LZ4F_dctx *context;
    return LZ4F_isError(LZ4F_createDecompressionContext(&context, LZ4F_VERSION)) ? NULL : context;
}

static void lz4_begin(void *context)
{
    LZ4F_resetDecompressionContext(context);
}

static const char *lz4_step(void *context, void *out, size_t *out_size, const void *in,
                            size_t *in_size)
{
    const size_t code = LZ4F_decompress(context, out, out_size, in, in_size, NULL);
    return LZ4F_isError(code) ? LZ4F_getErrorName(code) : NULL;
}

static void lz4_end(void *context)
{
    LZ4F_freeDecompressionContext(context);
}

static const struct library lz4 = {lz4_make, lz4_begin, lz4_step, lz4_end};
#endif

#ifdef ADAFIRE_ZSTD
static void *zstd_make(void)
{
    return ZSTD_createDCtx();
}

static void zstd_begin(void *context)
{
    ZSTD_DCtx_reset(context, ZSTD_reset_session_only);
}

static const char *zstd_step(void *context, void *out, size_t *out_size, const void *in,
                             size_t *in_size)
{
    ZSTD_outBuffer to = {out, *out_size, 0};
    ZSTD_inBuffer from = {in, *in_size, 0};
    const size_t code = ZSTD_decompressStream(context, &to, &from);
    *out_size = to.pos;
    *in_size = from.pos;
    return ZSTD_isError(code) ? ZSTD_getErrorName(code) : NULL;
}

static void zstd_end(void *context)
{
    ZSTD_freeDCtx(context);
}

static const struct library zstd = {zstd_make, zstd_begin, zstd_step, zstd_end};
#endif

static const struct library *const libraries[] = {
#ifdef ADAFIRE_LZ4
    [PACKED_LZ4] = &lz4,
#endif
#ifdef ADAFIRE_ZSTD
    [PACKED_ZSTD] = &zstd,
#endif
    [PACKED_NOT] = NULL,
};

static const struct library *library_of(enum packing packing)
{
    return (size_t)packing < sizeof libraries / sizeof *libraries ? libraries[packing] : NULL;
}

int unpacker_open(struct unpacker *u, const char *name, enum packing packing, size_t most)
{
    *u = (struct unpacker){.packing = packing, .most = most};
    if (packing == PACKED_NOT)
        return AF_OK;
    const struct library *library = library_of(packing);
    if (!library)
        return af_fail(AF_UNSUPPORTED, "%s: packed with %s, which this build was made without",
                       name, packing == PACKED_LZ4 ? "LZ4 (liblz4)" : "Zstd (libzstd)");
    u->context = library->make();
    return u->context ? AF_OK : af_fail(AF_NO_MEMORY, "%s: no memory", name);
}

void unpacker_begin(struct unpacker *u)
{
    u->size = 0;
    if (u->context)
        library_of(u->packing)->begin(u->context);
}

static int grow(struct unpacker *u, const char *name)
{
    if (u->size == u->most)
        return af_fail(AF_BAD_FILE, "%s: a packet of more than %zu bytes", name, u->most);
    size_t room = u->room ? 2 * u->room : 1 << 16;
    room = room < u->most ? room : u->most;
    unsigned char *grown = realloc(u->out, room);
    if (!grown)
        return af_fail(AF_NO_MEMORY, "%s: no memory for a packet", name);
    u->out = grown;
    u->room = room;
    return AF_OK;
}

int unpacker_add(struct unpacker *u, const char *name, const unsigned char *in, size_t size)
{
    bool full = false; /* then there may be more to come out, without more going in */
    while (size || full) {
        int status = u->size == u->room ? grow(u, name) : AF_OK;
        if (status)
            return status;
        size_t out = u->room - u->size, used = size;
        const char *why = NULL;
        if (u->packing == PACKED_NOT) {
            out = used = out < used ? out : used;
            memcpy(u->out + u->size, in, used);
        } else {
            why = library_of(u->packing)->step(u->context, u->out + u->size, &out, in, &used);
        }
        if (why)
            return af_fail(AF_BAD_FILE, "%s: a packet's packed data are damaged (%s)", name, why);
        if (!out && !used)
            return AF_OK; /* the frame is at its end; what stands behind it is nobody's */
        u->size += out;
        in += used;
        size -= used;
        full = u->packing != PACKED_NOT && u->size == u->room && u->size < u->most;
    }
    return AF_OK;
}

void unpacker_close(struct unpacker *u)
{
    if (u->context)
        library_of(u->packing)->end(u->context);
    free(u->out);
    *u = (struct unpacker){0};
}
