/* Every operation gets a clock cycle. Operations chain within a cycle as long as their delays fit
 * the clock period; pipelined loops are modulo scheduled: iteration i starts at cycle i * II,
 * memory ports and streams are shared by cycle modulo II, and what one iteration hands to the next
 * (phis, memories) bounds II from below. The form is a longest-path fixpoint over difference
 * constraints. */
#include "schedule.h"

#include "guard.h"
#include "value.h"

#include <stdlib.h>
#include <string.h>

/* cycle(to) + distance * II >= cycle(from) + latency */
struct dependence {
    int from, to, latency, distance;
};

struct plan {
    struct process *p;
    struct region *r;
    int region, ii; /* ii 0: straight code, nothing repeats */
    struct dependence *dependence;
    int dependences, capacity;
    int *busy, busy_size; /* heads of the chains of who uses which port when */
    struct use {
        int key, node, next;
    } * use;
    int uses, use_capacity;
    int last_cycle; /* later is hopeless */
    int culprit;
};

/* ---- delays ---------------------------------------------------------------------------------- */

static double multiply_delay(const struct process *p, const struct node *n)
{
    const struct target *t = p->source->options.target;
    int a = narrow_width(p, n->in[0], n->kept).width, b = narrow_width(p, n->in[1], n->kept).width;
    uint64_t v;
    if (is_const(p, n->in[1], &v))
        return t->add + t->add_bit * n->kept + t->level * (__builtin_popcountll(v) > 3);
    if (t->dsp_a && max_int(a, b) > 4) {
        int parts = ((max_int(a, b) + t->dsp_a - 1) / t->dsp_a) *
                    ((min_int(a, b) + t->dsp_b - 1) / t->dsp_b);
        return t->mul + (parts > 1 ? t->add * bits_of((uint64_t)parts) : 0);
    }
    return t->level + t->add + t->mul_bit * min_int(a, b) + t->add_bit * n->kept;
}

double node_delay(const struct process *p, const struct node *n)
{
    const struct target *t = p->source->options.target;
    switch (n->op) {
    case OP_ADD:
    case OP_SUB: return t->add + t->add_bit * n->kept;
    case OP_MUL: return multiply_delay(p, n);
    case OP_AND:
    case OP_OR:
    case OP_XOR: return t->level * (n->width == 1 ? 0.6 : 1.0);
    case OP_NOT: return 0;
    case OP_SHL:
    case OP_LSHR:
    case OP_ASHR: return t->level * (p->node[n->in[1]].width + 1) / 2;
    case OP_EQ:
    case OP_NE: {
        int bits = max_int(p->node[n->in[0]].kept, p->node[n->in[1]].kept), levels = 1;
        for (int reach = t->lut_inputs / 2; reach < bits; reach *= t->lut_inputs)
            levels++;
        return t->level * levels;
    }
    case OP_ULT:
    case OP_ULE:
    case OP_SLT:
    case OP_SLE:
        return t->add + t->add_bit * max_int(p->node[n->in[0]].kept, p->node[n->in[1]].kept);
    case OP_SELECT: return t->level;
    case OP_LOAD:
    case OP_STORE:
    case OP_WRITE: return t->level;
    default: return 0;
    }
}

/* ---- what waits for what --------------------------------------------------------------------- */

static void add_source(struct process *p, int node, int other, int *count, int *capacity)
{
    struct node *n = &p->node[node];
    const struct node *o = &p->node[other];
    if (o->op == OP_CONST || o->op == OP_INPUT)
        return;
    if (o->op == OP_WIRES) {
        int at = 0;
        for (int i = 0; i < o->wires && at < o->kept; i++) {
            if (o->wire[i].low < p->node[o->wire[i].node].kept)
                add_source(p, node, o->wire[i].node, count, capacity);
            at += o->wire[i].width;
        }
        return;
    }
    for (int i = 0; i < *count; i++)
        if (n->source[i] == other)
            return;
    if (!o->kept)
        return;
    APPEND(n->source, *count, *capacity, other);
    n->sources = *count;
}

static bool is_effect(const struct node *n)
{
    return n->op == OP_STORE || n->op == OP_READ || n->op == OP_WRITE;
}

/* Nobody looks at it and it does nothing. */
static bool is_dead(const struct process *p, const struct node *n)
{
    if (n->op == OP_STORE)
        return !p->memory[n->memory].kept;
    return !is_effect(n) && !n->kept;
}

