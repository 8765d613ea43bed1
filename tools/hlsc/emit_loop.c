#include "emit_loop.h"

#include "base.h"
#include "control.h"
#include "emit_register.h"
#include "memory.h"
#include "process.h"
#include "transfer.h"
#include "verilog.h"

/* Would a load behind the stopped stage overwrite the memory output that a stopped one still needs?
 */
static bool must_stop_all(const struct emitter *e, const struct region *r, int stage)
{
    const struct process *p = e->p;
    for (int a = 0; a < r->nodes; a++)
        for (int b = 0; b < r->nodes; b++) {
            const struct node *x = &p->node[r->node[a]], *y = &p->node[r->node[b]];
            if (x->op == OP_LOAD && y->op == OP_LOAD && x->memory == y->memory && x->kept &&
                y->kept && p->memory[x->memory].kind != MEMORY_REGISTERS && x->ready <= stage &&
                y->cycle > stage)
                return true;
        }
    return false;
}

/* What stops each stage by itself; returns what stops all of them, NULL: nothing. */
static char *find_stalls(struct emitter *e, int region, char **stall)
{
    const struct region *r = &e->p->region[region];
    char *everyone = NULL;
    for (int c = 0; c < r->length; c++) {
        stall[c] = stall_text(e, r, c);
        if (!stall[c] || r->ii == 1 || c == r->length - 1)
            continue;
        if (must_stop_all(e, r, c)) {
            or_into(&everyone, stall[c]);
            stall[c] = NULL;
            continue;
        }
        /* Once stopped, for whole rounds of the II: ports are shared by cycle modulo II. */
        declare(e, "reg", bits_of((uint64_t)r->ii - 1), text("p%d_z%d", region, c));
        or_into(&stall[c], text("(p%d_z%d != 0)", region, c));
    }
    return everyone;
}

/* A new round waits for the tokens that its first stage reads; NULL: for nothing. */
static char *tokens_ready(struct emitter *e, const struct region *r)
{
    char *ready = NULL;
    for (int k = 0; k < r->nodes; k++) {
        const struct node *n = &e->p->node[r->node[k]];
        if (n->op != OP_READ || n->cycle != 0)
            continue;
        char *g = guard_text(e, n), *ok = text("%s_empty_n", e->p->stream[n->stream].name);
        ready = and_text(g ? text("(~%s | %s)", g, ok) : ok, ready);
    }
    return ready;
}

static void declare_loop(struct emitter *e, int region)
{
    const struct region *r = &e->p->region[region];
    declare(e, "reg", 1, text("p%d_run", region));
    if (r->ii > 1)
        declare(e, "reg", bits_of((uint64_t)r->ii - 1), text("p%d_phase", region));
    if (r->exits > 1)
        declare(e, "reg", bits_of((uint64_t)r->exits - 1), text("p%d_exit", region));
    for (int c = 0; c < r->length; c++)
        declare(e, c ? "reg" : "wire", 1, text("p%d_v%d", region, c));
}

/* The rounds of the II for which a stage stands still. */
static void emit_standstill(struct emitter *e, int region, int stage, const char *stall)
{
    const struct region *r = &e->p->region[region];
    const int w = bits_of((uint64_t)r->ii - 1);
    fprintf(e->clocked,
            "      if (p%d_go%d & (%s)) p%d_z%d <= p%d_z%d == %d'd%d ? %d'd0 : p%d_z%d + %d'd1;\n",
            region, stage + 1, stall, region, stage, region, stage, w, r->ii - 1, w, region, stage,
            w);
    fprintf(e->resets, "      p%d_z%d <= %d'd0;\n", region, stage, w);
}

