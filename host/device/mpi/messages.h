/* Messages between the processes that mpirun has started. MPI is known to messages.c alone, which
 * is a shared object of its own (adafire-mpi.so), so that programs run where there is none. */
#ifndef ADAFIRE_MESSAGES_H
#define ADAFIRE_MESSAGES_H

#include <stdbool.h>
#include <stddef.h>

/* Waiting ends early, with false, when go_on says so. */
typedef bool messages_go_on(void *context);

struct messages {
    bool (*begin)(int *rank, int *size);
    bool (*send)(int to, const void *bytes, size_t count, messages_go_on *go_on, void *context);
    /* Waits for the next message of `from`, and says how long it is. */
    bool (*await)(int from, size_t *count, messages_go_on *go_on, void *context);
    /* That message. */
    bool (*receive)(int from, void *bytes, size_t count, messages_go_on *go_on, void *context);
    void (*end)(void); /* waits for all to come to their end */
};
extern const struct messages adafire_messages; /* what the shared object holds */

#endif
