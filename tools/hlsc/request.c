#include "request.h"

#include "address.h"
#include "base.h"
#include "binding.h"
#include "flow.h"
#include "ir.h"
#include "operation.h"
#include "promise.h"
#include "value.h"

/* What a loop does to its counter, seen from the block in front of it. */
struct walk {
    int front;            /* that block */
    LLVMValueRef counter; /* a phi of the header */
    LLVMValueRef next;    /* counter + 1 */
    LLVMValueRef start;   /* its first value */
};

static bool varies(const struct process *p, int region, LLVMValueRef v)
{
    return LLVMIsAInstruction(v) &&
           p->flow.block[block_index(&p->flow, LLVMGetInstructionParent(v))].region == region;
}

/* Loads from or stores to a parameter within a region. */
static int accesses(const struct process *p, int region, LLVMValueRef parameter, LLVMOpcode op)
{
    const struct region *r = &p->region[region];
    int count = 0;
    for (int k = 0; k < r->blocks; k++)
        for (LLVMValueRef i = LLVMGetFirstInstruction(p->flow.block[r->block[k]].llvm); i;
             i = LLVMGetNextInstruction(i))
            count += LLVMGetInstructionOpcode(i) == op &&
                     pointer_base(LLVMGetOperand(i, op == LLVMStore)) == parameter;
    return count;
}

/* The block from which the loop is entered, NONE: there are several, or it has other ways. */
static int block_in_front(const struct process *p, int region, int *latch)
{
    const struct block *header = &p->flow.block[p->region[region].block[0]];
    int front = NONE;
    for (int k = 0; k < header->befores; k++) {
        int b = header->before[k];
        if (p->flow.block[b].region == region)
            *latch = b;
        else if (front != NONE)
            return NONE;
        else
            front = b;
    }
    if (front == NONE || p->flow.block[front].nexts != 1 ||
        p->region[p->flow.block[front].region].pipelined)
        return NONE;
    return front;
}

static bool counts_up(const struct process *p, int region, LLVMValueRef v, struct walk *w)
{
    LLVMBasicBlockRef header = p->flow.block[p->region[region].block[0]].llvm;
    if (!LLVMIsAPHINode(v) || LLVMGetInstructionParent(v) != header || LLVMCountIncoming(v) != 2)
        return false;
    int first = LLVMGetIncomingBlock(v, 0) != p->flow.block[w->front].llvm;
    LLVMValueRef next = LLVMGetIncomingValue(v, (unsigned)!first);
    if (!LLVMIsAInstruction(next) || LLVMGetInstructionOpcode(next) != LLVMAdd ||
        LLVMGetOperand(next, 0) != v)
        return false;
    LLVMValueRef step = LLVMGetOperand(next, 1);
    if (!LLVMIsAConstantInt(step) || LLVMConstIntGetZExtValue(step) != 1)
        return false;
    w->counter = v;
    w->next = next;
    w->start = LLVMGetIncomingValue(v, (unsigned)first);
    return true;
}

/* The address is that of the word number `counter`, and nothing else in it changes. */
static const char *walks(const struct process *p, int region, const struct linear *l, int bytes,
                         struct walk *w)
{
    for (int i = 0; i < l->terms; i++) {
        LLVMValueRef v = l->term[i];
        if (!varies(p, region, v))
            continue;
        if (w->counter)
            return "its index depends on several variables of the loop";
        bool next = LLVMIsAInstruction(v) && LLVMGetInstructionOpcode(v) == LLVMAdd;
        if (!counts_up(p, region, next ? LLVMGetOperand(v, 0) : v, w) || (next && w->next != v))
            return "its index is not a counter of the loop that goes up by 1";
        if (l->factor[i] != bytes)
            return "it does not step from word to word";
    }
    return w->counter ? NULL : "it accesses one place";
}

/* The block from which the region is left, NONE: there are several; *first: by its first way out.
 */
static int only_exit(const struct process *p, int region, bool *first)
{
    const struct region *r = &p->region[region];
    int from = NONE, ways = 0;
    for (int k = 0; k < r->blocks; k++) {
        const struct block *b = &p->flow.block[r->block[k]];
        for (int e = 0; e < b->nexts; e++)
            if (p->flow.block[b->next[e]].region != region) {
                from = r->block[k];
                *first = e == 0;
                ways++;
            }
    }
    return ways == 1 ? from : NONE;
}

enum change { NEGATED = 1, SIDES_SWAPPED };

