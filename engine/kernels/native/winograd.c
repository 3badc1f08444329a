/*
 * Convolutions by 3×3 filters with stride 1 in `fast` numerics: Winograd's F(4×4, 3×3) (Lavin & Gray 2016, §4.1), a
 * quarter of the multiplications:
 *
 *     output tile (4×4) = Aᵀ [ Σ_i (G g_i Gᵀ) ∘ (Bᵀ x_i B) ] A      x_i: 6×6 pixels of input i, g_i: the filter
 *
 * Each of the 36 products of a tile is a sum over inputs, so all maps × tiles of one of them are the loop nest of
 * tile.h. A pixel is a block's eight samples, so the transforms are sums of whole vectors. Tiles reach over the map's
 * edges: what is read there is zero, what is computed there is not stored. Backward is the same with the filters turned
 * by 180° and δ between zeros. The gradient is F(3×3, 4×4): tiles of δ are its filters, and its 36 products are
 * gradients of 1×1 filters over the tiles. A single sample goes forward so too. docs/PERFORMANCE.md states the error.
 */
#define POINTS 6
#define SPOTS (POINTS * POINTS)
#define TILE_PIXELS 4

struct winograd {
  /* Maps that are read, with so many rows and columns, and that are written. */
  long inputs, rows, columns;
  long maps, out_rows, out_columns;
  /* Zeros before the first row and column of what is read. */
  long before;
  /* Floats from a pixel to the next in what is read and in what is written. */
  long step, out_step;
  /* The filter from input i to map m: [ky][kx] at i·w_input + m·w_map, taps w_tap apart; turned by 180° or not. */
  long w_input, w_map, w_tap;
  int is_turned;
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

/* Bᵀ, in place. */
ALWAYS void transform_input(narrow *v, const int step) {
  const narrow even = v[4 * step] - 2.0f * v[2 * step], odd = ROOT_HALF * v[3 * step] - ROOT_TWO * v[step];
  const narrow far_even = v[4 * step] - 0.5f * v[2 * step], far_odd = ROOT_TWO * v[3 * step] - ROOT_HALF * v[step];
  const narrow last = (v[5 * step] - 2.5f * v[3 * step]) + v[step];
  v[0] = (v[0] - 2.5f * v[2 * step]) + v[4 * step];
  v[step] = even + odd;
  v[2 * step] = even - odd;
  v[3 * step] = far_even + far_odd;
  v[4 * step] = far_even - far_odd;
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
  v[step] = even + odd;
  v[2 * step] = even - odd;
  v[3 * step] = far_even + far_odd;
  v[4 * step] = far_even - far_odd;
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
  v[step] = even + odd;
  v[2 * step] = even - odd;
  v[3 * step] = far_even + far_odd;
  v[4 * step] = far_even - far_odd;
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

/* to[spot][n] for `count` ≥ NARROW filters n that are neighbours in memory, taps `tap` and spots `plane` floats apart.
 */
static void transform_filters(const float *from, long tap, int is_turned, float *to, long plane, long count) {
  for (long n = 0; n < count; n += NARROW) {
    /* The last vector ends with the run. */
    const long at = smaller(n, count - NARROW);
    narrow g[3], v[SPOTS];
    UNROLL for (int kx = 0; kx < 3; kx++) {
      UNROLL for (int ky = 0; ky < 3; ky++) g[ky] =
          *(const narrow_at *)(from + (is_turned ? 8 - ky * 3 - kx : ky * 3 + kx) * tap + at);
      transform_filter(g[0], g[1], g[2], v + kx, POINTS);
    }
    UNROLL for (int row = 0; row < POINTS; row++) {
      narrow *r = v + row * POINTS;
      transform_filter(r[0], r[1], r[2], r, 1);
    }
    UNROLL for (int spot = 0; spot < SPOTS; spot++) * (narrow_at *)(to + spot * plane + at) = v[spot];
  }
}

/* One tile of one input, half of the lanes or all: to[spot] `plane` floats apart. row and column may lie outside. */
ALWAYS void transform_tile(const struct winograd *w, const float *input, long row, long column, float *to, long plane) {
  static const float outside[LANES];
  narrow v[SPOTS];
  const long pitch = w->columns * w->step;
  const float *from = input + row * pitch + column * w->step;
  if (row >= 0 && column >= 0 && row + POINTS <= w->rows && column + POINTS <= w->columns) {
    UNROLL for (int y = 0; y < POINTS; y++) UNROLL for (int x = 0; x < POINTS; x++) v[y * POINTS + x] =
        *(const narrow_at *)(from + y * pitch + x * w->step);
  } else {
    UNROLL for (int y = 0; y < POINTS; y++) UNROLL for (int x = 0; x < POINTS; x++) {
      const int is_inside =
          (unsigned long)(row + y) < (unsigned long)w->rows && (unsigned long)(column + x) < (unsigned long)w->columns;
      v[y * POINTS + x] = *(const narrow_at *)(is_inside ? from + y * pitch + x * w->step : outside);
    }
  }
  UNROLL for (int x = 0; x < POINTS; x++) transform_input(v + x, POINTS);
  UNROLL for (int y = 0; y < POINTS; y++) transform_input(v + y * POINTS, 1);
  UNROLL for (int spot = 0; spot < SPOTS; spot++) * (narrow_at *)(to + spot * plane) = v[spot];
}

/* One tile of one map: sums[spot] to the pixels of the map that are there. */
ALWAYS void finish_tile(const struct winograd *w, const float *sums, long plane, const narrow bias, float *output,
                        long row, long column) {
  narrow v[SPOTS];
  UNROLL for (int spot = 0; spot < SPOTS; spot++) v[spot] = *(const narrow_at *)(sums + spot * plane);
  UNROLL for (int x = 0; x < POINTS; x++) transform_output(v + x, POINTS);
  UNROLL for (int y = 0; y < TILE_PIXELS; y++) transform_output(v + y * POINTS, 1);
  const long rows = smaller(TILE_PIXELS, w->out_rows - row), columns = smaller(TILE_PIXELS, w->out_columns - column);
  float *to = output + (row * w->out_columns + column) * w->out_step;
  for (int y = 0; y < rows; y++)
    for (int x = 0; x < columns; x++)
      *(narrow_at *)(to + (y * w->out_columns + x) * w->out_step) = v[y * POINTS + x] + bias;
}

/* `finish` sees each run of rows that stands: f, or the gate. */
typedef void (*finish_rows)(const void *call, long map, long row, float *at, long count);

/* One row of tiles in the thread's scratch: filters [spot][input][map] (or [map][input]), all inputs' tiles
 * [spot][input][tile][lanes], and some maps' products [spot][map][tile][lanes]. */
struct tile_row {
  float *filters, *tiles, *products;
  struct tap *table;
  long run, filter_plane, tile_plane, product_plane;
  /* Maps whose products stay in the second cache beside the tiles. */
  long maps_at_once;
};

#define PRODUCT_BYTES 131072

static struct tile_row winograd_scratch(struct thread *thread, const struct winograd *w) {
  struct tile_row r = {.run = divided_up(w->out_columns, TILE_PIXELS) * LANES,
                       .filter_plane = plane_of(w->inputs * w->maps)};
  const long blocks = divided_up(w->maps, larger(1, PRODUCT_BYTES / (SPOTS * r.run * 4)));
  r.maps_at_once = divided_up(w->maps, blocks);
  r.tile_plane = plane_of(w->inputs * r.run);
  r.product_plane = plane_of(r.maps_at_once * r.run);
  r.filters = scratch(thread, SPOTS * (r.filter_plane + r.tile_plane + r.product_plane) + 2 * w->inputs);
  r.tiles = r.filters + SPOTS * r.filter_plane;
  r.products = r.tiles + SPOTS * r.tile_plane;
  r.table = (struct tap *)(r.products + SPOTS * r.product_plane);
  return r;
}

/* products[spot][map] = Σ_i filters[spot][i][map] · tiles[spot][i] for `maps` maps from `first` on. */
static void multiply_tiles(const struct tile_row *r, const struct reach *reach, long first, long maps) {
  const long vectors = r->run / NARROW;
  const struct cutting cutting = cut_run(maps, vectors);
  for (long spot = 0; spot < SPOTS; spot++)
    for (long mt = 0; mt < cutting.map_tiles; mt++) {
      const long map = cut(maps, cutting.map_tiles, mt), height = cut(maps, cutting.map_tiles, mt + 1) - map;
      tile_run(reach, height, vectors, cutting.vector_tiles,
               r->filters + spot * r->filter_plane + (first + map) * reach->a_map, r->tiles + spot * r->tile_plane,
               r->products + spot * r->product_plane + map * r->run, 0);
    }
}

/* The whole convolution; bias may be 0. */
static void winograd_rows(struct thread *thread, const struct winograd *w, const float *input, const float *weights,
                          const float *bias, float *output, finish_rows finish, const void *call) {
  const struct tile_row r = winograd_scratch(thread, w);
  /* Filters lie as in memory: [input][map] where maps are neighbours, else [map][input]. */
  const long over_maps = w->w_map == 1, outer = over_maps ? w->inputs : w->maps;
  const long inner = over_maps ? w->maps : w->inputs;
  for (long n = 0; n < outer; n++)
    transform_filters(weights + n * (over_maps ? w->w_input : w->w_map), w->w_tap, w->is_turned, r.filters + n * inner,
                      r.filter_plane, inner);
  for (long i = 0; i < w->inputs; i++)
    r.table[i] = (struct tap){(int32_t)(i * (over_maps ? w->maps : 1) * 4), (int32_t)(i * r.run * 4)};
  const struct reach reach = {.outer = 1,
                              .table = r.table,
                              .taps = w->inputs,
                              .a_map = over_maps ? 1 : w->inputs,
                              .c_map = r.run,
                              .start = START_ZERO};
  const long plane = w->out_rows * w->out_columns * LANES, row_run = w->out_columns * LANES;
  for (long row = 0; row < w->out_rows; row += TILE_PIXELS) {
    for (long i = 0; i < w->inputs; i++)
      for (long at = 0; at < r.run; at += NARROW)
        transform_tile(w, input + i * w->rows * w->columns * LANES + at % LANES, row - w->before,
                       at / LANES * TILE_PIXELS - w->before, r.tiles + i * r.run + at, r.tile_plane);
    for (long first = 0, maps; first < w->maps; first += maps) {
      maps = smaller(r.maps_at_once, w->maps - first);
      multiply_tiles(&r, &reach, first, maps);
      for (long m = first; m < first + maps; m++) {
        float *map = output + m * plane;
        const float start = bias ? bias[m] : 0.0f;
        for (long at = 0; at < r.run; at += NARROW)
          finish_tile(w, r.products + (m - first) * r.run + at, r.product_plane, (narrow)SPLAT(NARROW, start),
                      map + at % LANES, row, at / LANES * TILE_PIXELS);
        finish(call, m, row, map + row * row_run, smaller(TILE_PIXELS, w->out_rows - row) * row_run);
      }
    }
  }
}

/* Whether a single sample takes Winograd: vectors are maps and inputs there. */
static int takes_winograd_alone(long size, long stride, long inputs, long maps, long out_rows, long out_columns) {
  return takes_winograd(size, stride, inputs, maps, out_rows, out_columns) && maps % NARROW == 0 &&
         out_rows * out_columns >= 144;
}

/*
 * Forward of a single sample. A vector is neighbouring inputs where tiles are read, maps where they are finished, so
 * the input is turned to [row][column][input] before, and the output back from [row][column][map]; a product is a
 * tile's float, broadcast, times a vector of filters.
 */
static void winograd_alone(struct thread *thread, const struct winograd *given, const float *input,
                           const float *weights, const float *bias, float *output) {
  struct winograd w = *given;
  w.step = w.inputs;
  w.out_step = w.maps;
  const long across = divided_up(w.out_columns, TILE_PIXELS), tiles = across * divided_up(w.out_rows, TILE_PIXELS);
  const long filter_plane = plane_of(w.inputs * w.maps), tile_plane = plane_of(tiles * w.inputs);
  const long product_plane = plane_of(tiles * w.maps), pixels = w.rows * w.columns,
             finished = w.out_rows * w.out_columns;
  float *filters = scratch(thread, SPOTS * (filter_plane + tile_plane + product_plane) + pixels * w.inputs +
                                       finished * w.maps + 2 * w.inputs);
  float *read = filters + SPOTS * filter_plane, *products = read + SPOTS * tile_plane;
  float *turned = products + SPOTS * product_plane, *written = turned + pixels * w.inputs;
  struct tap *table = (struct tap *)(written + finished * w.maps);
  for (long i = 0; i < w.inputs; i++) {
    transform_filters(weights + i * w.w_input, w.w_tap, 0, filters + i * w.maps, filter_plane, w.maps);
    table[i] = (struct tap){(int32_t)(i * 4), (int32_t)(i * w.maps * 4)};
  }
  transpose(input, pixels, turned, w.inputs, w.inputs, pixels);
  for (long tile = 0; tile < tiles; tile++)
    for (long i = 0; i < w.inputs; i += NARROW) {
      const long at = smaller(i, w.inputs - NARROW);
      transform_tile(&w, turned + at, tile / across * TILE_PIXELS, tile % across * TILE_PIXELS,
                     read + tile * w.inputs + at, tile_plane);
    }
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
    for (long map = 0; map < w.maps; map += NARROW)
      finish_tile(&w, products + tile * w.maps + map, product_plane, *(const narrow_at *)(bias + map), written + map,
                  tile / across * TILE_PIXELS, tile % across * TILE_PIXELS);
  transpose(written, w.maps, output, finished, finished, w.maps);
}

/* 4×4 pixels of one map of δ [out_rows][out_columns], those outside zero: to[spot] `plane` floats apart. */
ALWAYS void transform_delta_tile(const struct winograd *w, const float *delta, long row, long column, float *to,
                                 long plane) {
  narrow d[TILE_PIXELS * TILE_PIXELS] = {0}, v[SPOTS];
  const long rows = smaller(TILE_PIXELS, w->out_rows - row), columns = smaller(TILE_PIXELS, w->out_columns - column);
  const float *from = delta + (row * w->out_columns + column) * LANES;
  for (int y = 0; y < rows; y++)
    for (int x = 0; x < columns; x++)
      d[y * TILE_PIXELS + x] = *(const narrow_at *)(from + (y * w->out_columns + x) * LANES);
  UNROLL for (int x = 0; x < TILE_PIXELS; x++) transform_delta(d[x], d[4 + x], d[8 + x], d[12 + x], v + x, POINTS);
  UNROLL for (int y = 0; y < POINTS; y++) {
    narrow *r = v + y * POINTS;
    transform_delta(r[0], r[1], r[2], r[3], r, 1);
  }
  UNROLL for (int spot = 0; spot < SPOTS; spot++) * (narrow_at *)(to + spot * plane) = v[spot];
}

/* gradient [input][ky][kx][map] += Aᵀ sums[spot][input][map] A. */
static void add_winograd_sums(const struct winograd *w, const float *sums, long plane, float *gradient) {
  for (long i = 0; i < w->inputs; i++)
    for (long map = 0; map < w->maps; map += NARROW) {
      /* The last vector ends with the maps; what it has in common with the one before it does not add again. */
      const long at = smaller(map, w->maps - NARROW), done = map - at;
      narrow v[SPOTS];
      UNROLL for (int spot = 0; spot < SPOTS; spot++) v[spot] =
          *(const narrow_at *)(sums + spot * plane + i * w->maps + at);
      UNROLL for (int x = 0; x < POINTS; x++) transform_gradient(v + x, POINTS);
      UNROLL for (int y = 0; y < 3; y++) transform_gradient(v + y * POINTS, 1);
      for (int tap = 0; tap < 9; tap++) {
        float *to = gradient + (i * 9 + tap) * w->maps + at;
        const narrow value = v[tap / 3 * POINTS + tap % 3];
        if (done == 0)
          *(narrow_at *)to = *(const narrow_at *)to + value;
        else
          for (long n = done; n < NARROW; n++)
            to[n] += value[n];
      }
    }
}
