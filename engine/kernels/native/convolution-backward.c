/*
 * Bouvrie §3.2, the sensitivity of the layer below: output_i = f'(u_i) ∘ Σ_j conv2(δ_j, rot180(k_ij), 'full').
 *
 * delta [map][outRow][outColumn][lanes], weights [input][ky][kx][map], output [input][row][column][lanes]; chain: 0, then map, ky, kx.
 * No product with a border of zeros: in each output row the taps ky are clipped, and the columns fall into three ranges. In the middle all
 * kx count and a tile runs along the row as in the forward pass; at the left and right edge (size − 1 columns less the padding) one tile
 * holds the whole edge, and its unrolled taps are the triangle of those that exist. The gate follows while the row is in the first cache.
 * One lane: the sensitivities are copied once between zeros, since a vector of columns cannot be clipped; a sum that began with +0 is
 * not changed by ±0, so the bits are those of the chain that skips them.
 */
#include "elementary.h"
#include "thread.h"
#include "tiles.h"

struct backward_shape {
  long inputs, rows, columns, maps, out_rows, out_columns, size, stride, padding, lanes;
};

/* Taps that exist for one output coordinate: `count` of them from `first` in steps of the stride; the first meets δ at `at`, each next one before. */
struct taps {
  long first, count, at;
};

static struct taps clip(const struct backward_shape *s, long coordinate, long outs) {
  const long t = coordinate + s->padding;
  long first = larger(0, t - (outs - 1) * s->stride);
  while (first < s->size && (t - first) % s->stride) first++;
  const long last = smaller(s->size - 1, t);
  return (struct taps){ first, last < first ? 0 : (last - first) / s->stride + 1, (t - first) / s->stride };
}

static struct reach reach_of_backward(const struct backward_shape *s, struct taps rows, struct taps columns) {
  return (struct reach){
    .outer = s->maps, .rows = rows.count, .taps = columns.count,
    .a_outer = 1, .a_row = s->stride * s->size * s->maps, .a_tap = s->stride * s->maps, .a_map = s->size * s->size * s->maps,
    .b_outer = s->out_rows * s->out_columns * s->lanes, .b_row = -s->out_columns * s->lanes, .b_tap = -s->lanes,
    .c_map = s->rows * s->columns * s->lanes, .start = START_ZERO,
  };
}

/* Any one pixel with any stride: its taps clipped both ways, all inputs. */
static void backward_pixel(const struct backward_shape *s, const float *delta, const float *weights, float *output, long row, long column) {
  const struct taps down = clip(s, row, s->out_rows), along = clip(s, column, s->out_columns);
  const struct reach reach = reach_of_backward(s, down, along);
  const float *w = weights + (down.first * s->size + along.first) * s->maps;
  const float *d = delta + (down.at * s->out_columns + along.at) * s->lanes;
  float *out = output + (row * s->columns + column) * s->lanes;
  for (long i = 0; i < s->inputs;) {
    const long inputs = smaller(s->lanes == 1 ? 4 : 6, s->inputs - i);
    if (s->lanes == 1) single_tiles[inputs](&reach, w + i * reach.a_map, d, out + i * reach.c_map, 0);
    else
      for (long part = 0; part < LANES; part += NARROW) strided_tiles[inputs][1](&reach, w + i * reach.a_map, d + part, out + i * reach.c_map + part, 0);
    i += inputs;
  }
}

/*
 * An edge of one row: columns `from` … `to` of the full convolution (left), or those from the last δ on (right), for I inputs at once.
 * Left column e takes kx ≤ e; right column e takes kx > e. Size, columns and side are constants, so the triangle is unrolled.
 */
ALWAYS void edge_tile(const int I, const int size, const int from, const int to, const int is_right, const struct reach *reach, const float *a, const float *b, float *c) {
  typedef narrow at;
  for (long part = 0; part < LANES; part += NARROW) {
    at sum[4][4];
    UNROLL for (int i = 0; i < I; i++)
      UNROLL for (int e = from; e <= to; e++) sum[i][e - from] = (at)SPLAT(NARROW, 0.0f);
    const float *a1 = a, *b1 = b + part;
    for (long map = reach->outer; map > 0; map--) {
      const float *a2 = a1, *b2 = b1;
      for (long row = reach->rows; row > 0; row--) {
        UNROLL for (int kx = is_right ? from + 1 : 0; kx < (is_right ? size : to + 1); kx++)
          UNROLL for (int i = 0; i < I; i++) {
            const at w = (at)SPLAT(NARROW, a2[i * reach->a_map + kx * reach->a_tap]);
            UNROLL for (int e = from; e <= to; e++)
              if (is_right ? kx > e : kx <= e) sum[i][e - from] = sum[i][e - from] + w * *(const narrow_at *)(b2 + (e - kx) * LANES);
          }
        a2 += reach->a_row;
        b2 += reach->b_row;
      }
      a1 += reach->a_outer;
      b1 += reach->b_outer;
    }
    UNROLL for (int i = 0; i < I; i++)
      UNROLL for (int e = from; e <= to; e++) *(narrow_at *)(c + i * reach->c_map + (e - from) * LANES + part) = sum[i][e - from];
  }
}

