/* adafire-convert: a trained ReLU network (ONNX) becomes a spiking network (.snn). */
#include "base/error.h"
#include "base/hash.h"
#include "cli/cli.h"
#include "convert/ann.h"
#include "convert/calibration.h"
#include "convert/convert.h"
#include "iat.h"
#include "onnx/onnx.h"
#include "run/answer.h"
#include "task/classes.h"

#include <getopt.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char help[] =
    "Usage: adafire-convert MODEL.onnx --calib SAMPLES... -o MODEL.snn [OPTION]...\n"
    "       adafire-convert MODEL.onnx --ann SAMPLES... -o OUTPUTS.npy [OPTION]...\n"
    "Converts a trained ReLU network into a spiking network, without training; with --ann it\n"
    "runs the network as it is and writes its outputs, for adafire-host --reference.\n"
    "\n"
    "Example:\n"
    "  adafire-convert resnet20.onnx --calib train_images.npy --scale 1/255 \\\n"
    "      --mean 0.485,0.456,0.406 --std 0.229,0.224,0.225 --timesteps 4 -o resnet20.snn\n"
    "\n"
    "Input (the network sees x = (raw * scale - mean) / std, per channel):\n"
    "      --calib FILE           a few hundred samples, best such as it was not trained on:\n"
    "                             .npy, .npz, idx, CIFAR binary, PNG, JPEG or a folder; may\n"
    "                             be given more than once\n"
    "      --ann FILE             samples for the network as it is; may be given more than once\n"
    "      --calib-labels FILE    their labels, .npy or idx; optional\n"
    "      --calib-limit N        use the first N samples (default 512)\n"
    "      --exit-limit N         and up to N more for early termination (default 2000)\n"
    "      --scale X              1/255 for pixels; default 1\n"
    "      --mean A[,B,C]         default 0\n"
    "      --std A[,B,C]          default 1\n"
    "      --bgr                  the network wants BGR, the files hold RGB\n"
    "      --shape C,H,W          of a sample, where the network leaves it open\n"
    "      --resize N             pictures: shorter side to N, then centre crop\n"
    "      --squash               pictures: both sides to N (or to the input's size)\n"
    "      --events               the network takes event-camera recordings\n"
    "      --event-frames N       training frames that one recording makes (default 1)\n"
    "      --exit-recordings FILE recordings (as adafire-host takes them) for early termination;\n"
    "                             frames calibrate the rest, but not when a recording may stop\n"
    "      --classes FILE         class names, one a line, stored in the model\n"
    "      --task TASK            what the outputs mean, stored in the model: classify,\n"
    "                             segment, detect, or a file or text that says more (the\n"
    "                             words are in adafire-host --help)\n"
    "\n"
    "Spiking network:\n"
    "  -t, --timesteps N          most timesteps of an inference (default 4)\n"
    "      --burst-initial N      largest burst limit phi, 1..15 (default 8)\n"
    "      --burst-desired N      phi whose spikes are the search's budget (default 4)\n"
    "      --burst-min N          smallest phi that the search tries (default 1)\n"
    "      --energy-ratio R       the budget as a ratio of those spikes (default 1)\n"
    "      --initial SHARE        potential that neurons begin with, of their threshold: 0.5 errs\n"
    "                             least, less means fewer spikes (default 0.5)\n"
    "      --no-search            phi is burst-initial everywhere\n"
    "      --signed on|off|auto   signed bursts: may take back what was sent too early;\n"
    "                             auto decides per population (default)\n"
    "      --ssc BUDGET|off       Sensitivity Spike Compression: how much it may add to the\n"
    "                             network's divergence from the ANN (default 0.05, a twentieth)\n"
    "      --ssc Pp               instead: points of accuracy that it may cost (0.5p), expected\n"
    "                             by the ANN's own certainty about the samples\n"
    "      --bias-correction auto|light|advanced|currents|off\n"
    "                             light: mean outputs as the ANN's; advanced also corrects each\n"
    "                             neuron's initial potential; currents: what comes in, not what\n"
    "                             goes out; auto (default): currents with --optimize spikes\n"
    "      --rounding feedback|nearest\n"
    "                             of weights to 8 bits: the others of an output make up for what\n"
    "                             rounding one does (default), or each for itself\n"
    "      --prune SHARE          leaves out the weights that matter least to the outputs, of\n"
    "                             SHARE of the synaptic operations (default 0)\n"
    "      --iat A|auto|off       early termination: from the paper's knob a, or as early\n"
    "                             as --tolerance allows (default auto)\n"
    "      --iat-metric entropy|confidence\n"
    "      --optimize latency|spikes|events\n"
    "                             search the timesteps (up to -t, or 8), burst limits, initial\n"
    "                             potentials, threshold ratios and weights to leave out for the\n"
    "                             least timesteps, or least energy with every spike counted or\n"
    "                             an event counted once, at a loss of --tolerance points of\n"
    "                             accuracy, early termination included; takes minutes\n"
    "      --tolerance P          answers that early termination may change, in percent; with\n"
    "                             --optimize the points that may be lost (default 0.5)\n"
    "      --search-limit N       samples on which searches compare candidates\n"
    "                             (default 128)\n"
    "\n"
    "  -o, --output FILE          the model to write\n"
    "  -j, --threads N            default: all cores\n"
    "      --json                 figures as JSON on standard output\n"
    "  -q, --quiet                no progress, no table\n"
    "      --help, --version\n";

