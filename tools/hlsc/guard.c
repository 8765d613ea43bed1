#include "guard.h"

#include "base.h"
#include "operation.h"
#include "value.h"

int guard_and(struct process *p, int a, int b)
{
    uint64_t v;
    if (a == NONE || a == b)
        return b;
    if (b == NONE)
        return a;
    int g = make_binary(p, OP_AND, a, b);
    return is_const(p, g, &v) && v ? NONE : g;
}

/* (p and c) or (p and not c) is p: what joins after a branch is as certain as what forked. */
static int join(struct process *p, int a, int b)
{
    const struct node *x = &p->node[a], *y = &p->node[b];
    if (x->op != OP_AND || y->op != OP_AND)
        return NONE;
    for (int i = 0; i < 2; i++)
        for (int j = 0; j < 2; j++)
            if (x->in[i] == y->in[j] && make_not(p, x->in[!i]) == y->in[!j])
                return x->in[i];
    return NONE;
}

int guard_or(struct process *p, int a, int b)
{
    uint64_t v;
    if (a == NONE || b == NONE)
        return NONE;
    if (make_not(p, a) == b)
        return NONE;
    int joined = join(p, a, b);
    if (joined != NONE)
        return joined;
    int g = make_binary(p, OP_OR, a, b);
    return is_const(p, g, &v) && v ? NONE : g;
}

int guard_any(struct process *p, int *guard, int count)
{
    for (int i = 0; i < count; i++)
        for (int k = 0; k < i; k++) {
            const bool plain = guard[i] != NONE && guard[k] != NONE;
            const int joined = plain ? join(p, guard[i], guard[k]) : NONE;
            if (plain && guard[i] != guard[k] && joined == NONE)
                continue;
            guard[k] = joined != NONE ? joined : guard_or(p, guard[i], guard[k]);
            guard[i] = guard[--count];
            i = k - 1; /* what it has become may join with others */
            break;
        }
    int any = guard[0];
    for (int i = 1; i < count; i++)
        any = guard_or(p, any, guard[i]);
    return any;
}

static bool contradicts(const struct process *p, int a, int b)
{
    const struct node *x = &p->node[a], *y = &p->node[b];
    if ((x->op == OP_NOT && x->in[0] == b) || (y->op == OP_NOT && y->in[0] == a))
        return true;
    if (x->ins != 2 || y->ins != 2)
        return false;
    bool same = x->in[0] == y->in[0] && x->in[1] == y->in[1];
    bool swapped = x->in[0] == y->in[1] && x->in[1] == y->in[0];
    if (same && ((x->op == OP_EQ && y->op == OP_NE) || (x->op == OP_NE && y->op == OP_EQ)))
        return true;
    if (swapped && ((x->op == OP_ULT && y->op == OP_ULE) || (x->op == OP_ULE && y->op == OP_ULT) ||
                    (x->op == OP_SLT && y->op == OP_SLE) || (x->op == OP_SLE && y->op == OP_SLT)))
        return true;
    return x->op == OP_EQ && y->op == OP_EQ && x->in[0] == y->in[0] && x->in[1] != y->in[1] &&
           is_const(p, x->in[1], NULL) && is_const(p, y->in[1], NULL);
}

static bool excludes(const struct process *p, int a, int b, int depth)
{
    if (contradicts(p, a, b))
        return true;
    if (depth > 12)
        return false;
    const struct node *x = &p->node[a], *y = &p->node[b];
    if (x->op == OP_AND && x->width == 1)
        return excludes(p, x->in[0], b, depth + 1) || excludes(p, x->in[1], b, depth + 1);
    if (y->op == OP_AND && y->width == 1)
        return excludes(p, a, y->in[0], depth + 1) || excludes(p, a, y->in[1], depth + 1);
    return false;
}

bool guards_exclude(const struct process *p, int a, int b)
{
    return a != NONE && b != NONE && excludes(p, a, b, 0);
}
