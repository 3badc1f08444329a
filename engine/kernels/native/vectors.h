/*
 * The vocabulary of the native kernels: vector types of the level that is being compiled, loads, splats, selects, and the fixed
 * order in which eight partial sums are added.
 *
 *   WIDE      floats of the widest register (16 at x86-64-v4, 8 at v3, 4 at v2 and on Arm): for work element by element
 *   NARROW    WIDE, but at most the eight lanes of a pixel, of which PARTS make one: for tiles
 *   REGISTERS how many of them there are: what bounds the tiles
 *
 * Memory is only 4-byte aligned as far as the types know; processors pay nothing for that when the address happens to be aligned.
 * Never: intrinsics of one processor, -ffast-math, an operation whose rounding depends on the width.
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

#define LANES 8
#define PARTS (LANES / NARROW)

#define ALWAYS static inline __attribute__((always_inline))

/* The two compilers' words for unrolling a loop of constant length and for taking elements, by number, from two vectors laid end to end. */
#if defined(__clang__)
#define UNROLL _Pragma("clang loop unroll(full)")
#define PICK_FLOATS(a, b, ...) __builtin_shufflevector(a, b, __VA_ARGS__)
#define PICK_BYTES(a, b, ...) __builtin_shufflevector(a, b, __VA_ARGS__)
#else
#define UNROLL _Pragma("GCC unroll 16")
#define PICK_FLOATS(a, b, ...) __builtin_shuffle(a, b, (four_ints){ __VA_ARGS__ })
#define PICK_BYTES(a, b, ...) __builtin_shuffle(a, b, (bytes16){ __VA_ARGS__ })
#endif

typedef float wide __attribute__((vector_size(WIDE * 4)));
typedef int32_t wide_ints __attribute__((vector_size(WIDE * 4)));
typedef float narrow __attribute__((vector_size(NARROW * 4)));
typedef float four __attribute__((vector_size(16)));
typedef int32_t four_ints __attribute__((vector_size(16)));
typedef uint8_t bytes16 __attribute__((vector_size(16)));

typedef float wide_at __attribute__((vector_size(WIDE * 4), aligned(4), may_alias));
typedef float narrow_at __attribute__((vector_size(NARROW * 4), aligned(4), may_alias));
typedef float four_at __attribute__((vector_size(16), aligned(4), may_alias));

#define SPLAT_1(s) (s)
#define SPLAT_4(s) { s, s, s, s }
#define SPLAT_8(s) { s, s, s, s, s, s, s, s }
#define SPLAT_16(s) { s, s, s, s, s, s, s, s, s, s, s, s, s, s, s, s }
#define SPLAT_OF(width, s) SPLAT_##width(s)
#define SPLAT(width, s) SPLAT_OF(width, s)

ALWAYS wide splat(float s) { return (wide)SPLAT(WIDE, s); }
ALWAYS wide_ints splat_int(int32_t s) { return (wide_ints)SPLAT(WIDE, s); }
ALWAYS wide load(const float *from) { return *(const wide_at *)from; }
ALWAYS void store(float *to, wide value) { *(wide_at *)to = value; }
ALWAYS wide choose(wide_ints mask, wide yes, wide no) { return (wide)((mask & (wide_ints)yes) | (~mask & (wide_ints)no)); }

/* `size` floats, 1 … WIDE; the rest of the register is zero. A constant size compiles to plain moves. */
ALWAYS wide load_part(const float *from, long size) {
  if (size == WIDE) return load(from);
  float values[WIDE] = { 0 };
  if (WIDE > LANES && size == LANES) memcpy(values, from, LANES * 4);
  else memcpy(values, from, (size_t)size * 4);
  return load(values);
}

ALWAYS void store_part(float *to, wide value, long size) {
  if (size == WIDE) {
    store(to, value);
    return;
  }
  float values[WIDE];
  store(values, value);
  if (WIDE > LANES && size == LANES) memcpy(to, values, LANES * 4);
  else memcpy(to, values, (size_t)size * 4);
}

/* Runs the code for n = 0, WIDE, … below `count`, `size` floats each time: WIDE, and at the end what is left. */
#define EACH_VECTOR(count, ...)                                 \
  do {                                                          \
    const long end_ = (long)(count);                            \
    long n = 0;                                                 \
    for (; n + WIDE <= end_; n += WIDE) {                       \
      const long size = WIDE;                                   \
      __VA_ARGS__;                                              \
    }                                                           \
    if (n < end_) {                                             \
      const long size = end_ - n;                               \
      __VA_ARGS__;                                              \
    }                                                           \
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

ALWAYS double tree_of_doubles(const double *s) { return ((s[0] + s[4]) + (s[2] + s[6])) + ((s[1] + s[5]) + (s[3] + s[7])); }

/* Short runs of floats, where a call of memcpy would cost more than the copy. */
ALWAYS void copy_floats(float *to, const float *from, long count) {
  long n = 0;
  for (; n + NARROW <= count; n += NARROW) *(narrow_at *)(to + n) = *(const narrow_at *)(from + n);
  for (; n < count; n++) to[n] = from[n];
}

ALWAYS void clear_floats(float *to, long count) {
  long n = 0;
  for (; n + NARROW <= count; n += NARROW) *(narrow_at *)(to + n) = (narrow)SPLAT(NARROW, 0.0f);
  for (; n < count; n++) to[n] = 0.0f;
}

ALWAYS long smaller(long a, long b) { return a < b ? a : b; }
ALWAYS long larger(long a, long b) { return a > b ? a : b; }
ALWAYS long divided_up(long a, long b) { return (a + b - 1) / b; }

#endif
