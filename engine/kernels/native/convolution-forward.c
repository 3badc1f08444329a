/*
 * Bouvrie §3.1, forward: x_j = f( Σ_i x_i ∗ k_ij + b_j ) in cross-correlation orientation, 'valid'.
 *
 * input [input][row][column][lanes], weights [input][ky][kx][map], output [map][row][column][lanes]; chain: bias, then
 * input, ky, kx. Eight lanes: a row of output is one run of floats and with stride 1 tap kx is the same run 8·kx floats
 * further, so a tile is maps × vectors whatever the vector's width; with a stride it is maps × pixels. f is applied to
 * a tile's rows as soon as they stand, while they are in the first cache. One lane: vectors are eight adjacent columns
 * of several rows, or eight maps of several pixels where those are fewer. The zeros around the input are written down
 * (convolutionGradient finds them there), but by Winograd.
 */
#include "elementary.h"
#include "thread.h"
#include "tiles.h"

struct convolution_shape {
  long inputs, rows, columns, maps, size, stride, lanes;
  long out_rows, out_columns;
};

/* rows and columns: of what the filters slide over. */
static struct convolution_shape shape_of_convolution(long inputs, long rows, long columns, long maps, long size,
                                                     long stride, long lanes) {
  return (struct convolution_shape){
      inputs, rows, columns, maps, size, stride, lanes, (rows - size) / stride + 1, (columns - size) / stride + 1,
  };
}

/* What follows where sums stand: the shortcut of a residual block, or none (0), then f. */
struct ending {
  uint32_t activation;
  /* Of the whole output. */
  const float *shortcut, *output;
};

static void end_run(const struct ending *ending, float *at, long count) {
  if (ending->shortcut) {
    const float *more = ending->shortcut + (at - ending->output);
    EACH_VECTOR(count, store_part(at + n, load(at + n) + load(more + n), size));
  }
  activate_run(ending->activation, at, count);
}

/* `table` gets size² taps. */
static struct reach reach_of_forward(const struct convolution_shape *s, const struct panels *panels,
                                     struct tap *table) {
  fill_taps(table, s->size, s->size * panels->tap, panels->tap, s->columns * s->lanes, s->lanes);
  return (struct reach){
      .outer = s->inputs,
      .a_outer = panels->outer,
      .b_outer = s->rows * s->columns * s->lanes,
      .table = table,
      .taps = s->size * s->size,
      .a_map = panels->map,
      .c_map = s->out_rows * s->out_columns * s->lanes,
      .start = START_BIAS,
  };
}

/* The weights as the layer holds them. */
static struct panels forward_weights(const struct convolution_shape *s, const float *weights) {
  return (struct panels){.weights = weights, .map = 1, .tap = s->maps, .outer = s->size * s->size * s->maps};
}

static struct panels forward_panels(const struct convolution_shape *s, const float *weights, long tiles, float *to) {
  const long high = highest_of(s->maps, tiles), taps = s->size * s->size, rows = s->inputs * taps;
  for (long tile = 0; tile < tiles; tile++)
    for (long row = 0; row < rows; row++)
      for (long part = 0; part < LANES; part += NARROW)
        *(narrow_at *)(to + (tile * rows + row) * high + part) =
            *(const narrow_at *)(weights + row * s->maps + cut(s->maps, tiles, tile) + part);
  return (struct panels){
      .weights = to, .tiles = tiles, .tile = rows * high, .map = 1, .tap = high, .outer = taps * high};
}

/* One lane: floats of the vector that begins at `at` of a run; the last vector ends with the run. */
static long width_at(long floats, long at) { return PAIRS && floats >= WIDE && floats - at > NARROW ? WIDE : NARROW; }

/* One lane: `width` columns of each output row from `column` on, in tiles of maps × rows. */
static void forward_down_rows(const struct convolution_shape *s, struct reach reach, const float *input,
                              const float *weights, const float *bias, float *output, long column, long width) {
#if PAIRS
  const tile_function(*tiles)[TILE_VECTORS + 1] = width == WIDE ? strided_paired_tiles : strided_tiles;
#else
  const tile_function(*tiles)[TILE_VECTORS + 1] = strided_tiles;
  (void)width;
#endif
  reach.b_step = s->stride * s->columns * s->lanes;
  reach.c_step = s->out_columns * s->lanes;
  const struct cutting cutting = cut_tiles(s->maps, s->out_rows);
  for (long mt = 0; mt < cutting.map_tiles; mt++) {
    const long map = cut(s->maps, cutting.map_tiles, mt), maps = cut(s->maps, cutting.map_tiles, mt + 1) - map;
    for (long rt = 0; rt < cutting.vector_tiles; rt++) {
      const long row = cut(s->out_rows, cutting.vector_tiles, rt),
                 rows = cut(s->out_rows, cutting.vector_tiles, rt + 1) - row;
      tiles[maps][rows](&reach, weights + map, input + row * reach.b_step + column,
                        output + map * reach.c_map + row * reach.c_step + column, bias + map);
    }
  }
}

