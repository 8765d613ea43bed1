#include "control.h"

#include "base.h"
#include "emit_register.h"
#include "process.h"
#include "sharing.h"
#include "verilog.h"

void comes(struct emitter *e, int state, const char *when)
{
    or_into(&e->comes[state], text("(%s)", when));
}

void goes(struct emitter *e, int state, const char *when)
{
    or_into(&e->goes[state], text("(%s)", when));
}

void enter(struct emitter *e, int region, const char *when)
{
    const struct region *r = &e->p->region[region];
    comes(e, r->state, when);
    if (r->pipelined)
        fprintf(e->clocked, "      if (%s) p%d_run <= 1'b1;\n", when, region);
    if (r->pipelined && r->ii > 1)
        fprintf(e->clocked, "      if (%s) p%d_phase <= %d'd0;\n", when, region,
                bits_of((uint64_t)r->ii - 1));
}

/* Is the value in the phi's register already? */
static bool is_there(const struct emitter *e, int phi, int value)
{
    const int source = copied(e->p, value, e->p->node[phi].kept);
    return source != NONE &&
           (source == phi || (e->shared[phi] && e->shared[source] == e->shared[phi]));
}

/* A choice between something new and what is there already needs no choice. */
void pass_phis(struct emitter *e, int from, int to, int region, int cycle, const char *when)
{
    struct process *p = e->p;
    const struct region *r = &p->region[p->flow.block[to].region];
    for (int k = 0; k < r->nodes; k++) {
        const int phi = r->node[k];
        const struct node *n = &p->node[phi];
        for (int q = 0; n->op == OP_PHI && n->block == to && n->kept && q < n->ins; q++) {
            int value = n->in[q];
            if (n->from[q] != from || is_there(e, phi, value))
                continue;
            const int width = e->shared[phi] ? e->shared_width[phi] : n->kept;
            const struct node *choice = &p->node[value];
            const char *also = when;
            const bool now =
                choice->op == OP_SELECT && choice->region == region && choice->cycle == cycle;
            for (int arm = 1; now && arm <= 2; arm++)
                if (is_there(e, phi, choice->in[arm])) {
                    also = text("%s & %s%s", when, arm == 1 ? "~" : "",
                                value_text(e, choice->in[0], 1, region, cycle));
                    value = choice->in[3 - arm];
                    break;
                }
            set_node(e, phi, also, value_text(e, value, width, region, cycle));
        }
    }
}

void emit_states(struct emitter *e)
{
    for (int s = 0; s < e->states; s++) {
        if (e->goes[s])
            or_into(&e->comes[s], text("(state[%d] & ~(%s))", s, e->goes[s]));
        fprintf(e->clocked, "      state[%d] <= %s;\n", s, e->comes[s] ? e->comes[s] : "1'b0");
    }
}
