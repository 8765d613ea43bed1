#include "model/range.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* Calibration sees but a part of what there is: so much wider may the values be, or narrower, and
 * so many deviations may the means be apart. A mean is of many samples. */
static const double wider = 1.5, narrower = 1.0 / 8, apart = 1;
enum { SAMPLES_OF_A_MEAN = 16 };

static double value_at(enum af_type type, const void *data, int64_t i)
{
    switch (type) {
    case AF_U8: return ((const uint8_t *)data)[i];
    case AF_I8: return ((const int8_t *)data)[i];
    case AF_I16: return ((const int16_t *)data)[i];
    case AF_I32: return ((const int32_t *)data)[i];
    default: return (double)((const float *)data)[i];
    }
}

void range_add(struct value_range *r, enum af_type type, const void *data, int64_t count)
{
    for (int64_t i = 0; i < count; i++) {
        const double v = value_at(type, data, i);
        r->low = r->values + i ? fmin(r->low, v) : v;
        r->high = r->values + i ? fmax(r->high, v) : v;
        r->sum += v;
        r->squares += v * v;
    }
    r->values += count;
    r->samples++;
}

static double mean(const struct value_range *r)
{
    return r->sum / (double)r->values;
}

int range_store(const struct value_range *r, struct af_model *m)
{
    const double variance = r->squares / (double)r->values - mean(r) * mean(r);
    return model_add_fact(m, "input values", "%g to %g, mean %g, deviation %g", r->low, r->high,
                          mean(r), sqrt(fmax(variance, 0)));
}

void range_compare(const struct value_range *r, const struct af_model *m, size_t room,
                   char *sentence)
{
    double low, high, middle, deviation;
    const char *stored = model_fact(m, "input values");
    *sentence = 0;
    if (!stored || !r->values ||
        sscanf(stored, "%lf to %lf, mean %lf, deviation %lf", &low, &high, &middle, &deviation) !=
            4)
        return;
    const double spread = high - low, own = r->high - r->low;
    const bool beyond =
        r->high > high + (wider - 1) * spread || r->low < low - (wider - 1) * spread;
    const bool within = own < narrower * spread;
    const bool shifted =
        r->samples >= SAMPLES_OF_A_MEAN && fabs(mean(r) - middle) > apart * deviation;
    if (beyond || within || shifted)
        snprintf(sentence, room,
                 "the samples have values from %g to %g (mean %.3g), those that the model was made "
                 "with from %g to %g (mean %.3g): scale, mean or type may not be what it takes",
                 r->low, r->high, mean(r), low, high, middle);
}
