/* The boxes of N-Caltech101 (Orchard et al., Front. Neurosci. 9:437, 2015), a file a recording in
 * folders by class: of Caltech101/airplanes/image_0001.bin it is
 * Caltech101_annotations/airplanes/annotation_0001.bin. Words of 16 bits, little endian, signed: 2,
 * the number of points of a rectangle, x and y of each; then as much of the object's outline. */
#ifndef ADAFIRE_ANNOTATION_H
#define ADAFIRE_ANNOTATION_H

#include "adafire.h"

struct annotations;

/* Of a folder; its folders are classes in order of their names. AF_BAD_FILE if there are none, or
 * more than `classes`. */
int annotations_open(const char *path, int classes, struct annotations **annotations);
/* The box of a sample, by its name and its folder's, in pixels of the sensor. AF_BAD_FILE if it has
 * none. */
int annotations_find(const struct annotations *a, const char *sample, struct af_box *box);
void annotations_close(struct annotations *a); /* NULL is fine */

/* The box of a file's bytes; `name` stands in messages. */
int annotation_parse(const char *name, const void *bytes, size_t size, struct af_box *box);

#endif
