#include "report.h"

#include "cost.h"
#include "memory.h"
#include "process.h"
#include "target.h"

static void report_loop(const struct process *p, const struct region *r, FILE *f)
{
    double longest = 0;
    const struct node *slowest = NULL;
    int adders = 0, multipliers = 0;
    for (int k = 0; k < r->nodes; k++) {
        const struct node *n = &p->node[r->node[k]];
        if (!n->kept)
            continue;
        if (n->ready == n->cycle && n->ends > longest) {
            longest = n->ends;
            slowest = n;
        }
        adders += n->op == OP_ADD || n->op == OP_SUB;
        multipliers += n->op == OP_MUL;
    }
    fprintf(f, "  loop, line %d: II %d, depth %d; %d adders, %d multipliers\n", r->where.line,
            r->ii, r->length, adders, multipliers);
    if (r->bound)
        fprintf(f, "    II 1 is not possible: %s\n", r->bound);
    if (slowest)
        fprintf(f, "    longest path %.2f ns (estimated), ends at line %d\n", longest,
                slowest->where.line);
    if (longest > p->source->options.clock_ns)
        fprintf(
            f,
            "    longer than the clock: one operation alone does not fit; choose a slower clock\n");
}

static void report_memory(const struct memory *m, FILE *f)
{
    static const char *const kinds[] = {"registers", "RAM, a read and a write port",
                                        "RAM, two ports", "ROM"};
    fprintf(f, "  %s: %ld x %d bits", m->name, m->total, m->kept);
    if (m->kept < m->width)
        fprintf(f, " (of %d)", m->width);
    fprintf(f, ", %s", kinds[m->kind]);
    if (m->banks > 1)
        fprintf(f, ", %d banks%s", m->banks, m->merged ? " side by side in one wide memory" : "");
    fprintf(f, "%s", m->lanes ? " with write enables" : "");
    if (m->style)
        fprintf(f, ", ram_style %s", m->style);
    fprintf(f, "%s\n", m->bypass ? ", write-to-read bypass" : "");
}

static void report_axi(const struct axi *a, FILE *f)
{
    fprintf(f, "  %s: AXI master, %d bits\n", a->name, a->width);
    for (int i = 0; i < a->accesses; i++) {
        const struct axi_access *x = &a->access[i];
        fprintf(f, "    line %d %s %s%s\n", x->where.line, x->store ? "writes" : "reads",
                x->why_single ? "word by word: " : "in bursts", x->why_single ? x->why_single : "");
    }
}

static void report_cost(const struct design *d, const struct cost *c, FILE *f)
{
    fprintf(f, "estimated: %ld LUTs, %ld flip-flops, %ld DSP, ", c->luts, c->flip_flops, c->dsp);
    if (!d->source->options.target->xilinx)
        fprintf(f, "%ld block RAMs\n", c->rams);
    else
        fprintf(f, "%g RAMB36, %ld URAM\n", (double)c->rams / 2, c->urams);
}

void design_report(const struct design *d, FILE *f)
{
    struct cost all = {0};
    fprintf(f, "%s: clock %g ns, target %s\n", d->name, d->source->options.clock_ns,
            d->source->options.target->name);
    for (int i = 0; i < d->processes; i++) {
        const struct process *p = d->process[i];
        int states = 0;
        fprintf(f, "\nprocess %s, line %d\n", p->name, p->where.line);
        for (int k = 0; k < p->regions; k++)
            if (p->region[k].pipelined)
                report_loop(p, &p->region[k], f);
            else
                states += p->region[k].length;
        fprintf(f, "  %d states outside the pipelined loops\n", states);
        for (int k = 0; k < p->memories; k++)
            if (p->memory[k].kept)
                report_memory(&p->memory[k], f);
        for (int k = 0; k < p->axis; k++)
            report_axi(&p->axi[k], f);
        const struct cost c = process_cost(p);
        fprintf(f, "  ");
        report_cost(d, &c, f);
        all.luts += c.luts;
        all.flip_flops += c.flip_flops;
        all.dsp += c.dsp;
        all.rams += c.rams;
        all.urams += c.urams;
    }
    if (d->source->dataflow)
        fprintf(f, "\nstreams\n");
    for (int i = 0; d->source->dataflow && i < d->channels; i++) {
        const struct channel *c = &d->channel[i];
        fprintf(f, "  %s: %d bits", c->name, c->width);
        if (c->outside)
            fprintf(f, ", port\n");
        else
            fprintf(f, ", depth %d, %s -> %s\n", c->depth, d->instance[c->writer].name,
                    d->instance[c->reader].name);
        if (!c->outside)
            all.rams += queue_rams(d->source->options.target, c->width, c->depth);
    }
    if (d->source->dataflow) {
        fprintf(f, "\nall, with block RAM of streams\n  ");
        report_cost(d, &all, f);
    }
}
