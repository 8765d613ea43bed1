/* How arrays are divided into banks (`#pragma HLS array_partition`), and what they lie in
 * (`bind_storage`). */
#ifndef HLSC_PARTITION_H
#define HLSC_PARTITION_H
#include "pragmas.h"

struct partition {
    int dim;    /* from 1; 0: all dimensions, completely */
    int factor; /* 0: completely */
    bool block; /* consecutive elements stay together, else cyclic */
};

/* Local arrays carry their divisions from here on, whatever the passes do; globals are looked up.
 */
void partitions_attach(const struct pragmas *all, LLVMModuleRef module);
/* The array's divisions (at most 8); returns how many. */
int partitions_of(const struct pragmas *all, LLVMValueRef array, struct partition *out);
/* What a static array is to lie in, as a value of ram_style; NULL: whatever the tools choose. */
const char *storage_of(const struct pragmas *all, LLVMValueRef array);
#endif
