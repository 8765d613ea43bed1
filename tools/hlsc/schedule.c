#include "schedule.h"

#include "base.h"
#include "dependence.h"
#include "explanation.h"
#include "memory.h"
#include "plan.h"
#include "promise.h"

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

enum { MOST_II = 4096 };

static bool schedule_loop(struct process *p, int region, bool may_help)
{
    struct region *r = &p->region[region];
    int wanted = r->wishes->ii ? r->wishes->ii : 1;
    struct plan s = plan_new(p, region);
    char *why = NULL;
    enum outcome o = FITS, first = FITS;
    int ii = wanted, step = 1;
    for (; ii <= MOST_II; ii += step) {
        o = plan_attempt(&s, ii);
        if (o == FITS)
            break;
        if (may_help && help(p, r))
            return false;
        if (!why) {
            why = explain(p, s.culprit == NONE ? r->node[0] : s.culprit);
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
            struct plan s = plan_new(p, i);
            plan_attempt(&s, 0);
        }
        r->length = 1;
        for (int k = 0; k < r->nodes; k++)
            if (!is_dead(p, &p->node[r->node[k]]))
                r->length = max_int(r->length, p->node[r->node[k]].ready + 1);
    }
    if (p->source->options.break_schedule)
        break_schedule(p);
}