enum {
    OPT_CALIB = 256,
    OPT_ANN,
    OPT_CALIB_LABELS,
    OPT_CALIB_LIMIT,
    OPT_EXIT_LIMIT,
    OPT_SCALE,
    OPT_MEAN,
    OPT_STD,
    OPT_BGR,
    OPT_SHAPE,
    OPT_RESIZE,
    OPT_SQUASH,
    OPT_EVENTS,
    OPT_EVENT_FRAMES,
    OPT_EXIT_RECORDINGS,
    OPT_CLASSES,
    OPT_TASK,
    OPT_BURST_INITIAL,
    OPT_BURST_DESIRED,
    OPT_BURST_MIN,
    OPT_INITIAL,
    OPT_ENERGY_RATIO,
    OPT_NO_SEARCH,
    OPT_SIGNED,
    OPT_SSC,
    OPT_BIAS,
    OPT_ROUNDING,
    OPT_PRUNE,
    OPT_IAT,
    OPT_IAT_METRIC,
    OPT_TOLERANCE,
    OPT_OPTIMIZE,
    OPT_SEARCH_LIMIT,
    OPT_JSON,
    OPT_HELP,
    OPT_VERSION,
};

static const struct option options[] = {
    {"calib", required_argument, NULL, OPT_CALIB},
    {"ann", required_argument, NULL, OPT_ANN},
    {"calib-labels", required_argument, NULL, OPT_CALIB_LABELS},
    {"calib-limit", required_argument, NULL, OPT_CALIB_LIMIT},
    {"exit-limit", required_argument, NULL, OPT_EXIT_LIMIT},
    {"scale", required_argument, NULL, OPT_SCALE},
    {"mean", required_argument, NULL, OPT_MEAN},
    {"std", required_argument, NULL, OPT_STD},
    {"bgr", no_argument, NULL, OPT_BGR},
    {"shape", required_argument, NULL, OPT_SHAPE},
    {"resize", required_argument, NULL, OPT_RESIZE},
    {"squash", no_argument, NULL, OPT_SQUASH},
    {"events", no_argument, NULL, OPT_EVENTS},
    {"event-frames", required_argument, NULL, OPT_EVENT_FRAMES},
    {"exit-recordings", required_argument, NULL, OPT_EXIT_RECORDINGS},
    {"classes", required_argument, NULL, OPT_CLASSES},
    {"task", required_argument, NULL, OPT_TASK},
    {"timesteps", required_argument, NULL, 't'},
    {"burst-initial", required_argument, NULL, OPT_BURST_INITIAL},
    {"burst-desired", required_argument, NULL, OPT_BURST_DESIRED},
    {"burst-min", required_argument, NULL, OPT_BURST_MIN},
    {"energy-ratio", required_argument, NULL, OPT_ENERGY_RATIO},
    {"initial", required_argument, NULL, OPT_INITIAL},
    {"no-search", no_argument, NULL, OPT_NO_SEARCH},
    {"signed", required_argument, NULL, OPT_SIGNED},
    {"ssc", required_argument, NULL, OPT_SSC},
    {"bias-correction", required_argument, NULL, OPT_BIAS},
    {"rounding", required_argument, NULL, OPT_ROUNDING},
    {"prune", required_argument, NULL, OPT_PRUNE},
    {"iat", required_argument, NULL, OPT_IAT},
    {"iat-metric", required_argument, NULL, OPT_IAT_METRIC},
    {"optimize", required_argument, NULL, OPT_OPTIMIZE},
    {"tolerance", required_argument, NULL, OPT_TOLERANCE},
    {"search-limit", required_argument, NULL, OPT_SEARCH_LIMIT},
    {"output", required_argument, NULL, 'o'},
    {"threads", required_argument, NULL, 'j'},
    {"json", no_argument, NULL, OPT_JSON},
    {"quiet", no_argument, NULL, 'q'},
    {"help", no_argument, NULL, OPT_HELP},
    {"version", no_argument, NULL, OPT_VERSION},
    {NULL, 0, NULL, 0},
};

