/* LLVM IR of one function to a graph: control flow, regions, guards, instructions. */
#include "address.h"
#include "origin.h"

#include <stdlib.h>
#include <string.h>

/* ---- values ---------------------------------------------------------------------------------- */

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

int value_node(struct process *p, LLVMValueRef v)
{
    int *slot = value_slot(p, v);
    if (*slot != NONE)
        return *slot;
    int width = type_width(LLVMTypeOf(v), p->at_where), node;
    if (LLVMIsAConstantInt(v))
        node = width > 64 ? wide_const(p, v, width)
                          : make_const(p, LLVMConstIntGetZExtValue(v), width);
    else if (LLVMIsUndef(v) || LLVMIsPoison(v) || LLVMIsNull(v))
        node = make_const(p, 0, width);
    else if (LLVMIsAConstant(v))
        fail(p->at_where, "the address of an object is used as a number");
    else {
        char *s = LLVMPrintValueToString(v);
        fail(p->at_where, "internal: value used before its definition:%s", s);
    }
    return *value_slot(p, v) = node;
}

static void set_value(struct process *p, LLVMValueRef v, int node)
{
    *value_slot(p, v) = node;
}

/* ---- instructions ---------------------------------------------------------------------------- */

/* Restoring division, a step per bit; the scheduler spreads the steps over cycles. */
static int divide(struct process *p, int a, int b, bool remainder)
{
    int w = p->node[a].width;
    struct wire *quotient = take((size_t)w * sizeof *quotient);
    int rest = make_const(p, 0, w), divisor = make_extended(p, b, w + 1, false);
    for (int i = w - 1; i >= 0; i--) {
        struct wire shifted[2] = {{a, i, 1, false}, {rest, 0, w, false}};
        int r = make_wires(p, shifted, 2);
        int less = make_binary(p, OP_ULT, r, divisor);
        int left = make_slice(p, make_binary(p, OP_SUB, r, divisor), 0, w);
        rest = make_select(p, less, make_slice(p, r, 0, w), left);
        quotient[i] = (struct wire){make_not(p, less), 0, 1, false};
    }
    return remainder ? rest : make_wires(p, quotient, w);
}

static int negate_if(struct process *p, int condition, int a)
{
    int minus = make_binary(p, OP_SUB, make_const(p, 0, p->node[a].width), a);
    return make_select(p, condition, minus, a);
}

static int divide_signed(struct process *p, int a, int b, bool remainder)
{
    int w = p->node[a].width;
    int sa = make_slice(p, a, w - 1, 1), sb = make_slice(p, b, w - 1, 1);
    int q = divide(p, negate_if(p, sa, a), negate_if(p, sb, b), remainder);
    return negate_if(p, remainder ? sa : make_binary(p, OP_XOR, sa, sb), q);
}

static int population_count(struct process *p, int a)
{
    int w = p->node[a].width, n = w, *part = take((size_t)w * sizeof *part);
    for (int i = 0; i < w; i++)
        part[i] = make_extended(p, make_slice(p, a, i, 1), w, false);
    for (; n > 1; n = (n + 1) / 2)
        for (int i = 0; i < n; i += 2)
            part[i / 2] = i + 1 < n ? make_binary(p, OP_ADD, part[i], part[i + 1]) : part[i];
    return part[0];
}

/* Zeros before the first one, from the top or from the bottom. */
static int count_zeros(struct process *p, int a, bool leading)
{
    int w = p->node[a].width, result = make_const(p, (uint64_t)w, w);
    for (int i = 0; i < w; i++) {
        int bit = leading ? i : w - 1 - i, zeros = w - 1 - i;
        result =
            make_select(p, make_slice(p, a, bit, 1), make_const(p, (uint64_t)zeros, w), result);
    }
    return result;
}

static int reverse(struct process *p, int a, int unit)
{
    int w = p->node[a].width, n = w / unit;
    struct wire *wire = take((size_t)n * sizeof *wire);
    for (int i = 0; i < n; i++)
        wire[i] = (struct wire){a, w - (i + 1) * unit, unit, false};
    return make_wires(p, wire, n);
}

static int saturate(struct process *p, int a, int b, bool add, bool is_signed)
{
    int w = p->node[a].width;
    int x = make_extended(p, a, w + 1, is_signed), y = make_extended(p, b, w + 1, is_signed);
    int sum = make_binary(p, add ? OP_ADD : OP_SUB, x, y), low = make_slice(p, sum, 0, w);
    int top = make_slice(p, sum, w, 1);
    if (!is_signed)
        return make_select(p, top, make_const(p, add ? ~0ull : 0, w), low);
    int over = make_binary(p, OP_XOR, top, make_slice(p, sum, w - 1, 1));
    uint64_t most = w == 64 ? INT64_MAX : (1ull << (w - 1)) - 1;
    return make_select(
        p, over, make_select(p, top, make_const(p, most + 1, w), make_const(p, most, w)), low);
}

