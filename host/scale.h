/* Many processes as one board: `mpirun -n N adafire-host ...` (Open MPI). Rank 0 reads the samples,
 * deals them out in order, keeps a share for itself and gathers the results, so that what it makes
 * of them is what one process makes. The others open the same model and board, and serve. */
#ifndef ADAFIRE_SCALE_H
#define ADAFIRE_SCALE_H

#include "device.h"

struct scale;

/* *scale is NULL where mpirun has not started more than one process. AF_NO_DEVICE if it has and
 * this build knows no MPI. */
int scale_begin(struct scale **scale);
int scale_rank(const struct scale *scale);
int scale_size(const struct scale *scale);
int scale_local_rank(const struct scale *scale); /* among those of this computer */

/* On ranks from 1 on: works until rank 0 is through. `status` is AF_OK, or what has kept this rank
 * from opening its device (NULL); rank 0 then tells af_error(). */
int scale_serve(struct scale *scale, struct af_device *device, int status);

/* On rank 0: a device that runs on all. It takes `own` over, also on failure, which names the rank.
 */
int scale_over(struct scale *scale, struct af_device *own, struct af_device **device);

/* Ends the others if scale_over has not; on every rank, at the end. */
void scale_end(struct scale *scale);

#endif
