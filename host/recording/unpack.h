/* LZ4 frames and Zstd frames, by their libraries where the build found them. */
#ifndef ADAFIRE_UNPACK_H
#define ADAFIRE_UNPACK_H

#include <stddef.h>

enum packing { PACKED_NOT, PACKED_LZ4, PACKED_ZSTD };

struct unpacker {
    enum packing packing;
    void *context; /* the library's */
    unsigned char *out;
    size_t size, room; /* of what is unpacked, and of the memory */
    size_t most;       /* more than this is refused */
};

/* AF_UNSUPPORTED without the library. */
int unpacker_open(struct unpacker *u, const char *name, enum packing packing, size_t most);
void unpacker_begin(struct unpacker *u); /* a frame */
/* Takes the frame's next bytes; what comes out is added to u->out. */
int unpacker_add(struct unpacker *u, const char *name, const unsigned char *in, size_t size);
void unpacker_close(struct unpacker *u);

#endif
