#include "emit_state.h"

#include "base.h"
#include "control.h"
#include "flow.h"
#include "process.h"
#include "transfer.h"
#include "verilog.h"

void emit_state_control(struct emitter *e, int region)
{
    struct region *r = &e->p->region[region];
    for (int c = 0; c < r->length; c++) {
        char *stall = stall_text(e, r, c);
        declare(e, "wire", 1, text("s%d_e", r->state + c));
        fprintf(e->logic,
                stall ? "  assign s%d_e = state[%d] & ~(%s);\n" : "  assign s%d_e = state[%d];\n",
                r->state + c, r->state + c, stall);
    }
}

void emit_state_steps(struct emitter *e, int region)
{
    const struct process *p = e->p;
    const struct region *r = &p->region[region];
    const struct block *b = &p->flow.block[r->block[0]];
    int last = r->state + r->length - 1;
    for (int s = r->state; s <= last; s++) {
        goes(e, s, text("s%d_e", s));
        if (s < last)
            comes(e, s + 1, text("s%d_e", s));
    }
    if (b->ends) {
        comes(e, e->final_state, text("s%d_e", last));
        if (b->result != NONE)
            fprintf(e->clocked, "      if (s%d_e) ap_return <= %s;\n", last,
                    value_text(e, b->result, p->result_width, region, r->length - 1));
        if (!e->final_state)
            fprintf(e->clocked, "      if (s%d_e) ap_done <= 1'b1;\n", last);
    }
    for (int k = 0; k < b->nexts; k++) {
        bool again = false; /* several cases of a switch may lead to one block */
        char *guard = NULL;
        for (int q = 0; q < b->nexts; q++) {
            if (b->next[q] != b->next[k])
                continue;
            again |= q < k;
            if (b->edge_guard[q] != NONE)
                or_into(&guard, value_text(e, b->edge_guard[q], 1, region, r->length - 1));
        }
        if (again)
            continue;
        const char *when = text("s%d_e", last);
        if (guard) {
            when = text("s%d_to_b%d", last, b->next[k]);
            declare(e, "wire", 1, when);
            fprintf(e->logic, "  assign %s = s%d_e & (%s);\n", when, last, guard);
        }
        enter(e, p->flow.block[b->next[k]].region, when);
        pass_phis(e, r->block[0], b->next[k], region, r->length - 1, when);
    }
}
