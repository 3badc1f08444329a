/*
 * ∂E/∂k_ij = Σ (δ_j) (p_i) (Bouvrie §3.1) and equation (3), ∂E/∂b_j = Σ δ_j, added to what stands there.
 *
 * input [input][row][column][lanes] (padded), delta [map][outRow][outColumn][lanes], gradient [input][ky][kx][map].
 * Here both factors are vectors: a tile holds the partial sums of M maps × K neighbouring taps kx (for 1×1 filters: K
 * inputs) and passes over all of δ once, rows then columns. With eight lanes a partial sum is a lane, with one lane it
 * is the column mod 8, so rows of other lengths are then copied once with zeros up to a multiple of eight; both cases
 * run the same tile. tree() ends each sum.
 */
#include "elementary.h"
#include "thread.h"
#include "tiles.h"

struct pass {
  long rows, columns;
  /* Floats between neighbours. */
  long delta_map, delta_row, x_tap, x_row, x_column;
};

/* sums [K][pitch][8], of which these are the first M. A pixel of δ is LANES floats. */
ALWAYS void gradient_tile(const int M, const int K, const int pitch, const struct pass *pass, const float *delta,
                          const float *x, float *sums) {
  for (long part = 0; part < LANES; part += NARROW) {
    narrow sum[8][5];
    UNROLL for (int m = 0; m < M; m++) UNROLL for (int k = 0; k < K; k++) sum[m][k] = (narrow)SPLAT(NARROW, 0.0f);
    const float *d1 = delta + part, *x1 = x + part;
    for (long row = pass->rows; row > 0; row--) {
      const float *d2 = d1, *x2 = x1;
      for (long column = pass->columns; column > 0; column--) {
        /* The shorter side stays in registers, the longer one streams through. */
        if (K < M) {
          narrow v[5];
          UNROLL for (int k = 0; k < K; k++) v[k] = *(const narrow_at *)(x2 + k * pass->x_tap);
          UNROLL for (int m = 0; m < M; m++) {
            const narrow d = *(const narrow_at *)(d2 + m * pass->delta_map);
            UNROLL for (int k = 0; k < K; k++) sum[m][k] = sum[m][k] + d * v[k];
          }
        } else {
          narrow d[5];
          UNROLL for (int m = 0; m < M; m++) d[m] = *(const narrow_at *)(d2 + m * pass->delta_map);
          UNROLL for (int k = 0; k < K; k++) {
            const narrow v = *(const narrow_at *)(x2 + k * pass->x_tap);
            UNROLL for (int m = 0; m < M; m++) sum[m][k] = sum[m][k] + d[m] * v;
          }
        }
        d2 += LANES;
        x2 += pass->x_column;
      }
      d1 += pass->delta_row;
      x1 += pass->x_row;
    }
    UNROLL for (int m = 0; m < M; m++) UNROLL for (int k = 0; k < K; k++) *
        (narrow_at *)(sums + (k * pitch + m) * LANES + part) = sum[m][k];
  }
}

#if PAIRS
/* The same for an even number of maps, in pairs: a vector holds a pixel of δ in two maps, against a pixel of x twice.
 */
ALWAYS void paired_gradient_tile(const int M, const int K, const int pitch, const struct pass *pass, const float *delta,
                                 const float *x, float *sums) {
  wide sum[4][5];
  UNROLL for (int m = 0; m < M / 2; m++) UNROLL for (int k = 0; k < K; k++) sum[m][k] = splat(0.0f);
  const float *d1 = delta, *x1 = x;
  for (long row = pass->rows; row > 0; row--) {
    const float *d2 = d1, *x2 = x1;
    for (long column = pass->columns; column > 0; column--) {
      wide d[4];
      UNROLL for (int m = 0; m < M / 2; m++) {
        const float *first = d2 + 2 * m * pass->delta_map;
        d[m] = join(*(const narrow_at *)first, *(const narrow_at *)(first + pass->delta_map));
      }
      UNROLL for (int k = 0; k < K; k++) {
        const narrow v = *(const narrow_at *)(x2 + k * pass->x_tap);
        const wide twice = join(v, v);
        UNROLL for (int m = 0; m < M / 2; m++) sum[m][k] = sum[m][k] + d[m] * twice;
      }
      d2 += LANES;
      x2 += pass->x_column;
    }
    d1 += pass->delta_row;
    x1 += pass->x_row;
  }
  UNROLL for (int m = 0; m < M / 2; m++) UNROLL for (int k = 0; k < K; k++)
      store(sums + (k * pitch + 2 * m) * LANES, sum[m][k]);
}
#define GRADIENT_FITS(M, K) ((M) / 2 * ((K) + 1) + 2 <= REGISTERS)
ALWAYS void gradient_any(const int M, const int K, const struct pass *pass, const float *delta, const float *x,
                         float *sums) {
  const int paired = M / 2 * 2;
  if (paired > 0) paired_gradient_tile(paired, K, M, pass, delta, x, sums);
  if (paired < M) gradient_tile(1, K, M, pass, delta + paired * pass->delta_map, x, sums + paired * LANES);
}
#else
#define GRADIENT_FITS(M, K) ((M) * (K) + ((M) < (K) ? (M) : (K)) + 2 <= REGISTERS)
ALWAYS void gradient_any(const int M, const int K, const struct pass *pass, const float *delta, const float *x,
                         float *sums) {
  gradient_tile(M, K, M, pass, delta, x, sums);
}
#endif

