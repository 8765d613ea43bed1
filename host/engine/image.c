#include "engine/image.h"

#include <string.h>

/* ---- Images --------------------------------------------------------------------------------- */

void image_begin(struct lane *l, int population)
{
    const struct stage *st = &l->engine->stage[population];
    struct place *at = &l->at[population];
    if (!st->narrow || at->border == st->offset)
        return;
    memset(at->image, st->offset, image_bytes(&st->image));
    at->border = st->offset;
}

void image_need(struct lane *l, int population)
{
    const struct neurons *n = &l->engine->model->population[population];
    const struct stage *st = &l->engine->stage[population];
    struct place *at = &l->at[population];
    if (at->image_good || !st->narrow)
        return;
    image_begin(l, population);
    /* A store of bytes may change anything but what is here. */
    const int cell = st->image.cell, stride = st->stride, width = n->shape[2], offset = st->offset;
    for (int y = 0; y < n->shape[1]; y++) {
        uint8_t *restrict to = at->image + image_at(&st->image, y, 0);
        const int16_t *restrict from = at->seen + (ptrdiff_t)y * width * stride;
        if (cell == stride)
            for (int i = 0; i < width * cell; i++)
                to[i] = (uint8_t)(from[i] + offset);
        else
            for (int x = 0; x < width; x++, to += cell, from += stride)
                for (int c = 0; c < cell; c++)
                    to[c] = (uint8_t)(from[c] + offset);
    }
    at->image_good = true;
}

void events_need(struct lane *l, int population)
{
    const struct neurons *n = &l->engine->model->population[population];
    const struct stage *st = &l->engine->stage[population];
    struct place *at = &l->at[population];
    const int offsets = population == 0 ? input_offsets(l->engine) : 1;
    const int channels = n->shape[0];
    if (population == 0)
        input_need(l);
    if (at->events_good)
        return;
    for (int y = 0; y < n->shape[1]; y++) {
        const uint8_t *from = at->image + image_at(&st->image, y, 0);
        int16_t *to = at->events + (ptrdiff_t)y * n->shape[2] * st->stride;
        if (population && st->image.cell == st->stride)
            for (int i = 0; i < n->shape[2] * st->stride; i++)
                to[i] = (int16_t)(from[i] - st->offset);
        else
            for (int x = 0; x < n->shape[2]; x++, from += st->image.cell, to += st->stride)
                if (offsets == 1) {
                    const int offset = population == 0 ? l->offset[0] : st->offset;
                    for (int c = 0; c < channels; c++)
                        to[c] = (int16_t)(from[c] - offset);
                } else
                    for (int c = 0; c < channels; c++)
                        to[c] = (int16_t)(from[c] - l->offset[c]);
    }
    at->seen = at->events;
    at->events_good = true;
}

/* ---- The input ------------------------------------------------------------------------------ */

/* The offsets with which no count is below 0; false: even so some are too large for the kernel. */
static bool find_offsets(struct lane *l, const int16_t *counts)
{
    const struct neurons *n = &l->engine->model->population[0];
    const int64_t area = l->engine->stage[0].positions;
    const int offsets = input_offsets(l->engine);
    const int64_t each = area * n->shape[0] / offsets;
    bool narrow = l->at[0].image != NULL;
    for (int k = 0; k < offsets; k++, counts += each) {
        int16_t low = 0, high = 0;
        for (int64_t j = 0; j < each; j++) {
            low = counts[j] < low ? counts[j] : low;
            high = counts[j] > high ? counts[j] : high;
        }
        narrow = narrow && high - low < 1 << l->engine->kernel->value_bits;
        l->offset[k] = -low;
    }
    for (int k = 0; !narrow && k < offsets; k++)
        l->offset[k] = COUNT_LIMIT;
    return narrow;
}

