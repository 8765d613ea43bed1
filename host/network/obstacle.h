/* Why a network can never be converted, where lowering stopped at something lesser: the first node
 * that no sum of ReLUs and constant weights makes. */
#ifndef ADAFIRE_OBSTACLE_H
#define ADAFIRE_OBSTACLE_H

#include "network/lowering.h"

/* AF_UNSUPPORTED with a sentence that names the node, and what to use instead; AF_OK: there is
 * none. */
int obstacle_find(const struct lowering *l);
/* Of one node whose operator nothing here knows. */
int obstacle_refuse(const struct node *n);

#endif
