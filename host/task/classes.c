#include "task/classes.h"

#include "task/detect.h"
#include "task/segment.h"

int task_classes(const struct af_model *m, const struct task *task)
{
    struct detector *detector;
    struct output_table map;
    int classes, first, status;
    switch (task->kind) {
    case TASK_SEGMENT: status = segment_output(m, &map, &classes); return status ? status : classes;
    case TASK_DETECT:
        status = detector_make(m, task, &detector);
        classes = status ? status : detector_classes(detector);
        detector_free(detector);
        return classes;
    default: model_outputs(m, &first); return (int)neuron_count(&m->population[first]);
    }
}
