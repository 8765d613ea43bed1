#include "lower.h"

#include "base.h"
#include "calls.h"
#include "ir.h"
#include "origin.h"

#include <llvm-c/DebugInfo.h>
#include <string.h>

struct lowering {
    LLVMModuleRef module;
    LLVMContextRef c;
    LLVMTargetDataRef layout;
    LLVMBuilderRef builder;
};

static LLVMValueRef stream_function(struct lowering *l, const char *verb, unsigned bits)
{
    const char *name = text("hlsc.%s.%u", verb, bits);
    LLVMValueRef f = LLVMGetNamedFunction(l->module, name);
    if (f)
        return f;
    LLVMTypeRef token = LLVMIntTypeInContext(l->c, bits);
    LLVMTypeRef parameter[2] = {LLVMPointerTypeInContext(l->c, 0), token};
    bool read = !strcmp(verb, "read");
    LLVMTypeRef type = LLVMFunctionType(read ? token : LLVMVoidTypeInContext(l->c), parameter,
                                        read ? 1 : 2, false);
    f = LLVMAddFunction(l->module, name, type);
    set_attribute(f, "nounwind", 0);
    set_attribute(f, "willreturn", 0);
    /* It changes nothing that the program can see, so memories may be reordered around it: the
     * second location of LLVM's MemoryEffects, two bits each, read and written. */
    set_attribute(f, "memory", 3 << 2);
    return f;
}

static void lower_stream(struct lowering *l, LLVMValueRef call, bool read)
{
    LLVMValueRef stream = LLVMGetOperand(call, 0), token = LLVMGetOperand(call, 1),
                 bytes = LLVMGetOperand(call, 2);
    if (!LLVMIsAConstantInt(bytes))
        fail(place_of(call), "the size of a token is not constant");
    unsigned long long n = LLVMConstIntGetZExtValue(bytes);
    if (n < 1 || n > 4096)
        fail(place_of(call), "a token of %llu bytes: 1 to 4096 are possible", n);
    unsigned bits = (unsigned)n * 8;
    LLVMValueRef f = stream_function(l, read ? "read" : "write", bits);
    LLVMTypeRef type = LLVMGlobalGetValueType(f);
    LLVMPositionBuilderBefore(l->builder, call);
    LLVMSetCurrentDebugLocation2(l->builder, LLVMInstructionGetDebugLoc(call));
    if (read) {
        LLVMValueRef value = LLVMBuildCall2(l->builder, type, f, &stream, 1, "token");
        LLVMSetAlignment(LLVMBuildStore(l->builder, value, token), 1);
    } else {
        LLVMValueRef value =
            LLVMBuildLoad2(l->builder, LLVMIntTypeInContext(l->c, bits), token, "token");
        LLVMSetAlignment(value, 1);
        LLVMValueRef argument[2] = {stream, value};
        LLVMBuildCall2(l->builder, type, f, argument, 2, "");
    }
    LLVMInstructionEraseFromParent(call);
}

/* The type that a pointer to an object or into one points to, NULL: not known. */
static LLVMTypeRef pointed_type(LLVMValueRef p)
{
    if (LLVMIsAAllocaInst(p))
        return LLVMGetAllocatedType(p);
    if (LLVMIsAGlobalVariable(p))
        return LLVMGlobalGetValueType(p);
    if (!LLVMIsAGetElementPtrInst(p) && !LLVMIsAConstantExpr(p))
        return NULL;
    if (LLVMIsAConstantExpr(p) && LLVMGetConstOpcode(p) != LLVMGetElementPtr)
        return NULL;
    LLVMTypeRef t = LLVMGetGEPSourceElementType(p);
    for (int k = 2; k < LLVMGetNumOperands(p); k++) {
        LLVMValueRef index = LLVMGetOperand(p, (unsigned)k);
        if (!has_parts(t))
            return NULL;
        t = part_type(t, (unsigned)LLVMConstIntGetZExtValue(index));
    }
    return t;
}

static int leaves(LLVMTypeRef t)
{
    long n = 0;
    if (LLVMGetTypeKind(t) == LLVMArrayTypeKind) {
        n = (long)LLVMGetArrayLength2(t);
        n = n > 100000 ? n : n * leaves(LLVMGetElementType(t));
    } else if (LLVMGetTypeKind(t) == LLVMStructTypeKind) {
        for (unsigned i = 0; i < LLVMCountStructElementTypes(t); i++)
            n += leaves(LLVMStructGetTypeAtIndex(t, i));
    } else
        n = 1;
    return n > 100000 ? 100000 : (int)n;
}

