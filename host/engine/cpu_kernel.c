/* Compiled once per instruction set; KERNEL is the name, and the compiler's target flags decide. */
#include "engine/cpu_kernel.h"

#include "model/model.h"

#include <stdbool.h>
#include <string.h>

#ifdef __AVX2__
#include <immintrin.h>
#endif
#ifdef __ARM_FEATURE_DOTPROD
#include <arm_neon.h>
#endif

#define PASTE(a, b)         a##b
#define NAMED(prefix, name) PASTE(prefix, name)
#define TEXT_OF(name)       #name
#define TEXT(name)          TEXT_OF(name)
#define INLINE              static inline __attribute__((always_inline))

#if defined __AVX512F__
enum { WIDE = 16 }; /* 32-bit values in a vector */
#elif defined __AVX2__
enum { WIDE = 8 };
#else
enum { WIDE = 4 };
#endif

typedef int32_t lanes __attribute__((vector_size(WIDE * 4)));
typedef float lanes_f __attribute__((vector_size(WIDE * 4)));
typedef int16_t lanes_16 __attribute__((vector_size(WIDE * 2)));
typedef int32_t lanes_u __attribute__((vector_size(WIDE * 4), aligned(4), may_alias));
typedef float lanes_fu __attribute__((vector_size(WIDE * 4), aligned(4), may_alias));
typedef uint8_t lanes_8 __attribute__((vector_size(WIDE)));
typedef uint8_t lanes_8u __attribute__((vector_size(WIDE), aligned(1), may_alias));
typedef int16_t lanes_16u __attribute__((vector_size(WIDE * 2), aligned(2), may_alias));

#if defined __AVX512F__
INLINE lanes least(lanes a, lanes b)
{
    return (lanes)_mm512_min_epi32((__m512i)a, (__m512i)b);
}

INLINE lanes most(lanes a, lanes b)
{
    return (lanes)_mm512_max_epi32((__m512i)a, (__m512i)b);
}
#elif defined __AVX2__
INLINE lanes least(lanes a, lanes b)
{
    return (lanes)_mm256_min_epi32((__m256i)a, (__m256i)b);
}

