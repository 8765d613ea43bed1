#include "accelerator/accelerator.h"

#include "accelerator/marks.h"
#include "accelerator/program.h"
#include "base/error.h"
#include "device/result.h"
#include "isa.h"
#include "link/message.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct accelerator {
    struct af_device device;
    struct links links; /* machines of one build, each with the model loaded */
    struct link *link;  /* the one that is spoken to */
    struct program *program;
    uint32_t *message;
    size_t room;
    bool lost; /* something went wrong: what the machines hold is not known */
    int16_t *counts;
    int32_t *sums; /* of one output population, [channels][height][width] */
};

/* ---- Exchanges ------------------------------------------------------------------------------- */

static int make_room(struct accelerator *a, size_t words)
{
    if (words <= a->room)
        return AF_OK;
    uint32_t *more = realloc(a->message, 2 * words * sizeof *more);
    if (!more)
        return af_fail(AF_NO_MEMORY, "no memory for a message");
    a->message = more;
    a->room = 2 * words;
    return AF_OK;
}

/* Sends what stands in a->message and an END behind it. */
static int exchange(struct accelerator *a, size_t words, struct message_reader *r)
{
    words += message_seal(a->message + words, COMMAND_END, 0);
    return a->link->operations->exchange(a->link, a->message, words, &r->word, &r->left);
}

static int identify(struct accelerator *a, struct limits *limits)
{
    struct message_reader r;
    const uint32_t *payload;
    size_t words;
    int status = make_room(a, 16);
    if (!status)
        status = exchange(a, message_seal(a->message, COMMAND_IDENTIFY, 0), &r);
    if (!status)
        status = message_read(&r, COMMAND_IDENTIFY, &payload, &words);
    if (status)
        return status;
    if (!limits_from(payload, words, limits))
        return af_fail(AF_NO_DEVICE,
                       "the accelerator speaks version %u of its language, this host version %d",
                       words ? payload[0] : 0, ISA_VERSION);
    return AF_OK;
}

static int load(struct accelerator *a)
{
    struct message_reader r;
    const uint32_t *payload;
    size_t words, messages = 0;
    const struct program *p = a->program;
    int status = make_room(a, p->words + 3);
    if (status)
        return status;
    memcpy(a->message, p->word, p->words * sizeof *p->word);
    for (size_t i = 0; i < p->words; i += 3 + p->word[i + 1])
        messages++;
    status = exchange(a, p->words, &r);
    for (size_t i = 0; i < messages && !status; i++)
        status = message_read(&r, COMMAND_LOAD, &payload, &words);
    return status ? status : message_read(&r, COMMAND_END, &payload, &words);
}

/* ---- A sample -------------------------------------------------------------------------------- */

static int put_list(struct accelerator *a, const int16_t *counts, size_t *words)
{
    const int *shape = a->device.model->population[0].shape;
    int64_t n = (int64_t)shape[0] * shape[1] * shape[2];
    size_t at = (*words)++;
    int status = make_room(a, *words + 2 * (size_t)n + 8);
    if (status)
        return status;
    uint32_t events = 0;
    for (int c = 0; c < shape[0]; c++)
        for (int y = 0; y < shape[1]; y++)
            for (int x = 0; x < shape[2]; x++, counts++)
                if (*counts) {
                    a->message[(*words)++] = (uint32_t)c << 16 | (uint32_t)y;
                    a->message[(*words)++] = (uint32_t)x << 16 | (uint16_t)*counts;
                    events++;
                }
    a->message[at] = events;
    return AF_OK;
}

