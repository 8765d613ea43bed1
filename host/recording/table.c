/* Tables of events in .npy files and .npz archives: [N,4], records with fields, or an array a
 * column. https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html */
#include "base/error.h"
#include "base/npy.h"
#include "recording/columns.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The longest .npy header, with what stands before it. */
#define HEAD_MOST (65536 + 12)

/* Numbers at equal distances in a stream. */
struct lane {
    struct stream *stream;
    size_t record; /* bytes from one row to the next */
};

struct table {
    struct recording base;
    struct columns columns;
    struct lane lane[COLUMNS];
    int lanes;
    /* Column i is lane lane_of[i]'s field[i]. */
    int lane_of[COLUMNS];
    struct npy_field field[COLUMNS];
    char *path; /* of the places */
    int64_t left;
    unsigned char *raw;
};

/* ---- What an array holds --------------------------------------------------------------------- */

static int look(const struct place *place, const char *name, struct npy_layout *l)
{
    struct stream *stream;
    size_t got = 0;
    int status = stream_open(&stream, place);
    if (status)
        return status;
    unsigned char *bytes = malloc(HEAD_MOST);
    status = bytes ? stream_read(stream, bytes, HEAD_MOST, &got)
                   : af_fail(AF_NO_MEMORY, "%s: no memory", name);
    if (!status)
        status = npy_parse_layout(name, bytes, got, l);
    const int64_t size = stream_size(stream);
    int64_t need = 0;
    if (!status && __builtin_mul_overflow(l->head.count, (int64_t)l->record, &need))
        status = af_fail(AF_BAD_FILE, "%s: the array is out of range", name);
    if (!status && size >= 0 && size - (int64_t)l->offset < need)
        status = af_fail(AF_BAD_FILE, "%s: truncated: %lld bytes of data where %lld belong", name,
                         (long long)(size - (int64_t)l->offset), (long long)need);
    free(bytes);
    stream_close(stream);
    return status;
}

/* Fields by their names; false if one of the four is missing. */
static bool find_fields(const struct npy_layout *l, struct npy_field field[COLUMNS])
{
    int found = 0;
    for (int i = 0; i < l->field_count; i++) {
        const int k = column_of_name(l->field[i].name);
        if (k < 0 || found & 1 << k || l->field[i].type == DTYPE_F16)
            continue;
        field[k] = l->field[i];
        found |= 1 << k;
    }
    return found == (1 << COLUMNS) - 1;
}

static bool is_table(const struct npy_layout *l)
{
    struct npy_field field[COLUMNS];
    if (l->field[0].name[0])
        return (l->head.rank == 1 || (l->head.rank == 2 && l->head.dim[1] == 1)) &&
               find_fields(l, field);
    return l->head.rank == 2 && l->head.dim[1] == COLUMNS && l->head.type != DTYPE_BOOL &&
           l->head.type != DTYPE_F16;
}

bool recording_is_array(const struct place *place)
{
    struct npy_layout l;
    return look(place, place->path, &l) == AF_OK && is_table(&l);
}

/* ---- Rows ------------------------------------------------------------------------------------ */

static uint64_t number_at(const unsigned char *p, size_t size, bool swap)
{
    uint64_t v = 0;
    for (size_t i = 0; i < size; i++)
        v |= (uint64_t)p[swap ? size - 1 - i : i] << 8 * i;
    return v;
}

static void load(struct rows *rows, int column, const struct npy_field *f, const unsigned char *p,
                 size_t record)
{
    const size_t size = dtype_size(f->type);
    rows->is_float[column] = f->type == DTYPE_F32 || f->type == DTYPE_F64;
    for (int i = 0; i < rows->count; i++, p += record) {
        const uint64_t v = number_at(p + f->offset, size, f->swap);
        int64_t *whole = &rows->column[column].whole[i];
        double *real = &rows->column[column].real[i];
        switch (f->type) {
        case DTYPE_F32: {
            const uint32_t bits = (uint32_t)v;
            float single;
            memcpy(&single, &bits, sizeof single);
            *real = single;
            break;
        }
        case DTYPE_F64: memcpy(real, &v, sizeof *real); break;
        case DTYPE_I8: *whole = (int8_t)v; break;
        case DTYPE_I16: *whole = (int16_t)v; break;
        case DTYPE_I32: *whole = (int32_t)v; break;
        case DTYPE_U64: *whole = v > INT64_MAX ? INT64_MAX : (int64_t)v; break;
        default: *whole = (int64_t)v;
        }
    }
}

