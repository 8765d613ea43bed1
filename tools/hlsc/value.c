#include "value.h"

#include "base.h"

#include <string.h>

/* ---- nodes, equal ones once ------------------------------------------------------------------ */

enum { WIDEST = 1 << 16 };

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

int make_pure(struct process *p, enum op op, int width, int ins, const int *in)
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