static void find_sources(struct process *p)
{
    for (int i = 0; i < p->nodes; i++) {
        struct node *n = &p->node[i];
        int count = 0, capacity = 0;
        if (n->region == NONE || is_dead(p, n))
            continue;
        for (int k = 0; k < n->ins; k++)
            add_source(p, i, n->in[k], &count, &capacity);
        if (n->guard != NONE && n->op != OP_LOAD && n->op != OP_EMPTY && n->op != OP_COUNT)
            add_source(p, i, n->guard, &count, &capacity);
    }
}

static void depend(struct plan *s, int from, int to, int latency, int distance)
{
    struct dependence d = {from, to, latency, distance};
    APPEND(s->dependence, s->dependences, s->capacity, d);
}

/* Cycles from the first access to the second, so that memory shows what the program says. */
static int memory_latency(const struct process *p, const struct node *first,
                          const struct node *second)
{
    const struct memory *m = &p->memory[first->memory];
    bool store = first->op == OP_STORE, then_store = second->op == OP_STORE;
    if (store && then_store)
        return guards_exclude(p, first->guard, second->guard) ? 0 : 1;
    if (store)
        return m->bypass ? 0 : 1;
    return m->bypass || m->kind == MEMORY_TRUE_DUAL ? 1 : 0;
}

static void memory_dependences(struct plan *s, int i, int j)
{
    struct process *p = s->p;
    const struct node *a = &p->node[i], *b = &p->node[j];
    const struct memory *m = &p->memory[a->memory];
    const struct promise *inter = promise_find(s->r->promises, m->name, true),
                         *intra = promise_find(s->r->promises, m->name, false);
    if (i != j && !(intra && !intra->distance))
        depend(s, i, j, memory_latency(p, a, b), 0);
    if (!s->ii || (inter && !inter->distance))
        return;
    int distance = inter ? inter->distance : 1;
    int back = b->op == OP_STORE && a->op == OP_STORE ? 1 : memory_latency(p, b, a);
    depend(s, j, i, back, distance);
    if (i != j)
        depend(s, i, j, a->op == OP_STORE && b->op == OP_STORE ? 1 : memory_latency(p, a, b),
               distance);
}

/* Words come after their request. What is written is there for the requests that follow (a master
 * is busy from the cycle after a request), and what was asked for has come before it is written
 * over. j comes after i. */
static void axi_dependences(struct plan *s, int i, int j)
{
    struct process *p = s->p;
    int a = p->node[i].stream, b = p->node[j].stream;
    for (int k = 0; a != NONE && b != NONE && k < p->axis; k++) {
        const struct axi *x = &p->axi[k];
        if (a == x->ar && b == x->r)
            depend(s, i, j, 1, 0);
        if (!x->loads || !x->stores)
            continue;
        if ((a == x->aw && b == x->ar) || (a == x->r && b == x->aw))
            depend(s, i, j, 1, 0);
        if (s->ii && !promised(s->r->promises, x->name) &&
            ((a == x->ar && b == x->aw) || (a == x->aw && b == x->r)))
            depend(s, j, i, 1, 1);
    }
}

static void find_dependences(struct plan *s)
{
    struct process *p = s->p;
    int count = 0, capacity = 0, *access = NULL;
    for (int k = 0; k < s->r->nodes; k++) {
        const struct node *n = &p->node[s->r->node[k]];
        if ((n->memory != NONE || n->stream != NONE) && !is_dead(p, n))
            APPEND(access, count, capacity, s->r->node[k]);
    }
    for (int x = 0; x < count; x++)
        for (int y = x; y < count; y++) {
            int i = access[x], j = access[y];
            const struct node *a = &p->node[i], *b = &p->node[j];
            if (a->stream != NONE && a->stream == b->stream) {
                bool exclusive = guards_exclude(p, a->guard, b->guard);
                if (i != j)
                    depend(s, i, j, exclusive ? 0 : 1, 0);
                if (s->ii)
                    depend(s, j, i, 1, 1);
            } else if (a->memory != NONE && a->memory == b->memory && a->bank == b->bank &&
                       (a->op == OP_STORE || b->op == OP_STORE))
                memory_dependences(s, i, j);
        }
    for (int x = 0; x < count; x++)
        for (int y = x + 1; y < count; y++)
            axi_dependences(s, access[x], access[y]);
}