static int funnel(struct process *p, int high, int low, int by, bool left)
{
    uint64_t k;
    int w = p->node[high].width;
    struct wire both[2] = {{low, 0, w, false}, {high, 0, w, false}};
    int joined = make_wires(p, both, 2);
    if (is_const(p, by, &k)) {
        k %= (uint64_t)w;
        return make_slice(p, joined, left ? (k ? w - (int)k : w) : (int)k, w);
    }
    if (w & (w - 1))
        fail(p->at_where, "a rotation of %d bits by a variable amount is not supported", w);
    int amount = make_extended(p, make_slice(p, by, 0, bits_of((uint64_t)w - 1)), 2 * w, false);
    int shifted = make_binary(p, left ? OP_SHL : OP_LSHR, joined, amount);
    return make_slice(p, shifted, left ? w : 0, w);
}

static int intrinsic(struct process *p, LLVMValueRef call, const char *name)
{
#define IS(prefix) !strncmp(name, "llvm." prefix ".", strlen("llvm." prefix "."))
    int a = value_node(p, LLVMGetOperand(call, 0)), w = p->node[a].width;
    if (IS("ctpop"))
        return population_count(p, a);
    if (IS("ctlz") || IS("cttz"))
        return count_zeros(p, a, IS("ctlz"));
    if (IS("bswap") || IS("bitreverse"))
        return reverse(p, a, IS("bswap") ? 8 : 1);
    if (IS("abs"))
        return negate_if(p, make_slice(p, a, w - 1, 1), a);
    int b = value_node(p, LLVMGetOperand(call, 1));
    if (IS("umin") || IS("umax"))
        return make_select(p, make_binary(p, OP_ULT, a, b), IS("umin") ? a : b, IS("umin") ? b : a);
    if (IS("smin") || IS("smax"))
        return make_select(p, make_binary(p, OP_SLT, a, b), IS("smin") ? a : b, IS("smin") ? b : a);
    if (IS("uadd.sat") || IS("sadd.sat"))
        return saturate(p, a, b, true, IS("sadd.sat"));
    if (IS("usub.sat") || IS("ssub.sat"))
        return saturate(p, a, b, false, IS("ssub.sat"));
    if (IS("fshl") || IS("fshr"))
        return funnel(p, a, b, value_node(p, LLVMGetOperand(call, 2)), IS("fshl"));
    fail(p->at_where, "%s is not supported", name);
#undef IS
}

int parameter_index(const struct process *p, LLVMValueRef argument)
{
    int i = 0;
    while (LLVMGetParam(p->function, (unsigned)i) != argument)
        i++;
    return i;
}

static int find_stream(struct process *p, LLVMValueRef pointer, int width, bool in)
{
    if (!LLVMIsAArgument(pointer))
        fail(p->at_where, "a stream must be a parameter of the process that uses it");
    int parameter = parameter_index(p, pointer);
    size_t n;
    const char *name = LLVMGetValueName2(pointer, &n);
    for (int i = 0; i < p->axis; i++)
        if (p->axi[i].parameter == parameter)
            fail(p->at_where, "`%s` is a pointer and is used as a stream", name);
    for (int i = 0; i < p->streams; i++) {
        struct stream *s = &p->stream[i];
        if (s->parameter != parameter)
            continue;
        if (s->in != in)
            fail(p->at_where, "stream `%s` is both read and written in %s", name, p->name);
        if (width && s->width && s->width != width)
            fail(p->at_where, "stream `%s` has tokens of %d bits and of %d bits", name, s->width,
                 width);
        s->width = max_int(s->width, width);
        return i;
    }
    struct stream s = {.name = name, .width = width, .in = in, .parameter = parameter};
    APPEND(p->stream, p->streams, p->stream_capacity, s);
    return p->streams - 1;
}

