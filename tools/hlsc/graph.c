#include "graph.h"

#include <string.h>

enum { WIDEST = 1 << 16 };

/* ---- nodes, equal ones once ------------------------------------------------------------------ */

static int new_node(struct process *p, enum op op, int width, int ins, const int *in)
{
    struct node n = {.op = op,
                     .width = width,
                     .region = NONE,
                     .guard = NONE,
                     .memory = NONE,
                     .stream = NONE,
                     .ins = ins,
                     .origin = p->at_origin,
                     .where = p->at_where};
    if (width > WIDEST)
        fail(p->at_where, "a value of %d bits is too wide", width);
    n.in = take((size_t)(ins + 1) * sizeof *n.in);
    if (ins)
        memcpy(n.in, in, (size_t)ins * sizeof *in);
    APPEND(p->node, p->nodes, p->node_capacity, n);
    return p->nodes - 1;
}

static void place_node(struct process *p, int node)
{
    struct region *r = &p->region[p->at_region];
    p->node[node].region = p->at_region;
    APPEND(r->node, r->nodes, r->node_capacity, node);
}

static uint64_t hash(uint64_t h, uint64_t v)
{
    h ^= v + 0x9e3779b97f4a7c15u + (h << 6) + (h >> 2);
    return h * 0xff51afd7ed558ccdu;
}

static uint64_t node_hash(const struct node *n)
{
    uint64_t h =
        hash(hash(hash((uint64_t)n->op, (uint64_t)n->width), (uint64_t)n->region), n->value);
    for (int i = 0; i < n->ins; i++)
        h = hash(h, (uint64_t)n->in[i]);
    for (int i = 0; i < n->wires; i++)
        h = hash(hash(h, (uint64_t)n->wire[i].node), (uint64_t)n->wire[i].low << 33 |
                                                         (uint64_t)n->wire[i].width << 1 |
                                                         n->wire[i].sign);
    return h ^ h >> 31;
}

static bool same_node(const struct node *a, const struct node *b)
{
    if (a->op != b->op || a->width != b->width || a->region != b->region || a->value != b->value ||
        a->ins != b->ins || a->wires != b->wires)
        return false;
    for (int i = 0; i < a->ins; i++)
        if (a->in[i] != b->in[i])
            return false;
    for (int i = 0; i < a->wires; i++)
        if (a->wire[i].node != b->wire[i].node || a->wire[i].low != b->wire[i].low ||
            a->wire[i].width != b->wire[i].width || a->wire[i].sign != b->wire[i].sign)
            return false;
    return true;
}

static void table_insert(struct process *p, int node)
{
    uint64_t at = node_hash(&p->node[node]) & (uint64_t)(p->table_size - 1);
    while (p->table[at])
        at = (at + 1) & (uint64_t)(p->table_size - 1);
    p->table[at] = node + 1;
}

/* The node made last, or the one equal to it that was there before. */
static int unique(struct process *p, int node)
{
    if (2 * p->nodes >= p->table_size) {
        int *old = p->table, size = p->table_size;
        p->table_size = size ? 2 * size : 1 << 14;
        p->table = take((size_t)p->table_size * sizeof *p->table);
        for (int i = 0; i < size; i++)
            if (old[i])
                table_insert(p, old[i] - 1);
    }
    const struct node *n = &p->node[node];
    uint64_t at = node_hash(n) & (uint64_t)(p->table_size - 1);
    for (; p->table[at]; at = (at + 1) & (uint64_t)(p->table_size - 1))
        if (same_node(&p->node[p->table[at] - 1], n)) {
            p->nodes--;
            return p->table[at] - 1;
        }
    p->table[at] = node + 1;
    if (n->region != NONE) {
        struct region *r = &p->region[n->region];
        APPEND(r->node, r->nodes, r->node_capacity, node);
    }
    return node;
}

static int make_pure(struct process *p, enum op op, int width, int ins, const int *in)
{
    int node = new_node(p, op, width, ins, in);
    p->node[node].region = p->at_region;
    return unique(p, node);
}

static uint64_t low_bits(uint64_t value, int width)
{
    return width >= 64 ? value : value & ((1ull << width) - 1);
}

int make_const(struct process *p, uint64_t value, int width)
{
    if (width > 64) {
        struct wire w[2] = {{make_const(p, value, 64), 0, 64, false},
                            {make_const(p, 0, 1), 0, width - 64, true}};
        return make_wires(p, w, 2);
    }
    int node = new_node(p, OP_CONST, width, 0, NULL);
    p->node[node].value = low_bits(value, width);
    p->node[node].origin = NULL;
    return unique(p, node);
}

