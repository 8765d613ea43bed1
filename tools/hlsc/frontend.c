#include "frontend.h"
#include "ir.h"
#include "origin.h"
#include "partition.h"
#include "subroutine.h"
#include <llvm-c/BitReader.h>
#include <llvm-c/DebugInfo.h>
#include <llvm-c/Support.h>
#include <llvm-c/Transforms/PassBuilder.h>
#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

/* ---- clang ----------------------------------------------------------------------------------- */

static char scratch[2][64];

static void remove_scratch(void)
{
    for (int i = 0; i < 2; i++)
        if (scratch[i][0])
            unlink(scratch[i]);
}

static const char *scratch_file(int i)
{
    strcpy(scratch[i], "/tmp/hlsc-XXXXXX");
    int fd = mkstemp(scratch[i]);
    if (fd < 0)
        fail((struct place){0}, "cannot make a temporary file: %s", strerror(errno));
    close(fd);
    return scratch[i];
}

/* Freestanding, so that no library function is assumed; 32 bits, so that indices stay narrow; not
 * optimised by clang itself, so that pragmas find their loops. */
static const char *const clang_flags[] = {"--target=i386-unknown-none",
                                          "-ffreestanding",
                                          "-std=gnu99",
                                          "-D__HLSC__",
                                          "-O2",
                                          "-fno-unroll-loops",
                                          "-fwrapv",
                                          "-fno-strict-aliasing",
                                          "-fno-discard-value-names",
                                          "-gline-tables-only",
                                          "-femit-all-decls",
                                          "-malign-double",
                                          "-Xclang",
                                          "-disable-llvm-passes",
                                          "-Xclang",
                                          "-disable-lifetime-markers",
                                          "-Wno-unknown-pragmas"};

static void run_clang(const struct options *o, const char *const *mode, const char *output)
{
    int n = 0, flags = (int)(sizeof clang_flags / sizeof *clang_flags);
    const char **argv = take((size_t)(flags + o->clang_argument_count + 16) * sizeof *argv);
    const char *program = getenv("HLSC_CLANG");
    argv[n++] = program ? program : "clang-19";
    for (int i = 0; i < flags; i++)
        argv[n++] = clang_flags[i];
    for (int i = 0; i < o->clang_argument_count; i++)
        argv[n++] = o->clang_arguments[i];
    for (; *mode; mode++)
        argv[n++] = *mode;
    argv[n++] = "-o";
    argv[n++] = output;
    argv[n++] = "--";
    argv[n++] = o->source;
    pid_t pid;
    int error = posix_spawnp(&pid, argv[0], NULL, NULL, (char **)argv, environ), status;
    if (error)
        fail((struct place){0}, "cannot run %s: %s (install clang-19, or set HLSC_CLANG)", argv[0],
             strerror(error));
    while (waitpid(pid, &status, 0) < 0)
        if (errno != EINTR)
            fail((struct place){0}, "waiting for clang: %s", strerror(errno));
    if (!WIFEXITED(status) || WEXITSTATUS(status)) {
        if (!WIFEXITED(status) || WEXITSTATUS(status) == 127)
            fail((struct place){o->source, 0}, "clang did not run to its end");
        exit(2); /* clang has said why */
    }
}

static char *read_text(const char *path)
{
    FILE *f = fopen(path, "rb");
    if (!f)
        fail((struct place){path, 0}, "%s", strerror(errno));
    fseek(f, 0, SEEK_END);
    long n = ftell(f);
    rewind(f);
    char *s = take((size_t)n + 1);
    if (n < 0 || fread(s, 1, (size_t)n, f) != (size_t)n)
        fail((struct place){path, 0}, "cannot be read");
    fclose(f);
    return s;
}

/* ---- what cannot become hardware ------------------------------------------------------------- */

static bool called(LLVMValueRef call, const char *name)
{
    if (!LLVMIsACallInst(call))
        return false;
    LLVMValueRef f = LLVMGetCalledValue(call);
    return LLVMIsAFunction(f) && !strcmp(value_name(f), name);
}

static bool called_prefix(LLVMValueRef call, const char *prefix)
{
    if (!LLVMIsACallInst(call))
        return false;
    LLVMValueRef f = LLVMGetCalledValue(call);
    return LLVMIsAFunction(f) && !strncmp(value_name(f), prefix, strlen(prefix));
}

bool is_stream_read(LLVMValueRef call)
{
    return called_prefix(call, "hlsc.read.");
}

