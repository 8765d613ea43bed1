/* Where in the source a value of LLVM's comes from, and what it is called there. */
#ifndef HLSC_ORIGIN_H
#define HLSC_ORIGIN_H
#include "base.h"

#include <llvm-c/Core.h>

/* Of an instruction or a function. */
struct place place_of(LLVMValueRef value);
struct place place_of_location(LLVMMetadataRef location);
/* By whatever names the file goes. */
bool same_file(const char *a, const char *b);
bool same_place(struct place a, struct place b);

/* Notes what local variables are called, before inlining renames them. */
void keep_names(LLVMModuleRef module);
const char *source_name(LLVMValueRef value);
#endif
