/* .snn files of any bytes: refused with a sentence, or a model that runs. The checksum is made
 * right, so that the fuzzer gets behind it. */
#include "engine/engine.h"
#include "engine/lane.h"
#include "model/model.h"

#include <stdlib.h>
#include <string.h>
#include <zlib.h>

enum { HEADER = 24 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Quick enough to run for every input. */
static bool is_small(const struct af_model *m)
{
    int64_t work = 0;
    for (int i = 0; i < m->population_count; i++) {
        const struct neurons *p = &m->population[i];
        if (neuron_count(p) > 1 << 16)
            return false;
        work += neuron_count(p);
        for (int k = 0; k < p->input_count; k++) {
            const struct wiring *w = &p->input[k].wiring;
            int64_t view = w->channels, block = (int64_t)w->block[0] * w->block[1] * w->block[2];
            for (int a = 0; a < 2; a++)
                view *= w->view[a] + (int64_t)(w->block[a + 1] - 1) * w->stride[a] +
                        (int64_t)(w->kernel[a] - 1) * w->dilation[a];
            work += w->channels * neuron_count(&m->population[w->source]);
            work += view * w->pool[0] * w->pool[1] + block * wiring_row(w);
        }
    }
    return work < 1 << 22;
}

static void run(const struct af_model *m)
{
    struct engine *engine;
    struct lane *lane;
    int last = m->population_count - 1;
    int16_t *counts = calloc((size_t)neuron_count(&m->population[0]), sizeof *counts);
    if (!counts)
        abort();
    for (int64_t i = 0; i < neuron_count(&m->population[0]); i++)
        counts[i] = (int16_t)(i % (2 * COUNT_LIMIT + 1) - COUNT_LIMIT);
    if (engine_make(m, &engine) || engine_count(engine)) {
        if (!*af_error())
            abort();
        engine_free(engine);
        free(counts);
        return;
    }
    if (!lane_make(engine, &lane)) {
        lane_begin(lane, 1, last, m->format.events ? NULL : counts);
        for (int t = 0; t < 2; t++) {
            if (m->format.events)
                lane_input(lane, counts);
            lane_step(lane, 1, last);
        }
        lane_free(lane);
    }
    engine_free(engine);
    free(counts);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct af_model *m;
    uint8_t *copy = malloc(size ? size : 1);
    if (!copy)
        abort();
    memcpy(copy, data, size);
    if (size >= HEADER) {
        uint32_t crc = (uint32_t)crc32_z(0, copy + HEADER, size - HEADER);
        uint64_t told = size;
        memcpy(copy, "ADAFIRE\n\1\0\0\0", 12);
        memcpy(copy + 12, &crc, 4);
        memcpy(copy + 16, &told, 8);
    }
    int status = af_model_parse("fuzz.snn", copy, size, &m);
    if (status && (m || !*af_error()))
        abort();
    if (!status && is_small(m)) {
        struct af_population_info info;
        for (int i = 0; i < m->population_count; i++)
            af_population_info(m, i, &info);
        run(m);
    }
    af_model_free(m);
    free(copy);
    return 0;
}
