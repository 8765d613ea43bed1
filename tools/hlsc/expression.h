/* Integer expressions of pragma values: + - * / << and parentheses over numbers and macros. */
#ifndef HLSC_EXPRESSION_H
#define HLSC_EXPRESSION_H
#include <stdbool.h>

/* Object-like macros, so that `II=LANES` means what it says: the preprocessor leaves pragmas alone.
 */
struct macros {
    struct macro {
        const char *name, *body;
    } *macro;
    int count, capacity;
};

/* False: not a constant. */
bool expression_value(const struct macros *macros, const char *expression, long *value);
#endif
