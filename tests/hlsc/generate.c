/* Random programs in HLS-C, the same for the same seed: a function `kernel` and, for the host, a
 * main that runs it several times and records what it does (cosim.h).
 *
 *     generate SEED >kernel.c
 *
 * No program has undefined behaviour under -fwrapv: indices and shift amounts are masked, divisors
 * never 0 or -1, loops bounded, everything initialised. None depends on timing. At its end a
 * program writes all its variables and arrays, so that a wrong value shows. Each program uses only
 * some of the language, at random, or every program would be like every other. */
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COUNT(array) ((int)(sizeof(array) / sizeof *(array)))
#define PICK(array)  ((array)[roll(0, COUNT(array) - 1)])

/* ---- Dice ------------------------------------------------------------------------------------ */

static uint64_t dice;

static uint64_t next_random(void)
{
    uint64_t z = dice += 0x9e3779b97f4a7c15;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
    z = (z ^ z >> 27) * 0x94d049bb133111eb;
    return z ^ z >> 31;
}

static int roll(int low, int high)
{
    return low + (int)(next_random() % (uint64_t)(high - low + 1));
}

static bool chance(int percent)
{
    return roll(0, 99) < percent;
}

/* What this program may use. */
enum feature {
    DIVISION,
    WIDE, /* 64-bit variables */
    BOOLS,
    MULTIPLY,
    ARRAYS,
    ARRAYS_2D,
    PARTITIONED,
    ROMS,
    STATES,  /* static scalars */
    LOCALS,  /* local arrays */
    STRUCTS, /* as tokens */
    PADDING, /* in them */
    SMALL_TOKENS,
    SWITCHES,
    HELPERS,
    POINTERS, /* as arguments */
    RETURNS,  /* early ones */
    BREAKS,
    WHILES,
    NESTED,
    UNROLLED,
    ASKED_II, /* II=1, 2, 3; hlsc may refuse, so macro EASY takes the wish back */
    ANY_BANK, /* variable indices into partitioned dimensions */
    PROMISES, /* dependence pragmas */
    ASK_EMPTY,
    DATAFLOW,
    FEATURES
};
static const int likelihood[FEATURES] = {
    [DIVISION] = 25,  [WIDE] = 50,        [BOOLS] = 40,        [MULTIPLY] = 60, [ARRAYS] = 75,
    [ARRAYS_2D] = 40, [PARTITIONED] = 60, [ROMS] = 40,         [STATES] = 40,   [LOCALS] = 35,
    [STRUCTS] = 40,   [PADDING] = 10,     [SMALL_TOKENS] = 40, [SWITCHES] = 40, [HELPERS] = 40,
    [POINTERS] = 40,  [RETURNS] = 20,     [BREAKS] = 40,       [WHILES] = 40,   [NESTED] = 50,
    [UNROLLED] = 55,  [ASKED_II] = 30,    [ANY_BANK] = 15,     [PROMISES] = 20, [ASK_EMPTY] = 10,
    [DATAFLOW] = 30,
};
static bool use[FEATURES];

static void choose_features(void)
{
    for (int f = 0; f < FEATURES; f++)
        use[f] = chance(likelihood[f]);
}

/* ---- Text ------------------------------------------------------------------------------------ */

static int indent;

