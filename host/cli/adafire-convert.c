/* adafire-convert: a trained ReLU network (ONNX) becomes a spiking network (.snn). */
#include "base/error.h"
#include "base/hash.h"
#include "base/json.h"
#include "cli/check_network.h"
#include "cli/cli.h"
#include "cli/front.h"
#include "task/task.h"

#include <getopt.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char help[] =
    "Usage: adafire-convert MODEL.onnx --calib SAMPLES... -o MODEL.snn [OPTION]...\n"
    "       adafire-convert MODEL.onnx --ann SAMPLES... -o OUTPUTS.npy [OPTION]...\n"
    "       adafire-convert --check MODEL.onnx [OPTION]...\n"
    "       adafire-convert MODEL.onnx --calib SAMPLES... --front PAGE [OPTION]...\n"
    "Converts a trained ReLU network into a spiking network, without training; with\n"
    "--ann it runs the network as it is and writes its outputs, for adafire-host\n"
    "--reference; with --check it tells what would become of it and what holds it,\n"
    "without samples; with --front it tries timesteps and burst limits, and draws\n"
    "what each costs and how well it does (a page, or .json).\n"
    "\n"
    "Example:\n"
    "  adafire-convert resnet20.onnx --calib train_images.npy --scale 1/255 \\\n"
    "      --mean 0.485,0.456,0.406 --std 0.229,0.224,0.225 -o resnet20.snn\n"
    "\n"
    "Input (the network sees x = (raw * scale - mean) / std, per channel):\n"
    "      --calib FILE           a few hundred samples, best such as it was not\n"
    "                             trained on: .npy, .npz, idx, CIFAR binary, PNG,\n"
    "                             JPEG or a folder; may be given more than once; a\n"
    "                             network whose every layer is quantised (QDQ, QCDQ,\n"
    "                             QONNX) does without\n"
    "      --ann FILE             samples for the network as it is; may be given\n"
    "                             more than once\n"
    "      --calib-labels FILE    their labels, .npy or idx; optional\n"
    "      --calib-limit N        use the first N samples (default 512)\n"
    "      --exit-limit N         and up to N more for early exit (default 2000)\n"
    "      --scale X              1/255 for pixels; default 1\n"
    "      --mean A[,B,C]         default 0\n"
    "      --std A[,B,C]          default 1\n"
    "      --bgr                  the network wants BGR, the files hold RGB\n"
    "      --shape C,H,W          of a sample, where the network leaves it open\n"
    "      --resize N             pictures: shorter side to N, then centre crop\n"
    "      --squash               pictures: both sides to N (or to the input's size)\n"
    "      --events               the network takes event-camera recordings\n"
    "      --event-frames N       training frames that one recording makes (default\n"
    "                             1)\n"
    "      --counting WORDS       how recordings become counts, stored in the model.\n"
    "                             Words, which work in this order: sensor WxH (where\n"
    "                             files do not say it), hot HZ (no pixels that send\n"
    "                             more), background MS (no events without one beside\n"
    "                             them so shortly before), flip x, flip y,\n"
    "                             downsample K, fit or crop (to the network's size),\n"
    "                             merge or swap (polarities); of what frames are:\n"
    "                             window MS or count N (a frame's time or events),\n"
    "                             all (the default: equal parts of a recording's\n"
    "                             time) or even (as many events in each)\n"
    "      --exit-recordings FILE recordings (as adafire-host takes them) for early\n"
    "                             exit; frames calibrate the rest, but not when a\n"
    "                             recording may stop\n"
    "      --classes FILE         class names, one a line, stored in the model\n"
    "      --task TASK            what the outputs mean, stored in the model:\n"
    "                             classify, segment, detect, values, or a file or\n"
    "                             text that says more (the words are in adafire-host\n"
    "                             --help)\n"
    "      --answers NAME         of several outputs the one with the classes\n"
    "                             (default: the one that looks like classes, which a\n"
    "                             note says)\n"
    "\n"
    "Spiking network:\n"
    "  -t, --timesteps N          most timesteps of an inference (default 4; 1 for a\n"
    "                             quantised network)\n"
    "      --fit BUILD            for this build of the accelerator: tiny (bursts of\n"
    "                             15), u250 (63), both without signed bursts, or sim\n"
    "      --burst-initial N      largest burst limit phi, 1..255 (default 63)\n"
    "      --effort N             0: each population's thresholds for the least\n"
    "                             error of its own activations; 1: refined together\n"
    "                             for the outputs (default); 2, 3: 4 and 9 times as\n"
    "                             long (--no-search: as 0)\n"
    "      --initial SHARE        potential that neurons begin with, of their\n"
    "                             threshold: 0.5 errs least, less means fewer spikes\n"
    "                             (default 0.5)\n"
    "      --signed on|off|auto   signed bursts: may take back what was sent too\n"
    "                             early; auto (default): of several timesteps; for\n"
    "                             event recordings and goals, where it is measured\n"
    "                             to help\n"
    "      --search               the paper's search of a burst limit for each\n"
    "                             population\n"
    "      --burst-desired N      phi whose spikes are its budget (default 4)\n"
    "      --burst-min N          smallest phi that it tries (default 1)\n"
    "      --energy-ratio R       the budget as a ratio of those spikes (default 1)\n"
    "      --ssc BUDGET|off       Sensitivity Spike Compression: how much it may add\n"
    "                             to the network's divergence from the ANN, 0.05: a\n"
    "                             twentieth (default off)\n"
    "      --ssc Pp               instead: points of accuracy that it may cost\n"
    "                             (0.5p), expected by the ANN's own certainty about\n"
    "                             the samples\n"
    "      --bias-correction auto|light|advanced|currents|off\n"
    "                             light: mean outputs as the ANN's; advanced also\n"
    "                             corrects each neuron's initial potential;\n"
    "                             currents: what comes in, not what goes out; auto\n"
    "                             (default): currents with --optimize spikes\n"
    "      --rounding feedback|nearest\n"
    "                             of weights to 8 bits: the others of an output make\n"
    "                             up for what rounding one does (default), or each\n"
    "                             for itself\n"
    "      --prune SHARE          leaves out the weights that matter least to the\n"
    "                             outputs, of SHARE of the synaptic operations\n"
    "                             (default 0)\n"
    "      --iat A|auto|off       early exit: from the paper's knob a, or as early\n"
    "                             as --tolerance allows (default auto)\n"
    "      --iat-metric entropy|confidence\n"
    "      --optimize latency|spikes|events|adds\n"
    "                             search the timesteps (up to -t, or 8), burst\n"
    "                             limits, initial potentials, threshold ratios and\n"
    "                             weights to leave out for the least timesteps, or\n"
    "                             least energy with every spike counted, an event\n"
    "                             counted once, or a burst as the shifted additions\n"
    "                             that it is (15 = 16 - 1: two), at a loss of\n"
    "                             --tolerance points of accuracy, early exit\n"
    "                             included; takes minutes\n"
    "      --tolerance P          answers that early exit may change, in percent;\n"
    "                             with --optimize the points that may be lost\n"
    "                             (default 0.5)\n"
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
    OPT_COUNTING,
    OPT_EXIT_RECORDINGS,
    OPT_CLASSES,
    OPT_TASK,
    OPT_ANSWERS,
    OPT_FIT,
    OPT_BURST_INITIAL,
    OPT_BURST_DESIRED,
    OPT_BURST_MIN,
    OPT_INITIAL,
    OPT_ENERGY_RATIO,
    OPT_SEARCH,
    OPT_NO_SEARCH,
    OPT_EFFORT,
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
    OPT_CHECK,
    OPT_FRONT,
    OPT_JSON,
    OPT_HELP,
    OPT_VERSION,
};

