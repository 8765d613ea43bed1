/* The ONNX file (https://github.com/onnx/onnx/blob/main/docs/IR.md). Only this file knows protobuf.
 */
#include "onnx/onnx.h"

#include "base/error.h"
#include "base/file.h"
#include "onnx.pb-c.h"

#include <limits.h>
#include <search.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { OPSET_FIRST = 7, MESSAGE_DEPTH = 32 };
#define FILE_LIMIT ((size_t)4 << 30)

struct reader {
    const char *name;   /* the file, for messages */
    const char *folder; /* of external data, NULL: none */
    struct graph *graph;
    void *names;                   /* tsearch tree of struct named */
    int room;                      /* of graph->value */
    int node_room, calls;          /* of graph->node; of functions, so far */
    const Onnx__ModelProto *model; /* whose functions are called */
};

struct named {
    const char *name;
    int value;
};

/* ---- Nesting ------------------------------------------------------------------------------- */

static bool read_varint(const uint8_t **p, const uint8_t *end, uint64_t *value)
{
    *value = 0;
    for (int shift = 0; *p < end && shift < 64; shift += 7) {
        uint8_t byte = *(*p)++;
        *value |= (uint64_t)(byte & 0x7f) << shift;
        if (!(byte & 0x80))
            return true;
    }
    return false;
}

/* protobuf-c unpacks nested messages by recursion without a limit, so a hostile file could overflow
 * the stack: walk the wire format first and refuse what is deeper than any model. */
static bool nesting_ok(const ProtobufCMessageDescriptor *type, const uint8_t *p, const uint8_t *end,
                       int depth)
{
    if (depth > MESSAGE_DEPTH)
        return false;
    while (p < end) {
        uint64_t key, length;
        if (!read_varint(&p, end, &key))
            return true; /* malformed: the unpacker says so */
        switch (key & 7) {
        case 0:
            if (!read_varint(&p, end, &length))
                return true;
            break;
        case 1: p += end - p < 8 ? end - p : 8; break;
        case 5: p += end - p < 4 ? end - p : 4; break;
        case 2: {
            if (!read_varint(&p, end, &length) || length > (uint64_t)(end - p))
                return true;
            const ProtobufCFieldDescriptor *field =
                protobuf_c_message_descriptor_get_field(type, (unsigned)(key >> 3));
            if (field && field->type == PROTOBUF_C_TYPE_MESSAGE &&
                !nesting_ok(field->descriptor, p, p + length, depth + 1))
                return false;
            p += length;
            break;
        }
        default: return true;
        }
    }
    return true;
}

/* ---- Tensors ------------------------------------------------------------------------------- */

static int tensor_type(int32_t onnx, enum dtype *type)
{
    switch (onnx) {
    case ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT: *type = DTYPE_F32; return AF_OK;
    case ONNX__TENSOR_PROTO__DATA_TYPE__DOUBLE: *type = DTYPE_F64; return AF_OK;
    case ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT16: *type = DTYPE_F16; return AF_OK;
    case ONNX__TENSOR_PROTO__DATA_TYPE__INT8: *type = DTYPE_I8; return AF_OK;
    case ONNX__TENSOR_PROTO__DATA_TYPE__UINT8: *type = DTYPE_U8; return AF_OK;
    case ONNX__TENSOR_PROTO__DATA_TYPE__INT16: *type = DTYPE_I16; return AF_OK;
    case ONNX__TENSOR_PROTO__DATA_TYPE__UINT16: *type = DTYPE_U16; return AF_OK;
    case ONNX__TENSOR_PROTO__DATA_TYPE__INT32: *type = DTYPE_I32; return AF_OK;
    case ONNX__TENSOR_PROTO__DATA_TYPE__UINT32: *type = DTYPE_U32; return AF_OK;
    case ONNX__TENSOR_PROTO__DATA_TYPE__INT64: *type = DTYPE_I64; return AF_OK;
    case ONNX__TENSOR_PROTO__DATA_TYPE__UINT64: *type = DTYPE_U64; return AF_OK;
    case ONNX__TENSOR_PROTO__DATA_TYPE__BOOL: *type = DTYPE_BOOL; return AF_OK;
    default: return af_fail(AF_UNSUPPORTED, "tensor of element type %d", onnx);
    }
}

static const char *external_entry(const Onnx__TensorProto *p, const char *key)
{
    for (size_t i = 0; i < p->n_external_data; i++)
        if (p->external_data[i]->key && strcmp(p->external_data[i]->key, key) == 0)
            return p->external_data[i]->value;
    return NULL;
}

