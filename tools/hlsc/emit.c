/* A scheduled process as one Verilog module.
 *
 * A pipelined loop is a row of stages, one per cycle of its schedule; `p0_v3` says that stage 3 of
 * loop 0 holds an iteration, `p0_go3` that the stage may advance. A stage that waits (for a token,
 * or for room) stops the stages before it, while those behind it drain: what C has written before
 * it waits is written here too. Everything else is a state machine with one bit per state. */
#include "emit.h"

#include "binding.h"
#include "value.h"
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

/* ---- names ----------------------------------------------------------------------------------- */

static const char *const keywords[] = {
    "always",    "and",          "assign",     "automatic",   "begin",       "buf",
    "case",      "casex",        "casez",      "cell",        "cmos",        "config",
    "deassign",  "default",      "defparam",   "design",      "disable",     "edge",
    "else",      "end",          "endcase",    "endconfig",   "endfunction", "endgenerate",
    "endmodule", "endprimitive", "endspecify", "endtable",    "endtask",     "event",
    "for",       "force",        "forever",    "fork",        "function",    "generate",
    "genvar",    "if",           "ifnone",     "incdir",      "include",     "initial",
    "inout",     "input",        "instance",   "integer",     "join",        "large",
    "liblist",   "library",      "localparam", "macromodule", "medium",      "module",
    "nand",      "negedge",      "nmos",       "nor",         "not",         "notif0",
    "notif1",    "or",           "output",     "parameter",   "pmos",        "posedge",
    "primitive", "pull0",        "pull1",      "real",        "realtime",    "reg",
    "release",   "repeat",       "scalared",   "signed",      "small",       "specify",
    "strong0",   "strong1",      "supply0",    "supply1",     "table",       "task",
    "time",      "tran",         "tri",        "tri0",        "tri1",        "unsigned",
    "use",       "vectored",     "wait",       "wand",        "weak0",       "weak1",
    "while",     "wire",         "wor",        "xnor",        "xor",         "logic",
    "bit",       "byte",         "int",        "do",          "class",       "new",
    "null",      "this",         "unique",     "priority",    "static",      "final",
    "clk",       "rst",          "state",      "ap_start",    "ap_done",     "ap_idle",
    "ap_return"};

const char *port_name(const char *name, struct place where)
{
    for (size_t i = 0; i < sizeof keywords / sizeof *keywords; i++)
        if (!strcmp(name, keywords[i]))
            fail(where, "the parameter `%s` is a word of Verilog or of hlsc; rename it", name);
    return name;
}

static char *identifier(const char *name)
{
    char *s = text("%s", name);
    for (char *c = s; *c; c++)
        if (!isalnum((unsigned char)*c))
            *c = '_';
    return s;
}

static const char *short_op(enum op op)
{
    static const char *const names[] = {
        [OP_PHI] = "phi",     [OP_ADD] = "add",    [OP_SUB] = "sub",   [OP_MUL] = "mul",
        [OP_AND] = "and",     [OP_OR] = "or",      [OP_XOR] = "xor",   [OP_NOT] = "not",
        [OP_SHL] = "shl",     [OP_LSHR] = "shr",   [OP_ASHR] = "sar",  [OP_EQ] = "eq",
        [OP_NE] = "ne",       [OP_ULT] = "lt",     [OP_ULE] = "le",    [OP_SLT] = "slt",
        [OP_SLE] = "sle",     [OP_SELECT] = "sel", [OP_LOAD] = "load", [OP_READ] = "read",
        [OP_EMPTY] = "empty", [OP_COUNT] = "count"};
    return names[op];
}

/* The net that holds a node's value in the cycle in which it is ready. */
static const char *net(struct emitter *e, int node)
{
    if (!e->net[node]) {
        const struct node *n = &e->p->node[node];
        const char *base = n->name ? identifier(n->name) : "";
        e->net[node] = text("n%d_%s%s%s", node, short_op(n->op), *base ? "_" : "", base);
    }
    return e->net[node];
}

/* ---- values as seen from a region and cycle -------------------------------------------------- */

static char *literal(uint64_t value, int width)
{
    return text("%d'h%llx", width, (unsigned long long)value);
}

static void note_use(struct emitter *e, int node, int region, int cycle)
{
    const int at = region == NONE ? e->leaving : region;
    const struct region *r = &e->p->region[at];
    register_use(e, node, r->pipelined ? r->state : r->state + cycle);
}

