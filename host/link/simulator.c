#include "link/simulator.h"

#include "base/error.h"
#include "base/suggest.h"
#include "sim.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    PATIENCE = 100000000
}; /* cycles without a word; the longest inference between two has fewer */

struct functions {
    struct sim *(*open)(const struct sim_options *);
    int (*exchange)(struct sim *, const uint32_t *, size_t, const uint32_t **, size_t *);
    const char *(*stuck)(const struct sim *);
    uint64_t (*cycles)(const struct sim *);
    unsigned (*megahertz)(void);
    void (*close)(struct sim *);
};

struct simulator {
    struct link link;
    void *library;
    int copy; /* an open file, or -1 */
    struct functions f;
    struct sim *sim;
    char waves[PATH_MAX]; /* the file's name */
};

static int simulator_exchange(struct link *link, const uint32_t *word, size_t words,
                              const uint32_t **answer, size_t *answers)
{
    struct simulator *s = (struct simulator *)link;
    switch (s->f.exchange(s->sim, word, words, answer, answers)) {
    case SIM_OK: return AF_OK;
    case SIM_NO_MEMORY: return af_fail(AF_NO_MEMORY, "no memory for an answer");
    default:
        return af_fail(AF_TIMEOUT, "the simulated accelerator has come to a stop: %s",
                       s->f.stuck(s->sim));
    }
}

static uint64_t simulator_cycles(const struct link *link)
{
    const struct simulator *s = (const struct simulator *)link;
    return s->f.cycles(s->sim);
}

static void simulator_close(struct link *link)
{
    struct simulator *s = (struct simulator *)link;
    if (s->sim)
        s->f.close(s->sim);
    if (s->library)
        dlclose(s->library);
    if (s->copy >= 0)
        close(s->copy);
    free(s);
}

/* A copy of the file that nothing else has loaded: what is static in it is the link's own. It stays
 * open, because of two files of one name the linker loads the first alone. */
static void *load_copy(const char *path, int *copy)
{
    char name[40];
    void *library = NULL;
    struct stat st;
    const int file = open(path, O_RDONLY | O_CLOEXEC);
    *copy = memfd_create("adafire-csim", MFD_CLOEXEC);
    bool whole = file >= 0 && *copy >= 0 && fstat(file, &st) == 0;
    for (off_t left = whole ? st.st_size : 0; left > 0;) {
        const ssize_t n = sendfile(*copy, file, NULL, (size_t)left);
        whole = n > 0;
        left = whole ? left - n : 0;
    }
    snprintf(name, sizeof name, "/proc/self/fd/%d", *copy);
    if (whole)
        library = dlopen(name, RTLD_NOW | RTLD_LOCAL);
    if (file >= 0)
        close(file);
    if (!library && *copy >= 0) {
        close(*copy);
        *copy = -1;
    }
    return library;
}

/* Looks at the places in turn, from *place on, which is left behind the one that has it. */
static bool find_file(const char *kind, const char *build, size_t *place, char file[PATH_MAX])
{
    char program[PATH_MAX] = "";
    ssize_t n = readlink("/proc/self/exe", program, sizeof program - 1);
    char *slash = n > 0 ? strrchr(program, '/') : NULL;
    if (slash)
        *slash = 0;
    char own[PATH_MAX] = ""; /* where libadafire.so is */
    Dl_info info;
    if (dladdr((const void *)(uintptr_t)load_copy, &info) && strchr(info.dli_fname, '/'))
        snprintf(own, sizeof own, "%.*s", (int)(strrchr(info.dli_fname, '/') - info.dli_fname),
                 info.dli_fname);
    const struct {
        const char *folder, *below;
    } places[] = {{getenv("ADAFIRE_SIM"), ""},    {program, ""},
                  {program, "/../lib/adafire"},   {own, "/adafire"},
                  {"/usr/local/lib/adafire", ""}, {"/usr/lib/adafire", ""}};
    for (size_t i; (i = *place) < sizeof places / sizeof *places;) {
        ++*place;
        if (!places[i].folder || !*places[i].folder)
            continue;
        int length = snprintf(file, PATH_MAX, "%s%s/adafire-%s-%s.so", places[i].folder,
                              places[i].below, kind, build);
        if (length < PATH_MAX && access(file, R_OK) == 0)
            return true;
    }
    return false;
}

static void *load_library(const char *kind, const char *build, char tried[PATH_MAX], int *copy)
{
    void *library = NULL;
    for (size_t place = 0; !library && find_file(kind, build, &place, tried);)
        library = strcmp(kind, "csim") == 0 ? load_copy(tried, copy)
                                            : dlopen(tried, RTLD_NOW | RTLD_LOCAL);
    return library;
}

bool link_has_simulator(bool compiled, const char *build)
{
    char file[PATH_MAX];
    return find_file(compiled ? "csim" : "sim", build, &(size_t){0}, file);
}

