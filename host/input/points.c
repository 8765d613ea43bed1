#include "input/points.h"

#include "base/error.h"
#include "base/file.h"

#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define FILE_MOST ((size_t)1 << 30)
enum { WORD = 64, ELEMENTS_MOST = 16, PROPERTIES_MOST = 64 };

/* What is left of a file. */
struct cursor {
    const char *name, *at, *end; /* *end is 0 */
};

void mesh_free(struct mesh *m)
{
    free(m->point);
    free(m->triangle);
    *m = (struct mesh){0};
}

/* ---- Text ----------------------------------------------------------------------------------- */

/* To the next word, over comments. */
static void skip_space(struct cursor *c)
{
    while (c->at < c->end && (isspace((unsigned char)*c->at) || *c->at == '#')) {
        if (*c->at == '#')
            while (c->at < c->end && *c->at != '\n')
                c->at++;
        else
            c->at++;
    }
}

static void skip_line(struct cursor *c)
{
    while (c->at < c->end && *c->at != '\n')
        c->at++;
}

static int read_number(struct cursor *c, double *v)
{
    char *end;
    skip_space(c);
    *v = strtod(c->at, &end);
    if (end == c->at)
        return c->at == c->end
                   ? af_fail(AF_BAD_FILE, "%s: truncated", c->name)
                   : af_fail(AF_BAD_FILE, "%s: '%.*s' is no number", c->name,
                             (int)strcspn(c->at, " \t\r\n") < 20 ? (int)strcspn(c->at, " \t\r\n")
                                                                 : 20,
                             c->at);
    c->at = end;
    return AF_OK;
}

/* A number of things that take `bytes` each in the file at the least. */
static int check_count(const struct cursor *c, const char *what, double v, size_t bytes)
{
    size_t left = (size_t)(c->end - c->at);
    if (v >= 0 && v == floor(v) && v <= (double)(left / bytes + 1) &&
        v <= (double)tensor_max_elements)
        return AF_OK;
    return af_fail(AF_BAD_FILE, "%s: %.0f %s cannot be in a file of this size", c->name, v, what);
}

/* ---- Meshes --------------------------------------------------------------------------------- */

static int make_points(const struct cursor *c, struct mesh *m, int64_t count)
{
    m->point = calloc((size_t)count + 1, sizeof *m->point);
    m->point_count = count;
    return m->point
               ? AF_OK
               : af_fail(AF_NO_MEMORY, "%s: no memory for %lld points", c->name, (long long)count);
}

static int set_coordinate(const struct cursor *c, struct mesh *m, int64_t point, int axis, double v)
{
    if (!(fabs(v) <= 1e30))
        return af_fail(AF_BAD_FILE, "%s: point %lld has the coordinate %g", c->name,
                       (long long)point, v);
    m->point[point][axis] = (float)v;
    return AF_OK;
}

/* A polygon that grows corner by corner. */
struct fan {
    int64_t first, last;
    int corners;
    int64_t room;
};

static int add_corner(const struct cursor *c, struct mesh *m, struct fan *f, double v)
{
    if (!(v >= 0 && v < (double)m->point_count && v == floor(v)))
        return af_fail(AF_BAD_FILE, "%s: a face has the point %.0f of %lld", c->name, v,
                       (long long)m->point_count);
    int64_t corner = (int64_t)v;
    if (f->corners >= 2) {
        if (m->triangle_count == f->room) {
            int64_t room = f->room ? f->room * 2 : 256;
            int64_t(*grown)[3] = realloc(m->triangle, (size_t)room * sizeof *grown);
            if (!grown)
                return af_fail(AF_NO_MEMORY, "%s: no memory for %lld triangles", c->name,
                               (long long)room);
            m->triangle = grown;
            f->room = room;
        }
        int64_t *t = m->triangle[m->triangle_count++];
        t[0] = f->first;
        t[1] = f->last;
        t[2] = corner;
    }
    f->first = f->corners ? f->first : corner;
    f->last = corner;
    f->corners += f->corners < 2;
    return AF_OK;
}