typedef void (*gradient_function)(const struct pass *pass, const float *delta, const float *x, float *sums);
#define GRADIENT_INSTANCE(K, M)                                                                                        \
  static void gradient_##M##_##K(const struct pass *pass, const float *delta, const float *x, float *sums) {           \
    if (GRADIENT_FITS(M, K)) gradient_any(M, K, pass, delta, x, sums);                                                 \
  }
#define GRADIENT_ENTRY(K, M) [M][K] = gradient_##M##_##K,
#define EACH_GRADIENT_M(X, K) X(K, 1) X(K, 2) X(K, 3) X(K, 4) X(K, 5) X(K, 6) X(K, 7) X(K, 8)
#define EACH_GRADIENT(X)                                                                                               \
  EACH_GRADIENT_M(X, 1) EACH_GRADIENT_M(X, 2) EACH_GRADIENT_M(X, 3) EACH_GRADIENT_M(X, 4) EACH_GRADIENT_M(X, 5)
EACH_GRADIENT(GRADIENT_INSTANCE)
static const gradient_function gradient_tiles[9][6] = {EACH_GRADIENT(GRADIENT_ENTRY)};

/* Maps that fit beside this many taps. */
static long most_maps(long taps) {
  long maps = 8;
  while (!GRADIENT_FITS(maps, taps))
    maps--;
  return maps;
}

/* gradient[k · step + m] += tree of sums[k][m]. */
static void add_trees(long maps, long taps, const float *sums, float *gradient, long step) {
  for (long k = 0; k < taps; k++) {
    long m = 0;
    for (; m + 4 <= maps; m += 4)
      *(four_at *)(gradient + k * step + m) += tree_of_four(sums + (k * maps + m) * LANES);
    for (; m < maps; m++)
      gradient[k * step + m] += tree(sums + (k * maps + m) * LANES);
  }
}

struct gradient_shape {
  long inputs, maps, size, out_rows;
  /* Pixels of a row of δ: vectors of eight floats. */
  long pixels;
  long delta_map, delta_row, x_input, x_row, x_tap, x_column;
  /* Rows of x to each row of δ. */
  long stride;
};

/* Every filter of every pair, tile by tile; δ's maps outermost, so that a tile of them stays in the cache. */
static void add_gradients(const struct gradient_shape *s, const float *delta, const float *x, float *gradient) {
  const long is_single = s->size == 1;
  const long neighbours = is_single ? s->inputs : s->size;
  const long tap_tiles = divided_up(neighbours, 5);
  const long map_tiles = divided_up(s->maps, most_maps(divided_up(neighbours, tap_tiles)));
  struct pass pass = {s->out_rows,          s->pixels,  s->delta_map, s->delta_row, is_single ? s->x_input : s->x_tap,
                      s->x_row * s->stride, s->x_column};
  if (s->pixels == 1) pass = (struct pass){1, s->out_rows, s->delta_map, 0, pass.x_tap, 0, pass.x_row};
  float sums[40 * LANES];
  for (long mt = 0; mt < map_tiles; mt++) {
    const long map = cut(s->maps, map_tiles, mt), maps = cut(s->maps, map_tiles, mt + 1) - map;
    for (long i = 0; i < (is_single ? 1 : s->inputs); i++)
      for (long ky = 0; ky < s->size; ky++)
        for (long kt = 0; kt < tap_tiles; kt++) {
          const long k = cut(neighbours, tap_tiles, kt), taps = cut(neighbours, tap_tiles, kt + 1) - k;
          gradient_tiles[maps][taps](&pass, delta + map * s->delta_map,
                                     x + i * s->x_input + ky * s->x_row + k * pass.x_tap, sums);
          add_trees(maps, taps, sums, gradient + ((i * s->size + ky) * neighbours + k) * s->maps + map, s->maps);
        }
  }
}