struct request {
    const char *model, *output, *labels, *classes, *task, *exit_recordings;
    const char *calib[64];
    int calib_count, calib_limit, exit_limit, event_frames;
    int shape[3];
    struct normalisation norm;
    struct input_spec spec;
    struct convert_options convert;
    bool json, quiet, desired_given, steps_given;
    bool ann, converts; /* what is asked for: --ann or --calib; `calib` holds either's samples */
};

/* Which of `names` (ending with NULL) the text is; an empty name is a place that no text has. */
static int read_choice(const char *option, const char *text, const char *const *names, int *choice)
{
    char all[128] = "";
    for (int i = 0; names[i]; i++) {
        if (!names[i][0])
            continue;
        if (strcmp(names[i], text) == 0) {
            *choice = i;
            return 0;
        }
        snprintf(all + strlen(all), sizeof all - strlen(all), "%s%s", all[0] ? ", " : "", names[i]);
    }
    return cli_fail("%s must be one of %s, not '%s'", option, all, text);
}

static const char *const goals[] = {"", "latency", "spikes", "events", NULL};
static const char *const roundings[] = {"nearest", "feedback", NULL};
static const char *const biases[] = {"off", "light", "advanced", "currents", "auto", NULL};

static int read_shape(const char *text, int shape[3])
{
    float v[3];
    int n;
    if (cli_floats("--shape", text, v, 3, &n))
        return EXIT_ERROR;
    for (int a = 0; a < 3; a++) {
        float d = a < n ? v[a] : 1;
        if (d < 1 || d > 65536 || d != floorf(d))
            return cli_fail("--shape must be C,H,W, not '%s'", text);
        shape[a] = (int)d;
    }
    return 0;
}

/* A share of the divergence, or points of accuracy. */
static int read_ssc(const char *text, struct convert_options *c)
{
    char number[32];
    size_t n = strlen(text);
    if (n < 2 || n > sizeof number || text[n - 1] != 'p')
        return cli_float("--ssc", text, 0, 1e6, &c->ssc_budget);
    snprintf(number, sizeof number, "%.*s", (int)n - 1, text);
    int status = cli_float("--ssc", number, 0, 100, &c->ssc_loss);
    c->ssc_loss /= 100;
    return status;
}

