/* The integer network against the spiking network that it stands for: the same populations in
 * floating point, as the method describes them. Prints of how many held-out samples the class
 * agrees after each timestep, with float weights     the trained weights and the thresholds that
 * calibration found, and with integer weights   the values that the model's integers stand for, so
 * that nothing but the arithmetic differs: then all outputs must agree. Rounding a weight moves a
 * few bursts, and every layer moves more of them: early classes, which are mostly undecided, then
 * differ. */
#include "test.h"

#include "base/npy.h"
#include "base/parallel.h"
#include "convert/calibration.h"
#include "convert/convert.h"
#include "iat.h"
#include "onnx/onnx.h"

#include <math.h>
#include <unistd.h>

#if defined __SANITIZE_ADDRESS__ || defined __SANITIZE_THREAD__
#define SANITIZED 1
#elif defined __has_feature
#define SANITIZED (__has_feature(address_sanitizer) || __has_feature(thread_sanitizer))
#else
#define SANITIZED 0
#endif

static void *zeroed(int64_t count, size_t size)
{
    void *p = calloc((size_t)count + 1, size);
    if (!p)
        abort();
    return p;
}

/* ---- A spiking network in floating point --------------------------------------------------- */

/* A population, all in the ANN's units. */
struct layer {
    const struct population *shape; /* of the network: kind, sizes and wirings */
    double **weight;                /* [projections], at weight_slot */
    double *bias, *initial;         /* [neurons] */
    double *threshold;              /* [channels] */
    int burst;
    bool signed_bursts;
};

/* A wiring's weight j lies here: [view channel][tap][output of its group], as add_current goes. */
static int64_t weight_slot(const struct wiring *w, int64_t j)
{
    int64_t row = wiring_row(w), taps = (int64_t)w->kernel[0] * w->kernel[1];
    int64_t o = j / row, per = w->block[0] / w->groups;
    int64_t channel = o / per * wiring_fan_in(w) + j % row / taps;
    return (channel * taps + j % taps) * per + o % per;
}

static struct layer *make_layers(const struct network *net)
{
    struct layer *layers = zeroed(net->population_count, sizeof *layers);
    for (int i = 0; i < net->population_count; i++) {
        const struct population *p = &net->population[i];
        int64_t neurons = network_neurons(p);
        struct layer *l = &layers[i];
        l->shape = p;
        l->weight = zeroed(p->projection_count, sizeof *l->weight);
        l->bias = zeroed(neurons, sizeof *l->bias);
        l->initial = zeroed(neurons, sizeof *l->initial);
        l->threshold = zeroed(p->shape[0], sizeof *l->threshold);
        for (int k = 0; k < p->projection_count; k++)
            l->weight[k] = zeroed(wiring_weights(&p->projection[k].wiring), sizeof **l->weight);
    }
    return layers;
}

static void free_layers(const struct network *net, struct layer *layers)
{
    for (int i = 0; i < net->population_count; i++) {
        for (int k = 0; k < net->population[i].projection_count; k++)
            free(layers[i].weight[k]);
        free(layers[i].weight);
        free(layers[i].bias);
        free(layers[i].initial);
        free(layers[i].threshold);
    }
    free(layers);
}

/* Float weights: what quantise.c was given. */
static struct layer *layers_of_settings(const struct conversion *c)
{
    struct layer *layers = make_layers(c->reference.network);
    for (int i = 1; i < c->reference.network->population_count; i++) {
        struct layer *l = &layers[i];
        const struct population *p = l->shape;
        const struct setting *set = &c->recipe.setting[i];
        int64_t neurons = network_neurons(p), area = neurons / p->shape[0];
        l->burst = set->burst;
        l->signed_bursts = set->signed_bursts;
        for (int ch = 0; network_fires(p->kind) && ch < p->shape[0]; ch++)
            l->threshold[ch] = (double)set->threshold[ch] * (double)set->ratio;
        for (int64_t n = 0; p->kind != AF_MAXPOOL && n < neurons; n++) {
            l->bias[n] = (double)p->bias[n] + set->bias[n / area];
            l->initial[n] =
                l->threshold[n / area] / 2 + (set->initial ? (double)set->initial[n] : 0);
        }
        for (int k = 0; p->kind != AF_MAXPOOL && k < p->projection_count; k++) {
            const struct wiring *w = &p->projection[k].wiring;
            for (int64_t j = 0; j < wiring_weights(w); j++)
                l->weight[k][weight_slot(w, j)] = (double)p->projection[k].weight[j];
        }
    }
    return layers;
}

