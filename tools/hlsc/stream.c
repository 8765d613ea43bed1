#include "stream.h"

#include "base.h"
#include "binding.h"
#include "calls.h"
#include "ir.h"
#include "value.h"

static int find_stream(struct process *p, LLVMValueRef pointer, int width, bool in)
{
    if (!LLVMIsAArgument(pointer))
        fail(p->at_where, "a stream must be a parameter of the process that uses it");
    int parameter = parameter_index(p, pointer);
    const char *name = value_name(pointer);
    for (int i = 0; i < p->axis; i++)
        if (p->axi[i].parameter == parameter)
            fail(p->at_where, "`%s` is a pointer and is used as a stream", name);
    for (int i = 0; i < p->streams; i++) {
        struct stream *s = &p->stream[i];
        if (s->parameter != parameter)
            continue;
        if (s->in != in)
            fail(p->at_where, "stream `%s` is both read and written in %s", name, p->name);
        if (width && s->width && s->width != width)
            fail(p->at_where, "stream `%s` has tokens of %d bits and of %d bits", name, s->width,
                 width);
        s->width = max_int(s->width, width);
        return i;
    }
    struct stream s = {.name = name, .width = width, .in = in, .parameter = parameter};
    APPEND(p->stream, p->streams, p->stream_capacity, s);
    return p->streams - 1;
}

int build_stream(struct process *p, LLVMValueRef call)
{
    LLVMValueRef pointer = LLVMGetOperand(call, 0);
    int node;
    if (is_stream_read(call)) {
        int width = type_width(LLVMTypeOf(call), p->at_where);
        int s = find_stream(p, pointer, width, true);
        node = make_effect(p, OP_READ, width, 0, NULL);
        p->node[node].stream = s;
    } else if (is_stream_write(call)) {
        int token = value_node(p, LLVMGetOperand(call, 1));
        int s = find_stream(p, pointer, p->node[token].width, false);
        node = make_effect(p, OP_WRITE, 0, 1, &token);
        p->node[node].stream = s;
    } else {
        int s = find_stream(p, pointer, 0, true);
        node = make_effect(p, OP_EMPTY, type_width(LLVMTypeOf(call), p->at_where), 0, NULL);
        p->node[node].stream = s;
    }
    p->node[node].name = p->stream[p->node[node].stream].name;
    return node;
}
