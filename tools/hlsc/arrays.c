#include "arrays.h"

#include "base.h"
#include "ir.h"

#include <string.h>

/* The array type by which a program indexes a global that clang has given a struct for type. */
static LLVMTypeRef indexed_type(LLVMTargetDataRef layout, LLVMValueRef g)
{
    unsigned long long size = LLVMABISizeOfType(layout, LLVMGlobalGetValueType(g));
    for (LLVMUseRef u = LLVMGetFirstUse(g); u; u = LLVMGetNextUse(u)) {
        LLVMValueRef user = LLVMGetUser(u);
        bool gep = LLVMIsAGetElementPtrInst(user) ||
                   (LLVMIsAConstantExpr(user) && LLVMGetConstOpcode(user) == LLVMGetElementPtr);
        LLVMTypeRef t = gep ? LLVMGetGEPSourceElementType(user) : NULL;
        if (t && LLVMGetTypeKind(t) == LLVMArrayTypeKind && LLVMABISizeOfType(layout, t) == size)
            return t;
    }
    return NULL;
}

/* The part of a constant at a byte offset, as type t. */
static LLVMValueRef part_of(LLVMTargetDataRef layout, LLVMValueRef v, LLVMTypeRef t,
                            uint64_t offset)
{
    if (has_parts(t)) {
        const bool array = LLVMGetTypeKind(t) == LLVMArrayTypeKind;
        const unsigned n = part_count(t);
        LLVMValueRef *part = take((n + 1) * sizeof *part);
        for (unsigned i = 0; i < n; i++) {
            LLVMTypeRef sub = part_type(t, i);
            const uint64_t at =
                array ? i * LLVMABISizeOfType(layout, sub) : LLVMOffsetOfElement(layout, t, i);
            part[i] = part_of(layout, v, sub, offset + at);
        }
        return array ? LLVMConstArray2(LLVMGetElementType(t), part, n)
                     : LLVMConstNamedStruct(t, part, n);
    }
    while (LLVMTypeOf(v) != t) {
        unsigned i;
        if (LLVMIsNull(v) || LLVMIsUndef(v) || !part_at(layout, LLVMTypeOf(v), &offset, &i))
            return LLVMConstNull(t);
        v = LLVMGetAggregateElement(v, i);
        if (!v)
            return LLVMConstNull(t);
    }
    return v;
}

void arrays_restore(LLVMModuleRef module, LLVMTargetDataRef layout)
{
    for (LLVMValueRef g = LLVMGetFirstGlobal(module), next; g; g = next) {
        next = LLVMGetNextGlobal(g);
        LLVMTypeRef t = LLVMGlobalGetValueType(g);
        if (!LLVMGetInitializer(g) || LLVMGetTypeKind(t) != LLVMStructTypeKind ||
            LLVMGetStructName(t))
            continue;
        LLVMTypeRef array = indexed_type(layout, g);
        if (!array)
            continue;
        const char *name = text("%s", value_name(g));
        LLVMValueRef copy = LLVMAddGlobal(module, array, "");
        LLVMSetInitializer(copy, part_of(layout, LLVMGetInitializer(g), array, 0));
        LLVMSetGlobalConstant(copy, LLVMIsGlobalConstant(g));
        LLVMSetLinkage(copy, LLVMInternalLinkage);
        LLVMReplaceAllUsesWith(g, copy);
        LLVMDeleteGlobal(g);
        LLVMSetValueName2(copy, name, strlen(name));
    }
}