static int fill(struct recording *base)
{
    struct table *r = (struct table *)base;
    struct rows *rows = &r->columns.rows;
    const int n = r->left < COLUMN_ROWS ? (int)r->left : COLUMN_ROWS;
    rows->count = n;
    for (int k = 0; k < r->lanes; k++) {
        const size_t need = (size_t)n * r->lane[k].record;
        size_t got;
        int status = stream_read(r->lane[k].stream, r->raw, need, &got);
        if (!status && got < need)
            status = af_fail(AF_BAD_FILE, "%s: truncated: %zu bytes of data where %zu belong",
                             r->base.name, got, need);
        if (status)
            return status;
        for (int i = 0; i < COLUMNS; i++)
            if (r->lane_of[i] == k)
                load(rows, i, &r->field[i], r->raw, r->lane[k].record);
    }
    r->left -= n;
    int status = AF_OK;
    for (int k = 0; !status && !r->left && k < r->lanes; k++)
        status = stream_end(r->lane[k].stream);
    return status;
}

static int next_table(struct recording *base, struct af_camera_event *out, int room, int *count)
{
    return columns_next(&((struct table *)base)->columns, out, room, count);
}

static int skip_rows(struct recording *base, int64_t rows)
{
    return columns_skip(&((struct table *)base)->columns, rows);
}

static void close_table(struct recording *base)
{
    struct table *r = (struct table *)base;
    for (int k = 0; k < r->lanes; k++)
        stream_close(r->lane[k].stream);
    free(r->raw);
    free(r->path);
}

static const struct reader_ops table_ops = {next_table, skip_rows, close_table};

/* ---- Opening --------------------------------------------------------------------------------- */

static struct table *make_table(const char *name, const char *path, const char *format)
{
    struct table *r = reader_make(sizeof *r, &table_ops, name, NULL);
    if (!r)
        return NULL;
    r->path = strdup(path);
    r->columns.reader = &r->base;
    r->columns.fill = fill;
    snprintf(r->base.about.format, sizeof r->base.about.format, "%s", format);
    if (r->path)
        return r;
    af_fail(AF_NO_MEMORY, "%s: no memory", name);
    recording_close(&r->base);
    return NULL;
}

static int add_lane(struct table *r, const struct place *place, int64_t offset, size_t record)
{
    struct place own = *place;
    own.path = r->path;
    struct lane *lane = &r->lane[r->lanes];
    int status = stream_open(&lane->stream, &own);
    if (status)
        return status;
    lane->record = record;
    r->lanes++;
    return stream_skip(lane->stream, offset);
}

static int make_room(struct table *r)
{
    size_t most = 0;
    for (int k = 0; k < r->lanes; k++)
        most = r->lane[k].record > most ? r->lane[k].record : most;
    if (most > 1 << 16)
        return af_fail(AF_UNSUPPORTED, "%s: records of %zu bytes", r->base.name, most);
    r->raw = malloc(most * COLUMN_ROWS + 1);
    return r->raw ? AF_OK : af_fail(AF_NO_MEMORY, "%s: no memory", r->base.name);
}

/* [N,4], or records with fields. */
static int open_lanes(struct table *r, const struct place *place, const struct npy_layout *l)
{
    int status = AF_OK;
    r->left = l->head.dim[0];
    if (l->field[0].name[0]) {
        find_fields(l, r->field);
        r->columns.known = true;
        for (int i = 0; i < COLUMNS; i++)
            r->columns.of[i] = i;
        return add_lane(r, place, (int64_t)l->offset, l->record);
    }
    for (int i = 0; i < COLUMNS && !status; i++) {
        r->field[i] = l->field[0];
        if (l->fortran) {
            r->lane_of[i] = i;
            status = add_lane(r, place, (int64_t)l->offset + i * r->left * (int64_t)l->record,
                              l->record);
        } else {
            r->field[i].offset = (size_t)i * l->record;
        }
    }
    return l->fortran ? status : add_lane(r, place, (int64_t)l->offset, COLUMNS * l->record);
}

int recording_open_array(struct recording **r, const struct place *place, const char *name)
{
    struct npy_layout l;
    *r = NULL;
    int status = look(place, name, &l);
    if (!status && !is_table(&l))
        status = af_fail(AF_BAD_FILE,
                         "%s: the array is no table of events: those have four columns, or fields "
                         "x, y, t and p",
                         name);
    if (status)
        return status;
    struct table *made =
        make_table(name, place->path, l.field[0].name[0] ? "npy, fields x, y, t, p" : "npy");
    if (!made)
        return AF_NO_MEMORY;
    made->base.about.rows = l.head.dim[0];
    status = open_lanes(made, place, &l);
    if (!status)
        status = make_room(made);
    if (status)
        recording_close(&made->base);
    else
        *r = &made->base;
    return status;
}

