/* Events in HDF5 files, read with libhdf5 where the build found it. Layouts:
 *
 * - a group with a data set a column: events/{x,y,p,t} of DSEC
 * (https://dsec.ifi.uzh.ch/data-format/; t_offset is added to t), events/{xs,ys,ps,ts},
 * prophesee/left/{x,y,p,t} of M3ED, or at the root
 * - records with fields: CD/events of Metavision
 *   (https://docs.prophesee.ai/stable/data/file_formats/hdf5.html), events
 * - the same of tonic's cache: data/0
 * - a table [N,4]: events, davis/left/events of MVSEC (https://daniilidis-group.github.io/mvsec/)
 */
#include "base/error.h"
#include "recording/apart.h"
#include "recording/columns.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool is_hdf5(const struct head *h)
{
    return h->n >= 8 && memcmp(h->b, "\x89HDF\r\n\x1a\n", 8) == 0;
}

#ifdef ADAFIRE_HDF5
#include <hdf5.h>

struct hdf5 {
    struct recording base;
    struct columns columns;
    hid_t file;
    hid_t set[COLUMNS];  /* a data set a column; all in the first: records or a table */
    hid_t type[COLUMNS]; /* in memory: 64-bit numbers, of records one of a single field */
    bool is_table;
    int64_t left, row;
};

static int damaged(const struct recording *r)
{
    return af_fail(AF_BAD_FILE,
                   "%s: the HDF5 file is damaged, or packed in a way that libhdf5 has "
                   "no filter for here",
                   r->name);
}

/* ---- What is in it --------------------------------------------------------------------------- */

/* Numbers in memory as they are in `type`; negative if that is no number. */
static hid_t native_of(hid_t type, bool *is_float)
{
    const H5T_class_t class = H5Tget_class(type);
    *is_float = class == H5T_FLOAT;
    return class == H5T_FLOAT     ? H5T_NATIVE_DOUBLE
           : class == H5T_INTEGER ? H5T_NATIVE_INT64
           : class == H5T_ENUM    ? H5T_NATIVE_INT8 /* booleans */
                                  : -1;
}

/* The extent of a data set of `rank` dimensions; -1 if it has another. */
static int64_t extent(hid_t set, int rank, hsize_t dim[2])
{
    hid_t space = H5Dget_space(set);
    const bool fits = space >= 0 && H5Sget_simple_extent_ndims(space) == rank &&
                      H5Sget_simple_extent_dims(space, dim, NULL) == rank &&
                      dim[0] <= INT64_MAX / 16;
    if (space >= 0)
        H5Sclose(space);
    return fits ? (int64_t)dim[0] : -1;
}

static bool exists(hid_t at, const char *path)
{
    char part[64];
    for (const char *slash = strchr(path, '/'); slash; slash = strchr(slash + 1, '/')) {
        snprintf(part, sizeof part, "%.*s", (int)(slash - path), path);
        if (H5Lexists(at, part, H5P_DEFAULT) <= 0)
            return false;
    }
    return H5Lexists(at, path, H5P_DEFAULT) > 0 && H5Oexists_by_name(at, path, H5P_DEFAULT) > 0;
}

/* The four columns' data sets in a group; false if one is missing. */
static bool find_sets(struct hdf5 *r, hid_t group)
{
    static const char *const names[COLUMNS][4] = {
        {"x", "xs"}, {"y", "ys"}, {"p", "ps", "pol", "polarity"}, {"t", "ts", "timestamp", "time"}};
    for (int i = 0; i < COLUMNS; i++) {
        for (int k = 0; k < 4 && names[i][k] && r->set[i] < 0; k++)
            if (exists(group, names[i][k]))
                r->set[i] = H5Dopen2(group, names[i][k], H5P_DEFAULT);
        if (r->set[i] < 0)
            return false;
    }
    return true;
}

static int use_sets(struct hdf5 *r)
{
    for (int i = 0; i < COLUMNS; i++) {
        hsize_t dim[2];
        const int64_t n = extent(r->set[i], 1, dim);
        hid_t type = H5Dget_type(r->set[i]);
        const hid_t native = native_of(type, &r->columns.rows.is_float[i]);
        H5Tclose(type);
        if (native < 0 || n < 0 || (i && n != r->left))
            return af_fail(AF_BAD_FILE,
                           "%s: the columns of the HDF5 file are not numbers, or not "
                           "equally many",
                           r->base.name);
        /* An enumeration of booleans is read as what it is made of. */
        r->type[i] = native == H5T_NATIVE_INT8 ? H5Dget_type(r->set[i]) : H5Tcopy(native);
        r->left = n;
        r->columns.of[i] = i;
    }
    r->columns.known = true;
    return AF_OK;
}

