/* The network between ONNX and integers: populations and projections with float weights. As an ANN
 * it computes what the graph computes; converted, the same populations burst. */
#ifndef ADAFIRE_NETWORK_H
#define ADAFIRE_NETWORK_H

#include "adafire.h"
#include "base/texts.h"
#include "model/wiring.h"
#include "onnx/graph.h"

struct projection {
    struct wiring wiring;
    float *weight; /* [wiring_weights]; NULL for a max-pooling relay */
    int shift;     /* of its integers, where the population has units */
    bool rest;     /* higher digits of another one's weights, no more of the ANN's */
};

struct population {
    char *name;
    enum af_kind kind;
    int shape[3]; /* channels, height, width */
    int projection_count;
    struct projection *projection;
    float *bias;   /* [neurons] in the ANN's units; NULL for input and relay */
    float ceiling; /* of a clipped ReLU (ReLU6: 6), INFINITY without */
    /* Of a quantiser of the graph: its values are codes from low to high times step; else step is
     * 0. In a network of codes (codes.h) an integer of each channel stands for unit. */
    float step;
    int low, high;
    double *unit; /* [channels]; NULL: the converter chooses */
    /* Output only: the graph's own shape, and which neuron each of its elements is (NULL: in
     * order). */
    int rank;
    int64_t dim[TENSOR_MAX_RANK];
    int32_t *order;
};

struct network {
    int population_count;
    struct population *population; /* in an order in which they can fire; [0] is the input */
    int room;
    int answer;         /* the population whose values answer; 0: the first output */
    bool coded;         /* all that fires is a quantiser: integers compute it to the code */
    bool wide;          /* with potentials of 31 bits */
    struct texts notes; /* what was dropped or decided, a sentence each */
};

/* How raw samples become the network's input: x = (raw * scale - mean[c]) / std[c]. */
struct normalisation {
    float scale;
    int count; /* of mean and std; 1 serves all channels */
    float mean[64], std[64];
    bool bgr;      /* the file has RGB, the network wants BGR */
    int low, high; /* what counts are cut to; 0 and 0: that is not known */
};

/* Lowers the graph. `shape` is one sample's as the data has it (channels, height, width); `unit` is
 * the raw value of one input count and `zero[c]` the raw value that no count stands for, so that an
 * input neuron with count q stands for raw = q * unit + zero[c].
 * AF_UNSUPPORTED names operator, node and what to do. */
int network_lower(const struct graph *graph, const int shape[3], const struct normalisation *n,
                  float unit, const float *zero, struct network **network);
void network_free(struct network *network);

int64_t network_neurons(const struct population *p);
/* Multiply-accumulates of the ANN for one sample, its weights of 0 left out; *first: those fed by
 * the input alone. */
int64_t network_macs(const struct network *network, int64_t *first);
bool network_fires(enum af_kind kind);

/* Room for one sample's values: [population][neurons] of zeros, NULL if there is no memory. */
float **network_values(const struct network *network);
void network_values_free(const struct network *network, float **value);

/* What `count` outputs of a projection see, from its source's values: at[i] is row * width + column
 * in the block that it writes; patch: [count][groups][weights of a row]. */
int network_patches(const struct network *network, int population, int projection,
                    float *const *value, int64_t count, const int64_t *at, float *patch);

/* Runs the ANN: value[p] becomes [neurons] for every population, which the caller allocates
 * (value[0] holds the input counts as floats). */
int network_forward(const struct network *network, float *const *value);
/* Adds a sentence to the notes, as printf does. */
int network_note(struct network *network, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
int network_first_output(const struct network *network);
/* The output that answers (answer.h): classes, or a class for every pixel. */
int network_answer(const struct network *network);
/* What one population (no input, no relay) adds up before its ReLU: current[neurons]. */
int network_current(const struct network *network, int population, float *const *value,
                    float *current);

#endif
