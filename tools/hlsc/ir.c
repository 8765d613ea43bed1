#include "ir.h"

#include <string.h>

const char *value_name(LLVMValueRef value)
{
    size_t n;
    return LLVMGetValueName2(value, &n);
}

LLVMModuleRef module_of(LLVMValueRef instruction)
{
    return LLVMGetGlobalParent(LLVMGetBasicBlockParent(LLVMGetInstructionParent(instruction)));
}

unsigned metadata_kind(LLVMModuleRef module, const char *name)
{
    return LLVMGetMDKindIDInContext(LLVMGetModuleContext(module), name, (unsigned)strlen(name));
}

static unsigned attribute_kind(const char *name)
{
    return LLVMGetEnumAttributeKindForName(name, strlen(name));
}

void set_attribute(LLVMValueRef function, const char *name, uint64_t value)
{
    LLVMContextRef c = LLVMGetModuleContext(LLVMGetGlobalParent(function));
    LLVMAddAttributeAtIndex(function, (LLVMAttributeIndex)LLVMAttributeFunctionIndex,
                            LLVMCreateEnumAttribute(c, attribute_kind(name), value));
}

void drop_attribute(LLVMValueRef function, const char *name)
{
    LLVMRemoveEnumAttributeAtIndex(function, (LLVMAttributeIndex)LLVMAttributeFunctionIndex,
                                   attribute_kind(name));
}

int type_width(LLVMTypeRef t, struct place where)
{
    if (LLVMGetTypeKind(t) == LLVMIntegerTypeKind)
        return (int)LLVMGetIntTypeWidth(t);
    if (LLVMGetTypeKind(t) == LLVMPointerTypeKind)
        fail(where, "a pointer is kept in a variable; hardware needs to know the array: index it "
                    "directly");
    char *s = LLVMPrintTypeToString(t);
    fail(where, "a value of type %s is not supported; use integers", s);
}

LLVMValueRef pointer_base(LLVMValueRef pointer)
{
    while (LLVMIsAGetElementPtrInst(pointer) ||
           (LLVMIsAConstantExpr(pointer) && LLVMGetConstOpcode(pointer) == LLVMGetElementPtr))
        pointer = LLVMGetOperand(pointer, 0);
    return pointer;
}

bool has_parts(LLVMTypeRef t)
{
    return LLVMGetTypeKind(t) == LLVMArrayTypeKind || LLVMGetTypeKind(t) == LLVMStructTypeKind;
}

unsigned part_count(LLVMTypeRef t)
{
    return LLVMGetTypeKind(t) == LLVMArrayTypeKind ? (unsigned)LLVMGetArrayLength2(t)
                                                   : LLVMCountStructElementTypes(t);
}

LLVMTypeRef part_type(LLVMTypeRef t, unsigned part)
{
    return LLVMGetTypeKind(t) == LLVMArrayTypeKind ? LLVMGetElementType(t)
                                                   : LLVMStructGetTypeAtIndex(t, part);
}

bool part_at(LLVMTargetDataRef layout, LLVMTypeRef t, uint64_t *offset, unsigned *part)
{
    if (!has_parts(t) || !part_count(t))
        return false;
    if (LLVMGetTypeKind(t) == LLVMArrayTypeKind) {
        const uint64_t size = LLVMABISizeOfType(layout, LLVMGetElementType(t));
        *part = (unsigned)(*offset / size);
        *offset %= size;
        return true;
    }
    unsigned i = 0;
    while (i + 1 < part_count(t) && LLVMOffsetOfElement(layout, t, i + 1) <= *offset)
        i++;
    *offset -= LLVMOffsetOfElement(layout, t, i);
    *part = i;
    return true;
}
