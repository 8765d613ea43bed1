#include "cli/show_recording.h"

#include "base/error.h"
#include "base/json.h"
#include "base/npy_writer.h"
#include "cli/cli.h"
#include "recording/recording.h"

#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BLOCK = 4096, RECORD = 13 };
static const char descr[] = "[('t', '<i8'), ('x', '<u2'), ('y', '<u2'), ('p', '|u1')]";

static void put(unsigned char *p, uint64_t v, int size)
{
    for (int i = 0; i < size; i++)
        p[i] = (unsigned char)(v >> 8 * i);
}

static int write_events(struct npy_writer *w, const char *path, const struct af_camera_event *e,
                        int n)
{
    unsigned char records[BLOCK * RECORD], *p = records;
    for (int i = 0; i < n; i++, p += RECORD) {
        if (e[i].polarity > UINT8_MAX)
            return af_fail(AF_UNSUPPORTED, "%s: polarity %d is more than a byte", path,
                           e[i].polarity);
        put(p, (uint64_t)e[i].t, 8);
        put(p + 8, e[i].x, 2);
        put(p + 10, e[i].y, 2);
        p[12] = (unsigned char)e[i].polarity;
    }
    return npy_append_records(w, records, n);
}

static int read_all(struct recording *r, const char *path, struct npy_writer *w)
{
    struct af_camera_event *block = malloc(BLOCK * sizeof *block);
    int n = 1, status = block ? AF_OK : af_fail(AF_NO_MEMORY, "%s: no memory", path);
    while (!status && n) {
        status = recording_next(r, block, BLOCK, &n);
        if (!status && n && w)
            status = write_events(w, path, block, n);
    }
    free(block);
    return status;
}

static void print_text(const char *path, const struct recording_about *about,
                       const struct recording_totals *s, const struct texts *notes)
{
    char a[16];
    printf("%s: %s, %s events\n", path, about->format, cli_human((double)s->events, a));
    printf("  events      %" PRId64 "\n", s->events);
    if (s->events) {
        printf("  time        %" PRId64 " to %" PRId64 " us (%.6g s)\n", s->first, s->last,
               1e-6 * (double)(s->most - s->least));
        printf("  polarities  %" PRId64 " off, %" PRId64 " on", s->darker, s->brighter);
        if (s->darker + s->brighter < s->events)
            printf(", %" PRId64 " others", s->events - s->darker - s->brighter);
        printf("\n  largest     x %d, y %d\n", s->x, s->y);
    }
    if (about->width)
        printf("  sensor      %dx%d\n", about->width, about->height);
    else if (s->events)
        printf("  sensor      the file does not say; at least %dx%d\n", s->x + 1, s->y + 1);
    for (int i = 0; i < notes->count; i++)
        printf("  note        %s\n", notes->text[i]);
}

/* Times are null without events; a size that the file does not say is what its events need. */
static void print_json(const char *path, const struct recording_about *about,
                       const struct recording_totals *s, const struct texts *notes)
{
    const bool said = about->width > 0, any = s->events > 0;
    printf("{\"file\": ");
    json_text(stdout, path);
    printf(", \"format\": ");
    json_text(stdout, about->format);
    printf(", \"events\": %" PRId64, s->events);
    if (any)
        printf(", \"first_us\": %" PRId64 ", \"last_us\": %" PRId64 ", \"span_us\": %" PRId64,
               s->first, s->last, s->most - s->least);
    else
        printf(", \"first_us\": null, \"last_us\": null, \"span_us\": null");
    printf(", \"width\": %d, \"height\": %d, \"size_from\": \"%s\"",
           said  ? about->width
           : any ? s->x + 1
                 : 0,
           said  ? about->height
           : any ? s->y + 1
                 : 0,
           said ? "file" : "events");
    printf(", \"largest_x\": %d, \"largest_y\": %d", s->x, s->y);
    printf(", \"polarities\": {\"off\": %" PRId64 ", \"on\": %" PRId64 ", \"other\": %" PRId64 "}",
           s->darker, s->brighter, s->events - s->darker - s->brighter);
    printf(", \"notes\": [");
    for (int i = 0; i < notes->count; i++) {
        printf("%s", i ? ", " : "");
        json_text(stdout, notes->text[i]);
    }
    printf("]}\n");
}

int show_recording(const char *path, bool json, const char *events)
{
    struct recording *r = NULL;
    struct npy_writer w;
    struct texts notes = {0};
    if (cli_check_outputs(&events, 1, &path, 1))
        return EXIT_ERROR;
    int status = recording_open(&r, path);
    if (status)
        return cli_fail_af();
    status = events ? npy_begin_records(&w, events, descr, RECORD) : AF_OK;
    const bool writing = events && !status;
    if (!status)
        status = read_all(r, path, writing ? &w : NULL);
    if (!status)
        status = recording_notes(r, true, &notes);
    if (writing && status)
        npy_discard(&w);
    else if (writing)
        status = npy_commit(&w);
    const struct recording_totals s = recording_totals(r);
    if (!status && json)
        print_json(path, recording_about(r), &s, &notes);
    else if (!status)
        print_text(path, recording_about(r), &s, &notes);
    texts_free(&notes);
    recording_close(r);
    return status ? cli_fail_af() : 0;
}