/* biasGradient[j] += tree(Σ δ_j), four maps at a time. */
static void add_biases(const struct gradient_shape *s, const float *delta, float *bias) {
  for (long map = 0; map < s->maps; map++) {
    float sums[LANES];
    for (long part = 0; part < LANES; part += NARROW) {
      narrow sum = (narrow)SPLAT(NARROW, 0.0f);
      for (long row = 0; row < s->out_rows; row++) {
        const float *at = delta + map * s->delta_map + row * s->delta_row + part;
        for (long pixel = 0; pixel < s->pixels; pixel++)
          sum = sum + *(const narrow_at *)(at + pixel * LANES);
      }
      *(narrow_at *)(sums + part) = sum;
    }
    bias[map] += tree(sums);
  }
}

/* One lane, one pixel of δ: x ⊗ δ, a sum of one term. x has `rows` rows of `columns`. */
static void add_outer_product(const struct convolutionGradient *call, long rows, long columns, const float *x,
                              const float *delta, float *gradient, float *bias) {
  const long maps = call->maps, size = call->size;
  for (long tap = 0; tap < (long)call->inputs * size * size; tap++) {
    const long i = tap / (size * size), ky = tap / size % size, kx = tap % size;
    const float value = x[(i * rows + ky) * columns + kx];
    float *at = gradient + tap * maps;
    EACH_VECTOR(maps, store_part(at + n, load(at + n) + (splat(0.0f) + value * load(delta + n)), size));
  }
  if (bias)
    for (long map = 0; map < maps; map++)
      bias[map] += 0.0f + delta[map];
}

/* How δ, turned to [pixel][maps of a vector], and a row of x are passed through; x_row leads from a row of δ to the
 * next. */
struct sample_pass {
  long rows, columns, stride, x_row;
};

/* Taps and partial sums that stay in registers. */
#define SAMPLE_TAPS 3
#define SAMPLE_SUMS (REGISTERS == 32 ? LANES : LANES / 2)
typedef void (*sample_function)(const struct sample_pass *pass, const float *delta, const float *x, float *gradient,
                                long step, long maps);

#define SAMPLE_NAME sample
#define SAMPLE_WIDTH NARROW
#include "sample.h"
#undef SAMPLE_NAME
#undef SAMPLE_WIDTH
#if WIDE > NARROW
#define SAMPLE_NAME wide_sample
#define SAMPLE_WIDTH WIDE
#include "sample.h"
#undef SAMPLE_NAME
#undef SAMPLE_WIDTH
#else
#define wide_sample_tiles sample_tiles
#endif

/* One lane by vectors of maps, the widest that the maps fill more than by half: short rows and strides. `turned` holds
 * WIDE floats a pixel. */
static void add_over_maps(const struct convolutionGradient *call, struct sample_pass pass, float *turned,
                          const float *x, const float *delta, float *gradient, float *bias) {
  const long maps = call->maps, size = call->size, pixels = pass.rows * pass.columns;
  const long rows = call->rows + 2 * call->padding, columns = call->columns + 2 * call->padding;
  for (long map = 0, count; map < maps; map += count) {
    const long width = maps - map > NARROW ? WIDE : NARROW;
    const sample_function(*tiles)[LANES] = width == NARROW ? sample_tiles : wide_sample_tiles;
    count = smaller(width, maps - map);
    if (count < width) clear_floats(turned, pixels * width);
    transpose(delta + map * pixels, pixels, turned, width, count, pixels);
    for (long row = 0; row < (long)call->inputs * size; row++) {
      const float *from = x + (row / size * rows + row % size) * columns;
      for (long k = 0, taps; k < size; k += taps) {
        taps = pass.stride > 1 ? 1 : smaller(SAMPLE_TAPS, size - k);
        tiles[pass.stride > 1 ? 0 : taps][pass.columns % LANES](&pass, turned, from + k,
                                                                gradient + (row * size + k) * maps + map, maps, count);
      }
    }
    /* ∂E/∂b is the gradient of a weight whose x is always 1. */
    const struct sample_pass still = {pass.rows, pass.columns, 0, 0};
    const float one = 1.0f;
    if (bias) tiles[0][pass.columns % LANES](&still, turned, &one, bias + map, 0, count);
  }
}

