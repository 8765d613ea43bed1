#include "balance.h"

#include "base.h"
#include "flow.h"
#include "operation.h"

#include <string.h>

struct balance {
    struct process *p;
    int *uses;
    double *depth; /* roughly how long a node waits for its operands; negative: not known yet */
    int *seen, search;
    int nodes;
    int *term, terms, term_capacity;
};

static const double late = 1000; /* beyond anything that can be computed beforehand */

static bool may_regroup(enum op op)
{
    return op == OP_ADD || op == OP_AND || op == OP_OR || op == OP_XOR;
}

static void count_uses(struct balance *b)
{
    const struct process *p = b->p;
    for (int i = 0; i < p->nodes; i++) {
        const struct node *n = &p->node[i];
        for (int k = 0; k < n->ins; k++)
            b->uses[n->in[k]]++;
        for (int k = 0; k < n->wires; k++)
            b->uses[n->wire[k].node] += 2; /* of some bits only */
        if (n->guard != NONE)
            b->uses[n->guard]++;
    }
    for (int i = 0; i < p->flow.ordered; i++) {
        const struct block *block = &p->flow.block[p->flow.order[i]];
        for (int k = 0; k < block->nexts; k++)
            if (block->edge_guard[k] != NONE)
                b->uses[block->edge_guard[k]]++;
        if (block->result != NONE)
            b->uses[block->result]++;
    }
}

/* Does a node need another one of the same round? */
static bool needs(struct balance *b, int node, int other)
{
    const struct node *n = &b->p->node[node];
    if (node == other)
        return true;
    if (n->op == OP_PHI || b->seen[node] == b->search)
        return false;
    b->seen[node] = b->search;
    for (int k = 0; k < n->ins; k++)
        if (needs(b, n->in[k], other))
            return true;
    for (int k = 0; k < n->wires; k++)
        if (needs(b, n->wire[k].node, other))
            return true;
    return false;
}

/* What the next round gets is made of it. */
static bool is_recurrent(struct balance *b, int node)
{
    const struct process *p = b->p;
    const struct node *n = &p->node[node];
    const struct region *r = &p->region[n->region];
    b->search++;
    for (int k = 0; n->op == OP_PHI && k < n->ins; k++)
        if (p->flow.block[n->from[k]].region == n->region && p->node[n->in[k]].op != OP_PHI &&
            needs(b, n->in[k], node))
            return true;
    for (int k = 0; n->op == OP_LOAD && k < r->nodes; k++) {
        const struct node *store = &p->node[r->node[k]];
        if (store->op == OP_STORE && store->memory == n->memory && store->bank == n->bank &&
            needs(b, store->in[1], node))
            return true;
    }
    return false;
}

static double depth_of(struct balance *b, int node)
{
    const struct node *n = &b->p->node[node];
    if (b->depth[node] >= 0)
        return b->depth[node];
    double most = 0;
    b->depth[node] = 0;
    bool state = n->op == OP_PHI || n->op == OP_LOAD;
    if (state && b->p->region[n->region].pipelined && is_recurrent(b, node))
        most = late;
    else if (n->op != OP_PHI) {
        for (int k = 0; k < n->ins; k++)
            most = most > depth_of(b, n->in[k]) ? most : depth_of(b, n->in[k]);
        for (int k = 0; k < n->wires; k++)
            most = most > depth_of(b, n->wire[k].node) ? most : depth_of(b, n->wire[k].node);
        most += n->op == OP_MUL || n->op == OP_LOAD  ? 2
                : n->op == OP_ADD || n->op == OP_SUB ? 1
                : n->op == OP_WIRES                  ? 0
                                                     : 0.4;
    }
    return b->depth[node] = most;
}

static bool continues(const struct balance *b, const struct node *root, int node)
{
    const struct node *n = &b->p->node[node];
    return node < b->nodes && n->op == root->op && n->width == root->width &&
           n->region == root->region && b->uses[node] == 1;
}