bool is_stream_write(LLVMValueRef call)
{
    return called_prefix(call, "hlsc.write.");
}

bool is_stream_empty(LLVMValueRef call)
{
    return called(call, "hls_stream_empty");
}

const char *const counter_name[COUNTERS] = {"hls_clock", "hls_starved", "hls_blocked"};

bool is_counter(LLVMValueRef call, enum counter *which)
{
    for (int k = 0; k < COUNTERS; k++)
        if (called(call, counter_name[k])) {
            *which = (enum counter)k;
            return true;
        }
    return false;
}

bool is_stream_open(LLVMValueRef call)
{
    return called(call, "hls_stream_open");
}

static bool is_float(LLVMTypeRef t)
{
    switch (LLVMGetTypeKind(t)) {
    case LLVMHalfTypeKind:
    case LLVMFloatTypeKind:
    case LLVMDoubleTypeKind:
    case LLVMX86_FP80TypeKind:
    case LLVMFP128TypeKind:
    case LLVMPPC_FP128TypeKind:
    case LLVMBFloatTypeKind: return true;
    default: return false;
    }
}

static void check_call(LLVMValueRef call)
{
    struct place where = place_of(call);
    LLVMValueRef f = LLVMGetCalledValue(call);
    if (LLVMIsAInlineAsm(f))
        fail(where, "inline assembly cannot become hardware");
    if (!LLVMIsAFunction(f))
        fail(where, "a call through a pointer cannot become hardware: name the function");
    const char *name = value_name(f);
    enum counter counter;
    if (!LLVMIsDeclaration(f) || !strncmp(name, "llvm.", 5) || !strncmp(name, "hls_stream_", 11) ||
        is_counter(call, &counter))
        return;
    static const char *const heap[] = {"malloc", "calloc", "realloc", "free", NULL};
    for (int i = 0; heap[i]; i++)
        if (!strcmp(name, heap[i]))
            fail(where, "%s: there is no heap in hardware; use an array of fixed size", name);
    fail(where, "%s has no body here; hardware has no library (guard it with #ifndef __HLSC__)",
         name);
}

static void check_instruction(LLVMValueRef i)
{
    struct place where = place_of(i);
    if (!where.line)
        where = place_of(LLVMGetBasicBlockParent(LLVMGetInstructionParent(i)));
    if (is_float(LLVMTypeOf(i)))
        fail(where, "floating point is not supported; use integers with a scale");
    for (int k = 0; k < LLVMGetNumOperands(i); k++)
        if (is_float(LLVMTypeOf(LLVMGetOperand(i, (unsigned)k))))
            fail(where, "floating point is not supported; use integers with a scale");
    switch (LLVMGetInstructionOpcode(i)) {
    case LLVMCall: check_call(i); break;
    case LLVMAlloca:
        if (!LLVMIsAConstantInt(LLVMGetOperand(i, 0)))
            fail(where, "an array of variable length cannot become a memory");
        break;
    case LLVMVAArg: fail(where, "variable arguments cannot become hardware");
    case LLVMIndirectBr: fail(where, "a computed goto cannot become hardware");
    case LLVMAtomicRMW:
    case LLVMAtomicCmpXchg:
    case LLVMFence:
        fail(where, "atomic operations have no meaning here; processes share streams only");
    default: break;
    }
}

/* Depth first over the calls; state 1: on the way, 2: done. */
static void check_calls(LLVMValueRef f, LLVMValueRef *order, char *state, int count)
{
    int me = 0;
    while (me < count && order[me] != f)
        me++;
    if (state[me] == 2)
        return;
    if (LLVMIsFunctionVarArg(LLVMGlobalGetValueType(f)))
        fail(place_of(f), "%s: variable arguments cannot become hardware", value_name(f));
    state[me] = 1;
    for (LLVMBasicBlockRef b = LLVMGetFirstBasicBlock(f); b; b = LLVMGetNextBasicBlock(b))
        for (LLVMValueRef i = LLVMGetFirstInstruction(b); i; i = LLVMGetNextInstruction(i)) {
            check_instruction(i);
            LLVMValueRef g = LLVMIsACallInst(i) ? LLVMGetCalledValue(i) : NULL;
            if (!g || !LLVMIsAFunction(g) || LLVMIsDeclaration(g))
                continue;
            for (int k = 0; k < count; k++)
                if (order[k] == g && state[k] == 1)
                    fail(place_of(i), "%s calls itself: recursion cannot become hardware",
                         value_name(g));
            check_calls(g, order, state, count);
        }
    state[me] = 2;
}

