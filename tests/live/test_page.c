/* What people look at while a network runs: the page's server, which gives little and takes
 * nothing, and the terminal's view. */
#include "test.h"

#include "adafire.h"
#include "base/clock.h"
#include "live/http.h"
#include "live/look.h"
#include "live/page.h"
#include "live/screen.h"
#include "random_model.h"

#include <arpa/inet.h>
#include <errno.h>
#include <math.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>

/* ---- Requests -------------------------------------------------------------------------------- */

TEST(requests)
{
    static const struct {
        const char *text;
        int status;
        const char *path, *host;
        bool closes;
    } cases[] = {
        {"GET / HTTP/1.1\r\n\r\n", 200, "/", "", false},
        {"GET /events?x=1 HTTP/1.1\r\nHost: localhost:8000\r\n\r\n", 200, "/events", "localhost",
         false},
        {"GET / HTTP/1.0\nhost:  [::1]:80 \n\n", 200, "/", "::1", true},
        {"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n", 200, "/", "127.0.0.1",
         true},
        {"POST / HTTP/1.1\r\nContent-Length: 5\r\n\r\n", 405, "", "", false},
        {"HEAD / HTTP/1.1\r\n\r\n", 405, "", "", false},
        {"GET http://x/ HTTP/1.1\r\n\r\n", 400, "", "", false},
        {"GET /\r\n\r\n", 400, "", "", false},
        {"GET / HTTP/2.0\r\n\r\n", 505, "", "", false},
        {"\r\n\r\n", 400, "", "", false},
        {"GET / HTTP/1.1\r\nno colon\r\n\r\n", 400, "/", "", false},
        {"GET / HTTP/1.1\r\nA: \1\r\n\r\n", 400, "/", "", false},
        {"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400, "/", "a", false},
        {"GET / HTTP/1.1\r\nContent-Length: 5\r\n\r\n", 400, "/", "", false},
        {"GET / HTTP/1.1\r\nContent-Length: 0\r\n\r\n", 200, "/", "", false},
        {"GET / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n", 400, "/", "", false},
        {"GET / HTTP/1.1\r\nHost: [::1\r\n\r\n", 400, "/", "", false},
        {"GET /012345678901234567890123456789012345678901234567890123456789012345 HTTP/1.1\r\n\r\n",
         414, "", "", false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const size_t n = strlen(cases[i].text);
        struct http_request r;
        const size_t used = http_parse(cases[i].text, n, &r);
        CHECK_EQ(used, n);
        CHECK_EQ(r.status, cases[i].status);
        CHECK(strcmp(r.path, cases[i].path) == 0 && strcmp(r.host, cases[i].host) == 0);
        CHECK_EQ(r.closes, cases[i].closes);
        if (r.status != cases[i].status)
            printf("  %s", cases[i].text);
        for (size_t part = 0; part < n; part++)
            CHECK_EQ(http_parse(cases[i].text, part, &r), 0);
    }
    char much[HTTP_REQUEST_MOST];
    struct http_request r;
    memset(much, 'a', sizeof much);
    memcpy(much, "GET / HTTP/1.1\r\nA: ", 19);
    CHECK_EQ(http_parse(much, sizeof much - 1, &r), 0);
    CHECK_EQ(http_parse(much, sizeof much, &r), sizeof much);
    CHECK_EQ(r.status, 431);
}

TEST(names_of_this_computer)
{
    static const char *const mine[] = {"localhost", "LocalHost", "127.0.0.1", "127.9.9.9", "::1"};
    static const char *const others[] = {
        "", "example.org", "10.0.0.1", "127.0.0.1.example.org", "localhost.", "::2", "0.0.0.0"};
    for (size_t i = 0; i < sizeof mine / sizeof *mine; i++)
        CHECK(http_is_loopback(mine[i]));
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        CHECK(!http_is_loopback(others[i]));
}

/* ---- The server ------------------------------------------------------------------------------ */

static int connect_to(int port)
{
    struct sockaddr_in a = {.sin_family = AF_INET,
                            .sin_port = htons((uint16_t)port),
                            .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    const int fd = socket(AF_INET, SOCK_STREAM, 0);
    if (fd < 0 || connect(fd, (struct sockaddr *)&a, sizeof a))
        abort();
    return fd;
}

static void say(int fd, const char *text)
{
    if (send(fd, text, strlen(text), MSG_NOSIGNAL) < 0 && errno != EPIPE && errno != ECONNRESET)
        abort();
}

/* Reads until the text is there (NULL: to the end), ten seconds at the most. Of what does not fit
 * the last part is kept. */
static bool hear(int fd, const char *wanted, char *all, size_t size)
{
    size_t n = 0;
    const double until = seconds() + 10;
    all[0] = 0;
    while (seconds() < until) {
        struct pollfd p = {.fd = fd, .events = POLLIN};
        if (wanted && strstr(all, wanted))
            return true;
        if (poll(&p, 1, 100) <= 0)
            continue;
        if (n > size / 2) {
            memmove(all, all + n - size / 4, size / 4);
            n = size / 4;
        }
        const ssize_t got = recv(fd, all + n, size - 1 - n, 0);
        if (got <= 0)
            return !wanted || strstr(all, wanted);
        n += (size_t)got;
        all[n] = 0;
    }
    return wanted && strstr(all, wanted);
}

/* What the server says to a request, all of it. */
static const char *ask(int port, const char *request)
{
    static char all[1 << 16];
    const int fd = connect_to(port);
    say(fd, request);
    CHECK(hear(fd, NULL, all, sizeof all));
    close(fd);
    return all;
}

static bool begins(const char *text, const char *with)
{
    return strncmp(text, with, strlen(with)) == 0;
}

#define CLOSE " HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"

TEST(paths)
{
    struct page *p;
    int port;
    CHECK_EQ(page_open(&p, "0", "{}", &port), 0);
    const char *page = ask(port, "GET /" CLOSE);
    CHECK(begins(page, "HTTP/1.1 200 OK\r\n") && strstr(page, "<title>AdaFire live"));
    CHECK(strstr(page, "Content-Security-Policy: default-src 'none'; script-src 'self'"));
    /* Nothing comes from elsewhere, nothing stands inline. */
    CHECK(!strstr(strstr(page, "\r\n\r\n"), "http") && !strstr(page, "<style") &&
          !strstr(page, "onclick"));
    CHECK(strstr(ask(port, "GET /live.js" CLOSE), "EventSource(\"/events\")"));
    CHECK(strstr(ask(port, "GET /live.css" CLOSE), "Content-Type: text/css"));
    static const char *const missing[] = {"GET /etc/passwd" CLOSE, "GET /../../etc/passwd" CLOSE,
                                          "GET //" CLOSE, "GET /%2e%2e/x" CLOSE,
                                          "GET /live.js/" CLOSE};
    for (size_t i = 0; i < sizeof missing / sizeof *missing; i++)
        CHECK(begins(ask(port, missing[i]), "HTTP/1.1 404 Not Found\r\n"));
    static const char *const writing[] = {"POST / HTTP/1.1\r\nHost: localhost\r\n\r\nhello",
                                          "PUT /live.js" CLOSE, "DELETE /" CLOSE, "OPTIONS *" CLOSE,
                                          "CONNECT a:1" CLOSE};
    for (size_t i = 0; i < sizeof writing / sizeof *writing; i++) {
        const char *answer = ask(port, writing[i]);
        CHECK(begins(answer, "HTTP/1.1 405 ") || begins(answer, "HTTP/1.1 400 "));
    }
    /* A page of elsewhere, whose name was made to mean this computer, is not answered. */
    CHECK(begins(ask(port, "GET / HTTP/1.1\r\nHost: evil.example\r\n\r\n"), "HTTP/1.1 403 "));
    CHECK(begins(ask(port, "GET /events HTTP/1.1\r\nHost: evil.example:80\r\n\r\n"),
                 "HTTP/1.1 403 "));
    CHECK(begins(ask(port, "GET / HTTP/1.1\r\nConnection: close\r\n\r\n"), "HTTP/1.1 403 "));
    /* Several requests of one connection, also in one piece. */
    const char *both =
        ask(port, "GET /live.css HTTP/1.1\r\nHost: localhost\r\n\r\nGET /none" CLOSE);
    CHECK(begins(both, "HTTP/1.1 200") && strstr(both, "HTTP/1.1 404"));
    page_close(p);
    CHECK_EQ(page_open(&p, "nonsense", "{}", &port), AF_BAD_ARGUMENT);
    CHECK_ERROR("--view must be PORT");
    CHECK_EQ(page_open(&p, "192.0.2.1:0", "{}", &port), AF_IO);
    CHECK_ERROR("--view 192.0.2.1:0: Cannot assign requested address");
}

/* Ten listen, one of them takes nothing and one only says half of what it wants: the others hear
 * every so often, and the last message all. */
TEST(many_listen)
{
    enum { LISTENERS = 10, MESSAGES = 1000, LONG = 20000 };
    struct page *p;
    int port, fd[LISTENERS];
    char *text = malloc(LONG + 20), *all = malloc(1 << 16);
    CHECK_EQ(page_open(&p, "127.0.0.1:0", "{\"first\": 1}", &port), 0);
    const int silent = connect_to(port), half = connect_to(port);
    say(silent, "GET /events HTTP/1.1\r\nHost: localhost\r\n\r\n");
    say(half, "GET /events HTTP/1.1\r\nHost:");
    for (int i = 0; i < LISTENERS; i++) {
        fd[i] = connect_to(port);
        say(fd[i], "GET /events HTTP/1.1\r\nHost: localhost\r\n\r\n");
        CHECK(hear(fd[i], "data: {\"first\": 1}\n\n", all, 1 << 16));
        CHECK(begins(all, "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"));
    }
    memset(text, 'x', LONG);
    const double begin = seconds();
    for (int k = 0; k < MESSAGES; k++) {
        const int n = sprintf(text + LONG, " %d.", k);
        page_publish(p, text, (size_t)(LONG + n));
        usleep(200);
    }
    CHECK(seconds() - begin < 5); /* nobody waited for the silent one */
    for (int i = 0; i < LISTENERS; i++)
        CHECK(hear(fd[i], "x 999.\n\n", all, 1 << 16));
    CHECK_EQ(page_clients(p), LISTENERS + 1);
    /* One goes; then there is room for others, but not for any number. */
    close(fd[0]);
    for (double until = seconds() + 5; page_clients(p) > LISTENERS && seconds() < until;)
        usleep(10000);
    CHECK_EQ(page_clients(p), LISTENERS);
    struct pollfd more[PAGE_CLIENTS];
    int refused = 0;
    for (int i = 0; i < PAGE_CLIENTS; i++)
        more[i] = (struct pollfd){.fd = connect_to(port), .events = POLLIN};
    for (double until = seconds() + 5; refused < LISTENERS + 1 && seconds() < until;)
        refused = poll(more, PAGE_CLIENTS, 10);
    usleep(100000);
    refused = poll(more, PAGE_CLIENTS, 10);
    for (int i = 0; i < PAGE_CLIENTS; i++)
        if (more[i].revents)
            CHECK(hear(more[i].fd, "HTTP/1.1 503 ", all, 1 << 16));
    CHECK_EQ(refused, LISTENERS + 1);
    for (int i = 0; i < PAGE_CLIENTS; i++)
        close(more[i].fd);
    /* The silent one was not waited for, nor was kept for it what it did not take: it finds a few
     * old messages and the last one. */
    int64_t kept = 0;
    for (const double until = seconds() + 10; seconds() < until && !strstr(all, "x 999.\n\n");) {
        const ssize_t n = recv(silent, all, (1 << 16) - 1, 0);
        all[n > 0 ? n : 0] = 0;
        kept += n > 0 ? n : 0;
    }
    CHECK(kept > 0 && kept < (int64_t)MESSAGES * LONG / 2);
    page_close(p); /* also with clients */
    for (int i = 1; i < LISTENERS; i++) {
        CHECK(hear(fd[i], NULL, all, 1 << 16));
        close(fd[i]);
    }
    close(silent);
    close(half);
    free(text);
    free(all);
}

/* Whatever clients say, the next one is answered as ever. */
TEST(nonsense)
{
    struct page *p;
    int port;
    struct dice dice = {9};
    static char all[1 << 16];
    CHECK_EQ(page_open(&p, "0", "{}", &port), 0);
    for (int i = 0; i < 300; i++) {
        char b[600];
        const int n = (int)dice_roll(&dice, 1, sizeof b), fd = connect_to(port);
        const char *good = "GET /events HTTP/1.1\r\nHost: localhost\r\n\r\n";
        for (int k = 0; k < n; k++)
            b[k] = dice_chance(&dice, 90) ? good[(size_t)k % strlen(good)]
                                          : (char)dice_roll(&dice, 0, 255);
        if (send(fd, b, (size_t)n, MSG_NOSIGNAL) < 0 && errno != EPIPE && errno != ECONNRESET)
            abort();
        if (dice_chance(&dice, 50))
            page_publish(p, "{\"a\": 1}", 8);
        close(fd);
    }
    const int fd = connect_to(port);
    say(fd, "GET /live.js" CLOSE);
    CHECK(hear(fd, "EventSource", all, sizeof all));
    close(fd);
    page_close(p);
}

/* ---- What is shown --------------------------------------------------------------------------- */

static struct look *make_look(struct af_model **model)
{
    struct look *look;
    struct af_model *m = NULL;
    bool good = false;
    for (uint64_t seed = 1; !good; seed++) {
        af_model_free(m);
        m = random_model(seed);
        const int *shape = m->population[0].shape;
        good = m->format.events && shape[0] == 2 && shape[2] > 1 && shape[1] <= LOOK_SIDE &&
               shape[2] <= LOOK_SIDE;
    }
    const int *shape = m->population[0].shape;
    const int64_t n = (int64_t)shape[0] * shape[1] * shape[2];
    int16_t *counts = calloc((size_t)n * 2, sizeof *counts);
    int64_t some[64];
    for (int i = 0; i < 64; i++)
        some[i] = 3 * i;
    counts[0] = 5;                        /* channel 0, the first pixel */
    counts[n + n / 2 + shape[2] - 1] = 1; /* channel 1, the last pixel of the first row, later */
    const struct af_result result = {.timesteps = 2, .events = some, .spikes = some};
    const struct window window = {.number = 41, .begin = 1000, .count = 6};
    const struct live_state state = {.dropped = 7, .events_a_second = 2.5e6, .format = "EVT3"};
    const struct live_decision d = {.window = &window,
                                    .counts = counts,
                                    .timesteps = 2,
                                    .result = &result,
                                    .best = {{2, 0.75}, {1, 0.25}},
                                    .best_count = 2,
                                    .latency = 0.0123,
                                    .state = &state};
    CHECK_EQ(look_make(&look, m), 0);
    look_note(look, &d);
    look_take(look, &d);
    free(counts);
    *model = m;
    return look;
}

TEST(message)
{
    struct af_model *m;
    struct look *look = make_look(&m);
    size_t size;
    char *first = look_first_message(look, "a \"model\"", "cpu", "x\ny", &size);
    CHECK(first && size == strlen(first) && !strchr(first, '\n'));
    CHECK(strstr(first, "\"model\": \"a \\\"model\\\"\"") &&
          strstr(first, "\"source\": \"x\\u000ay\""));
    char *text = look_message(look, &size);
    CHECK(text && size == strlen(text) && !strchr(text, '\n'));
    CHECK(strstr(text, "\"window\": 41") && strstr(text, "\"dropped\": 7") &&
          strstr(text, "\"p\": 0.7500") && strstr(text, "\"latency_ms\": 12.3"));
    const char *picture = strstr(text, "\"picture\": \"") + 12;
    CHECK(picture[0] == '4');                             /* 7 x 8 + 0 */
    CHECK(picture[m->population[0].shape[2] - 1] == 'H'); /* 0 x 8 + 7 */
    free(text);
    free(first);
    look_free(look);
    af_model_free(m);
}

/* Boxes are drawn within the picture, and classes of maps are letters. */
TEST(boxes_and_maps)
{
    struct af_model *m;
    struct look *look = make_look(&m);
    size_t size;
    const uint16_t map[] = {3, 3, 65, 3};
    const struct af_box box[] = {{1, 0, 2, 1, 0.9f, 4}, {-1e30f, -5, 1e30f, NAN, 0.8f, 5}};
    const struct af_result result = {
        .timesteps = 1, .events = (int64_t[64]){0}, .spikes = (int64_t[64]){0}};
    const struct window window = {.number = 42};
    const struct live_state state = {.dropped = 0};
    int16_t *counts = calloc(2 * LOOK_SIDE * LOOK_SIDE, sizeof *counts);
    struct live_decision d = {.window = &window,
                              .counts = counts,
                              .timesteps = 1,
                              .result = &result,
                              .kind = AF_DETECT,
                              .best = {{4, 0.9}, {5, 0.8}},
                              .best_count = 2,
                              .box = box,
                              .box_count = 2,
                              .state = &state};
    look_take(look, &d);
    char *text = look_message(look, &size), wanted[200];
    snprintf(wanted, sizeof wanted, "\"at\": [0.00, 0.00, %d.00, 0.00]}], ", look->width);
    CHECK(strstr(text, "\"answer\": \"2 boxes\"") &&
          strstr(text, "\"boxes\": [{\"class\": \"4\", \"at\": [1.00, 0.00, 2.00, 1.00]}, "));
    CHECK(strstr(text, wanted) && !strstr(text, "\"map\""));
    free(text);
    d.box_count = d.best_count = 0;
    look_note(look, &d);
    look_take(look, &d);
    text = look_message(look, &size);
    CHECK(strstr(text, "\"answer\": \"0 boxes\"") && strstr(text, "\"boxes\": []") &&
          strstr(text, "\"class\": \"nothing\""));
    free(text);
    d.kind = AF_SEGMENT;
    d.map = map;
    d.map_height = d.map_width = 2;
    d.best[0].label = 3;
    d.best_count = 1;
    look_take(look, &d);
    text = look_message(look, &size);
    const char *key = strstr(text, "\"map\": \""), *letters = key ? key + 8 : "";
    CHECK(letters[0] == 'D' && !strstr(text, "\"boxes\""));
    CHECK_EQ(strcspn(letters, "\""), look->width * look->height);
    CHECK(key && letters[(look->height - 1) * look->width] == 'B'); /* 65 of 64 letters */
    free(text);
    free(counts);
    look_free(look);
    af_model_free(m);
}

/* Columns of a line, without what a terminal takes as a command. */
static int columns_of(const char *line, size_t n, int *escapes)
{
    int columns = 0;
    for (size_t i = 0; i < n; i++) {
        if (line[i] == '\033') {
            ++*escapes;
            size_t k = i + 2;
            while (k < n && (line[k] < '@' || line[k] > '~'))
                k++;
            if (line[k] == 'G') /* to column */
                columns = (int)strtol(line + i + 2, NULL, 10) - 1;
            i = k;
        } else {
            columns += (line[i] & 0xc0) != 0x80;
        }
    }
    return columns;
}

TEST(screen)
{
    struct af_model *m;
    struct look *look = make_look(&m);
    static const struct screen_style styles[] = {{80, 24, true, true},
                                                 {80, 24, false, true},
                                                 {80, 24, false, false},
                                                 {40, 12, true, true},
                                                 {200, 60, true, false}};
    for (size_t i = 0; i < sizeof styles / sizeof *styles; i++) {
        char *text = NULL;
        size_t size;
        FILE *f = open_memstream(&text, &size);
        screen_draw(f, look,
                    "A title that is longer than any terminal of eighty columns has room "
                    "for, because of a path \xc3\xa4\xc3\xb6\xc3\xbc and a \033[31mtrick",
                    &styles[i]);
        fclose(f);
        int lines = 0, escapes = 0;
        for (const char *line = text, *end; (end = strchr(line, '\n')); line = end + 1, lines++)
            CHECK(columns_of(line, (size_t)(end - line), &escapes) <= styles[i].columns);
        CHECK(lines <= styles[i].rows);
        CHECK(strstr(text, "75 % 2"));
        CHECK(!strstr(text, "\033[31m"));
        CHECK_EQ(strstr(text, "38;5;") != NULL, styles[i].colour);
        bool ascii = true;
        for (const char *p = strchr(text, '\n'); *p; p++)
            ascii &= !(*p & 0x80);
        CHECK_EQ(ascii, !styles[i].unicode);
        free(text);
    }
    /* A file is no terminal, and a dumb one is none to draw on. */
    struct screen_style style;
    FILE *file = tmpfile();
    CHECK(!screen_style_of(fileno(file), &style));
    fclose(file);
    look_free(look);
    af_model_free(m);
}

int main(void)
{
    signal(SIGPIPE, SIG_IGN);
    RUN(requests);
    RUN(names_of_this_computer);
    RUN(paths);
    RUN(many_listen);
    RUN(nonsense);
    RUN(message);
    RUN(boxes_and_maps);
    RUN(screen);
    return test_end();
}
