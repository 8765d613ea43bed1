/* How to use AdaFire from C: classify one sample.
 *
 *     cc example.c $(pkg-config --cflags --libs adafire) -o example
 *     ./example digits.snn [SAMPLE]
 *
 * SAMPLE is a file of raw bytes, channels x height x width as the model wants them (for a picture
 * its pixels, 0..255, one channel after the other). Without it the sample is all zeros. */
#include <adafire.h>
#include <stdio.h>
#include <stdlib.h>

/* The sample's bytes; NULL with a message if they cannot be had. free() frees them. */
static unsigned char *read_sample(const char *path, size_t size)
{
    unsigned char *pixels = calloc(size, 1);
    if (!pixels || !path)
        return pixels;
    FILE *f = fopen(path, "rb");
    size_t got = f ? fread(pixels, 1, size, f) : 0;
    if (f)
        fclose(f);
    if (got == size)
        return pixels;
    fprintf(stderr, "%s: %zu bytes, the model wants %zu\n", path, got, size);
    free(pixels);
    return NULL;
}

static void print_result(const struct af_model *model, const struct af_model_info *info,
                         const struct af_result *result)
{
    int best = 0;
    long long spikes = 0;
    for (int k = 1; k < info->classes; k++)
        if (result->output[k] > result->output[best])
            best = k;
    for (int i = 0; i < info->populations; i++)
        spikes += result->spikes[i];
    const char *name = af_class_name(model, best);
    printf("class %d%s%s after %d timesteps, %lld spikes\n", best, name ? ", " : "",
           name ? name : "", result->timesteps, spikes);
}

int main(int argc, char **argv)
{
    struct af_model *model = NULL;
    struct af_device *device = NULL;
    struct af_model_info info;
    int status = 2;
    if (argc < 2 || argc > 3) {
        fprintf(stderr, "Usage: example MODEL.snn [SAMPLE]\n");
        return 2;
    }
    if (af_model_load(argv[1], &model) || af_device_open("cpu", NULL, model, &device)) {
        fprintf(stderr, "%s\n", af_error());
        af_model_free(model);
        return 2;
    }
    af_model_info(model, &info);
    size_t size = (size_t)info.channels * (size_t)info.height * (size_t)info.width;
    unsigned char *pixels = read_sample(argc > 2 ? argv[2] : NULL, size);
    struct af_sample sample = {.type = AF_U8, .data = pixels};
    struct af_result result;
    if (pixels && af_run(device, &sample, 1, NULL, &result)) {
        fprintf(stderr, "%s\n", af_error());
    } else if (pixels) {
        print_result(model, &info, &result);
        af_result_free(&result);
        status = 0;
    }
    free(pixels);
    af_device_close(device);
    af_model_free(model);
    return status;
}
