/*
 * Bouvrie §3.2, the sensitivity of the layer below: output_i = f'(u_i) ∘ Σ_j conv2(δ_j, rot180(k_ij), 'full').
 *
 * delta [map][outRow][outColumn][lanes], weights [input][ky][kx][map], output [input][row][column][lanes]; chain: 0,
 * then map, ky, kx. No product with a border of zeros: in each output row the taps ky are clipped, and the columns fall
 * into three ranges. In the middle all kx count and a tile runs along the row as in the forward pass; at the left and
 * right edge (size − 1 columns less the padding) one tile holds the whole edge, and its unrolled taps are the triangle
 * of those that exist. The gate follows while the row is in the first cache. One lane: the sensitivities are copied
 * once between zeros, since a vector of columns cannot be clipped; a sum that began with +0 is not changed by ±0, so
 * the bits are those of the chain that skips them.
 */
#include "elementary.h"
#include "thread.h"
#include "tiles.h"

struct backward_shape {
  long inputs, rows, columns, maps, out_rows, out_columns, size, stride, padding, lanes;
};

/* Taps that exist for one output coordinate: `count` of them from `first` in steps of the stride; the first meets δ at
 * `at`, each next one before. */
struct taps {
  long first, count, at;
};

static struct taps clip(const struct backward_shape *s, long coordinate, long outs) {
  const long t = coordinate + s->padding;
  long first = larger(0, t - (outs - 1) * s->stride);
  while (first < s->size && (t - first) % s->stride)
    first++;
  const long last = smaller(s->size - 1, t);
  return (struct taps){first, last < first ? 0 : (last - first) / s->stride + 1, (t - first) / s->stride};
}

/*
 * The whole filter's taps for stride 1: kx leads b one pixel back, ky one row (of `pitch` floats). Clipping rows to
 * `down` takes the table's part from ky = down.first on; a and b then start where ky = 0 would be.
 */
static struct reach reach_of_backward(const struct backward_shape *s, struct tap *table, long pitch) {
  fill_taps(table, s->size, s->size * s->maps, s->maps, -pitch, -s->lanes);
  return (struct reach){
      .outer = s->maps,
      .a_outer = 1,
      .b_outer = s->out_rows * pitch,
      .table = table,
      .taps = s->size * s->size,
      .a_map = s->size * s->size * s->maps,
      .c_map = s->rows * s->columns * s->lanes,
      .start = START_ZERO,
  };
}

static struct reach clipped_to(const struct backward_shape *s, const struct reach *reach, struct taps down) {
  struct reach clipped = *reach;
  clipped.table += down.first * s->size;
  clipped.taps = down.count * s->size;
  return clipped;
}

/* These taps of each map, as offsets in δ and in the weights. */
static struct reach reach_of_taps(const struct backward_shape *s, struct tap *table, struct taps down,
                                  struct taps along) {
  long taps = 0;
  for (long y = 0; y < down.count; y++)
    for (long x = 0; x < along.count; x++)
      table[taps++] = (struct tap){
          (int32_t)(((down.first + y * s->stride) * s->size + along.first + x * s->stride) * s->maps * 4),
          (int32_t)(((down.at - y) * s->out_columns + along.at - x) * s->lanes * 4),
      };
  return (struct reach){
      .outer = taps > 0 ? s->maps : 0,
      .a_outer = 1,
      .b_outer = s->out_rows * s->out_columns * s->lanes,
      .table = table,
      .taps = taps,
      .a_map = s->size * s->size * s->maps,
      .c_map = s->rows * s->columns * s->lanes,
      .start = START_ZERO,
  };
}

