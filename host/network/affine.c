#include "network/affine.h"

#include "base/error.h"
#include "onnx/window.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static void projection_free(struct projection *p)
{
    wiring_free(&p->wiring);
    free(p->weight);
    p->weight = NULL;
}

static int projection_copy(struct projection *to, const struct projection *from)
{
    size_t bytes = (size_t)wiring_weights(&from->wiring) * sizeof *from->weight;
    int status = wiring_copy(&to->wiring, &from->wiring);
    to->weight = status ? NULL : malloc(bytes);
    if (!status && !to->weight) {
        wiring_free(&to->wiring);
        status = af_fail(AF_NO_MEMORY, "no memory for %zu bytes of weights", bytes);
    }
    if (!status)
        memcpy(to->weight, from->weight, bytes);
    return status;
}

void affine_drop_terms(struct affine *s)
{
    for (int i = 0; i < s->term_count; i++)
        projection_free(&s->term[i]);
    free(s->term);
    s->term = NULL;
    s->term_count = 0;
}

void affine_free(struct affine *s)
{
    affine_drop_terms(s);
    free(s->index);
    tensor_free(&s->offset);
    memset(s, 0, sizeof *s);
}

/* Takes over the term, also on failure. */
static int affine_append(struct affine *s, struct projection *term)
{
    struct projection *grown = realloc(s->term, (size_t)(s->term_count + 1) * sizeof *grown);
    if (!grown) {
        projection_free(term);
        return af_fail(AF_NO_MEMORY, "no memory");
    }
    s->term = grown;
    s->term[s->term_count++] = *term;
    return AF_OK;
}

int affine_add(struct affine *s, const struct projection *term)
{
    struct projection copy = {0};
    int status = projection_copy(&copy, term);
    return status ? status : affine_append(s, &copy);
}

int affine_add_identity(struct affine *s, int source, const int shape[3], int at)
{
    struct projection p = {0};
    int status = wiring_identity(&p.wiring, source, shape);
    if (status)
        return status;
    p.wiring.at[0] = at;
    p.weight = malloc((size_t)shape[0] * sizeof *p.weight);
    if (!p.weight) {
        wiring_free(&p.wiring);
        return af_fail(AF_NO_MEMORY, "no memory");
    }
    for (int i = 0; i < shape[0]; i++)
        p.weight[i] = 1;
    return affine_append(s, &p);
}

int affine_copy_index(struct affine *to, const struct affine *from)
{
    const size_t bytes = (size_t)from->offset.count * sizeof *to->index;
    if (!from->index)
        return AF_OK;
    to->index = malloc(bytes + 1);
    if (!to->index)
        return af_fail(AF_NO_MEMORY, "no memory");
    memcpy(to->index, from->index, bytes);
    return AF_OK;
}

int affine_copy(struct affine *to, const struct affine *from)
{
    *to = (struct affine){.tail = from->tail, .unshaped = from->unshaped, .joined = from->joined};
    memcpy(to->shape, from->shape, sizeof to->shape);
    int status = tensor_copy(&to->offset, &from->offset);
    for (int i = 0; !status && i < from->term_count; i++)
        status = affine_add(to, &from->term[i]);
    if (!status)
        status = affine_copy_index(to, from);
    if (status)
        affine_free(to);
    return status;
}

void affine_scale(struct affine *s, const float *factor)
{
    for (int i = 0; i < s->term_count; i++) {
        const struct wiring *w = &s->term[i].wiring;
        int64_t row = wiring_row(w);
        for (int o = 0; o < w->block[0]; o++)
            for (int64_t k = 0; k < row; k++)
                s->term[i].weight[o * row + k] *= factor[w->at[0] + o];
    }
}

bool affine_is_plain(const struct affine *s)
{
    for (int i = 0; i < s->term_count; i++)
        if (!wiring_is_channelwise(&s->term[i].wiring))
            return false;
    return !s->index;
}

/* ---- Settling ------------------------------------------------------------------------------ */

