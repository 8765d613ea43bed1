#include "iat.h"
#include "reference.h"

#include <stdlib.h>

/* A population now. `total` is the sum of all that it sent. */
struct state {
    int64_t *v, *r, *total;
};

/* A cell of a projection's view V: the sum of what it sees in this timestep, and of how many events
 * and spikes that is. */
struct cell {
    int64_t sum, events, spikes, adds;
};

static void *zeroed(int64_t count, size_t size)
{
    void *p = calloc((size_t)count + 1, size);
    if (!p)
        abort();
    return p;
}

static int64_t least(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static int64_t clamp(int64_t v, int64_t low, int64_t high)
{
    return v < low ? low : v > high ? high : v;
}

static int64_t divide_down(int64_t v, int64_t by)
{
    int64_t q = v / by;
    return v % by < 0 ? q - 1 : q;
}

static int64_t neuron_at(const struct neurons *p, int64_t c, int64_t y, int64_t x)
{
    return (c * p->shape[1] + y) * p->shape[2] + x;
}

/* Of [channels] or of [neurons]. */
static int64_t value_of(const int32_t *values, int64_t count, const struct neurons *p, int64_t n)
{
    return values[count == neuron_count(p) ? n : n / (p->shape[1] * p->shape[2])];
}

/* ---- Projections --------------------------------------------------------------------------- */

/* The source neuron that U[i][y][x] repeats, -1 outside. */
static int64_t repeated(const struct wiring *w, const struct neurons *source, int i, int64_t y,
                        int64_t x)
{
    if (y < 0 || y >= source->shape[1] * w->up[0] || x < 0 || x >= source->shape[2] * w->up[1])
        return -1;
    return neuron_at(source, w->map[i], y / w->up[0], x / w->up[1]);
}

/* Signed digits that are not 0, from the last: of ...01 it is 1, of ...11 it is -1, with a carry.
 */
static int64_t digits_of(int64_t n)
{
    int64_t digits = 0;
    for (; n; n >>= 1)
        if (n & 1) {
            digits++;
            n += n & 2 ? 1 : -1;
        }
    return digits;
}

/* V, [channels][height][width]. */
static struct cell *view_of(const struct wiring *w, const struct neurons *source, const int64_t *r)
{
    struct cell *view = zeroed((int64_t)w->channels * w->view[0] * w->view[1], sizeof *view);
    struct cell *v = view;
    for (int i = 0; i < w->channels; i++)
        for (int y = 0; y < w->view[0]; y++)
            for (int x = 0; x < w->view[1]; x++, v++)
                for (int a = 0; a < w->pool[0]; a++)
                    for (int b = 0; b < w->pool[1]; b++) {
                        int64_t uy = (int64_t)y * w->pool_stride[0] + a - w->pool_before[0];
                        int64_t ux = (int64_t)x * w->pool_stride[1] + b - w->pool_before[1];
                        int64_t n = repeated(w, source, i, uy, ux);
                        if (n < 0)
                            continue;
                        v->sum += r[n];
                        v->events += r[n] != 0;
                        v->spikes += llabs(r[n]);
                        v->adds += digits_of(llabs(r[n]));
                    }
    return view;
}

/* The view's cell under tap (ky, kx) of position (y, x), -1 outside. */
static int64_t cell_under(const struct wiring *w, int64_t y, int64_t x, int64_t ky, int64_t kx)
{
    int64_t vy = y * w->stride[0] + ky * w->dilation[0] - w->before[0];
    int64_t vx = x * w->stride[1] + kx * w->dilation[1] - w->before[1];
    bool inside = vy >= 0 && vy < w->view[0] && vx >= 0 && vx < w->view[1];
    return inside ? vy * w->view[1] + vx : -1;
}

/* Adds a projection's current, and to the source's counts what passes through each synapse. */
static void project(struct reference *run, const struct state *state, const struct neurons *to,
                    const struct synapses *s, int64_t *current)
{
    const struct wiring *w = &s->wiring;
    const struct neurons *source = &run->model->population[w->source];
    struct cell *view = view_of(w, source, state[w->source].r);
    bool counted = source->kind != AF_INPUT || run->model->format.events;
    int fan_in = w->channels / w->groups;
    for (int o = 0; o < w->block[0]; o++)
        for (int y = 0; y < w->block[1]; y++)
            for (int x = 0; x < w->block[2]; x++)
                for (int j = 0; j < fan_in; j++)
                    for (int ky = 0; ky < w->kernel[0]; ky++)
                        for (int kx = 0; kx < w->kernel[1]; kx++) {
                            int64_t under = cell_under(w, y, x, ky, kx);
                            if (under < 0)
                                continue;
                            int i = o / (w->block[0] / w->groups) * fan_in + j;
                            struct cell v = view[i * w->view[0] * w->view[1] + under];
                            int64_t weight =
                                s->weight[((o * fan_in + j) * w->kernel[0] + ky) * w->kernel[1] +
                                          kx];
                            current[neuron_at(to, w->at[0] + o, w->at[1] + y * w->spread[0],
                                              w->at[2] + x * w->spread[1])] +=
                                weight * (1 << s->shift) * v.sum;
                            run->sops[w->source] += counted && weight ? v.events : 0;
                            run->spike_sops[w->source] += counted && weight ? v.spikes : 0;
                            run->adds[w->source] += counted && weight ? v.adds : 0;
                        }
    free(view);
}

/* ---- Populations --------------------------------------------------------------------------- */

static int64_t burst_of(const struct neurons *p, int64_t v, int64_t threshold, int64_t sent)
{
    if (p->kind == AF_LINEAR)
        return clamp(divide_down(v, threshold), -p->burst_below, p->burst);
    if (p->signed_bursts)
        return clamp(divide_down(v, threshold), -least(sent, p->burst), p->burst);
    return v < threshold ? 0 : least(p->burst, v / threshold);
}

static void step_neurons(struct reference *run, struct state *state, int index)
{
    const struct neurons *p = &run->model->population[index];
    const int64_t limit = run->model->wide ? (1 << 30) - 1 : STATE_LIMIT;
    int64_t *current = zeroed(neuron_count(p), sizeof *current);
    for (int k = 0; k < p->input_count; k++)
        project(run, state, p, &p->input[k], current);
    for (int64_t n = 0; n < neuron_count(p); n++) {
        int64_t v = state[index].v[n] + current[n] + value_of(p->bias, p->bias_count, p, n), r = 0;
        if (p->kind != AF_OUTPUT) {
            int64_t threshold = value_of(p->threshold, p->shape[0], p, n);
            r = burst_of(p, v, threshold, state[index].total[n]);
            v -= r * threshold;
        }
        state[index].v[n] = clamp(v, -limit, limit);
        state[index].r[n] = r;
    }
    free(current);
}

/* The largest sum that the source has sent within the window, minus what was sent already. A window
 * without a cell sends nothing. */
static void step_relay(const struct reference *run, struct state *state, int index)
{
    const struct neurons *p = &run->model->population[index];
    const struct wiring *w = &p->input[0].wiring;
    const struct neurons *source = &run->model->population[w->source];
    for (int c = 0; c < p->shape[0]; c++)
        for (int y = 0; y < p->shape[1]; y++)
            for (int x = 0; x < p->shape[2]; x++) {
                int64_t n = neuron_at(p, c, y, x), most = INT64_MIN;
                for (int ky = 0; ky < w->kernel[0]; ky++)
                    for (int kx = 0; kx < w->kernel[1]; kx++) {
                        int64_t cell = cell_under(w, y, x, ky, kx);
                        if (cell < 0)
                            continue;
                        int64_t total = state[w->source].total[repeated(
                            w, source, c, cell / w->view[1], cell % w->view[1])];
                        most = total > most ? total : most;
                    }
                state[index].r[n] = most == INT64_MIN ? 0 : most - state[index].total[n];
            }
}

static void step_input(const struct reference *run, struct state *input, const int16_t *counts,
                       int step)
{
    int64_t neurons = neuron_count(&run->model->population[0]);
    for (int64_t n = 0; n < neurons; n++)
        input->r[n] = counts[run->model->format.events ? step * neurons + n : n];
}

static void step_population(struct reference *run, struct state *state, int index,
                            const int16_t *counts, int step)
{
    const struct neurons *p = &run->model->population[index];
    struct state *s = &state[index];
    if (p->kind == AF_INPUT)
        step_input(run, s, counts, step);
    else if (p->kind == AF_MAXPOOL)
        step_relay(run, state, index);
    else
        step_neurons(run, state, index);
    int64_t *burst = zeroed(neuron_count(p), sizeof *burst);
    int64_t *potential = zeroed(neuron_count(p), sizeof *potential);
    for (int64_t n = 0; n < neuron_count(p); n++) {
        s->total[n] += s->r[n];
        burst[n] = s->r[n];
        potential[n] = s->v[n];
        if (p->kind != AF_INPUT || run->model->format.events) {
            run->events[index] += s->r[n] != 0;
            run->spikes[index] += llabs(s->r[n]);
        }
    }
    run->burst[step * run->model->population_count + index] = burst;
    run->potential[step * run->model->population_count + index] = potential;
}

/* ---- A sample ------------------------------------------------------------------------------ */

static struct state *begin(const struct af_model *m)
{
    struct state *state = zeroed(m->population_count, sizeof *state);
    for (int i = 0; i < m->population_count; i++) {
        const struct neurons *p = &m->population[i];
        int64_t neurons = neuron_count(p);
        state[i] = (struct state){zeroed(neurons, 8), zeroed(neurons, 8), zeroed(neurons, 8)};
        for (int64_t n = 0; p->initial && n < neurons; n++)
            state[i].v[n] = value_of(p->initial, p->initial_count, p, n);
    }
    return state;
}

static bool stops(const struct af_model *m, const struct state *state, int step)
{
    const int first = model_answer(m);
    int classes = m->population[first].shape[0];
    int32_t *v = zeroed(classes, sizeof *v);
    for (int k = 0; k < classes; k++)
        v[k] = (int32_t)state[first].v[k];
    bool stop = m->iat.metric != IAT_OFF && iat_stops(v, classes, m->iat.multiplier, m->iat.shift,
                                                      m->iat.metric, m->iat.limit[step]);
    free(v);
    return stop;
}

void reference_run(const struct af_model *m, const int16_t *counts, int steps, bool early_exit,
                   struct reference *run)
{
    int populations = m->population_count;
    *run = (struct reference){
        .model = m,
        .burst = zeroed((int64_t)steps * populations, sizeof *run->burst),
        .potential = zeroed((int64_t)steps * populations, sizeof *run->potential),
        .spikes = zeroed(populations, sizeof *run->spikes),
        .events = zeroed(populations, sizeof *run->events),
        .sops = zeroed(populations, sizeof *run->sops),
        .spike_sops = zeroed(populations, sizeof *run->spike_sops),
        .adds = zeroed(populations, sizeof *run->adds),
    };
    struct state *state = begin(m);
    for (bool stop = false; !stop && run->steps < steps; run->steps++) {
        for (int i = 0; i < populations; i++)
            step_population(run, state, i, counts, run->steps);
        stop = early_exit && stops(m, state, run->steps);
    }
    for (int i = 0; i < populations; i++) {
        free(state[i].v);
        free(state[i].r);
        free(state[i].total);
    }
    free(state);
}

void reference_run_free(struct reference *run)
{
    for (int i = 0; i < run->steps * run->model->population_count; i++) {
        free(run->burst[i]);
        free(run->potential[i]);
    }
    free(run->burst);
    free(run->potential);
    free(run->spikes);
    free(run->events);
    free(run->sops);
    free(run->spike_sops);
    free(run->adds);
    *run = (struct reference){0};
}

int reference_output(const struct reference *run, int step, float *to)
{
    int count = 0;
    for (int i = 0; i < run->model->population_count; i++) {
        const struct neurons *p = &run->model->population[i];
        const int64_t *sum = reference_potential(run, step, i);
        for (int64_t j = 0; p->kind == AF_OUTPUT && j < neuron_count(p); j++) {
            int64_t n = p->order ? p->order[j] : j;
            int64_t channel = n / (p->shape[1] * p->shape[2]);
            to[count++] =
                n < 0 ? 0
                      : (float)((double)sum[n] * (double)p->scale[channel] / (double)(step + 1));
        }
    }
    return count;
}
