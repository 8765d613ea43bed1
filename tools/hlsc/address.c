/* Loads and stores: which memory, which bank, which address. An index is taken apart into terms
 * with constant factors, so that the lanes of a partitioned array find their banks at compile time.
 */
#include "address.h"
#include "origin.h"
#include "partition.h"

#include <string.h>

/* ---- an address as a sum of factor * term ---------------------------------------------------- */

static void add_index(struct linear *l, LLVMValueRef v, int64_t factor)
{
    if (LLVMIsAConstantInt(v)) {
        l->constant += factor * LLVMConstIntGetSExtValue(v);
        return;
    }
    /* Addresses are numbers modulo 2^32, and so are 32-bit indices: sums may be taken apart. */
    if (LLVMIsAInstruction(v) && LLVMGetIntTypeWidth(LLVMTypeOf(v)) == 32 &&
        l->terms < MOST_TERMS - 2) {
        LLVMOpcode op = LLVMGetInstructionOpcode(v);
        LLVMValueRef a = LLVMGetNumOperands(v) == 2 ? LLVMGetOperand(v, 0) : NULL,
                     b = a ? LLVMGetOperand(v, 1) : NULL;
        bool constant = b && LLVMIsAConstantInt(b);
        int64_t k = constant ? LLVMConstIntGetSExtValue(b) : 0;
        if (constant && (op == LLVMAdd || (op == LLVMOr && LLVMGetIsDisjoint(v)))) {
            add_index(l, a, factor);
            l->constant += factor * k;
            return;
        }
        if (op == LLVMAdd && !constant) {
            add_index(l, a, factor);
            add_index(l, b, factor);
            return;
        }
        if (constant && op == LLVMMul && k > -65536 && k < 65536) {
            add_index(l, a, factor * k);
            return;
        }
        if (constant && op == LLVMShl && k < 16) {
            add_index(l, a, factor << k);
            return;
        }
    }
    for (int i = 0; i < l->terms; i++)
        if (l->term[i] == v) {
            l->factor[i] += factor;
            return;
        }
    if (l->terms == MOST_TERMS)
        fail(l->where, "this index is too complicated");
    l->term[l->terms] = v;
    l->factor[l->terms++] = factor;
}

static void add_pointer(const struct process *p, struct linear *l, LLVMValueRef pointer)
{
    bool gep = LLVMIsAGetElementPtrInst(pointer) ||
               (LLVMIsAConstantExpr(pointer) && LLVMGetConstOpcode(pointer) == LLVMGetElementPtr);
    if (!gep) {
        if (!LLVMIsAGlobalVariable(pointer) && !LLVMIsAAllocaInst(pointer) &&
            !LLVMIsAArgument(pointer))
            fail(l->where, "a pointer that may point to several places; hardware needs to know the "
                           "array: index it directly");
        l->base = pointer;
        return;
    }
    add_pointer(p, l, LLVMGetOperand(pointer, 0));
    LLVMTypeRef t = LLVMGetGEPSourceElementType(pointer);
    for (unsigned i = 1; i < (unsigned)LLVMGetNumOperands(pointer); i++) {
        LLVMValueRef index = LLVMGetOperand(pointer, i);
        if (i > 1 && LLVMGetTypeKind(t) == LLVMStructTypeKind) {
            unsigned field = (unsigned)LLVMConstIntGetZExtValue(index);
            l->constant += (int64_t)LLVMOffsetOfElement(p->source->layout, t, field);
            t = LLVMStructGetTypeAtIndex(t, field);
            continue;
        }
        if (i > 1)
            t = LLVMGetElementType(t);
        add_index(l, index, (int64_t)LLVMABISizeOfType(p->source->layout, t));
    }
}

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

/* ---- memories -------------------------------------------------------------------------------- */

static LLVMTypeRef array_type(LLVMValueRef array)
{
    return LLVMIsAAllocaInst(array) ? LLVMGetAllocatedType(array) : LLVMGlobalGetValueType(array);
}

/* The integer at a byte offset of an element, or NULL. */
static LLVMTypeRef leaf_type(LLVMTargetDataRef layout, LLVMTypeRef t, uint64_t offset)
{
    while (true) {
        if (LLVMGetTypeKind(t) == LLVMIntegerTypeKind)
            return offset ? NULL : t;
        if (LLVMGetTypeKind(t) == LLVMArrayTypeKind) {
            t = LLVMGetElementType(t);
            offset %= LLVMABISizeOfType(layout, t);
        } else if (LLVMGetTypeKind(t) == LLVMStructTypeKind) {
            unsigned n = LLVMCountStructElementTypes(t), i = 0;
            while (i + 1 < n && LLVMOffsetOfElement(layout, t, i + 1) <= offset)
                i++;
            if (!n)
                return NULL;
            offset -= LLVMOffsetOfElement(layout, t, i);
            t = LLVMStructGetTypeAtIndex(t, i);
        } else
            return NULL;
    }
}

