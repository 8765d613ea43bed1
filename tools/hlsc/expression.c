#include "expression.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

static const char *macro_body(const struct macros *all, const char *name, size_t length)
{
    for (int i = all->count - 1; i >= 0; i--)
        if (strlen(all->macro[i].name) == length && !strncmp(all->macro[i].name, name, length))
            return all->macro[i].body;
    return NULL;
}

struct expression {
    const struct macros *macros;
    const char *at;
    int depth;
    bool bad;
};

static void skip_blanks(struct expression *e)
{
    while (isspace((unsigned char)*e->at))
        e->at++;
}

static long sum(struct expression *e);

static long atom(struct expression *e)
{
    skip_blanks(e);
    if (*e->at == '(') {
        e->at++;
        long v = sum(e);
        skip_blanks(e);
        e->bad |= *e->at != ')';
        e->at += *e->at == ')';
        return v;
    }
    if (*e->at == '-') {
        e->at++;
        return -atom(e);
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
    const char *body = n && e->depth < 32 ? macro_body(e->macros, e->at, n) : NULL;
    if (!body) {
        e->bad = true;
        return 0;
    }
    struct expression inner = {.macros = e->macros, .at = body, .depth = e->depth + 1};
    long v = sum(&inner);
    skip_blanks(&inner);
    e->bad |= inner.bad || *inner.at;
    e->at += n;
    return v;
}

static long product(struct expression *e)
{
    long v = atom(e);
    for (;;) {
        skip_blanks(e);
        char c = *e->at;
        if (c != '*' && c != '/')
            return v;
        e->at++;
        long w = atom(e);
        e->bad |= c == '/' && !w;
        v = c == '*' ? v * w : w ? v / w : 0;
    }
}

static long sum(struct expression *e)
{
    long v = product(e);
    for (;;) {
        skip_blanks(e);
        if (*e->at == '<' && e->at[1] == '<') {
            e->at += 2;
            long by = product(e);
            e->bad |= by < 0 || by > 31;
            v = by < 0 || by > 31 ? 0 : v << by;
            continue;
        }
        char c = *e->at;
        if (c != '+' && c != '-')
            return v;
        e->at++;
        long w = product(e);
        v = c == '+' ? v + w : v - w;
    }
}

bool expression_value(const struct macros *macros, const char *expression, long *value)
{
    struct expression e = {.macros = macros, .at = expression};
    *value = sum(&e);
    skip_blanks(&e);
    return !e.bad && !*e.at;
}