static bool leaves_folder(const char *path)
{
    for (const char *part = path; part; part = strchr(part, '/') ? strchr(part, '/') + 1 : NULL)
        if (strncmp(part, "..", 2) == 0 && (!part[2] || part[2] == '/'))
            return true;
    return false;
}

static int read_external(const struct reader *r, const Onnx__TensorProto *p, struct tensor *t)
{
    const char *location = external_entry(p, "location");
    const char *offset_text = external_entry(p, "offset");
    if (!r->folder || !location)
        return af_fail(AF_UNSUPPORTED, "has external data, which can be read beside a file alone");
    if (location[0] == '/' || leaves_folder(location))
        return af_fail(AF_BAD_FILE, "external data outside the model's folder: '%.80s'", location);
    long long offset = offset_text ? atoll(offset_text) : 0;
    size_t bytes = (size_t)t->count * dtype_size(t->type);
    char path[PATH_MAX];
    snprintf(path, sizeof path, "%s/%s", r->folder, location);
    FILE *f = fopen(path, "rb");
    if (!f)
        return af_fail(AF_IO, "external data %s cannot be opened", path);
    bool good =
        offset >= 0 && fseeko(f, offset, SEEK_SET) == 0 && fread(t->data, 1, bytes, f) == bytes;
    fclose(f);
    if (!good)
        return af_fail(AF_BAD_FILE, "external data %s is shorter than the tensor", path);
    return AF_OK;
}

/* Element i of the typed fields, where raw_data is not used. */
static void store_typed(const Onnx__TensorProto *p, struct tensor *t, int64_t i)
{
    switch (t->type) {
    case DTYPE_F32: ((float *)t->data)[i] = p->float_data[i]; break;
    case DTYPE_F64: ((double *)t->data)[i] = p->double_data[i]; break;
    case DTYPE_I64: ((int64_t *)t->data)[i] = p->int64_data[i]; break;
    case DTYPE_U32: ((uint32_t *)t->data)[i] = (uint32_t)p->uint64_data[i]; break;
    case DTYPE_U64: ((uint64_t *)t->data)[i] = p->uint64_data[i]; break;
    case DTYPE_I32: ((int32_t *)t->data)[i] = p->int32_data[i]; break;
    case DTYPE_I16:
    case DTYPE_U16:
    case DTYPE_F16: ((uint16_t *)t->data)[i] = (uint16_t)p->int32_data[i]; break;
    case DTYPE_I8:
    case DTYPE_U8:
    case DTYPE_BOOL: ((uint8_t *)t->data)[i] = (uint8_t)p->int32_data[i]; break;
    }
}

static size_t typed_count(const Onnx__TensorProto *p, enum dtype type)
{
    switch (type) {
    case DTYPE_F32: return p->n_float_data;
    case DTYPE_F64: return p->n_double_data;
    case DTYPE_I64: return p->n_int64_data;
    case DTYPE_U32:
    case DTYPE_U64: return p->n_uint64_data;
    default: return p->n_int32_data;
    }
}

/* Bytes that the message really carries bound the allocation, so that a small hostile file cannot
 * ask for a large tensor. */
static int read_tensor(const struct reader *r, const Onnx__TensorProto *p, struct tensor *t)
{
    enum dtype type = DTYPE_F32;
    int status = tensor_type(p->data_type, &type);
    if (status)
        return status;
    if (p->n_dims > TENSOR_MAX_RANK)
        return af_fail(AF_UNSUPPORTED, "tensor of rank %zu", p->n_dims);
    int64_t count = 1;
    for (size_t i = 0; i < p->n_dims; i++)
        if (p->dims[i] < 0 || __builtin_mul_overflow(count, p->dims[i], &count) ||
            count > tensor_max_elements)
            return af_fail(AF_BAD_FILE, "tensor dimension %zu is out of range", i);
    bool external =
        p->has_data_location && p->data_location == ONNX__TENSOR_PROTO__DATA_LOCATION__EXTERNAL;
    size_t bytes = (size_t)count * dtype_size(type);
    size_t typed = typed_count(p, type);
    if (!external && !(p->has_raw_data ? p->raw_data.len == bytes : typed == (size_t)count))
        return af_fail(AF_BAD_FILE, "tensor holds another amount of data than its shape says");
    status = tensor_make(t, type, (int)p->n_dims, p->dims);
    if (status)
        return status;
    if (external)
        status = read_external(r, p, t);
    else if (p->has_raw_data && bytes)
        memcpy(t->data, p->raw_data.data, bytes);
    else
        for (int64_t i = 0; i < count; i++)
            store_typed(p, t, i);
    if (!status && (type == DTYPE_F16 || type == DTYPE_F64)) {
        struct tensor wide = *t;
        status = tensor_convert(t, &wide, DTYPE_F32);
        tensor_free(&wide);
    }
    if (status)
        tensor_free(t);
    return status;
}