static const char *build_at(const void *of, int i)
{
    static const char *const names[] = {"sim", "tiny", "u250", "ulx3s", NULL};
    (void)of;
    return names[i];
}

/* POSIX: a pointer to a function and one to an object are of the same size. */
static bool find(void *library, const char *name, void *function)
{
    void *symbol = dlsym(library, name);
    memcpy(function, &symbol, sizeof symbol);
    return symbol != NULL;
}

/* FILE or FILE:FROM-TO, in cycles. */
static int read_waves(const char *text, char file[PATH_MAX], struct sim_options *o)
{
    const char *colon = strrchr(text, ':');
    int length = colon ? (int)(colon - text) : (int)strlen(text), end = 0;
    unsigned long long from = 0, to = UINT64_MAX;
    if (colon && (sscanf(colon, ":%llu-%llu%n", &from, &to, &end) < 2 || colon[end] || from > to))
        return af_fail(AF_BAD_ARGUMENT, "'%.200s': the cycles of a waveform are FROM-TO", text);
    if (length == 0 || length >= PATH_MAX)
        return af_fail(AF_BAD_ARGUMENT, "'%.200s' names no file for a waveform", text);
    snprintf(file, PATH_MAX, "%.*s", length, text);
    FILE *f = fopen(file, "wb");
    if (!f)
        return af_fail(AF_IO, "%.200s: %s", file, strerror(errno));
    fclose(f);
    o->trace = file;
    o->trace_from = from;
    o->trace_to = to;
    return AF_OK;
}

static int no_library(const char *kind, const char *build)
{
    const char *near = suggest(build, build_at, NULL);
    if (near && strcmp(near, build) != 0)
        return af_fail(AF_NO_DEVICE, "no build '%.40s'; did you mean %s?", build, near);
    if (strcmp(kind, "csim") == 0)
        return af_fail(AF_NO_DEVICE, "no build '%.40s'; there are sim, tiny, u250 and ulx3s",
                       build);
    return af_fail(AF_NO_DEVICE,
                   "there is no simulator of the build '%.40s'%s; `make %s-tiny` and `make %s-sim` "
                   "make those of tiny and sim",
                   build, strcmp(kind, "waves") == 0 ? " that writes waveforms" : "", kind, kind);
}

static int open_library(struct simulator *s, const char *kind, const char *build)
{
    char tried[PATH_MAX] = "";
    s->library = load_library(kind, build, tried, &s->copy);
    if (!s->library)
        return no_library(kind, build);
    if (!find(s->library, "sim_open", &s->f.open) ||
        !find(s->library, "sim_exchange", &s->f.exchange) ||
        !find(s->library, "sim_stuck", &s->f.stuck) ||
        !find(s->library, "sim_cycles", &s->f.cycles) ||
        !find(s->library, "sim_megahertz", &s->f.megahertz) ||
        !find(s->library, "sim_close", &s->f.close))
        return af_fail(AF_NO_DEVICE, "%s: is no simulator of this version", tried);
    return AF_OK;
}

int link_open_simulator(const struct simulator_options *o, struct link **link)
{
    static const struct link_operations operations = {
        .exchange = simulator_exchange, .cycles = simulator_cycles, .close = simulator_close};
    const char *stall = getenv("ADAFIRE_SIM_STALL");
    struct sim_options options = {.stall = stall ? (unsigned)atoi(stall) : 0,
                                  .patience = o->patience   ? o->patience
                                              : o->compiled ? 0
                                                            : PATIENCE,
                                  .memory = getenv("ADAFIRE_SIM_MEMORY"),
                                  .tick = o->on_cycles,
                                  .context = o->context};
    const char *build = o->build ? o->build : "sim", *kind = o->compiled ? "csim"
                                                             : o->waves  ? "waves"
                                                                         : "sim";
    *link = NULL;
    if (strspn(build, "abcdefghijklmnopqrstuvwxyz0123456789_") != strlen(build))
        return af_fail(AF_BAD_ARGUMENT, "'%.40s' is no name of a build", build);
    struct simulator *s = calloc(1, sizeof *s);
    if (!s)
        return af_fail(AF_NO_MEMORY, "no memory");
    s->link.operations = &operations;
    s->copy = -1;
    int status = open_library(s, kind, build);
    if (!status && o->waves)
        status = read_waves(o->waves, s->waves, &options);
    if (!status && !(s->sim = s->f.open(&options)))
        status =
            options.memory
                ? af_fail(AF_BAD_ARGUMENT,
                          "ADAFIRE_SIM_MEMORY says '%.80s', which is not like 'latency 60 width "
                          "128 stall 0 refresh 0'",
                          options.memory)
                : af_fail(AF_NO_MEMORY, "no memory for a simulator");
    if (!status)
        s->link.megahertz = s->f.megahertz();
    if (status)
        simulator_close(&s->link);
    else
        *link = &s->link;
    return status;
}
