#include "board/open.h"

#include "accelerator/accelerator.h"
#include "device/fleet.h"
#include "link/simulator.h"
#include "link/usb.h"
#include "link/xrt.h"

#include <string.h>

static int open_one(const void *row, const struct af_device_options *options,
                    const struct af_model *model, struct af_device **device)
{
    const struct board *board = row;
    const struct simulator_options o = {.compiled = !board->counts_cycles,
                                        .build = options->build,
                                        .waves = options->waves,
                                        .on_cycles = options->on_cycles,
                                        .context = options->on_cycles_context};
    struct links links = {.count = 1};
    *device = NULL;
    int status = link_open_simulator(&o, &links.link[0]);
    if (!status)
        status = accelerator_open(&links, model, device);
    if (status)
        return status;
    (*device)->slow = 1;
    (*device)->profiles = (*device)->profiles && board->profiles;
    return AF_OK;
}

int open_simulator(const struct board *board, const struct af_device_options *options,
                   const struct af_model *model, struct af_device **device)
{
    return board->side_by_side && !options->waves
               ? fleet_open(open_one, board, options, model, device)
               : open_one(board, options, model, device);
}

int open_card(const struct board *board, const struct af_device_options *options,
              const struct af_model *model, struct af_device **device)
{
    (void)board;
    struct links links;
    const struct xrt_options o = {.device = options->device,
                                  .bitstream = options->bitstream,
                                  .timeout = options->timeout,
                                  .on_note = options->on_note,
                                  .context = options->on_note_context};
    *device = NULL;
    int status = link_open_xrt(&o, &links);
    return status ? status : accelerator_open(&links, model, device);
}

int open_usb(const struct board *board, const struct af_device_options *options,
             const struct af_model *model, struct af_device **device)
{
    struct links links = {.count = 1};
    const struct usb_options o = {.device = options->device, .timeout = options->timeout};
    *device = NULL;
    int status = link_open_usb(&board->usb, &o, &links.link[0]);
    return status ? status : accelerator_open(&links, model, device);
}