/* Any one pixel with any stride: its taps clipped both ways, all inputs. `table` gets its taps. */
static void backward_pixel(const struct backward_shape *s, struct tap *table, const float *delta, const float *weights,
                           float *output, long row, long column) {
  const struct reach reach = reach_of_taps(s, table, clip(s, row, s->out_rows), clip(s, column, s->out_columns));
  float *out = output + (row * s->columns + column) * s->lanes;
  for (long i = 0; i < s->inputs;) {
    const long inputs = smaller(s->lanes == 1 ? 4 : 6, s->inputs - i);
    if (s->lanes == 1)
      single_tiles[inputs](&reach, weights + i * reach.a_map, delta, out + i * reach.c_map, 0);
    else
      for (long part = 0; part < LANES; part += NARROW)
        strided_tiles[inputs][1](&reach, weights + i * reach.a_map, delta + part, out + i * reach.c_map + part, 0);
    i += inputs;
  }
}

/* Eight lanes, any stride: one output row of all inputs. Columns one stride apart share their taps, so where those are
 * whole they are a run of pixels; the others go one by one. `table` gets a run's taps, `spare` those of a pixel. */
static void backward_strided_row(const struct backward_shape *s, struct tap *table, struct tap *spare,
                                 const float *delta, const float *weights, float *output, long row) {
  const struct taps down = clip(s, row, s->out_rows);
  for (long phase = 0; phase < smaller(s->stride, s->columns); phase++) {
    const long first = (phase + s->padding) % s->stride,
               whole = first < s->size ? divided_up(s->size - first, s->stride) : 0;
    long low = phase, pixels = 0;
    for (; low < s->columns && clip(s, low, s->out_columns).count < whole; low += s->stride)
      backward_pixel(s, spare, delta, weights, output, row, low);
    while (low + pixels * s->stride < s->columns && clip(s, low + pixels * s->stride, s->out_columns).count == whole)
      pixels++;
    for (long column = low + pixels * s->stride; column < s->columns; column += s->stride)
      backward_pixel(s, spare, delta, weights, output, row, column);
    if (pixels == 0) continue;
    struct reach reach = reach_of_taps(s, table, down, clip(s, low, s->out_columns));
    reach.b_step = LANES;
    reach.c_step = s->stride * LANES;
    float *out = output + (row * s->columns + low) * LANES;
    const struct cutting cutting = cut_tiles(s->inputs, pixels);
    for (long it = 0; it < cutting.map_tiles; it++) {
      const long i = cut(s->inputs, cutting.map_tiles, it), inputs = cut(s->inputs, cutting.map_tiles, it + 1) - i;
      strided_run(&reach, inputs, pixels, cutting.vector_tiles, weights + i * reach.a_map, delta, out + i * reach.c_map,
                  0);
    }
  }
}

/* How the edges walk: maps, then clipped rows; strides in floats. Their columns' taps are unrolled. */
struct edge_reach {
  long maps, rows;
  long a_row, a_tap, a_input;
  long b_map, b_row;
  long c_input;
  /* From the left edge to the right one, in δ and in the output. */
  long b_right, c_right;
};

/*
 * Both edges of one row for I inputs at once. `b` is δ's first column; left column e takes kx ≤ e, right column e,
 * counted from the last δ on, takes kx > e: so each weight that is broadcast meets size − 1 columns, some left and some
 * right. Size and padding are constants: the two triangles are unrolled.
 */
