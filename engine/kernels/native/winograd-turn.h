/*
 * Winograd's transforms of tiles (winograd.h), included once for each vector width (TURN_NAME, TURN_WIDTH). A vector
 * wider than NARROW has two halves, two of a kind: tiles that are neighbours in a row, or inputs, maps or samples that
 * are neighbours in memory. Both are computed alike, so the width changes no bit.
 */
#define TURN_JOIN_(a, b) a##b
#define TURN_JOIN(a, b) TURN_JOIN_(a, b)
#define TURN(name) TURN_JOIN(TURN_NAME, name)

typedef float TURN(_vector) __attribute__((vector_size(TURN_WIDTH * 4)));
typedef float TURN(_at) __attribute__((vector_size(TURN_WIDTH * 4), aligned(4), may_alias));

ALWAYS TURN(_vector) TURN(_load)(const float *from) { return *(const TURN(_at) *)from; }
ALWAYS void TURN(_store)(float *to, const TURN(_vector) value) { *(TURN(_at) *)to = value; }

/* The second half lies `apart` floats behind the first; one that is not there is read as zeros and never written. */
#if TURN_WIDTH == NARROW
ALWAYS TURN(_vector) TURN(_gather)(const float *from, const long apart) { return (void)apart, TURN(_load)(from); }
ALWAYS TURN(_vector)
    TURN(_gather_some)(const float *from, const long apart, const int has_first, const int has_second) {
  return (void)apart, (void)has_first, (void)has_second, TURN(_load)(from);
}
ALWAYS void TURN(_spread)(float *to, const TURN(_vector) value, const long apart, const int has_second) {
  (void)apart, (void)has_second, TURN(_store)(to, value);
}
#else
ALWAYS TURN(_vector) TURN(_gather)(const float *from, const long apart) {
  return apart == NARROW ? TURN(_load)(from) : join(narrow_turn_load(from), narrow_turn_load(from + apart));
}
ALWAYS TURN(_vector)
    TURN(_gather_some)(const float *from, const long apart, const int has_first, const int has_second) {
  const narrow none = SPLAT(NARROW, 0.0f);
  return join(has_first ? narrow_turn_load(from) : none, has_second ? narrow_turn_load(from + apart) : none);
}
ALWAYS void TURN(_spread)(float *to, const TURN(_vector) value, const long apart, const int has_second) {
  narrow_turn_store(to, first_half(value));
  if (has_second) narrow_turn_store(to + apart, second_half(value));
}
#endif

/* The values at ±√½ and ±√2, of what is even and what is odd there. */
ALWAYS void TURN(_pairs)(TURN(_vector) * v, const int step, const TURN(_vector) even, const TURN(_vector) odd,
                         const TURN(_vector) far_even, const TURN(_vector) far_odd) {
  v[step] = even + odd;
  v[2 * step] = even - odd;
  v[3 * step] = far_even + far_odd;
  v[4 * step] = far_even - far_odd;
}

/* Bᵀ, in place. */
ALWAYS void TURN(_input)(TURN(_vector) * v, const int step) {
  const TURN(_vector) even = v[4 * step] - 2.0f * v[2 * step], odd = ROOT_HALF * v[3 * step] - ROOT_TWO * v[step];
  const TURN(_vector) far_even = v[4 * step] - 0.5f * v[2 * step];
  const TURN(_vector) far_odd = ROOT_TWO * v[3 * step] - ROOT_HALF * v[step];
  const TURN(_vector) last = (v[5 * step] - 2.5f * v[3 * step]) + v[step];
  v[0] = (v[0] - 2.5f * v[2 * step]) + v[4 * step];
  TURN(_pairs)(v, step, even, odd, far_even, far_odd);
  v[5 * step] = last;
}

/* Aᵀ, in place: the first four are the results. */
ALWAYS void TURN(_output)(TURN(_vector) * v, const int step) {
  const TURN(_vector) even = v[step] + v[2 * step], odd = v[step] - v[2 * step];
  const TURN(_vector) far_even = v[3 * step] + v[4 * step], far_odd = v[3 * step] - v[4 * step];
  v[0] = v[0] + even + far_even;
  v[step] = ROOT_HALF * odd + ROOT_TWO * far_odd;
  v[2 * step] = 0.5f * even + 2.0f * far_even;
  v[3 * step] = 0.5f * ROOT_HALF * odd + 2.0f * ROOT_TWO * far_odd + v[5 * step];
}

