/* Rows of four numbers as events: which column is which, what the times mean.
 *
 * The order is known by names, or told by the first rows: columns that hold what an order wants (x
 * and y whole numbers, polarities 0 and 1 or -1 and 1, times that do not go back) are taken for it.
 * Orders are tried as: x y p t, t x y p, x y t p, t p x y (text: t x y p first; live: that or
 * names). Whole times are
 * microseconds; fractions, among the first rows or where the text says so, are seconds. */
#ifndef ADAFIRE_COLUMNS_H
#define ADAFIRE_COLUMNS_H

#include "recording/reader.h"

enum { COLUMNS = 4, COLUMN_ROWS = 4096 };
enum column { COLUMN_X, COLUMN_Y, COLUMN_P, COLUMN_T };

/* Rows as they are in the file. A column is of whole numbers or of floats. */
struct rows {
    int count;
    bool is_float[COLUMNS];
    union {
        int64_t whole[COLUMN_ROWS];
        double real[COLUMN_ROWS];
    } column[COLUMNS];
};

struct columns {
    struct recording *reader; /* for sentences and notes */
    /* Reads the next rows: rows.count of them, 0 at the end. */
    int (*fill)(struct recording *reader);
    struct rows rows;
    int at;     /* of rows, already given */
    bool known; /* `of` is */
    bool text;  /* t x y p is the usual order */
    enum { TIME_GUESS, TIME_US, TIME_S } time;
    int of[COLUMNS];  /* where in a row x, y, p and t are */
    int64_t t_offset; /* us, added to all times */
    int64_t row;      /* of the next row, for sentences */
    bool minus, zero; /* polarities seen */
};

/* The next rows as events, as recording_next; the first ones tell what is not known. A row that
 * cannot be an event is AF_BAD_FILE. */
int columns_next(struct columns *c, struct af_camera_event *events, int room, int *count);
/* Goes past rows without looking at them. */
int columns_skip(struct columns *c, int64_t rows);
/* The column that a field's name stands for, -1 if none. */
int column_of_name(const char *name);

#endif
