#include "address.h"

#include "base.h"
#include "binding.h"
#include "guard.h"
#include "operation.h"
#include "value.h"

int linear_node(struct process *p, const struct linear *l, const int64_t *factor, int64_t constant)
{
    int sum = NONE;
    for (int i = 0; i < l->terms; i++) {
        if (!factor[i])
            continue;
        int term = make_extended(p, value_node(p, l->term[i]), 32, true);
        bool minus = factor[i] < 0 && sum != NONE;
        uint64_t k = (uint64_t)(minus ? -factor[i] : factor[i]);
        term = make_binary(p, OP_MUL, term, make_const(p, k & 0xffffffff, 32));
        sum = sum == NONE ? term : make_binary(p, minus ? OP_SUB : OP_ADD, sum, term);
    }
    int c = make_const(p, (uint64_t)constant & 0xffffffff, 32);
    return sum == NONE ? c : make_binary(p, OP_ADD, sum, c);
}

static int64_t floor_divide(int64_t a, int64_t b)
{
    return a / b - (a % b < 0);
}

static bool power_of_two(int64_t n)
{
    return n > 0 && (n & (n - 1)) == 0;
}

/* One dimension's index, split into the bank and the row within it. */
struct split {
    int bank_node, bank; /* bank_node NONE: the constant bank */
    int row;
};

static struct split split_dimension(struct process *p, const struct memory *m, int d,
                                    const struct linear *l, const int64_t *factor, int64_t constant)
{
    int64_t banks = m->banks_of[d], size = m->size[d], rows = rows_of(m, d);
    struct split s = {.bank_node = NONE};
    bool dynamic = false, multiples = true;
    int64_t unit = m->block_of[d] ? rows : banks;
    for (int i = 0; i < l->terms; i++) {
        dynamic |= factor[i] != 0;
        multiples &= factor[i] % unit == 0;
    }
    if (banks == 1) {
        s.row = linear_node(p, l, factor, constant);
        return s;
    }
    if (!dynamic) {
        if (constant < 0 || constant >= size)
            fail(l->where, "index %lld is outside dimension %d of `%s` (%lld)", (long long)constant,
                 d + 1, m->name, (long long)size);
        s.bank = (int)(m->block_of[d] ? constant / rows : constant % banks);
        s.row = make_const(p, (uint64_t)(m->block_of[d] ? constant % rows : constant / banks), 32);
        return s;
    }
    if (!m->block_of[d] && multiples && rows > 1) { /* every term skips whole rounds of banks */
        int64_t quotient[MOST_TERMS];
        for (int i = 0; i < l->terms; i++)
            quotient[i] = factor[i] / banks;
        int64_t round = floor_divide(constant, banks);
        s.bank = (int)(constant - round * banks);
        s.row = linear_node(p, l, quotient, round);
        return s;
    }
    int index = linear_node(p, l, factor, constant);
    int bits = bits_of((uint64_t)unit - 1);
    if (rows > 1 && !power_of_two(unit))
        fail(l->where,
             "the bank of `%s` is not constant here and %lld is no power of two: choose a factor "
             "that is one, or unroll so that the index in dimension %d is constant",
             m->name, (long long)unit, d + 1);
    int low = make_slice(p, index, 0, max_int(bits, 1)),
        high = rows == 1 ? make_const(p, 0, 32)
                         : make_extended(p, make_slice(p, index, bits, 32 - bits), 32, false);
    if (rows == 1) {
        s.bank_node =
            make_extended(p, make_slice(p, index, 0, bits_of((uint64_t)size - 1)), 32, false);
        s.row = high;
    } else if (m->block_of[d]) {
        s.bank_node = high;
        s.row = bits ? make_extended(p, low, 32, false) : make_const(p, 0, 32);
    } else {
        s.bank_node = make_extended(p, low, 32, false);
        s.row = high;
    }
    return s;
}

struct location locate(struct process *p, const struct memory *m, const struct linear *l)
{
    const long *stride = m->stride;
    int64_t factor[8][MOST_TERMS] = {{0}}, constant[8] = {0}, rest = l->constant - m->leaf;
    bool dynamic[8] = {false}, plain = true;
    for (int d = 0; d < m->dims; d++)
        plain &= m->banks_of[d] == 1 && (d == 0 || stride[d - 1] == stride[d] * m->size[d]);
    if (plain) { /* one address */
        int64_t unit = stride[m->dims - 1];
        int64_t flat[MOST_TERMS];
        for (int i = 0; i < l->terms; i++) {
            if (l->factor[i] % unit)
                fail(l->where, "`%s` is indexed in steps that are not whole elements", m->name);
            flat[i] = l->factor[i] / unit;
        }
        struct location here = {.row = linear_node(p, l, flat, floor_divide(rest, unit))};
        for (int d = 0; d < m->dims; d++)
            here.bank_node[d] = NONE;
        return here;
    }
    for (int i = 0; i < l->terms; i++) {
        int d = 0;
        while (d < m->dims && (m->size[d] == 1 || l->factor[i] % stride[d] != 0))
            d++;
        if (d == m->dims)
            fail(l->where, "`%s` is indexed in steps that are not whole elements", m->name);
        factor[d][i] = l->factor[i] / stride[d];
        dynamic[d] = true;
    }
    for (int d = 0; d < m->dims; d++) {
        /* Where a later dimension has a variable index, its offset may be negative: nearest. */
        bool later = false;
        for (int e = d + 1; e < m->dims; e++)
            later |= dynamic[e];
        constant[d] = floor_divide(later ? rest + stride[d] / 2 : rest, stride[d]);
        rest -= constant[d] * stride[d];
    }
    struct location all = {.row = make_const(p, 0, 32)};
    for (int d = 0; d < m->dims; d++) {
        struct split s = split_dimension(p, m, d, l, factor[d], constant[d]);
        const int64_t rows = rows_of(m, d);
        all.row = make_binary(
            p, OP_ADD, make_binary(p, OP_MUL, all.row, make_const(p, (uint64_t)rows, 32)), s.row);
        all.bank[d] = s.bank;
        all.bank_node[d] = s.bank_node;
    }
    return all;
}

bool reaches(struct process *p, const struct memory *m, const struct location *at, int bank,
             int *here)
{
    *here = NONE;
    for (int d = m->dims - 1; d >= 0; bank /= m->banks_of[d], d--) {
        const int b = bank % m->banks_of[d], bits = bits_of((uint64_t)m->banks_of[d] - 1);
        if (at->bank_node[d] == NONE) {
            if (at->bank[d] != b)
                return false;
            continue;
        }
        *here =
            guard_and(p, *here,
                      make_binary(p, OP_EQ, make_slice(p, at->bank_node[d], 0, max_int(bits, 1)),
                                  make_const(p, (uint64_t)b, max_int(bits, 1))));
    }
    return true;
}
