#include "pragmas.h"

#include "expression.h"
#include "origin.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

struct reader {
    struct pragmas *out;
    int capacity;
    struct macros macros;
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
    [PRAGMA_BIND_STORAGE] = "bind_storage",
};

/* Known to other tools, without a meaning here. */
static const char *const ignored_names[] = {"loop_tripcount",     "bind_op",      "latency",
                                            "expression_balance", "loop_flatten", "aggregate",
                                            "disaggregate",       "stable",       NULL};

static const char *skip_blanks(const char *s)
{
    while (isspace((unsigned char)*s))
        s++;
    return s;
}

static long number(const struct reader *r, const char *key, const char *value)
{
    long v;
    if (!expression_value(&r->macros, value, &v))
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
        s = skip_blanks(s);
        if (!*s)
            return;
        const char *start = s;
        while (*s && !isspace((unsigned char)*s) && *s != '=')
            s++;
        if (p->words == (int)(sizeof p->word / sizeof *p->word))
            fail(r->where, "#pragma HLS: too many words");
        char *key = text("%.*s", (int)(s - start), start), *value = NULL;
        const char *look = s;
        look = skip_blanks(look);
        if (*look == '=') {
            s = look + 1;
            s = skip_blanks(s);
            start = s;
            for (int depth = 0; *s && (depth || !isspace((unsigned char)*s)); s++)
                depth += (*s == '(') - (*s == ')');
            value = text("%.*s", (int)(s - start), start);
            if (!*value)
                fail(r->where, "#pragma HLS: %s= has no value", key);
            if (numeric_key(key))
                value = text("%ld", number(r, key, value));
        }
        p->word[p->words].key = key;
        p->word[p->words++].value = value;
    }
}

static void read_pragma(struct reader *r, const char *s)
{
    s = skip_blanks(s);
    size_t n = strcspn(s, " \t\n");
    struct pragma p = {.where = r->where};
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
    s = skip_blanks(s);
    size_t n = 0;
    while (isalnum((unsigned char)s[n]) || s[n] == '_')
        n++;
    if (s[n] == '(')
        return;
    struct macro m = {text("%.*s", (int)n, s), text("%s", s + n)};
    APPEND(r->macros.macro, r->macros.count, r->macros.capacity, m);
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
        p = skip_blanks(p);
        if (*p != '#')
            continue;
        if (line_marker(&r, p))
            continue;
        p++;
        p = skip_blanks(p);
        if (!strncmp(p, "define", 6) && isspace((unsigned char)p[6]))
            read_define(&r, p + 6);
        else if (!strncmp(p, "pragma", 6) && isspace((unsigned char)p[6])) {
            p += 6;
            p = skip_blanks(p);
            if (!strncmp(p, "HLS", 3) && isspace((unsigned char)p[3]))
                read_pragma(&r, p + 3);
        }
    }
    return all;
}

const char *pragma_name(enum pragma_kind kind)
{
    return kind_names[kind];
}

const char *pragma_value(const struct pragma *p, const char *key)
{
    for (int i = 0; i < p->words; i++)
        if (!strcasecmp(p->word[i].key, key) && p->word[i].value)
            return p->word[i].value;
    return NULL;
}

int pragma_number(const struct pragma *p, const char *key, int otherwise)
{
    const char *v = pragma_value(p, key);
    return v ? atoi(v) : otherwise;
}

bool pragma_has(const struct pragma *p, const char *word)
{
    for (int i = 0; i < p->words; i++)
        if (!strcasecmp(p->word[i].key, word) ||
            (p->word[i].value && !strcasecmp(p->word[i].value, word)))
            return true;
    return false;
}

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

bool pragmas_ask(const struct pragmas *all, enum pragma_kind kind, LLVMValueRef function,
                 const char *word)
{
    for (int i = 0; i < all->count; i++) {
        const struct pragma *p = &all->pragma[i];
        if (p->kind == kind && (!word || pragma_has(p, word)) && pragma_in_function(p, function))
            return true;
    }
    return false;
}
