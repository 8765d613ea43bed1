#include "sharing.h"

#include "base.h"
#include "flow.h"
#include "value.h"

struct state_edge {
    int from, to;             /* states */
    int from_block, to_block; /* NONE: from one state of a block to the next */
};

struct sharing {
    struct emitter *e;
    struct state_edge *edge;
    int edges, edge_capacity;
    int *value, values, value_capacity; /* nodes that have a register */
    int *number;                        /* of a node among them, NONE */
    bool *live;                         /* [value][state]: needed when the state begins */
    bool *apart;                        /* [value][value]: must not share */
    int *group;                         /* [value] */
};

static bool in_state_machine(const struct process *p, const struct node *n)
{
    return n->region != NONE && !p->region[n->region].pipelined;
}

static void add_edge(struct sharing *s, int from, int from_block, int to_block)
{
    const struct process *p = s->e->p;
    const struct state_edge edge = {from, p->region[p->flow.block[to_block].region].state,
                                    from_block, to_block};
    APPEND(s->edge, s->edges, s->edge_capacity, edge);
}

static void find_state_edges(struct sharing *s)
{
    const struct process *p = s->e->p;
    for (int i = 0; i < p->regions; i++) {
        const struct region *r = &p->region[i];
        const struct block *b = &p->flow.block[r->block[0]];
        for (int x = 0; x < r->exits && r->pipelined; x++)
            add_edge(s, r->state, r->exit[x].from, r->exit[x].to);
        if (r->pipelined)
            continue;
        for (int k = r->state; k < r->state + r->length - 1; k++) {
            const struct state_edge edge = {k, k + 1, NONE, NONE};
            APPEND(s->edge, s->edges, s->edge_capacity, edge);
        }
        for (int k = 0; k < b->nexts; k++)
            add_edge(s, r->state + r->length - 1, r->block[0], b->next[k]);
    }
}

/* Is the value given a new content when control takes the edge? For a phi *from is what it gets. */
static bool is_set(const struct sharing *s, int value, const struct state_edge *edge, int *from)
{
    const struct process *p = s->e->p;
    const struct node *n = &p->node[s->value[value]];
    if (n->op != OP_PHI)
        return p->region[n->region].state + n->ready == edge->from;
    if (edge->to_block == NONE || n->block != edge->to_block)
        return false;
    for (int q = 0; q < n->ins; q++)
        if (n->from[q] == edge->from_block)
            *from = n->in[q];
    return true;
}

static void find_live(struct sharing *s)
{
    const int states = s->e->states;
    for (int v = 0; v < s->values; v++) {
        bool *live = s->live + (size_t)v * (size_t)states;
        const bool *use = s->e->use[s->value[v]];
        for (int k = 0; use && k < states; k++)
            live[k] = use[k];
        for (bool changed = true; changed;) {
            changed = false;
            for (int i = 0; i < s->edges; i++) {
                int from;
                const struct state_edge *edge = &s->edge[i];
                if (live[edge->from] || !live[edge->to] || is_set(s, v, edge, &from))
                    continue;
                live[edge->from] = changed = true;
            }
        }
    }
}

int copied(const struct process *p, int node, int width)
{
    struct wire *w = take((size_t)(width + 1) * sizeof *w);
    const int count = segments(p, node, 0, min_int(width, p->node[node].width), w);
    if (!count || w[0].low || w[0].sign || p->node[w[0].node].op == OP_CONST)
        return NONE;
    for (int i = 1; i < count; i++) { /* zeros above it */
        uint64_t v;
        if (!is_const(p, w[i].node, &v) || v >> w[i].low != 0)
            return NONE;
    }
    return p->node[w[0].node].kept <= w[0].width ? w[0].node : NONE;
}

static void find_apart(struct sharing *s)
{
    const struct process *p = s->e->p;
    const size_t n = (size_t)s->values;
    for (int i = 0; i < s->edges; i++) {
        const struct state_edge *edge = &s->edge[i];
        for (int a = 0; a < s->values; a++) {
            int from_a = NONE;
            if (!is_set(s, a, edge, &from_a))
                continue;
            const int source_a =
                from_a == NONE ? s->value[a] : copied(p, from_a, p->node[s->value[a]].kept);
            for (int b = 0; b < s->values; b++) {
                int from_b = NONE;
                if (b == a || !s->live[(size_t)b * (size_t)s->e->states + (size_t)edge->to])
                    continue;
                const bool set_b = is_set(s, b, edge, &from_b);
                const int source_b = set_b && from_b != NONE
                                         ? copied(p, from_b, p->node[s->value[b]].kept)
                                         : s->value[b];
                if (source_a == NONE || source_a != source_b)
                    s->apart[(size_t)a * n + (size_t)b] = s->apart[(size_t)b * n + (size_t)a] =
                        true;
            }
        }
    }
}