/* G of three weights. */
ALWAYS void TURN(_filter)(const TURN(_vector) g0, const TURN(_vector) g1, const TURN(_vector) g2, TURN(_vector) * v,
                          const int step) {
  const TURN(_vector) even = g0 * (-2.0f / 3.0f) - g2 * (1.0f / 3.0f), odd = g1 * (-2.0f / 3.0f * ROOT_HALF);
  const TURN(_vector) far_even = g0 * (1.0f / 6.0f) + g2 * (1.0f / 3.0f), far_odd = g1 * (ROOT_TWO / 6.0f);
  v[0] = g0;
  TURN(_pairs)(v, step, even, odd, far_even, far_odd);
  v[5 * step] = g2;
}

/* G of the gradient, F(3×3, 4×4): of four sensitivities. */
ALWAYS void TURN(_delta)(const TURN(_vector) d0, const TURN(_vector) d1, const TURN(_vector) d2, const TURN(_vector) d3,
                         TURN(_vector) * v, const int step) {
  const TURN(_vector) even = d0 * (-2.0f / 3.0f) - d2 * (1.0f / 3.0f);
  const TURN(_vector) odd = d1 * (-2.0f / 3.0f * ROOT_HALF) - d3 * (ROOT_HALF / 3.0f);
  const TURN(_vector) far_even = d0 * (1.0f / 6.0f) + d2 * (1.0f / 3.0f);
  const TURN(_vector) far_odd = d1 * (ROOT_TWO / 6.0f) + d3 * (ROOT_TWO / 3.0f);
  v[0] = d0;
  TURN(_pairs)(v, step, even, odd, far_even, far_odd);
  v[5 * step] = d3;
}

/* Aᵀ of the gradient, in place: the first three are the results. */
ALWAYS void TURN(_gradient)(TURN(_vector) * v, const int step) {
  const TURN(_vector) even = v[step] + v[2 * step], odd = v[step] - v[2 * step];
  const TURN(_vector) far_even = v[3 * step] + v[4 * step], far_odd = v[3 * step] - v[4 * step];
  v[0] = v[0] + even + far_even;
  v[step] = ROOT_HALF * odd + ROOT_TWO * far_odd;
  v[2 * step] = 0.5f * even + 2.0f * far_even + v[5 * step];
}

/* Filters that are neighbours in memory, taps `tap` floats and halves `apart` floats apart: to[spot] `plane` floats
 * apart. */
ALWAYS void TURN(_filters)(const float *from, long tap, const long apart, int is_turned, float *to, long plane) {
  TURN(_vector) g[3], v[SPOTS];
  UNROLL for (int kx = 0; kx < 3; kx++) {
    UNROLL for (int ky = 0; ky < 3; ky++) g[ky] =
        TURN(_gather)(from + (is_turned ? 8 - ky * 3 - kx : ky * 3 + kx) * tap, apart);
    TURN(_filter)(g[0], g[1], g[2], v + kx, POINTS);
  }
  UNROLL for (int row = 0; row < POINTS; row++) {
    TURN(_vector) *r = v + row * POINTS;
    TURN(_filter)(r[0], r[1], r[2], r, 1);
  }
  UNROLL for (int spot = 0; spot < SPOTS; spot++) TURN(_store)(to + spot * plane, v[spot]);
}

/* A tile of one input, and the one that a second half is: to[spot] `plane` floats apart. row and column may lie
 * outside. Pixels lie `step` apart. */
ALWAYS void TURN(_tile)(const struct winograd *w, const long step, const float *input, long row, long column,
                        const struct halves halves, float *to, long plane) {
  TURN(_vector) v[SPOTS];
  const long pitch = w->columns * step;
  const long second = column + halves.columns;
  const float *from = input + row * pitch + column * step;
  if (row >= 0 && column >= 0 && row + POINTS <= w->rows && second + POINTS <= w->columns) {
    ONE_BY_ONE for (int x = 0; x < POINTS; x++) {
      UNROLL for (int y = 0; y < POINTS; y++) v[y * POINTS + x] =
          TURN(_gather)(from + y * pitch + x * step, halves.apart);
      TURN(_input)(v + x, POINTS);
    }
  } else {
    const long top = larger(0, -row), bottom = smaller(POINTS, w->rows - row);
    const long left = larger(0, -second), right = smaller(POINTS, w->columns - column);
    UNROLL for (int n = 0; n < SPOTS; n++) v[n] = (TURN(_vector))SPLAT(TURN_WIDTH, 0.0f);
    for (long y = top; y < bottom; y++)
      for (long x = left; x < right; x++)
        v[y * POINTS + x] =
            TURN(_gather_some)(from + y * pitch + x * step, halves.apart, column + x >= 0, second + x < w->columns);
    ONE_BY_ONE for (int x = 0; x < POINTS; x++) TURN(_input)(v + x, POINTS);
  }
  ONE_BY_ONE for (int y = 0; y < POINTS; y++, to += POINTS * plane) {
    TURN(_vector) *r = v + y * POINTS;
    TURN(_input)(r, 1);
    UNROLL for (int x = 0; x < POINTS; x++) TURN(_store)(to + x * plane, r[x]);
  }
}

