#include "predicate.h"

#include "base.h"
#include "binding.h"
#include "flow.h"
#include "guard.h"
#include "operation.h"
#include "origin.h"

void find_edges(struct process *p, int block, int guard)
{
    struct block *b = &p->flow.block[block];
    LLVMValueRef t = LLVMGetBasicBlockTerminator(b->llvm);
    p->at_where = place_of(t);
    if (b->nexts == 1)
        b->edge_condition[0] = NONE;
    else if (LLVMGetInstructionOpcode(t) == LLVMBr) {
        b->condition = value_node(p, LLVMGetCondition(t));
        b->edge_condition[0] = b->condition;
        b->edge_condition[1] = make_not(p, b->condition);
    } else if (LLVMGetInstructionOpcode(t) == LLVMSwitch) {
        int v = value_node(p, LLVMGetOperand(t, 0)), none = NONE;
        for (int i = 1; i < b->nexts; i++) {
            int here = make_binary(p, OP_EQ, v, value_node(p, LLVMGetOperand(t, 2 * (unsigned)i)));
            b->edge_condition[i] = here;
            none = guard_and(p, none, make_not(p, here));
        }
        b->edge_condition[0] = none;
    }
    for (int i = 0; i < b->nexts; i++)
        b->edge_guard[i] = guard_and(p, guard, b->edge_condition[i]);
}

/* The blocks on the ways from one that dominates it to `block`, in order; false if such a way can
 * also lead elsewhere. */
static bool ways_between(const struct process *p, int from, int block, int *list, int *count)
{
    const int region = p->flow.block[block].region, head = p->region[region].block[0];
    bool *seen = take((size_t)p->flow.blocks * sizeof *seen), only = true;
    seen[from] = true;
    for (int o = p->flow.block[from].order; o < p->flow.block[block].order; o++) {
        const int x = p->flow.order[o];
        const struct block *b = &p->flow.block[x];
        if (!seen[x])
            continue;
        list[(*count)++] = x;
        only &= b->nexts > 0;
        for (int k = 0; k < b->nexts; k++) {
            const int n = b->next[k];
            only &= p->flow.block[n].region == region && n != head &&
                    p->flow.block[n].order <= p->flow.block[block].order;
            seen[n] = true;
        }
    }
    return only;
}

/* Of the edges from one block to another, given that control has come to the first. */
static int way_condition(struct process *p, int from, int to)
{
    const struct block *b = &p->flow.block[from];
    int *c = take((size_t)b->nexts * sizeof *c), count = 0;
    for (int e = 0; e < b->nexts; e++)
        if (b->next[e] == to)
            c[count++] = b->edge_condition[e];
    return guard_any(p, c, count);
}

int find_join(struct process *p, int block, int *way)
{
    const struct block *b = &p->flow.block[block];
    int *list = take((size_t)p->flow.blocks * sizeof *list), count = 0,
        *reached = take((size_t)p->flow.blocks * sizeof *reached), guard = NONE;
    const bool certain = ways_between(p, b->dominator, block, list, &count);
    p->flow.block[block].certain = certain;
    for (int i = 0; i <= count; i++) {
        const int x = i < count ? list[i] : block;
        const struct block *at = &p->flow.block[x];
        int *g = take((size_t)(at->befores + 1) * sizeof *g);
        for (int k = 0; x != b->dominator && k < at->befores; k++) {
            const int from = at->before[k];
            g[k] = guard_and(p, from == b->dominator ? NONE : reached[from],
                             way_condition(p, from, x));
            if (x == block)
                way[k] = g[k];
        }
        if (x == b->dominator || (x != block && at->certain))
            reached[x] = x == b->dominator ? NONE : reached[at->dominator];
        else
            reached[x] = guard_any(p, g, at->befores);
    }
    guard = p->flow.block[b->dominator].guard;
    return certain ? guard : guard_and(p, guard, reached[block]);
}

/* A choice between values of which exactly one's condition holds; the last one's is not asked. */
static int choice(struct process *p, const int *value, const int *condition, int count)
{
    if (count == 1)
        return value[0];
    const int half = count / 2;
    int first = condition[0];
    for (int i = 1; i < half; i++)
        first = guard_or(p, first, condition[i]);
    const int a = choice(p, value, condition, half),
              b = choice(p, value + half, condition + half, count - half);
    return first == NONE ? a : make_select(p, first, a, b);
}

/* Ways with the same value are one; the value with the most of them needs no condition. */
int choose(struct process *p, LLVMValueRef phi, int block, const int *way)
{
    const struct block *b = &p->flow.block[block];
    const size_t n = (size_t)b->befores;
    int *value = take((n + 1) * sizeof *value), *ways = take((n + 1) * sizeof *ways),
        *of = take((n + 1) * sizeof *of), *list = take((n + 1) * sizeof *list),
        *condition = take((n + 1) * sizeof *condition), values = 0, most = 0;
    for (int k = 0; k < b->befores; k++) {
        int v = NONE, i = 0;
        for (unsigned q = LLVMCountIncoming(phi); q-- > 0;)
            if (block_index(&p->flow, LLVMGetIncomingBlock(phi, q)) == b->before[k])
                v = value_node(p, LLVMGetIncomingValue(phi, q));
        while (i < values && value[i] != v)
            i++;
        value[i] = v;
        of[k] = i;
        ways[i]++;
        values += i == values;
        most = ways[i] > ways[most] ? i : most;
    }
    for (int i = 0; i < values; i++) {
        int count = 0;
        for (int k = 0; k < b->befores; k++)
            if (of[k] == i)
                list[count++] = way[k];
        condition[i] = i == most ? NONE : guard_any(p, list, count);
    }
    const int last = value[most];
    value[most] = value[values - 1];
    condition[most] = condition[values - 1];
    value[values - 1] = last;
    return choice(p, value, condition, values);
}
