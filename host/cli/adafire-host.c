/* adafire-host: runs a spiking network on a board. */
#include "base/error.h"
#include "base/json.h"
#include "base/parallel.h"
#include "board/table.h"
#include "cli/builds.h"
#include "cli/checks.h"
#include "cli/cli.h"
#include "cli/figures.h"
#include "cli/live.h"
#include "cli/show.h"
#include "cli/show_profile.h"
#include "device/device.h"
#include "device/fleet.h"
#include "device/ranks.h"
#include "iat.h"
#include "link/simulator.h"
#include "recording/recording.h"
#include "run/canvas.h"
#include "run/run.h"
#include "task/classes.h"

#include <getopt.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char help[] =
    "Usage: adafire-host [--board BOARD] MODEL.snn INPUT... [OPTION]...\n"
    "  or:  adafire-host [--board BOARD] MODEL.snn --live SOURCE [OPTION]...\n"
    "Runs a spiking network on samples and tells what it answered and what it cost;\n"
    "or on a stream of events as it comes, and tells each answer and how long it\n"
    "took.\n"
    "\n"
    "Examples:\n"
    "  adafire-host digits.snn test_images.npy --labels test_labels.npy\n"
    "  adafire-host --top 3 squeezenet.snn cat.jpg\n"
    "  adafire-host --report report.html --reference ann.npy model.snn images.npy\n"
    "  adafire-host --task \"detect size 32\" --draw found.png cells.snn smear.png\n"
    "  adafire-host --labels maps.npy --draw coloured/ streets.snn test_images.npy\n"
    "  adafire-host --top 1 pointnet.snn chair.off\n"
    "  adafire-host gestures.snn --live tcp://camera:7000 --window 50ms --view 8000\n"
    "  adafire-host gestures.snn --live street.raw --replay 1 --screen\n"
    "\n"
    "INPUT: .npy (uint8, int8, float32; NCHW), .npz, MNIST idx(.gz), CIFAR binary,\n"
    "PNG, JPEG, event recordings (AEDAT 2, 3.1 and 4, EVT2, EVT2.1, EVT3, DAT, ES,\n"
    "N-MNIST .bin, HDF5, npy, npz, text; several in one table as\n"
    "EVENTS.npy@OFFSETS.npy; parts of FILE.aedat and their classes by\n"
    "FILE_labels.csv), meshes and points (.off, .ply, .npy [P,3] or [N,P,3]), a\n"
    "folder of these; folders in it are classes, in order of their names.\n"
    "\n"
    "  -b, --board BOARD      where to run (default cpu); `--board list` names them.\n"
    "                         USB boards: icebreaker, or icebreaker:WHICH of\n"
    "                         several, by bus and port (1-2.3) or serial number;\n"
    "                         usb:VID:PID[:WHICH] is any FTDI chip's serial line,\n"
    "                         usb-fifo its synchronous FIFO\n"
    "      --build NAME       the accelerator's size: sim, tiny or u250 (default:\n"
    "                         the first of these here that holds the model)\n"
    "      --profile          what the accelerator's cycles went to, by population\n"
    "                         and by process (board sim; cards)\n"
    "      --trace FILE.fst[:FROM-TO]  waveforms of the simulated accelerator (board\n"
    "                         sim; all cycles, or these; `make waves-sim` makes what\n"
    "                         writes them)\n"
    "      --devices WHICH    of several cards: a number, a PCIe address, or all\n"
    "      --bitstream FILE   for a card (default: ADAFIRE_BITSTREAM, or\n"
    "                         bitstreams/)\n"
    "      --timeout SECONDS  that a card may take for one run (default 10; emulated\n"
    "                         600; USB 60)\n"
    "  -l, --labels FILE      what is right: classes (.npy, idx, or text: a class a\n"
    "                         line, or FILE,CLASS; FILE_labels.csv of DVS128\n"
    "                         Gesture; a folder of these, or of folders by class),\n"
    "                         boxes (.npy rows sample,class,x1,y1,x2,y2, or\n"
    "                         N-Caltech101's folder of annotations by class) or\n"
    "                         class maps (.npy [N,H,W], or a folder of grey\n"
    "                         pictures; classes the network lacks are ignored)\n"
    "      --reference FILE   the ANN's outputs (.npy): tells how often both agree,\n"
    "                         and how good the ANN's boxes or maps are\n"
    "      --task TASK        classify, segment, detect, values, or a file or text\n"
    "                         that says more (default: what the model was converted\n"
    "                         for, else from its output)\n"
    "                           detect stride 8 size 32    [N,classes+4,H,W]\n"
    "                           detect anchor 8 10 16x24 anchor 16 32\n"
    "                             scores softmax variance 0.1 0.2\n"
    "                                        SSD: scores and boxes\n"
    "                           threshold 0.1 overlap 0.45\n"
    "                                        least score, and most overlap of two\n"
    "                                        boxes of a class\n"
    "      --counting WORDS   how recordings become counts, instead of what the\n"
    "                         model was converted for (the words are in\n"
    "                         adafire-convert --help)\n"
    "  -t, --timesteps N      at most N timesteps\n"
    "      --no-iat           run all timesteps, no early exit\n"
    "      --limit N          the first N samples\n"
    "      --batch N          samples at a time (default 64; boards 256; 1 where\n"
    "                         they run one by one)\n"
    "  -j, --threads N        default: all cores; on sim as many accelerators side\n"
    "                         by side\n"
    "      --top K            print the K best classes or boxes of every sample\n"
    "                         (without: the best one, of up to 10 samples)\n"
    "      --jsonl FILE       a line of JSON for every sample: its name, classes\n"
    "                         (--top K, default 1), boxes or values, and timesteps;\n"
    "                         - is standard output\n"
    "      --draw PATH        boxes or class colours on the picture: a .png for one\n"
    "                         sample, a folder for many\n"
    "      --boxes FILE       write the boxes of every sample (JSON; pixels of the\n"
    "                         picture, or of the network's input if samples are\n"
    "                         arrays)\n"
    "  -o, --output FILE      write the outputs, one row a sample (.npy)\n"
    "      --report FILE      write a page with plots (HTML, self-contained)\n"
    "      --spikes FILE      write every event:\n"
    "                         sample,timestep,population,neuron,burst\n"
    "      --json             figures as JSON on standard output\n"
    "  -q, --quiet            no progress\n"
    "\n"
    "For continuous integration:\n"
    "      --expect BOUNDS    'accuracy>=0.99, cycles_mean<=5000': figures by their\n"
    "                         keys in --json; <=, >=, <, > or ==. May be given\n"
    "                         several times\n"
    "      --baseline FILE    what --json wrote of an earlier run: shows the\n"
    "                         difference; no accuracy, energy, cycles or timesteps\n"
    "                         may be worse. Speed on this computer is shown, and not\n"
    "                         judged\n"
    "      --tolerance P      worse than the baseline by up to P percent is well\n"
    "                         (default 0)\n"
    "      --junit FILE       what came of these, as JUnit XML\n"
    "\n"
    "Live:\n"
    "      --live SOURCE      tcp://HOST:PORT (connects), udp://HOST:PORT or\n"
    "                         udp://:PORT (receives there; whole words in each\n"
    "                         datagram), - (standard input), a FIFO, a device or a\n"
    "                         file. A stream that ends is opened again, standard\n"
    "                         input and files end the run; Ctrl-C does so as well\n"
    "      --format FORMAT    of the stream, where it is not told by its first 4\n"
    "                         KiB: evt2, evt2.1, evt3, aedat4, aedat3, aedat2, dat,\n"
    "                         es, text or plain; text is t x y p; plain is 13 bytes\n"
    "                         an event: t (64 bits, us), x, y (16 bits each), p (a\n"
    "                         byte), little endian\n"
    "      --window W         50ms, 0.2s, 500us or 5000ev: so long, or so many\n"
    "                         events (default: what the model's counting says)\n"
    "      --step W           from one window to the next (default: the window)\n"
    "      --replay SPEED     a recording in its own time, 1; or so many times as\n"
    "                         fast. Without, as fast as it goes, and nothing is\n"
    "                         dropped\n"
    "      --loop             the recording again and again\n"
    "      --queue N          windows that may wait (default 16); then the oldest is\n"
    "                         dropped, and counted\n"
    "      --keep-state       neurons keep their potentials from window to window\n"
    "                         (board cpu; others begin each window from rest)\n"
    "      --screen           draw the events, the answer and the populations on the\n"
    "                         terminal\n"
    "      --view PORT        a page with the same at http://127.0.0.1:PORT/ (or\n"
    "                         HOST:PORT)\n"
    "      --json             a line a decision, and one of figures at the end\n"
    "\n"
    "Live runs also take --board, --build, --devices, --bitstream, --timeout,\n"
    "--threads, --task, --counting, --timesteps, --no-iat, --batch, --quiet, and\n"
    "--limit, of decisions.\n"
    "\n"
    "mpirun -n N adafire-host ... deals the samples out to N processes (Open MPI).\n"
    "      --help, --version\n"
    "\n"
    "Exit status: 0 well; 2 an error, one sentence on standard error; 3 an --expect\n"
    "or --baseline that does not hold, a line for each on standard error.\n";

