/* Compiled once per instruction set; KERNEL is the name, and the compiler's target flags decide. */
#include "cpu_kernel.h"

#include "model.h"

#include <string.h>

#if defined __AVX512VNNI__ || defined __AVX2__
#include <immintrin.h>
#endif

#define PASTE(a, b) a##b
#define NAMED(prefix, name) PASTE(prefix, name)
#define TEXT_OF(name) #name
#define TEXT(name) TEXT_OF(name)
#define INLINE static inline __attribute__((always_inline))

typedef int32_t lanes __attribute__((vector_size(LANES * 4)));
typedef float lanes_f __attribute__((vector_size(LANES * 4)));
typedef int16_t lanes_16 __attribute__((vector_size(LANES * 2)));
typedef int32_t lanes_u __attribute__((vector_size(LANES * 4), aligned(4)));
typedef float lanes_fu __attribute__((vector_size(LANES * 4), aligned(4)));
typedef int16_t lanes_16u __attribute__((vector_size(LANES * 2), aligned(2)));

/* ---- Product ------------------------------------------------------------------------------- */

INLINE void store(const struct product *p, int32_t *c, lanes sum)
{
    sum <<= p->shift;
    if (p->add)
        sum += *(const lanes_u *)c;
    *(lanes_u *)c = sum;
}

#if defined __AVX512VNNI__

/* R rows and N blocks at once, held in registers. */
INLINE void tile(const struct product *p, const int R, const int N, const uint8_t *a,
                 const int8_t *b, int32_t *c)
{
    const int quads = p->length / 4;
    const size_t block = (size_t)p->segments * (size_t)quads * LANES * 4;
    __m512i sum[16];
    for (int i = 0; i < R * N; i++)
        sum[i] = _mm512_setzero_si512();
    for (int s = 0; s < p->segments; s++) {
        const uint8_t *from = a + p->segment[s];
        for (int q = 0; q < quads; q++, from += 4, b += LANES * 4) {
            __m512i w[2];
            for (int n = 0; n < N; n++)
                w[n] = _mm512_loadu_si512(b + (size_t)n * block);
            for (int r = 0; r < R; r++) {
                int32_t four;
                memcpy(&four, from + r * p->a_step, 4);
                __m512i x = _mm512_set1_epi32(four);
                for (int n = 0; n < N; n++)
                    sum[r * N + n] = _mm512_dpbusd_epi32(sum[r * N + n], x, w[n]);
            }
        }
    }
    for (int r = 0; r < R; r++)
        for (int n = 0; n < N; n++)
            store(p, c + r * p->c_step + n * LANES, (lanes)sum[r * N + n]);
}

#elif defined __AVX2__

INLINE void tile(const struct product *p, const int R, const int N, const uint8_t *a,
                 const int8_t *b, int32_t *c)
{
    const int quads = p->length / 4;
    const size_t block = (size_t)p->segments * (size_t)quads * LANES * 4;
    for (int n = 0; n < N; n++)
        for (int r = 0; r < R; r++) {
            const int8_t *w = b + (size_t)n * block;
            __m256i sum[4];
            for (int i = 0; i < 4; i++)
                sum[i] = _mm256_setzero_si256();
            for (int s = 0; s < p->segments; s++) {
                const uint8_t *from = a + r * p->a_step + p->segment[s];
                for (int q = 0; q < quads; q++, from += 4, w += LANES * 4) {
                    int32_t four;
                    memcpy(&four, from, 4);
                    if (!four) /* most events are zeros */
                        continue;
                    __m256i x = _mm256_cvtepu8_epi16(_mm_set1_epi32(four));
                    for (int i = 0; i < 4; i++) {
                        __m256i wide = _mm256_cvtepi8_epi16(
                            _mm_loadu_si128((const __m128i *)(const void *)(w + i * 16)));
                        sum[i] = _mm256_add_epi32(sum[i], _mm256_madd_epi16(x, wide));
                    }
                }
            }
            lanes out;
            int32_t part[32];
            for (int i = 0; i < 4; i++)
                _mm256_storeu_si256((__m256i *)(void *)(part + i * 8), sum[i]);
            for (int i = 0; i < LANES; i++)
                out[i] = part[2 * i] + part[2 * i + 1];
            store(p, c + r * p->c_step + n * LANES, out);
        }
}