bool is_const(const struct process *p, int node, uint64_t *value)
{
    const struct node *n = &p->node[node];
    uint64_t v = n->value;
    if (n->op == OP_WIRES) { /* wider than 64 bits, but perhaps not in value */
        v = 0;
        for (int i = 0, at = 0; i < n->wires; at += n->wire[i++].width) {
            const struct wire *w = &n->wire[i];
            if (p->node[w->node].op != OP_CONST)
                return false;
            uint64_t part = p->node[w->node].value >> w->low;
            if (part && (w->sign || at >= 64 || (at && part >> (64 - at))))
                return false;
            v |= part ? part << at : 0;
        }
    } else if (n->op != OP_CONST)
        return false;
    if (value)
        *value = v;
    return true;
}

int make_input(struct process *p, const char *name, int width)
{
    int node = new_node(p, OP_INPUT, width, 0, NULL);
    p->node[node].name = name;
    APPEND(p->input, p->inputs, p->input_capacity, node);
    return node;
}

int make_phi(struct process *p, int width, int block)
{
    int node = new_node(p, OP_PHI, width, 0, NULL);
    p->node[node].block = block;
    place_node(p, node);
    return node;
}

int make_effect(struct process *p, enum op op, int width, int ins, const int *in)
{
    int node = new_node(p, op, width, ins, in);
    p->node[node].guard = p->at_guard;
    place_node(p, node);
    return node;
}

/* ---- wires ----------------------------------------------------------------------------------- */

int segments(const struct process *p, int node, int low, int width, struct wire *out)
{
    const struct node *n = &p->node[node];
    if (n->op != OP_WIRES) {
        out[0] = (struct wire){node, low, width, false};
        return width > 0;
    }
    int count = 0, at = 0;
    for (int i = 0; i < n->wires && width > 0; i++) {
        struct wire w = n->wire[i];
        if (low < at + w.width) {
            int skip = low - at, take_bits = min_int(w.width - skip, width);
            out[count++] = (struct wire){w.node, w.sign ? w.low : w.low + skip, take_bits, w.sign};
            low += take_bits;
            width -= take_bits;
        }
        at += w.width;
    }
    return count;
}

struct narrow narrow_width(const struct process *p, int node, int width)
{
    const struct node *n = &p->node[node];
    width = min_int(width, n->width);
    if (n->significant < width)
        return (struct narrow){max_int(n->significant, 1), false};
    const struct wire *last = n->op == OP_WIRES ? &n->wire[n->wires - 1] : NULL;
    const struct wire *before = last && n->wires > 1 ? last - 1 : NULL;
    if (before && last->sign && !before->sign && before->node == last->node &&
        before->low + before->width - 1 == last->low && n->width - last->width < width)
        return (struct narrow){n->width - last->width, true};
    return (struct narrow){width, true}; /* the top bit's sign is cut off anyway */
}

/* Joins neighbours where one continues the other; constants become one. */
static int merge(struct process *p, struct wire *w, int n)
{
    int count = 0;
    for (int i = 0; i < n; i++) {
        if (w[i].width == 0)
            continue;
        uint64_t v, u;
        if (is_const(p, w[i].node, &v)) {
            if (w[i].sign && w[i].width <= 64)
                v = v >> w[i].low & 1 ? ~0ull : 0;
            else if (!w[i].sign)
                v >>= w[i].low;
            if (w[i].width <= 64)
                w[i] = (struct wire){make_const(p, v, w[i].width), 0, w[i].width, false};
        }
        struct wire *last = count ? &w[count - 1] : NULL;
        if (last && last->width + w[i].width <= 64 && is_const(p, last->node, &v) &&
            is_const(p, w[i].node, &u) && !last->sign && !w[i].sign) {
            int width = last->width + w[i].width;
            *last = (struct wire){make_const(p, v | u << last->width, width), 0, width, false};
        } else if (last && last->node == w[i].node && !last->sign && !w[i].sign &&
                   last->low + last->width == w[i].low)
            last->width += w[i].width;
        else if (last && last->node == w[i].node && last->sign && w[i].sign &&
                 last->low == w[i].low)
            last->width += w[i].width;
        else
            w[count++] = w[i];
    }
    return count;
}

int make_wires(struct process *p, const struct wire *wire, int wires)
{
    int width = 0, count = 0;
    for (int i = 0; i < wires; i++)
        width += wire[i].width;
    struct wire *w = take((size_t)(width + 1) * sizeof *w);
    for (int i = 0; i < wires; i++) {
        if (!wire[i].sign) {
            count += segments(p, wire[i].node, wire[i].low, wire[i].width, w + count);
            continue;
        }
        struct wire bit;
        segments(p, wire[i].node, wire[i].low, 1, &bit);
        w[count++] = (struct wire){bit.node, bit.low, wire[i].width, true};
    }
    count = merge(p, w, count);
    if (count == 1 && !w[0].sign && w[0].low == 0 && w[0].width == p->node[w[0].node].width)
        return w[0].node;
    int node = new_node(p, OP_WIRES, width, 0, NULL);
    p->node[node].wire = w;
    p->node[node].wires = count;
    return unique(p, node);
}