static void write_image(struct lane *l, const int16_t *counts)
{
    const struct neurons *n = &l->engine->model->population[0];
    const struct stage *st = &l->engine->stage[0];
    const struct image *image = &st->image;
    const int cell = image->cell, width = n->shape[2], offsets = input_offsets(l->engine);
    /* The border is 0 of each channel, which a sample's offsets say. */
    uint8_t *to = l->at[0].image;
    bool same = l->at[0].border == l->offset[0];
    for (int c = 1; c < offsets; c++)
        same = same && l->offset[c] == l->offset[0];
    if (!same || offsets > 1) {
        const size_t cells = (size_t)image->rows * (size_t)image->cols;
        if (offsets == 1)
            memset(to, l->offset[0], image_bytes(image));
        else
            for (size_t i = 0; i < cells; i++)
                for (int c = 0; c < cell; c++)
                    to[i * (size_t)cell + (size_t)c] = (uint8_t)(c < offsets ? l->offset[c] : 0);
        l->at[0].border = offsets == 1 ? l->offset[0] : -1;
    }
    for (int c = 0; c < n->shape[0]; c++) {
        const int offset = l->offset[offsets > 1 ? c : 0];
        for (int y = 0; y < n->shape[1]; y++) {
            const int16_t *from = counts + ((ptrdiff_t)c * n->shape[1] + y) * width;
            uint8_t *row = to + image_at(image, y, 0) + c;
            if (cell == 1)
                for (int x = 0; x < width; x++)
                    row[x] = (uint8_t)(from[x] + offset);
            else if (cell == 4)
                for (int x = 0; x < width; x++)
                    row[x * 4] = (uint8_t)(from[x] + offset);
            else
                for (int x = 0; x < width; x++)
                    row[x * cell] = (uint8_t)(from[x] + offset);
        }
    }
}

void input_need(struct lane *l)
{
    const int16_t *counts = l->counts;
    if (!counts)
        return;
    l->counts = NULL;
    const struct neurons *n = &l->engine->model->population[0];
    const struct stage *st = &l->engine->stage[0];
    struct place *at = &l->at[0];
    at->seen = at->events;
    at->image_good = find_offsets(l, counts);
    at->events_good = !at->image_good;
    if (at->image_good) {
        write_image(l, counts);
        return;
    }
    for (int c = 0; c < n->shape[0]; c++)
        for (int64_t j = 0; j < st->positions; j++)
            at->events[j * st->stride + c] = counts[c * st->positions + j];
}

/* ---- Views ---------------------------------------------------------------------------------- */

/* The source cell range [*from, *to) (pooled: cells to sum) of view index v along an axis. */
static void source_range(const struct wiring *w, int axis, int v, int size, int *from, int *to)
{
    int64_t low = (int64_t)v * w->pool_stride[axis] - w->pool_before[axis];
    int64_t high = low + w->pool[axis], end = (int64_t)size * w->up[axis];
    bool inside = v >= 0 && v < w->view[axis] && low < end && high > 0;
    *from = inside ? (int)(low < 0 ? 0 : low) : 0;
    *to = inside ? (int)(high > end ? end : high) : 0;
}

/* Sums the source cells of one view cell into sum[channels]. */
static void view_cell(const struct wiring *w, bool in_order, const int16_t *source, int width,
                      int stride, const int rows[2], const int cols[2], int32_t *restrict sum)
{
    memset(sum, 0, (size_t)w->channels * sizeof *sum);
    for (int uy = rows[0]; uy < rows[1]; uy++)
        for (int ux = cols[0]; ux < cols[1]; ux++) {
            const int16_t *from =
                source + ((ptrdiff_t)(uy / w->up[0]) * width + ux / w->up[1]) * stride;
            for (int i = 0; in_order && i < w->channels; i++)
                sum[i] += from[i];
            for (int i = 0; !in_order && i < w->channels; i++)
                sum[i] += from[w->map[i]];
        }
}

/* The same of a narrow source. */
static void image_cell(const struct lane *l, const struct wiring *w, bool in_order,
                       const int rows[2], const int cols[2], int32_t *restrict sum)
{
    const struct stage *st = &l->engine->stage[w->source];
    const int offset = st->offset * (rows[1] - rows[0]) * (cols[1] - cols[0]);
    for (int i = 0; i < w->channels; i++)
        sum[i] = -offset;
    for (int uy = rows[0]; uy < rows[1]; uy++)
        for (int ux = cols[0]; ux < cols[1]; ux++) {
            const uint8_t *from =
                l->at[w->source].image + image_at(&st->image, uy / w->up[0], ux / w->up[1]);
            for (int i = 0; in_order && i < w->channels; i++)
                sum[i] += from[i];
            for (int i = 0; !in_order && i < w->channels; i++)
                sum[i] += from[w->map[i]];
        }
}

/* Plain views, which are most: cells are copied as they lie. What lies beyond the view's channels
 * meets weights of zero. */
