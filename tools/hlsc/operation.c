#include "operation.h"

#include "base.h"
#include "value.h"

/* ---- bit by bit ------------------------------------------------------------------------------ */

/* Is the bit constant? 0, 1, or NONE. */
static int constant_bit(const struct process *p, const struct wire *w, int count, int bit)
{
    for (int i = 0; i < count; i++) {
        if (bit < w[i].width) {
            uint64_t v;
            if (!is_const(p, w[i].node, &v))
                return NONE;
            return (int)(v >> (w[i].sign ? w[i].low : w[i].low + bit) & 1);
        }
        bit -= w[i].width;
    }
    return NONE;
}

/* AND, OR, XOR piece by piece: only where neither side is constant is there anything to compute. */
static int make_bitwise(struct process *p, enum op op, int a, int b)
{
    int width = p->node[a].width;
    struct wire *x = take((size_t)width * sizeof *x), *y = take((size_t)width * sizeof *y),
                *out = take((size_t)width * sizeof *out);
    int xs = segments(p, a, 0, width, x), ys = segments(p, b, 0, width, y), count = 0;
    for (int low = 0; low < width;) {
        int ca = constant_bit(p, x, xs, low), cb = constant_bit(p, y, ys, low), high = low + 1;
        while (high < width && constant_bit(p, x, xs, high) == ca &&
               constant_bit(p, y, ys, high) == cb)
            high++;
        int n = high - low;
        if (low == 0 && high == width && ca == NONE && cb == NONE)
            return make_pure(p, op, width, 2, a < b ? (int[]){a, b} : (int[]){b, a});
        if (ca == NONE && cb == NONE) {
            int piece = make_bitwise(p, op, make_slice(p, a, low, n), make_slice(p, b, low, n));
            out[count++] = (struct wire){piece, 0, n, false};
        } else {
            int known = ca != NONE ? ca : cb, other = ca != NONE ? b : a;
            if ((op == OP_AND && known == 1) || (op != OP_AND && known == 0))
                out[count++] = (struct wire){other, low, n, false};
            else if (op == OP_XOR)
                out[count++] =
                    (struct wire){make_not(p, make_slice(p, other, low, n)), 0, n, false};
            else
                out[count++] = (struct wire){make_const(p, (uint64_t)known, 1), 0, n, true};
        }
        low = high;
    }
    return make_wires(p, out, count);
}

int make_not(struct process *p, int a)
{
    uint64_t v;
    const struct node *n = &p->node[a];
    if (is_const(p, a, &v))
        return make_const(p, ~v, n->width);
    if (n->op == OP_NOT)
        return n->in[0];
    static const enum op opposite[][2] = {{OP_EQ, OP_NE},   {OP_NE, OP_EQ},   {OP_ULT, OP_ULE},
                                          {OP_ULE, OP_ULT}, {OP_SLT, OP_SLE}, {OP_SLE, OP_SLT}};
    for (int i = 0; i < 6; i++)
        if (n->op == opposite[i][0]) {
            bool swap = i >= 2; /* !(a < b) is b <= a */
            return make_pure(p, opposite[i][1], 1, 2, (int[]){n->in[swap], n->in[!swap]});
        }
    return make_pure(p, OP_NOT, n->width, 1, &a);
}

/* ---- arithmetic ------------------------------------------------------------------------------ */

static int64_t as_signed(uint64_t v, int width)
{
    return width >= 64 ? (int64_t)v : (int64_t)(v << (64 - width)) >> (64 - width);
}

static bool fold(enum op op, uint64_t a, uint64_t b, int width, uint64_t *out)
{
    int64_t sa = as_signed(a, width), sb = as_signed(b, width);
    switch (op) {
    case OP_ADD: *out = a + b; return true;
    case OP_SUB: *out = a - b; return true;
    case OP_MUL: *out = a * b; return true;
    case OP_EQ: *out = a == b; return true;
    case OP_NE: *out = a != b; return true;
    case OP_ULT: *out = a < b; return true;
    case OP_ULE: *out = a <= b; return true;
    case OP_SLT: *out = sa < sb; return true;
    case OP_SLE: *out = sa <= sb; return true;
    default: return false;
    }
}

