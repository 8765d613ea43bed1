#include "pragmas.h"

#include <llvm-c/DebugInfo.h>
#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- reading --------------------------------------------------------------------------------- */

/* Object-like macros, so that `II=LANES` means what it says: the preprocessor leaves pragmas alone.
 */
struct macro {
    const char *name, *body;
};
struct reader {
    struct pragmas *out;
    int capacity;
    struct macro *macro;
    int macros, macro_capacity;
    struct place where;
};

static const char *const kind_names[] = {
    [PRAGMA_PIPELINE] = "pipeline",
    [PRAGMA_UNROLL] = "unroll",
    [PRAGMA_ARRAY_PARTITION] = "array_partition",
    [PRAGMA_DEPENDENCE] = "dependence",
    [PRAGMA_INTERFACE] = "interface",
    [PRAGMA_DATAFLOW] = "dataflow",
    [PRAGMA_STREAM] = "stream",
    [PRAGMA_INLINE] = "inline",
};
/* Known to other tools, without a meaning here. */
static const char *const ignored_names[] = {
    "loop_tripcount", "bind_op",   "bind_storage", "latency", "expression_balance",
    "loop_flatten",   "aggregate", "disaggregate", "stable",  NULL};

static const char *macro_body(const struct reader *r, const char *name, size_t length)
{
    for (int i = r->macros - 1; i >= 0; i--)
        if (strlen(r->macro[i].name) == length && !strncmp(r->macro[i].name, name, length))
            return r->macro[i].body;
    return NULL;
}

/* Integer expressions of pragma values: + - * / << and parentheses over numbers and macros. */
struct expression {
    const struct reader *r;
    const char *at;
    int depth;
    bool bad;
};

static long expression_sum(struct expression *e);

static long expression_atom(struct expression *e)
{
    while (isspace((unsigned char)*e->at))
        e->at++;
    if (*e->at == '(') {
        e->at++;
        long v = expression_sum(e);
        while (isspace((unsigned char)*e->at))
            e->at++;
        e->bad |= *e->at != ')';
        e->at += *e->at == ')';
        return v;
    }
    if (*e->at == '-') {
        e->at++;
        return -expression_atom(e);
    }
    if (isdigit((unsigned char)*e->at)) {
        char *end;
        long v = strtol(e->at, &end, 0);
        while (*end == 'u' || *end == 'U' || *end == 'l' || *end == 'L')
            end++;
        e->at = end;
        return v;
    }
    size_t n = 0;
    while (isalnum((unsigned char)e->at[n]) || e->at[n] == '_')
        n++;
    const char *body = n && e->depth < 32 ? macro_body(e->r, e->at, n) : NULL;
    if (!body) {
        e->bad = true;
        return 0;
    }
    struct expression inner = {.r = e->r, .at = body, .depth = e->depth + 1};
    long v = expression_sum(&inner);
    while (isspace((unsigned char)*inner.at))
        inner.at++;
    e->bad |= inner.bad || *inner.at;
    e->at += n;
    return v;
}

static long expression_product(struct expression *e)
{
    long v = expression_atom(e);
    for (;;) {
        while (isspace((unsigned char)*e->at))
            e->at++;
        char c = *e->at;
        if (c != '*' && c != '/')
            return v;
        e->at++;
        long w = expression_atom(e);
        e->bad |= c == '/' && !w;
        v = c == '*' ? v * w : w ? v / w : 0;
    }
}

static long expression_sum(struct expression *e)
{
    long v = expression_product(e);
    for (;;) {
        while (isspace((unsigned char)*e->at))
            e->at++;
        if (*e->at == '<' && e->at[1] == '<') {
            e->at += 2;
            long by = expression_product(e);
            e->bad |= by < 0 || by > 31;
            v = by < 0 || by > 31 ? 0 : v << by;
            continue;
        }
        char c = *e->at;
        if (c != '+' && c != '-')
            return v;
        e->at++;
        long w = expression_product(e);
        v = c == '+' ? v + w : v - w;
    }
}

