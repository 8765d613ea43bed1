#include "explanation.h"

#include "base.h"

#include <string.h>

static const char *op_name(const struct node *n)
{
    static const char *const names[] = {
        [OP_CONST] = "constant", [OP_INPUT] = "parameter", [OP_PHI] = "variable",
        [OP_WIRES] = "bits",     [OP_ADD] = "+",           [OP_SUB] = "-",
        [OP_MUL] = "*",          [OP_AND] = "and",         [OP_OR] = "or",
        [OP_XOR] = "xor",        [OP_NOT] = "not",         [OP_SHL] = "<<",
        [OP_LSHR] = ">>",        [OP_ASHR] = ">>",         [OP_EQ] = "==",
        [OP_NE] = "!=",          [OP_ULT] = "<",           [OP_ULE] = "<=",
        [OP_SLT] = "<",          [OP_SLE] = "<=",          [OP_SELECT] = "choice",
        [OP_LOAD] = "load of",   [OP_STORE] = "store to",  [OP_READ] = "read of",
        [OP_WRITE] = "write to", [OP_EMPTY] = "state of"};
    return names[n->op];
}

static bool has_name(const struct node *n)
{
    return n->name && (n->op == OP_PHI || n->memory != NONE || n->stream != NONE);
}

static char *describe(const struct node *n)
{
    if (n->op == OP_PHI && n->name)
        return text("`%s'", n->name);
    return has_name(n) ? text("%s `%s' (line %d)", op_name(n), n->name, n->where.line)
                       : text("%s (line %d)", op_name(n), n->where.line);
}

/* Operations of one line in a row, without names: as one item. */
static char *describe_row(const struct process *p, const int *chain, int count)
{
    char *s = NULL;
    for (int k = 0; k < count; k++)
        if (k < 4 || k == count - 1)
            s = text("%s%s%s", s ? s : "",
                     !s      ? ""
                     : k > 4 ? " ... "
                             : " ",
                     op_name(&p->node[chain[k]]));
    return count > 1 ? text("%s (line %d, %d operations)", s, p->node[chain[0]].where.line, count)
                     : describe(&p->node[chain[0]]);
}

char *explain(const struct process *p, int node)
{
    int *seen = take((size_t)p->nodes * sizeof *seen),
        *chain = take((size_t)p->nodes * 2 * sizeof *chain), start = node, count = 0, first = 0;
    while (start != NONE && !seen[start]++)
        start = p->node[start].critical;
    if (start == NONE)
        return describe(&p->node[node]);
    int n = start;
    do {
        chain[count++] = n;
        n = p->node[n].critical;
    } while (n != start);
    for (int k = 0; k < count / 2; k++) { /* in the order of time */
        int t = chain[k];
        chain[k] = chain[count - 1 - k];
        chain[count - 1 - k] = t;
    }
    for (int k = count - 1; k >= 0; k--)
        if (has_name(&p->node[chain[k]]) && p->node[chain[k]].op != OP_STORE)
            first = k;
    memcpy(chain + count, chain, (size_t)count * sizeof *chain);
    chain += first;
    char *s = NULL;
    for (int k = 0, end; k < count; k = end) {
        for (end = k + 1; end < count && !has_name(&p->node[chain[k]]) &&
                          !has_name(&p->node[chain[end]]) &&
                          p->node[chain[end]].where.line == p->node[chain[k]].where.line;)
            end++;
        char *item = describe_row(p, chain + k, end - k);
        s = s ? text("%s -> %s", s, item) : item;
    }
    return text("%s -> the same of the next iteration", s);
}