/* Copies (from != NULL) or sets to a repeated byte, leaf by leaf. */
static void copy_leaves(struct lowering *l, LLVMTypeRef t, LLVMValueRef to, LLVMValueRef from,
                        int byte)
{
    if (has_parts(t)) {
        for (unsigned i = 0; i < part_count(t); i++) {
            LLVMValueRef index[2] = {LLVMConstInt(LLVMInt32TypeInContext(l->c), 0, 0),
                                     LLVMConstInt(LLVMInt32TypeInContext(l->c), i, 0)};
            copy_leaves(
                l, part_type(t, i), LLVMBuildInBoundsGEP2(l->builder, t, to, index, 2, "to"),
                from ? LLVMBuildInBoundsGEP2(l->builder, t, from, index, 2, "from") : NULL, byte);
        }
        return;
    }
    LLVMValueRef value;
    if (from)
        value = LLVMBuildLoad2(l->builder, t, from, "leaf");
    else if (!byte)
        value = LLVMConstNull(t);
    else {
        uint64_t pattern = 0x0101010101010101ull * (unsigned)byte;
        value = LLVMConstInt(t, pattern, 0);
    }
    LLVMBuildStore(l->builder, value, to);
}

enum { MOST_LEAVES = 1024 };

static void lower_copy(struct lowering *l, LLVMValueRef call, bool set)
{
    LLVMValueRef to = LLVMGetOperand(call, 0), from = set ? NULL : LLVMGetOperand(call, 1),
                 bytes = LLVMGetOperand(call, 2);
    if (!LLVMIsAConstantInt(bytes) || (set && !LLVMIsAConstantInt(LLVMGetOperand(call, 1))))
        return;
    unsigned long long n = LLVMConstIntGetZExtValue(bytes);
    int byte = set ? (int)LLVMConstIntGetZExtValue(LLVMGetOperand(call, 1)) & 255 : 0;
    LLVMPositionBuilderBefore(l->builder, call);
    LLVMSetCurrentDebugLocation2(l->builder, LLVMInstructionGetDebugLoc(call));
    bool outside =
        LLVMIsAArgument(pointer_base(to)) || (from && LLVMIsAArgument(pointer_base(from)));
    if (outside && !set && n <= 128) {
        /* A word of an AXI port moves as a whole. */
        LLVMTypeRef word = LLVMIntTypeInContext(l->c, (unsigned)n * 8);
        LLVMValueRef value = LLVMBuildLoad2(l->builder, word, from, "word");
        LLVMSetAlignment(value, 1);
        LLVMSetAlignment(LLVMBuildStore(l->builder, value, to), 1);
        LLVMInstructionEraseFromParent(call);
        return;
    }
    if (!set && LLVMIsAAllocaInst(pointer_base(to)) && LLVMIsAAllocaInst(pointer_base(from)))
        return; /* SROA does it better */
    LLVMTypeRef t = pointed_type(to);
    if ((!t || LLVMABISizeOfType(l->layout, t) != n) && from)
        t = pointed_type(from);
    if (!t || LLVMABISizeOfType(l->layout, t) != n || leaves(t) > MOST_LEAVES)
        return;
    copy_leaves(l, t, to, from, byte);
    LLVMInstructionEraseFromParent(call);
}

void lower(const struct source *s)
{
    struct lowering l = {
        .module = s->module, .c = LLVMGetModuleContext(s->module), .layout = s->layout};
    l.builder = LLVMCreateBuilderInContext(l.c);
    for (LLVMValueRef f = LLVMGetFirstFunction(s->module); f; f = LLVMGetNextFunction(f))
        for (LLVMBasicBlockRef b = LLVMGetFirstBasicBlock(f); b; b = LLVMGetNextBasicBlock(b))
            for (LLVMValueRef i = LLVMGetFirstInstruction(b), next; i; i = next) {
                next = LLVMGetNextInstruction(i);
                if (called(i, "hls_stream_read"))
                    lower_stream(&l, i, true);
                else if (called(i, "hls_stream_write"))
                    lower_stream(&l, i, false);
                else if (called_prefix(i, "llvm.memcpy.") || called_prefix(i, "llvm.memmove."))
                    lower_copy(&l, i, false);
                else if (called_prefix(i, "llvm.memset."))
                    lower_copy(&l, i, true);
            }
    LLVMDisposeBuilder(l.builder);
}
