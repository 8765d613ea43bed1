/* The public face of conversion: from an ONNX file and samples, in files or in memory, to a model.
 */
#include "adafire.h"
#include "base/error.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/parallel.h"
#include "convert/ann.h"
#include "convert/calibration.h"
#include "convert/convert.h"
#include "iat.h"
#include "input/counting.h"
#include "network/answer.h"
#include "onnx/onnx.h"
#include "onnx/rewrite.h"
#include "task/classes.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const goals[] = {"none", "latency", "spikes", "events", "adds"};
static const char *const biases[] = {"off", "light", "advanced", "currents", "auto"};

void af_convert_defaults(struct af_convert_options *o)
{
    const struct convert_options *d = &convert_defaults;
    if (!o)
        return;
    *o = (struct af_convert_options){.calib_limit = 512,
                                     .exit_limit = 2000,
                                     .scale = 1,
                                     .event_frames = 1,
                                     .timesteps = d->timesteps,
                                     .burst_initial = d->burst_initial,
                                     .burst_desired = d->burst_desired,
                                     .burst_min = d->burst_min,
                                     .energy_ratio = (double)d->energy_ratio,
                                     .initial = (double)d->initial,
                                     .search = d->search,
                                     .effort = d->effort,
                                     .signed_bursts = d->signed_bursts,
                                     .ssc_budget = (double)d->ssc_budget,
                                     .bias = d->bias,
                                     .nearest = !d->feedback,
                                     .iat = d->iat,
                                     .iat_a = (double)d->iat_a,
                                     .iat_metric = AF_ENTROPY,
                                     .tolerance = (double)d->tolerance,
                                     .search_samples = d->search_samples};
}

enum { CLASSES_MOST = 1 << 20 };

/* ---- Options --------------------------------------------------------------------------------- */

static int check_choices(const struct af_convert_options *o)
{
    const struct {
        const char *what;
        int value, most;
    } choices[] = {{"signed_bursts", (int)o->signed_bursts, AF_AUTO},
                   {"iat", (int)o->iat, AF_AUTO},
                   {"iat_metric", (int)o->iat_metric, AF_CONFIDENCE},
                   {"bias", (int)o->bias, AF_BIAS_AUTO},
                   {"optimize", (int)o->optimize, AF_GOAL_ADDS}};
    for (size_t i = 0; i < sizeof choices / sizeof *choices; i++)
        if (choices[i].value < 0 || choices[i].value > choices[i].most)
            return af_fail(AF_BAD_ARGUMENT, "%s is %d", choices[i].what, choices[i].value);
    return AF_OK;
}

/* What builds of the accelerator fire, whether they lack memory for signed bursts, and whether
 * their potentials are never wide (config.h). */
static const struct build {
    const char *name;
    int burst;
    bool no_signed, narrow;
} builds[] = {{"tiny", NARROW_BURSTS, true, true},
              {"u250", 63, true, true},
              {"ulx3s", 63, true, true},
              {"sim", BURST_LIMIT, false, false}};

static const struct build *build_named(const char *name)
{
    for (size_t i = 0; i < sizeof builds / sizeof *builds; i++)
        if (strcmp(builds[i].name, name) == 0)
            return &builds[i];
    return NULL;
}