static int read_spiking_option(int opt, const char *text, struct convert_options *c)
{
    static const char *const choices[] = {"off", "on", "auto", NULL};
    static const char *const metrics[] = {"", "entropy", "confidence", NULL};
    int choice, status = 0;
    switch (opt) {
    case 't': return cli_int("--timesteps", text, 1, TIMESTEPS_LIMIT, &c->timesteps);
    case OPT_BURST_INITIAL:
        return cli_int("--burst-initial", text, 1, BURST_LIMIT, &c->burst_initial);
    case OPT_BURST_DESIRED:
        return cli_int("--burst-desired", text, 1, BURST_LIMIT, &c->burst_desired);
    case OPT_BURST_MIN: return cli_int("--burst-min", text, 1, BURST_LIMIT, &c->burst_min);
    case OPT_INITIAL: return cli_float("--initial", text, 0, 1, &c->initial);
    case OPT_ENERGY_RATIO: return cli_float("--energy-ratio", text, 1e-6, 1e6, &c->energy_ratio);
    case OPT_NO_SEARCH: c->search = false; return 0;
    case OPT_SIGNED:
        status = read_choice("--signed", text, choices, &choice);
        if (!status)
            c->signed_bursts = (enum choice)choice;
        return status;
    case OPT_SSC:
        if (strcmp(text, "off") == 0) {
            c->ssc_budget = 0;
            return 0;
        }
        return read_ssc(text, c);
    case OPT_BIAS:
        status = read_choice("--bias-correction", text, biases, &choice);
        if (!status)
            c->bias = (enum bias_correction)choice;
        return status;
    case OPT_ROUNDING:
        status = read_choice("--rounding", text, roundings, &choice);
        if (!status)
            c->feedback = choice == 1;
        return status;
    case OPT_PRUNE: return cli_float("--prune", text, 0, 0.99f, &c->prune);
    case OPT_IAT:
        c->iat = strcmp(text, "off") == 0    ? CHOICE_OFF
                 : strcmp(text, "auto") == 0 ? CHOICE_AUTO
                                             : CHOICE_ON;
        return c->iat == CHOICE_ON ? cli_float("--iat", text, 0, 1, &c->iat_a) : 0;
    case OPT_IAT_METRIC: return read_choice("--iat-metric", text, metrics, &c->iat_metric);
    case OPT_OPTIMIZE:
        status = read_choice("--optimize", text, goals, &choice);
        c->optimize = true;
        if (!status)
            c->goal = (enum goal)choice;
        return status;
    case OPT_TOLERANCE:
        status = cli_float("--tolerance", text, 0, 100, &c->tolerance);
        c->tolerance /= 100;
        return status;
    case OPT_SEARCH_LIMIT: return cli_int("--search-limit", text, 1, 1000000, &c->search_samples);
    default: return cli_usage();
    }
}

/* Now rather than after the conversion: whether it is one. */
static int read_task(const char *text)
{
    char *words = NULL;
    struct task task;
    int status = task_words(text, &words);
    if (!status)
        status = task_parse(text, words, &task);
    free(words);
    return status ? cli_fail_af() : 0;
}

static int read_option(int opt, const char *text, struct request *r)
{
    int n;
    switch (opt) {
    case OPT_CALIB:
    case OPT_ANN:
        *(opt == OPT_ANN ? &r->ann : &r->converts) = true;
        if (r->calib_count == (int)(sizeof r->calib / sizeof *r->calib))
            return cli_fail("more than %d files of samples; put them into a folder",
                            r->calib_count);
        r->calib[r->calib_count++] = text;
        return 0;
    case OPT_CALIB_LABELS: r->labels = text; return 0;
    case OPT_EXIT_LIMIT: return cli_int("--exit-limit", text, 0, 1000000, &r->exit_limit);
    case OPT_CALIB_LIMIT: return cli_int("--calib-limit", text, 1, 1000000, &r->calib_limit);
    case OPT_SCALE: return cli_float("--scale", text, 1e-12, 1e12, &r->norm.scale);
    case OPT_MEAN:
        if (cli_floats("--mean", text, r->norm.mean, 64, &n))
            return EXIT_ERROR;
        for (int i = n; n == 1 && i < 64; i++)
            r->norm.mean[i] = r->norm.mean[0];
        r->norm.count = n > r->norm.count ? n : r->norm.count;
        return 0;
    case OPT_STD:
        if (cli_floats("--std", text, r->norm.std, 64, &n))
            return EXIT_ERROR;
        for (int i = 0; i < n; i++)
            if (!(r->norm.std[i] > 0))
                return cli_fail("--std must be above 0");
        for (int i = n; n == 1 && i < 64; i++)
            r->norm.std[i] = r->norm.std[0];
        r->norm.count = n > r->norm.count ? n : r->norm.count;
        return 0;
    case OPT_BGR: r->norm.bgr = true; return 0;
    case OPT_SHAPE: return read_shape(text, r->shape);
    case OPT_RESIZE: return cli_int("--resize", text, 1, 1 << 14, &r->spec.resize);
    case OPT_SQUASH: r->spec.squash = true; return 0;
    case OPT_EVENTS: r->spec.events = true; return 0;
    case OPT_EVENT_FRAMES:
        return cli_int("--event-frames", text, 1, TIMESTEPS_LIMIT, &r->event_frames);
    case OPT_EXIT_RECORDINGS: r->exit_recordings = text; return 0;
    case OPT_CLASSES: r->classes = text; return 0;
    case OPT_TASK: r->task = text; return read_task(text);
    case 'o': r->output = text; return 0;
    case 'j': return cli_int("--threads", text, 1, 1024, &r->convert.threads);
    case 'q': r->quiet = true; return 0;
    case OPT_JSON: r->json = true; return 0;
    case 't': r->steps_given = true; return read_spiking_option(opt, text, &r->convert);
    case OPT_BURST_DESIRED: r->desired_given = true; /* fall through */
    default: return read_spiking_option(opt, text, &r->convert);
    }
}

