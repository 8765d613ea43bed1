#include "run/label_maps.h"

#include "base/error.h"
#include "input/input.h"
#include "input/picture_file.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

enum pairing { UNDECIDED, BY_NAME, BY_PLACE };

struct label_maps {
    const char *path;
    int size[2][2]; /* of the input, of the output */
    int64_t samples, at;
    struct input *in; /* of an array */
    int in_size[2];
    char **file; /* names in a folder, sorted */
    int64_t count;
    enum pairing pairing;
    struct class_map map; /* the present one */
    int32_t *value;
};

static int is_map(const struct dirent *entry)
{
    static const char *const ends[] = {".png", ".jpg",
                                       ".jpeg"}; /* to be refused by what they are */
    const char *dot = strrchr(entry->d_name, '.');
    for (int i = 0; dot && dot > entry->d_name && i < 3; i++)
        if (strcasecmp(dot, ends[i]) == 0)
            return 1;
    return 0;
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

/* Without folder and ending; returns its length. */
static size_t stem_of(const char *path, const char **stem)
{
    const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
    const char *dot = strrchr(name, '.');
    *stem = name;
    return dot && dot > name ? (size_t)(dot - name) : strlen(name);
}

/* The number of the file that is called as the sample, -1: none is. */
static int64_t file_of(const struct label_maps *m, const char *sample)
{
    const char *wanted, *stem;
    const size_t length = stem_of(sample, &wanted);
    for (int64_t i = 0; i < m->count; i++)
        if (stem_of(m->file[i], &stem) == length && strncmp(stem, wanted, length) == 0)
            return i;
    return -1;
}

static bool is_file(const char *sample)
{
    return sample[0] && sample[strlen(sample) - 1] != ']'; /* "file.npy[17]" is none */
}

static int list_folder(struct label_maps *m)
{
    struct dirent **list;
    const int n = scandir(m->path, &list, is_map, by_name);
    if (n < 0)
        return af_fail(AF_IO, "%s: cannot be read", m->path);
    m->file = calloc((size_t)n + 1, sizeof *m->file);
    int status = m->file ? AF_OK : af_fail(AF_NO_MEMORY, "no memory");
    for (int i = 0; i < n; i++) {
        if (!status && !(m->file[m->count++] = strdup(list[i]->d_name)))
            status = af_fail(AF_NO_MEMORY, "no memory");
        free(list[i]);
    }
    free(list);
    if (!status && !n)
        status = af_fail(AF_BAD_FILE, "%s: the folder holds no PNG pictures", m->path);
    return status;
}

static int open_array(struct label_maps *m)
{
    struct input_spec spec = {.channels = 1, .labels = true};
    int status = AF_BAD_FILE;
    for (int i = 0; i < 2 && status == AF_BAD_FILE; i++) {
        m->in_size[0] = spec.height = m->size[i][0];
        m->in_size[1] = spec.width = m->size[i][1];
        status = input_open(&m->in, &m->path, 1, &spec);
    }
    const int64_t count = status ? 0 : input_count(m->in);
    if (!status && m->samples >= 0 && count >= 0 && count != m->samples)
        status = af_fail(AF_BAD_FILE, "%s: %lld maps for %lld samples; are they of others?",
                         m->path, (long long)count, (long long)m->samples);
    return status;
}

int label_maps_open(const char *path, const int input[2], const int output[2], int64_t samples,
                    struct label_maps **maps)
{
    struct stat st;
    struct label_maps *m = calloc(1, sizeof *m);
    *maps = NULL;
    if (!m)
        return af_fail(AF_NO_MEMORY, "no memory");
    m->path = path;
    m->samples = samples;
    memcpy(m->size[0], input, sizeof m->size[0]);
    memcpy(m->size[1], output, sizeof m->size[1]);
    int status = stat(path, &st) == 0 && S_ISDIR(st.st_mode) ? list_folder(m) : open_array(m);
    if (status)
        label_maps_close(m);
    else
        *maps = m;
    return status;
}

void label_maps_close(struct label_maps *m)
{
    if (!m)
        return;
    input_close(m->in);
    for (int64_t i = 0; i < m->count; i++)
        free(m->file[i]);
    free(m->file);
    free(m->map.class_of);
    free(m->value);
    free(m);
}

static int decide(struct label_maps *m, const char *sample)
{
    m->pairing = is_file(sample) && file_of(m, sample) >= 0 ? BY_NAME : BY_PLACE;
    if (m->pairing == BY_PLACE && m->samples >= 0 && m->count != m->samples)
        return af_fail(AF_BAD_FILE,
                       "%s: %lld maps for %lld samples, and none is called as the first, '%.100s'",
                       m->path, (long long)m->count, (long long)m->samples, sample);
    return AF_OK;
}

/* Which file the sample's map is in. */
static int choose_file(struct label_maps *m, const char *sample, int64_t *file)
{
    int status = m->pairing == UNDECIDED ? decide(m, sample) : AF_OK;
    if (status)
        return status;
    const int64_t named = is_file(sample) ? file_of(m, sample) : -1;
    *file = m->pairing == BY_NAME ? named : m->at;
    if (m->pairing == BY_NAME && named < 0)
        return af_fail(AF_BAD_FILE, "%s: no map is called as '%.100s', and others are", m->path,
                       sample);
    if (m->pairing == BY_PLACE && named >= 0)
        return af_fail(AF_BAD_FILE, "%s: a map is called as '%.100s', and none as those before it",
                       m->path, sample);
    if (*file >= m->count)
        return af_fail(AF_BAD_FILE, "%s: holds %lld label maps, but there are more samples",
                       m->path, (long long)m->count);
    m->at++;
    return AF_OK;
}

static int read_file(struct label_maps *m, const char *name, int *height, int *width)
{
    char path[4096];
    free(m->map.class_of);
    snprintf(path, sizeof path, "%.2000s/%.2000s", m->path, name);
    int status = class_map_read(path, &m->map);
    *height = m->map.height;
    *width = m->map.width;
    for (int i = 0; !status && i < 2; i++)
        if (m->map.height == m->size[i][0] && m->map.width == m->size[i][1])
            return AF_OK;
    return status ? status
                  : af_fail(AF_BAD_FILE, "%s: labels of %dx%d for samples of %dx%d", path,
                            m->map.width, m->map.height, m->size[0][1], m->size[0][0]);
}

static int next_of_array(struct label_maps *m, struct tensor *label, int *height, int *width)
{
    struct sample s;
    const int status = input_next(m->in, &s);
    if (status <= 0)
        return status
                   ? status
                   : af_fail(AF_BAD_FILE, "%s: holds %lld label maps, but there are more samples",
                             m->path, (long long)input_count(m->in));
    *label = (struct tensor){.type = s.type, .data = (void *)(uintptr_t)s.data};
    *height = m->in_size[0];
    *width = m->in_size[1];
    return AF_OK;
}

int label_maps_next(struct label_maps *m, const char *sample, struct tensor *label, int *height,
                    int *width)
{
    int64_t file;
    if (m->in)
        return next_of_array(m, label, height, width);
    int status = choose_file(m, sample, &file);
    if (!status)
        status = read_file(m, m->file[file], height, width);
    if (status)
        return status;
    const size_t area = (size_t)*height * (size_t)*width;
    free(m->value);
    m->value = malloc(area * sizeof *m->value);
    if (!m->value)
        return af_fail(AF_NO_MEMORY, "no memory for a map");
    for (size_t i = 0; i < area; i++)
        m->value[i] = m->map.class_of[i];
    *label = (struct tensor){.type = DTYPE_I32, .data = m->value};
    return AF_OK;
}

const char *label_maps_note(const struct label_maps *m)
{
    return m->pairing == BY_PLACE
               ? "label maps are taken in the order of their names: none is called as a picture"
               : NULL;
}
