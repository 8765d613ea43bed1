/* Runs a model on samples from memory, in the background: while a batch is computed the next one is
 * prepared.
 *
 *     cc run.c $(pkg-config --cflags --libs adafire) -o run
 *     ./run digits.snn [BOARD] < samples.raw
 *
 * Standard input holds raw bytes, channels x height x width for each sample (for a picture its
 * pixels, 0..255, one channel after the other). */
#include <adafire.h>
#include <stdio.h>
#include <stdlib.h>

enum { BATCH = 64 };

struct batch {
    unsigned char *bytes;
    struct af_sample sample[BATCH];
    struct af_result result[BATCH];
    struct af_job *job;
    int64_t count;
};

static int64_t read_batch(struct batch *b, size_t size)
{
    for (b->count = 0; b->count < BATCH; b->count++) {
        unsigned char *to = b->bytes + (size_t)b->count * size;
        if (fread(to, 1, size, stdin) != size)
            break;
        struct af_sample s = {AF_U8, to, NULL, (int64_t)size, {0}};
        b->sample[b->count] = s;
    }
    return b->count;
}

/* Waits for a batch and prints its answers. */
static int finish(struct batch *b, struct af_task *task, const struct af_model *model)
{
    int status = af_wait(b->job);
    b->job = NULL;
    for (int64_t i = 0; !status && i < b->count; i++) {
        struct af_answer best;
        const int n = af_answers(task, &b->result[i], 1, &best);
        const char *name = n > 0 ? af_class_name(model, best.label) : NULL;
        if (n > 0)
            printf("%d %s %.3f after %d timesteps\n", best.label, name ? name : "",
                   best.probability, b->result[i].timesteps);
        af_result_free(&b->result[i]);
    }
    return status;
}

int main(int argc, char **argv)
{
    static struct batch batch[2];
    struct af_model *model = NULL;
    struct af_device *device = NULL;
    struct af_task *task = NULL;
    struct af_model_info info;
    if (argc < 2)
        return 2;
    int status = af_model_load(argv[1], &model);
    if (!status)
        status = af_model_info(model, &info);
    if (!status)
        status = af_device_open(argc > 2 ? argv[2] : "cpu", NULL, model, &device);
    if (!status)
        status = af_task_open(model, "classify", &task);
    const size_t size =
        status ? 1 : (size_t)info.channels * (size_t)info.height * (size_t)info.width;
    for (int i = 0; i < 2; i++)
        batch[i].bytes = (unsigned char *)malloc(BATCH * size);
    for (int now = 0; !status && read_batch(&batch[now], size); now = !now) {
        status = af_submit(device, batch[now].sample, batch[now].count, NULL, batch[now].result,
                           &batch[now].job);
        if (!status && batch[!now].job)
            status = finish(&batch[!now], task, model);
    }
    for (int i = 0; i < 2; i++)
        if (!status && batch[i].job)
            status = finish(&batch[i], task, model);
    if (status)
        fprintf(stderr, "%s\n", af_error());
    af_device_close(device); /* waits for what is still under way */
    af_task_close(task);
    af_model_free(model);
    free(batch[0].bytes);
    free(batch[1].bytes);
    return status ? 2 : 0;
}