static int read_arguments(int argc, char **argv, struct request *r)
{
    int opt, status = 0;
    while (!status && (opt = getopt_long(argc, argv, "t:o:j:q", options, NULL)) != -1) {
        if (opt == OPT_HELP) {
            fputs(help, stdout);
            exit(0);
        }
        if (opt == OPT_VERSION) {
            puts("adafire-convert " AF_VERSION);
            exit(0);
        }
        status = opt == '?' ? cli_usage() : read_option(opt, optarg, r);
    }
    if (status)
        return status;
    if (optind < argc)
        r->model = argv[optind++];
    while (optind < argc && r->calib_count && r->calib_count < 64) /* --calib a.png b.png */
        r->calib[r->calib_count++] = argv[optind++];
    if (!r->model || optind < argc)
        return cli_fail("one MODEL.onnx is needed; see --help");
    if (!r->calib_count)
        return cli_fail("--calib is needed: a few hundred samples of what the network will see");
    if (r->ann && r->converts)
        return cli_fail("--ann and --calib exclude each other");
    if (r->exit_recordings && !r->spec.events)
        return cli_fail("--exit-recordings is for networks of events (--events)");
    if (!r->output)
        return cli_fail("-o is needed: the %s file to write", r->ann ? ".npy" : ".snn");
    struct convert_options *c = &r->convert;
    if (c->prune > 0 && !c->feedback)
        return cli_fail("--prune needs --rounding feedback, by which other weights make up for it");
    if (c->optimize && !r->steps_given)
        c->timesteps = 8;
    if (!r->desired_given && c->burst_desired > c->burst_initial)
        c->burst_desired = c->burst_initial;
    if (c->burst_desired < c->burst_min && !r->desired_given)
        c->burst_desired = c->burst_min;
    return 0;
}

/* ---- The result ---------------------------------------------------------------------------- */

static void show_progress(void *context, const char *phase, double fraction)
{
    (void)context;
    cli_progress(phase, fraction);
}

struct totals {
    double spikes, events, sops, spike_sops, ann_uj, event_uj, spike_uj;
};

static struct totals sum_up(const struct conversion *c)
{
    struct totals t = {0};
    for (int i = 1; i < c->recipe.model->population_count; i++) {
        t.spikes += (double)c->recipe.activity[i].spikes;
        t.events += (double)c->recipe.activity[i].events;
        t.sops += (double)c->recipe.activity[i].sops;
        t.spike_sops += (double)c->recipe.activity[i].spike_sops;
    }
    double n = (double)c->samples;
    t.spikes /= n;
    t.events /= n;
    t.sops /= n;
    t.spike_sops /= n;
    t.ann_uj = af_energy_uj(0, (double)c->recipe.model->ann_macs);
    t.event_uj = af_energy_uj(t.sops, (double)c->recipe.model->first_macs);
    t.spike_uj = af_energy_uj(t.spike_sops, (double)c->recipe.model->first_macs);
    return t;
}

static void print_table(const struct conversion *c)
{
    const struct af_model *m = c->recipe.model;
    char a[16], b[16], d[16], e[16];
    printf("%-3s %-26s %-8s %8s %21s %5s %5s %8s %8s %8s %9s\n", "#", "population", "kind",
           "neurons", "thresholds", "phi", "rho", "spikes", "events", "SOPs", "sensit.");
    for (int i = 0; i < m->population_count; i++) {
        const struct neurons *p = &m->population[i];
        struct af_population_info info;
        af_population_info(m, i, &info);
        char range[32] = "", phi[16] = "", rho[16] = "", sensitivity[16] = "";
        if (p->threshold) {
            snprintf(range, sizeof range, "%.3g .. %.3g", info.threshold_min, info.threshold_max);
            snprintf(phi, sizeof phi, "%s%d", info.signed_bursts ? "+-" : "", p->burst);
            snprintf(rho, sizeof rho, "%.1f", info.ratio);
            if (c->recipe.sensitivity[i] > 0)
                snprintf(sensitivity, sizeof sensitivity, "%.2e", c->recipe.sensitivity[i]);
        }
        double n = (double)c->samples;
        const struct activity *act = &c->recipe.activity[i];
        printf("%-3d %-26.26s %-8s %8s %21s %5s %5s %8s %8s %8s %9s\n", i, p->name,
               af_kind_name(p->kind), cli_human((double)neuron_count(p), a), range, phi, rho,
               i ? cli_human((double)act->spikes / n, b) : "",
               i ? cli_human((double)act->events / n, d) : "",
               i ? cli_human((double)act->sops / n, e) : "", sensitivity);
    }
}