enum {
    OPT_BUILD = 256,
    OPT_DEVICES,
    OPT_BITSTREAM,
    OPT_TIMEOUT,
    OPT_PROFILE,
    OPT_TRACE,
    OPT_REFERENCE,
    OPT_NO_IAT,
    OPT_LIMIT,
    OPT_BATCH,
    OPT_TOP,
    OPT_JSONL,
    OPT_TASK,
    OPT_COUNTING,
    OPT_DRAW,
    OPT_BOXES,
    OPT_REPORT,
    OPT_SPIKES,
    OPT_JSON,
    OPT_EXPECT,
    OPT_BASELINE,
    OPT_TOLERANCE,
    OPT_JUNIT,
    OPT_LIVE,
    OPT_FORMAT,
    OPT_WINDOW,
    OPT_STEP,
    OPT_REPLAY,
    OPT_LOOP,
    OPT_QUEUE,
    OPT_KEEP_STATE,
    OPT_SCREEN,
    OPT_VIEW,
    OPT_HELP,
    OPT_VERSION
};

static const struct option options[] = {
    {"board", required_argument, NULL, 'b'},
    {"labels", required_argument, NULL, 'l'},
    {"reference", required_argument, NULL, OPT_REFERENCE},
    {"timesteps", required_argument, NULL, 't'},
    {"no-iat", no_argument, NULL, OPT_NO_IAT},
    {"limit", required_argument, NULL, OPT_LIMIT},
    {"batch", required_argument, NULL, OPT_BATCH},
    {"build", required_argument, NULL, OPT_BUILD},
    {"devices", required_argument, NULL, OPT_DEVICES},
    {"bitstream", required_argument, NULL, OPT_BITSTREAM},
    {"timeout", required_argument, NULL, OPT_TIMEOUT},
    {"profile", no_argument, NULL, OPT_PROFILE},
    {"trace", required_argument, NULL, OPT_TRACE},
    {"threads", required_argument, NULL, 'j'},
    {"top", required_argument, NULL, OPT_TOP},
    {"jsonl", required_argument, NULL, OPT_JSONL},
    {"task", required_argument, NULL, OPT_TASK},
    {"counting", required_argument, NULL, OPT_COUNTING},
    {"draw", required_argument, NULL, OPT_DRAW},
    {"boxes", required_argument, NULL, OPT_BOXES},
    {"output", required_argument, NULL, 'o'},
    {"report", required_argument, NULL, OPT_REPORT},
    {"spikes", required_argument, NULL, OPT_SPIKES},
    {"json", no_argument, NULL, OPT_JSON},
    {"expect", required_argument, NULL, OPT_EXPECT},
    {"baseline", required_argument, NULL, OPT_BASELINE},
    {"tolerance", required_argument, NULL, OPT_TOLERANCE},
    {"junit", required_argument, NULL, OPT_JUNIT},
    {"live", required_argument, NULL, OPT_LIVE},
    {"format", required_argument, NULL, OPT_FORMAT},
    {"window", required_argument, NULL, OPT_WINDOW},
    {"step", required_argument, NULL, OPT_STEP},
    {"replay", required_argument, NULL, OPT_REPLAY},
    {"loop", no_argument, NULL, OPT_LOOP},
    {"queue", required_argument, NULL, OPT_QUEUE},
    {"keep-state", no_argument, NULL, OPT_KEEP_STATE},
    {"screen", no_argument, NULL, OPT_SCREEN},
    {"view", required_argument, NULL, OPT_VIEW},
    {"quiet", no_argument, NULL, 'q'},
    {"help", no_argument, NULL, OPT_HELP},
    {"version", no_argument, NULL, OPT_VERSION},
    {NULL, 0, NULL, 0},
};

