#include "arithmetic.h"

#include "base.h"
#include "operation.h"
#include "value.h"

/* Restoring division, a step per bit; the scheduler spreads the steps over cycles. */
static int divide(struct process *p, int a, int b, bool remainder)
{
    int w = p->node[a].width;
    struct wire *quotient = take((size_t)w * sizeof *quotient);
    int rest = make_const(p, 0, w), divisor = make_extended(p, b, w + 1, false);
    for (int i = w - 1; i >= 0; i--) {
        struct wire shifted[2] = {{a, i, 1, false}, {rest, 0, w, false}};
        int r = make_wires(p, shifted, 2);
        int less = make_binary(p, OP_ULT, r, divisor);
        int left = make_slice(p, make_binary(p, OP_SUB, r, divisor), 0, w);
        rest = make_select(p, less, make_slice(p, r, 0, w), left);
        quotient[i] = (struct wire){make_not(p, less), 0, 1, false};
    }
    return remainder ? rest : make_wires(p, quotient, w);
}

static int negate_if(struct process *p, int condition, int a)
{
    int minus = make_binary(p, OP_SUB, make_const(p, 0, p->node[a].width), a);
    return make_select(p, condition, minus, a);
}

int make_division(struct process *p, int a, int b, bool is_signed, bool remainder)
{
    if (!is_signed)
        return divide(p, a, b, remainder);
    int w = p->node[a].width;
    int sa = make_slice(p, a, w - 1, 1), sb = make_slice(p, b, w - 1, 1);
    int q = divide(p, negate_if(p, sa, a), negate_if(p, sb, b), remainder);
    return negate_if(p, remainder ? sa : make_binary(p, OP_XOR, sa, sb), q);
}

int make_absolute(struct process *p, int a)
{
    return negate_if(p, make_slice(p, a, p->node[a].width - 1, 1), a);
}

int make_population_count(struct process *p, int a)
{
    int w = p->node[a].width, n = w, *part = take((size_t)w * sizeof *part);
    for (int i = 0; i < w; i++)
        part[i] = make_extended(p, make_slice(p, a, i, 1), w, false);
    for (; n > 1; n = (n + 1) / 2)
        for (int i = 0; i < n; i += 2)
            part[i / 2] = i + 1 < n ? make_binary(p, OP_ADD, part[i], part[i + 1]) : part[i];
    return part[0];
}

int make_count_zeros(struct process *p, int a, bool leading)
{
    int w = p->node[a].width, result = make_const(p, (uint64_t)w, w);
    for (int i = 0; i < w; i++) {
        int bit = leading ? i : w - 1 - i, zeros = w - 1 - i;
        result =
            make_select(p, make_slice(p, a, bit, 1), make_const(p, (uint64_t)zeros, w), result);
    }
    return result;
}

int make_reverse(struct process *p, int a, int unit)
{
    int w = p->node[a].width, n = w / unit;
    struct wire *wire = take((size_t)n * sizeof *wire);
    for (int i = 0; i < n; i++)
        wire[i] = (struct wire){a, w - (i + 1) * unit, unit, false};
    return make_wires(p, wire, n);
}

int make_saturated(struct process *p, int a, int b, bool add, bool is_signed)
{
    int w = p->node[a].width;
    int x = make_extended(p, a, w + 1, is_signed), y = make_extended(p, b, w + 1, is_signed);
    int sum = make_binary(p, add ? OP_ADD : OP_SUB, x, y), low = make_slice(p, sum, 0, w);
    int top = make_slice(p, sum, w, 1);
    if (!is_signed)
        return make_select(p, top, make_const(p, add ? ~0ull : 0, w), low);
    int over = make_binary(p, OP_XOR, top, make_slice(p, sum, w - 1, 1));
    uint64_t most = w == 64 ? INT64_MAX : (1ull << (w - 1)) - 1;
    return make_select(
        p, over, make_select(p, top, make_const(p, most + 1, w), make_const(p, most, w)), low);
}

int make_funnel(struct process *p, int high, int low, int by, bool left)
{
    uint64_t k;
    int w = p->node[high].width;
    struct wire both[2] = {{low, 0, w, false}, {high, 0, w, false}};
    int joined = make_wires(p, both, 2);
    if (is_const(p, by, &k)) {
        k %= (uint64_t)w;
        return make_slice(p, joined, left ? (k ? w - (int)k : w) : (int)k, w);
    }
    if (w & (w - 1))
        fail(p->at_where, "a rotation of %d bits by a variable amount is not supported", w);
    int amount = make_extended(p, make_slice(p, by, 0, bits_of((uint64_t)w - 1)), 2 * w, false);
    int shifted = make_binary(p, left ? OP_SHL : OP_LSHR, joined, amount);
    return make_slice(p, shifted, left ? w : 0, w);
}