static int use_records(struct hdf5 *r, hid_t type)
{
    const int count = H5Tget_nmembers(type);
    for (int m = 0; m < count; m++) {
        char *name = H5Tget_member_name(type, (unsigned)m);
        const int i = name ? column_of_name(name) : -1;
        hid_t member = H5Tget_member_type(type, (unsigned)m);
        const hid_t native = i < 0 ? -1 : native_of(member, &r->columns.rows.is_float[i]);
        if (i >= 0 && r->type[i] < 0 && native >= 0 && native != H5T_NATIVE_INT8) {
            r->type[i] = H5Tcreate(H5T_COMPOUND, 8);
            H5Tinsert(r->type[i], name, 0, native);
        }
        if (member >= 0)
            H5Tclose(member);
        H5free_memory(name);
    }
    for (int i = 0; i < COLUMNS; i++) {
        if (r->type[i] < 0)
            return af_fail(AF_BAD_FILE, "%s: the HDF5 file's records have no fields x, y, t and p",
                           r->base.name);
        r->columns.of[i] = i;
    }
    r->columns.known = true;
    return AF_OK;
}

static int use_set(struct hdf5 *r)
{
    hsize_t dim[2] = {0, 0};
    hid_t type = H5Dget_type(r->set[0]);
    int status = AF_OK;
    if (H5Tget_class(type) == H5T_COMPOUND) {
        r->left = extent(r->set[0], 1, dim);
        status = use_records(r, type);
    } else {
        bool is_float;
        const hid_t native = native_of(type, &is_float);
        r->left = extent(r->set[0], 2, dim);
        r->is_table = true;
        if (native < 0 || native == H5T_NATIVE_INT8 || dim[1] != COLUMNS)
            r->left = -1;
        for (int i = 0; i < COLUMNS && r->left >= 0; i++) {
            r->type[i] = H5Tcopy(native);
            r->columns.rows.is_float[i] = is_float;
        }
    }
    H5Tclose(type);
    if (!status && r->left < 0)
        status = af_fail(AF_BAD_FILE, "%s: the HDF5 file's events are no table of four columns",
                         r->base.name);
    return status;
}

/* "320x320" of Metavision. */
static void read_geometry(struct hdf5 *r)
{
    char text[64] = "";
    int w, h;
    if (H5Aexists(r->file, "geometry") <= 0)
        return;
    hid_t a = H5Aopen(r->file, "geometry", H5P_DEFAULT);
    hid_t type = a < 0 ? -1 : H5Aget_type(a);
    if (type >= 0 && H5Tget_class(type) == H5T_STRING && H5Aget_storage_size(a) > 0) {
        if (H5Tis_variable_str(type) > 0) {
            char *own = NULL;
            if (H5Aread(a, type, &own) >= 0 && own)
                snprintf(text, sizeof text, "%s", own);
            H5free_memory(own);
        } else if (H5Tget_size(type) < sizeof text && H5Aget_storage_size(a) < sizeof text) {
            H5Aread(a, type, text);
            text[sizeof text - 1] = 0;
        }
    }
    if (type >= 0)
        H5Tclose(type);
    if (a >= 0)
        H5Aclose(a);
    if (sscanf(text, "%dx%d", &w, &h) == 2 && w > 0 && w <= 1 << 16 && h > 0 && h <= 1 << 16) {
        r->base.about.width = w;
        r->base.about.height = h;
    }
}

static int read_offset(struct hdf5 *r)
{
    int64_t offset = 0;
    if (!exists(r->file, "t_offset"))
        return AF_OK;
    hid_t set = H5Dopen2(r->file, "t_offset", H5P_DEFAULT);
    if (set < 0)
        return damaged(&r->base);
    hid_t space = H5Dget_space(set);
    const bool single = space >= 0 && H5Sget_simple_extent_npoints(space) == 1;
    const bool read =
        single && H5Dread(set, H5T_NATIVE_INT64, H5S_ALL, H5S_ALL, H5P_DEFAULT, &offset) >= 0;
    if (space >= 0)
        H5Sclose(space);
    H5Dclose(set);
    if (!read || offset < -((int64_t)1 << 61) || offset > (int64_t)1 << 61)
        return af_fail(AF_BAD_FILE, "%s: t_offset is no time", r->base.name);
    r->columns.t_offset = offset;
    return AF_OK;
}

