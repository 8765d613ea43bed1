/* From a float network to a calibrated integer model: the method of "Adaptive Calibration" (Wang et
 * al., arXiv 2412.16219), run on the integer network itself wherever that is what will run. */
#ifndef ADAFIRE_CONVERT_H
#define ADAFIRE_CONVERT_H

#include "convert/journal.h"
#include "convert/recipe.h"
#include "convert/verdict.h"

/* What came of it. It stays where it is: the recipe looks at the reference. */
struct conversion {
    struct reference reference;
    struct recipe recipe; /* with the model */
    struct verdict verdict;
    struct journal journal;
    int64_t samples; /* that were used */
};

/* Runs the whole method. `format` is the model's input format (zero is copied). The model is in
 * c->recipe.model, made with model_check passed. Deterministic for given inputs, whatever the
 * threads. On failure there is nothing to free. */
int convert(const struct network *network, const struct input_format *format,
            const struct calibration *data, const struct convert_options *options,
            struct conversion *c);
/* The same without samples: sizes are as they would be, thresholds and biases made up, but of a
 * network of codes. */
int convert_outline(const struct network *network, const struct input_format *format,
                    const struct convert_options *options, struct conversion *c);
void conversion_free(struct conversion *c);

#endif
