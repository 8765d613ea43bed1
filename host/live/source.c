#include "live/source.h"

#include "base/clock.h"
#include "base/error.h"
#include "live/address.h"
#include "recording/recording.h"

#include <errno.h>
#include <math.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#define FIRST_PAUSE 0.1 /* s, before a stream is opened again; then twice as long, up to */
#define LAST_PAUSE  2.0

enum { DATAGRAM_MOST = 1 << 16 };

struct live_source {
    struct live_source_options o;
    struct address address;
    int fd; /* -1: none, or a file that its reader opens */
    struct recording *recording;
    char format[48];
    int sensor[2];
    double arrived, pause;
    bool waits, stopped;
    int64_t losses, missed, overrun;
    /* Of a file in its own time: */
    struct af_camera_event block[LIVE_BLOCK];
    int at, count;
    bool begun;
    int64_t first, offset;
    double start;
};

static void note(const struct live_source *s, const char *text)
{
    if (s->o.note)
        s->o.note(s->o.context, text);
}

/* ---- Waiting --------------------------------------------------------------------------------- */

/* Until fd (-1: none) has something, `until`, or a stop; 1, 0, or -1. */
static int wait_for(struct live_source *s, int fd, double until)
{
    double call = s->o.idle ? 0 : INFINITY;
    for (;;) {
        const double now = seconds(), next = fmin(until, call);
        if (now >= until)
            return 0;
        struct pollfd p[2] = {{.fd = fd, .events = POLLIN}, {.fd = s->o.stop_fd, .events = POLLIN}};
        const double ms = isinf(next) ? -1 : fmax(0, 1e3 * (next - now));
        /* Short waits by the nanosecond: a recording at high speed has many. */
        const struct timespec t = {(time_t)(ms / 1e3), (long)(fmod(ms, 1e3) * 1e6)};
        const int n = ppoll(p, 2, ms < 0 ? NULL : &t, NULL);
        if (n < 0 && errno != EINTR)
            return -1;
        if (n > 0 && p[1].revents) {
            s->stopped = true;
            return -1;
        }
        if (n > 0 && p[0].revents)
            return 1;
        if (!n && s->o.idle && call <= until)
            call = s->o.idle(s->o.context, fmin(now, until)); /* so far nothing is on its way */
    }
}

/* ---- Bytes ----------------------------------------------------------------------------------- */

/* Datagrams, as many as are there and have room. Words do not go on in the next one. */
static ssize_t receive(struct live_source *s, unsigned char *out, size_t size)
{
    const int word = s->recording ? recording_about(s->recording)->word : 0;
    ssize_t got = 0;
    for (;;) {
        char control[CMSG_SPACE(sizeof(uint32_t))];
        struct iovec part = {out + got, size - (size_t)got};
        struct msghdr m = {.msg_iov = &part,
                           .msg_iovlen = 1,
                           .msg_control = control,
                           .msg_controllen = sizeof control};
        ssize_t n = recvmsg(s->fd, &m, MSG_DONTWAIT);
        if (n < 0)
            return got ? got : n;
        for (struct cmsghdr *c = CMSG_FIRSTHDR(&m); c; c = CMSG_NXTHDR(&m, c))
            if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SO_RXQ_OVFL) {
                uint32_t overrun;
                memcpy(&overrun, CMSG_DATA(c), sizeof overrun);
                s->missed += (uint32_t)(overrun - (uint32_t)s->overrun);
                s->overrun = overrun;
            }
        s->missed += (m.msg_flags & MSG_TRUNC) != 0 || (word && n % word);
        got += word ? n - n % word : n;
        if (size - (size_t)got < DATAGRAM_MOST)
            return got;
    }
}

static int read_bytes(void *context, void *out, size_t size, size_t *got)
{
    struct live_source *s = context;
    *got = 0;
    while (!s->stopped) {
        if (wait_for(s, s->fd, INFINITY) < 0)
            return AF_OK;
        const ssize_t n =
            s->address.kind == LIVE_UDP ? receive(s, out, size) : read(s->fd, out, size);
        if (n < 0 && (errno == EAGAIN || errno == EINTR))
            continue;
        if (n < 0)
            return af_fail(AF_IO, "%s: %s", s->address.text, strerror(errno));
        if (!n && s->address.kind == LIVE_UDP)
            continue;
        s->arrived = seconds();
        *got = (size_t)n;
        return AF_OK;
    }
    return AF_OK;
}