enum { MOST_AUTOMATIC = 32 };

/* Banks: as the pragmas say; else small local arrays and small arrays within structs fall apart. */
static void divide(struct memory *m, const struct pragmas *pragmas)
{
    struct partition part[8];
    int n = partitions_of(pragmas, m->array, part);
    for (int d = 0; d < m->dims; d++)
        m->banks_of[d] = d < m->outer || m->size[d] > MOST_AUTOMATIC ? 1 : (int)m->size[d];
    if (!n && LLVMIsAAllocaInst(m->array) && m->total <= MOST_AUTOMATIC)
        part[n++] = (struct partition){0}; /* a small local array is registers */
    for (int i = 0; i < n; i++) {
        if (part[i].dim > m->dims)
            fail(m->where, "array_partition dim=%d: `%s` has %d dimension%s", part[i].dim, m->name,
                 m->dims, m->dims == 1 ? "" : "s");
        for (int d = 0; d < m->dims; d++) {
            if (part[i].dim && part[i].dim != d + 1)
                continue;
            long banks = part[i].factor ? part[i].factor : m->size[d];
            if (banks > m->size[d])
                banks = m->size[d];
            if (banks > 4096)
                fail(m->where, "`%s` would be divided into %ld banks; at most 4096", m->name,
                     banks);
            m->banks_of[d] = (int)banks;
            m->block_of[d] = part[i].block;
        }
    }
    m->banks = 1;
    m->depth = 1;
    for (int d = 0; d < m->dims; d++) {
        long rows = (m->size[d] + m->banks_of[d] - 1) / m->banks_of[d];
        if ((long)m->banks * m->banks_of[d] > 65536 || (long)m->depth * rows > 1 << 26)
            fail(m->where, "`%s` is too large", m->name);
        m->banks *= m->banks_of[d];
        m->depth *= (int)rows;
    }
}

static LLVMTypeRef add_dimensions(struct memory *m, LLVMTargetDataRef layout, LLVMTypeRef t)
{
    while (LLVMGetTypeKind(t) == LLVMArrayTypeKind) {
        if (m->dims == 8)
            fail(m->where, "`%s` has more than 8 dimensions", m->name);
        m->size[m->dims] = (long)LLVMGetArrayLength2(t);
        m->total *= m->size[m->dims];
        t = LLVMGetElementType(t);
        m->stride[m->dims++] = (long)LLVMABISizeOfType(layout, t);
        if (m->total > 1 << 26)
            fail(m->where, "`%s` is too large for on-chip memory", m->name);
    }
    return t;
}

/* Goes down to the integer at a byte offset within an element of struct type; arrays on the way are
 * further dimensions. NULL: there is none. */
static LLVMTypeRef add_field(struct memory *m, LLVMTargetDataRef layout, LLVMTypeRef t,
                             int64_t offset)
{
    m->leaf = 0;
    while (LLVMGetTypeKind(t) == LLVMStructTypeKind) {
        unsigned n = LLVMCountStructElementTypes(t), i = 0;
        while (i + 1 < n && (int64_t)LLVMOffsetOfElement(layout, t, i + 1) <= offset)
            i++;
        if (!n)
            return NULL;
        int64_t at = (int64_t)LLVMOffsetOfElement(layout, t, i);
        m->leaf += (int)at;
        t = LLVMStructGetTypeAtIndex(t, i);
        if (offset - at >= (int64_t)LLVMABISizeOfType(layout, t))
            return NULL;
        offset -= at;
        t = add_dimensions(m, layout, t);
        int64_t size = (int64_t)LLVMABISizeOfType(layout, t);
        offset %= size ? size : 1;
    }
    return offset == 0 && LLVMGetTypeKind(t) == LLVMIntegerTypeKind ? t : NULL;
}

/* Does a dimension within the struct take steps of this size? */
static bool steps(const struct memory *m, int64_t factor)
{
    for (int d = m->outer; d < m->dims; d++)
        if (m->stride[d] && factor % m->stride[d] == 0)
            return true;
    return false;
}

/* Which field an access goes to: by its constant part, which lies beside the field where a variable
 * index has something added or subtracted. */
