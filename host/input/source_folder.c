/* A folder of pictures, meshes or recordings, or of one folder of them per class. */
#include "input/source_folder.h"

#include "base/error.h"
#include "input/source_picture.h"
#include "input/source_points.h"
#include "input/source_recordings.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

struct entry {
    char *path;
    int label;
};

/* The names are all there is in memory: sorting needs them. */
struct folder {
    struct source base;
    struct entry *entries;
    int64_t room;
    struct source *file; /* the present one */
};

static char *join(const char *folder, const char *name)
{
    size_t n = strlen(folder), size = n + strlen(name) + 2;
    char *path = malloc(size);
    if (path)
        snprintf(path, size, "%s%s%s", folder, n && folder[n - 1] == '/' ? "" : "/", name);
    return path;
}

static bool is_folder(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

/* What a model finds in a folder. */
static const struct kind {
    const char *what, *ends[4];
    int (*open)(struct source **src, const char *path, const struct input_spec *spec);
} pictures = {"PNG or JPEG pictures", {".png", ".jpg", ".jpeg"}, source_picture},
  meshes = {"OFF or PLY meshes", {".off", ".ply"}, source_mesh},
  recordings = {"N-MNIST recordings (.bin)", {".bin"}, source_nmnist};

static const struct kind *kind_for(const struct input_spec *spec)
{
    return spec->events ? &recordings : takes_points(spec) ? &meshes : &pictures;
}

/* Names count here: a look into every file would take longer than all else. */
static bool named_as(const struct kind *kind, const char *name)
{
    const char *dot = strrchr(name, '.');
    for (int i = 0; dot && kind->ends[i]; i++)
        if (strcasecmp(dot, kind->ends[i]) == 0)
            return true;
    return false;
}

static int not_hidden(const struct dirent *entry)
{
    return entry->d_name[0] != '.';
}

/* By bytes: alphasort would follow the locale. */
static int by_name(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

/* Takes the path. */
static int add_entry(struct folder *f, char *path, int label)
{
    if (f->base.count == f->room) {
        int64_t room = f->room ? 2 * f->room : 64;
        struct entry *grown = realloc(f->entries, (size_t)room * sizeof *grown);
        if (!grown) {
            free(path);
            return af_fail(AF_NO_MEMORY, "%s: no memory", f->base.path);
        }
        f->entries = grown;
        f->room = room;
    }
    f->entries[f->base.count++] = (struct entry){path, label};
    return AF_OK;
}

/* Adds the files in `path`, then, if `classes`, those of the folders in it. */
static int scan(struct folder *f, const char *path, int label, bool classes)
{
    struct dirent **list;
    int status = AF_OK, n = scandir(path, &list, not_hidden, by_name), class = 0;
    if (n < 0)
        return af_fail(errno == ENOMEM ? AF_NO_MEMORY : AF_IO, "%s: %s", path, strerror(errno));
    for (int pass = 0; pass < (classes ? 2 : 1); pass++)
        for (int i = 0; !status && i < n; i++) {
            char *inner = join(path, list[i]->d_name);
            if (!inner) {
                status = af_fail(AF_NO_MEMORY, "%s: no memory", path);
            } else if (pass == 0 && named_as(kind_for(f->base.spec), list[i]->d_name) &&
                       !is_folder(inner)) {
                status = add_entry(f, inner, label);
                inner = NULL;
            } else if (pass == 1 && is_folder(inner)) {
                status = scan(f, inner, class ++, false);
            }
            free(inner);
        }
    for (int i = 0; i < n; i++)
        free(list[i]);
    free(list);
    return status;
}

static int next_file(struct source *src, struct sample *s)
{
    struct folder *f = (struct folder *)src;
    const struct entry *entry = &f->entries[src->at];
    source_close(f->file);
    int status = kind_for(src->spec)->open(&f->file, entry->path, src->spec);
    if (!status && !f->file->count)
        status = af_fail(AF_BAD_FILE, "%s: the file is empty", entry->path);
    if (!status)
        status = f->file->ops->next(f->file, s);
    if (status)
        return status;
    s->name = entry->path;
    s->label = entry->label;
    return AF_OK;
}

static void close_folder(struct source *src)
{
    struct folder *f = (struct folder *)src;
    for (int64_t i = 0; i < src->count; i++)
        free(f->entries[i].path);
    free(f->entries);
    source_close(f->file);
}

static const struct source_ops folder_ops = {next_file, close_folder};

int source_folder(struct source **src, const char *path, const struct input_spec *spec)
{
    *src = NULL;
    struct folder *f = source_make(sizeof *f, &folder_ops, path, spec);
    if (!f)
        return AF_NO_MEMORY;
    int status = scan(f, path, -1, true);
    if (!status && f->base.count == 0)
        status = af_fail(AF_BAD_FILE, "%s: the folder holds no %s", path, kind_for(spec)->what);
    if (status)
        source_close(&f->base);
    else
        *src = &f->base;
    return status;
}
