#include "refusal.h"

#include "base.h"
#include "calls.h"
#include "ir.h"
#include "origin.h"

#include <string.h>

static bool is_float(LLVMTypeRef t)
{
    switch (LLVMGetTypeKind(t)) {
    case LLVMHalfTypeKind:
    case LLVMFloatTypeKind:
    case LLVMDoubleTypeKind:
    case LLVMX86_FP80TypeKind:
    case LLVMFP128TypeKind:
    case LLVMPPC_FP128TypeKind:
    case LLVMBFloatTypeKind: return true;
    default: return false;
    }
}

static void check_call(LLVMValueRef call)
{
    struct place where = place_of(call);
    LLVMValueRef f = LLVMGetCalledValue(call);
    if (LLVMIsAInlineAsm(f))
        fail(where, "inline assembly cannot become hardware");
    if (!LLVMIsAFunction(f))
        fail(where, "a call through a pointer cannot become hardware: name the function");
    const char *name = value_name(f);
    enum counter counter;
    if (!LLVMIsDeclaration(f) || !strncmp(name, "llvm.", 5) || !strncmp(name, "hls_stream_", 11) ||
        is_counter(call, &counter))
        return;
    static const char *const heap[] = {"malloc", "calloc", "realloc", "free", NULL};
    for (int i = 0; heap[i]; i++)
        if (!strcmp(name, heap[i]))
            fail(where, "%s: there is no heap in hardware; use an array of fixed size", name);
    fail(where, "%s has no body here; hardware has no library (guard it with #ifndef __HLSC__)",
         name);
}

static void check_instruction(LLVMValueRef i)
{
    struct place where = place_of(i);
    if (!where.line)
        where = place_of(LLVMGetBasicBlockParent(LLVMGetInstructionParent(i)));
    if (is_float(LLVMTypeOf(i)))
        fail(where, "floating point is not supported; use integers with a scale");
    for (int k = 0; k < LLVMGetNumOperands(i); k++)
        if (is_float(LLVMTypeOf(LLVMGetOperand(i, (unsigned)k))))
            fail(where, "floating point is not supported; use integers with a scale");
    switch (LLVMGetInstructionOpcode(i)) {
    case LLVMCall: check_call(i); break;
    case LLVMAlloca:
        if (!LLVMIsAConstantInt(LLVMGetOperand(i, 0)))
            fail(where, "an array of variable length cannot become a memory");
        break;
    case LLVMVAArg: fail(where, "variable arguments cannot become hardware");
    case LLVMIndirectBr: fail(where, "a computed goto cannot become hardware");
    case LLVMAtomicRMW:
    case LLVMAtomicCmpXchg:
    case LLVMFence:
        fail(where, "atomic operations have no meaning here; processes share streams only");
    default: break;
    }
}

/* Depth first over the calls; state 1: on the way, 2: done. */
static void check_calls(LLVMValueRef f, LLVMValueRef *order, char *state, int count)
{
    int me = 0;
    while (me < count && order[me] != f)
        me++;
    if (state[me] == 2)
        return;
    if (LLVMIsFunctionVarArg(LLVMGlobalGetValueType(f)))
        fail(place_of(f), "%s: variable arguments cannot become hardware", value_name(f));
    state[me] = 1;
    for (LLVMBasicBlockRef b = LLVMGetFirstBasicBlock(f); b; b = LLVMGetNextBasicBlock(b))
        for (LLVMValueRef i = LLVMGetFirstInstruction(b); i; i = LLVMGetNextInstruction(i)) {
            check_instruction(i);
            LLVMValueRef g = LLVMIsACallInst(i) ? LLVMGetCalledValue(i) : NULL;
            if (!g || !LLVMIsAFunction(g) || LLVMIsDeclaration(g))
                continue;
            for (int k = 0; k < count; k++)
                if (order[k] == g && state[k] == 1)
                    fail(place_of(i), "%s calls itself: recursion cannot become hardware",
                         value_name(g));
            check_calls(g, order, state, count);
        }
    state[me] = 2;
}

void refuse(LLVMModuleRef module, LLVMValueRef top)
{
    int count = 0, capacity = 0;
    LLVMValueRef *order = NULL;
    for (LLVMValueRef f = LLVMGetFirstFunction(module); f; f = LLVMGetNextFunction(f))
        APPEND(order, count, capacity, f);
    check_calls(top, order, take((size_t)count), count);
}
