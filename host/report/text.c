#include "report/text.h"

#include <math.h>
#include <stdbool.h>
#include <string.h>

#define NBSP "\u00a0"

/* Decodes one character of UTF-8 and advances; 0xfffd for what is not one. */
static unsigned next_character(const unsigned char **at)
{
    const unsigned char *p = *at;
    unsigned lead = *p;
    *at = p + 1;
    if (lead < 0x80)
        return lead;
    int more = lead >= 0xc2 && lead < 0xe0 ? 1
               : (lead & 0xf0) == 0xe0     ? 2
               : (lead & 0xf8) == 0xf0     ? 3
                                           : 0;
    if (!more)
        return 0xfffd;
    unsigned code = lead & (0x3fu >> more);
    for (int i = 1; i <= more; i++) {
        if ((p[i] & 0xc0) != 0x80)
            return 0xfffd;
        code = code << 6 | (p[i] & 0x3fu);
    }
    static const unsigned least[] = {0, 0x80, 0x800, 0x10000};
    if (code < least[more] || code > 0x10ffff || (code >= 0xd800 && code < 0xe000))
        return 0xfffd;
    *at = p + 1 + more;
    return code;
}

static bool is_unprintable(unsigned code)
{
    return code < 0x20 || (code >= 0x7f && code < 0xa0) || (code & 0xfffe) == 0xfffe ||
           (code >= 0xfdd0 && code < 0xfdf0);
}

static void put_character(FILE *f, const unsigned char *from, const unsigned char *to,
                          unsigned code)
{
    if (code == '&')
        fputs("&amp;", f);
    else if (code == '<')
        fputs("&lt;", f);
    else if (code == '>')
        fputs("&gt;", f);
    else if (code == '"')
        fputs("&quot;", f);
    else if (code == '\'')
        fputs("&#39;", f);
    else if (code == '\n' || code == '\t' || code == '\r')
        fputc(' ', f);
    else if (code == 0xfffd || is_unprintable(code))
        fputs("\xef\xbf\xbd", f);
    else
        fwrite(from, 1, (size_t)(to - from), f);
}

void text_put(FILE *f, const char *s)
{
    const unsigned char *p = (const unsigned char *)s;
    while (p && *p) {
        const unsigned char *from = p;
        unsigned code = next_character(&p);
        put_character(f, from, p, code);
    }
}

void text_put_tail(FILE *f, const char *s, int most)
{
    int length = 0;
    s = s ? s : "";
    const unsigned char *p = (const unsigned char *)s;
    for (; *p; length++)
        next_character(&p);
    p = (const unsigned char *)s;
    if (length > most) {
        fputs("…", f);
        for (int skip = length - most + 1; skip > 0; skip--)
            next_character(&p);
    }
    text_put(f, (const char *)p);
}

/* Three significant digits of a value whose magnitude is between 0.001 and 1000. */
static int decimals(double magnitude)
{
    return magnitude >= 99.95     ? 0
           : magnitude >= 9.995   ? 1
           : magnitude >= 0.9995  ? 2
           : magnitude >= 0.09995 ? 3
                                  : 4;
}

static struct text scaled(double value, double unit, const char *name)
{
    struct text t;
    double shown = value / unit;
    snprintf(t.s, sizeof t.s, "%.*f" NBSP "%s", decimals(fabs(shown)), shown, name);
    return t;
}

struct text text_count(double value)
{
    static const char *const names[] = {"k", "M", "G", "T"};
    struct text t = {""};
    double magnitude = fabs(value);
    if (!isfinite(value))
        return t;
    if (magnitude > 0 && magnitude < 0.00095)
        return text_number(value);
    if (magnitude < 999.5) {
        bool whole = fabs(value - nearbyint(value)) < 1e-9;
        snprintf(t.s, sizeof t.s, "%.*f", whole ? 0 : decimals(magnitude), value + 0.0);
        return t;
    }
    int i = 0;
    double unit = 1e3;
    while (i < 3 && magnitude >= 999.5 * unit)
        i++, unit *= 1e3;
    if (magnitude >= 1e15)
        snprintf(t.s, sizeof t.s, "%.3g", value);
    else
        t = scaled(value, unit, names[i]);
    return t;
}

struct text text_tick(double value)
{
    struct text t = text_count(value);
    char *unit = strstr(t.s, NBSP), *from = unit;
    if (unit && memchr(t.s, '.', (size_t)(unit - t.s))) {
        while (from[-1] == '0')
            from--;
        from -= from[-1] == '.';
        memmove(from, unit, strlen(unit) + 1);
    }
    return t;
}

struct text text_integer(int64_t value)
{
    struct text t;
    char digits[24];
    int n = snprintf(digits, sizeof digits, "%lld", (long long)value), used = 0;
    for (int i = 0; i < n; i++) {
        t.s[used++] = digits[i];
        if (digits[i] != '-' && (n - i) % 3 == 1 && i + 1 < n)
            t.s[used++] = ',';
    }
    t.s[used] = 0;
    return t;
}

struct text text_number(double value)
{
    struct text t = {""};
    double magnitude = fabs(value);
    if (!isfinite(value))
        return t;
    if (magnitude == 0)
        snprintf(t.s, sizeof t.s, "0");
    else if (magnitude >= 0.00095 && magnitude < 99999.5)
        snprintf(t.s, sizeof t.s, "%.*f", decimals(magnitude), value);
    else
        snprintf(t.s, sizeof t.s, "%.2e", value);
    return t;
}

struct text text_percent(double part)
{
    struct text t = {""};
    if (isfinite(part))
        snprintf(t.s, sizeof t.s, "%.2f" NBSP "%%", 100 * part);
    return t;
}

struct text text_energy(double uj)
{
    struct text t = {""};
    double magnitude = fabs(uj);
    if (!isfinite(uj))
        return t;
    if (magnitude == 0)
        snprintf(t.s, sizeof t.s, "0" NBSP "µJ");
    else if (magnitude < 0.00995)
        t = scaled(uj, 1e-3, "nJ");
    else if (magnitude < 999.5)
        t = scaled(uj, 1, "µJ");
    else if (magnitude < 999.5e3)
        t = scaled(uj, 1e3, "mJ");
    else if (magnitude < 1e15)
        t = scaled(uj, 1e6, "J");
    else
        snprintf(t.s, sizeof t.s, "%.3g" NBSP "J", uj / 1e6);
    return t;
}

struct text text_ratio(double ratio)
{
    struct text t = {""};
    if (!isfinite(ratio))
        return t;
    if (ratio < 9.95)
        snprintf(t.s, sizeof t.s, "%.2f×", ratio);
    else if (ratio < 99.5)
        snprintf(t.s, sizeof t.s, "%.1f×", ratio);
    else
        snprintf(t.s, sizeof t.s, "%.30s×", text_count(nearbyint(ratio)).s);
    return t;
}
