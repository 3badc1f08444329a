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

/* The weights as the layer holds them. */
static struct panels backward_weights(const struct backward_shape *s, const float *weights) {
  return (struct panels){.weights = weights, .map = s->size * s->size * s->maps, .tap = s->maps, .outer = 1};
}

/* How wide a tap of a panel is: at least four inputs, since four are turned at once. */
static long width_of_panels(const struct backward_shape *s, long tiles) {
  return larger(4, highest_of(s->inputs, tiles));
}

/* Four inputs of a panel. */
static void turn_weights(const struct backward_shape *s, const float *const *rows, float *to, long map_step,
                         long tap_step) {
  const long taps = s->size * s->size;
  for (long tap = 0; tap < taps; tap++)
    for (long map = 0; map < s->maps; map += 4) {
      /* The last four maps end with the row. */
      const long from = larger(0, smaller(map, s->maps - 4)), at = tap * s->maps + from;
      const four turned[4] = {*(const four_at *)(rows[0] + at), *(const four_at *)(rows[1] + at),
                              *(const four_at *)(rows[2] + at), *(const four_at *)(rows[3] + at)};
      float *out = to + from * map_step + tap * tap_step;
      if (s->maps >= 4)
        store_transposed(turned, out, map_step);
      else
        for (long m = 0; m < s->maps; m++)
          for (long i = 0; i < 4; i++)
            out[m * map_step + i] = turned[i][m];
    }
}

/* [tile][map][tap][input] */
static struct panels backward_panels(const struct backward_shape *s, const float *weights, long tiles, float *to) {
  const long width = width_of_panels(s, tiles), taps = s->size * s->size, floats = s->maps * taps * width;
  for (long tile = 0; tile < tiles; tile++) {
    const long first = cut(s->inputs, tiles, tile);
    for (long n = 0; n < width; n += 4) {
      const long slot = smaller(n, width - 4);
      const float *rows[4];
      for (long i = 0; i < 4; i++)
        rows[i] = weights + smaller(first + slot + i, s->inputs - 1) * taps * s->maps;
      turn_weights(s, rows, to + tile * floats + slot, taps * width, width);
    }
  }
  return (struct panels){.weights = to, .tiles = tiles, .tile = floats, .map = 1, .tap = width, .outer = taps * width};
}

/*
 * The whole filter's taps for stride 1: kx leads b one pixel back, ky one row (of `pitch` floats). Clipping rows to
 * `down` takes the table's part from ky = down.first on; a and b then start where ky = 0 would be.
 */
