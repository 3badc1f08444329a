/*
 * Winograd's gradient of a block, F(3×3, 4×4) (winograd.h): the 36 products of an input and a map are sums over all
 * tiles and samples, so a pixel's eight samples are eight terms of one sum. δ is turned with its maps side by side; an
 * input's value is broadcast to them. Panels of inputs × maps are finished one after the other, so that their sums
 * never leave the first caches.
 */
#include "winograd.h"

/* Tiles that are turned at a time: enough that what ends their sums costs little, few enough that they stay near. */
#define BAND_TILES 32
#define BAND_BYTES 2621440
/* Maps that are multiplied at once. */
#define MAPS_AT_ONCE 32

/* In the thread's scratch: inputs [panel][spot][PANEL][tile][lanes], δ of some maps [spot][tile][lane][map], and the
 * sums of a panel of inputs with them [spot][PANEL][map]. */
struct winograd_gradient {
  float *inputs, *deltas, *sums;
  long input_plane, delta_plane, sums_plane;
  long across, count, bands, width;
};

static struct winograd_gradient plan_gradient(struct thread *thread, const struct winograd *w) {
  struct winograd_gradient g = {.across = divided_up(w->out_columns, TILE_PIXELS)};
  g.count = g.across * divided_up(w->out_rows, TILE_PIXELS);
  const long panels = divided_up(w->inputs, PANEL);
  const long fitting = BAND_BYTES / (panels * PANEL * SPOTS * LANES * 4);
  g.bands = divided_up(g.count, larger(BAND_TILES / 2, smaller(BAND_TILES, fitting)));
  g.width = divided_up(divided_up(w->maps, divided_up(w->maps, MAPS_AT_ONCE)), LANES) * LANES;
  const long run = divided_up(g.count, g.bands) * LANES;
  g.input_plane = plane_of(PANEL * run);
  g.delta_plane = plane_of(run * g.width);
  g.sums_plane = plane_of(PANEL * g.width);
  g.inputs = scratch(thread, SPOTS * (panels * g.input_plane + g.delta_plane + g.sums_plane));
  g.deltas = g.inputs + SPOTS * panels * g.input_plane;
  g.sums = g.deltas + SPOTS * g.delta_plane;
  return g;
}

/* Tiles `first` to `end` of all inputs. What fills the last panel up is computed along and used by nobody. */
static void turn_inputs(const struct winograd *w, const struct winograd_gradient *g, const float *x, long first,
                        long end) {
  for (long n = 0; n < divided_up(w->inputs, PANEL) * PANEL; n++) {
    const float *from = x + smaller(n, w->inputs - 1) * w->rows * w->columns * LANES;
    float *to = g->inputs + n / PANEL * SPOTS * g->input_plane + n % PANEL * (end - first) * LANES;
    turn_tiles(w, g->across, from, first, end, to, g->input_plane);
  }
}

/* The same of the maps of δ from `map` on, of eight maps each pixel turned to [lane][map] before. */
static void turn_deltas(const struct winograd *w, const struct winograd_gradient *g, const float *delta, long map,
                        long first, long end) {
  enum { EIGHTS = LANES * LANES };
  const long plane = w->out_rows * w->out_columns * LANES;
  for (long m = 0; m < g->width; m += LANES)
    for (long tile = first; tile < end; tile++) {
      const long row = tile / g->across * TILE_PIXELS, column = tile % g->across * TILE_PIXELS;
      const long maps = smaller(LANES, w->maps - map - m), rows = smaller(TILE_PIXELS, w->out_rows - row),
                 columns = smaller(TILE_PIXELS, w->out_columns - column);
      const float *from = delta + (map + m) * plane + (row * w->out_columns + column) * LANES;
      float turned[TILE_PIXELS * TILE_PIXELS * EIGHTS];
      /* What lies beyond the edges, or beyond the maps, is zero. */
      if (maps < LANES || rows < TILE_PIXELS || columns < TILE_PIXELS) memset(turned, 0, sizeof turned);
      for (long y = 0; y < rows; y++)
        for (long x = 0; x < columns; x++) {
          float *to = turned + (y * TILE_PIXELS + x) * EIGHTS;
          const float *pixel = from + (y * w->out_columns + x) * LANES;
          if (maps == LANES)
            transpose(pixel, plane, to, LANES, LANES, LANES);
          else if (maps > 0)
            transpose(pixel, plane, to, LANES, maps, LANES);
        }
      float *to = g->deltas + (tile - first) * LANES * g->width + m;
#if PAIRS
      for (long lane = 0; lane < LANES; lane += 2)
        paired_turn_delta_tile(turned + lane * LANES, EIGHTS, to + lane * g->width, g->delta_plane, g->width);
#else
      for (long lane = 0; lane < LANES; lane++, to += g->width)
        for (long part = 0; part < LANES; part += NARROW)
          narrow_turn_delta_tile(turned + lane * LANES + part, EIGHTS, to + part, g->delta_plane, NARROW);
#endif
    }
}

/* gradient [input][ky][kx][map] += Aᵀ sums A for the inputs and maps of a panel that there are. */
static void add_winograd_sums(const struct winograd *w, const struct winograd_gradient *g, long input, long map,
                              float *gradient) {
  const long inputs = smaller(PANEL, w->inputs - input), maps = smaller(g->width, w->maps - map);
  for (long i = 0; i < inputs; i++) {
    const float *sums = g->sums + i * g->width;
    float *to = gradient + (input + i) * 9 * w->maps + map;
    long m = 0;
#if PAIRS
    for (; m + WIDE <= maps; m += WIDE)
      paired_turn_add(sums + m, g->sums_plane, to + m, w->maps, WIDE);
#endif
    for (; m < maps; m += NARROW)
      narrow_turn_add(sums + m, g->sums_plane, to + m, w->maps, maps - m);
  }
}

static void gradient_by_winograd(struct thread *thread, const struct convolutionGradient *call, const float *x,
                                 const float *delta, float *gradient) {
  const struct winograd w = {.inputs = call->inputs,
                             .rows = call->rows,
                             .columns = call->columns,
                             .before = call->padding,
                             .maps = call->maps,
                             .out_rows = call->rows + 2 * call->padding - 2,
                             .out_columns = call->columns + 2 * call->padding - 2};
  const struct winograd_gradient g = plan_gradient(thread, &w);
  struct tap table[LANES];
  for (long lane = 0; lane < LANES; lane++)
    table[lane] = (struct tap){(int32_t)(lane * 4), (int32_t)(lane * g.width * 4)};
  struct reach reach = {.a_outer = LANES,
                        .b_outer = LANES * g.width,
                        .table = table,
                        .taps = LANES,
                        .c_map = g.width,
                        .start = START_ZERO};
  for (long band = 0; band < g.bands; band++) {
    const long first = cut(g.count, g.bands, band), end = cut(g.count, g.bands, band + 1);
    reach.outer = end - first;
    reach.a_map = reach.outer * LANES;
    turn_inputs(&w, &g, x, first, end);
    for (long map = 0; map < w.maps; map += g.width) {
      turn_deltas(&w, &g, delta, map, first, end);
      for (long i = 0; i < w.inputs; i += PANEL) {
        for (long spot = 0; spot < SPOTS; spot++)
          multiply_panel(&reach, g.width / NARROW, g.inputs + (i / PANEL * SPOTS + spot) * g.input_plane,
                         g.deltas + spot * g.delta_plane, g.sums + spot * g.sums_plane);
        add_winograd_sums(&w, &g, i, map, gradient);
      }
    }
  }
}
