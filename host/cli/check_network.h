/* `adafire-convert --check`: what would become of a network, on one page. */
#ifndef ADAFIRE_CHECK_NETWORK_H
#define ADAFIRE_CHECK_NETWORK_H

#include "adafire.h"

#include <stdbool.h>

/* Prints its operators, whether it converts and, if not, why, what it would be, and which builds
 * of the accelerator hold it. Returns 0 if it converts, 1 if not, EXIT_ERROR if it cannot be read.
 */
int check_network(const struct af_convert_options *options, bool json);

#endif