/* ---- Opening --------------------------------------------------------------------------------- */

static bool comes_back(const struct live_source *s)
{
    return s->address.kind == LIVE_TCP || s->address.kind == LIVE_UDP ||
           s->address.kind == LIVE_PIPE;
}

static bool is_by_reader(const struct live_source *s)
{
    return s->address.kind == LIVE_FILE && !s->o.format;
}

static int connect_source(struct live_source *s)
{
    return is_by_reader(s) ? AF_OK : address_open(&s->address, s->o.stop_fd, &s->fd);
}

static void disconnect(struct live_source *s)
{
    recording_close(s->recording);
    s->recording = NULL;
    if (s->fd >= 0)
        close(s->fd);
    s->fd = -1;
    s->overrun = 0;
}

static int begin(struct live_source *s)
{
    int status = s->fd < 0 ? connect_source(s) : AF_OK;
    if (!status && is_by_reader(s))
        status = recording_open(&s->recording, s->address.text);
    else if (!status)
        status = recording_open_live(&s->recording, s->address.text, s->o.format, read_bytes, s);
    if (status)
        return status;
    const struct recording_about *about = recording_about(s->recording);
    snprintf(s->format, sizeof s->format, "%s", about->format);
    s->sensor[0] = about->width;
    s->sensor[1] = about->height;
    return AF_OK;
}

int live_source_open(struct live_source **made, const struct live_source_options *o)
{
    struct live_source *s = calloc(1, sizeof *s);
    *made = NULL;
    if (!s)
        return af_fail(AF_NO_MEMORY, "no memory");
    s->o = *o;
    s->fd = -1;
    s->pause = FIRST_PAUSE;
    int status = address_parse(o->from, &s->address);
    if (!status && s->address.kind != LIVE_FILE && (o->speed > 0 || o->loop))
        status = af_fail(AF_BAD_ARGUMENT, "%s: only a recording in a file can be replayed",
                         s->address.text);
    if (!status)
        status = connect_source(s);
    if (!status && s->address.kind == LIVE_FILE)
        status = begin(s); /* what is no recording is seen at once */
    struct stat st;
    s->waits =
        s->address.kind == LIVE_FILE
            ? o->speed <= 0
            : s->address.kind == LIVE_STDIN && fstat(STDIN_FILENO, &st) == 0 && S_ISREG(st.st_mode);
    if (status)
        live_source_close(s);
    else
        *made = s;
    return status;
}

/* ---- A stream -------------------------------------------------------------------------------- */

/* What the reader counted in the stream that is over. */
static int tell_notes(struct live_source *s)
{
    struct texts notes = {0};
    char text[400];
    int status = s->recording ? recording_notes(s->recording, true, &notes) : AF_OK;
    for (int i = 0; !status && i < notes.count; i++) {
        snprintf(text, sizeof text, "%s: %s", s->address.text, notes.text[i]);
        note(s, text);
    }
    texts_free(&notes);
    return status;
}

/* The stream is over, by its end or by a fault. */
static int lose(struct live_source *s, int status, struct live_block *b)
{
    char text[600];
    const bool heard = s->recording != NULL;
    const int told = tell_notes(s);
    disconnect(s);
    b->count = 0;
    if (s->stopped || told || status == AF_NO_MEMORY || !comes_back(s))
        return s->stopped ? AF_OK : status ? status : told;
    if (status == AF_BAD_FILE || status == AF_UNSUPPORTED || (heard && status)) {
        snprintf(text, sizeof text, "%s; it is opened again", af_error());
        note(s, text);
    }
    if (heard && !s->losses) {
        snprintf(text, sizeof text, "%s: ended; it is opened again as soon as it is there",
                 s->address.text);
        note(s, text);
    }
    b->lost = heard;
    s->losses += heard;
    if (heard)
        s->pause = FIRST_PAUSE;
    return AF_OK;
}

