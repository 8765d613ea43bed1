/* One process as a graph of operations, each a value of so many bits; the form that is scheduled
 * and written out as Verilog.
 *
 * The graph is divided into regions: a pipelined loop with all its blocks, or one basic block of
 * the code around them. Within a pipelined loop there are no branches: what a branch decides has
 * become a guard (a bit) on reads, writes and stores, and a select elsewhere. Values that are
 * merely other values' bits in another order (casts, constant shifts, masks, fields of a token) are
 * wires: they cost nothing and belong to no region. */
#ifndef HLSC_GRAPH_H
#define HLSC_GRAPH_H
#include "calls.h"
#include "source.h"

#include <stdio.h>

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

enum { NONE = -1 };

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

    /* schedule.c: cycles count from the region's (iteration's) first one */
    int cycle, ready;    /* begins in, result there in */
    double starts, ends; /* nanoseconds within these cycles */
    double delay;
    int not_before;
    int held_by;          /* the node that pushed not_before up */
    int critical;         /* the node that it waits for longest, for explanations */
    int *source, sources; /* what it waits for: operands and guard, wires looked through */

    /* emit.c */
    int port;              /* of a true dual port memory: 0 or 1 */
    int copies;            /* registers that carry it through later stages of its pipeline */
    bool kept_after, held; /* read after its loop; read in a later state of its block */
};

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
    int ii, length, least_ii;
    const char *bound; /* why the II is not less */
    int state;         /* emit.c: the first state */
};

enum memory_kind { MEMORY_REGISTERS, MEMORY_SIMPLE, MEMORY_TRUE_DUAL, MEMORY_ROM };

struct memory {
    LLVMValueRef array; /* global or alloca */
    int leaf;           /* byte offset of the field within the element, for arrays of structs */
    const char *name;
    struct place where;
    int width;
    long size[8], stride[8], total; /* elements and bytes by dimension */
    int dims, outer;                /* those from outer on lie within the struct */
    int banks_of[8];
    bool block_of[8];
    int banks, depth;
    bool constant;
    bool bypass; /* a read sees what is written in the same cycle */
    enum memory_kind kind;
    int kept;    /* bits of an element that are ever used */
    bool merged; /* emit_memory.c: all banks are one wide RAM */
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
    } * access;
    int accesses, access_capacity;
};

struct block {
    LLVMBasicBlockRef llvm;
    int *next, nexts, next_capacity;
    int *before, befores, before_capacity; /* each predecessor once */
    int *edge_condition;                   /* of each way out, once control is here */
    int *edge_guard;                       /* and from the beginning of a loop's round, or state */
    int guard, region, order, dominator;
    bool certain; /* in a pipelined loop: control comes here whenever it comes to the dominator */
    bool reached;
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
    struct block *block;
    int blocks, block_capacity;
    int *order, ordered; /* reverse postorder of the blocks */
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

    /* while building */
    int at_region, at_guard;
    struct place at_where;
    LLVMValueRef at_origin;
    int *value_table, value_table_size;
    LLVMValueRef *value_key;
};

/* ---- graph.c: making nodes; each simplifies what it can -------------------------------------- */
int make_const(struct process *p, uint64_t value, int width);
int make_input(struct process *p, const char *name, int width);
int make_phi(struct process *p, int width, int block);
int make_slice(struct process *p, int node, int low, int width);
int make_wires(struct process *p, const struct wire *wire, int wires);
int make_extended(struct process *p, int node, int width, bool is_signed);
int make_binary(struct process *p, enum op op, int a, int b);
int make_not(struct process *p, int a);
int make_select(struct process *p, int condition, int a, int b);
/* LOAD, STORE, READ, WRITE, EMPTY, COUNT: never merged. */
int make_effect(struct process *p, enum op op, int width, int ins, const int *in);
/* Conjunction and disjunction of guards; NONE is "always". */
int guard_and(struct process *p, int a, int b);
int guard_or(struct process *p, int a, int b);
/* Disjunction of at least one; the list is used up. What forked and joins again is found. */
int guard_any(struct process *p, int *guard, int count);
/* Can both never hold at once, by their form? */
bool guards_exclude(const struct process *p, int a, int b);

bool is_const(const struct process *p, int node, uint64_t *value);
/* In how many bits a multiplication's operand can be written, and how it is extended to `width`. */
struct narrow {
    int width;
    bool is_signed;
};
struct narrow narrow_width(const struct process *p, int node, int width);
/* The segments of bits low.. of a node; returns how many (at most `width`). */
int segments(const struct process *p, int node, int low, int width, struct wire *out);

/* ---- build.c, address.c, axi.c, balance.c ---------------------------------------------------- */
struct process *build(struct source *s, LLVMValueRef function);
int value_node(struct process *p, LLVMValueRef value);
void replace_node(struct process *p, int old, int new);
void balance(struct process *p);
int type_width(LLVMTypeRef t, struct place where);
int parameter_index(const struct process *p, LLVMValueRef argument);
int block_index(const struct process *p, LLVMBasicBlockRef b);
bool dominates(const struct process *p, int a, int b);
/* A load (value NONE) or store through a pointer into an array or an AXI port. */
int build_access(struct process *p, LLVMValueRef pointer, LLVMTypeRef type, int value);
/* Bit pattern of an element of a constant array. */
uint64_t memory_initial(const struct memory *m, long element);
/* Is one of them not zero? */
bool memory_has_initial(const struct memory *m);

/* ---- widths.c, schedule.c, emit.c ------------------------------------------------------------ */
void widths(struct process *p);
void schedule(struct process *p);
double node_delay(const struct process *p, const struct node *n);
void emit(struct process *p, FILE *out);
#endif
