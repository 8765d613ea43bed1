#include "instruction.h"

#include "access.h"
#include "arithmetic.h"
#include "base.h"
#include "binding.h"
#include "calls.h"
#include "ir.h"
#include "operation.h"
#include "stream.h"
#include "value.h"

#include <string.h>

static int intrinsic(struct process *p, LLVMValueRef call, const char *name)
{
#define IS(prefix) !strncmp(name, "llvm." prefix ".", strlen("llvm." prefix "."))
    int a = value_node(p, LLVMGetOperand(call, 0));
    if (IS("ctpop"))
        return make_population_count(p, a);
    if (IS("ctlz") || IS("cttz"))
        return make_count_zeros(p, a, IS("ctlz"));
    if (IS("bswap") || IS("bitreverse"))
        return make_reverse(p, a, IS("bswap") ? 8 : 1);
    if (IS("abs"))
        return make_absolute(p, a);
    int b = value_node(p, LLVMGetOperand(call, 1));
    if (IS("umin") || IS("umax"))
        return make_select(p, make_binary(p, OP_ULT, a, b), IS("umin") ? a : b, IS("umin") ? b : a);
    if (IS("smin") || IS("smax"))
        return make_select(p, make_binary(p, OP_SLT, a, b), IS("smin") ? a : b, IS("smin") ? b : a);
    if (IS("uadd.sat") || IS("sadd.sat"))
        return make_saturated(p, a, b, true, IS("sadd.sat"));
    if (IS("usub.sat") || IS("ssub.sat"))
        return make_saturated(p, a, b, false, IS("ssub.sat"));
    if (IS("fshl") || IS("fshr"))
        return make_funnel(p, a, b, value_node(p, LLVMGetOperand(call, 2)), IS("fshl"));
    fail(p->at_where, "%s is not supported", name);
#undef IS
}

static int call(struct process *p, LLVMValueRef i)
{
    const char *name = value_name(LLVMGetCalledValue(i));
    if (is_stream_read(i) || is_stream_write(i) || is_stream_empty(i))
        return build_stream(p, i);
    enum counter counter;
    if (is_counter(i, &counter)) {
        int node = make_effect(p, OP_COUNT, 32, 0, NULL);
        p->node[node].counter = counter;
        p->counts[counter] = true;
        return node;
    }
    if (is_stream_open(i) || !strcmp(name, "hls_stream_close"))
        fail(p->at_where, "HLS_STREAM belongs into a function with #pragma HLS dataflow");
    if (!strncmp(name, "llvm.mem", 8))
        fail(p->at_where, "this copies or sets a whole array at once; write it as a loop");
    if (!strncmp(name, "llvm.trap", 9) || !strncmp(name, "llvm.ubsantrap", 14))
        fail(p->at_where, "this cannot be reached without undefined behaviour");
    if (!strncmp(name, "llvm.", 5))
        return LLVMGetTypeKind(LLVMTypeOf(i)) == LLVMVoidTypeKind ? NONE : intrinsic(p, i, name);
    fail(p->at_where, "the call of %s cannot become hardware here", name);
}

static int compare(struct process *p, LLVMValueRef i)
{
    LLVMTypeRef t = LLVMTypeOf(LLVMGetOperand(i, 0));
    if (LLVMGetTypeKind(t) == LLVMPointerTypeKind)
        fail(p->at_where, "pointers are compared; addresses have no meaning in hardware");
    int a = value_node(p, LLVMGetOperand(i, 0)), b = value_node(p, LLVMGetOperand(i, 1));
    switch (LLVMGetICmpPredicate(i)) {
    case LLVMIntEQ: return make_binary(p, OP_EQ, a, b);
    case LLVMIntNE: return make_binary(p, OP_NE, a, b);
    case LLVMIntULT: return make_binary(p, OP_ULT, a, b);
    case LLVMIntULE: return make_binary(p, OP_ULE, a, b);
    case LLVMIntUGT: return make_binary(p, OP_ULT, b, a);
    case LLVMIntUGE: return make_binary(p, OP_ULE, b, a);
    case LLVMIntSLT: return make_binary(p, OP_SLT, a, b);
    case LLVMIntSLE: return make_binary(p, OP_SLE, a, b);
    case LLVMIntSGT: return make_binary(p, OP_SLT, b, a);
    default: return make_binary(p, OP_SLE, b, a);
    }
}

int build_instruction(struct process *p, LLVMValueRef i)
{
    LLVMOpcode op = LLVMGetInstructionOpcode(i);
    static const struct {
        LLVMOpcode llvm;
        enum op op;
    } plain[] = {{LLVMAdd, OP_ADD}, {LLVMSub, OP_SUB},   {LLVMMul, OP_MUL},
                 {LLVMAnd, OP_AND}, {LLVMOr, OP_OR},     {LLVMXor, OP_XOR},
                 {LLVMShl, OP_SHL}, {LLVMLShr, OP_LSHR}, {LLVMAShr, OP_ASHR}};
    for (size_t k = 0; k < sizeof plain / sizeof *plain; k++)
        if (plain[k].llvm == op) {
            int a = value_node(p, LLVMGetOperand(i, 0)), b = value_node(p, LLVMGetOperand(i, 1));
            return make_binary(p, plain[k].op, a, b);
        }
    switch (op) {
    case LLVMUDiv:
    case LLVMURem:
    case LLVMSDiv:
    case LLVMSRem:
        return make_division(p, value_node(p, LLVMGetOperand(i, 0)),
                             value_node(p, LLVMGetOperand(i, 1)), op == LLVMSDiv || op == LLVMSRem,
                             op == LLVMURem || op == LLVMSRem);
    case LLVMICmp: return compare(p, i);
    case LLVMSelect:
        return make_select(p, value_node(p, LLVMGetOperand(i, 0)),
                           value_node(p, LLVMGetOperand(i, 1)),
                           value_node(p, LLVMGetOperand(i, 2)));
    case LLVMTrunc:
    case LLVMZExt:
    case LLVMSExt:
        return make_extended(p, value_node(p, LLVMGetOperand(i, 0)),
                             type_width(LLVMTypeOf(i), p->at_where), op == LLVMSExt);
    case LLVMFreeze: return value_node(p, LLVMGetOperand(i, 0));
    case LLVMLoad: return build_access(p, LLVMGetOperand(i, 0), LLVMTypeOf(i), NONE);
    case LLVMStore: {
        LLVMTypeRef t = LLVMTypeOf(LLVMGetOperand(i, 0));
        type_width(t, p->at_where);
        return build_access(p, LLVMGetOperand(i, 1), t, value_node(p, LLVMGetOperand(i, 0)));
    }
    case LLVMCall: return call(p, i);
    case LLVMGetElementPtr:
    case LLVMAlloca: return NONE;
    case LLVMPtrToInt:
    case LLVMIntToPtr:
        fail(p->at_where, "a pointer and a number are converted into each other; hardware needs to "
                          "know the array: index it directly");
    default: {
        char *s = LLVMPrintValueToString(i);
        fail(p->at_where, "not supported:%s", s);
    }
    }
}