ALWAYS void edges_tile(const int I, const int size, const int padding, const struct edge_reach *reach, const float *a,
                       const float *b, float *c) {
  const int columns = size - 1 - padding;
  for (long part = 0; part < LANES; part += NARROW) {
    narrow left[6][4], right[6][4];
    UNROLL for (int i = 0; i < I; i++) UNROLL for (int e = 0; e < columns; e++) left[i][e] = right[i][e] =
        (narrow)SPLAT(NARROW, 0.0f);
    const float *a1 = a, *b1 = b + part;
    for (long map = reach->maps; map > 0; map--) {
      const float *a2 = a1, *b2 = b1, *b3 = b1 + reach->b_right;
      for (long row = reach->rows; row > 0; row--) {
        UNROLL for (int kx = 0; kx < size; kx++) UNROLL for (int i = 0; i < I; i++) {
          const narrow w = (narrow)SPLAT(NARROW, a2[i * reach->a_input + kx * reach->a_tap]);
          UNROLL for (int e = 0; e < columns; e++) {
            if (kx <= e + padding) left[i][e] = left[i][e] + w * *(const narrow_at *)(b2 + (e + padding - kx) * LANES);
            if (kx > e) right[i][e] = right[i][e] + w * *(const narrow_at *)(b3 + (e - kx) * LANES);
          }
        }
        a2 += reach->a_row;
        b2 += reach->b_row;
        b3 += reach->b_row;
      }
      a1++;
      b1 += reach->b_map;
    }
    UNROLL for (int i = 0; i < I; i++) UNROLL for (int e = 0; e < columns; e++) {
      float *at = c + i * reach->c_input + e * LANES + part;
      *(narrow_at *)at = left[i][e];
      *(narrow_at *)(at + reach->c_right) = right[i][e];
    }
  }
}

/* Inputs whose sums, both edges, stay in registers. */
#define EDGE_SUMS (REGISTERS == 32 ? 16 : 8)
#define EDGE_MOST(size, padding)                                                                                       \
  (EDGE_SUMS / (2 * (size - 1 - padding)) < 6 ? EDGE_SUMS / (2 * (size - 1 - padding)) : 6)

typedef void (*edges_function)(const struct edge_reach *reach, const float *a, const float *b, float *c);
#define EDGES_INSTANCE(name, I, size, padding)                                                                         \
  static void name##_##I(const struct edge_reach *reach, const float *a, const float *b, float *c) {                   \
    if (I <= EDGE_MOST(size, padding)) edges_tile(I, size, padding, reach, a, b, c);                                   \
  }
