#include "cost.h"

#include "base.h"
#include "memory.h"
#include "target.h"
#include "value.h"

#include <string.h>

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

static long divide_up(long a, long b)
{
    return (a + b - 1) / b;
}

/* RAMB18 (a RAMB36 is two) for so many words, in whichever shape takes fewest. The widest shape of
 * either has one port to read and one to write (UG573, "Block RAM Data Organization"). */
static long xilinx_halves(long width, long depth, bool one_writer)
{
    long best = 0;
    for (int halves = 1; halves <= 2; halves++) {
        static const int wide[] = {36, 18, 9, 4, 2, 1};
        for (int i = one_writer ? 0 : 1; i < 6; i++) {
            const int w = wide[i] * (i < 3 ? halves : 1);
            const long d = i < 3 ? 512l << i : (512l << i) * halves,
                       n = halves * divide_up(width, w) * divide_up(depth, d);
            if (!best || n < best)
                best = n;
        }
    }
    return best;
}

/* A URAM has 4,096 words of nine bytes that are written or not (UG573, "UltraRAM"). */
static long ultra_rams(const struct memory *m, long width)
{
    enum { DEPTH = 4096, BYTES = 9, BITS = 72 };
    const long bytes = divide_up(m->kept, 8), deep = divide_up(m->depth, DEPTH);
    if (!m->lanes)
        return divide_up(width, BITS) * deep;
    return deep * (bytes > BYTES ? m->banks * divide_up(bytes, BYTES)
                                 : divide_up(m->banks, BYTES / bytes));
}

/* Shallower memories are LUTs there, as yosys and Vivado choose. */
enum { XILINX_SHALLOW = 64 };

static void add_memory(struct cost *c, const struct target *t, const struct memory *m)
{
    const int copies = m->merged ? 1 : m->banks;
    const long width = (long)m->kept * (m->merged ? m->banks : 1), bits = width * m->depth;
    if (m->kind == MEMORY_REGISTERS)
        c->flip_flops += (long)m->banks * m->kept;
    else if (!t->xilinx)
        c->rams += divide_up(bits, t->ram_bits) * copies;
    else if (m->style && !strcmp(m->style, "ultra"))
        c->urams += ultra_rams(m, width) * copies;
    else if (m->style ? !strcmp(m->style, "block") : m->depth > XILINX_SHALLOW)
        c->rams += xilinx_halves(m->lanes ? m->banks * 9 * divide_up(m->kept, 9) : width, m->depth,
                                 m->kind == MEMORY_SIMPLE) *
                   copies; /* lanes are written in bytes of nine bits */
}

long queue_rams(const struct target *t, int width, int depth)
{
    if (depth <= 32 || (long)width * depth <= 512)
        return 0;
    return t->xilinx ? xilinx_halves(width, depth, true)
                     : divide_up((long)width * depth, t->ram_bits);
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
