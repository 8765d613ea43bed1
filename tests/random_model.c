#include "iat.h"
#include "random_model.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

uint64_t dice_next(struct dice *d)
{
    uint64_t z = d->state += 0x9e3779b97f4a7c15;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
    z = (z ^ z >> 27) * 0x94d049bb133111eb;
    return z ^ z >> 31;
}

int64_t dice_roll(struct dice *d, int64_t low, int64_t high)
{
    return low + (int64_t)(dice_next(d) % (uint64_t)(high - low + 1));
}

bool dice_chance(struct dice *d, int percent)
{
    return dice_roll(d, 0, 99) < percent;
}

static int roll(struct dice *d, int low, int high)
{
    return (int)dice_roll(d, low, high);
}

/* 0 .. most, small values as likely as large ones. */
static int roll_size(struct dice *d, int most)
{
    return roll(d, 0, most) >> roll(d, 0, 22);
}

static int roll_signed_size(struct dice *d, int most)
{
    int v = roll_size(d, most);
    return dice_chance(d, 50) ? v : -v;
}

static void *zeroed(int64_t count, size_t size)
{
    void *p = calloc((size_t)count + 1, size);
    if (!p)
        abort();
    return p;
}

/* ---- Shapes -------------------------------------------------------------------------------- */

enum { COST_MOST = 150000 }; /* multiplications of one projection in one timestep */

static int roll_channels(struct dice *d)
{
    static const int counts[] = {1,  1,  2,  3,  3,  4,  5,  6,  7,  8,  10, 12,
                                 15, 16, 16, 17, 20, 24, 31, 32, 33, 48, 64, 65};
    return counts[roll(d, 0, sizeof counts / sizeof *counts - 1)];
}

static void roll_shape(struct dice *d, int shape[3])
{
    shape[0] = roll_channels(d);
    int most = shape[0] > 24 ? 6 : shape[0] > 4 ? 10 : 13;
    switch (roll(d, 0, 4)) {
    case 0: shape[1] = shape[2] = 1; break;
    case 1:
        shape[1] = 1;
        shape[2] = roll(d, 2, shape[0] > 4 ? 24 : 160);
        break;
    default: shape[1] = roll(d, 1, most); shape[2] = roll(d, 1, most);
    }
}

/* ---- Wirings ------------------------------------------------------------------------------- */

/* What kind of projection to make; the geometry of each kind leaves much open. */
enum shape_of_wiring { DENSE, CONVOLUTION, POINTWISE, GROUPED, DEPTHWISE, SHORTCUT, KINDS };

/* Which source channels the view shows. */
static void roll_map(struct dice *d, struct wiring *w, int channels, int source_channels)
{
    w->channels = channels;
    w->map = zeroed(channels, sizeof *w->map);
    int first = channels < source_channels ? roll(d, 0, source_channels - channels) : 0;
    bool shuffled = dice_chance(d, 25);
    for (int i = 0; i < channels; i++)
        w->map[i] = (first + i) % source_channels;
    for (int i = channels - 1; shuffled && i > 0; i--) {
        int j = roll(d, 0, i);
        int32_t other = w->map[j];
        w->map[j] = w->map[i];
        w->map[i] = other;
    }
    if (dice_chance(d, 10))
        w->map[roll(d, 0, channels - 1)] = roll(d, 0, source_channels - 1);
}

static void roll_view(struct dice *d, struct wiring *w, const int source[3])
{
    bool pooled = dice_chance(d, 30), repeated = dice_chance(d, 20), all = dice_chance(d, 25);
    for (int a = 0; a < 2; a++) {
        int size = source[a + 1];
        w->up[a] = repeated && size <= 6 && (size > 1 || dice_chance(d, 30)) ? roll(d, 1, 3) : 1;
        size *= w->up[a];
        w->pool[a] = w->pool_stride[a] = 1;
        w->view[a] = size;
        if (!pooled)
            continue;
        w->pool[a] = all ? size : roll(d, 1, size < 4 ? size : 4);
        w->pool_stride[a] = dice_chance(d, 50) ? w->pool[a] : roll(d, 1, 3);
        w->pool_before[a] = dice_chance(d, 30) ? roll(d, -1, w->pool[a] - 1) : 0;
        int end = size + w->pool_before[a] + roll(d, 0, w->pool[a] - 1);
        w->view[a] = end < w->pool[a] ? 1 : (end - w->pool[a]) / w->pool_stride[a] + 1;
    }
    if (!wiring_has_pool(w)) /* then the view is all of the source */
        for (int a = 0; a < 2; a++)
            w->view[a] = source[a + 1] * w->up[a];
}