/* ---- OFF ------------------------------------------------------------------------------------ */

/* http://www.geomview.org/docs/html/OFF.html: letters before OFF promise more numbers behind the
 * coordinates. The length of the word, 0 if it is another. */
static size_t off_word(const char *text)
{
    size_t n = strspn(text, "STCN");
    return strncmp(text + n, "OFF", 3) == 0 ? n + 3 : 0;
}

static int parse_off(struct cursor *c, struct mesh *m)
{
    double points, faces, corners, v;
    struct fan fan = {0};
    c->at += off_word(c->at); /* some files have the numbers right behind the word */
    skip_space(c);
    if (strncasecmp(c->at, "BINARY", 6) == 0)
        return af_fail(AF_UNSUPPORTED, "%s: a binary OFF file; OFF is read as text", c->name);
    int status = read_number(c, &points);
    if (!status)
        status = read_number(c, &faces);
    skip_line(c); /* the edges, which nobody counts */
    if (!status)
        status = check_count(c, "points", points, 6);
    if (!status)
        status = check_count(c, "faces", faces, 2);
    if (!status)
        status = make_points(c, m, (int64_t)points);
    for (int64_t i = 0; !status && i < m->point_count; i++) {
        for (int axis = 0; !status && axis < 3; axis++) {
            status = read_number(c, &v);
            if (!status)
                status = set_coordinate(c, m, i, axis, v);
        }
        skip_line(c);
    }
    for (int64_t i = 0; !status && i < (int64_t)faces; i++) {
        status = read_number(c, &corners);
        if (!status)
            status = check_count(c, "corners", corners, 2);
        fan.corners = 0;
        for (int64_t k = 0; !status && k < (int64_t)corners; k++) {
            status = read_number(c, &v);
            if (!status)
                status = add_corner(c, m, &fan, v);
        }
        skip_line(c);
    }
    return status;
}

/* ---- PLY ------------------------------------------------------------------------------------ */

/* Greg Turk, "The PLY Polygon File Format", 1994. */
enum scalar { INT8, UINT8, INT16, UINT16, INT32, UINT32, FLOAT32, FLOAT64, SCALARS };
enum role { NOTHING, AXIS_X, AXIS_Y, AXIS_Z, CORNERS };

struct property {
    enum scalar type, length; /* length: of the number in front of a list */
    bool list;
    enum role role;
};

struct element {
    bool vertices, faces;
    int64_t count;
    struct property property[PROPERTIES_MOST];
    int properties;
};

struct ply {
    bool binary;
    struct element element[ELEMENTS_MOST];
    int elements;
};

static void read_word(struct cursor *c, char word[WORD])
{
    size_t n = 0;
    while (c->at < c->end && (*c->at == ' ' || *c->at == '\t' || *c->at == '\r'))
        c->at++;
    for (; c->at < c->end && !isspace((unsigned char)*c->at); c->at++)
        if (n < WORD - 1)
            word[n++] = *c->at;
    word[n] = 0;
}

static int read_scalar_type(struct cursor *c, const char *word, enum scalar *type)
{
    static const char *const names[SCALARS][2] = {
        {"char", "int8"}, {"uchar", "uint8"}, {"short", "int16"},   {"ushort", "uint16"},
        {"int", "int32"}, {"uint", "uint32"}, {"float", "float32"}, {"double", "float64"}};
    for (int i = 0; i < SCALARS; i++)
        if (strcmp(word, names[i][0]) == 0 || strcmp(word, names[i][1]) == 0) {
            *type = (enum scalar)i;
            return AF_OK;
        }
    return af_fail(AF_BAD_FILE, "%s: '%s' is no type of a property", c->name, word);
}

