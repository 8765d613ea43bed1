/* The .snn file. One description of the format (the code_* functions) both reads and writes, so
 * that reader and writer cannot disagree.
 *
 *     offset  size
 *     0       8     magic "ADAFIRE\n"
 *     8       4     version (uint32, little endian like everything)
 *     12      4     CRC-32 of everything from offset 24 on
 *     16      8     size of the file in bytes
 *     24            the model: fields in the order of code_model
 *
 * A number is 4 bytes (sizes and MAC counts 8), a text is its length (4) and its bytes, an array is
 * its elements; arrays and texts are padded with zeros to a multiple of 8 from the file's begin. */
#include "base/error.h"
#include "base/file.h"
#include "iat.h"
#include "model/model.h"

#include <endian.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

_Static_assert(__BYTE_ORDER == __LITTLE_ENDIAN, "the file is little endian, and so is the host");

enum {
    VERSION = 4,
    OLDEST = 1,  /* knows no FORM_NONZERO */
    SPREADS = 3, /* wirings have a spread since */
    WIDE = 4,    /* a model may be wide, bursts below 0 and inputs have limits of their own, since
                  */
    HEADER = 24,
    POPULATIONS_MOST = 1 << 16,
    PROJECTIONS_MOST = 1 << 12
};
static const char magic[8] = "ADAFIRE\n";
#define FILE_LIMIT ((size_t)8 << 30)

struct codec {
    bool reading;
    unsigned char *data;
    size_t size, at; /* writing: size is the room */
    int status;      /* the first fault; everything after it is a no-op */
    uint32_t version;
};

static void fail_short(struct codec *c)
{
    if (!c->status)
        c->status = af_fail(AF_BAD_FILE, "is shorter than its content says");
}

/* n bytes from or to *value. */
static void code_bytes(struct codec *c, void *value, size_t n)
{
    if (c->status || !n)
        return;
    if (c->reading) {
        if (n > c->size - c->at) {
            fail_short(c);
            return;
        }
        memcpy(value, c->data + c->at, n);
    } else {
        if (n > c->size - c->at) {
            size_t room = (c->at + n) * 2;
            unsigned char *grown = realloc(c->data, room);
            if (!grown) {
                c->status = af_fail(AF_NO_MEMORY, "no memory for %zu bytes", room);
                return;
            }
            c->data = grown;
            c->size = room;
        }
        memcpy(c->data + c->at, value, n);
    }
    c->at += n;
}

static void code_align(struct codec *c)
{
    char zero[8] = {0};
    code_bytes(c, zero, (8 - c->at % 8) % 8);
}

static void code_int(struct codec *c, int *value)
{
    int32_t v = *value;
    code_bytes(c, &v, sizeof v);
    *value = v;
}

static void code_bool(struct codec *c, bool *value)
{
    int v = *value;
    code_int(c, &v);
    *value = v != 0;
}

static void code_long(struct codec *c, int64_t *value)
{
    code_bytes(c, value, sizeof *value);
}

static void code_float(struct codec *c, float *value)
{
    code_bytes(c, value, sizeof *value);
}

/* A count that says how much to allocate: bounded before anyone believes it. */
static void code_count(struct codec *c, int *value, int most)
{
    code_int(c, value);
    if (!c->status && (*value < 0 || *value > most))
        c->status = af_fail(AF_BAD_FILE, "a count of %d is out of range", *value);
    if (c->status && c->reading)
        *value = 0;
}

static void *allocate(struct codec *c, int64_t count, size_t size)
{
    void *p = c->status ? NULL : calloc((size_t)count + 1, size);
    if (!p && !c->status)
        c->status = af_fail(AF_NO_MEMORY, "no memory");
    return p;
}

/* An array of `count` elements; when reading it is allocated, and never larger than the file. */
static void *code_array(struct codec *c, void *array, int64_t count, size_t size)
{
    code_align(c);
    if (c->reading) {
        array = NULL;
        if (!c->status && (count < 0 || (uint64_t)count > (c->size - c->at) / size))
            fail_short(c);
        if (!c->status)
            array = allocate(c, count, size);
    }
    if (!c->status)
        code_bytes(c, array, (size_t)count * size);
    return array;
}

