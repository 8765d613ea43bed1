/* Samples from files, one at a time, whatever the file format.
 *
 * A source streams: memory does not grow with the number of samples. Formats, told by content and
 * not by name wherever they have a magic number:
 *
 * - .npy: uint8, int8, int16, int32, float32 (or float64), shape NCHW, NCL or NF
 * - .npz: the first array of that kind, or the one named by "file.npz:name"
 * - idx, idx.gz: MNIST files (magic 0x0000TTRR, big endian), N x rows x cols or N x d
 * - CIFAR binary: records of 1 (or 2: CIFAR-100) label bytes + 3072 pixels; carries labels
 * - PNG, JPEG: resized and cropped as the spec says, RGB or grey by spec.channels
 * - recordings of event cameras, for a model that takes them: recording.h has the formats. A table
 *   in an .npy file may hold several, told apart by a second file given as
 *   "events.npy@offsets.npy" (start row of each); FILE.aedat with FILE_labels.csv beside it is a
 *   sample a line (DVS128 Gesture), and carries labels
 * - OFF, PLY (ascii, binary little endian): a mesh or a set of points, and .npy [P,3] or [N,P,3],
 *   float or double, for a model of 3 x P' points: see points.h
 * - a folder: the files in it that are named as what the model takes (pictures, meshes or
 *   recordings), by name; folders in it are classes, in order of their names, and carry labels
 */
#ifndef ADAFIRE_INPUT_H
#define ADAFIRE_INPUT_H

#include "input/sample.h"

struct input;

/* Opens the sources in order as one stream. AF_IO, AF_BAD_FILE (with path and reason: a wrong shape
 * says what the file has and what the model wants), AF_NO_MEMORY. *in is NULL on failure. */
int input_open(struct input **in, const char *const *paths, int count,
               const struct input_spec *spec);
/* Samples in all sources, -1 if that is not known before reading. */
int64_t input_count(const struct input *in);
/* Goes on to the next sample: 1 with *s filled, 0 at the end, negative on failure. */
int input_next(struct input *in, struct sample *s);
/* What was left out of the sources, a sentence each; NULL from number i on. Good until the source
 * has been read. */
const char *input_note(const struct input *in, int i);
void input_close(struct input *in);

#endif