typedef void (*edge_function)(const struct reach *reach, const float *a, const float *b, float *c);
#define EDGE_INPUTS (REGISTERS == 32 ? 4 : 2)
#define EDGE_INSTANCE(name, I, size, from, to, is_right) \
  static void name##_##I(const struct reach *reach, const float *a, const float *b, float *c) { edge_tile(I, size, from, to, is_right, reach, a, b, c); }
#define EDGE(name, size, from, to, is_right)                                                                          \
  EDGE_INSTANCE(name, 1, size, from, to, is_right) EDGE_INSTANCE(name, 2, size, from, to, is_right)                  \
  EDGE_INSTANCE(name, 3, size, from, to, is_right) EDGE_INSTANCE(name, 4, size, from, to, is_right)                  \
  static const edge_function name[5] = { 0, name##_1, name##_2, name##_3, name##_4 };
EDGE(left_of_5, 5, 0, 3, 0)
EDGE(right_of_5, 5, 0, 3, 1)
EDGE(left_of_5_padded_2, 5, 2, 3, 0)
EDGE(right_of_5_padded_2, 5, 0, 1, 1)
EDGE(left_of_3, 3, 0, 1, 0)
EDGE(right_of_3, 3, 0, 1, 1)
EDGE(left_of_3_padded_1, 3, 1, 1, 0)
EDGE(right_of_3_padded_1, 3, 0, 0, 1)

struct edges {
  const edge_function *left, *right;
};

static struct edges edges_of(const struct backward_shape *s) {
  if (s->size == 5 && s->padding == 0) return (struct edges){ left_of_5, right_of_5 };
  if (s->size == 5 && s->padding == 2) return (struct edges){ left_of_5_padded_2, right_of_5_padded_2 };
  if (s->size == 3 && s->padding == 0) return (struct edges){ left_of_3, right_of_3 };
  if (s->size == 3 && s->padding == 1) return (struct edges){ left_of_3_padded_1, right_of_3_padded_1 };
  return (struct edges){ 0, 0 };
}

static void backward_edge(const edge_function *edge, long inputs, const struct reach *reach, const float *a, const float *b, float *c) {
  const long tiles = divided_up(inputs, EDGE_INPUTS);
  for (long tile = 0; tile < tiles; tile++) {
    const long i = cut(inputs, tiles, tile), count = cut(inputs, tiles, tile + 1) - i;
    edge[count](reach, a + i * reach->a_map, b, c + i * reach->c_map);
  }
}

/* Eight lanes, stride 1, δ at least as wide as an edge: one output row of all inputs. */
static void backward_row(const struct backward_shape *s, const struct edges *edges, const float *delta, const float *weights, const float *input, float *output, long row, uint32_t gate) {
  const long low = larger(0, s->size - 1 - s->padding), high = smaller(s->columns, s->out_columns - s->padding);
  const struct taps down = clip(s, row, s->out_rows);
  const struct reach reach = reach_of_backward(s, down, (struct taps){ 0, s->size, 0 });
  const float *w = weights + down.first * s->size * s->maps, *d = delta + down.at * s->out_columns * LANES;
  float *out = output + row * s->columns * LANES;
  const long run = (high - low) * LANES, vectors = run / WIDE;
  const float *middle = d + (low + s->padding) * LANES;
  const struct cutting cutting = cut_tiles(s->inputs, vectors);
  for (long it = 0; it < cutting.map_tiles; it++) {
    const long i = cut(s->inputs, cutting.map_tiles, it), inputs = cut(s->inputs, cutting.map_tiles, it + 1) - i;
    for (long vt = 0; vt < cutting.vector_tiles; vt++) {
      const long vector = cut(vectors, cutting.vector_tiles, vt), count = cut(vectors, cutting.vector_tiles, vt + 1) - vector;
      contiguous_tiles[inputs][count](&reach, w + i * reach.a_map, middle + vector * WIDE, out + i * reach.c_map + low * LANES + vector * WIDE, 0);
    }
  }
  if (vectors * WIDE < run) backward_pixel(s, delta, weights, output, row, high - 1);
  if (edges->left) {
    if (low > 0) backward_edge(edges->left, s->inputs, &reach, w, d, out);
    if (high < s->columns) backward_edge(edges->right, s->inputs, &reach, w, d + s->out_columns * LANES, out + high * LANES);
  } else {
    for (long column = 0; column < low; column++) backward_pixel(s, delta, weights, output, row, column);
    for (long column = high; column < s->columns; column++) backward_pixel(s, delta, weights, output, row, column);
  }
  if ((gate & ~(uint32_t)GATE_SQUARED) == ACTIVATION_linear) return;
  for (long i = 0; i < s->inputs; i++) {
    float *values = out + i * reach.c_map;
    gate_run(gate, values, input + (values - output), values, s->columns * LANES);
  }
}

/* Rows of δ between `border` zeros on the left and zeros up to the pitch on the right. */
static void border_rows(float *to, const float *delta, long rows, long columns, long border, long pitch) {
  for (long row = 0; row < rows; row++, to += pitch, delta += columns) {
    clear_floats(to, border);
    copy_floats(to + border, delta, columns);
    clear_floats(to + border + columns, pitch - border - columns);
  }
}

/* One lane, stride 1: every column has all its taps, some of them on zeros; rows are clipped. */
static void backward_single(struct thread *thread, const struct backward_shape *s, const float *delta, const float *weights, float *output) {
  const long vectors = divided_up(s->columns, NARROW), border = s->size - 1;
  const long pitch = border + larger(s->out_columns + border, vectors * NARROW + s->padding);
  float *bordered = scratch(thread, s->maps * s->out_rows * pitch + 6 * vectors * NARROW);
  float *sums = bordered + s->maps * s->out_rows * pitch;
  border_rows(bordered, delta, s->maps * s->out_rows, s->out_columns, border, pitch);
  for (long row = 0; row < s->rows; row++) {
    const struct taps down = clip(s, row, s->out_rows);
    struct reach reach = reach_of_backward(s, down, (struct taps){ 0, s->size, 0 });
    const long plane = reach.c_map;
    reach.b_outer = s->out_rows * pitch;
    reach.b_row = -pitch;
    reach.c_map = vectors * NARROW;
    reach.b_step = reach.c_step = NARROW;
    const float *d = bordered + down.at * pitch + border + s->padding;
    for (long i = 0; i < s->inputs;) {
      const long inputs = smaller(6, s->inputs - i);
      const float *w = weights + i * reach.a_map + down.first * s->size * s->maps;
      for (long vector = 0; vector < vectors;) {
        const long count = smaller(smaller(4, TILE_ACCUMULATORS / inputs), vectors - vector);
        strided_tiles[inputs][count](&reach, w, d + vector * NARROW, sums + vector * NARROW, 0);
        vector += count;
      }
      for (long n = 0; n < inputs; n++) copy_floats(output + (i + n) * plane + row * s->columns, sums + n * reach.c_map, s->columns);
      i += inputs;
    }
  }
}

static void convolutionBackward(struct thread *thread, const struct convolutionBackward *call) {
  const struct backward_shape s = {
    call->inputs, call->rows, call->columns, call->maps, call->outRows, call->outColumns, call->size, call->stride, call->padding, call->lanes,
  };
  const float *delta = ARRAY(const float, delta), *weights = ARRAY(const float, weights), *input = ARRAY(const float, input);
  float *output = ARRAY(float, output);
  if (s.lanes == LANES && s.stride == 1 && s.padding < s.size && s.out_columns >= s.size - 1 && s.columns == s.out_columns + s.size - 1 - 2 * s.padding) {
    const struct edges edges = edges_of(&s);
    for (long row = 0; row < s.rows; row++) backward_row(&s, &edges, delta, weights, input, output, row, call->gate);
    return;
  }
  if (s.lanes == 1 && s.stride == 1) backward_single(thread, &s, delta, weights, output);
  else
    for (long row = 0; row < s.rows; row++)
      for (long column = 0; column < s.columns; column++) backward_pixel(&s, delta, weights, output, row, column);
  gate_run(call->gate, output, input, output, s.inputs * s.rows * s.columns * s.lanes);
}
