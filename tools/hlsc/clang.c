#include "clang.h"

#include "base.h"

#include <errno.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

static char scratch[2][64];
static int scratches;

static void remove_scratch(void)
{
    for (int i = 0; i < scratches; i++)
        unlink(scratch[i]);
}

static const char *scratch_file(void)
{
    char *name = strcpy(scratch[scratches], "/tmp/hlsc-XXXXXX");
    const int fd = mkstemp(name);
    if (fd < 0)
        fail((struct place){0}, "cannot make a temporary file: %s", strerror(errno));
    close(fd);
    if (!scratches++)
        atexit(remove_scratch);
    return name;
}

/* Freestanding, so that no library function is assumed; 32 bits, so that indices stay narrow; not
 * optimised by clang itself, so that pragmas find their loops. */
static const char *const clang_flags[] = {"--target=i386-unknown-none",
                                          "-ffreestanding",
                                          "-std=gnu99",
                                          "-D__HLSC__",
                                          "-O2",
                                          "-fno-unroll-loops",
                                          "-fwrapv",
                                          "-fno-strict-aliasing",
                                          "-fno-discard-value-names",
                                          "-gline-tables-only",
                                          "-femit-all-decls",
                                          "-malign-double",
                                          "-Xclang",
                                          "-disable-llvm-passes",
                                          "-Xclang",
                                          "-disable-lifetime-markers",
                                          "-Wno-unknown-pragmas"};

static void run_clang(const struct options *o, const char *const *mode, const char *output)
{
    int n = 0, flags = (int)(sizeof clang_flags / sizeof *clang_flags);
    const char **argv = take((size_t)(flags + o->clang_argument_count + 16) * sizeof *argv);
    const char *program = getenv("HLSC_CLANG");
    argv[n++] = program ? program : "clang-19";
    for (int i = 0; i < flags; i++)
        argv[n++] = clang_flags[i];
    for (int i = 0; i < o->clang_argument_count; i++)
        argv[n++] = o->clang_arguments[i];
    for (; *mode; mode++)
        argv[n++] = *mode;
    argv[n++] = "-o";
    argv[n++] = output;
    argv[n++] = "--";
    argv[n++] = o->source;
    pid_t pid;
    int error = posix_spawnp(&pid, argv[0], NULL, NULL, (char **)argv, environ), status;
    if (error)
        fail((struct place){0}, "cannot run %s: %s (install clang-19, or set HLSC_CLANG)", argv[0],
             strerror(error));
    while (waitpid(pid, &status, 0) < 0)
        if (errno != EINTR)
            fail((struct place){0}, "waiting for clang: %s", strerror(errno));
    if (!WIFEXITED(status) || WEXITSTATUS(status)) {
        if (!WIFEXITED(status) || WEXITSTATUS(status) == 127)
            fail((struct place){o->source, 0}, "clang did not run to its end");
        exit(2); /* clang has said why */
    }
}

static char *read_text(const char *path)
{
    FILE *f = fopen(path, "rb");
    if (!f)
        fail((struct place){path, 0}, "%s", strerror(errno));
    fseek(f, 0, SEEK_END);
    long n = ftell(f);
    rewind(f);
    char *s = take((size_t)n + 1);
    if (n < 0 || fread(s, 1, (size_t)n, f) != (size_t)n)
        fail((struct place){path, 0}, "cannot be read");
    fclose(f);
    return s;
}

const char *clang_bitcode(const struct options *o)
{
    const char *const mode[] = {"-c", "-emit-llvm", NULL}, *file = scratch_file();
    run_clang(o, mode, file);
    return file;
}

const char *clang_preprocessed(const struct options *o)
{
    const char *const mode[] = {"-E", "-dD", NULL}, *file = scratch_file();
    run_clang(o, mode, file);
    return read_text(file);
}