static int check(const struct af_convert_options *o)
{
    if (!o || (!o->onnx && !o->onnx_bytes))
        return af_fail(AF_BAD_ARGUMENT, "a network is needed: an ONNX file or its bytes");
    int status = af_check_reserved("af_convert_options", o);
    if (status)
        return status;
    if (o->calib_count < 0 || o->sample_count < 0 || (o->calib_count && !o->calib) ||
        (o->sample_count && !o->samples) || (o->calib_count && o->sample_count))
        return af_fail(AF_BAD_ARGUMENT, "calibration samples are either files or in memory");
    if (o->calib_limit < 1 || o->exit_limit < 0 || o->threads < 0 || o->threads > THREADS_MOST ||
        o->search_samples < 0 || o->resize < 0 || o->event_frames < 0 ||
        o->event_frames > TIMESTEPS_LIMIT)
        return af_fail(AF_BAD_ARGUMENT, "limits, threads, sizes or frames are out of range");
    if (o->fit && !build_named(o->fit))
        return af_fail(AF_BAD_ARGUMENT,
                       "'%.40s' is no build to fit; there are tiny, u250, ulx3s and sim", o->fit);
    if (o->counting && !o->events)
        return af_fail(AF_BAD_ARGUMENT, "counting is for networks of events");
    if ((o->exit_recordings || o->exit_in_memory) && !o->events)
        return af_fail(AF_BAD_ARGUMENT, "exit recordings are for networks of events");
    if ((o->exit_recordings && o->exit_in_memory) || (o->classes && o->class_names))
        return af_fail(AF_BAD_ARGUMENT,
                       "exit recordings and class names are of a file or in memory");
    if (o->exit_in_memory_count < 0 || o->class_count < 0 || o->class_count > CLASSES_MOST)
        return af_fail(AF_BAD_ARGUMENT, "%lld exit recordings, %lld class names",
                       (long long)o->exit_in_memory_count, (long long)o->class_count);
    return check_choices(o);
}

static int take_channels(const char *what, const float *from, int count, bool above_zero,
                         struct normalisation *n, float to[64])
{
    if (!from)
        return AF_OK;
    if (count < 1 || count > 64)
        return af_fail(AF_BAD_ARGUMENT, "%s has %d values", what, count);
    for (int i = 0; i < 64; i++) {
        const float v = from[count == 1 ? 0 : i < count ? i : count - 1];
        if (!isfinite(v) || (above_zero && !(v > 0)))
            return af_fail(AF_BAD_ARGUMENT, "%s holds %g", what, (double)v);
        if (i < count || count == 1)
            to[i] = v;
    }
    n->count = count > n->count ? count : n->count;
    return AF_OK;
}

static int take_normalisation(const struct af_convert_options *o, struct normalisation *n)
{
    *n = (struct normalisation){.scale = (float)o->scale, .count = 1, .bgr = o->bgr};
    for (int i = 0; i < 64; i++)
        n->std[i] = 1;
    if (!(o->scale > 0) || !isfinite(o->scale))
        return af_fail(AF_BAD_ARGUMENT, "the scale must be above 0, not %g", o->scale);
    int status = take_channels("the mean", o->mean, o->mean_count, false, n, n->mean);
    if (!status)
        status = take_channels("the standard deviation", o->std, o->std_count, true, n, n->std);
    return status;
}

static void fit(struct convert_options *o, const struct build *build)
{
    if (o->burst_initial > build->burst)
        o->burst_initial = build->burst;
    if (o->burst_desired > o->burst_initial)
        o->burst_desired = o->burst_initial;
    if (o->signed_bursts == AF_AUTO && build->no_signed)
        o->signed_bursts = AF_OFF;
    o->narrow = build->narrow;
}

static struct convert_options spiking_options(const struct af_convert_options *o)
{
    const struct build *build = o->fit ? build_named(o->fit) : NULL;
    struct convert_options made = {.timesteps = o->timesteps,
                                   .burst_initial = o->burst_initial,
                                   .burst_desired = o->burst_desired,
                                   .burst_min = o->burst_min,
                                   .initial = (float)o->initial,
                                   .energy_ratio = (float)o->energy_ratio,
                                   .search = o->search,
                                   .effort = o->effort,
                                   .signed_bursts = o->signed_bursts,
                                   .ssc_budget = (float)o->ssc_budget,
                                   .ssc_loss = (float)o->ssc_loss,
                                   .goal = o->optimize,
                                   .optimize = o->optimize != AF_GOAL_NONE,
                                   .bias = o->bias,
                                   .feedback = !o->nearest,
                                   .prune = (float)o->prune,
                                   .iat = o->iat,
                                   .iat_metric = o->iat_metric == AF_CONFIDENCE ? IAT_CONFIDENCE
                                                                                : IAT_ENTROPY,
                                   .iat_a = (float)o->iat_a,
                                   .tolerance = (float)o->tolerance,
                                   .search_samples = o->search_samples,
                                   .threads = o->threads,
                                   .progress = o->on_progress,
                                   .context = o->context};
    if (build)
        fit(&made, build);
    return made;
}

