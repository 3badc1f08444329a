/*
 * The vocabulary of the native kernels: vector types of the level that is being compiled, loads, splats, selects, and
 * the fixed order in which eight partial sums are added.
 *
 *   WIDE      floats of the widest register (16 at x86-64-v4, 8 at v3, 4 at v2 and on Arm): for work element by element
 *   NARROW    WIDE, but at most the eight lanes of a pixel, of which PARTS make one: for tiles
 *   REGISTERS how many of them there are: what bounds the tiles
 *   PAIRS     1 where tiles take two vectors at once, sixteen floats: the level x86-64-v4-512
 *
 * Memory is only 4-byte aligned as far as the types know; processors pay nothing for that when the address happens to
 * be aligned. Never: intrinsics of one processor, -ffast-math, an operation whose rounding depends on the width.
 */
#ifndef VECTORS_H
#define VECTORS_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#if defined(LEVEL_X86_64_V4)
#define WIDE 16
#define NARROW 8
#define REGISTERS 32
#elif defined(LEVEL_X86_64_V3)
#define WIDE 8
#define NARROW 8
#define REGISTERS 16
#elif defined(LEVEL_X86_64_V2)
#define WIDE 4
#define NARROW 4
#define REGISTERS 16
#elif defined(LEVEL_ARM_NEON)
#define WIDE 4
#define NARROW 4
#define REGISTERS 32
#else
#error "scripts/build-native.mjs names the level: LEVEL_X86_64_V2, _V3, _V4 or LEVEL_ARM_NEON"
#endif

#ifndef PAIRS
#define PAIRS 0
#endif

#define LANES 8
#define PARTS (LANES / NARROW)

#define ALWAYS static inline __attribute__((always_inline))

/* The two compilers' words for unrolling a loop of constant length, for leaving it a loop, and for taking floats, by
 * number, from two vectors laid end to end. */
#if defined(__clang__)
#define UNROLL _Pragma("clang loop unroll(full)")
#define ONE_BY_ONE _Pragma("clang loop unroll(disable)")
#define PICK_FLOATS(a, b, ...) __builtin_shufflevector(a, b, __VA_ARGS__)
#else
#define UNROLL _Pragma("GCC unroll 16")
#define ONE_BY_ONE _Pragma("GCC unroll 1")
#define PICK_FLOATS(a, b, ...) __builtin_shuffle(a, b, (four_ints){__VA_ARGS__})
#endif

typedef float wide __attribute__((vector_size(WIDE * 4)));
typedef int32_t wide_ints __attribute__((vector_size(WIDE * 4)));
typedef float narrow __attribute__((vector_size(NARROW * 4)));
typedef int32_t narrow_ints __attribute__((vector_size(NARROW * 4)));
typedef float four __attribute__((vector_size(16)));
typedef int32_t four_ints __attribute__((vector_size(16)));