static const struct option options[] = {
    {"calib", required_argument, NULL, OPT_CALIB},
    {"ann", required_argument, NULL, OPT_ANN},
    {"check", no_argument, NULL, OPT_CHECK},
    {"front", required_argument, NULL, OPT_FRONT},
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
    {"counting", required_argument, NULL, OPT_COUNTING},
    {"exit-recordings", required_argument, NULL, OPT_EXIT_RECORDINGS},
    {"classes", required_argument, NULL, OPT_CLASSES},
    {"task", required_argument, NULL, OPT_TASK},
    {"answers", required_argument, NULL, OPT_ANSWERS},
    {"timesteps", required_argument, NULL, 't'},
    {"fit", required_argument, NULL, OPT_FIT},
    {"burst-initial", required_argument, NULL, OPT_BURST_INITIAL},
    {"burst-desired", required_argument, NULL, OPT_BURST_DESIRED},
    {"burst-min", required_argument, NULL, OPT_BURST_MIN},
    {"energy-ratio", required_argument, NULL, OPT_ENERGY_RATIO},
    {"initial", required_argument, NULL, OPT_INITIAL},
    {"search", no_argument, NULL, OPT_SEARCH},
    {"no-search", no_argument, NULL, OPT_NO_SEARCH},
    {"effort", required_argument, NULL, OPT_EFFORT},
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

enum {
    CALIB_MOST = 64,
    CHANNELS_MOST = 64,
    TIMESTEPS_MOST = 256,
    BURST_MOST = 255,
    EFFORT_MOST = 3
};

struct request {
    const char *output;
    const char *calib[CALIB_MOST];
    float mean[CHANNELS_MOST], std[CHANNELS_MOST];
    struct af_convert_options convert;
    bool json, quiet, desired_given, steps_given;
    bool check;
    const char *front;
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

static const char *const goals[] = {"", "latency", "spikes", "events", "adds", NULL};
static const char *const roundings[] = {"nearest", "feedback", NULL};
static const char *const biases[] = {"off", "light", "advanced", "currents", "auto", NULL};

static int read_limit(const char *option, const char *text, long least, int64_t *limit)
{
    int n;
    int status = cli_int(option, text, least, 1000000, &n);
    *limit = n;
    return status;
}

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
static int read_ssc(const char *text, struct af_convert_options *c)
{
    char number[32];
    size_t n = strlen(text);
    if (n < 2 || n > sizeof number || text[n - 1] != 'p')
        return cli_double("--ssc", text, 0, 1e6, &c->ssc_budget);
    snprintf(number, sizeof number, "%.*s", (int)n - 1, text);
    int status = cli_double("--ssc", number, 0, 100, &c->ssc_loss);
    c->ssc_loss /= 100;
    return status;
}

static int read_spiking_option(int opt, const char *text, struct af_convert_options *c)
{
    static const char *const choices[] = {"off", "on", "auto", NULL};
    static const char *const metrics[] = {"entropy", "confidence", NULL};
    int choice, status = 0;
    switch (opt) {
    case 't': return cli_int("--timesteps", text, 1, TIMESTEPS_MOST, &c->timesteps);
    case OPT_FIT: c->fit = text; return 0;
    case OPT_BURST_INITIAL:
        return cli_int("--burst-initial", text, 1, BURST_MOST, &c->burst_initial);
    case OPT_BURST_DESIRED:
        return cli_int("--burst-desired", text, 1, BURST_MOST, &c->burst_desired);
    case OPT_BURST_MIN: return cli_int("--burst-min", text, 1, BURST_MOST, &c->burst_min);
    case OPT_INITIAL: return cli_double("--initial", text, 0, 1, &c->initial);
    case OPT_ENERGY_RATIO: return cli_double("--energy-ratio", text, 1e-6, 1e6, &c->energy_ratio);
    case OPT_SEARCH: c->search = true; return 0;
    case OPT_NO_SEARCH:
        c->search = false;
        c->effort = 0;
        return 0;
    case OPT_EFFORT: return cli_int("--effort", text, 0, EFFORT_MOST, &c->effort);
    case OPT_SIGNED:
        status = read_choice("--signed", text, choices, &choice);
        if (!status)
            c->signed_bursts = (enum af_choice)choice;
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
            c->bias = (enum af_bias)choice;
        return status;
    case OPT_ROUNDING:
        status = read_choice("--rounding", text, roundings, &choice);
        if (!status)
            c->nearest = choice == 0;
        return status;
    case OPT_PRUNE: return cli_double("--prune", text, 0, 0.99, &c->prune);
    case OPT_IAT:
        c->iat = strcmp(text, "off") == 0 ? AF_OFF : strcmp(text, "auto") == 0 ? AF_AUTO : AF_ON;
        return c->iat == AF_ON ? cli_double("--iat", text, 0, 1, &c->iat_a) : 0;
    case OPT_IAT_METRIC:
        status = read_choice("--iat-metric", text, metrics, &choice);
        if (!status)
            c->iat_metric = (enum af_metric)choice;
        return status;
    case OPT_OPTIMIZE:
        status = read_choice("--optimize", text, goals, &choice);
        if (!status)
            c->optimize = (enum af_goal)choice;
        return status;
    case OPT_TOLERANCE:
        status = cli_double("--tolerance", text, 0, 100, &c->tolerance);
        c->tolerance /= 100;
        return status;
    case OPT_SEARCH_LIMIT: return cli_int("--search-limit", text, 1, 1000000, &c->search_samples);
    default: return cli_usage();
    }
}

/* Now rather than after the conversion: whether it is one. */
static int read_task(const char *text)
{
    struct task task;
    return task_given(text, &task) ? cli_fail_af() : 0;
}

static int read_option(int opt, const char *text, struct request *r)
{
    switch (opt) {
    case OPT_CALIB:
    case OPT_ANN:
        *(opt == OPT_ANN ? &r->ann : &r->converts) = true;
        if (r->convert.calib_count == CALIB_MOST)
            return cli_fail("more than %d files of samples; put them into a folder", CALIB_MOST);
        r->calib[r->convert.calib_count++] = text;
        return 0;
    case OPT_CALIB_LABELS: r->convert.labels = text; return 0;
    case OPT_EXIT_LIMIT: return read_limit("--exit-limit", text, 0, &r->convert.exit_limit);
    case OPT_CALIB_LIMIT: return read_limit("--calib-limit", text, 1, &r->convert.calib_limit);
    case OPT_CHECK: r->check = true; return 0;
    case OPT_FRONT: r->front = text; return 0;
    case OPT_SCALE: return cli_double("--scale", text, 1e-12, 1e12, &r->convert.scale);
    case OPT_MEAN:
        return cli_floats("--mean", text, r->mean, CHANNELS_MOST, &r->convert.mean_count);
    case OPT_STD:
        if (cli_floats("--std", text, r->std, CHANNELS_MOST, &r->convert.std_count))
            return EXIT_ERROR;
        for (int i = 0; i < r->convert.std_count; i++)
            if (!(r->std[i] > 0))
                return cli_fail("--std must be above 0");
        return 0;
    case OPT_BGR: r->convert.bgr = true; return 0;
    case OPT_SHAPE: return read_shape(text, r->convert.shape);
    case OPT_RESIZE: return cli_int("--resize", text, 1, 1 << 14, &r->convert.resize);
    case OPT_SQUASH: r->convert.squash = true; return 0;
    case OPT_EVENTS: r->convert.events = true; return 0;
    case OPT_COUNTING: r->convert.counting = text; return 0;
    case OPT_EVENT_FRAMES:
        return cli_int("--event-frames", text, 1, TIMESTEPS_MOST, &r->convert.event_frames);
    case OPT_EXIT_RECORDINGS: r->convert.exit_recordings = text; return 0;
    case OPT_CLASSES: r->convert.classes = text; return 0;
    case OPT_TASK: r->convert.task = text; return read_task(text);
    case OPT_ANSWERS: r->convert.answers = text; return 0;
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
        status = opt == '?' ? cli_unknown(options, argv[optind - 1]) : read_option(opt, optarg, r);
    }
    if (status)
        return status;
    if (optind < argc)
        r->convert.onnx = argv[optind++];
    while (optind < argc && r->convert.calib_count &&
           r->convert.calib_count < CALIB_MOST) /* --calib a.png b.png */
        r->calib[r->convert.calib_count++] = argv[optind++];
    if (!r->convert.onnx || optind < argc)
        return cli_fail("one MODEL.onnx is needed; see --help");
    if (r->ann && r->converts)
        return cli_fail("--ann and --calib exclude each other");
    if (r->convert.counting && !r->convert.events)
        return cli_fail("--counting is for networks of events (--events)");
    if (r->convert.exit_recordings && !r->convert.events)
        return cli_fail("--exit-recordings is for networks of events (--events)");
    if (r->check && (r->ann || r->converts || r->output))
        return cli_fail("--check takes no samples and writes nothing");
    if (r->front && (r->ann || !r->converts || r->output || r->convert.optimize))
        return cli_fail("--front takes --calib, and neither -o, --ann nor --optimize: it tries "
                        "settings, with one of which you convert then");
    if (!r->output && !r->check && !r->front)
        return cli_fail("-o is needed: the %s file to write", r->ann ? ".npy" : ".snn");
    struct af_convert_options *c = &r->convert;
    if (c->prune > 0 && c->nearest)
        return cli_fail("--prune needs --rounding feedback, by which other weights make up for it");
    if (c->optimize && !r->steps_given)
        c->timesteps = 8;
    if (!r->desired_given && c->burst_desired > c->burst_initial)
        c->burst_desired = c->burst_initial;
    if (c->burst_desired < c->burst_min && !r->desired_given)
        c->burst_desired = c->burst_min;
    return 0;
}

static int check_output(const struct request *r)
{
    const char *inputs[CALIB_MOST + 4];
    int n = 0;
    const char *const others[] = {r->convert.onnx, r->convert.labels, r->convert.classes,
                                  r->convert.exit_recordings};
    for (int i = 0; i < r->convert.calib_count; i++)
        inputs[n++] = r->calib[i];
    for (int i = 0; i < 4; i++)
        if (others[i])
            inputs[n++] = others[i];
    return cli_check_outputs(&r->output, 1, inputs, n);
}

/* ---- The result ---------------------------------------------------------------------------- */

static int show_progress(void *context, const char *phase, double fraction)
{
    (void)context;
    cli_progress(phase, fraction);
    return 0;
}

static void show_note(void *context, const char *note)
{
    (void)context;
    cli_note(note);
}

struct totals {
    double spikes, events, sops, spike_sops, adds, ann_uj, event_uj, spike_uj, add_uj;
};

static struct totals sum_up(const struct af_model_info *m, const struct af_conversion *c)
{
    struct totals t = {0};
    for (int i = 1; i < c->populations; i++) {
        t.spikes += c->spikes[i];
        t.events += c->events[i];
        t.sops += c->sops[i];
        t.spike_sops += c->spike_sops[i];
        t.adds += c->adds[i];
    }
    t.ann_uj = af_energy_uj(0, (double)m->ann_macs);
    t.event_uj = af_energy_uj(t.sops, (double)m->first_macs);
    t.spike_uj = af_energy_uj(t.spike_sops, (double)m->first_macs);
    t.add_uj = af_energy_uj(t.adds, (double)m->first_macs);
    return t;
}

/* What a search changed or measured has columns of its own. */
static bool was_searched(const struct af_model *m, const struct af_conversion *c)
{
    struct af_population_info p;
    bool searched = false;
    for (int i = 0; i < c->populations; i++) {
        af_population_info(m, i, &p);
        searched |= c->sensitivity[i] > 0 || (p.burst && (p.ratio < 1 || p.ratio > 1));
    }
    return searched;
}

static void print_table(const struct af_model *m, const struct af_conversion *c)
{
    char a[16], b[16], d[16], e[16], name[64];
    const bool searched = was_searched(m, c), narrow = cli_columns(stdout) < 112;
    const int width = !narrow ? 26 : searched ? 14 : 16;
    printf("%-3s %-*s", "#", width, "population");
    if (!narrow)
        printf(" %-8s", "kind");
    printf(" %7s %*s %5s", "neurons", narrow ? 15 : 21, "thresholds", "phi");
    if (searched)
        printf(" %5s", "rho");
    if (!searched || !narrow)
        printf(" %7s", "spikes");
    printf(" %7s %7s", "events", "SOPs");
    if (searched)
        printf(" %8s", "sensit.");
    printf("\n");
    for (int i = 0; i < c->populations; i++) {
        struct af_population_info p;
        af_population_info(m, i, &p);
        const bool shown = i && c->samples, fires = p.kind == AF_RELU || p.kind == AF_LINEAR;
        char range[32] = "", phi[16] = "", rho[16] = "", sensitivity[16] = "";
        if (fires) {
            snprintf(range, sizeof range, narrow ? "%.2g..%.2g" : "%.3g .. %.3g", p.threshold_min,
                     p.threshold_max);
            snprintf(phi, sizeof phi, "%s%d", p.signed_bursts ? "+-" : "", p.burst);
            snprintf(rho, sizeof rho, "%.1f", p.ratio);
            if (c->sensitivity[i] > 0)
                snprintf(sensitivity, sizeof sensitivity, "%.1e", c->sensitivity[i]);
        }
        printf("%-3d %-*s", i, width, cli_name(p.name, width, name));
        if (!narrow)
            printf(" %-8s", af_kind_name(p.kind));
        printf(" %7s %*s %5s", cli_human((double)p.channels * p.height * p.width, a),
               narrow ? 15 : 21, range, phi);
        if (searched)
            printf(" %5s", rho);
        if (!searched || !narrow)
            printf(" %7s", shown ? cli_human(c->spikes[i], b) : "");
        printf(" %7s %7s", shown ? cli_human(c->events[i], d) : "",
               shown ? cli_human(c->sops[i], e) : "");
        if (searched)
            printf(" %8s", sensitivity);
        printf("\n");
    }
}

/* Of samples, if there were any. */
static double measured(const struct af_conversion *c, double value)
{
    return c->samples ? value : (double)NAN;
}

static void print_totals(const struct request *r, const struct af_model_info *m,
                         const struct af_conversion *c)
{
    struct totals t = sum_up(m, c);
    char a[16], b[16], d[16], e[16];
    if (!c->samples)
        return;
    printf("\nPer sample, %s%d timestep%s, mean over %lld calibration sample%s:\n",
           m->timesteps == 1 ? "" : "all ", m->timesteps, cli_s(m->timesteps),
           (long long)c->samples, cli_s(c->samples));
    printf("  %s spikes in %s events; SOPs: %s an event once, %s every spike\n",
           cli_human(t.spikes, a), cli_human(t.events, b), cli_human(t.sops, d),
           cli_human(t.spike_sops, e));
    printf("  ANN: %s MACs, %s of them on the constant input, done once as MACs\n",
           cli_human((double)m->ann_macs, a), cli_human((double)m->first_macs, b));
    printf("  Energy at 0.9 pJ an accumulate, 4.6 pJ a MAC:\n"
           "    ANN                          %10.3f uJ\n"
           "    spiking, an event once       %10.3f uJ  (%.3f of the ANN's)\n"
           "    spiking, bursts as shifted adds %7.3f uJ  (%.3f of the ANN's)\n"
           "    spiking, every spike counted %10.3f uJ  (%.3f of the ANN's)\n",
           t.ann_uj, t.event_uj, t.event_uj / t.ann_uj, t.add_uj, t.add_uj / t.ann_uj, t.spike_uj,
           t.spike_uj / t.ann_uj);
    if (!isnan(c->agreement))
        printf("  Agreement with the ANN %.2f %%", 100 * c->agreement);
    if (!isnan(c->accuracy))
        printf(", accuracy %.2f %% (ANN %.2f %%)", 100 * c->accuracy, 100 * c->ann_accuracy);
    if (!isnan(c->agreement))
        printf("\n");
    if (c->judges && c->divergence < c->plain_divergence)
        printf("  Thresholds refined: outputs are %.1f %% nearer to the ANN's, on %lld samples\n"
               "    kept for that\n",
               100 * (1 - c->divergence / c->plain_divergence), (long long)c->judges);
    else if (c->judges)
        printf("  Thresholds as they were: refining was no gain on %lld samples kept for it\n",
               (long long)c->judges);
    if (m->iat)
        printf("  Early exit by %s: %.2f timesteps instead of %d on them\n",
               r->convert.iat_metric == AF_ENTROPY ? "entropy" : "confidence", c->timesteps_mean,
               m->timesteps);
    if (!isnan(c->expected_loss))
        printf("  Expected loss %.2f points; SOPs until a sample stops: %s, every spike %s\n",
               100 * c->expected_loss, cli_human(c->exit_sops, a),
               cli_human(c->exit_spike_sops, b));
}

static void print_json(const struct request *r, const struct af_model_info *m,
                       const struct af_conversion *c)
{
    struct totals t = sum_up(m, c);
    printf("{\"model\": ");
    json_text(stdout, r->output);
    printf(", \"timesteps\": %d, \"samples\": %lld, ", m->timesteps, (long long)c->samples);
    const struct {
        const char *key;
        double v;
    } numbers[] = {
        {"agreement", c->agreement},
        {"accuracy", c->accuracy},
        {"ann_accuracy", c->ann_accuracy},
        {"timesteps_mean", c->timesteps_mean},
        {"expected_loss", c->expected_loss},
        {"plain_divergence", c->judges ? c->plain_divergence : NAN},
        {"divergence", c->judges ? c->divergence : NAN},
        {"exit_sops_mean", c->exit_sops},
        {"exit_spike_sops_mean", c->exit_spike_sops},
        {"exit_adds_mean", c->exit_adds},
        {"spikes_mean", measured(c, t.spikes)},
        {"events_mean", measured(c, t.events)},
        {"sops_mean", measured(c, t.sops)},
        {"adds_mean", measured(c, t.adds)},
        {"ann_macs", (double)m->ann_macs},
        {"energy_uj_event", measured(c, t.event_uj)},
        {"energy_uj_spike", measured(c, t.spike_uj)},
        {"energy_uj_add", measured(c, t.add_uj)},
        {"energy_uj_ann", t.ann_uj},
    };
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        printf("%s", i ? ", " : "");
        json_number(stdout, numbers[i].key, numbers[i].v);
    }
    printf(", ");
    cli_json_notes(stdout);
    printf("}\n");
}

static int run_ann(const struct request *r)
{
    int64_t count;
    const int status = af_ann(&r->convert, r->output, &count);
    cli_progress(NULL, 0);
    if (!status && !r->quiet)
        printf("Wrote the outputs of %lld sample%s to %s\n", (long long)count, cli_s(count),
               r->output);
    return status ? cli_fail_af() : 0;
}

static int convert_file(const struct request *r)
{
    struct af_model *model;
    struct af_model_info info;
    struct af_conversion figures;
    int status = af_convert(&r->convert, &model, &figures);
    cli_progress(NULL, 0);
    if (!status)
        status = af_model_info(model, &info);
    if (!status)
        status = af_model_save(model, r->output);
    if (!status && r->json) {
        print_json(r, &info, &figures);
    } else if (!status && !r->quiet) {
        print_table(model, &figures);
        print_totals(r, &info, &figures);
        printf("Wrote %s\n", r->output);
    }
    af_conversion_free(&figures);
    af_model_free(model);
    return status ? cli_fail_af() : 0;
}

int main(int argc, char **argv)
{
    static struct request r;
    cli_begin("adafire-convert");
    af_convert_defaults(&r.convert);
    r.convert.on_progress = show_progress;
    r.convert.on_note = show_note;
    r.convert.context = &r;
    int status = read_arguments(argc, argv, &r);
    cli_quiet(r.quiet);
    r.convert.calib = r.calib;
    r.convert.mean = r.convert.mean_count ? r.mean : NULL;
    r.convert.std = r.convert.std_count ? r.std : NULL;
    r.convert.name = r.output;
    if (!status && r.check)
        return cli_end(check_network(&r.convert, r.json));
    r.output = r.front ? r.front : r.output;
    if (!status)
        status = check_output(&r);
    if (!status && r.front)
        return cli_end(front_write(&r.convert, r.steps_given, r.front, r.quiet));
    return status ? status : cli_end(r.ann ? run_ann(&r) : convert_file(&r));
}