/* `rows` rows of `columns` floats to rows of `pitch`, zeros behind. */
static void copy_rows(const float *from, float *to, long rows, long columns, long pitch) {
  for (long row = 0; row < rows; row++) {
    copy_floats(to + row * pitch, from + row * columns, columns);
    clear_floats(to + row * pitch + columns, pitch - columns);
  }
}

/* The input as the tiles pass over it: between zeros, where convolutionForward has left them; by Winograd it has not.
 */
static const float *padded_input(struct thread *thread, const struct convolutionGradient *call, long out_rows,
                                 long out_columns) {
  const float *input = ARRAY(const float, input);
  if (call->padding == 0) return input;
  float *padded = ARRAY(float, padded);
#if FAST
  if (call->lanes == LANES) {
    if (takes_winograd(call->size, call->stride, call->inputs, call->maps, out_rows, out_columns)) return input;
  } else if (takes_winograd_alone(call->size, call->stride, call->inputs, call->maps, out_rows, out_columns))
    pad_maps(input, padded, call->inputs, call->rows, call->columns, call->padding, call->lanes);
#else
  (void)out_rows, (void)out_columns;
#endif
  return padded;
}

static void convolutionGradient(struct thread *thread, const struct convolutionGradient *call) {
  const long padding = call->padding, rows = call->rows + 2 * padding, columns = call->columns + 2 * padding;
  const long maps = call->maps, size = call->size, stride = call->stride;
  const long out_rows = (rows - size) / stride + 1, out_columns = (columns - size) / stride + 1;
  const float *delta = ARRAY(const float, delta), *x = padded_input(thread, call, out_rows, out_columns);
  float *gradient = ARRAY(float, gradient), *bias = call->biasGradient ? ARRAY(float, biasGradient) : 0;
  struct gradient_shape s = {
      .inputs = call->inputs, .maps = maps, .size = size, .out_rows = out_rows, .stride = stride};
  if (call->lanes == LANES) {
    s.pixels = out_columns;
    s.delta_row = out_columns * LANES;
    s.x_tap = LANES;
    s.x_row = columns * LANES;
    s.x_column = stride * LANES;
  } else if (out_rows * out_columns == 1) {
    add_outer_product(call, rows, columns, x, delta, gradient, bias);
    return;
  } else if (stride > 1 ||
             out_rows * out_columns * divided_up(maps, NARROW) < maps * out_rows * divided_up(out_columns, NARROW)) {
    /* Fewer vectors that way. */
    const struct sample_pass pass = {out_rows, out_columns, stride, stride * columns};
    add_over_maps(call, pass, scratch(thread, out_rows * out_columns * WIDE), x, delta, gradient, bias);
    return;
  } else {
    s.pixels = divided_up(out_columns, LANES);
    s.delta_row = s.pixels * LANES;
    s.x_tap = 1;
    s.x_row = larger(columns, s.pixels * LANES + size - 1);
    s.x_column = LANES;
  }
  if (call->lanes == 1 && out_columns % LANES) {
    float *wide_delta = scratch(thread, maps * out_rows * s.delta_row + (long)call->inputs * rows * s.x_row);
    float *wide_x = wide_delta + maps * out_rows * s.delta_row;
    copy_rows(delta, wide_delta, maps * out_rows, out_columns, s.delta_row);
    copy_rows(x, wide_x, (long)call->inputs * rows, columns, s.x_row);
    delta = wide_delta;
    x = wide_x;
  }
  s.delta_map = out_rows * s.delta_row;
  s.x_input = rows * s.x_row;
#if FAST
  if (call->lanes == LANES && takes_winograd(size, stride, call->inputs, maps, out_rows, out_columns))
    gradient_by_winograd(thread, call, x, delta, gradient);
  else
#endif
    add_gradients(&s, delta, x, gradient);
  if (bias) add_biases(&s, delta, bias);
}