/* The register or net in which a node is found there. */
static const char *holder(struct emitter *e, int node, int region, int cycle)
{
    struct node *n = &e->p->node[node];
    const struct region *r = &e->p->region[n->region];
    if (n->op == OP_INPUT)
        return n->name;
    if (n->region != region) {
        if (!r->pipelined)
            note_use(e, node, region, cycle);
        if (!r->pipelined && n->op == OP_PHI)
            return net(e, node);
        if (r->pipelined) {
            n->kept_after = true;
            return text("%s_out", net(e, node));
        }
        n->held = true;
        return text("%s_q", net(e, node));
    }
    if (!r->pipelined) {
        if (n->op == OP_PHI || cycle > n->ready)
            note_use(e, node, region, cycle);
        if (n->op == OP_PHI || cycle == n->ready)
            return net(e, node);
        n->held = true;
        return text("%s_q", net(e, node));
    }
    int late = cycle - n->ready;
    n->copies = max_int(n->copies, late);
    return late > 0 ? text("%s_d%d", net(e, node), late) : net(e, node);
}

static char *bits(struct emitter *e, struct wire w, int region, int cycle)
{
    const struct node *n = &e->p->node[w.node];
    if (n->op == OP_CONST)
        return w.sign ? text("{%d{1'b%d}}", w.width, (int)(n->value >> w.low & 1))
                      : literal(n->value >> w.low & (w.width >= 64 ? ~0ull : (1ull << w.width) - 1),
                                w.width);
    const char *name = holder(e, w.node, region, cycle);
    if (w.sign)
        return text("{%d{%s[%d]}}", w.width, name, w.low);
    if (w.low == 0 && w.width == n->kept)
        return text("%s", name);
    return w.width == 1 ? text("%s[%d]", name, w.low)
                        : text("%s[%d:%d]", name, w.low + w.width - 1, w.low);
}

/* A node's low bits as an expression of exactly `width` bits. */
char *value_text(struct emitter *e, int node, int width, int region, int cycle)
{
    const struct process *p = e->p;
    int whole = min_int(width, p->node[node].width), count, pieces = 0;
    struct wire *w = take((size_t)(whole + 1) * 2 * sizeof *w), *out = w + whole + 1;
    count = segments(p, node, 0, whole, w);
    int zeros = width - whole;
    char *s = NULL;
    /* Bits that a node does not keep are zero. */
    for (int i = count - 1; i >= 0; i--) {
        const struct node *n = &p->node[w[i].node];
        int kept = n->op == OP_CONST ? n->width : n->kept,
            there = min_int(w[i].width, kept - w[i].low);
        if (w[i].sign)
            there = w[i].low < kept ? w[i].width : 0;
        there = max_int(there, 0);
        uint64_t v;
        if (is_const(p, w[i].node, &v) && !w[i].sign && (v >> w[i].low) == 0)
            there = 0;
        if (is_const(p, w[i].node, &v) && w[i].sign && !(v >> w[i].low & 1))
            there = 0;
        zeros += w[i].width - there;
        if (!there)
            continue;
        if (zeros) {
            s = text("%s%s%d'd0", s ? s : "", s ? ", " : "", zeros);
            pieces++;
        }
        zeros = 0;
        out[0] = w[i];
        out[0].width = there;
        s = text("%s%s%s", s ? s : "", s ? ", " : "", bits(e, out[0], region, cycle));
        pieces++;
    }
    if (zeros) {
        s = text("%s%s%d'd0", s ? s : "", s ? ", " : "", zeros);
        pieces++;
    }
    return pieces > 1 ? text("{%s}", s) : s;
}

/* ---- expressions ----------------------------------------------------------------------------- */

static char *operand(struct emitter *e, const struct node *n, int k, int width)
{
    return value_text(e, n->in[k], width, n->region, n->cycle);
}

/* Bits that a node needs as a signed number. */
static int signed_width(const struct process *p, int node)
{
    const int width = p->node[node].width;
    uint64_t v;
    if (is_const(p, node, &v)) {
        const int64_t s = (int64_t)(v << (64 - width)) >> (64 - width);
        return bits_of((uint64_t)(s < 0 ? ~s : s)) + 1;
    }
    const struct narrow w = narrow_width(p, node, width);
    return min_int(width, w.width + !w.is_signed);
}

/* Whether operand k is less than a number, else at least as large: low bits that are zero in the
 * number need not be looked at. */
static char *compare_number(struct emitter *e, const struct node *n, int k, int64_t number,
                            int width, bool is_signed, bool less)
{
    const int zeros = __builtin_ctzll((uint64_t)number);
    char *x = operand(e, n, k, width);
    number >>= zeros;
    if (!is_signed && number == 1)
        return text("(%s >> %d) %s 0", x, zeros, less ? "==" : "!=");
    const char *const sign = less ? "<" : ">=";
    char *value = literal((uint64_t)number & (width < 64 ? (1ull << width) - 1 : ~0ull), width);
    return is_signed ? text("($signed(%s) >>> %d) %s $signed(%s)", x, zeros, sign, value)
                     : text("(%s >> %d) %s %s", x, zeros, sign, value);
}

