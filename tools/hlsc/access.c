#include "access.h"

#include "address.h"
#include "axi.h"
#include "base.h"
#include "guard.h"
#include "ir.h"
#include "linear.h"
#include "memory.h"
#include "operation.h"
#include "value.h"

static int find_memory(struct process *p, const struct linear *l)
{
    struct memory m = memory_at(p->source->layout, l);
    for (int i = 0; i < p->memories; i++)
        if (p->memory[i].array == m.array && p->memory[i].leaf == m.leaf)
            return i;
    memory_divide(&m, &p->source->pragmas);
    APPEND(p->memory, p->memories, p->memory_capacity, m);
    return p->memories - 1;
}

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

/* A whole token that is kept in memory, because a variable picks its lanes: lane by lane. */
static int access_lanes(struct process *p, const struct linear *whole, int bits, int value)
{
    struct linear l = *whole;
    struct wire *w = take((size_t)bits * sizeof *w);
    int count = 0;
    for (int at = 0; at < bits;) {
        l.constant = whole->constant + at / 8;
        LLVMTypeRef t = type_at(p->source->layout, &l);
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
    const struct linear l = linear_of(p->source->layout, pointer, p->at_where);
    if (LLVMIsAArgument(l.base))
        return build_axi(p, &l, type, value);
    LLVMTypeRef here = LLVMIsAAllocaInst(l.base) ? type_at(p->source->layout, &l) : NULL;
    int bits = type_width(type, l.where);
    if (here && LLVMGetTypeKind(here) == LLVMIntegerTypeKind && bits % 8 == 0 &&
        bits > (int)LLVMGetIntTypeWidth(here))
        return access_lanes(p, &l, bits, value);
    return access_memory(p, &l, type, value);
}
