#include "binding.h"

#include "base.h"
#include "ir.h"
#include "value.h"

#include <string.h>

static int *value_slot(struct process *p, LLVMValueRef v)
{
    if (!p->value_table_size) {
        p->value_table_size = 1 << 12;
        int count = 0;
        for (LLVMBasicBlockRef b = LLVMGetFirstBasicBlock(p->function); b;
             b = LLVMGetNextBasicBlock(b))
            for (LLVMValueRef i = LLVMGetFirstInstruction(b); i; i = LLVMGetNextInstruction(i))
                count += 4; /* operands may be constants */
        while (p->value_table_size < 2 * count)
            p->value_table_size *= 2;
        p->value_table = take((size_t)p->value_table_size * sizeof *p->value_table);
        p->value_key = take((size_t)p->value_table_size * sizeof(LLVMValueRef));
    }
    uint64_t at =
        ((uintptr_t)v >> 4) * 0x9e3779b97f4a7c15u >> 20 & (uint64_t)(p->value_table_size - 1);
    while (p->value_key[at] && p->value_key[at] != v)
        at = (at + 1) & (uint64_t)(p->value_table_size - 1);
    if (!p->value_key[at]) {
        p->value_key[at] = v;
        p->value_table[at] = NONE;
    }
    return &p->value_table[at];
}

/* Constants wider than 64 bits are to be had from LLVM-C as decimal text only. */
static int wide_const(struct process *p, LLVMValueRef v, int width)
{
    int words = (width + 31) / 32;
    uint32_t *word = take((size_t)words * sizeof *word);
    char *s = LLVMPrintValueToString(v);
    const char *digit = strchr(s, ' ');
    bool minus = digit && digit[1] == '-';
    for (digit = digit ? digit + 1 + minus : ""; *digit >= '0' && *digit <= '9'; digit++) {
        uint64_t carry = (uint64_t)(*digit - '0');
        for (int i = 0; i < words; i++) {
            carry += (uint64_t)word[i] * 10;
            word[i] = (uint32_t)carry;
            carry >>= 32;
        }
    }
    LLVMDisposeMessage(s);
    uint64_t carry = 1;
    for (int i = 0; minus && i < words; i++) {
        carry += (uint32_t)~word[i];
        word[i] = (uint32_t)carry;
        carry >>= 32;
    }
    struct wire *w = take((size_t)words * sizeof *w);
    for (int i = 0; i < words; i++) {
        int n = min_int(32, width - 32 * i);
        w[i] = (struct wire){make_const(p, word[i], n), 0, n, false};
    }
    return make_wires(p, w, words);
}

int value_node(struct process *p, LLVMValueRef value)
{
    int *slot = value_slot(p, value);
    if (*slot != NONE)
        return *slot;
    int width = type_width(LLVMTypeOf(value), p->at_where), node;
    if (LLVMIsAConstantInt(value))
        node = width > 64 ? wide_const(p, value, width)
                          : make_const(p, LLVMConstIntGetZExtValue(value), width);
    else if (LLVMIsUndef(value) || LLVMIsPoison(value) || LLVMIsNull(value))
        node = make_const(p, 0, width);
    else if (LLVMIsAConstant(value))
        fail(p->at_where, "the address of an object is used as a number");
    else {
        char *s = LLVMPrintValueToString(value);
        fail(p->at_where, "internal: value used before its definition:%s", s);
    }
    return *value_slot(p, value) = node;
}

void set_value(struct process *p, LLVMValueRef value, int node)
{
    *value_slot(p, value) = node;
}