static int stream_call(struct process *p, LLVMValueRef call)
{
    LLVMValueRef pointer = LLVMGetOperand(call, 0);
    int node;
    if (is_stream_read(call)) {
        int width = type_width(LLVMTypeOf(call), p->at_where);
        int s = find_stream(p, pointer, width, true);
        node = make_effect(p, OP_READ, width, 0, NULL);
        p->node[node].stream = s;
    } else if (is_stream_write(call)) {
        int token = value_node(p, LLVMGetOperand(call, 1));
        int s = find_stream(p, pointer, p->node[token].width, false);
        node = make_effect(p, OP_WRITE, 0, 1, &token);
        p->node[node].stream = s;
    } else {
        int s = find_stream(p, pointer, 0, true);
        node = make_effect(p, OP_EMPTY, type_width(LLVMTypeOf(call), p->at_where), 0, NULL);
        p->node[node].stream = s;
    }
    p->node[node].name = p->stream[p->node[node].stream].name;
    return node;
}

static int call(struct process *p, LLVMValueRef i)
{
    size_t n;
    LLVMValueRef f = LLVMGetCalledValue(i);
    const char *name = LLVMGetValueName2(f, &n);
    if (is_stream_read(i) || is_stream_write(i) || is_stream_empty(i))
        return stream_call(p, i);
    enum counter counter;
    if (is_counter(i, &counter)) {
        int node = make_effect(p, OP_COUNT, 32, 0, NULL);
        p->node[node].counter = counter;
        p->counts[counter] = true;
        return node;
    }
    if (is_stream_open(i) || !strcmp(name, "hls_stream_close"))
        fail(p->at_where, "HLS_STREAM belongs into a function with #pragma HLS dataflow");
    if (!strncmp(name, "llvm.mem", 8))
        fail(p->at_where, "this copies or sets a whole array at once; write it as a loop");
    if (!strncmp(name, "llvm.trap", 9) || !strncmp(name, "llvm.ubsantrap", 14))
        fail(p->at_where, "this cannot be reached without undefined behaviour");
    if (!strncmp(name, "llvm.", 5))
        return LLVMGetTypeKind(LLVMTypeOf(i)) == LLVMVoidTypeKind ? NONE : intrinsic(p, i, name);
    fail(p->at_where, "the call of %s cannot become hardware here", name);
}

static int compare(struct process *p, LLVMValueRef i)
{
    LLVMTypeRef t = LLVMTypeOf(LLVMGetOperand(i, 0));
    if (LLVMGetTypeKind(t) == LLVMPointerTypeKind)
        fail(p->at_where, "pointers are compared; addresses have no meaning in hardware");
    int a = value_node(p, LLVMGetOperand(i, 0)), b = value_node(p, LLVMGetOperand(i, 1));
    switch (LLVMGetICmpPredicate(i)) {
    case LLVMIntEQ: return make_binary(p, OP_EQ, a, b);
    case LLVMIntNE: return make_binary(p, OP_NE, a, b);
    case LLVMIntULT: return make_binary(p, OP_ULT, a, b);
    case LLVMIntULE: return make_binary(p, OP_ULE, a, b);
    case LLVMIntUGT: return make_binary(p, OP_ULT, b, a);
    case LLVMIntUGE: return make_binary(p, OP_ULE, b, a);
    case LLVMIntSLT: return make_binary(p, OP_SLT, a, b);
    case LLVMIntSLE: return make_binary(p, OP_SLE, a, b);
    case LLVMIntSGT: return make_binary(p, OP_SLT, b, a);
    default: return make_binary(p, OP_SLE, b, a);
    }
}

static int instruction(struct process *p, LLVMValueRef i)
{
    LLVMOpcode op = LLVMGetInstructionOpcode(i);
    static const struct {
        LLVMOpcode llvm;
        enum op op;
    } plain[] = {{LLVMAdd, OP_ADD}, {LLVMSub, OP_SUB},   {LLVMMul, OP_MUL},
                 {LLVMAnd, OP_AND}, {LLVMOr, OP_OR},     {LLVMXor, OP_XOR},
                 {LLVMShl, OP_SHL}, {LLVMLShr, OP_LSHR}, {LLVMAShr, OP_ASHR}};
    for (size_t k = 0; k < sizeof plain / sizeof *plain; k++)
        if (plain[k].llvm == op) {
            int a = value_node(p, LLVMGetOperand(i, 0)), b = value_node(p, LLVMGetOperand(i, 1));
            return make_binary(p, plain[k].op, a, b);
        }
    switch (op) {
    case LLVMUDiv:
    case LLVMURem:
        return divide(p, value_node(p, LLVMGetOperand(i, 0)), value_node(p, LLVMGetOperand(i, 1)),
                      op == LLVMURem);
    case LLVMSDiv:
    case LLVMSRem:
        return divide_signed(p, value_node(p, LLVMGetOperand(i, 0)),
                             value_node(p, LLVMGetOperand(i, 1)), op == LLVMSRem);
    case LLVMICmp: return compare(p, i);
    case LLVMSelect:
        return make_select(p, value_node(p, LLVMGetOperand(i, 0)),
                           value_node(p, LLVMGetOperand(i, 1)),
                           value_node(p, LLVMGetOperand(i, 2)));
    case LLVMTrunc:
    case LLVMZExt:
    case LLVMSExt:
        return make_extended(p, value_node(p, LLVMGetOperand(i, 0)),
                             type_width(LLVMTypeOf(i), p->at_where), op == LLVMSExt);
    case LLVMFreeze: return value_node(p, LLVMGetOperand(i, 0));
    case LLVMLoad: return build_access(p, LLVMGetOperand(i, 0), LLVMTypeOf(i), NONE);
    case LLVMStore: {
        LLVMTypeRef t = LLVMTypeOf(LLVMGetOperand(i, 0));
        type_width(t, p->at_where);
        return build_access(p, LLVMGetOperand(i, 1), t, value_node(p, LLVMGetOperand(i, 0)));
    }
    case LLVMCall: return call(p, i);
    case LLVMGetElementPtr:
    case LLVMAlloca: return NONE;
    case LLVMPtrToInt:
    case LLVMIntToPtr:
        fail(p->at_where, "a pointer and a number are converted into each other; hardware needs to "
                          "know the array: index it directly");
    default: {
        char *s = LLVMPrintValueToString(i);
        fail(p->at_where, "not supported:%s", s);
    }
    }
}