int make_slice(struct process *p, int node, int low, int width)
{
    if (low == 0 && width == p->node[node].width)
        return node;
    struct wire w = {node, low, width, false};
    return make_wires(p, &w, 1);
}

int make_extended(struct process *p, int node, int width, bool is_signed)
{
    int old = p->node[node].width;
    if (width <= old)
        return make_slice(p, node, 0, width);
    struct wire w[2] = {{node, 0, old, false}, {node, old - 1, width - old, true}};
    if (!is_signed)
        w[1] = (struct wire){make_const(p, 0, 1), 0, width - old, true};
    return make_wires(p, w, 2);
}

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

/* ---- guards ---------------------------------------------------------------------------------- */

int guard_and(struct process *p, int a, int b)
{
    uint64_t v;
    if (a == NONE || a == b)
        return b;
    if (b == NONE)
        return a;
    int g = make_binary(p, OP_AND, a, b);
    return is_const(p, g, &v) && v ? NONE : g;
}

/* (p and c) or (p and not c) is p: what joins after a branch is as certain as what forked. */
static int join(struct process *p, int a, int b)
{
    const struct node *x = &p->node[a], *y = &p->node[b];
    if (x->op != OP_AND || y->op != OP_AND)
        return NONE;
    for (int i = 0; i < 2; i++)
        for (int j = 0; j < 2; j++)
            if (x->in[i] == y->in[j] && make_not(p, x->in[!i]) == y->in[!j])
                return x->in[i];
    return NONE;
}

int guard_or(struct process *p, int a, int b)
{
    uint64_t v;
    if (a == NONE || b == NONE)
        return NONE;
    if (make_not(p, a) == b)
        return NONE;
    int joined = join(p, a, b);
    if (joined != NONE)
        return joined;
    int g = make_binary(p, OP_OR, a, b);
    return is_const(p, g, &v) && v ? NONE : g;
}

int guard_any(struct process *p, int *guard, int count)
{
    for (int i = 0; i < count; i++)
        for (int k = 0; k < i; k++) {
            const bool plain = guard[i] != NONE && guard[k] != NONE;
            const int joined = plain ? join(p, guard[i], guard[k]) : NONE;
            if (plain && guard[i] != guard[k] && joined == NONE)
                continue;
            guard[k] = joined != NONE ? joined : guard_or(p, guard[i], guard[k]);
            guard[i] = guard[--count];
            i = k - 1; /* what it has become may join with others */
            break;
        }
    int any = guard[0];
    for (int i = 1; i < count; i++)
        any = guard_or(p, any, guard[i]);
    return any;
}

static bool contradicts(const struct process *p, int a, int b)
{
    const struct node *x = &p->node[a], *y = &p->node[b];
    if ((x->op == OP_NOT && x->in[0] == b) || (y->op == OP_NOT && y->in[0] == a))
        return true;
    if (x->ins != 2 || y->ins != 2)
        return false;
    bool same = x->in[0] == y->in[0] && x->in[1] == y->in[1];
    bool swapped = x->in[0] == y->in[1] && x->in[1] == y->in[0];
    if (same && ((x->op == OP_EQ && y->op == OP_NE) || (x->op == OP_NE && y->op == OP_EQ)))
        return true;
    if (swapped && ((x->op == OP_ULT && y->op == OP_ULE) || (x->op == OP_ULE && y->op == OP_ULT) ||
                    (x->op == OP_SLT && y->op == OP_SLE) || (x->op == OP_SLE && y->op == OP_SLT)))
        return true;
    return x->op == OP_EQ && y->op == OP_EQ && x->in[0] == y->in[0] && x->in[1] != y->in[1] &&
           is_const(p, x->in[1], NULL) && is_const(p, y->in[1], NULL);
}

static bool excludes(const struct process *p, int a, int b, int depth)
{
    if (contradicts(p, a, b))
        return true;
    if (depth > 12)
        return false;
    const struct node *x = &p->node[a], *y = &p->node[b];
    if (x->op == OP_AND && x->width == 1)
        return excludes(p, x->in[0], b, depth + 1) || excludes(p, x->in[1], b, depth + 1);
    if (y->op == OP_AND && y->width == 1)
        return excludes(p, a, y->in[0], depth + 1) || excludes(p, a, y->in[1], depth + 1);
    return false;
}

bool guards_exclude(const struct process *p, int a, int b)
{
    return a != NONE && b != NONE && excludes(p, a, b, 0);
}
