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

/* The values at ±√½ and ±√2, of what is even and what is odd there. */
ALWAYS void put_pairs(narrow *v, const int step, const narrow even, const narrow odd, const narrow far_even,
                      const narrow far_odd) {
  v[step] = even + odd;
  v[2 * step] = even - odd;
  v[3 * step] = far_even + far_odd;
  v[4 * step] = far_even - far_odd;
}

/* Bᵀ, in place. */
ALWAYS void transform_input(narrow *v, const int step) {
  const narrow even = v[4 * step] - 2.0f * v[2 * step], odd = ROOT_HALF * v[3 * step] - ROOT_TWO * v[step];
  const narrow far_even = v[4 * step] - 0.5f * v[2 * step], far_odd = ROOT_TWO * v[3 * step] - ROOT_HALF * v[step];
  const narrow last = (v[5 * step] - 2.5f * v[3 * step]) + v[step];
  v[0] = (v[0] - 2.5f * v[2 * step]) + v[4 * step];
  put_pairs(v, step, even, odd, far_even, far_odd);
  v[5 * step] = last;
}

/* Aᵀ, in place: the first four are the results. */
ALWAYS void transform_output(narrow *v, const int step) {
  const narrow even = v[step] + v[2 * step], odd = v[step] - v[2 * step];
  const narrow far_even = v[3 * step] + v[4 * step], far_odd = v[3 * step] - v[4 * step];
  v[0] = v[0] + even + far_even;
  v[step] = ROOT_HALF * odd + ROOT_TWO * far_odd;
  v[2 * step] = 0.5f * even + 2.0f * far_even;
  v[3 * step] = 0.5f * ROOT_HALF * odd + 2.0f * ROOT_TWO * far_odd + v[5 * step];
}

/* G of three weights. */
ALWAYS void transform_filter(const narrow g0, const narrow g1, const narrow g2, narrow *v, const int step) {
  const narrow even = g0 * (-2.0f / 3.0f) - g2 * (1.0f / 3.0f), odd = g1 * (-2.0f / 3.0f * ROOT_HALF);
  const narrow far_even = g0 * (1.0f / 6.0f) + g2 * (1.0f / 3.0f), far_odd = g1 * (ROOT_TWO / 6.0f);
  v[0] = g0;
  put_pairs(v, step, even, odd, far_even, far_odd);
  v[5 * step] = g2;
}

/* G of the gradient, F(3×3, 4×4): of four sensitivities. */
ALWAYS void transform_delta(const narrow d0, const narrow d1, const narrow d2, const narrow d3, narrow *v,
                            const int step) {
  const narrow even = d0 * (-2.0f / 3.0f) - d2 * (1.0f / 3.0f);
  const narrow odd = d1 * (-2.0f / 3.0f * ROOT_HALF) - d3 * (ROOT_HALF / 3.0f);
  const narrow far_even = d0 * (1.0f / 6.0f) + d2 * (1.0f / 3.0f);
  const narrow far_odd = d1 * (ROOT_TWO / 6.0f) + d3 * (ROOT_TWO / 3.0f);
  v[0] = d0;
  put_pairs(v, step, even, odd, far_even, far_odd);
  v[5 * step] = d3;
}

/* Aᵀ of the gradient, in place: the first three are the results. */
ALWAYS void transform_gradient(narrow *v, const int step) {
  const narrow even = v[step] + v[2 * step], odd = v[step] - v[2 * step];
  const narrow far_even = v[3 * step] + v[4 * step], far_odd = v[3 * step] - v[4 * step];
  v[0] = v[0] + even + far_even;
  v[step] = ROOT_HALF * odd + ROOT_TWO * far_odd;
  v[2 * step] = 0.5f * even + 2.0f * far_even + v[5 * step];
}

