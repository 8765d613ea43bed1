/* A recipe carried out: everything that follows the reference's measurements. */
#ifndef ADAFIRE_MAKE_H
#define ADAFIRE_MAKE_H

#include "convert/journal.h"
#include "convert/recipe.h"
#include "convert/verdict.h"

/* Begins a recipe and makes its model, with model_check passed. On failure there is nothing to
 * free. */
int recipe_make(const struct reference *reference, const struct convert_options *options,
                const struct input_format *format, struct journal *journal, struct recipe *recipe,
                struct verdict *verdict);
/* Without samples: nothing is measured. Of a network that is not of codes thresholds are made up.
 */
int recipe_transcribe(const struct reference *reference, const struct convert_options *options,
                      const struct input_format *format, struct recipe *recipe,
                      struct verdict *verdict);
/* Goes on from another recipe's settings, which were made for the same options but for the
 * compression: compresses (search.h) and makes the model. */
int recipe_compress(const struct recipe *from, const struct convert_options *options,
                    const struct input_format *format, struct journal *journal,
                    struct recipe *recipe, struct verdict *verdict);

#endif