static struct reach reach_of_backward(const struct backward_shape *s, const struct panels *panels, struct tap *table,
                                      long pitch) {
  fill_taps(table, s->size, s->size * panels->tap, panels->tap, -pitch, -s->lanes);
  return (struct reach){
      .outer = s->maps,
      .a_outer = panels->outer,
      .b_outer = s->out_rows * pitch,
      .table = table,
      .taps = s->size * s->size,
      .a_map = panels->map,
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
static struct reach reach_of_taps(const struct backward_shape *s, const struct panels *panels, struct tap *table,
                                  struct taps down, struct taps along) {
  long taps = 0;
  for (long y = 0; y < down.count; y++)
    for (long x = 0; x < along.count; x++)
      table[taps++] = (struct tap){
          (int32_t)(((down.first + y * s->stride) * s->size + along.first + x * s->stride) * panels->tap * 4),
          (int32_t)(((down.at - y) * s->out_columns + along.at - x) * s->lanes * 4),
      };
  return (struct reach){
      .outer = taps > 0 ? s->maps : 0,
      .a_outer = panels->outer,
      .b_outer = s->out_rows * s->out_columns * s->lanes,
      .table = table,
      .taps = taps,
      .a_map = panels->map,
      .c_map = s->rows * s->columns * s->lanes,
      .start = START_ZERO,
  };
}

/* Any one pixel with any stride: its taps clipped both ways, all inputs, in tiles as high as they can be or as the
 * panels. `table` gets its taps. */
static void backward_pixel(const struct backward_shape *s, const struct panels *panels, struct tap *table,
                           const float *delta, float *output, long row, long column) {
  const long tiles = panels->tile ? panels->tiles : divided_up(s->inputs, s->lanes == 1 ? 4 : 6);
  const struct reach reach =
      reach_of_taps(s, panels, table, clip(s, row, s->out_rows), clip(s, column, s->out_columns));
  float *out = output + (row * s->columns + column) * s->lanes;
  for (long tile = 0; tile < tiles; tile++) {
    const long i = cut(s->inputs, tiles, tile), inputs = cut(s->inputs, tiles, tile + 1) - i;
    const float *weights = weights_of(panels, tile, i);
    if (s->lanes == 1)
      single_tiles[inputs](&reach, weights, delta, out + i * reach.c_map, 0);
    else
      for (long part = 0; part < LANES; part += NARROW)
        strided_tiles[inputs][1](&reach, weights, delta + part, out + i * reach.c_map + part, 0);
  }
}

/* Eight lanes, any stride: one output row of all inputs. Columns one stride apart share their taps, so where those are
 * whole they are a run of pixels; the others go one by one. `table` gets a run's taps, `spare` those of a pixel. */
static void backward_strided_row(const struct backward_shape *s, const struct panels *panels, struct tap *table,
                                 struct tap *spare, const float *delta, float *output, long row) {
  const struct taps down = clip(s, row, s->out_rows);
  for (long phase = 0; phase < smaller(s->stride, s->columns); phase++) {
    const long first = (phase + s->padding) % s->stride,
               whole = first < s->size ? divided_up(s->size - first, s->stride) : 0;
    long low = phase, pixels = 0;
    for (; low < s->columns && clip(s, low, s->out_columns).count < whole; low += s->stride)
      backward_pixel(s, panels, spare, delta, output, row, low);
    while (low + pixels * s->stride < s->columns && clip(s, low + pixels * s->stride, s->out_columns).count == whole)
      pixels++;
    for (long column = low + pixels * s->stride; column < s->columns; column += s->stride)
      backward_pixel(s, panels, spare, delta, output, row, column);
    if (pixels == 0) continue;
    struct reach reach = reach_of_taps(s, panels, table, down, clip(s, low, s->out_columns));
    reach.b_step = LANES;
    reach.c_step = s->stride * LANES;
    const struct cutting cutting = cut_tiles(s->inputs, pixels);
    float *out = output + (row * s->columns + low) * LANES;
    for (long it = 0; it < cutting.map_tiles; it++) {
      const long i = cut(s->inputs, cutting.map_tiles, it), inputs = cut(s->inputs, cutting.map_tiles, it + 1) - i;
      strided_run(&reach, inputs, pixels, cutting.vector_tiles, weights_of(panels, it, i), delta, out + i * reach.c_map,
                  0);
    }
  }
}

/* How the edges walk: maps, then clipped rows; strides in floats. Their columns' taps are unrolled. */
struct edge_reach {
  long maps, rows;
  long a_row, a_tap, a_input, a_map;
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
      a1 += reach->a_map;
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

/* A convolution backward with stride 1: the middle of its rows, how that is cut, and its edges' tiles if there are
 * such. */
struct middle {
  long low, high;
  struct row_cut row;
  struct cutting cutting;
  const struct edges *edges;
};

static struct middle middle_of(const struct backward_shape *s) {
  struct middle middle = {.low = larger(0, s->size - 1 - s->padding),
                          .high = smaller(s->columns, s->out_columns - s->padding),
                          .row = cut_row(s->maps, s->size * s->size, s->size * s->out_columns * LANES * 4),
                          .edges = edges_of(s)};
  middle.row.parts = larger(1, smaller(middle.row.parts, middle.high - middle.low));
  middle.cutting = cut_run(s->inputs, divided_up(middle.high - middle.low, middle.row.parts) * PARTS);
  return middle;
}

/* Both edges of one row of all inputs. */
static void backward_row_edges(const struct backward_shape *s, const struct middle *middle, const struct panels *panels,
                               struct tap *spare, const float *delta, float *output, long row) {
  const long pitch = s->out_columns * LANES;
  const struct taps down = clip(s, row, s->out_rows);
  if (!middle->edges) {
    for (long column = 0; column < s->columns; column++)
      if (column < middle->low || column >= middle->high) backward_pixel(s, panels, spare, delta, output, row, column);
    return;
  }
  const struct edge_reach reach = {
      .maps = s->maps,
      .rows = down.count,
      .a_row = s->size * panels->tap,
      .a_tap = panels->tap,
      .a_input = panels->map,
      .a_map = panels->outer,
      .b_map = s->out_rows * pitch,
      .b_row = -pitch,
      .c_input = s->rows * s->columns * LANES,
      .b_right = pitch,
      .c_right = middle->high * LANES,
  };
  const long tiles = larger(1, panels->tiles), first = down.first * s->size * panels->tap;
  for (long tile = 0; tile < tiles; tile++) {
    const long i = cut(s->inputs, tiles, tile), inputs = cut(s->inputs, tiles, tile + 1) - i;
    backward_edges(middle->edges, inputs, &reach, weights_of(panels, tile, i) + first, delta + down.at * pitch,
                   output + i * reach.c_input + row * s->columns * LANES);
  }
}

/* Eight lanes, stride 1, δ at least as wide as an edge: the middle of one output row of all inputs, of many maps a few
 * at a time; all kx count. */
static void backward_row_middle(const struct backward_shape *s, const struct middle *middle,
                                const struct panels *panels, const struct reach *whole, const float *delta,
                                float *output, long row) {
  const long low = middle->low, width = middle->high - low, pitch = s->out_columns * LANES;
  const long parts = middle->row.parts, block = middle->row.block, tiles = middle->cutting.map_tiles;
  struct reach reach = clipped_to(s, whole, clip(s, row, s->out_rows));
  for (long part = 0; part < parts; part++) {
    const long column = low + cut(width, parts, part), next = low + cut(width, parts, part + 1);
    /* Where the first column's kx = 0 and ky = 0 meet. */
    const float *d = delta + (row + s->padding) * pitch + (column + s->padding) * LANES;
    float *out = output + (row * s->columns + column) * LANES;
    for (long map = 0; map == 0 || map < s->maps; map += block) {
      reach.outer = smaller(block, s->maps - map);
      reach.start = map == 0 ? START_ZERO : START_OUTPUT;
      for (long it = 0; it < tiles; it++) {
        const long i = cut(s->inputs, tiles, it), inputs = cut(s->inputs, tiles, it + 1) - i;
        tile_run(&reach, inputs, (next - column) * PARTS, middle->cutting.vector_tiles,
                 weights_of(panels, it, i) + map * panels->outer, d + map * reach.b_outer, out + i * reach.c_map, 0);
      }
    }
  }
}

/* Eight lanes. */
static void backward_block(struct thread *thread, const struct backward_shape *s, const float *delta,
                           const float *weights, const float *input, float *output, uint32_t gate) {
  const int is_strided = s->stride > 1 || s->padding >= s->size || s->out_columns < s->size - 1;
  const struct middle middle = middle_of(s);
  const struct cutting cutting = middle.cutting;
  const long all = s->inputs * s->size * s->size * s->maps, tables = divided_up(4 * s->size * s->size, 16) * 16;
  const int packs = !is_strided && cutting.map_tiles > 1 && are_panels(all, s->rows * cutting.vector_tiles);
  float *space = scratch(
      thread, tables + (packs ? all / s->inputs * cutting.map_tiles * width_of_panels(s, cutting.map_tiles) : 0));
  struct tap *table = (struct tap *)space, *spare = table + s->size * s->size;
  const struct panels panels =
      packs ? backward_panels(s, weights, cutting.map_tiles, space + tables) : backward_weights(s, weights);
  const struct reach reach = reach_of_backward(s, &panels, table, s->out_columns * LANES);
  const long run = s->columns * LANES;
  for (long row = 0; row < s->rows; row++) {
    if (is_strided) {
      backward_strided_row(s, &panels, table, spare, delta, output, row);
      continue;
    }
    backward_row_middle(s, &middle, &panels, &reach, delta, output, row);
    backward_row_edges(s, &middle, &panels, spare, delta, output, row);
    if ((gate & ~(uint32_t)GATE_SQUARED) == ACTIVATION_linear) continue;
    for (long i = 0; i < s->inputs; i++) {
      float *values = output + i * reach.c_map + row * run;
      gate_run(gate, values, input + i * reach.c_map + row * run, values, run);
    }
  }
  if (is_strided) gate_run(gate, output, input, output, s->inputs * reach.c_map);
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
  const struct panels panels = backward_weights(s, weights);
  struct reach whole = reach_of_backward(s, &panels, table, pitch);
  const long plane = whole.c_map;
  whole.c_map = vectors * NARROW;
  for (long row = 0; row < s->rows; row++) {
    const struct reach reach = clipped_to(s, &whole, clip(s, row, s->out_rows));
    const float *d = bordered + (row + s->padding) * pitch + border + s->padding;
    for (long i = 0; i < s->inputs;) {
      const long inputs = smaller(6, s->inputs - i);
      tile_run(&reach, inputs, vectors, divided_up(larger(1, vectors / (1 + PAIRS)), TILE_MOST(inputs)),
               weights + i * reach.a_map, d, sums, 0);
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
  if (s.lanes == LANES) {
    backward_block(thread, &s, delta, weights, input, output, call->gate);
    return;
  }
  const long tables = divided_up(4 * s.size * s.size, 16) * 16, single = s.stride == 1;
  float *space = scratch(
      thread,
      tables + (single ? s.maps * s.out_rows * pitch_of_single(&s) + 6 * divided_up(s.columns, NARROW) * NARROW : 0));
  struct tap *table = (struct tap *)space;
  if (single) backward_single(&s, table, space + tables, delta, weights, output);
  const struct panels panels = backward_weights(&s, weights);
  for (long pixel = 0; pixel < s.rows * s.columns && !single; pixel++)
    backward_pixel(&s, &panels, table, delta, output, pixel / s.columns, pixel % s.columns);
  gate_run(call->gate, output, input, output, s.inputs * s.rows * s.columns);
}