/* NARROW filters that are neighbours in memory, taps `tap` floats apart: to[spot] `plane` floats apart. */
ALWAYS void transform_filters(const float *from, long tap, int is_turned, float *to, long plane) {
  narrow g[3], v[SPOTS];
  UNROLL for (int kx = 0; kx < 3; kx++) {
    UNROLL for (int ky = 0; ky < 3; ky++) g[ky] =
        *(const narrow_at *)(from + (is_turned ? 8 - ky * 3 - kx : ky * 3 + kx) * tap);
    transform_filter(g[0], g[1], g[2], v + kx, POINTS);
  }
  UNROLL for (int row = 0; row < POINTS; row++) {
    narrow *r = v + row * POINTS;
    transform_filter(r[0], r[1], r[2], r, 1);
  }
  UNROLL for (int spot = 0; spot < SPOTS; spot++) * (narrow_at *)(to + spot * plane) = v[spot];
}

/* One tile of one input, half of the lanes or all: to[spot] `plane` floats apart. row and column may lie outside.
 * Pixels lie `step` apart. */
ALWAYS void transform_tile(const struct winograd *w, const long step, const float *input, long row, long column,
                           float *to, long plane) {
  narrow v[SPOTS];
  const long pitch = w->columns * step;
  const float *from = input + row * pitch + column * step;
  if (row >= 0 && column >= 0 && row + POINTS <= w->rows && column + POINTS <= w->columns) {
    ONE_BY_ONE for (int x = 0; x < POINTS; x++) {
      UNROLL for (int y = 0; y < POINTS; y++) v[y * POINTS + x] = *(const narrow_at *)(from + y * pitch + x * step);
      transform_input(v + x, POINTS);
    }
  } else {
    const long top = larger(0, -row), bottom = smaller(POINTS, w->rows - row);
    const long left = larger(0, -column), right = smaller(POINTS, w->columns - column);
    UNROLL for (int n = 0; n < SPOTS; n++) v[n] = (narrow)SPLAT(NARROW, 0.0f);
    for (long y = top; y < bottom; y++)
      for (long x = left; x < right; x++)
        v[y * POINTS + x] = *(const narrow_at *)(from + y * pitch + x * step);
    ONE_BY_ONE for (int x = 0; x < POINTS; x++) transform_input(v + x, POINTS);
  }
  ONE_BY_ONE for (int y = 0; y < POINTS; y++, to += POINTS * plane) {
    narrow *r = v + y * POINTS;
    transform_input(r, 1);
    UNROLL for (int x = 0; x < POINTS; x++) * (narrow_at *)(to + x * plane) = r[x];
  }
}

/* One tile of one map: sums[spot] to the pixels of the map that are there, which lie `step` apart. */
ALWAYS void finish_tile(const struct winograd *w, const long step, const float *sums, long plane, const narrow bias,
                        float *output, long row, long column) {
  narrow v[SPOTS];
  ONE_BY_ONE for (int y = 0; y < POINTS; y++, sums += POINTS * plane) {
    narrow *r = v + y * POINTS;
    UNROLL for (int x = 0; x < POINTS; x++) r[x] = *(const narrow_at *)(sums + x * plane);
    transform_output(r, 1);
  }
  const long rows = smaller(TILE_PIXELS, w->out_rows - row), columns = smaller(TILE_PIXELS, w->out_columns - column);
  float *to = output + (row * w->out_columns + column) * step;
  ONE_BY_ONE for (int x = 0; x < columns; x++) {
    narrow *c = v + x;
    transform_output(c, POINTS);
    for (int y = 0; y < rows; y++)
      *(narrow_at *)(to + (y * w->out_columns + x) * step) = c[y * POINTS] + bias;
  }
}

/* 4×4 pixels of δ that lie `step` apart: to[spot] `plane` floats apart. */
ALWAYS void transform_delta_tile(const float *from, const long step, float *to, long plane) {
  narrow v[SPOTS];
  ONE_BY_ONE for (int x = 0; x < TILE_PIXELS; x++) {
    narrow d[TILE_PIXELS];
    UNROLL for (int y = 0; y < TILE_PIXELS; y++) d[y] = *(const narrow_at *)(from + (y * TILE_PIXELS + x) * step);
    transform_delta(d[0], d[1], d[2], d[3], v + x, POINTS);
  }
  ONE_BY_ONE for (int y = 0; y < POINTS; y++, to += POINTS * plane) {
    narrow *r = v + y * POINTS;
    transform_delta(r[0], r[1], r[2], r[3], r, 1);
    UNROLL for (int x = 0; x < POINTS; x++) * (narrow_at *)(to + x * plane) = r[x];
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