/* A row of a channel of a run by tiles' input: a head and the counts, as narrow as can be. */
static size_t put_row(uint32_t *word, const int16_t *count, int columns)
{
    int least = count[0], most = count[0];
    for (int x = 1; x < columns; x++) {
        least = count[x] < least ? count[x] : least;
        most = count[x] > most ? count[x] : most;
    }
    const bool wide = most - least > 255;
    const int each = wide ? 2 : 4;
    size_t words = 1;
    word[0] = (uint32_t)least << 16 | (wide ? INPUT_WIDE : 0);
    for (int x = 0; x < columns; x += each) {
        uint32_t all = 0;
        for (int i = 0; i < each && x + i < columns; i++)
            all |= (uint32_t)(count[x + i] - least) << i * 32 / each;
        word[words++] = all;
    }
    return words;
}

static int put_dense(struct accelerator *a, const int16_t *counts, size_t *words)
{
    const int *shape = a->device.model->population[0].shape;
    const size_t head = (*words)++;
    int status =
        make_room(a, *words + (size_t)shape[0] * (size_t)shape[1] * ((size_t)shape[2] / 2 + 2) + 8);
    if (status)
        return status;
    for (int y = 0; y < shape[1]; y++)
        for (int c = 0; c < shape[0]; c++)
            *words += put_row(a->message + *words, counts + ((int64_t)c * shape[1] + y) * shape[2],
                              shape[2]);
    a->message[head] = (uint32_t)(*words - head - 1);
    return AF_OK;
}

/* Questions about the last inference: its counters, and with `marks` what its cycles went to. */
static int put_questions(struct accelerator *a, uint32_t marks, size_t *words)
{
    const uint32_t cores = a->program->limits.cores;
    int status = make_room(a, *words + 10 * (size_t)cores + 3);
    const struct {
        int command;
        uint32_t number;
    } asked[] = {{COMMAND_COUNTERS, (uint32_t)a->program->phases + 1}, {COMMAND_PROFILE, marks}};
    for (int i = 0; i < (marks ? 2 : 1) && !status; i++)
        for (uint32_t k = 0; k < cores; k++) {
            a->message[*words + 2] = k << 24;
            a->message[*words + 3] = asked[i].number;
            *words += message_seal(a->message + *words, asked[i].command, 2);
        }
    return status;
}

/* Adds an inference and questions about it to a->message. */
static int put_sample(struct accelerator *a, const struct af_sample *sample,
                      const struct af_run_options *o, int steps, int flags, size_t *words)
{
    const struct af_model *m = a->device.model;
    const int64_t inputs = neuron_count(&m->population[0]);
    const size_t begin = *words;
    int status = make_room(a, begin + 16);
    *words += 3;
    if (m->format.events)
        flags |= RUN_EVENTS;
    if (!status && sample->counts && !m->format.events)
        status = af_fail(AF_BAD_ARGUMENT, "the model was not made for recordings of events");
    else if (!status && !sample->counts)
        status = model_quantise_input(m, sample->type, sample->data, a->counts);
    if (status)
        return status;
    if (a->program->tiles)
        flags |= RUN_TILES;
    a->message[begin + 2] = (uint32_t)flags << 16 | (uint32_t)steps;
    for (int t = 0; t < (m->format.events ? steps : 1) && !status; t++)
        status = (a->program->tiles ? put_dense : put_list)(
            a, sample->counts ? sample->counts + t * inputs : a->counts, words);
    if (status)
        return status;
    *words = begin + message_seal(a->message + begin, COMMAND_RUN, *words - begin - 2);
    return put_questions(a, o->profile ? marks_wanted(a->program, steps) : 0, words);
}

static int run_exchange(struct accelerator *a, const struct af_sample *sample,
                        const struct af_run_options *o, int steps, int flags,
                        struct message_reader *r)
{
    size_t words = 0;
    int status = put_sample(a, sample, o, steps, flags, &words);
    return status ? status : exchange(a, words, r);
}