/* Source positions along one axis of the movement: p -> p * stride + offset inside [0, size), else
 * nothing; or p -> p / up. */
struct axis_move {
    int stride, offset, up;
};

static bool recognise(const int *from, int count, int size, struct axis_move *m)
{
    for (int up = 1; up <= count; up++) {
        if (up > 1 && count != size * up)
            continue;
        bool good = true;
        for (int p = 0; good && p < count; p++)
            good = from[p] == p / up;
        if (good && count == size * up) {
            *m = (struct axis_move){1, 0, up};
            return true;
        }
    }
    int first = 0;
    while (first < count && from[first] < 0)
        first++;
    if (first == count)
        return false;
    int stride = first + 1 < count && from[first + 1] >= 0 ? from[first + 1] - from[first] : 1;
    if (stride < 1)
        return false;
    if (first + 1 >= count || from[first + 1] < 0) /* one position alone: any stride, so none */
        stride = size > 1 ? size : 1;
    *m = (struct axis_move){stride, from[first] - first * stride, 1};
    for (int p = 0; p < count; p++) {
        int64_t at = (int64_t)p * m->stride + m->offset;
        if (from[p] != (at >= 0 && at < size ? at : -1))
            return false;
    }
    return true;
}

/* Splits the index table into a table per axis; false if it is not separable. */
static bool separate(const struct affine *s, const int to[3], int *tables[3])
{
    int64_t area = (int64_t)s->shape[1] * s->shape[2], j = 0;
    for (int a = 0; a < 3; a++)
        for (int p = 0; p < to[a]; p++)
            tables[a][p] = -1;
    for (int c = 0; c < to[0]; c++)
        for (int y = 0; y < to[1]; y++)
            for (int x = 0; x < to[2]; x++, j++) {
                int32_t at = s->index[j];
                if (at < 0)
                    continue;
                int from[3] = {(int)(at / area), (int)(at % area / s->shape[2]),
                               (int)(at % s->shape[2])};
                int *slot[3] = {&tables[0][c], &tables[1][y], &tables[2][x]};
                for (int a = 0; a < 3; a++) {
                    if (*slot[a] >= 0 && *slot[a] != from[a])
                        return false;
                    *slot[a] = from[a];
                }
            }
    j = 0;
    for (int c = 0; c < to[0]; c++)
        for (int y = 0; y < to[1]; y++)
            for (int x = 0; x < to[2]; x++, j++) {
                bool zero = tables[0][c] < 0 || tables[1][y] < 0 || tables[2][x] < 0;
                if (zero != (s->index[j] < 0))
                    return false;
            }
    return true;
}

/* Rearranges the term's output channels: new channel c is the old channel from[c]. */
static int move_channels(struct projection *t, const int *from, int count)
{
    struct wiring *w = &t->wiring;
    int low = -1, high = -1;
    for (int c = 0; c < count; c++)
        if (from[c] >= w->at[0] && from[c] < w->at[0] + w->block[0]) {
            low = low < 0 ? c : low;
            high = c;
        }
    if (low < 0)
        return 2; /* nothing of this term is left */
    int n = high - low + 1;
    bool same = w->at[0] == low && n == w->block[0];
    for (int c = low; same && c <= high; c++)
        same = from[c] == c;
    if (same)
        return 0;
    bool plain = wiring_is_channelwise(w);
    if (!plain && w->groups != 1)
        return 1;
    int64_t row = wiring_row(w);
    float *weight = calloc((size_t)(n * row), sizeof *weight);
    int32_t *map = plain ? calloc((size_t)n, sizeof *map) : w->map;
    if (!weight || !map) {
        free(weight);
        if (plain)
            free(map);
        return af_fail(AF_NO_MEMORY, "no memory");
    }
    for (int c = low; c <= high; c++) {
        int old = from[c] - w->at[0];
        if (from[c] < 0 || old < 0 || old >= w->block[0])
            continue;
        memcpy(weight + (c - low) * row, t->weight + old * row, (size_t)row * sizeof *weight);
        if (plain)
            map[c - low] = w->map[old];
    }
    free(t->weight);
    t->weight = weight;
    if (plain) {
        free(w->map);
        w->map = map;
        w->channels = w->groups = n;
    }
    w->at[0] = low;
    w->block[0] = n;
    return 0;
}