/* ---- ports ----------------------------------------------------------------------------------- */

static int slot_of(const struct plan *s, int cycle)
{
    return s->ii ? cycle % s->ii : cycle;
}

static struct use *first_use(const struct plan *s, int key)
{
    int at = s->busy[(unsigned)key % (unsigned)s->busy_size];
    return at ? &s->use[at - 1] : NULL;
}

static int resource_key(const struct process *p, const struct node *n, int slot)
{
    uint64_t h = n->memory != NONE ? (uint64_t)n->memory << 20 | (uint64_t)n->bank << 2
                                   : 1ull << 40 | (uint64_t)n->stream << 2;
    if (n->memory != NONE && p->memory[n->memory].kind != MEMORY_TRUE_DUAL)
        h |= n->op == OP_STORE;
    h = (h << 16 | (uint64_t)slot) * 0x9e3779b97f4a7c15u;
    return (int)(h >> 33);
}

/* Is there a port for the node in this cycle? Says which. */
static bool port_free(const struct plan *s, const struct node *n, int cycle, int *port)
{
    const struct process *p = s->p;
    int key = resource_key(p, n, slot_of(s, cycle)), used = 0, first_port = 0;
    for (const struct use *u = first_use(s, key); u; u = u->next ? &s->use[u->next - 1] : NULL) {
        if (u->key != key)
            continue;
        const struct node *o = &p->node[u->node];
        bool shares = n->op != OP_LOAD && o->op == n->op && o->cycle == cycle &&
                      guards_exclude(p, n->guard, o->guard);
        if (shares) {
            *port = o->port;
            return true;
        }
        used++;
        first_port = o->port;
    }
    int ports = 1;
    if (n->memory != NONE &&
        (p->memory[n->memory].kind == MEMORY_TRUE_DUAL || p->memory[n->memory].kind == MEMORY_ROM))
        ports = 2;
    *port = used ? !first_port : 0;
    return used < ports;
}

static void occupy(struct plan *s, int node, int cycle)
{
    int key = resource_key(s->p, &s->p->node[node], slot_of(s, cycle));
    unsigned head = (unsigned)key % (unsigned)s->busy_size;
    struct use u = {key, node, s->busy[head]};
    APPEND(s->use, s->uses, s->use_capacity, u);
    s->busy[head] = s->uses;
}

static bool needs_port(const struct process *p, const struct node *n)
{
    if (n->op == OP_READ || n->op == OP_WRITE)
        return true;
    return n->memory != NONE && p->memory[n->memory].kind != MEMORY_REGISTERS;
}

/* ---- one attempt ----------------------------------------------------------------------------- */

static void place_phi(struct plan *s, struct node *n)
{
    n->cycle = n->ready = n->not_before;
    n->critical = n->held_by;
    n->starts = n->ends = s->p->source->options.target->reg;
}

static void place_node(struct plan *s, int id)
{
    struct process *p = s->p;
    const struct target *t = p->source->options.target;
    struct node *n = &p->node[id];
    double reg = t->reg, at = reg, period = p->source->options.clock_ns;
    int cycle = n->not_before;
    n->critical = n->held_by;
    for (int k = 0; k < n->sources; k++) {
        const struct node *o = &p->node[n->source[k]];
        if (o->region != s->region)
            continue;
        if (o->ready > cycle || (o->ready == cycle && o->ends > at))
            n->critical = n->source[k];
        if (o->ready > cycle) {
            cycle = o->ready;
            at = o->ends;
        } else if (o->ready == cycle && o->ends > at)
            at = o->ends;
    }
    if (at + n->delay > period && at > reg) {
        cycle++;
        at = reg;
    }
    int port = 0;
    if (needs_port(p, n)) {
        while (!port_free(s, n, cycle, &port) && cycle <= s->last_cycle) {
            cycle++;
            at = reg;
        }
        occupy(s, id, cycle);
    }
    n->port = port;
    n->cycle = n->ready = cycle;
    n->starts = at;
    n->ends = at + n->delay;
    if (n->op == OP_LOAD && p->memory[n->memory].kind != MEMORY_REGISTERS) {
        n->ready = cycle + 1;
        n->ends = t->ram + (p->memory[n->memory].bypass ? t->level : 0);
    }
    if (n->op == OP_READ || n->op == OP_EMPTY || n->op == OP_COUNT)
        n->ends = reg + 2 * t->level;
}

