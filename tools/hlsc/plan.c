#include "plan.h"

#include "base.h"
#include "cost.h"
#include "memory.h"
#include "target.h"

struct plan plan_new(struct process *p, int region)
{
    struct region *r = &p->region[region];
    return (struct plan){
        .p = p, .r = r, .region = region, .ports = reservation_new(p, r->nodes), .culprit = NONE};
}

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
        while (!port_free(&s->ports, n, cycle, &port) && cycle <= s->last_cycle) {
            cycle++;
            at = reg;
        }
        occupy(&s->ports, id, cycle);
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
    for (int k = 0; k < s->dependences.count; k++) {
        const struct dependence *d = &s->dependences.list[k];
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

static bool exits_in_time(struct plan *s)
{
    for (int x = 0; x < s->r->exits; x++) {
        int who = NONE;
        const int guard = s->r->exit[x].guard;
        if (guard != NONE && ready_in(s->p, guard, s->region, &who) > s->ii - 1) {
            s->culprit = who;
            return false;
        }
    }
    return true;
}

enum outcome plan_attempt(struct plan *s, int ii)
{
    struct process *p = s->p;
    s->ii = ii;
    find_dependences(&s->dependences, p, s->r, ii);
    for (int k = 0; k < s->r->nodes; k++) {
        struct node *n = &p->node[s->r->node[k]];
        n->not_before = n->cycle = n->ready = 0;
        n->held_by = n->critical = NONE;
        n->delay = node_delay(p, n);
    }
    s->last_cycle = 0;
    for (int pass = 0;; pass++) {
        reservation_clear(&s->ports, ii);
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