INLINE lanes most(lanes a, lanes b)
{
    return (lanes)_mm256_max_epi32((__m256i)a, (__m256i)b);
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
#endif

enum { CHUNK = WIDE * 4 };
typedef uint8_t chunk __attribute__((vector_size(CHUNK)));
typedef uint8_t chunk_u __attribute__((vector_size(CHUNK), aligned(1), may_alias));

/* ---- Product ------------------------------------------------------------------------------- */

/* Whether n bytes are 0, and those that fill the last vector. */
INLINE bool is_silent(const uint8_t *a, ptrdiff_t n)
{
    chunk any = {0};
    for (ptrdiff_t i = 0; i < n; i += CHUNK)
        any |= *(const chunk_u *)(a + i);
#if defined __AVX512F__
    return !_mm512_test_epi64_mask((__m512i)any, (__m512i)any);
#elif defined __AVX2__
    return _mm256_testz_si256((__m256i)any, (__m256i)any);
#else
    uint64_t half[2];
    memcpy(half, &any, sizeof half);
    return !(half[0] | half[1]);
#endif
}

INLINE bool leaves_out(const struct product *p, const uint8_t *a, ptrdiff_t bytes)
{
    const bool silent = is_silent(a, bytes);
    p->silence->looked++;
    p->silence->silent += silent;
    return silent;
}

/* The LANES sums of one row and block. */
INLINE void store(const struct product *p, int32_t *c, const lanes sum[LANES / WIDE])
{
    for (int i = 0; i < LANES / WIDE; i++) {
        lanes_u *to = (lanes_u *)(c + i * WIDE);
        lanes shifted = sum[i] << p->shift;
        if (p->add)
            shifted += *to;
        *to = shifted;
    }
}

#ifdef __AVX512VNNI__

/* In place, which the compiler's own builtin is not: it copies most sums in every round. */
INLINE void add_products(lanes *sum, lanes four, lanes weights)
{
    __asm__("vpdpbusd %2, %1, %0" : "+v"(*sum) : "v"(four), "v"(weights));
}

enum {
    REGISTERS = 16,
    TILE_BLOCKS = 2,
    ROW_BLOCKS = 8,
    VALUE_BITS = 8
}; /* vectors of sums in a tile */

/* R rows and N blocks at once, held in registers. */
INLINE void tile(const struct product *p, const int R, const int N, const ptrdiff_t step,
                 const bool look, const uint8_t *a, const int8_t *b, int32_t *c)
{
    const int quads = p->length / 4;
    const size_t block = (size_t)p->segments * (size_t)quads * LANES * 4;
    lanes sum[REGISTERS] = {{0}};
    for (int s = 0; s < p->segments; s++) {
        const uint8_t *from = a + p->segment[s];
        if (look && leaves_out(p, from, (R - 1) * step + p->length)) {
            b += (ptrdiff_t)quads * LANES * 4;
            continue;
        }
        for (int q = 0; q < quads; q++, from += 4, b += LANES * 4) {
            lanes w[ROW_BLOCKS];
            for (int n = 0; n < N; n++)
                w[n] = *(const lanes_u *)(const void *)(b + (size_t)n * block);
            for (int r = 0; r < R; r++) {
                int32_t four;
                memcpy(&four, from + r * step, 4);
                for (int n = 0; n < N; n++)
                    add_products(&sum[r * N + n], (lanes){0} + four, w[n]);
            }
        }
    }
    for (int r = 0; r < R; r++)
        for (int n = 0; n < N; n++)
            store(p, c + r * p->c_step + n * LANES, &sum[r * N + n]);
}

#elif defined __ARM_FEATURE_DOTPROD

enum {
    REGISTERS = 16,
    TILE_BLOCKS = 1,
    ROW_BLOCKS = 1,
    VALUE_BITS = 7
}; /* both sides have signs */

INLINE void tile(const struct product *p, const int R, const int N, const ptrdiff_t step,
                 const bool look, const uint8_t *a, const int8_t *b, int32_t *c)
{
    enum { PARTS = LANES / WIDE };
    const int quads = p->length / 4;
    (void)N; /* 1 */
    lanes sum[REGISTERS] = {{0}};
    for (int s = 0; s < p->segments; s++) {
        const uint8_t *from = a + p->segment[s];
        if (look && leaves_out(p, from, (R - 1) * step + p->length)) {
            b += (ptrdiff_t)quads * LANES * 4;
            continue;
        }
        for (int q = 0; q < quads; q++, from += 4, b += LANES * 4) {
            int8x16_t w[PARTS];
            for (int i = 0; i < PARTS; i++)
                w[i] = vld1q_s8(b + i * WIDE * 4);
            for (int r = 0; r < R; r++) {
                int32_t four;
                memcpy(&four, from + r * step, 4);
                const int8x16_t values = vreinterpretq_s8_s32(vdupq_n_s32(four));
                for (int i = 0; i < PARTS; i++)
                    sum[r * PARTS + i] =
                        (lanes)vdotq_s32((int32x4_t)sum[r * PARTS + i], w[i], values);
            }
        }
    }
    for (int r = 0; r < R; r++)
        store(p, c + r * p->c_step, &sum[r * PARTS]);
}

#else

/* Sums of 16 bits hold the products of p->depth quads: pairs of them belong to one output. */
typedef int16_t pairs __attribute__((vector_size(WIDE * 4)));

#ifdef __AVX2__
INLINE pairs products(lanes four, lanes weights)
{
    return (pairs)_mm256_maddubs_epi16((__m256i)four, (__m256i)weights);
}

INLINE lanes widened(pairs sum)
{
    return (lanes)_mm256_madd_epi16((__m256i)sum, _mm256_set1_epi16(1));
}

#else
INLINE pairs products(lanes four, lanes weights)
{
    const pairs a = (pairs)four, w = (pairs)weights;
    return (a & 255) * (w << 8 >> 8) + (a >> 8) * (w >> 8);
}

INLINE lanes widened(pairs sum)
{
    return ((lanes)sum << 16 >> 16) + ((lanes)sum >> 16);
}

#endif

enum { REGISTERS = 8, TILE_BLOCKS = 1, ROW_BLOCKS = 1, VALUE_BITS = 7 };

INLINE int smaller(int a, int b)
{
    return a < b ? a : b;
}

INLINE void tile(const struct product *p, const int R, const int N, const ptrdiff_t step,
                 const bool look, const uint8_t *a, const int8_t *b, int32_t *c)
{
    enum { PARTS = LANES / WIDE };
    const int quads = p->length / 4, depth = 127 / p->most;
    (void)N; /* 1 */
    lanes sum[REGISTERS] = {{0}};
    for (int s = 0; s < p->segments; s++) {
        if (look && leaves_out(p, a + p->segment[s], (R - 1) * step + p->length)) {
            b += (ptrdiff_t)quads * LANES * 4;
            continue;
        }
        for (int q = 0; q < quads; q += depth) {
            const uint8_t *from = a + p->segment[s] + 4 * q;
            pairs part[REGISTERS] = {{0}};
            for (int n = smaller(depth, quads - q); n > 0; n--, from += 4, b += LANES * 4)
                for (int i = 0; i < PARTS; i++) {
                    lanes w = *(const lanes_u *)(const void *)(b + i * WIDE * 4);
                    for (int r = 0; r < R; r++) {
                        int32_t four;
                        memcpy(&four, from + r * step, 4);
                        part[r * PARTS + i] += products((lanes){0} + four, w);
                    }
                }
            for (int i = 0; i < R * PARTS; i++)
                sum[i] += widened(part[i]);
        }
    }
    for (int r = 0; r < R; r++)
        store(p, c + r * p->c_step, &sum[r * PARTS]);
}

#endif

/* All rows of a line and N blocks, in tiles that the registers hold. */
INLINE void stripe(const struct product *p, const int N, const ptrdiff_t step, const bool look,
                   const uint8_t *a, const int8_t *b, int32_t *c)
{
    const int most = REGISTERS * WIDE / LANES / N;
    const int rest = p->rows % most;
    int r = 0;
    for (; r + most <= p->rows; r += most)
        tile(p, most, N, step, look, a + r * step, b, c + r * p->c_step);
    a += r * step;
    c += r * p->c_step;
    switch (rest) { /* each at once: parts of it would wait for their sums */
#define REST(R)                                                                                    \
    case R: tile(p, R < most ? R : 1, N, step, look, a, b, c); break
        REST(1);
        REST(2);
        REST(3);
        REST(4);
        REST(5);
        REST(6);
        REST(7);
        REST(8);
        REST(9);
        REST(10);
        REST(11);
        REST(12);
        REST(13);
        REST(14);
        REST(15);
#undef REST
    default: break;
    }
}

/* A block's weights stay in the cache for all lines. */
INLINE void multiply_by_step(const struct product *p, const ptrdiff_t step, const bool look)
{
    const size_t block = (size_t)p->segments * (size_t)p->length * LANES;
    int n = 0;
    for (; TILE_BLOCKS > 1 && n + TILE_BLOCKS <= p->blocks; n += TILE_BLOCKS)
        for (int l = 0; l < p->lines; l++)
            stripe(p, TILE_BLOCKS, step, look, p->a + l * p->a_line, p->b + (size_t)n * block,
                   p->c + l * p->c_line + n * LANES);
    for (; n < p->blocks; n++)
        for (int l = 0; l < p->lines; l++)
            stripe(p, 1, step, look, p->a + l * p->a_line, p->b + (size_t)n * block,
                   p->c + l * p->c_line + n * LANES);
}

/* One row: as many blocks at once as hide the latency of an addition. */
static __attribute__((noinline)) void multiply_row(const struct product *p)
{
    const size_t block = (size_t)p->segments * (size_t)p->length * LANES;
    int n = 0;
    for (; ROW_BLOCKS > 4 && n + 8 <= p->blocks; n += 8)
        tile(p, 1, 8, 0, false, p->a, p->b + (size_t)n * block, p->c + n * LANES);
    for (; ROW_BLOCKS > 1 && n + 4 <= p->blocks; n += 4)
        tile(p, 1, 4, 0, false, p->a, p->b + (size_t)n * block, p->c + n * LANES);
    for (; n < p->blocks; n++)
        tile(p, 1, 1, 0, false, p->a, p->b + (size_t)n * block, p->c + n * LANES);
}

/* Known steps make a tile's addresses constants, for which there are too few registers. Each is a
 * function of its own: of one large one the compiler keeps fewer sums in registers. */
#define MULTIPLY(name, step, look)                                                                 \
    static __attribute__((noinline)) void name(const struct product *p)                            \
    {                                                                                              \
        multiply_by_step(p, step, look);                                                           \
    }
MULTIPLY(multiply_16, 16, false)
MULTIPLY(multiply_32, 32, false)
MULTIPLY(multiply_64, 64, false)
MULTIPLY(multiply_any, p->a_step, false)
MULTIPLY(multiply_looking, p->a_step, true)
#undef MULTIPLY

static void multiply(const struct product *p)
{
    if (ROW_BLOCKS > 1 && p->rows == 1 && p->lines == 1)
        multiply_row(p);
    else if (p->silence)
        multiply_looking(p);
    else if (p->a_step == 16)
        multiply_16(p);
    else if (p->a_step == 32)
        multiply_32(p);
    else if (p->a_step == 64)
        multiply_64(p);
    else
        multiply_any(p);
}

/* ---- Fire ---------------------------------------------------------------------------------- */

/* floor(v / threshold) clamped to [low, burst], where low is 0 or less. The product with the
 * rounded inverse is off by one at most, and truncated towards zero: the remainder shows both. */
INLINE lanes divide(lanes v, lanes threshold, lanes_f inverse, lanes low, lanes burst)
{
    lanes_f q = __builtin_convertvector(v, lanes_f) * inverse;
    lanes r = least(most(__builtin_convertvector(q, lanes), low - 1), burst + 1);
    lanes rest = v - r * threshold;
    lanes below = rest < 0, above = rest >= threshold; /* -1 where it is so */
    r += below - above;
    rest += (above - below) * threshold;
    r += rest < 0;
    return least(most(r, low), burst);
}

/* The same where (burst + 1) * threshold and (1 - low) * threshold are less than DIVIDE_LIMIT, with
 * `above` = just_above(inverse). As above >= 1 / threshold, v * above reaches every k that v /
 * threshold reaches, rounded or not. And as above <= (1 + 1.5 * 2^-23) / threshold, for v = k *
 * threshold - 1 it is at most k - 1 / threshold + 1.5 * 2^-23 * k, which rounds to less than k if 1
 * / threshold > 2^-22 * k. Below 0, floor(v / threshold) = -1 - floor((-1 - v) / threshold). */
enum { DIVIDE_LIMIT = 1 << 22 };

INLINE lanes divide_small(lanes v, lanes_f above, lanes low, lanes burst)
{
    const lanes sign = v >> 31;
    lanes_f q = __builtin_convertvector(v ^ sign, lanes_f) * above;
    return least(most(__builtin_convertvector(q, lanes) ^ sign, low), burst);
}

INLINE lanes divide_positive(lanes v, lanes_f above, lanes burst)
{
    lanes_f q = __builtin_convertvector(v, lanes_f) * above;
    return least(most(__builtin_convertvector(q, lanes), (lanes){0}), burst);
}

INLINE lanes_f just_above(lanes_f positive)
{
    return (lanes_f)((lanes)positive + 1);
}

/* Beyond it v / threshold is more than any burst, and float would not hold all of it. */
enum { DIVIDE_MOST = 1 << 30 };

typedef uint32_t words __attribute__((vector_size(WIDE)));

/* Of r + offset, as many bytes as belong to the cell. */
INLINE void store_bytes(uint8_t *to, lanes r, const int count)
{
    const lanes_8 bytes = __builtin_convertvector(r, lanes_8);
    const words word = (words)bytes;
    if (count >= WIDE) {
        *(lanes_8u *)to = bytes;
        return;
    }
    for (int i = 0; i < WIDE / 4; i++) /* no loop: the compiler knows its end */
        if (count >= 4 * i + 4) {
            const uint32_t four = word[i];
            memcpy(to + 4 * i, &four, 4);
        }
    if (count < 4)
        memcpy(to, &bytes, count == 1 ? 1 : 2);
}

/* The neurons c .. c + WIDE - 1 of all positions. `lean`: currents alone decide, and bytes alone
 * are wanted, as in networks of one timestep. */
INLINE void fire_columns(const struct firing *firing, const int c, const bool is_linear,
                         const bool is_signed, const bool small, const bool wide, const bool lean,
                         const bool full)
{
    const struct firing copy = *firing, *const f = &copy; /* no store changes what it points to */
    const lanes zero = {0}, burst = zero + f->burst, limit = zero + f->limit;
    const lanes low = is_linear ? zero - f->below : is_signed ? -burst : zero;
    const lanes base = *(const lanes_u *)(f->base + c);
    const lanes threshold = *(const lanes_u *)(f->threshold + c);
    const lanes_f inverse = *(const lanes_fu *)(f->inverse + c), above = just_above(inverse);
    const int count = full ? WIDE : f->cell - c;
    ptrdiff_t at = c;
    for (int l = 0; l < f->lines; l++) {
        uint8_t *bytes = f->bytes + l * f->bytes_line + c;
        for (int p = 0; p < f->positions; p++, at += f->width, bytes += f->cell) {
            lanes v = base;
            if (lean || f->current)
                v += *(const lanes_u *)(f->current + at);
            if (!lean && f->before)
                v += *(const lanes_u *)(f->before + at);
            if (!lean && f->constant)
                v += *(const lanes_u *)(f->constant + at);
            const lanes n = wide ? least(most(v, zero - DIVIDE_MOST), zero + DIVIDE_MOST) : v;
            lanes r = !small                   ? divide(n, threshold, inverse, low, burst)
                      : is_linear || is_signed ? divide_small(n, above, low, burst)
                                               : divide_positive(n, above, burst);
            if (is_signed) {
                lanes sent = __builtin_convertvector(*(const lanes_16u *)(f->sent + at), lanes);
                r = most(r, -least(sent, burst));
                sent += r;
                *(lanes_16u *)(f->sent + at) = __builtin_convertvector(sent, lanes_16);
            }
            if (!lean && f->after)
                *(lanes_u *)(f->after + at) = least(most(v - r * threshold, -limit), limit);
            if (!lean && f->events)
                *(lanes_16u *)(f->events + at) = __builtin_convertvector(r, lanes_16);
            if ((lean || f->bytes) && count > 0)
                store_bytes(bytes, r + f->offset, count);
        }
    }
}

INLINE void fire_any(const struct firing *f, const bool is_linear, const bool is_signed)
{
    const bool lean =
        f->current && f->bytes && !f->before && !f->constant && !f->after && !f->events;
    for (int c = 0; c < f->width; c += WIDE) {
        const int farthest = f->burst > f->below ? f->burst : f->below;
        bool small = true;
        for (int i = 0; small && i < WIDE; i++)
            small = (int64_t)f->threshold[c + i] * (farthest + 1) < DIVIDE_LIMIT;
        if (f->limit > STATE_LIMIT)
            fire_columns(f, c, is_linear, is_signed, small, true, false, false);
        else if (small && lean && c + WIDE <= f->cell)
            fire_columns(f, c, is_linear, is_signed, true, false, true, true);
        else if (small && lean)
            fire_columns(f, c, is_linear, is_signed, true, false, true, false);
        else if (small)
            fire_columns(f, c, is_linear, is_signed, true, false, false, false);
        else
            fire_columns(f, c, is_linear, is_signed, false, false, false, false);
    }
}

static void fire(const struct firing *f)
{
    if (f->linear)
        fire_any(f, true, false);
    else if (f->sent)
        fire_any(f, false, true);
    else
        fire_any(f, false, false);
}

/* ---- Statistics ----------------------------------------------------------------------------- */

/* Statistics are summed in 32-bit lanes and flushed before they can overflow. Neighbours mostly
 * cause equally many operations, which are multiplied once for a run of positions. */
struct sums {
    lanes spikes, events, sops, spike_sops, adds;
    lanes run_spikes, run_events, run_adds;
};

/* additions_of each lane, of bursts: three of them have ten bits. */
INLINE lanes additions(lanes n)
{
    lanes b = (n + (n << 1)) ^ n;
    b = b - (b >> 1 & 0x155);
    b = (b & 0x333) + (b >> 2 & 0x333);
    b = b + (b >> 4);
    return (b & 0x0f) + (b >> 8);
}

INLINE void end_run(struct sums *s, lanes fanout)
{
    s->spikes += s->run_spikes;
    s->events += s->run_events;
    s->sops += s->run_events * fanout;
    s->spike_sops += s->run_spikes * fanout;
    s->adds += s->run_adds * fanout;
    s->run_spikes = s->run_events = s->run_adds = (lanes){0};
}

static void flush(struct tally *f, struct sums *s)
{
    for (int i = 0; i < WIDE; i++) {
        f->spikes += s->spikes[i];
        f->event_count += s->events[i];
        f->sops += s->sops[i];
        f->spike_sops += s->spike_sops[i];
        f->adds += s->adds[i];
    }
    *s = (struct sums){0};
}

static void count(struct tally *t)
{
    for (int c = 0; c < t->width; c += WIDE) {
        struct sums s = {0};
        int room = t->flush_after;
        const lanes one = (lanes){0} + 1;
        const int16_t *events = t->events + c;
        int32_t row = -1;
        lanes fanout = {0};
        for (int64_t p = 0; p < t->positions; p++, events += t->width) {
            const lanes r = __builtin_convertvector(*(const lanes_16u *)events, lanes);
            const lanes size = most(r, -r);
            if (t->fanout_row[p] != row) {
                end_run(&s, fanout);
                row = t->fanout_row[p];
                fanout = *(const lanes_u *)(t->fanout + (ptrdiff_t)row * t->width + c);
            }
            s.run_spikes += size;
            s.run_events += least(size, one);
            s.run_adds += additions(size);
            if (--room == 0) {
                end_run(&s, fanout);
                flush(t, &s);
                room = t->flush_after;
            }
        }
        end_run(&s, fanout);
        flush(t, &s);
    }
}

/* ---- Views and shortcuts ------------------------------------------------------------------- */

static void pack(uint8_t *restrict to, const int16_t *restrict from, int n, int offset, int plane)
{
    const uint16_t add = (uint16_t)offset;
    for (int i = 0; plane == 0 && i < n; i++)
        to[i] = (uint8_t)((from[i] + add) & ((1 << VALUE_BITS) - 1));
    for (int i = 0; plane != 0 && i < n; i++)
        to[i] =
            (uint8_t)((uint16_t)(from[i] + add) >> (plane * VALUE_BITS) & ((1 << VALUE_BITS) - 1));
}

INLINE void add_scaled_from(const struct scaling *s, const bool bytes)
{
    const lanes offset = (lanes){0} + s->offset;
    int c = 0;
    for (; c + WIDE <= s->channels; c += WIDE) {
        const lanes tap = *(const lanes_u *)(s->tap + c);
        int32_t *sum = s->sum + c;
        for (int p = 0; p < s->positions; p++, sum += s->sum_step) {
            const ptrdiff_t at = p * s->from_step + c;
            const lanes from =
                bytes ? __builtin_convertvector(*(const lanes_8u *)(s->bytes + at), lanes) - offset
                      : __builtin_convertvector(*(const lanes_16u *)(s->from + at), lanes);
            *(lanes_u *)sum += tap * from;
        }
    }
    for (; c < s->channels; c++)
        for (int p = 0; p < s->positions; p++) {
            const ptrdiff_t at = p * s->from_step + c;
            s->sum[p * s->sum_step + c] +=
                s->tap[c] * (bytes ? s->bytes[at] - s->offset : s->from[at]);
        }
}

static void add_scaled(const struct scaling *s)
{
    if (s->bytes)
        add_scaled_from(s, true);
    else
        add_scaled_from(s, false);
}

typedef uint8_t quarter __attribute__((vector_size(16)));
typedef uint8_t quarter_u __attribute__((vector_size(16), aligned(1), may_alias));

INLINE chunk larger(chunk a, chunk b)
{
#if defined __AVX512BW__
    return (chunk)_mm512_max_epu8((__m512i)a, (__m512i)b);
#elif defined __AVX2__
    return (chunk)_mm256_max_epu8((__m256i)a, (__m256i)b);
#else
    const chunk m = (chunk)(a > b);
    return (a & m) | (b & ~m);
#endif
}

INLINE quarter larger_quarter(quarter a, quarter b)
{
    const quarter m = (quarter)(a > b);
    return (a & m) | (b & ~m);
}

INLINE void merge_any(uint8_t *to, const uint8_t *from, const ptrdiff_t step, const int count,
                      const int n, const bool sum)
{
    int i = 0;
    for (; i + CHUNK <= n; i += CHUNK) {
        chunk a = *(const chunk_u *)(from + i);
        for (int k = 1; k < count; k++) {
            const chunk b = *(const chunk_u *)(from + k * step + i);
            a = sum ? a + b : larger(a, b);
        }
        *(chunk_u *)(to + i) = a;
    }
    for (; i + 16 <= n; i += 16) {
        quarter a = *(const quarter_u *)(from + i);
        for (int k = 1; k < count; k++) {
            const quarter b = *(const quarter_u *)(from + k * step + i);
            a = sum ? a + b : larger_quarter(a, b);
        }
        *(quarter_u *)(to + i) = a;
    }
    for (; sum && i + 4 <= n; i += 4) { /* no byte carries into the next */
        uint32_t a = 0;
        for (int k = 0; k < count; k++) {
            uint32_t b;
            memcpy(&b, from + k * step + i, 4);
            a += b;
        }
        memcpy(to + i, &a, 4);
    }
    for (; i < n; i++) {
        int a = from[i];
        for (int k = 1; k < count; k++) {
            const int b = from[k * step + i];
            a = sum ? a + b : a > b ? a : b;
        }
        to[i] = (uint8_t)a;
    }
}

/* Cells of 8 bytes, which are too short for vectors, by additions that no byte carries out of. */
static void merge_eights(const struct merging *m)
{
    for (int c = 0; c < m->cells; c++) {
        const uint8_t *from = m->from + c * m->from_step;
        uint64_t a = 0;
        for (int k = 0; k < m->count; k++) {
            uint64_t b;
            memcpy(&b, from + k * m->step, 8);
            a += b;
        }
        memcpy(m->to + c * m->to_step, &a, 8);
    }
}

static void merge(const struct merging *m)
{
    if (m->sum && m->n == 8) {
        merge_eights(m);
        return;
    }
    for (int c = 0; c < m->cells; c++) {
        uint8_t *to = m->to + c * m->to_step;
        const uint8_t *from = m->from + c * m->from_step;
        if (m->sum)
            merge_any(to, from, m->step, m->count, m->n, true);
        else if (m->n == 16)
            merge_any(to, from, m->step, m->count, 16, false);
        else
            merge_any(to, from, m->step, m->count, m->n, false);
    }
}

extern const struct kernel NAMED(kernel_, KERNEL);
const struct kernel NAMED(kernel_, KERNEL) = {
    TEXT(KERNEL), VALUE_BITS, multiply, fire, count, pack, add_scaled, merge,
};
