#include "made_recordings.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>
#ifdef ADAFIRE_LZ4
#include <lz4frame.h>
#endif
#ifdef ADAFIRE_ZSTD
#include <zstd.h>
#endif

struct af_camera_event made_event[MADE_EVENTS];

void made_begin(void)
{
    uint32_t r = 1;
    int64_t t = 1000;
    for (int i = 0; i < MADE_EVENTS; i++) {
        r = r * 1664525 + 1013904223;
        t += i % 100 == 99 ? 9000 : (r >> 8) % 40;
        made_event[i] =
            (struct af_camera_event){(uint16_t)((r >> 16) % MADE_WIDTH),
                                     (uint16_t)((r >> 9) % MADE_HEIGHT), (uint16_t)(r >> 31), t};
    }
}

void made_add(struct made *f, const void *data, size_t size)
{
    if (f->n + size > f->room) {
        f->room = 2 * (f->n + size);
        f->b = realloc(f->b, f->room);
        if (!f->b)
            abort();
    }
    if (size)
        memcpy(f->b + f->n, data, size);
    f->n += size;
}

void made_number(struct made *f, unsigned long long v, int size, bool big)
{
    for (int i = 0; i < size; i++) {
        const unsigned char byte = (unsigned char)(v >> 8 * (big ? size - 1 - i : i));
        made_add(f, &byte, 1);
    }
}

static void little(struct made *f, uint64_t v, int size)
{
    made_number(f, v, size, false);
}

void made_text(struct made *f, const char *format, ...)
{
    char text[1024];
    va_list args;
    va_start(args, format);
    const int n = vsnprintf(text, sizeof text, format, args);
    va_end(args);
    made_add(f, text, (size_t)n);
}

void made_free(struct made *f)
{
    free(f->b);
    *f = (struct made){0};
}

/* ---- AEDAT ----------------------------------------------------------------------------------- */

static void make_dvs128(struct made *f)
{
    made_text(f, "#!AER-DAT2.0\r\n# This is a raw AE data file\r\n"
                 "# AEChip: ch.unizh.ini.jaer.chip.retina.DVS128\r\n");
    for (int i = 0; i < MADE_EVENTS; i++) {
        const struct af_camera_event *e = &made_event[i];
        if (i % 50 == 7) { /* from outside */
            made_number(f, 1 << 15, 4, true);
            made_number(f, (uint32_t)e->t, 4, true);
        }
        made_number(f, (uint32_t)(e->polarity | e->x << 1 | e->y << 8), 4, true);
        made_number(f, (uint32_t)e->t, 4, true);
    }
}

static void make_davis(struct made *f)
{
    made_text(f, "#!AER-DAT2.0\r\n# AEChip: eu.seebetter.ini.chips.davis.DAVIS346B\r\n"
                 "#Start of Preferences for this AEChip\r\n# AEChip: DVS128\r\n"
                 "#End Of ASCII Header\r\n");
    for (int i = 0; i < MADE_EVENTS; i++) {
        const struct af_camera_event *e = &made_event[i];
        if (i % 50 == 7) { /* a picture's sample, and an event from outside */
            made_number(f, 0x80000000u | 123, 4, true);
            made_number(f, (uint32_t)e->t, 4, true);
            made_number(f, 1 << 10, 4, true);
            made_number(f, (uint32_t)e->t, 4, true);
        }
        made_number(f, (uint32_t)e->polarity << 11 | (uint32_t)e->x << 12 | (uint32_t)e->y << 22, 4,
                    true);
        made_number(f, (uint32_t)e->t, 4, true);
    }
}