/* Eight lanes: along the rows, f at once. Of many inputs a few at a time, so that all tiles of a part of a row find
 * them in the first cache. With a stride neighbours of a row lie apart. */
static void forward_along_rows(struct thread *thread, const struct convolution_shape *s, const float *input,
                               const float *weights, const float *bias, float *output, const struct ending *ending) {
  const struct row_cut by = cut_row(s->inputs, s->size * s->size, s->size * s->columns * LANES * 4);
  const long parts = smaller(by.parts, s->out_columns), block = by.block, is_strided = s->stride > 1;
  const long wide = divided_up(s->out_columns, parts), of_pixel = is_strided ? 1 : PARTS;
  const struct cutting cutting = is_strided ? cut_tiles(s->maps, wide) : cut_run(s->maps, wide * PARTS);
  const long all = s->inputs * s->size * s->size * s->maps, table = divided_up(2 * s->size * s->size, 16) * 16;
  const int packs = cutting.map_tiles > 1 && are_panels(all, s->out_rows * parts * cutting.vector_tiles);
  float *space = scratch(thread, table + (packs ? all + all / s->maps * cutting.map_tiles + LANES : 0));
  const struct panels panels =
      packs ? forward_panels(s, weights, cutting.map_tiles, space + table) : forward_weights(s, weights);
  struct reach reach = reach_of_forward(s, &panels, (struct tap *)space);
  reach.b_step = s->stride * LANES;
  reach.c_step = LANES;
  for (long row = 0; row < s->out_rows; row++)
    for (long part = 0; part < parts; part++) {
      const long column = cut(s->out_columns, parts, part), count = cut(s->out_columns, parts, part + 1) - column;
      const float *in = input + (row * s->columns + column) * s->stride * LANES;
      float *out = output + (row * s->out_columns + column) * LANES;
      for (long i = 0; i == 0 || i < s->inputs; i += block) {
        reach.outer = smaller(block, s->inputs - i);
        reach.start = i == 0 ? START_BIAS : START_OUTPUT;
        const int is_last = i + block >= s->inputs;
        for (long mt = 0; mt < cutting.map_tiles; mt++) {
          const long map = cut(s->maps, cutting.map_tiles, mt), maps = cut(s->maps, cutting.map_tiles, mt + 1) - map;
          (is_strided ? strided_run : tile_run)(&reach, maps, count * of_pixel, cutting.vector_tiles,
                                                weights_of(&panels, mt, map) + i * panels.outer, in + i * reach.b_outer,
                                                out + map * reach.c_map, bias + map);
          for (long m = map; is_last && m < map + maps; m++)
            end_run(ending, out + m * reach.c_map, count * LANES);
        }
      }
    }
}

/* One lane, short rows or a stride: vectors over adjacent maps, a tile is pixels of a row × maps; fewer maps than
 * NARROW are done one by one. */
#define PIXEL_TILE 6
#define MAP_VECTORS (TILE_MOST(PIXEL_TILE) * (1 + PAIRS))
static void forward_over_maps(const struct convolution_shape *s, const struct reach *reach, struct tap *turned,
                              const float *input, const float *weights, const float *bias, float *output) {
  const long pixels = s->out_rows * s->out_columns;
  if (s->maps < NARROW) {
    for (long pixel = 0; pixel < pixels; pixel++) {
      const float *at = input + (pixel / s->out_columns * s->columns + pixel % s->out_columns) * s->stride;
      for (long map = 0; map < s->maps;) {
        const long maps = smaller(4, s->maps - map);
        single_tiles[maps](reach, weights + map, at, output + map * pixels + pixel, bias + map);
        map += maps;
      }
    }
    return;
  }
  /* The roles change: a walks the input, b the weights. */
  struct reach over = {.outer = reach->outer,
                       .a_outer = reach->b_outer,
                       .b_outer = reach->a_outer,
                       .table = turned,
                       .taps = reach->taps,
                       .a_map = s->stride,
                       .start = START_BIASES};
  for (long tap = 0; tap < reach->taps; tap++)
    turned[tap] = (struct tap){reach->table[tap].b, reach->table[tap].a};
  const long tiles = divided_up(s->out_columns, PIXEL_TILE);
  for (long map = 0; map < s->maps;) {
    /* The last vectors end with the maps; what they do twice comes to the same bits. */
    const long vectors = larger(1, smaller(MAP_VECTORS, (s->maps - map) / NARROW));
    const long from = smaller(map, s->maps - vectors * NARROW);
    over.c_map = vectors * NARROW;
    for (long row = 0; row < s->out_rows; row++)
      for (long tile = 0; tile < tiles; tile++) {
        const long column = cut(s->out_columns, tiles, tile), count = cut(s->out_columns, tiles, tile + 1) - column;
        float sums[PIXEL_TILE * MAP_VECTORS * NARROW];
        tile_run(&over, count, vectors, 1, input + (row * s->columns + column) * s->stride, weights + from, sums,
                 bias + from);
        transpose(sums, over.c_map, output + from * pixels + row * s->out_columns + column, pixels, count, over.c_map);
      }
    map = from + vectors * NARROW;
  }
}

