#include "device/result.h"

#include "base/error.h"
#include "device/profile.h"

#include <stdlib.h>
#include <string.h>

void af_result_free(struct af_result *r)
{
    if (!r)
        return;
    free(r->output);
    free(r->history);
    free(r->spikes); /* the five counters are one block */
    af_profile_free(r->profile);
    memset(r, 0, sizeof *r);
}

int result_make(const struct af_model *m, int history, struct af_result *r)
{
    size_t n = (size_t)m->population_count;
    const int64_t size = model_output_at(m, m->population_count);
    *r = (struct af_result){.output_size = (int)size};
    r->output = calloc((size_t)size, sizeof *r->output);
    r->history = history ? calloc((size_t)size * (size_t)history, sizeof *r->history) : NULL;
    r->spikes = calloc(5 * n, sizeof *r->spikes);
    if (!r->output || !r->spikes || (history && !r->history)) {
        af_result_free(r);
        return af_fail(AF_NO_MEMORY, "no memory for a result of %lld values", (long long)size);
    }
    r->events = r->spikes + n;
    r->sops = r->spikes + 2 * n;
    r->spike_sops = r->spikes + 3 * n;
    r->adds = r->spikes + 4 * n;
    return AF_OK;
}

int64_t result_output(const struct af_model *m, int index, const int32_t *sum, int steps, float *to)
{
    const struct neurons *p = &m->population[index];
    const int64_t n = output_values(p), area = neuron_count(p) / p->shape[0];
    for (int64_t j = 0; p->order && j < n; j++) {
        int64_t at = p->order[j];
        to[j] = at < 0 ? 0 : (float)((double)sum[at] * (double)p->scale[at / area] / (double)steps);
    }
    for (int64_t first = 0; !p->order && first < n; first += area) {
        const double scale = (double)p->scale[first / area];
        const int64_t end = first + area < n ? first + area : n;
        for (int64_t j = first; steps == 1 && j < end; j++)
            to[j] = (float)((double)sum[j] * scale);
        for (int64_t j = first; steps != 1 && j < end; j++)
            to[j] = (float)((double)sum[j] * scale / (double)steps);
    }
    return n;
}