/* ---- control flow ---------------------------------------------------------------------------- */

int block_index(const struct process *p, LLVMBasicBlockRef b)
{
    for (int i = 0; i < p->blocks; i++)
        if (p->block[i].llvm == b)
            return i;
    abort();
}

static void find_blocks(struct process *p)
{
    for (LLVMBasicBlockRef b = LLVMGetFirstBasicBlock(p->function); b;
         b = LLVMGetNextBasicBlock(b)) {
        struct block block = {.llvm = b, .guard = NONE, .region = NONE, .dominator = NONE};
        APPEND(p->block, p->blocks, p->block_capacity, block);
    }
    for (int i = 0; i < p->blocks; i++) {
        struct block *b = &p->block[i];
        LLVMValueRef t = LLVMGetBasicBlockTerminator(b->llvm);
        LLVMOpcode op = LLVMGetInstructionOpcode(t);
        if (op != LLVMBr && op != LLVMSwitch && op != LLVMRet && op != LLVMUnreachable)
            fail(place_of(t), "this kind of jump cannot become hardware");
        unsigned n = LLVMGetNumSuccessors(t);
        b->edge_guard = take((n + 1) * sizeof *b->edge_guard);
        b->edge_condition = take((n + 1) * sizeof *b->edge_condition);
        for (unsigned k = 0; k < n; k++)
            APPEND(b->next, b->nexts, b->next_capacity, block_index(p, LLVMGetSuccessor(t, k)));
    }
}

/* Depth first without recursion: graphs may be deep. */
static void order_blocks(struct process *p)
{
    int *stack = take((size_t)(p->blocks + 1) * sizeof *stack),
        *at = take((size_t)p->blocks * sizeof *at), depth = 0;
    p->order = take((size_t)p->blocks * sizeof *p->order);
    stack[depth++] = 0;
    p->block[0].reached = true;
    while (depth) {
        int b = stack[depth - 1];
        if (at[b] < p->block[b].nexts) {
            int n = p->block[b].next[at[b]++];
            if (!p->block[n].reached) {
                p->block[n].reached = true;
                stack[depth++] = n;
            }
        } else {
            p->order[p->ordered++] = b;
            depth--;
        }
    }
    for (int i = 0; i < p->ordered / 2; i++) {
        int t = p->order[i];
        p->order[i] = p->order[p->ordered - 1 - i];
        p->order[p->ordered - 1 - i] = t;
    }
    for (int i = 0; i < p->ordered; i++)
        p->block[p->order[i]].order = i;
    for (int i = 0; i < p->ordered; i++) {
        struct block *b = &p->block[p->order[i]];
        for (int k = 0; k < b->nexts; k++) {
            struct block *n = &p->block[b->next[k]];
            bool known = false;
            for (int q = 0; q < n->befores; q++)
                known |= n->before[q] == p->order[i];
            if (!known)
                APPEND(n->before, n->befores, n->before_capacity, p->order[i]);
        }
    }
}

