#include "emit.h"

#include "base.h"
#include "control.h"
#include "emit_loop.h"
#include "emit_memory.h"
#include "emit_promise.h"
#include "emit_register.h"
#include "emit_state.h"
#include "emit_stream.h"
#include "emit_value.h"
#include "emitter.h"
#include "sharing.h"
#include "verilog.h"

#include <stdlib.h>

static void emit_ports(struct emitter *e, FILE *f)
{
    const struct process *p = e->p;
    fprintf(
        f,
        "  input  wire clk,\n  input  wire rst,\n  input  wire ap_start,\n  output reg  ap_done,\n"
        "  output wire ap_idle");
    if (p->result_width)
        fprintf(f, ",\n  output reg  [%d:0] ap_return", p->result_width - 1);
    for (int i = 0; i < p->inputs; i++)
        fprintf(f, ",\n  input  wire [%d:0] %s", p->node[p->input[i]].width - 1,
                port_name(p->node[p->input[i]].name, p->where));
    for (int i = 0; i < p->streams; i++) {
        const struct stream *s = &p->stream[i];
        print_stream_ports(f, s->in, max_int(s->width, 1), s->name);
        fprintf(f, ",\n  output wire %s_wait", s->name);
    }
    for (int i = 0; i < p->axis; i++)
        if (p->axi[i].stores)
            fprintf(f, ",\n  input  wire %s_idle", p->axi[i].name);
}

static void number_states(struct emitter *e)
{
    int state = 1;
    for (int i = 0; i < e->p->regions; i++) {
        struct region *r = &e->p->region[i];
        r->state = state;
        state += r->pipelined ? 1 : r->length;
    }
    for (int i = 0; i < e->p->axis; i++)
        if (e->p->axi[i].stores)
            e->final_state = state;
    e->states = state + (e->final_state > 0);
}

static FILE *section(char **where, size_t *size)
{
    FILE *f = open_memstream(where, size);
    if (!f)
        fail((struct place){0}, "out of memory");
    return f;
}

/* Waits until what was written through AXI ports has arrived. */
static void emit_final_state(struct emitter *e)
{
    const struct process *p = e->p;
    char *idle = NULL;
    for (int i = 0; i < p->axis; i++)
        if (p->axi[i].stores)
            idle = and_text(text("%s_idle", p->axi[i].name), idle);
    const char *when = text("state[%d] & %s", e->final_state, idle);
    goes(e, e->final_state, idle);
    comes(e, 0, when);
    fprintf(e->clocked, "      if (%s) ap_done <= 1'b1;\n", when);
}

static void emit_control(struct emitter *e)
{
    struct process *p = e->p;
    for (int i = 0; i < p->regions; i++)
        if (p->region[i].pipelined)
            emit_loop_control(e, i);
        else
            emit_state_control(e, i);
    e->comes = take((size_t)e->states * sizeof *e->comes);
    e->goes = take((size_t)e->states * sizeof *e->goes);
    goes(e, 0, "ap_start");
    enter(e, p->flow.block[0].region, "state[0] & ap_start");
    for (int i = 0; i < p->regions; i++)
        if (p->region[i].pipelined)
            emit_loop_steps(e, i);
        else
            emit_state_steps(e, i);
    if (e->final_state)
        emit_final_state(e);
    emit_states(e);
}

struct sections {
    char *declarations, *logic, *clocked, *data, *resets;
};

static void emit_body(struct emitter *e, struct sections *to)
{
    struct process *p = e->p;
    size_t size[5];
    e->declarations = section(&to->declarations, &size[0]);
    e->logic = section(&to->logic, &size[1]);
    e->clocked = section(&to->clocked, &size[2]);
    e->data = section(&to->data, &size[3]);
    e->resets = section(&to->resets, &size[4]);
    e->settings = 0;
    emit_values(e);
    emit_control(e);
    for (int i = 0; i < p->streams; i++)
        emit_stream(e, i);
    emit_counters(e);
    emit_memories(e);
    emit_promises(e);
    emit_registers(e);
    emit_settings(e);
    fclose(e->declarations);
    fclose(e->logic);
    fclose(e->clocked);
    fclose(e->data);
    fclose(e->resets);
}

static void free_sections(struct sections *s)
{
    free(s->declarations);
    free(s->logic);
    free(s->clocked);
    free(s->data);
    free(s->resets);
}

void emit_rests(FILE *out)
{
    fprintf(out, "/* verilator lint_off LATCH */\n"
                 "// In a simulation a value that nobody looks at stays what it was; hardware need "
                 "not know.\n"
                 "`ifdef VERILATOR\n"
                 "`define HLSC_WIRE reg\n"
                 "`define HLSC_NET(when, net, value) always @(*) if (when) net = value;\n"
                 "`define HLSC_WHEN(when) if (when)\n"
                 "`else\n"
                 "`define HLSC_WIRE wire\n"
                 "`define HLSC_NET(when, net, value) assign net = value;\n"
                 "`define HLSC_WHEN(when)\n"
                 "`endif\n");
}

void emit(struct process *p, bool rests, FILE *out)
{
    struct emitter e = {.p = p,
                        .rests = rests,
                        .small_tables = p->source->options.target->lut_inputs == 4,
                        .leaving = NONE};
    struct sections s;
    char *nothing;
    size_t size;
    e.net = take((size_t)p->nodes * sizeof *e.net);
    e.use = take((size_t)p->nodes * sizeof *e.use);
    e.shared = take((size_t)p->nodes * sizeof *e.shared);
    e.shared_width = take((size_t)p->nodes * sizeof *e.shared_width);
    number_states(&e);
    /* Once to see which registers are read where, once for good. */
    e.out = section(&nothing, &size);
    emit_body(&e, &s);
    fclose(e.out);
    free(nothing);
    free_sections(&s);
    share_registers(&e);
    e.out = out;
    emit_body(&e, &s);
    fprintf(out, "// %s, line %d\nmodule %s (\n", p->name, p->where.line, p->name);
    emit_ports(&e, out);
    fprintf(out, "\n);\n  reg [%d:0] state;\n  assign ap_idle = state[0];\n%s%s", e.states - 1,
            s.declarations, s.logic);
    fprintf(out,
            "\n  always @(posedge clk) begin\n    ap_done <= 1'b0;\n    if (rst) begin\n"
            "      state <= %d'd1;\n%s    end else begin\n%s    end\n  end\n",
            e.states, s.resets, s.clocked);
    if (*s.data)
        fprintf(out, "\n  always @(posedge clk) begin\n%s  end\n", s.data);
    fprintf(out, "endmodule\n\n");
    free_sections(&s);
}
