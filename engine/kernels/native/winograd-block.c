/*
 * Winograd's convolution of a block, forward and backward (winograd.h). What a tile becomes is 36 times as wide as a
 * vector, so where it lies decides the speed: a few tiles of all inputs are turned at a time and stay in the second
 * cache; the filters lie in panels of eight maps, one spot after the other, and pass by as one long run; a panel's
 * products are finished while they are near.
 */
#include "winograd.h"

/* `finish` sees each run of rows that stands: f, or the gate. */
typedef void (*finish_rows)(const void *call, long map, long row, float *at, long count);

/* What the tiles of a group are turned to: about so much, or all of a map's where that is not much more. Then a panel's
 * filters are used once, and the next panel takes their place. */
#define GROUP_BYTES 294912
#define WHOLE_BYTES 1310720

/* In the thread's scratch: filters [panel][spot][input][PANEL], the tiles of a group [spot][input][tile][lanes], and a
 * panel's products [spot][PANEL][tile][lanes]. */
struct winograd_block {
  float *filters, *tiles, *products;
  struct tap *table;
  long filter_plane, tile_plane, product_plane;
  /* Tiles of a map, in a row and in all, and the groups that they are cut into. */
  long across, count, groups;
};

static struct winograd_block plan_block(struct thread *thread, const struct winograd *w) {
  struct winograd_block b = {.across = divided_up(w->out_columns, TILE_PIXELS),
                             .filter_plane = plane_of(w->inputs * PANEL)};
  b.count = b.across * divided_up(w->out_rows, TILE_PIXELS);
  const long bytes = SPOTS * w->inputs * LANES * 4;
  b.groups = b.count * bytes <= WHOLE_BYTES ? 1 : divided_up(b.count, larger(TILE_MOST(PANEL), GROUP_BYTES / bytes));
  const long run = divided_up(b.count, b.groups) * LANES;
  const long panels = w->prepared ? 0 : b.groups == 1 ? 1 : divided_up(w->maps, PANEL);
  b.tile_plane = plane_of(w->inputs * run);
  b.product_plane = plane_of(PANEL * run);
  b.filters = scratch(thread, SPOTS * (panels * b.filter_plane + b.tile_plane + b.product_plane) + 2 * w->inputs);
  b.tiles = b.filters + SPOTS * panels * b.filter_plane;
  b.products = b.tiles + SPOTS * b.tile_plane;
  b.table = (struct tap *)(b.products + SPOTS * b.product_plane);
  return b;
}

/* The first map of a panel: the last panel ends with the maps. */
static long first_of_panel(long panel, long maps) { return smaller(panel * PANEL, maps - PANEL); }

/* The filters of one panel from all inputs. Where neighbours in memory are inputs, eight of them are turned to maps
 * first. */
static void transform_panel(const struct winograd *w, const float *weights, long map, float *to, long plane) {
  float turned[9 * LANES * PANEL];
  for (long i = 0, count; i < w->inputs; i += count) {
    const float *from = weights + i * w->w_input + map;
    long tap = w->w_tap, next = w->w_input;
    count = PAIRS && i + 1 < w->inputs ? 2 : 1;
    if (w->w_map != 1) {
      const long first = smaller(i / LANES * LANES, w->inputs - LANES);
      for (long t = 0; t < 9 && i % LANES == 0; t++)
        transpose(weights + first + map * w->w_map + t * w->w_tap, w->w_map, turned + t * LANES * PANEL, PANEL, PANEL,
                  LANES);
      from = turned + (i - first) * PANEL;
      tap = LANES * PANEL;
      next = PANEL;
    }
#if PAIRS
    if (count == 2) paired_turn_filters(from, tap, next, w->is_turned, to + i * PANEL, plane);
#endif
    for (long part = 0; part < PANEL && count == 1; part += NARROW)
      narrow_turn_filters(from + part, tap, next, w->is_turned, to + i * PANEL + part, plane);
  }
}

