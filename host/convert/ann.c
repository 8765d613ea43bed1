#include "convert/ann.h"

#include "base/error.h"
#include "base/npy_writer.h"
#include "base/parallel.h"

#include <stdio.h>
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

/* Where samples come from, and where their outputs go. */
struct ends {
    const struct ann_samples *from;
    struct input *in; /* NULL: memory */
    int64_t taken;
    struct npy_writer file; /* open, or: */
    float *row;
    int64_t room;
};

/* The next sample: 1, 0 at the end, or negative. */
static int next_sample(struct ends *e, int64_t inputs, char name[40], struct sample *s)
{
    static const enum dtype types[] = {[AF_F32] = DTYPE_F32,
                                       [AF_U8] = DTYPE_U8,
                                       [AF_I8] = DTYPE_I8,
                                       [AF_I16] = DTYPE_I16,
                                       [AF_I32] = DTYPE_I32};
    if (e->in)
        return input_next(e->in, s);
    if (e->taken == e->from->count)
        return 0;
    const struct af_sample *given = &e->from->samples[e->taken];
    snprintf(name, 40, "sample %lld", (long long)e->taken++);
    if (given->data && ((unsigned)given->type > AF_I32 || given->length != inputs))
        return af_fail(AF_BAD_ARGUMENT, "%s has %lld values; the network takes %lld", name,
                       (long long)given->length, (long long)inputs);
    *s = (struct sample){
        .name = name, .type = given->data ? types[given->type] : DTYPE_F32, .data = given->data};
    return 1;
}

static int put_rows(struct ends *e, const struct ann *a, int64_t done, int64_t count)
{
    int status = AF_OK;
    if (e->file.out.stream) {
        for (int64_t i = 0; !status && i < count; i++)
            status = npy_append(&e->file, a->out + i * a->outputs);
        return status;
    }
    if (done + count > e->room) {
        const int64_t room = 2 * e->room > done + count ? 2 * e->room : done + count;
        float *grown = realloc(e->row, (size_t)(room * a->outputs) * sizeof *grown);
        if (!grown)
            return af_fail(AF_NO_MEMORY, "no memory for the outputs of %lld samples",
                           (long long)room);
        e->row = grown;
        e->room = room;
    }
    memcpy(e->row + done * a->outputs, a->out, (size_t)(count * a->outputs) * sizeof *e->row);
    return AF_OK;
}

/* Reads, runs and writes one batch; *count: its samples, 0 at the end. */
static int run_batch(struct ann *a, struct ends *e, int64_t done, int64_t *count)
{
    struct sample s;
    char name[40];
    int status = 1;
    for (*count = 0; *count < BATCH && (status = next_sample(e, a->inputs, name, &s)) > 0;
         ++*count) {
        status = take_sample(a, &s, *count);
        if (status)
            break;
    }
    if (status < 0 || !*count)
        return status;
    status = parallel_for(a->workers, *count, run_one, a, NULL);
    return status ? status : put_rows(e, a, done, *count);
}

int ann_run(const struct network *network, const struct ann_samples *samples,
            const struct input_spec *spec, int threads, struct journal *journal, const char *path,
            float **outputs, int64_t *count, int64_t *columns)
{
    struct ann a;
    struct ends e = {.from = samples};
    int64_t done = 0, more = 1;
    int status = make(&a, network, threads);
    if (!status && samples->path_count)
        status = input_open(&e.in, samples->paths, samples->path_count, spec);
    if (!status && path)
        status = npy_begin(&e.file, path, a.outputs);
    const int64_t all = e.in ? input_count(e.in) : samples->count;
    while (!status && more) {
        status = run_batch(&a, &e, done, &more);
        done += more;
        if (!status)
            status = journal_progress(journal, "running the ANN",
                                      all > 0 ? (double)done / (double)all : 0);
    }
    if (e.file.out.stream && status)
        npy_discard(&e.file);
    else if (e.file.out.stream)
        status = npy_commit(&e.file);
    if (!status && !path) {
        *outputs = e.row;
        e.row = NULL;
    }
    if (!status) {
        *count = done;
        *columns = a.outputs;
    }
    free(e.row);
    input_close(e.in);
    clear(&a);
    return status;
}
