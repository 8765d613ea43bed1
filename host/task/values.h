/* Values: outputs that are numbers of their own (autoencoders, regressions), and how far off they
 * are. */
#ifndef ADAFIRE_VALUES_H
#define ADAFIRE_VALUES_H

#include <stdint.h>

/* Of many samples, those that should be and those that are. */
struct deviation {
    int64_t count, samples; /* values of a sample */
    double error, squares;  /* sums of (is - should)^2 and of should^2 */
    double *sum;            /* [count] of should */
};
/* AF_NO_MEMORY. */
int deviation_make(int64_t count, struct deviation *d);
void deviation_free(struct deviation *d);
void deviation_add(struct deviation *d, const float *should, const float *is);
/* Squared error over the variance of what should be, each value about its own mean (1 minus the
 * coefficient of determination): 0 is exact, 1 as bad as the means. NAN without variance. */
double deviation_share(const struct deviation *d);

#endif
