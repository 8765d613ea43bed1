/* Functions with `#pragma HLS inline off`: hardware once for all their calls in a process. */
#ifndef HLSC_SUBROUTINE_H
#define HLSC_SUBROUTINE_H
#include "source.h"

bool is_subroutine(const struct source *s, LLVMValueRef function);

/* Fails where a pipelined loop calls one. */
void subroutine_check(const struct source *s);
/* One that no other calls; NULL: there is none left. */
LLVMValueRef subroutine_next(const struct source *s);
/* Variables that hold one pointer all the time become that pointer. */
void subroutine_resolve(const struct source *s);
/* Blocks end behind its calls, so that after LLVM's reg2mem no value but the result crosses one. */
void subroutine_split(const struct source *s, LLVMValueRef function);
/* All calls of a process become one, which may then be inlined. */
void subroutine_join(const struct source *s, LLVMValueRef function);
#endif