static LLVMIntPredicate changed(LLVMIntPredicate predicate, enum change change)
{
    static const LLVMIntPredicate table[][3] = {
        /* predicate, negated, with its sides swapped */
        {LLVMIntEQ, LLVMIntNE, LLVMIntEQ},    {LLVMIntNE, LLVMIntEQ, LLVMIntNE},
        {LLVMIntULT, LLVMIntUGE, LLVMIntUGT}, {LLVMIntUGE, LLVMIntULT, LLVMIntULE},
        {LLVMIntUGT, LLVMIntULE, LLVMIntULT}, {LLVMIntULE, LLVMIntUGT, LLVMIntUGE},
        {LLVMIntSLT, LLVMIntSGE, LLVMIntSGT}, {LLVMIntSGE, LLVMIntSLT, LLVMIntSLE},
        {LLVMIntSGT, LLVMIntSLE, LLVMIntSLT}, {LLVMIntSLE, LLVMIntSGT, LLVMIntSGE}};
    int k = 0;
    while (table[k][0] != predicate)
        k++;
    return table[k][change];
}

/* How often the access happens, as a node of the block in front; NONE: not known beforehand. */
static int count_rounds(struct process *p, int region, int access, int latch, const struct walk *w)
{
    bool leaves_if = false;
    const int from = only_exit(p, region, &leaves_if);
    LLVMValueRef t = from == NONE ? NULL : LLVMGetBasicBlockTerminator(p->flow.block[from].llvm);
    if (!t || LLVMGetInstructionOpcode(t) != LLVMBr || !LLVMIsConditional(t) ||
        !LLVMIsAICmpInst(LLVMGetCondition(t)) || !dominates(&p->flow, from, latch))
        return NONE;
    LLVMValueRef test = LLVMGetCondition(t), a = LLVMGetOperand(test, 0),
                 b = LLVMGetOperand(test, 1);
    const bool swapped = b == w->counter || b == w->next;
    LLVMIntPredicate goes_on = LLVMGetICmpPredicate(test);
    if (leaves_if)
        goes_on = changed(goes_on, NEGATED);
    if (swapped)
        goes_on = changed(goes_on, SIDES_SWAPPED);
    LLVMValueRef counted = swapped ? b : a, limit = swapped ? a : b;
    if ((counted != w->counter && counted != w->next) || varies(p, region, limit) ||
        (goes_on != LLVMIntULT && goes_on != LLVMIntSLT && goes_on != LLVMIntNE))
        return NONE;
    int first = value_node(p, w->start), last = value_node(p, limit), width = p->node[first].width;
    if (counted == w->next)
        first = make_binary(p, OP_ADD, first, make_const(p, 1, width));
    int rounds = make_binary(p, OP_SUB, last, first);
    if (goes_on != LLVMIntNE)
        rounds =
            make_select(p, make_binary(p, goes_on == LLVMIntULT ? OP_ULT : OP_SLT, first, last),
                        rounds, make_const(p, 0, width));
    rounds = make_extended(p, rounds, 32, false);
    bool tested_before = from != access && dominates(&p->flow, from, access);
    return tested_before ? rounds : make_binary(p, OP_ADD, rounds, make_const(p, 1, 32));
}

void request(struct process *p, const struct axi *a, int stream, int offset, int beats)
{
    int address = make_binary(p, OP_ADD, a->base, make_extended(p, offset, 64, true));
    struct wire w[2] = {{address, 0, 64, false}, {beats, 0, 32, false}};
    int token = make_wires(p, w, 2);
    int node = make_effect(p, OP_WRITE, 0, 1, &token);
    p->node[node].stream = stream;
    p->node[node].name = a->name;
}

const char *request_burst(struct process *p, const struct axi *a, const struct linear *l,
                          bool store)
{
    int region = p->at_region, latch = NONE;
    const struct region *r = &p->region[region];
    if (!r->pipelined)
        return "it is not in a pipelined loop";
    struct walk w = {.front = block_in_front(p, region, &latch)};
    int access = block_index(&p->flow, LLVMGetInstructionParent(p->at_origin));
    if (w.front == NONE || latch == NONE || !dominates(&p->flow, access, latch))
        return "it is not done in every round of its loop";
    int loads = accesses(p, region, l->base, LLVMLoad),
        stores = accesses(p, region, l->base, LLVMStore);
    if ((store ? stores : loads) != 1)
        return "the loop accesses the pointer in several places";
    if (store ? loads > 0 : stores > 0 && !promised(r->promises, a->name))
        return "the loop reads and writes through the pointer";
    const char *why = walks(p, region, l, a->width / 8, &w);
    if (why)
        return why;
    int keep = p->at_guard;
    p->at_region = p->flow.block[w.front].region;
    p->at_guard = NONE;
    int rounds = count_rounds(p, region, access, latch, &w);
    if (rounds != NONE) {
        struct linear first = *l;
        for (int i = 0; i < l->terms; i++) {
            if (l->term[i] == w.next)
                first.constant += l->factor[i];
            if (l->term[i] == w.next || l->term[i] == w.counter)
                first.term[i] = w.start;
        }
        request(p, a, store ? a->aw : a->ar, linear_node(p, &first, first.factor, first.constant),
                rounds);
    }
    p->at_region = region;
    p->at_guard = keep;
    return rounds == NONE ? "how often its loop goes round is not known before it begins" : NULL;
}
