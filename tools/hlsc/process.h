/* One process as a graph of operations, each a value of so many bits; the form that is scheduled
 * and written out as Verilog.
 *
 * The graph is divided into regions: a pipelined loop with all its blocks, or one basic block of
 * the code around them. Within a pipelined loop there are no branches: what a branch decides has
 * become a guard (a bit) on reads, writes and stores, and a select elsewhere. Values that are
 * merely other values' bits in another order (casts, constant shifts, masks, fields of a token) are
 * wires: they cost nothing and belong to no region. */
#ifndef HLSC_PROCESS_H
#define HLSC_PROCESS_H
#include "base.h"
#include "calls.h"
#include "flow.h"
#include "loops.h"
#include "memory.h"
#include "promise.h"
#include "source.h"

enum op {
    OP_CONST,
    OP_INPUT, /* a scalar parameter, or an AXI port's base address */
    OP_PHI,   /* first block of a region only: what came along the edge that was taken */
    OP_WIRES,
    OP_ADD,
    OP_SUB,
    OP_MUL,
    OP_AND,
    OP_OR,
    OP_XOR,
    OP_NOT,
    OP_SHL, /* shifts by a variable amount; the amount is less than the width */
    OP_LSHR,
    OP_ASHR,
    OP_EQ,
    OP_NE,
    OP_ULT,
    OP_ULE,
    OP_SLT,
    OP_SLE,
    OP_SELECT,
    OP_LOAD,  /* in[0]: address within the bank */
    OP_STORE, /* in[0]: address, in[1]: value */
    OP_READ,  /* the next token */
    OP_WRITE, /* in[0]: token */
    OP_EMPTY, /* is there no token */
    OP_COUNT, /* cycles so far; counter: of which kind */
};

/* Bits low .. low+width-1 of a node that is not wires itself; sign: bit `low`, width times. */
struct wire {
    int node, low, width;
    bool sign;
};

struct node {
    enum op op;
    int width;
    int region; /* NONE: constants, inputs, wires */
    int block;  /* PHI: the block it begins */
    int *in, ins;
    int *from;         /* PHI: the predecessor of each operand */
    uint64_t value;    /* CONST, at most 64 bits; wider ones are wires of these */
    struct wire *wire; /* WIRES: from the lowest bit on */
    int wires;
    int guard; /* LOAD, STORE, READ, WRITE, EMPTY: a bit, NONE: always */
    int memory, bank;
    int stream;
    enum counter counter;
    bool after_writes; /* WRITE of a request to read: once what was written has arrived */
    LLVMValueRef origin;
    struct place where;
    const char *name; /* in the source, where there is one */

    /* widths.c */
    int significant; /* bits above are zero */
    int demanded;    /* bits above are of no interest to anyone */
    int kept;        /* bits that exist in hardware */

    /* plan.c: cycles count from the region's (iteration's) first one */
    int cycle, ready;    /* begins in, result there in */
    double starts, ends; /* nanoseconds within these cycles */
    double delay;
    int not_before;
    int held_by;          /* the node that pushed not_before up */
    int critical;         /* the node that it waits for longest, for explanations */
    int port;             /* of a true dual port memory: 0 or 1 */
    int *source, sources; /* dependence.c: operands and guard, wires looked through */

    /* emission */
    int copies;            /* registers that carry it through later stages of its pipeline */
    bool kept_after, held; /* read after its loop; read in a later state of its block */
};

/* A way out of a pipelined loop: blocks, and the guard under which it is taken. */
struct exit_edge {
    int from, to, guard;
};

struct region {
    bool pipelined;
    int *block, blocks, block_capacity; /* the first is the header */
    int *node, nodes, node_capacity;
    const struct loop *wishes;       /* pipelined loops only */
    const struct promises *promises; /* NULL: there are none */
    struct place where;
    const char *name;
    struct exit_edge *exit; /* pipelined loops only */
    int exits, exit_capacity;
    int ii, length;    /* schedule.c */
    const char *bound; /* why the II is not less */
    int state;         /* emission: the first state */
};

struct stream {
    const char *name;
    int width;
    bool in;       /* this process reads it */
    int parameter; /* of the function; NONE: half of an AXI port */
    bool axi;
};

/* A pointer parameter: AXI master. Requests and data travel through streams NAME_ar, NAME_r,
 * NAME_aw, NAME_w that the top joins to the master. */
struct axi {
    const char *name;
    int parameter, width;
    bool loads, stores;
    int base;         /* OP_INPUT */
    int ar, r, aw, w; /* streams, NONE: not used */
    struct axi_access {
        struct place where;
        bool store;
        const char *why_single; /* NULL: in bursts */
    } *access;
    int accesses, access_capacity;
};

struct process {
    struct source *source;
    LLVMValueRef function;
    const char *name;
    struct place where;
    struct node *node;
    int nodes, node_capacity;
    struct region *region;
    int regions, region_capacity;
    struct flow flow;
    struct memory *memory;
    int memories, memory_capacity;
    struct stream *stream;
    int streams, stream_capacity;
    struct axi *axi;
    int axis, axi_capacity;
    int *input, inputs, input_capacity; /* OP_INPUT nodes */
    int result_width;
    bool counts[COUNTERS];  /* somebody asks for it */
    bool returns;           /* there is a way to the end */
    int *table, table_size; /* of equal nodes */

    /* while it is made: what new nodes belong to */
    int at_region, at_guard;
    struct place at_where;
    LLVMValueRef at_origin;

    /* binding.c */
    int *value_table, value_table_size;
    LLVMValueRef *value_key;
};

int parameter_index(const struct process *p, LLVMValueRef argument);
/* In which cycle of a region all bits of a node are there, 0 if they come from elsewhere; *who:
 * the node that is last, unless who is NULL. */
int ready_in(const struct process *p, int node, int region, int *who);
/* Everywhere that the one was used, the other is. */
void replace_node(struct process *p, int old, int new);
#endif
