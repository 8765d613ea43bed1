// The accelerator's sources for Vitis HLS: streams become hls::stream (hls.h).
#include <stdint.h>

extern "C" void adafire_kernel(const uint32_t *in, uint32_t *out, uint32_t in_words, uint32_t room);
#include "kernel.c" // NOLINT