static void join(struct sharing *s, int a, int b)
{
    const size_t n = (size_t)s->values;
    const int x = s->group[a], y = s->group[b];
    for (int i = 0; i < s->values; i++)
        for (int k = 0; k < s->values; k++)
            if (s->group[i] == x && s->group[k] == y && s->apart[(size_t)i * n + (size_t)k])
                return;
    for (int i = 0; i < s->values; i++)
        if (s->group[i] == y)
            s->group[i] = x;
}

static void join_copies(struct sharing *s)
{
    const struct process *p = s->e->p;
    for (int width = 64 * 8; width > 0; width /= 2) /* wide ones first */
        for (int v = 0; v < s->values; v++) {
            const struct node *n = &p->node[s->value[v]];
            for (int q = 0; n->op == OP_PHI && q < n->ins && n->kept > width / 2; q++) {
                const int from = copied(p, n->in[q], n->kept);
                if (from != NONE && s->number[from] != NONE &&
                    s->group[s->number[from]] != s->group[v])
                    join(s, v, s->number[from]);
            }
        }
}

/* Phis that get the same value are one variable before and behind the end of a loop. */
static void join_siblings(struct sharing *s)
{
    const struct process *p = s->e->p;
    for (int a = 0; a < s->values; a++)
        for (int b = 0; b < a; b++) {
            const struct node *x = &p->node[s->value[a]], *y = &p->node[s->value[b]];
            bool same = false;
            for (int i = 0; x->op == OP_PHI && y->op == OP_PHI && i < x->ins; i++)
                for (int k = 0; k < y->ins; k++)
                    same |= x->in[i] == y->in[k] && p->node[x->in[i]].op != OP_CONST;
            if (same && s->group[a] != s->group[b])
                join(s, a, b);
        }
}

/* Where a register costs as much as a look-up table, two values that are each set in one place and
 * never needed at once cost one with both: the look-up table in front chooses. */
static void join_pairs(struct sharing *s)
{
    const struct process *p = s->e->p;
    bool *taken = take((size_t)(s->values + 1) * sizeof *taken);
    for (int a = 0; a < s->values; a++)
        for (int b = 0; b < s->values; b++)
            taken[a] |= a != b && s->group[a] == s->group[b];
    for (int width = 512; width > 4; width--)
        for (int a = 0; a < s->values; a++) {
            const struct node *x = &p->node[s->value[a]];
            if (x->kept != width || x->op == OP_PHI || taken[a])
                continue;
            int best = NONE;
            for (int b = 0; b < s->values; b++) {
                const struct node *y = &p->node[s->value[b]];
                if (b != a && !taken[b] && y->op != OP_PHI && y->kept <= width &&
                    !s->apart[(size_t)a * (size_t)s->values + (size_t)b] &&
                    (best == NONE || y->kept > p->node[s->value[best]].kept))
                    best = b;
            }
            if (best == NONE)
                continue;
            s->group[best] = s->group[a];
            taken[a] = taken[best] = true;
        }
}

void share_registers(struct emitter *e)
{
    const struct process *p = e->p;
    struct sharing s = {.e = e};
    s.number = take((size_t)p->nodes * sizeof *s.number);
    for (int i = 0; i < p->nodes; i++) {
        const struct node *n = &p->node[i];
        s.number[i] = NONE;
        if (in_state_machine(p, n) && n->kept && (n->op == OP_PHI || n->held)) {
            s.number[i] = s.values;
            APPEND(s.value, s.values, s.value_capacity, i);
        }
    }
    const size_t n = (size_t)s.values;
    s.live = take((n + 1) * (size_t)e->states * sizeof *s.live);
    s.apart = take((n * n + 1) * sizeof *s.apart);
    s.group = take((n + 1) * sizeof *s.group);
    for (int v = 0; v < s.values; v++)
        s.group[v] = v;
    find_state_edges(&s);
    find_live(&s);
    find_apart(&s);
    join_copies(&s);
    join_siblings(&s);
    if (e->small_tables)
        join_pairs(&s);
    for (int v = 0; v < s.values; v++) {
        int members = 0, width = 0;
        for (int k = 0; k < s.values; k++)
            if (s.group[k] == s.group[v]) {
                members++;
                width = max_int(width, p->node[s.value[k]].kept);
            }
        e->shared[s.value[v]] = members > 1 ? s.group[v] + 1 : 0;
        e->shared_width[s.value[v]] = width;
    }
}
