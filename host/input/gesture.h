/* Parts of a recording with their classes, as DVS128 Gesture has them beside each file
 * (Amir et al., CVPR 2017; https://research.ibm.com/interactive/dvsgesture/): FILE_labels.csv, a
 * line of names, then class (from 1 on), startTime_usec, endTime_usec. */
#ifndef ADAFIRE_GESTURE_H
#define ADAFIRE_GESTURE_H

#include <stddef.h>
#include <stdint.h>

struct gesture {
    int class;          /* from 0 on */
    int64_t begin, end; /* us, the end not included */
};

struct gestures {
    struct gesture *gesture; /* in order of time */
    int count;
};

/* Of FILE_labels.csv the length of FILE; 0: it is not called so. */
size_t gestures_stem(const char *name);
/* Those of the recording at `path`; none, and AF_OK, if there is no such file. AF_BAD_FILE if it is
 * damaged or parts overlap. */
int gestures_read(const char *path, struct gestures *g);
/* Those of such a file, by its own name. */
int gestures_parse(const char *csv, struct gestures *g);
void gestures_free(struct gestures *g);

#endif
