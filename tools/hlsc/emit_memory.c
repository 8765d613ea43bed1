#include "emit_memory.h"

#include "base.h"
#include "emit_register.h"
#include "memory.h"
#include "mux.h"
#include "promise.h"
#include "verilog.h"

#include <string.h>

static bool in_registers(const struct memory *m)
{
    return m->kind == MEMORY_REGISTERS;
}

static char *bank_name(const struct emitter *e, int memory, int bank)
{
    return text("m%d_%s_%d", memory, e->p->memory[memory].name, bank);
}

char *memory_output(struct emitter *e, const struct node *load)
{
    const struct memory *m = &e->p->memory[load->memory];
    if (in_registers(m))
        return load->kept < m->kept
                   ? text("%s[%d:0]", bank_name(e, load->memory, load->bank), load->kept - 1)
                   : bank_name(e, load->memory, load->bank);
    int low = load->bank * m->kept;
    return text("m%d_q%d[%d:%d]", load->memory, load->port, low + load->kept - 1, low);
}

static uint64_t initial(const struct memory *m, int bank, int row)
{
    long element = element_at(m, bank, row);
    uint64_t v = element == NONE ? 0 : memory_initial(m, element);
    return m->kept >= 64 ? v : v & ((1ull << m->kept) - 1);
}

static void emit_register_bank(struct emitter *e, int memory, int bank)
{
    const struct memory *m = &e->p->memory[memory];
    const char *name = bank_name(e, memory, bank);
    fprintf(e->declarations, "  reg [%d:0] %s;\n  initial %s = %d'h%llx;\n", m->kept - 1, name,
            name, m->kept, (unsigned long long)initial(m, bank, 0));
    for (int i = 0; i < e->p->nodes; i++) {
        const struct node *n = &e->p->node[i];
        if (n->op == OP_STORE && n->memory == memory && n->bank == bank)
            set_register(e, name, m->kept, and_text(enable_text(e, n), guard_text(e, n)),
                         value_text(e, n->in[1], m->kept, n->region, n->cycle));
    }
}

struct port {
    char *address, *enable, *read, *write; /* NULL: not used */
};

struct bank {
    struct port port[2]; /* simple: [0] reads, [1] writes; else the two ports */
    char *data[2];
};

static struct bank bank_ports(struct emitter *e, int memory, int bank)
{
    const struct memory *m = &e->p->memory[memory];
    struct bank b = {0};
    struct mux address[2] = {{0}}, data[2] = {{0}};
    for (int i = 0; i < e->p->nodes; i++) {
        const struct node *n = &e->p->node[i];
        if (n->memory != memory || n->bank != bank || (n->op == OP_LOAD && !n->kept))
            continue;
        bool store = n->op == OP_STORE;
        int k = m->kind == MEMORY_SIMPLE ? store : n->port;
        drive(e, &address[k], n, value_text(e, n->in[0], address_bits(m), n->region, n->cycle));
        char *enable = text("(%s)", and_text(enable_text(e, n), store ? guard_text(e, n) : NULL));
        or_into(&b.port[k].enable, enable);
        if (!store)
            or_into(&b.port[k].read, enable);
        else {
            or_into(&b.port[k].write, enable);
            drive(e, &data[k], n, value_text(e, n->in[1], m->kept, n->region, n->cycle));
        }
    }
    for (int k = 0; k < 2; k++) {
        b.port[k].address = mux_text(&address[k], address_bits(m), e->small_tables);
        b.data[k] = mux_text(&data[k], m->kept, e->small_tables);
    }
    return b;
}

/* May a load and a store be at the same address in the same cycle? Regions never run at once. */
static bool may_meet(const struct process *p, const struct node *load, const struct node *store)
{
    if (load->region != store->region)
        return false;
    const struct region *r = &p->region[load->region];
    const int apart = store->cycle - load->cycle;
    if (!r->pipelined || !apart)
        return !apart;
    return apart % r->ii == 0 && !promised(r->promises, p->memory[load->memory].name);
}