/* The window over the view, and the block that it fills. */
static void roll_window(struct dice *d, struct wiring *w, enum shape_of_wiring kind,
                        const int to[3])
{
    bool whole = dice_chance(d, 60);
    for (int a = 0; a < 2; a++) {
        int size = kind == DENSE ? 1 : whole ? to[a + 1] : roll(d, 1, to[a + 1]);
        w->block[a + 1] = size;
        w->spread[a] = 1;
        if (kind != DENSE && !whole && size > 1 && dice_chance(d, 50))
            w->spread[a] = roll(d, 1, (to[a + 1] - 1) / (size - 1));
        w->at[a + 1] = roll(d, 0, to[a + 1] - 1 - (size - 1) * w->spread[a]);
        w->kernel[a] = w->stride[a] = w->dilation[a] = 1;
        int stride = w->view[a] / size;
        if (kind == DENSE) {
            w->kernel[a] = w->view[a];
            continue;
        }
        if (dice_chance(d, 70))
            w->stride[a] = stride > 1 ? stride : 1;
        else
            w->stride[a] = roll(d, 1, 3);
        if (kind == POINTWISE || kind == SHORTCUT) {
            w->before[a] = dice_chance(d, 20) ? roll(d, -2, 2) : 0;
            continue;
        }
        w->kernel[a] = roll(d, 1, w->view[a] == 1 ? 1 : w->view[a] < 5 ? w->view[a] + 1 : 5);
        w->dilation[a] = dice_chance(d, 25) ? roll(d, 2, 3) : 1;
        int reach = (w->kernel[a] - 1) * w->dilation[a];
        w->before[a] = dice_chance(d, 50) ? reach / 2 : roll(d, -2, reach);
    }
}

static void roll_wiring(struct dice *d, const struct af_model *m, int source, const int to[3],
                        struct wiring *w)
{
    const int *from = m->population[source].shape;
    enum shape_of_wiring kind = (enum shape_of_wiring)roll(d, 0, KINDS - 1);
    *w = (struct wiring){.source = source};
    int room = dice_chance(d, 60) ? to[0] : roll(d, 1, to[0]); /* channels of the block, at most */
    int channels, per = 1;
    if (kind == SHORTCUT || kind == DEPTHWISE) {
        per = kind == DEPTHWISE && dice_chance(d, 40) ? roll(d, 1, room < 4 ? room : 4) : 1;
        channels = from[0] < room / per ? from[0] : room / per;
        w->groups = channels;
    } else if (kind == GROUPED) {
        int fan_in = roll(d, 1, from[0] < 5 ? from[0] : 5);
        int most = from[0] / fan_in < room ? from[0] / fan_in : room;
        w->groups = roll(d, 1, most);
        per = roll(d, 1, room / w->groups);
        channels = fan_in * w->groups;
    } else {
        w->groups = 1;
        per = room;
        channels = dice_chance(d, 75) ? from[0] : roll(d, 1, from[0]);
    }
    w->block[0] = w->groups * per;
    w->at[0] = roll(d, 0, to[0] - w->block[0]);
    roll_map(d, w, channels, from[0]);
    roll_view(d, w, from);
    roll_window(d, w, kind, to);
}

static int64_t cost_of(const struct wiring *w)
{
    int64_t area = (int64_t)w->block[1] * w->block[2], view = (int64_t)w->view[0] * w->view[1];
    return wiring_weights(w) * area + w->channels * view * w->pool[0] * w->pool[1];
}

/* ---- Weights ------------------------------------------------------------------------------- */

static int8_t roll_weight(struct dice *d, int style)
{
    switch (style) {
    case 0: return (int8_t)roll(d, -128, 127);
    case 1: return dice_chance(d, 50) ? 127 : -128;
    case 2: return (int8_t)roll(d, -3, 3);
    case 3: return dice_chance(d, 85) ? 0 : (int8_t)roll(d, -128, 127);
    case 4: return (int8_t)roll(d, 0, 127);
    default: return 0;
    }
}

/* Weights whose current cannot exceed `room` in any channel, whatever the source sends. Returns
 * what it will be about. */
