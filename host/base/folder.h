/* What is in a folder. */
#ifndef ADAFIRE_FOLDER_H
#define ADAFIRE_FOLDER_H

#include "base/texts.h"

#include <stdbool.h>

bool is_folder(const char *path);
/* The names in a folder in the order of their bytes, without hidden ones and what unpacking and
 * file servers leave behind; texts_free frees them. AF_IO with the reason, AF_NO_MEMORY. */
int folder_names(const char *path, struct texts *names);
/* The path of what is called so in a folder; free frees it. NULL: no memory. */
char *folder_join(const char *folder, const char *name);

#endif