static int read_property(struct cursor *c, struct ply *ply)
{
    char word[WORD];
    struct property p = {0};
    if (!ply->elements)
        return af_fail(AF_BAD_FILE, "%s: a property before any element", c->name);
    struct element *e = &ply->element[ply->elements - 1];
    if (e->properties == PROPERTIES_MOST)
        return af_fail(AF_BAD_FILE, "%s: more than %d properties", c->name, PROPERTIES_MOST);
    int status = AF_OK;
    read_word(c, word);
    p.list = strcmp(word, "list") == 0;
    if (p.list) {
        read_word(c, word);
        status = read_scalar_type(c, word, &p.length);
        read_word(c, word);
    }
    if (!status)
        status = read_scalar_type(c, word, &p.type);
    read_word(c, word);
    if (e->vertices && !p.list && word[0] >= 'x' && word[0] <= 'z' && !word[1])
        p.role = (enum role)(AXIS_X + (word[0] - 'x'));
    if (e->faces && p.list &&
        (strcmp(word, "vertex_indices") == 0 || strcmp(word, "vertex_index") == 0))
        p.role = CORNERS;
    e->property[e->properties++] = p;
    return status;
}

static int read_element(struct cursor *c, struct ply *ply)
{
    char word[WORD];
    double count;
    if (ply->elements == ELEMENTS_MOST)
        return af_fail(AF_BAD_FILE, "%s: more than %d elements", c->name, ELEMENTS_MOST);
    struct element *e = &ply->element[ply->elements++];
    read_word(c, word);
    e->vertices = strcmp(word, "vertex") == 0;
    e->faces = strcmp(word, "face") == 0;
    int status = read_number(c, &count);
    if (!status)
        status = check_count(c, "elements", count, 1);
    if (!status)
        e->count = (int64_t)count;
    return status;
}

static int read_format(struct cursor *c, struct ply *ply)
{
    char word[WORD];
    read_word(c, word);
    ply->binary = strcmp(word, "binary_little_endian") == 0;
    if (!ply->binary && strcmp(word, "ascii") != 0)
        return af_fail(AF_UNSUPPORTED, "%s: PLY as ascii or binary_little_endian is read, not '%s'",
                       c->name, word);
    return AF_OK;
}

/* To the first byte behind the header. */
static int read_header(struct cursor *c, struct ply *ply)
{
    char word[WORD];
    int status = AF_OK;
    bool format = false;
    for (;;) {
        skip_line(c);
        if (status || c->at == c->end)
            return status ? status : af_fail(AF_BAD_FILE, "%s: the PLY header has no end", c->name);
        c->at++;
        read_word(c, word);
        if (strcmp(word, "format") == 0) {
            status = read_format(c, ply);
            format = true;
        } else if (strcmp(word, "element") == 0) {
            status = read_element(c, ply);
        } else if (strcmp(word, "property") == 0) {
            status = read_property(c, ply);
        } else if (strcmp(word, "end_header") == 0) {
            break;
        } else if (*word && strcmp(word, "comment") != 0 && strcmp(word, "obj_info") != 0) {
            status = af_fail(AF_BAD_FILE, "%s: '%s' in a PLY header", c->name, word);
        }
    }
    skip_line(c);
    c->at += c->at < c->end;
    return format ? AF_OK : af_fail(AF_BAD_FILE, "%s: the PLY header names no format", c->name);
}

static int read_binary(struct cursor *c, enum scalar type, double *v)
{
    static const size_t sizes[] = {1, 1, 2, 2, 4, 4, 4, 8};
    union {
        int8_t i8;
        uint8_t u8;
        int16_t i16;
        uint16_t u16;
        int32_t i32;
        uint32_t u32;
        float f32;
        double f64;
    } u = {0};
    if ((size_t)(c->end - c->at) < sizes[type])
        return af_fail(AF_BAD_FILE, "%s: truncated", c->name);
    memcpy(&u, c->at, sizes[type]);
    c->at += sizes[type];
    switch (type) {
    case INT8: *v = u.i8; break;
    case UINT8: *v = u.u8; break;
    case INT16: *v = u.i16; break;
    case UINT16: *v = u.u16; break;
    case INT32: *v = u.i32; break;
    case UINT32: *v = u.u32; break;
    case FLOAT32: *v = (double)u.f32; break;
    default: *v = u.f64; break;
    }
    return AF_OK;
}