enum { FEW = 10 }; /* samples whose answers are told unasked */

struct request {
    const char *board, *model_path, *report, *task_given, *boxes, *jsonl;
    const struct board *row; /* of the board */
    struct task task;
    struct box_file box_file;
    struct line_file lines;
    struct run_options run;
    struct live_request live;
    struct checks checks;
    struct af_device_options device;
    int top;
    bool json, quiet, profile;
    FILE *answers;    /* where they are told; NULL: not */
    double megahertz; /* of the board, 0: unknown */
    const struct af_model *model;
};

/* Those of live runs. */
static int read_live_option(int opt, const char *text, struct live_request *l)
{
    struct live_source_options *from = &l->run.source;
    l->any = true;
    switch (opt) {
    case OPT_LIVE: from->from = text; return 0;
    case OPT_FORMAT:
        from->format = text;
        return recording_is_live_format(text)
                   ? 0
                   : cli_fail("--format must be one of %s, not '%s'", LIVE_FORMATS, text);
    case OPT_WINDOW: l->window = text; return 0;
    case OPT_STEP: l->step = text; return 0;
    case OPT_REPLAY: return cli_double("--replay", text, 1e-6, 1e6, &from->speed);
    case OPT_LOOP: from->loop = true; return 0;
    case OPT_QUEUE: return cli_int("--queue", text, 1, 256, &l->run.queue);
    case OPT_KEEP_STATE: l->run.keep_state = true; return 0;
    case OPT_SCREEN: l->screen = true; return 0;
    case OPT_VIEW: l->view = text; return 0;
    default: return cli_usage();
    }
}