static void print_totals(const struct conversion *c)
{
    const struct af_model *m = c->recipe.model;
    struct totals t = sum_up(c);
    char a[16], b[16], d[16], e[16];
    printf("\nPer sample, all %d timesteps, mean over %lld calibration samples:\n", m->timesteps,
           (long long)c->samples);
    printf("  %s spikes in %s events, %s SOPs (an event once), %s SOPs (every spike)\n",
           cli_human(t.spikes, a), cli_human(t.events, b), cli_human(t.sops, d),
           cli_human(t.spike_sops, e));
    printf("  ANN: %s MACs, %s of them on the constant input, done once as MACs\n",
           cli_human((double)m->ann_macs, a), cli_human((double)m->first_macs, b));
    printf("  Energy at 0.9 pJ an accumulate, 4.6 pJ a MAC:\n"
           "    ANN                          %10.3f uJ\n"
           "    spiking, an event once       %10.3f uJ  (%.3f of the ANN's)\n"
           "    spiking, every spike counted %10.3f uJ  (%.3f of the ANN's)\n",
           t.ann_uj, t.event_uj, t.event_uj / t.ann_uj, t.spike_uj, t.spike_uj / t.ann_uj);
    if (!isnan(c->verdict.agreement))
        printf("  Agreement with the ANN %.2f %%", 100 * c->verdict.agreement);
    if (!isnan(c->verdict.accuracy))
        printf(", accuracy %.2f %% (ANN %.2f %%)", 100 * c->verdict.accuracy,
               100 * c->verdict.ann_accuracy);
    if (!isnan(c->verdict.agreement))
        printf("\n");
    if (m->iat.metric != IAT_OFF)
        printf("  Early termination by %s: %.2f timesteps instead of %d on them\n",
               m->iat.metric == IAT_ENTROPY ? "entropy" : "confidence", c->verdict.timesteps_mean,
               m->timesteps);
    if (!isnan(c->verdict.loss))
        printf(
            "  Expected loss %.2f points; until a sample stops %s SOPs (an event once), %s (every "
            "spike)\n",
            100 * c->verdict.loss, cli_human(c->verdict.exit_sops, a),
            cli_human(c->verdict.exit_spike_sops, b));
}

static void print_json(const struct conversion *c, const char *path)
{
    struct totals t = sum_up(c);
    printf("{\"model\": ");
    cli_json_text(stdout, path);
    printf(", \"timesteps\": %d, \"samples\": %lld, ", c->recipe.model->timesteps,
           (long long)c->samples);
    const struct {
        const char *key;
        double v;
    } numbers[] = {
        {"agreement", c->verdict.agreement},
        {"accuracy", c->verdict.accuracy},
        {"ann_accuracy", c->verdict.ann_accuracy},
        {"timesteps_mean", c->verdict.timesteps_mean},
        {"expected_loss", c->verdict.loss},
        {"exit_sops_mean", c->verdict.exit_sops},
        {"exit_spike_sops_mean", c->verdict.exit_spike_sops},
        {"spikes_mean", t.spikes},
        {"events_mean", t.events},
        {"sops_mean", t.sops},
        {"ann_macs", (double)c->recipe.model->ann_macs},
        {"energy_uj_event", t.event_uj},
        {"energy_uj_spike", t.spike_uj},
        {"energy_uj_ann", t.ann_uj},
    };
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        printf("%s", i ? ", " : "");
        cli_json_number(stdout, numbers[i].key, numbers[i].v);
    }
    printf("}\n");
}

static const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

