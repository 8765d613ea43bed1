#include "base/folder.h"

#include "base/error.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

bool is_folder(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

static int is_wanted(const struct dirent *entry)
{
    const char *name = entry->d_name;
    return name[0] != '.' && strcmp(name, "__MACOSX") != 0 && strcmp(name, "@eaDir") != 0;
}

/* By bytes: alphasort would follow the locale. */
static int by_name(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

int folder_names(const char *path, struct texts *names)
{
    struct dirent **list;
    *names = (struct texts){0};
    const int n = scandir(path, &list, is_wanted, by_name);
    if (n < 0)
        return af_fail(errno == ENOMEM ? AF_NO_MEMORY : AF_IO, "%s: %s", path, strerror(errno));
    int status = AF_OK;
    for (int i = 0; i < n; i++) {
        if (!status)
            status = texts_add(names, list[i]->d_name);
        free(list[i]);
    }
    free(list);
    if (status)
        texts_free(names);
    return status;
}

char *folder_join(const char *folder, const char *name)
{
    size_t n = strlen(folder), size = n + strlen(name) + 2;
    char *path = malloc(size);
    if (path)
        snprintf(path, size, "%s%s%s", folder, n && folder[n - 1] == '/' ? "" : "/", name);
    return path;
}