static char *comparison(struct emitter *e, const struct node *n, const char *op, bool is_signed)
{
    const struct process *p = e->p;
    const int full = p->node[n->in[0]].width;
    int needed = 1, needed_signed = 1;
    for (int k = 0; k < 2; k++) {
        needed = max_int(needed, p->node[n->in[k]].significant);
        needed_signed = max_int(needed_signed, full <= 64 ? signed_width(p, n->in[k]) : full);
    }
    if (is_signed && needed < full) /* both are positive */
        is_signed = false;
    const int width = is_signed ? needed_signed : min_int(full, needed);
    for (int k = 0; k < 2 && *op == '<' && full <= 64; k++) {
        uint64_t v;
        if (!is_const(p, n->in[k], &v) || (!is_signed && v >> 62))
            continue;
        int64_t number = is_signed ? (int64_t)(v << (64 - full)) >> (64 - full) : (int64_t)v;
        number += (k == 1) == !strcmp(op, "<=");
        const int most =
            max_int(width, bits_of((uint64_t)(number < 0 ? ~number : number)) + is_signed);
        if (number && number % 2 == 0 && most <= full)
            return compare_number(e, n, !k, number, most, is_signed, k == 1);
    }
    return text(is_signed ? "$signed(%s) %s $signed(%s)" : "%s %s %s", operand(e, n, 0, width), op,
                operand(e, n, 1, width));
}

/* Multiplications keep their operands as narrow as they are: the product's width is for the tools.
 */
static char *product(struct emitter *e, const struct node *n)
{
    char *factor[2];
    for (int k = 0; k < 2; k++) {
        struct narrow w = narrow_width(e->p, n->in[k], n->kept);
        char *s = operand(e, n, k, w.width);
        factor[k] = w.is_signed ? text("$signed(%s)", s) : text("$signed({1'b0, %s})", s);
    }
    return text("%s * %s", factor[0], factor[1]);
}

static char *expression(struct emitter *e, int node)
{
    const struct process *p = e->p;
    const struct node *n = &p->node[node];
    static const char *const sign[] = {[OP_ADD] = "+", [OP_SUB] = "-", [OP_AND] = "&",
                                       [OP_OR] = "|",  [OP_XOR] = "^", [OP_SHL] = "<<"};
    int w = n->kept;
    switch (n->op) {
    case OP_ADD:
    case OP_SUB:
    case OP_AND:
    case OP_OR:
    case OP_XOR: return text("%s %s %s", operand(e, n, 0, w), sign[n->op], operand(e, n, 1, w));
    case OP_SHL:
        return text("%s << %s", operand(e, n, 0, w), operand(e, n, 1, p->node[n->in[1]].width));
    case OP_MUL: return product(e, n);
    case OP_NOT: return text("~%s", operand(e, n, 0, w));
    case OP_EQ: return comparison(e, n, "==", false);
    case OP_NE: return comparison(e, n, "!=", false);
    case OP_ULT: return comparison(e, n, "<", false);
    case OP_ULE: return comparison(e, n, "<=", false);
    case OP_SLT: return comparison(e, n, "<", true);
    case OP_SLE: return comparison(e, n, "<=", true);
    case OP_SELECT:
        return text("%s ? %s : %s", operand(e, n, 0, 1), operand(e, n, 1, w), operand(e, n, 2, w));
    case OP_READ: return text("%s_dout", p->stream[n->stream].name);
    case OP_EMPTY: return text("~%s_empty_n", p->stream[n->stream].name);
    case OP_COUNT: return text("%s", counter_name[n->counter]);
    case OP_LOAD: return text("%s", memory_output(e, n));
    default: abort();
    }
}

static void declare(struct emitter *e, const char *kind, int width, const char *name)
{
    fprintf(e->declarations, "  %s [%d:0] %s;\n", kind, width - 1, name);
}

void declare_net(struct emitter *e, int width, const char *name)
{
    declare(e, "wire", width, name);
}

static bool has_net(const struct node *n)
{
    return n->region != NONE && n->op != OP_PHI && n->op != OP_STORE && n->op != OP_WRITE &&
           n->kept;
}