static long pragma_number(const struct reader *r, const char *key, const char *value)
{
    struct expression e = {.r = r, .at = value};
    long v = expression_sum(&e);
    while (isspace((unsigned char)*e.at))
        e.at++;
    if (e.bad || *e.at)
        fail(r->where, "#pragma HLS: %s=%s is not a constant", key, value);
    if (v < 0 || v > 1 << 30)
        fail(r->where, "#pragma HLS: %s=%s is out of range", key, value);
    return v;
}

static bool numeric_key(const char *key)
{
    return !strcmp(key, "II") || !strcmp(key, "factor") || !strcmp(key, "dim") ||
           !strcmp(key, "distance") || !strcmp(key, "depth");
}

/* "key = value" and words after the pragma's name. A value reaches to the next blank that is not
 * inside parentheses and not beside an operator. */
static void parse_words(const struct reader *r, struct pragma *p, const char *s)
{
    for (;;) {
        while (isspace((unsigned char)*s))
            s++;
        if (!*s)
            return;
        const char *start = s;
        while (*s && !isspace((unsigned char)*s) && *s != '=')
            s++;
        if (p->words == (int)(sizeof p->word / sizeof *p->word))
            fail(r->where, "#pragma HLS: too many words");
        char *key = text("%.*s", (int)(s - start), start), *value = NULL;
        const char *look = s;
        while (isspace((unsigned char)*look))
            look++;
        if (*look == '=') {
            s = look + 1;
            while (isspace((unsigned char)*s))
                s++;
            start = s;
            for (int depth = 0; *s && (depth || !isspace((unsigned char)*s)); s++)
                depth += (*s == '(') - (*s == ')');
            value = text("%.*s", (int)(s - start), start);
            if (!*value)
                fail(r->where, "#pragma HLS: %s= has no value", key);
            if (numeric_key(key))
                value = text("%ld", pragma_number(r, key, value));
        }
        p->word[p->words].key = key;
        p->word[p->words++].value = value;
    }
}

static void read_pragma(struct reader *r, const char *s)
{
    while (isspace((unsigned char)*s))
        s++;
    size_t n = strcspn(s, " \t\n");
    struct pragma p = {.kind = PRAGMA_IGNORED, .where = r->where};
    int kinds = (int)(sizeof kind_names / sizeof *kind_names), k = 0;
    for (; k < kinds; k++)
        if (strlen(kind_names[k]) == n && !strncasecmp(kind_names[k], s, n))
            break;
    if (k == kinds) {
        for (int i = 0; ignored_names[i]; i++)
            if (strlen(ignored_names[i]) == n && !strncasecmp(ignored_names[i], s, n))
                return;
        fail(r->where, "#pragma HLS %.*s is not known", (int)n, s);
    }
    p.kind = (enum pragma_kind)k;
    for (int i = 0; i < r->out->count; i++) /* of a file that is included again */
        if (r->out->pragma[i].kind == p.kind && r->out->pragma[i].where.line == p.where.line &&
            !strcmp(r->out->pragma[i].where.file, p.where.file))
            return;
    parse_words(r, &p, s + n);
    APPEND(r->out->pragma, r->out->count, r->capacity, p);
}

/* A line marker: # 12 "file.c" flags */
static bool line_marker(struct reader *r, const char *line)
{
    char *end;
    long number = strtol(line + 1, &end, 10);
    if (end == line + 1)
        return false;
    const char *open = strchr(end, '"'), *close = open ? strrchr(open + 1, '"') : NULL;
    if (!close)
        return false;
    r->where.file = text("%.*s", (int)(close - open - 1), open + 1);
    r->where.line = (int)number - 1;
    return true;
}