static void make_aedat3(struct made *f)
{
    enum { EACH = 64 };
    made_text(f, "#!AER-DAT3.1\r\n#Format: RAW\r\n#Source 1: DAVIS240C\r\n#!END-HEADER\r\n");
    for (int at = 0; at < MADE_EVENTS; at += EACH) {
        const int n = MADE_EVENTS - at < EACH ? MADE_EVENTS - at : EACH;
        /* A packet of another type, with room that is not used. */
        const int head[2][8] = {{0, 8, 4, 0, 3, 1, 1}, {1, 8, 4, 0, n + 3, n + 1, n}};
        for (int k = 0; k < 2; k++) {
            little(f, (uint64_t)head[k][0], 2);
            little(f, 1, 2);
            for (int i = 1; i < 7; i++)
                little(f, (uint64_t)head[k][i], 4);
            for (int i = 0; k == 0 && i < 3; i++)
                little(f, 0x1234567, 8);
        }
        for (int i = at; i < at + n; i++) {
            const struct af_camera_event *e = &made_event[i];
            if (i == at) { /* one that is not valid */
                little(f, (uint32_t)e->x << 17, 4);
                little(f, (uint32_t)e->t, 4);
            }
            little(f, 1 | (uint32_t)e->polarity << 1 | (uint32_t)e->y << 2 | (uint32_t)e->x << 17,
                   4);
            little(f, (uint32_t)e->t, 4);
        }
        little(f, 0, 8);
        little(f, 0, 8);
    }
}

/* The packet's FlatBuffer: a size, a table of one vector. */
static void add_events(struct made *f, int at, int n)
{
    little(f, (uint64_t)(32 + 16 * n), 4);
    little(f, 16, 4); /* the table is there */
    made_add(f, "EVTS", 4);
    little(f, 6, 2); /* its list of fields: size, size of the table, the one */
    little(f, 8, 2);
    little(f, 4, 2);
    little(f, 0, 2);
    little(f, 8, 4); /* which lies so far in front of the table */
    little(f, 8, 4); /* the vector is so far behind this */
    little(f, 0, 4);
    little(f, (uint64_t)n, 4);
    for (int i = at; i < at + n; i++) {
        little(f, (uint64_t)made_event[i].t, 8);
        little(f, made_event[i].x, 2);
        little(f, made_event[i].y, 2);
        little(f, made_event[i].polarity, 4);
    }
}

static bool pack(struct made *to, const struct made *from, int packing)
{
    if (packing == 0) {
        made_add(to, from->b, from->n);
        return true;
    }
#ifdef ADAFIRE_LZ4
    if (packing == 1) {
        const size_t most = LZ4F_compressFrameBound(from->n, NULL);
        void *b = malloc(most);
        made_add(to, b, LZ4F_compressFrame(b, most, from->b, from->n, NULL));
        free(b);
        return true;
    }
#endif
#ifdef ADAFIRE_ZSTD
    if (packing == 3) {
        const size_t most = ZSTD_compressBound(from->n);
        void *b = malloc(most);
        made_add(to, b, ZSTD_compress(b, most, from->b, from->n, 1));
        free(b);
        return true;
    }
#endif
    return false;
}

static void add_stream(struct made *xml, int number, const char *type)
{
    made_text(
        xml,
        "<node name=\"%d\" path=\"/outInfo/%d/\"><attr key=\"compression\" type=\"string\">x</attr>"
        "<attr key=\"typeIdentifier\" type=\"string\">%s</attr><node name=\"info\">"
        "<attr key=\"sizeX\" type=\"int\">%d</attr><attr key=\"sizeY\" type=\"int\">%d</attr>"
        "</node></node>",
        number, number, type, MADE_WIDTH + number, MADE_HEIGHT + number);
}

