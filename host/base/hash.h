/* SHA-256, as 64 hexadecimal digits. */
#ifndef ADAFIRE_HASH_H
#define ADAFIRE_HASH_H

#include <stddef.h>

int hash_file(const char *path, char hex[65]);
int hash_bytes(const void *bytes, size_t size, char hex[65]);

#endif