static int add_class_names(struct af_model *m, const char *path)
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
        char **grown = realloc(m->class_name, (size_t)(m->class_count + 1) * sizeof *grown);
        char *copy = grown ? strdup(line) : NULL;
        if (grown)
            m->class_name = grown;
        if (copy)
            m->class_name[m->class_count++] = copy;
        else
            status = af_fail(AF_NO_MEMORY, "no memory");
    }
    free(line);
    fclose(f);
    struct task task;
    if (!status)
        status = task_of_model(m, NULL, &task);
    int classes = status ? status : task_classes(m, &task);
    if (classes < 0)
        return classes;
    if (m->class_count != classes)
        status = af_fail(AF_BAD_FILE, "%s: %d names, but the network has %d classes", path,
                         m->class_count, classes);
    return status;
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

static int add_provenance(const struct request *r, struct conversion *c)
{
    struct af_model *m = c->recipe.model;
    const struct convert_options *o = &c->recipe.options;
    static const char *const choices[] = {"off", "on", "auto"};
    char hash[65] = "";
    int status = hash_file(r->model, hash);
    free(m->name);
    m->name = strdup(base_name(r->output));
    char *dot = m->name ? strrchr(m->name, '.') : NULL;
    if (dot)
        *dot = 0;
    if (!status && !m->name)
        status = af_fail(AF_NO_MEMORY, "no memory");
    if (!status)
        status = model_add_fact(m, "source", "%s", base_name(r->model));
    if (!status)
        status = model_add_fact(m, "source sha-256", "%s", hash);
    if (!status)
        status = model_add_fact(m, "converter", "adafire-convert " AF_VERSION);
    if (!status)
        status = model_add_fact(
            m, "options",
            "timesteps %d, burst initial %d desired %d min %d, energy ratio %g, initial potential "
            "%g, search %s, signed %s, SSC budget %g loss %g, bias correction %s, rounding %s, "
            "prune %g, IAT %s, %s, a %g, tolerance %g",
            o->timesteps, o->burst_initial, o->burst_desired, o->burst_min, (double)o->energy_ratio,
            (double)o->initial, choices[o->search], choices[o->signed_bursts],
            (double)o->ssc_budget, (double)o->ssc_loss, biases[o->bias], roundings[o->feedback],
            (double)o->prune, choices[o->iat],
            o->iat_metric == IAT_ENTROPY ? "entropy" : "confidence", (double)o->iat_a,
            (double)o->tolerance);
    if (!status && r->convert.optimize)
        status = model_add_fact(m, "optimized", "for %s at %g points, expected loss %.2f",
                                goals[o->goal], 100 * (double)o->tolerance, 100 * c->verdict.loss);
    if (!status)
        status = model_add_fact(m, "calibration samples", "%lld", (long long)c->samples);
    if (!status && !isnan(c->verdict.agreement))
        status = model_add_fact(m, "agreement with the ANN on them", "%.4f", c->verdict.agreement);
    if (!status && !isnan(c->verdict.accuracy))
        status = model_add_fact(m, "accuracy on them (ANN)", "%.4f (%.4f)", c->verdict.accuracy,
                                c->verdict.ann_accuracy);
    if (!status && r->task)
        status = add_task(m, r->task);
    if (!status && r->classes)
        status = add_class_names(m, r->classes);
    return status;
}

/* Whether the outputs can be the task's, which a model with their shapes alone shows. */
static int take_task(struct request *r, const struct network *network)
{
    const int count = network->population_count;
    struct neurons *outline = calloc((size_t)count, sizeof *outline);
    struct af_model m = {.population = outline, .population_count = count};
    struct task task;
    int status = outline ? AF_OK : af_fail(AF_NO_MEMORY, "no memory");
    for (int i = 0; !status && i < count; i++) {
        const struct population *p = &network->population[i];
        outline[i].kind = p->kind;
        outline[i].rank = p->rank;
        memcpy(outline[i].shape, p->shape, sizeof p->shape);
        memcpy(outline[i].dim, p->dim, sizeof p->dim);
    }
    m.name = strdup(base_name(r->model));
    if (!status && !m.name)
        status = af_fail(AF_NO_MEMORY, "no memory");
    if (!status)
        status = task_of_model(&m, r->task, &task);
    int classes = status ? status : task_classes(&m, &task);
    /* A detector's channels do not compete: what they lose is accuracy of numbers. */
    if (!status && task.kind == TASK_DETECT)
        r->convert.loss = LOSS_ERROR;
    free(m.name);
    free(outline);
    return classes < 0 ? classes : AF_OK;
}