static int roll_weights(struct dice *d, const struct af_model *m, struct synapses *s, int64_t room)
{
    const struct wiring *w = &s->wiring;
    int64_t row = wiring_row(w), largest = 0, squares = 0;
    int64_t most = (int64_t)model_event_limit(m, w->source) * w->pool[0] * w->pool[1];
    const bool one_sign = !model_sends_negative(m, w->source);
    int style = dice_chance(d, 97) ? roll(d, 0, 4) : 5;
    int64_t largest_weight = room / most < 128 ? room / most : 128;
    s->weight = zeroed(wiring_weights(w), 1);
    for (int o = 0; o < w->block[0]; o++) {
        int64_t sums[2] = {0}; /* of weights of one sign, where events have only one */
        int8_t *weight = s->weight + o * row;
        for (int64_t i = 0; i < row; i++) {
            weight[i] = (int8_t)(roll_weight(d, style) * largest_weight / 128);
            sums[one_sign && weight[i] < 0] += abs(weight[i]);
        }
        for (int64_t i = dice_roll(d, 0, row - 1);
             (sums[0] > sums[1] ? sums[0] : sums[1]) * most > room; i = (i + 1) % row) {
            sums[one_sign && weight[i] < 0] -= abs(weight[i]);
            weight[i] = 0;
        }
        const int64_t sum = sums[0] > sums[1] ? sums[0] : sums[1];
        for (int64_t i = 0; i < row; i++)
            squares += weight[i] * weight[i];
        largest = sum > largest ? sum : largest;
    }
    int shift = 0;
    while (shift < SHIFT_LIMIT && (largest << (shift + 1)) * most <= room)
        shift++;
    s->shift = dice_chance(d, 50) ? 0 : dice_chance(d, 50) ? shift : roll(d, 0, shift);
    double event = model_event_limit(m, w->source) / 3.0;
    return (int)(sqrt((double)squares / w->block[0]) * (1 << s->shift) * event);
}

/* ---- Populations --------------------------------------------------------------------------- */

/* Something that sends events: the one before, or any. */
static int roll_source(struct dice *d, const struct af_model *m, int index)
{
    int last = index - 1;
    while (m->population[last].kind == AF_OUTPUT)
        last--;
    return dice_chance(d, 50) ? last : roll(d, 0, last);
}

static void roll_relay(struct dice *d, struct af_model *m, int index)
{
    struct neurons *p = &m->population[index];
    struct synapses *s = &p->input[0];
    struct wiring *w = &s->wiring;
    int source = roll_source(d, m, index);
    const int *from = m->population[source].shape;
    *w = (struct wiring){.source = source, .pool = {1, 1}, .pool_stride = {1, 1}, .spread = {1, 1}};
    roll_map(d, w, dice_chance(d, 70) ? from[0] : roll(d, 1, from[0]), from[0]);
    w->groups = w->channels;
    p->shape[0] = w->block[0] = w->channels;
    p->input_count = 1;
    for (int a = 0; a < 2; a++) {
        w->up[a] = from[a + 1] < 5 && dice_chance(d, 10) ? 2 : 1;
        w->view[a] = from[a + 1] * w->up[a];
        w->kernel[a] = roll(d, 1, w->view[a] < 3 ? w->view[a] : 3);
        w->stride[a] = dice_chance(d, 50) ? w->kernel[a] : roll(d, 1, 2);
        w->dilation[a] = dice_chance(d, 10) ? 2 : 1;
        int reach = (w->kernel[a] - 1) * w->dilation[a];
        w->before[a] = dice_chance(d, 40) ? roll(d, 0, reach) : 0;
        int end = w->view[a] + w->before[a] + (dice_chance(d, 30) ? reach : 0) - reach;
        p->shape[a + 1] = w->block[a + 1] = end < 1 ? 1 : (end - 1) / w->stride[a] + 1;
    }
}

static void roll_projections(struct dice *d, struct af_model *m, int index, int64_t room,
                             int *typical)
{
    struct neurons *p = &m->population[index];
    int count = dice_chance(d, 3) ? 0 : dice_chance(d, 60) ? 1 : roll(d, 2, 4);
    for (int k = 0; k < count; k++) {
        struct synapses *s = &p->input[k];
        int source = roll_source(d, m, index);
        for (int turn = 0;; turn++) {
            roll_wiring(d, m, source, p->shape, &s->wiring);
            if (cost_of(&s->wiring) <= COST_MOST)
                break;
            wiring_free(&s->wiring);
            if (turn > 50)
                source = roll(d, 0, source);
        }
        int current = roll_weights(d, m, s, room / count);
        *typical = current > *typical ? current : *typical;
        p->input_count++;
    }
}

