#include "convert/reference.h"

#include "convert/rounding.h"

#include <stdlib.h>

void reference_free(struct reference *ref)
{
    for (int i = 0; ref->statistics && i < ref->network->population_count; i++) {
        struct population_statistics *s = &ref->statistics[i];
        free(s->largest);
        free(s->histogram);
        free(s->mean);
        free(s->current);
        free(s->weight);
        free(s->fanout);
        free(s->neuron_mean);
        rounding_free(s->rounding, ref->network->population[i].projection_count);
    }
    free(ref->statistics);
    free(ref->ann);
    free(ref->chance);
    free(ref->recorded);
    *ref = (struct reference){0};
}
