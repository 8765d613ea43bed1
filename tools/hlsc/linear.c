#include "linear.h"

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

static void add_pointer(LLVMTargetDataRef layout, struct linear *l, LLVMValueRef pointer)
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
    add_pointer(layout, l, LLVMGetOperand(pointer, 0));
    LLVMTypeRef t = LLVMGetGEPSourceElementType(pointer);
    for (unsigned i = 1; i < (unsigned)LLVMGetNumOperands(pointer); i++) {
        LLVMValueRef index = LLVMGetOperand(pointer, i);
        if (i > 1 && LLVMGetTypeKind(t) == LLVMStructTypeKind) {
            unsigned field = (unsigned)LLVMConstIntGetZExtValue(index);
            l->constant += (int64_t)LLVMOffsetOfElement(layout, t, field);
            t = LLVMStructGetTypeAtIndex(t, field);
            continue;
        }
        if (i > 1)
            t = LLVMGetElementType(t);
        add_index(l, index, (int64_t)LLVMABISizeOfType(layout, t));
    }
}

struct linear linear_of(LLVMTargetDataRef layout, LLVMValueRef pointer, struct place where)
{
    struct linear l = {.where = where};
    add_pointer(layout, &l, pointer);
    return l;
}
