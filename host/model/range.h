/* Which values samples have, so that a model can tell those it was made for from others: a
 * forgotten scale or mean shows in nothing else. */
#ifndef ADAFIRE_RANGE_H
#define ADAFIRE_RANGE_H

#include "model/model.h"

struct value_range {
    int64_t samples, values;
    double low, high;
    double sum, squares; /* of the values, and of their squares */
};

void range_add(struct value_range *range, enum af_type type, const void *data, int64_t count);
/* As the model's fact "input values". */
int range_store(const struct value_range *range, struct af_model *m);
/* A sentence, if these samples are not of the kind that the model was made with; else, and where
 * the model does not say, an empty one. */
void range_compare(const struct value_range *range, const struct af_model *m, size_t room,
                   char *sentence);

#endif