static int next_of_stream(struct live_source *s, struct live_block *b)
{
    while (!s->stopped) {
        int status = s->recording ? AF_OK : begin(s);
        if (!status)
            status = recording_next(s->recording, b->event, LIVE_BLOCK, &b->count);
        if (!status && b->count && !s->stopped) {
            b->arrived = s->arrived;
            return AF_OK;
        }
        status = lose(s, status, b);
        if (status || b->lost || !comes_back(s))
            return status;
        /* It was not there. */
        if (wait_for(s, -1, seconds() + s->pause) < 0)
            break;
        s->pause = fmin(2 * s->pause, LAST_PAUSE);
    }
    b->count = 0;
    return AF_OK;
}

/* ---- A file ---------------------------------------------------------------------------------- */

/* Reads on; at the end from the beginning again, if that is asked for. */
static int fill_block(struct live_source *s)
{
    int status = recording_next(s->recording, s->block, LIVE_BLOCK, &s->count);
    const struct recording_totals all = recording_totals(s->recording);
    s->at = 0;
    if (status || s->count || !s->o.loop || !all.events)
        return status;
    s->offset += all.most - all.least + 1;
    disconnect(s);
    status = begin(s);
    return status ? status : recording_next(s->recording, s->block, LIVE_BLOCK, &s->count);
}

/* Gives the events whose time has come. */
static int next_in_time(struct live_source *s, struct live_block *b)
{
    int status = s->at < s->count ? AF_OK : fill_block(s);
    if (status || !s->count) {
        const int told = status ? AF_OK : tell_notes(s);
        return status ? status : told;
    }
    if (!s->begun) {
        s->begun = true;
        s->first = s->block[0].t;
        s->start = seconds();
    }
    const double us = 1e6 * s->o.speed;
    for (;;) {
        const double now = seconds(),
                     due = s->start + (double)(s->block[s->at].t + s->offset - s->first) / us;
        if (due <= now) {
            const double passed = (now - s->start) * us;
            do {
                b->event[b->count] = s->block[s->at++];
                b->event[b->count++].t += s->offset;
            } while (s->at < s->count &&
                     (double)(s->block[s->at].t + s->offset - s->first) <= passed);
            /* A camera's event is there at its time, whenever somebody comes to look. */
            b->arrived = s->start + (double)(b->event[b->count - 1].t - s->first) / us;
            return AF_OK;
        }
        if (wait_for(s, -1, fmax(due, now + 1e-4)) < 0)
            return AF_OK;
    }
}

static int next_at_once(struct live_source *s, struct live_block *b)
{
    struct pollfd stop = {.fd = s->o.stop_fd, .events = POLLIN};
    if (poll(&stop, 1, 0) > 0)
        return AF_OK;
    int status = fill_block(s);
    b->count = status ? 0 : s->count;
    for (int i = 0; i < b->count; i++) {
        b->event[i] = s->block[i];
        b->event[i].t += s->offset;
    }
    b->arrived = seconds();
    const int told = status || b->count ? AF_OK : tell_notes(s);
    return status ? status : told;
}

int live_source_next(struct live_source *s, struct live_block *b)
{
    b->count = 0;
    b->lost = false;
    if (s->stopped)
        return AF_OK;
    if (s->address.kind != LIVE_FILE)
        return next_of_stream(s, b);
    return s->o.speed > 0 ? next_in_time(s, b) : next_at_once(s, b);
}

bool live_source_waits(const struct live_source *s)
{
    return s->waits;
}

double live_source_pace(const struct live_source *s)
{
    return s->o.speed > 0 ? s->o.speed : 1;
}

void live_source_sensor(const struct live_source *s, int sensor[2])
{
    memcpy(sensor, s->sensor, sizeof s->sensor);
}

const char *live_source_format(const struct live_source *s)
{
    return s->format;
}

int64_t live_source_losses(const struct live_source *s)
{
    return s->losses;
}

int64_t live_source_missed(const struct live_source *s)
{
    return s->missed;
}

void live_source_close(struct live_source *s)
{
    if (!s)
        return;
    disconnect(s);
    free(s);
}
