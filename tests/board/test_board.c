/* Boards through the public API: what is known of them, what is asked wrongly, and several of them
 * in one process, each with a model of its own. */
#include "test.h"

#include "adafire.h"
#include "board/table.h"
#include "model/model.h"
#include "random_model.h"

#include <pthread.h>

enum { DEVICES = 4, SAMPLES = 3, ROUNDS = 3 };

TEST(table)
{
    struct af_board_info b;
    int run = 0, flash = 0;
    CHECK(af_board_count() > 10);
    for (int i = 0; i < af_board_count(); i++) {
        CHECK_EQ(af_board_info(i, &b), AF_OK);
        CHECK(b.name && *b.name && b.summary && *b.summary);
        CHECK(b.runs || b.flashable);
        CHECK(!b.profiles || b.counts_cycles);
        CHECK(!b.builds == (b.link != AF_LINK_PROCESS));
        for (int k = 0; k < i; k++) {
            struct af_board_info other;
            CHECK_EQ(af_board_info(k, &other), AF_OK);
            CHECK(strcmp(b.name, other.name) != 0);
        }
        run += b.runs;
        flash += b.flashable;
    }
    CHECK(run >= 11 && flash >= 11);
    CHECK_EQ(af_board_info(0, &b), AF_OK);
    CHECK(strcmp(b.name, "cpu") == 0 && b.link == AF_LINK_NONE && b.sends_events && !b.flashable);
    CHECK_EQ(af_board_info(-1, &b), AF_BAD_ARGUMENT);
    CHECK_EQ(af_board_info(af_board_count(), &b), AF_BAD_ARGUMENT);
    CHECK_EQ(af_board_info(0, NULL), AF_BAD_ARGUMENT);
    CHECK_EQ(af_boards_attached(NULL, NULL), AF_BAD_ARGUMENT);
}

TEST(names)
{
    const char *which;
    CHECK(board_find("cpu", &which) && !which);
    CHECK(board_find("hx8k", &which) && !which);
    const struct board *b = board_find("hx8k:1-2", &which);
    CHECK(b && strcmp(b->name, "hx8k") == 0 && which && strcmp(which, "1-2") == 0);
    CHECK(!board_find("hx8", &which));
    CHECK_ERROR("no board 'hx8'");
    CHECK(!board_find("", &which));
}

TEST(refusals)
{
    struct af_model *m = random_model(1);
    struct af_device *device = (struct af_device *)m;
    CHECK_EQ(af_device_open("cpu", NULL, m, NULL), AF_BAD_ARGUMENT);
    CHECK_EQ(af_device_open(NULL, NULL, m, &device), AF_BAD_ARGUMENT);
    CHECK(!device);
    CHECK_EQ(af_device_open("cpu", NULL, NULL, &device), AF_BAD_ARGUMENT);
    CHECK_EQ(af_device_open("arty", NULL, m, &device), AF_NO_DEVICE);
    CHECK_ERROR("no design for the board arty");
    CHECK_EQ(af_device_open("cpu", &(struct af_device_options){.threads = -3}, m, &device),
             AF_BAD_ARGUMENT);
    CHECK_ERROR("threads");
    CHECK_EQ(af_device_open("cpu", &(struct af_device_options){.threads = 100000}, m, &device),
             AF_BAD_ARGUMENT);
    CHECK_EQ(af_device_open("cpu", &(struct af_device_options){.timeout = -1}, m, &device),
             AF_BAD_ARGUMENT);
    CHECK_EQ(af_device_open("cpu", &(struct af_device_options){.reserved = {0, 7}}, m, &device),
             AF_BAD_ARGUMENT);
    CHECK_ERROR("af_device_options");
    CHECK_EQ(af_device_open("cpu", &(struct af_device_options){.waves = "x.fst"}, m, &device),
             AF_BAD_ARGUMENT);
    CHECK_ERROR("waveforms");
    CHECK(!device);
    af_device_close(NULL);
    CHECK_EQ((long long)af_device_megahertz(NULL), 0);
    af_model_free(m);
}

