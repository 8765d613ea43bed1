#include "mux.h"

#include "base.h"
#include "verilog.h"

#include <string.h>

void mux_add(struct mux *m, char *active, char *guard, char *value)
{
    const struct mux_way w = {active, guard, value};
    APPEND(m->way, m->ways, m->capacity, w);
}

static char *way_condition(const struct mux *m, int way)
{
    bool shared = false;
    for (int k = 0; k < m->ways; k++)
        shared |= k != way && !strcmp(m->way[k].active, m->way[way].active);
    return and_text(m->way[way].active, shared ? m->way[way].guard : NULL);
}

char *mux_text(const struct mux *m, int width, bool small_tables)
{
    /* In a chain the last needs no condition. */
    const bool sum = m->ways > 2 && small_tables;
    char *s = NULL;
    for (int i = m->ways - 1; i >= 0; i--) {
        const char *value = m->way[i].value, *when = way_condition(m, i);
        if (sum)
            s = text("({%d{%s}} & %s)%s%s", width, when, value, s ? " |\n      " : "", s ? s : "");
        else
            s = s ? text("(%s) ? %s :\n      %s", when, value, s) : text("%s", value);
    }
    return s;
}