static void read_define(struct reader *r, const char *s)
{
    while (isspace((unsigned char)*s))
        s++;
    size_t n = 0;
    while (isalnum((unsigned char)s[n]) || s[n] == '_')
        n++;
    if (s[n] == '(')
        return;
    struct macro m = {text("%.*s", (int)n, s), text("%s", s + n)};
    APPEND(r->macro, r->macros, r->macro_capacity, m);
}

struct pragmas pragmas_read(const char *preprocessed)
{
    struct pragmas all = {0};
    struct reader r = {.out = &all};
    for (const char *s = preprocessed; *s;) {
        size_t n = strcspn(s, "\n");
        char *line = text("%.*s", (int)n, s);
        s += n + (s[n] == '\n');
        r.where.line++;
        const char *p = line;
        while (isspace((unsigned char)*p))
            p++;
        if (*p != '#')
            continue;
        if (line_marker(&r, p))
            continue;
        p++;
        while (isspace((unsigned char)*p))
            p++;
        if (!strncmp(p, "define", 6) && isspace((unsigned char)p[6]))
            read_define(&r, p + 6);
        else if (!strncmp(p, "pragma", 6) && isspace((unsigned char)p[6])) {
            p += 6;
            while (isspace((unsigned char)*p))
                p++;
            if (!strncmp(p, "HLS", 3) && isspace((unsigned char)p[3]))
                read_pragma(&r, p + 3);
        }
    }
    return all;
}

const char *pragma_value(const struct pragma *p, const char *key)
{
    for (int i = 0; i < p->words; i++)
        if (!strcasecmp(p->word[i].key, key) && p->word[i].value)
            return p->word[i].value;
    return NULL;
}

bool pragma_has(const struct pragma *p, const char *word)
{
    for (int i = 0; i < p->words; i++)
        if (!strcasecmp(p->word[i].key, word) ||
            (p->word[i].value && !strcasecmp(p->word[i].value, word)))
            return true;
    return false;
}

static int pragma_int(const struct pragma *p, const char *key, int otherwise)
{
    const char *v = pragma_value(p, key);
    return v ? atoi(v) : otherwise;
}

/* ---- places ---------------------------------------------------------------------------------- */

/* Debug information may cut a name anywhere; whole again, unless it is below the working directory.
 */
static const char *file_name(const char *file, unsigned file_length, const char *directory,
                             unsigned directory_length)
{
    char here[4096];
    if (*file == '/' || !directory || !directory_length ||
        (getcwd(here, sizeof here) && strlen(here) == directory_length &&
         !strncmp(here, directory, directory_length)))
        return text("%.*s", (int)file_length, file);
    return text("%.*s/%.*s", (int)directory_length, directory, (int)file_length, file);
}

struct place place_of(LLVMValueRef value)
{
    unsigned n = 0, d = 0;
    struct place where = {0};
    if (!LLVMIsAInstruction(value) && !LLVMIsAFunction(value))
        return where;
    where.line = (int)LLVMGetDebugLocLine(value);
    const char *file = LLVMGetDebugLocFilename(value, &n),
               *directory = LLVMGetDebugLocDirectory(value, &d);
    if (file)
        where.file = file_name(file, n, directory, d);
    return where;
}

static struct place place_of_location(LLVMMetadataRef location)
{
    struct place where = {.line = (int)LLVMDILocationGetLine(location)};
    LLVMMetadataRef file = LLVMDIScopeGetFile(LLVMDILocationGetScope(location));
    unsigned n = 0, d = 0;
    const char *name = file ? LLVMDIFileGetFilename(file, &n) : NULL,
               *directory = file ? LLVMDIFileGetDirectory(file, &d) : NULL;
    if (name)
        where.file = file_name(name, n, directory, d);
    return where;
}

/* The preprocessor keeps names as they were given. */
static const char *whole_path(const char *name)
{
    static const char *last_name, *last_path;
    if (name != last_name) {
        char *path = realpath(name, NULL);
        last_name = name;
        last_path = path ? text("%s", path) : name;
        free(path);
    }
    return last_path;
}