static int32_t *roll_values(struct dice *d, struct neurons *p, int64_t *count, int most)
{
    *count = dice_chance(d, 70) ? p->shape[0] : neuron_count(p);
    int32_t *values = zeroed(*count, sizeof *values);
    int style = roll(d, 0, 9);
    for (int64_t i = 0; style > 2 && i < *count; i++)
        values[i] = style == 3 ? (dice_chance(d, 50) ? most : -most) : roll_signed_size(d, most);
    return values;
}

static void roll_thresholds(struct dice *d, struct neurons *p, int typical)
{
    int style = roll(d, 0, 15), part = roll(d, 1, 40);
    p->threshold = zeroed(p->shape[0], sizeof *p->threshold);
    for (int c = 0; c < p->shape[0]; c++) {
        int v = typical / part + roll(d, 1, 20);
        if (style == 0)
            v = 1;
        else if (style == 1)
            v = STATE_LIMIT - roll(d, 0, 1);
        else if (style < 4)
            v = 1 + roll_size(d, STATE_LIMIT - 1);
        p->threshold[c] = v < STATE_LIMIT ? v : STATE_LIMIT;
    }
}

/* The biases take a share of what one timestep's current may be, the projections the rest. */
static void roll_neurons(struct dice *d, struct af_model *m, int index)
{
    struct neurons *p = &m->population[index];
    const int most = model_current_limit(m), bias_room[] = {0, most / 8, most / 2, most};
    int room = bias_room[dice_chance(d, 5) ? 3 : roll(d, 0, 2)], typical = 64;
    roll_projections(d, m, index, most - room, &typical);
    int lively = typical < room ? typical : room;
    p->bias = roll_values(d, p, &p->bias_count, dice_chance(d, 80) ? lively : room);
    p->scale = zeroed(p->shape[0], sizeof *p->scale);
    for (int c = 0; c < p->shape[0]; c++)
        p->scale[c] = (float)roll(d, 1, 1000) / 4096;
    if (p->kind == AF_OUTPUT)
        return;
    p->burst = dice_chance(d, 20) ? 1 : dice_chance(d, 20) ? NARROW_BURSTS : roll(d, 1, 15);
    if (dice_chance(d, m->wide ? 60 : 4))
        p->burst = dice_chance(d, 30) ? BURST_LIMIT : roll(d, 16, BURST_LIMIT);
    p->burst_below = p->kind == AF_LINEAR ? p->burst : 0;
    if (p->kind == AF_LINEAR && dice_chance(d, m->wide ? 50 : 4))
        p->burst_below = dice_chance(d, 30) ? 0 : roll(d, 0, BURST_LIMIT);
    p->signed_bursts = p->kind == AF_RELU && dice_chance(d, 40);
    roll_thresholds(d, p, typical);
    p->initial =
        roll_values(d, p, &p->initial_count, dice_chance(d, 30) ? model_state_limit(m) : lively);
    int64_t area = p->initial_count / p->shape[0];
    for (int64_t i = 0; dice_chance(d, 50) && i < p->initial_count; i++)
        p->initial[i] = p->threshold[i / area] / 2;
}

static void roll_order(struct dice *d, struct neurons *p)
{
    int n = (int)neuron_count(p);
    p->rank = 1;
    p->dim[0] = n;
    if (dice_chance(d, 70))
        return;
    p->order = zeroed(n, sizeof *p->order);
    for (int i = 0; i < n; i++)
        p->order[i] = roll(d, dice_chance(d, 10) ? -1 : 0, n - 1);
}

static void roll_population(struct dice *d, struct af_model *m, int index, enum af_kind kind,
                            bool vector)
{
    static const char *const names[] = {"input", "relu", "linear", "maxpool", "output"};
    struct neurons *p = &m->population[index];
    char name[32];
    snprintf(name, sizeof name, "%s %d", names[kind], index);
    p->name = strdup(name);
    p->kind = kind;
    p->ratio = 1;
    p->input = zeroed(4, sizeof *p->input);
    roll_shape(d, p->shape);
    if (vector)
        p->shape[1] = p->shape[2] = 1;
    if (kind == AF_MAXPOOL)
        roll_relay(d, m, index);
    else if (kind != AF_INPUT)
        roll_neurons(d, m, index);
    if (kind == AF_OUTPUT)
        roll_order(d, p);
}

/* ---- Models -------------------------------------------------------------------------------- */

