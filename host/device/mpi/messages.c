#include "device/mpi/messages.h"

#include <limits.h>
#include <mpi.h>
#include <time.h>

enum { TAG = 1 };

static bool begin(int *rank, int *size)
{
    return MPI_Init(NULL, NULL) == MPI_SUCCESS &&
           MPI_Comm_rank(MPI_COMM_WORLD, rank) == MPI_SUCCESS &&
           MPI_Comm_size(MPI_COMM_WORLD, size) == MPI_SUCCESS;
}

static void rest(long *pause)
{
    nanosleep(&(struct timespec){.tv_nsec = *pause}, NULL);
    *pause = *pause < 500000 ? 2 * *pause : 1000000;
}

/* Large messages need both sides to the end, and the other may be gone. */
static bool done(MPI_Request *request, messages_go_on *go_on, void *context)
{
    int there = 0;
    for (long pause = 1000;; rest(&pause)) {
        if (MPI_Test(request, &there, MPI_STATUS_IGNORE) != MPI_SUCCESS)
            return false;
        if (there || !go_on(context))
            return there;
    }
}

/* A request is left unfinished when the other side is gone.
 * NOLINTBEGIN(clang-analyzer-optin.mpi.MPI-Checker) */
static bool send(int to, const void *bytes, size_t count, messages_go_on *go_on, void *context)
{
    MPI_Request request;
    if (count > INT_MAX ||
        MPI_Isend(bytes, (int)count, MPI_BYTE, to, TAG, MPI_COMM_WORLD, &request) != MPI_SUCCESS)
        return false;
    return done(&request, go_on, context);
}

static bool await(int from, size_t *count, messages_go_on *go_on, void *context)
{
    MPI_Status status;
    int there = 0, n = 0;
    for (long pause = 1000; !there;) {
        if (MPI_Iprobe(from, TAG, MPI_COMM_WORLD, &there, &status) != MPI_SUCCESS ||
            (!there && !go_on(context)))
            return false;
        if (!there)
            rest(&pause);
    }
    if (MPI_Get_count(&status, MPI_BYTE, &n) != MPI_SUCCESS)
        return false;
    *count = (size_t)n;
    return true;
}

static bool receive(int from, void *bytes, size_t count, messages_go_on *go_on, void *context)
{
    MPI_Request request;
    if (MPI_Irecv(bytes, (int)count, MPI_BYTE, from, TAG, MPI_COMM_WORLD, &request) != MPI_SUCCESS)
        return false;
    return done(&request, go_on, context);
}

/* NOLINTEND(clang-analyzer-optin.mpi.MPI-Checker) */

static void end(void)
{
    MPI_Finalize();
}

const struct messages adafire_messages = {begin, send, await, receive, end};
