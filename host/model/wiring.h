/* How one population feeds another: the geometry of a projection, without its weights.
 *
 * A projection sees its source through a *view*: some channels, upsampled by repetition, then
 * summed over pooling windows (the 1/k^2 of an average is part of the weights). Over the view goes
 * a convolution, and its result is added to a block of the destination:
 *
 *     U[i][y][x] = source[map[i]][y / up[0]][x / up[1]]
 *     V[i][y][x] = sum over a < pool[0], b < pool[1] of
 *                  U[i][y * pool_stride[0] + a - pool_before[0]][x * pool_stride[1] + b - ...]
 *     destination[at[0] + o][at[1] + y * spread[0]][at[2] + x * spread[1]] +=
 *         sum over j, ky, kx of weight[o][j][ky][kx] *
 *         V[group(o) * fan_in + j][y * stride[0] + ky * dilation[0] - before[0]][x * ...]
 *
 * where everything outside U's and V's bounds is zero, fan_in = channels / groups and
 * group(o) = o / (block[0] / groups). A dense layer is a kernel as large as its view; a shortcut is
 * groups = channels with a 1 x 1 kernel; a 1-D convolution has height 1; a negative `before` crops;
 * a transposed convolution is one for each position within its stride, spread by it.
 * A max-pooling relay uses the same window (groups = channels, no weights, cells outside V left
 * out). */
#ifndef ADAFIRE_WIRING_H
#define ADAFIRE_WIRING_H

#include <stdbool.h>
#include <stdint.h>

struct wiring {
    int source; /* population index */
    int channels;
    int32_t *map; /* [channels] source channels; owned */
    int up[2];
    int pool[2], pool_stride[2], pool_before[2];
    int view[2]; /* height and width of V */
    int groups;
    int kernel[2], stride[2], dilation[2], before[2];
    int block[3];  /* channels, height, width of the part of the destination that it writes */
    int at[3];     /* where that part begins */
    int spread[2]; /* from one of its rows, and columns, to the next: 1 or more */
};

/* One channel of the destination per channel of the source, position by position. */
int wiring_identity(struct wiring *w, int source, const int shape[3]);
int wiring_copy(struct wiring *to, const struct wiring *from);
void wiring_free(struct wiring *w);

enum { WEIGHTS_MOST = 1 << 30 }; /* that a projection may have */

static inline int wiring_fan_in(const struct wiring *w)
{
    return w->channels / w->groups;
}
/* Weights: [block[0]][fan_in][kernel[0]][kernel[1]]. */
int64_t wiring_weights(const struct wiring *w);
/* Weights of one output channel. */
int64_t wiring_row(const struct wiring *w);
/* 1 x 1 kernel, one source channel for each destination channel. */
bool wiring_is_channelwise(const struct wiring *w);
bool wiring_has_pool(const struct wiring *w);

/* AF_BAD_FILE if anything is out of range or does not fit the two shapes, AF_UNSUPPORTED if it is
 * too large: a checked wiring cannot make the loops above leave their arrays, overflow, or take
 * hours. */
int wiring_check(const struct wiring *w, const int source[3], const int destination[3]);

/* Adds to fanout[channel][y][x] how many non-zero weights an event of that source neuron meets: the
 * synaptic operations that it causes. */
int wiring_add_fanout(const struct wiring *w, const int8_t *weight, const int source[3],
                      int64_t *fanout);
/* Destination positions, counted with kernel taps, that the view adds an event to: the mean over
 * the source's positions. */
double wiring_mean_meetings(const struct wiring *w, const int source[3]);

#endif
