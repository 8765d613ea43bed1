#include "reservation.h"

#include "base.h"
#include "guard.h"
#include "memory.h"

#include <string.h>

struct reservation reservation_new(const struct process *p, int nodes)
{
    struct reservation r = {.p = p, .busy_size = 64};
    while (r.busy_size < 4 * nodes)
        r.busy_size *= 2;
    r.busy = take((size_t)r.busy_size * sizeof *r.busy);
    return r;
}

void reservation_clear(struct reservation *r, int ii)
{
    memset(r->busy, 0, (size_t)r->busy_size * sizeof *r->busy);
    r->uses = 0;
    r->ii = ii;
}

bool needs_port(const struct process *p, const struct node *n)
{
    if (n->op == OP_READ || n->op == OP_WRITE)
        return true;
    return n->memory != NONE && p->memory[n->memory].kind != MEMORY_REGISTERS;
}

static int slot_of(const struct reservation *r, int cycle)
{
    return r->ii ? cycle % r->ii : cycle;
}

static struct use *first_use(const struct reservation *r, int key)
{
    int at = r->busy[(unsigned)key % (unsigned)r->busy_size];
    return at ? &r->use[at - 1] : NULL;
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

bool port_free(const struct reservation *r, const struct node *n, int cycle, int *port)
{
    const struct process *p = r->p;
    int key = resource_key(p, n, slot_of(r, cycle)), used = 0, first_port = 0;
    for (const struct use *u = first_use(r, key); u; u = u->next ? &r->use[u->next - 1] : NULL) {
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

void occupy(struct reservation *r, int node, int cycle)
{
    int key = resource_key(r->p, &r->p->node[node], slot_of(r, cycle));
    unsigned head = (unsigned)key % (unsigned)r->busy_size;
    struct use u = {key, node, r->busy[head]};
    APPEND(r->use, r->uses, r->capacity, u);
    r->busy[head] = r->uses;
}
