/* The memories that arrays become: their dimensions, banks and contents. */
#ifndef HLSC_MEMORY_H
#define HLSC_MEMORY_H
#include "base.h"
#include "linear.h"
#include "pragmas.h"

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
    enum memory_kind kind; /* SIMPLE and TRUE_DUAL: schedule.c's choice */
    bool bypass;           /* schedule.c: a read sees what is written in the same cycle */
    int kept;              /* widths.c: bits of an element that are ever used */
    bool merged;           /* emit_memory.c: all banks are one wide RAM */
    bool lanes;            /* emit_memory.c: each of which is written or not */
    const char *style;     /* of hw/rtl's RAMs, as a pragma asks; NULL: the tools choose */
};

/* The memory that an address goes to, not divided yet. Fails between elements, and where there are
 * no integers. */
struct memory memory_at(LLVMTargetDataRef layout, const struct linear *l);
/* Into banks, and what kind that makes it. */
void memory_divide(struct memory *m, const struct pragmas *pragmas);
/* The integer that begins where an address points, NULL: padding. */
LLVMTypeRef type_at(LLVMTargetDataRef layout, const struct linear *l);

int address_bits(const struct memory *m); /* of a bank; 1 at least */
/* Rows of a dimension in each of its banks. */
long rows_of(const struct memory *m, int dimension);
/* The element that lies in a row of a bank; NONE: beyond the array's end. */
long element_at(const struct memory *m, int bank, int row);
/* Bit pattern of an element of an array with initial values, 0 if it has none. */
uint64_t memory_initial(const struct memory *m, long element);
/* Is one of them not zero? */
bool memory_has_initial(const struct memory *m);
#endif
