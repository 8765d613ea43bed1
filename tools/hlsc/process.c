#include "process.h"

int parameter_index(const struct process *p, LLVMValueRef argument)
{
    int i = 0;
    while (LLVMGetParam(p->function, (unsigned)i) != argument)
        i++;
    return i;
}

void replace_node(struct process *p, int old, int new)
{
    for (int i = 0; i < p->nodes; i++) {
        struct node *n = &p->node[i];
        for (int k = 0; k < n->ins; k++)
            if (n->in[k] == old)
                n->in[k] = new;
        for (int k = 0; k < n->wires; k++)
            if (n->wire[k].node == old)
                n->wire[k].node = new;
        if (n->guard == old)
            n->guard = new;
    }
    for (int i = 0; i < p->flow.blocks; i++) {
        struct block *b = &p->flow.block[i];
        for (int k = 0; k < b->nexts; k++) {
            if (b->edge_guard[k] == old)
                b->edge_guard[k] = new;
            if (b->edge_condition[k] == old)
                b->edge_condition[k] = new;
        }
        if (b->guard == old)
            b->guard = new;
        if (b->condition == old)
            b->condition = new;
        if (b->result == old)
            b->result = new;
    }
    for (int i = 0; i < p->value_table_size; i++)
        if (p->value_key[i] && p->value_table[i] == old)
            p->value_table[i] = new;
}

int ready_in(const struct process *p, int node, int region, int *who)
{
    const struct node *n = &p->node[node];
    const struct wire itself = {.node = node}, *wire = n->op == OP_WIRES ? n->wire : &itself;
    const int wires = n->op == OP_WIRES ? n->wires : 1;
    int most = 0;
    for (int i = 0; i < wires; i++) {
        const struct node *from = &p->node[wire[i].node];
        if (from->region != region || from->ready < most)
            continue;
        most = from->ready;
        if (who)
            *who = wire[i].node;
    }
    return most;
}