/* Cooper, Harvey, Kennedy: A Simple, Fast Dominance Algorithm (2001). */
static void find_dominators(struct process *p)
{
    p->block[0].dominator = 0;
    for (bool changed = true; changed;) {
        changed = false;
        for (int i = 1; i < p->ordered; i++) {
            struct block *b = &p->block[p->order[i]];
            int d = NONE;
            for (int k = 0; k < b->befores; k++) {
                int x = b->before[k];
                if (p->block[x].dominator == NONE)
                    continue;
                for (int y = d == NONE ? x : d; d != NONE && x != y;) {
                    while (p->block[x].order > p->block[y].order)
                        x = p->block[x].dominator;
                    while (p->block[y].order > p->block[x].order)
                        y = p->block[y].dominator;
                    d = x;
                }
                if (d == NONE)
                    d = x;
            }
            if (d != b->dominator) {
                b->dominator = d;
                changed = true;
            }
        }
    }
}

bool dominates(const struct process *p, int a, int b)
{
    while (p->block[b].order > p->block[a].order)
        b = p->block[b].dominator;
    return a == b;
}

static int new_region(struct process *p)
{
    struct region r = {.ii = 1, .least_ii = 1};
    APPEND(p->region, p->regions, p->region_capacity, r);
    return p->regions - 1;
}

static struct place block_place(const struct process *p, int block)
{
    for (LLVMValueRef i = LLVMGetFirstInstruction(p->block[block].llvm); i;
         i = LLVMGetNextInstruction(i))
        if (place_of(i).line)
            return place_of(i);
    return p->where;
}

/* A pipelined loop: all blocks from which its latch is reached without passing its header. */
static void pipelined_loop(struct process *p, int latch, int header, const struct loop *wishes)
{
    int region = new_region(p), *stack = take((size_t)(p->blocks + 1) * sizeof *stack), depth = 0;
    bool *in = take((size_t)p->blocks);
    in[header] = true;
    if (!in[latch]) {
        in[latch] = true;
        stack[depth++] = latch;
    }
    while (depth) {
        const struct block *b = &p->block[stack[--depth]];
        for (int k = 0; k < b->befores; k++)
            if (!in[b->before[k]]) {
                in[b->before[k]] = true;
                stack[depth++] = b->before[k];
            }
    }
    struct region *r = &p->region[region];
    r->pipelined = true;
    r->wishes = wishes;
    r->promises = &wishes->promises;
    r->where = wishes->first;
    for (int i = 0; i < p->ordered; i++) {
        int b = p->order[i];
        if (!in[b])
            continue;
        if (p->block[b].region != NONE)
            fail(r->where, "pipelined loops stand inside one another; pipeline the inner one only");
        p->block[b].region = region;
        APPEND(r->block, r->blocks, r->block_capacity, b);
        for (int k = 0; k < p->block[b].nexts; k++) {
            int n = p->block[b].next[k];
            if (in[n] && n != header && p->block[n].order <= p->block[b].order)
                fail(block_place(p, n),
                     "a loop inside the pipelined loop of line %d cannot be "
                     "unrolled: its number of rounds is not constant",
                     r->where.line);
        }
    }
    if (r->block[0] != header)
        fail(r->where, "the pipelined loop is entered in its middle");
}

static void find_regions(struct process *p)
{
    for (int i = 0; i < p->ordered; i++) {
        int b = p->order[i];
        for (int k = 0; k < p->block[b].nexts; k++) {
            int header = p->block[b].next[k];
            if (!dominates(p, header, b))
                continue;
            const struct loop *w =
                loops_find(&p->source->loops, LLVMGetBasicBlockTerminator(p->block[b].llvm));
            if (w && w->pipeline && p->block[b].region == NONE)
                pipelined_loop(p, b, header, w);
        }
    }
    for (int i = 0; i < p->ordered; i++) {
        int b = p->order[i];
        if (p->block[b].region != NONE)
            continue;
        int region = new_region(p);
        struct region *r = &p->region[region];
        p->block[b].region = region;
        APPEND(r->block, r->blocks, r->block_capacity, b);
        r->where = block_place(p, b);
    }
    for (struct region *r = p->region; r < p->region + p->regions; r++) {
        size_t n;
        LLVMValueRef label = LLVMBasicBlockAsValue(p->block[r->block[0]].llvm);
        r->name = text("%s", LLVMGetValueName2(label, &n));
    }
}

/* ---- blocks to nodes ------------------------------------------------------------------------- */