static bool is_npy(const struct head *h)
{
    return h->n >= 6 && memcmp(h->b, "\x93NUMPY", 6) == 0;
}

static int open_npy(struct recording **r, const char *path, struct bytes *bytes)
{
    bytes_close(bytes);
    return recording_open_array(r, &(struct place){.path = path}, path);
}

/* An archive of an array a column: the member for each, -1 where there is none. */
static void find_members(const struct zip_member *members, int count, int found[COLUMNS])
{
    for (int i = 0; i < COLUMNS; i++)
        found[i] = -1;
    for (int i = 0; i < count; i++) {
        char name[ZIP_NAME];
        snprintf(name, sizeof name, "%s", members[i].name);
        char *dot = strrchr(name, '.');
        if (!dot || strcmp(dot, ".npy") != 0)
            continue;
        *dot = 0;
        const int k = column_of_name(name);
        if (k >= 0 && found[k] < 0)
            found[k] = i;
    }
}

bool recording_is_archive(const char *path)
{
    struct zip_member *members;
    int count, found[COLUMNS];
    if (zip_list(path, &members, &count))
        return false;
    find_members(members, count, found);
    free(members);
    return found[0] >= 0 && found[1] >= 0 && found[2] >= 0 && found[3] >= 0;
}

static int open_members(struct recording **out, const char *path, const struct zip_member *members,
                        const int found[COLUMNS])
{
    struct table *r = make_table(path, path, "npz, arrays x, y, t, p");
    int status = r ? AF_OK : AF_NO_MEMORY;
    *out = NULL;
    for (int i = 0; i < COLUMNS && !status; i++) {
        const struct place place = {.path = path, .zipped = true, .member = members[found[i]]};
        struct npy_layout l;
        status = look(&place, path, &l);
        const bool flat = !status && !l.field[0].name[0] && l.head.type != DTYPE_F16 &&
                          l.head.rank >= 1 && l.head.count == l.head.dim[0];
        if (!status && !flat)
            status =
                af_fail(AF_BAD_FILE, "%s: %s is no column of numbers", path, place.member.name);
        if (!status && i && l.head.count != r->left)
            status =
                af_fail(AF_BAD_FILE, "%s: %s has %lld numbers, %s %lld", path, place.member.name,
                        (long long)l.head.count, members[found[0]].name, (long long)r->left);
        if (status)
            break;
        r->left = l.head.count;
        r->lane_of[i] = r->columns.of[i] = i;
        r->field[i] = l.field[0];
        status = add_lane(r, &place, (int64_t)l.offset, l.record);
    }
    if (!status)
        status = make_room(r);
    if (status) {
        recording_close(r ? &r->base : NULL);
        return status;
    }
    r->base.about.rows = r->left;
    r->columns.known = true;
    *out = &r->base;
    return AF_OK;
}

static bool is_npz(const struct head *h)
{
    return h->n >= 4 && (memcmp(h->b, "PK\3\4", 4) == 0 || memcmp(h->b, "PK\5\6", 4) == 0);
}

/* The first array that is a table, or else an array a column. */
static int open_npz(struct recording **r, const char *path, struct bytes *bytes)
{
    struct zip_member *members;
    int count, found[COLUMNS];
    bytes_close(bytes);
    *r = NULL;
    int status = zip_list(path, &members, &count);
    if (status)
        return status;
    for (int i = 0; i < count && !*r && !status; i++) {
        const struct place place = {.path = path, .zipped = true, .member = members[i]};
        if (recording_is_array(&place)) {
            status = recording_open_array(r, &place, path);
            if (!status)
                memcpy((*r)->about.format, "npz", 3);
        }
    }
    find_members(members, count, found);
    if (!*r && !status)
        status = found[0] < 0 || found[1] < 0 || found[2] < 0 || found[3] < 0
                     ? af_fail(AF_BAD_FILE,
                               "%s: no array in it is a table of events, nor are there arrays x, "
                               "y, t and p",
                               path)
                     : open_members(r, path, members, found);
    free(members);
    return status;
}

const struct format npy_format = {is_npy, open_npy}, npz_format = {is_npz, open_npz};
