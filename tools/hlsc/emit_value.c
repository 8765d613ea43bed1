#include "emit_value.h"

#include "base.h"
#include "calls.h"
#include "emit_memory.h"
#include "process.h"
#include "value.h"
#include "verilog.h"

#include <stdlib.h>
#include <string.h>

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

static bool has_net(const struct node *n)
{
    return n->region != NONE && n->op != OP_PHI && n->op != OP_STORE && n->op != OP_WRITE &&
           n->kept;
}

/* Of a node: nobody looks at it but in the states of its region. */
static void assign(struct emitter *e, const struct node *n, const char *name, const char *value)
{
    const struct region *r = &e->p->region[n->region];
    if (e->rests)
        fprintf(e->logic, "  `HLSC_NET(state[%d], %s, (%s))\n",
                r->pipelined ? r->state : r->state + n->ready, name, value);
    else
        fprintf(e->logic, "  assign %s = %s;\n", name, value);
}

void emit_values(struct emitter *e)
{
    const char *const kind = e->rests ? "`HLSC_WIRE" : "wire";
    for (int i = 0; i < e->p->nodes; i++) {
        struct node *n = &e->p->node[i];
        if (!has_net(n))
            continue;
        declare(e, kind, n->kept, net(e, i));
        if (n->op == OP_LSHR || n->op == OP_ASHR) { /* whole first, then the bits that count */
            int width =
                n->op == OP_ASHR ? n->width : max_int(n->kept, e->p->node[n->in[0]].significant);
            char *whole = text("%s_w", net(e, i));
            char *a = operand(e, n, 0, width), *by = operand(e, n, 1, e->p->node[n->in[1]].width);
            declare(e, kind, width, whole);
            assign(e, n, whole, text(n->op == OP_ASHR ? "$signed(%s) >>> %s" : "%s >> %s", a, by));
            assign(e, n, net(e, i), text("%s[%d:0]", whole, n->kept - 1));
        } else if (n->op == OP_MUL) {
            fprintf(e->logic, "  /* verilator lint_off WIDTH */\n");
            assign(e, n, net(e, i), expression(e, i));
            fprintf(e->logic, "  /* verilator lint_on WIDTH */\n");
        } else
            assign(e, n, net(e, i), expression(e, i));
    }
}
