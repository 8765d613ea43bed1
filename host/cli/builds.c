#include "cli/builds.h"

#include <string.h>

const struct build builds[BUILDS] = {
    {"sim", "simulated, the default", "4 cores of 16 lanes, bursts of 255, networks of any size"},
    {"u250", "a tile of an Alveo card", "4 cores of 16 lanes, bursts of 63"},
    {"ulx3s", "an ECP5 85F", "4 cores of 8 lanes, bursts of 63"},
    {"tiny", "small FPGAs on USB", "1 core of 1 lane, bursts of 15, small networks"},
};

int build_try(const char *name, const struct af_model *model)
{
    struct af_device *device = NULL;
    const struct af_device_options o = {.build = name};
    const int status = af_device_open("csim", &o, model, &device);
    af_device_close(device);
    return status;
}

const char *build_that_fits(const struct af_model *model, const char *but)
{
    for (int i = 0; i < BUILDS; i++)
        if ((!but || strcmp(builds[i].name, but) != 0) && !build_try(builds[i].name, model))
            return builds[i].name;
    return NULL;
}