/* The conditions under which each way out of a block is taken, and the guards that follow. */
static void find_edges(struct process *p, int block, int guard)
{
    struct block *b = &p->block[block];
    LLVMValueRef t = LLVMGetBasicBlockTerminator(b->llvm);
    p->at_where = place_of(t);
    if (b->nexts == 1)
        b->edge_condition[0] = NONE;
    else if (LLVMGetInstructionOpcode(t) == LLVMBr) {
        int c = value_node(p, LLVMGetCondition(t));
        b->edge_condition[0] = c;
        b->edge_condition[1] = make_not(p, c);
    } else if (LLVMGetInstructionOpcode(t) == LLVMSwitch) {
        int v = value_node(p, LLVMGetOperand(t, 0)), none = NONE;
        for (int i = 1; i < b->nexts; i++) {
            int here = make_binary(p, OP_EQ, v, value_node(p, LLVMGetOperand(t, 2 * (unsigned)i)));
            b->edge_condition[i] = here;
            none = guard_and(p, none, make_not(p, here));
        }
        b->edge_condition[0] = none;
    }
    for (int i = 0; i < b->nexts; i++)
        b->edge_guard[i] = guard_and(p, guard, b->edge_condition[i]);
}

/* The blocks on the ways from one that dominates it to `block`, in order; false if such a way can
 * also lead elsewhere. */
static bool ways_between(const struct process *p, int from, int block, int *list, int *count)
{
    const int region = p->block[block].region, head = p->region[region].block[0];
    bool *seen = take((size_t)p->blocks * sizeof *seen), only = true;
    seen[from] = true;
    for (int o = p->block[from].order; o < p->block[block].order; o++) {
        const int x = p->order[o];
        const struct block *b = &p->block[x];
        if (!seen[x])
            continue;
        list[(*count)++] = x;
        only &= b->nexts > 0;
        for (int k = 0; k < b->nexts; k++) {
            const int n = b->next[k];
            only &= p->block[n].region == region && n != head &&
                    p->block[n].order <= p->block[block].order;
            seen[n] = true;
        }
    }
    return only;
}

/* Of the edges from one block to another, given that control has come to the first. */
static int way_condition(struct process *p, int from, int to)
{
    const struct block *b = &p->block[from];
    int *c = take((size_t)b->nexts * sizeof *c), count = 0;
    for (int e = 0; e < b->nexts; e++)
        if (b->next[e] == to)
            c[count++] = b->edge_condition[e];
    return guard_any(p, c, count);
}

/* Within a pipelined loop: a block's guard, and for every block before it the condition under which
 * control comes from there, given that it has come to the dominator. What joins after a branch is
 * as certain as what forked. */
static int find_join(struct process *p, int block, int *way)
{
    const struct block *b = &p->block[block];
    int *list = take((size_t)p->blocks * sizeof *list), count = 0,
        *reached = take((size_t)p->blocks * sizeof *reached), guard = NONE;
    const bool certain = ways_between(p, b->dominator, block, list, &count);
    p->block[block].certain = certain;
    for (int i = 0; i <= count; i++) {
        const int x = i < count ? list[i] : block;
        const struct block *at = &p->block[x];
        int *g = take((size_t)(at->befores + 1) * sizeof *g);
        for (int k = 0; x != b->dominator && k < at->befores; k++) {
            const int from = at->before[k];
            g[k] = guard_and(p, from == b->dominator ? NONE : reached[from],
                             way_condition(p, from, x));
            if (x == block)
                way[k] = g[k];
        }
        if (x == b->dominator || (x != block && at->certain))
            reached[x] = x == b->dominator ? NONE : reached[at->dominator];
        else
            reached[x] = guard_any(p, g, at->befores);
    }
    guard = p->block[b->dominator].guard;
    return certain ? guard : guard_and(p, guard, reached[block]);
}

/* A choice between values of which exactly one's condition holds; the last one's is not asked. */
static int choice(struct process *p, const int *value, const int *condition, int count)
{
    if (count == 1)
        return value[0];
    const int half = count / 2;
    int first = condition[0];
    for (int i = 1; i < half; i++)
        first = guard_or(p, first, condition[i]);
    const int a = choice(p, value, condition, half),
              b = choice(p, value + half, condition + half, count - half);
    return first == NONE ? a : make_select(p, first, a, b);
}

/* Inside a pipelined loop a phi chooses by the ways that lead to it. Ways with the same value are
 * one; the value with the most of them needs no condition. */