/* Unscrambles a piece of an output. */
static void take_part(struct accelerator *a, const struct answer_part *part, const uint32_t *word)
{
    const struct neurons *out = &a->device.model->population[part->population];
    const struct share *s = &part->share;
    const int lanes = (int)a->program->limits.lanes;
    for (int y = 0; y < s->count[1]; y++)
        for (int x = 0; x < s->count[2]; x++)
            for (int g = 0; g < s->count[0]; g++)
                for (int l = 0; l < lanes; l++, word++) {
                    int c = (s->first[0] + g * s->step[0]) * lanes + l;
                    int64_t row = (int64_t)c * out->shape[1] + s->first[1] + y * s->step[1];
                    if (c < out->shape[0])
                        a->sums[row * out->shape[2] + s->first[2] + x * s->step[2]] =
                            (int32_t)*word;
                }
}

static void fill_outputs(struct accelerator *a, const uint32_t *payload, int steps, float *to)
{
    const struct program *p = a->program;
    for (int i = 1; i < p->model->population_count; i++) {
        if (p->model->population[i].kind != AF_OUTPUT)
            continue;
        for (int k = 0; k < p->parts; k++)
            if (p->part[k].population == i)
                take_part(a, &p->part[k], payload + p->part[k].word);
        to += result_output(p->model, i, a->sums, steps, to);
    }
}

/* The events in front of the answer. */
static int read_trace(const struct accelerator *a, int64_t index, const struct af_run_options *o,
                      struct message_reader *r)
{
    const struct af_model *m = a->device.model;
    size_t length;
    enum message_part part;
    for (int step = 0; (part = message_part(r->word, r->left, &length)) >= PART_EVENT;) {
        if (part == PART_TIMESTEP) {
            step++;
            r->word++;
            r->left--;
            continue;
        }
        const uint32_t phase = r->word[0];
        if (part == PART_DAMAGED || r->left < length || phase > (uint32_t)a->program->phases)
            return af_fail(AF_IO, "an answer of the accelerator is damaged");
        const int population = a->program->phase_of[phase], count = (int16_t)r->word[2];
        const uint32_t c = r->word[1] >> 16, y = r->word[1] & 0xffff, x = r->word[2] >> 16;
        const struct neurons *p = &m->population[population];
        if (c >= (uint32_t)p->shape[0] || y >= (uint32_t)p->shape[1] || x >= (uint32_t)p->shape[2])
            return af_fail(AF_IO, "the accelerator sends an event of a neuron that is not there");
        o->on_event(o->on_event_context, index, step, population,
                    (int)((c * (uint32_t)p->shape[1] + y) * (uint32_t)p->shape[2] + x), count);
        r->word += length;
        r->left -= length;
    }
    return AF_OK;
}

static int read_answer(struct accelerator *a, struct message_reader *r, int *steps,
                       const uint32_t **outputs)
{
    const uint32_t *payload;
    size_t words;
    const size_t expected = 1 + a->program->answer_words;
    int status = message_read(r, COMMAND_RUN, &payload, &words);
    if (!status && words != expected)
        status = af_fail(AF_IO, "the accelerator sends %zu words instead of %zu", words, expected);
    if (status)
        return status;
    *steps = (int)payload[0];
    *outputs = payload + 1;
    return AF_OK;
}

static int read_end(struct message_reader *r)
{
    const uint32_t *payload;
    size_t words;
    return message_read(r, COMMAND_END, &payload, &words);
}

static int64_t wide(const uint32_t *word)
{
    return (int64_t)((uint64_t)word[1] << 32 | word[0]);
}

/* Every core has seen all events, and counts the operations that they cause in it. In a run by
 * tiles it sees some several times: then they were counted once, where they were written, and stand
 * in the answer. */