/* A scale on which outputs differ by a few nats, and limits that some timesteps reach. */
static void roll_early_exit(struct dice *d, struct af_model *m)
{
    const struct neurons *p = &m->population[model_answer(m)];
    struct early_exit *x = &m->iat;
    if (p->shape[1] != 1 || p->shape[2] != 1 || dice_chance(d, 20))
        return;
    x->metric = roll(d, IAT_ENTROPY, IAT_CONFIDENCE);
    x->multiplier = roll(d, 1 << 15, 1 << 16);
    x->shift = roll(d, 5, 24);
    x->limit = zeroed(m->timesteps, sizeof *x->limit);
    int most = x->metric == IAT_ENTROPY ? 6 << IAT_Y_BITS : 1 << IAT_Y_BITS;
    for (int t = 0; t < m->timesteps; t++)
        x->limit[t] = roll(d, 0, most);
}

struct af_model *random_model(uint64_t seed)
{
    struct dice d = {seed * 1000003};
    struct af_model *m = zeroed(1, sizeof *m);
    int inner = roll(&d, 1, 7), outputs = dice_chance(&d, 75) ? 1 : roll(&d, 2, 3);
    char name[32];
    snprintf(name, sizeof name, "random %llu", (unsigned long long)seed);
    m->name = strdup(name);
    m->timesteps = roll(&d, 1, 6);
    m->wide = dice_chance(&d, 15);
    m->population = zeroed(1 + inner + outputs, sizeof *m->population);
    m->format.unit = 1;
    m->format.events = dice_chance(&d, 35);
    for (int i = 0; i < 1 + inner + outputs; i++) {
        enum af_kind kind = i == 0                ? AF_INPUT
                            : i > inner           ? AF_OUTPUT
                            : dice_chance(&d, 60) ? AF_RELU
                            : dice_chance(&d, 50) ? AF_LINEAR
                                                  : AF_MAXPOOL;
        roll_population(&d, m, i, kind, i == inner + 1 && dice_chance(&d, 75));
        m->population_count++;
    }
    m->format.zero = zeroed(m->population[0].shape[0], sizeof *m->format.zero);
    if (outputs > 1 && inner % 2) /* of several the last answers */
        model_add_fact(m, "answers", "%s", m->population[inner + outputs].name);
    roll_early_exit(&d, m);
    if (model_check(m)) {
        printf("random model %llu is not valid: %s\n", (unsigned long long)seed, af_error());
        abort();
    }
    return m;
}

int16_t *random_counts(const struct af_model *m, struct dice *d)
{
    int64_t n = neuron_count(&m->population[0]) * (m->format.events ? m->timesteps : 1);
    int16_t *counts = zeroed(n, sizeof *counts);
    int style = roll(d, 0, 3), some = m->format.events ? 30 : 80;
    for (int64_t i = 0; i < n; i++) {
        int v = roll_signed_size(d, COUNT_LIMIT);
        if (style == 0)
            v = roll(d, 0, COUNT_LIMIT);
        else if (style == 1)
            v = dice_chance(d, 50) ? COUNT_LIMIT : -COUNT_LIMIT;
        else if (style == 2)
            v = roll(d, 0, 2);
        counts[i] = (int16_t)(dice_chance(d, some) ? v : 0);
    }
    return counts;
}

/* ---- Features ------------------------------------------------------------------------------ */