bool made_aedat4(struct made *f, int packing, int streams)
{
    enum { EACH = 80 };
    struct made xml = {0}, header = {0};
    bool able = true;
    made_text(&xml, "<dv version=\"2.0\"><node name=\"outInfo\" path=\"/outInfo/\">");
    add_stream(&xml, 3, "IMUS");
    for (int i = 0; i < streams; i++)
        add_stream(&xml, i, "EVTS");
    made_text(&xml, "</node></dv>");
    little(&header, 20, 4);
    made_add(&header, "IOHE", 4);
    static const int fields[] = {10, 20, 4, 12, 8, 0};
    for (int i = 0; i < 6; i++)
        little(&header, (uint64_t)fields[i], 2);
    little(&header, 12, 4);
    little(&header, (uint64_t)packing, 4);
    little(&header, 12, 4);
    little(&header, UINT64_MAX, 8);
    little(&header, xml.n, 4);
    made_add(&header, xml.b, xml.n + 1 > xml.n ? xml.n : 0);
    little(&header, 0, 1);
    made_text(f, "#!AER-DAT4.0\r\n");
    little(f, header.n, 4);
    made_add(f, header.b, header.n);
    for (int at = 0; able && at < MADE_EVENTS; at += EACH) {
        const int n = MADE_EVENTS - at < EACH ? MADE_EVENTS - at : EACH;
        struct made packet = {0}, packed = {0};
        /* A packet of the other stream, which nobody may look into. */
        little(f, 3, 4);
        little(f, 5, 4);
        made_add(f, "inert", 5);
        add_events(&packet, at, n);
        able = pack(&packed, &packet, packing);
        for (int i = 0; i < (streams ? streams : 1); i++) {
            little(f, (uint64_t)i, 4);
            little(f, packed.n, 4);
            made_add(f, packed.b, packed.n);
        }
        made_free(&packet);
        made_free(&packed);
    }
    made_free(&xml);
    made_free(&header);
    return able;
}

static void make_aedat4(struct made *f)
{
    made_aedat4(f, 0, 1);
}

/* ---- Prophesee ------------------------------------------------------------------------------- */

static void evt2_words(struct made *f)
{
    int64_t high = -1;
    for (int i = 0; i < MADE_EVENTS; i++) {
        const struct af_camera_event *e = &made_event[i];
        if (e->t >> 6 != high) {
            high = e->t >> 6;
            little(f, 0x80000000u | (uint32_t)high, 4);
            little(f, 0xa0000000u | 5, 4); /* triggers and others */
            little(f, 0xe0000000u, 4);
            little(f, 0xf0000000u, 4);
        }
        little(f,
               (uint32_t)e->polarity << 28 | (uint32_t)(e->t & 63) << 22 | (uint32_t)e->x << 11 |
                   e->y,
               4);
    }
}

static void make_evt2(struct made *f)
{
    made_text(f, "%% evt 2.0\n%% geometry %dx%d\n%% end\n", MADE_WIDTH, MADE_HEIGHT);
    evt2_words(f);
}

static void evt21_words(struct made *f, bool upper_first)
{
    int64_t high = -1;
    for (int i = 0; i < MADE_EVENTS; i++) {
        const struct af_camera_event *e = &made_event[i];
        const uint32_t first = e->x & ~31u, bit = 1u << (e->x - first);
        const uint32_t words[2][2] = {
            {0x80000000u | (uint32_t)(e->t >> 6), 0},
            {(uint32_t)e->polarity << 28 | (uint32_t)(e->t & 63) << 22 | first << 11 | e->y, bit}};
        for (int k = e->t >> 6 != high ? 0 : 1; k < 2; k++) {
            little(f, words[k][!upper_first], 4);
            little(f, words[k][upper_first], 4);
        }
        high = e->t >> 6;
    }
}

static void make_evt21(struct made *f)
{
    made_text(f, "%% evt 2.1\n%% format EVT21;height=%d;width=%d\n%% end\n", MADE_HEIGHT,
              MADE_WIDTH);
    evt21_words(f, false);
}

static void make_evt21_legacy(struct made *f)
{
    made_text(f, "%% evt 2.1\n%% plugin_name hal_plugin_imx636_evk4\n");
    evt21_words(f, true);
}