/* Raises what comes too early; true if something moved. */
static bool push(struct plan *s)
{
    struct process *p = s->p;
    bool moved = false;
    for (int k = 0; k < s->dependences; k++) {
        const struct dependence *d = &s->dependence[k];
        int need = p->node[d->from].cycle + d->latency - s->ii * d->distance;
        struct node *to = &p->node[d->to];
        if (to->cycle < need && to->not_before < need) {
            to->not_before = need;
            to->held_by = d->from;
            moved = true;
        }
    }
    for (int k = 0; s->ii && k < s->r->nodes; k++) {
        struct node *n = &p->node[s->r->node[k]];
        for (int q = 0; n->op == OP_PHI && q < n->sources; q++) {
            const struct node *o = &p->node[n->source[q]];
            int need = o->ready + 1 - s->ii;
            if (o->region == s->region && n->cycle < need) {
                n->not_before = need;
                n->held_by = n->source[q];
                moved = true;
            }
        }
    }
    return moved;
}

static int guard_ready(const struct process *p, int guard, int region, int *who)
{
    if (guard == NONE)
        return 0;
    const struct node *g = &p->node[guard];
    if (g->op != OP_WIRES) {
        *who = guard;
        return g->region == region ? g->ready : 0;
    }
    int most = 0;
    for (int i = 0; i < g->wires; i++)
        if (p->node[g->wire[i].node].region == region && p->node[g->wire[i].node].ready >= most) {
            most = p->node[g->wire[i].node].ready;
            *who = g->wire[i].node;
        }
    return most;
}

static bool exits_in_time(struct plan *s)
{
    for (int x = 0; x < s->r->exits; x++) {
        int who = NONE;
        if (guard_ready(s->p, s->r->exit[x].guard, s->region, &who) > s->ii - 1) {
            s->culprit = who;
            return false;
        }
    }
    return true;
}

enum outcome { FITS, RECURRENCE, LATE_EXIT };

static enum outcome attempt(struct plan *s, int ii)
{
    struct process *p = s->p;
    s->ii = ii;
    s->dependences = 0;
    find_dependences(s);
    for (int k = 0; k < s->r->nodes; k++) {
        struct node *n = &p->node[s->r->node[k]];
        n->not_before = n->cycle = n->ready = 0;
        n->held_by = n->critical = NONE;
        n->delay = node_delay(p, n);
    }
    s->last_cycle = 0;
    for (int pass = 0;; pass++) {
        memset(s->busy, 0, (size_t)s->busy_size * sizeof *s->busy);
        s->uses = 0;
        int latest = 0;
        for (int k = 0; k < s->r->nodes; k++) {
            struct node *n = &p->node[s->r->node[k]];
            if (is_dead(p, n))
                continue;
            if (pass == 0)
                s->last_cycle = 1 << 20;
            if (n->op == OP_PHI)
                place_phi(s, n);
            else
                place_node(s, s->r->node[k]);
            latest = max_int(latest, n->ready);
            if (n->ready > s->last_cycle) {
                s->culprit = s->r->node[k];
                return RECURRENCE;
            }
        }
        if (pass == 0)
            s->last_cycle = 3 * latest + 4 * ii + 64;
        if (!push(s))
            break;
        if (pass > 4000)
            fail(s->r->where, "internal: the schedule does not settle");
    }
    return s->ii && !exits_in_time(s) ? LATE_EXIT : FITS;
}

/* ---- explanations ---------------------------------------------------------------------------- */

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

/* The chain of waiting that leads back to itself, from a variable or memory if there is one. */
static char *recurrence(const struct process *p, int node)
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

/* ---- all regions ----------------------------------------------------------------------------- */

/* Memories with a store and a load that one iteration hands to the next. */
static bool carries(const struct process *p, const struct region *r, int memory)
{
    bool load = false, store = false;
    const struct promise *promise = promise_find(r->promises, p->memory[memory].name, true);
    for (int k = 0; k < r->nodes; k++) {
        const struct node *n = &p->node[r->node[k]];
        if (n->memory == memory && !is_dead(p, n)) {
            load |= n->op == OP_LOAD;
            store |= n->op == OP_STORE;
        }
    }
    return load && store && !(promise && promise->distance != 1);
}

