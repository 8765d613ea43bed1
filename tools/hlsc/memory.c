#include "memory.h"

#include "ir.h"
#include "origin.h"
#include "partition.h"

#include <string.h>

static LLVMTypeRef array_type(LLVMValueRef array)
{
    return LLVMIsAAllocaInst(array) ? LLVMGetAllocatedType(array) : LLVMGlobalGetValueType(array);
}

/* The integer at a byte offset of an element, or NULL. */
static LLVMTypeRef leaf_type(LLVMTargetDataRef layout, LLVMTypeRef t, uint64_t offset)
{
    unsigned part;
    while (LLVMGetTypeKind(t) != LLVMIntegerTypeKind) {
        if (!part_at(layout, t, &offset, &part))
            return NULL;
        t = part_type(t, part);
    }
    return offset ? NULL : t;
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

struct memory memory_at(LLVMTargetDataRef layout, const struct linear *l)
{
    struct memory m;
    memset(&m, 0, sizeof m);
    m.array = l->base;
    m.where = l->where;
    m.name = source_name(m.array);
    m.total = 1;
    LLVMTypeRef element = add_dimensions(&m, layout, array_type(m.array));
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
    m.width = m.kept = (int)LLVMGetIntTypeWidth(leaf);
    if (m.width > 64)
        fail(l->where, "`%s`: elements of %d bits; at most 64", m.name, m.width);
    if (LLVMGetTypeKind(element) == LLVMStructTypeKind)
        m.name = text("%s_at%d", m.name, m.leaf);
    m.constant = LLVMIsAGlobalVariable(m.array) && LLVMIsGlobalConstant(m.array);
    if (LLVMIsAGlobalVariable(m.array) && !LLVMGetInitializer(m.array))
        fail(l->where, "`%s` is declared but not defined in this file", m.name);
    return m;
}

/* An element's type, without the array's dimensions. */
static LLVMTypeRef element_type(LLVMValueRef array)
{
    LLVMTypeRef t = array_type(array);
    while (LLVMGetTypeKind(t) == LLVMArrayTypeKind)
        t = LLVMGetElementType(t);
    return t;
}

LLVMTypeRef type_at(LLVMTargetDataRef layout, const struct linear *l)
{
    LLVMTypeRef t = element_type(l->base);
    int64_t size = (int64_t)LLVMABISizeOfType(layout, t);
    int64_t offset = size ? l->constant % size : 0;
    return leaf_type(layout, t, (uint64_t)(offset < 0 ? offset + size : offset));
}

/* ---- banks ----------------------------------------------------------------------------------- */

long rows_of(const struct memory *m, int dimension)
{
    return (m->size[dimension] + m->banks_of[dimension] - 1) / m->banks_of[dimension];
}

enum { MOST_AUTOMATIC = 32 };

/* Banks: as the pragmas say; else small local arrays and small arrays within structs fall apart. */
void memory_divide(struct memory *m, const struct pragmas *pragmas)
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
        const long rows = rows_of(m, d);
        if ((long)m->banks * m->banks_of[d] > 65536 || (long)m->depth * rows > 1 << 26)
            fail(m->where, "`%s` is too large", m->name);
        m->banks *= m->banks_of[d];
        m->depth *= (int)rows;
    }
    m->style = storage_of(pragmas, m->array);
    m->kind = m->depth == 1 ? MEMORY_REGISTERS : m->constant ? MEMORY_ROM : MEMORY_SIMPLE;
}

int address_bits(const struct memory *m)
{
    return max_int(bits_of((uint64_t)m->depth - 1), 1);
}

long element_at(const struct memory *m, int bank, int row)
{
    long element = 0, stride = 1;
    for (int d = m->dims - 1; d >= 0; d--) {
        const long rows = rows_of(m, d);
        long b = bank % m->banks_of[d], r = row % rows;
        bank /= m->banks_of[d];
        row /= (int)rows;
        long index = m->block_of[d] ? b * rows + r : r * m->banks_of[d] + b;
        if (index >= m->size[d])
            return NONE;
        element += index * stride;
        stride *= m->size[d];
    }
    return element;
}

/* ---- contents -------------------------------------------------------------------------------- */

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
        unsigned part;
        if (LLVMIsNull(v) || LLVMIsUndef(v) || LLVMIsPoison(v))
            return 0;
        if (!part_at(layout, LLVMTypeOf(v), &offset, &part))
            fail(m->where, "`%s`: an initial value that is not an integer", m->name);
        v = LLVMGetAggregateElement(v, part);
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