/* Every third event as one of a vector. */
static void evt3_words(struct made *f)
{
    int high = -1, low = -1, y = -1;
    for (int i = 0; i < MADE_EVENTS; i++) {
        const struct af_camera_event *e = &made_event[i];
        if ((int)(e->t >> 12) != high) {
            high = (int)(e->t >> 12);
            little(f, 0x8000u | (uint32_t)(high & 0xfff), 2);
            low = 0;
        }
        if ((int)(e->t & 0xfff) != low) {
            low = (int)(e->t & 0xfff);
            little(f, 0x6000u | (uint32_t)low, 2);
        }
        if (e->y != y) {
            y = e->y;
            little(f, (uint32_t)y, 2);
        }
        if (i % 3) {
            little(f, 0x2000u | (uint32_t)e->polarity << 11 | e->x, 2);
            continue;
        }
        const int base = e->x > 30 ? e->x - 30 : 0;
        little(f, 0x3000u | (uint32_t)e->polarity << 11 | (uint32_t)base, 2);
        for (int at = base, wide = 1; at <= e->x; at += wide ? 12 : 8, wide = !wide) {
            const int here = e->x - at, size = wide ? 12 : 8;
            little(f, (wide ? 0x4000u : 0x5000u) | (here < size ? 1u << here : 0), 2);
        }
        little(f, 0x7001, 2); /* continued, a trigger, others */
        little(f, 0xa001, 2);
        little(f, 0xe001, 2);
    }
}

static void make_evt3(struct made *f)
{
    made_text(f, "%% date 2026-01-01\n%% evt 3.0\n%% format EVT3;height=%d;width=%d\n%% end\n",
              MADE_HEIGHT, MADE_WIDTH);
    evt3_words(f);
}

static void make_dat(struct made *f)
{
    made_text(f, "%% Data file containing CD events\n%% Version 2\n%% Width %d\n%% Height %d\n",
              MADE_WIDTH, MADE_HEIGHT);
    little(f, 12, 1);
    little(f, 8, 1);
    for (int i = 0; i < MADE_EVENTS; i++) {
        const struct af_camera_event *e = &made_event[i];
        little(f, (uint32_t)e->t, 4);
        little(f, (uint32_t)e->polarity << 28 | (uint32_t)e->y << 14 | e->x, 4);
    }
}

static void make_dat1(struct made *f)
{
    made_text(f, "%% Data file containing Event2d events.\n%% Version 1\n");
    little(f, 0, 1);
    little(f, 8, 1);
    for (int i = 0; i < MADE_EVENTS; i++) {
        const struct af_camera_event *e = &made_event[i];
        little(f, (uint32_t)e->t, 4);
        little(f, (uint32_t)e->polarity << 17 | (uint32_t)e->y << 9 | e->x, 4);
    }
}

/* ---- Others ---------------------------------------------------------------------------------- */

static void make_es(struct made *f)
{
    int64_t t = 0;
    made_text(f, "Event Stream");
    little(f, 2, 1);
    little(f, 0, 2);
    little(f, 1, 1);
    little(f, MADE_WIDTH, 2);
    little(f, MADE_HEIGHT, 2);
    for (int i = 0; i < MADE_EVENTS; i++) {
        const struct af_camera_event *e = &made_event[i];
        for (; e->t - t >= 127; t += 127)
            little(f, 0xff, 1);
        if (i % 20 == 3)
            little(f, 0xfe, 1);
        little(f, (uint64_t)(e->t - t) << 1 | e->polarity, 1);
        little(f, e->x, 2);
        little(f, e->y, 2);
        t = e->t;
    }
}

static void make_nmnist(struct made *f)
{
    int64_t overflow = 0;
    for (int i = 0; i < MADE_EVENTS; i++) {
        const struct af_camera_event *e = &made_event[i];
        for (; e->t - overflow > 1 << 14; overflow += 1 << 13) {
            made_number(f, 240, 2, true);
            made_number(f, 0, 3, true);
        }
        little(f, e->x, 1);
        little(f, e->y, 1);
        made_number(f, (uint64_t)e->polarity << 23 | (uint64_t)(e->t - overflow), 3, true);
    }
}

void made_npy(struct made *f, const char *descr, bool fortran, const char *shape, const void *data,
              size_t size)
{
    struct made header = {0};
    made_text(&header, "{'descr': %s, 'fortran_order': %s, 'shape': %s, }\n", descr,
              fortran ? "True" : "False", shape);
    made_add(f, "\x93NUMPY\1\0", 8);
    little(f, header.n, 2);
    made_add(f, header.b, header.n);
    made_add(f, data, size);
    made_free(&header);
}

