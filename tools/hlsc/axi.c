#include "axi.h"

#include "address.h"
#include "base.h"
#include "ir.h"
#include "promise.h"
#include "request.h"
#include "value.h"

static int new_stream(struct process *p, const struct axi *a, const char *part, int width, bool in)
{
    struct stream s = {.name = text("%s_%s", a->name, part),
                       .width = width,
                       .in = in,
                       .parameter = NONE,
                       .axi = true};
    APPEND(p->stream, p->streams, p->stream_capacity, s);
    return p->streams - 1;
}

static int find_axi(struct process *p, LLVMValueRef argument, int width, struct place where)
{
    int parameter = parameter_index(p, argument);
    const char *name = value_name(argument);
    for (int i = 0; i < p->streams; i++)
        if (p->stream[i].parameter == parameter)
            fail(where, "`%s` is a stream and is used as a pointer", name);
    for (int i = 0; i < p->axis; i++)
        if (p->axi[i].parameter == parameter) {
            if (p->axi[i].width != width)
                fail(where, "`%s` is accessed as %d bits and as %d bits", name, width,
                     p->axi[i].width);
            return i;
        }
    if (width < 8 || width > 1024 || (width & (width - 1)))
        fail(where, "`%s`: an AXI port has 8, 16, ... 1024 bits, not %d", name, width);
    struct axi a = {.name = name,
                    .parameter = parameter,
                    .width = width,
                    .ar = NONE,
                    .r = NONE,
                    .aw = NONE,
                    .w = NONE};
    a.base = make_input(p, name, 64);
    APPEND(p->axi, p->axis, p->axi_capacity, a);
    return p->axis - 1;
}

int build_axi(struct process *p, const struct linear *l, LLVMTypeRef type, int value)
{
    int width = type_width(type, l->where);
    int which = find_axi(p, l->base, width, l->where);
    struct axi *a = &p->axi[which];
    bool store = value != NONE;
    if (store && !a->stores) {
        a->stores = true;
        a->aw = new_stream(p, a, "aw", 96, false);
        a->w = new_stream(p, a, "w", width, false);
    } else if (!store && !a->loads) {
        a->loads = true;
        a->ar = new_stream(p, a, "ar", 96, false);
        a->r = new_stream(p, a, "r", width, true);
    }
    struct axi_access access = {l->where, store, request_burst(p, a, l, store)};
    APPEND(a->access, a->accesses, a->access_capacity, access);
    if (access.why_single)
        request(p, a, store ? a->aw : a->ar, linear_node(p, l, l->factor, l->constant),
                make_const(p, 1, 32));
    int node =
        store ? make_effect(p, OP_WRITE, 0, 1, &value) : make_effect(p, OP_READ, width, 0, NULL);
    p->node[node].stream = store ? a->w : a->r;
    p->node[node].name = a->name;
    return node;
}

void order_axi(struct process *p)
{
    for (int i = 0; i < p->nodes; i++)
        for (int k = 0; k < p->axis; k++) {
            struct node *n = &p->node[i];
            const struct axi *a = &p->axi[k];
            if (n->op != OP_WRITE || !a->stores || n->stream != a->ar)
                continue;
            const struct region *r = &p->region[n->region];
            bool after_store = false;
            for (int q = 0; q < r->nodes && r->node[q] != i; q++)
                after_store |= p->node[r->node[q]].stream == a->aw;
            n->after_writes = !promised(r->promises, a->name) || after_store;
        }
}
