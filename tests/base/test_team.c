/* Threads that stay: everything is done once, whoever comes, and failures are the first one's. */
#include "test.h"

#include "base/error.h"
#include "base/team.h"

#include <stdatomic.h>
#include <sys/wait.h>
#include <unistd.h>

enum { ITEMS = 1000 };

static _Atomic int done[ITEMS];

static int note(void *context, int worker, int64_t i)
{
    const int *workers = context;
    if (worker < 0 || worker >= *workers)
        return af_fail(AF_BAD_ARGUMENT, "worker %d", worker);
    atomic_fetch_add(&done[i], 1);
    return AF_OK;
}

/* Many short calls, some with nothing to do and some after a while in which all fell asleep. */
TEST(all_is_done_once)
{
    for (int threads = 1; threads <= 5; threads += 2) {
        struct team *team;
        CHECK_EQ(team_make(threads, &team), AF_OK);
        CHECK_EQ(team_size(team), threads);
        for (int call = 0; call < 300; call++) {
            const int count = call * 37 % ITEMS;
            memset(done, 0, sizeof done);
            if (call % 100 == 99)
                usleep(2000);
            CHECK_EQ(team_for(team, count, 1 + call % 7, note, &threads), AF_OK);
            int wrong = 0;
            for (int i = 0; i < ITEMS; i++)
                wrong += done[i] != (i < count);
            CHECK_EQ(wrong, 0);
        }
        team_free(team);
    }
    team_free(NULL);
}

static int fail_late(void *context, int worker, int64_t i)
{
    (void)context;
    (void)worker;
    return i >= 500 ? af_fail(AF_BAD_FILE, "item %lld", (long long)i) : AF_OK;
}

TEST(failures)
{
    struct team *team;
    CHECK_EQ(team_make(4, &team), AF_OK);
    for (int call = 0; call < 50; call++) {
        CHECK_EQ(team_for(team, ITEMS, 500, fail_late, NULL), AF_BAD_FILE);
        CHECK_ERROR("item 500");
    }
    team_free(team);
}

/* The threads of a process are not those of its fork. */
TEST(forks)
{
    int threads = 3, status = -1;
    struct team *team;
    CHECK_EQ(team_make(threads, &team), AF_OK);
    memset(done, 0, sizeof done);
    const pid_t child = fork();
    if (child == 0) {
        int wrong = team_for(team, ITEMS, 1, note, &threads) != AF_OK;
        for (int i = 0; i < ITEMS; i++)
            wrong += done[i] != 1;
        team_free(team);
        _exit(wrong != 0);
    }
    CHECK_EQ(waitpid(child, &status, 0), child);
    CHECK_EQ(status, 0);
    team_free(team);
}

int main(void)
{
    RUN(all_is_done_once);
    RUN(failures);
    RUN(forks);
    return test_end();
}