static void copy_cells(const struct kernel *kernel, const int16_t *from, int from_stride,
                       uint8_t *to, const struct path *p, int cells, int channels, int plane)
{
    if (p->stride == from_stride) {
        kernel->pack(to, from, cells * p->stride, p->offset, plane);
        return;
    }
    for (int x = 0; x < cells; x++)
        kernel->pack(to + x * p->stride, from + x * from_stride, channels, p->offset, plane);
}

/* Whether a view's cells are sums that fit a byte, or cells of the image as they are. */
static bool is_merged(const struct lane *l, const struct wiring *w, const struct path *p)
{
    const struct stage *st = &l->engine->stage[w->source];
    return wiring_has_pool(w) && w->up[0] == 1 && w->up[1] == 1 && !st->offset && p->planes == 1 &&
           p->most <= UINT8_MAX;
}

static bool is_repeated(const struct wiring *w, const struct path *p, const struct stage *st)
{
    return !wiring_has_pool(w) && p->planes == 1 && p->stride <= st->image.cell;
}

/* A view of the source's cells, each repeated up[0] x up[1] times. */
static void fill_repeated(struct lane *l, const struct wiring *w, const struct path *p)
{
    const struct neurons *source = &l->engine->model->population[w->source];
    const struct stage *st = &l->engine->stage[w->source];
    const size_t row_bytes = (size_t)p->cols * (size_t)p->stride;
    uint8_t *to = l->view;
    int row = -1; /* of the source, that the row before shows */
    for (int j = 0; j < p->rows; j++, to += row_bytes) {
        int rows[2], cols[2];
        source_range(w, 0, j - w->before[0], source->shape[1], &rows[0], &rows[1]);
        const int y = rows[0] < rows[1] ? rows[0] / w->up[0] : -1;
        if (j && y == row) {
            memcpy(to, to - row_bytes, row_bytes);
            continue;
        }
        row = y;
        memset(to, st->offset, row_bytes);
        if (y < 0)
            continue;
        const uint8_t *from = l->at[w->source].image + image_at(&st->image, y, 0);
        for (int i = 0; i < p->cols; i++) {
            source_range(w, 1, i - w->before[1], source->shape[2], &cols[0], &cols[1]);
            if (cols[0] < cols[1])
                memcpy(to + (ptrdiff_t)i * p->stride,
                       from + (ptrdiff_t)(cols[0] / w->up[1]) * st->image.cell, (size_t)p->stride);
        }
    }
}

void windows_at(const struct windows *w, int v, int end, int *first, int *cells, int *run)
{
    const int64_t begin = (int64_t)v * w->stride - w->before, step = w->dilation;
    const int64_t low = begin < 0 ? (-begin + step - 1) / step : 0;
    const int64_t high = begin >= w->size ? 0 : (w->size - begin + step - 1) / step;
    const int from = low < w->count ? (int)low : w->count;
    const int to = high < w->count ? (int)high : w->count;
    *first = (int)(begin + from * step);
    *cells = to > from ? to - from : 0;
    *run = 1;
    if (*cells < w->count)
        return;
    const int64_t whole = (w->size - 1 - (w->count - 1) * step - begin) / w->stride + 1;
    *run = whole < end - v ? (int)whole : end - v;
}

/* A pooled view whose sums fit a byte: rows are added up first. */
static void fill_pooled(struct lane *l, const struct wiring *w, const struct path *p)
{
    const struct neurons *source = &l->engine->model->population[w->source];
    const struct image *image = &l->engine->stage[w->source].image;
    const struct kernel *kernel = l->engine->kernel;
    const ptrdiff_t row = (ptrdiff_t)image->cols * image->cell;
    const struct windows columns = {w->pool_stride[1], w->pool_before[1], 1, w->pool[1],
                                    source->shape[2]};
    uint8_t *to = l->view, *merged = l->hand[0].row;
    for (int j = 0; j < p->rows; j++, to += (ptrdiff_t)p->cols * p->stride) {
        int rows[2];
        source_range(w, 0, j - w->before[0], source->shape[1], &rows[0], &rows[1]);
        memset(to, 0, (size_t)p->cols * (size_t)p->stride);
        if (rows[0] >= rows[1])
            continue;
        kernel->merge(&(struct merging){
            .to = merged,
            .from = l->at[w->source].image + image_at(image, rows[0], 0),
            .step = row,
            .cells = 1,
            .count = rows[1] - rows[0],
            .n = source->shape[2] * image->cell,
            .sum = true,
        });
        int end = w->view[1], run; /* of the view's own columns, which padding surrounds */
        if (end > p->cols - w->before[1])
            end = p->cols - w->before[1];
        for (int v = w->before[1] < 0 ? -w->before[1] : 0; v < end; v += run) {
            int first, cells;
            windows_at(&columns, v, end, &first, &cells, &run);
            if (cells)
                kernel->merge(&(struct merging){
                    .to = to + (ptrdiff_t)(w->before[1] + v) * p->stride,
                    .to_step = p->stride,
                    .from = merged + (ptrdiff_t)first * image->cell,
                    .from_step = (ptrdiff_t)columns.stride * image->cell,
                    .step = image->cell,
                    .cells = run,
                    .count = cells,
                    .n = p->stride,
                    .sum = true,
                });
        }
    }
}

