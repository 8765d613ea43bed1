/* Which functions are processes, and which are inlined into them. */
#ifndef HLSC_FUNCTIONS_H
#define HLSC_FUNCTIONS_H
#include "source.h"

void find_processes(struct source *s);
/* Everything but the processes is inlined into them and then gone; subroutines wait for their turn.
 */
void mark_functions(const struct source *s);
void mark_inlining(LLVMValueRef function, bool keep);
#endif
