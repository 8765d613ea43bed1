/* The module that the outside sees: processes joined by FIFOs, AXI masters, AXI4-Lite control. */
#ifndef HLSC_TOP_H
#define HLSC_TOP_H
#include "process.h"

#include <stdio.h>

struct channel {
    const char *name;
    struct place where;
    LLVMValueRef value; /* the stream's opening, or the top's parameter */
    int width, depth;
    int writer, reader; /* instances, NONE: the outside */
    bool outside, in;   /* outside: a port of the top; in: read by a process */
};

struct instance {
    struct process *process;
    LLVMValueRef call; /* NULL: the top is the process */
    const char *name;
    struct place where;
};

/* A design whole: what report and emission work on. */
struct design {
    struct source *source;
    const char *name;
    struct process **process; /* each module once */
    int processes;
    struct instance *instance;
    int instances, instance_capacity;
    struct channel *channel;
    int channels, channel_capacity;
    bool shell; /* AXI4-Lite control was asked for */
};

struct design design_make(struct source *s);
void design_emit(struct design *d, FILE *out);
void design_ports(const struct design *d, FILE *out);
void design_report(const struct design *d, FILE *f);
#endif
