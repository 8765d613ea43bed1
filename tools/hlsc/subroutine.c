/* A function with `#pragma HLS inline off` is hardware once for all its calls in a process. Each
 * call becomes a jump to the one copy, which jumps back by the number of the call. */
#include "subroutine.h"

#include "base.h"
#include "ir.h"
#include "loops.h"
#include "origin.h"
#include "pragmas.h"

#include <llvm-c/DebugInfo.h>
#include <string.h>

struct subroutine {
    LLVMContextRef c;
    LLVMBuilderRef builder;
    LLVMValueRef function, caller;
    LLVMTypeRef type, result;
    unsigned arguments;
    LLVMValueRef *call; /* in the caller */
    int calls;
    LLVMValueRef *argument; /* a slot for a number, the object itself for a pointer */
    LLVMValueRef returned, site;
};

bool is_subroutine(const struct source *s, LLVMValueRef f)
{
    return pragmas_ask(&s->pragmas, PRAGMA_INLINE, f, "off");
}

static bool leads_to_one(const struct source *s, LLVMValueRef f)
{
    bool leads = is_subroutine(s, f);
    for (LLVMBasicBlockRef b = LLVMGetFirstBasicBlock(f); b && !leads; b = LLVMGetNextBasicBlock(b))
        for (LLVMValueRef i = LLVMGetFirstInstruction(b); i; i = LLVMGetNextInstruction(i)) {
            LLVMValueRef g = LLVMIsACallInst(i) ? LLVMGetCalledValue(i) : NULL;
            leads |= g && LLVMIsAFunction(g) && leads_to_one(s, g);
        }
    return leads;
}

/* A pipelined loop has no way to wait for one. */
static void check_call(const struct source *s, LLVMValueRef call)
{
    const struct place at = place_of(call);
    for (int i = 0; i < s->loops.count; i++) {
        const struct loop *w = &s->loops.loop[i];
        if (w->pipeline && at.file && w->first.file && !strcmp(at.file, w->first.file) &&
            at.line >= w->first.line && at.line <= w->last.line &&
            leads_to_one(s, LLVMGetCalledValue(call)))
            fail(at, "a pipelined loop cannot call a function with inline off");
    }
}

void subroutine_check(const struct source *s)
{
    for (LLVMValueRef f = LLVMGetFirstFunction(s->module); f; f = LLVMGetNextFunction(f))
        for (LLVMBasicBlockRef b = LLVMGetFirstBasicBlock(f); b; b = LLVMGetNextBasicBlock(b))
            for (LLVMValueRef i = LLVMGetFirstInstruction(b); i; i = LLVMGetNextInstruction(i))
                if (LLVMIsACallInst(i) && LLVMIsAFunction(LLVMGetCalledValue(i)))
                    check_call(s, i);
}

static int find_calls(LLVMValueRef caller, LLVMValueRef f, LLVMValueRef **call)
{
    int count = 0, capacity = 0;
    for (LLVMBasicBlockRef b = LLVMGetFirstBasicBlock(caller); b; b = LLVMGetNextBasicBlock(b))
        for (LLVMValueRef i = LLVMGetFirstInstruction(b); i; i = LLVMGetNextInstruction(i))
            if (LLVMIsACallInst(i) && LLVMGetCalledValue(i) == f)
                APPEND(*call, count, capacity, i);
    return count;
}

static void replace_incoming(LLVMBuilderRef builder, LLVMBasicBlockRef block, LLVMBasicBlockRef old,
                             LLVMBasicBlockRef new)
{
    for (LLVMValueRef i = LLVMGetFirstInstruction(block), next; i && LLVMIsAPHINode(i); i = next) {
        next = LLVMGetNextInstruction(i);
        LLVMPositionBuilderBefore(builder, i);
        LLVMValueRef phi = LLVMBuildPhi(builder, LLVMTypeOf(i), "");
        for (unsigned k = 0; k < LLVMCountIncoming(i); k++) {
            LLVMValueRef value = LLVMGetIncomingValue(i, k);
            LLVMBasicBlockRef from = LLVMGetIncomingBlock(i, k);
            from = from == old ? new : from;
            LLVMAddIncoming(phi, &value, &from, 1);
        }
        LLVMReplaceAllUsesWith(i, phi);
        LLVMInstructionEraseFromParent(i);
    }
}

/* Puts what stands behind an instruction into a block of its own, to which control falls through.
 */