/* ---- The network ----------------------------------------------------------------------------- */

/* All that a conversion, or a run of the ANN, has at work. */
struct job {
    const struct af_convert_options *options;
    const char *name; /* of the network, in messages */
    struct graph *graph;
    struct network *network;
    struct normalisation norm;
    struct input_spec spec;
    struct input_format format;
    struct calibration data;
    struct texts names; /* of classes */
    int shape[3];
};

static int read_class_names(const char *path, struct texts *names)
{
    FILE *f = fopen(path, "r");
    char *line = NULL;
    size_t room = 0;
    ssize_t n;
    if (!f)
        return af_fail(AF_IO, "%s: cannot be opened", path);
    int status = AF_OK;
    while (!status && (n = getline(&line, &room, f)) >= 0) {
        while (n > 0 && (line[n - 1] == '\n' || line[n - 1] == '\r'))
            line[--n] = 0;
        status = texts_add(names, line);
    }
    free(line);
    fclose(f);
    return status;
}

static int take_class_names(const struct af_convert_options *o, struct texts *names)
{
    int status = AF_OK;
    for (int64_t i = 0; !status && i < o->class_count; i++)
        status = o->class_names[i]
                     ? texts_add(names, o->class_names[i])
                     : af_fail(AF_BAD_ARGUMENT, "class %lld has no name", (long long)i);
    return status;
}

static int begin(const struct af_convert_options *o, struct job *j)
{
    *j = (struct job){.options = o};
    int status = check(o);
    if (!status)
        status = take_normalisation(o, &j->norm);
    if (status)
        return status;
    j->name = o->onnx ? o->onnx : "the network";
    status = o->onnx_bytes ? onnx_parse(j->name, NULL, o->onnx_bytes, o->onnx_size, &j->graph)
                           : onnx_load(o->onnx, &j->graph);
    if (!status)
        status = graph_rewrite(j->graph, j->name);
    memcpy(j->shape, o->shape, sizeof j->shape);
    if (!status && !j->shape[0]) {
        status = calibration_shape(j->graph, o->calib, o->calib_count, j->shape);
        status = status == AF_UNSUPPORTED ? af_fail_in(status, j->name) : status;
    }
    for (int i = 0; !status && i < 3; i++)
        if (j->shape[i] < 1 || j->shape[i] > 1 << 16)
            status = af_fail(AF_BAD_ARGUMENT, "a sample of %dx%dx%d values", j->shape[0],
                             j->shape[1], j->shape[2]);
    if (!status && j->norm.bgr && j->shape[0] != 3)
        status =
            af_fail(AF_BAD_ARGUMENT, "--bgr needs 3 channels; %s has %d", j->name, j->shape[0]);
    j->spec = (struct input_spec){.channels = j->shape[0],
                                  .height = j->shape[1],
                                  .width = j->shape[2],
                                  .events = o->events,
                                  .resize = o->resize,
                                  .squash = o->squash};
    if (!status && o->counting)
        status = counting_parse("--counting", o->counting, &j->spec.counting);
    return status;
}