static bool ports_meet(const struct process *p, int memory)
{
    bool meet = false;
    for (int i = 0; i < p->nodes; i++)
        for (int k = 0; p->node[i].op == OP_LOAD && p->node[i].memory == memory && k < p->nodes;
             k++)
            meet |= p->node[k].op == OP_STORE && p->node[k].memory == memory &&
                    may_meet(p, &p->node[i], &p->node[k]);
    return meet;
}

/* Does no cycle both load and store? Then one port were enough. */
static bool takes_turns(const struct process *p, int memory)
{
    for (int i = 0; i < p->nodes; i++)
        for (int k = 0; p->node[i].op == OP_LOAD && p->node[i].memory == memory && k < p->nodes;
             k++) {
            const struct node *load = &p->node[i], *store = &p->node[k];
            if (store->op == OP_STORE && store->memory == memory && store->region == load->region &&
                (p->region[load->region].pipelined || store->cycle == load->cycle))
                return false;
        }
    return true;
}

static bool same_text(const char *a, const char *b)
{
    return a == b || (a && b && !strcmp(a, b));
}

static bool same_ports(const struct bank *a, const struct bank *b)
{
    for (int k = 0; k < 2; k++)
        if (!same_text(a->port[k].address, b->port[k].address) ||
            !same_text(a->port[k].enable, b->port[k].enable) ||
            !same_text(a->port[k].write, b->port[k].write))
            return false;
    return true;
}

/* The same but for which of them are written. */
static bool same_but_written(const struct bank *a, const struct bank *b)
{
    for (int k = 0; k < 2; k++)
        if (!same_text(a->port[k].address, b->port[k].address) ||
            !same_text(a->port[k].read, b->port[k].read))
            return false;
    return true;
}

static const char *or_never(const char *s)
{
    return s ? s : "1'b0";
}

/* What a port of the banks first .. writes, as the name of a net with a bit for each; NULL:
 * nothing. */
static char *write_lanes(const char *name, int first, int banks, int k, const struct bank *bank)
{
    for (int b = 0; b < banks; b++)
        if (bank[first + b].port[k].write)
            return text("%s_w%d", name, k);
    return NULL;
}

/* A module of its own for contents that are not zero: two readers, or a reader and a writer. */
static char *emit_initialised(struct emitter *e, int memory, int first, int banks, bool writes,
                              bool second)
{
    const struct memory *m = &e->p->memory[memory];
    int width = m->kept * banks, a = address_bits(m);
    bool bypass = m->bypass && writes;
    char *name = text("%s_%s_%d", e->p->name, m->name, first);
    FILE *f = e->out;
    fprintf(f,
            "module %s_%d (\n  input  wire clk,\n  input  wire [%d:0] ra,\n  input  wire re,\n"
            "  output %s [%d:0] q",
            name, memory, a - 1, bypass ? "wire" : "reg ", width - 1);
    if (second)
        fprintf(f, ",\n  input  wire [%d:0] rb,\n  input  wire reb,\n  output reg  [%d:0] qb",
                a - 1, width - 1);
    if (writes)
        fprintf(f, ",\n  input  wire [%d:0] wa,\n  input  wire we,\n  input  wire [%d:0] wd", a - 1,
                width - 1);
    fprintf(f, "\n);\n  %sreg [%d:0] memory [0:%d];\n  initial begin\n",
            writes && !ports_meet(e->p, memory) ? "(* no_rw_check *) " : "", width - 1,
            m->depth - 1);
    for (int row = 0; row < m->depth; row++) {
        fprintf(f, "    memory[%d] = {", row);
        for (int b = banks - 1; b >= 0; b--)
            fprintf(f, "%d'h%llx%s", m->kept, (unsigned long long)initial(m, first + b, row),
                    b ? ", " : "};\n");
    }
    fprintf(f, "  end\n");
    if (bypass)
        fprintf(
            f,
            "  reg [%d:0] old, new_word;\n  reg hit;\n  assign q = hit ? new_word : old;\n"
            "  always @(posedge clk) if (re) begin\n    old <= memory[ra];\n    new_word <= wd;\n"
            "    hit <= we & (wa == ra);\n  end\n",
            width - 1);
    else
        fprintf(f, "  always @(posedge clk) if (re) q <= memory[ra];\n");
    if (second)
        fprintf(f, "  always @(posedge clk) if (reb) qb <= memory[rb];\n");
    if (writes)
        fprintf(f, "  always @(posedge clk) if (we) memory[wa] <= wd;\n");
    fprintf(f, "endmodule\n\n");
    return text("%s_%d", name, memory);
}

