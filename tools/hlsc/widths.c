#include "widths.h"

#include "base.h"
#include "flow.h"
#include "memory.h"
#include "value.h"

static bool raise_to(int *what, int value)
{
    if (value <= *what)
        return false;
    *what = value;
    return true;
}

/* ---- forward --------------------------------------------------------------------------------- */

static int wires_significant(const struct process *p, const struct node *n)
{
    int top = 0, at = 0;
    for (int i = 0; i < n->wires; i++) {
        const struct wire *w = &n->wire[i];
        int known = p->node[w->node].significant - w->low;
        if (known > 0)
            top = at + (w->sign ? w->width : min_int(w->width, known));
        at += w->width;
    }
    return top;
}

/* The edge into a loop's header is taken only while `operand < limit`. */
static int bounded_by_edge(const struct process *p, const struct node *phi, int k)
{
    int operand = phi->in[k], known = p->node[operand].significant;
    const struct block *from = &p->flow.block[phi->from[k]];
    if (from->condition == NONE || from->next[0] == from->next[1])
        return known;
    bool taken_if = from->next[0] == phi->block;
    const struct node *c = &p->node[from->condition];
    if (c->op == OP_NOT) {
        c = &p->node[c->in[0]];
        taken_if = !taken_if;
    }
    bool less = c->op == OP_ULT || c->op == OP_SLT, equal = c->op == OP_ULE || c->op == OP_SLE;
    if (less || equal) {
        const struct node *a = &p->node[c->in[0]], *b = &p->node[c->in[1]];
        bool is_signed = c->op == OP_SLT || c->op == OP_SLE;
        if (is_signed && (a->significant >= a->width || b->significant >= b->width))
            return known;
        int limit = c->in[taken_if ? 1 : 0], bounded = c->in[taken_if ? 0 : 1];
        uint64_t v, step = 0;
        const struct node *o = &p->node[operand];
        if (bounded != operand &&
            !(o->op == OP_ADD && o->in[0] == bounded && is_const(p, o->in[1], &step)))
            return known;
        bool strictly = taken_if ? less : equal; /* !(limit <= x) is x < limit */
        if (is_const(p, limit, &v) && v && v + step >= v)
            return min_int(known, bits_of(v + step - strictly));
        return min_int(known, max_int(p->node[limit].significant, bits_of(step)) + (step != 0));
    }
    /* i != last, counted up to from a constant below: never beyond. */
    uint64_t start, step, last;
    bool until = (c->op == OP_NE && taken_if) || (c->op == OP_EQ && !taken_if);
    const struct node *sum = &p->node[operand];
    if (until && c->in[0] == operand && is_const(p, c->in[1], &last) && sum->op == OP_ADD &&
        &p->node[sum->in[0]] == phi && is_const(p, sum->in[1], &step) && phi->ins == 2 &&
        is_const(p, phi->in[!k], &start) && step && start < last && (last - start) % step == 0)
        return min_int(known, bits_of(last - 1));
    return known;
}

static int significant_bits(const struct process *p, const struct node *n)
{
#define IN(k) p->node[n->in[k]].significant
    int most = 0;
    switch (n->op) {
    case OP_CONST: return bits_of(n->value);
    case OP_WIRES: return wires_significant(p, n);
    case OP_PHI:
        for (int k = 0; k < n->ins; k++)
            most = max_int(most, bounded_by_edge(p, n, k));
        return most;
    case OP_SELECT: return max_int(IN(1), IN(2));
    case OP_ADD: return IN(0) && IN(1) ? max_int(IN(0), IN(1)) + 1 : max_int(IN(0), IN(1));
    case OP_MUL: return IN(0) && IN(1) ? IN(0) + IN(1) : 0;
    case OP_AND: return min_int(IN(0), IN(1));
    case OP_OR:
    case OP_XOR: return max_int(IN(0), IN(1));
    case OP_LSHR: return IN(0);
    case OP_LOAD: return p->memory[n->memory].kept;
    case OP_EMPTY: return 1;
    default: return n->width;
    }
#undef IN
}

static void forward(struct process *p)
{
    for (int i = 0; i < p->memories; i++) {
        struct memory *m = &p->memory[i];
        m->kept = 0;
        for (long e = 0; e < m->total; e++)
            raise_to(&m->kept, bits_of(memory_initial(m, e)));
    }
    for (bool changed = true; changed;) {
        changed = false;
        for (int i = 0; i < p->nodes; i++) {
            struct node *n = &p->node[i];
            changed |= raise_to(&n->significant, min_int(n->width, significant_bits(p, n)));
            if (n->op == OP_STORE)
                changed |= raise_to(&p->memory[n->memory].kept, p->node[n->in[1]].significant);
        }
    }
}