/* The places where events are, in order. */
static int find_events(struct hdf5 *r)
{
    static const char *const places[] = {
        "CD/events",    "events",         "event", "davis/left/events",
        "davis/events", "prophesee/left", "dvs",   "data/0"};
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        const hid_t at = exists(r->file, places[i]) ? H5Oopen(r->file, places[i], H5P_DEFAULT) : -1;
        const H5I_type_t kind = at < 0 ? H5I_BADID : H5Iget_type(at);
        if (kind == H5I_DATASET) {
            r->set[0] = at;
            return use_set(r);
        }
        const bool found = kind == H5I_GROUP && find_sets(r, at);
        if (at >= 0)
            H5Oclose(at);
        if (found)
            return use_sets(r);
    }
    if (find_sets(r, r->file))
        return use_sets(r);
    return af_fail(AF_UNSUPPORTED,
                   "%s: the HDF5 file holds no events in a layout that is known (groups or tables "
                   "CD/events, events, davis/left/events, prophesee/left, or columns x, y, t, p)",
                   r->base.name);
}

/* ---- Rows ------------------------------------------------------------------------------------ */

static int read_column(struct hdf5 *r, int i, hsize_t n)
{
    const bool own = r->set[1] >= 0; /* a data set a column */
    const hid_t set = own ? r->set[i] : r->set[0];
    const hsize_t start[2] = {(hsize_t)r->row, r->is_table ? (hsize_t)i : 0}, count[2] = {n, 1};
    hid_t space = H5Dget_space(set), memory = H5Screate_simple(1, &n, NULL);
    void *to = r->columns.rows.column[i].whole;
    const bool small = own && H5Tget_class(r->type[i]) == H5T_ENUM;
    const bool read = space >= 0 && memory >= 0 &&
                      H5Sselect_hyperslab(space, H5S_SELECT_SET, start, NULL, count, NULL) >= 0 &&
                      (!small || H5Tget_size(r->type[i]) == 1) &&
                      H5Dread(set, r->type[i], memory, space, H5P_DEFAULT, to) >= 0;
    for (hsize_t k = n; read && small && k-- > 0;)
        r->columns.rows.column[i].whole[k] = ((const int8_t *)to)[k];
    if (space >= 0)
        H5Sclose(space);
    if (memory >= 0)
        H5Sclose(memory);
    return read ? AF_OK : damaged(&r->base);
}

static int fill(struct recording *base)
{
    struct hdf5 *r = (struct hdf5 *)base;
    const int n = r->left < COLUMN_ROWS ? (int)r->left : COLUMN_ROWS;
    r->columns.rows.count = n;
    for (int i = 0; n && i < COLUMNS; i++) {
        int status = read_column(r, i, (hsize_t)n);
        if (status)
            return status;
    }
    r->left -= n;
    r->row += n;
    return AF_OK;
}

static int next_hdf5(struct recording *base, struct af_camera_event *out, int room, int *count)
{
    return columns_next(&((struct hdf5 *)base)->columns, out, room, count);
}

static void close_hdf5(struct recording *base)
{
    struct hdf5 *r = (struct hdf5 *)base;
    for (int i = 0; i < COLUMNS; i++) {
        if (r->set[i] >= 0)
            H5Dclose(r->set[i]);
        if (r->type[i] >= 0)
            H5Tclose(r->type[i]);
    }
    if (r->file >= 0)
        H5Fclose(r->file);
}

static const struct reader_ops hdf5_ops = {.next = next_hdf5, .close = close_hdf5};

static int open_here(struct recording **r, const char *path)
{
    struct hdf5 *made = reader_make(sizeof *made, &hdf5_ops, path, NULL);
    *r = NULL;
    if (!made)
        return AF_NO_MEMORY;
    H5Eset_auto2(H5E_DEFAULT, NULL, NULL); /* the library says nothing itself */
    made->columns.reader = &made->base;
    made->columns.fill = fill;
    for (int i = 0; i < COLUMNS; i++)
        made->set[i] = made->type[i] = -1;
    made->file = H5Fopen(path, H5F_ACC_RDONLY, H5P_DEFAULT);
    int status = made->file < 0 ? damaged(&made->base) : AF_OK;
    snprintf(made->base.about.format, sizeof made->base.about.format, "HDF5");
    if (!status)
        status = find_events(made);
    if (!status)
        status = read_offset(made);
    if (status) {
        recording_close(&made->base);
        return status;
    }
    read_geometry(made);
    made->base.about.rows = made->left;
    *r = &made->base;
    return AF_OK;
}

/* Of damaged files the library leaks, loops and falls. */
static int open_hdf5(struct recording **r, const char *path, struct bytes *bytes)
{
    bytes_close(bytes);
    return apart_open(r, path, "libhdf5", open_here);
}
#else
static int open_hdf5(struct recording **r, const char *path, struct bytes *bytes)
{
    bytes_close(bytes);
    *r = NULL;
    return af_fail(AF_UNSUPPORTED,
                   "%s: an HDF5 file, which this build was made without libhdf5 to read", path);
}
#endif

const struct format hdf5_format = {is_hdf5, open_hdf5};
