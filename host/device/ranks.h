/* Many processes as one board: `mpirun -n N adafire-host ...` (Open MPI). Rank 0 reads the samples,
 * deals them out in order, keeps a share for itself and gathers the results, so that what it makes
 * of them is what one process makes. The others open the same model and board, and serve. */
#ifndef ADAFIRE_RANKS_H
#define ADAFIRE_RANKS_H

#include "device/device.h"

struct ranks;

/* *ranks is NULL where mpirun has not started more than one process. AF_NO_DEVICE if it has and
 * this build knows no MPI. */
int ranks_begin(struct ranks **ranks);
int ranks_rank(const struct ranks *ranks);
int ranks_size(const struct ranks *ranks);
int ranks_local_rank(const struct ranks *ranks); /* among those of this computer */

/* On ranks from 1 on: works until rank 0 is through. `status` is AF_OK, or what has kept this rank
 * from opening its device (NULL); rank 0 then tells af_error(). */
int ranks_serve(struct ranks *ranks, struct af_device *device, int status);

/* On rank 0: a device that runs on all. It takes `own` over, also on failure, which names the rank.
 */
int ranks_over(struct ranks *ranks, struct af_device *own, struct af_device **device);

/* Ends the others if ranks_over has not; on every rank, at the end. */
void ranks_end(struct ranks *ranks);

#endif