int af_network_shape(const struct af_convert_options *o, int shape[3])
{
    struct graph *graph = NULL;
    if (!o || !shape || (!o->onnx && !o->onnx_bytes))
        return af_fail(AF_BAD_ARGUMENT, "a network and a place for its shape are needed");
    const char *name = o->onnx ? o->onnx : "the network";
    int status = o->onnx_bytes ? onnx_parse(name, NULL, o->onnx_bytes, o->onnx_size, &graph)
                               : onnx_load(o->onnx, &graph);
    if (!status)
        status = calibration_shape(graph, NULL, 0, shape);
    if (status == AF_BAD_ARGUMENT) { /* left open */
        shape[0] = shape[1] = shape[2] = 0;
        status = AF_OK;
    }
    graph_free(graph);
    return status == AF_UNSUPPORTED ? af_fail_in(status, name) : status;
}

static int lower(struct job *j, float unit, const float *zero)
{
    const int status = network_lower(j->graph, j->shape, &j->norm, unit, zero, &j->network);
    if (!status || j->graph->batch == 1)
        return status ? af_fail_in(status, j->name) : AF_OK;
    char prefix[200];
    snprintf(prefix, sizeof prefix,
             "%.100s: is made for %lld samples at a time, which may be why (export it with a "
             "dynamic batch)",
             j->name, (long long)j->graph->batch);
    return af_fail_in(status, prefix);
}

static void end(struct job *j)
{
    calibration_free(&j->format, &j->data);
    texts_free(&j->names);
    network_free(j->network);
    graph_free(j->graph);
}

static int read_recordings(void *context, int timesteps, struct calibration *data)
{
    const struct job *j = context;
    data->recording = NULL;
    data->recordings = 0;
    if (j->options->exit_in_memory)
        return calibration_take_recordings(j->options->exit_in_memory,
                                           j->options->exit_in_memory_count, j->options->exit_limit,
                                           timesteps, &j->spec, &j->format, data);
    return calibration_read_recordings(j->options->exit_recordings, j->options->exit_limit,
                                       timesteps, &j->spec, &j->format, data);
}

/* Whether the ANN's single answer has both signs on some of the calibration samples; a status. */
static int takes_both_signs(const struct job *j, bool *both)
{
    enum { LOOKED_AT = 256 };
    const struct network *net = j->network;
    const int answer = network_answer(net);
    const int64_t inputs = network_neurons(&net->population[0]);
    float **value = network_values(net);
    bool above = false, below = false;
    int status = value ? AF_OK : af_fail(AF_NO_MEMORY, "no memory");
    for (int64_t i = 0; !status && i < j->data.samples && i < LOOKED_AT; i++) {
        for (int64_t k = 0; k < inputs; k++)
            value[0][k] = j->data.counts[i * inputs + k];
        status = network_forward(net, value);
        above = above || value[answer][0] > 0;
        below = below || value[answer][0] < 0;
    }
    network_values_free(net, value);
    *both = above && below;
    return status;
}

/* One value: two classes by its sign (`told` that they are), or a number. */
static int judge_single(struct job *j, bool told)
{
    struct network *net = j->network;
    const char *name = net->population[network_answer(net)].name;
    bool both = true;
    int status = told ? AF_OK : takes_both_signs(j, &both);
    if (!status && (!both || (!told && j->options->iat == AF_OFF)))
        return network_note(net,
                            "the single output '%.80s' is taken for a number; if it is two "
                            "classes by its sign, say --task classify",
                            name);
    if (!status && !told)
        status = network_note(net,
                              "the single output '%.80s' is taken for two classes by its "
                              "sign, for which early exit waits; of a number say --iat off",
                              name);
    return status ? status : network_pair_answer(net);
}

