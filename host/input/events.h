/* Recordings as counts. */
#ifndef ADAFIRE_EVENTS_H
#define ADAFIRE_EVENTS_H

#include "input/sample.h"

/* The longest recording, two years, which leaves room to multiply by the number of timesteps. */
#define EVENT_TIME_MOST ((int64_t)1 << 46)

/* The first event of a recording that is earlier than the one before it; -1: there is none. Events
 * are put into bins by their times all the same, but a clock that was set back or ran over makes
 * those wrong. */
int64_t events_backwards(const struct sample *s);
/* Counts of a recording in `steps` bins: out is steps x channels x height x width, a count per
 * (bin, polarity, y, x), saturating at 255. Bins are equal parts of the time from its first event
 * to its last unless spec->counting says otherwise. Events outside the network's input are an error
 * that says which one. */
int events_bin(const struct sample *s, const struct input_spec *spec, int steps, int16_t *out);
/* The same for a network that was trained on `frames` frames of a recording (0: 1): a bin is
 * frames / steps of one, so counts are multiplied by steps / frames. What that leaves of a whole
 * event comes in a later bin. */
int events_bin_as_frames(const struct sample *s, const struct input_spec *spec, int steps,
                         int frames, int16_t *out);

#endif
