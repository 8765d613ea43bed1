/* How a recording becomes counts, in words, as the pipelines have it that networks are trained
 * with; stored in the model, so that a recording runs the same everywhere. In the order in which
 * they work, whatever the order in which they are said:
 *
 *     sensor WxH     the sensor's size, whatever the file says of it
 *     hot HZ         without pixels that send more events than so many a second
 *     background MS  without events that none of the four pixels around had one before, within so
 *                    many milliseconds (Delbruck, Proc. Intl. Symp. on Secure-Life Electronics,
 * 2008) flip x, flip y turned over downsample K   x and y divided by K, without what is left over
 *     fit            from the sensor's size to the network's: x * W / w, rounded down
 *     crop           the network's size from the middle, without what is outside
 *     merge          both polarities in channel 0 (a network of one channel has no other way)
 *     swap           brighter in channel 0, darker in channel 1
 *     window MS      a frame is so long, from the first event on; what comes later is left out
 *     count N        a frame is so many events; what comes later is left out
 *     all            frames share the whole recording: equal parts of the time from its first event
 *                    to its last; so it is without words, too
 *     even           they share it by number: each timestep has as many events, the last one also
 *                    what is left over
 *
 * How many frames there are is the model's: --event-frames, or one. */
#ifndef ADAFIRE_COUNTING_H
#define ADAFIRE_COUNTING_H

#include "input/sample.h"

/* AF_BAD_ARGUMENT for what is no such word; `name` stands in the sentence. */
int counting_parse(const char *name, const char *words, struct counting *c);
/* A box in the sensor's pixels becomes one in the network's. AF_BAD_FILE as for counting_apply;
 * `sensor`: what the recording's file says, or zeros. */
int counting_box(const struct counting *c, const struct input_spec *spec, const char *name,
                 const int sensor[2], struct af_box *box);
/* The sample's events that are to be counted, at their places in the network's input; *kept is
 * malloc'd, or NULL where the sample's own are taken as they are. AF_BAD_FILE if the sensor's size
 * is needed and nobody says it. */
int counting_apply(const struct counting *c, const struct sample *s, const struct input_spec *spec,
                   struct af_camera_event **kept, int64_t *count);

#endif
