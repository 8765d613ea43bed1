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

/* Banks of one memory that are accessed alike: another one says it for both. */
static bool alike(const struct node *a, const struct node *b)
{
    return a->memory == b->memory && a->bank != b->bank && a->op == b->op && a->in[0] == b->in[0] &&
           a->guard == b->guard && a->cycle == b->cycle;
}

/* A store and a load of a bank for which no bank before it is accessed alike. */
static bool is_first(const struct process *p, const struct region *r, const struct node *store,
                     const struct node *load)
{
    for (int x = 0; x < r->nodes; x++)
        for (int y = 0; y < r->nodes; y++) {
            const struct node *s = &p->node[r->node[x]], *l = &p->node[r->node[y]];
            if (s->bank < store->bank && s->bank == l->bank && l->kept && alike(s, store) &&
                alike(l, load))
                return false;
        }
    return true;
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
                !strcmp(p->memory[s->memory].name, promise->variable) && is_first(p, r, s, l))
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