static char *say(const char *format, ...) __attribute__((format(printf, 1, 2)));
static void line(const char *format, ...) __attribute__((format(printf, 1, 2)));
static void begin_block(const char *format, ...) __attribute__((format(printf, 1, 2)));
static void end_block(const char *format, ...) __attribute__((format(printf, 1, 2)));
static void pragma(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Never freed: the program is short. */
static char *say(const char *format, ...)
{
    char *text = NULL;
    va_list arguments;
    va_start(arguments, format);
    if (vasprintf(&text, format, arguments) < 0)
        abort();
    va_end(arguments);
    return text;
}

static void put(const char *format, va_list arguments)
{
    printf("%*s", 4 * indent, "");
    vprintf(format, arguments);
    putchar('\n');
}

static void line(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    put(format, arguments);
    va_end(arguments);
}

static void begin_block(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    put(format, arguments);
    va_end(arguments);
    indent++;
}

static void end_block(const char *format, ...)
{
    va_list arguments;
    indent--;
    va_start(arguments, format);
    put(format, arguments);
    va_end(arguments);
}

static void pragma(const char *format, ...)
{
    va_list arguments;
    printf("#pragma HLS ");
    va_start(arguments, format);
    vprintf(format, arguments);
    va_end(arguments);
    putchar('\n');
}

static char *fresh(const char *prefix)
{
    static int number;
    return say("%s%d", prefix, number++);
}

/* ---- Types and what bears them --------------------------------------------------------------- */

struct type {
    const char *name;
    int bits;
    bool is_signed;
};
static const struct type bool_type = {"bool", 1, false};
static const struct type number_types[] = {
    {"uint8_t", 8, false}, {"int8_t", 8, true},     {"uint16_t", 16, false}, {"int16_t", 16, true},
    {"int32_t", 32, true}, {"uint32_t", 32, false}, {"uint64_t", 64, false}, {"int64_t", 64, true},
};
enum { UP_TO_32 = 6, U8 = 0, U32 = 5, U64 = 6 };

static const struct type *number_type(void)
{
    return &number_types[roll(0, use[WIDE] ? COUNT(number_types) - 1 : UP_TO_32 - 1)];
}

static const struct type *any_type(void)
{
    return use[BOOLS] && chance(15) ? &bool_type : number_type();
}

static const struct type *small_type(void)
{
    return &number_types[roll(0, UP_TO_32 - 1)];
}

struct variable {
    const char *name;
    const struct type *type;
    bool writable;
    bool constant; /* after unrolling */
    int limit;     /* 0 .. limit - 1 are its values, if limit > 0 */
};

struct array {
    const char *name;
    const struct type *type;
    int rank, size[2];
    bool rom, local;
    bool fixed[2]; /* only constant indices */
    int cyclic;    /* banks of dimension 1: index % cyclic is constant */
};

/* What is in scope, inner declarations last. */
static struct variable variables[512];
static struct array arrays[128];
static int variable_count, array_count;

struct scope {
    int variables, arrays;
};

static struct scope scope_now(void)
{
    return (struct scope){variable_count, array_count};
}

static void leave(struct scope s)
{
    variable_count = s.variables;
    array_count = s.arrays;
}

static void add_variable(const char *name, const struct type *type, bool writable, int limit)
{
    if (variable_count == COUNT(variables))
        abort();
    variables[variable_count++] = (struct variable){name, type, writable, false, limit};
}

static struct array *add_array(const struct array *a)
{
    if (array_count == COUNT(arrays))
        abort();
    arrays[array_count] = *a;
    return &arrays[array_count++];
}

static const struct variable *writable_variable(void)
{
    const struct variable *found = NULL;
    for (int i = 0, seen = 0; i < variable_count; i++)
        if (variables[i].writable && roll(0, seen++) == 0)
            found = &variables[i];
    return found;
}

static const struct array *some_array(bool writable)
{
    const struct array *found = NULL;
    for (int i = 0, seen = 0; i < array_count; i++)
        if (!(writable && arrays[i].rom) && roll(0, seen++) == 0)
            found = &arrays[i];
    return found;
}

/* ---- Streams --------------------------------------------------------------------------------- */

struct token {
    const char *name;        /* of its type */
    const struct type *type; /* NULL: a struct of lanes */
    const struct type *lane;
    int lanes;
    const struct type *tag, *mark; /* more members, or NULL */
};

/* How many tokens pass through a link of a dataflow function, so that both sides agree. */
enum protocol { COUNTED, HEADED, ENDED };

struct stream {
    const char *name;
    const struct token *token;
    enum protocol protocol;
    const char *bound; /* of COUNTED */
};

/* The function being generated. */
struct process {
    struct stream in[4], out[4];  /* of the kernel: any number of tokens */
    struct stream from[4], to[4]; /* links */
    int ins, outs, froms, tos;
    const struct stream *dump; /* integers of 32 or 64 bits */
    const struct type *result; /* NULL: void */
    bool may_return;
};
static struct process *me;

static struct token tokens[8];
static int token_count;

static const struct token *integer_token(const struct type *type)
{
    static struct token of_bool, of_number[COUNT(number_types)];
    struct token *t = type == &bool_type ? &of_bool : &of_number[type - number_types];
    *t = (struct token){.name = type->name, .type = type};
    return t;
}

static const struct token *some_token(void)
{
    if (token_count && chance(50))
        return &tokens[roll(0, token_count - 1)];
    if (use[SMALL_TOKENS] && chance(70))
        return integer_token(use[BOOLS] && chance(20) ? &bool_type : small_type());
    return integer_token(&number_types[use[WIDE] ? U64 : U32]);
}

static void declare_token(void)
{
    static const int lane_counts[] = {1, 2, 3, 4, 4, 8, 8, 16};
    struct token *t = &tokens[token_count];
    t->name = say("struct token%d", token_count++);
    t->lane = number_type();
    t->lanes = PICK(lane_counts);
    begin_block("%s {", t->name);
    line("%s lane[%d];", t->lane->name, t->lanes);
    if (use[PADDING] || chance(40)) { /* of the lanes' type: no padding */
        t->tag = use[PADDING] ? any_type() : t->lane;
        line("%s tag;", t->tag->name);
    }
    if (use[PADDING] || t->lane->bits == 8) {
        t->mark = &bool_type;
        line("bool mark;");
    }
    end_block("};");
}

/* ---- Expressions ----------------------------------------------------------------------------- */

static char *expression(int depth);

static char *literal(void)
{
    static const int small[] = {0, 1, 2, 3, 4, 5, 7, 8, 13, 31, 63, 100, 127, 128, 255, 256, 1000};
    switch (roll(0, 7)) {
    case 0: return say("-%d", PICK(small));
    case 1: return say("0x%xu", (unsigned)next_random());
    case 2: return say("%d", (int)(int16_t)next_random());
    case 3:
        if (use[WIDE])
            return say("0x%llxull", (unsigned long long)next_random());
        return say("0x%x", 1u << roll(0, 30));
    default: return say("%d", PICK(small));
    }
}

/* The operands of unary minus and casts come in parentheses. */
static char *atom(void)
{
    if (variable_count && chance(85)) {
        /* inner variables more often: loop counters and what was just read */
        const int from = chance(40) && variable_count > 4 ? variable_count - 4 : 0;
        return say("%s", variables[roll(from, variable_count - 1)].name);
    }
    return say("(%s)", literal());
}

static const struct variable *index_variable(int limit, bool constant)
{
    const struct variable *found = NULL;
    for (int i = 0, seen = 0; i < variable_count; i++) {
        const struct variable *v = &variables[i];
        if (v->limit > 0 && v->limit <= limit && (v->constant || !constant) && roll(0, seen++) == 0)
            found = v;
    }
    return found;
}

/* A constant, once loops are unrolled. */
static char *fixed_index(int size)
{
    const struct variable *v = index_variable(size, true);
    if (v && chance(80))
        return say("%s", v->name);
    return say("%d", roll(0, size - 1));
}

static char *any_index(int size)
{
    const struct variable *v = index_variable(size, false);
    if (v && chance(50)) {
        if (v->limit < size && chance(40))
            return say("%s + %d", v->name, roll(1, size - v->limit));
        return chance(20) ? say("%d - %s", size - 1, v->name) : say("%s", v->name);
    }
    if (chance(8))
        return say("%d", roll(0, size - 1));
    int span = 1;
    while (2 * span <= size)
        span *= 2;
    char *masked = say("(%s) & %d", expression(roll(0, 1)), span - 1);
    return span < size && chance(50) ? say("(%s) + %d", masked, roll(1, size - span)) : masked;
}

static char *index_of(const struct array *a, int dimension)
{
    const int size = a->size[dimension];
    const bool any_bank = use[ANY_BANK] && chance(30);
    if (a->fixed[dimension] && !any_bank)
        return fixed_index(size);
    if (dimension == 0 && a->cyclic > 1 && !any_bank)
        return say("(%s) * %d + %s", any_index(size / a->cyclic), a->cyclic,
                   fixed_index(a->cyclic));
    return any_index(size);
}

static char *element(const struct array *a)
{
    if (a->rank == 1)
        return say("%s[%s]", a->name, index_of(a, 0));
    char *row = index_of(a, 0);
    return say("%s[%s][%s]", a->name, row, index_of(a, 1));
}

static char *division(int depth)
{
    static const int constants[] = {2,   3,   5,   7,    8,  10, 13, 100,
                                    127, 255, 256, 1000, -2, -3, -7, -8};
    const struct type *t = chance(80) ? small_type() : number_type();
    char *a = expression(depth), *b;
    if (chance(55))
        b = say("(%d)", PICK(constants));
    else if (t->is_signed && chance(30))
        b = say("(%s)(-2 - ((%s) & 31))", t->name, expression(depth));
    else
        b = say("(%s)(((%s) & %d) | 1)", t->name, expression(depth), t->is_signed ? 63 : 255);
    return say("((%s)(%s) %c %s)", t->name, a, chance(50) ? '/' : '%', b);
}

static char *shift(int depth)
{
    const struct type *t =
        chance(60) ? &number_types[use[WIDE] && chance(50) ? U64 : U32] : number_type();
    char *a = expression(depth);
    char *by = chance(65) ? say("%d", roll(0, t->bits - 1))
                          : say("((%s) & %d)", expression(depth), chance(50) ? t->bits - 1 : 7);
    if (chance(50) || t->is_signed) /* a negative number is never shifted to the left */
        return say("((%s)(%s) >> %s)", t->name, a, by);
    return say("((%s)(%s) << %s)", t->name, a, by);
}

/* What compilers recognise: saturation, differences, rotation, swapped bytes, sign extension. */
static char *idiom(int depth)
{
    const struct type *t = number_type();
    const char *n = t->name;
    char *a = expression(depth), *b = expression(depth);
    const int k = roll(1, 31);
    switch (roll(0, 8)) {
    case 0: return say("((%s)(%s) < (%s)(%s) ? (%s)(%s) : (%s)(%s))", n, a, n, b, n, a, n, b);
    case 1: return say("((%s)(%s) > (%s)(%s) ? (%s)(%s) : (%s)(%s))", n, a, n, b, n, a, n, b);
    case 2: return say("((%s)(%s) > (%s)(%s) ? (%s)(%s) - (%s)(%s) : 0)", n, a, n, b, n, a, n, b);
    case 3:
        return say("((int32_t)(%s) > 127 ? 127 : (int32_t)(%s) < -128 ? -128 : (int32_t)(%s))", a,
                   a, a);
    case 4: return say("((uint32_t)(%s) << %d | (uint32_t)(%s) >> %d)", a, k, a, 32 - k);
    case 5:
        return say("((uint32_t)(%s) << 24 | ((uint32_t)(%s) & 0xff00) << 8 | "
                   "((uint32_t)(%s) >> 8 & 0xff00) | (uint32_t)(%s) >> 24)",
                   a, a, a, a);
    case 6: return say("((int32_t)((uint32_t)(%s) << %d) >> %d)", a, k, k);
    case 7: return say("((int32_t)(%s) < 0 ? -(int32_t)(%s) : (int32_t)(%s))", a, a, a);
    default: return say("((uint32_t)(%s) >> %d & %d)", a, k, (1 << roll(1, 12)) - 1);
    }
}

static char *comparison(int depth)
{
    static const char *const operators[] = {"<", "<=", "==", "!=", ">", ">="};
    char *a = expression(depth);
    return say("(%s %s %s)", a, PICK(operators), expression(depth));
}

static char *condition(int depth)
{
    switch (roll(0, 6)) {
    case 0: return say("(%s && %s)", comparison(depth), comparison(depth > 0 ? depth - 1 : 0));
    case 1: return say("(%s || %s)", comparison(depth), comparison(depth > 0 ? depth - 1 : 0));
    case 2: return say("((%s) & %d)", expression(depth), 1 << roll(0, 5));
    case 3: return say("(!(%s))", expression(depth));
    default: return comparison(depth);
    }
}

static char *call_in_expression(int depth);

static char *expression(int depth)
{
    static const char *const bitwise[] = {"&", "|", "^"};
    if (depth <= 0)
        return atom();
    const int d = depth - 1, what = roll(0, 99);
    char *a;
    if (what < 18 || (what < 26 && !use[MULTIPLY])) {
        a = expression(d);
        return say("(%s %c %s)", a, chance(60) ? '+' : '-', expression(d));
    }
    if (what < 26) {
        const struct type *t = small_type();
        a = chance(50) ? say("(%s)%s", t->name, expression(d)) : expression(d);
        return say("(%s * (%s)%s)", a, small_type()->name, expression(d));
    }
    if (what < 36) {
        a = expression(d);
        return say("(%s %s %s)", a, PICK(bitwise), expression(d));
    }
    if (what < 44)
        return shift(d);
    if (what < 49)
        return condition(d);
    if (what < 56) {
        a = expression(d);
        char *c = condition(d);
        return say("(%s ? %s : %s)", c, a, expression(d));
    }
    if (what < 64)
        return say("(%s)(%s)", any_type()->name, expression(d));
    if (what < 68)
        return say("(%c(%s))", chance(50) ? '~' : '-', expression(d));
    if (what < 73 && use[DIVISION])
        return division(d);
    if (what < 79)
        return idiom(d);
    if (what < 83 && use[HELPERS] && (a = call_in_expression(d)))
        return a;
    const struct array *array = some_array(false);
    return array && chance(80) ? element(array) : atom();
}

/* ---- Helpers --------------------------------------------------------------------------------- */

struct helper {
    const char *name;
    int arguments;
    const struct type *pointed; /* first argument: to an array of this type */
    int size;                   /* of that array; 1: a variable */
    bool loops;                 /* not to be called in pipelined loops */
};
static struct helper helpers[6];
static int helper_count;

static char *arguments_of(const struct helper *h, const char *first, int depth)
{
    char *list = say("%s", first);
    for (int i = 0; i < h->arguments; i++)
        list = say("%s%s%s", list, *list ? ", " : "", expression(depth));
    return list;
}

static char *call_in_expression(int depth)
{
    for (int i = 0; i < helper_count; i++)
        if (!helpers[i].pointed && !helpers[i].loops && chance(50))
            return say("%s(%s)", helpers[i].name,
                       arguments_of(&helpers[i], "", depth > 1 ? 1 : depth));
    return NULL;
}

static char *call_with_pointer(bool pipelined)
{
    const struct helper *h = &helpers[roll(0, helper_count - 1)];
    if (!h->pointed || (h->loops && pipelined))
        return NULL;
    for (int i = 0; i < array_count && h->size > 1; i++) {
        const struct array *a = &arrays[i];
        if (a->rank == 1 && !a->rom && a->type == h->pointed && a->size[0] >= h->size && a->local)
            return say("%s(%s)", h->name, arguments_of(h, a->name, 1));
    }
    for (int i = 0; i < variable_count && h->size == 1; i++) {
        const struct variable *v = &variables[i];
        if (v->writable && v->type == h->pointed)
            return say("%s(%s)", h->name, arguments_of(h, say("&%s", v->name), 1));
    }
    return NULL;
}

/* What a helper does besides its return value. */
static void helper_body(const char *local, const char *pointer, int size, bool loops)
{
    if (pointer && size == 1)
        line("*%s %s %s;", pointer, chance(50) ? "^=" : "+=", local);
    const int rounds = size > 1 ? size : roll(2, 6);
    if (!pointer && chance(40))
        return;
    char *k = fresh("k");
    begin_block("for (int %s = 0; %s < %d; %s++) {", k, k, rounds, k);
    if (!loops)
        pragma("unroll");
    else if (chance(60))
        pragma("pipeline");
    const struct scope s = scope_now();
    add_variable(k, &number_types[U32], false, rounds);
    if (size > 1)
        line("%s[%s] %s %s;", pointer, k, chance(50) ? "^=" : "+=", expression(1));
    if (chance(30))
        line("if %s", condition(1)), line("    continue;");
    line("%s = %s;", local, size > 1 ? say("%s + %s[%s]", local, pointer, k) : expression(2));
    leave(s);
    end_block("}");
}

static void declare_helper(void)
{
    struct helper h = {.name = fresh("helper"), .arguments = roll(1, 3)};
    const struct type *result = any_type();
    const bool has_pointer = use[POINTERS] && chance(60);
    h.loops = chance(25);
    if (has_pointer) {
        h.pointed = number_type();
        h.size = chance(40) ? 1 : chance(50) ? 4 : 8;
    }
    const struct scope s = scope_now();
    char *pointer = has_pointer ? fresh("p") : NULL;
    char *list = has_pointer ? say("%s *%s", h.pointed->name, pointer) : say("%s", "");
    for (int i = 0; i < h.arguments; i++) {
        char *name = fresh("a");
        const struct type *t = any_type();
        list = say("%s%s%s %s", list, *list ? ", " : "", t->name, name);
        add_variable(name, t, chance(30), 0);
    }
    line("static %s%s %s(%s)", chance(70) ? "inline " : "", result->name, h.name, list);
    begin_block("{");
    if (chance(20))
        pragma("inline");
    char *local = fresh("r");
    const struct type *t = number_type();
    line("%s %s = %s;", t->name, local, expression(2));
    add_variable(local, t, true, 0);
    helper_body(local, pointer, h.size, h.loops);
    if (chance(40)) {
        line("if %s", condition(1));
        line("    return %s;", expression(1));
    }
    line("return %s;", expression(2));
    end_block("}");
    line("%s", "");
    leave(s);
    helpers[helper_count++] = h;
}

/* ---- Statements ------------------------------------------------------------------------------ */

struct context {
    int depth; /* blocks that may still be opened */
    bool pipelined, unrolled, may_break, may_continue, in_loop;
    int trips;  /* executions of this place in one run, at most */
    int copies; /* of it in hardware, by unrolling */
};

enum { MOST_TRIPS = 160, MOST_COPIES = 16, MOST_SPENT = 700, MOST_STATEMENTS = 45 };
static int spent, statements; /* loop iterations and statements of this process */

static void statement(struct context c);

/* What a block declares should matter to what follows. */
static void use_declared(struct scope s)
{
    const struct variable *v = NULL;
    for (int i = 0, seen = 0; i < s.variables; i++)
        if (variables[i].writable && roll(0, seen++) == 0)
            v = &variables[i];
    if (!v)
        return;
    if (variable_count > s.variables && chance(75))
        line("%s %s %s;", v->name,
             chance(50) ? "^=" : "+=", variables[roll(s.variables, variable_count - 1)].name);
    if (array_count > s.arrays && chance(75))
        line("%s += %s;", v->name, element(&arrays[roll(s.arrays, array_count - 1)]));
}

static void block(struct context c, int low, int high)
{
    const struct scope s = scope_now();
    for (int n = roll(low, high); n > 0; n--)
        statement(c);
    use_declared(s);
    leave(s);
}

static void assign(void)
{
    static const char *const operators[] = {"+=", "-=", "^=", "|=", "&="};
    const struct variable *v = writable_variable();
    if (!v)
        return;
    if (v->type->bits > 1 && chance(8))
        line("%s%s;", v->name, chance(50) ? "++" : "--");
    else if (v->type->bits > 1 && chance(6))
        line("%s >>= %d;", v->name, roll(0, v->type->bits - 1));
    else if (v->type->bits > 1 && use[MULTIPLY] && chance(6))
        line("%s *= %s;", v->name, expression(1));
    else if (chance(40))
        line("%s %s %s;", v->name, PICK(operators), expression(roll(0, 2)));
    else
        line("%s = %s;", v->name, expression(roll(1, 3)));
}

static void declare(void)
{
    const struct type *t = any_type();
    char *name = fresh("t");
    line("%s%s %s = %s;", chance(30) ? "const " : "", t->name, name, expression(roll(1, 3)));
    add_variable(name, t, false, 0);
}

static void store(void)
{
    static const char *const operators[] = {"=", "=", "+=", "-=", "^=", "|=", "&="};
    const struct array *a = some_array(true);
    if (!a)
        return;
    char *to = element(a);
    line("%s %s %s;", to, PICK(operators), expression(roll(0, 2)));
}

/* The classic: what if one value is wanted from a place that was written a moment ago? */
static void bump(void)
{
    const struct array *a = some_array(true);
    if (!a)
        return;
    char *cell = element(a);
    if (chance(40)) {
        line("%s = %s + %s;", cell, cell, expression(1));
    } else if (chance(50)) {
        const struct variable *v = writable_variable();
        if (v)
            line("%s = %s;", v->name, cell);
        line("%s = %s;", cell, expression(1));
    } else {
        line("if (%s < %d)", cell, roll(1, 120));
        line("    %s++;", cell);
    }
}

static void branch(struct context c)
{
    c.depth--;
    begin_block("if %s {", condition(roll(0, 2)));
    block(c, 1, 3);
    if (chance(45)) {
        end_block("} else {");
        indent++;
        block(c, 1, 3);
    }
    end_block("}");
}

static void choose(struct context c)
{
    const int bits = roll(1, 3);
    int label = roll(0, 1);
    c.depth--;
    c.may_break = false;
    begin_block("switch ((%s) & %d) {", expression(roll(0, 2)), (1 << bits) - 1);
    for (; label < 1 << bits; label += roll(1, 3)) {
        end_block("case %d: {", label);
        indent++;
        block(c, 1, 2);
        if (chance(80))
            line("break;");
        line("}");
    }
    if (chance(70)) {
        end_block("default: {");
        indent++;
        block(c, 1, 2);
        line("}");
    }
    end_block("}");
}

static const struct stream *some_input(void)
{
    return me && me->ins ? &me->in[roll(0, me->ins - 1)] : NULL;
}

static const struct stream *some_output(void)
{
    return me && me->outs ? &me->out[roll(0, me->outs - 1)] : NULL;
}

/* The members of a struct become variables and an array of constant indices. */
static void add_members(const char *name, const struct token *t, bool writable)
{
    add_array(&(struct array){.name = say("%s.lane", name),
                              .type = t->lane,
                              .rank = 1,
                              .size = {t->lanes},
                              .rom = !writable,
                              .local = true,
                              .fixed = {true}});
    add_variable(say("%s.lane[%d]", name, roll(0, t->lanes - 1)), t->lane, writable, 0);
    if (t->tag)
        add_variable(say("%s.tag", name), t->tag, writable, 0);
    if (t->mark)
        add_variable(say("%s.mark", name), t->mark, writable, 0);
}

static char *read_struct(const struct stream *s)
{
    char *name = fresh("s");
    const bool writable = chance(40);
    line("%s%s %s = hls_read(%s);", writable ? "" : "const ", s->token->name, name, s->name);
    add_members(name, s->token, writable);
    return name;
}

static void read_stream(const struct stream *s)
{
    if (!s->token->type) {
        read_struct(s);
        return;
    }
    const struct variable *v = writable_variable();
    if (v && chance(45)) {
        line("%s %s hls_read(%s);", v->name, chance(60) ? "=" : "^=", s->name);
        return;
    }
    char *name = fresh("t");
    const struct type *t = chance(80) ? s->token->type : any_type();
    line("%s %s = %shls_read(%s);", t->name, name, chance(20) ? "~" : "", s->name);
    add_variable(name, t, chance(30), 0);
}

static void fill_struct(const char *name, const struct token *t, const char *mark)
{
    if (t->lanes <= 4 || chance(30)) {
        for (int l = 0; l < t->lanes; l++)
            line("%s.lane[%d] = %s;", name, l, expression(roll(0, 1)));
    } else {
        const struct scope s = scope_now();
        char *l = fresh("l");
        begin_block("for (int %s = 0; %s < %d; %s++) {", l, l, t->lanes, l);
        pragma("unroll");
        add_variable(l, &number_types[U32], false, t->lanes);
        variables[variable_count - 1].constant = true;
        line("%s.lane[%s] = %s;", name, l, expression(roll(1, 2)));
        leave(s);
        end_block("}");
    }
    if (t->tag)
        line("%s.tag = %s;", name, expression(1));
    if (t->mark)
        line("%s.mark = %s;", name, mark ? mark : condition(0));
}

static void write_struct(const struct stream *s, const char *mark)
{
    char *name = fresh("s");
    if (s->token->lanes <= 4 && !s->token->tag && !s->token->mark && chance(30)) {
        char *list = expression(1);
        for (int l = 1; l < s->token->lanes; l++)
            list = say("%s, %s", list, expression(1));
        line("%s %s = {{%s}};", s->token->name, name, list);
    } else {
        line("%s %s;", s->token->name, name);
        fill_struct(name, s->token, mark);
    }
    line("hls_write(%s, %s);", s->name, name);
}

static void write_stream(const struct stream *s)
{
    if (s->token->type)
        line("hls_write(%s, %s);", s->name, expression(roll(0, 2)));
    else
        write_struct(s, NULL);
}

static void lanes(struct context c)
{
    static const int counts[] = {2, 3, 4, 4, 8};
    const int count = PICK(counts);
    if (c.copies * count > MOST_COPIES)
        return;
    const struct scope s = scope_now();
    char *l = fresh("l");
    begin_block("for (int %s = 0; %s < %d; %s++) {", l, l, count, l);
    pragma("unroll");
    add_variable(l, &number_types[U32], false, count);
    variables[variable_count - 1].constant = true;
    c.depth--;
    c.copies *= count;
    c.trips *= count;
    c.unrolled = true;
    c.may_break = use[BREAKS] && chance(15);
    c.may_continue = true;
    block(c, 1, 2);
    leave(s);
    end_block("}");
}

/* Counting bits, the ways people do it. */
static void count_bits(struct context c)
{
    const struct variable *v = writable_variable();
    if (!v)
        return;
    char *x = fresh("t"), *k = fresh("k");
    const struct type *t = &number_types[chance(50) ? U8 : U32];
    if (c.copies > 1)
        t = &number_types[U8];
    if (!c.pipelined && !c.unrolled && c.trips * t->bits <= MOST_TRIPS && chance(40)) {
        line("%s %s = %s;", t->name, x, expression(1));
        begin_block("while (%s) {", x);
        line("%s &= %s - 1;", x, x);
        line("%s++;", v->type->bits > 1 ? v->name : x);
        if (v->type->bits == 1)
            line("%s &= %s - 1;", x, x);
        end_block("}");
        return;
    }
    line("const %s %s = %s;", t->name, x, expression(1));
    begin_block("for (int %s = 0; %s < %d; %s++) {", k, k, t->bits, k);
    pragma("unroll");
    if (chance(50))
        line("%s += %s >> %s & 1;", v->name, x, k);
    else
        line("if (%s >> %s & 1)", x, k), line("    %s = %s;", v->name, k);
    end_block("}");
}

static void local_array(struct context c)
{
    struct array a = {.name = fresh("local"),
                      .type = any_type(),
                      .rank = 1,
                      .size = {chance(50) ? 4 : 8},
                      .local = true};
    const bool registers = c.in_loop || chance(70);
    if (c.copies * a.size[0] > 2 * MOST_COPIES)
        return;
    a.fixed[0] = registers && chance(50);
    const int form = roll(0, 2);
    const bool initialised = form < 2;
    switch (form) {
    case 0: line("%s %s[%d] = {0};", a.type->name, a.name, a.size[0]); break;
    case 1:
        line("%s %s[%d] = {%s, %s};", a.type->name, a.name, a.size[0], expression(1), literal());
        break;
    default: line("%s %s[%d];", a.type->name, a.name, a.size[0]);
    }
    if (registers)
        pragma("array_partition variable=%s complete%s", a.name, chance(50) ? " dim=1" : "");
    if (!initialised || chance(50)) {
        char *k = fresh("k");
        begin_block("for (int %s = 0; %s < %d; %s++) {", k, k, a.size[0], k);
        if (registers || c.pipelined)
            pragma("unroll");
        line("%s[%s] = %s;", a.name, k, expression(1));
        end_block("}");
    }
    add_array(&a);
}

static void call(struct context c)
{
    char *text = helper_count ? call_with_pointer(c.pipelined || c.unrolled) : NULL;
    const struct variable *v = writable_variable();
    if (!text || !v)
        assign();
    else if (chance(50))
        line("%s;", text);
    else /* what the call changes is not used beside it */
        line("const uint32_t %s = %s;", fresh("u"), text);
}

static void jump(struct context c)
{
    if (c.may_break && chance(60)) {
        line("if %s", condition(1));
        line("    break;");
    } else if (c.may_continue && chance(70)) {
        line("if %s", condition(1));
        line("    continue;");
    } else if (me && me->may_return && use[RETURNS]) {
        line("if (%s == %d)", expression(1), roll(0, 300));
        line(me->result ? "    return %s;" : "    return;", expression(1));
    }
}

static void loop(struct context c);

static bool may_loop(const struct context *c)
{
    return c->depth > 0 && !c->pipelined && !c->unrolled && spent < MOST_SPENT &&
           (use[NESTED] || !c->in_loop) && c->trips <= MOST_TRIPS / 4;
}

static void statement(struct context c)
{
    const int what = roll(0, 99);
    if (statements++ > MOST_STATEMENTS)
        return;
    if (what < 26)
        assign();
    else if (what < 34)
        declare();
    else if (what < 44)
        store();
    else if (what < 50)
        bump();
    else if (what < 64 && c.depth > 0)
        branch(c);
    else if (what < 68 && c.depth > 0 && use[SWITCHES])
        choose(c);
    else if (what < 73 && some_input())
        read_stream(some_input());
    else if (what < 79 && some_output())
        write_stream(some_output());
    else if (what < 85 && c.depth > 0 && use[UNROLLED])
        lanes(c);
    else if (what < 87)
        count_bits(c);
    else if (what < 90 && use[LOCALS])
        local_array(c);
    else if (what < 93 && use[POINTERS])
        call(c);
    else if (what < 96 && (use[BREAKS] || use[RETURNS]))
        jump(c);
    else if (what < 100 && may_loop(&c))
        loop(c);
    else
        assign();
}

/* ---- Loops ----------------------------------------------------------------------------------- */

static void pipeline_pragma(void)
{
    if (use[ASKED_II] && chance(40)) {
        puts("#ifdef EASY");
        pragma("pipeline");
        puts("#else");
        pragma("pipeline II=%d", roll(1, 3));
        puts("#endif");
    } else {
        pragma("pipeline");
    }
    if (chance(5))
        pragma("loop_tripcount min=0 max=40");
}

/* A number of iterations below most, as C; *limit is one that it does not exceed. */
static char *loop_bound(int most, int *limit)
{
    const struct variable *outer = index_variable(most, false);
    if (outer && chance(40)) { /* triangular */
        *limit = outer->limit;
        return chance(60) ? say("%s", outer->name) : say("(%d - %s)", outer->limit, outer->name);
    }
    *limit = roll(1, most);
    if (chance(45))
        return say("%d", *limit);
    *limit = 1;
    while (*limit * 2 <= most + 1 && (chance(85) || *limit < 4))
        *limit *= 2;
    *limit -= 1;
    char *of = chance(60) && variable_count ? say("%s", variables[roll(0, variable_count - 1)].name)
                                            : expression(1);
    return say("((%s) & %d)", of, *limit);
}

struct counter {
    const char *name;
    const struct type *type;
    int limit;
};

/* The head of a counted loop; the bound may change while it runs, but never grows beyond the limit.
 */
static struct counter open_for(int most)
{
    static const char *const types[] = {"int", "int", "uint8_t", "uint16_t", "uint32_t", "int16_t"};
    struct counter i = {fresh("i"), &number_types[U32], 0};
    const char *type = PICK(types);
    char *bound = loop_bound(most, &i.limit);
    switch (roll(0, 7)) {
    case 0:
        begin_block("for (int %s = %s - 1; %s >= 0; %s--) {", i.name, bound, i.name, i.name);
        break;
    case 1:
        begin_block("for (%s %s = %s; %s > 0; %s--) {", type, i.name, bound, i.name, i.name);
        i.limit++;
        break;
    case 2:
        begin_block("for (%s %s = 0; %s < %s; %s += %d) {", type, i.name, i.name, bound, i.name,
                    roll(2, 3));
        break;
    case 3:
        begin_block("for (%s %s = 0; %s <= %s; %s++) {", type, i.name, i.name, bound, i.name);
        i.limit++;
        break;
    case 4:
        begin_block("for (%s %s = %d; %s < %s; %s++) {", type, i.name, roll(0, 2), i.name, bound,
                    i.name);
        break;
    default:
        begin_block("for (%s %s = 0; %s < %s; %s++) {", type, i.name, i.name, bound, i.name);
        break;
    }
    return i;
}

/* The head of a loop that ends by a condition, or after the limit. */
static struct counter open_while(int most)
{
    struct counter i = {fresh("w"), &number_types[U8], roll(1, most)};
    line("uint8_t %s = 0;", i.name);
    switch (roll(0, 2)) {
    case 0: begin_block("while (%s && %s < %d) {", condition(1), i.name, i.limit); break;
    case 1: begin_block("while (%s < %d) {", i.name, i.limit); break;
    default: begin_block("while (1) {"); break;
    }
    return i;
}

static void inner_context(struct context *c, const struct counter *i, bool pipelined)
{
    c->depth--;
    c->trips *= i->limit > 0 ? i->limit : 1;
    c->pipelined = pipelined;
    c->in_loop = true;
    c->may_break = use[BREAKS];
    c->may_continue = true;
    spent += c->trips;
}

static void loop(struct context c)
{
    const bool by_condition = use[WHILES] && chance(30);
    const bool pipelined = chance(70) || c.depth <= 1;
    const int most = MOST_TRIPS / c.trips < 40 ? MOST_TRIPS / c.trips : 40;
    const struct scope s = scope_now();
    if (by_condition)
        begin_block("{");
    const struct counter i = by_condition ? open_while(most) : open_for(most);
    if (pipelined)
        pipeline_pragma();
    else if (use[UNROLLED] && !by_condition && chance(12))
        pragma("unroll factor=%d", roll(2, 3));
    if (by_condition) {
        line("if (%s++ >= %d)", i.name, i.limit); /* or continue would never end */
        line("    break;");
    }
    add_variable(i.name, i.type, false, by_condition ? i.limit + 1 : i.limit);
    inner_context(&c, &i, pipelined);
    block(c, 1, pipelined ? 6 : 3);
    if (!pipelined && c.depth > 0 && use[NESTED] && c.trips <= MOST_TRIPS / 4)
        loop(c);
    if (chance(30))
        block(c, 1, 2);
    leave(s);
    end_block("}");
    if (by_condition)
        end_block("}");
}

/* ---- Loops with a purpose -------------------------------------------------------------------- */

/* An array that is neither constant nor divided, or -1. */
static int plain_array(void)
{
    int found = -1;
    for (int i = 0, seen = 0; i < array_count; i++) {
        const struct array *a = &arrays[i];
        if (!a->rom && !a->local && a->rank == 1 && !a->fixed[0] && !a->cyclic &&
            roll(0, seen++) == 0)
            found = i;
    }
    return found;
}

/* Every iteration has an element of its own, or the same as so many iterations ago; hlsc is told.
 */
static void promise(void)
{
    struct context c = {.depth = 2, .trips = 1, .copies = 1};
    const int which = plain_array();
    if (which < 0)
        return;
    const struct array a = arrays[which];
    arrays[which] = arrays[--array_count]; /* out of sight for the rest of the loop */
    const struct scope s = scope_now();
    const int size = a.size[0];
    const bool again = (size & (size - 1)) == 0 && chance(50);
    const struct counter i = {fresh("i"), &number_types[U32], again ? 2 * size : size};
    begin_block("for (int %s = 0; %s < %d; %s++) {", i.name, i.name, i.limit, i.name);
    pragma("pipeline");
    if (again)
        pragma("dependence variable=%s inter distance=%d true", a.name, size);
    else
        pragma("dependence variable=%s inter false", a.name);
    add_variable(i.name, i.type, false, i.limit);
    inner_context(&c, &i, true);
    c.may_break = c.may_continue = false;
    char *cell =
        again ? say("%s[%s & %d]", a.name, i.name, size - 1) : say("%s[%s]", a.name, i.name);
    char *old = fresh("t");
    line("const %s %s = %s;", a.type->name, old, cell);
    add_variable(old, a.type, false, 0);
    block(c, 0, 2);
    line("%s = %s ^ %s;", cell, old, expression(2));
    leave(s);
    end_block("}");
    arrays[array_count++] = a;
}

/* What was written a moment ago is read again: few places are hit often, or each after a short
 * while. */
static void recall(void)
{
    struct context c = {.depth = 2, .trips = 1, .copies = 1};
    const int which = plain_array();
    if (which < 0)
        return;
    const struct array a = arrays[which];
    const struct counter i = {fresh("i"), &number_types[U32], roll(8, 30)};
    const struct scope s = scope_now();
    int span = 4;
    while (2 * span <= a.size[0])
        span *= 2;
    begin_block("for (int %s = 0; %s < %d; %s++) {", i.name, i.name, i.limit, i.name);
    pipeline_pragma();
    add_variable(i.name, i.type, false, i.limit);
    inner_context(&c, &i, true);
    block(c, 0, 1);
    if (some_input())
        read_stream(some_input());
    char *at = fresh("at"), *old = fresh("t");
    if (chance(50)) {
        line("const uint8_t %s = (%s) & %d;", at, expression(1), roll(0, 1) ? 1 : 3);
        line("const %s %s = %s[%s];", a.type->name, old, a.name, at);
    } else {
        line("const uint8_t %s = %s & %d;", at, i.name, span - 1);
        line("const %s %s = %s[(%s - %d) & %d];", a.type->name, old, a.name, at, roll(1, 4),
             span - 1);
    }
    add_variable(old, a.type, false, 0);
    line(chance(70) ? "%s[%s] = %s + %s;" : "%s[%s] = %s ^ %s;", a.name, at, old,
         expression(chance(70)));
    const struct variable *v = writable_variable();
    if (v)
        line("%s += %s;", v->name, old);
    leave(s);
    end_block("}");
}

/* Asks whether there is a token, as often as it takes: timing decides the cycles, not the result.
 */
static void polling(void)
{
    const struct stream *s = some_input();
    const struct variable *v = writable_variable();
    if (!s || !s->token->type || !v || v->type->bits == 1)
        return;
    char *got = fresh("got");
    line("uint8_t %s = 0;", got);
    begin_block("while (%s < %d) {", got, roll(1, 20));
    if (chance(70))
        pragma("pipeline");
    begin_block("if (!hls_empty(%s)) {", s->name);
    line("%s = (uint64_t)%s * 5 + hls_read(%s);", v->name, v->name, s->name);
    line("%s++;", got);
    end_block("}");
    end_block("}");
}

/* ---- Links between processes ----------------------------------------------------------------- */

enum { MOST_LINKED = 32, DEEP = 64 };

/* The body of a loop that passes one token: mark ends the stream, if the protocol has an end. */
static void pass_token(const struct stream *from, const struct stream *to, const char *mark)
{
    struct context c = {
        .depth = 1, .trips = MOST_LINKED, .copies = 1, .pipelined = true, .in_loop = true};
    const struct scope s = scope_now();
    spent += MOST_LINKED;
    if (from && from->token->type) {
        char *name = fresh("t");
        line("const %s %s = hls_read(%s);", from->token->name, name, from->name);
        add_variable(name, from->token->type, false, 0);
    } else if (from) {
        char *name = read_struct(from);
        if (from->protocol == ENDED) {
            line("%s = %s.mark;", mark, name);
        }
    }
    block(c, 0, 3);
    if (to && to->token->type && chance(30)) {
        line("if %s", condition(1));
        line("    hls_write(%s, %s);", to->name, expression(1));
        line("else");
        line("    hls_write(%s, %s);", to->name, expression(1));
    } else if (to && to->token->type) {
        line("hls_write(%s, %s);", to->name, expression(2));
    } else if (to) {
        write_struct(to, mark);
    }
    const struct variable *v = writable_variable();
    if (v)
        line("%s += %s;", v->name, variables[variable_count - 1].name);
    leave(s);
}

static void transfer_ended(const struct stream *from, const struct stream *to)
{
    char *last = fresh("last"), *i = fresh("i");
    if (from) {
        line("bool %s = false;", last);
        begin_block("while (!%s) {", last);
    } else {
        line("const uint8_t %s = (%s) & 15;", last, expression(2));
        begin_block("for (uint8_t %s = 0; %s <= %s; %s++) {", i, i, last, i);
    }
    if (chance(80))
        pipeline_pragma();
    pass_token(from, to, from ? last : say("%s == %s", i, last));
    end_block("}");
}

static void transfer_counted(const struct stream *from, const struct stream *to)
{
    const struct stream *s = from ? from : to;
    const struct scope outer = scope_now();
    const char *bound = s->bound;
    char *i = fresh("i");
    if (s->protocol == HEADED) {
        bound = fresh("count");
        if (from)
            line("const uint8_t %s = hls_read(%s) & 31;", bound, from->name);
        else
            line("const uint8_t %s = (%s) & 31;", bound, expression(2));
        if (to)
            line("hls_write(%s, %s);", to->name, bound);
        add_variable(bound, &number_types[U8], false, MOST_LINKED);
    }
    begin_block("for (int %s = 0; %s < %s; %s++) {", i, i, bound, i);
    if (chance(80))
        pipeline_pragma();
    add_variable(i, &number_types[U32], false, MOST_LINKED);
    pass_token(from, to, NULL);
    leave(outer);
    end_block("}");
}

/* A loop that reads every token of one link, writes every token of another, or both. */
static void transfer(const struct stream *from, const struct stream *to)
{
    if ((from ? from : to)->protocol == ENDED)
        transfer_ended(from, to);
    else
        transfer_counted(from, to);
}

static void transfer_all(void)
{
    const struct stream *from = me->from, *to = me->to;
    const bool together = me->froms && me->tos && from->protocol == to->protocol &&
                          (from->protocol != COUNTED || from->bound == to->bound) && chance(60);
    if (together)
        transfer(from, to);
    const bool write_first = chance(30);
    for (int t = together; write_first && t < me->tos; t++)
        transfer(NULL, &me->to[t]);
    for (int f = together; f < me->froms; f++)
        transfer(&me->from[f], NULL);
    for (int t = together; !write_first && t < me->tos; t++)
        transfer(NULL, &me->to[t]);
}

/* ---- Processes ------------------------------------------------------------------------------- */

struct scalar {
    const char *name;
    const struct type *type;
};
static struct scalar scalars[6];
static int scalar_count;

static char *inside[16]; /* lines for the beginning of the function */
static int inside_count;

static char *initial_values(const struct array *a, int percent)
{
    const int total = a->size[0] * (a->rank == 2 ? a->size[1] : 1);
    if (!chance(percent))
        return say("%s", "");
    char *list = say("%d", roll(0, 127));
    for (int i = 1; i < total && (a->rom || chance(95)); i++)
        list = say("%s, %d", list, a->type->is_signed ? roll(-128, 127) : roll(0, 255));
    return say(" = {%s}", list);
}

/* Divides it into banks, at random. */
static char *partition(struct array *a)
{
    const int dim = a->rank == 2 ? roll(1, 2) : 1, size = a->size[dim - 1];
    if (a->rank == 2 && a->size[0] * a->size[1] <= 16 && chance(30)) {
        a->fixed[0] = a->fixed[1] = true;
        return say("array_partition variable=%s complete dim=0", a->name);
    }
    if (size <= 8 || (size <= 16 && chance(50))) {
        a->fixed[dim - 1] = true;
        return say("array_partition variable=%s complete dim=%d", a->name, dim);
    }
    const int factor = size % 4 == 0 && chance(50) ? 4 : 2;
    if (size % factor || dim == 2)
        return NULL;
    if (use[ANY_BANK] && chance(30)) {
        a->cyclic = 1; /* no index suits it better than others */
        return say("array_partition variable=%s block factor=%d dim=1", a->name, factor);
    }
    a->cyclic = factor;
    return say("array_partition variable=%s cyclic factor=%d dim=1", a->name, factor);
}

static void declare_array(bool rom, bool may_be_inside)
{
    static const int sizes[] = {4, 8, 8, 16, 16, 32, 64, 5, 11, 24}, columns[] = {2, 3, 4, 4, 8};
    struct array a = {.name = fresh(rom ? "ROM" : "A"),
                      .type = any_type(),
                      .rank = 1,
                      .rom = rom,
                      .size = {PICK(sizes), 1}};
    if (use[ARRAYS_2D] && chance(50)) {
        a.rank = 2;
        a.size[0] = 4 << roll(0, 2);
        a.size[1] = PICK(columns);
    }
    char *second = a.rank == 2 ? say("[%d]", a.size[1]) : "", *pragma_text = NULL;
    if (use[PARTITIONED] && (!rom || may_be_inside) && chance(60))
        pragma_text = partition(&a);
    char *text = say("static %s%s %s[%d]%s%s;", rom ? "const " : "", a.type->name, a.name,
                     a.size[0], second, initial_values(&a, rom ? 100 : 35));
    if (may_be_inside && chance(40))
        inside[inside_count++] = text;
    else
        line("%s", text);
    if (pragma_text)
        inside[inside_count++] = say("#pragma HLS %s", pragma_text);
    add_array(&a);
}

static void declare_state(void)
{
    char *name = fresh("g");
    const struct type *t = any_type();
    line("static %s %s = %d;", t->name, name, roll(0, 100));
    add_variable(name, t, true, 0);
}

static void declare_own(void)
{
    inside_count = 0;
    for (int n = use[ARRAYS] ? roll(1, 3) : 0; n > 0; n--)
        declare_array(false, true);
    for (int n = use[STATES] ? roll(1, 2) : 0; n > 0; n--)
        declare_state();
}

static char *parameters_of(const struct process *p, bool names_only)
{
    const struct stream *const lists[] = {p->in, p->from, p->to, p->out};
    const int counts[] = {p->ins, p->froms, p->tos, p->outs};
    char *text = say("%s", "");
    for (int k = 0; k < COUNT(lists); k++)
        for (const struct stream *s = lists[k]; s < lists[k] + counts[k]; s++)
            text = names_only ? say("%s%s%s", text, *text ? ", " : "", s->name)
                              : say("%s%shls_stream(%s) %s", text, *text ? ", " : "",
                                    s->token->name, s->name);
    for (const struct scalar *s = scalars; s < scalars + scalar_count; s++)
        text = say("%s, %s%s%s", text, names_only ? "" : s->type->name, names_only ? "" : " ",
                   s->name);
    return text;
}

static void dump_value(const char *value, const struct type *type)
{
    line("hls_write(%s, %s);", me->dump->name, value);
    if (type->bits > me->dump->token->type->bits)
        line("hls_write(%s, (uint64_t)%s >> 32);", me->dump->name, value);
}

/* Partitioned dimensions are walked by unrolled loops. */
static void dump_array(const struct array *a)
{
    const bool rows_inside = a->rank == 2 && a->fixed[0] && !a->fixed[1];
    const int outer = rows_inside ? 1 : 0, inner = 1 - outer;
    const int banks = a->rank == 2 ? a->size[inner] : a->cyclic ? a->cyclic : 1;
    const int rounds = a->rank == 1 ? a->size[0] / banks : a->size[outer];
    char *i = fresh("i"), *k = fresh("k");
    begin_block("for (int %s = 0; %s < %d; %s++) {", i, i, rounds, i);
    if (a->fixed[outer])
        pragma("unroll");
    else
        pragma("pipeline");
    if (banks > 1) {
        begin_block("for (int %s = 0; %s < %d; %s++) {", k, k, banks, k);
        pragma("unroll");
    }
    if (a->rank == 2)
        dump_value(say("%s[%s][%s]", a->name, rows_inside ? k : i, rows_inside ? i : k), a->type);
    else if (banks > 1)
        dump_value(say("%s[%s * %d + %s]", a->name, i, banks, k), a->type);
    else
        dump_value(say("%s[%s]", a->name, i), a->type);
    if (banks > 1)
        end_block("}");
    end_block("}");
}

static void dump_all(struct scope from)
{
    for (int i = from.variables; i < variable_count; i++)
        dump_value(variables[i].name, variables[i].type);
    for (int i = from.arrays; i < array_count; i++)
        if (!arrays[i].rom)
            dump_array(&arrays[i]);
}

static void declare_variables(void)
{
    for (int n = roll(2, 5); n > 0; n--) {
        char *name = fresh("v");
        const struct type *t = any_type();
        const char *of = scalar_count && chance(60) ? scalars[roll(0, scalar_count - 1)].name : "1";
        line("%s %s = %s;", t->name, name, chance(30) ? literal() : of);
        add_variable(name, t, true, 0);
    }
}

static void step(void)
{
    struct context c = {.depth = 3, .trips = 1, .copies = 1};
    if (use[PROMISES] && chance(25))
        promise();
    else if (use[ARRAYS] && chance(30))
        recall();
    else if (use[ASK_EMPTY] && chance(30))
        polling();
    else if (spent < MOST_SPENT && chance(65))
        loop(c);
    else
        block(c, 1, 3);
}

static void process_body(struct scope own)
{
    for (int i = 0; i < inside_count; i++)
        if (*inside[i] == '#')
            puts(inside[i]);
        else
            line("%s", inside[i]);
    declare_variables();
    spent = statements = 0;
    for (int n = roll(0, me->froms + me->tos ? 1 : 2); n > 0; n--)
        step();
    if (me->froms + me->tos)
        transfer_all();
    for (int n = roll(me->froms + me->tos ? 0 : 1, 2); n > 0; n--)
        step();
    dump_all(own);
    if (me->result)
        line("return %s;", expression(2));
}

static void define_process(struct process *p, const char *name, bool is_static)
{
    const struct scope outer = scope_now();
    me = p;
    declare_own();
    line("%s%s %s(%s)", is_static ? "static " : "", p->result ? p->result->name : "void", name,
         parameters_of(p, false));
    begin_block("{");
    for (const struct scalar *s = scalars; s < scalars + scalar_count; s++)
        add_variable(s->name, s->type, !is_static && chance(20), 0);
    process_body(outer);
    end_block("}");
    line("%s", "");
    leave(outer);
    me = NULL;
}

/* ---- The kernel ------------------------------------------------------------------------------ */

static struct process processes[3];
static int process_count;
static int input_count, output_count;

static void add_input(struct process *p)
{
    p->in[p->ins++] = (struct stream){.name = say("in%d", input_count++), .token = some_token()};
}

static void add_output(struct process *p, const struct token *token)
{
    p->out[p->outs++] = (struct stream){.name = say("out%d", output_count++), .token = token};
}

static void add_streams(struct process *p)
{
    add_output(p, integer_token(&number_types[chance(70) ? U64 : U32]));
    p->dump = &p->out[0];
    for (int n = roll(0, 2); n > 0; n--)
        add_input(p);
    if (chance(40))
        add_output(p, some_token());
}

static const struct token *marked_token(void)
{
    for (int i = 0; i < token_count; i++)
        if (tokens[i].mark)
            return &tokens[i];
    return NULL;
}

static struct stream make_link(const struct stream *like)
{
    struct stream s = {.name = fresh("link"), .token = some_token(), .protocol = COUNTED};
    if (chance(30) && marked_token()) {
        s.protocol = ENDED;
        s.token = marked_token();
    } else if (s.token->type && s.token->type->bits >= 8 && chance(40)) {
        s.protocol = HEADED;
    }
    if (like && like->protocol == COUNTED && chance(60))
        s.protocol = COUNTED, s.bound = like->bound;
    else if (chance(40))
        s.bound = say("%d", roll(1, MOST_LINKED));
    else
        s.bound = say("((%s) & 31)", scalars[roll(0, scalar_count - 1)].name);
    return s;
}

struct link {
    struct stream stream;
    int depth;
};
static struct link links[4];
static int link_count;

/* A stream that rejoins another way through must hold everything, or hardware may wait for ever. */
static void connect(int from, int to, bool deep)
{
    struct process *a = &processes[from], *b = &processes[to];
    struct link *l = &links[link_count++];
    l->stream = make_link(a->froms ? &a->from[0] : NULL);
    l->depth = deep ? DEEP : roll(1, 6);
    a->to[a->tos++] = l->stream;
    b->from[b->froms++] = l->stream;
}

static void connect_all(void)
{
    process_count = roll(2, 3);
    const int shape = roll(0, 3);
    if (process_count == 2) {
        connect(0, 1, shape == 0);
        if (shape == 0)
            connect(0, 1, true);
    } else if (shape == 0) { /* two ways from the first to the last */
        connect(0, 1, true);
        connect(1, 2, true);
        connect(0, 2, true);
    } else if (shape == 1) {
        connect(0, 1, false);
        connect(0, 2, false);
    } else if (shape == 2) {
        connect(0, 2, false);
        connect(1, 2, false);
    } else {
        connect(0, 1, false);
        connect(1, 2, false);
    }
}

static char *kernel_parameters(void)
{
    char *text = say("%s", "");
    for (const struct process *p = processes; p < processes + process_count; p++) {
        for (const struct stream *s = p->in; s < p->in + p->ins; s++)
            text = say("%shls_stream(%s) %s, ", text, s->token->name, s->name);
        for (const struct stream *s = p->out; s < p->out + p->outs; s++)
            text = say("%shls_stream(%s) %s, ", text, s->token->name, s->name);
    }
    for (const struct scalar *s = scalars; s < scalars + scalar_count; s++)
        text = say("%s%s %s%s", text, s->type->name, s->name,
                   s + 1 < scalars + scalar_count ? ", " : "");
    return text;
}

static void define_dataflow(void)
{
    connect_all();
    for (int i = 0; i < process_count; i++) {
        add_streams(&processes[i]);
        define_process(&processes[i], say("process%d", i), true);
    }
    line("void kernel(%s)", kernel_parameters());
    begin_block("{");
    pragma("dataflow");
    for (const struct link *l = links; l < links + link_count; l++)
        line("HLS_STREAM(%s, %s, %d);", l->stream.token->name, l->stream.name, l->depth);
    for (int i = 0; i < process_count; i++)
        line("process%d(%s);", i, parameters_of(&processes[i], true));
    end_block("}");
}

static void define_kernel(void)
{
    scalars[scalar_count++] = (struct scalar){"x", number_type()};
    scalars[scalar_count++] = (struct scalar){"n", &number_types[U8]};
    for (int k = roll(0, 2); k > 0; k--)
        scalars[scalar_count++] = (struct scalar){fresh("p"), any_type()};
    if (use[DATAFLOW]) {
        define_dataflow();
        return;
    }
    process_count = 1;
    struct process *p = &processes[0];
    add_streams(p);
    p->may_return = true;
    p->result = chance(80) ? any_type() : NULL;
    define_process(p, "kernel", false);
}

/* ---- The host's main ------------------------------------------------------------------------- */

static void fill_stream(const struct stream *s)
{
    const struct token *t = s->token;
    begin_block("while (hls_stream_count(%s) < 4000) {", s->name);
    line("%s token;", t->name);
    if (t->type) {
        line("token = cosim_random();");
    } else {
        line("memset(&token, 0, sizeof token);");
        line("for (int l = 0; l < %d; l++)", t->lanes);
        line("    token.lane[l] = cosim_random();");
        if (t->tag)
            line("token.tag = cosim_random();");
        if (t->mark)
            line("token.mark = cosim_random() & 1;");
    }
    line("hls_write(%s, token);", s->name);
    end_block("}");
}

static char *call_of_kernel(void)
{
    char *text = say("kernel(");
    for (const struct process *p = processes; p < processes + process_count; p++) {
        for (const struct stream *s = p->in; s < p->in + p->ins; s++)
            text = say("%s%s, ", text, s->name);
        for (const struct stream *s = p->out; s < p->out + p->outs; s++)
            text = say("%s%s, ", text, s->name);
    }
    for (int i = 0; i < scalar_count; i++)
        text = say("%scosim_scalar(%s, %s)%s", text, scalars[i].name, scalars[i].name,
                   i + 1 < scalar_count ? ", " : ")");
    return text;
}

static void define_main(unsigned long seed)
{
    static const int counts[] = {0, 1, 2, 5, 9, 16, 17, 30, 31, 63, 100, 200, 255};
    line("\n#ifndef __HLSC__\n#include \"cosim.h\"\nint main(void)");
    begin_block("{");
    for (const struct process *p = processes; p < processes + process_count; p++) {
        for (const struct stream *s = p->in; s < p->in + p->ins; s++)
            line("hls_stream(%s) %s = cosim_in(%s, %s);", s->token->name, s->name, s->token->name,
                 s->name);
        for (const struct stream *s = p->out; s < p->out + p->outs; s++)
            line("hls_stream(%s) %s = cosim_out(%s, %s);", s->token->name, s->name, s->token->name,
                 s->name);
    }
    line("static const uint8_t ns[] = {%d, %d, %d};", PICK(counts), PICK(counts), PICK(counts));
    line("cosim_seed(%lu);", seed);
    begin_block("for (int run = 0; run < 3; run++) {");
    for (const struct process *p = processes; p < processes + process_count; p++)
        for (const struct stream *s = p->in; s < p->in + p->ins; s++)
            fill_stream(s);
    line("const uint8_t n = ns[run];");
    for (const struct scalar *s = scalars; s < scalars + scalar_count; s++)
        if (strcmp(s->name, "n"))
            line("const %s %s = cosim_random();", s->type->name, s->name);
    line("cosim_begin();");
    line(processes[0].result ? "cosim_return(%s);" : "%s;", call_of_kernel());
    line("cosim_end();");
    end_block("}");
    line("return cosim_finish();");
    end_block("}");
    line("#endif");
}

int main(int argc, char **argv)
{
    if (argc != 2) {
        fprintf(stderr, "Usage: generate SEED >kernel.c\n");
        return 2;
    }
    const unsigned long seed = strtoul(argv[1], NULL, 10);
    dice = seed;
    choose_features();
    line("/* tests/hlsc/generate %lu */\n#include \"hls.h\"\n", seed);
    for (int n = use[STRUCTS] ? roll(1, 2) : 0; n > 0; n--)
        declare_token();
    for (int n = use[ROMS] ? roll(1, 2) : 0; n > 0; n--)
        declare_array(true, false);
    for (int n = use[HELPERS] ? roll(1, 3) : 0; n > 0; n--)
        declare_helper();
    define_kernel();
    define_main(seed);
    return 0;
}