/* Where it is promised that a load does not need what is being stored, both may meet at an address;
 * two ports that do so may give anything. */
static bool has_promise(const struct process *p, const struct memory *m)
{
    for (int i = 0; i < p->regions; i++)
        if (promise_find(p->region[i].promises, m->name, true))
            return true;
    return false;
}

/* A loop that misses its II is helped by a write-to-read bypass, else by a second port. */
static bool help(struct process *p, const struct region *r)
{
    bool helped = false;
    for (int m = 0; m < p->memories; m++) {
        struct memory *memory = &p->memory[m];
        if (memory->kind == MEMORY_SIMPLE && !memory->bypass && carries(p, r, m))
            helped = memory->bypass = true;
    }
    for (int m = 0; m < p->memories && !helped; m++) {
        struct memory *memory = &p->memory[m];
        int loads = 0, stores = 0;
        for (int k = 0; k < r->nodes; k++) {
            const struct node *n = &p->node[r->node[k]];
            loads += n->memory == m && n->op == OP_LOAD && n->kept;
            stores += n->memory == m && n->op == OP_STORE;
        }
        if (memory->kind == MEMORY_SIMPLE && !memory->bypass &&
            !memory_has_initial(memory) && /* a module of its own, with one port that writes */
            !has_promise(p, memory) && (loads > memory->banks || stores > memory->banks)) {
            memory->kind = MEMORY_TRUE_DUAL;
            helped = true;
        }
    }
    return helped;
}

static struct plan new_plan(struct process *p, int region)
{
    struct plan s = {.p = p, .r = &p->region[region], .region = region, .culprit = NONE};
    s.busy_size = 64;
    while (s.busy_size < 4 * s.r->nodes)
        s.busy_size *= 2;
    s.busy = take((size_t)s.busy_size * sizeof *s.busy);
    return s;
}

enum { MOST_II = 4096 };

static bool schedule_loop(struct process *p, int region, bool may_help)
{
    struct region *r = &p->region[region];
    int wanted = r->wishes->ii ? r->wishes->ii : 1;
    struct plan s = new_plan(p, region);
    char *why = NULL;
    enum outcome o = FITS, first = FITS;
    int ii = wanted, step = 1;
    for (; ii <= MOST_II; ii += step) {
        o = attempt(&s, ii);
        if (o == FITS)
            break;
        if (may_help && help(p, r))
            return false;
        if (!why) {
            why = recurrence(p, s.culprit == NONE ? r->node[0] : s.culprit);
            first = o;
        }
        step = ii > 64 ? 8 : 1;
    }
    const char *kind = first == LATE_EXIT ? "whether the loop goes on is known too late: "
                                          : "one iteration waits for the last: ";
    if (o != FITS)
        fail(r->where, "this loop cannot be pipelined; %s%s", kind, why);
    if (r->wishes->ii && ii > wanted)
        fail(r->wishes->pipeline_where,
             "II=%d cannot be met at a clock of %g ns; the least is %d. %s%s", wanted,
             p->source->options.clock_ns, ii, kind, why);
    r->ii = ii;
    r->bound = why ? text("%s%s", kind, why) : NULL;
    return true;
}

static void break_schedule(struct process *p)
{
    /* A fault planted for the tests: an operation one cycle earlier than its operand. */
    for (int i = p->nodes - 1; i >= 0; i--) {
        struct node *n = &p->node[i];
        if (n->region != NONE && n->op == OP_LOAD && n->ready > n->cycle && n->kept) {
            n->ready = n->cycle;
            return;
        }
    }
}

void schedule(struct process *p)
{
    find_sources(p);
    bool settled;
    do {
        settled = true;
        for (int i = 0; i < p->regions && settled; i++)
            if (p->region[i].pipelined)
                settled = schedule_loop(p, i, true);
    } while (!settled);
    for (int i = 0; i < p->regions; i++) {
        struct region *r = &p->region[i];
        if (!r->pipelined) {
            struct plan s = new_plan(p, i);
            attempt(&s, 0);
        }
        r->length = 1;
        for (int k = 0; k < r->nodes; k++)
            if (!is_dead(p, &p->node[r->node[k]]))
                r->length = max_int(r->length, p->node[r->node[k]].ready + 1);
    }
    if (p->source->options.break_schedule)
        break_schedule(p);
}
