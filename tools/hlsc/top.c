#include "top.h"

#include "base.h"
#include "deadlock.h"
#include "emit.h"
#include "ir.h"
#include "masters.h"
#include "origin.h"
#include "process.h"
#include "shell.h"
#include "verilog.h"
#include "waits.h"

static void emit_top_ports(const struct design *d, FILE *f)
{
    fprintf(
        f,
        "  input  wire clk,\n  input  wire rst,\n  input  wire ap_start,\n  output reg  ap_done,\n"
        "  output wire ap_idle");
    if (result_width(d))
        fprintf(f, ",\n  output wire [%d:0] ap_return", result_width(d) - 1);
    for (int k = 0; k < parameter_count(d); k++) {
        int w = scalar_width(d, k);
        if (w)
            fprintf(f, ",\n  input  wire [%d:0] %s", w - 1,
                    port_name(parameter_name(d, k), place_of(d->source->top)));
    }
    for (int i = 0; i < d->channels; i++) {
        const struct channel *c = &d->channel[i];
        if (c->outside)
            print_stream_ports(f, c->in, c->width, c->name);
    }
    if (d->shell)
        fprintf(f,
                ",\n  output wire moves,\n  output wire [%d:0] waits,\n"
                "  output wire [%d:0] errors",
                wait_count(d) - 1, max_int(master_count(d), 1) - 1);
    emit_axi_ports(d, f, false);
}

static void emit_channels(const struct design *d, FILE *f)
{
    for (int i = 0; i < d->channels; i++) {
        const struct channel *c = &d->channel[i];
        if (c->outside)
            continue;
        fprintf(f,
                "  wire [%d:0] %s_din, %s_dout;\n"
                "  wire %s_full_n, %s_write, %s_empty_n, %s_read;\n"
                "  hls_fifo #(.WIDTH(%d), .DEPTH(%d)) f_%s (.clk(clk), .rst(rst), .din(%s_din),\n"
                "    .write(%s_write), .full_n(%s_full_n), .dout(%s_dout), .read(%s_read), "
                ".empty_n(%s_empty_n));\n",
                c->width - 1, c->name, c->name, c->name, c->name, c->name, c->name, c->width,
                c->depth, c->name, c->name, c->name, c->name, c->name, c->name, c->name);
    }
}

static void emit_instance(const struct design *d, const struct instance *i, FILE *f)
{
    const struct process *p = i->process;
    fprintf(f, "\n  wire %s_done;\n", i->name);
    for (int k = 0; k < p->streams; k++)
        fprintf(f, "  wire %s_%s_wait;\n", i->name, p->stream[k].name);
    emit_masters(i, f);
    fprintf(f,
            "  %s%s u_%s (.clk(clk), .rst(rst), .ap_start(ap_start), .ap_done(%s_done), .ap_idle()",
            p->name, d->source->dataflow ? "" : "_process", i->name, i->name);
    if (p->result_width)
        fprintf(f, d->source->dataflow ? ", .ap_return()" : ", .ap_return(ap_return)");
    for (int k = 0; k < (int)LLVMCountParams(p->function); k++) {
        LLVMValueRef a = argument(i, k);
        if (LLVMGetTypeKind(LLVMTypeOf(a)) != LLVMPointerTypeKind) {
            const char *port = value_name(LLVMGetParam(p->function, (unsigned)k));
            if (LLVMIsAConstantInt(a))
                fprintf(f, ",\n    .%s(%u'h%llx)", port, LLVMGetIntTypeWidth(LLVMTypeOf(a)),
                        LLVMConstIntGetZExtValue(a));
            else
                fprintf(f, ",\n    .%s(%s)", port, value_name(a));
        }
    }
    for (int k = 0; k < p->axis; k++) {
        const struct axi *a = &p->axi[k];
        fprintf(f, ",\n    .%s(%s)", a->name, value_name(argument(i, a->parameter)));
        if (a->stores)
            fprintf(f, ", .%s_idle(%s_%s_idle)", a->name, i->name, a->name);
    }
    for (int k = 0; k < p->streams; k++) {
        const struct stream *s = &p->stream[k];
        print_stream_connections(f, s->in, s->name, outer_name(d, i, s));
        fprintf(f, ", .%s_wait(%s_%s_wait)", s->name, i->name, s->name);
    }
    fprintf(f, ");\n");
}

static void emit_top(const struct design *d, FILE *f)
{
    fprintf(f, "// %s, line %d: the whole\nmodule %s (\n", d->name, place_of(d->source->top).line,
            d->name);
    emit_top_ports(d, f);
    fprintf(f, "\n);\n  reg busy;\n  assign ap_idle = ~busy;\n");
    emit_channels(d, f);
    for (int i = 0; i < d->instances; i++)
        emit_instance(d, &d->instance[i], f);
    char *all = NULL;
    fprintf(f, "\n");
    for (int i = 0; i < d->instances; i++)
        fprintf(f, "  reg %s_ended;\n", d->instance[i].name);
    fprintf(f, "  always @(posedge clk) begin\n");
    for (int i = 0; i < d->instances; i++) {
        const struct instance *x = &d->instance[i];
        fprintf(
            f,
            "    if (rst | ap_start) %s_ended <= 1'b0;\n    else if (%s_done) %s_ended <= 1'b1;\n",
            x->name, x->name, x->name);
        if (x->process->returns) /* one that runs for ever is not waited for */
            all = and_text(text("(%s_ended | %s_done)", x->name, x->name), all);
    }
    fprintf(f,
            "    ap_done <= busy & %s;\n    if (rst) busy <= 1'b0;\n    else if (ap_start) busy <= "
            "1'b1;\n"
            "    else if (%s) busy <= 1'b0;\n  end\n",
            all ? all : "1'b0", all ? all : "1'b0");
    if (d->source->dataflow)
        emit_deadlock(d, f);
    if (d->shell) {
        emit_watch(d, f);
        emit_errors(d, f);
    }
    fprintf(f, "endmodule\n\n");
}

void design_emit(const struct design *d, FILE *out)
{
    fprintf(out,
            "// Made by hlsc of %s for a clock of %g ns (%s).\n"
            "/* verilator lint_off DECLFILENAME */\n/* verilator lint_off UNUSED */\n"
            "/* verilator lint_off PINCONNECTEMPTY */\n",
            d->source->options.source, d->source->options.clock_ns,
            d->source->options.target->name);
    /* One process alone has nothing to wait for. */
    const bool rests = d->processes > 1;
    if (rests)
        emit_rests(out);
    fprintf(out, "\n");
    for (int i = 0; i < d->processes; i++) {
        if (!d->source->dataflow)
            d->process[i]->name = text("%s_process", d->process[i]->name);
        emit(d->process[i], rests, out);
        if (!d->source->dataflow)
            d->process[i]->name = d->name;
    }
    emit_top(d, out);
    if (d->shell)
        emit_shell(d, out);
}
