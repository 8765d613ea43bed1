#include "emit_stream.h"

#include "base.h"
#include "calls.h"
#include "mux.h"
#include "process.h"
#include "transfer.h"
#include "verilog.h"

void emit_stream(struct emitter *e, int stream)
{
    struct process *p = e->p;
    const struct stream *s = &p->stream[stream];
    char *enable = NULL, *wait = NULL;
    struct mux data = {0};
    for (int i = 0; i < p->nodes; i++) {
        const struct node *n = &p->node[i];
        if (!is_transfer(n) || n->stream != stream)
            continue;
        char *g = guard_text(e, n);
        bool first = n->op == OP_READ && p->region[n->region].pipelined && n->cycle == 0;
        char *active = first ? text("p%d_run", n->region) : active_text(e, n);
        or_into(&enable, text("(%s)", and_text(enable_text(e, n), g)));
        or_into(&wait, text("(%s)", and_text(and_text(active, g), lacking(e, n))));
        if (n->op == OP_WRITE)
            drive(e, &data, n, value_text(e, n->in[0], s->width, n->region, n->cycle));
    }
    fprintf(e->logic, "  assign %s_%s = %s;\n  assign %s_wait = %s;\n", s->name,
            s->in ? "read" : "write", enable ? enable : "1'b0", s->name, wait ? wait : "1'b0");
    if (!s->in)
        fprintf(e->logic, "  assign %s_din = %s;\n", s->name,
                mux_text(&data, max_int(s->width, 1), e->small_tables));
}

/* A cycle that waits for both counts as blocked: without room no token would help. */
void emit_counters(struct emitter *e)
{
    const struct process *p = e->p;
    char *waits[COUNTERS] = {"1'b1", NULL, NULL};
    for (int i = 0; i < p->streams; i++)
        or_into(&waits[p->stream[i].in ? COUNT_STARVED : COUNT_BLOCKED],
                text("%s_wait", p->stream[i].name));
    if (waits[COUNT_STARVED] && waits[COUNT_BLOCKED])
        waits[COUNT_STARVED] = text("(%s) & ~(%s)", waits[COUNT_STARVED], waits[COUNT_BLOCKED]);
    for (int k = 0; k < COUNTERS; k++) {
        if (!p->counts[k])
            continue;
        const char *name = counter_name[k];
        declare(e, "reg", 32, name);
        fprintf(e->resets, "      %s <= 32'd0;\n", name);
        if (waits[k])
            fprintf(e->clocked, "      if (%s) %s <= %s + 32'd1;\n", waits[k], name, name);
    }
}
