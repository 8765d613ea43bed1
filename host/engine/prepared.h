/* What engine.c prepares and lane.c runs. */
#ifndef ADAFIRE_PREPARED_H
#define ADAFIRE_PREPARED_H

#include "engine/cpu_kernel.h"
#include "model/model.h"

/* What a population sent in a timestep, a byte each with the stage's offset added: [rows][cols]
 * [cell], with a border for the padding of its readers. The population's first position is at
 * [top][left]. */
struct image {
    int cell; /* bytes of a position: its channels and what makes them a multiple of 4, 1 or 2 */
    int rows, cols, top, left;
};

/* One projection, prepared. */
struct path {
    bool channelwise; /* one weight per channel and tap: no product is worth it */
    bool in_order;    /* the view's channels are the source's first */
    bool plain;       /* the view is the source as it lies in memory */
    bool framed;      /* the source's image has the view's padding */
    bool direct;      /* the kernel reads that image */
    bool whole;       /* writes all of the destination */
    bool dynamic;     /* reads the input, whose offset is a sample's */
    int stride;       /* elements of one view cell */
    int rows, cols;   /* of the padded view buffer */
    int offset;       /* added to every view value so that none is negative */
    int planes;       /* of the view: values of more bits than the kernel multiplies are split */
    int most;         /* largest value in a plane */
    int blocks, segments, length;
    /* [segments] bytes from a window's first cell, in a view and in the source's image. */
    ptrdiff_t *segment, *image_segment;
    int8_t *packed;      /* per group: [blocks][segments][length / 4][LANES][4] */
    size_t packed_group; /* bytes of one group */
    int32_t *sums;       /* dynamic: [block[0]][offsets] of weights << shift, for each offset */
    int32_t *taps;       /* channelwise: [taps][stride] weights << shift */
};

struct stage {
    int stride; /* of one position, but in images */
    /* So many neighbouring positions of a row are computed at once, where one would leave most
     * lanes empty: [width] of what is per channel repeats it. width is stride * fold, a multiple of
     * LANES. */
    int fold, width;
    int64_t positions;
    double work; /* nanoseconds that a timestep takes, about */
    struct image image;
    int offset;        /* of the image; the input has one for each sample */
    bool narrow;       /* what it sends fits a byte */
    struct path *path; /* [input_count] */
    int32_t *base, *threshold;
    int32_t *first; /* base and initial potentials, if these are per channel */
    float *inverse;
    /* [positions][stride] the current that is the same in every timestep: biases per neuron and
     * what takes off the offsets of views. NULL: there is none. */
    int32_t *steady;
    int32_t *initial;    /* [positions][stride] potentials; NULL: they are per channel */
    int32_t *fanout;     /* [positions][stride] */
    int32_t *fanout_row; /* [positions / fold] these two and the next: see cpu_kernel.h */
    int flush_after;
};

enum { OFFSETS_MOST = 4 }; /* of an input: one for each channel, or one for all */

struct engine {
    const struct af_model *model;
    const struct kernel *kernel;
    struct stage *stage;
    bool counting; /* fanouts are there */
    size_t view_bytes, wide_elements, current_elements, row_bytes;
};

static inline int input_offsets(const struct engine *e)
{
    const int channels = e->model->population[0].shape[0];
    return channels <= OFFSETS_MOST ? channels : 1;
}

static inline size_t image_bytes(const struct image *i)
{
    return (size_t)i->rows * (size_t)i->cols * (size_t)i->cell;
}

#endif