static void collect(struct balance *b, const struct node *root, int node)
{
    if (&b->p->node[node] != root && !continues(b, root, node)) {
        APPEND(b->term, b->terms, b->term_capacity, node);
        return;
    }
    for (int k = 0; k < 2; k++)
        collect(b, root, b->p->node[node].in[k]);
}

static void rebuild(struct balance *b, int root)
{
    struct process *p = b->p;
    enum op op = p->node[root].op;
    b->terms = 0;
    collect(b, &p->node[root], root);
    if (b->terms < 3)
        return;
    int *term = b->term, n = b->terms;
    double *depth = take((size_t)n * sizeof *depth);
    for (int k = 0; k < n; k++)
        depth[k] = term[k] < b->nodes ? b->depth[term[k]] : 0;
    p->at_region = p->node[root].region;
    p->at_where = p->node[root].where;
    p->at_origin = p->node[root].origin;
    while (n > 1) {
        int least[2] = {0, 1};
        if (depth[1] < depth[0])
            least[0] = 1, least[1] = 0;
        for (int k = 2; k < n; k++)
            if (depth[k] < depth[least[0]])
                least[1] = least[0], least[0] = k;
            else if (depth[k] < depth[least[1]])
                least[1] = k;
        int sum = make_binary(p, op, term[least[0]], term[least[1]]);
        int keep = min_int(least[0], least[1]), gone = max_int(least[0], least[1]);
        depth[keep] = depth[least[1]] + (op == OP_ADD ? 1 : 0.4);
        term[keep] = sum;
        memmove(term + gone, term + gone + 1, (size_t)(n - gone - 1) * sizeof *term);
        memmove(depth + gone, depth + gone + 1, (size_t)(n - gone - 1) * sizeof *depth);
        n--;
    }
    if (term[0] != root)
        replace_node(p, root, term[0]);
}

/* Operands before their users again, effects in their old order. */
static void put(struct process *p, int region, int node, bool *done, int *out, int *count)
{
    const struct node *n = &p->node[node];
    if (done[node])
        return;
    done[node] = true;
    if (n->op != OP_PHI || n->region != region) {
        for (int k = 0; n->op != OP_PHI && k < n->ins; k++)
            put(p, region, n->in[k], done, out, count);
        for (int k = 0; k < n->wires; k++)
            put(p, region, n->wire[k].node, done, out, count);
        if (n->guard != NONE)
            put(p, region, n->guard, done, out, count);
    }
    if (n->region == region)
        out[(*count)++] = node;
}

static void sort_region(struct process *p, int region)
{
    struct region *r = &p->region[region];
    bool *done = take((size_t)p->nodes * sizeof *done);
    int *out = take((size_t)(r->nodes + 1) * sizeof *out), count = 0;
    for (int k = 0; k < r->nodes; k++)
        if (p->node[r->node[k]].op == OP_PHI)
            put(p, region, r->node[k], done, out, &count);
    for (int k = 0; k < r->nodes; k++)
        put(p, region, r->node[k], done, out, &count);
    memcpy(r->node, out, (size_t)count * sizeof *out);
}

void balance(struct process *p)
{
    struct balance b = {.p = p, .nodes = p->nodes};
    b.uses = take((size_t)p->nodes * sizeof *b.uses);
    b.depth = take((size_t)p->nodes * sizeof *b.depth);
    b.seen = take((size_t)p->nodes * sizeof *b.seen);
    for (int i = 0; i < p->nodes; i++)
        b.depth[i] = -1;
    for (int i = 0; i < p->nodes; i++)
        depth_of(&b, i);
    count_uses(&b);
    bool *inner = take((size_t)p->nodes * sizeof *inner);
    for (int i = 0; i < b.nodes; i++) {
        const struct node *n = &p->node[i];
        for (int k = 0; may_regroup(n->op) && n->region != NONE && k < n->ins; k++)
            if (continues(&b, n, n->in[k]))
                inner[n->in[k]] = true;
    }
    for (int i = 0; i < b.nodes; i++)
        if (may_regroup(p->node[i].op) && p->node[i].region != NONE && !inner[i])
            rebuild(&b, i);
    for (int i = 0; i < p->regions; i++)
        if (p->region[i].nodes)
            sort_region(p, i);
}
