#include "functions.h"

#include "base.h"
#include "ir.h"
#include "origin.h"
#include "pragmas.h"
#include "subroutine.h"

static bool is_dataflow(const struct source *s, LLVMValueRef f)
{
    return pragmas_ask(&s->pragmas, PRAGMA_DATAFLOW, f, NULL);
}

/* A dataflow function that the top calls brings its streams and processes with it. */
static void open_inner_dataflow(struct source *s)
{
    bool any = false;
    for (LLVMValueRef f = LLVMGetFirstFunction(s->module); f; f = LLVMGetNextFunction(f)) {
        if (f == s->top || LLVMIsDeclaration(f))
            continue;
        const bool inner = is_dataflow(s, f);
        drop_attribute(f, inner ? "noinline" : "alwaysinline");
        if (inner) {
            drop_attribute(f, "optnone");
            set_attribute(f, "alwaysinline", 0);
        }
        any |= inner;
    }
    if (any)
        source_passes(s, "always-inline");
}

void find_processes(struct source *s)
{
    int capacity = 0;
    s->dataflow = is_dataflow(s, s->top);
    if (s->dataflow)
        open_inner_dataflow(s);
    if (!s->dataflow) {
        APPEND(s->process, s->processes, capacity, s->top);
        return;
    }
    for (LLVMBasicBlockRef b = LLVMGetFirstBasicBlock(s->top); b; b = LLVMGetNextBasicBlock(b))
        for (LLVMValueRef i = LLVMGetFirstInstruction(b); i; i = LLVMGetNextInstruction(i)) {
            LLVMValueRef f = LLVMIsACallInst(i) ? LLVMGetCalledValue(i) : NULL;
            if (!f || !LLVMIsAFunction(f) || LLVMIsDeclaration(f))
                continue;
            bool known = false;
            for (int k = 0; k < s->processes; k++)
                known |= s->process[k] == f;
            if (!known)
                APPEND(s->process, s->processes, capacity, f);
        }
    if (!s->processes)
        fail(place_of(s->top), "%s: a dataflow function calls its processes; there is none",
             value_name(s->top));
}

void mark_inlining(LLVMValueRef function, bool keep)
{
    drop_attribute(function, keep ? "alwaysinline" : "noinline");
    set_attribute(function, keep ? "noinline" : "alwaysinline", 0);
}

void mark_functions(const struct source *s)
{
    for (LLVMValueRef f = LLVMGetFirstFunction(s->module); f; f = LLVMGetNextFunction(f)) {
        if (LLVMIsDeclaration(f))
            continue;
        bool keep = f == s->top;
        for (int k = 0; k < s->processes; k++)
            keep |= s->process[k] == f;
        mark_inlining(f, keep || is_subroutine(s, f));
        LLVMSetLinkage(f, keep ? LLVMExternalLinkage : LLVMInternalLinkage);
    }
    for (LLVMValueRef g = LLVMGetFirstGlobal(s->module); g; g = LLVMGetNextGlobal(g))
        if (LLVMGetInitializer(g))
            LLVMSetLinkage(g, LLVMInternalLinkage);
}
