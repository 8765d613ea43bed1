#include "task/classes.h"

#include "task/detect.h"
#include "task/segment.h"

#include <math.h>

int task_classes(const struct af_model *m, const struct task *task)
{
    struct detector *detector;
    struct output_table map;
    int classes, status;
    switch (task->kind) {
    case AF_SEGMENT: status = segment_output(m, &map, &classes); return status ? status : classes;
    case AF_DETECT:
        status = detector_make(m, task, &detector);
        classes = status ? status : detector_classes(detector);
        detector_free(detector);
        return classes;
    case AF_VALUES: return 0;
    default:
        classes = (int)output_values(&m->population[model_answer(m)]);
        return classes > 1 ? classes : 2; /* of a single output the sign tells */
    }
}

static int best_of_one(double v, int most, struct af_answer *best)
{
    const double one = 1 / (1 + exp(-v));
    const struct af_answer both[] = {{v > 0, fmax(one, 1 - one)}, {v <= 0, fmin(one, 1 - one)}};
    for (int i = 0; i < 2 && i < most; i++)
        best[i] = both[i];
    return most < 2 ? most : 2;
}

int classes_best(const float *v, int n, int most, struct af_answer *best)
{
    double sum = 0, largest = (double)v[0], below = INFINITY;
    int after = -1, k = 0;
    if (n == 1)
        return best_of_one((double)v[0], most, best);
    for (int i = 1; i < n; i++)
        largest = fmax(largest, (double)v[i]);
    for (int i = 0; i < n; i++)
        sum += exp((double)v[i] - largest);
    for (; k < most && k < n; k++) {
        int next = -1;
        for (int i = 0; i < n; i++) { /* in order of value, then of index */
            const double x = (double)v[i];
            const bool later = x < below || (x == below && i > after);
            if (later && (next < 0 || x > (double)v[next]))
                next = i;
        }
        if (next < 0) /* what is left is not a number */
            break;
        below = (double)v[next];
        after = next;
        best[k] = (struct af_answer){next, exp((double)v[next] - largest) / sum};
    }
    return k;
}