static void check_functions(const struct source *s)
{
    int count = 0, capacity = 0;
    LLVMValueRef *order = NULL;
    for (LLVMValueRef f = LLVMGetFirstFunction(s->module); f; f = LLVMGetNextFunction(f))
        APPEND(order, count, capacity, f);
    check_calls(s->top, order, take((size_t)count), count);
}

/* ---- LLVM's passes --------------------------------------------------------------------------- */

static void passes(struct source *s, const char *list)
{
    LLVMPassBuilderOptionsRef o = LLVMCreatePassBuilderOptions();
    LLVMErrorRef e = LLVMRunPasses(s->module, list, NULL, o);
    LLVMDisposePassBuilderOptions(o);
    if (e) {
        char *why = LLVMGetErrorMessage(e);
        fail((struct place){s->options.source, 0}, "LLVM: %s", why);
    }
}

/* ---- processes ------------------------------------------------------------------------------- */

static bool is_dataflow(const struct source *s, LLVMValueRef f)
{
    return pragmas_ask(&s->pragmas, PRAGMA_DATAFLOW, f, NULL);
}

/* A dataflow function that the top calls brings its streams and processes with it. */
static void open_inner_dataflow(struct source *s)
{
    bool any = false;
    for (LLVMValueRef f = LLVMGetFirstFunction(s->module); f; f = LLVMGetNextFunction(f)) {
        if (f == s->top || LLVMIsDeclaration(f))
            continue;
        const bool inner = is_dataflow(s, f);
        drop_attribute(f, inner ? "noinline" : "alwaysinline");
        if (inner) {
            drop_attribute(f, "optnone");
            set_attribute(f, "alwaysinline", 0);
        }
        any |= inner;
    }
    if (any)
        passes(s, "always-inline");
}

static void find_processes(struct source *s)
{
    int capacity = 0;
    s->dataflow = is_dataflow(s, s->top);
    if (s->dataflow)
        open_inner_dataflow(s);
    if (!s->dataflow) {
        APPEND(s->process, s->processes, capacity, s->top);
        return;
    }
    for (LLVMBasicBlockRef b = LLVMGetFirstBasicBlock(s->top); b; b = LLVMGetNextBasicBlock(b))
        for (LLVMValueRef i = LLVMGetFirstInstruction(b); i; i = LLVMGetNextInstruction(i)) {
            LLVMValueRef f = LLVMIsACallInst(i) ? LLVMGetCalledValue(i) : NULL;
            if (!f || !LLVMIsAFunction(f) || LLVMIsDeclaration(f))
                continue;
            bool known = false;
            for (int k = 0; k < s->processes; k++)
                known |= s->process[k] == f;
            if (!known)
                APPEND(s->process, s->processes, capacity, f);
        }
    if (!s->processes)
        fail(place_of(s->top), "%s: a dataflow function calls its processes; there is none",
             value_name(s->top));
}

static void mark_inlining(LLVMValueRef f, bool keep)
{
    drop_attribute(f, keep ? "alwaysinline" : "noinline");
    set_attribute(f, keep ? "noinline" : "alwaysinline", 0);
}

/* Everything but the processes is inlined into them and then gone; subroutines wait for their turn.
 */
static void mark_functions(struct source *s)
{
    for (LLVMValueRef f = LLVMGetFirstFunction(s->module); f; f = LLVMGetNextFunction(f)) {
        if (LLVMIsDeclaration(f))
            continue;
        bool keep = f == s->top;
        for (int k = 0; k < s->processes; k++)
            keep |= s->process[k] == f;
        mark_inlining(f, keep || is_subroutine(s, f));
        LLVMSetLinkage(f, keep ? LLVMExternalLinkage : LLVMInternalLinkage);
    }
    for (LLVMValueRef g = LLVMGetFirstGlobal(s->module); g; g = LLVMGetNextGlobal(g))
        if (LLVMGetInitializer(g))
            LLVMSetLinkage(g, LLVMInternalLinkage);
}

