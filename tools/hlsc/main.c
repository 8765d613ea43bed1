/* From the source to the files that the command line names. */
#include "base.h"
#include "design.h"
#include "frontend.h"
#include "options.h"
#include "ports.h"
#include "report.h"
#include "source.h"
#include "top.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *unfinished;

static void remove_unfinished(void)
{
    if (unfinished)
        unlink(unfinished);
}

static bool is_plain(const char *path)
{
    struct stat s;
    return lstat(path, &s) || S_ISREG(s.st_mode);
}

/* Writes through a temporary name, so that a file is whole or not there; into devices and links as
 * they are. */
static void write_file(const char *path, const struct design *d,
                       void (*write)(const struct design *, FILE *))
{
    if (!path || !strcmp(path, "-")) {
        write(d, stdout);
        return;
    }
    const bool plain = is_plain(path);
    const char *name = plain ? text("%s.%ld.tmp", path, (long)getpid()) : path;
    FILE *f = fopen(name, "w");
    if (!f)
        fail((struct place){path, 0}, "%s", strerror(errno));
    unfinished = plain ? name : NULL;
    write(d, f);
    bool bad = ferror(f) != 0;
    if (fclose(f) || bad || (plain && rename(name, path)))
        fail((struct place){path, 0}, "cannot be written: %s", strerror(errno));
    unfinished = NULL;
}

int main(int argc, char **argv)
{
    const struct options o = options_read(argc, argv);
    atexit(remove_unfinished);
    struct source s = frontend(&o);
    const struct design d = design_make(&s);
    write_file(o.output, &d, design_emit);
    if (o.report)
        write_file(o.report, &d, design_report);
    if (o.ports)
        write_file(o.ports, &d, design_ports);
    frontend_close(&s);
    return 0;
}
