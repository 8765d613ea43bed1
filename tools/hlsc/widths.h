/* How wide values need to be. Forward: above which bit is a value always zero? Backward: which of
 * its low bits does anyone look at? Both are fixpoints over the graph; counters are bounded by the
 * comparison that lets their loop go on. */
#ifndef HLSC_WIDTHS_H
#define HLSC_WIDTHS_H
#include "process.h"

void widths(struct process *p);
#endif