/* ---- lowering: tokens and copies become integers --------------------------------------------- */

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
        if (LLVMGetTypeKind(t) == LLVMArrayTypeKind)
            t = LLVMGetElementType(t);
        else if (LLVMGetTypeKind(t) == LLVMStructTypeKind)
            t = LLVMStructGetTypeAtIndex(t, (unsigned)LLVMConstIntGetZExtValue(index));
        else
            return NULL;
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
    LLVMTypeKind kind = LLVMGetTypeKind(t);
    if (kind == LLVMArrayTypeKind || kind == LLVMStructTypeKind) {
        unsigned n = kind == LLVMArrayTypeKind ? (unsigned)LLVMGetArrayLength2(t)
                                               : LLVMCountStructElementTypes(t);
        for (unsigned i = 0; i < n; i++) {
            LLVMValueRef index[2] = {LLVMConstInt(LLVMInt32TypeInContext(l->c), 0, 0),
                                     LLVMConstInt(LLVMInt32TypeInContext(l->c), i, 0)};
            LLVMTypeRef sub =
                kind == LLVMArrayTypeKind ? LLVMGetElementType(t) : LLVMStructGetTypeAtIndex(t, i);
            copy_leaves(l, sub, LLVMBuildInBoundsGEP2(l->builder, t, to, index, 2, "to"),
                        from ? LLVMBuildInBoundsGEP2(l->builder, t, from, index, 2, "from") : NULL,
                        byte);
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

static void lower(struct source *s)
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

/* ---- globals whose tail is zero -------------------------------------------------------------- */

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
    LLVMTypeKind kind = LLVMGetTypeKind(t);
    if (kind == LLVMArrayTypeKind || kind == LLVMStructTypeKind) {
        unsigned n = kind == LLVMArrayTypeKind ? (unsigned)LLVMGetArrayLength2(t)
                                               : LLVMCountStructElementTypes(t);
        LLVMValueRef *part = take((n + 1) * sizeof *part);
        for (unsigned i = 0; i < n; i++) {
            LLVMTypeRef sub =
                kind == LLVMArrayTypeKind ? LLVMGetElementType(t) : LLVMStructGetTypeAtIndex(t, i);
            uint64_t at = kind == LLVMArrayTypeKind ? i * LLVMABISizeOfType(layout, sub)
                                                    : LLVMOffsetOfElement(layout, t, i);
            part[i] = part_of(layout, v, sub, offset + at);
        }
        return kind == LLVMArrayTypeKind ? LLVMConstArray2(LLVMGetElementType(t), part, n)
                                         : LLVMConstNamedStruct(t, part, n);
    }
    while (LLVMTypeOf(v) != t) {
        LLVMTypeRef outer = LLVMTypeOf(v);
        if (LLVMIsNull(v) || LLVMIsUndef(v))
            return LLVMConstNull(t);
        unsigned i = 0;
        if (LLVMGetTypeKind(outer) == LLVMArrayTypeKind) {
            uint64_t size = LLVMABISizeOfType(layout, LLVMGetElementType(outer));
            i = (unsigned)(offset / size);
            offset %= size;
        } else if (LLVMGetTypeKind(outer) == LLVMStructTypeKind) {
            unsigned n = LLVMCountStructElementTypes(outer);
            while (i + 1 < n && LLVMOffsetOfElement(layout, outer, i + 1) <= offset)
                i++;
            offset -= LLVMOffsetOfElement(layout, outer, i);
        } else
            return LLVMConstNull(t);
        v = LLVMGetAggregateElement(v, i);
        if (!v)
            return LLVMConstNull(t);
    }
    return v;
}

/* clang writes `int a[24] = {1, 2}` as a struct of the first two and 22 zeros: an array again. */
static void restore_arrays(struct source *s)
{
    for (LLVMValueRef g = LLVMGetFirstGlobal(s->module), next; g; g = next) {
        next = LLVMGetNextGlobal(g);
        LLVMTypeRef t = LLVMGlobalGetValueType(g);
        if (!LLVMGetInitializer(g) || LLVMGetTypeKind(t) != LLVMStructTypeKind ||
            LLVMGetStructName(t))
            continue;
        LLVMTypeRef array = indexed_type(s->layout, g);
        if (!array)
            continue;
        const char *name = text("%s", value_name(g));
        LLVMValueRef copy = LLVMAddGlobal(s->module, array, "");
        LLVMSetInitializer(copy, part_of(s->layout, LLVMGetInitializer(g), array, 0));
        LLVMSetGlobalConstant(copy, LLVMIsGlobalConstant(g));
        LLVMSetLinkage(copy, LLVMInternalLinkage);
        LLVMReplaceAllUsesWith(g, copy);
        LLVMDeleteGlobal(g);
        LLVMSetValueName2(copy, name, strlen(name));
    }
}

/* ---- simplification -------------------------------------------------------------------------- */

/* Rotating a loop whose header reads a stream would read the next token before the last one has
 * been answered; such headers are kept whole. */
static void forbid_duplication(struct source *s, bool forbid)
{
    for (LLVMValueRef f = LLVMGetFirstFunction(s->module); f; f = LLVMGetNextFunction(f))
        if (!strncmp(value_name(f), "hlsc.", 5) || !strncmp(value_name(f), "hls_stream_", 11)) {
            if (forbid)
                set_attribute(f, "noduplicate", 0);
            else
                drop_attribute(f, "noduplicate");
        }
}

#define CLEAN "early-cse<memssa>,simplifycfg,instcombine<no-verify-fixpoint>"

static void inline_functions(struct source *s)
{
    passes(s, "always-inline,globaldce");
    for (LLVMValueRef f; (f = subroutine_next(s));) {
        subroutine_split(s, f);
        passes(s, "function(reg2mem)");
        subroutine_join(s, f);
        mark_inlining(f, false);
        passes(s, "always-inline,globaldce");
        subroutine_resolve(s);
    }
}

static void simplify(struct source *s)
{
    inline_functions(s);
    passes(s, "function(mem2reg)");
    lower(s);
    passes(s, "function(sroa," CLEAN ",loop-simplify,lcssa)");
    forbid_duplication(s, true);
    passes(s, "function(loop-mssa(loop-rotate,licm)," CLEAN ",loop-simplify,lcssa)");
    forbid_duplication(s, false);
    passes(s,
           "function(loop(indvars,loop-deletion,loop-unroll-full),sroa," CLEAN
           ",loop-simplify,lcssa,loop(indvars,loop-deletion,loop-unroll-full)"
           ",loop-unroll<O2;full-unroll-max=65536;no-partial;no-runtime>,sroa"
           ",gvn<no-load-pre;no-pre>,instcombine<no-verify-fixpoint>,simplifycfg,bdce,reassociate"
           "," CLEAN ",adce,simplifycfg,loop-simplify,lcssa),globaldce");
}

/* ---- all of it ------------------------------------------------------------------------------- */

struct source frontend(const struct options *options)
{
    struct source s = {.options = *options};
    atexit(remove_scratch);
    const char *preprocessed = scratch_file(0), *bitcode = scratch_file(1);
    const char *const preprocess[] = {"-E", "-dD", NULL}, *const compile[] = {"-c", "-emit-llvm",
                                                                              NULL};
    run_clang(options, compile, bitcode);
    run_clang(options, preprocess, preprocessed);
    s.pragmas = pragmas_read(read_text(preprocessed));

    /* Exit tests stay as they are written: `<` bounds a counter, the `!=` it would become does not.
     */
    static const char *const llvm_options[] = {"hlsc", "-disable-lftr", "-disable-licm-promotion",
                                               "-pragma-unroll-threshold=1000000"};
    LLVMParseCommandLineOptions(4, llvm_options, NULL);
    LLVMMemoryBufferRef buffer;
    char *why = NULL;
    if (LLVMCreateMemoryBufferWithContentsOfFile(bitcode, &buffer, &why))
        fail((struct place){bitcode, 0}, "%s", why);
    if (LLVMParseBitcode2(buffer, &s.module))
        fail((struct place){bitcode, 0}, "clang's output cannot be read; is it of LLVM 19?");
    LLVMDisposeMemoryBuffer(buffer);
    s.layout = LLVMGetModuleDataLayout(s.module);

    s.top = LLVMGetNamedFunction(s.module, options->top);
    if (!s.top || LLVMIsDeclaration(s.top))
        fail((struct place){options->source, 0}, "there is no function `%s`", options->top);
    check_functions(&s);
    find_processes(&s);
    restore_arrays(&s);
    keep_names(s.module);
    s.loops = loops_attach(&s.pragmas, s.module);
    partitions_attach(&s.pragmas, s.module);
    subroutine_check(&s);
    mark_functions(&s);
    simplify(&s);
    if (options->dump && LLVMPrintModuleToFile(s.module, options->dump, &why))
        fail((struct place){options->dump, 0}, "%s", why);
    return s;
}

void frontend_close(struct source *s)
{
    LLVMDisposeModule(s->module);
}
