#include "ahead.h"

#include "base.h"
#include "operation.h"
#include "value.h"

#include <string.h>

static bool is_compared(const struct process *p, int node)
{
    for (int i = 0; i < p->nodes; i++) {
        const struct node *n = &p->node[i];
        if (n->op >= OP_EQ && n->op <= OP_SLE && (n->in[0] == node || n->in[1] == node))
            return true;
    }
    return false;
}

void count_ahead(struct process *p, int region)
{
    struct region *r = &p->region[region];
    for (int k = 0; k < r->nodes; k++) {
        int phi = r->node[k], nodes = r->nodes;
        const struct node *n = &p->node[phi];
        if (n->op != OP_PHI || n->ins != 2 || n->width > 64)
            continue;
        int back = p->flow.block[n->from[1]].region == region, sum = n->in[back],
            front = n->from[!back];
        uint64_t step;
        if (p->node[sum].op != OP_ADD || p->node[sum].in[0] != phi ||
            !is_const(p, p->node[sum].in[1], &step) || !is_compared(p, sum))
            continue;
        int start = n->in[!back], constant = p->node[sum].in[1];
        p->at_where = p->node[sum].where;
        p->at_region = region;
        int ahead = make_phi(p, n->width, n->block);
        replace_node(p, sum, ahead);
        int next = make_binary(p, OP_ADD, ahead, constant);
        p->at_region = p->flow.block[front].region;
        int first = make_binary(p, OP_ADD, start, constant);
        p->node[ahead].name = p->node[phi].name;
        p->node[ahead].ins = 2;
        p->node[ahead].from = p->node[phi].from;
        p->node[ahead].in = take(2 * sizeof(int));
        p->node[ahead].in[back] = next;
        p->node[ahead].in[!back] = first;
        /* Phis stand first. */
        memmove(r->node + 1, r->node, (size_t)nodes * sizeof *r->node);
        r->node[0] = ahead;
        k++;
    }
}