static bool is_direct(const struct wiring *w, int a, int size)
{
    return w->stride[a] == 1 && w->before[a] == 0 && w->at[a + 1] == 0 && w->block[a + 1] == size &&
           w->view[a] == size;
}

/* Positions first, first + step .. of a destination axis are those from, from + stride .. of the
 * axis before. */
struct run {
    int first, step, count, from, stride;
};

/* Applies a run to the term: 0, 2 if nothing of the term is left, 1 if that is no projection. */
static int place_axis(struct wiring *w, int a, const struct run *run)
{
    const int low = w->at[a + 1], spread = w->spread[a];
    int hits = 0, first = 0, apart = 1, row = 0, rows_apart = 1;
    for (int q = 0; q < run->count; q++) {
        const int64_t past = run->from + (int64_t)q * run->stride - low;
        if (past < 0 || past % spread || past / spread >= w->block[a + 1])
            continue;
        const int o = (int)(past / spread);
        if (hits == 0) {
            first = q;
            row = o;
        } else if (hits == 1) {
            apart = q - first;
            rows_apart = o - row;
        }
        if (q != first + hits * apart || o != row + hits * rows_apart)
            return 1;
        hits++;
    }
    if (!hits)
        return 2;
    const int64_t before = w->before[a] - (int64_t)w->stride[a] * row;
    const int64_t stride = hits > 1 ? (int64_t)w->stride[a] * rows_apart : 1;
    if (llabs(before) > (1 << 16) || stride > (1 << 16))
        return 1;
    w->before[a] = (int)before;
    w->stride[a] = (int)stride;
    w->at[a + 1] = run->first + first * run->step;
    w->spread[a] = hits > 1 ? apart * run->step : 1;
    w->block[a + 1] = hits;
    return 0;
}

/* Applies one axis' movement to a term; `size` is the old length, `count` the new one. */
static int move_axis(struct wiring *w, int a, int size, int count, const struct axis_move *m)
{
    if (m->up > 1) {
        if (!wiring_is_channelwise(w) || wiring_has_pool(w) || !is_direct(w, a, size))
            return 1;
        w->up[a] *= m->up;
        w->view[a] *= m->up;
        w->block[a + 1] = count;
        return 0;
    }
    return place_axis(w, a, &(struct run){0, 1, count, m->offset, m->stride});
}

static void drop_term(struct affine *s, int i)
{
    projection_free(&s->term[i]);
    s->term_count--;
    memmove(&s->term[i], &s->term[i + 1], (size_t)(s->term_count - i) * sizeof *s->term);
}

static int cannot_move(void)
{
    return af_fail(AF_UNSUPPORTED,
                   "its input's elements stand in an order that no few projections make (crops, "
                   "pads, strides, repetition, pixel shuffles and channel orders can)");
}

/* ---- Settling by runs ----------------------------------------------------------------------- */

enum { RUNS_MOST = 24, CLASSES_MOST = 64, TERMS_MOST = 512 };

/* Takes a table of source positions (-1: zero) apart into runs, the longest from each position that
 * is left first; how many there are, or -1 if they are more than RUNS_MOST. */
static int find_runs(const int *table, int count, struct run *runs)
{
    bool *taken = calloc((size_t)count, sizeof *taken);
    int n = taken ? 0 : -1;
    for (int p = 0; n >= 0 && p < count; p++) {
        if (taken[p] || table[p] < 0)
            continue;
        struct run best = {p, 1, 1, table[p], 1};
        for (int q = p + 1; q < count && q <= p + RUNS_MOST; q++) {
            struct run r = {p, q - p, 1, table[p], table[q] - table[p]};
            if (r.stride < 1 || taken[q])
                continue;
            for (int k = q; k < count && !taken[k] && table[k] == r.from + r.count * r.stride;
                 k += r.step)
                r.count++;
            best = r.count > best.count ? r : best;
        }
        for (int k = 0; k < best.count; k++)
            taken[best.first + k * best.step] = true;
        if (n < RUNS_MOST)
            runs[n] = best;
        n = n < RUNS_MOST ? n + 1 : -1;
    }
    free(taken);
    return n;
}

