#include "cost.h"

#include "base.h"
#include "memory.h"
#include "target.h"
#include "value.h"

/* DSP blocks for a product of operands of these widths. */
static int dsp_blocks(const struct target *t, int a, int b)
{
    return ((max_int(a, b) + t->dsp_a - 1) / t->dsp_a) *
           ((min_int(a, b) + t->dsp_b - 1) / t->dsp_b);
}

static double multiply_delay(const struct process *p, const struct node *n)
{
    const struct target *t = p->source->options.target;
    int a = narrow_width(p, n->in[0], n->kept).width, b = narrow_width(p, n->in[1], n->kept).width;
    uint64_t v;
    if (is_const(p, n->in[1], &v))
        return t->add + t->add_bit * n->kept + t->level * (__builtin_popcountll(v) > 3);
    if (t->dsp_a && max_int(a, b) > 4) {
        const int parts = dsp_blocks(t, a, b);
        return t->mul + (parts > 1 ? t->add * bits_of((uint64_t)parts) : 0);
    }
    return t->level + t->add + t->mul_bit * min_int(a, b) + t->add_bit * n->kept;
}

double node_delay(const struct process *p, const struct node *n)
{
    const struct target *t = p->source->options.target;
    switch (n->op) {
    case OP_ADD:
    case OP_SUB: return t->add + t->add_bit * n->kept;
    case OP_MUL: return multiply_delay(p, n);
    case OP_AND:
    case OP_OR:
    case OP_XOR: return t->level * (n->width == 1 ? 0.6 : 1.0);
    case OP_NOT: return 0;
    case OP_SHL:
    case OP_LSHR:
    case OP_ASHR: return t->level * (p->node[n->in[1]].width + 1) / 2;
    case OP_EQ:
    case OP_NE: {
        int bits = max_int(p->node[n->in[0]].kept, p->node[n->in[1]].kept), levels = 1;
        for (int reach = t->lut_inputs / 2; reach < bits; reach *= t->lut_inputs)
            levels++;
        return t->level * levels;
    }
    case OP_ULT:
    case OP_ULE:
    case OP_SLT:
    case OP_SLE:
        return t->add + t->add_bit * max_int(p->node[n->in[0]].kept, p->node[n->in[1]].kept);
    case OP_SELECT: return t->level;
    case OP_LOAD:
    case OP_STORE:
    case OP_WRITE: return t->level;
    default: return 0;
    }
}

static void add_node(struct cost *c, const struct process *p, const struct node *n)
{
    const struct target *t = p->source->options.target;
    const int copies = n->copies + n->kept_after + n->held + (n->op == OP_PHI);
    c->flip_flops += (long)copies * n->kept;
    struct narrow a = n->ins == 2 ? narrow_width(p, n->in[0], n->kept) : (struct narrow){0},
                  b = n->ins == 2 ? narrow_width(p, n->in[1], n->kept) : (struct narrow){0};
    if (n->op == OP_MUL && t->dsp_a && !is_const(p, n->in[1], NULL))
        c->dsp += dsp_blocks(t, a.width, b.width);
    else if (n->op == OP_MUL)
        c->luts += (long)min_int(a.width, b.width) * n->kept;
    else if (n->op == OP_SHL || n->op == OP_LSHR || n->op == OP_ASHR)
        c->luts += (long)n->kept * p->node[n->in[1]].width;
    else if (n->op >= OP_EQ && n->op <= OP_SLE)
        c->luts += max_int(p->node[n->in[0]].kept, 1);
    else if (n->op != OP_PHI && n->op != OP_LOAD && n->op != OP_READ && n->op != OP_NOT)
        c->luts += n->kept;
}

static void add_memory(struct cost *c, const struct target *t, const struct memory *m)
{
    const long bits = (long)m->depth * m->kept;
    if (m->kind == MEMORY_REGISTERS)
        c->flip_flops += (long)m->banks * m->kept;
    else if (m->merged)
        c->rams += (bits * m->banks + t->ram_bits - 1) / t->ram_bits;
    else
        c->rams += (bits + t->ram_bits - 1) / t->ram_bits * m->banks;
}

struct cost process_cost(const struct process *p)
{
    struct cost c = {0};
    for (int i = 0; i < p->nodes; i++)
        if (p->node[i].region != NONE && p->node[i].kept)
            add_node(&c, p, &p->node[i]);
    for (int i = 0; i < p->memories; i++)
        add_memory(&c, p->source->options.target, &p->memory[i]);
    return c;
}
