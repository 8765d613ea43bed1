/* A look as text for a terminal: the window in half blocks, the answers, what populations did. */
#ifndef ADAFIRE_SCREEN_H
#define ADAFIRE_SCREEN_H

#include "live/look.h"

#include <stdio.h>

struct screen_style {
    int columns, rows;
    bool colour;  /* else light and dark by characters alone */
    bool unicode; /* half blocks and bars; else ASCII */
};

/* As the environment and the terminal behind fd say: NO_COLOR, TERM, the locale, the window's size
 * (80 x 24 where it is not known). False for a dumb terminal, or none: lines are for those. */
bool screen_style_of(int fd, struct screen_style *style);
/* Draws over what was drawn before, never beyond the style's columns and rows. */
void screen_draw(FILE *f, const struct look *look, const char *title,
                 const struct screen_style *style);
/* Once before the first, and after the last. */
void screen_begin(FILE *f);
void screen_end(FILE *f);

#endif