static void emit_values(struct emitter *e)
{
    for (int i = 0; i < e->p->nodes; i++) {
        struct node *n = &e->p->node[i];
        if (!has_net(n))
            continue;
        declare(e, "wire", n->kept, net(e, i));
        if (n->op == OP_LSHR || n->op == OP_ASHR) { /* whole first, then the bits that count */
            int width =
                n->op == OP_ASHR ? n->width : max_int(n->kept, e->p->node[n->in[0]].significant);
            char *whole = text("%s_w", net(e, i));
            char *a = operand(e, n, 0, width), *by = operand(e, n, 1, e->p->node[n->in[1]].width);
            declare(e, "wire", width, whole);
            fprintf(e->logic,
                    n->op == OP_ASHR ? "  assign %s = $signed(%s) >>> %s;\n"
                                     : "  assign %s = %s >> %s;\n",
                    whole, a, by);
            fprintf(e->logic, "  assign %s = %s[%d:0];\n", net(e, i), whole, n->kept - 1);
        } else if (n->op == OP_MUL)
            fprintf(e->logic,
                    "  /* verilator lint_off WIDTH */\n  assign %s = %s;\n"
                    "  /* verilator lint_on WIDTH */\n",
                    net(e, i), expression(e, i));
        else
            fprintf(e->logic, "  assign %s = %s;\n", net(e, i), expression(e, i));
    }
}

/* ---- control --------------------------------------------------------------------------------- */

char *guard_text(struct emitter *e, const struct node *n)
{
    return n->guard == NONE ? NULL : value_text(e, n->guard, 1, n->region, n->cycle);
}

/* The node's stage or state holds something / and advances. */
char *active_text(const struct emitter *e, const struct node *n)
{
    const struct region *r = &e->p->region[n->region];
    return r->pipelined ? text("p%d_v%d", n->region, n->cycle)
                        : text("state[%d]", r->state + n->cycle);
}

char *enable_text(const struct emitter *e, const struct node *n)
{
    const struct region *r = &e->p->region[n->region];
    return r->pipelined ? text("p%d_e%d", n->region, n->cycle) : text("s%d_e", r->state + n->cycle);
}

char *and_text(const char *a, const char *b)
{
    return b ? text("%s & %s", a, b) : text("%s", a);
}

void or_into(char **list, const char *term)
{
    *list = *list ? text("%s | %s", *list, term) : text("%s", term);
}

void mux_add(struct emitter *e, struct mux *m, const struct node *n, char *value)
{
    /* Stages of a loop with II > 1 that share a port may both be there when one of them waits. */
    const struct region *r = &e->p->region[n->region];
    struct mux_way w = {r->pipelined && r->ii > 1 ? enable_text(e, n) : active_text(e, n),
                        guard_text(e, n), value};
    APPEND(m->way, m->ways, m->capacity, w);
}

static char *way_condition(const struct mux *m, int way)
{
    bool shared = false;
    for (int k = 0; k < m->ways; k++)
        shared |= k != way && !strcmp(m->way[k].active, m->way[way].active);
    return and_text(m->way[way].active, shared ? m->way[way].guard : NULL);
}

/* Only one is active. In a chain of choices the last needs no condition; small look-up tables hold
 * twice as much of a sum of products. */