static const char *or_zero(const char *s, int width)
{
    return s ? s : text("%d'd0", width);
}

/* Nets for the ports of banks first .. first+banks-1, which are one RAM. */
static void emit_port_nets(struct emitter *e, int memory, int first, int banks,
                           const struct bank *bank)
{
    const struct memory *m = &e->p->memory[memory];
    int width = m->kept * banks, a = address_bits(m);
    const char *n = bank_name(e, memory, first);
    char *data[2] = {NULL, NULL};
    for (int k = 0; k < 2; k++)
        for (int b = banks - 1; b >= 0; b--) {
            const char *d = or_zero(bank[first + b].data[k], m->kept);
            data[k] = data[k] ? text("%s,\n      %s", data[k], d) : text("%s", d);
        }
    for (int k = 0; k < 2; k++) {
        const struct port *port = &bank[first].port[k];
        const char *write = m->lanes ? write_lanes(n, first, banks, k, bank) : NULL;
        declare(e, "wire", a, text("%s_a%d", n, k));
        declare(e, "wire", 1, text("%s_e%d", n, k));
        fprintf(e->logic, "  assign %s_a%d = %s;\n", n, k, or_zero(port->address, a));
        if (!write)
            fprintf(e->logic, "  assign %s_e%d = %s;\n", n, k, or_never(port->enable));
        else {
            declare(e, "wire", banks, write);
            for (int b = 0; b < banks; b++)
                fprintf(e->logic, "  assign %s[%d] = %s;\n", write, b,
                        or_never(bank[first + b].port[k].write));
            fprintf(e->logic, "  assign %s_e%d = %s | (|%s);\n", n, k, or_never(port->read), write);
        }
        if (m->kind == MEMORY_ROM || (m->kind == MEMORY_SIMPLE && !k))
            continue;
        declare(e, "wire", width, text("%s_d%d", n, k));
        fprintf(e->logic, "  assign %s_d%d = {%s};\n", n, k, data[k]);
    }
}

