/* How a network is converted: the options, how each population bursts, and the model that is made
 * of both. A recipe owns these and only looks at the reference; several may be tried side by side.
 */
#ifndef ADAFIRE_RECIPE_H
#define ADAFIRE_RECIPE_H

#include "convert/options.h"
#include "convert/reference.h"
#include "engine/lane.h"
#include "model/model.h"

/* How a population bursts. */
struct setting {
    int burst;
    bool signed_bursts;
    float ratio;      /* rho */
    float *threshold; /* [channels] in the ANN's units, before rho */
    double *bias;     /* [channels] correction, ANN units a timestep */
    float *initial;   /* [neurons] added to what all begin with, ANN units; NULL: nothing */
};

struct recipe {
    const struct reference *reference;
    const struct network *network; /* the reference's */
    struct convert_options options;
    struct setting *setting; /* [population_count] */
    struct af_model *model;
    double prune_limit; /* of options.prune (prune.h) */
    double squeezed;    /* by how much potentials of 23 bits made weights coarser, the worst */
    /* The reference's recordings for so many timesteps. */
    int64_t recordings;
    const int16_t *recording; /* [recordings][timesteps][input neurons] */
    int16_t *recording_owned; /* read for this recipe alone, or NULL */
    /* Of the model: what was measured while it was made. */
    double *sensitivity;       /* [population_count] of the network when the choice was measured */
    struct activity *activity; /* [population_count] summed over the samples, all timesteps */
};

/* A population's setting with arrays of its own; AF_NO_MEMORY leaves what setting_free frees. */
int setting_copy(const struct setting *from, const struct population *p, struct setting *to);
/* Back to what was copied, without another allocation; `initial` stays. */
void setting_restore(struct setting *s, const struct population *p, const struct setting *copy);
void setting_free(struct setting *s);

/* Settings as the options say, without thresholds. On failure there is nothing to free. */
int recipe_begin(const struct reference *reference, const struct convert_options *options,
                 struct recipe *recipe);
/* A copy of its own of the options and settings; the model is made anew of them. */
int recipe_clone(const struct recipe *from, struct recipe *to);
void recipe_free(struct recipe *recipe);

#endif
