/* Class maps as labels: an array of them, or a folder of PNG files. Files belong to the picture of
 * the same name, but for the ending; where no name is the same, to the sample at the same place. */
#ifndef ADAFIRE_LABEL_MAPS_H
#define ADAFIRE_LABEL_MAPS_H

#include "base/tensor.h"

struct label_maps;

/* Maps may be of the input's or of the output's size (height, width). samples: that will come, -1:
 * unknown, or fewer than there are; as many maps are wanted where they are taken by place. */
int label_maps_open(const char *path, const int input[2], const int output[2], int64_t samples,
                    struct label_maps **maps);
void label_maps_close(struct label_maps *m);
/* The map of the next sample, of that name: label->data is [height][width] and good until the next.
 */
int label_maps_next(struct label_maps *m, const char *sample, struct tensor *label, int *height,
                    int *width);
/* What the user ought to know after the first sample; NULL: nothing. */
const char *label_maps_note(const struct label_maps *m);

#endif
