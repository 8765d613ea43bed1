/* The board "cpu": the engine behind the device interface, a sample per core at a time. */
#ifndef ADAFIRE_CPU_H
#define ADAFIRE_CPU_H

#include "board/board.h"

/* As board.h's `open`. */
int cpu_open(const struct board *board, const struct af_device_options *options,
             const struct af_model *model, struct af_device **device);

#endif
