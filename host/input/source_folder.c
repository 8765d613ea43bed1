/* A folder of pictures, meshes or recordings, or of one folder of them per class. */
#include "input/source_folder.h"

#include "base/error.h"
#include "base/folder.h"
#include "input/gesture.h"
#include "input/source_picture.h"
#include "input/source_points.h"
#include "input/source_recordings.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

struct entry {
    char *path;
    int label;
    int part; /* of a file of several samples */
};

/* The names are all there is in memory: sorting needs them. */
struct folder {
    struct source base;
    struct entry *entries;
    int64_t room;
    struct source *file; /* the present one */
};

/* What is there and no sample. */
enum { NAMED = 5 };
struct left_out {
    int64_t files, folders;
    char names[NAMED * 64]; /* of the first folders */
};

/* What a model finds in a folder. */
static const struct kind {
    const char *what, *ends[12];
    int (*open)(struct source **src, const char *path, const struct input_spec *spec);
} pictures = {"PNG or JPEG pictures", {".png", ".jpg", ".jpeg"}, source_picture},
  meshes = {"OFF or PLY meshes", {".off", ".ply"}, source_mesh},
  recordings = {
      "recordings of event cameras (.bin, .aedat, .aedat4, .raw, .dat, .es, .h5, .hdf5, .npy, "
      ".npz)",
      {".bin", ".aedat", ".aedat4", ".raw", ".dat", ".es", ".h5", ".hdf5", ".npy", ".npz"},
      source_recording};

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

/* Labels of a recording's parts, which are read with it. */
static bool is_company(const struct input_spec *spec, const char *name)
{
    return spec->events && gestures_stem(name);
}

/* Takes the path. */
static int add_entry(struct folder *f, char *path, int label, int part)
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
    f->entries[f->base.count++] = (struct entry){path, label, part};
    return AF_OK;
}

/* A recording with labels of its parts beside it is a sample for each. Takes the path. */
static int add_file(struct folder *f, char *path, int label)
{
    struct gestures g = {0};
    int status = f->base.spec->events ? gestures_read(path, &g) : AF_OK;
    if (status) {
        free(path);
        return status;
    }
    for (int i = 1; i < g.count && !status; i++) {
        char *again = strdup(path);
        status = again ? add_entry(f, again, g.gesture[i - 1].class, i - 1)
                       : af_fail(AF_NO_MEMORY, "%s: no memory", path);
    }
    if (g.count)
        label = g.gesture[g.count - 1].class;
    if (!status)
        status = add_entry(f, path, label, g.count ? g.count - 1 : 0);
    else
        free(path);
    gestures_free(&g);
    return status;
}

static int scan(struct folder *f, const char *path, int label, struct left_out *left);

/* A folder is a class if it holds a sample. */
static int scan_class(struct folder *f, const char *path, const char *name, int *class,
                      struct left_out *left)
{
    const int64_t before = f->base.count;
    int status = scan(f, path, *class, left);
    if (status)
        return status;
    if (f->base.count > before)
        ++*class;
    else if (left->folders++ < NAMED)
        snprintf(left->names + strlen(left->names), sizeof left->names - strlen(left->names),
                 "%s%.60s", *left->names ? ", " : "", name);
    return AF_OK;
}

/* Adds the files in `path`; where they carry no label yet, then those of the folders in it. */
static int scan(struct folder *f, const char *path, int label, struct left_out *left)
{
    struct texts names;
    int status = folder_names(path, &names), class = 0;
    for (int pass = 0; pass < (label < 0 ? 2 : 1); pass++)
        for (int i = 0; !status && i < names.count; i++) {
            const char *name = names.text[i];
            char *inner = folder_join(path, name);
            const bool folder = inner && is_folder(inner);
            if (!inner) {
                status = af_fail(AF_NO_MEMORY, "%s: no memory", path);
            } else if (pass == 0 && !folder && named_as(kind_for(f->base.spec), name)) {
                status = add_file(f, inner, label);
                inner = NULL;
            } else if (pass == 0 && !folder) {
                left->files += !is_company(f->base.spec, name);
            } else if (pass == 1 && folder) {
                status = scan_class(f, inner, name, &class, left);
            }
            free(inner);
        }
    texts_free(&names);
    return status;
}

static int note_left_out(struct folder *f, const struct left_out *left)
{
    char files[60] = "";
    if (!left->files && !left->folders)
        return AF_OK;
    if (left->files)
        snprintf(files, sizeof files, "%s%lld other file%s", left->folders ? ", and " : "",
                 (long long)left->files, left->files == 1 ? "" : "s");
    const size_t size = strlen(f->base.path) + sizeof left->names + 200;
    f->base.note = malloc(size);
    if (!f->base.note)
        return af_fail(AF_NO_MEMORY, "%s: no memory", f->base.path);
    snprintf(f->base.note, size, "%s: left out %s%s%s%s%s", f->base.path,
             !left->folders       ? ""
             : left->folders == 1 ? "the folder "
                                  : "folders ",
             left->names, left->folders > NAMED ? " ..." : "",
             !left->folders       ? ""
             : left->folders == 1 ? ", which holds no samples and is no class"
                                  : ", which hold no samples and are no classes",
             files);
    return AF_OK;
}

static int next_file(struct source *src, struct sample *s)
{
    struct folder *f = (struct folder *)src;
    const struct entry *entry = &f->entries[src->at];
    int status = AF_OK;
    if (!entry->part) {
        source_close(f->file);
        f->file = NULL;
    }
    if (!f->file)
        status = kind_for(src->spec)->open(&f->file, entry->path, src->spec);
    if (!status && f->file->count <= entry->part)
        status = af_fail(AF_BAD_FILE, "%s: the file is empty", entry->path);
    if (status)
        return status;
    f->file->at = entry->part;
    status = f->file->ops->next(f->file, s);
    s->name = f->file->count > 1 ? f->file->name : entry->path;
    s->label = entry->label;
    return status;
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
    struct left_out left = {0};
    int status = scan(f, path, -1, &left);
    if (!status)
        status = note_left_out(f, &left);
    if (!status && f->base.count == 0)
        status = af_fail(AF_BAD_FILE, "%s: the folder holds no %s", path, kind_for(spec)->what);
    if (status)
        source_close(&f->base);
    else
        *src = &f->base;
    return status;
}