/* A tile of one map, and the one that a second half is: sums[spot] to the pixels of the map that are there, which lie
 * `step` apart. */
ALWAYS void TURN(_finish)(const struct winograd *w, const long step, const float *sums, long plane,
                          const TURN(_vector) bias, float *output, long row, long column, const struct halves halves) {
  TURN(_vector) v[SPOTS];
  ONE_BY_ONE for (int y = 0; y < POINTS; y++, sums += POINTS * plane) {
    TURN(_vector) *r = v + y * POINTS;
    UNROLL for (int x = 0; x < POINTS; x++) r[x] = TURN(_load)(sums + x * plane);
    TURN(_output)(r, 1);
  }
  const long rows = smaller(TILE_PIXELS, w->out_rows - row), columns = smaller(TILE_PIXELS, w->out_columns - column);
  float *to = output + (row * w->out_columns + column) * step;
  ONE_BY_ONE for (int x = 0; x < columns; x++) {
    TURN(_vector) *c = v + x;
    TURN(_output)(c, POINTS);
    const int has_second = column + halves.columns + x < w->out_columns;
    for (int y = 0; y < rows; y++)
      TURN(_spread)(to + (y * w->out_columns + x) * step, c[y * POINTS] + bias, halves.apart, has_second);
  }
}

/* 4×4 pixels of δ that lie `step` floats apart: to[spot] `plane` floats, the halves of each `apart` floats apart. */
ALWAYS void TURN(_delta_tile)(const float *from, const long step, float *to, long plane, const long apart) {
  TURN(_vector) v[SPOTS];
  ONE_BY_ONE for (int x = 0; x < TILE_PIXELS; x++) {
    TURN(_vector) d[TILE_PIXELS];
    UNROLL for (int y = 0; y < TILE_PIXELS; y++) d[y] = TURN(_load)(from + (y * TILE_PIXELS + x) * step);
    TURN(_delta)(d[0], d[1], d[2], d[3], v + x, POINTS);
  }
  ONE_BY_ONE for (int y = 0; y < POINTS; y++, to += POINTS * plane) {
    TURN(_vector) *r = v + y * POINTS;
    TURN(_delta)(r[0], r[1], r[2], r[3], r, 1);
    UNROLL for (int x = 0; x < POINTS; x++) TURN(_spread)(to + x * plane, r[x], apart, 1);
  }
}

/* gradient[tap] += Aᵀ sums A of neighbouring maps; sums[spot] `plane` floats, taps `step` floats apart. `maps` of the
 * vector are there. */
ALWAYS void TURN(_add)(const float *sums, long plane, float *gradient, long step, long maps) {
  TURN(_vector) v[SPOTS];
  UNROLL for (int spot = 0; spot < SPOTS; spot++) v[spot] = TURN(_load)(sums + spot * plane);
  UNROLL for (int x = 0; x < POINTS; x++) TURN(_gradient)(v + x, POINTS);
  UNROLL for (int y = 0; y < 3; y++) TURN(_gradient)(v + y * POINTS, 1);
  if (maps >= TURN_WIDTH)
    UNROLL for (int tap = 0; tap < 9; tap++)
        TURN(_store)(gradient + tap * step, TURN(_load)(gradient + tap * step) + v[tap / 3 * POINTS + tap % 3]);
  else
    for (int tap = 0; tap < 9; tap++)
      for (long n = 0; n < maps; n++)
        gradient[tap * step + n] += v[tap / 3 * POINTS + tap % 3][n];
}
#undef TURN_JOIN_
#undef TURN_JOIN
#undef TURN
