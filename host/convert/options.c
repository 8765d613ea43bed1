#include "convert/options.h"

#include "base/error.h"
#include "iat.h"
#include "model/model.h"

const struct convert_options convert_defaults = {
    .burst_initial = 63,
    .burst_desired = 4,
    .burst_min = 1,
    .initial = 0.5f,
    .energy_ratio = 1.0f,
    .effort = 1,
    .signed_bursts = AF_AUTO,
    .bias = AF_BIAS_AUTO,
    .feedback = true,
    .iat = AF_AUTO,
    .iat_metric = IAT_ENTROPY,
    .iat_a = 0.6f,
    .tolerance = 0.005f,
    .search_samples = 128,
};

int options_check(const struct convert_options *o)
{
    if (o->timesteps < 1 || o->timesteps > TIMESTEPS_LIMIT)
        return af_fail(AF_BAD_ARGUMENT, "timesteps must be 1..%d, not %d", TIMESTEPS_LIMIT,
                       o->timesteps);
    if (o->burst_min < 1 || o->burst_desired < o->burst_min ||
        o->burst_initial < o->burst_desired || o->burst_initial > BURST_LIMIT)
        return af_fail(AF_BAD_ARGUMENT,
                       "burst limits must satisfy 1 <= min %d <= desired %d <= initial %d <= %d",
                       o->burst_min, o->burst_desired, o->burst_initial, BURST_LIMIT);
    if (o->effort < 0 || o->effort > EFFORT_MOST)
        return af_fail(AF_BAD_ARGUMENT, "effort must be 0..%d, not %d", EFFORT_MOST, o->effort);
    if (!(o->energy_ratio > 0) || !(o->ssc_budget >= 0) || !(o->tolerance >= 0) ||
        !(o->iat_a >= 0 && o->iat_a <= 1) || !(o->ssc_loss >= 0) ||
        !(o->initial >= 0 && o->initial <= 1) || !(o->prune >= 0 && o->prune < 1))
        return af_fail(AF_BAD_ARGUMENT,
                       "energy ratio, initial potential, SSC budget, tolerance, share to prune "
                       "or a is out of range");
    if (o->signed_bursts == AF_ON && o->burst_initial * o->timesteps > SENT_LIMIT)
        return af_fail(AF_BAD_ARGUMENT,
                       "signed bursts of up to %d in %d timesteps: a neuron counts no more than %d "
                       "spikes",
                       o->burst_initial, o->timesteps, SENT_LIMIT);
    if (o->prune > 0 && !o->feedback)
        return af_fail(AF_BAD_ARGUMENT, "pruning needs rounding with feedback");
    return AF_OK;
}
