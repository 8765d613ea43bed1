#include "task/segment.h"

#include "base/error.h"

#include <math.h>
#include <stdlib.h>

int segment_output(const struct af_model *m, struct output_table *table, int *classes)
{
    task_answer(m, table);
    if (table->row_step != 1 || table->rows < 2)
        return af_fail(AF_BAD_ARGUMENT, "%s: segmentation needs a map [N,classes,H,W]", m->name);
    if (table->columns > SEGMENT_CLASSES_MOST)
        return af_fail(AF_UNSUPPORTED, "%s: a map of %lld classes; %d are the most", m->name,
                       (long long)table->columns, SEGMENT_CLASSES_MOST);
    *classes = table->columns == 1 ? 2 : (int)table->columns;
    return AF_OK;
}

void segment_decode(const struct output_table *t, const float *output, uint16_t *class_of)
{
    const float *first = output + t->at;
    for (int64_t i = 0; i < t->rows; i++) {
        int64_t best = 0;
        for (int64_t c = 1; c < t->columns; c++)
            if (first[i + c * t->column_step] > first[i + best * t->column_step])
                best = c;
        class_of[i] = (uint16_t)(t->columns == 1 ? first[i] > 0 : best);
    }
}

int confusion_make(int classes, struct confusion *c)
{
    *c = (struct confusion){.classes = classes};
    c->count = calloc((size_t)classes * (size_t)classes, sizeof *c->count);
    return c->count ? AF_OK : af_fail(AF_NO_MEMORY, "no memory for %d classes", classes);
}

void confusion_free(struct confusion *c)
{
    free(c->count);
    *c = (struct confusion){0};
}

void confusion_add(struct confusion *c, const struct output_table *t, const uint16_t *class_of,
                   const struct tensor *label, int height, int width)
{
    for (int y = 0; y < height; y++) {
        int64_t row = (int64_t)y * t->height / height * t->width;
        for (int x = 0; x < width; x++) {
            double l = tensor_get(label, (int64_t)y * width + x);
            if (l >= 0 && l < c->classes)
                c->count[(int64_t)l * c->classes + class_of[row + (int64_t)x * t->width / width]]++;
            else
                c->ignored++;
        }
    }
}

double confusion_pixels(const struct confusion *c)
{
    int64_t right = 0, all = 0;
    for (int i = 0; i < c->classes; i++)
        for (int j = 0; j < c->classes; j++) {
            right += i == j ? c->count[i * c->classes + j] : 0;
            all += c->count[i * c->classes + j];
        }
    return all ? (double)right / (double)all : NAN;
}

double confusion_iou(const struct confusion *c, double *iou)
{
    double sum = 0;
    int present = 0;
    for (int i = 0; i < c->classes; i++) {
        int64_t either = -c->count[i * c->classes + i];
        for (int j = 0; j < c->classes; j++)
            either += c->count[i * c->classes + j] + c->count[j * c->classes + i];
        iou[i] = either ? (double)c->count[i * c->classes + i] / (double)either : NAN;
        sum += either ? iou[i] : 0;
        present += either > 0;
    }
    return present ? sum / present : NAN;
}