// clang-format off
#define EDGES(name, size, padding)                                                                                     \
  EDGES_INSTANCE(name, 1, size, padding)                                                                               \
  EDGES_INSTANCE(name, 2, size, padding)                                                                               \
  EDGES_INSTANCE(name, 3, size, padding)                                                                               \
  EDGES_INSTANCE(name, 4, size, padding)                                                                               \
  EDGES_INSTANCE(name, 5, size, padding)                                                                               \
  EDGES_INSTANCE(name, 6, size, padding)                                                                               \
  static const struct edges name = {EDGE_MOST(size, padding),                                                          \
                                    {0, name##_1, name##_2, name##_3, name##_4, name##_5, name##_6}};
// clang-format on

struct edges {
  long most;
  edges_function tiles[7];
};

EDGES(edges_of_5, 5, 0)
EDGES(edges_of_5_padded_2, 5, 2)
EDGES(edges_of_3, 3, 0)
EDGES(edges_of_3_padded_1, 3, 1)

/* 0 for sizes and paddings that have no tile of their own. */
static const struct edges *edges_of(const struct backward_shape *s) {
  if (s->size == 5 && s->padding == 0) return &edges_of_5;
  if (s->size == 5 && s->padding == 2) return &edges_of_5_padded_2;
  if (s->size == 3 && s->padding == 0) return &edges_of_3;
  if (s->size == 3 && s->padding == 1) return &edges_of_3_padded_1;
  return 0;
}

static void backward_edges(const struct edges *edges, long inputs, const struct edge_reach *reach, const float *a,
                           const float *b, float *c) {
  const long tiles = divided_up(inputs, edges->most);
  for (long tile = 0; tile < tiles; tile++) {
    const long i = cut(inputs, tiles, tile), count = cut(inputs, tiles, tile + 1) - i;
    edges->tiles[count](reach, a + i * reach->a_input, b, c + i * reach->c_input);
  }
}

/*
 * The middle of one output row: all kx, inputs × vectors as in the forward pass, of many maps a few at a time. `d` is
 * where the first column's kx = 0 and ky = 0 meet.
 */
static void backward_middle(const struct backward_shape *s, struct reach reach, const float *weights, const float *d,
                            float *out, long vectors) {
  const struct cutting cutting = cut_run(s->inputs, vectors);
  const long block = block_of(s->maps, s->size * s->out_columns * LANES * 4 + s->inputs * s->size * s->size * 4);
  for (long map = 0; map == 0 || map < s->maps; map += block) {
    reach.outer = smaller(block, s->maps - map);
    reach.start = map == 0 ? START_ZERO : START_OUTPUT;
    for (long it = 0; it < cutting.map_tiles; it++) {
      const long i = cut(s->inputs, cutting.map_tiles, it), inputs = cut(s->inputs, cutting.map_tiles, it + 1) - i;
      tile_run(&reach, inputs, vectors, cutting.vector_tiles, weights + i * reach.a_map + map, d + map * reach.b_outer,
               out + i * reach.c_map, 0);
    }
  }
}

/* Eight lanes, stride 1, δ at least as wide as an edge: one output row of all inputs. `spare` holds the taps of a
 * single pixel. */
static void backward_row(const struct backward_shape *s, const struct reach *whole, struct tap *spare,
                         const float *delta, const float *weights, float *output, long row) {
  const long low = larger(0, s->size - 1 - s->padding), high = smaller(s->columns, s->out_columns - s->padding);
  const long pitch = s->out_columns * LANES, vectors = (high - low) * PARTS;
  const struct taps down = clip(s, row, s->out_rows);
  const struct reach reach = clipped_to(s, whole, down);
  const struct edges *edges = edges_of(s);
  float *out = output + row * s->columns * LANES;
  backward_middle(s, reach, weights, delta + (row + s->padding) * pitch + (low + s->padding) * LANES, out + low * LANES,
                  vectors);
  if (edges) {
    const struct edge_reach edge = {
        .maps = s->maps,
        .rows = down.count,
        .a_row = s->size * s->maps,
        .a_tap = s->maps,
        .a_input = reach.a_map,
        .b_map = reach.b_outer,
        .b_row = -pitch,
        .c_input = reach.c_map,
        .b_right = pitch,
        .c_right = high * LANES,
    };
    backward_edges(edges, s->inputs, &edge, weights + down.first * s->size * s->maps, delta + down.at * pitch, out);
  } else {
    for (long column = 0; column < low; column++)
      backward_pixel(s, spare, delta, weights, output, row, column);
    for (long column = high; column < s->columns; column++)
      backward_pixel(s, spare, delta, weights, output, row, column);
  }
}

static void backward_block(const struct backward_shape *s, struct tap *table, const float *delta, const float *weights,
                           const float *input, float *output, uint32_t gate) {
  const struct reach reach = reach_of_backward(s, table, s->out_columns * LANES);
  const long run = s->columns * LANES;
  for (long row = 0; row < s->rows; row++) {
    backward_row(s, &reach, table + s->size * s->size, delta, weights, output, row);
    if ((gate & ~(uint32_t)GATE_SQUARED) == ACTIVATION_linear) continue;
    for (long i = 0; i < s->inputs; i++) {
      float *values = output + i * reach.c_map + row * run;
      gate_run(gate, values, input + i * reach.c_map + row * run, values, run);
    }
  }
}

/* Floats of a row of δ between zeros that any column's vectors and taps stay inside of. */
static long pitch_of_single(const struct backward_shape *s) {
  return s->size - 1 + larger(s->out_columns + s->size - 1, divided_up(s->columns, NARROW) * NARROW + s->padding);
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
static void backward_single(const struct backward_shape *s, struct tap *table, float *bordered, const float *delta,
                            const float *weights, float *output) {
  const long vectors = divided_up(s->columns, NARROW), pitch = pitch_of_single(s), border = s->size - 1;
  float *sums = bordered + s->maps * s->out_rows * pitch;
  border_rows(bordered, delta, s->maps * s->out_rows, s->out_columns, border, pitch);
  struct reach whole = reach_of_backward(s, table, pitch);
  const long plane = whole.c_map;
  whole.c_map = vectors * NARROW;
  whole.b_step = whole.c_step = NARROW;
  for (long row = 0; row < s->rows; row++) {
    const struct reach reach = clipped_to(s, &whole, clip(s, row, s->out_rows));
    const float *d = bordered + (row + s->padding) * pitch + border + s->padding;
    for (long i = 0; i < s->inputs;) {
      const long inputs = smaller(6, s->inputs - i);
      for (long vector = 0; vector < vectors;) {
        const long count = smaller(TILE_MOST(inputs), vectors - vector);
        strided_tiles[inputs][count](&reach, weights + i * reach.a_map, d + vector * NARROW, sums + vector * NARROW, 0);
        vector += count;
      }
      for (long n = 0; n < inputs; n++)
        copy_floats(output + (i + n) * plane + row * s->columns, sums + n * reach.c_map, s->columns);
      i += inputs;
    }
  }
}

#if FAST
struct backward_call {
  const struct convolutionBackward *call;
  const float *input;
};

static void gate_rows(const void *of, long map, long row, float *at, long count) {
  const struct convolutionBackward *call = ((const struct backward_call *)of)->call;
  const float *x = ((const struct backward_call *)of)->input + (map * call->rows + row) * call->columns * LANES;
  if ((call->gate & ~(uint32_t)GATE_SQUARED) != ACTIVATION_linear) gate_run(call->gate, at, x, at, count);
}

static void backward_by_winograd(struct thread *thread, const struct convolutionBackward *call) {
  const struct winograd w = {.inputs = call->maps,
                             .rows = call->outRows,
                             .columns = call->outColumns,
                             .maps = call->inputs,
                             .out_rows = call->rows,
                             .out_columns = call->columns,
                             .before = 2 - (long)call->padding,
                             .w_input = 1,
                             .w_map = 9 * call->maps,
                             .w_tap = call->maps,
                             .is_turned = 1};
  const struct backward_call of = {call, ARRAY(const float, input)};
  winograd_block(thread, &w, ARRAY(const float, delta), ARRAY(const float, weights), 0, ARRAY(float, output), gate_rows,
                 &of);
}
#endif

static void convolutionBackward(struct thread *thread, const struct convolutionBackward *call) {
  const struct backward_shape s = {
      call->inputs,     call->rows, call->columns, call->maps,    call->outRows,
      call->outColumns, call->size, call->stride,  call->padding, call->lanes,
  };
#if FAST
  if (s.lanes == LANES && s.padding < s.size && takes_winograd(s.size, s.stride, s.maps, s.inputs, s.rows, s.columns)) {
    backward_by_winograd(thread, call);
    return;
  }
#endif
  const float *delta = ARRAY(const float, delta), *weights = ARRAY(const float, weights),
              *input = ARRAY(const float, input);
  float *output = ARRAY(float, output);
  const long tables = divided_up(4 * s.size * s.size, 16) * 16, single = s.lanes == 1 && s.stride == 1;
  float *space = scratch(
      thread,
      tables + (single ? s.maps * s.out_rows * pitch_of_single(&s) + 6 * divided_up(s.columns, NARROW) * NARROW : 0));
  struct tap *table = (struct tap *)space;
  if (s.lanes == LANES && s.stride == 1 && s.padding < s.size && s.out_columns >= s.size - 1) {
    backward_block(&s, table, delta, weights, input, output, call->gate);
    return;
  }
  for (long row = 0; row < s.rows && !single; row++)
    if (s.lanes == LANES)
      backward_strided_row(&s, table, table + s.size * s.size, delta, weights, output, row);
    else
      for (long column = 0; column < s.columns; column++)
        backward_pixel(&s, table, delta, weights, output, row, column);
  if (single) backward_single(&s, table, space + tables, delta, weights, output);
  gate_run(call->gate, output, input, output, s.inputs * s.rows * s.columns * s.lanes);
}