static void code_text(struct codec *c, char **text)
{
    int n = c->reading || !*text ? 0 : (int)strlen(*text);
    code_count(c, &n, 1 << 20);
    *text = code_array(c, *text, n, 1); /* allocate() leaves room for the final 0 */
}

static void code_ints(struct codec *c, int *values, int count)
{
    for (int i = 0; i < count; i++)
        code_int(c, &values[i]);
}

static void code_wiring(struct codec *c, struct wiring *w)
{
    code_int(c, &w->source);
    code_count(c, &w->channels, 1 << 16);
    code_ints(c, w->up, 2);
    code_ints(c, w->pool, 2);
    code_ints(c, w->pool_stride, 2);
    code_ints(c, w->pool_before, 2);
    code_ints(c, w->view, 2);
    code_int(c, &w->groups);
    code_ints(c, w->kernel, 2);
    code_ints(c, w->stride, 2);
    code_ints(c, w->dilation, 2);
    code_ints(c, w->before, 2);
    code_ints(c, w->block, 3);
    code_ints(c, w->at, 3);
    if (c->version >= SPREADS)
        code_ints(c, w->spread, 2);
    else
        w->spread[0] = w->spread[1] = 1;
    w->map = code_array(c, w->map, w->channels, sizeof *w->map);
}

/* Weights as the wiring asks for; its numbers are checked enough here to multiply them. */
static int64_t weights_of(struct codec *c, const struct wiring *w)
{
    bool good = w->channels > 0 && w->groups > 0 && w->channels % w->groups == 0 &&
                w->kernel[0] > 0 && w->kernel[0] <= 1 << 16 && w->kernel[1] > 0 &&
                w->kernel[1] <= 1 << 16 && w->block[0] > 0 && w->block[0] <= 1 << 16;
    int64_t taps = good ? (int64_t)w->kernel[0] * w->kernel[1] : 0, count = 0;
    good = good && !__builtin_mul_overflow(taps, (int64_t)w->block[0] * wiring_fan_in(w), &count) &&
           count <= WEIGHTS_MOST;
    if (!good && !c->status)
        c->status = af_fail(AF_BAD_FILE, "a projection's geometry is out of range");
    return good ? count : 0;
}

/* How a projection's weights stand in the file: none, all of them, or a bit for each (the first is
 * the lowest of a byte) and those of 1, which are not zero. */
enum weight_form { FORM_NONE, FORM_ALL, FORM_NONZERO, FORMS };

static enum weight_form smallest_form(const struct synapses *s)
{
    const int64_t count = s->weight ? wiring_weights(&s->wiring) : 0;
    int64_t zeros = 0;
    for (int64_t i = 0; i < count; i++)
        zeros += s->weight[i] == 0;
    return !s->weight ? FORM_NONE : zeros > count / 8 + 16 ? FORM_NONZERO : FORM_ALL;
}

static void write_nonzero(struct codec *c, const int8_t *weight, int64_t count)
{
    uint8_t *bits = allocate(c, (count + 7) / 8, 1);
    int8_t *value = allocate(c, count, 1);
    int64_t n = 0;
    for (int64_t i = 0; bits && value && i < count; i++)
        if (weight[i]) {
            bits[i / 8] |= (uint8_t)(1 << i % 8);
            value[n++] = weight[i];
        }
    code_array(c, bits, (count + 7) / 8, 1);
    code_array(c, value, n, 1);
    free(bits);
    free(value);
}

static int8_t *read_nonzero(struct codec *c, int64_t count)
{
    uint8_t *bits = code_array(c, NULL, (count + 7) / 8, 1);
    int64_t n = 0;
    for (int64_t i = 0; bits && i < count; i++)
        n += bits[i / 8] >> i % 8 & 1;
    int8_t *value = code_array(c, NULL, n, 1), *weight = allocate(c, count, 1);
    n = 0;
    for (int64_t i = 0; bits && value && weight && i < count; i++)
        if (bits[i / 8] >> i % 8 & 1)
            weight[i] = value[n++];
    free(bits);
    free(value);
    return weight;
}