const char *const feature_name[MODEL_FEATURES] = {
    [HAS_DENSE] = "dense",
    [HAS_CONVOLUTION] = "convolution",
    [HAS_STRIDE] = "stride",
    [HAS_PADDING] = "padding",
    [HAS_ASYMMETRIC_PADDING] = "asymmetric padding",
    [HAS_CROP] = "negative padding",
    [HAS_DILATION] = "dilation",
    [HAS_GROUPS] = "groups",
    [HAS_DEPTHWISE] = "depthwise",
    [HAS_DEPTHWISE_MULTIPLIER] = "depthwise with a multiplier",
    [HAS_1D] = "1-D convolution",
    [HAS_POINTWISE] = "1 x 1 convolution",
    [HAS_SHORTCUT] = "shortcut",
    [HAS_SHORTCUT_STRIDE] = "strided shortcut",
    [HAS_POOL] = "pooled view",
    [HAS_POOL_OVERLAP] = "overlapping pool",
    [HAS_POOL_PADDING] = "padded pool",
    [HAS_POOL_CROP] = "cropped pool",
    [HAS_POOL_SHORTCUT] = "pooled shortcut",
    [HAS_UPSAMPLING] = "upsampling",
    [HAS_UPSAMPLED_SHORTCUT] = "upsampled shortcut",
    [HAS_UPSAMPLED_POOL] = "upsampled and pooled view",
    [HAS_MAP_SUBSET] = "channel subset",
    [HAS_MAP_PERMUTATION] = "channel permutation",
    [HAS_MAP_DUPLICATE] = "channel twice",
    [HAS_BLOCK_CHANNELS] = "block at a channel",
    [HAS_BLOCK_POSITIONS] = "block at a position",
    [HAS_SPREAD] = "block with positions between",
    [HAS_SHARED_SOURCE] = "shared source",
    [HAS_SEVERAL_PROJECTIONS] = "several projections",
    [HAS_NO_PROJECTION] = "no projection",
    [HAS_VIEW_2_BYTES] = "view of 2 bytes",
    [HAS_VIEW_3_BYTES] = "view of 3 bytes",
    [HAS_LINEAR] = "linear population",
    [HAS_UNSIGNED_BURSTS] = "unsigned bursts",
    [HAS_SIGNED_BURSTS] = "signed bursts",
    [HAS_RELAY] = "relay",
    [HAS_RELAY_OVERLAP] = "overlapping relay",
    [HAS_RELAY_PADDING] = "padded relay",
    [HAS_RELAY_CHAIN] = "relay of a relay",
    [HAS_RELAY_OF_ANALOG_INPUT] = "relay of an analog input",
    [HAS_RELAY_OF_EVENT_INPUT] = "relay of an event input",
    [HAS_RELAY_OF_SIGNED] = "relay of signed bursts",
    [HAS_RELAY_MAP] = "relay with a channel map",
    [HAS_SEVERAL_OUTPUTS] = "several outputs",
    [HAS_OUTPUT_MAP] = "output with positions",
    [HAS_OUTPUT_ORDER] = "output in another order",
    [HAS_EVENT_INPUT] = "event input",
    [HAS_ANALOG_INPUT] = "analog input",
    [HAS_BIAS_PER_CHANNEL] = "bias per channel",
    [HAS_BIAS_PER_NEURON] = "bias per neuron",
    [HAS_INITIAL_PER_CHANNEL] = "initial potential per channel",
    [HAS_INITIAL_PER_NEURON] = "initial potential per neuron",
    [HAS_BURST_1] = "burst limit 1",
    [HAS_BURST_15] = "burst limit 15",
    [HAS_BURST_255] = "burst limit 255",
    [HAS_SKEWED_BURSTS] = "bursts that go further to one side than to the other",
    [HAS_WIDE] = "wide potentials",
    [HAS_SHIFT] = "shift",
    [HAS_SHIFT_15] = "shift 15",
    [HAS_WEIGHT_127] = "weight 127",
    [HAS_WEIGHT_MINUS_128] = "weight -128",
    [HAS_WEIGHTS_ZERO] = "only zero weights",
    [HAS_THRESHOLD_1] = "threshold 1",
    [HAS_THRESHOLD_LIMIT] = "threshold at its limit",
    [HAS_CURRENT_LIMIT] = "bias at its limit",
    [HAS_IAT_OFF] = "no early exit",
    [HAS_IAT_ENTROPY] = "early exit by entropy",
    [HAS_IAT_CONFIDENCE] = "early exit by confidence",
    [HAS_1_CHANNEL] = "1 channel",
    [HAS_3_CHANNELS] = "3 channels",
    [HAS_15_CHANNELS] = "15 channels",
    [HAS_16_CHANNELS] = "16 channels",
    [HAS_17_CHANNELS] = "17 channels",
    [HAS_33_CHANNELS] = "33 channels",
    [HAS_64_CHANNELS] = "64 channels",
};

static void map_features(const struct wiring *w, int source_channels, bool has[MODEL_FEATURES])
{
    bool descends = false;
    int *uses = zeroed(source_channels, sizeof *uses);
    int used = 0;
    for (int i = 0; i < w->channels; i++) {
        descends = descends || (i && w->map[i] < w->map[i - 1]);
        used += uses[w->map[i]]++ == 0;
    }
    has[HAS_MAP_SUBSET] |= used < source_channels;
    has[HAS_MAP_DUPLICATE] |= used < w->channels;
    has[HAS_MAP_PERMUTATION] |= descends && used == source_channels && used == w->channels;
    free(uses);
}

