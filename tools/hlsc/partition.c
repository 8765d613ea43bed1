#include "partition.h"

#include "base.h"
#include "ir.h"
#include "origin.h"

#include <string.h>

/* Is this the array that a pragma in some function names? */
static bool names_array(const struct pragma *p, LLVMValueRef array)
{
    const char *variable = pragma_value(p, "variable");
    if (!variable || strcmp(variable, source_name(array)))
        return false;
    if (LLVMIsAGlobalVariable(array))
        return true;
    return pragma_in_function(p, LLVMGetBasicBlockParent(LLVMGetInstructionParent(array)));
}

static LLVMMetadataRef partition_node(LLVMContextRef c, const struct pragma *p)
{
    int dim = pragma_number(p, "dim", 1), factor = pragma_number(p, "factor", 0);
    bool block = pragma_has(p, "block"), cyclic = pragma_has(p, "cyclic");
    if ((block || cyclic) && factor < 2)
        fail(p->where, "#pragma HLS array_partition %s needs factor=2 or more",
             block ? "block" : "cyclic");
    LLVMMetadataRef number[3] = {
        LLVMValueAsMetadata(LLVMConstInt(LLVMInt32TypeInContext(c), (unsigned)dim, 0)),
        LLVMValueAsMetadata(
            LLVMConstInt(LLVMInt32TypeInContext(c), block || cyclic ? (unsigned)factor : 0, 0)),
        LLVMValueAsMetadata(LLVMConstInt(LLVMInt32TypeInContext(c), block, 0))};
    return LLVMMDNodeInContext2(c, number, 3);
}

static void attach(LLVMModuleRef module, const struct pragma *p, LLVMValueRef array)
{
    LLVMContextRef c = LLVMGetModuleContext(module);
    unsigned kind = metadata_kind(module, "hlsc.partition");
    LLVMMetadataRef node[9];
    int n = 0;
    LLVMValueRef old = LLVMGetMetadata(array, kind), operand[8];
    if (old) {
        n = (int)LLVMGetMDNodeNumOperands(old);
        LLVMGetMDNodeOperands(old, operand);
        for (int i = 0; i < n; i++)
            node[i] = LLVMValueAsMetadata(operand[i]);
    }
    if (n == 8)
        fail(p->where, "too many array_partition pragmas for one array");
    node[n++] = partition_node(c, p);
    LLVMSetMetadata(array, kind, LLVMMetadataAsValue(c, LLVMMDNodeInContext2(c, node, (size_t)n)));
}

/* To the local arrays that the pragma names; returns how many there are. */
static int attach_locals(LLVMModuleRef module, const struct pragma *p)
{
    int found = 0;
    for (LLVMValueRef f = LLVMGetFirstFunction(module); f; f = LLVMGetNextFunction(f))
        for (LLVMBasicBlockRef b = LLVMGetFirstBasicBlock(f); b; b = LLVMGetNextBasicBlock(b))
            for (LLVMValueRef i = LLVMGetFirstInstruction(b); i; i = LLVMGetNextInstruction(i)) {
                if (!LLVMIsAAllocaInst(i) || !names_array(p, i))
                    continue;
                attach(module, p, i);
                found++;
            }
    return found;
}

void partitions_attach(const struct pragmas *all, LLVMModuleRef module)
{
    for (const struct pragma *p = all->pragma; p < all->pragma + all->count; p++) {
        if (p->kind != PRAGMA_ARRAY_PARTITION)
            continue;
        const char *variable = pragma_value(p, "variable");
        if (!variable)
            fail(p->where, "#pragma HLS array_partition needs variable=ARRAY");
        int found = attach_locals(module, p);
        for (LLVMValueRef g = LLVMGetFirstGlobal(module); g && !found; g = LLVMGetNextGlobal(g))
            found += names_array(p, g);
        if (!found)
            warn(p->where,
                 "#pragma HLS array_partition: there is no array `%s` here, or its code is never "
                 "reached",
                 variable);
    }
}

static struct partition partition_of_node(LLVMValueRef node)
{
    LLVMValueRef number[3];
    LLVMGetMDNodeOperands(node, number);
    return (struct partition){.dim = (int)LLVMConstIntGetZExtValue(number[0]),
                              .factor = (int)LLVMConstIntGetZExtValue(number[1]),
                              .block = LLVMConstIntGetZExtValue(number[2]) != 0};
}

int partitions_of(const struct pragmas *all, LLVMValueRef array, struct partition *out)
{
    int n = 0;
    if (LLVMIsAGlobalVariable(array)) {
        /* Several attachments of one kind may stand side by side on a global, but not through
         * LLVM's C interface. */
        LLVMContextRef c = LLVMGetModuleContext(LLVMGetGlobalParent(array));
        for (const struct pragma *p = all->pragma; p < all->pragma + all->count && n < 8; p++)
            if (p->kind == PRAGMA_ARRAY_PARTITION && names_array(p, array))
                out[n++] = partition_of_node(LLVMMetadataAsValue(c, partition_node(c, p)));
        return n;
    }
    LLVMValueRef md = LLVMGetMetadata(array, metadata_kind(module_of(array), "hlsc.partition")),
                 operand[8];
    if (!md)
        return 0;
    LLVMGetMDNodeOperands(md, operand);
    for (; n < (int)LLVMGetMDNodeNumOperands(md); n++)
        out[n] = partition_of_node(operand[n]);
    return n;
}

const char *storage_of(const struct pragmas *all, LLVMValueRef array)
{
    static const struct {
        const char *impl, *style;
    } kinds[] = {{"uram", "ultra"}, {"bram", "block"}, {"lutram", "distributed"}};
    for (const struct pragma *p = all->pragma; p < all->pragma + all->count; p++) {
        if (p->kind != PRAGMA_BIND_STORAGE || !LLVMIsAGlobalVariable(array) ||
            !names_array(p, array))
            continue;
        const char *impl = pragma_value(p, "impl");
        for (int i = 0; impl && i < (int)(sizeof kinds / sizeof *kinds); i++)
            if (!strcasecmp(kinds[i].impl, impl))
                return kinds[i].style;
        if (impl && strcasecmp(impl, "auto"))
            fail(p->where, "#pragma HLS bind_storage: impl=%s is none of uram, bram, lutram, auto",
                 impl);
    }
    return NULL;
}