/* Channels whose elements come from the same rows and columns, each of one source channel. */
struct movement_class {
    int *rows, *columns; /* tables, one block: [height], [width] */
    int *channel;        /* [channels] its source channel, -1: not of this class */
};

/* Where the elements of channel c of the moved value come from; false if that is no plane. */
static bool plane_of(const struct affine *s, const int to[3], int c, int *channel, int *rows,
                     int *columns)
{
    const int area = s->shape[1] * s->shape[2];
    const int32_t *index = s->index + (int64_t)c * to[1] * to[2];
    *channel = -1;
    for (int y = 0; y < to[1]; y++)
        rows[y] = -1;
    for (int x = 0; x < to[2]; x++)
        columns[x] = -1;
    for (int y = 0; y < to[1]; y++)
        for (int x = 0; x < to[2]; x++) {
            const int at = index[y * to[2] + x], row = at % area / s->shape[2],
                      column = at % s->shape[2];
            if (at < 0)
                continue;
            if ((*channel >= 0 && *channel != at / area) || (rows[y] >= 0 && rows[y] != row) ||
                (columns[x] >= 0 && columns[x] != column))
                return false;
            *channel = at / area;
            rows[y] = row;
            columns[x] = column;
        }
    for (int y = 0; y < to[1]; y++)
        for (int x = 0; x < to[2]; x++)
            if ((rows[y] < 0 || columns[x] < 0) != (index[y * to[2] + x] < 0))
                return false;
    return true;
}

/* One position within a period of rows and columns, which a pixel shuffle has channels for. */
struct lattice {
    int step[2], phase[2], to[3];
};

/* The index of the lattice's elements alone. */
static int32_t *index_of_lattice(const struct affine *s, const int to[3], const struct lattice *l)
{
    int32_t *index = malloc((size_t)l->to[0] * (size_t)l->to[1] * (size_t)l->to[2] * sizeof *index);
    int32_t *put = index;
    for (int c = 0; index && c < l->to[0]; c++)
        for (int y = 0; y < l->to[1]; y++)
            for (int x = 0; x < l->to[2]; x++)
                *put++ = s->index[((int64_t)c * to[1] + l->phase[0] + y * l->step[0]) * to[2] +
                                  l->phase[1] + x * l->step[1]];
    return index;
}

static void free_classes(struct movement_class *class, int n)
{
    for (int i = 0; i < n; i++)
        free(class[i].rows);
}

/* The classes of the lattice's channels; how many, -1 if there are too many or planes are none. */
static int find_classes(const struct affine *s, const int to[3],
                        struct movement_class class[CLASSES_MOST])
{
    const size_t each = (size_t)to[0] + (size_t)to[1] + (size_t)to[2];
    int n = 0;
    int *table = malloc(each * sizeof *table);
    for (int c = 0; table && c < to[0]; c++) {
        int *rows = table, *columns = rows + to[1], channel, i = 0;
        if (!plane_of(s, to, c, &channel, rows, columns))
            break;
        const size_t bytes = ((size_t)to[1] + (size_t)to[2]) * sizeof *table;
        while (i < n && memcmp(class[i].rows, rows, bytes) != 0)
            i++;
        if (i == CLASSES_MOST)
            break;
        if (i == n) {
            n++;
            class[i].rows = malloc(each * sizeof *table);
            if (!class[i].rows)
                break;
            class[i].columns = class[i].rows + to[1];
            class[i].channel = class[i].columns + to[2];
            memcpy(class[i].rows, rows, bytes);
            for (int k = 0; k < to[0]; k++)
                class[i].channel[k] = -1;
        }
        class[i].channel[c] = channel;
        if (c == to[0] - 1) {
            free(table);
            return n;
        }
    }
    free(table);
    free_classes(class, n);
    return -1;
}