/* Which output answers: boxes are made of all. */
static int choose_answer(struct job *j)
{
    const struct af_convert_options *o = j->options;
    struct answer_hints hints = {.name = o->answers, .classes = j->names.count};
    struct task task = {.kind = AF_CLASSIFY};
    int status = o->task ? task_given(o->task, &task) : AF_OK;
    if (status)
        return status;
    if (task.kind == AF_DETECT)
        return o->answers ? af_fail(AF_BAD_ARGUMENT,
                                    "boxes are made of all outputs: none of them alone answers")
                          : AF_OK;
    hints.map = task.kind == AF_SEGMENT;
    for (int64_t i = 0; j->data.labels && i < j->data.samples; i++)
        if (j->data.labels[i] >= hints.labels)
            hints.labels = j->data.labels[i] + 1;
    status = network_choose_answer(j->network, &hints);
    if (!status && task.kind != AF_VALUES &&
        network_neurons(&j->network->population[network_answer(j->network)]) == 1)
        status = judge_single(j, o->task || hints.labels || hints.classes == 2);
    return status ? af_fail_in(status, j->name) : AF_OK;
}

/* Whether the outputs can be the task's, which a model with their shapes alone shows. */
static int take_task(const struct job *j, struct convert_options *o)
{
    struct fact answers = {(char *)"answers",
                           j->network->population[network_answer(j->network)].name};
    const int count = j->network->population_count;
    struct neurons *outline = calloc((size_t)count, sizeof *outline);
    struct af_model m = {
        .population = outline, .population_count = count, .fact = &answers, .fact_count = 1};
    struct task task;
    int status = outline ? AF_OK : af_fail(AF_NO_MEMORY, "no memory");
    for (int i = 0; !status && i < count; i++) {
        const struct population *p = &j->network->population[i];
        outline[i].name = p->name;
        outline[i].kind = p->kind;
        outline[i].rank = p->rank;
        memcpy(outline[i].shape, p->shape, sizeof p->shape);
        memcpy(outline[i].dim, p->dim, sizeof p->dim);
    }
    m.name = strdup(file_base_name(j->name));
    if (!status && !m.name)
        status = af_fail(AF_NO_MEMORY, "no memory");
    if (!status)
        status = task_of_model(&m, j->options->task, &task);
    int classes = status ? status : task_classes(&m, &task);
    /* These do not compete: what they lose is accuracy of numbers. */
    if (!status && (task.kind == AF_DETECT || task.kind == AF_VALUES))
        o->loss = LOSS_ERROR;
    free(m.name);
    free(outline);
    return classes < 0 ? classes : AF_OK;
}

/* ---- Provenance ------------------------------------------------------------------------------ */

static int add_class_names(struct af_model *m, const char *path, struct texts *names)
{
    struct task task;
    int status = task_of_model(m, NULL, &task);
    int classes = status ? status : task_classes(m, &task);
    if (classes < 0)
        return classes;
    if (names->count != classes)
        return af_fail(AF_BAD_FILE, "%s: %d names, but the network has %d classes", path,
                       names->count, classes);
    m->class_name = names->text;
    m->class_count = names->count;
    *names = (struct texts){0};
    return AF_OK;
}

/* Stored as words, so that a model is whole without the file they came from. */
static int add_task(struct af_model *m, const char *given)
{
    char *words = NULL;
    struct task task;
    int status = task_words(given, &words);
    if (!status)
        status = model_add_fact(m, "task", "%s", words);
    free(words);
    if (!status)
        status = task_of_model(m, NULL, &task);
    int classes = status ? status : task_classes(m, &task);
    return classes < 0 ? classes : AF_OK;
}

/* Without its folder and what stands behind the last dot. */
static int set_name(struct af_model *m, const char *name)
{
    free(m->name);
    m->name = strdup(file_base_name(name));
    char *dot = m->name ? strrchr(m->name, '.') : NULL;
    if (dot)
        *dot = 0;
    return m->name ? AF_OK : af_fail(AF_NO_MEMORY, "no memory");
}

