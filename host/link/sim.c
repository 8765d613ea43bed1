/* The link to the Verilated accelerator: a shared object of its own for each build, because it is
 * C++ and large. It is looked for where ADAFIRE_SIM says, beside the program, and where `make
 * install` puts it. */
#include "link.h"

#include "adafire.h"
#include "error.h"
#include "sim.h"

#include <dlfcn.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    PATIENCE = 20000000
}; /* cycles without a word; the longest inference between two has fewer */

struct functions {
    struct sim *(*open)(const struct sim_options *);
    int (*exchange)(struct sim *, const uint32_t *, size_t, const uint32_t **, size_t *);
    uint64_t (*cycles)(const struct sim *);
    void (*close)(struct sim *);
};

struct sim_link {
    struct link link;
    void *library;
    struct functions f;
    struct sim *sim;
};

static int sim_link_exchange(struct link *link, const uint32_t *word, size_t words,
                             const uint32_t **answer, size_t *answers)
{
    struct sim_link *s = (struct sim_link *)link;
    switch (s->f.exchange(s->sim, word, words, answer, answers)) {
    case SIM_OK: return AF_OK;
    case SIM_NO_MEMORY: return af_fail(AF_NO_MEMORY, "no memory for an answer");
    default: return af_fail(AF_TIMEOUT, "the simulated accelerator has come to a stop");
    }
}

static uint64_t sim_link_cycles(const struct link *link)
{
    const struct sim_link *s = (const struct sim_link *)link;
    return s->f.cycles(s->sim);
}

static void sim_link_close(struct link *link)
{
    struct sim_link *s = (struct sim_link *)link;
    if (s->sim)
        s->f.close(s->sim);
    if (s->library)
        dlclose(s->library);
    free(s);
}

/* Tries the places in turn; *tried names the last one. */
static void *load_library(const char *build, char tried[PATH_MAX])
{
    char program[PATH_MAX] = "";
    ssize_t n = readlink("/proc/self/exe", program, sizeof program - 1);
    char *slash = n > 0 ? strrchr(program, '/') : NULL;
    if (slash)
        *slash = 0;
    const struct {
        const char *folder, *below;
    } places[] = {{getenv("ADAFIRE_SIM"), ""}, {program, ""}, {program, "/../lib/adafire"}};
    void *library = NULL;
    for (size_t i = 0; i < sizeof places / sizeof *places && !library; i++) {
        if (!places[i].folder || !*places[i].folder)
            continue;
        int length = snprintf(tried, PATH_MAX, "%s%s/adafire-sim-%s.so", places[i].folder,
                              places[i].below, build);
        if (length < PATH_MAX && access(tried, R_OK) == 0)
            library = dlopen(tried, RTLD_NOW | RTLD_LOCAL);
    }
    return library;
}

/* POSIX: a pointer to a function and one to an object are of the same size. */
static bool find(void *library, const char *name, void *function)
{
    void *symbol = dlsym(library, name);
    memcpy(function, &symbol, sizeof symbol);
    return symbol != NULL;
}

int link_open_sim(const char *build, struct link **link)
{
    static const struct link_operations operations = {
        .exchange = sim_link_exchange, .cycles = sim_link_cycles, .close = sim_link_close};
    const char *stall = getenv("ADAFIRE_SIM_STALL");
    const struct sim_options options = {.stall = stall ? (unsigned)atoi(stall) : 0,
                                        .patience = PATIENCE};
    char tried[PATH_MAX] = "";
    *link = NULL;
    if (!build)
        build = "sim";
    if (strspn(build, "abcdefghijklmnopqrstuvwxyz0123456789_") != strlen(build))
        return af_fail(AF_BAD_ARGUMENT, "'%.40s' is no name of a build", build);
    struct sim_link *s = calloc(1, sizeof *s);
    if (!s)
        return af_fail(AF_NO_MEMORY, "no memory");
    s->link.operations = &operations;
    s->library = load_library(build, tried);
    int status = AF_OK;
    if (!s->library)
        status = af_fail(AF_NO_DEVICE,
                         "there is no simulator of the build '%.40s'; `make sim-tiny` and `make "
                         "sim-sim` make those of tiny and sim",
                         build);
    else if (!find(s->library, "sim_open", &s->f.open) ||
             !find(s->library, "sim_exchange", &s->f.exchange) ||
             !find(s->library, "sim_cycles", &s->f.cycles) ||
             !find(s->library, "sim_close", &s->f.close))
        status = af_fail(AF_NO_DEVICE, "%s: is no simulator of this version", tried);
    if (!status && !(s->sim = s->f.open(&options)))
        status = af_fail(AF_NO_MEMORY, "no memory for a simulator");
    if (status)
        sim_link_close(&s->link);
    else
        *link = &s->link;
    return status;
}
