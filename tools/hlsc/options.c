#include "options.h"

#include "base.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char usage[] =
    "Usage: hlsc [OPTION]... FILE.c --top FUNCTION -o OUT.v\n"
    "Compiles HLS-C (C99 with #pragma HLS) to synthesizable Verilog-2001.\n"
    "\n"
    "  --top FUNCTION     the function that becomes the module; with #pragma HLS dataflow in it, "
    "the\n"
    "                     functions it calls become processes joined by FIFOs\n"
    "  -o FILE            where the Verilog goes (default: standard output)\n"
    "  --clock NS         the clock period to schedule for (default 10)\n"
    "  --target NAME      whose delays to assume:\n";

static const char usage_rest[] =
    "  --report FILE      writes the schedule: per loop II, depth and what bounds it; memories, "
    "streams\n"
    "  --ports FILE       writes the module's ports and registers, a line each, for scripts\n"
    "  -I DIR, -D NAME    for the C preprocessor, which also sees __HLSC__\n"
    "  -w                 without clang's warnings\n"
    "  --dump FILE        writes the LLVM IR that the graph is built from\n"
    "  --break FAULT      makes a wrong module, to try out tests with: bypass, schedule, width\n"
    "  --help, --version\n"
    "\n"
    "The Verilog needs the modules of hw/rtl beside it. Exit status: 0, or 2 with FILE:LINE: "
    "error: reason.\n"
    "\n"
    "Example:\n"
    "  hlsc fir.c --top fir --clock 5 --target xcup -o fir.v --report fir.txt\n";

static void print_usage(void)
{
    fputs(usage, stdout);
    for (const struct target *t = targets; t->name; t++)
        printf("                       %-8s %s\n", t->name, t->about);
    fputs(usage_rest, stdout);
}

enum { TOP = 256, CLOCK, TARGET, REPORT, PORTS, DUMP, BREAK, HELP, VERSION };

static const struct option long_options[] = {
    {"top", required_argument, NULL, TOP},       {"clock", required_argument, NULL, CLOCK},
    {"target", required_argument, NULL, TARGET}, {"report", required_argument, NULL, REPORT},
    {"ports", required_argument, NULL, PORTS},   {"dump", required_argument, NULL, DUMP},
    {"break", required_argument, NULL, BREAK},   {"help", no_argument, NULL, HELP},
    {"version", no_argument, NULL, VERSION},     {0}};

static void set_break(struct options *o, const char *fault)
{
    o->break_bypass |= !strcmp(fault, "bypass");
    o->break_schedule |= !strcmp(fault, "schedule");
    o->break_width |= !strcmp(fault, "width");
    if (!o->break_bypass && !o->break_schedule && !o->break_width)
        fail((struct place){0}, "--break %s: there are bypass, schedule and width", fault);
}

static void set_option(struct options *o, int which, int *capacity)
{
    const struct place none = {0};
    char *end;
    switch (which) {
    case TOP: o->top = optarg; break;
    case CLOCK:
        o->clock_ns = strtod(optarg, &end);
        if (*end || !(o->clock_ns >= 0.5 && o->clock_ns <= 10000))
            fail(none, "--clock %s: a number of nanoseconds from 0.5 to 10000", optarg);
        break;
    case TARGET:
        o->target = target_find(optarg);
        if (!o->target)
            fail(none, "--target %s is not known; hlsc --help lists them", optarg);
        break;
    case REPORT: o->report = optarg; break;
    case PORTS: o->ports = optarg; break;
    case DUMP: o->dump = optarg; break;
    case BREAK: set_break(o, optarg); break;
    case HELP: print_usage(); exit(0);
    case VERSION: printf("hlsc " AF_VERSION "\n"); exit(0);
    case 'o': o->output = optarg; break;
    case 'w': APPEND(o->clang_arguments, o->clang_argument_count, *capacity, "-w"); break;
    case 'I':
    case 'D':
        APPEND(o->clang_arguments, o->clang_argument_count, *capacity,
               text("-%c%s", which, optarg));
        break;
    default: fprintf(stderr, "Try hlsc --help.\n"); exit(2);
    }
}

struct options options_read(int argc, char **argv)
{
    struct options o = {.clock_ns = 10, .target = &targets[0]};
    int which, capacity = 0;
    while ((which = getopt_long(argc, argv, "o:I:D:w", long_options, NULL)) != -1)
        set_option(&o, which, &capacity);
    if (optind + 1 != argc || !o.top) {
        fprintf(stderr, "hlsc: error: %s\nTry hlsc --help.\n",
                optind + 1 != argc ? "one source file is needed" : "--top FUNCTION is needed");
        exit(2);
    }
    o.source = argv[optind];
    return o;
}