/* The network as it is, on raw values. */
static int run_ann(struct request *r)
{
    struct graph *graph = NULL;
    struct network *network = NULL;
    int64_t done = 0;
    int status = onnx_load(r->model, &graph);
    if (!status && !r->shape[0])
        status = calibration_shape(graph, r->calib, r->calib_count, r->shape);
    float *zero = calloc((size_t)r->shape[0] + 1, sizeof *zero);
    if (!status && !zero)
        status = af_fail(AF_NO_MEMORY, "no memory");
    if (!status) {
        status = network_lower(graph, r->shape, &r->norm, 1, zero, &network);
        if (status)
            status = af_fail_in(status, r->model);
    }
    r->spec.channels = r->shape[0];
    r->spec.height = r->shape[1];
    r->spec.width = r->shape[2];
    if (!status) {
        done = ann_run(network, r->calib, r->calib_count, &r->spec, r->output, r->convert.threads,
                       show_progress, NULL);
        status = done < 0 ? (int)done : AF_OK;
    }
    cli_progress(NULL, 0);
    if (!status && !r->quiet)
        printf("Wrote the outputs of %lld samples to %s\n", (long long)done, r->output);
    free(zero);
    network_free(network);
    graph_free(graph);
    return status ? cli_fail_af() : 0;
}

struct recordings {
    const struct request *r;
    const struct input_format *format;
};

static int read_recordings(void *context, int timesteps, struct calibration *data)
{
    const struct recordings *x = context;
    data->recording = NULL;
    data->recordings = 0;
    return calibration_read_recordings(x->r->exit_recordings, x->r->exit_limit, timesteps,
                                       &x->r->spec, x->format, data);
}

static int convert_file(struct request *r)
{
    struct graph *graph = NULL;
    struct network *network = NULL;
    struct input_format format = {0};
    struct calibration data = {0};
    struct conversion c = {0};
    int status = onnx_load(r->model, &graph);
    if (!status && !r->shape[0])
        status = calibration_shape(graph, r->calib, r->calib_count, r->shape);
    r->spec.channels = r->shape[0];
    r->spec.height = r->shape[1];
    r->spec.width = r->shape[2];
    if (!status && r->norm.bgr && r->shape[0] != 3)
        status =
            af_fail(AF_BAD_ARGUMENT, "--bgr needs 3 channels; %s has %d", r->model, r->shape[0]);
    if (!status)
        status = calibration_read(r->calib, r->calib_count, r->labels, r->calib_limit,
                                  r->exit_limit, &r->spec, &r->norm, &format, &data);
    format.event_frames = r->spec.events ? r->event_frames : 0;
    struct recordings recordings = {r, &format};
    data.record = r->exit_recordings ? read_recordings : NULL;
    data.record_context = &recordings;
    if (!status) {
        status = network_lower(graph, r->shape, &r->norm, format.unit, format.zero, &network);
        if (status)
            status = af_fail_in(status, r->model);
    }
    if (!status && r->task)
        status = take_task(r, network);
    if (!status)
        status = convert(network, &format, &data, &r->convert, &c);
    if (!status)
        status = add_provenance(r, &c);
    cli_progress(NULL, 0);
    if (!status)
        status = model_save(c.recipe.model, r->output);
    for (int i = 0; !status && !r->quiet && i < network->note_count; i++)
        fprintf(stderr, "note: %s\n", network->note[i]);
    for (int i = 0; !status && !r->quiet && i < c.journal.note_count; i++)
        fprintf(stderr, "note: %s\n", c.journal.note[i]);
    if (!status && r->json) {
        print_json(&c, r->output);
    } else if (!status && !r->quiet) {
        print_table(&c);
        print_totals(&c);
        printf("Wrote %s\n", r->output);
    }
    conversion_free(&c);
    calibration_free(&format, &data);
    network_free(network);
    graph_free(graph);
    return status ? cli_fail_af() : 0;
}

int main(int argc, char **argv)
{
    static struct request r;
    cli_begin("adafire-convert");
    r.convert = convert_defaults;
    r.convert.progress = show_progress;
    r.calib_limit = 512;
    r.exit_limit = 2000;
    r.event_frames = 1;
    r.norm = (struct normalisation){.scale = 1, .count = 1};
    for (int i = 0; i < 64; i++)
        r.norm.std[i] = 1;
    int status = read_arguments(argc, argv, &r);
    cli_quiet(r.quiet);
    return status ? status : r.ann ? run_ann(&r) : convert_file(&r);
}
