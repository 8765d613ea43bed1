/* `adafire-host --live`: a network on a stream of events. */
#ifndef ADAFIRE_CLI_LIVE_H
#define ADAFIRE_CLI_LIVE_H

#include "live/loop.h"

struct live_request {
    const char *board, *model_path;
    const char *window, *step, *view; /* as given; NULL: not */
    bool any;                         /* something of a live run was asked for */
    bool screen, json, quiet;
    double megahertz;        /* of the board, 0: unknown */
    struct live_options run; /* but for the windows, which stand above, and callbacks */
};

/* Fills in run's windows from their words: 50ms, 0.2s, 500us, 5000ev. 0 or EXIT_ERROR. */
int live_windows(struct live_request *r);
/* Runs until the stream ends or somebody ends it, and prints. 0 or EXIT_ERROR. */
int live_show(struct live_request *r, struct af_device *device, const struct af_model *m);

#endif