static void window_features(const struct wiring *w, const int source[3], bool has[MODEL_FEATURES])
{
    bool grows = false, channelwise = wiring_is_channelwise(w);
    for (int a = 0; a < 2; a++) {
        int end = (w->block[a + 1] - 1) * w->stride[a] + (w->kernel[a] - 1) * w->dilation[a];
        int after = end - w->before[a] - (w->view[a] - 1);
        has[HAS_STRIDE] |= w->stride[a] > 1;
        has[HAS_PADDING] |= w->before[a] > 0 && after > 0;
        has[HAS_ASYMMETRIC_PADDING] |= w->before[a] > 0 && after > 0 && w->before[a] != after;
        has[HAS_CROP] |= w->before[a] < 0;
        has[HAS_DILATION] |= w->dilation[a] > 1 && w->kernel[a] > 1;
        has[HAS_SHORTCUT_STRIDE] |= channelwise && w->stride[a] > 1 && w->block[a + 1] > 1;
        has[HAS_POOL_OVERLAP] |= w->pool[a] > w->pool_stride[a];
        has[HAS_POOL_PADDING] |= w->pool_before[a] > 0;
        has[HAS_POOL_CROP] |= w->pool_before[a] < 0;
        grows = grows || w->up[a] > 1;
    }
    bool dense = w->groups == 1 && w->block[1] == 1 && w->block[2] == 1 &&
                 w->kernel[0] == w->view[0] && w->kernel[1] == w->view[1];
    bool taps = w->kernel[0] * w->kernel[1] > 1;
    has[HAS_DENSE] |= dense;
    has[HAS_CONVOLUTION] |= w->groups == 1 && taps && !dense;
    has[HAS_1D] |= w->groups == 1 && w->view[0] == 1 && w->kernel[1] > 1 && w->block[2] > 1;
    has[HAS_POINTWISE] |= w->groups == 1 && !taps && w->channels > 1;
    has[HAS_GROUPS] |= w->groups > 1 && w->groups < w->channels;
    has[HAS_DEPTHWISE] |= w->groups == w->channels && w->block[0] == w->channels && taps;
    has[HAS_DEPTHWISE_MULTIPLIER] |=
        w->groups > 1 && w->groups == w->channels && w->block[0] > w->channels && taps;
    has[HAS_SHORTCUT] |= channelwise && w->channels > 1;
    has[HAS_POOL] |= wiring_has_pool(w);
    has[HAS_POOL_SHORTCUT] |= wiring_has_pool(w) && channelwise;
    has[HAS_UPSAMPLING] |= grows;
    has[HAS_UPSAMPLED_SHORTCUT] |= grows && channelwise;
    has[HAS_UPSAMPLED_POOL] |= grows && wiring_has_pool(w);
    map_features(w, source[0], has);
}

static void relay_features(const struct af_model *m, const struct wiring *w,
                           bool has[MODEL_FEATURES])
{
    const struct neurons *source = &m->population[w->source];
    has[HAS_RELAY] = true;
    has[HAS_RELAY_CHAIN] |= source->kind == AF_MAXPOOL;
    has[HAS_RELAY_OF_ANALOG_INPUT] |= source->kind == AF_INPUT && !m->format.events;
    has[HAS_RELAY_OF_EVENT_INPUT] |= source->kind == AF_INPUT && m->format.events;
    has[HAS_RELAY_OF_SIGNED] |= source->kind == AF_LINEAR || source->signed_bursts;
    for (int i = 0; i < w->channels; i++)
        has[HAS_RELAY_MAP] |= w->map[i] != i;
    for (int a = 0; a < 2; a++) {
        has[HAS_RELAY_OVERLAP] |= w->kernel[a] > w->stride[a] && w->block[a + 1] > 1;
        has[HAS_RELAY_PADDING] |= w->before[a] > 0;
    }
}

static void synapse_features(const struct af_model *m, const struct neurons *p,
                             const struct synapses *s, bool has[MODEL_FEATURES])
{
    const struct wiring *w = &s->wiring;
    const struct neurons *source = &m->population[w->source];
    int64_t most = (int64_t)model_event_limit(m, w->source) * w->pool[0] * w->pool[1];
    bool zero = true;
    window_features(w, source->shape, has);
    has[HAS_BLOCK_CHANNELS] |= w->at[0] > 0;
    has[HAS_BLOCK_POSITIONS] |= w->at[1] > 0 || w->at[2] > 0;
    has[HAS_SPREAD] |= w->spread[0] > 1 || w->spread[1] > 1;
    bool plane = source->kind == AF_INPUT && w->groups == 1; /* signed, so twice `most` */
    has[HAS_VIEW_2_BYTES] |= plane && most * 2 >= 1 << 8 && most * 2 < 1 << 16;
    has[HAS_VIEW_3_BYTES] |= plane && most * 2 >= 1 << 16;
    has[HAS_SHIFT] |= s->shift > 0;
    has[HAS_SHIFT_15] |= s->shift == SHIFT_LIMIT;
    for (int64_t i = 0; i < wiring_weights(w); i++) {
        has[HAS_WEIGHT_127] |= s->weight[i] == 127;
        has[HAS_WEIGHT_MINUS_128] |= s->weight[i] == -128;
        zero = zero && !s->weight[i];
    }
    has[HAS_WEIGHTS_ZERO] |= zero;
    for (const struct synapses *other = p->input; other < s; other++)
        has[HAS_SHARED_SOURCE] |= other->wiring.source == w->source;
}