static LLVMBasicBlockRef split_behind(struct subroutine *r, LLVMValueRef instruction)
{
    LLVMBasicBlockRef block = LLVMGetInstructionParent(instruction),
                      rest = LLVMAppendBasicBlockInContext(r->c, r->caller, "rest");
    LLVMMoveBasicBlockAfter(rest, block);
    LLVMSetCurrentDebugLocation2(r->builder, NULL);
    for (LLVMValueRef i = LLVMGetNextInstruction(instruction), next; i; i = next) {
        next = LLVMGetNextInstruction(i);
        LLVMInstructionRemoveFromParent(i);
        LLVMPositionBuilderAtEnd(r->builder, rest);
        LLVMInsertIntoBuilder(r->builder, i);
    }
    LLVMValueRef t = LLVMGetBasicBlockTerminator(rest);
    for (unsigned k = 0; k < LLVMGetNumSuccessors(t); k++)
        replace_incoming(r->builder, LLVMGetSuccessor(t, k), block, rest);
    LLVMPositionBuilderAtEnd(r->builder, block);
    LLVMBuildBr(r->builder, rest);
    return rest;
}

/* What a pointer is, seen through variables that are set once; NULL: not known. */
static LLVMValueRef object_of(LLVMValueRef p)
{
    while (LLVMIsALoadInst(p)) {
        LLVMValueRef slot = LLVMGetOperand(p, 0), set = NULL;
        for (LLVMUseRef u = LLVMGetFirstUse(slot); u; u = LLVMGetNextUse(u)) {
            LLVMValueRef user = LLVMGetUser(u);
            if (LLVMIsALoadInst(user) || LLVMIsACallInst(user)) /* a lifetime's end */
                continue;
            if (!LLVMIsAStoreInst(user) || LLVMGetOperand(user, 1) != slot || set)
                return NULL;
            set = user;
        }
        if (!set)
            return NULL;
        p = LLVMGetOperand(set, 0);
    }
    return LLVMIsAArgument(p) || LLVMIsAAllocaInst(p) || LLVMIsAGlobalVariable(p) ? p : NULL;
}

void subroutine_resolve(const struct source *s)
{
    for (int k = 0; k < s->processes; k++)
        for (LLVMBasicBlockRef b = LLVMGetFirstBasicBlock(s->process[k]); b;
             b = LLVMGetNextBasicBlock(b))
            for (LLVMValueRef i = LLVMGetFirstInstruction(b); i; i = LLVMGetNextInstruction(i)) {
                const bool pointer =
                    LLVMIsALoadInst(i) && LLVMGetTypeKind(LLVMTypeOf(i)) == LLVMPointerTypeKind;
                LLVMValueRef object = pointer ? object_of(i) : NULL;
                if (object)
                    LLVMReplaceAllUsesWith(i, object);
            }
}

static LLVMValueRef make_slot(struct subroutine *r, LLVMTypeRef type, const char *name)
{
    LLVMPositionBuilderBefore(r->builder,
                              LLVMGetFirstInstruction(LLVMGetEntryBasicBlock(r->caller)));
    return LLVMBuildAlloca(r->builder, type, name);
}

static void make_slots(struct subroutine *r)
{
    r->argument = take((r->arguments + 1) * sizeof *r->argument);
    for (unsigned k = 0; k < r->arguments; k++) {
        LLVMValueRef parameter = LLVMGetParam(r->function, k);
        const char *name = value_name(parameter);
        if (LLVMGetTypeKind(LLVMTypeOf(parameter)) != LLVMPointerTypeKind) {
            r->argument[k] = make_slot(r, LLVMTypeOf(parameter), name);
            continue;
        }
        for (int i = 0; i < r->calls; i++) {
            LLVMValueRef object = object_of(LLVMGetOperand(r->call[i], k));
            if (!object || (i && object != r->argument[k]))
                fail(place_of(r->call[i]),
                     "`%s` of a function with inline off must be the same array or stream in every "
                     "call",
                     name);
            r->argument[k] = object;
        }
    }
    if (LLVMGetTypeKind(r->result) != LLVMVoidTypeKind)
        r->returned = make_slot(r, r->result, "returned");
    r->site = make_slot(r, LLVMInt32TypeInContext(r->c), "site");
}

