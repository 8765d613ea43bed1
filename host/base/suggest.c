#include "base/suggest.h"

#include <stddef.h>
#include <string.h>
#include <strings.h>

enum { LONGEST = 40 };

static int least(int a, int b)
{
    return a < b ? a : b;
}

/* Damerau's distance, of adjacent exchanges (optimal string alignment). */
static int distance(const char *a, const char *b)
{
    int rows[LONGEST + 2][LONGEST + 2];
    const int n = (int)strlen(a), m = (int)strlen(b);
    if (n > LONGEST || m > LONGEST)
        return LONGEST;
    for (int i = 0; i <= n; i++)
        for (int k = 0; k <= m; k++) {
            if (i == 0 || k == 0) {
                rows[i][k] = i + k;
                continue;
            }
            const int change = rows[i - 1][k - 1] + (a[i - 1] != b[k - 1]);
            rows[i][k] = least(change, 1 + least(rows[i - 1][k], rows[i][k - 1]));
            if (i > 1 && k > 1 && a[i - 1] == b[k - 2] && a[i - 2] == b[k - 1])
                rows[i][k] = least(rows[i][k], rows[i - 2][k - 2] + 1);
        }
    return rows[n][m];
}

const char *suggest(const char *text, const char *(*word)(const void *of, int i), const void *of)
{
    const int length = (int)strlen(text);
    const char *best = NULL;
    int nearest = length < 3 ? 1 : length < 6 ? 2 : 3; /* further is somebody else's word */
    for (int i = 0; word(of, i); i++) {
        const int d = strcasecmp(text, word(of, i)) == 0 ? 0 : distance(text, word(of, i));
        if (d < nearest || (d == nearest && !best)) {
            nearest = d;
            best = word(of, i);
        }
    }
    return best && nearest < length ? best : NULL;
}