/* Integer weights: what the model's numbers stand for. */
static struct layer *layers_of_model(const struct conversion *c)
{
    struct layer *layers = make_layers(c->reference.network);
    for (int i = 1; i < c->recipe.model->population_count; i++) {
        struct layer *l = &layers[i];
        const struct neurons *p = &c->recipe.model->population[i];
        int64_t neurons = neuron_count(p), area = neurons / p->shape[0];
        l->burst = p->burst;
        l->signed_bursts = p->signed_bursts;
        for (int ch = 0; p->threshold && ch < p->shape[0]; ch++)
            l->threshold[ch] = p->threshold[ch] * (double)p->scale[ch];
        for (int64_t n = 0; n < neurons; n++) {
            if (p->bias_count)
                l->bias[n] =
                    p->bias[p->bias_count == neurons ? n : n / area] * (double)p->scale[n / area];
            if (p->initial_count)
                l->initial[n] = p->initial[p->initial_count == neurons ? n : n / area] *
                                (double)p->scale[n / area];
        }
        for (int k = 0; p->kind != AF_MAXPOOL && k < p->input_count; k++) {
            const struct synapses *s = &p->input[k];
            const struct wiring *w = &s->wiring;
            int64_t taps = (int64_t)w->kernel[0] * w->kernel[1], row = wiring_row(w);
            for (int64_t j = 0; j < wiring_weights(w); j++) {
                int o = (int)(j / row), per = w->block[0] / w->groups;
                int channel = o / per * wiring_fan_in(w) + (int)(j % row / taps);
                l->weight[k][weight_slot(w, j)] =
                    s->weight[j] * (double)(1 << s->shift) * (double)p->scale[w->at[0] + o] /
                    model_event_value(c->recipe.model, w->source, w->map[channel]);
            }
        }
    }
    return layers;
}

/* A population in one inference; an event of burst r is r x threshold. */
struct cells {
    double *v;
    double *sent;  /* in this timestep */
    double *total; /* so far */
};

/* The view V of wiring.h, [channels][height][width]. */
static double *view_of(const struct wiring *w, const int shape[3], const double *source)
{
    double *view = zeroed((int64_t)w->channels * w->view[0] * w->view[1], sizeof *view), *v = view;
    for (int i = 0; i < w->channels; i++)
        for (int y = 0; y < w->view[0]; y++)
            for (int x = 0; x < w->view[1]; x++, v++)
                for (int a = 0; a < w->pool[0]; a++)
                    for (int b = 0; b < w->pool[1]; b++) {
                        int uy = y * w->pool_stride[0] + a - w->pool_before[0];
                        int ux = x * w->pool_stride[1] + b - w->pool_before[1];
                        if (uy >= 0 && uy < shape[1] * w->up[0] && ux >= 0 &&
                            ux < shape[2] * w->up[1])
                            *v += source[(w->map[i] * shape[1] + uy / w->up[0]) * shape[2] +
                                         ux / w->up[1]];
                    }
    return view;
}

/* The position that sees view index v through tap k, -1 if none does. */
static int position_of(const struct wiring *w, int axis, int v, int k)
{
    int at = v + w->before[axis] - k * w->dilation[axis];
    if (at < 0 || at % w->stride[axis] || at / w->stride[axis] >= w->block[axis + 1])
        return -1;
    return at / w->stride[axis];
}