/* The one call that is left; how it goes on is added to the switch behind it. */
static LLVMValueRef make_body(struct subroutine *r, LLVMBasicBlockRef body, LLVMBasicBlockRef other)
{
    LLVMValueRef *argument = take((r->arguments + 1) * sizeof *argument);
    LLVMPositionBuilderAtEnd(r->builder, body);
    LLVMSetCurrentDebugLocation2(r->builder, LLVMInstructionGetDebugLoc(r->call[0]));
    for (unsigned k = 0; k < r->arguments; k++) {
        LLVMTypeRef type = LLVMTypeOf(LLVMGetParam(r->function, k));
        const bool pointer = LLVMGetTypeKind(type) == LLVMPointerTypeKind;
        argument[k] =
            pointer ? r->argument[k] : LLVMBuildLoad2(r->builder, type, r->argument[k], "");
    }
    LLVMValueRef result =
        LLVMBuildCall2(r->builder, r->type, r->function, argument, r->arguments, "");
    if (r->returned)
        LLVMBuildStore(r->builder, result, r->returned);
    LLVMValueRef site = LLVMBuildLoad2(r->builder, LLVMInt32TypeInContext(r->c), r->site, "site");
    return LLVMBuildSwitch(r->builder, site, other, (unsigned)r->calls);
}

static void join_calls(struct subroutine *r)
{
    LLVMTypeRef number = LLVMInt32TypeInContext(r->c);
    LLVMBasicBlockRef body = LLVMAppendBasicBlockInContext(r->c, r->caller, "body");
    LLVMValueRef back = NULL;
    make_slots(r);
    for (int i = 0; i < r->calls; i++) {
        LLVMValueRef call = r->call[i];
        LLVMBasicBlockRef rest = split_behind(r, call);
        if (!back)
            back = make_body(r, body, rest);
        else
            LLVMAddCase(back, LLVMConstInt(number, (unsigned)i, 0), rest);
        LLVMPositionBuilderBefore(r->builder, call);
        LLVMSetCurrentDebugLocation2(r->builder, LLVMInstructionGetDebugLoc(call));
        for (unsigned k = 0; k < r->arguments; k++)
            if (LLVMGetTypeKind(LLVMTypeOf(LLVMGetParam(r->function, k))) != LLVMPointerTypeKind)
                LLVMBuildStore(r->builder, LLVMGetOperand(call, k), r->argument[k]);
        LLVMBuildStore(r->builder, LLVMConstInt(number, (unsigned)i, 0), r->site);
        LLVMSetSuccessor(LLVMGetBasicBlockTerminator(LLVMGetInstructionParent(call)), 0, body);
        if (r->returned) {
            LLVMPositionBuilderBefore(r->builder, LLVMGetFirstInstruction(rest));
            LLVMReplaceAllUsesWith(call,
                                   LLVMBuildLoad2(r->builder, r->result, r->returned, "result"));
        }
        LLVMInstructionEraseFromParent(call);
    }
}

static bool called_by_another(const struct source *s, LLVMValueRef f)
{
    LLVMValueRef *call = NULL;
    for (LLVMValueRef g = LLVMGetFirstFunction(s->module); g; g = LLVMGetNextFunction(g))
        if (g != f && !LLVMIsDeclaration(g) && is_subroutine(s, g) && find_calls(g, f, &call))
            return true;
    return false;
}

LLVMValueRef subroutine_next(const struct source *s)
{
    for (LLVMValueRef f = LLVMGetFirstFunction(s->module); f; f = LLVMGetNextFunction(f))
        if (!LLVMIsDeclaration(f) && LLVMGetLinkage(f) == LLVMInternalLinkage &&
            is_subroutine(s, f) && !called_by_another(s, f))
            return f;
    return NULL;
}

void subroutine_split(const struct source *s, LLVMValueRef f)
{
    struct subroutine r = {.c = LLVMGetModuleContext(s->module)};
    r.builder = LLVMCreateBuilderInContext(r.c);
    for (int k = 0; k < s->processes; k++) {
        r.caller = s->process[k];
        r.call = NULL;
        r.calls = find_calls(r.caller, f, &r.call);
        for (int i = 0; i < r.calls && r.calls > 1; i++)
            split_behind(&r, r.call[i]);
    }
    LLVMDisposeBuilder(r.builder);
}

void subroutine_join(const struct source *s, LLVMValueRef f)
{
    struct subroutine r = {.c = LLVMGetModuleContext(s->module), .function = f};
    r.builder = LLVMCreateBuilderInContext(r.c);
    r.type = LLVMGlobalGetValueType(f);
    r.result = LLVMGetReturnType(r.type);
    r.arguments = LLVMCountParams(f);
    for (int k = 0; k < s->processes; k++) {
        r.caller = s->process[k];
        r.call = NULL;
        r.returned = NULL;
        r.calls = find_calls(r.caller, f, &r.call);
        if (r.calls > 1)
            join_calls(&r);
    }
    LLVMDisposeBuilder(r.builder);
}
