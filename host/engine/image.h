/* What populations sent, as their readers see it: images, 16-bit events, views. */
#ifndef ADAFIRE_IMAGE_H
#define ADAFIRE_IMAGE_H

#include "engine/state.h"

/* Makes what the population sent available as bytes (if it is narrow) or as 16-bit events. */
void image_need(struct lane *l, int population);
void events_need(struct lane *l, int population);
/* Prepares the image's border for what the population is about to write. */
void image_begin(struct lane *l, int population);
/* Makes the input's counts an image or events. */
void input_need(struct lane *l);
/* Where the population's position (y, x) is in its image. */
static inline ptrdiff_t image_at(const struct image *i, int y, int x)
{
    return ((ptrdiff_t)(i->top + y) * i->cols + i->left + x) * i->cell;
}
/* Runs of windows along an axis that are cut off in the same way, of whole windows all in one: of
 * `size` cells the window of index v begins at v * stride - before and has `count` cells,
 * `dilation` apart. */
struct windows {
    int stride, before, dilation, count, size;
};
/* The first cell and the number of cells that index v's window has, and for how many indices from v
 * on, v + *run <= end, the number is the same and the first goes up by the stride. */
void windows_at(const struct windows *w, int v, int end, int *first, int *cells, int *run);
/* The padded view, one byte a value: bits of value + offset, value_bits a plane. */
void fill_view(struct lane *l, const struct wiring *w, const struct path *p, int plane);
/* The same in 32 bits, into l->wide. */
void fill_wide(struct lane *l, const struct wiring *w, const struct path *p);

#endif
