#include "masters.h"

#include "base.h"
#include "ir.h"
#include "process.h"

static const char *const read_channels[][3] = {
    {"output", "63", "araddr"}, {"output", "7", "arlen"},  {"output", "2", "arsize"},
    {"output", "1", "arburst"}, {"output", "", "arvalid"}, {"input ", "", "arready"},
    {"input ", "D", "rdata"},   {"input ", "1", "rresp"},  {"input ", "", "rlast"},
    {"input ", "", "rvalid"},   {"output", "", "rready"},  {NULL, NULL, NULL}};

static const char *const write_channels[][3] = {
    {"output", "63", "awaddr"}, {"output", "7", "awlen"},  {"output", "2", "awsize"},
    {"output", "1", "awburst"}, {"output", "", "awvalid"}, {"input ", "", "awready"},
    {"output", "D", "wdata"},   {"output", "S", "wstrb"},  {"output", "", "wlast"},
    {"output", "", "wvalid"},   {"input ", "", "wready"},  {"input ", "1", "bresp"},
    {"input ", "", "bvalid"},   {"output", "", "bready"},  {NULL, NULL, NULL}};

static const char *range(const char *high, int width)
{
    if (!*high)
        return "";
    if (*high == 'D')
        return text("[%d:0] ", width - 1);
    if (*high == 'S')
        return text("[%d:0] ", width / 8 - 1);
    return text("[%s:0] ", high);
}

static void emit_channels(const struct axi *a, const char *name, bool writes, FILE *f,
                          bool connect_them)
{
    const char *const(*c)[3] = writes ? write_channels : read_channels;
    for (; (*c)[0]; c++)
        if (connect_them)
            fprintf(f, ",\n    .m_axi_%s_%s(m_axi_%s_%s)", name, (*c)[2], name, (*c)[2]);
        else
            fprintf(f, ",\n  %s wire %sm_axi_%s_%s", (*c)[0], range((*c)[1], a->width), name,
                    (*c)[2]);
}

void emit_axi_ports(const struct design *d, FILE *f, bool connect_them)
{
    for (int i = 0; i < d->instances; i++)
        for (int k = 0; k < d->instance[i].process->axis; k++) {
            const struct axi *a = &d->instance[i].process->axi[k];
            const char *name = value_name(argument(&d->instance[i], a->parameter));
            if (a->loads)
                emit_channels(a, name, false, f, connect_them);
            if (a->stores)
                emit_channels(a, name, true, f, connect_them);
        }
}

/* Calls each (NULL: nothing) for every direction of every master, in the order of the bits of
 * `errors`; returns how many there are. */
static int each_direction(const struct design *d,
                          void (*each)(const struct instance *i, const struct axi *a, bool writes,
                                       int bit, FILE *f),
                          FILE *f)
{
    int bit = 0;
    for (int i = 0; i < d->instances; i++)
        for (int k = 0; k < d->instance[i].process->axis; k++) {
            const struct axi *a = &d->instance[i].process->axi[k];
            for (int writes = 0; writes < 2; writes++) {
                if (!(writes ? a->stores : a->loads))
                    continue;
                if (each)
                    each(&d->instance[i], a, writes, bit, f);
                bit++;
            }
        }
    return bit;
}

int master_count(const struct design *d)
{
    return each_direction(d, NULL, NULL);
}

static void emit_error(const struct instance *i, const struct axi *a, bool writes, int bit, FILE *f)
{
    fprintf(f, "  assign errors[%d] = %s_%s_%s_error;\n", bit, i->name, a->name,
            writes ? "w" : "r");
}

void emit_errors(const struct design *d, FILE *f)
{
    if (!each_direction(d, emit_error, f))
        fprintf(f, "  assign errors = 1'b0;\n");
}

static void list_error(const struct instance *i, const struct axi *a, bool writes, int bit, FILE *f)
{
    fprintf(f, "error %d %s %s\n", bit, value_name(argument(i, a->parameter)),
            writes ? "write" : "read");
}

void list_errors(const struct design *d, FILE *f)
{
    each_direction(d, list_error, f);
}

static void emit_master(const struct axi *a, const char *u, const char *port, bool writes, FILE *f)
{
    const char *request = writes ? "aw" : "ar", *data = writes ? "w" : "r";
    fprintf(f, "  wire [95:0] %s_%s_din;\n  wire %s_%s_full_n, %s_%s_write, %s_%s_error;\n", u,
            request, u, request, u, request, u, data);
    if (writes)
        fprintf(f, "  wire [%d:0] %s_w_din;\n  wire %s_w_full_n, %s_w_write, %s_idle;\n",
                a->width - 1, u, u, u, u);
    else
        fprintf(f, "  wire [%d:0] %s_r_dout;\n  wire %s_r_empty_n, %s_r_read;\n", a->width - 1, u,
                u, u);
    fprintf(f,
            "  hls_axi_%s #(.WIDTH(%d)) %s_%s (.clk(clk), .rst(rst),\n"
            "    .req_addr(%s_%s_din[63:0]), .req_beats(%s_%s_din[95:64]), "
            ".req_write(%s_%s_write), .req_full_n(%s_%s_full_n)",
            writes ? "write" : "read", a->width, u, data, u, request, u, request, u, request, u,
            request);
    fprintf(f,
            writes ? ",\n    .din(%s_w_din), .write(%s_w_write), .full_n(%s_w_full_n)"
                   : ",\n    .dout(%s_r_dout), .read(%s_r_read), .empty_n(%s_r_empty_n)",
            u, u, u);
    fprintf(f, ",\n    .idle(%s), .error(%s_%s_error)", writes ? text("%s_idle", u) : "", u, data);
    const char *const(*c)[3] = writes ? write_channels : read_channels;
    for (; (*c)[0]; c++)
        fprintf(f, ",\n    .m_axi_%s(m_axi_%s_%s)", (*c)[2], port, (*c)[2]);
    fprintf(f, ");\n");
}

void emit_masters(const struct instance *i, FILE *f)
{
    for (int k = 0; k < i->process->axis; k++) {
        const struct axi *a = &i->process->axi[k];
        const char *port = value_name(argument(i, a->parameter)),
                   *u = text("%s_%s", i->name, a->name);
        if (a->loads)
            emit_master(a, u, port, false, f);
        if (a->stores)
            emit_master(a, u, port, true, f);
    }
}