/* ---- Side by side ---------------------------------------------------------------------------- */

struct user {
    const char *board;
    struct af_model *model;
    struct af_device *device;
    struct af_sample sample[SAMPLES];
    struct af_result right[SAMPLES];
    int status, different;
};

static bool is_right(const struct af_result *a, const struct af_result *b)
{
    return a->timesteps == b->timesteps && a->output_size == b->output_size &&
           memcmp(a->output, b->output, (size_t)a->output_size * sizeof *a->output) == 0;
}

/* A model that fits the build, its samples, and what the CPU makes of them. */
static int user_make(struct user *u, const char *board, uint64_t seed, struct dice *d)
{
    struct af_device *cpu;
    *u = (struct user){.board = board};
    for (int tries = 0;; seed++, tries++) {
        u->model = random_model(seed);
        if (!u->model->format.events &&
            af_device_open(board, &(struct af_device_options){.build = "tiny"}, u->model,
                           &u->device) == AF_OK)
            break;
        const bool lost = strstr(af_error(), "no simulator") || tries == 1000;
        if (tries == 1000)
            printf("%s: %s\n", board, af_error());
        af_model_free(u->model);
        u->model = NULL;
        if (lost)
            return AF_NO_DEVICE;
    }
    CHECK_EQ(af_device_open("cpu", NULL, u->model, &cpu), AF_OK);
    for (int i = 0; i < SAMPLES; i++)
        u->sample[i] = sample_of(u->model, random_counts(u->model, d));
    CHECK_EQ(af_run(cpu, u->sample, SAMPLES, NULL, u->right), AF_OK);
    af_device_close(cpu);
    return AF_OK;
}

static void user_free(struct user *u)
{
    af_device_close(u->device);
    for (int i = 0; i < SAMPLES && u->sample[i].data; i++) {
        free((void *)(uintptr_t)u->sample[i].data);
        af_result_free(&u->right[i]);
    }
    af_model_free(u->model);
}

static void *use(void *argument)
{
    struct user *u = argument;
    struct af_result got[SAMPLES];
    u->status = af_run(u->device, u->sample, SAMPLES, NULL, got);
    for (int i = 0; !u->status && i < SAMPLES; i++) {
        u->different += !is_right(&got[i], &u->right[i]);
        af_result_free(&got[i]);
    }
    return NULL;
}

/* In turn, and all at a time. */
static void check_side_by_side(const char *board)
{
    struct user user[DEVICES] = {0};
    struct dice d = {11};
    int made = 0;
    for (; made < DEVICES; made++)
        if (user_make(&user[made], board, 1 + 20 * (uint64_t)made, &d)) {
            SKIP("there is no simulator of the build tiny");
            break;
        }
    for (int round = 0; made == DEVICES && round < ROUNDS; round++) {
        pthread_t thread[DEVICES];
        for (int i = 0; i < DEVICES; i++)
            use(&user[i]);
        for (int i = 0; i < DEVICES; i++)
            CHECK_EQ(pthread_create(&thread[i], NULL, use, &user[i]), 0);
        for (int i = 0; i < DEVICES; i++)
            pthread_join(thread[i], NULL);
    }
    for (int i = 0; made == DEVICES && i < DEVICES; i++) {
        CHECK_EQ(user[i].status, AF_OK);
        CHECK_EQ(user[i].different, 0);
    }
    for (int i = 0; i < made; i++)
        user_free(&user[i]);
}

TEST(csim_side_by_side)
{
    check_side_by_side("csim");
}

TEST(sim_side_by_side)
{
    check_side_by_side("sim");
}

int main(void)
{
    RUN(table);
    RUN(names);
    RUN(refusals);
    RUN(csim_side_by_side);
    RUN(sim_side_by_side);
    return test_end();
}