static int chosen(struct process *p, LLVMValueRef phi, int block, const int *way)
{
    const struct block *b = &p->block[block];
    const size_t n = (size_t)b->befores;
    int *value = take((n + 1) * sizeof *value), *ways = take((n + 1) * sizeof *ways),
        *of = take((n + 1) * sizeof *of), *list = take((n + 1) * sizeof *list),
        *condition = take((n + 1) * sizeof *condition), values = 0, most = 0;
    for (int k = 0; k < b->befores; k++) {
        int v = NONE, i = 0;
        for (unsigned q = LLVMCountIncoming(phi); q-- > 0;)
            if (block_index(p, LLVMGetIncomingBlock(phi, q)) == b->before[k])
                v = value_node(p, LLVMGetIncomingValue(phi, q));
        while (i < values && value[i] != v)
            i++;
        value[i] = v;
        of[k] = i;
        ways[i]++;
        values += i == values;
        most = ways[i] > ways[most] ? i : most;
    }
    for (int i = 0; i < values; i++) {
        int count = 0;
        for (int k = 0; k < b->befores; k++)
            if (of[k] == i)
                list[count++] = way[k];
        condition[i] = i == most ? NONE : guard_any(p, list, count);
    }
    const int last = value[most];
    value[most] = value[values - 1];
    condition[most] = condition[values - 1];
    value[values - 1] = last;
    return choice(p, value, condition, values);
}

static void build_block(struct process *p, int block)
{
    struct block *b = &p->block[block];
    struct region *r = &p->region[b->region];
    bool head = r->block[0] == block;
    p->at_region = b->region;
    int *way = take((size_t)(b->befores + 1) * sizeof *way);
    p->at_guard = NONE;
    b->guard = r->pipelined && !head ? find_join(p, block, way) : NONE;
    p->at_guard = b->guard;
    for (LLVMValueRef i = LLVMGetFirstInstruction(b->llvm); i; i = LLVMGetNextInstruction(i)) {
        if (LLVMIsATerminatorInst(i))
            break;
        p->at_where = place_of(i);
        p->at_origin = i;
        if (!p->at_where.line)
            p->at_where = r->where;
        if (LLVMIsAPHINode(i)) {
            if (!head)
                set_value(p, i, chosen(p, i, block, way));
            continue;
        }
        int node = instruction(p, i);
        if (node != NONE)
            set_value(p, i, node);
    }
    p->at_origin = NULL;
    LLVMValueRef t = LLVMGetBasicBlockTerminator(b->llvm);
    find_edges(p, block, r->pipelined ? b->guard : NONE);
    if (LLVMGetInstructionOpcode(t) == LLVMRet) {
        p->returns = true;
        if (LLVMGetNumOperands(t))
            value_node(p, LLVMGetOperand(t, 0));
    }
}

static void make_phis(struct process *p, int block)
{
    p->at_region = p->block[block].region;
    for (LLVMValueRef i = LLVMGetFirstInstruction(p->block[block].llvm); i && LLVMIsAPHINode(i);
         i = LLVMGetNextInstruction(i)) {
        p->at_where = place_of(i);
        if (!p->at_where.line)
            p->at_where = p->region[p->at_region].where;
        p->at_origin = i;
        int node = make_phi(p, type_width(LLVMTypeOf(i), p->at_where), block);
        p->node[node].name = source_name(i);
        set_value(p, i, node);
    }
    p->at_origin = NULL;
}

static void connect_phi(struct process *p, int node)
{
    LLVMValueRef phi = p->node[node].origin;
    unsigned n = LLVMCountIncoming(phi);
    int *in = take((n + 1) * sizeof *in), *from = take((n + 1) * sizeof *from), count = 0;
    for (unsigned k = 0; k < n; k++) {
        int block = block_index(p, LLVMGetIncomingBlock(phi, k));
        bool again = false;
        for (int q = 0; q < count; q++)
            again |= from[q] == block;
        /* Outside of pipelines a register may keep what it has where it does not matter. */
        LLVMValueRef value = LLVMGetIncomingValue(phi, k);
        const bool any = (LLVMIsUndef(value) || LLVMIsPoison(value)) &&
                         !p->region[p->node[node].region].pipelined;
        if (!p->block[block].reached || again || any)
            continue;
        in[count] = value_node(p, value);
        from[count++] = block;
    }
    p->node[node].in = in;
    p->node[node].from = from;
    p->node[node].ins = count;
}

/* ---- counters -------------------------------------------------------------------------------- */

void replace_node(struct process *p, int old, int new)
{
    for (int i = 0; i < p->nodes; i++) {
        struct node *n = &p->node[i];
        for (int k = 0; k < n->ins; k++)
            if (n->in[k] == old)
                n->in[k] = new;
        for (int k = 0; k < n->wires; k++)
            if (n->wire[k].node == old)
                n->wire[k].node = new;
        if (n->guard == old)
            n->guard = new;
    }
    for (int i = 0; i < p->blocks; i++) {
        struct block *b = &p->block[i];
        for (int k = 0; k < b->nexts; k++) {
            if (b->edge_guard[k] == old)
                b->edge_guard[k] = new;
            if (b->edge_condition[k] == old)
                b->edge_condition[k] = new;
        }
        if (b->guard == old)
            b->guard = new;
    }
    for (int i = 0; i < p->value_table_size; i++)
        if (p->value_key[i] && p->value_table[i] == old)
            p->value_table[i] = new;
}