/* Most of a view is silent, so that what is not is scattered, into sums [y][x][channel]. */
static void add_current(const struct wiring *w, const double *weights, const int from[3],
                        const double *source, const int to[3], double *current)
{
    double *view = view_of(w, from, source), *v = view;
    double *sums = zeroed((int64_t)w->block[0] * w->block[1] * w->block[2], sizeof *sums);
    int per = w->block[0] / w->groups, taps = w->kernel[0] * w->kernel[1];
    for (int i = 0; i < w->channels; i++)
        for (int vy = 0; vy < w->view[0]; vy++)
            for (int vx = 0; vx < w->view[1]; vx++, v++)
                for (int k = 0; *v != 0 && k < taps; k++) {
                    int y = position_of(w, 0, vy, k / w->kernel[1]);
                    int x = position_of(w, 1, vx, k % w->kernel[1]);
                    if (y < 0 || x < 0)
                        continue;
                    const double *weight = weights + ((int64_t)i * taps + k) * per;
                    double *sum = sums + ((int64_t)y * w->block[2] + x) * w->block[0] +
                                  i / wiring_fan_in(w) * per;
                    for (int o = 0; o < per; o++)
                        sum[o] += weight[o] * *v;
                }
    const double *sum = sums;
    for (int y = 0; y < w->block[1]; y++)
        for (int x = 0; x < w->block[2]; x++)
            for (int o = 0; o < w->block[0]; o++)
                current[((int64_t)(w->at[0] + o) * to[1] + w->at[1] + y * w->spread[0]) * to[2] +
                        w->at[2] + x * w->spread[1]] += *sum++;
    free(sums);
    free(view);
}

static void relay(const struct population *p, const int from[3], const struct cells *source,
                  struct cells *s)
{
    const struct wiring *w = &p->projection[0].wiring;
    for (int c = 0; c < p->shape[0]; c++)
        for (int y = 0; y < p->shape[1]; y++)
            for (int x = 0; x < p->shape[2]; x++) {
                int64_t n = ((int64_t)c * p->shape[1] + y) * p->shape[2] + x;
                double most = -INFINITY;
                for (int k = 0; k < w->kernel[0] * w->kernel[1]; k++) {
                    int vy = y * w->stride[0] + k / w->kernel[1] * w->dilation[0] - w->before[0];
                    int vx = x * w->stride[1] + k % w->kernel[1] * w->dilation[1] - w->before[1];
                    if (vy >= 0 && vy < w->view[0] && vx >= 0 && vx < w->view[1])
                        most = fmax(most,
                                    source->total[(w->map[c] * from[1] + vy / w->up[0]) * from[2] +
                                                  vx / w->up[1]]);
                }
                s->sent[n] = isinf(most) ? 0 : most - s->total[n];
            }
}

/* A multiple of the threshold that rounding put just below itself counts as reached. */
static double burst_of(const struct layer *l, double v, double threshold, double total)
{
    double low = 0;
    if (l->shape->kind == AF_LINEAR)
        low = -l->burst;
    else if (l->signed_bursts)
        low = -fmin(nearbyint(total / threshold), l->burst);
    return fmin(fmax(floor(v / threshold + 1e-9), low), l->burst);
}