static int read_option(int opt, const char *text, struct request *r)
{
    int n, status;
    switch (opt) {
    case 'b': r->board = text; return 0;
    case 'l': r->run.labels = text; return 0;
    case 't': return cli_int("--timesteps", text, 1, TIMESTEPS_LIMIT, &r->run.timesteps);
    case 'j': return cli_int("--threads", text, 1, 1024, &r->device.threads);
    case 'o': r->run.output = text; return 0;
    case 'q': r->quiet = true; return 0;
    case OPT_BUILD: r->device.build = text; return 0;
    case OPT_PROFILE: r->profile = true; return 0;
    case OPT_TRACE: r->device.waves = text; return 0;
    case OPT_DEVICES: r->device.device = text; return 0;
    case OPT_BITSTREAM: r->device.bitstream = text; return 0;
    case OPT_TIMEOUT:
        status = cli_int("--timeout", text, 1, 86400, &n);
        r->device.timeout = n;
        return status;
    case OPT_REFERENCE: r->run.reference = text; return 0;
    case OPT_NO_IAT: r->run.no_iat = true; return 0;
    case OPT_LIMIT:
        status = cli_int("--limit", text, 1, 2147483647, &n);
        r->run.limit = n;
        return status;
    case OPT_BATCH: return cli_int("--batch", text, 1, 65536, &r->run.batch);
    case OPT_TOP: return cli_int("--top", text, 1, BEST_MOST, &r->top);
    case OPT_JSONL: r->jsonl = text; return 0;
    case OPT_TASK: r->task_given = text; return 0;
    case OPT_COUNTING: r->run.counting = text; return 0;
    case OPT_DRAW: r->run.draw = text; return 0;
    case OPT_BOXES: r->boxes = text; return 0;
    case OPT_REPORT: r->report = text; return 0;
    case OPT_SPIKES: r->run.spikes = text; return 0;
    case OPT_JSON: r->json = true; return 0;
    case OPT_EXPECT: return checks_expect(&r->checks, text);
    case OPT_BASELINE: r->checks.baseline = text; return 0;
    case OPT_TOLERANCE: return cli_double("--tolerance", text, 0, 1000, &r->checks.tolerance);
    case OPT_JUNIT: r->checks.junit = text; return 0;
    default: return read_live_option(opt, text, &r->live);
    }
}

static void show_attached(void *context, const char *name, const char *text)
{
    bool *any = context;
    if (!*any)
        fprintf(cli_output(), "\nattached:\n");
    *any = true;
    fprintf(cli_output(), "%-15s ", name);
    cli_wrapped(cli_output(), 16, text);
}

static void list_builds(const struct board *b)
{
    char missing[64];
    for (int i = 0; i < BUILDS; i++) {
        const char *name = builds[i].name;
        snprintf(missing, sizeof missing, "not installed; `make%s%s` makes it",
                 b->counts_cycles ? " sim-" : "", b->counts_cycles ? name : "");
        fprintf(cli_output(), "  --build %-5s ", name);
        cli_wrapped(cli_output(), 16,
                    link_has_simulator(!b->counts_cycles, name) ? builds[i].can : missing);
    }
}

static int list_boards(void)
{
    bool any = false;
    cli_guard_output(); /* from XRT, which writes there */
    for (const struct board *b = boards; b->name; b++)
        if (b->open) {
            fprintf(cli_output(), "%-13s ", b->name);
            cli_wrapped(cli_output(), 14, b->summary);
            if (b->builds)
                list_builds(b);
        }
    af_boards_attached(show_attached, &any);
    return 0;
}

/* What a live run does not do is no option of it. */
static int check_live(struct request *r)
{
    const struct {
        const char *option;
        bool given;
    } others[] = {
        {"--labels", r->run.labels},
        {"--reference", r->run.reference},
        {"--draw", r->run.draw},
        {"--boxes", r->boxes},
        {"--output", r->run.output},
        {"--report", r->report},
        {"--spikes", r->run.spikes},
        {"--profile", r->profile},
        {"--trace", r->device.waves},
        {"--top", r->top > 0},
        {"--expect", r->checks.expected > 0},
        {"--baseline", r->checks.baseline},
        {"--junit", r->checks.junit},
        {"--jsonl", r->jsonl},
    };
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        if (others[i].given)
            return cli_fail("%s is not for live runs", others[i].option);
    if (r->live.screen && r->json)
        return cli_fail("--json and --screen exclude each other");
    return live_windows(&r->live);
}

