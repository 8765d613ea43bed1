#include "flow.h"

#include "base.h"
#include "origin.h"

#include <stdlib.h>

int block_index(const struct flow *f, LLVMBasicBlockRef b)
{
    for (int i = 0; i < f->blocks; i++)
        if (f->block[i].llvm == b)
            return i;
    abort();
}

static void find_blocks(struct flow *f, LLVMValueRef function)
{
    f->block = take(LLVMCountBasicBlocks(function) * sizeof *f->block);
    for (LLVMBasicBlockRef b = LLVMGetFirstBasicBlock(function); b; b = LLVMGetNextBasicBlock(b))
        f->block[f->blocks++] = (struct block){.llvm = b,
                                               .dominator = NONE,
                                               .region = NONE,
                                               .result = NONE,
                                               .condition = NONE,
                                               .guard = NONE};
    for (int i = 0; i < f->blocks; i++) {
        struct block *b = &f->block[i];
        LLVMValueRef t = LLVMGetBasicBlockTerminator(b->llvm);
        LLVMOpcode op = LLVMGetInstructionOpcode(t);
        if (op != LLVMBr && op != LLVMSwitch && op != LLVMRet && op != LLVMUnreachable)
            fail(place_of(t), "this kind of jump cannot become hardware");
        unsigned n = LLVMGetNumSuccessors(t);
        b->next = take((n + 1) * sizeof *b->next);
        b->edge_guard = take((n + 1) * sizeof *b->edge_guard);
        b->edge_condition = take((n + 1) * sizeof *b->edge_condition);
        for (unsigned k = 0; k < n; k++)
            b->next[b->nexts++] = block_index(f, LLVMGetSuccessor(t, k));
    }
}

/* Depth first without recursion: graphs may be deep. */
static void order_blocks(struct flow *f)
{
    int *stack = take((size_t)(f->blocks + 1) * sizeof *stack),
        *at = take((size_t)f->blocks * sizeof *at), depth = 0;
    f->order = take((size_t)f->blocks * sizeof *f->order);
    stack[depth++] = 0;
    f->block[0].reached = true;
    while (depth) {
        int b = stack[depth - 1];
        if (at[b] < f->block[b].nexts) {
            int n = f->block[b].next[at[b]++];
            if (!f->block[n].reached) {
                f->block[n].reached = true;
                stack[depth++] = n;
            }
        } else {
            f->order[f->ordered++] = b;
            depth--;
        }
    }
    for (int i = 0; i < f->ordered / 2; i++) {
        int t = f->order[i];
        f->order[i] = f->order[f->ordered - 1 - i];
        f->order[f->ordered - 1 - i] = t;
    }
    for (int i = 0; i < f->ordered; i++)
        f->block[f->order[i]].order = i;
}

static void find_predecessors(struct flow *f)
{
    for (int i = 0; i < f->ordered; i++) {
        struct block *b = &f->block[f->order[i]];
        for (int k = 0; k < b->nexts; k++) {
            struct block *n = &f->block[b->next[k]];
            bool known = false;
            for (int q = 0; q < n->befores; q++)
                known |= n->before[q] == f->order[i];
            if (!known)
                APPEND(n->before, n->befores, n->before_capacity, f->order[i]);
        }
    }
}

/* The block nearest to both that dominates both. */
static int meet(const struct flow *f, int x, int y)
{
    while (x != y) {
        while (f->block[x].order > f->block[y].order)
            x = f->block[x].dominator;
        while (f->block[y].order > f->block[x].order)
            y = f->block[y].dominator;
    }
    return x;
}

/* Cooper, Harvey, Kennedy: A Simple, Fast Dominance Algorithm (2001). */
static void find_dominators(struct flow *f)
{
    f->block[0].dominator = 0;
    for (bool changed = true; changed;) {
        changed = false;
        for (int i = 1; i < f->ordered; i++) {
            struct block *b = &f->block[f->order[i]];
            int d = NONE;
            for (int k = 0; k < b->befores; k++)
                if (f->block[b->before[k]].dominator != NONE)
                    d = d == NONE ? b->before[k] : meet(f, b->before[k], d);
            changed |= d != b->dominator;
            b->dominator = d;
        }
    }
}

bool dominates(const struct flow *f, int a, int b)
{
    while (f->block[b].order > f->block[a].order)
        b = f->block[b].dominator;
    return a == b;
}

struct flow flow_of(LLVMValueRef function)
{
    struct flow f = {0};
    find_blocks(&f, function);
    order_blocks(&f);
    find_predecessors(&f);
    find_dominators(&f);
    return f;
}
