/* Winograd's convolution forward of a single sample (winograd.h). */
#include "winograd.h"

/* Whether a single sample takes Winograd: vectors are maps and inputs there. */
static int takes_winograd_alone(long size, long stride, long inputs, long maps, long out_rows, long out_columns) {
  return takes_winograd(size, stride, inputs, maps, out_rows, out_columns) && maps % NARROW == 0 &&
         out_rows * out_columns >= 144;
}

/* All filters, [spot][input][map]. */
static void transform_alone(const struct winograd *w, const float *weights, float *to) {
  const long plane = plane_of(w->inputs * w->maps);
  for (long i = 0; i < w->inputs; i++) {
    const float *from = weights + i * w->w_input;
    float *own = to + i * w->maps;
    long map = 0;
#if PAIRS
    for (; map + WIDE <= w->maps; map += WIDE)
      paired_turn_filters(from + map, w->w_tap, NARROW, 0, own + map, plane);
#endif
    for (; map < w->maps; map += NARROW)
      narrow_turn_filters(from + map, w->w_tap, NARROW, 0, own + map, plane);
  }
}

/* All inputs of a tile, which are neighbours in memory; the last vectors end with them. */
static void turn_inputs_of_tile(const struct winograd *w, const float *input, long row, long column, float *to,
                                long plane) {
  long i = 0;
#if PAIRS
  for (; i + WIDE <= w->inputs; i += WIDE)
    paired_turn_tile(w, w->inputs, input + i, row, column, SAME_TILE, to + i, plane);
#endif
  for (; i < w->inputs; i += NARROW) {
    const long at = smaller(i, w->inputs - NARROW);
    narrow_turn_tile(w, w->inputs, input + at, row, column, SAME_TILE, to + at, plane);
  }
}

/* All maps of a tile, whole vectors of them. */
static void finish_maps_of_tile(const struct winograd *w, const float *products, long plane, const float *bias,
                                float *output, long row, long column) {
  long map = 0;
#if PAIRS
  for (; map + WIDE <= w->maps; map += WIDE)
    paired_turn_finish(w, w->maps, products + map, plane, load(bias + map), output + map, row, column, SAME_TILE);
#endif
  for (; map < w->maps; map += NARROW)
    narrow_turn_finish(w, w->maps, products + map, plane, narrow_turn_load(bias + map), output + map, row, column,
                       SAME_TILE);
}

/*
 * Forward of a single sample. A vector is neighbouring inputs where tiles are read, maps where they are finished, so
 * the input is turned to [row][column][input] before, and the output back from [row][column][map]; a product is a
 * tile's float, broadcast, times a vector of filters.
 */
static void winograd_alone(struct thread *thread, const struct winograd *given, const float *input,
                           const float *weights, const float *bias, float *output) {
  const struct winograd w = *given;
  const long across = divided_up(w.out_columns, TILE_PIXELS), tiles = across * divided_up(w.out_rows, TILE_PIXELS);
  const long filter_plane = plane_of(w.inputs * w.maps), tile_plane = plane_of(tiles * w.inputs);
  const long product_plane = plane_of(tiles * w.maps), pixels = w.rows * w.columns,
             finished = w.out_rows * w.out_columns;
  const long filter_floats = w.prepared_alone ? 0 : SPOTS * filter_plane;
  float *own = scratch(thread, filter_floats + SPOTS * (tile_plane + product_plane) + pixels * w.inputs +
                                   finished * w.maps + 2 * w.inputs);
  const float *filters = w.prepared_alone ? w.prepared_alone : own;
  float *read = own + filter_floats, *products = read + SPOTS * tile_plane;
  float *turned = products + SPOTS * product_plane, *written = turned + pixels * w.inputs;
  struct tap *table = (struct tap *)(written + finished * w.maps);
  if (!w.prepared_alone) transform_alone(&w, weights, own);
  for (long i = 0; i < w.inputs; i++)
    table[i] = (struct tap){(int32_t)(i * 4), (int32_t)(i * w.maps * 4)};
  transpose(input, pixels, turned, w.inputs, w.inputs, pixels);
  for (long tile = 0; tile < tiles; tile++)
    turn_inputs_of_tile(&w, turned, tile / across * TILE_PIXELS - w.before, tile % across * TILE_PIXELS - w.before,
                        read + tile * w.inputs, tile_plane);
  const struct reach reach = {
      .outer = 1, .table = table, .taps = w.inputs, .a_map = w.inputs, .c_map = w.maps, .start = START_ZERO};
  const struct cutting cutting = cut_run(tiles, w.maps / NARROW);
  for (long spot = 0; spot < SPOTS; spot++)
    for (long n = 0; n < cutting.map_tiles; n++) {
      const long tile = cut(tiles, cutting.map_tiles, n), height = cut(tiles, cutting.map_tiles, n + 1) - tile;
      tile_run(&reach, height, w.maps / NARROW, cutting.vector_tiles, read + spot * tile_plane + tile * w.inputs,
               filters + spot * filter_plane, products + spot * product_plane + tile * w.maps, 0);
    }
  for (long tile = 0; tile < tiles; tile++)
    finish_maps_of_tile(&w, products + tile * w.maps, product_plane, bias, written, tile / across * TILE_PIXELS,
                        tile % across * TILE_PIXELS);
  transpose(written, w.maps, output, finished, finished, w.maps);
}