static int read_counters(const struct accelerator *a, struct message_reader *r,
                         const uint32_t *answer, struct af_result *result)
{
    const struct program *p = a->program;
    for (uint32_t k = 0; k < p->limits.cores; k++) {
        const uint32_t *payload;
        size_t words;
        int status = message_read(r, COMMAND_COUNTERS, &payload, &words);
        if (!status && words != 8 * (size_t)(p->phases + 1))
            status = af_fail(AF_IO, "the accelerator sends %zu words of counters", words);
        if (status)
            return status;
        /* A constant input is no event. */
        for (int i = p->model->format.events ? 0 : 1; i <= p->phases; i++) {
            const int population = p->phase_of[i];
            const uint32_t *sent = payload + 4 * i, *caused = sent + 4 * (p->phases + 1);
            if (p->tiles)
                sent = answer + p->tallies_word + 4 * (size_t)i;
            result->events[population] = wide(sent);
            result->spikes[population] = wide(sent + 2);
            result->sops[population] += wide(caused);
            result->spike_sops[population] += wide(caused + 2);
        }
    }
    return AF_OK;
}

static int read_profile(const struct accelerator *a, struct message_reader *r, int steps,
                        struct af_result *result)
{
    const struct program *p = a->program;
    const uint32_t *of_core[MARKS_MOST_CORES];
    const uint32_t marks = marks_wanted(p, steps);
    for (uint32_t k = 0; marks && k < p->limits.cores; k++) { /* marks_wanted knows how many */
        size_t words;
        int status = message_read(r, COMMAND_PROFILE, &of_core[k], &words);
        if (!status && words != 2 * PROFILE_PROCESSES + (size_t)marks * MARK_WORDS)
            status = af_fail(AF_IO, "the accelerator sends %zu words of a profile", words);
        if (status)
            return status;
    }
    return marks ? marks_profile(p, of_core, marks, result->timesteps, &result->profile) : AF_OK;
}

/* The answers to what put_sample asks, but for the trace. */
static int read_sample(struct accelerator *a, struct message_reader *r,
                       const struct af_run_options *o, struct af_result *result)
{
    const uint32_t *outputs;
    int status = read_answer(a, r, &result->timesteps, &outputs);
    if (!status)
        status = read_counters(a, r, outputs, result);
    if (!status && o->profile)
        status = read_profile(a, r, o->timesteps, result);
    if (!status && (result->timesteps < 1 || result->timesteps > o->timesteps))
        status = af_fail(AF_IO, "the accelerator took %d timesteps of %d", result->timesteps,
                         o->timesteps);
    if (!status)
        fill_outputs(a, outputs, result->timesteps, result->output);
    result->adds = NULL; /* which no counter has */
    return status;
}

/* The outputs after each timestep: as many runs, each a timestep longer. */
static int fill_history(struct accelerator *a, const struct af_sample *sample,
                        struct af_result *result)
{
    static const struct af_run_options plain = {0};
    int status = AF_OK;
    for (int t = 1; t <= result->timesteps && !status; t++) {
        struct message_reader r;
        int steps;
        const uint32_t *outputs;
        status = run_exchange(a, sample, &plain, t, 0, &r);
        if (!status)
            status = read_answer(a, &r, &steps, &outputs);
        if (!status)
            fill_outputs(a, outputs, t, result->history + (int64_t)(t - 1) * result->output_size);
    }
    return status;
}

static int run_flags(const struct af_model *m, const struct af_run_options *o)
{
    return m->iat.metric != 0 && !o->no_iat ? RUN_IAT : 0;
}

/* Of an input by events the machine counts none where it runs by tiles: it has them from here. */
static void count_input(const struct af_model *m, const struct af_sample *sample,
                        struct af_result *result)
{
    const int64_t inputs = neuron_count(&m->population[0]);
    if (!sample->counts)
        return;
    result->events[0] = result->spikes[0] = 0;
    for (int64_t i = 0; i < inputs * result->timesteps; i++) {
        result->events[0] += sample->counts[i] != 0;
        result->spikes[0] += abs(sample->counts[i]);
    }
}