/* ---- Names --------------------------------------------------------------------------------- */

static int compare_entries(const void *a, const void *b)
{
    return strcmp(((const struct named *)a)->name, ((const struct named *)b)->name);
}

/* The index of the value with this name, made if it is new; -1 for the empty name (left out). */
static int find_value(struct reader *r, const char *name, int *index)
{
    *index = -1;
    if (!name || !*name)
        return AF_OK;
    struct named key = {name, 0};
    struct named **found = tfind(&key, &r->names, compare_entries);
    if (found) {
        *index = (*found)->value;
        return AF_OK;
    }
    struct graph *g = r->graph;
    if (g->value_count == r->room) {
        int room = r->room ? r->room * 2 : 64;
        struct value *grown = realloc(g->value, (size_t)room * sizeof *grown);
        if (!grown)
            return af_fail(AF_NO_MEMORY, "no memory for %d values", room);
        g->value = grown;
        r->room = room;
    }
    struct value *v = &g->value[g->value_count];
    *v = (struct value){.name = strdup(name), .producer = -1, .rank = -1};
    struct named *e = malloc(sizeof *e);
    if (e)
        *e = (struct named){v->name, g->value_count};
    if (!v->name || !e || !tsearch(e, &r->names, compare_entries)) {
        free(v->name);
        free(e);
        return af_fail(AF_NO_MEMORY, "no memory for a value");
    }
    *index = g->value_count++;
    return AF_OK;
}

/* ---- Nodes --------------------------------------------------------------------------------- */

static int read_attribute(const struct reader *r, const char *name, const Onnx__AttributeProto *p,
                          struct attribute *a)
{
    a->name = strdup(name ? name : "");
    a->type = ATTRIBUTE_OTHER;
    if (!a->name)
        return af_fail(AF_NO_MEMORY, "no memory for an attribute");
    switch (p->type) {
    case ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INT:
        a->type = ATTRIBUTE_INT;
        a->i = p->i;
        break;
    case ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__FLOAT:
        a->type = ATTRIBUTE_FLOAT;
        a->f = p->f;
        break;
    case ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__STRING:
        a->type = ATTRIBUTE_STRING;
        a->s = p->s.data ? strndup((const char *)p->s.data, p->s.len) : strdup("");
        if (!a->s)
            return af_fail(AF_NO_MEMORY, "no memory for an attribute");
        break;
    case ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INTS:
    case ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__FLOATS: {
        bool ints = p->type == ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INTS;
        size_t n = ints ? p->n_ints : p->n_floats;
        a->type = ints ? ATTRIBUTE_INTS : ATTRIBUTE_FLOATS;
        a->count = (int)n;
        a->ints = ints ? malloc((n + 1) * sizeof *a->ints) : NULL;
        a->floats = ints ? NULL : malloc((n + 1) * sizeof *a->floats);
        if (!a->ints && !a->floats)
            return af_fail(AF_NO_MEMORY, "no memory for an attribute");
        if (ints && n)
            memcpy(a->ints, p->ints, n * sizeof *a->ints);
        else if (n)
            memcpy(a->floats, p->floats, n * sizeof *a->floats);
        break;
    }
    case ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__TENSOR:
        if (!p->t)
            return af_fail(AF_BAD_FILE, "attribute '%.40s' is empty", a->name);
        a->type = ATTRIBUTE_TENSOR;
        return read_tensor(r, p->t, &a->tensor);
    default: break;
    }
    return AF_OK;
}

/* ---- Functions -------------------------------------------------------------------------------
 * A node that calls a function of the model is replaced by the function's nodes. */

enum { CALLS_DEPTH = 32, NODES_MOST = 1 << 20 };

/* A call whose function is being read: what the function's names mean outside of it. */
struct scope {
    const struct scope *outer; /* NULL: the graph */
    const Onnx__FunctionProto *function;
    const Onnx__NodeProto *call;
    int number, depth; /* of the call */
};