#else

INLINE void tile(const struct product *p, const int R, const int N, const uint8_t *a,
                 const int8_t *b, int32_t *c)
{
    const int quads = p->length / 4;
    const size_t block = (size_t)p->segments * (size_t)quads * LANES * 4;
    for (int n = 0; n < N; n++)
        for (int r = 0; r < R; r++) {
            const int8_t *w = b + (size_t)n * block;
            lanes sum = {0};
            for (int s = 0; s < p->segments; s++) {
                const uint8_t *from = a + r * p->a_step + p->segment[s];
                for (int q = 0; q < quads; q++, from += 4, w += LANES * 4) {
                    if (!(from[0] | from[1] | from[2] | from[3]))
                        continue;
                    for (int i = 0; i < LANES; i++)
                        sum[i] += from[0] * w[4 * i] + from[1] * w[4 * i + 1] +
                                  from[2] * w[4 * i + 2] + from[3] * w[4 * i + 3];
                }
            }
            store(p, c + r * p->c_step + n * LANES, sum);
        }
}

#endif

/* All rows of N blocks, in tiles that the registers hold. */
INLINE void stripe(const struct product *p, const int N, const int8_t *b, int32_t *c)
{
    const int most = 16 / N;
    int r = 0;
    for (; r + most <= p->rows; r += most)
        tile(p, most, N, p->a + r * p->a_step, b, c + r * p->c_step);
    if (N == 1 && r + 8 <= p->rows) {
        tile(p, 8, N, p->a + r * p->a_step, b, c + r * p->c_step);
        r += 8;
    }
    if (r + 4 <= p->rows) {
        tile(p, 4, N, p->a + r * p->a_step, b, c + r * p->c_step);
        r += 4;
    }
    if (r + 2 <= p->rows) {
        tile(p, 2, N, p->a + r * p->a_step, b, c + r * p->c_step);
        r += 2;
    }
    if (r < p->rows)
        tile(p, 1, N, p->a + r * p->a_step, b, c + r * p->c_step);
}

static void multiply(const struct product *p)
{
    const size_t block = (size_t)p->segments * (size_t)p->length * LANES;
    int n = 0;
    for (; n + 2 <= p->blocks; n += 2)
        stripe(p, 2, p->b + (size_t)n * block, p->c + n * LANES);
    if (n < p->blocks)
        stripe(p, 1, p->b + (size_t)n * block, p->c + n * LANES);
}

/* ---- Fire ---------------------------------------------------------------------------------- */

#if defined __AVX512F__
INLINE lanes least(lanes a, lanes b)
{
    return (lanes)_mm512_min_epi32((__m512i)a, (__m512i)b);
}

INLINE lanes most(lanes a, lanes b)
{
    return (lanes)_mm512_max_epi32((__m512i)a, (__m512i)b);
}

/* a where x < y, else 0. */
INLINE lanes where_less(lanes x, lanes y, lanes a)
{
    return (lanes)_mm512_maskz_mov_epi32(_mm512_cmplt_epi32_mask((__m512i)x, (__m512i)y),
                                         (__m512i)a);
}
#else
INLINE lanes least(lanes a, lanes b)
{
    lanes m = a < b;
    return (a & m) | (b & ~m);
}

INLINE lanes most(lanes a, lanes b)
{
    lanes m = a > b;
    return (a & m) | (b & ~m);
}

INLINE lanes where_less(lanes x, lanes y, lanes a)
{
    return (x < y) & a;
}
#endif

/* floor(v / threshold) clamped to [low, burst], where low is -burst or 0. The product with the rounded
 * inverse is off by one at most, and truncated towards zero: the remainder shows both. */
