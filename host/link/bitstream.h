/* Bitstreams and what is known of them: a folder's MANIFEST has a line for each, with the file's
 * name, its board, the version of hw/isa.h that it speaks, its clock in MHz and its SHA-256 (64
 * hexadecimal digits). Lines that begin with # are comments. */
#ifndef ADAFIRE_BITSTREAM_H
#define ADAFIRE_BITSTREAM_H

#include <limits.h>
#include <stdbool.h>

struct bitstream {
    char path[PATH_MAX], board[32];
    int isa_version;
    double clock_mhz;
    char sha256[65];
};

/* The first of a board in the folders bitstreams/ that belong to this program: here, beside the
 * build, and where `make install` puts them. AF_NO_DEVICE if there is none. */
int bitstream_find(const char *board, struct bitstream *b);

/* The line of the MANIFEST beside a file. AF_NO_DEVICE if it has none, AF_BAD_FILE if the MANIFEST
 * is damaged. */
int bitstream_look_up(const char *path, struct bitstream *b);

/* Is it of this board, of this ISA version, and is the file what its line says? */
int bitstream_verify(const struct bitstream *b, const char *board);

/* Every line of every MANIFEST. */
int bitstream_list(void (*each)(void *context, const struct bitstream *b), void *context);

#endif
