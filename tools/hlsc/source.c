#include "source.h"

#include "base.h"

#include <llvm-c/Transforms/PassBuilder.h>

void source_passes(const struct source *s, const char *list)
{
    LLVMPassBuilderOptionsRef o = LLVMCreatePassBuilderOptions();
    LLVMErrorRef e = LLVMRunPasses(s->module, list, NULL, o);
    LLVMDisposePassBuilderOptions(o);
    if (e) {
        char *why = LLVMGetErrorMessage(e);
        fail((struct place){s->options.source, 0}, "LLVM: %s", why);
    }
}