static int read_arguments(int argc, char **argv, struct request *r)
{
    int opt, status = 0;
    while (!status && (opt = getopt_long(argc, argv, "b:l:t:j:o:q", options, NULL)) != -1) {
        if (opt == OPT_HELP) {
            fputs(help, stdout);
            exit(0);
        }
        if (opt == OPT_VERSION) {
            puts("adafire-host " AF_VERSION);
            exit(0);
        }
        status = opt == '?' ? cli_unknown(options, argv[optind - 1]) : read_option(opt, optarg, r);
    }
    if (status)
        return status;
    if (strcmp(r->board, "list") == 0)
        exit(list_boards());
    if (argc - optind < 1)
        return cli_fail("a MODEL.snn is needed; see --help");
    r->model_path = argv[optind++];
    const char *dot = strrchr(r->model_path, '.');
    if (dot && strcmp(dot, ".onnx") == 0)
        return cli_fail("%s is a network; convert it to a model first: adafire-convert %s "
                        "--calib SAMPLES -o %.*s.snn",
                        r->model_path, r->model_path, (int)(dot - r->model_path), r->model_path);
    if (r->live.run.source.from)
        return optind < argc ? cli_fail("%s: a live run has one source, and that is %s",
                                        argv[optind], r->live.run.source.from)
                             : check_live(r);
    if (r->live.any)
        return cli_fail("--window, --step, --format, --replay, --loop, --queue, --keep-state, "
                        "--screen and --view need --live");
    if (optind == argc)
        return cli_fail("an INPUT is needed: samples for %s to run on; see --help", r->model_path);
    r->run.inputs = (const char *const *)(argv + optind);
    r->run.input_count = argc - optind;
    return 0;
}

/* NULL: none, or standard output. */
static const char *to_file(const char *path)
{
    return path && strcmp(path, "-") != 0 ? path : NULL;
}

static int check_outputs(const struct request *r)
{
    const char *picture = r->run.draw && canvas_is_file(r->run.draw) ? r->run.draw : NULL;
    const char *const outputs[] = {r->run.output,   r->report, r->boxes,        r->run.spikes,
                                   r->device.waves, picture,   r->checks.junit, to_file(r->jsonl)};
    const char **read = calloc((size_t)r->run.input_count + 4, sizeof *read);
    int count = 0;
    if (!read)
        return cli_fail("no memory");
    read[count++] = r->model_path;
    for (int i = 0; i < r->run.input_count; i++)
        read[count++] = r->run.inputs[i];
    if (r->run.labels)
        read[count++] = r->run.labels;
    if (r->run.reference)
        read[count++] = r->run.reference;
    if (r->checks.baseline)
        read[count++] = r->checks.baseline;
    const int status = cli_check_outputs(outputs, 8, read, count);
    free(read);
    return status;
}

/* ---- What is shown ------------------------------------------------------------------------- */

static void show_progress(void *context, int64_t done, int64_t all)
{
    (void)context;
    if (all > 0)
        cli_progress("running", (double)done / (double)all);
}

static void show_note(void *context, const char *note)
{
    (void)context;
    cli_note(note);
}

/* From the threads that simulate. */
static void show_cycles(void *context, uint64_t cycles)
{
    (void)context;
    cli_progress_rate((double)cycles, "cycles/s");
}

static int show_sample(void *context, int64_t index, const char *name,
                       const struct af_result *result, const struct answer *answer)
{
    struct request *r = context;
    const int top = r->top ? r->top : 1;
    int status = AF_OK;
    if (r->boxes)
        status = box_file_add(&r->box_file, r->model, index, name, answer->found);
    if (!status && r->jsonl)
        status = line_file_add(&r->lines, r->model, index, name, top, result, answer);
    if (!status && r->answers && answer)
        status = show_answer(r->answers, r->model, name, top, answer);
    else if (!status && r->answers)
        show_best(r->answers, r->model, name, top, result);
    return status;
}

/* Of the accelerator; NULL where the board has but one. */
static const char *build_of(const struct request *r)
{
    return !r->row->builds ? NULL : r->device.build ? r->device.build : "sim";
}

static void print_json(const struct request *r, const struct run_totals *t, const double *figures)
{
    const struct af_model *m = r->model;
    fprintf(cli_output(), "{\"board\": ");
    json_text(cli_output(), r->board);
    if (build_of(r)) {
        fprintf(cli_output(), ", \"build\": ");
        json_text(cli_output(), build_of(r));
    }
    fprintf(cli_output(), ", \"model\": ");
    json_text(cli_output(), r->model_path);
    fprintf(cli_output(), ", \"task\": \"%s\", ", task_kind_name(r->task.kind));
    for (int i = 0; i < FIGURE_COUNT; i++)
        if (figure_rows[i].tasks & (1U << r->task.kind)) {
            json_number(cli_output(), figure_rows[i].key, figures[i]);
            fprintf(cli_output(), ", ");
        }
    show_classes_json(cli_output(), r->task.kind, t);
    checks_json(&r->checks, cli_output());
    if (r->profile)
        show_profile_json(cli_output(), m, t);
    fprintf(cli_output(), "\"timesteps_histogram\": [");
    for (int s = 0; s < t->timesteps; s++)
        fprintf(cli_output(), "%s%lld", s ? ", " : "", (long long)t->exits[s]);
    fprintf(cli_output(), "], ");
    cli_json_notes(cli_output());
    fprintf(cli_output(), "}\n");
}