static int add_options(struct af_model *m, const struct convert_options *o)
{
    static const char *const choices[] = {"off", "on", "auto"};
    return model_add_fact(
        m, "options",
        "timesteps %d, burst initial %d desired %d min %d, energy ratio %g, initial potential "
        "%g, effort %d, search %s, signed %s, SSC budget %g loss %g, bias correction %s, rounding "
        "%s, "
        "prune %g, IAT %s, %s, a %g, tolerance %g",
        o->timesteps, o->burst_initial, o->burst_desired, o->burst_min, (double)o->energy_ratio,
        (double)o->initial, o->effort, choices[o->search], choices[o->signed_bursts],
        (double)o->ssc_budget, (double)o->ssc_loss, biases[o->bias],
        o->feedback ? "feedback" : "nearest", (double)o->prune, choices[o->iat],
        o->iat_metric == IAT_ENTROPY ? "entropy" : "confidence", (double)o->iat_a,
        (double)o->tolerance);
}

static int add_provenance(struct job *j, const struct conversion *c)
{
    const struct af_convert_options *asked = j->options;
    const struct convert_options *o = &c->recipe.options;
    const struct verdict *v = &c->verdict;
    struct af_model *m = c->recipe.model;
    char hash[65] = "";
    int status = asked->onnx_bytes ? hash_bytes(asked->onnx_bytes, asked->onnx_size, hash)
                                   : hash_file(asked->onnx, hash);
    if (!status)
        status = set_name(m, asked->name ? asked->name : j->name);
    if (!status)
        status = model_add_fact(m, "source", "%s", file_base_name(j->name));
    if (!status)
        status = model_add_fact(m, "source sha-256", "%s", hash);
    if (!status)
        status = model_add_fact(m, "converter", "adafire-convert " AF_VERSION);
    if (!status)
        status = add_options(m, o);
    if (!status && asked->optimize)
        status = model_add_fact(m, "optimized", "for %s at %g points, expected loss %.2f",
                                goals[o->goal], 100 * asked->tolerance, 100 * v->loss);
    if (!status)
        status = model_add_fact(m, "calibration samples", "%lld", (long long)c->samples);
    if (!status && !m->format.events && c->samples)
        status = range_store(&j->data.range, m);
    if (!status && !isnan(v->agreement))
        status = model_add_fact(m, "agreement with the ANN on them", "%.4f", v->agreement);
    if (!status && !isnan(v->accuracy))
        status = model_add_fact(m, "accuracy on them (ANN)", "%.4f (%.4f)", v->accuracy,
                                v->ann_accuracy);
    if (!status && asked->counting)
        status = model_add_fact(m, "counting", "%s", asked->counting);
    if (!status && asked->task)
        status = add_task(m, asked->task);
    if (!status && (asked->classes || asked->class_names))
        status = add_class_names(m, asked->classes ? asked->classes : "the class names", &j->names);
    return status;
}

/* ---- Converting ------------------------------------------------------------------------------ */

static int fill_figures(const struct conversion *c, struct af_conversion *to)
{
    const int n = c->recipe.model->population_count;
    const double samples = (double)c->samples;
    *to = (struct af_conversion){.samples = c->samples,
                                 .agreement = c->verdict.agreement,
                                 .accuracy = c->verdict.accuracy,
                                 .ann_accuracy = c->verdict.ann_accuracy,
                                 .timesteps_mean = c->verdict.timesteps_mean,
                                 .expected_loss = c->verdict.loss,
                                 .exit_sops = c->verdict.exit_sops,
                                 .exit_spike_sops = c->verdict.exit_spike_sops,
                                 .exit_adds = c->verdict.exit_adds,
                                 .judges = c->verdict.gain.samples,
                                 .plain_divergence = c->verdict.gain.plain,
                                 .divergence = c->verdict.gain.refined,
                                 .populations = n};
    to->spikes = calloc(6 * (size_t)n, sizeof *to->spikes); /* the six are one block */
    if (!to->spikes)
        return af_fail(AF_NO_MEMORY, "no memory");
    to->events = to->spikes + n;
    to->sops = to->events + n;
    to->spike_sops = to->sops + n;
    to->adds = to->spike_sops + n;
    to->sensitivity = to->adds + n;
    for (int i = 0; i < n && c->recipe.activity; i++) {
        const struct activity *a = &c->recipe.activity[i];
        to->spikes[i] = (double)a->spikes / samples;
        to->events[i] = (double)a->events / samples;
        to->sops[i] = (double)a->sops / samples;
        to->spike_sops[i] = (double)a->spike_sops / samples;
        to->adds[i] = (double)a->adds / samples;
        to->sensitivity[i] = c->recipe.sensitivity[i];
    }
    return AF_OK;
}

