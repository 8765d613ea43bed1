/* Opens the boards that are accelerators behind a link, as board.h's `open`. */
#ifndef ADAFIRE_OPEN_H
#define ADAFIRE_OPEN_H

#include "board/board.h"

int open_simulator(const struct board *board, const struct af_device_options *options,
                   const struct af_model *model, struct af_device **device);
int open_card(const struct board *board, const struct af_device_options *options,
              const struct af_model *model, struct af_device **device);
int open_usb(const struct board *board, const struct af_device_options *options,
             const struct af_model *model, struct af_device **device);

#endif