INLINE lanes divide(lanes v, lanes threshold, lanes_f inverse, lanes low, lanes burst)
{
    const lanes one = (lanes){0} + 1, zero = {0};
    lanes_f q = __builtin_convertvector(v, lanes_f) * inverse;
    lanes r = least(most(__builtin_convertvector(q, lanes), low - 1), burst + 1);
    lanes rest = v - r * threshold;
    lanes below = where_less(rest, zero, one);
    lanes above = one - where_less(rest, threshold, one);
    r += above - below;
    rest += (below - above) * threshold;
    r -= where_less(rest, zero, one);
    return least(most(r, low), burst);
}

/* Statistics are summed in 32-bit lanes and flushed before they can overflow. */
struct sums {
    lanes spikes, events, sops, spike_sops;
};

INLINE void flush(struct firing *f, struct sums *s)
{
    for (int i = 0; i < LANES; i++) {
        f->spikes += s->spikes[i];
        f->event_count += s->events[i];
        f->sops += s->sops[i];
        f->spike_sops += s->spike_sops[i];
    }
    *s = (struct sums){{0}, {0}, {0}, {0}};
}

INLINE void fire_any(struct firing *f, const int is_linear, const int is_signed,
                     const int per_neuron)
{
    const lanes zero = {0}, one = zero + 1, burst = zero + f->burst, limit = zero + STATE_LIMIT;
    const lanes low = is_linear || is_signed ? -burst : zero;
    struct sums s = {{0}, {0}, {0}, {0}};
    int room = f->flush_after;
    for (int p = 0; p < f->positions; p++) {
        lanes fanout = zero + (per_neuron ? 0 : f->fanout[p]);
        for (int c = 0; c < f->width; c += LANES) {
            ptrdiff_t at = (ptrdiff_t)p * f->width + c;
            lanes v = *(const lanes_u *)(f->potential + at) + *(const lanes_u *)(f->base + c);
            if (f->current)
                v += *(const lanes_u *)(f->current + at);
            if (f->constant)
                v += *(const lanes_u *)(f->constant + at);
            lanes threshold = *(const lanes_u *)(f->threshold + c);
            lanes r = divide(v, threshold, *(const lanes_fu *)(f->inverse + c), low, burst);
            if (is_signed) {
                lanes sent = __builtin_convertvector(*(const lanes_16u *)(f->sent + at), lanes);
                r = most(r, -least(sent, burst));
                sent += r;
                *(lanes_16u *)(f->sent + at) = __builtin_convertvector(sent, lanes_16);
            }
            v = least(most(v - r * threshold, -limit), limit);
            *(lanes_u *)(f->potential + at) = v;
            *(lanes_16u *)(f->events + at) = __builtin_convertvector(r, lanes_16);
            lanes size = is_linear || is_signed ? most(r, -r) : r;
            lanes event = least(size, one);
            if (per_neuron)
                fanout = *(const lanes_u *)(f->fanout + at);
            s.spikes += size;
            s.events += event;
            s.sops += event * fanout;
            s.spike_sops += size * fanout;
            if (--room == 0) {
                flush(f, &s);
                room = f->flush_after;
            }
        }
    }
    flush(f, &s);
}

static void fire(struct firing *f)
{
    if (f->linear)
        fire_any(f, 1, 0, 1);
    else if (f->sent && f->fanout_per_neuron)
        fire_any(f, 0, 1, 1);
    else if (f->sent)
        fire_any(f, 0, 1, 0);
    else if (f->fanout_per_neuron)
        fire_any(f, 0, 0, 1);
    else
        fire_any(f, 0, 0, 0);
}

/* ---- Small loops, which the compiler vectorises ---------------------------------------------- */

static void pack(uint8_t *restrict to, const int16_t *restrict from, int n, int offset)
{
    for (int i = 0; i < n; i++)
        to[i] = (uint8_t)(from[i] + offset);
}

static void add_scaled(int32_t *restrict sum, const int32_t *restrict tap,
                       const int16_t *restrict from, int n)
{
    for (int i = 0; i < n; i++)
        sum[i] += tap[i] * from[i];
}

extern const struct kernel NAMED(kernel_, KERNEL);
const struct kernel NAMED(kernel_, KERNEL) = {TEXT(KERNEL), multiply, fire, pack, add_scaled};