static void tell_notes(const struct job *j, const struct conversion *c)
{
    const struct af_convert_options *o = j->options;
    for (int i = 0; o->on_note && i < j->network->notes.count; i++)
        o->on_note(o->context, j->network->notes.text[i]);
    for (int i = 0; o->on_note && i < c->journal.notes.count; i++)
        o->on_note(o->context, c->journal.notes.text[i]);
}

/* Codes are what they are: whether the build that is asked for holds them. */
static int note_misfit(const struct job *j)
{
    const struct build *build = j->options->fit ? build_named(j->options->fit) : NULL;
    int most = 0;
    for (int i = 0; i < j->network->population_count; i++) {
        const struct population *p = &j->network->population[i];
        const int burst = p->high > -p->low ? p->high : -p->low;
        most = burst > most ? burst : most;
    }
    if (!build || (most <= build->burst && !(build->narrow && j->network->wide)))
        return AF_OK;
    return network_note(
        j->network, "the build %s does not hold this quantised network: its codes go to %d%s",
        build->name, most,
        build->narrow && j->network->wide ? ", and its potentials need 31 bits" : "");
}

/* What a network of codes reads may be none. */
static int note_counts(const struct job *j, bool samples)
{
    const bool codes = j->format.low || j->format.high;
    if (!codes && !samples)
        return network_note(j->network, "the input is not quantised by one quantiser as it comes, "
                                        "and taken for whole numbers, as those of pixels are; if "
                                        "it has others, calibration samples are needed (--calib)");
    if (codes || j->format.unit == 1)
        return AF_OK;
    return network_note(j->network,
                        "the input is no codes: it is counted in steps of %g, so that "
                        "outputs may differ from the quantised network's by that",
                        (double)j->format.unit);
}

/* The samples, if there are any, and the input's format; lowers. */
static int read_samples(struct job *j, bool may_lack)
{
    const struct af_convert_options *o = j->options;
    struct codes codes;
    const bool samples = may_lack || o->calib_count || o->sample_count;
    const struct calibration_source from = {.paths = o->calib,
                                            .path_count = o->calib_count,
                                            .labels_path = o->labels,
                                            .samples = o->samples,
                                            .count = o->sample_count,
                                            .labels = o->sample_labels,
                                            .codes = quantiser_of_input(j->graph, &codes) ? &codes
                                                                                          : NULL};
    if (!samples && !j->graph->quantisers)
        return af_fail(AF_BAD_ARGUMENT,
                       "calibration samples are needed (--calib): a few hundred of "
                       "what the network will see");
    int status = calibration_read(&from, o->calib_limit, o->exit_limit, &j->spec, &j->norm,
                                  &j->format, &j->data);
    j->format.event_frames = o->events ? o->event_frames : 0;
    j->data.record = o->exit_recordings || o->exit_in_memory ? read_recordings : NULL;
    j->data.record_context = j;
    j->norm.low = j->format.low;
    j->norm.high = j->format.high;
    if (!status)
        status = lower(j, j->format.unit, j->format.zero);
    if (!status && !samples && !j->network->coded)
        status = af_fail(AF_BAD_ARGUMENT,
                         "%s: not all of it is quantised, so that calibration "
                         "samples are needed (--calib)",
                         j->name);
    if (!status && j->network->coded)
        status = note_counts(j, samples);
    if (!status && j->network->coded)
        status = note_misfit(j);
    return status;
}