static void print_summary(const struct request *r, const struct run_totals *t,
                          const double *figures)
{
    const struct af_model *m = r->model;
    char a[16], b[16], c[16], d[16];
    const struct af_energy energy = run_energy(m, t);
    fprintf(cli_output(), "%s on %s: %lld sample%s, %.*f a second\n", r->model_path, r->board,
            (long long)t->samples, cli_s(t->samples), (double)t->samples < 10 * t->seconds ? 2 : 0,
            (double)t->samples / t->seconds);
    if (!isnan(t->accuracy))
        fprintf(cli_output(), "  accuracy         %.2f %%", 100 * t->accuracy);
    if (!isnan(t->ann_accuracy))
        fprintf(cli_output(), " (ANN %.2f %%)", 100 * t->ann_accuracy);
    if (!isnan(t->accuracy))
        fprintf(cli_output(), "\n");
    if (!isnan(t->top5))
        fprintf(cli_output(), "  top-5            %.2f %%\n", 100 * t->top5);
    show_score(cli_output(), m, r->task.kind, t);
    if (t->ignored > 0)
        fprintf(cli_output(), "  labels ignored   %.2f %%, of classes that the network lacks\n",
                100 * t->ignored);
    if (!isnan(t->agreement))
        fprintf(cli_output(), "  agreement        %.2f %% with the ANN\n", 100 * t->agreement);
    fprintf(cli_output(), "  timesteps        %.2f of %d on average%s\n", t->timesteps_mean,
            t->timesteps, m->iat.metric != IAT_OFF && !r->run.no_iat ? " (early exit on)" : "");
    fprintf(cli_output(), "  spikes           %s in %s events\n",
            cli_human(run_mean(m, t, t->spikes), a), cli_human(run_mean(m, t, t->events), b));
    fprintf(cli_output(), "  synaptic ops     %s an event once, %s every spike, ANN %s MACs\n",
            cli_human(run_mean(m, t, t->sops), a), cli_human(run_mean(m, t, t->spike_sops), c),
            cli_human((double)m->ann_macs, d));
    fprintf(cli_output(),
            "  energy (45 nm)   %.3f uJ an event once, %.3f uJ every spike, ANN %.3f uJ\n"
            "                   (%.3f and %.3f of it)\n",
            energy.event, energy.spike, energy.ann, energy.event / energy.ann,
            energy.spike / energy.ann);
    show_integer_energy(cli_output(), energy.ann, energy.add, &energy);
    if (t->cycles > 0)
        fprintf(cli_output(), "  clock cycles     %s a sample, %.1f synaptic ops a cycle\n",
                cli_human(t->cycles / (double)t->samples, a),
                run_mean(m, t, t->sops) * (double)t->samples / t->cycles);
    const double latency = figures_get(figures, "latency_us");
    if (!isnan(latency))
        fprintf(cli_output(), "  latency          %.1f us at %.0f MHz, %s samples a second\n",
                latency, r->megahertz, cli_human(1e6 / latency, a));
    if (r->profile)
        show_profile(cli_output(), m, t);
}

static int write_report(const struct request *r, const struct run_totals *t)
{
    const struct af_model *m = r->model;
    struct af_report report;
    af_report_defaults(&report);
    report.board = r->board;
    report.samples = t->samples;
    report.timesteps = t->timesteps;
    report.iat = m->iat.metric != IAT_OFF && !r->run.no_iat;
    report.seconds = t->seconds;
    report.exits = t->exits;
    report.accuracy = t->accuracy;
    report.top5 = t->top5;
    report.agreement = t->agreement;
    report.accuracy_at = t->accuracy_at;
    report.agreement_at = t->agreement_at;
    report.ignored = t->ignored;
    report.spikes = t->spikes;
    report.events = t->events;
    report.sops = t->sops;
    report.spike_sops = t->spike_sops;
    report.adds = t->adds;
    report.task = r->task.kind;
    report.mean = t->score.mean;
    report.ann_mean = t->ann_score.mean;
    report.pixels = t->score.pixels;
    report.ann_pixels = t->ann_score.pixels;
    report.error = t->score.error;
    report.ann_error = t->ann_score.error;
    report.recall = t->like.recall;
    report.precision = t->like.precision;
    report.distance = t->like.error;
    report.raster = t->raster;
    report.raster_count = t->raster_count;
    report.raster_name = t->raster_name;
    report.profile = t->profile.first;
    return af_report_write(m, &report, r->report);
}

/* Options that are another board's are no error, but not passed over in silence either. */
static void note_unused(const struct request *r)
{
    const struct board *b = r->row;
    const bool far = b->link != AF_LINK_NONE && b->link != AF_LINK_PROCESS;
    const struct {
        const char *option;
        bool given, used;
    } options_of_boards[] = {
        {"--build", r->device.build, b->builds},
        {"--devices", r->device.device, far},
        {"--timeout", r->device.timeout > 0, far},
        {"--bitstream", r->device.bitstream, b->cards},
        {"--threads", r->device.threads > 0, b->link == AF_LINK_NONE || b->side_by_side},
    };
    char text[120];
    for (size_t i = 0; i < sizeof options_of_boards / sizeof *options_of_boards; i++)
        if (options_of_boards[i].given && !options_of_boards[i].used) {
            snprintf(text, sizeof text, "%s means nothing to the board %s",
                     options_of_boards[i].option, b->name);
            cli_note(text);
        }
}

