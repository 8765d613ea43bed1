#include "region.h"

#include "base.h"
#include "flow.h"
#include "ir.h"
#include "loops.h"
#include "origin.h"

static int new_region(struct process *p)
{
    struct region r = {.ii = 1};
    APPEND(p->region, p->regions, p->region_capacity, r);
    return p->regions - 1;
}

static struct place block_place(const struct process *p, int block)
{
    for (LLVMValueRef i = LLVMGetFirstInstruction(p->flow.block[block].llvm); i;
         i = LLVMGetNextInstruction(i))
        if (place_of(i).line)
            return place_of(i);
    return p->where;
}

/* A pipelined loop: all blocks from which its latch is reached without passing its header. */
static void pipelined_loop(struct process *p, int latch, int header, const struct loop *wishes)
{
    int region = new_region(p), *stack = take((size_t)(p->flow.blocks + 1) * sizeof *stack),
        depth = 0;
    bool *in = take((size_t)p->flow.blocks);
    in[header] = true;
    if (!in[latch]) {
        in[latch] = true;
        stack[depth++] = latch;
    }
    while (depth) {
        const struct block *b = &p->flow.block[stack[--depth]];
        for (int k = 0; k < b->befores; k++)
            if (!in[b->before[k]]) {
                in[b->before[k]] = true;
                stack[depth++] = b->before[k];
            }
    }
    struct region *r = &p->region[region];
    r->pipelined = true;
    r->wishes = wishes;
    r->promises = &wishes->promises;
    r->where = wishes->first;
    for (int i = 0; i < p->flow.ordered; i++) {
        int b = p->flow.order[i];
        if (!in[b])
            continue;
        if (p->flow.block[b].region != NONE)
            fail(r->where, "pipelined loops stand inside one another; pipeline the inner one only");
        p->flow.block[b].region = region;
        APPEND(r->block, r->blocks, r->block_capacity, b);
        for (int k = 0; k < p->flow.block[b].nexts; k++) {
            int n = p->flow.block[b].next[k];
            if (in[n] && n != header && p->flow.block[n].order <= p->flow.block[b].order)
                fail(block_place(p, n),
                     "a loop inside the pipelined loop of line %d cannot be "
                     "unrolled: its number of rounds is not constant",
                     r->where.line);
        }
    }
    if (r->block[0] != header)
        fail(r->where, "the pipelined loop is entered in its middle");
}

void find_regions(struct process *p)
{
    for (int i = 0; i < p->flow.ordered; i++) {
        int b = p->flow.order[i];
        for (int k = 0; k < p->flow.block[b].nexts; k++) {
            int header = p->flow.block[b].next[k];
            if (!dominates(&p->flow, header, b))
                continue;
            const struct loop *w =
                loops_find(&p->source->loops, LLVMGetBasicBlockTerminator(p->flow.block[b].llvm));
            if (w && w->pipeline && p->flow.block[b].region == NONE)
                pipelined_loop(p, b, header, w);
        }
    }
    for (int i = 0; i < p->flow.ordered; i++) {
        int b = p->flow.order[i];
        if (p->flow.block[b].region != NONE)
            continue;
        int region = new_region(p);
        struct region *r = &p->region[region];
        p->flow.block[b].region = region;
        APPEND(r->block, r->blocks, r->block_capacity, b);
        r->where = block_place(p, b);
    }
    for (struct region *r = p->region; r < p->region + p->regions; r++) {
        LLVMValueRef label = LLVMBasicBlockAsValue(p->flow.block[r->block[0]].llvm);
        r->name = text("%s", value_name(label));
    }
}

void find_exits(struct process *p)
{
    for (int i = 0; i < p->regions; i++)
        for (int k = 0; p->region[i].pipelined && k < p->region[i].blocks; k++) {
            int from = p->region[i].block[k];
            for (int e = 0; e < p->flow.block[from].nexts; e++) {
                int to = p->flow.block[from].next[e];
                if (p->flow.block[to].region == i)
                    continue;
                struct exit_edge x = {from, to, p->flow.block[from].edge_guard[e]};
                struct region *r = &p->region[i];
                APPEND(r->exit, r->exits, r->exit_capacity, x);
            }
        }
}
