/*
 * The tiles, and how a set of maps and a run of vectors are cut into them.
 *   contiguous   NARROW floats, neighbours adjacent in memory: rows of pixels of eight lanes, rows of dense weights
 *   strided      NARROW floats, neighbours any distance apart: vectors of different rows
 *   paired       contiguous, two vectors as one of sixteen floats, at the level x86-64-v4-512 only: on a processor that
 *                does 512 bits in two halves it loses, since every other pixel of eight lanes straddles two cache lines
 *                (docs/PERFORMANCE.md), so which of the two levels runs is measured (addon.c); strided_paired likewise
 *   single       one float: what is left over
 */
#ifndef TILES_H
#define TILES_H

#include "vectors.h"

enum start { START_ZERO, START_BIAS, START_BIASES, START_OUTPUT };

/* Where a tap finds its a and its b: bytes from where the outer loop stands. */
struct tap {
  int32_t a, b;
};

/* An outer loop over a table of taps. a_map and c_map lie between the M, b_step and c_step between the N. Floats. */
struct reach {
  long outer, a_outer, b_outer;
  const struct tap *table;
  long taps;
  long a_map, b_step, c_map, c_step;
  enum start start;
};

/* Taps of a filter, ky then kx, each moving a by a_row and a_tap, b by b_row and b_tap (floats). */
static void fill_taps(struct tap *table, long size, long a_row, long a_tap, long b_row, long b_tap) {
  for (long ky = 0; ky < size; ky++)
    for (long kx = 0; kx < size; kx++)
      *table++ = (struct tap){(int32_t)((ky * a_row + kx * a_tap) * 4), (int32_t)((ky * b_row + kx * b_tap) * 4)};
}

/* Vectors that M maps can have: M·N sums, N vectors, a broadcast and a product stay in registers. */
#define TILE_VECTORS 6
#define TILE_MOST(M) ((REGISTERS - 2) / ((M) + 1) < TILE_VECTORS ? (REGISTERS - 2) / ((M) + 1) : TILE_VECTORS)

typedef void (*tile_function)(const struct reach *reach, const float *a, const float *b, float *c, const float *bias);

#define TILE_NAME contiguous
#define TILE_WIDTH NARROW
#define TILE_B_STEP NARROW
#define TILE_C_STEP NARROW
#include "tile.h"
#undef TILE_NAME
#undef TILE_B_STEP
#undef TILE_C_STEP

#if PAIRS
#undef TILE_WIDTH
#define TILE_NAME paired
#define TILE_WIDTH WIDE
#define TILE_B_STEP WIDE
#define TILE_C_STEP WIDE
#include "tile.h"
#undef TILE_NAME
#undef TILE_WIDTH
#undef TILE_B_STEP
#undef TILE_C_STEP
#define TILE_WIDTH NARROW
#endif

#define TILE_NAME strided
#define TILE_B_STEP reach->b_step
#define TILE_C_STEP reach->c_step
#include "tile.h"
#undef TILE_NAME
#undef TILE_WIDTH

#if PAIRS
#define TILE_NAME strided_paired
#define TILE_WIDTH WIDE
#include "tile.h"
#undef TILE_NAME
#undef TILE_WIDTH
#endif

#define TILE_NAME single
#define TILE_WIDTH 1
#include "tile.h"
#undef TILE_NAME
#undef TILE_WIDTH
#undef TILE_B_STEP
#undef TILE_C_STEP

#define TILE_MAPS 8
#define EACH_N(X, name, M) X(name, M, 1) X(name, M, 2) X(name, M, 3) X(name, M, 4) X(name, M, 5) X(name, M, 6)
#define EACH_M(X, name) X(name, 1) X(name, 2) X(name, 3) X(name, 4) X(name, 5) X(name, 6) X(name, 8)
#define INSTANCES(name, M) EACH_N(TILE_INSTANCE, name, M)
EACH_M(INSTANCES, contiguous)
EACH_M(INSTANCES, strided)
#if PAIRS
EACH_M(INSTANCES, paired)
EACH_M(INSTANCES, strided_paired)
#endif
TILE_INSTANCE(single, 1, 1)
TILE_INSTANCE(single, 2, 1)
TILE_INSTANCE(single, 3, 1)
TILE_INSTANCE(single, 4, 1)

#define TABLE_ENTRY(name, M, N) [M][N] = name##_##M##_##N,
#define TABLE_ROW(name, M) EACH_N(TABLE_ENTRY, name, M)
static const tile_function contiguous_tiles[TILE_MAPS + 1][TILE_VECTORS + 1] = {EACH_M(TABLE_ROW, contiguous)};
#if PAIRS
static const tile_function paired_tiles[TILE_MAPS + 1][TILE_VECTORS + 1] = {EACH_M(TABLE_ROW, paired)};
#endif
static const tile_function strided_tiles[TILE_MAPS + 1][TILE_VECTORS + 1] = {EACH_M(TABLE_ROW, strided)};
#if PAIRS
static const tile_function strided_paired_tiles[TILE_MAPS + 1][TILE_VECTORS + 1] = {EACH_M(TABLE_ROW, strided_paired)};
#endif
static const tile_function single_tiles[5] = {0, single_1_1, single_2_1, single_3_1, single_4_1};

