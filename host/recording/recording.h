/* Recordings of event cameras, block by block, whatever the file's format.
 *
 * Memory does not grow with the file. The format is told by content. Coordinates, polarities and
 * times are the file's own: nothing is turned over, cropped or sorted; of polarities -1 and 1 the
 * first becomes 0. What is not as it should be and can be read all the same (a file that was cut,
 * words of unknown types, time that runs backwards) is counted and told in notes; what cannot is
 * refused with a sentence.
 *
 * - AEDAT 2 (DVS128, DAVIS), AEDAT 3.1, AEDAT 4 (plain, LZ4, Zstd)
 * - EVT2, EVT2.1 and EVT3 (Prophesee RAW); EVT2 and EVT3 without a header, too
 * - DAT, ES (DVS events), N-MNIST .bin
 * - tables: .npy with four columns or with fields, .npz of such or of an array a column, HDF5
 * (DSEC, Metavision, columns or a table), text (a line an event). See columns.h for their order and
 * times
 *
 * Any of them may be packed with gzip. */
#ifndef ADAFIRE_RECORDING_H
#define ADAFIRE_RECORDING_H

#include "base/stream.h"
#include "base/texts.h"
#include "adafire.h"

#include <stdbool.h>

/* The least that recording_next must have room for: what one word can hold. */
enum { RECORDING_ROOM = 32 };

struct recording;

struct recording_about {
    char format[48];   /* such as "EVT3" or "npy, columns t, x, y, p" */
    int width, height; /* of the sensor; 0: the file does not say */
    int64_t rows;      /* of a table; -1: not known before they are read */
    int word;          /* bytes, where all words are of one size; else 0 */
};

/* What was read so far; times in us, the last five of no meaning without events. */
struct recording_totals {
    int64_t events;
    int64_t darker, brighter; /* of polarity 0 and 1 */
    int64_t first, last;      /* of the first event, and of the last */
    int64_t least, most;      /* the earliest and the latest time */
    int x, y;                 /* the largest */
};

/* AF_IO, AF_BAD_FILE, AF_UNSUPPORTED, AF_NO_MEMORY with a sentence that begins with the path; *r is
 * NULL on failure. */
int recording_open(struct recording **r, const char *path);
/* A recording that comes as it pleases, in a format of LIVE_FORMATS, or NULL: told by content,
 * which without a header takes 4 KiB. recording_next then gives what came, and waits only for the
 * first event. `read`: see stream_open_from; name and context must live as long. */
#define LIVE_FORMATS "evt2, evt2.1, evt3, aedat4, aedat3, aedat2, dat, es, text, plain"
int recording_open_live(struct recording **r, const char *name, const char *format,
                        stream_reads *read, void *context);
/* Whether LIVE_FORMATS holds it. */
bool recording_is_live_format(const char *format);
/* A table in an .npy file or in a member of an archive; `name` stands in sentences. */
int recording_open_array(struct recording **r, const struct place *place, const char *name);
/* The next events, at most `room` (RECORDING_ROOM or more; any number of a table); *count is 0 at
 * the end. After a failure the recording is of no more use. */
int recording_next(struct recording *r, struct af_camera_event *events, int room, int *count);
/* Goes past rows of a table without looking at them. */
int recording_skip(struct recording *r, int64_t rows);
/* Good until the recording is closed. What tables hold is known after the first recording_next. */
const struct recording_about *recording_about(const struct recording *r);
struct recording_totals recording_totals(const struct recording *r);
/* What was counted until now, a sentence each, without the path; `times`: also of times that run
 * backwards. */
int recording_notes(const struct recording *r, bool times, struct texts *notes);
void recording_close(struct recording *r); /* NULL is fine */

/* Whether the file is one that recording_open would take for a recording by its content. */
bool recording_is(const char *path);
/* Whether an .npy array can be a table of events: of four columns, or with fields x, y, t and p. */
bool recording_is_array(const struct place *place);
/* Whether an .npz archive holds an array for each of x, y, t and p. */
bool recording_is_archive(const char *path);

#endif
