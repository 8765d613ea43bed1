#include "shell.h"

#include "base.h"
#include "masters.h"
#include "verilog.h"
#include "waits.h"

static const char *const lite[][2] = {
    {"input  wire [11:0]", "awaddr"}, {"input  wire", "awvalid"},
    {"output wire", "awready"},       {"input  wire [31:0]", "wdata"},
    {"input  wire [3:0]", "wstrb"},   {"input  wire", "wvalid"},
    {"output wire", "wready"},        {"output wire [1:0]", "bresp"},
    {"output wire", "bvalid"},        {"input  wire", "bready"},
    {"input  wire [11:0]", "araddr"}, {"input  wire", "arvalid"},
    {"output wire", "arready"},       {"output wire [31:0]", "rdata"},
    {"output wire [1:0]", "rresp"},   {"output wire", "rvalid"},
    {"input  wire", "rready"}};

int list_registers(const struct design *d, FILE *f, const char *format)
{
    const int result = result_width(d);
    int words = 0;
    const int offset = 0x10 + (result > 32 ? 12 : result ? 8 : 0);
    for (int k = 0; k < parameter_count(d); k++) {
        int w = scalar_width(d, k);
        if (!w)
            continue;
        fprintf(f, format, parameter_name(d, k), offset + 4 * words, w);
        words += w > 32 ? 3 : 2;
    }
    return words;
}

static void emit_shell_ports(const struct design *d, FILE *f)
{
    for (size_t i = 0; i < sizeof lite / sizeof *lite; i++)
        fprintf(f, ",\n  %s s_axi_%s", lite[i][0], lite[i][1]);
    for (int i = 0; i < d->channels; i++) {
        const struct channel *c = &d->channel[i];
        if (c->outside)
            print_stream_ports(f, c->in, c->width, c->name);
    }
    emit_axi_ports(d, f, false);
}

/* The registers; words of arguments. */
static void emit_lite(const struct design *d, int words, FILE *f)
{
    const int result = result_width(d), result_words = result > 32 ? 2 : result > 0,
              waits = wait_count(d), errors = max_int(master_count(d), 1);
    fprintf(f,
            "\n);\n  wire clk = ap_clk, rst = ~ap_rst_n;\n  wire ap_start, ap_done, ap_idle;\n"
            "  wire [%d:0] args;\n  wire [%d:0] ret;\n",
            max_int(32 * words, 32) - 1, max_int(32 * result_words, 1) - 1);
    if (result)
        fprintf(f,
                result < 32 * result_words
                    ? "  wire [%d:0] ap_return;\n  assign ret = {%d'd0, ap_return};\n"
                    : "  wire [%d:0] ap_return;\n  assign ret = ap_return;\n",
                result - 1, 32 * result_words - result);
    else
        fprintf(f, "  assign ret = 1'b0;\n");
    fprintf(f,
            "  wire moves;\n  wire [%d:0] waits;\n  wire [%d:0] errors;\n"
            "  hls_axi_lite #(.ARG_WORDS(%d), .RETURN_WORDS(%d), .WAITS(%d), .ERRORS(%d)) lite "
            "(.clk(clk), .rst(rst),\n    .moves(moves), .waits(waits), .errors(errors), "
            ".interrupt(interrupt), "
            ".ap_start(ap_start), .ap_done(ap_done), .ap_idle(ap_idle), "
            ".args(args), .ret(ret)",
            waits - 1, errors - 1, words, result_words, waits, errors);
    for (size_t i = 0; i < sizeof lite / sizeof *lite; i++)
        fprintf(f, ",\n    .s_axi_%s(s_axi_%s)", lite[i][1], lite[i][1]);
    fprintf(f, ");\n");
}

static void emit_core(const struct design *d, FILE *f)
{
    fprintf(f,
            "  %s core (.clk(clk), .rst(rst), .ap_start(ap_start), .ap_done(ap_done), "
            ".ap_idle(ap_idle),\n    .moves(moves), .waits(waits), .errors(errors)",
            d->name);
    if (result_width(d))
        fprintf(f, ", .ap_return(ap_return)");
    int at = 0;
    for (int k = 0; k < parameter_count(d); k++) {
        int w = scalar_width(d, k);
        if (!w)
            continue;
        fprintf(f, ",\n    .%s(args[%d:%d])", parameter_name(d, k), 32 * at + w - 1, 32 * at);
        at += w > 32 ? 3 : 2;
    }
    for (int i = 0; i < d->channels; i++) {
        const struct channel *c = &d->channel[i];
        if (c->outside)
            print_stream_connections(f, c->in, c->name, c->name);
    }
    emit_axi_ports(d, f, true);
    fprintf(f, ");\n");
}

void emit_shell(const struct design *d, FILE *f)
{
    fprintf(
        f,
        "// %s behind AXI4-Lite control (ap_ctrl_hs); registers:\n//   0x00 control, 0x04 global "
        "interrupt enable, 0x08 interrupt enable, 0x0c interrupt status\n",
        d->name);
    if (result_width(d))
        fprintf(f, "//   0x10 return value\n");
    const int words = list_registers(d, f, "//   %s: 0x%02x, %d bits\n");
    fprintf(
        f,
        "module %s_axi (\n  input  wire ap_clk,\n  input  wire ap_rst_n,\n  output wire interrupt",
        d->name);
    emit_shell_ports(d, f);
    emit_lite(d, words, f);
    emit_core(d, f);
    fprintf(f, "endmodule\n");
}
