#include "target.h"

#include <string.h>

/* Estimates; hw/README.md states what place and route measured. */
const struct target targets[] = {
    {"generic", "no device in particular (the default)", 0.6, 2.2, 0.5, 0.8, 0.05, 3.6, 0.12, 18,
     18, 18432, 6, false},
    {"ice40", "Lattice iCE40 HX (UP5K is about half as fast)", 1.1, 3.2, 1.1, 1.6, 0.13, 6.0, 0.9,
     0, 0, 4096, 4, false},
    {"ecp5", "Lattice ECP5", 1.2, 6.0, 1.0, 1.6, 0.05, 6.0, 0.3, 18, 18, 18432, 4, false},
    {"xcup", "AMD UltraScale+ (Alveo U250)", 0.25, 1.1, 0.35, 0.45, 0.012, 1.6, 0.08, 27, 18, 36864,
     6, true},
    {0},
};

const struct target *target_find(const char *name)
{
    for (const struct target *t = targets; t->name; t++)
        if (!strcmp(t->name, name))
            return t;
    return NULL;
}
