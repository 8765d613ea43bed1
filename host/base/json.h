/* Pieces of JSON. */
#ifndef ADAFIRE_JSON_H
#define ADAFIRE_JSON_H

#include <stdio.h>

/* A string, quoted and escaped. */
void json_text(FILE *f, const char *text);
/* "key": number, or null if it is not finite. */
void json_number(FILE *f, const char *key, double v);

#endif