static const Onnx__FunctionProto *find_function(const struct reader *r, const Onnx__NodeProto *n)
{
    const char *domain = n->domain ? n->domain : "";
    for (size_t i = 0; i < r->model->n_functions; i++) {
        const Onnx__FunctionProto *f = r->model->functions[i];
        if (f->name && n->op_type && strcmp(f->name, n->op_type) == 0 &&
            strcmp(f->domain ? f->domain : "", domain) == 0)
            return f;
    }
    return NULL;
}

/* The name outside of all functions; malloc'd, NULL without memory. */
static char *outside(const struct scope *s, const char *name)
{
    char *made = NULL;
    if (!s || !name || !*name)
        return strdup(name ? name : "");
    for (size_t i = 0; i < s->function->n_input; i++)
        if (strcmp(s->function->input[i], name) == 0)
            return outside(s->outer, i < s->call->n_input ? s->call->input[i] : "");
    for (size_t i = 0; i < s->function->n_output && i < s->call->n_output; i++)
        if (strcmp(s->function->output[i], name) == 0 && *s->call->output[i])
            return outside(s->outer, s->call->output[i]);
    return asprintf(&made, "%s@%d/%s", s->call->op_type, s->number, name) < 0 ? NULL : made;
}

/* The attribute itself, or what the call gives for the one that it names; NULL: nothing. */
static const Onnx__AttributeProto *given_attribute(const struct scope *s,
                                                   const Onnx__AttributeProto *a)
{
    while (a && a->ref_attr_name && *a->ref_attr_name) {
        const Onnx__AttributeProto *given = NULL;
        for (size_t i = 0; s && i < s->call->n_attribute; i++)
            if (s->call->attribute[i]->name &&
                strcmp(s->call->attribute[i]->name, a->ref_attr_name) == 0)
                given = s->call->attribute[i];
        a = given;
        s = s ? s->outer : NULL;
    }
    return a;
}

static int read_names(struct reader *r, const struct scope *scope, size_t count, char **names,
                      int *number, int **indices)
{
    *indices = malloc((count + 1) * sizeof **indices);
    if (!*indices)
        return af_fail(AF_NO_MEMORY, "no memory for a node");
    for (size_t i = 0; i < count; i++) {
        char *name = outside(scope, names[i]);
        int status = name ? find_value(r, name, &(*indices)[i])
                          : af_fail(AF_NO_MEMORY, "no memory for a name");
        free(name);
        if (status)
            return status;
        *number = (int)i + 1;
    }
    return AF_OK;
}

static struct node *add_node(struct reader *r)
{
    struct graph *g = r->graph;
    if (g->node_count == r->node_room) {
        const int room = r->node_room ? 2 * r->node_room : 64;
        struct node *grown =
            room <= NODES_MOST ? realloc(g->node, (size_t)room * sizeof *grown) : NULL;
        if (!grown) {
            af_fail(AF_NO_MEMORY, "no memory for %d nodes", room);
            return NULL;
        }
        g->node = grown;
        r->node_room = room;
    }
    struct node *n = &g->node[g->node_count++];
    *n = (struct node){0};
    return n;
}

static int read_attributes(struct reader *r, const Onnx__NodeProto *p, const struct scope *scope,
                           struct node *n)
{
    int status = AF_OK;
    for (size_t i = 0; !status && i < p->n_attribute; i++) {
        const Onnx__AttributeProto *given = given_attribute(scope, p->attribute[i]);
        if (given)
            status = read_attribute(r, p->attribute[i]->name, given,
                                    &n->attribute[n->attribute_count++]);
    }
    return status;
}

/* Operators of a foreign domain that are known: QONNX's quantisers, by the names it had. */
static bool is_qonnx(const struct node *n, const char *domain)
{
    static const char *const names[] = {"Quant", "BipolarQuant", NULL};
    return is_op(n, names) &&
           (strcmp(domain, "qonnx.custom_op.general") == 0 ||
            strcmp(domain, "onnx.brevitas") == 0 || strcmp(domain, "finn.custom_op.general") == 0);
}

