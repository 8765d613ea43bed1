#include "convert/ann.h"

#include "base/error.h"
#include "base/npy_writer.h"
#include "base/parallel.h"

#include <stdlib.h>
#include <string.h>

enum { BATCH = 16 };

struct ann {
    const struct network *network;
    int workers;
    float ***value; /* [worker][population] */
    float *in;      /* [BATCH][inputs] */
    float *out;     /* [BATCH][outputs] */
    int64_t inputs, outputs;
};

static int run_one(void *context, int worker, int64_t sample)
{
    const struct ann *a = context;
    const struct network *net = a->network;
    float **value = a->value[worker];
    float *to = a->out + sample * a->outputs;
    memcpy(value[0], a->in + sample * a->inputs, (size_t)a->inputs * sizeof **value);
    int status = network_forward(net, value);
    for (int p = 0; !status && p < net->population_count; p++) {
        const struct population *pop = &net->population[p];
        for (int64_t i = 0; pop->kind == AF_OUTPUT && i < network_neurons(pop); i++) {
            int64_t from = pop->order ? pop->order[i] : i;
            *to++ = from < 0 ? 0 : value[p][from];
        }
    }
    return status;
}

static int make(struct ann *a, const struct network *net, int threads)
{
    *a = (struct ann){.network = net, .workers = threads ? threads : parallel_cores()};
    a->value = calloc((size_t)a->workers, sizeof *a->value);
    bool good = a->value != NULL;
    a->inputs = network_neurons(&net->population[0]);
    for (int p = 0; p < net->population_count; p++)
        if (net->population[p].kind == AF_OUTPUT)
            a->outputs += network_neurons(&net->population[p]);
    for (int w = 0; good && w < a->workers; w++)
        good = (a->value[w] = network_values(net)) != NULL;
    a->in = good ? malloc(BATCH * (size_t)a->inputs * sizeof *a->in) : NULL;
    a->out = good ? malloc(BATCH * (size_t)a->outputs * sizeof *a->out) : NULL;
    return a->in && a->out ? AF_OK : af_fail(AF_NO_MEMORY, "no memory to run the network");
}

static void clear(struct ann *a)
{
    for (int w = 0; a->value && w < a->workers; w++)
        network_values_free(a->network, a->value[w]);
    free(a->value);
    free(a->in);
    free(a->out);
}

static int take_sample(struct ann *a, const struct sample *s, int64_t index)
{
    const struct tensor t = {.type = s->type, .data = (void *)(uintptr_t)s->data};
    if (!s->data)
        return af_fail(AF_UNSUPPORTED, "%s: a recording; the network itself takes frames", s->name);
    for (int64_t i = 0; i < a->inputs; i++)
        a->in[index * a->inputs + i] = (float)tensor_get(&t, i);
    return AF_OK;
}

/* Reads, runs and writes one batch; *count: its samples, 0 at the end. */
static int run_batch(struct ann *a, struct input *in, struct npy_writer *w, int64_t *count)
{
    struct sample s;
    int status = 1;
    for (*count = 0; *count < BATCH && (status = input_next(in, &s)) > 0; ++*count) {
        status = take_sample(a, &s, *count);
        if (status)
            break;
    }
    if (status < 0 || !*count)
        return status;
    status = parallel_for(a->workers, *count, run_one, a, NULL);
    for (int64_t i = 0; !status && i < *count; i++)
        status = npy_append(w, a->out + i * a->outputs);
    return status;
}

int64_t ann_run(const struct network *network, const char *const *inputs, int path_count,
                const struct input_spec *spec, const char *path, int threads,
                struct journal *journal)
{
    struct ann a;
    struct input *in = NULL;
    struct npy_writer w = {0};
    int64_t done = 0, count = 1;
    int status = make(&a, network, threads);
    if (!status)
        status = input_open(&in, inputs, path_count, spec);
    if (!status)
        status = npy_begin(&w, path, a.outputs);
    while (!status && count) {
        status = run_batch(&a, in, &w, &count);
        done += count;
        if (!status)
            status =
                journal_progress(journal, "running the ANN",
                                 input_count(in) > 0 ? (double)done / (double)input_count(in) : 0);
    }
    if (w.out.stream && status)
        npy_discard(&w);
    else if (!status)
        status = npy_commit(&w);
    input_close(in);
    clear(&a);
    return status ? status : done;
}
