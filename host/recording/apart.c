#include "recording/apart.h"

#include "base/error.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { BLOCK = 4096, PATIENCE_MS = 60000, TEXT_MOST = 4096 };
/* What the other process says: what is known of the file, `size` events, a note or the sentence of
 * a failure of `size` bytes (`status` its code), the end. */
enum { SAYS_ABOUT, SAYS_EVENTS, SAYS_NOTE, SAYS_FAULT, SAYS_END };
struct message {
    int32_t kind, size, status;
};

struct apart {
    struct recording base;
    const char *library;
    pid_t child;
    int from; /* it */
    int left; /* events of the message that is being read */
    bool ended;
};

/* ---- The other process ----------------------------------------------------------------------- */

static void say(int to, int kind, int status, const void *data, size_t size, int count)
{
    const struct message m = {kind, count, status};
    struct {
        const char *at;
        size_t left;
    } parts[] = {{(const char *)&m, sizeof m}, {data, size}};
    for (int i = 0; i < 2; i++)
        while (parts[i].left) {
            const ssize_t n = write(to, parts[i].at, parts[i].left);
            if (n < 0 && errno != EINTR)
                _exit(1);
            parts[i].at += n > 0 ? n : 0;
            parts[i].left -= n > 0 ? (size_t)n : 0;
        }
}

static void say_text(int to, int kind, int status, const char *text)
{
    const size_t n = strnlen(text, TEXT_MOST);
    say(to, kind, status, text, n, (int)n);
}

/* Nothing of the parent's is touched: neither its handlers nor its files, nor what it prints. */
static int keep_to_itself(int to)
{
    enum { PIPE = 3, ELSEWHERE = 10 };
    to = fcntl(to, F_DUPFD, ELSEWHERE); /* it may have been one of the first */
    for (int s = 1; s < NSIG; s++)
        signal(s, SIG_DFL);
    const int nowhere = open("/dev/null", O_RDWR);
    for (int fd = 0; fd < PIPE; fd++)
        dup2(nowhere, fd);
    dup2(to, PIPE);
    close_range(PIPE + 1, ~0u, 0);
    return PIPE;
}

static _Noreturn void serve(int to, const char *path,
                            int (*open_reader)(struct recording **r, const char *path))
{
    struct recording *r;
    struct af_camera_event *block = malloc(BLOCK * sizeof *block);
    to = keep_to_itself(to);
    int n = 1,
        status = block ? open_reader(&r, path) : af_fail(AF_NO_MEMORY, "%s: no memory", path);
    if (!status)
        say(to, SAYS_ABOUT, 0, &r->about, sizeof r->about, 0);
    while (!status && n) {
        status = r->ops->next(r, block, BLOCK, &n);
        if (!status && n) {
            say(to, SAYS_ABOUT, 0, &r->about, sizeof r->about, 0);
            say(to, SAYS_EVENTS, 0, block, (size_t)n * sizeof *block, n);
        }
    }
    for (int i = 0; !status && i < r->more.count; i++)
        say_text(to, SAYS_NOTE, 0, r->more.text[i]);
    if (status)
        say_text(to, SAYS_FAULT, status, af_error());
    else
        say(to, SAYS_END, 0, NULL, 0, 0);
    _exit(0);
}

/* ---- This one -------------------------------------------------------------------------------- */

/* It has ended without a word, or says nothing more. */
static int fallen(struct apart *r, bool silent)
{
    int how = 0;
    if (silent)
        kill(r->child, SIGKILL);
    if (waitpid(r->child, &how, 0) == r->child)
        r->child = -1;
    r->ended = true;
    return silent
               ? af_fail(AF_BAD_FILE, "%s: the file is damaged: %s hangs over it", r->base.name,
                         r->library)
               : af_fail(AF_BAD_FILE, "%s: the file is damaged: %s fell over it (%s)", r->base.name,
                         r->library, WIFSIGNALED(how) ? strsignal(WTERMSIG(how)) : "it gave up");
}

static int hear(struct apart *r, void *to, size_t size)
{
    for (char *at = to; size;) {
        struct pollfd p = {.fd = r->from, .events = POLLIN};
        const int ready = poll(&p, 1, PATIENCE_MS);
        if (ready < 0 && errno == EINTR)
            continue;
        if (ready <= 0)
            return fallen(r, true);
        const ssize_t n = read(r->from, at, size);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return fallen(r, false);
        at += n;
        size -= (size_t)n;
    }
    return AF_OK;
}

static int hear_about(struct apart *r)
{
    struct recording_about *about = &r->base.about;
    int status = hear(r, about, sizeof *about);
    about->format[sizeof about->format - 1] = 0;
    if (about->width < 0 || about->height < 0 || about->rows < -1)
        about->width = about->height = 0, about->rows = -1;
    return status;
}

/* The next message, whose events alone are left to be read. */
static int hear_message(struct apart *r, struct message *m)
{
    char text[TEXT_MOST + 1];
    int status = hear(r, m, sizeof *m);
    if (status)
        return status;
    /* What a library has fallen over may say anything. */
    if (m->size < 0)
        return fallen(r, true);
    switch (m->kind) {
    case SAYS_ABOUT: return hear_about(r);
    case SAYS_EVENTS: r->left = m->size; return AF_OK;
    case SAYS_END: r->ended = true; return AF_OK;
    }
    if (m->size > TEXT_MOST)
        return fallen(r, true);
    status = hear(r, text, (size_t)m->size);
    text[m->size] = 0;
    if (status)
        return status;
    if (m->kind == SAYS_NOTE)
        return reader_note(&r->base, "%s", text);
    r->ended = true;
    return af_fail(m->status < 0 ? m->status : AF_BAD_FILE, "%s", text);
}

static int next_apart(struct recording *base, struct af_camera_event *out, int room, int *count)
{
    struct apart *r = (struct apart *)base;
    struct message m;
    while (!r->left && !r->ended) {
        int status = hear_message(r, &m);
        if (status)
            return status;
    }
    const int n = r->left < room ? r->left : room;
    int status = hear(r, out, (size_t)n * sizeof *out);
    if (status)
        return status;
    r->left -= n;
    *count = n;
    return AF_OK;
}

static void close_apart(struct recording *base)
{
    struct apart *r = (struct apart *)base;
    if (r->from >= 0)
        close(r->from);
    if (r->child <= 0)
        return;
    kill(r->child, SIGKILL);
    while (waitpid(r->child, NULL, 0) < 0 && errno == EINTR)
        ;
}

static const struct reader_ops apart_ops = {.next = next_apart, .close = close_apart};

int apart_open(struct recording **r, const char *path, const char *library,
               int (*open_reader)(struct recording **r, const char *path))
{
    struct apart *made = reader_make(sizeof *made, &apart_ops, path, NULL);
    struct message m;
    int ends[2];
    *r = NULL;
    if (!made)
        return AF_NO_MEMORY;
    made->library = library;
    made->from = made->child = -1;
    int status =
        pipe2(ends, O_CLOEXEC) ? af_fail(AF_IO, "%s: no pipe: %s", path, strerror(errno)) : AF_OK;
    if (!status) {
        made->from = ends[0];
        made->child = fork();
        if (!made->child)
            serve(ends[1], path, open_reader);
        if (made->child < 0)
            status = af_fail(AF_IO, "%s: no process to read it: %s", path, strerror(errno));
        close(ends[1]);
    }
    if (!status)
        status = hear_message(made, &m);
    if (status)
        recording_close(&made->base);
    else
        *r = &made->base;
    return status;
}