static void make_npy(struct made *f)
{
    int32_t v[MADE_EVENTS][4];
    char shape[32];
    for (int i = 0; i < MADE_EVENTS; i++) {
        const struct af_camera_event *e = &made_event[i];
        memcpy(v[i], (int32_t[4]){e->x, e->y, e->polarity, (int32_t)e->t}, sizeof v[i]);
    }
    snprintf(shape, sizeof shape, "(%d, 4)", MADE_EVENTS);
    made_npy(f, "'<i4'", false, shape, v, sizeof v);
}

/* Seconds as floats, column after column, polarities -1 and 1. */
static void make_npy_fortran(struct made *f)
{
    double v[4][MADE_EVENTS];
    char shape[32];
    for (int i = 0; i < MADE_EVENTS; i++) {
        const struct af_camera_event *e = &made_event[i];
        v[0][i] = 1.7e9 + 1e-6 * (double)e->t;
        v[1][i] = e->x;
        v[2][i] = e->y;
        v[3][i] = e->polarity ? 1 : -1;
    }
    snprintf(shape, sizeof shape, "(%d, 4)", MADE_EVENTS);
    made_npy(f, "'<f8'", true, shape, v, sizeof v);
}

/* Records in another order than usual, with big-endian numbers and bytes that nobody wants. */
static void make_npy_fields(struct made *f)
{
    struct made data = {0};
    char shape[32];
    for (int i = 0; i < MADE_EVENTS; i++) {
        const struct af_camera_event *e = &made_event[i];
        little(&data, e->polarity, 1);
        little(&data, 0xabcdef, 3);
        made_number(&data, (uint64_t)e->t, 8, true);
        little(&data, e->y, 2);
        little(&data, e->x, 2);
    }
    snprintf(shape, sizeof shape, "(%d,)", MADE_EVENTS);
    made_npy(f,
             "[('polarity', '|b1'), ('', '|V3'), ('timestamp', '>i8'), ('y', '<u2'), ('x', '<i2')]",
             false, shape, data.b, data.n);
    made_free(&data);
}

void made_zip_add(struct made_zip *z, const char *name, const struct made *m)
{
    const size_t at = z->file->n;
    for (int central = 0; central < 2; central++) {
        struct made *f = central ? &z->directory : z->file;
        made_add(f, central ? "PK\1\2" : "PK\3\4", 4);
        if (central)
            little(f, 20, 2);
        little(f, 20, 2);
        little(f, 0, 8); /* flags, stored, when */
        little(f, crc32(0, m->b, (uInt)m->n), 4);
        little(f, m->n, 4);
        little(f, m->n, 4);
        little(f, strlen(name), 2);
        little(f, 0, 2);
        if (central) {
            little(f, 0, 8);
            little(f, 0, 2);
            little(f, at, 4);
        }
        made_add(f, name, strlen(name));
    }
    made_add(z->file, m->b, m->n);
    z->count++;
}

void made_zip_end(struct made_zip *z)
{
    struct made *f = z->file;
    const size_t at = f->n;
    made_add(f, z->directory.b, z->directory.n);
    made_add(f, "PK\5\6", 4);
    little(f, 0, 4);
    little(f, (uint64_t)z->count, 2);
    little(f, (uint64_t)z->count, 2);
    little(f, z->directory.n, 4);
    little(f, at, 4);
    little(f, 0, 2);
    made_free(&z->directory);
}