/* The term under one run of rows and one of columns, appended to `moved`. */
static int place_term(const struct projection *t, const struct movement_class *class,
                      const struct lattice *l, const struct run *rows, const struct run *columns,
                      struct affine *moved)
{
    if (moved->term_count >= TERMS_MOST)
        return af_fail(AF_UNSUPPORTED,
                       "moves data in so many pieces that they were more than %d "
                       "projections",
                       TERMS_MOST);
    int status = affine_add(moved, t);
    if (status)
        return status;
    struct projection *p = &moved->term[moved->term_count - 1];
    const struct run *runs[2] = {rows, columns};
    status = move_channels(p, class->channel, l->to[0]);
    for (int a = 0; !status && a < 2; a++)
        status = place_axis(&p->wiring, a, runs[a]);
    for (int a = 0; !status && a < 2; a++) {
        p->wiring.at[a + 1] = l->phase[a] + l->step[a] * p->wiring.at[a + 1];
        p->wiring.spread[a] = p->wiring.block[a + 1] > 1 ? p->wiring.spread[a] * l->step[a] : 1;
    }
    if (status == 2)
        drop_term(moved, moved->term_count - 1);
    return status == 2 ? AF_OK : status;
}

static int place_class(const struct affine *s, const struct movement_class *class,
                       const struct lattice *l, struct affine *moved)
{
    struct run rows[RUNS_MOST], columns[RUNS_MOST];
    const int n = find_runs(class->rows, l->to[1], rows),
              m = find_runs(class->columns, l->to[2], columns);
    int status = n < 0 || m < 0 ? cannot_move() : AF_OK;
    for (int i = 0; !status && i < n; i++)
        for (int j = 0; !status && j < m; j++)
            for (int k = 0; !status && k < s->term_count; k++)
                status = place_term(&s->term[k], class, l, &rows[i], &columns[j], moved);
    return status;
}

/* Appends the lattice's terms. */
static int place_lattice(const struct affine *s, const int to[3], const struct lattice *l,
                         struct affine *moved)
{
    struct movement_class class[CLASSES_MOST];
    struct affine part = {
        .index = index_of_lattice(s, to, l), .term = s->term, .term_count = s->term_count};
    memcpy(part.shape, s->shape, sizeof part.shape);
    if (!part.index)
        return af_fail(AF_NO_MEMORY, "no memory");
    const int n = find_classes(&part, l->to, class);
    int status = n < 0 ? cannot_move() : AF_OK;
    for (int i = 0; !status && i < n; i++)
        status = place_class(&part, &class[i], l, moved);
    if (n > 0)
        free_classes(class, n);
    free(part.index);
    return status;
}

/* Periods are tried from 1 on: most movements have none. */
static int settle_by_runs(const struct affine *s, const int to[3], struct affine *moved)
{
    enum { PERIOD_MOST = 8 };
    int status = cannot_move();
    if (to[1] * to[2] == 1)
        return status;
    for (int step = 1; step <= PERIOD_MOST && status == AF_UNSUPPORTED; step++) {
        struct lattice l = {.step = {to[1] > 1 ? step : 1, to[2] > 1 ? step : 1}, .to = {to[0]}};
        if (to[1] % l.step[0] || to[2] % l.step[1])
            continue;
        affine_free(moved);
        status = AF_OK;
        l.to[1] = to[1] / l.step[0];
        l.to[2] = to[2] / l.step[1];
        for (l.phase[0] = 0; !status && l.phase[0] < l.step[0]; l.phase[0]++)
            for (l.phase[1] = 0; !status && l.phase[1] < l.step[1]; l.phase[1]++)
                status = place_lattice(s, to, &l, moved);
    }
    if (status)
        affine_free(moved);
    return status;
}

