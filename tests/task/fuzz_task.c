/* Tasks in any words: refused with a sentence, or boxes and maps from outputs of any bytes. What
 * follows the words' final 0 are the outputs' floats. */
#include "adafire.h"
#include "run/answer.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { VALUES = 8 * 16 + 32 * 8 };

static void check(int status)
{
    if (status > 0 || (status && !*af_error()))
        abort();
}

static void answer(struct af_model *m, const struct task *task, float *values)
{
    static const uint8_t pixels[3 * 32 * 32];
    const struct answer_options options = {.task = task, .samples = 1};
    const struct af_sample sample = {.type = AF_U8, .data = pixels};
    const struct af_result result = {.output = values};
    struct answers *a;
    struct answer what;
    int status = answers_open(m, &options, &a);
    check(status);
    if (status)
        return;
    check(answers_add(a, 0, "fuzz", &sample, &(struct view){0}, &result, &what));
    for (int64_t i = 0; what.found && i < what.found->count; i++) {
        const struct af_box *b = &what.found->box[i];
        if (b->label < 0 || b->label >= what.classes || !(b->score >= 0 && b->score <= 1))
            abort();
    }
    answers_close(a);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct neurons population[] = {
        {.kind = AF_INPUT, .shape = {3, 32, 32}},
        {.kind = AF_OUTPUT, .rank = 4, .shape = {8, 4, 4}, .dim = {1, 8, 4, 4}},
        {.kind = AF_OUTPUT, .rank = 3, .shape = {32, 8, 1}, .dim = {1, 32, 8}},
    };
    struct af_model m = {.name = (char[]){"fuzz"}, .population = population, .population_count = 2};
    float values[VALUES] = {0};
    struct task task;
    char *text = malloc(size + 1);
    if (!text)
        abort();
    memcpy(text, data, size);
    text[size] = 0;
    size_t words = strlen(text) + 1;
    if (words < size)
        memcpy(values, data + words, size - words < sizeof values ? size - words : sizeof values);
    int status = task_parse("fuzz", text, &task);
    check(status);
    if (!status) {
        answer(&m, &task, values);
        population[2].dim[2] = population[2].shape[1] = 4; /* boxes of 32 anchors */
        population[1] = population[2];
        m.population_count = 3;
        answer(&m, &task, values);
    }
    free(text);
    return 0;
}