static int make_shift(struct process *p, enum op op, int a, int b)
{
    uint64_t by;
    int width = p->node[a].width;
    if (!is_const(p, b, &by)) {
        /* Beyond the width there is nothing defined; look at no more bits than needed. */
        int bits = bits_of((uint64_t)width - 1);
        if (bits < p->node[b].width)
            b = make_slice(p, b, 0, max_int(bits, 1));
        return make_pure(p, op, width, 2, (int[]){a, b});
    }
    if (by == 0)
        return a;
    int n = by >= (uint64_t)width ? width : (int)by;
    int zero = make_const(p, 0, 1);
    if (op == OP_SHL) {
        struct wire w[2] = {{zero, 0, n, true}, {a, 0, width - n, false}};
        return make_wires(p, w, 2);
    }
    struct wire w[2] = {{a, n, width - n, false}, {zero, 0, n, true}};
    if (op == OP_ASHR)
        w[1] = (struct wire){a, width - 1, n, true};
    return make_wires(p, w, 2);
}

/* Comparison with a constant: bits of `a` that are constant themselves need no comparing. */
static int make_equal(struct process *p, enum op op, int a, int b)
{
    int width = p->node[a].width, count = 0, left = 0;
    struct wire *w = take((size_t)width * sizeof *w), *x = take((size_t)width * sizeof *x),
                *y = take((size_t)width * sizeof *y), *z = take((size_t)width * sizeof *z);
    count = segments(p, a, 0, width, w);
    int zs = segments(p, b, 0, width, z);
    for (int i = 0, at = 0; i < count; at += w[i++].width) {
        if (p->node[w[i].node].op != OP_CONST) {
            x[left] = w[i];
            y[left++] = (struct wire){b, at, w[i].width, false};
            continue;
        }
        for (int bit = at; bit < at + w[i].width; bit++)
            if (constant_bit(p, w, count, bit) != constant_bit(p, z, zs, bit))
                return make_const(p, op == OP_NE, 1);
    }
    if (!left)
        return make_const(p, op == OP_EQ, 1);
    uint64_t v;
    int value = make_wires(p, x, left), constant = make_wires(p, y, left);
    if (p->node[value].width == 1 && is_const(p, constant, &v))
        return (op == OP_EQ) == (v == 1) ? value : make_not(p, value);
    return make_pure(p, op, 1, 2, (int[]){value, constant});
}

int make_binary(struct process *p, enum op op, int a, int b)
{
    uint64_t x, y, v;
    int width = p->node[a].width;
    bool ca = is_const(p, a, &x), cb = is_const(p, b, &y);
    bool compares = op >= OP_EQ && op <= OP_SLE;
    if (op == OP_SHL || op == OP_LSHR || op == OP_ASHR)
        return make_shift(p, op, a, b);
    if (op == OP_AND || op == OP_OR || op == OP_XOR)
        return a == b ? op == OP_XOR ? make_const(p, 0, width) : a : make_bitwise(p, op, a, b);
    if (ca && cb && width <= 64 && fold(op, x, y, width, &v))
        return make_const(p, v, compares ? 1 : width);
    if (a == b && compares)
        return make_const(p, op == OP_EQ || op == OP_ULE || op == OP_SLE, 1);
    if ((op == OP_EQ || op == OP_NE) && (cb || ca))
        return make_equal(p, op, ca ? b : a, ca ? a : b);
    if (op == OP_ADD || op == OP_MUL)
        if (ca) { /* the constant stands right */
            int t = a;
            a = b, b = t;
            y = x;
            cb = true;
        }
    if (cb && (op == OP_ADD || op == OP_SUB) && y == 0)
        return a;
    if (cb && op == OP_MUL && (y & (y - 1)) == 0)
        return y ? make_shift(p, OP_SHL, a, make_const(p, (uint64_t)bits_of(y) - 1, 32)) : b;
    if (cb && op == OP_SLT && y == 0) /* the sign */
        return make_slice(p, a, width - 1, 1);
    return make_pure(p, op, compares ? 1 : width, 2, (int[]){a, b});
}

int make_select(struct process *p, int condition, int a, int b)
{
    uint64_t c, x, y;
    if (a == b)
        return a;
    if (is_const(p, condition, &c))
        return c ? a : b;
    if (p->node[condition].op == OP_NOT)
        return make_select(p, p->node[condition].in[0], b, a);
    if (p->node[a].width == 1) {
        if (is_const(p, a, &x))
            return x ? make_binary(p, OP_OR, condition, b)
                     : make_binary(p, OP_AND, make_not(p, condition), b);
        if (is_const(p, b, &y))
            return y ? make_binary(p, OP_OR, make_not(p, condition), a)
                     : make_binary(p, OP_AND, condition, a);
    }
    return make_pure(p, OP_SELECT, p->node[a].width, 3, (int[]){condition, a, b});
}