static int settle_terms(struct affine *s, bool in_pieces)
{
    const struct tensor *t = &s->offset;
    int to[3] = {1, 1, 1};
    if (t->rank < 2 || t->rank > 4 || t->dim[0] != 1 || !t->count)
        return cannot_move();
    to[0] = (int)t->dim[1];
    if (t->rank > 2)
        to[2] = (int)t->dim[t->rank - 1];
    if (t->rank > 3)
        to[1] = (int)t->dim[2];
    if (!s->index && memcmp(to, s->shape, sizeof to) == 0)
        return AF_OK;
    if (!s->index) { /* reshaped: an explicit table tells whether it is more than a new name */
        s->index = malloc((size_t)t->count * sizeof *s->index);
        if (!s->index)
            return af_fail(AF_NO_MEMORY, "no memory");
        for (int64_t j = 0; j < t->count; j++)
            s->index[j] = (int32_t)j;
    }
    int *table = malloc((size_t)(to[0] + to[1] + to[2]) * sizeof *table);
    if (!table)
        return af_fail(AF_NO_MEMORY, "no memory");
    int *tables[3] = {table, table + to[0], table + to[0] + to[1]};
    struct axis_move m[2];
    int status = AF_OK;
    /* All terms or none: a value that has to become a population first must stay as it is. */
    struct affine moved = {0};
    const bool simple = separate(s, to, tables) &&
                        recognise(tables[1], to[1], s->shape[1], &m[0]) &&
                        recognise(tables[2], to[2], s->shape[2], &m[1]);
    if (!simple)
        status = in_pieces ? settle_by_runs(s, to, &moved) : cannot_move();
    for (int i = 0; simple && !status && i < s->term_count; i++) {
        status = affine_add(&moved, &s->term[i]);
        if (status)
            break;
        struct projection *p = &moved.term[moved.term_count - 1];
        status = move_channels(p, tables[0], to[0]);
        for (int a = 0; !status && a < 2; a++)
            status = move_axis(&p->wiring, a, s->shape[a + 1], to[a + 1], &m[a]);
        if (status == 2) {
            drop_term(&moved, moved.term_count - 1);
            status = AF_OK;
        }
    }
    free(table);
    if (status) {
        affine_free(&moved);
        return status;
    }
    for (int i = 0; i < s->term_count; i++)
        projection_free(&s->term[i]);
    free(s->term);
    free(s->index);
    s->term = moved.term;
    s->term_count = moved.term_count;
    s->index = NULL;
    memcpy(s->shape, to, sizeof to);
    return AF_OK;
}

int affine_settle(struct affine *s)
{
    return settle_terms(s, false);
}

int affine_settle_in_pieces(struct affine *s)
{
    return settle_terms(s, true);
}

/* ---- Composition --------------------------------------------------------------------------- */

/* Turns the stride of a 1 x 1 term into a stride of its view, where that changes nothing. */
static bool fold_stride(struct wiring *w, const int up_size[2])
{
    if (w->kernel[0] != 1 || w->kernel[1] != 1 || w->spread[0] != 1 || w->spread[1] != 1)
        return false;
    for (int a = 0; a < 2; a++) {
        if (w->stride[a] == 1)
            continue;
        for (int p = 0; p < w->block[a + 1]; p++) {
            int64_t v = (int64_t)p * w->stride[a] - w->before[a];
            int64_t u = v * w->pool_stride[a] - w->pool_before[a];
            bool inside = v >= 0 && v < w->view[a];
            if (!inside && u + w->pool[a] > 0 && u < up_size[a])
                return false;
        }
        w->pool_before[a] += w->before[a] * w->pool_stride[a];
        w->pool_stride[a] *= w->stride[a];
        w->view[a] = w->block[a + 1];
        w->stride[a] = 1;
        w->before[a] = 0;
    }
    return true;
}

/* The source's size after upsampling is not stored in a wiring, but bounds its view. */
static void upsampled(const struct wiring *w, int size[2])
{
    for (int a = 0; a < 2; a++)
        size[a] = (w->view[a] - 1) * w->pool_stride[a] + w->pool[a] - w->pool_before[a] +
                  w->pool_stride[a];
}

