#include "input/picture.h"

#include "base/error.h"
#include "base/tensor.h"

#include <stdlib.h>

#define PIXELS_MOST ((int64_t)64 << 20)
#define SIDE_MOST   65535 /* JPEG's own; it bounds what resizing a long strip takes */

int picture_make(const char *path, int64_t width, int64_t height, int channels,
                 struct picture *picture)
{
    if (width < 1 || height < 1 || width > SIDE_MOST || height > SIDE_MOST ||
        width * height > PIXELS_MOST || width * height > tensor_max_elements)
        return af_fail(AF_UNSUPPORTED,
                       "%s: a picture of %lldx%lld pixels; 64 Mi pixels are read, and %d a side",
                       path, (long long)width, (long long)height, SIDE_MOST);
    *picture = (struct picture){(int)width, (int)height, channels, NULL};
    picture->pixels = malloc((size_t)(width * height) * (size_t)channels);
    if (!picture->pixels)
        return af_fail(AF_NO_MEMORY, "%s: no memory for %lldx%lld pixels", path, (long long)width,
                       (long long)height);
    return AF_OK;
}
