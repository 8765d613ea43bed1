/* What engine.c prepares and lane.c runs. */
#ifndef ADAFIRE_PREPARED_H
#define ADAFIRE_PREPARED_H

#include "engine/cpu_kernel.h"
#include "model/model.h"

/* One projection, prepared. */
struct path {
    bool channelwise; /* one weight per channel and tap: no product is worth it */
    bool in_order;    /* the view's channels are the source's first */
    bool plain;       /* the view is the source as it lies in memory */
    int stride;       /* elements of one view cell */
    int rows, cols;   /* of the padded view buffer */
    int offset;       /* added to every view value so that none is negative */
    int planes;       /* of the view: values of more bits than the kernel multiplies are split */
    int most;         /* largest value in a plane */
    int blocks, segments, length;
    ptrdiff_t *segment;  /* [segments] bytes from a window's first cell */
    int8_t *packed;      /* per group: [blocks][segments][length / 4][LANES][4] */
    size_t packed_group; /* bytes of one group */
    int32_t *taps;       /* channelwise: [taps][stride] weights << shift */
};

struct stage {
    int stride; /* of one position */
    int64_t positions;
    struct path *path; /* [input_count] */
    int32_t *base, *threshold;
    float *inverse;
    /* [positions][stride] the current that is the same in every timestep: biases per neuron and
     * what takes off the offsets of views. NULL: there is none, and no analog input to add to it.
     */
    int32_t *steady;
    int32_t *initial; /* potentials, [stride] or [positions][stride]; NULL: zeros */
    bool initial_per_neuron;
    int32_t *fanout;     /* [positions][stride] */
    int32_t *fanout_row; /* [positions] these two and the next: see cpu_kernel.h */
    int flush_after;
};

struct engine {
    const struct af_model *model;
    const struct kernel *kernel;
    struct stage *stage;
    size_t view_bytes, wide_elements, current_elements;
};

#endif