void emit_loop_control(struct emitter *e, int region)
{
    const struct region *r = &e->p->region[region];
    FILE *f = e->logic;
    char **stall = take((size_t)r->length * sizeof *stall), *beyond = NULL;
    const char *everyone = find_stalls(e, region, stall), *ready = tokens_ready(e, r);
    fprintf(f, "\n  // loop %s, line %d: II %d, depth %d\n", r->name, r->where.line, r->ii,
            r->length);
    declare_loop(e, region);
    const char *first =
        r->ii > 1 ? text("p%d_run & (p%d_phase == 0)", region, region) : text("p%d_run", region);
    fprintf(f, "  assign p%d_v0 = %s;\n", region, and_text(first, ready));
    for (int c = r->length - 1; c >= 0; c--) {
        if (stall[c])
            or_into(&beyond, stall[c]);
        char *stop = beyond ? text("%s", beyond) : NULL;
        if (everyone)
            or_into(&stop, everyone);
        declare(e, "wire", 1, text("p%d_go%d", region, c));
        declare(e, "wire", 1, text("p%d_e%d", region, c));
        fprintf(f, stop ? "  assign p%d_go%d = ~(%s);\n" : "  assign p%d_go%d = 1'b1;\n", region, c,
                stop);
        fprintf(f, "  assign p%d_e%d = p%d_v%d & p%d_go%d;\n", region, c, region, c, region, c);
        if (beyond) /* the net says it already */
            beyond = text("~p%d_go%d", region, c);
        if (stall[c] && r->ii > 1 && c < r->length - 1)
            emit_standstill(e, region, c, stall[c]);
    }
    char *busy = text("p%d_run", region);
    for (int c = 1; c < r->length; c++)
        busy = text("%s | p%d_v%d", busy, region, c);
    declare(e, "wire", 1, text("p%d_done", region));
    fprintf(f, "  assign p%d_done = state[%d] & ~(%s);\n", region, r->state, busy);
}

void emit_loop_steps(struct emitter *e, int region)
{
    struct process *p = e->p;
    const struct region *r = &p->region[region];
    FILE *f = e->clocked;
    for (int k = 0; k < r->nodes; k++) {
        const struct node *n = &p->node[r->node[k]];
        for (int q = 0; n->op == OP_PHI && n->kept && q < n->ins; q++) {
            if (p->flow.block[n->from[q]].region != region)
                continue;
            int c = ready_in(p, n->in[q], region, NULL);
            set_node(e, r->node[k], text("p%d_e%d", region, c),
                     value_text(e, n->in[q], n->kept, region, c));
        }
    }
    for (int x = 0; x < r->exits; x++) {
        int g = r->exit[x].guard, c = g == NONE ? 0 : ready_in(p, g, region, NULL);
        fprintf(f, "      if (p%d_e%d%s%s) begin p%d_run <= 1'b0;", region, c,
                g == NONE ? "" : " & ", g == NONE ? "" : value_text(e, g, 1, region, c), region);
        if (r->exits > 1)
            fprintf(f, " p%d_exit <= %d'd%d;", region, bits_of((uint64_t)r->exits - 1), x);
        fprintf(f, " end\n");
    }
    if (r->ii > 1) {
        int w = bits_of((uint64_t)r->ii - 1);
        fprintf(f,
                "      if (state[%d] & p%d_go0) p%d_phase <= p%d_phase == %d'd%d ? %d'd0 : "
                "p%d_phase + %d'd1;\n",
                r->state, region, region, region, w, r->ii - 1, w, region, w);
    }
    for (int c = 1; c < r->length; c++)
        fprintf(f, "      if (p%d_go%d) p%d_v%d <= p%d_e%d;\n", region, c, region, c, region,
                c - 1);
    for (int x = 0; x < r->exits; x++) {
        const char *when = r->exits > 1 ? text("p%d_done & p%d_exit == %d'd%d", region, region,
                                               bits_of((uint64_t)r->exits - 1), x)
                                        : text("p%d_done", region);
        goes(e, r->state, when);
        enter(e, p->flow.block[r->exit[x].to].region, when);
        e->leaving = region;
        pass_phis(e, r->exit[x].from, r->exit[x].to, NONE, 0, when);
    }
    fprintf(e->resets, "      p%d_run <= 1'b0;\n", region);
    for (int c = 1; c < r->length; c++)
        fprintf(e->resets, "      p%d_v%d <= 1'b0;\n", region, c);
}
