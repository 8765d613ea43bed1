#include "transfer.h"

#include "base.h"
#include "verilog.h"

bool is_transfer(const struct node *n)
{
    return n->op == OP_READ || n->op == OP_WRITE;
}

char *lacking(const struct emitter *e, const struct node *n)
{
    const char *name = e->p->stream[n->stream].name;
    if (n->after_writes)
        return text("(!%s_full_n | ~%s_idle)", name, n->name);
    return text("!%s_%s", name, n->op == OP_READ ? "empty_n" : "full_n");
}

char *stall_text(struct emitter *e, const struct region *r, int cycle)
{
    char *list = NULL;
    for (int k = 0; k < r->nodes; k++) {
        const struct node *n = &e->p->node[r->node[k]];
        if (!is_transfer(n) || n->cycle != cycle ||
            (r->pipelined && cycle == 0 && n->op == OP_READ))
            continue;
        char *g = guard_text(e, n);
        or_into(&list, text("(%s)", and_text(and_text(active_text(e, n), g), lacking(e, n))));
    }
    return list;
}
