#include "input/labels.h"

#include "base/error.h"
#include "input/array.h"

int labels_read(const char *path, struct tensor *labels)
{
    struct place place = {.path = path};
    int status = array_integers(&place, path, labels);
    if (status)
        return status;
    if (labels->rank == 2 && labels->dim[1] == 1)
        labels->rank = 1;
    if (labels->rank != 1) {
        char text[128];
        status = af_fail(AF_BAD_FILE, "%s: %s is no list of labels", path,
                         tensor_describe(labels, text, sizeof text));
        tensor_free(labels);
    }
    return status;
}