static void population_features(const struct af_model *m, const struct neurons *p,
                                bool has[MODEL_FEATURES])
{
    bool positions = p->shape[1] > 1 || p->shape[2] > 1;
    static const struct {
        int channels;
        enum feature feature;
    } counts[] = {
        {1, HAS_1_CHANNEL},    {3, HAS_3_CHANNELS},   {15, HAS_15_CHANNELS}, {16, HAS_16_CHANNELS},
        {17, HAS_17_CHANNELS}, {33, HAS_33_CHANNELS}, {64, HAS_64_CHANNELS},
    };
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++)
        has[counts[i].feature] |= p->shape[0] == counts[i].channels;
    has[HAS_LINEAR] |= p->kind == AF_LINEAR;
    has[HAS_UNSIGNED_BURSTS] |= p->kind == AF_RELU && !p->signed_bursts;
    has[HAS_SIGNED_BURSTS] |= p->kind == AF_RELU && p->signed_bursts;
    has[HAS_SEVERAL_PROJECTIONS] |= p->input_count > 1;
    has[HAS_NO_PROJECTION] |= p->kind != AF_INPUT && p->input_count == 0;
    has[HAS_OUTPUT_MAP] |= p->kind == AF_OUTPUT && positions;
    has[HAS_OUTPUT_ORDER] |= p->order != NULL;
    has[HAS_BURST_1] |= p->burst == 1;
    has[HAS_BURST_15] |= p->burst == NARROW_BURSTS;
    has[HAS_BURST_255] |= p->burst == BURST_LIMIT;
    has[HAS_SKEWED_BURSTS] |= p->kind == AF_LINEAR && p->burst_below != p->burst;
    has[HAS_BIAS_PER_CHANNEL] |= positions && p->bias_count == p->shape[0];
    has[HAS_BIAS_PER_NEURON] |= positions && p->bias_count == neuron_count(p);
    has[HAS_INITIAL_PER_CHANNEL] |= positions && p->initial_count == p->shape[0];
    has[HAS_INITIAL_PER_NEURON] |= positions && p->initial_count == neuron_count(p);
    for (int64_t i = 0; i < p->bias_count; i++)
        has[HAS_CURRENT_LIMIT] |= abs(p->bias[i]) == model_current_limit(m);
    for (int c = 0; p->threshold && c < p->shape[0]; c++) {
        has[HAS_THRESHOLD_1] |= p->threshold[c] == 1;
        has[HAS_THRESHOLD_LIMIT] |= p->threshold[c] == STATE_LIMIT;
    }
    for (int k = 0; k < p->input_count; k++)
        if (p->kind == AF_MAXPOOL)
            relay_features(m, &p->input[k].wiring, has);
        else
            synapse_features(m, p, &p->input[k], has);
}

void model_features(const struct af_model *m, bool has[MODEL_FEATURES])
{
    has[HAS_SEVERAL_OUTPUTS] |= model_outputs(m) > 1;
    has[HAS_LATER_ANSWER] |= m->iat.metric != IAT_OFF && model_output_at(m, model_answer(m)) > 0;
    has[HAS_WIDE] |= m->wide;
    has[HAS_EVENT_INPUT] |= m->format.events;
    has[HAS_ANALOG_INPUT] |= !m->format.events;
    has[HAS_IAT_OFF] |= m->iat.metric == IAT_OFF;
    has[HAS_IAT_ENTROPY] |= m->iat.metric == IAT_ENTROPY;
    has[HAS_IAT_CONFIDENCE] |= m->iat.metric == IAT_CONFIDENCE;
    for (int i = 0; i < m->population_count; i++)
        population_features(m, &m->population[i], has);
}

struct af_sample sample_of(const struct af_model *m, const int16_t *counts)
{
    const int64_t inputs = neuron_count(&m->population[0]);
    return m->format.events ? (struct af_sample){.counts = counts, .length = inputs * m->timesteps}
                            : (struct af_sample){.type = AF_I16, .data = counts, .length = inputs};
}