void fill_view(struct lane *l, const struct wiring *w, const struct path *p, int plane)
{
    const struct stage *st = &l->engine->stage[w->source];
    const bool bytes = st->narrow;
    const bool in_order = p->in_order || p->plain; /* as the weights have it */
    if (bytes && in_order && is_merged(l, w, p)) {
        fill_pooled(l, w, p);
        return;
    }
    if (bytes && in_order && is_repeated(w, p, st)) {
        fill_repeated(l, w, p);
        return;
    }
    const struct neurons *source = &l->engine->model->population[w->source];
    const int16_t *events = l->at[w->source].seen;
    const int stride = l->engine->stage[w->source].stride;
    int height = source->shape[1], width = source->shape[2];
    int bits = l->engine->kernel->value_bits, shift = bits * plane, low = (1 << bits) - 1;
    uint8_t blank = (uint8_t)(p->offset >> shift & low);
    size_t row_bytes = (size_t)p->cols * (size_t)p->stride;
    for (int j = 0; j < p->rows; j++) {
        uint8_t *to = l->view + (size_t)j * row_bytes;
        int rows[2], cols[2], vy = j - w->before[0];
        source_range(w, 0, vy, height, &rows[0], &rows[1]);
        if (rows[0] >= rows[1]) {
            memset(to, blank, row_bytes);
            continue;
        }
        if (p->plain && !bytes) {
            int first = w->before[1] > 0 ? w->before[1] : 0;
            int skip = w->before[1] < 0 ? -w->before[1] : 0, cells = width - skip;
            if (first > p->cols)
                first = p->cols;
            if (cells > p->cols - first)
                cells = p->cols - first;
            if (cells < 0)
                cells = 0;
            memset(to, blank, (size_t)first * (size_t)p->stride);
            copy_cells(l->engine->kernel, events + ((ptrdiff_t)vy * width + skip) * stride, stride,
                       to + (size_t)first * (size_t)p->stride, p, cells, w->channels, plane);
            size_t used = (size_t)(first + cells) * (size_t)p->stride;
            memset(to + used, blank, row_bytes - used);
            continue;
        }
        for (int i = 0; i < p->cols; i++, to += p->stride) {
            source_range(w, 1, i - w->before[1], width, &cols[0], &cols[1]);
            if (bytes)
                image_cell(l, w, in_order, rows, cols, l->wide);
            else
                view_cell(w, in_order, events, width, stride, rows, cols, l->wide);
            for (int c = 0; c < w->channels; c++)
                to[c] = (uint8_t)((l->wide[c] + p->offset) >> shift & low);
        }
    }
}

void fill_wide(struct lane *l, const struct wiring *w, const struct path *p)
{
    const struct neurons *source = &l->engine->model->population[w->source];
    const int16_t *events = l->at[w->source].seen;
    const int stride = l->engine->stage[w->source].stride;
    int32_t *to = l->wide;
    for (int j = 0; j < p->rows; j++) {
        int rows[2], cols[2];
        source_range(w, 0, j - w->before[0], source->shape[1], &rows[0], &rows[1]);
        for (int i = 0; i < p->cols; i++, to += p->stride) {
            source_range(w, 1, i - w->before[1], source->shape[2], &cols[0], &cols[1]);
            view_cell(w, p->in_order, events, source->shape[2], stride, rows, cols, to);
        }
    }
}
