// The accelerator's sources for Vitis HLS: streams become hls::stream (hls.h).
#include <ap_int.h>
#include <stdint.h>

#include "kernel.c" // NOLINT