static bool same_file(const char *a, const char *b)
{
    return a && b && (!strcmp(a, b) || !strcmp(whole_path(a), whole_path(b)));
}

static bool same_place(struct place a, struct place b)
{
    return a.line == b.line && same_file(a.file, b.file);
}

/* ---- loops ----------------------------------------------------------------------------------- */

static LLVMContextRef context_of(LLVMModuleRef module)
{
    return LLVMGetModuleContext(module);
}

static unsigned metadata_kind(LLVMModuleRef module, const char *name)
{
    return LLVMGetMDKindIDInContext(context_of(module), name, (unsigned)strlen(name));
}

/* The two locations that clang leaves in a loop's metadata. */
static bool loop_lines(LLVMModuleRef module, LLVMValueRef latch, struct loop_wishes *loop)
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

static bool loop_contains(const struct loop_wishes *loop, struct place where)
{
    return same_file(loop->first.file, where.file) && loop->first.line <= where.line &&
           where.line <= loop->last.line;
}

static void wish(struct loop_wishes *loop, const struct pragma *p)
{
    switch (p->kind) {
    case PRAGMA_PIPELINE:
        if (pragma_has(p, "off"))
            return;
        loop->pipeline = true;
        loop->ii = pragma_int(p, "II", 0);
        loop->pipeline_where = p->where;
        break;
    case PRAGMA_UNROLL:
        if (pragma_has(p, "off=true"))
            return;
        loop->unroll = true;
        loop->factor = pragma_int(p, "factor", 0);
        break;
    case PRAGMA_DEPENDENCE: {
        if (loop->promises == (int)(sizeof loop->promise / sizeof *loop->promise))
            fail(p->where, "too many dependence pragmas in one loop");
        struct dependence_promise d = {.variable = pragma_value(p, "variable"),
                                       .inter = !pragma_has(p, "intra"),
                                       .where = p->where};
        if (!d.variable)
            fail(p->where, "#pragma HLS dependence needs variable=ARRAY");
        d.distance = pragma_int(p, "distance", 0);
        bool dependent = pragma_has(p, "true");
        if (dependent != (d.distance > 0))
            fail(p->where, "#pragma HLS dependence is either `false` or `distance=N true`");
        loop->promise[loop->promises++] = d;
        break;
    }
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

static void attach_loops(struct pragmas *all, LLVMModuleRef module)
{
    LLVMContextRef c = context_of(module);
    LLVMValueRef *latch = NULL;
    int latches = 0, latch_capacity = 0, capacity = 0;
    for (LLVMValueRef f = LLVMGetFirstFunction(module); f; f = LLVMGetNextFunction(f))
        for (LLVMBasicBlockRef b = LLVMGetFirstBasicBlock(f); b; b = LLVMGetNextBasicBlock(b)) {
            LLVMValueRef t = LLVMGetBasicBlockTerminator(b);
            struct loop_wishes loop = {0};
            if (!t || !loop_lines(module, t, &loop))
                continue;
            APPEND(all->loop, all->loops, capacity, loop);
            APPEND(latch, latches, latch_capacity, t);
        }
    for (int i = 0; i < all->count; i++) {
        const struct pragma *p = &all->pragma[i];
        if (p->kind != PRAGMA_PIPELINE && p->kind != PRAGMA_UNROLL && p->kind != PRAGMA_DEPENDENCE)
            continue;
        struct loop_wishes *best = NULL;
        for (struct loop_wishes *l = all->loop; l < all->loop + all->loops; l++)
            if (loop_contains(l, p->where) &&
                (!best || l->last.line - l->first.line < best->last.line - best->first.line))
                best = l;
        if (!best) {
            warn(p->where, "#pragma HLS %s stands in no loop, or in one that is never reached",
                 kind_names[p->kind]);
            continue;
        }
        /* A file that is included several times has its loops as often. */
        const struct place first = best->first, last = best->last;
        for (struct loop_wishes *l = all->loop; l < all->loop + all->loops; l++)
            if (same_place(l->first, first) && same_place(l->last, last))
                wish(l, p);
    }
    for (int i = 0; i < latches; i++) {
        struct loop_wishes *l = &all->loop[i];
        /* A loop inside a pipelined one has no time of its own: it is unrolled. */
        for (int j = 0; j < all->loops && !l->pipeline; j++)
            if (j != i && all->loop[j].pipeline && loop_contains(&all->loop[j], l->first) &&
                loop_contains(&all->loop[j], l->last) &&
                (all->loop[j].first.line < l->first.line || all->loop[j].last.line > l->last.line))
                l->unroll = true, l->factor = 0;
        LLVMMetadataRef operand[4], temporary = LLVMTemporaryMDNode(c, NULL, 0);
        int n = 1;
        operand[0] = temporary;
        operand[n++] = string_node(c, "hlsc.loop", i);
        if (!l->unroll)
            operand[n++] = string_node(c, "llvm.loop.unroll.disable", -1);
        else if (l->factor)
            operand[n++] = string_node(c, "llvm.loop.unroll.count", l->factor);
        else
            operand[n++] = string_node(c, "llvm.loop.unroll.full", -1);
        LLVMMetadataRef node = LLVMMDNodeInContext2(c, operand, (size_t)n);
        LLVMMetadataReplaceAllUsesWith(temporary, node); /* refers to itself: hence distinct */
        LLVMSetMetadata(latch[i], metadata_kind(module, "llvm.loop"), LLVMMetadataAsValue(c, node));
    }
}

const struct loop_wishes *pragmas_of_loop(const struct pragmas *all, LLVMValueRef latch)
{
    LLVMModuleRef module =
        LLVMGetGlobalParent(LLVMGetBasicBlockParent(LLVMGetInstructionParent(latch)));
    LLVMValueRef md = LLVMGetMetadata(latch, metadata_kind(module, "llvm.loop"));
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

/* ---- arrays and functions -------------------------------------------------------------------- */

bool pragma_in_function(const struct pragma *p, LLVMValueRef function)
{
    struct place start = place_of(function);
    if (!same_file(start.file, p->where.file) || p->where.line < start.line)
        return false;
    /* The last function that begins before the pragma is the one around it. */
    LLVMModuleRef module = LLVMGetGlobalParent(function);
    for (LLVMValueRef f = LLVMGetFirstFunction(module); f; f = LLVMGetNextFunction(f)) {
        struct place other = place_of(f);
        if (f != function && same_file(other.file, start.file) && other.line > start.line &&
            other.line <= p->where.line)
            return false;
    }
    return true;
}

const char *source_name(LLVMValueRef value)
{
    if (LLVMIsAInstruction(value)) {
        LLVMModuleRef module =
            LLVMGetGlobalParent(LLVMGetBasicBlockParent(LLVMGetInstructionParent(value)));
        LLVMValueRef md = LLVMGetMetadata(value, metadata_kind(module, "hlsc.name")), operand[1];
        if (md && LLVMGetMDNodeNumOperands(md) == 1) {
            unsigned n = 0;
            LLVMGetMDNodeOperands(md, operand);
            const char *s = LLVMGetMDString(operand[0], &n);
            return text("%.*s", (int)n, s);
        }
    }
    size_t n;
    const char *name = LLVMGetValueName2(value, &n);
    const char *dot = strrchr(name, '.');
    /* A static local is "function.name"; the passes append ".number". */
    if (dot && LLVMIsAGlobalVariable(value) && isalpha((unsigned char)dot[1]))
        return dot + 1;
    return dot && !LLVMIsAGlobalVariable(value)
               ? text("%.*s", (int)(strchr(name, '.') - name), name)
               : name;
}

/* What allocas are called, kept in metadata: inlining renames them. */
static void name_allocas(LLVMModuleRef module)
{
    LLVMContextRef c = context_of(module);
    for (LLVMValueRef f = LLVMGetFirstFunction(module); f; f = LLVMGetNextFunction(f))
        for (LLVMBasicBlockRef b = LLVMGetFirstBasicBlock(f); b; b = LLVMGetNextBasicBlock(b))
            for (LLVMValueRef i = LLVMGetFirstInstruction(b); i; i = LLVMGetNextInstruction(i)) {
                size_t n;
                const char *name = LLVMIsAAllocaInst(i) ? LLVMGetValueName2(i, &n) : NULL;
                if (!name)
                    continue;
                /* clang numbers variables of one name: "i", "i5". The number cannot be told from
                 * the name's own digits; pragmas match either way. */
                LLVMMetadataRef s = LLVMMDStringInContext2(c, name, n);
                LLVMSetMetadata(i, metadata_kind(module, "hlsc.name"),
                                LLVMMetadataAsValue(c, LLVMMDNodeInContext2(c, &s, 1)));
            }
}

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
    int dim = pragma_int(p, "dim", 1), factor = pragma_int(p, "factor", 0);
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

static void attach_array(LLVMModuleRef module, const struct pragma *p, LLVMValueRef array)
{
    LLVMContextRef c = context_of(module);
    unsigned kind = metadata_kind(module, "hlsc.partition");
    if (LLVMIsAGlobalVariable(array)) {
        /* Several attachments of one kind may stand side by side on a global, but not through this
         * interface: pragmas_of_array() reads the pragmas again instead. */
        return;
    }
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

static void attach_arrays(struct pragmas *all, LLVMModuleRef module)
{
    for (struct pragma *p = all->pragma; p < all->pragma + all->count; p++) {
        if (p->kind != PRAGMA_ARRAY_PARTITION)
            continue;
        const char *variable = pragma_value(p, "variable");
        if (!variable)
            fail(p->where, "#pragma HLS array_partition needs variable=ARRAY");
        int found = 0;
        for (LLVMValueRef f = LLVMGetFirstFunction(module); f; f = LLVMGetNextFunction(f))
            for (LLVMBasicBlockRef b = LLVMGetFirstBasicBlock(f); b; b = LLVMGetNextBasicBlock(b))
                for (LLVMValueRef i = LLVMGetFirstInstruction(b); i; i = LLVMGetNextInstruction(i))
                    if (LLVMIsAAllocaInst(i) && names_array(p, i)) {
                        attach_array(module, p, i);
                        found++;
                    }
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

int pragmas_of_array(const struct pragmas *all, LLVMValueRef array, struct partition *out)
{
    int n = 0;
    if (LLVMIsAGlobalVariable(array)) {
        LLVMContextRef c = context_of(LLVMGetGlobalParent(array));
        for (struct pragma *p = all->pragma; p < all->pragma + all->count && n < 8; p++)
            if (p->kind == PRAGMA_ARRAY_PARTITION && names_array(p, array))
                out[n++] = partition_of_node(LLVMMetadataAsValue(c, partition_node(c, p)));
        return n;
    }
    LLVMModuleRef module =
        LLVMGetGlobalParent(LLVMGetBasicBlockParent(LLVMGetInstructionParent(array)));
    LLVMValueRef md = LLVMGetMetadata(array, metadata_kind(module, "hlsc.partition")), operand[8];
    if (!md)
        return 0;
    LLVMGetMDNodeOperands(md, operand);
    for (; n < (int)LLVMGetMDNodeNumOperands(md); n++)
        out[n] = partition_of_node(operand[n]);
    return n;
}

void pragmas_attach(struct pragmas *all, LLVMModuleRef module)
{
    name_allocas(module);
    attach_loops(all, module);
    attach_arrays(all, module);
}