static int read_one(struct reader *r, const Onnx__NodeProto *p, const struct scope *scope)
{
    struct node *n = add_node(r);
    char made[64];
    if (!n)
        return AF_NO_MEMORY;
    snprintf(made, sizeof made, "%.40s#%d", p->op_type ? p->op_type : "?",
             r->graph->node_count - 1);
    n->name = strdup(p->name && *p->name ? p->name : made);
    n->op = strdup(p->op_type ? p->op_type : "");
    n->attribute = calloc(p->n_attribute + 1, sizeof *n->attribute);
    if (!n->name || !n->op || !n->attribute)
        return af_fail(AF_NO_MEMORY, "no memory for a node");
    int status = AF_OK;
    if (p->domain && *p->domain && strcmp(p->domain, "ai.onnx") != 0 && !is_qonnx(n, p->domain))
        status = af_fail(AF_UNSUPPORTED,
                         "operator %.40s of the foreign domain '%.60s'; export the model with "
                         "standard ONNX operators",
                         n->op, p->domain);
    if (!status)
        status = read_attributes(r, p, scope, n);
    if (!status)
        status = read_names(r, scope, p->n_input, p->input, &n->input_count, &n->input);
    if (!status)
        status = read_names(r, scope, p->n_output, p->output, &n->output_count, &n->output);
    if (status) {
        char prefix[160];
        snprintf(prefix, sizeof prefix, "node '%.100s'", n->name);
        return af_fail_in(status, prefix);
    }
    return AF_OK;
}

static int read_node(struct reader *r, const Onnx__NodeProto *p, const struct scope *outer)
{
    const Onnx__FunctionProto *f = find_function(r, p);
    const struct scope scope = {outer, f, p, r->calls, outer ? outer->depth + 1 : 0};
    if (!f)
        return read_one(r, p, outer);
    if (scope.depth == CALLS_DEPTH || r->calls == NODES_MOST)
        return af_fail(AF_BAD_FILE, "function '%.60s' is called too deeply, or too often", f->name);
    r->calls++;
    int status = AF_OK;
    for (size_t i = 0; !status && i < f->n_node; i++)
        status = read_node(r, f->node[i], &scope);
    return status;
}

/* ---- Graph --------------------------------------------------------------------------------- */

static int read_initializers(struct reader *r, const Onnx__GraphProto *p)
{
    for (size_t i = 0; i < p->n_initializer; i++) {
        const Onnx__TensorProto *t = p->initializer[i];
        int index, status = find_value(r, t->name, &index);
        if (!status && index < 0)
            status = af_fail(AF_BAD_FILE, "a constant without a name");
        if (!status && r->graph->value[index].constant)
            status = af_fail(AF_BAD_FILE, "constant '%.80s' is given twice", t->name);
        if (status)
            return status;
        struct value *v = &r->graph->value[index];
        status = read_tensor(r, t, &v->tensor);
        if (status) {
            char prefix[160];
            snprintf(prefix, sizeof prefix, "constant '%.100s'", v->name);
            return af_fail_in(status, prefix);
        }
        v->constant = true;
    }
    if (p->n_sparse_initializer)
        return af_fail(AF_UNSUPPORTED, "sparse constants; export the model with dense ones");
    return AF_OK;
}

static void read_declared_shape(const Onnx__ValueInfoProto *p, struct value *v)
{
    const Onnx__TypeProto__Tensor *t =
        p->type && p->type->value_case == ONNX__TYPE_PROTO__VALUE_TENSOR_TYPE ? p->type->tensor_type
                                                                              : NULL;
    if (!t || !t->shape || t->shape->n_dim > TENSOR_MAX_RANK)
        return;
    v->rank = (int)t->shape->n_dim;
    for (int i = 0; i < v->rank; i++) {
        const Onnx__TensorShapeProto__Dimension *d = t->shape->dim[i];
        bool known = d->value_case == ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_VALUE;
        v->dim[i] = known && d->dim_value > 0 ? d->dim_value : -1;
    }
}

static int read_ports(struct reader *r, const Onnx__GraphProto *p)
{
    struct graph *g = r->graph;
    g->input = malloc((p->n_input + 1) * sizeof *g->input);
    g->output = malloc((p->n_output + 1) * sizeof *g->output);
    if (!g->input || !g->output)
        return af_fail(AF_NO_MEMORY, "no memory for the graph");
    for (size_t i = 0; i < p->n_input; i++) {
        int index, status = find_value(r, p->input[i]->name, &index);
        if (status)
            return status;
        if (index < 0)
            return af_fail(AF_BAD_FILE, "an input without a name");
        if (g->value[index].constant)
            continue;
        read_declared_shape(p->input[i], &g->value[index]);
        g->input[g->input_count++] = index;
    }
    for (size_t i = 0; i < p->n_output; i++) {
        int index, status = find_value(r, p->output[i]->name, &index);
        if (status)
            return status;
        if (index < 0)
            return af_fail(AF_BAD_FILE, "an output without a name");
        g->output[g->output_count++] = index;
    }
    return AF_OK;
}

