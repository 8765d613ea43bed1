#include "build.h"

#include "ahead.h"
#include "axi.h"
#include "balance.h"
#include "base.h"
#include "binding.h"
#include "flow.h"
#include "instruction.h"
#include "ir.h"
#include "origin.h"
#include "predicate.h"
#include "region.h"
#include "value.h"

static void build_block(struct process *p, int block)
{
    struct block *b = &p->flow.block[block];
    struct region *r = &p->region[b->region];
    bool head = r->block[0] == block;
    p->at_region = b->region;
    int *way = take((size_t)(b->befores + 1) * sizeof *way);
    p->at_guard = NONE;
    b->guard = r->pipelined && !head ? find_join(p, block, way) : NONE;
    p->at_guard = b->guard;
    for (LLVMValueRef i = LLVMGetFirstInstruction(b->llvm); i; i = LLVMGetNextInstruction(i)) {
        if (LLVMIsATerminatorInst(i))
            break;
        p->at_where = place_of(i);
        p->at_origin = i;
        if (!p->at_where.line)
            p->at_where = r->where;
        if (LLVMIsAPHINode(i)) {
            if (!head)
                set_value(p, i, choose(p, i, block, way));
            continue;
        }
        int node = build_instruction(p, i);
        if (node != NONE)
            set_value(p, i, node);
    }
    p->at_origin = NULL;
    LLVMValueRef t = LLVMGetBasicBlockTerminator(b->llvm);
    find_edges(p, block, r->pipelined ? b->guard : NONE);
    if (LLVMGetInstructionOpcode(t) == LLVMRet) {
        p->returns = b->ends = true;
        if (LLVMGetNumOperands(t))
            b->result = value_node(p, LLVMGetOperand(t, 0));
    }
}

static void make_phis(struct process *p, int block)
{
    p->at_region = p->flow.block[block].region;
    for (LLVMValueRef i = LLVMGetFirstInstruction(p->flow.block[block].llvm);
         i && LLVMIsAPHINode(i); i = LLVMGetNextInstruction(i)) {
        p->at_where = place_of(i);
        if (!p->at_where.line)
            p->at_where = p->region[p->at_region].where;
        p->at_origin = i;
        int node = make_phi(p, type_width(LLVMTypeOf(i), p->at_where), block);
        p->node[node].name = source_name(i);
        set_value(p, i, node);
    }
    p->at_origin = NULL;
}

static void connect_phi(struct process *p, int node)
{
    LLVMValueRef phi = p->node[node].origin;
    unsigned n = LLVMCountIncoming(phi);
    int *in = take((n + 1) * sizeof *in), *from = take((n + 1) * sizeof *from), count = 0;
    for (unsigned k = 0; k < n; k++) {
        int block = block_index(&p->flow, LLVMGetIncomingBlock(phi, k));
        bool again = false;
        for (int q = 0; q < count; q++)
            again |= from[q] == block;
        /* Outside of pipelines a register may keep what it has where it does not matter. */
        LLVMValueRef value = LLVMGetIncomingValue(phi, k);
        const bool any = (LLVMIsUndef(value) || LLVMIsPoison(value)) &&
                         !p->region[p->node[node].region].pipelined;
        if (!p->flow.block[block].reached || again || any)
            continue;
        in[count] = value_node(p, value);
        from[count++] = block;
    }
    p->node[node].in = in;
    p->node[node].from = from;
    p->node[node].ins = count;
}

static void make_inputs(struct process *p)
{
    LLVMTypeRef result = LLVMGetReturnType(LLVMGlobalGetValueType(p->function));
    if (LLVMGetTypeKind(result) != LLVMVoidTypeKind)
        p->result_width = type_width(result, p->where);
    for (unsigned i = 0; i < LLVMCountParams(p->function); i++) {
        LLVMValueRef a = LLVMGetParam(p->function, i);
        if (LLVMGetTypeKind(LLVMTypeOf(a)) == LLVMPointerTypeKind)
            continue;
        int width = type_width(LLVMTypeOf(a), p->where);
        set_value(p, a, make_input(p, value_name(a), width));
    }
}

struct process *build(struct source *s, LLVMValueRef function)
{
    struct process *p = take(sizeof *p);
    p->source = s;
    p->function = function;
    p->name = value_name(function);
    p->where = place_of(function);
    p->at_where = p->where;
    p->at_guard = NONE;
    p->flow = flow_of(function);
    find_regions(p);
    make_inputs(p);
    for (int i = 0; i < p->flow.ordered; i++)
        if (p->region[p->flow.block[p->flow.order[i]].region].block[0] == p->flow.order[i])
            make_phis(p, p->flow.order[i]);
    for (int i = 0; i < p->flow.ordered; i++)
        build_block(p, p->flow.order[i]);
    for (int i = 0; i < p->nodes; i++)
        if (p->node[i].op == OP_PHI)
            connect_phi(p, i);
    balance(p);
    for (int i = 0; i < p->regions; i++)
        if (p->region[i].pipelined)
            count_ahead(p, i);
    find_exits(p);
    order_axi(p);
    return p;
}