/* Whether a window over the destination sees zero wherever the term's block ends. */
static bool block_ends_in_zeros(const struct wiring *t, const struct window *w)
{
    for (int a = 0; a < 2; a++)
        for (int o = 0; o < w->out[a]; o++)
            for (int k = 0; k < w->kernel[a]; k++) {
                int64_t y = (int64_t)o * w->stride[a] + (int64_t)k * w->dilation[a] - w->before[a] -
                            t->at[a + 1];
                int64_t v = y - t->before[a];
                if ((y < 0 || y >= t->block[a + 1]) && v >= 0 && v < t->view[a])
                    return false;
            }
    return true;
}

int term_convolve(const struct projection *t, const int shape[3], const float *kernel, int channels,
                  int groups, const struct window *w, struct affine *out)
{
    struct projection p = {0};
    int size[2], status = wiring_copy(&p.wiring, &t->wiring);
    if (status)
        return status;
    struct wiring *v = &p.wiring;
    upsampled(v, size);
    int in = shape[0] / groups, per = channels / groups, first = v->at[0];
    bool aligned = groups == 1 || (first % in == 0 && v->block[0] % in == 0);
    if (!wiring_is_channelwise(v) || !aligned || !fold_stride(v, size) ||
        !block_ends_in_zeros(v, w)) {
        projection_free(&p);
        return 1;
    }
    int fan_in = groups == 1 ? v->block[0] : in, taps = w->kernel[0] * w->kernel[1];
    int group = groups == 1 ? 0 : first / in;
    v->groups = groups == 1 ? 1 : v->block[0] / in;
    v->block[0] = groups == 1 ? channels : v->groups * per;
    v->at[0] = group * per;
    for (int a = 0; a < 2; a++) {
        v->before[a] += w->before[a] + v->at[a + 1];
        v->kernel[a] = w->kernel[a];
        v->stride[a] = w->stride[a];
        v->dilation[a] = w->dilation[a];
        v->block[a + 1] = w->out[a];
        v->at[a + 1] = 0;
    }
    p.weight = malloc((size_t)wiring_weights(v) * sizeof *p.weight);
    if (!p.weight) {
        projection_free(&p);
        return af_fail(AF_NO_MEMORY, "no memory for weights");
    }
    float *to = p.weight;
    for (int o = 0; o < v->block[0]; o++)
        for (int j = 0; j < fan_in; j++) {
            int member = o / (v->block[0] / v->groups) * fan_in + j; /* channel within the term */
            int tap_row = groups == 1 ? first + j : j;
            const float *from = kernel + ((int64_t)(v->at[0] + o) * in + tap_row) * taps;
            for (int k = 0; k < taps; k++)
                *to++ = from[k] * t->weight[member];
        }
    return affine_append(out, &p);
}

/* Cells of pooling window o that count in the mean along one axis. */
static int pool_count(const struct window *w, int a, int o, int size, bool include_pad)
{
    int count = 0;
    for (int k = 0; k < w->kernel[a]; k++) {
        int at = o * w->stride[a] - w->before[a] + k;
        count += include_pad ? at < size + w->after[a] : at >= 0 && at < size;
    }
    return count;
}

