/* A design whole: processes, and how they are joined by channels. */
#ifndef HLSC_DESIGN_H
#define HLSC_DESIGN_H
#include "base.h"
#include "process.h"
#include "source.h"

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

/* Builds and schedules every process and connects them. */
struct design design_make(struct source *s);

/* What a call's argument is: a channel, a parameter of the top, or a constant. */
LLVMValueRef argument(const struct instance *i, int parameter);
struct channel *channel_of(const struct design *d, LLVMValueRef value); /* NULL: none */
/* Bits of a parameter of the top: a number, or the address in an AXI port; 0: neither. */
int scalar_width(const struct design *d, int parameter);
int parameter_count(const struct design *d);
const char *parameter_name(const struct design *d, int parameter);
int result_width(const struct design *d); /* 0: the top returns nothing */
#endif
