/* Byte streams that hide gzip, zip, and where bytes come from. */
#ifndef ADAFIRE_STREAM_H
#define ADAFIRE_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { ZIP_NAME = 256 };

/* An uncompressed or deflated member of a zip archive. */
struct zip_member {
    char name[ZIP_NAME];
    int64_t header; /* where its local header is */
    int64_t packed, size;
    uint32_t crc;
    int method;
};

/* Lists the archive's members; *members is malloc'd. zip64 and encryption are refused. */
int zip_list(const char *path, struct zip_member **members, int *count);

/* Where bytes are. */
struct place {
    const char *path;
    bool zipped;
    struct zip_member member;
    bool plain; /* as it is, even if it begins like a gzip file */
};

/* Bytes in order, read from a file, unpacked from a gzip file or from a member of a zip archive. */
struct stream;
int stream_open(struct stream **stream, const struct place *place);
/* Bytes that come from elsewhere: `read` waits for some, gives `size` at the most, and none at the
 * end. stream_read then gives what one such call gave. `path` stands in sentences. */
typedef int stream_reads(void *context, void *out, size_t size, size_t *got);
int stream_open_from(struct stream **stream, const char *path, stream_reads *read, void *context);
/* All bytes there are, -1 for gzip and for what comes from elsewhere. */
int64_t stream_size(const struct stream *stream);
/* Reads `size` bytes; fewer only at the end, or of what comes from elsewhere. Damaged packed data
 * is AF_BAD_FILE. */
int stream_read(struct stream *stream, void *out, size_t size, size_t *got);
int stream_skip(struct stream *stream, int64_t size);
/* After the last byte that is wanted: compares a gzip file's check sum, which stands behind it. */
int stream_end(struct stream *stream);
void stream_close(struct stream *stream); /* NULL is fine */

#endif