static void code_synapses(struct codec *c, struct synapses *s)
{
    int form = (int)smallest_form(s);
    code_wiring(c, &s->wiring);
    code_int(c, &s->shift);
    code_count(c, &form, FORMS - 1);
    if (form == FORM_ALL)
        s->weight = code_array(c, s->weight, weights_of(c, &s->wiring), sizeof *s->weight);
    if (form == FORM_NONZERO && c->reading)
        s->weight = read_nonzero(c, weights_of(c, &s->wiring));
    else if (form == FORM_NONZERO)
        write_nonzero(c, s->weight, weights_of(c, &s->wiring));
}

static void code_population(struct codec *c, struct neurons *p)
{
    int kind = (int)p->kind;
    bool scale = p->scale != NULL, threshold = p->threshold != NULL, order = p->order != NULL;
    code_text(c, &p->name);
    code_int(c, &kind);
    p->kind = (enum af_kind)kind;
    code_ints(c, p->shape, 3);
    code_int(c, &p->burst);
    if (c->version >= WIDE)
        code_int(c, &p->burst_below);
    else
        p->burst_below = p->kind == AF_LINEAR ? p->burst : 0;
    code_bool(c, &p->signed_bursts);
    code_float(c, &p->ratio);
    code_bool(c, &scale);
    code_bool(c, &threshold);
    code_bool(c, &order);
    code_long(c, &p->bias_count);
    code_long(c, &p->initial_count);
    code_count(c, &p->rank, TENSOR_MAX_RANK);
    for (int a = 0; a < p->rank; a++)
        code_long(c, &p->dim[a]);
    bool good = true;
    for (int a = 0; a < 3; a++)
        good = good && p->shape[a] > 0 && p->shape[a] <= 1 << 16;
    if (!good && !c->status)
        c->status = af_fail(AF_BAD_FILE, "a population has an impossible shape");
    if (c->status)
        return;
    if (scale)
        p->scale = code_array(c, p->scale, p->shape[0], sizeof *p->scale);
    if (threshold)
        p->threshold = code_array(c, p->threshold, p->shape[0], sizeof *p->threshold);
    if (p->bias_count)
        p->bias = code_array(c, p->bias, p->bias_count, sizeof *p->bias);
    if (p->initial_count)
        p->initial = code_array(c, p->initial, p->initial_count, sizeof *p->initial);
    if (order)
        p->order = code_array(c, p->order, neuron_count(p), sizeof *p->order);
    code_count(c, &p->input_count, PROJECTIONS_MOST);
    if (c->reading)
        p->input = allocate(c, p->input_count, sizeof *p->input);
    for (int k = 0; !c->status && k < p->input_count; k++)
        code_synapses(c, &p->input[k]);
}

static void code_model(struct codec *c, struct af_model *m)
{
    code_text(c, &m->name);
    code_count(c, &m->timesteps, TIMESTEPS_LIMIT);
    if (c->version >= WIDE)
        code_bool(c, &m->wide);
    code_long(c, &m->ann_macs);
    code_long(c, &m->first_macs);
    code_count(c, &m->population_count, POPULATIONS_MOST);
    if (c->reading)
        m->population = allocate(c, m->population_count, sizeof *m->population);
    for (int i = 0; !c->status && m->population && i < m->population_count; i++)
        code_population(c, &m->population[i]);
    struct input_format *f = &m->format;
    code_float(c, &f->unit);
    code_int(c, &f->resize);
    code_bool(c, &f->squash);
    code_bool(c, &f->events);
    code_int(c, &f->event_frames);
    if (c->version >= WIDE) {
        code_int(c, &f->low);
        code_int(c, &f->high);
    }
    if (!c->status && (m->population_count < 1 || !m->population))
        c->status = af_fail(AF_BAD_FILE, "has no populations");
    if (c->status)
        return;
    f->zero = code_array(c, f->zero, m->population[0].shape[0], sizeof *f->zero);
    struct early_exit *x = &m->iat;
    code_int(c, &x->metric);
    code_float(c, &x->a);
    code_int(c, &x->multiplier);
    code_int(c, &x->shift);
    if (x->metric != IAT_OFF)
        x->limit = code_array(c, x->limit, m->timesteps, sizeof *x->limit);
    code_count(c, &m->class_count, 1 << 20);
    if (c->reading)
        m->class_name = allocate(c, m->class_count, sizeof *m->class_name);
    for (int i = 0; !c->status && i < m->class_count; i++)
        code_text(c, &m->class_name[i]);
    code_count(c, &m->fact_count, 1 << 12);
    if (c->reading)
        m->fact = allocate(c, m->fact_count, sizeof *m->fact);
    for (int i = 0; !c->status && i < m->fact_count; i++) {
        code_text(c, &m->fact[i].key);
        code_text(c, &m->fact[i].value);
    }
    if (!c->status && c->reading && c->at != c->size)
        c->status = af_fail(AF_BAD_FILE, "has %zu bytes behind its end", c->size - c->at);
}

