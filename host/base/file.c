#include "base/file.h"

#include "base/error.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

int file_read(const char *path, size_t limit, void **bytes, size_t *size)
{
    *bytes = NULL;
    *size = 0;
    FILE *f = fopen(path, "rb");
    if (!f)
        return af_fail(AF_IO, "%s: %s", path, strerror(errno));
    int status = AF_OK;
    struct stat st;
    char *data = NULL;
    size_t used = 0, room = 0;
    if (fstat(fileno(f), &st) == 0 && S_ISDIR(st.st_mode)) {
        status = af_fail(AF_IO, "%s: is a directory", path);
        goto out;
    }
    /* Read to the end instead of trusting the size: pipes and /proc files have none. */
    for (;;) {
        if (used == room) {
            room = room ? room * 2 : (size_t)(st.st_size > 0 ? st.st_size : 65536) + 1;
            char *grown = realloc(data, room + 1);
            if (!grown) {
                status = af_fail(AF_NO_MEMORY, "%s: no memory for %zu bytes", path, room);
                goto out;
            }
            data = grown;
        }
        size_t got = fread(data + used, 1, room - used, f);
        used += got;
        if (used > limit) {
            status = af_fail(AF_BAD_FILE, "%s: larger than the %zu bytes allowed", path, limit);
            goto out;
        }
        if (got == 0)
            break;
    }
    if (ferror(f)) {
        status = af_fail(AF_IO, "%s: %s", path, strerror(errno));
        goto out;
    }
    data[used] = 0;
    *bytes = data;
    *size = used;
    data = NULL;
out:
    free(data);
    fclose(f);
    return status;
}

/* ---- Temporary files ------------------------------------------------------------------------- */

/* Names of those that are being written, for file_abandon_all. More than these go unnoticed. */
enum { NOTICED = 64 };
static _Atomic(char *) noticed[NOTICED];
static atomic_bool abandoned;

static void notice(char *name)
{
    for (int i = 0; i < NOTICED; i++) {
        char *none = NULL;
        if (atomic_compare_exchange_strong(&noticed[i], &none, name))
            return;
    }
}

static void forget(const char *name)
{
    for (int i = 0; i < NOTICED; i++) {
        char *own = (char *)(uintptr_t)name;
        if (atomic_compare_exchange_strong(&noticed[i], &own, NULL))
            return;
    }
}

int file_make_folder(const char *path)
{
    struct stat st;
    char *part = strdup(path);
    if (!part)
        return af_fail(AF_NO_MEMORY, "no memory");
    for (char *c = part + 1; *part && *c; c++)
        if (*c == '/') {
            *c = 0;
            mkdir(part, 0777); /* what is wrong shows at the end */
            *c = '/';
        }
    free(part);
    if (mkdir(path, 0777) && errno != EEXIST)
        return af_fail(AF_IO, "%s: %s", path, strerror(errno));
    if (stat(path, &st) || !S_ISDIR(st.st_mode))
        return af_fail(AF_IO, "%s: is no folder", path);
    return access(path, W_OK | X_OK) ? af_fail(AF_IO, "%s: %s", path, strerror(errno)) : AF_OK;
}

void file_abandon_all(void)
{
    atomic_store(&abandoned, true);
    for (int turn = 0; turn < 2; turn++) {
        for (int i = 0; i < NOTICED; i++) {
            const char *name = atomic_load(&noticed[i]);
            if (name)
                unlink(name);
        }
        if (!turn) /* another thread may be about to make one */
            nanosleep(&(struct timespec){.tv_nsec = 2000000}, NULL);
    }
}

const char *file_base_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

int file_create(struct file_out *out, const char *path)
{
    memset(out, 0, sizeof *out);
    struct stat s;
    bool special = stat(path, &s) == 0 && !S_ISREG(s.st_mode) && !S_ISDIR(s.st_mode);
    char *target = special ? NULL : realpath(path, NULL); /* a link stays a link */
    out->path = target ? target : strdup(path);
    size_t n = out->path ? strlen(out->path) + sizeof ".XXXXXX" : 0;
    out->temporary = n && !special ? malloc(n) : NULL;
    if (!out->path || (!special && !out->temporary)) {
        file_discard(out);
        return af_fail(AF_NO_MEMORY, "%s: no memory", path);
    }
    if (special) { /* a device or pipe is written to, never replaced */
        out->stream = fopen(path, "wb");
        int code = errno;
        if (out->stream)
            return AF_OK;
        file_discard(out);
        return af_fail(AF_IO, "%s: %s", path, strerror(code));
    }
    snprintf(out->temporary, n, "%s.XXXXXX", out->path);
    notice(out->temporary); /* before it is there, lest a signal comes between */
    int fd = mkstemp(out->temporary);
    if (fd >= 0 && atomic_load(&abandoned))
        unlink(out->temporary);
    if (fd < 0) {
        int code = errno;
        forget(out->temporary);
        free(out->temporary);
        out->temporary = NULL;
        file_discard(out);
        return af_fail(AF_IO, "%s: %s", path, strerror(code));
    }
    mode_t mask = umask(0);
    umask(mask);
    fchmod(fd, 0666 & ~mask);
    out->stream = fdopen(fd, "wb");
    if (!out->stream) {
        close(fd);
        file_discard(out);
        return af_fail(AF_NO_MEMORY, "%s: no memory", path);
    }
    return AF_OK;
}

int file_commit(struct file_out *out)
{
    int status = AF_OK;
    bool bad = ferror(out->stream) != 0;
    bad |= fclose(out->stream) != 0;
    out->stream = NULL;
    if (bad || (out->temporary && rename(out->temporary, out->path)))
        status = af_fail(AF_IO, "%s: cannot be written: %s", out->path, strerror(errno));
    if (!status && out->temporary) {
        forget(out->temporary);
        free(out->temporary);
        out->temporary = NULL;
    }
    file_discard(out);
    return status;
}

void file_discard(struct file_out *out)
{
    if (out->stream)
        fclose(out->stream);
    if (out->temporary) {
        unlink(out->temporary);
        forget(out->temporary);
    }
    free(out->temporary);
    free(out->path);
    memset(out, 0, sizeof *out);
}

/* ---- Before the work ------------------------------------------------------------------------- */

/* A device or a pipe is not opened: that would wait, or be heard at the other end. */
static int check_special(const char *path, const struct stat *s)
{
    const dev_t full = makedev(1, 7); /* /dev/full, Linux's Documentation/admin-guide/devices.txt */
    const int code = access(path, W_OK)                          ? errno
                     : S_ISCHR(s->st_mode) && s->st_rdev == full ? ENOSPC
                                                                 : 0;
    return code ? af_fail(AF_IO, "%s: %s", path, strerror(code)) : AF_OK;
}

int file_check_output(const char *path, const char *const *inputs, int input_count)
{
    struct stat s, in;
    struct file_out out;
    const bool there = stat(path, &s) == 0;
    for (int i = 0; there && S_ISREG(s.st_mode) && i < input_count; i++)
        if (stat(inputs[i], &in) == 0 && s.st_dev == in.st_dev && s.st_ino == in.st_ino)
            return af_fail(AF_BAD_ARGUMENT,
                           "%s is read as well: to write it would destroy it; give another name",
                           path);
    if (there && S_ISDIR(s.st_mode))
        return af_fail(AF_IO, "%s: %s", path, strerror(EISDIR));
    if (there && !S_ISREG(s.st_mode))
        return check_special(path, &s);
    int status = file_create(&out, path);
    if (!status)
        file_discard(&out);
    return status;
}