static LLVMTypeRef find_field(struct memory *m, LLVMTargetDataRef layout, LLVMTypeRef element,
                              const struct linear *l)
{
    int64_t size = m->stride[m->outer - 1], step = 0, offset = (l->constant % size + size) % size;
    for (int i = 0; i < l->terms; i++)
        if (l->factor[i] % size)
            step = l->factor[i];
    struct memory outer = *m;
    for (int k = 0; k < (step ? 33 : 1); k++) { /* 0, 1, -1, 2, -2 ... steps away */
        int64_t at = offset + step * (k & 1 ? (k + 1) / 2 : -(k / 2));
        *m = outer;
        LLVMTypeRef leaf = at >= 0 && at < size ? add_field(m, layout, element, at) : NULL;
        if (leaf && (!step || steps(m, step)))
            return leaf;
    }
    return NULL;
}

static int find_memory(struct process *p, const struct linear *l)
{
    LLVMTargetDataRef layout = p->source->layout;
    LLVMValueRef array = l->base;
    struct memory m;
    memset(&m, 0, sizeof m);
    m.array = array;
    m.where = l->where;
    m.name = source_name(array);
    m.total = 1;
    LLVMTypeRef element = add_dimensions(&m, layout, array_type(array));
    if (!m.dims) {
        m.size[0] = 1;
        m.stride[m.dims++] = (long)LLVMABISizeOfType(layout, element);
    }
    m.outer = m.dims;
    if (m.stride[m.dims - 1] < 1 || m.total < 1)
        fail(l->where, "`%s` has no size", m.name);
    LLVMTypeRef leaf = find_field(&m, layout, element, l);
    if (!leaf)
        fail(l->where, "`%s` is accessed between its elements, or is not made of integers", m.name);
    for (int i = 0; i < p->memories; i++)
        if (p->memory[i].array == array && p->memory[i].leaf == m.leaf)
            return i;
    m.width = (int)LLVMGetIntTypeWidth(leaf);
    if (m.width > 64)
        fail(l->where, "`%s`: elements of %d bits; at most 64", m.name, m.width);
    m.kept = m.width;
    if (LLVMGetTypeKind(element) == LLVMStructTypeKind)
        m.name = text("%s_at%d", m.name, m.leaf);
    m.constant = LLVMIsAGlobalVariable(array) && LLVMIsGlobalConstant(array);
    if (LLVMIsAGlobalVariable(array) && !LLVMGetInitializer(array))
        fail(l->where, "`%s` is declared but not defined in this file", m.name);
    divide(&m, &p->source->pragmas);
    m.kind = m.depth == 1 ? MEMORY_REGISTERS : m.constant ? MEMORY_ROM : MEMORY_SIMPLE;
    APPEND(p->memory, p->memories, p->memory_capacity, m);
    return p->memories - 1;
}

uint64_t memory_initial(const struct memory *m, long element)
{
    if (!LLVMIsAGlobalVariable(m->array))
        return 0;
    LLVMValueRef v = LLVMGetInitializer(m->array);
    LLVMTargetDataRef layout = LLVMGetModuleDataLayout(LLVMGetGlobalParent(m->array));
    uint64_t offset = (uint64_t)m->leaf;
    for (int d = m->dims - 1; d >= 0; d--) {
        offset += (uint64_t)(element % m->size[d] * m->stride[d]);
        element /= m->size[d];
    }
    while (!LLVMIsAConstantInt(v)) {
        LLVMTypeRef t = LLVMTypeOf(v);
        if (LLVMIsNull(v) || LLVMIsUndef(v) || LLVMIsPoison(v))
            return 0;
        unsigned i = 0;
        if (LLVMGetTypeKind(t) == LLVMArrayTypeKind) {
            uint64_t size = LLVMABISizeOfType(layout, LLVMGetElementType(t));
            i = (unsigned)(offset / size);
            offset %= size;
        } else if (LLVMGetTypeKind(t) == LLVMStructTypeKind) {
            unsigned n = LLVMCountStructElementTypes(t);
            while (i + 1 < n && LLVMOffsetOfElement(layout, t, i + 1) <= offset)
                i++;
            offset -= LLVMOffsetOfElement(layout, t, i);
        } else
            fail(m->where, "`%s`: an initial value that is not an integer", m->name);
        v = LLVMGetAggregateElement(v, i);
        if (!v)
            return 0;
    }
    return LLVMConstIntGetZExtValue(v);
}

bool memory_has_initial(const struct memory *m)
{
    for (long i = 0; i < m->total; i++)
        if (memory_initial(m, i))
            return true;
    return false;
}

/* ---- bank and address ------------------------------------------------------------------------ */

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
    int64_t banks = m->banks_of[d], size = m->size[d], rows = (size + banks - 1) / banks;
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

/* The whole: address within a bank, and the bank along each dimension: constant, or a 32-bit node.
 */
struct location {
    int row, bank[8], bank_node[8];
};

