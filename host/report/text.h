/* Text for the HTML report: escaping, and numbers as people read them. */
#ifndef ADAFIRE_TEXT_H
#define ADAFIRE_TEXT_H

#include <stdint.h>
#include <stdio.h>

/* A short text by value: text_count(x).s lives to the end of the expression. */
struct text {
    char s[40];
};

/* Any bytes as HTML text or quoted attribute value: what is not UTF-8 or not printable becomes
 * U+FFFD, line breaks become spaces. NULL writes nothing. */
void text_put(FILE *f, const char *s);

/* The same, but of more than `most` characters only the last ones, after an ellipsis: what tells
 * the nodes of a network apart is mostly at the end of their names. */
void text_put_tail(FILE *f, const char *s, int most);

/* All of these are finite text; for NAN or infinity they are empty. */
struct text text_count(double value);    /* 7, 0.25, 1.23 k, 34.5 M */
struct text text_tick(double value);     /* the same without zeros at the end: 4 k, 2.5 M */
struct text text_integer(int64_t value); /* 1,234,567 */
struct text text_number(double value);   /* three significant digits */
struct text text_percent(double part);   /* 0.9132: 91.32 % */
struct text text_energy(double uj);      /* 0.288 µJ, 12.3 nJ, 1.24 mJ */
struct text text_ratio(double ratio);    /* 8.4×, 124× */

#endif