/* The RAM or ROM itself. */
static void emit_instance(struct emitter *e, int memory, int first, int banks,
                          const struct bank *bank, bool initialised)
{
    const struct memory *m = &e->p->memory[memory];
    const int width = m->kept * banks, a = address_bits(m), low = first * m->kept,
              high = low + width - 1;
    const struct port *x = &bank[first].port[0], *y = &bank[first].port[1];
    const bool simple = m->kind == MEMORY_SIMPLE, rom = m->kind == MEMORY_ROM;
    const char *n = bank_name(e, memory, first);
    if (initialised || rom) {
        bool writes = simple && y->enable, second = rom && y->enable;
        char *module = emit_initialised(e, memory, first, banks, writes, second);
        fprintf(e->logic, "  %s u_%s (.clk(clk), .ra(%s_a0), .re(%s_e0), .q(m%d_q0[%d:%d])", module,
                n, n, n, memory, high, low);
        if (second)
            fprintf(e->logic, ", .rb(%s_a1), .reb(%s_e1), .qb(m%d_q1[%d:%d])", n, n, memory, high,
                    low);
        if (writes)
            fprintf(e->logic, ", .wa(%s_a1), .we(%s_e1), .wd(%s_d1)", n, n, n);
        fprintf(e->logic, ");\n");
        return;
    }
    const char *xw = x->write, *yw = y->write;
    if (m->lanes) {
        xw = write_lanes(n, first, banks, 0, bank);
        yw = write_lanes(n, first, banks, 1, bank);
    }
    const char *style = m->style ? text(", .STYLE(\"%s\")", m->style) : "";
    if (simple && (m->lanes || m->style)) {
        fprintf(e->logic,
                "  hls_ram_lanes #(.WIDTH(%d), .LANES(%d), .DEPTH(%d), .AWIDTH(%d), .BYPASS(%d), "
                ".MEETS(%d)%s) u_%s (.clk(clk),\n"
                "    .ra(%s_a0), .re(%s_e0), .q(m%d_q0[%d:%d]), .wa(%s_a1), .we(%s), "
                ".wd(%s_d1));\n",
                m->lanes ? m->kept : width, m->lanes ? banks : 1, m->depth, a,
                m->bypass && !e->p->source->options.break_bypass, ports_meet(e->p, memory), style,
                n, n, n, memory, high, low, n, m->lanes ? yw : text("%s_e1", n), n);
        return;
    }
    if (simple) {
        fprintf(
            e->logic,
            "  hls_ram_sdp #(.WIDTH(%d), .DEPTH(%d), .AWIDTH(%d), .BYPASS(%d), .MEETS(%d), "
            ".TURNS(%d)) u_%s (.clk(clk),\n"
            "    .ra(%s_a0), .re(%s_e0), .q(m%d_q0[%d:%d]), .wa(%s_a1), .we(%s_e1), .wd(%s_d1));\n",
            width, m->depth, a, m->bypass && !e->p->source->options.break_bypass,
            ports_meet(e->p, memory), takes_turns(e->p, memory), n, n, n, memory, high, low, n, n,
            n);
        return;
    }
    const char *lanes = m->lanes ? text(", .LANES(%d)", banks) : "",
               *none = m->lanes ? text("%d'd0", banks) : "1'b0";
    fprintf(e->logic,
            "  hls_ram_tdp%s #(.WIDTH(%d), .DEPTH(%d), .AWIDTH(%d)%s%s) u_%s (.clk(clk),\n"
            "    .a_addr(%s_a0), .a_en(%s_e0), .a_we(%s), .a_wd(%s_d0), .a_q(m%d_q0[%d:%d]),\n"
            "    .b_addr(%s_a1), .b_en(%s_e1), .b_we(%s), .b_wd(%s_d1), .b_q(m%d_q1[%d:%d]));\n",
            m->lanes || m->style ? "_lanes" : "", m->lanes ? m->kept : width, m->depth, a, lanes,
            style, n, n, n, xw ? xw : none, n, memory, high, low, n, n, yw ? yw : none, n, memory,
            high, low);
}

static void emit_memory(struct emitter *e, int memory)
{
    struct memory *m = &e->p->memory[memory];
    if (!m->kept)
        return;
    if (in_registers(m)) {
        for (int b = 0; b < m->banks; b++)
            emit_register_bank(e, memory, b);
        return;
    }
    struct bank *bank = take((size_t)m->banks * sizeof *bank);
    bool same = true, alike = m->kind != MEMORY_ROM, initialised = memory_has_initial(m);
    if (initialised && m->kind == MEMORY_TRUE_DUAL)
        fail(m->where, "`%s` has initial values and two ports that write; initialise it in a loop",
             m->name);
    for (int b = 0; b < m->banks; b++) {
        bank[b] = bank_ports(e, memory, b);
        same &= same_ports(&bank[0], &bank[b]);
        alike &= same_but_written(&bank[0], &bank[b]);
    }
    for (int k = 0; k < (m->kind == MEMORY_SIMPLE ? 1 : 2); k++)
        declare(e, "wire", m->kept * m->banks, text("m%d_q%d", memory, k));
    m->lanes = alike && !same && !initialised;
    m->merged = m->lanes || (same && m->banks > 1);
    const int step = m->merged ? m->banks : 1;
    for (int b = 0; b < m->banks; b += step)
        if (m->merged || bank[b].port[0].enable || bank[b].port[1].enable) {
            emit_port_nets(e, memory, b, step, bank);
            emit_instance(e, memory, b, step, bank, initialised);
        }
}

void emit_memories(struct emitter *e)
{
    for (int i = 0; i < e->p->memories; i++)
        emit_memory(e, i);
}
