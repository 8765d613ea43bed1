#include "emitter.h"

#include "base.h"
#include "value.h"
#include "verilog.h"

void declare(struct emitter *e, const char *kind, int width, const char *name)
{
    fprintf(e->declarations, "  %s [%d:0] %s;\n", kind, width - 1, name);
}

static const char *short_op(enum op op)
{
    static const char *const names[] = {
        [OP_PHI] = "phi",     [OP_ADD] = "add",    [OP_SUB] = "sub",   [OP_MUL] = "mul",
        [OP_AND] = "and",     [OP_OR] = "or",      [OP_XOR] = "xor",   [OP_NOT] = "not",
        [OP_SHL] = "shl",     [OP_LSHR] = "shr",   [OP_ASHR] = "sar",  [OP_EQ] = "eq",
        [OP_NE] = "ne",       [OP_ULT] = "lt",     [OP_ULE] = "le",    [OP_SLT] = "slt",
        [OP_SLE] = "sle",     [OP_SELECT] = "sel", [OP_LOAD] = "load", [OP_READ] = "read",
        [OP_EMPTY] = "empty", [OP_COUNT] = "count"};
    return names[op];
}

const char *net(struct emitter *e, int node)
{
    if (!e->net[node]) {
        const struct node *n = &e->p->node[node];
        const char *base = n->name ? identifier(n->name) : "";
        e->net[node] = text("n%d_%s%s%s", node, short_op(n->op), *base ? "_" : "", base);
    }
    return e->net[node];
}

static void note_use(struct emitter *e, int node, int region, int cycle)
{
    const int at = region == NONE ? e->leaving : region;
    const struct region *r = &e->p->region[at];
    if (!e->use[node])
        e->use[node] = take((size_t)e->states * sizeof **e->use);
    e->use[node][r->pipelined ? r->state : r->state + cycle] = true;
}

/* The register or net in which a node is found there. */
static const char *holder(struct emitter *e, int node, int region, int cycle)
{
    struct node *n = &e->p->node[node];
    const struct region *r = &e->p->region[n->region];
    if (n->op == OP_INPUT)
        return n->name;
    if (n->region != region) {
        if (!r->pipelined)
            note_use(e, node, region, cycle);
        if (!r->pipelined && n->op == OP_PHI)
            return net(e, node);
        if (r->pipelined) {
            n->kept_after = true;
            return text("%s_out", net(e, node));
        }
        n->held = true;
        return text("%s_q", net(e, node));
    }
    if (!r->pipelined) {
        if (n->op == OP_PHI || cycle > n->ready)
            note_use(e, node, region, cycle);
        if (n->op == OP_PHI || cycle == n->ready)
            return net(e, node);
        n->held = true;
        return text("%s_q", net(e, node));
    }
    int late = cycle - n->ready;
    n->copies = max_int(n->copies, late);
    return late > 0 ? text("%s_d%d", net(e, node), late) : net(e, node);
}

static char *bits(struct emitter *e, struct wire w, int region, int cycle)
{
    const struct node *n = &e->p->node[w.node];
    if (n->op == OP_CONST)
        return w.sign ? text("{%d{1'b%d}}", w.width, (int)(n->value >> w.low & 1))
                      : literal(n->value >> w.low & (w.width >= 64 ? ~0ull : (1ull << w.width) - 1),
                                w.width);
    const char *name = holder(e, w.node, region, cycle);
    if (w.sign)
        return text("{%d{%s[%d]}}", w.width, name, w.low);
    if (w.low == 0 && w.width == n->kept)
        return text("%s", name);
    return w.width == 1 ? text("%s[%d]", name, w.low)
                        : text("%s[%d:%d]", name, w.low + w.width - 1, w.low);
}

/* How many of a wire's bits exist; above them there are zeros. */
static int bits_there(const struct process *p, const struct wire *w)
{
    const struct node *n = &p->node[w->node];
    const int kept = n->op == OP_CONST ? n->width : n->kept;
    uint64_t v;
    if (is_const(p, w->node, &v) && (w->sign ? !(v >> w->low & 1) : v >> w->low == 0))
        return 0;
    if (w->sign)
        return w->low < kept ? w->width : 0;
    return max_int(min_int(w->width, kept - w->low), 0);
}

static void join(char **list, const char *piece)
{
    *list = *list ? text("%s, %s", *list, piece) : text("%s", piece);
}

char *value_text(struct emitter *e, int node, int width, int region, int cycle)
{
    const struct process *p = e->p;
    const int whole = min_int(width, p->node[node].width);
    int zeros = width - whole, pieces = 0;
    struct wire *w = take((size_t)(whole + 1) * sizeof *w);
    char *s = NULL;
    for (int i = segments(p, node, 0, whole, w) - 1; i >= 0; i--) {
        const int there = bits_there(p, &w[i]);
        zeros += w[i].width - there;
        if (!there)
            continue;
        if (zeros) {
            join(&s, text("%d'd0", zeros));
            pieces++;
        }
        zeros = 0;
        w[i].width = there;
        join(&s, bits(e, w[i], region, cycle));
        pieces++;
    }
    if (zeros) {
        join(&s, text("%d'd0", zeros));
        pieces++;
    }
    return pieces > 1 ? text("{%s}", s) : s;
}

char *guard_text(struct emitter *e, const struct node *n)
{
    return n->guard == NONE ? NULL : value_text(e, n->guard, 1, n->region, n->cycle);
}

char *active_text(const struct emitter *e, const struct node *n)
{
    const struct region *r = &e->p->region[n->region];
    return r->pipelined ? text("p%d_v%d", n->region, n->cycle)
                        : text("state[%d]", r->state + n->cycle);
}

char *enable_text(const struct emitter *e, const struct node *n)
{
    const struct region *r = &e->p->region[n->region];
    return r->pipelined ? text("p%d_e%d", n->region, n->cycle) : text("s%d_e", r->state + n->cycle);
}

void drive(struct emitter *e, struct mux *m, const struct node *n, char *value)
{
    /* Stages of a loop with II > 1 that share a port may both be there when one of them waits. */
    const struct region *r = &e->p->region[n->region];
    mux_add(m, r->pipelined && r->ii > 1 ? enable_text(e, n) : active_text(e, n), guard_text(e, n),
            value);
}
