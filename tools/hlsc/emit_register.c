#include "emit_register.h"

#include "base.h"
#include "mux.h"
#include "process.h"
#include "verilog.h"

#include <string.h>

void set_register(struct emitter *e, const char *name, int width, const char *when, char *value)
{
    int i = 0;
    while (i < e->settings && strcmp(e->setting[i].name, name) != 0)
        i++;
    if (i == e->settings) {
        struct setting new = {.name = name, .width = width};
        APPEND(e->setting, e->settings, e->setting_capacity, new);
    }
    struct mux *m = &e->setting[i].mux;
    for (int k = 0; k < m->ways; k++)
        if (!strcmp(m->way[k].value, value)) {
            or_into(&m->way[k].active, text("(%s)", when));
            return;
        }
    mux_add(m, text("(%s)", when), NULL, value);
}

void set_node(struct emitter *e, int node, const char *when, char *value)
{
    const bool phi = e->p->node[node].op == OP_PHI;
    if (e->shared[node])
        set_register(e, text("r%d", e->shared[node]), e->shared_width[node], when, value);
    else
        set_register(e, text(phi ? "%s" : "%s_q", net(e, node)), e->p->node[node].kept, when,
                     value);
}

/* A value's part in a shared register. */
static void share(struct emitter *e, int node)
{
    const struct node *n = &e->p->node[node];
    const int width = e->shared_width[node];
    bool first = true;
    for (int i = 0; i < node; i++)
        first &= e->shared[i] != e->shared[node];
    if (first)
        declare(e, "reg", width, text("r%d", e->shared[node]));
    const char *name = n->op == OP_PHI ? net(e, node) : text("%s_q", net(e, node));
    declare(e, "wire", n->kept, name);
    fprintf(e->logic, "  assign %s = r%d[%d:0];\n", name, e->shared[node], n->kept - 1);
    if (n->op != OP_PHI)
        set_node(e, node, text("s%d_e", e->p->region[n->region].state + n->ready),
                 width > n->kept ? text("{%d'd0, %s}", width - n->kept, net(e, node))
                                 : text("%s", net(e, node)));
}

static void emit_register(struct emitter *e, int i)
{
    struct node *n = &e->p->node[i];
    if (e->shared[i]) {
        share(e, i);
        return;
    }
    if (n->op == OP_PHI)
        declare(e, "reg", n->kept, net(e, i));
    for (int d = 1; d <= n->copies; d++) {
        char *from = d > 1 ? text("%s_d%d", net(e, i), d - 1) : text("%s", net(e, i));
        declare(e, "reg", n->kept, text("%s_d%d", net(e, i), d));
        fprintf(e->data, "    if (p%d_go%d) %s_d%d <= %s;\n", n->region, n->ready + d - 1,
                net(e, i), d, from);
    }
    if (n->kept_after) {
        declare(e, "reg", n->kept, text("%s_out", net(e, i)));
        fprintf(e->data, "    if (p%d_e%d) %s_out <= %s;\n", n->region, n->ready, net(e, i),
                net(e, i));
    }
    if (n->held) {
        declare(e, "reg", n->kept, text("%s_q", net(e, i)));
        set_node(e, i, text("s%d_e", e->p->region[n->region].state + n->ready),
                 text("%s", net(e, i)));
    }
}

/* Of one region, or of all: NONE. */
static void emit_registers_of(struct emitter *e, int region)
{
    for (int i = 0; i < e->p->nodes; i++) {
        const struct node *n = &e->p->node[i];
        if (n->region != NONE && n->kept && (region == NONE || n->region == region))
            emit_register(e, i);
    }
}

void emit_registers(struct emitter *e)
{
    if (!e->rests)
        emit_registers_of(e, NONE);
    for (int k = 0; e->rests && k < e->p->regions; k++) {
        const struct region *r = &e->p->region[k];
        if (r->pipelined)
            fprintf(e->data, "    `HLSC_WHEN(state[%d]) begin\n", r->state);
        emit_registers_of(e, k);
        if (r->pipelined)
            fprintf(e->data, "    end\n");
    }
}

void emit_settings(struct emitter *e)
{
    for (int i = 0; i < e->settings; i++) {
        const struct setting *s = &e->setting[i];
        const bool sum = s->mux.ways > 1 && e->small_tables;
        char *any = NULL, *value = NULL;
        for (int k = 0; k < s->mux.ways; k++) {
            const struct mux_way *w = &s->mux.way[k];
            if (!sum)
                fprintf(e->data, "    if (%s) %s <= %s;\n", w->active, s->name, w->value);
            or_into(&any, w->active);
            or_into(&value, text("({%d{%s}} & %s)", s->width, w->active, w->value));
        }
        if (sum)
            fprintf(e->data, "    if (%s)\n      %s <= %s;\n", any, s->name, value);
    }
}
