/*
 * The tiles in their three widths, and how a set of maps and a run of vectors are cut into them.
 *   contiguous   WIDE floats, neighbours adjacent in memory: rows of pixels of eight lanes, rows of dense weights
 *   strided      NARROW floats, neighbours any distance apart: a column of pixels, vectors of different rows
 *   single       one float: what is left over
 */
#ifndef TILES_H
#define TILES_H

#include "vectors.h"

enum start { START_ZERO, START_BIAS, START_BIASES, START_OUTPUT };

/* Three counted loops and how far each moves a and b; a_map and c_map lie between the M, b_step and c_step between the N. Floats. */
struct reach {
  long outer, rows, taps;
  long a_outer, a_row, a_tap, a_map;
  long b_outer, b_row, b_tap, b_step;
  long c_map, c_step;
  enum start start;
};

typedef void (*tile_function)(const struct reach *reach, const float *a, const float *b, float *c, const float *bias);

#define TILE_NAME contiguous
#define TILE_WIDTH WIDE
#define TILE_B_STEP WIDE
#define TILE_C_STEP WIDE
#include "tile.h"
#undef TILE_NAME
#undef TILE_WIDTH
#undef TILE_B_STEP
#undef TILE_C_STEP

#define TILE_NAME strided
#define TILE_WIDTH NARROW
#define TILE_B_STEP reach->b_step
#define TILE_C_STEP reach->c_step
#include "tile.h"
#undef TILE_NAME
#undef TILE_WIDTH

#define TILE_NAME single
#define TILE_WIDTH 1
#include "tile.h"
#undef TILE_NAME
#undef TILE_WIDTH
#undef TILE_B_STEP
#undef TILE_C_STEP

#define TILE_MAPS 8
#define TILE_VECTORS 6
#define EACH_N(X, name, M) X(name, M, 1) X(name, M, 2) X(name, M, 3) X(name, M, 4) X(name, M, 5) X(name, M, 6)
#define EACH_M(X, name) X(name, 1) X(name, 2) X(name, 3) X(name, 4) X(name, 5) X(name, 6) X(name, 8)
#define INSTANCES(name, M) EACH_N(TILE_INSTANCE, name, M)
EACH_M(INSTANCES, contiguous)
EACH_M(INSTANCES, strided)
TILE_INSTANCE(single, 1, 1)
TILE_INSTANCE(single, 2, 1)
TILE_INSTANCE(single, 3, 1)
TILE_INSTANCE(single, 4, 1)

#define TABLE_ENTRY(name, M, N) [M][N] = name##_##M##_##N,
#define TABLE_ROW(name, M) EACH_N(TABLE_ENTRY, name, M)
static const tile_function contiguous_tiles[TILE_MAPS + 1][TILE_VECTORS + 1] = { EACH_M(TABLE_ROW, contiguous) };
static const tile_function strided_tiles[TILE_MAPS + 1][TILE_VECTORS + 1] = { EACH_M(TABLE_ROW, strided) };
static const tile_function single_tiles[5] = { 0, single_1_1, single_2_1, single_3_1, single_4_1 };

/* `total` things in `tiles` runs of nearly equal length: where run `tile` begins. */
ALWAYS long cut(long total, long tiles, long tile) { return total * tile / tiles; }

struct cutting {
  long map_tiles, vector_tiles;
};

/* How to cut maps × vectors into tiles: the cut that loads least, since each tile loads M + N and adds M·N. */
static struct cutting cut_tiles(long maps, long vectors) {
  struct cutting best = { maps, vectors };
  long least = -1;
  for (long m = 1; m <= 6; m++) {
    const long n = smaller(TILE_VECTORS, TILE_ACCUMULATORS / m);
    const long map_tiles = divided_up(maps, m), vector_tiles = divided_up(vectors, n);
    const long loads = map_tiles * vectors + vector_tiles * maps;
    if (least < 0 || loads < least) {
      least = loads;
      best = (struct cutting){ map_tiles, vector_tiles };
    }
  }
  return best;
}

#endif