char *mux_text(const struct emitter *e, const struct mux *m, int width)
{
    const bool sum = m->ways > 2 && e->p->source->options.target->lut_inputs == 4;
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

static bool is_transfer(const struct node *n)
{
    return n->op == OP_READ || n->op == OP_WRITE;
}

/* "There is no token" or "there is no room" for a read or write. */
static char *lacking(const struct emitter *e, const struct node *n)
{
    const char *name = e->p->stream[n->stream].name;
    if (n->after_writes)
        return text("(!%s_full_n | ~%s_idle)", name, n->name);
    return text("!%s_%s", name, n->op == OP_READ ? "empty_n" : "full_n");
}

/* What may stop a stage (or state): the transfers in it. */
static char *stall_text(struct emitter *e, const struct region *r, int cycle)
{
    char *list = NULL;
    for (int k = 0; k < r->nodes; k++) {
        const struct node *n = &e->p->node[r->node[k]];
        if (!is_transfer(n) || n->cycle != cycle ||
            (r->pipelined && cycle == 0 && n->op == OP_READ))
            continue;
        char *g = guard_text(e, n);
        or_into(&list, text("(%s)", and_text(and_text(active_text(e, n), g), lacking(e, n))));
    }
    return list;
}

/* Would a load behind the stopped stage overwrite the memory output that a stopped one still needs?
 */
static bool must_stop_all(const struct emitter *e, const struct region *r, int stage)
{
    const struct process *p = e->p;
    for (int a = 0; a < r->nodes; a++)
        for (int b = 0; b < r->nodes; b++) {
            const struct node *x = &p->node[r->node[a]], *y = &p->node[r->node[b]];
            if (x->op == OP_LOAD && y->op == OP_LOAD && x->memory == y->memory && x->kept &&
                y->kept && p->memory[x->memory].kind != MEMORY_REGISTERS && x->ready <= stage &&
                y->cycle > stage)
                return true;
        }
    return false;
}

static void emit_loop_control(struct emitter *e, int region)
{
    struct region *r = &e->p->region[region];
    FILE *f = e->logic;
    char *ready = NULL, *beyond = NULL, *everyone = NULL;
    char **stall = take((size_t)r->length * sizeof *stall);
    for (int c = 0; c < r->length; c++) {
        stall[c] = stall_text(e, r, c);
        if (!stall[c])
            continue;
        if (r->ii > 1 && c < r->length - 1) {
            if (must_stop_all(e, r, c)) {
                or_into(&everyone, stall[c]);
                stall[c] = NULL;
                continue;
            }
            /* Once stopped, for whole rounds of the II: ports are shared by cycle modulo II. */
            declare(e, "reg", bits_of((uint64_t)r->ii - 1), text("p%d_z%d", region, c));
            or_into(&stall[c], text("(p%d_z%d != 0)", region, c));
        }
    }
    for (int k = 0; k < r->nodes; k++) {
        const struct node *n = &e->p->node[r->node[k]];
        if (n->op != OP_READ || n->cycle != 0)
            continue;
        char *g = guard_text(e, n), *ok = text("%s_empty_n", e->p->stream[n->stream].name);
        ready = and_text(g ? text("(~%s | %s)", g, ok) : ok, ready);
    }
    fprintf(f, "\n  // loop %s, line %d: II %d, depth %d\n", r->name, r->where.line, r->ii,
            r->length);
    declare(e, "reg", 1, text("p%d_run", region));
    if (r->ii > 1)
        declare(e, "reg", bits_of((uint64_t)r->ii - 1), text("p%d_phase", region));
    if (r->exits > 1)
        declare(e, "reg", bits_of((uint64_t)r->exits - 1), text("p%d_exit", region));
    for (int c = 0; c < r->length; c++)
        declare(e, c ? "reg" : "wire", 1, text("p%d_v%d", region, c));
    char *first = text("p%d_run", region);
    if (r->ii > 1)
        first = text("%s & (p%d_phase == 0)", first, region);
    fprintf(f, "  assign p%d_v0 = %s;\n", region, and_text(first, ready));
    for (int c = r->length - 1; c >= 0; c--) {
        if (stall[c])
            or_into(&beyond, stall[c]);
        char *stop = beyond ? text("%s", beyond) : NULL;
        if (everyone)
            or_into(&stop, everyone);
        declare(e, "wire", 1, text("p%d_go%d", region, c));
        declare(e, "wire", 1, text("p%d_e%d", region, c));
        fprintf(f, stop ? "  assign p%d_go%d = ~(%s);\n" : "  assign p%d_go%d = 1'b1;\n", region, c,
                stop);
        fprintf(f, "  assign p%d_e%d = p%d_v%d & p%d_go%d;\n", region, c, region, c, region, c);
        if (beyond) /* the net says it already */
            beyond = text("~p%d_go%d", region, c);
        if (stall[c] && r->ii > 1 && c < r->length - 1) {
            char *behind = c + 1 < r->length ? text("p%d_go%d", region, c + 1) : "1'b1";
            int w = bits_of((uint64_t)r->ii - 1);
            fprintf(
                e->clocked,
                "      if (%s & (%s)) p%d_z%d <= p%d_z%d == %d'd%d ? %d'd0 : p%d_z%d + %d'd1;\n",
                behind, stall[c], region, c, region, c, w, r->ii - 1, w, region, c, w);
            fprintf(e->resets, "      p%d_z%d <= %d'd0;\n", region, c, w);
        }
    }
    char *busy = text("p%d_run", region);
    for (int c = 1; c < r->length; c++)
        busy = text("%s | p%d_v%d", busy, region, c);
    declare(e, "wire", 1, text("p%d_done", region));
    fprintf(f, "  assign p%d_done = state[%d] & ~(%s);\n", region, r->state, busy);
}

static void emit_state_control(struct emitter *e, int region)
{
    struct region *r = &e->p->region[region];
    for (int c = 0; c < r->length; c++) {
        char *stall = stall_text(e, r, c);
        declare(e, "wire", 1, text("s%d_e", r->state + c));
        fprintf(e->logic,
                stall ? "  assign s%d_e = state[%d] & ~(%s);\n" : "  assign s%d_e = state[%d];\n",
                r->state + c, r->state + c, stall);
    }
}

/* ---- what happens at the clock edge ---------------------------------------------------------- */

/* Control comes to a state, or goes on from it. */
static void comes(struct emitter *e, int state, const char *when)
{
    or_into(&e->comes[state], text("(%s)", when));
}

static void goes(struct emitter *e, int state, const char *when)
{
    or_into(&e->goes[state], text("(%s)", when));
}

static void enter(struct emitter *e, int region, const char *when)
{
    const struct region *r = &e->p->region[region];
    comes(e, r->state, when);
    if (r->pipelined)
        fprintf(e->clocked, "      if (%s) p%d_run <= 1'b1;\n", when, region);
    if (r->pipelined && r->ii > 1)
        fprintf(e->clocked, "      if (%s) p%d_phase <= %d'd0;\n", when, region,
                bits_of((uint64_t)r->ii - 1));
}

void set_register(struct emitter *e, const char *name, int width, const char *when, char *value)
{
    int i = 0;
    while (i < e->settings && strcmp(e->setting[i].name, name) != 0)
        i++;
    if (i == e->settings) {
        struct setting new = {.name = name, .width = width};
        APPEND(e->setting, e->settings, e->setting_capacity, new);
    }
    struct mux *m = &e->setting[i].mux;
    for (int k = 0; k < m->ways; k++)
        if (!strcmp(m->way[k].value, value)) {
            or_into(&m->way[k].active, text("(%s)", when));
            return;
        }
    struct mux_way w = {text("(%s)", when), NULL, value};
    APPEND(m->way, m->ways, m->capacity, w);
}

static void set_node(struct emitter *e, int node, const char *when, char *value)
{
    const bool phi = e->p->node[node].op == OP_PHI;
    if (e->shared[node])
        set_register(e, text("r%d", e->shared[node]), e->shared_width[node], when, value);
    else
        set_register(e, text(phi ? "%s" : "%s_q", net(e, node)), e->p->node[node].kept, when,
                     value);
}

static void emit_settings(struct emitter *e)
{
    for (int i = 0; i < e->settings; i++) {
        const struct setting *s = &e->setting[i];
        const bool sum = s->mux.ways > 1 && e->p->source->options.target->lut_inputs == 4;
        char *any = NULL, *value = NULL;
        for (int k = 0; k < s->mux.ways; k++) {
            const struct mux_way *w = &s->mux.way[k];
            if (!sum)
                fprintf(e->data, "    if (%s) %s <= %s;\n", w->active, s->name, w->value);
            or_into(&any, w->active);
            or_into(&value, text("({%d{%s}} & %s)", s->width, w->active, w->value));
        }
        if (sum)
            fprintf(e->data, "    if (%s)\n      %s <= %s;\n", any, s->name, value);
    }
}

/* Is the value in the phi's register already? */
static bool is_there(const struct emitter *e, int phi, int value)
{
    const int source = copied(e->p, value, e->p->node[phi].kept);
    return source != NONE &&
           (source == phi || (e->shared[phi] && e->shared[source] == e->shared[phi]));
}

/* The phis of a region's first block get what comes along an edge. A choice between something new
 * and what is there already needs no choice. */
static void pass_phis(struct emitter *e, int from, int to, int region, int cycle, const char *when)
{
    struct process *p = e->p;
    const struct region *r = &p->region[p->flow.block[to].region];
    for (int k = 0; k < r->nodes; k++) {
        const int phi = r->node[k];
        const struct node *n = &p->node[phi];
        for (int q = 0; n->op == OP_PHI && n->block == to && n->kept && q < n->ins; q++) {
            int value = n->in[q];
            if (n->from[q] != from || is_there(e, phi, value))
                continue;
            const int width = e->shared[phi] ? e->shared_width[phi] : n->kept;
            const struct node *choice = &p->node[value];
            const char *also = when;
            const bool now =
                choice->op == OP_SELECT && choice->region == region && choice->cycle == cycle;
            for (int arm = 1; now && arm <= 2; arm++)
                if (is_there(e, phi, choice->in[arm])) {
                    also = text("%s & %s%s", when, arm == 1 ? "~" : "",
                                value_text(e, choice->in[0], 1, region, cycle));
                    value = choice->in[3 - arm];
                    break;
                }
            set_node(e, phi, also, value_text(e, value, width, region, cycle));
        }
    }
}

static void emit_states(struct emitter *e, int region)
{
    struct process *p = e->p;
    const struct region *r = &p->region[region];
    const struct block *b = &p->flow.block[r->block[0]];
    int last = r->state + r->length - 1;
    LLVMValueRef t = LLVMGetBasicBlockTerminator(b->llvm);
    for (int s = r->state; s <= last; s++) {
        goes(e, s, text("s%d_e", s));
        if (s < last)
            comes(e, s + 1, text("s%d_e", s));
    }
    if (LLVMIsAReturnInst(t)) {
        comes(e, e->final_state, text("s%d_e", last));
        if (LLVMGetNumOperands(t))
            fprintf(e->clocked, "      if (s%d_e) ap_return <= %s;\n", last,
                    value_text(e, value_node(p, LLVMGetOperand(t, 0)), p->result_width, region,
                               r->length - 1));
        if (!e->final_state)
            fprintf(e->clocked, "      if (s%d_e) ap_done <= 1'b1;\n", last);
    }
    for (int k = 0; k < b->nexts; k++) {
        bool again = false; /* several cases of a switch may lead to one block */
        char *guard = NULL;
        for (int q = 0; q < b->nexts; q++) {
            if (b->next[q] != b->next[k])
                continue;
            again |= q < k;
            if (b->edge_guard[q] != NONE)
                or_into(&guard, value_text(e, b->edge_guard[q], 1, region, r->length - 1));
        }
        if (again)
            continue;
        const char *when = text("s%d_e", last);
        if (guard) {
            when = text("s%d_to_b%d", last, b->next[k]);
            declare(e, "wire", 1, when);
            fprintf(e->logic, "  assign %s = s%d_e & (%s);\n", when, last, guard);
        }
        enter(e, p->flow.block[b->next[k]].region, when);
        pass_phis(e, r->block[0], b->next[k], region, r->length - 1, when);
    }
}

static void emit_loop(struct emitter *e, int region)
{
    struct process *p = e->p;
    const struct region *r = &p->region[region];
    FILE *f = e->clocked;
    for (int k = 0; k < r->nodes; k++) {
        const struct node *n = &p->node[r->node[k]];
        for (int q = 0; n->op == OP_PHI && n->kept && q < n->ins; q++) {
            if (p->flow.block[n->from[q]].region != region)
                continue;
            int c = ready_in(p, n->in[q], region, NULL);
            set_node(e, r->node[k], text("p%d_e%d", region, c),
                     value_text(e, n->in[q], n->kept, region, c));
        }
    }
    for (int x = 0; x < r->exits; x++) {
        int g = r->exit[x].guard, c = g == NONE ? 0 : ready_in(p, g, region, NULL);
        fprintf(f, "      if (p%d_e%d%s%s) begin p%d_run <= 1'b0;", region, c,
                g == NONE ? "" : " & ", g == NONE ? "" : value_text(e, g, 1, region, c), region);
        if (r->exits > 1)
            fprintf(f, " p%d_exit <= %d'd%d;", region, bits_of((uint64_t)r->exits - 1), x);
        fprintf(f, " end\n");
    }
    if (r->ii > 1) {
        int w = bits_of((uint64_t)r->ii - 1);
        fprintf(f,
                "      if (state[%d] & p%d_go0) p%d_phase <= p%d_phase == %d'd%d ? %d'd0 : "
                "p%d_phase + %d'd1;\n",
                r->state, region, region, region, w, r->ii - 1, w, region, w);
    }
    for (int c = 1; c < r->length; c++)
        fprintf(f, "      if (p%d_go%d) p%d_v%d <= p%d_e%d;\n", region, c, region, c, region,
                c - 1);
    for (int x = 0; x < r->exits; x++) {
        const char *when = r->exits > 1 ? text("p%d_done & p%d_exit == %d'd%d", region, region,
                                               bits_of((uint64_t)r->exits - 1), x)
                                        : text("p%d_done", region);
        goes(e, r->state, when);
        enter(e, p->flow.block[r->exit[x].to].region, when);
        e->leaving = region;
        pass_phis(e, r->exit[x].from, r->exit[x].to, NONE, 0, when);
    }
    fprintf(e->resets, "      p%d_run <= 1'b0;\n", region);
    for (int c = 1; c < r->length; c++)
        fprintf(e->resets, "      p%d_v%d <= 1'b0;\n", region, c);
}

/* A value's part in a shared register. */
static void share(struct emitter *e, int node)
{
    const struct node *n = &e->p->node[node];
    const int width = e->shared_width[node];
    bool first = true;
    for (int i = 0; i < node; i++)
        first &= e->shared[i] != e->shared[node];
    if (first)
        declare(e, "reg", width, text("r%d", e->shared[node]));
    const char *name = n->op == OP_PHI ? net(e, node) : text("%s_q", net(e, node));
    declare(e, "wire", n->kept, name);
    fprintf(e->logic, "  assign %s = r%d[%d:0];\n", name, e->shared[node], n->kept - 1);
    if (n->op != OP_PHI)
        set_node(e, node, text("s%d_e", e->p->region[n->region].state + n->ready),
                 width > n->kept ? text("{%d'd0, %s}", width - n->kept, net(e, node))
                                 : text("%s", net(e, node)));
}

/* Copies of values that are read later than they come. */
static void emit_registers(struct emitter *e)
{
    for (int i = 0; i < e->p->nodes; i++) {
        struct node *n = &e->p->node[i];
        if (n->region == NONE || !n->kept)
            continue;
        const struct region *r = &e->p->region[n->region];
        if (e->shared[i]) {
            share(e, i);
            continue;
        }
        if (n->op == OP_PHI)
            declare(e, "reg", n->kept, net(e, i));
        for (int d = 1; d <= n->copies; d++) {
            char *from = d > 1 ? text("%s_d%d", net(e, i), d - 1) : text("%s", net(e, i));
            declare(e, "reg", n->kept, text("%s_d%d", net(e, i), d));
            fprintf(e->data, "    if (p%d_go%d) %s_d%d <= %s;\n", n->region, n->ready + d - 1,
                    net(e, i), d, from);
        }
        if (n->kept_after) {
            declare(e, "reg", n->kept, text("%s_out", net(e, i)));
            fprintf(e->data, "    if (p%d_e%d) %s_out <= %s;\n", n->region, n->ready, net(e, i),
                    net(e, i));
        }
        if (n->held) {
            declare(e, "reg", n->kept, text("%s_q", net(e, i)));
            set_node(e, i, text("s%d_e", r->state + n->ready), text("%s", net(e, i)));
        }
    }
}

/* ---- streams --------------------------------------------------------------------------------- */

static void emit_stream(struct emitter *e, int stream)
{
    struct process *p = e->p;
    const struct stream *s = &p->stream[stream];
    char *enable = NULL, *wait = NULL;
    struct mux data = {0};
    for (int i = 0; i < p->nodes; i++) {
        const struct node *n = &p->node[i];
        if (!is_transfer(n) || n->stream != stream)
            continue;
        char *g = guard_text(e, n);
        bool first = n->op == OP_READ && p->region[n->region].pipelined && n->cycle == 0;
        char *active = first ? text("p%d_run", n->region) : active_text(e, n);
        or_into(&enable, text("(%s)", and_text(enable_text(e, n), g)));
        or_into(&wait, text("(%s)", and_text(and_text(active, g), lacking(e, n))));
        if (n->op == OP_WRITE)
            mux_add(e, &data, n, value_text(e, n->in[0], s->width, n->region, n->cycle));
    }
    fprintf(e->logic, "  assign %s_%s = %s;\n  assign %s_wait = %s;\n", s->name,
            s->in ? "read" : "write", enable ? enable : "1'b0", s->name, wait ? wait : "1'b0");
    if (!s->in)
        fprintf(e->logic, "  assign %s_din = %s;\n", s->name,
                mux_text(e, &data, max_int(s->width, 1)));
}

/* A cycle that waits for both counts as blocked: without room no token would help. */
static void emit_counters(struct emitter *e)
{
    const struct process *p = e->p;
    char *waits[COUNTERS] = {"1'b1", NULL, NULL};
    for (int i = 0; i < p->streams; i++)
        or_into(&waits[p->stream[i].in ? COUNT_STARVED : COUNT_BLOCKED],
                text("%s_wait", p->stream[i].name));
    if (waits[COUNT_STARVED] && waits[COUNT_BLOCKED])
        waits[COUNT_STARVED] = text("(%s) & ~(%s)", waits[COUNT_STARVED], waits[COUNT_BLOCKED]);
    for (int k = 0; k < COUNTERS; k++) {
        if (!p->counts[k])
            continue;
        const char *name = counter_name[k];
        declare(e, "reg", 32, name);
        fprintf(e->resets, "      %s <= 32'd0;\n", name);
        if (waits[k])
            fprintf(e->clocked, "      if (%s) %s <= %s + 32'd1;\n", waits[k], name, name);
    }
}

/* ---- the module ------------------------------------------------------------------------------ */

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
        int high = max_int(s->width, 1) - 1;
        if (s->in)
            fprintf(f,
                    ",\n  input  wire [%d:0] %s_dout,\n  input  wire %s_empty_n,\n  output wire "
                    "%s_read",
                    high, s->name, s->name, s->name);
        else
            fprintf(
                f,
                ",\n  output wire [%d:0] %s_din,\n  input  wire %s_full_n,\n  output wire %s_write",
                high, s->name, s->name, s->name);
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
            emit_loop(e, i);
        else
            emit_states(e, i);
    if (e->final_state) {
        char *idle = NULL;
        for (int i = 0; i < p->axis; i++)
            if (p->axi[i].stores)
                idle = and_text(text("%s_idle", p->axi[i].name), idle);
        const char *when = text("state[%d] & %s", e->final_state, idle);
        goes(e, e->final_state, idle);
        comes(e, 0, when);
        fprintf(e->clocked, "      if (%s) ap_done <= 1'b1;\n", when);
    }
    for (int s = 0; s < e->states; s++) {
        if (e->goes[s])
            or_into(&e->comes[s], text("(state[%d] & ~(%s))", s, e->goes[s]));
        fprintf(e->clocked, "      state[%d] <= %s;\n", s, e->comes[s] ? e->comes[s] : "1'b0");
    }
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

void emit(struct process *p, FILE *out)
{
    struct emitter e = {.p = p, .leaving = NONE};
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
