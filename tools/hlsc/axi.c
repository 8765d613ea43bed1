#include "axi.h"

#include "address.h"
#include "base.h"
#include "binding.h"
#include "flow.h"
#include "ir.h"
#include "operation.h"
#include "promise.h"
#include "value.h"

/* ---- bursts ---------------------------------------------------------------------------------- */

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

/* How often the access happens, as a node of the block in front; NONE: not known beforehand. */
static int count_rounds(struct process *p, int region, int access, int latch, const struct walk *w)
{
    const struct region *r = &p->region[region];
    int from = NONE, ways = 0;
    bool leaves_if = false;
    for (int k = 0; k < r->blocks; k++) {
        const struct block *b = &p->flow.block[r->block[k]];
        for (int e = 0; e < b->nexts; e++)
            if (p->flow.block[b->next[e]].region != region) {
                from = r->block[k];
                leaves_if = e == 0;
                ways++;
            }
    }
    LLVMValueRef t = ways == 1 ? LLVMGetBasicBlockTerminator(p->flow.block[from].llvm) : NULL;
    if (!t || LLVMGetInstructionOpcode(t) != LLVMBr || !LLVMIsConditional(t) ||
        !LLVMIsAICmpInst(LLVMGetCondition(t)) || !dominates(&p->flow, from, latch))
        return NONE;
    LLVMValueRef test = LLVMGetCondition(t), a = LLVMGetOperand(test, 0),
                 b = LLVMGetOperand(test, 1);
    LLVMIntPredicate goes_on = LLVMGetICmpPredicate(test);
    static const LLVMIntPredicate opposite[][3] = {
        /* predicate, negated, with its sides swapped */
        {LLVMIntEQ, LLVMIntNE, LLVMIntEQ},    {LLVMIntNE, LLVMIntEQ, LLVMIntNE},
        {LLVMIntULT, LLVMIntUGE, LLVMIntUGT}, {LLVMIntUGE, LLVMIntULT, LLVMIntULE},
        {LLVMIntUGT, LLVMIntULE, LLVMIntULT}, {LLVMIntULE, LLVMIntUGT, LLVMIntUGE},
        {LLVMIntSLT, LLVMIntSGE, LLVMIntSGT}, {LLVMIntSGE, LLVMIntSLT, LLVMIntSLE},
        {LLVMIntSGT, LLVMIntSLE, LLVMIntSLT}, {LLVMIntSLE, LLVMIntSGT, LLVMIntSGE}};
    bool swapped = b == w->counter || b == w->next;
    for (int change = 0; change < 2; change++)
        for (int k = 0; change ? swapped : leaves_if; k++)
            if (opposite[k][0] == goes_on) {
                goes_on = opposite[k][1 + change];
                break;
            }
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

/* A request: 64 bits of address, above them the number of beats. */
static void request(struct process *p, const struct axi *a, int stream, int offset, int beats)
{
    int address = make_binary(p, OP_ADD, a->base, make_extended(p, offset, 64, true));
    struct wire w[2] = {{address, 0, 64, false}, {beats, 0, 32, false}};
    int token = make_wires(p, w, 2);
    int node = make_effect(p, OP_WRITE, 0, 1, &token);
    p->node[node].stream = stream;
    p->node[node].name = a->name;
}

/* Asks in front of the loop for all words that it will access; else says why not. */
static const char *request_burst(struct process *p, const struct axi *a, const struct linear *l,
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

/* ---- accesses -------------------------------------------------------------------------------- */

static int new_stream(struct process *p, const struct axi *a, const char *part, int width, bool in)
{
    struct stream s = {.name = text("%s_%s", a->name, part),
                       .width = width,
                       .in = in,
                       .parameter = NONE,
                       .axi = true};
    APPEND(p->stream, p->streams, p->stream_capacity, s);
    return p->streams - 1;
}

static int find_axi(struct process *p, LLVMValueRef argument, int width, struct place where)
{
    int parameter = parameter_index(p, argument);
    const char *name = value_name(argument);
    for (int i = 0; i < p->streams; i++)
        if (p->stream[i].parameter == parameter)
            fail(where, "`%s` is a stream and is used as a pointer", name);
    for (int i = 0; i < p->axis; i++)
        if (p->axi[i].parameter == parameter) {
            if (p->axi[i].width != width)
                fail(where, "`%s` is accessed as %d bits and as %d bits", name, width,
                     p->axi[i].width);
            return i;
        }
    if (width < 8 || width > 1024 || (width & (width - 1)))
        fail(where, "`%s`: an AXI port has 8, 16, ... 1024 bits, not %d", name, width);
    struct axi a = {.name = name,
                    .parameter = parameter,
                    .width = width,
                    .ar = NONE,
                    .r = NONE,
                    .aw = NONE,
                    .w = NONE};
    a.base = make_input(p, name, 64);
    APPEND(p->axi, p->axis, p->axi_capacity, a);
    return p->axis - 1;
}

int build_axi(struct process *p, const struct linear *l, LLVMTypeRef type, int value)
{
    int width = type_width(type, l->where);
    int which = find_axi(p, l->base, width, l->where);
    struct axi *a = &p->axi[which];
    bool store = value != NONE;
    if (store && !a->stores) {
        a->stores = true;
        a->aw = new_stream(p, a, "aw", 96, false);
        a->w = new_stream(p, a, "w", width, false);
    } else if (!store && !a->loads) {
        a->loads = true;
        a->ar = new_stream(p, a, "ar", 96, false);
        a->r = new_stream(p, a, "r", width, true);
    }
    struct axi_access access = {l->where, store, request_burst(p, a, l, store)};
    APPEND(a->access, a->accesses, a->access_capacity, access);
    if (access.why_single)
        request(p, a, store ? a->aw : a->ar, linear_node(p, l, l->factor, l->constant),
                make_const(p, 1, 32));
    int node =
        store ? make_effect(p, OP_WRITE, 0, 1, &value) : make_effect(p, OP_READ, width, 0, NULL);
    p->node[node].stream = store ? a->w : a->r;
    p->node[node].name = a->name;
    return node;
}

void order_axi(struct process *p)
{
    for (int i = 0; i < p->nodes; i++)
        for (int k = 0; k < p->axis; k++) {
            struct node *n = &p->node[i];
            const struct axi *a = &p->axi[k];
            if (n->op != OP_WRITE || !a->stores || n->stream != a->ar)
                continue;
            const struct region *r = &p->region[n->region];
            bool after_store = false;
            for (int q = 0; q < r->nodes && r->node[q] != i; q++)
                after_store |= p->node[r->node[q]].stream == a->aw;
            n->after_writes = !promised(r->promises, a->name) || after_store;
        }
}
