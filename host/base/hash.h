/* SHA-256 of a file, as 64 hexadecimal digits. */
#ifndef ADAFIRE_HASH_H
#define ADAFIRE_HASH_H

int hash_file(const char *path, char hex[65]);

#endif