static bool is_compared(const struct process *p, int node)
{
    for (int i = 0; i < p->nodes; i++) {
        const struct node *n = &p->node[i];
        if (n->op >= OP_EQ && n->op <= OP_SLE && (n->in[0] == node || n->in[1] == node))
            return true;
    }
    return false;
}

/* `i + 1 < n` decides whether a loop goes on; with i + 1 in a register of its own, addition and
 * comparison need not fit one cycle together. */
static void count_ahead(struct process *p, int region)
{
    struct region *r = &p->region[region];
    for (int k = 0; k < r->nodes; k++) {
        int phi = r->node[k], nodes = r->nodes;
        const struct node *n = &p->node[phi];
        if (n->op != OP_PHI || n->ins != 2 || n->width > 64)
            continue;
        int back = p->block[n->from[1]].region == region, sum = n->in[back], front = n->from[!back];
        uint64_t step;
        if (p->node[sum].op != OP_ADD || p->node[sum].in[0] != phi ||
            !is_const(p, p->node[sum].in[1], &step) || !is_compared(p, sum))
            continue;
        int start = n->in[!back], constant = p->node[sum].in[1];
        p->at_where = p->node[sum].where;
        p->at_region = region;
        int ahead = make_phi(p, n->width, n->block);
        replace_node(p, sum, ahead);
        int next = make_binary(p, OP_ADD, ahead, constant);
        p->at_region = p->block[front].region;
        int first = make_binary(p, OP_ADD, start, constant);
        p->node[ahead].name = p->node[phi].name;
        p->node[ahead].ins = 2;
        p->node[ahead].from = p->node[phi].from;
        p->node[ahead].in = take(2 * sizeof(int));
        p->node[ahead].in[back] = next;
        p->node[ahead].in[!back] = first;
        /* Phis stand first. */
        memmove(r->node + 1, r->node, (size_t)nodes * sizeof *r->node);
        r->node[0] = ahead;
        k++;
    }
}

static void find_exits(struct process *p)
{
    for (int i = 0; i < p->regions; i++)
        for (int k = 0; p->region[i].pipelined && k < p->region[i].blocks; k++) {
            int from = p->region[i].block[k];
            for (int e = 0; e < p->block[from].nexts; e++) {
                int to = p->block[from].next[e];
                if (p->block[to].region == i)
                    continue;
                struct exit_edge x = {from, to, p->block[from].edge_guard[e]};
                struct region *r = &p->region[i];
                APPEND(r->exit, r->exits, r->exit_capacity, x);
            }
        }
}

static void make_inputs(struct process *p)
{
    LLVMTypeRef result = LLVMGetReturnType(LLVMGlobalGetValueType(p->function));
    if (LLVMGetTypeKind(result) != LLVMVoidTypeKind)
        p->result_width = type_width(result, p->where);
    for (unsigned i = 0; i < LLVMCountParams(p->function); i++) {
        LLVMValueRef a = LLVMGetParam(p->function, i);
        if (LLVMGetTypeKind(LLVMTypeOf(a)) == LLVMPointerTypeKind)
            continue;
        size_t n;
        int width = type_width(LLVMTypeOf(a), p->where);
        set_value(p, a, make_input(p, LLVMGetValueName2(a, &n), width));
    }
}

struct process *build(struct source *s, LLVMValueRef function)
{
    struct process *p = take(sizeof *p);
    size_t n;
    p->source = s;
    p->function = function;
    p->name = LLVMGetValueName2(function, &n);
    p->where = place_of(function);
    p->at_where = p->where;
    p->at_guard = NONE;
    find_blocks(p);
    order_blocks(p);
    find_dominators(p);
    find_regions(p);
    make_inputs(p);
    for (int i = 0; i < p->ordered; i++)
        if (p->region[p->block[p->order[i]].region].block[0] == p->order[i])
            make_phis(p, p->order[i]);
    for (int i = 0; i < p->ordered; i++)
        build_block(p, p->order[i]);
    for (int i = 0; i < p->nodes; i++)
        if (p->node[i].op == OP_PHI)
            connect_phi(p, i);
    balance(p);
    for (int i = 0; i < p->regions; i++)
        if (p->region[i].pipelined)
            count_ahead(p, i);
    find_exits(p);
    order_axi(p);
    return p;
}
