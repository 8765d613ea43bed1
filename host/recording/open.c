#include "recording/recording.h"

#include "base/error.h"
#include "recording/reader.h"

/* A header may be long; what follows it must be seen by those who guess. */
enum { HEAD = 1 << 16 };

static const struct format *const formats[] = {
    &es_format,  &aedat4_format, &aedat3_format,    &aedat2_format,    &hdf5_format,
    &npy_format, &npz_format,    &evt3_format,      &evt21_format,     &evt2_format,
    &dat_format, &text_format,   &evt2_bare_format, &evt3_bare_format, &nmnist_format,
};

static const struct format *format_of(const struct head *h)
{
    for (size_t i = 0; i < sizeof formats / sizeof *formats; i++)
        if (formats[i]->is(h))
            return formats[i];
    return NULL;
}

/* Opens the bytes and tells their format, NULL if it is none. A file that begins like a gzip file
 * and is none that holds a recording may be one itself. */
static int recognise(const char *path, struct bytes *b, const struct format **format)
{
    int status = AF_OK;
    *format = NULL;
    for (int plain = 0; plain < 2; plain++) {
        status = bytes_open(b, path, plain);
        if (status)
            return status;
        status = bytes_fill(b, HEAD);
        const struct head h = {path, bytes_here(b), bytes_left(b), b->ended};
        *format = status ? NULL : format_of(&h);
        /* Without a size the stream unpacks. */
        if (*format || plain || (!status && stream_size(b->stream) >= 0))
            break;
        bytes_close(b);
    }
    if (status)
        bytes_close(b);
    return status;
}

bool recording_is(const char *path)
{
    struct bytes b;
    const struct format *format;
    if (recognise(path, &b, &format))
        return false;
    bytes_close(&b);
    return format != NULL;
}

int recording_open(struct recording **r, const char *path)
{
    struct bytes b;
    const struct format *format;
    *r = NULL;
    int status = recognise(path, &b, &format);
    if (status)
        return status;
    if (format)
        return format->open(r, path, &b);
    const bool empty = !bytes_left(&b);
    bytes_close(&b);
    return af_fail(
        AF_BAD_FILE,
        empty ? "%s: the file is empty"
              : "%s: not a recording that is read (AEDAT 2, 3.1 and 4, EVT2, EVT2.1, EVT3, "
                "DAT, ES, N-MNIST .bin, HDF5, npy, npz, text)",
        path);
}