/* All panels one after the other. */
static void transform_panels(const struct winograd *w, const float *weights, float *to) {
  const long plane = plane_of(w->inputs * PANEL);
  for (long panel = 0; panel < divided_up(w->maps, PANEL); panel++)
    transform_panel(w, weights, first_of_panel(panel, w->maps), to + panel * SPOTS * plane, plane);
}

static long floats_of_panels(long inputs, long maps) {
  return divided_up(maps, PANEL) * SPOTS * plane_of(inputs * PANEL);
}

/* Tiles `first` to `end` of all inputs. */
static void transform_group(const struct winograd *w, const struct winograd_block *b, const float *input, long first,
                            long end) {
  for (long i = 0; i < w->inputs; i++)
    turn_tiles(w, b->across, input + i * w->rows * w->columns * LANES, first, end, b->tiles + i * (end - first) * LANES,
               b->tile_plane);
}

/* Tiles `first` to `end` of one map, from their products; `finish` sees each row of tiles that is whole. */
static void finish_tiles(const struct winograd *w, const struct winograd_block *b, const float *products, float bias,
                         float *output, long first, long end, long map, finish_rows finish, const void *call) {
  const long row_run = w->out_columns * LANES;
  for (long tile = first; tile < end;) {
    const long row = tile / b->across * TILE_PIXELS, column = tile % b->across * TILE_PIXELS;
    const long count = goes_in_pairs(tile, end, b->across) ? 2 : 1;
#if PAIRS
    if (count == 2)
      paired_turn_finish(w, LANES, products, b->product_plane, splat(bias), output, row, column, NEXT_TILE);
#endif
    for (long part = 0; part < LANES && count == 1; part += NARROW)
      narrow_turn_finish(w, LANES, products + part, b->product_plane, (narrow)SPLAT(NARROW, bias), output + part, row,
                         column, SAME_TILE);
    if (column + count * TILE_PIXELS >= w->out_columns)
      finish(call, map, row, output + row * row_run, smaller(TILE_PIXELS, w->out_rows - row) * row_run);
    tile += count;
    products += count * LANES;
  }
}

/* The whole convolution; bias may be 0. */
static void winograd_block(struct thread *thread, const struct winograd *w, const float *input, const float *weights,
                           const float *bias, float *output, finish_rows finish, const void *call) {
  const struct winograd_block b = plan_block(thread, w);
  const long panels = divided_up(w->maps, PANEL);
  struct reach reach = {.outer = 1, .table = b.table, .taps = w->inputs, .a_map = 1, .start = START_ZERO};
  const long plane = w->out_rows * w->out_columns * LANES;
  for (long group = 0; group < b.groups; group++) {
    const long first = cut(b.count, b.groups, group), end = cut(b.count, b.groups, group + 1);
    reach.c_map = (end - first) * LANES;
    for (long i = 0; i < w->inputs; i++)
      b.table[i] = (struct tap){(int32_t)(i * PANEL * 4), (int32_t)(i * reach.c_map * 4)};
    transform_group(w, &b, input, first, end);
    for (long panel = 0; panel < panels; panel++) {
      const long map = first_of_panel(panel, w->maps);
      const long at = panel * SPOTS * b.filter_plane;
      float *own = b.filters + (b.groups == 1 ? 0 : at);
      if (group == 0 && !w->prepared) transform_panel(w, weights, map, own, b.filter_plane);
      const float *filters = w->prepared ? w->prepared + at : own;
      for (long spot = 0; spot < SPOTS; spot++)
        multiply_panel(&reach, reach.c_map / NARROW, filters + spot * b.filter_plane, b.tiles + spot * b.tile_plane,
                       b.products + spot * b.product_plane);
      /* The maps that the last panel has in common with the one before it are finished. */
      for (long m = panel * PANEL; m < map + PANEL; m++)
        finish_tiles(w, &b, b.products + (m - map) * reach.c_map, bias ? bias[m] : 0.0f, output + m * plane, first, end,
                     m, finish, call);
    }
  }
}
