/* Converts a network, runs it on samples, and says how many answers are right:
 *
 *     cc convert.c $(pkg-config --cflags --libs adafire-convert) -o convert
 *     ./convert model.onnx calib_images.npy 0.0625 test_images.npy test_labels.npy [BOARD]
 *
 * 0.0625 is what a value of these samples is to the network (its scale). */
#include <adafire.h>
#include <stdio.h>
#include <stdlib.h>

static int tell(const char *what)
{
    fprintf(stderr, "%s: %s\n", what, af_error());
    return 2;
}

int main(int argc, char **argv)
{
    struct af_convert_options options;
    struct af_samples_options form;
    struct af_model *model = NULL;
    struct af_device *device = NULL;
    struct af_samples *samples = NULL;
    struct af_task *task = NULL;
    struct af_answer best;
    struct af_sample sample;
    struct af_result result;
    int64_t *labels = NULL, labelled, count = 0, right = 0;
    int more;
    if (argc < 6)
        return 2;
    const char *calib = argv[2], *test = argv[4];
    af_convert_defaults(&options);
    options.onnx = argv[1];
    options.calib = &calib;
    options.calib_count = 1;
    options.scale = atof(argv[3]);
    if (af_convert(&options, &model, NULL) || af_samples_of(model, &form) ||
        af_samples_open(&test, 1, &form, &samples) || af_labels_read(argv[5], &labels, &labelled) ||
        af_task_open(model, "classify", &task) ||
        af_device_open(argc > 6 ? argv[6] : "cpu", NULL, model, &device))
        return tell(argv[1]);
    while ((more = af_samples_next(samples, &sample, NULL)) > 0 && count < labelled) {
        if (af_run(device, &sample, 1, NULL, &result) || af_answers(task, &result, 1, &best) < 0)
            return tell(argv[4]);
        right += best.label == labels[count++];
        af_result_free(&result);
    }
    if (more < 0)
        return tell(argv[4]);
    printf("%.2f %% of %lld\n", 100.0 * (double)right / (double)count, (long long)count);
    af_free(labels);
    af_samples_close(samples);
    af_device_close(device);
    af_task_close(task);
    af_model_free(model);
    return 0;
}
