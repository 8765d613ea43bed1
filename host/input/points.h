/* Sets of points in space, from meshes or as they were scanned, as a network of points takes them.
 */
#ifndef ADAFIRE_POINTS_H
#define ADAFIRE_POINTS_H

#include "base/tensor.h"

/* Triangles of points, or points alone. */
struct mesh {
    float (*point)[3];
    int64_t point_count;
    int64_t (*triangle)[3]; /* indices of points */
    int64_t triangle_count;
};

/* Whether the first bytes of a file are those of a mesh. */
bool mesh_is(const unsigned char *bytes, size_t size);
/* OFF (with colours or normals, which are skipped) or PLY (ascii or binary little endian; vertices'
 * x, y, z and faces' vertex_indices are read). Polygons become fans of triangles. AF_BAD_FILE with
 * what is wrong. On failure *mesh is all zero. */
int mesh_read(const char *path, struct mesh *mesh);
int mesh_parse(const char *name, const void *bytes, size_t size, struct mesh *mesh);
void mesh_free(struct mesh *mesh);

/* `count` points: out[3][count]. A surface is sampled evenly by area, the same way every time;
 * points without one are taken at equal distances in their order, some more than once if they are
 * too few. Then the mean is moved to 0 and the farthest point to distance 1 (of the samples for a
 * surface, of all points without one), as PointNet's data sets are (Qi et al., CVPR 2017). */
int mesh_sample(const char *name, const struct mesh *mesh, int64_t count, float *out);

#endif
