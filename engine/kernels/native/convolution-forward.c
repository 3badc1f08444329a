/*
 * Bouvrie §3.1, forward: x_j = f( Σ_i x_i ∗ k_ij + b_j ) in cross-correlation orientation, 'valid'.
 *
 * input [input][row][column][lanes], weights [input][ky][kx][map], output [map][row][column][lanes]; chain: bias, then input, ky, kx.
 * Eight lanes, stride 1: a row of output is one run of floats and tap kx is the same run 8·kx floats further, so a tile is maps × vectors
 * whatever the vector's width. f is applied to a tile's rows as soon as they stand, while they are in the first cache.
 * One lane: vectors are eight adjacent columns of several rows, or eight maps where a row is too short. Never pads, never copies.
 */
#include "elementary.h"
#include "thread.h"
#include "tiles.h"

struct convolution_shape {
  long inputs, rows, columns, maps, size, stride, lanes;
  long out_rows, out_columns;
};

static struct convolution_shape shape_of_convolution(const struct convolutionForward *call) {
  return (struct convolution_shape){
    call->inputs, call->rows, call->columns, call->maps, call->size, call->stride, call->lanes,
    (long)(call->rows - call->size) / call->stride + 1, (long)(call->columns - call->size) / call->stride + 1,
  };
}

static struct reach reach_of_forward(const struct convolution_shape *s) {
  return (struct reach){
    .outer = s->inputs, .rows = s->size, .taps = s->size,
    .a_outer = s->size * s->size * s->maps, .a_row = s->size * s->maps, .a_tap = s->maps, .a_map = 1,
    .b_outer = s->rows * s->columns * s->lanes, .b_row = s->columns * s->lanes, .b_tap = s->lanes,
    .c_map = s->out_rows * s->out_columns * s->lanes, .start = START_BIAS,
  };
}

/* One NARROW run of each output row, `column` floats from the row's beginning, in tiles of maps × rows. */
static void forward_down_rows(const struct convolution_shape *s, const float *input, const float *weights, const float *bias, float *output, long in_at, long out_at) {
  struct reach reach = reach_of_forward(s);
  reach.b_step = s->stride * s->columns * s->lanes;
  reach.c_step = s->out_columns * s->lanes;
  const struct cutting cutting = cut_tiles(s->maps, s->out_rows);
  for (long mt = 0; mt < cutting.map_tiles; mt++) {
    const long map = cut(s->maps, cutting.map_tiles, mt), maps = cut(s->maps, cutting.map_tiles, mt + 1) - map;
    for (long rt = 0; rt < cutting.vector_tiles; rt++) {
      const long row = cut(s->out_rows, cutting.vector_tiles, rt), rows = cut(s->out_rows, cutting.vector_tiles, rt + 1) - row;
      strided_tiles[maps][rows](&reach, weights + map, input + row * reach.b_step + in_at, output + map * reach.c_map + row * reach.c_step + out_at, bias + map);
    }
  }
}

/* Eight lanes, stride 1: whole rows, f at once. */
static void forward_along_rows(const struct convolution_shape *s, const float *input, const float *weights, const float *bias, float *output, uint32_t activation) {
  const struct reach reach = reach_of_forward(s);
  const long run = s->out_columns * LANES, vectors = run / WIDE;
  const struct cutting cutting = cut_tiles(s->maps, vectors);
  for (long row = 0; row < s->out_rows; row++) {
    const float *in = input + row * reach.b_row;
    float *out = output + row * run;
    for (long mt = 0; mt < cutting.map_tiles; mt++) {
      const long map = cut(s->maps, cutting.map_tiles, mt), maps = cut(s->maps, cutting.map_tiles, mt + 1) - map;
      for (long vt = 0; vt < cutting.vector_tiles; vt++) {
        const long vector = cut(vectors, cutting.vector_tiles, vt), count = cut(vectors, cutting.vector_tiles, vt + 1) - vector;
        contiguous_tiles[maps][count](&reach, weights + map, in + vector * WIDE, out + map * reach.c_map + vector * WIDE, bias + map);
      }
      for (long m = map; m < map + maps; m++) activate_run(activation, out + m * reach.c_map, run);
    }
  }
}

/* One lane, short rows: each pixel is a vector over adjacent maps; fewer maps than NARROW are done one by one. */
static void forward_over_maps(const struct convolution_shape *s, const float *input, const float *weights, const float *bias, float *output) {
  struct reach reach = reach_of_forward(s);
  const long pixels = s->out_rows * s->out_columns;
  if (s->maps < NARROW) {
    for (long pixel = 0; pixel < pixels; pixel++) {
      const float *at = input + (pixel / s->out_columns * s->columns + pixel % s->out_columns) * s->stride;
      for (long map = 0; map < s->maps;) {
        const long maps = smaller(4, s->maps - map);
        single_tiles[maps](&reach, weights + map, at, output + map * pixels + pixel, bias + map);
        map += maps;
      }
    }
    return;
  }
  /* The roles change: a walks the input, b the weights. */
  const struct reach over = {
    .outer = reach.outer, .rows = reach.rows, .taps = reach.taps, .start = START_BIASES,
    .a_outer = reach.b_outer, .a_row = reach.b_row, .a_tap = reach.b_tap, .b_outer = reach.a_outer, .b_row = reach.a_row, .b_tap = reach.a_tap,
    .b_step = NARROW, .c_step = NARROW,
  };
  for (long pixel = 0; pixel < pixels; pixel++) {
    const float *at = input + (pixel / s->out_columns * s->columns + pixel % s->out_columns) * s->stride;
    for (long map = 0; map < s->maps;) {
      const long vectors = larger(1, smaller(4, (s->maps - map) / NARROW));
      const long from = smaller(map, s->maps - vectors * NARROW);
      float sums[4 * NARROW];
      strided_tiles[1][vectors](&over, at, weights + from, sums, bias + from);
      for (long m = 0; m < vectors * NARROW; m++) output[(from + m) * pixels + pixel] = sums[m];
      map = from + vectors * NARROW;
    }
  }
}

static void convolutionForward(struct thread *thread, const struct convolutionForward *call) {
  const struct convolution_shape s = shape_of_convolution(call);
  const float *input = ARRAY(const float, input), *weights = ARRAY(const float, weights), *bias = ARRAY(const float, bias);
  float *output = ARRAY(float, output);
  if (s.lanes == LANES && s.stride == 1) {
    const long rest = s.out_columns * LANES % WIDE;
    if (rest) forward_down_rows(&s, input, weights, bias, output, s.out_columns * LANES - rest, s.out_columns * LANES - rest);
    forward_along_rows(&s, input, weights, bias, output, call->activation);
    return;
  }
  if (s.lanes == LANES) {
    for (long column = 0; column < s.out_columns; column++)
      for (long part = 0; part < LANES; part += NARROW) forward_down_rows(&s, input, weights, bias, output, column * s.stride * LANES + part, column * LANES + part);
  } else if (s.stride == 1 && s.out_columns >= NARROW) {
    for (long column = 0; column < s.out_columns; column += NARROW) {
      const long at = smaller(column, s.out_columns - NARROW);
      forward_down_rows(&s, input, weights, bias, output, at, at);
    }
  } else {
    forward_over_maps(&s, input, weights, bias, output);
  }
  activate_run(call->activation, output, s.maps * s.out_rows * s.out_columns * s.lanes);
}