static struct location locate(struct process *p, const struct memory *m, const struct linear *l)
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
        int64_t rows = (m->size[d] + m->banks_of[d] - 1) / m->banks_of[d];
        all.row = make_binary(
            p, OP_ADD, make_binary(p, OP_MUL, all.row, make_const(p, (uint64_t)rows, 32)), s.row);
        all.bank[d] = s.bank;
        all.bank_node[d] = s.bank_node;
    }
    return all;
}

/* May the access go to this bank? *here: whether it does, where that depends on the index. */
static bool reaches(struct process *p, const struct memory *m, const struct location *at, int bank,
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

/* ---- access ---------------------------------------------------------------------------------- */

static int access_bank(struct process *p, int memory, int bank, int row, int value, int guard)
{
    const struct memory *m = &p->memory[memory];
    if (m->constant && m->depth == 1)
        return make_const(p, memory_initial(m, bank), m->width);
    int in[2] = {row, value}, keep = p->at_guard;
    p->at_guard = guard;
    int node = make_effect(p, value == NONE ? OP_LOAD : OP_STORE,
                           value == NONE ? p->memory[memory].width : 0, value == NONE ? 1 : 2, in);
    p->at_guard = keep;
    p->node[node].memory = memory;
    p->node[node].bank = bank;
    p->node[node].name = p->memory[memory].name;
    return node;
}

static int access_memory(struct process *p, const struct linear *l, LLVMTypeRef type, int value)
{
    int memory = find_memory(p, l);
    const struct memory *m = &p->memory[memory];
    int width = type_width(type, l->where);
    if (width != m->width)
        fail(l->where, "`%s` is accessed as %d bits but its elements have %d", m->name, width,
             m->width);
    if (value != NONE && m->constant)
        fail(l->where, "`%s` is constant and written to", m->name);
    const struct location at = locate(p, m, l);
    int result = NONE;
    for (int b = 0, here; b < p->memory[memory].banks; b++) {
        if (!reaches(p, m, &at, b, &here))
            continue;
        const int word = access_bank(p, memory, b, at.row, value, guard_and(p, p->at_guard, here));
        result = result == NONE || value != NONE ? word : make_select(p, here, word, result);
    }
    return result;
}

/* An element's type, without the array's dimensions. */
static LLVMTypeRef element_type(LLVMValueRef array)
{
    LLVMTypeRef t = array_type(array);
    while (LLVMGetTypeKind(t) == LLVMArrayTypeKind)
        t = LLVMGetElementType(t);
    return t;
}

/* The integer that begins where a linear address points, NULL: padding. */
static LLVMTypeRef type_at(const struct process *p, const struct linear *l)
{
    LLVMTypeRef t = element_type(l->base);
    int64_t size = (int64_t)LLVMABISizeOfType(p->source->layout, t);
    int64_t offset = size ? l->constant % size : 0;
    return leaf_type(p->source->layout, t, (uint64_t)(offset < 0 ? offset + size : offset));
}

/* A whole token that is kept in memory, because a variable picks its lanes: lane by lane. */
static int access_lanes(struct process *p, const struct linear *whole, int bits, int value)
{
    struct linear l = *whole;
    struct wire *w = take((size_t)bits * sizeof *w);
    int count = 0;
    for (int at = 0; at < bits;) {
        l.constant = whole->constant + at / 8;
        LLVMTypeRef t = type_at(p, &l);
        int width = t ? min_int((int)LLVMGetIntTypeWidth(t), bits - at) : 8;
        if (t && width % 8)
            fail(l.where, "a token with lanes of %d bits is picked from by a variable", width);
        if (t && value != NONE)
            access_memory(p, &l, t, make_slice(p, value, at, width));
        else if (t)
            w[count++] = (struct wire){access_memory(p, &l, t, NONE), 0, width, false};
        else
            w[count++] = (struct wire){make_const(p, 0, 8), 0, 8, false};
        at += width;
    }
    return value == NONE ? make_wires(p, w, count) : NONE;
}

int build_access(struct process *p, LLVMValueRef pointer, LLVMTypeRef type, int value)
{
    struct linear l = {.where = p->at_where};
    add_pointer(p, &l, pointer);
    if (LLVMIsAArgument(l.base))
        return build_axi(p, &l, type, value);
    LLVMTypeRef here = LLVMIsAAllocaInst(l.base) ? type_at(p, &l) : NULL;
    int bits = type_width(type, l.where);
    if (here && LLVMGetTypeKind(here) == LLVMIntegerTypeKind && bits % 8 == 0 &&
        bits > (int)LLVMGetIntTypeWidth(here))
        return access_lanes(p, &l, bits, value);
    return access_memory(p, &l, type, value);
}
