/* For test_arm.sh: the board "cpu" without the others, which need libraries that are not there. */
#include "board/cpu.h"

#include "device/device.h"

int af_device_open(const char *board, const struct af_device_options *options,
                   const struct af_model *model, struct af_device **device)
{
    (void)board;
    return cpu_open(NULL, options, model, device);
}