static void step_layer(const struct layer *layers, int index, struct cells *cells)
{
    const struct layer *l = &layers[index];
    const struct population *p = l->shape;
    struct cells *s = &cells[index];
    int64_t neurons = network_neurons(p), area = neurons / p->shape[0];
    if (p->kind == AF_MAXPOOL) {
        int source = p->projection[0].wiring.source;
        relay(p, layers[source].shape->shape, &cells[source], s);
    } else {
        for (int64_t n = 0; n < neurons; n++)
            s->v[n] += l->bias[n];
        for (int k = 0; k < p->projection_count; k++) {
            const struct wiring *w = &p->projection[k].wiring;
            add_current(w, l->weight[k], layers[w->source].shape->shape, cells[w->source].sent,
                        p->shape, s->v);
        }
    }
    for (int64_t n = 0; n < neurons; n++) {
        if (network_fires(p->kind)) {
            double threshold = l->threshold[n / area];
            s->sent[n] = burst_of(l, s->v[n], threshold, s->total[n]) * threshold;
            s->v[n] -= s->sent[n];
        }
        s->total[n] += s->sent[n];
    }
}

static int first_output(const struct network *net)
{
    int i = 0;
    while (net->population[i].kind != AF_OUTPUT)
        i++;
    return i;
}

/* means: [timestep][class] the output's mean after each timestep. */
static void run_float(const struct network *net, const struct layer *layers, const int16_t *counts,
                      int steps, double *means)
{
    struct cells *cells = zeroed(net->population_count, sizeof *cells);
    int output = first_output(net);
    int64_t classes = network_neurons(&net->population[output]);
    for (int i = 0; i < net->population_count; i++) {
        int64_t neurons = network_neurons(&net->population[i]);
        cells[i] = (struct cells){zeroed(neurons, 8), zeroed(neurons, 8), zeroed(neurons, 8)};
        memcpy(cells[i].v, layers[i].initial, (size_t)neurons * sizeof *cells[i].v);
    }
    for (int64_t n = 0; n < network_neurons(&net->population[0]); n++)
        cells[0].sent[n] = counts[n];
    for (int t = 0; t < steps; t++) {
        for (int i = 1; i < net->population_count; i++)
            step_layer(layers, i, cells);
        for (int64_t k = 0; k < classes; k++)
            *means++ = cells[output].v[k] / (t + 1);
    }
    for (int i = 0; i < net->population_count; i++) {
        free(cells[i].v);
        free(cells[i].sent);
        free(cells[i].total);
    }
    free(cells);
}

/* ---- Networks and samples ------------------------------------------------------------------ */

struct example {
    const char *name, *folder;
    struct normalisation norm;
    int shape[3];
    int calibration, samples; /* how many */
};

/* What was read of it. */
struct material {
    struct graph *graph;
    struct network *network;
    struct input_format format;
    struct calibration calibration;
    struct tensor images; /* uint8, held out */
};

static int read_material(const struct example *x, struct material *m)
{
    char model[256], calib[256], images[256];
    const char *paths[] = {calib};
    const struct input_spec spec = {
        .channels = x->shape[0], .height = x->shape[1], .width = x->shape[2]};
    snprintf(model, sizeof model, "%s/model.onnx", x->folder);
    snprintf(calib, sizeof calib, "%s/calib_images.npy", x->folder);
    snprintf(images, sizeof images, "%s/test_images.npy", x->folder);
    *m = (struct material){0};
    int status = onnx_load(model, &m->graph);
    if (!status)
        status = calibration_read(&(struct calibration_source){.paths = paths, .path_count = 1},
                                  x->calibration, 0, &spec, &x->norm, &m->format, &m->calibration);
    if (!status)
        status = network_lower(m->graph, x->shape, &x->norm, m->format.unit, m->format.zero,
                               &m->network);
    if (!status)
        status = npy_read(images, &m->images);
    return status;
}

static void free_material(struct material *m)
{
    tensor_free(&m->images);
    network_free(m->network);
    graph_free(m->graph);
    calibration_free(&m->format, &m->calibration);
}

/* ---- Agreement ----------------------------------------------------------------------------- */

struct comparison {
    const struct conversion *c;
    const struct layer *layers;
    const uint8_t *images;
    int64_t neurons;
    int steps, classes;
    double *integer, *real; /* [sample][timestep][class] */
};