/* `total` things in `tiles` runs of nearly equal length: where run `tile` begins. */
ALWAYS long cut(long total, long tiles, long tile) { return total * tile / tiles; }

struct cutting {
  long map_tiles, vector_tiles;
};

/* How to cut maps × vectors into tiles: the cut that loads least, since each tile loads M + N and adds M·N. */
static struct cutting cut_tiles(long maps, long vectors) {
  struct cutting best = {maps, vectors};
  long least = -1;
  for (long m = 1; m <= 6; m++) {
    const long n = TILE_MOST(m);
    const long map_tiles = divided_up(maps, m), vector_tiles = divided_up(vectors, n);
    const long loads = map_tiles * vectors + vector_tiles * maps;
    if (least < 0 || loads < least) {
      least = loads;
      best = (struct cutting){map_tiles, vector_tiles};
    }
  }
  return best;
}

/* The cut of maps × the vectors of a run, for tile_run. */
static struct cutting cut_run(long maps, long vectors) { return cut_tiles(maps, larger(1, vectors / (1 + PAIRS))); }

/*
 * Where tiles find the weights that they broadcast, in floats. As the layer holds them, those of a tile's maps are a
 * few floats of many cache lines. Where they are many they are therefore copied once to panels,
 * [tile][outer][tap][map], which pass by as one run.
 */
struct panels {
  const float *weights;
  /* How many panels, and from one to the next; 0: the layer's own. */
  long tiles, tile;
  long map, tap, outer;
};

/* Whether so many weights, read so many times, are worth a copy. */
static int are_panels(long weights, long uses) { return weights * 4 > 16384 && uses >= 16; }

ALWAYS const float *weights_of(const struct panels *panels, long tile, long map) {
  return panels->weights + (panels->tile ? tile * panels->tile : map * panels->map);
}

/* Maps of the highest of so many tiles: how wide a tap of a panel is. */
static long highest_of(long maps, long tiles) { return divided_up(maps, tiles); }

/* Steps of an outer loop, `bytes` each, that keep what they read in `near` bytes: at least one, since a loop of none
 * still begins its sums. */
static long block_of(long outer, long bytes, long near) {
  const long blocks = divided_up(outer, larger(1, near / larger(1, bytes)));
  return blocks > 1 ? divided_up(outer, blocks) : larger(1, outer);
}

/*
 * How the row of a convolution is cut: all tiles of a part of it, of `block` of many inputs (maps of δ), meet what they
 * read in the first cache. Not where all of them fit, or where sums are short anyway; and no sum becomes shorter than
 * LEAST_TAPS.
 */
#define FITTING_BYTES 28672
#define NEAR_BYTES 14336
#define LEAST_TAPS 36

struct row_cut {
  long parts, block;
};

/* `bytes` of the row of each of `outer` inputs, and their taps. */
static struct row_cut cut_row(long outer, long taps, long bytes) {
  if (outer * bytes <= FITTING_BYTES || outer * taps <= 2 * LEAST_TAPS) return (struct row_cut){1, larger(1, outer)};
  const long least = smaller(outer, divided_up(LEAST_TAPS, taps)), parts = divided_up(least * bytes, NEAR_BYTES);
  return (struct row_cut){parts, block_of(outer, bytes / parts, NEAR_BYTES)};
}

/* All `vectors` vectors of a run for `maps` maps, in `tiles` tiles, and one more where they are odd and go in pairs. */
static void tile_run(const struct reach *reach, long maps, long vectors, long tiles, const float *a, const float *b,
                     float *c, const float *bias) {
  const long width = NARROW * (1 + PAIRS), steps = vectors / (1 + PAIRS);
#if PAIRS
  const tile_function *functions = paired_tiles[maps];
#else
  const tile_function *functions = contiguous_tiles[maps];
#endif
  const long bias_step = reach->start == START_BIASES ? 1 : 0;
  for (long tile = 0; tile < tiles && steps > 0; tile++) {
    const long step = cut(steps, tiles, tile), count = cut(steps, tiles, tile + 1) - step, at = step * width;
    functions[count](reach, a, b + at, c + at, bias + bias_step * at);
  }
  const long at = steps * width;
  if (PAIRS && at < vectors * NARROW) contiguous_tiles[maps][1](reach, a, b + at, c + at, bias + bias_step * at);
}

/* The same for `pixels` pixels of eight lanes that lie any distance apart (b_step, c_step). */
static void strided_run(const struct reach *reach, long maps, long pixels, long tiles, const float *a, const float *b,
                        float *c, const float *bias) {
  for (long part = 0; part < LANES; part += NARROW)
    for (long tile = 0; tile < tiles; tile++) {
      const long pixel = cut(pixels, tiles, tile), count = cut(pixels, tiles, tile + 1) - pixel;
      strided_tiles[maps][count](reach, a, b + pixel * reach->b_step + part, c + pixel * reach->c_step + part, bias);
    }
}

#endif
