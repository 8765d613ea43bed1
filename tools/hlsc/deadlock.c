#include "deadlock.h"

#include "base.h"
#include "process.h"
#include "verilog.h"

/* It cannot be stuck while it waits for the outside, or while one neither waits nor has ended. */
static void print_excuses(const struct design *d, const struct instance *x, FILE *f)
{
    char *waits = NULL;
    for (int k = 0; k < x->process->streams; k++) {
        const struct stream *s = &x->process->stream[k];
        const struct channel *c = s->axi ? NULL : channel_of(d, argument(x, s->parameter));
        if (s->axi || (c && c->outside))
            fprintf(f, " | %s_%s_wait", x->name, s->name);
        or_into(&waits, text("%s_%s_wait", x->name, s->name));
    }
    fprintf(f, " | ~(%s_ended%s%s)", x->name, waits ? " | " : "", waits ? waits : "");
}

static void print_waits(const struct design *d, const struct instance *x, FILE *f)
{
    for (int k = 0; k < x->process->streams; k++) {
        const struct stream *s = &x->process->stream[k];
        const struct channel *c = s->axi ? NULL : channel_of(d, argument(x, s->parameter));
        if (c)
            fprintf(f,
                    "        if (%s_%s_wait) $display(\"hlsc:   %s waits for %s `%s' (depth %d, "
                    "%s:%d)\");\n",
                    x->name, s->name, x->name, s->in ? "a token of" : "room in", c->name, c->depth,
                    c->where.file, c->where.line);
    }
}

void emit_deadlock(const struct design *d, FILE *f)
{
    fprintf(f, "\n`ifndef SYNTHESIS\n  reg [9:0] stuck;\n  always @(posedge clk) begin\n"
               "    if (rst | ~busy");
    for (int i = 0; i < d->instances; i++)
        print_excuses(d, &d->instance[i], f);
    fprintf(f,
            ")\n      stuck <= 10'd0;\n    else begin\n      stuck <= stuck + 10'd1;\n"
            "      if (stuck == 10'd1000) begin\n        $display(\"hlsc: %s: deadlock\");\n",
            d->name);
    for (int i = 0; i < d->instances; i++)
        print_waits(d, &d->instance[i], f);
    fprintf(f, "        $finish;\n      end\n    end\n  end\n`endif\n");
}
