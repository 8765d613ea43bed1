/* What is lost at most, as far as calibration samples can tell.
 *
 * Losses are few among them, often none, so what they show is taken one standard error above it,
 * and that error as if one more sample were lost than was: v + w^2 with v, the sum of the losses'
 * squares, and w, the most that a sample can lose (1 if it is an answer). It is the variance of the
 * gamma distribution that bounds a weighted sum of Poisson counts from above (Fay and Feuer,
 * "Confidence intervals for directly standardized rates: a method based on the gamma distribution",
 * Statistics in Medicine 16 (1997) 791-801). */
#ifndef ADAFIRE_RISK_H
#define ADAFIRE_RISK_H

#include <stdbool.h>
#include <stdint.h>

/* Of losses of at most `most` each: their sum and the sum of their squares; so many standard errors
 * above. A goal, which chooses among dozens of conversions, takes two. */
double risk_bound(double sum, double squares, double most, double errors);
/* Whether so many samples can tell a tolerable loss from none: one of them may be lost. Where not,
 * whoever searches does not see what he does. */
bool risk_shows(int64_t samples, double tolerance, double most);

/* The loss to look for among many candidates where this one is tolerated: the cheapest of them that
 * looks good enough is the luckiest, so one sample less may be lost (that is the other half of Fay
 * and Feuer's bound, its mean y + w), as long as the samples can show that. */
double risk_among_many(int64_t samples, double tolerance, double most);

/* The chance of a loss as a logistic function of the logarithm of how uncertain a sample is, and
 * how well that function is known: the inverse of the penalised likelihood's information. */
struct risk {
    double base, slope;
    double base_variance, covariance, slope_variance;
};

/* From `samples` uncertainties in 0..1 and whether each was lost. The one loss more is spread over
 * the samples in proportion to their uncertainty, as the errors of a calibrated classifier are: so
 * samples that show no loss at all still say which would be lost first. */
struct risk risk_fit(const double *uncertainty, const bool *lost, int64_t samples);
double risk_chance(const struct risk *r, double uncertainty);
/* The uncertainty at which the chance is this, in 0..1; 0 if it does not rise with it. */
double risk_limit(const struct risk *r, double chance);

/* The losses to expect of some samples, at most: the sum of their chances and one standard error of
 * it (delta method). Starts as zeros; each sample is added with the risk that it was fitted for. */
struct risk_sum {
    double expected, by_base, by_slope; /* the sum and its derivatives */
};
void risk_add(struct risk_sum *sum, const struct risk *r, double uncertainty);
double risk_variance(const struct risk_sum *sum, const struct risk *r);

#endif
