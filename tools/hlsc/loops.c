#include "loops.h"

#include "ir.h"
#include "origin.h"

#include <llvm-c/DebugInfo.h>
#include <string.h>

/* The two locations that clang leaves in a loop's metadata. */
static bool loop_lines(LLVMModuleRef module, LLVMValueRef latch, struct loop *loop)
{
    LLVMValueRef md = LLVMGetMetadata(latch, metadata_kind(module, "llvm.loop"));
    if (!md)
        return false;
    int n = (int)LLVMGetMDNodeNumOperands(md), found = 0;
    LLVMValueRef *operand = take((size_t)n * sizeof *operand);
    LLVMGetMDNodeOperands(md, operand);
    for (int i = 1; i < n; i++) {
        LLVMMetadataRef m = operand[i] ? LLVMValueAsMetadata(operand[i]) : NULL;
        if (!m || LLVMGetMetadataKind(m) != LLVMDILocationMetadataKind)
            continue;
        struct place where = place_of_location(m);
        if (found++ == 0)
            loop->first = where;
        else
            loop->last = where;
    }
    return found >= 2;
}

static bool loop_contains(const struct loop *loop, struct place where)
{
    return same_file(loop->first.file, where.file) && loop->first.line <= where.line &&
           where.line <= loop->last.line;
}

static void wish(struct loop *loop, const struct pragma *p)
{
    switch (p->kind) {
    case PRAGMA_PIPELINE:
        if (pragma_has(p, "off"))
            return;
        loop->pipeline = true;
        loop->ii = pragma_number(p, "II", 0);
        loop->pipeline_where = p->where;
        break;
    case PRAGMA_UNROLL:
        if (pragma_has(p, "off=true"))
            return;
        loop->unroll = true;
        loop->factor = pragma_number(p, "factor", 0);
        break;
    case PRAGMA_DEPENDENCE: promise_add(&loop->promises, p); break;
    default: break;
    }
}

static LLVMMetadataRef string_node(LLVMContextRef c, const char *s, int value)
{
    LLVMMetadataRef operand[2] = {LLVMMDStringInContext2(c, s, strlen(s)), NULL};
    if (value >= 0)
        operand[1] = LLVMValueAsMetadata(
            LLVMConstInt(LLVMInt32TypeInContext(c), (unsigned long long)value, 0));
    return LLVMMDNodeInContext2(c, operand, value >= 0 ? 2 : 1);
}

/* Every loop of the module, and the branches of their latches. */
static LLVMValueRef *find_loops(struct loops *all, LLVMModuleRef module)
{
    LLVMValueRef *latch = NULL;
    int latches = 0, latch_capacity = 0;
    for (LLVMValueRef f = LLVMGetFirstFunction(module); f; f = LLVMGetNextFunction(f))
        for (LLVMBasicBlockRef b = LLVMGetFirstBasicBlock(f); b; b = LLVMGetNextBasicBlock(b)) {
            LLVMValueRef t = LLVMGetBasicBlockTerminator(b);
            struct loop loop = {0};
            if (!t || !loop_lines(module, t, &loop))
                continue;
            APPEND(all->loop, all->count, all->capacity, loop);
            APPEND(latch, latches, latch_capacity, t);
        }
    return latch;
}

/* A pragma belongs to the innermost loop around it. */
static void give(struct loops *all, const struct pragma *p)
{
    const struct loop *best = NULL;
    for (const struct loop *l = all->loop; l < all->loop + all->count; l++)
        if (loop_contains(l, p->where) &&
            (!best || l->last.line - l->first.line < best->last.line - best->first.line))
            best = l;
    if (!best) {
        warn(p->where, "#pragma HLS %s stands in no loop, or in one that is never reached",
             pragma_name(p->kind));
        return;
    }
    /* A file that is included several times has its loops as often. */
    const struct place first = best->first, last = best->last;
    for (struct loop *l = all->loop; l < all->loop + all->count; l++)
        if (same_place(l->first, first) && same_place(l->last, last))
            wish(l, p);
}

/* A loop inside a pipelined one has no time of its own: it is unrolled. */
static void unroll_within(const struct loops *all, struct loop *l)
{
    for (const struct loop *o = all->loop; o < all->loop + all->count && !l->pipeline; o++)
        if (o != l && o->pipeline && loop_contains(o, l->first) && loop_contains(o, l->last) &&
            (o->first.line < l->first.line || o->last.line > l->last.line)) {
            l->unroll = true;
            l->factor = 0;
        }
}

static void mark(LLVMModuleRef module, LLVMValueRef latch, const struct loop *l, int number)
{
    LLVMContextRef c = LLVMGetModuleContext(module);
    LLVMMetadataRef operand[3], temporary = LLVMTemporaryMDNode(c, NULL, 0);
    operand[0] = temporary;
    operand[1] = string_node(c, "hlsc.loop", number);
    if (!l->unroll)
        operand[2] = string_node(c, "llvm.loop.unroll.disable", -1);
    else if (l->factor)
        operand[2] = string_node(c, "llvm.loop.unroll.count", l->factor);
    else
        operand[2] = string_node(c, "llvm.loop.unroll.full", -1);
    LLVMMetadataRef node = LLVMMDNodeInContext2(c, operand, 3);
    LLVMMetadataReplaceAllUsesWith(temporary, node); /* refers to itself: hence distinct */
    LLVMSetMetadata(latch, metadata_kind(module, "llvm.loop"), LLVMMetadataAsValue(c, node));
}

struct loops loops_attach(const struct pragmas *pragmas, LLVMModuleRef module)
{
    struct loops all = {0};
    LLVMValueRef *latch = find_loops(&all, module);
    for (int i = 0; i < pragmas->count; i++) {
        const struct pragma *p = &pragmas->pragma[i];
        if (p->kind == PRAGMA_PIPELINE || p->kind == PRAGMA_UNROLL || p->kind == PRAGMA_DEPENDENCE)
            give(&all, p);
    }
    for (int i = 0; i < all.count; i++) {
        unroll_within(&all, &all.loop[i]);
        mark(module, latch[i], &all.loop[i], i);
    }
    return all;
}

const struct loop *loops_find(const struct loops *all, LLVMValueRef latch)
{
    LLVMValueRef md = LLVMGetMetadata(latch, metadata_kind(module_of(latch), "llvm.loop"));
    if (!md)
        return NULL;
    int n = (int)LLVMGetMDNodeNumOperands(md);
    LLVMValueRef *operand = take((size_t)n * sizeof *operand), pair[2];
    LLVMGetMDNodeOperands(md, operand);
    for (int i = 1; i < n; i++) {
        LLVMMetadataRef m = operand[i] ? LLVMValueAsMetadata(operand[i]) : NULL;
        if (!m || LLVMGetMetadataKind(m) != LLVMMDTupleMetadataKind ||
            LLVMGetMDNodeNumOperands(operand[i]) != 2)
            continue;
        LLVMGetMDNodeOperands(operand[i], pair);
        unsigned length = 0;
        const char *s = LLVMGetMDString(pair[0], &length);
        if (s && length == 9 && !strncmp(s, "hlsc.loop", 9))
            return &all->loop[LLVMConstIntGetZExtValue(pair[1])];
    }
    return NULL;
}