int af_convert(const struct af_convert_options *o, struct af_model **model,
               struct af_conversion *conversion)
{
    struct job j = {0};
    struct conversion c = {0};
    if (model)
        *model = NULL;
    if (conversion)
        *conversion = (struct af_conversion){0};
    if (!model || !o)
        return af_fail(AF_BAD_ARGUMENT, "options and a place for the model are needed");
    int status = begin(o, &j);
    if (!status && o->classes)
        status = read_class_names(o->classes, &j.names);
    else if (!status && o->class_names)
        status = take_class_names(o, &j.names);
    if (!status)
        status = read_samples(&j, false);
    if (!status)
        status = choose_answer(&j);
    struct convert_options spiking = spiking_options(o);
    if (!status && o->task)
        status = take_task(&j, &spiking);
    if (!status)
        status = convert(j.network, &j.format, &j.data, &spiking, &c);
    if (!status)
        status = add_provenance(&j, &c);
    if (!status && conversion)
        status = fill_figures(&c, conversion);
    if (!status) {
        tell_notes(&j, &c);
        *model = c.recipe.model;
        c.recipe.model = NULL;
    }
    conversion_free(&c);
    end(&j);
    return status;
}

int af_outline(const struct af_convert_options *o, struct af_model **outline)
{
    struct job j = {0};
    struct conversion c = {0};
    if (outline)
        *outline = NULL;
    if (!outline || !o)
        return af_fail(AF_BAD_ARGUMENT, "options and a place for the outline are needed");
    int status = begin(o, &j);
    if (!status)
        status = read_samples(&j, true);
    if (!status)
        status = choose_answer(&j);
    const struct convert_options spiking = spiking_options(o);
    if (!status)
        status = convert_outline(j.network, &j.format, &spiking, &c);
    if (!status)
        status = set_name(c.recipe.model, o->name ? o->name : j.name);
    if (!status) {
        tell_notes(&j, &c);
        *outline = c.recipe.model;
        c.recipe.model = NULL;
    }
    conversion_free(&c);
    end(&j);
    return status;
}

void af_conversion_free(struct af_conversion *conversion)
{
    if (!conversion)
        return;
    free(conversion->spikes);
    *conversion = (struct af_conversion){0};
}

/* The ANN of all samples: into a file where there is a path, else into *outputs. */
static int run_ann(const struct af_convert_options *o, const char *path, float **outputs,
                   int64_t *count, int64_t *columns)
{
    struct job j = {0};
    struct journal journal = {.progress = o->on_progress, .context = o->context};
    int status = begin(o, &j);
    float *zero = status ? NULL : calloc((size_t)j.shape[0], sizeof *zero);
    if (!status && !zero)
        status = af_fail(AF_NO_MEMORY, "no memory");
    if (!status)
        status = lower(&j, 1, zero);
    const struct ann_samples samples = {.paths = o->calib,
                                        .path_count = o->calib_count,
                                        .samples = o->samples,
                                        .count = o->sample_count};
    if (!status)
        status = ann_run(j.network, &samples, &j.spec, o->threads, &journal, path, outputs, count,
                         columns);
    free(zero);
    end(&j);
    return status;
}

int af_ann(const struct af_convert_options *o, const char *path, int64_t *count)
{
    int64_t done = 0, columns = 0;
    if (count)
        *count = 0;
    if (!o || !path || !o->calib_count)
        return af_fail(AF_BAD_ARGUMENT, "options with files of samples, and an output are needed");
    const int status = run_ann(o, path, NULL, &done, &columns);
    if (!status && count)
        *count = done;
    return status;
}

int af_ann_outputs(const struct af_convert_options *o, float **outputs, int64_t *count,
                   int64_t *columns)
{
    if (outputs)
        *outputs = NULL;
    if (!o || !outputs || !count || !columns)
        return af_fail(AF_BAD_ARGUMENT, "options with samples, and places are needed");
    *count = *columns = 0;
    return run_ann(o, NULL, outputs, count, columns);
}