static int run_sample(struct accelerator *a, const struct af_sample *sample, int64_t index,
                      const struct af_run_options *o, struct af_result *result)
{
    const struct af_model *m = a->device.model;
    struct message_reader r;
    const uint64_t begin = a->link->operations->cycles(a->link);
    int status = result_make(m, o->trace ? o->timesteps : 0, result);
    if (!status && o->on_event && !a->program->limits.marks)
        status = af_fail(AF_UNSUPPORTED, "this build of the accelerator does not send events");
    if (!status)
        status = run_exchange(a, sample, o, o->timesteps,
                              (o->on_event ? RUN_TRACE : 0) | run_flags(m, o), &r);
    if (!status && o->on_event)
        status = read_trace(a, index, o, &r);
    if (!status)
        status = read_sample(a, &r, o, result);
    if (!status)
        status = read_end(&r);
    if (status)
        return status;
    if (a->program->tiles)
        count_input(m, sample, result);
    result->cycles = (int64_t)(a->link->operations->cycles(a->link) - begin);
    return o->trace ? fill_history(a, sample, result) : AF_OK;
}

/* ---- Many samples ------------------------------------------------------------------------------
 */

/* Exchanges of `each` samples, sent ahead of the answers and dealt out to the machines in turn. */
struct dealing {
    const struct af_sample *sample;
    const struct af_run_options *options;
    struct af_result *result;
    int64_t count, each;
    int64_t sent, received; /* exchanges */
};
enum { SAMPLES_EACH = 16 };

static struct link *dealt_to(const struct accelerator *a, int64_t exchange)
{
    return a->links.link[exchange % a->links.count];
}

static int send_next(struct accelerator *a, struct dealing *d)
{
    const int64_t first = d->sent * d->each,
                  end = first + d->each < d->count ? first + d->each : d->count;
    const int flags = run_flags(a->device.model, d->options);
    struct link *link = dealt_to(a, d->sent);
    size_t words = 0;
    int status = AF_OK;
    for (int64_t i = first; i < end && !status; i++)
        status = put_sample(a, &d->sample[i], d->options, d->options->timesteps, flags, &words);
    if (!status)
        status = make_room(a, words + 3);
    if (status)
        return status;
    words += message_seal(a->message + words, COMMAND_END, 0);
    status = link->operations->send(link, a->message, words);
    d->sent += !status;
    return status;
}

static int receive_next(struct accelerator *a, struct dealing *d)
{
    const int64_t first = d->received * d->each,
                  end = first + d->each < d->count ? first + d->each : d->count;
    struct link *link = dealt_to(a, d->received++);
    struct message_reader r;
    int status = link->operations->receive(link, &r.word, &r.left);
    for (int64_t i = first; i < end && !status; i++) {
        status = result_make(a->device.model, 0, &d->result[i]);
        if (!status)
            status = read_sample(a, &r, d->options, &d->result[i]);
        if (!status && a->program->tiles)
            count_input(a->device.model, &d->sample[i], &d->result[i]);
    }
    return status ? status : read_end(&r);
}

/* What is still under way is of no use, but a link must not keep it; the first fault is the one to
 * tell. */
static void take_back(const struct accelerator *a, struct dealing *d)
{
    char fault[1024];
    struct message_reader r;
    if (a->link->operations->reset) /* does that */
        return;
    snprintf(fault, sizeof fault, "%s", af_error());
    while (d->received < d->sent) {
        struct link *link = dealt_to(a, d->received++);
        (void)link->operations->receive(link, &r.word, &r.left);
    }
    af_tell("%s", fault);
}

/* An answer belongs to its link until the next send, so it is read before. */
static int run_ahead(struct accelerator *a, struct dealing *d)
{
    const int64_t most = (int64_t)a->link->operations->ahead * a->links.count;
    d->each = (d->count + most - 1) / most;
    d->each = d->each < SAMPLES_EACH ? d->each : SAMPLES_EACH;
    const int64_t all = (d->count + d->each - 1) / d->each;
    int status = AF_OK;
    while (d->received < all && !status) {
        if (d->sent < all && d->sent - d->received < most)
            status = send_next(a, d);
        else
            status = receive_next(a, d);
    }
    if (status)
        take_back(a, d);
    return status;
}

