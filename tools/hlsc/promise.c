#include "promise.h"

#include <string.h>

void promise_add(struct promises *all, const struct pragma *p)
{
    if (all->count == (int)(sizeof all->promise / sizeof *all->promise))
        fail(p->where, "too many dependence pragmas in one loop");
    const struct promise new = {.variable = pragma_value(p, "variable"),
                                .inter = !pragma_has(p, "intra"),
                                .distance = pragma_number(p, "distance", 0),
                                .where = p->where};
    if (!new.variable)
        fail(p->where, "#pragma HLS dependence needs variable=ARRAY");
    if (pragma_has(p, "true") != (new.distance > 0))
        fail(p->where, "#pragma HLS dependence is either `false` or `distance=N true`");
    all->promise[all->count++] = new;
}

const struct promise *promise_find(const struct promises *all, const char *variable, bool inter)
{
    for (int i = 0; all && i < all->count; i++)
        if (all->promise[i].inter == inter && !strcmp(all->promise[i].variable, variable))
            return &all->promise[i];
    return NULL;
}

bool promised(const struct promises *all, const char *variable)
{
    const struct promise *found = promise_find(all, variable, true);
    return found && !found->distance;
}
