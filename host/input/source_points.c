/* Meshes and tables of points, for models that take sets of points. */
#include "input/source_points.h"

#include "base/error.h"
#include "input/points.h"

#include <stdlib.h>
#include <string.h>

enum { AXES = 3 };

struct clouds {
    struct source base;
    struct place place;
    char *file; /* place.path; NULL: a mesh */
    struct array array;
    struct stream *stream;
    int64_t points; /* of one cloud in the array */
    float *data;    /* [AXES][points of the model] */
};

bool takes_points(const struct input_spec *spec)
{
    return spec->channels == AXES && (spec->height == 1 || spec->width == 1) &&
           spec->height * spec->width > 1;
}

bool array_is_points(const struct array *array)
{
    const struct tensor *t = &array->head;
    return (t->rank == 2 || t->rank == 3) && t->dim[t->rank - 1] == AXES &&
           (t->type == DTYPE_F32 || t->type == DTYPE_F64 || t->type == DTYPE_F16);
}

static int64_t points_of(const struct input_spec *spec)
{
    return (int64_t)spec->height * spec->width;
}

static int next_mesh(struct source *src, struct sample *s)
{
    struct clouds *c = (struct clouds *)src;
    struct mesh mesh;
    int status = mesh_read(src->path, &mesh);
    if (!status)
        status = mesh_sample(src->path, &mesh, points_of(src->spec), c->data);
    mesh_free(&mesh);
    s->data = c->data;
    s->type = DTYPE_F32;
    return status;
}

/* Reads the present cloud in pieces: points that are not there must not cost their memory. */
static int read_cloud(struct clouds *c, struct mesh *mesh)
{
    enum { PIECE = 1024 };
    double raw[PIECE * AXES]; /* large enough for any type */
    const struct tensor piece = {.type = c->array.head.type, .data = raw};
    int64_t room = 0;
    for (int64_t done = 0; done < c->points;) {
        int64_t n = c->points - done < PIECE ? c->points - done : PIECE;
        if (done + n > room) {
            room = done + n > 2 * room ? done + n : 2 * room;
            float(*grown)[3] = realloc(mesh->point, (size_t)room * sizeof *grown);
            if (!grown)
                return af_fail(AF_NO_MEMORY, "%s: no memory for %lld points", c->base.name,
                               (long long)room);
            mesh->point = grown;
        }
        int status = array_read(c->stream, c->base.name, &c->array, n * AXES, raw);
        if (status)
            return status;
        for (int64_t i = 0; i < n * AXES; i++) {
            double v = tensor_get(&piece, i);
            if (!(v >= -1e30 && v <= 1e30))
                return af_fail(AF_BAD_FILE, "%s: point %lld has the coordinate %g", c->base.name,
                               (long long)(done + i / AXES), v);
            mesh->point[done + i / AXES][i % AXES] = (float)v;
        }
        done += n;
        mesh->point_count = done;
    }
    return AF_OK;
}

static int next_cloud(struct source *src, struct sample *s)
{
    struct clouds *c = (struct clouds *)src;
    struct mesh mesh = {0};
    source_number(src);
    int status = c->stream ? AF_OK : array_open(&c->place, &c->array, &c->stream);
    if (!status)
        status = read_cloud(c, &mesh);
    if (!status && src->at + 1 == src->count)
        status = stream_end(c->stream);
    if (!status)
        status = mesh_sample(src->name, &mesh, points_of(src->spec), c->data);
    mesh_free(&mesh);
    s->data = c->data;
    s->type = DTYPE_F32;
    return status;
}

static void close_clouds(struct source *src)
{
    struct clouds *c = (struct clouds *)src;
    stream_close(c->stream);
    free(c->file);
    free(c->data);
}

static const struct source_ops mesh_ops = {next_mesh, close_clouds};
static const struct source_ops cloud_ops = {next_cloud, close_clouds};

static int make_source(struct source **src, const struct source_ops *ops, const char *path,
                       const struct input_spec *spec)
{
    *src = NULL;
    if (!takes_points(spec))
        return af_fail(AF_BAD_FILE, "%s: points in space, but the model takes %dx%dx%d", path,
                       spec->channels, spec->height, spec->width);
    struct clouds *c = source_make(sizeof *c, ops, path, spec);
    if (!c)
        return AF_NO_MEMORY;
    c->base.count = 1;
    c->data = calloc((size_t)points_of(spec) * AXES, sizeof *c->data);
    if (!c->data) {
        source_close(&c->base);
        return af_fail(AF_NO_MEMORY, "%s: no memory for a sample", path);
    }
    *src = &c->base;
    return AF_OK;
}

int source_mesh(struct source **src, const char *path, const struct input_spec *spec)
{
    return make_source(src, &mesh_ops, path, spec);
}

int source_clouds(struct source **src, const char *path, const struct place *place,
                  const struct array *array, const struct input_spec *spec)
{
    int status = make_source(src, &cloud_ops, path, spec);
    if (status)
        return status;
    struct clouds *c = (struct clouds *)*src;
    const struct tensor *t = &array->head;
    c->place = *place;
    c->place.path = c->file = strdup(place->path);
    c->array = *array;
    c->points = t->dim[t->rank - 2];
    c->base.count = t->rank == 3 ? t->dim[0] : 1;
    if (c->file && c->points > 0)
        return AF_OK;
    status = c->file ? af_fail(AF_BAD_FILE, "%s: holds no points", path)
                     : af_fail(AF_NO_MEMORY, "%s: no memory", path);
    source_close(*src);
    *src = NULL;
    return status;
}