static int run_sample(void *context, int worker, int64_t i)
{
    struct comparison *x = context;
    int16_t *counts = zeroed(x->neurons, sizeof *counts);
    (void)worker;
    int status =
        model_quantise_input(x->c->recipe.model, AF_U8, x->images + i * x->neurons, counts);
    if (!status)
        run_float(x->c->reference.network, x->layers, counts, x->steps,
                  x->real + i * x->steps * x->classes);
    free(counts);
    return status;
}

static int run_integer(const struct comparison *x, int64_t samples)
{
    struct af_device *device;
    const struct af_run_options options = {.no_iat = true, .trace = true};
    int status = af_device_open("cpu", NULL, x->c->recipe.model, &device);
    for (int64_t i = 0; !status && i < samples; i++) {
        struct af_sample sample = {
            .type = AF_U8, .data = x->images + i * x->neurons, .length = x->neurons};
        struct af_result r;
        status = af_run(device, &sample, 1, &options, &r);
        for (int64_t k = 0; !status && k < x->steps * x->classes; k++)
            x->integer[i * x->steps * x->classes + k] = (double)r.history[k];
        if (!status)
            af_result_free(&r);
    }
    af_device_close(device);
    return status;
}

static int largest(const double *v, int n)
{
    int best = 0;
    for (int i = 1; i < n; i++)
        best = v[i] > v[best] ? i : best;
    return best;
}

/* To a thousandth of what lies between the largest and the smallest. */
static bool same_outputs(const double *a, const double *b, int n)
{
    double low = a[0], high = a[0], error = 0;
    for (int i = 0; i < n; i++) {
        low = fmin(low, a[i]);
        high = fmax(high, a[i]);
        error = fmax(error, fabs(a[i] - b[i]));
    }
    return error <= (high - low) / 1000;
}

/* Runs the first samples in floating point. Prints of how many the class agrees (with `outputs`, of
 * how many all outputs do), and holds the percentage against least[timestep]. */
static void compare_layers(struct comparison *x, int64_t samples, bool outputs, const double *least)
{
    CHECK_EQ(parallel_for(0, samples, run_sample, x, NULL), AF_OK);
    for (int t = 0; t < x->steps; t++) {
        int agree = 0;
        for (int64_t i = 0; i < samples; i++) {
            const double *a = x->integer + (i * x->steps + t) * x->classes;
            const double *b = x->real + (i * x->steps + t) * x->classes;
            agree += outputs ? same_outputs(a, b, x->classes)
                             : largest(a, x->classes) == largest(b, x->classes);
        }
        double percent = 100.0 * agree / (double)samples;
        printf(" t=%d %.1f %%", t + 1, percent);
        if (percent < least[t]) {
            test_broken = 1;
            printf(" (expected %.1f %%)", least[t]);
        }
    }
    printf("\n");
}

static const double nearly_all[TIMESTEPS_LIMIT] = {90, 90, 90, 90, 90, 90, 90, 90};

/* Converts, and compares with all samples on float weights and with some on integer weights. */
static void compare(const struct example *x, const struct material *m, const char *how,
                    const struct convert_options *options, const double *least)
{
    struct conversion c;
    int status = convert(m->network, &m->format, &m->calibration, options, &c);
    CHECK_EQ(status, AF_OK);
    if (status) {
        printf("%s: %s\n", x->name, af_error());
        return;
    }
    int64_t samples = m->images.dim[0] < x->samples ? m->images.dim[0] : x->samples;
    struct comparison comparison = {
        .c = &c,
        .images = m->images.data,
        .neurons = network_neurons(&m->network->population[0]),
        .steps = options->timesteps,
        .classes = (int)c.reference.ann_size,
    };
    comparison.integer = zeroed(samples * comparison.steps * c.reference.ann_size, sizeof(double));
    comparison.real = zeroed(samples * comparison.steps * c.reference.ann_size, sizeof(double));
    CHECK_EQ(m->images.type, DTYPE_U8);
    CHECK_EQ(run_integer(&comparison, samples), AF_OK);
    printf("%s, %s\n  %lld samples, float weights, same class:", x->name, how, (long long)samples);
    struct layer *layers = layers_of_settings(&c);
    comparison.layers = layers;
    compare_layers(&comparison, samples, false, least);
    free_layers(m->network, layers);
    printf("  %lld samples, integer weights, same outputs:", (long long)samples / 5);
    layers = layers_of_model(&c);
    comparison.layers = layers;
    compare_layers(&comparison, samples / 5, true, nearly_all);
    free_layers(m->network, layers);
    free(comparison.integer);
    free(comparison.real);
    conversion_free(&c);
}

