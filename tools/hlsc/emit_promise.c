#include "emit_promise.h"

#include "base.h"
#include "memory.h"
#include "process.h"
#include "promise.h"
#include "verilog.h"

#include <string.h>

static void watch(struct emitter *e, int region, const struct promise *promise,
                  const struct node *store, const struct node *load)
{
    const struct process *p = e->p;
    const struct region *r = &p->region[region];
    const struct memory *m = &p->memory[store->memory];
    int a = address_bits(m);
    for (int d = 1; !promise->distance || d < promise->distance; d++) {
        int behind = store->cycle - d * r->ii; /* where the later iteration is at the store */
        if (behind < load->cycle)
            return;
        if (load->guard != NONE && p->node[load->guard].op != OP_WIRES &&
            p->node[load->guard].region == region && p->node[load->guard].ready > behind)
            continue;
        char *now = text("p%d_e%d & p%d_e%d", region, store->cycle, region, behind);
        now = and_text(now, guard_text(e, store));
        if (load->guard != NONE)
            now = and_text(now, value_text(e, load->guard, 1, region, behind));
        fprintf(e->logic,
                "`ifndef SYNTHESIS\n  always @(posedge clk)\n    if (!rst & %s & %s == %s) begin\n"
                "      $display(\"hlsc: %s:%d: promised dependence of %s broken at address %%0d\", "
                "%s);\n"
                "      $finish;\n    end\n`endif\n",
                now, value_text(e, store->in[0], a, region, store->cycle),
                value_text(e, load->in[0], a, region, behind), promise->where.file,
                promise->where.line, m->name, value_text(e, store->in[0], a, region, store->cycle));
    }
}

/* Banks of one memory are accessed alike; one of them says it for all. */
static bool said(const struct process *p, const struct region *r, int x, int y)
{
    const struct node *s = &p->node[r->node[x]], *l = &p->node[r->node[y]];
    for (int a = 0; a <= x; a++)
        for (int b = 0; b < (a < x ? r->nodes : y); b++) {
            const struct node *s2 = &p->node[r->node[a]], *l2 = &p->node[r->node[b]];
            if (s2->op == OP_STORE && l2->op == OP_LOAD && s2->memory == s->memory &&
                l2->memory == s->memory && s2->bank == l2->bank && l2->kept &&
                s2->in[0] == s->in[0] && l2->in[0] == l->in[0] && s2->guard == s->guard &&
                l2->guard == l->guard && s2->cycle == s->cycle && l2->cycle == l->cycle)
                return true;
        }
    return false;
}

static void watch_all(struct emitter *e, int region, const struct promise *promise)
{
    const struct process *p = e->p;
    const struct region *r = &p->region[region];
    for (int x = 0; x < r->nodes; x++)
        for (int y = 0; y < r->nodes; y++) {
            const struct node *s = &p->node[r->node[x]], *l = &p->node[r->node[y]];
            if (s->op == OP_STORE && l->op == OP_LOAD && s->memory == l->memory &&
                s->bank == l->bank && l->kept &&
                !strcmp(p->memory[s->memory].name, promise->variable) && !said(p, r, x, y))
                watch(e, region, promise, s, l);
        }
}

void emit_promises(struct emitter *e)
{
    for (int i = 0; i < e->p->regions; i++) {
        const struct promises *all = e->p->region[i].promises;
        for (int k = 0; all && k < all->count; k++)
            if (all->promise[k].inter)
                watch_all(e, i, &all->promise[k]);
    }
}
