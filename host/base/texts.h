/* A list of texts that grows: notes, names. Zeroed it is empty. */
#ifndef ADAFIRE_TEXTS_H
#define ADAFIRE_TEXTS_H

#include <stdarg.h>

struct texts {
    int count;
    char **text;
};

/* Adds a copy. AF_NO_MEMORY. */
int texts_add(struct texts *texts, const char *text);
/* The same of what vprintf makes, unless that is there already. */
int texts_add_once(struct texts *texts, const char *format, va_list args);
void texts_free(struct texts *texts); /* leaves it empty */

#endif