#if PAIRS
/* Two vectors of eight floats as one of sixteen, and back. */
#if defined(__clang__) || __GNUC__ >= 12
ALWAYS wide join(const narrow low, const narrow high) {
  return __builtin_shufflevector(low, high, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
}
ALWAYS narrow first_half(const wide both) { return __builtin_shufflevector(both, both, 0, 1, 2, 3, 4, 5, 6, 7); }
ALWAYS narrow second_half(const wide both) { return __builtin_shufflevector(both, both, 8, 9, 10, 11, 12, 13, 14, 15); }
#else
ALWAYS wide join(const narrow low, const narrow high) {
  const narrow both[2] = {low, high};
  wide joined;
  memcpy(&joined, both, sizeof joined);
  return joined;
}
ALWAYS narrow half_of(const wide both, const int half) {
  narrow halves[2];
  memcpy(halves, &both, sizeof halves);
  return halves[half];
}
ALWAYS narrow first_half(const wide both) { return half_of(both, 0); }
ALWAYS narrow second_half(const wide both) { return half_of(both, 1); }
#endif
#endif

typedef float wide_at __attribute__((vector_size(WIDE * 4), aligned(4), may_alias));
typedef float narrow_at __attribute__((vector_size(NARROW * 4), aligned(4), may_alias));
typedef float four_at __attribute__((vector_size(16), aligned(4), may_alias));

#define SPLAT_1(s) (s)
#define SPLAT_4(s) {s, s, s, s}
#define SPLAT_8(s) {s, s, s, s, s, s, s, s}
#define SPLAT_16(s) {s, s, s, s, s, s, s, s, s, s, s, s, s, s, s, s}
#define SPLAT_OF(width, s) SPLAT_##width(s)
#define SPLAT(width, s) SPLAT_OF(width, s)

ALWAYS wide splat(float s) { return (wide)SPLAT(WIDE, s); }
ALWAYS wide load(const float *from) { return *(const wide_at *)from; }
ALWAYS void store(float *to, wide value) { *(wide_at *)to = value; }

/*
 * mask ? yes : no, element by element, where a mask is 0 or all ones. Written as a loop over numbers, which both
 * compilers turn into one blend; of vectors combined by and, or, not they make three instructions.
 */
#define CHOOSE(name, floats, ints, width)                                                                              \
  ALWAYS floats name(ints mask, floats yes, floats no) {                                                               \
    float from[width], to[width];                                                                                      \
    int32_t is_yes[width];                                                                                             \
    memcpy(from, &yes, sizeof from);                                                                                   \
    memcpy(to, &no, sizeof to);                                                                                        \
    memcpy(is_yes, &mask, sizeof is_yes);                                                                              \
    for (int n = 0; n < width; n++)                                                                                    \
      to[n] = is_yes[n] ? from[n] : to[n];                                                                             \
    floats chosen;                                                                                                     \
    memcpy(&chosen, to, sizeof chosen);                                                                                \
    return chosen;                                                                                                     \
  }
CHOOSE(choose, wide, wide_ints, WIDE)
CHOOSE(narrow_choose, narrow, narrow_ints, NARROW)
/* Of four floats gcc makes no blend, but four branches. */
ALWAYS four four_choose(four_ints mask, four yes, four no) {
  return (four)((mask & (four_ints)yes) | (~mask & (four_ints)no));
}

/* The first `size` floats of a vector. What is loaded behind a run's end is computed along and never stored: kernels
 * may read 64 bytes beyond an array. */
ALWAYS void store_part(float *to, wide value, long size) {
  if (size == WIDE) {
    store(to, value);
    return;
  }
  float values[WIDE];
  store(values, value);
  if (WIDE > LANES && size == LANES)
    memcpy(to, values, LANES * 4);
  else
    memcpy(to, values, (size_t)size * 4);
}

/* Runs the code for n = 0, WIDE, … below `count`, `size` floats each time: WIDE, and at the end what is left. */
#define EACH_VECTOR(count, ...)                                                                                        \
  do {                                                                                                                 \
    const long end_ = (long)(count);                                                                                   \
    long n = 0;                                                                                                        \
    for (; n + WIDE <= end_; n += WIDE) {                                                                              \
      const long size = WIDE;                                                                                          \
      __VA_ARGS__;                                                                                                     \
    }                                                                                                                  \
    if (n < end_) {                                                                                                    \
      const long size = end_ - n;                                                                                      \
      __VA_ARGS__;                                                                                                     \
    }                                                                                                                  \
  } while (0)

/* tree(s) of the contract: i + (i + 4), then + 2, then + 1. */
ALWAYS float tree(const float *s) {
  const four a = *(const four_at *)s + *(const four_at *)(s + 4);
  return (a[0] + a[2]) + (a[1] + a[3]);
}

/* The trees of four sums that lie one after the other. */
ALWAYS four tree_of_four(const float *s) {
  const four a = *(const four_at *)s + *(const four_at *)(s + 4);
  const four b = *(const four_at *)(s + 8) + *(const four_at *)(s + 12);
  const four c = *(const four_at *)(s + 16) + *(const four_at *)(s + 20);
  const four d = *(const four_at *)(s + 24) + *(const four_at *)(s + 28);
  /* ab02 = a0 a2 b0 b2 and so on; even = (a0, b0, c0, d0) + (a2, b2, c2, d2), odd the same of 1 and 3. */
  const four ab = PICK_FLOATS(a, b, 0, 4, 1, 5), AB = PICK_FLOATS(a, b, 2, 6, 3, 7);
  const four cd = PICK_FLOATS(c, d, 0, 4, 1, 5), CD = PICK_FLOATS(c, d, 2, 6, 3, 7);
  const four front = ab + AB, back = cd + CD;
  const four even = PICK_FLOATS(front, back, 0, 1, 4, 5);
  const four odd = PICK_FLOATS(front, back, 2, 3, 6, 7);
  return even + odd;
}

ALWAYS double tree_of_doubles(const double *s) {
  return ((s[0] + s[4]) + (s[2] + s[6])) + ((s[1] + s[5]) + (s[3] + s[7]));
}

/* Short runs of floats, where a call of memcpy would cost more than the copy. */
ALWAYS void copy_floats(float *to, const float *from, long count) {
  long n = 0;
  for (; n + NARROW <= count; n += NARROW)
    *(narrow_at *)(to + n) = *(const narrow_at *)(from + n);
  for (; n < count; n++)
    to[n] = from[n];
}

ALWAYS void clear_floats(float *to, long count) {
  long n = 0;
  for (; n + NARROW <= count; n += NARROW)
    *(narrow_at *)(to + n) = (narrow)SPLAT(NARROW, 0.0f);
  for (; n < count; n++)
    to[n] = 0.0f;
}

/* Four rows of four floats as four columns, to rows that lie `pitch` floats apart. */
ALWAYS void store_transposed(const four *row, float *to, long pitch) {
  const four ab = PICK_FLOATS(row[0], row[1], 0, 4, 1, 5), AB = PICK_FLOATS(row[0], row[1], 2, 6, 3, 7);
  const four cd = PICK_FLOATS(row[2], row[3], 0, 4, 1, 5), CD = PICK_FLOATS(row[2], row[3], 2, 6, 3, 7);
  *(four_at *)to = PICK_FLOATS(ab, cd, 0, 1, 4, 5);
  *(four_at *)(to + pitch) = PICK_FLOATS(ab, cd, 2, 3, 6, 7);
  *(four_at *)(to + 2 * pitch) = PICK_FLOATS(AB, CD, 0, 1, 4, 5);
  *(four_at *)(to + 3 * pitch) = PICK_FLOATS(AB, CD, 2, 3, 6, 7);
}

/* to[column][row] = from[row][column], four by four; rows of `from` lie `pitch` floats apart, those of `to` `to_pitch`.
 */
static void transpose(const float *from, long pitch, float *to, long to_pitch, long rows, long columns) {
  const long whole_rows = rows / 4 * 4, whole_columns = columns / 4 * 4;
  for (long row = 0; row < whole_rows; row += 4)
    for (long column = 0; column < whole_columns; column += 4) {
      const float *at = from + row * pitch + column;
      const four four_rows[4] = {*(const four_at *)at, *(const four_at *)(at + pitch),
                                 *(const four_at *)(at + 2 * pitch), *(const four_at *)(at + 3 * pitch)};
      store_transposed(four_rows, to + column * to_pitch + row, to_pitch);
    }
  for (long row = 0; row < rows; row++)
    for (long column = row < whole_rows ? whole_columns : 0; column < columns; column++)
      to[column * to_pitch + row] = from[row * pitch + column];
}

ALWAYS long smaller(long a, long b) { return a < b ? a : b; }
ALWAYS long larger(long a, long b) { return a > b ? a : b; }
ALWAYS long divided_up(long a, long b) { return (a + b - 1) / b; }

#endif