int af_model_bytes(const struct af_model *m, void **bytes, size_t *size)
{
    if (bytes)
        *bytes = NULL;
    if (size)
        *size = 0;
    if (!m || !bytes || !size)
        return af_fail(AF_BAD_ARGUMENT, "a model and a place for its bytes are needed");
    struct codec c = {.reading = false, .version = VERSION};
    unsigned char header[HEADER] = {0};
    code_bytes(&c, header, sizeof header);
    code_model(&c, (struct af_model *)(uintptr_t)m); /* a writing codec changes nothing */
    if (c.status) {
        free(c.data);
        return c.status;
    }
    const uint32_t version = VERSION;
    const uint32_t crc = (uint32_t)crc32_z(0, c.data + HEADER, c.at - HEADER);
    const uint64_t told = c.at;
    memcpy(c.data, magic, 8);
    memcpy(c.data + 8, &version, 4);
    memcpy(c.data + 12, &crc, 4);
    memcpy(c.data + 16, &told, 8);
    *bytes = c.data;
    *size = c.at;
    return AF_OK;
}

void af_free(void *memory)
{
    free(memory);
}

int af_model_save(const struct af_model *m, const char *path)
{
    void *bytes;
    size_t size;
    struct file_out out;
    if (!m || !path)
        return af_fail(AF_BAD_ARGUMENT, "a model and a file for it are needed");
    int status = af_model_bytes(m, &bytes, &size);
    if (!status)
        status = file_create(&out, path);
    if (!status) {
        fwrite(bytes, 1, size, out.stream); /* file_commit sees the stream's error */
        status = file_commit(&out);
    }
    free(bytes);
    return status;
}

static int parse(const unsigned char *bytes, size_t size, struct af_model *m)
{
    uint32_t version, crc;
    uint64_t told;
    if (size < HEADER || memcmp(bytes, magic, 8) != 0)
        return af_fail(AF_BAD_FILE, "not an .snn file");
    memcpy(&version, bytes + 8, 4);
    memcpy(&crc, bytes + 12, 4);
    memcpy(&told, bytes + 16, 8);
    if (version < OLDEST || version > VERSION)
        return af_fail(AF_BAD_FILE,
                       "version %u; this program reads versions %d to %d, so convert again",
                       version, OLDEST, VERSION);
    if (told != size)
        return af_fail(AF_BAD_FILE, "is %zu bytes long, its header says %llu", size,
                       (unsigned long long)told);
    if (crc != (uint32_t)crc32_z(0, bytes + HEADER, size - HEADER))
        return af_fail(AF_BAD_FILE, "is damaged (the checksum does not match)");
    struct codec c = {true, (unsigned char *)(uintptr_t)bytes, size, HEADER, AF_OK, version};
    code_model(&c, m);
    return c.status ? c.status : model_check(m); /* NOLINT(clang-analyzer-unix.Malloc): not ours */
}

int af_model_parse(const char *name, const void *bytes, size_t size, struct af_model **model)
{
    if (model)
        *model = NULL;
    if (!name || !bytes || !model)
        return af_fail(AF_BAD_ARGUMENT, "a model's bytes, a name and a place for it are needed");
    struct af_model *m = calloc(1, sizeof *m);
    int status = m ? parse(bytes, size, m) : af_fail(AF_NO_MEMORY, "no memory");
    if (status) {
        af_model_free(m);
        return af_fail_in(status, name);
    }
    *model = m;
    return AF_OK;
}

int af_model_load(const char *path, struct af_model **model)
{
    void *bytes;
    size_t size;
    if (model)
        *model = NULL;
    if (!path || !model)
        return af_fail(AF_BAD_ARGUMENT, "a model's file and a place for it are needed");
    int status = file_read(path, FILE_LIMIT, &bytes, &size);
    if (!status)
        status = af_model_parse(path, bytes, size, model);
    free(bytes);
    return status;
}