/* One lane: vectors of a run, of which the last ends with it. */
static long vectors_of_run(long floats) {
  long vectors = 0;
  for (long at = 0; at < floats; at += width_at(floats, at))
    vectors++;
  return vectors;
}

/* One lane: whether vectors over maps are fewer than vectors along rows. */
static int is_over_maps(const struct convolution_shape *s) {
  if (s->stride > 1 || s->out_columns < NARROW) return 1;
  return s->maps >= NARROW && s->out_rows * s->out_columns * vectors_of_run(s->maps) <
                                  s->maps * s->out_rows * vectors_of_run(s->out_columns);
}

#if FAST
static int goes_by_winograd(const struct convolution_shape *s) {
  return (s->lanes == LANES ? takes_winograd : takes_winograd_alone)(s->size, s->stride, s->inputs, s->maps,
                                                                     s->out_rows, s->out_columns);
}

static void end_rows(const void *ending, long map, long row, float *at, long count) {
  (void)map, (void)row;
  end_run(ending, at, count);
}

/* With `padding` zeros around the input that are not there in memory. */
static void forward_by_winograd(struct thread *thread, const struct convolution_shape *s, long padding,
                                const float *prepared, const float *input, const float *weights, const float *bias,
                                float *output, const struct ending *ending) {
  const struct winograd w = {.inputs = s->inputs,
                             .rows = s->rows - 2 * padding,
                             .columns = s->columns - 2 * padding,
                             .maps = s->maps,
                             .out_rows = s->out_rows,
                             .out_columns = s->out_columns,
                             .before = padding,
                             .w_input = 9 * s->maps,
                             .w_map = 1,
                             .w_tap = s->maps,
                             .prepared = prepared,
                             .prepared_alone = prepared ? prepared + floats_of_panels(s->inputs, s->maps) : 0};
  if (s->lanes == LANES) {
    winograd_block(thread, &w, input, weights, bias, output, end_rows, ending);
    return;
  }
  winograd_alone(thread, &w, input, weights, bias, output);
  end_run(ending, output, s->maps * s->out_rows * s->out_columns);
}
#endif

/* The sums one by one. */
static void forward_directly(struct thread *thread, const struct convolution_shape *s, const float *input,
                             const float *weights, const float *bias, float *output, const struct ending *ending) {
  if (s->lanes == LANES) {
    forward_along_rows(thread, s, input, weights, bias, output, ending);
    return;
  }
  struct tap *table = (struct tap *)scratch(thread, 4 * s->size * s->size);
  const struct panels panels = forward_weights(s, weights);
  const struct reach reach = reach_of_forward(s, &panels, table);
  if (!is_over_maps(s)) {
    for (long column = 0, width; column < s->out_columns; column += width) {
      width = width_at(s->out_columns, column);
      forward_down_rows(s, reach, input, weights, bias, output, smaller(column, s->out_columns - width), width);
    }
  } else {
    forward_over_maps(s, &reach, table + s->size * s->size, input, weights, bias, output);
  }
  end_run(ending, output, s->maps * s->out_rows * s->out_columns * s->lanes);
}

static void convolutionForward(struct thread *thread, const struct convolutionForward *call) {
  const long padding = call->padding;
  const struct convolution_shape s =
      shape_of_convolution(call->inputs, call->rows + 2 * padding, call->columns + 2 * padding, call->maps, call->size,
                           call->stride, call->lanes);
  const float *input = ARRAY(const float, input), *weights = ARRAY(const float, weights),
              *bias = ARRAY(const float, bias);
  float *output = ARRAY(float, output);
  const struct ending ending = {
      .activation = call->activation, .shortcut = call->shortcut ? ARRAY(const float, shortcut) : 0, .output = output};
#if FAST
  if (goes_by_winograd(&s)) {
    const float *prepared = call->prepared ? ARRAY(const float, prepared) : 0;
    forward_by_winograd(thread, &s, padding, prepared, input, weights, bias, output, &ending);
    return;
  }
#endif
  if (padding > 0) {
    float *padded = ARRAY(float, padded);
    pad_maps(input, padded, call->inputs, call->rows, call->columns, padding, call->lanes);
    input = padded;
  }
  forward_directly(thread, &s, input, weights, bias, output, &ending);
}

static void convolutionPrepare(struct thread *thread, const struct convolutionPrepare *call) {
#if FAST
  const long inputs = call->inputs, maps = call->maps;
  if (inputs < LANES || maps < LANES) return;
  const struct winograd w = {.inputs = inputs, .maps = maps, .w_input = 9 * maps, .w_map = 1, .w_tap = maps};
  float *prepared = ARRAY(float, prepared);
  transform_panels(&w, ARRAY(const float, weights), prepared);
  if (maps % NARROW == 0) transform_alone(&w, ARRAY(const float, weights), prepared + floats_of_panels(inputs, maps));
#else
  (void)thread, (void)call;
#endif
}