/* Under mpirun every rank of a computer has a card of its own. */
static int choose_card(struct request *r, const struct ranks *ranks, char number[12])
{
    if (ranks_size(ranks) == 1 || !r->row->cards || strchr(r->board, ':'))
        return 0;
    if (r->device.device)
        return cli_fail(
            "--devices cannot be chosen under mpirun: each rank takes a card of its own");
    snprintf(number, 12, "%d", ranks_local_rank(ranks));
    r->device.device = number;
    return 0;
}

/* What may be said of a model that a board does not hold: which build would. */
static int fail_to_open(const struct request *r, const struct af_model *model, int status)
{
    char why[1024];
    snprintf(why, sizeof why, "%s", af_error());
    if (status != AF_UNSUPPORTED || r->row->link == AF_LINK_NONE)
        return status;
    const char *fits = build_that_fits(model, r->device.build);
    if (fits)
        return af_fail(status, "%s; it would fit --board sim --build %s", why, fits);
    return af_fail(status, "%s; it runs on --board cpu", why);
}

/* Without --build, the first of those here that holds the model. */
static int open_board(struct request *r, const struct af_model *model, struct af_device **device)
{
    char why[1024] = "", note[160];
    int first = AF_OK;
    if (!r->row->builds || r->device.build) {
        const int status = af_device_open(r->board, &r->device, model, device);
        return status ? fail_to_open(r, model, status) : status;
    }
    for (int i = 0; i < BUILDS; i++) {
        r->device.build = builds[i].name;
        const int status = af_device_open(r->board, &r->device, model, device);
        if (!status && i && r->device.on_note) {
            snprintf(note, sizeof note, "the build %s is used: %s %s", builds[i].name,
                     builds[0].name, first == AF_NO_DEVICE ? "is not installed" : "does not fit");
            show_note(NULL, note);
        }
        if (!status || (status != AF_UNSUPPORTED && status != AF_NO_DEVICE))
            return status;
        if (!first || (first == AF_NO_DEVICE && status == AF_UNSUPPORTED)) {
            first = status;
            snprintf(why, sizeof why, "%s", af_error());
        }
    }
    r->device.build = NULL;
    return first == AF_UNSUPPORTED ? af_fail(first, "%s; it runs on --board cpu", why)
                                   : af_fail(first, "%s", why);
}

/* What ranks but the first do. */
static int serve(struct request *r, struct ranks *ranks)
{
    struct af_model *model = NULL;
    struct af_device *device = NULL;
    int status = af_model_load(r->model_path, &model);
    if (!status)
        status = open_board(r, model, &device);
    status = ranks_serve(ranks, device, status);
    af_device_close(device);
    af_model_free(model);
    return status ? cli_fail_af() : 0;
}

/* Samples at a time: of a simulated board something is to be seen after each; cards and USB boards
 * work while the next samples are on their way, within a batch. */
static int batch_of(const struct request *r)
{
    if (r->row->simulated)
        return r->row->side_by_side ? fleet_size(&r->device) : 1;
    return r->row->works_ahead ? 256 : 64;
}

/* What a run tells when it has succeeded; its exit status. */
static int tell(struct request *r, const struct run_totals *t, const struct checked_run *run)
{
    double figures[FIGURE_COUNT];
    figures_measure(r->model, t, r->task.kind, r->megahertz, figures);
    const int status = checks_judge(&r->checks, run, figures);
    if (r->json)
        print_json(r, t, figures);
    else if (!r->jsonl || to_file(r->jsonl))
        print_summary(r, t, figures);
    if (status)
        return status;
    checks_show(&r->checks, figures,
                r->json || (r->jsonl && !to_file(r->jsonl)) ? stderr : cli_output());
    return checks_end(&r->checks, r->model_path, t->seconds);
}