/* An array a column, and company. */
static void make_npz(struct made *f)
{
    static const struct {
        const char *name, *descr;
    } columns[] = {{"t.npy", "'<i8'"}, {"x.npy", "'<u2'"}, {"y.npy", "'<f4'"}, {"p.npy", "'|i1'"}};
    struct made_zip z = {.file = f};
    char shape[32];
    snprintf(shape, sizeof shape, "(%d,)", MADE_EVENTS);
    for (int c = 0; c < 4; c++) {
        struct made data = {0}, npy = {0};
        for (int i = 0; i < MADE_EVENTS; i++) {
            const struct af_camera_event *e = &made_event[i];
            const float y = e->y;
            if (c == 0)
                little(&data, (uint64_t)e->t, 8);
            else if (c == 1)
                little(&data, e->x, 2);
            else if (c == 2)
                made_add(&data, &y, sizeof y);
            else
                little(&data, e->polarity ? 1 : 0xff, 1);
        }
        made_npy(&npy, columns[c].descr, false, shape, data.b, data.n);
        made_zip_add(&z, columns[c].name, &npy);
        made_free(&npy);
        made_npy(&npy, "'<i4'", false, "()", "abcd", 4);
        made_zip_add(&z, c ? "n.npy" : "label.npy", &npy);
        made_free(&data);
        made_free(&npy);
    }
    made_zip_end(&z);
}

static void make_text(struct made *f)
{
    made_text(f, "# seconds\n%d %d\n", MADE_WIDTH, MADE_HEIGHT);
    for (int i = 0; i < MADE_EVENTS; i++) {
        const struct af_camera_event *e = &made_event[i];
        made_text(f, "%.6f %d %d %d\n", 1e-6 * (double)e->t, e->x, e->y, e->polarity);
    }
}

static void make_csv(struct made *f)
{
    made_text(f, "x,y,polarity,timestamp\r\n");
    for (int i = 0; i < MADE_EVENTS; i++) {
        const struct af_camera_event *e = &made_event[i];
        made_text(f, "%d,%d,%d,%lld\r\n", e->x, e->y, e->polarity ? 1 : -1, (long long)e->t);
    }
}

/* Without a header, and three events before the first word of time. */
static void make_bare(struct made *f)
{
    for (int i = 0; i < 3; i++)
        little(f, 0x2000u, 2);
    evt3_words(f);
}

const struct making makings[] = {
    {"dvs128.aedat", "AEDAT 2, DVS128", make_dvs128, 128, 128, .whole = false},
    {"davis.aedat", "AEDAT 2, DAVIS", make_davis, 346, 260, .whole = false},
    {"packets.aedat", "AEDAT 3.1", make_aedat3, 240, 180, .whole = false},
    {"plain.aedat4", "AEDAT 4", make_aedat4, MADE_WIDTH, MADE_HEIGHT, .whole = false},
    {"evt2.raw", "EVT2", make_evt2, MADE_WIDTH, MADE_HEIGHT, .whole = false},
    {"evt21.raw", "EVT2.1", make_evt21, MADE_WIDTH, MADE_HEIGHT, .whole = false},
    {"legacy.raw", "EVT2.1", make_evt21_legacy, 1280, 720, .whole = false},
    {"evt3.raw", "EVT3", make_evt3, MADE_WIDTH, MADE_HEIGHT, .whole = false},
    {"bare2", "EVT2", evt2_words, 0, 0, .whole = false},
    {"bare3", "EVT3", make_bare, 0, 0, .whole = false},
    {"cd.dat", "DAT", make_dat, MADE_WIDTH, MADE_HEIGHT, .whole = false},
    {"old.dat", "DAT", make_dat1, 0, 0, .whole = false},
    {"dvs.es", "ES", make_es, MADE_WIDTH, MADE_HEIGHT, .whole = false},
    {"00001.bin", "N-MNIST", make_nmnist, 0, 0, .whole = true},
    {"rows.npy", "npy, columns x, y, p, t", make_npy, 0, 0, .whole = true},
    {"columns.npy", "npy, columns t, x, y, p", make_npy_fortran, 0, 0, .whole = true},
    {"fields.npy", "npy, fields x, y, t, p", make_npy_fields, 0, 0, .whole = true},
    {"arrays.npz", "npz, arrays x, y, t, p", make_npz, 0, 0, .whole = true},
    {"events.txt", "text, columns t, x, y, p", make_text, MADE_WIDTH, MADE_HEIGHT, .whole = false},
    {"events.csv", "text", make_csv, 0, 0, .whole = false},
};
const int making_count = sizeof makings / sizeof *makings;