/* Samples come one by one. Where the exporter froze another number it stands in the input's shape,
 * and in Reshapes that begin with it; these keep what is one there. */
static void take_batch_out(struct graph *g)
{
    const int input = graph_input(g);
    const struct value *in = input >= 0 ? &g->value[input] : NULL;
    g->batch = in && in->rank > 1 && in->dim[0] > 1 ? in->dim[0] : 1;
    for (int i = 0; g->batch > 1 && i < g->node_count; i++) {
        const struct node *n = &g->node[i];
        if (strcmp(n->op, "Reshape") != 0 || n->input_count < 2 || graph_constant(g, n->input[0]))
            continue;
        struct tensor *shape = graph_constant(g, n->input[1]);
        if (shape && shape->type == DTYPE_I64 && shape->count > 1 &&
            ((int64_t *)shape->data)[0] == g->batch)
            ((int64_t *)shape->data)[0] = 1;
    }
}

static int read_graph(struct reader *r, const Onnx__ModelProto *m)
{
    const Onnx__GraphProto *p = m->graph;
    struct graph *g = r->graph;
    if (!p || !p->n_node)
        return af_fail(AF_BAD_FILE, "holds no ONNX graph");
    g->opset = -1;
    for (size_t i = 0; i < m->n_opset_import; i++) {
        const char *domain = m->opset_import[i]->domain;
        if (!domain || !*domain || strcmp(domain, "ai.onnx") == 0)
            g->opset = (int)m->opset_import[i]->version;
    }
    if (g->opset < OPSET_FIRST)
        return af_fail(AF_UNSUPPORTED, "opset %d; export the model with opset %d or a later one",
                       g->opset, OPSET_FIRST);
    g->name = strdup(p->name ? p->name : "");
    if (!g->name)
        return af_fail(AF_NO_MEMORY, "no memory");
    r->model = m;
    int status = read_initializers(r, p);
    if (!status)
        status = read_ports(r, p);
    for (size_t i = 0; !status && i < p->n_node; i++)
        status = read_node(r, p->node[i], NULL);
    if (!status)
        take_batch_out(g);
    return status;
}

int onnx_parse(const char *name, const char *folder, const void *bytes, size_t size,
               struct graph **graph)
{
    *graph = NULL;
    const uint8_t *begin = bytes;
    if (!nesting_ok(&onnx__model_proto__descriptor, begin, begin + size, 0))
        return af_fail(AF_BAD_FILE, "%s: messages nested deeper than any model needs", name);
    Onnx__ModelProto *m = onnx__model_proto__unpack(NULL, size, begin);
    if (!m)
        return af_fail(AF_BAD_FILE, "%s: not an ONNX file, or a damaged one", name);
    struct reader r = {.name = name, .folder = folder, .graph = calloc(1, sizeof *r.graph)};
    int status = r.graph ? read_graph(&r, m) : af_fail(AF_NO_MEMORY, "no memory");
    tdestroy(r.names, free);
    onnx__model_proto__free_unpacked(m, NULL);
    if (status)
        status = af_fail_in(status, name);
    else
        status = graph_sort(r.graph, name);
    if (status)
        graph_free(r.graph);
    else
        *graph = r.graph;
    return status;
}

int onnx_load(const char *path, struct graph **graph)
{
    *graph = NULL;
    void *bytes;
    size_t size;
    int status = file_read(path, FILE_LIMIT, &bytes, &size);
    if (status)
        return status;
    const char *slash = strrchr(path, '/');
    char *folder = slash ? strndup(path, (size_t)(slash - path)) : strdup(".");
    status = folder ? onnx_parse(path, *folder ? folder : "/", bytes, size, graph)
                    : af_fail(AF_NO_MEMORY, "%s: no memory", path);
    free(folder);
    free(bytes);
    return status;
}

int onnx_read_tensor(const char *path, struct tensor *t)
{
    memset(t, 0, sizeof *t);
    void *bytes;
    size_t size;
    int status = file_read(path, FILE_LIMIT, &bytes, &size);
    if (status)
        return status;
    Onnx__TensorProto *p = onnx__tensor_proto__unpack(NULL, size, bytes);
    free(bytes);
    if (!p)
        return af_fail(AF_BAD_FILE, "%s: not a serialised TensorProto", path);
    struct reader r = {.name = path};
    status = read_tensor(&r, p, t);
    onnx__tensor_proto__free_unpacked(p, NULL);
    return status ? af_fail_in(status, path) : AF_OK;
}