static struct convert_options plain_options(int timesteps, int burst, enum af_choice signed_bursts)
{
    struct convert_options o = convert_defaults;
    o.timesteps = timesteps;
    o.burst_initial = o.burst_desired = burst;
    o.search = false;
    o.signed_bursts = signed_bursts;
    o.ssc_budget = 0;
    o.iat = AF_OFF;
    return o;
}

TEST(digits)
{
    static const struct example digits = {
        .name = "digits",
        .folder = "tests/data/digits",
        .norm = {.scale = 0.0625f, .count = 1, .std = {1}},
        .shape = {1, 8, 8},
        .calibration = 256,
        .samples = SANITIZED ? 200 : 500,
    };
    static const struct {
        double phi_8[4], signed_4[4], phi_2[8], searched[4];
    } least = {
        {97, 98, 98, 98}, {94, 97, 98, 98}, {90, 95, 97, 98, 98, 98, 98, 98}, {88, 93, 96, 97}};
    struct material m;
    int status = read_material(&digits, &m);
    CHECK_EQ(status, AF_OK);
    if (status)
        printf("%s\n", af_error());
    struct convert_options o = plain_options(4, 8, AF_OFF);
    if (!status)
        compare(&digits, &m, "phi 8", &o, least.phi_8);
    o = plain_options(4, 4, AF_ON);
    if (!status)
        compare(&digits, &m, "phi 4, signed", &o, least.signed_4);
    o = plain_options(8, 2, AF_OFF);
    o.bias = AF_BIAS_ADVANCED;
    if (!status)
        compare(&digits, &m, "phi 2, advanced bias correction", &o, least.phi_2);
    o = convert_defaults;
    o.iat = AF_OFF;
    if (!status)
        compare(&digits, &m, "all searches", &o, least.searched);
    free_material(&m);
}

TEST(cifar10)
{
    struct example cifar10 = {
        .name = "CIFAR-10, ResNet-20",
        .folder = "../shared/data/cifar10",
        .norm = {.scale = 1 / 255.0f,
                 .count = 3,
                 .mean = {0.485f, 0.456f, 0.406f},
                 .std = {0.229f, 0.224f, 0.225f}},
        .shape = {3, 32, 32},
        .calibration = 64,
        .samples = 100,
    };
    static const double least[4] = {60, 78, 84, 88}, least_signed[4] = {68, 86, 90, 93};
    struct material m;
    int status = read_material(&cifar10, &m);
    CHECK_EQ(status, AF_OK);
    struct convert_options o = plain_options(4, 4, AF_ON);
    if (!status)
        compare(&cifar10, &m, "phi 4, signed", &o, least_signed);
    cifar10.samples = 50;
    o = plain_options(4, 4, AF_OFF);
    if (!status)
        compare(&cifar10, &m, "phi 4", &o, least);
    free_material(&m);
}

int main(void)
{
    RUN(digits);
    if (SANITIZED)
        SKIP("CIFAR-10 takes too long with a sanitizer");
    else if (access("../shared/data/cifar10/model.onnx", R_OK))
        SKIP("../shared/data/cifar10 is not here");
    else
        RUN(cifar10);
    return test_end();
}