static int run_model(struct request *r, struct ranks *ranks)
{
    struct af_model *model = NULL;
    struct af_device *device = NULL, *exact = NULL;
    struct run_totals totals = {0};
    if (checks_begin(&r->checks))
        return EXIT_ERROR;
    int status = af_model_load(r->model_path, &model), told = 0;
    r->model = model;
    if (!status)
        status = task_of_model(model, r->task_given, &r->task);
    if (!r->run.batch)
        r->run.batch = ranks_size(ranks) * batch_of(r);
    if (!status && r->row->simulated)
        cli_progress("loading", 0);
    r->device.on_note = show_note;
    r->device.on_cycles = r->row->simulated && r->row->counts_cycles ? show_cycles : NULL;
    if (!status)
        status = open_board(r, model, &device);
    const struct checked_run checked = {.board = r->board,
                                        .build = build_of(r),
                                        .task = r->task.kind,
                                        .counts_cycles = r->row->counts_cycles};
    if (!status && checks_fit(&r->checks, &checked)) {
        af_device_close(device);
        af_model_free(model);
        return EXIT_ERROR;
    }
    if (!status && r->row->link != AF_LINK_NONE && (r->report || r->run.spikes))
        status = af_device_open("cpu", &(struct af_device_options){.threads = r->device.threads},
                                model, &exact);
    r->run.exact = exact;
    if (!status && ranks)
        status = ranks_over(ranks, device, &device);
    if (!status && r->run.timesteps > model->timesteps)
        status = af_fail(AF_BAD_ARGUMENT, "--timesteps %d, but %s was converted for %d",
                         r->run.timesteps, r->model_path, model->timesteps);
    r->megahertz = af_device_megahertz(device);
    if (!status && r->row->simulated)
        cli_progress("running", 0);
    r->run.history = r->report != NULL;
    r->run.profile = r->profile;
    r->run.progress = show_progress;
    r->run.note = show_note;
    r->answers = r->json || r->jsonl ? NULL : cli_output();
    r->run.each = r->answers || r->boxes || r->jsonl ? show_sample : NULL;
    r->run.each_most = r->top || r->boxes || r->jsonl ? 0 : FEW;
    r->run.decode = r->run.each != NULL;
    r->run.context = r;
    r->run.task = &r->task;
    if (!status && r->boxes && r->task.kind != AF_DETECT)
        status = af_fail(AF_BAD_ARGUMENT, "--boxes needs a detector; this is a task to %s (--task)",
                         task_kind_name(r->task.kind));
    if (!status && r->boxes)
        status = box_file_begin(&r->box_file, r->boxes);
    if (!status && r->jsonl)
        status = line_file_begin(&r->lines, to_file(r->jsonl), cli_output());
    if (!status)
        status = run_files(device, model, &r->run, &totals);
    cli_progress(NULL, 0);
    int ended = box_file_end(&r->box_file, status);
    status = status ? status : ended;
    ended = line_file_end(&r->lines, status);
    status = status ? status : ended;
    if (!status && r->report)
        status = write_report(r, &totals);
    if (!status)
        told = tell(r, &totals, &checked);
    if (status) /* before a device is closed that may be past saving */
        cli_fail_af();
    run_totals_free(&totals);
    af_device_close(exact);
    af_device_close(device);
    af_model_free(model);
    return status ? EXIT_ERROR : told;
}

static int run_live(struct request *r)
{
    struct af_model *model = NULL;
    struct af_device *device = NULL;
    struct live_request *l = &r->live;
    int status = af_model_load(r->model_path, &model);
    r->device.on_note = show_note;
    if (!status)
        status = open_board(r, model, &device);
    if (status) {
        cli_fail_af();
        af_model_free(model);
        return EXIT_ERROR;
    }
    l->board = r->board;
    l->model_path = r->model_path;
    l->json = r->json;
    l->quiet = r->quiet;
    l->megahertz = af_device_megahertz(device);
    l->run.counting = r->run.counting;
    l->run.task = r->task_given;
    l->run.timesteps = r->run.timesteps;
    l->run.no_iat = r->run.no_iat;
    l->run.limit = r->run.limit;
    l->run.batch = r->run.batch                                         ? r->run.batch
                   : r->row->simulated                                  ? batch_of(r)
                   : r->row->link == AF_LINK_NONE && !r->device.threads ? parallel_cores()
                                                                        : r->device.threads;
    status = live_show(l, device, model);
    af_device_close(device);
    af_model_free(model);
    return status;
}

int main(int argc, char **argv)
{
    struct request r = {.board = "cpu"};
    cli_begin("adafire-host");
    int status = read_arguments(argc, argv, &r);
    cli_quiet(r.quiet);
    if (!status && r.json && r.top && !r.jsonl)
        status = cli_fail("--json and --top exclude each other");
    if (!status && r.json && r.jsonl && !to_file(r.jsonl))
        status = cli_fail("--json and --jsonl - exclude each other");
    if (!status)
        status = check_outputs(&r);
    if (status)
        return status;
    struct ranks *ranks;
    char number[12];
    const char *which;
    r.row = board_find(r.board, &which);
    if (!r.row)
        return cli_fail_af();
    if (r.row->cards)
        cli_guard_output();
    note_unused(&r);
    if (ranks_begin(&ranks))
        return cli_fail_af();
    status = choose_card(&r, ranks, number);
    if (!status && r.live.run.source.from && ranks_size(ranks) > 1)
        status = ranks_rank(ranks) ? EXIT_ERROR
                                   : cli_fail("--live is of one process, not of %d under mpirun",
                                              ranks_size(ranks));
    if (!status && r.live.run.source.from)
        status = run_live(&r);
    else if (!status)
        status = ranks_rank(ranks) ? serve(&r, ranks) : run_model(&r, ranks);
    ranks_end(ranks);
    checks_free(&r.checks);
    return cli_end(status);
}
