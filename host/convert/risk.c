#include "convert/risk.h"

#include <math.h>

enum { TURNS = 50 };
#define OFFSET  1e-4 /* of uncertainties, which may be 0 */
#define PENALTY 1e-3
#define STEP    2.0 /* the most that a turn may change */

double risk_bound(double sum, double squares, double most, double errors)
{
    return sum + errors * sqrt(squares + most * most);
}

bool risk_shows(int64_t samples, double tolerance, double most)
{
    return risk_bound(most, most * most, most, 1) <= tolerance * (double)samples;
}

double risk_among_many(int64_t samples, double tolerance, double most)
{
    return risk_shows(samples, tolerance, most) ? tolerance - most / (double)samples : tolerance;
}

static double feature(double uncertainty)
{
    return log(uncertainty + OFFSET);
}

double risk_chance(const struct risk *r, double uncertainty)
{
    return 1 / (1 + exp(-(r->base + r->slope * feature(uncertainty))));
}

double risk_limit(const struct risk *r, double chance)
{
    if (r->slope <= 1e-3)
        return 0;
    double u = exp((log(chance / (1 - chance)) - r->base) / r->slope) - OFFSET;
    return fmax(0, fmin(u, 1));
}

/* Newton's method on the penalised likelihood. */
struct risk risk_fit(const double *uncertainty, const bool *lost, int64_t samples)
{
    struct risk r = {.base = -2, .slope = 1};
    double all = 0;
    for (int64_t i = 0; i < samples; i++)
        all += uncertainty[i] + OFFSET;
    for (int turn = 0; turn < TURNS; turn++) {
        double g0 = -PENALTY * r.base, g1 = -PENALTY * r.slope;
        double h00 = PENALTY, h01 = 0, h11 = PENALTY;
        for (int64_t i = 0; i < samples; i++) {
            double f = feature(uncertainty[i]), p = risk_chance(&r, uncertainty[i]);
            double more = (uncertainty[i] + OFFSET) / all;
            double error = lost[i] - p + more * (1 - p);
            double w = (1 + more) * p * (1 - p);
            g0 += error;
            g1 += error * f;
            h00 += w;
            h01 += w * f;
            h11 += w * f * f;
        }
        double det = h00 * h11 - h01 * h01;
        double d0 = (h11 * g0 - h01 * g1) / det, d1 = (h00 * g1 - h01 * g0) / det;
        double size = fmax(fabs(d0), fabs(d1)), damp = size > STEP ? STEP / size : 1;
        r.base += damp * d0;
        r.slope += damp * d1;
        r.base_variance = h11 / det;
        r.covariance = -h01 / det;
        r.slope_variance = h00 / det;
        if (size < 1e-9)
            break;
    }
    return r;
}

void risk_add(struct risk_sum *sum, const struct risk *r, double uncertainty)
{
    double p = risk_chance(r, uncertainty), slant = p * (1 - p);
    sum->expected += p;
    sum->by_base += slant;
    sum->by_slope += slant * feature(uncertainty);
}

double risk_variance(const struct risk_sum *sum, const struct risk *r)
{
    return sum->by_base * sum->by_base * r->base_variance +
           2 * sum->by_base * sum->by_slope * r->covariance +
           sum->by_slope * sum->by_slope * r->slope_variance;
}
