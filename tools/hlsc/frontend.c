#include "frontend.h"

#include "arrays.h"
#include "base.h"
#include "clang.h"
#include "functions.h"
#include "ir.h"
#include "loops.h"
#include "lower.h"
#include "origin.h"
#include "partition.h"
#include "pragmas.h"
#include "refusal.h"
#include "subroutine.h"

#include <llvm-c/BitReader.h>
#include <llvm-c/Support.h>
#include <string.h>

/* Rotating a loop whose header reads a stream would read the next token before the last one has
 * been answered; such headers are kept whole. */
static void forbid_duplication(const struct source *s, bool forbid)
{
    for (LLVMValueRef f = LLVMGetFirstFunction(s->module); f; f = LLVMGetNextFunction(f))
        if (!strncmp(value_name(f), "hlsc.", 5) || !strncmp(value_name(f), "hls_stream_", 11)) {
            if (forbid)
                set_attribute(f, "noduplicate", 0);
            else
                drop_attribute(f, "noduplicate");
        }
}

#define CLEAN "early-cse<memssa>,simplifycfg,instcombine<no-verify-fixpoint>"

static void inline_functions(const struct source *s)
{
    source_passes(s, "always-inline,globaldce");
    for (LLVMValueRef f; (f = subroutine_next(s));) {
        subroutine_split(s, f);
        source_passes(s, "function(reg2mem)");
        subroutine_join(s, f);
        mark_inlining(f, false);
        source_passes(s, "always-inline,globaldce");
        subroutine_resolve(s);
    }
}

static void simplify(const struct source *s)
{
    inline_functions(s);
    source_passes(s, "function(mem2reg)");
    lower(s);
    source_passes(s, "function(sroa," CLEAN ",loop-simplify,lcssa)");
    forbid_duplication(s, true);
    source_passes(s, "function(loop-mssa(loop-rotate,licm)," CLEAN ",loop-simplify,lcssa)");
    forbid_duplication(s, false);
    source_passes(
        s, "function(loop(indvars,loop-deletion,loop-unroll-full),sroa," CLEAN
           ",loop-simplify,lcssa,loop(indvars,loop-deletion,loop-unroll-full)"
           ",loop-unroll<O2;full-unroll-max=65536;no-partial;no-runtime>,sroa"
           ",gvn<no-load-pre;no-pre>,instcombine<no-verify-fixpoint>,simplifycfg,bdce,reassociate"
           "," CLEAN ",adce,simplifycfg,loop-simplify,lcssa),globaldce");
}

static void read_source(struct source *s)
{
    const char *bitcode = clang_bitcode(&s->options);
    s->pragmas = pragmas_read(clang_preprocessed(&s->options));
    LLVMMemoryBufferRef buffer;
    char *why = NULL;
    if (LLVMCreateMemoryBufferWithContentsOfFile(bitcode, &buffer, &why))
        fail((struct place){bitcode, 0}, "%s", why);
    if (LLVMParseBitcode2(buffer, &s->module))
        fail((struct place){bitcode, 0}, "clang's output cannot be read; is it of LLVM 19?");
    LLVMDisposeMemoryBuffer(buffer);
    s->layout = LLVMGetModuleDataLayout(s->module);
    s->top = LLVMGetNamedFunction(s->module, s->options.top);
    if (!s->top || LLVMIsDeclaration(s->top))
        fail((struct place){s->options.source, 0}, "there is no function `%s`", s->options.top);
}

struct source frontend(const struct options *options)
{
    /* Exit tests stay as they are written: `<` bounds a counter, the `!=` it would become does not.
     */
    static const char *const llvm_options[] = {"hlsc", "-disable-lftr", "-disable-licm-promotion",
                                               "-pragma-unroll-threshold=1000000"};
    struct source s = {.options = *options};
    LLVMParseCommandLineOptions(4, llvm_options, NULL);
    read_source(&s);
    refuse(s.module, s.top);
    find_processes(&s);
    arrays_restore(s.module, s.layout);
    keep_names(s.module);
    s.loops = loops_attach(&s.pragmas, s.module);
    partitions_attach(&s.pragmas, s.module);
    subroutine_check(&s);
    mark_functions(&s);
    simplify(&s);
    char *why = NULL;
    if (options->dump && LLVMPrintModuleToFile(s.module, options->dump, &why))
        fail((struct place){options->dump, 0}, "%s", why);
    return s;
}

void frontend_close(struct source *s)
{
    LLVMDisposeModule(s->module);
}