static int load_all(struct accelerator *a)
{
    int status = AF_OK;
    for (int i = 0; i < a->links.count && !status; i++) {
        a->link = a->links.link[i];
        if (a->program->tiles && a->link->operations->provide)
            status = a->link->operations->provide(a->link, a->program->memory);
        if (!status)
            status = load(a);
    }
    a->link = a->links.link[0];
    return status;
}

/* After a fault the machines begin anew. */
static int recover(struct accelerator *a)
{
    int status = AF_OK;
    for (int i = 0; i < a->links.count && !status; i++)
        status = a->links.link[i]->operations->reset(a->links.link[i]);
    return status ? status : load_all(a);
}

static int run_all(struct accelerator *a, const struct af_sample *samples, int64_t count,
                   const struct af_run_options *options, struct af_result *results)
{
    int status = AF_OK;
    if (a->link->operations->ahead && !options->trace && !options->on_event) {
        struct dealing d = {
            .sample = samples, .options = options, .result = results, .count = count};
        return run_ahead(a, &d);
    }
    for (int64_t i = 0; i < count && !status; i++)
        status = run_sample(a, &samples[i], i, options, &results[i]);
    return status;
}

static int accelerator_run(struct af_device *device, const struct af_sample *samples, int64_t count,
                           const struct af_run_options *options, struct af_result *results)
{
    struct accelerator *a = (struct accelerator *)device;
    int status = a->lost ? recover(a) : AF_OK;
    if (!status)
        status = run_all(a, samples, count, options, results);
    a->lost = status && a->link->operations->reset;
    return status;
}

/* ---- Opening --------------------------------------------------------------------------------- */

static void accelerator_close(struct af_device *device)
{
    struct accelerator *a = (struct accelerator *)device;
    links_close(&a->links);
    program_free(a->program);
    free(a->message);
    free(a->counts);
    free(a->sums);
    free(a);
}

/* Every machine is asked what it is; they must be alike. */
static int get_to_know(struct accelerator *a, struct limits *limits)
{
    int status = AF_OK;
    for (int i = 0; i < a->links.count && !status; i++) {
        struct limits l;
        a->link = a->links.link[i];
        status = identify(a, i ? &l : limits);
        if (!status && i && memcmp(&l, limits, sizeof l) != 0)
            status = af_fail(AF_NO_DEVICE, "the accelerators are of different builds");
    }
    return status;
}

int accelerator_open(struct links *links, const struct af_model *m, struct af_device **device)
{
    static const struct device_operations operations = {accelerator_run, accelerator_close};
    struct accelerator *a = calloc(1, sizeof *a);
    struct limits limits;
    int64_t most = 1;
    if (!a) {
        links_close(links);
        return af_fail(AF_NO_MEMORY, "no memory");
    }
    a->device = (struct af_device){
        .operations = &operations, .model = m, .megahertz = links->link[0]->megahertz};
    a->links = *links;
    for (int i = 0; i < m->population_count; i++)
        if (m->population[i].kind == AF_OUTPUT && neuron_count(&m->population[i]) > most)
            most = neuron_count(&m->population[i]);
    a->counts = calloc((size_t)neuron_count(&m->population[0]), sizeof *a->counts);
    a->sums = calloc((size_t)most, sizeof *a->sums);
    int status = a->counts && a->sums ? AF_OK : af_fail(AF_NO_MEMORY, "no memory");
    if (!status)
        status = get_to_know(a, &limits);
    if (!status)
        status = program_make(m, &limits, &a->program);
    if (!status)
        status = load_all(a);
    if (!status)
        a->device.sends_events = limits.marks > 0;
    if (!status)
        a->device.profiles = limits.marks > 0;
    if (status)
        accelerator_close(&a->device);
    else
        *device = &a->device;
    return status;
}