/* ---- backward -------------------------------------------------------------------------------- */

static bool demand(struct process *p, int node, int bits)
{
    if (node == NONE || bits <= 0)
        return false;
    struct node *n = &p->node[node];
    return raise_to(&n->demanded, min_int(bits, n->width));
}

static bool demand_wires(struct process *p, const struct node *n)
{
    bool changed = false;
    int at = 0;
    for (int i = 0; i < n->wires && at < n->demanded; i++) {
        const struct wire *w = &n->wire[i];
        int bits = w->sign ? 1 : min_int(w->width, n->demanded - at);
        changed |= demand(p, w->node, w->low + bits);
        at += w->width;
    }
    return changed;
}

static bool demand_operands(struct process *p, const struct node *n, const int *loaded)
{
    int bits = min_int(n->demanded, n->significant);
    bool changed = false;
    switch (n->op) {
    case OP_STORE:
        if (!loaded[n->memory])
            return false;
        changed |= demand(p, n->in[1], min_int(loaded[n->memory], p->memory[n->memory].kept));
        changed |= demand(p, n->in[0], bits_of((uint64_t)p->memory[n->memory].depth - 1));
        changed |= demand(p, n->guard, 1);
        return changed;
    case OP_WRITE:
        changed |= demand(p, n->in[0], p->node[n->in[0]].width);
        changed |= demand(p, n->guard, 1);
        return changed;
    case OP_READ: return demand(p, n->guard, 1);
    default: break;
    }
    if (!n->demanded)
        return false;
    switch (n->op) {
    case OP_WIRES: return demand_wires(p, n);
    case OP_LOAD: return demand(p, n->in[0], bits_of((uint64_t)p->memory[n->memory].depth - 1));
    case OP_PHI:
    case OP_ADD:
    case OP_SUB:
    case OP_MUL:
    case OP_AND:
    case OP_OR:
    case OP_XOR:
    case OP_NOT:
        for (int k = 0; k < n->ins; k++)
            changed |= demand(p, n->in[k], bits);
        return changed;
    case OP_SELECT:
        changed |= demand(p, n->in[0], 1);
        changed |= demand(p, n->in[1], bits);
        changed |= demand(p, n->in[2], bits);
        return changed;
    case OP_SHL:
        changed |= demand(p, n->in[0], bits);
        changed |= demand(p, n->in[1], p->node[n->in[1]].width);
        return changed;
    default:
        for (int k = 0; k < n->ins; k++)
            changed |= demand(p, n->in[k], p->node[n->in[k]].width);
        return changed;
    }
}

static void backward(struct process *p)
{
    int *loaded = take((size_t)(p->memories + 1) * sizeof *loaded);
    for (int i = 0; i < p->flow.ordered; i++) {
        struct block *b = &p->flow.block[p->flow.order[i]];
        const struct region *r = &p->region[b->region];
        for (int k = 0; k < b->nexts; k++)
            if (!r->pipelined || p->flow.block[b->next[k]].region != b->region)
                demand(p, b->edge_guard[k], 1);
        demand(p, b->result, p->result_width);
    }
    for (bool changed = true; changed;) {
        changed = false;
        for (int i = p->nodes - 1; i >= 0; i--) {
            const struct node *n = &p->node[i];
            if (n->op == OP_LOAD)
                changed |= raise_to(&loaded[n->memory], n->demanded);
            changed |= demand_operands(p, n, loaded);
        }
    }
    for (int i = 0; i < p->memories; i++)
        p->memory[i].kept = min_int(p->memory[i].kept, loaded[i]);
}

static void break_width(struct process *p)
{
    /* A fault planted for the tests: a sum that lacks its highest bit. */
    for (int i = p->nodes - 1; i >= 0; i--)
        if (p->node[i].op == OP_ADD && p->node[i].kept > 2) {
            p->node[i].kept--;
            return;
        }
}

void widths(struct process *p)
{
    forward(p);
    backward(p);
    for (int i = 0; i < p->nodes; i++) {
        struct node *n = &p->node[i];
        n->kept = min_int(n->significant, n->demanded);
        if (n->op == OP_READ || n->op == OP_INPUT)
            n->kept = n->width;
    }
    if (p->source->options.break_width)
        break_width(p);
}