static int read_value(struct cursor *c, bool binary, enum scalar type, double *v)
{
    return binary ? read_binary(c, type, v) : read_number(c, v);
}

static int read_list(struct cursor *c, const struct ply *ply, const struct property *p,
                     struct mesh *m, struct fan *fan)
{
    double length, v;
    int status = read_value(c, ply->binary, p->length, &length);
    if (!status)
        status = check_count(c, "values of a list", length, 1);
    fan->corners = 0;
    for (int64_t k = 0; !status && k < (int64_t)length; k++) {
        status = read_value(c, ply->binary, p->type, &v);
        if (!status && p->role == CORNERS)
            status = add_corner(c, m, fan, v);
    }
    return status;
}

static int read_elements(struct cursor *c, const struct ply *ply, const struct element *e,
                         struct mesh *m, struct fan *fan)
{
    int status = AF_OK;
    double v;
    if (e->count && !e->properties)
        return af_fail(AF_BAD_FILE, "%s: an element without properties", c->name);
    for (int64_t i = 0; !status && i < e->count; i++)
        for (int k = 0; !status && k < e->properties; k++) {
            const struct property *p = &e->property[k];
            if (p->list) {
                status = read_list(c, ply, p, m, fan);
                continue;
            }
            status = read_value(c, ply->binary, p->type, &v);
            if (!status && p->role >= AXIS_X && p->role <= AXIS_Z)
                status = set_coordinate(c, m, i, (int)(p->role - AXIS_X), v);
        }
    return status;
}

static bool has_axes(const struct element *e)
{
    int axes = 0;
    for (int k = 0; k < e->properties; k++)
        if (e->property[k].role >= AXIS_X && e->property[k].role <= AXIS_Z)
            axes |= 1 << (e->property[k].role - AXIS_X);
    return axes == 7;
}

static int parse_ply(struct cursor *c, struct mesh *m)
{
    struct ply ply = {0};
    struct fan fan = {0};
    int status = read_header(c, &ply);
    for (int i = 0; !status && i < ply.elements; i++) {
        const struct element *e = &ply.element[i];
        if (e->faces && !m->point)
            return af_fail(AF_UNSUPPORTED, "%s: faces before vertices", c->name);
        if (e->vertices && m->point)
            return af_fail(AF_BAD_FILE, "%s: vertices twice", c->name);
        if (e->vertices && !has_axes(e))
            return af_fail(AF_BAD_FILE, "%s: vertices without x, y and z", c->name);
        if (e->vertices)
            status = make_points(c, m, e->count);
        if (!status)
            status = read_elements(c, &ply, e, m, &fan);
    }
    return status;
}

/* ---- Reading -------------------------------------------------------------------------------- */

bool mesh_is(const unsigned char *bytes, size_t size)
{
    char text[16] = "";
    memcpy(text, bytes, size < sizeof text - 1 ? size : sizeof text - 1);
    return off_word(text) || (strncmp(text, "ply", 3) == 0 && (text[3] == '\n' || text[3] == '\r'));
}

int mesh_parse(const char *name, const void *bytes, size_t size, struct mesh *mesh)
{
    struct cursor c = {name, bytes, (const char *)bytes + size};
    *mesh = (struct mesh){0};
    int status;
    if (!mesh_is(bytes, size))
        status = af_fail(AF_BAD_FILE, "%s: neither OFF nor PLY", name);
    else
        status = *c.at == 'p' ? parse_ply(&c, mesh) : parse_off(&c, mesh);
    if (!status && !mesh->point_count)
        status = af_fail(AF_BAD_FILE, "%s: holds no points", name);
    if (status)
        mesh_free(mesh);
    return status;
}

int mesh_read(const char *path, struct mesh *mesh)
{
    void *bytes;
    size_t size;
    *mesh = (struct mesh){0};
    int status = file_read(path, FILE_MOST, &bytes, &size);
    if (!status)
        status = mesh_parse(path, bytes, size, mesh);
    free(bytes);
    return status;
}

