/* What few losses among few samples are taken for. Samples are drawn from known chances. */
#include "test.h"

#include "convert/risk.h"
#include "random_model.h"

#include <math.h>

enum { MANY = 20000, DRAWS = 400 };

static double uncertainty[MANY];
static bool lost[MANY];

static double fraction(struct dice *d)
{
    return (double)dice_roll(d, 1, 1 << 30) / (1 << 30);
}

/* Samples as a trained network has them, most of them certain. */
static void draw(struct dice *d, const struct risk *truth, int samples)
{
    for (int i = 0; i < samples; i++) {
        uncertainty[i] = pow(fraction(d), 4);
        lost[i] = fraction(d) < risk_chance(truth, uncertainty[i]);
    }
}

static double expected(const struct risk *r, int samples)
{
    double sum = 0;
    for (int i = 0; i < samples; i++)
        sum += risk_chance(r, uncertainty[i]);
    return sum;
}

/* How much is lost at most of those that are less uncertain than the limit. */
static double bound_below(const struct risk *r, int samples, double limit)
{
    struct risk_sum sum = {0};
    for (int i = 0; i < samples; i++)
        if (uncertainty[i] < limit)
            risk_add(&sum, r, uncertainty[i]);
    return sum.expected + sqrt(risk_variance(&sum, r));
}

/* What happens `mean` times on average is to be below the bound as often as a standard error says:
 * in five of six cases, of small counts at least in three of four. */
TEST(bound_holds)
{
    static const double means[] = {1, 3, 10, 40};
    struct dice d = {1};
    CHECK(risk_bound(0, 0, 1, 1) >= 1);
    CHECK(risk_shows(1000, 0.005, 1) && !risk_shows(256, 0.005, 1) && !risk_shows(1000000, 0, 1));
    for (size_t m = 0; m < sizeof means / sizeof *means; m++) {
        int held = 0, far = 0;
        for (int turn = 0; turn < 4000; turn++) {
            double count = -1;
            for (double left = means[m]; left > 0; count++)
                left += log(fraction(&d));
            held += risk_bound(count, count, 1, 1) >= means[m];
            far += risk_bound(count, count, 1, 1) > means[m] + 3 * sqrt(means[m]) + 2;
        }
        CHECK(held > 3000);
        CHECK(far < 400);
    }
    CHECK(fabs(risk_among_many(1000, 0.005, 1) - 0.004) < 1e-12);
    CHECK(risk_among_many(256, 0.005, 1) == 0.005); /* they show neither */
    /* Pictures that lose a hundredth each at most show half a point where answers do not. */
    CHECK(risk_shows(256, 0.005, 0.01) && !risk_shows(3, 0.005, 0.01));
    CHECK(fabs(risk_among_many(256, 0.005, 0.01) - 0.005 + 0.01 / 256) < 1e-12);
    CHECK(fabs(risk_bound(0.1, 0.0009, 0.04, 1) - 0.15) < 1e-12);
    /* A hundred losses of a tenth each are known better than ten whole ones. */
    CHECK(risk_bound(10, 1, 1, 1) < risk_bound(10, 10, 1, 1));
    CHECK(fabs(risk_bound(0.1, 0.0009, 0.04, 2) - 0.2) < 1e-12);
}

TEST(fit_finds_what_it_was_drawn_from)
{
    const struct risk truth = {.base = -1, .slope = 0.7};
    struct dice d = {2};
    draw(&d, &truth, MANY);
    struct risk r = risk_fit(uncertainty, lost, MANY);
    CHECK(fabs(r.base - truth.base) < 4 * sqrt(r.base_variance));
    CHECK(fabs(r.slope - truth.slope) < 4 * sqrt(r.slope_variance));
    CHECK(fabs(r.base - truth.base) < 0.2);
    CHECK(fabs(r.slope - truth.slope) < 0.1);
    static const double chances[] = {0.003, 0.02, 0.2};
    for (int i = 0; i < 3; i++) {
        double u = risk_limit(&r, chances[i]);
        CHECK(u > 0 && u < 1);
        CHECK(fabs(risk_chance(&r, u) - chances[i]) < 1e-9);
    }
    CHECK(risk_limit(&r, 0.9) == 1);
    CHECK(risk_limit(&r, 1e-9) == 0);
}

/* No loss among few samples is no licence: together they may lose two, the uncertain ones first. */
TEST(none_lost)
{
    const struct risk never = {.base = -100};
    struct dice d = {3};
    for (int samples = 64; samples <= 4096; samples *= 8) {
        draw(&d, &never, samples);
        struct risk r = risk_fit(uncertainty, lost, samples);
        CHECK(fabs(expected(&r, samples) - 1) < 0.1);
        CHECK(fabs(r.slope - 1) < 0.1);
        double all = bound_below(&r, samples, 2), certain = bound_below(&r, samples, 0.1);
        CHECK(all > 1.8 && all < 2.2);
        CHECK(certain > 0 && certain < 0.5);
    }
}

/* Over many draws the sum's error is what the variance says. */
TEST(variance_is_the_spread)
{
    enum { SAMPLES = 1500 };
    const struct risk truth = {.base = -2, .slope = 0.8};
    struct dice d = {4};
    double error = 0, said = 0, below = 0;
    for (int turn = 0; turn < DRAWS; turn++) {
        draw(&d, &truth, SAMPLES);
        struct risk r = risk_fit(uncertainty, lost, SAMPLES);
        struct risk_sum sum = {0};
        double real = 0;
        for (int i = 0; i < SAMPLES; i++) {
            if (uncertainty[i] > 0.3)
                continue;
            risk_add(&sum, &r, uncertainty[i]);
            real += risk_chance(&truth, uncertainty[i]);
        }
        error += (sum.expected - real) * (sum.expected - real) / DRAWS;
        said += risk_variance(&sum, &r) / DRAWS;
        below += sum.expected + sqrt(risk_variance(&sum, &r)) < real;
    }
    CHECK(said > 0.75 * error && said < 1.35 * error);
    CHECK(below < 0.25 * DRAWS);
}

int main(void)
{
    RUN(bound_holds);
    RUN(fit_finds_what_it_was_drawn_from);
    RUN(none_lost);
    RUN(variance_is_the_spread);
    return test_end();
}