int term_average(const struct projection *t, const int shape[3], const struct window *w,
                 bool include_pad, struct affine *out)
{
    struct wiring base;
    int size[2], status = wiring_copy(&base, &t->wiring);
    if (status)
        return status;
    upsampled(&base, size);
    bool good = fold_stride(&base, size) && base.kernel[0] == 1 && base.kernel[1] == 1;
    for (int a = 0; good && a < 2; a++) {
        good = is_direct(&base, a, shape[a + 1]) && w->dilation[a] == 1;
        /* A pool of a pool is one if the inner windows tile, and none is partly outside. */
        bool tiles = base.pool[a] == base.pool_stride[a] && base.pool_before[a] == 0;
        bool inner = base.pool[a] != 1 || base.pool_stride[a] != 1 || base.pool_before[a] != 0;
        int reach = (w->out[a] - 1) * w->stride[a] + w->kernel[a] - w->before[a];
        good = good && (!inner || (tiles && reach <= base.view[a]));
    }
    for (int y0 = 0, y1; good && !status && y0 < w->out[0]; y0 = y1) {
        int rows = pool_count(w, 0, y0, shape[1], include_pad);
        for (y1 = y0 + 1; y1 < w->out[0]; y1++)
            if (pool_count(w, 0, y1, shape[1], include_pad) != rows)
                break;
        for (int x0 = 0, x1; !status && x0 < w->out[1]; x0 = x1) {
            int cols = pool_count(w, 1, x0, shape[2], include_pad);
            for (x1 = x0 + 1; x1 < w->out[1]; x1++)
                if (pool_count(w, 1, x1, shape[2], include_pad) != cols)
                    break;
            struct projection p = {.wiring = base, .weight = t->weight}, made = {0};
            int begin[2] = {y0, x0}, end[2] = {y1, x1};
            status = projection_copy(&made, &p);
            if (status)
                break;
            for (int a = 0; a < 2; a++) {
                struct wiring *v = &made.wiring;
                int inner = v->pool_stride[a];
                v->pool_before[a] += (w->before[a] - begin[a] * w->stride[a]) * inner;
                v->pool[a] *= w->kernel[a];
                v->pool_stride[a] = inner * w->stride[a];
                v->view[a] = v->block[a + 1] = end[a] - begin[a];
                v->at[a + 1] = begin[a];
            }
            float divisor = (float)rows * (float)cols;
            for (int64_t k = 0; k < wiring_weights(&made.wiring); k++)
                made.weight[k] = divisor > 0 ? made.weight[k] / divisor : 0;
            status = affine_append(out, &made);
        }
    }
    wiring_free(&base);
    return good ? status : 1;
}

int term_dense(const struct projection *t, const struct affine *s, const float *weight, int outputs,
               struct affine *out)
{
    struct projection p = {0};
    int size[2], status = wiring_copy(&p.wiring, &t->wiring);
    if (status)
        return status;
    struct wiring *v = &p.wiring;
    upsampled(v, size);
    if (!wiring_is_channelwise(v) || !fold_stride(v, size)) {
        projection_free(&p);
        return 1;
    }
    int at[3], block[3], first[3];
    memcpy(at, v->at, sizeof at);
    memcpy(block, v->block, sizeof block);
    memcpy(first, v->at, sizeof first);
    v->groups = 1;
    for (int a = 0; a < 2; a++) {
        v->kernel[a] = block[a + 1];
        v->dilation[a] = 1; /* whatever that of the one tap was */
        v->block[a + 1] = 1;
        v->at[a + 1] = 0;
    }
    v->block[0] = outputs;
    v->at[0] = 0;
    int64_t row = wiring_row(v);
    p.weight = calloc((size_t)(row * outputs), sizeof *p.weight);
    if (!p.weight) {
        projection_free(&p);
        return af_fail(AF_NO_MEMORY, "no memory for %lld weights", (long long)(row * outputs));
    }
    int64_t elements = s->offset.count, area = (int64_t)s->shape[1] * s->shape[2];
    for (int64_t j = 0; j < elements; j++) {
        int64_t physical = s->index ? s->index[j] : j;
        if (physical < 0)
            continue;
        int pos[3] = {(int)(physical / area), (int)(physical % area / s->shape[2]),
                      (int)(physical % s->shape[2])};
        bool inside = true;
        for (int a = 0; a < 3; a++) {
            pos[a] -= at[a];
            inside = inside && pos[a] >= 0 && pos[a] < block[a];
        }
        if (!inside)
            continue;
        int64_t k = ((int64_t)pos[0] * block[1] + pos[1]) * block[2] + pos[2];
        for (int o = 0; o < outputs; o++)
            p.weight[o * row + k] += weight[o * elements + j] * t->weight[pos[0]];
    }
    return affine_append(out, &p);
}
