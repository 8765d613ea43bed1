#include "report/axis.h"

#include "report/text.h"

#include <math.h>

double report_tick_step(double range, int most)
{
    static const double multiples[] = {1, 2, 5, 10};
    double decade = pow(10, floor(log10(range / most)));
    for (int i = 0; i < 4; i++)
        if (range / (multiples[i] * decade) <= most * (1 + 1e-9))
            return multiples[i] * decade;
    return 20 * decade;
}

void report_timestep_labels(FILE *f, int timesteps, const char *y)
{
    int step = 1;
    if (timesteps > 12)
        step = (int)report_tick_step(timesteps, 9);
    for (int t = 1; t <= timesteps; t++)
        if (t % step == 0 || (t == 1 && step >= 5))
            fprintf(f, "<text class=\"t\" x=\"%.2f%%\" y=\"%s\" text-anchor=\"middle\">%d</text>\n",
                    100 * (t - 0.5) / timesteps, y, t);
}
