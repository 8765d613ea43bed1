/* Every event that a sample causes, as lines timestep,population,neuron,burst:
 *
 *     cc events.c $(pkg-config --cflags --libs adafire-convert) -o events
 *     ./events digits.snn test_images.npy [BOARD] */
#include <adafire.h>
#include <stdio.h>

static void print_event(void *context, int64_t sample, int timestep, int population, int neuron,
                        int burst)
{
    (void)context;
    (void)sample;
    printf("%d,%d,%d,%d\n", timestep, population, neuron, burst);
}

int main(int argc, char **argv)
{
    struct af_model *model = NULL;
    struct af_device *device = NULL;
    struct af_samples *samples = NULL;
    struct af_samples_options form;
    struct af_sample sample;
    struct af_sample_info info;
    struct af_result result;
    static struct af_run_options options; /* zeros: what is not said is as ever */
    if (argc < 3)
        return 2;
    const char *file = argv[2];
    options.on_event = print_event;
    if (af_model_load(argv[1], &model) || af_samples_of(model, &form) ||
        af_samples_open(&file, 1, &form, &samples) ||
        af_device_open(argc > 3 ? argv[3] : "cpu", NULL, model, &device) ||
        af_samples_next(samples, &sample, &info) < 0 ||
        af_run(device, &sample, 1, &options, &result)) {
        fprintf(stderr, "%s\n", af_error());
        return 2;
    }
    fprintf(stderr, "%s: %d timesteps\n", info.name, result.timesteps);
    af_result_free(&result);
    af_device_close(device);
    af_samples_close(samples);
    af_model_free(model);
    return 0;
}
