/* What a simulator prints, such as hlsc's word on a deadlock, is kept for whoever asks: standard
 * output is the program's. Included before all else in everything that Verilator makes. */
#ifndef ADAFIRE_SIM_PRINT_H
#define ADAFIRE_SIM_PRINT_H

#define VL_PRINTF sim_print
extern "C" int sim_print(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