/* ---- Sampling ------------------------------------------------------------------------------- */

/* Uniform in 0..1 for every number (splitmix64: Steele et al., OOPSLA 2014). */
static double random_of(uint64_t number)
{
    uint64_t z = (number + 1) * 0x9e3779b97f4a7c15u;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return (double)((z ^ z >> 31) >> 11) * 0x1p-53;
}

static double area_of(const struct mesh *m, const int64_t t[3])
{
    double a[3], b[3];
    for (int k = 0; k < 3; k++) {
        a[k] = (double)m->point[t[1]][k] - (double)m->point[t[0]][k];
        b[k] = (double)m->point[t[2]][k] - (double)m->point[t[0]][k];
    }
    double x = a[1] * b[2] - a[2] * b[1], y = a[2] * b[0] - a[0] * b[2],
           z = a[0] * b[1] - a[1] * b[0];
    return sqrt(x * x + y * y + z * z) / 2;
}

/* One point in each of `count` equal parts of the surface, laid out triangle after triangle; within
 * a triangle as Osada et al. (ACM TOG 21:807, 2002). */
static void sample_surface(const struct mesh *m, double area, int64_t count, double (*out)[3])
{
    int64_t at = 0;
    double passed = 0, here = area_of(m, m->triangle[0]);
    for (int64_t i = 0; i < count; i++) {
        uint64_t n = (uint64_t)i * 3;
        double want = area * ((double)i + random_of(n)) / (double)count;
        while (want > passed + here && at + 1 < m->triangle_count) {
            passed += here;
            here = area_of(m, m->triangle[++at]);
        }
        double root = sqrt(random_of(n + 1)), along = random_of(n + 2);
        const int64_t *t = m->triangle[at];
        for (int k = 0; k < 3; k++)
            out[i][k] = (1 - root) * (double)m->point[t[0]][k] +
                        root * (1 - along) * (double)m->point[t[1]][k] +
                        root * along * (double)m->point[t[2]][k];
    }
}

/* Mean and farthest distance from it. */
static double middle_of(const double (*point)[3], int64_t count, double mean[3])
{
    double farthest = 0;
    mean[0] = mean[1] = mean[2] = 0;
    for (int64_t i = 0; i < count; i++)
        for (int k = 0; k < 3; k++)
            mean[k] += point[i][k] / (double)count;
    for (int64_t i = 0; i < count; i++) {
        double x = point[i][0] - mean[0], y = point[i][1] - mean[1], z = point[i][2] - mean[2];
        farthest = fmax(farthest, sqrt(x * x + y * y + z * z));
    }
    return farthest;
}

int mesh_sample(const char *name, const struct mesh *m, int64_t count, float *out)
{
    double area = 0, mean[3], farthest;
    for (int64_t i = 0; i < m->triangle_count; i++)
        area += area_of(m, m->triangle[i]);
    int64_t n = area > 0 ? count : m->point_count;
    double(*point)[3] = malloc((size_t)(n + 1) * sizeof *point);
    if (!point)
        return af_fail(AF_NO_MEMORY, "%s: no memory for %lld points", name, (long long)n);
    if (area > 0)
        sample_surface(m, area, count, point);
    for (int64_t i = 0; !(area > 0) && i < n; i++)
        for (int k = 0; k < 3; k++)
            point[i][k] = (double)m->point[i][k];
    farthest = middle_of((const double(*)[3])point, n, mean);
    for (int64_t i = 0; farthest > 0 && i < count; i++) {
        int64_t from = area > 0 ? i : (int64_t)((double)i * (double)n / (double)count);
        for (int k = 0; k < 3; k++)
            out[k * count + i] = (float)((point[from][k] - mean[k]) / farthest);
    }
    free(point);
    return farthest > 0 ? AF_OK : af_fail(AF_BAD_FILE, "%s: all points are one", name);
}
