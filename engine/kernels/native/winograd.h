/*
 * Convolutions by 3×3 filters with stride 1 in `fast` numerics: Winograd's F(4×4, 3×3) (Lavin & Gray 2016, §4.1), a
 * quarter of the multiplications:
 *
 *     output tile (4×4) = Aᵀ [ Σ_i (G g_i Gᵀ) ∘ (Bᵀ x_i B) ] A      x_i: 6×6 pixels of input i, g_i: the filter
 *
 * Each of the 36 products of a tile is a sum over inputs, so all maps × tiles of one of them are the loop nest of
 * tile.h. A pixel is a block's eight samples, so the transforms are sums of whole vectors. Tiles reach over the map's
 * edges: what is read there is zero, what is computed there is not stored. Backward is the same with the filters turned
 * by 180° and δ between zeros (winograd-block.c). The gradient is F(3×3, 4×4), where tiles of δ are the filters
 * (winograd-gradient.c); a single sample goes forward in winograd-sample.c. docs/PERFORMANCE.md states the error.
 */
#ifndef WINOGRAD_H
#define WINOGRAD_H

#include "tiles.h"

#define POINTS 6
#define SPOTS (POINTS * POINTS)
#define TILE_PIXELS 4

struct winograd {
  /* Maps that are read, with so many rows and columns, and that are written. */
  long inputs, rows, columns;
  long maps, out_rows, out_columns;
  /* Zeros before the first row and column of what is read. */
  long before;
  /* The filter from input i to map m: [ky][kx] at i·w_input + m·w_map, taps w_tap apart; turned by 180° or not. */
  long w_input, w_map, w_tap;
  int is_turned;
  /* The filters as convolutionPrepare left them, for blocks (winograd-block.c) and for a single sample
   * (winograd-sample.c), or 0: then they are transformed here and now. */
  const float *prepared, *prepared_alone;
};

/* Floats from the values of one spot to those of the next: an odd number of cache lines, since a tile's 36 values would
 * otherwise meet in the same few sets of the first cache. */
static long plane_of(long floats) { return (divided_up(floats, 16) | 1) * 16; }

/* Whether the fewer products outweigh the transforms and the tiles' rest beyond the edges. */
static int takes_winograd(long size, long stride, long inputs, long maps, long out_rows, long out_columns) {
  const long tiles = divided_up(out_rows, TILE_PIXELS) * divided_up(out_columns, TILE_PIXELS);
  return size == 3 && stride == 1 && inputs >= 8 && maps >= 8 && tiles * SPOTS * 3 <= out_rows * out_columns * 9 * 2;
}

/*
 * The transforms evaluate polynomials at 0, ±√½, ±√2 and ∞. (At 0, ±1, ±2, as in the paper, errors are some three times
 * as large.) Each takes six vectors, or gives six, that lie `step` apart; pairs of points share their even and their
 * odd part.
 */
#define ROOT_HALF 0.70710678118654752f
#define ROOT_TWO 1.41421356237309505f

/* Where the second half of a vector's tile lies: floats behind the first, of which columns of the map. */
struct halves {
  long apart, columns;
};

#define TURN_NAME narrow_turn
#define TURN_WIDTH NARROW
#include "winograd-turn.h"
#undef TURN_NAME
#undef TURN_WIDTH

#if PAIRS
#define TURN_NAME paired_turn
#define TURN_WIDTH WIDE
#include "winograd-turn.h"
#undef TURN_NAME
#undef TURN_WIDTH
#endif

/* A vector of two tiles that are neighbours in a row, and one of things that lie side by side in the same tile. */
#define NEXT_TILE ((struct halves){.apart = TILE_PIXELS * LANES, .columns = TILE_PIXELS})
#define SAME_TILE ((struct halves){.apart = NARROW})

/* Whether a tile and the next are computed as one: both of the same row, and before `end`. */
static int goes_in_pairs(long tile, long end, long across) {
  return PAIRS && tile + 1 < end && tile % across + 1 < across;
}

/* Tiles `first` to `end` of one input of a block, whose map has `across` in a row: to[spot] `plane` floats apart. */
static void turn_tiles(const struct winograd *w, long across, const float *input, long first, long end, float *to,
                       long plane) {
  for (long tile = first; tile < end;) {
    const long row = tile / across * TILE_PIXELS - w->before, column = tile % across * TILE_PIXELS - w->before;
    const long count = goes_in_pairs(tile, end, across) ? 2 : 1;
#if PAIRS
    if (count == 2) paired_turn_tile(w, LANES, input, row, column, NEXT_TILE, to, plane);
#endif
    for (long part = 0; part < LANES && count == 1; part += NARROW)
      narrow_turn_tile(w, LANES, input + part, row, column, SAME_TILE, to + part, plane);
    tile += count;
    to += count * LANES;
  }
}

/* Maps, or inputs, whose values of a spot lie side by side and are multiplied together. */
#define PANEL LANES

/* The products of one spot for a panel: its PANEL rows × `vectors`, as high as registers allow. */
static void multiply_panel(const struct reach *reach, long vectors, const float *a, const float *b, float *c) {
  const long high = vectors / (1 + PAIRS) <= TILE_MOST(PANEL) ? PANEL : PANEL / 2;
  const long tiles = divided_up(larger(1, vectors / (1 + PAIRS)), TILE_MOST(PANEL / 2));
  for (long row = 0; row < PANEL; row += high)
    tile_run(reach, high, vectors, high == PANEL ? 1 : tiles, a + row * reach->a_map, b, c + row * reach->c_map, 0);
}

#endif
