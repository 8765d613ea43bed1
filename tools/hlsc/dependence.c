#include "dependence.h"

#include "base.h"
#include "guard.h"
#include "memory.h"
#include "promise.h"

static void add_source(struct process *p, int node, int other, int *count, int *capacity)
{
    struct node *n = &p->node[node];
    const struct node *o = &p->node[other];
    if (o->op == OP_CONST || o->op == OP_INPUT)
        return;
    if (o->op == OP_WIRES) {
        int at = 0;
        for (int i = 0; i < o->wires && at < o->kept; i++) {
            if (o->wire[i].low < p->node[o->wire[i].node].kept)
                add_source(p, node, o->wire[i].node, count, capacity);
            at += o->wire[i].width;
        }
        return;
    }
    for (int i = 0; i < *count; i++)
        if (n->source[i] == other)
            return;
    if (!o->kept)
        return;
    APPEND(n->source, *count, *capacity, other);
    n->sources = *count;
}

static bool is_effect(const struct node *n)
{
    return n->op == OP_STORE || n->op == OP_READ || n->op == OP_WRITE;
}

bool is_dead(const struct process *p, const struct node *n)
{
    if (n->op == OP_STORE)
        return !p->memory[n->memory].kept;
    return !is_effect(n) && !n->kept;
}

void find_sources(struct process *p)
{
    for (int i = 0; i < p->nodes; i++) {
        struct node *n = &p->node[i];
        int count = 0, capacity = 0;
        if (n->region == NONE || is_dead(p, n))
            continue;
        for (int k = 0; k < n->ins; k++)
            add_source(p, i, n->in[k], &count, &capacity);
        if (n->guard != NONE && n->op != OP_LOAD && n->op != OP_EMPTY && n->op != OP_COUNT)
            add_source(p, i, n->guard, &count, &capacity);
    }
}

struct search {
    struct dependences *all;
    const struct process *p;
    const struct region *r;
    int ii;
};

static void depend(const struct search *s, int from, int to, int latency, int distance)
{
    const struct dependence d = {from, to, latency, distance};
    APPEND(s->all->list, s->all->count, s->all->capacity, d);
}

/* Cycles from the first access to the second, so that memory shows what the program says. */
static int memory_latency(const struct process *p, const struct node *first,
                          const struct node *second)
{
    const struct memory *m = &p->memory[first->memory];
    bool store = first->op == OP_STORE, then_store = second->op == OP_STORE;
    if (store && then_store)
        return guards_exclude(p, first->guard, second->guard) ? 0 : 1;
    if (store)
        return m->bypass ? 0 : 1;
    return m->bypass || m->kind == MEMORY_TRUE_DUAL ? 1 : 0;
}

static void memory_dependences(const struct search *s, int i, int j)
{
    const struct process *p = s->p;
    const struct node *a = &p->node[i], *b = &p->node[j];
    const struct memory *m = &p->memory[a->memory];
    const struct promise *inter = promise_find(s->r->promises, m->name, true),
                         *intra = promise_find(s->r->promises, m->name, false);
    if (i != j && !(intra && !intra->distance))
        depend(s, i, j, memory_latency(p, a, b), 0);
    if (!s->ii || (inter && !inter->distance))
        return;
    int distance = inter ? inter->distance : 1;
    int back = b->op == OP_STORE && a->op == OP_STORE ? 1 : memory_latency(p, b, a);
    depend(s, j, i, back, distance);
    if (i != j)
        depend(s, i, j, a->op == OP_STORE && b->op == OP_STORE ? 1 : memory_latency(p, a, b),
               distance);
}

/* Words come after their request. What is written is there for the requests that follow (a master
 * is busy from the cycle after a request), and what was asked for has come before it is written
 * over. j comes after i. */
static void axi_dependences(const struct search *s, int i, int j)
{
    const struct process *p = s->p;
    int a = p->node[i].stream, b = p->node[j].stream;
    for (int k = 0; a != NONE && b != NONE && k < p->axis; k++) {
        const struct axi *x = &p->axi[k];
        if (a == x->ar && b == x->r)
            depend(s, i, j, 1, 0);
        if (!x->loads || !x->stores)
            continue;
        if ((a == x->aw && b == x->ar) || (a == x->r && b == x->aw))
            depend(s, i, j, 1, 0);
        if (s->ii && !promised(s->r->promises, x->name) &&
            ((a == x->ar && b == x->aw) || (a == x->aw && b == x->r)))
            depend(s, j, i, 1, 1);
    }
}

/* j comes after i, or is i. */
static void pair_dependences(const struct search *s, int i, int j)
{
    const struct node *a = &s->p->node[i], *b = &s->p->node[j];
    if (a->stream != NONE && a->stream == b->stream) {
        const bool exclusive = guards_exclude(s->p, a->guard, b->guard);
        if (i != j)
            depend(s, i, j, exclusive ? 0 : 1, 0);
        if (s->ii)
            depend(s, j, i, 1, 1);
    } else if (a->memory != NONE && a->memory == b->memory && a->bank == b->bank &&
               (a->op == OP_STORE || b->op == OP_STORE))
        memory_dependences(s, i, j);
    /* Others may answer what is written with the token that is read: a state that waits for both
     * would wait for ever. */
    else if (!s->ii && a->op == OP_WRITE && b->op == OP_READ &&
             !guards_exclude(s->p, a->guard, b->guard))
        depend(s, i, j, 1, 0);
}

void find_dependences(struct dependences *all, const struct process *p, const struct region *r,
                      int ii)
{
    const struct search s = {all, p, r, ii};
    int count = 0, capacity = 0, *access = NULL;
    all->count = 0;
    for (int k = 0; k < r->nodes; k++) {
        const struct node *n = &p->node[r->node[k]];
        if ((n->memory != NONE || n->stream != NONE) && !is_dead(p, n))
            APPEND(access, count, capacity, r->node[k]);
    }
    for (int x = 0; x < count; x++)
        for (int y = x; y < count; y++)
            pair_dependences(&s, access[x], access[y]);
    for (int x = 0; x < count; x++)
        for (int y = x + 1; y < count; y++)
            axi_dependences(&s, access[x], access[y]);
}
