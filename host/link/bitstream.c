#include "link/bitstream.h"

#include "base/error.h"
#include "base/hash.h"
#include "isa.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int read_line(const char *line, const char *manifest, int number, struct bitstream *b,
                     char name[256])
{
    int end = 0;
    if (sscanf(line, "%255s %31s %d %lf %64s %n", name, b->board, &b->isa_version, &b->clock_mhz,
               b->sha256, &end) != 5 ||
        line[end] || strlen(b->sha256) != 64 || strspn(b->sha256, "0123456789abcdef") != 64)
        return af_fail(AF_BAD_FILE,
                       "%s:%d: is no `file board isa_version clock_mhz sha256` of a bitstream",
                       manifest, number);
    return AF_OK;
}

/* Calls each with every line; it returns whether to go on. A folder without a MANIFEST has none. */
static int read_manifest(const char *folder, bool (*each)(void *, const struct bitstream *),
                         void *context)
{
    char manifest[PATH_MAX], line[512], name[256];
    int status = AF_OK, number = 0;
    bool more = true;
    if (snprintf(manifest, sizeof manifest, "%s/MANIFEST", folder) >= PATH_MAX)
        return af_fail(AF_BAD_ARGUMENT, "%.60s...: too long a path", folder);
    FILE *f = fopen(manifest, "r");
    if (!f)
        return errno == ENOENT || errno == ENOTDIR
                   ? AF_OK
                   : af_fail(AF_IO, "%s: %s", manifest, strerror(errno));
    while (!status && more && fgets(line, sizeof line, f)) {
        struct bitstream b = {0};
        number++;
        if (line[strspn(line, " \t\n")] == 0 || line[0] == '#')
            continue;
        status = read_line(line, manifest, number, &b, name);
        if (!status && snprintf(b.path, PATH_MAX, "%s/%s", folder, name) >= PATH_MAX)
            status = af_fail(AF_BAD_FILE, "%s:%d: too long a path", manifest, number);
        more = !status && each(context, &b);
    }
    fclose(f);
    return status;
}

static int read_all(bool (*each)(void *, const struct bitstream *), void *context)
{
    char program[PATH_MAX] = "", folder[PATH_MAX + 64];
    static const char *const beside[] = {"/../../bitstreams", "/../share/adafire/bitstreams"};
    ssize_t n = readlink("/proc/self/exe", program, sizeof program - 1);
    char *slash = n > 0 ? strrchr(program, '/') : NULL;
    if (slash)
        *slash = 0;
    int status = slash ? AF_OK : read_manifest("bitstreams", each, context);
    for (size_t i = 0; slash && i < sizeof beside / sizeof *beside && !status; i++) {
        snprintf(folder, sizeof folder, "%s%s", program, beside[i]);
        status = read_manifest(folder, each, context);
    }
    return status;
}

struct search {
    const char *board, *path;
    struct bitstream *found;
    bool done;
};

static bool is_of_board(void *context, const struct bitstream *b)
{
    struct search *s = context;
    s->done = strcmp(b->board, s->board) == 0;
    if (s->done)
        *s->found = *b;
    return !s->done;
}

int bitstream_find(const char *board, struct bitstream *b)
{
    struct search s = {.board = board, .found = b};
    int status = read_all(is_of_board, &s);
    if (!status && !s.done)
        status = af_fail(AF_NO_DEVICE,
                         "there is no bitstream for the %s in bitstreams/MANIFEST; name one with "
                         "--bitstream FILE or ADAFIRE_BITSTREAM",
                         board);
    return status;
}

static bool is_at_path(void *context, const struct bitstream *b)
{
    struct search *s = context;
    const char *mine = strrchr(s->path, '/'), *name = strrchr(b->path, '/');
    s->done = strcmp(mine ? mine + 1 : s->path, name + 1) == 0;
    if (s->done)
        *s->found = *b;
    return !s->done;
}

int bitstream_look_up(const char *path, struct bitstream *b)
{
    struct search s = {.path = path, .found = b};
    char folder[PATH_MAX] = ".";
    const char *slash = strrchr(path, '/');
    if (strlen(path) >= sizeof folder)
        return af_fail(AF_BAD_ARGUMENT, "%.60s...: too long a path", path);
    if (slash) {
        memcpy(folder, path, (size_t)(slash - path));
        folder[slash == path ? 1 : slash - path] = 0;
    }
    int status = read_manifest(folder, is_at_path, &s);
    if (!status && !s.done)
        status = af_fail(AF_NO_DEVICE, "%s: %s/MANIFEST has no line for it", path, folder);
    return status;
}

int bitstream_verify(const struct bitstream *b, const char *board)
{
    char hex[65] = "";
    if (strcmp(b->board, board) != 0)
        return af_fail(AF_BAD_ARGUMENT, "%s: is for the board %s, not %s", b->path, b->board,
                       board);
    if (b->isa_version != ISA_VERSION)
        return af_fail(AF_BAD_FILE,
                       "%s: speaks version %d of the accelerator's language, this host version %d",
                       b->path, b->isa_version, ISA_VERSION);
    int status = hash_file(b->path, hex);
    if (!status && strcmp(hex, b->sha256) != 0)
        status = af_fail(AF_BAD_FILE,
                         "%s: is not the file of its MANIFEST (SHA-256 %.12s..., "
                         "expected %.12s...)",
                         b->path, hex, b->sha256);
    return status;
}

struct listing {
    void (*each)(void *context, const struct bitstream *b);
    void *context;
};

static bool pass_on(void *context, const struct bitstream *b)
{
    const struct listing *l = context;
    l->each(l->context, b);
    return true;
}

int bitstream_list(void (*each)(void *context, const struct bitstream *b), void *context)
{
    struct listing l = {each, context};
    return read_all(pass_on, &l);
}
