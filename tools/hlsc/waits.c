#include "waits.h"

#include "base.h"

int wait_count(const struct design *d)
{
    int count = 0;
    for (int i = 0; i < d->instances; i++)
        count += d->instance[i].process->streams;
    return count;
}

/* Calls each for every end of a stream that an instance may wait at, in the order of the bits of
 * `waits`: as the source has them, AXI ports last, whatever order optimisation has found them in.
 */
static void each_wait(const struct design *d,
                      void (*each)(const struct design *d, const struct instance *i,
                                   const struct stream *s, int bit, FILE *f),
                      FILE *f)
{
    int bit = 0;
    for (int i = 0; i < d->instances; i++) {
        const struct process *p = d->instance[i].process;
        const int parameters = (int)LLVMCountParams(p->function);
        for (int place = 0; place <= parameters; place++)
            for (int k = 0; k < p->streams; k++)
                if (place == (p->stream[k].axi ? parameters : p->stream[k].parameter))
                    each(d, &d->instance[i], &p->stream[k], bit++, f);
    }
}

const char *outer_name(const struct design *d, const struct instance *i, const struct stream *s)
{
    const struct channel *c = s->axi ? NULL : channel_of(d, argument(i, s->parameter));
    return c ? c->name : text("%s_%s", i->name, s->name);
}

static void put_wait(const struct design *d, const struct instance *i, const struct stream *s,
                     int bit, FILE *f)
{
    fprintf(f, "  assign waits[%d] = %s_%s_wait;\n", bit, i->name, s->name);
    (void)d;
}

static void put_move(const struct design *d, const struct instance *i, const struct stream *s,
                     int bit, FILE *f)
{
    fprintf(f, "%s%s_%s", bit % 4 ? " | " : " |\n    ", outer_name(d, i, s),
            s->in ? "read" : "write");
}

void emit_watch(const struct design *d, FILE *f)
{
    each_wait(d, put_wait, f);
    fprintf(f, "  assign moves = ~busy");
    each_wait(d, put_move, f);
    fprintf(f, ";\n");
}

static void list_wait(const struct design *d, const struct instance *i, const struct stream *s,
                      int bit, FILE *f)
{
    fprintf(f, "wait %d %s %s %s\n", bit, i->name, s->in ? "token" : "room", outer_name(d, i, s));
}

void list_waits(const struct design *d, FILE *f)
{
    each_wait(d, list_wait, f);
}
