/*
 * The gradient of a convolution for one sample, included once for each vector width (SAMPLE_NAME, SAMPLE_WIDTH):
 * vectors run over maps, so a row is never too short, and tree() of the partial sums is a sum of vectors.
 *
 *     sum[column mod 8][tap] += x[row][column + tap] (broadcast) · δ[row][column] (a vector of maps)
 *
 * How many columns the last eight of a row are is a constant, or the sums would leave their registers.
 */
#define SAMPLE_JOIN_(a, b) a##b
#define SAMPLE_JOIN(a, b) SAMPLE_JOIN_(a, b)
#define SAMPLE(name) SAMPLE_JOIN(SAMPLE_NAME, name)

typedef float SAMPLE(_vector) __attribute__((vector_size(SAMPLE_WIDTH * 4)));
typedef float SAMPLE(_at) __attribute__((vector_size(SAMPLE_WIDTH * 4), aligned(4), may_alias));

/* T taps at `count` columns from δ's first on. */
ALWAYS void SAMPLE(_columns)(const int T, const int count, const long stride, const float *delta, const float *x,
                             SAMPLE(_vector) (*sum)[SAMPLE_TAPS]) {
  UNROLL for (int c = 0; c < count; c++) {
    const SAMPLE(_vector) d = *(const SAMPLE(_at) *)(delta + c * SAMPLE_WIDTH);
    UNROLL for (int t = 0; t < T; t++) sum[c][t] =
        sum[c][t] + (SAMPLE(_vector))SPLAT(SAMPLE_WIDTH, x[c * stride + t]) * d;
  }
}

/* gradient[t · step + map] += tree of the partial sums of T taps, for `maps` maps; x is what the first pixel of δ
 * [pixel][SAMPLE_WIDTH maps] meets at the first tap. */
ALWAYS void SAMPLE(_tile)(const int T, const int REST, const long stride, const struct sample_pass *pass,
                          const float *delta, const float *x, float *gradient, long step, long maps) {
  SAMPLE(_vector) all[LANES][SAMPLE_TAPS];
  for (int first = 0; first < LANES; first += SAMPLE_SUMS) {
    const int rest = REST < first ? 0 : REST - first < SAMPLE_SUMS ? REST - first : SAMPLE_SUMS;
    SAMPLE(_vector) sum[SAMPLE_SUMS][SAMPLE_TAPS];
    UNROLL for (int c = 0; c < SAMPLE_SUMS; c++) UNROLL for (int t = 0; t < T; t++) sum[c][t] =
        (SAMPLE(_vector))SPLAT(SAMPLE_WIDTH, 0.0f);
    for (long row = 0; row < pass->rows; row++) {
      const float *d = delta + (row * pass->columns + first) * SAMPLE_WIDTH,
                  *from = x + row * pass->x_row + first * stride;
      for (long column = pass->columns; column >= LANES;
           column -= LANES, d += LANES * SAMPLE_WIDTH, from += LANES * stride)
        SAMPLE(_columns)(T, SAMPLE_SUMS, stride, d, from, sum);
      SAMPLE(_columns)(T, rest, stride, d, from, sum);
    }
    UNROLL for (int c = 0; c < SAMPLE_SUMS; c++) UNROLL for (int t = 0; t < T; t++) all[first + c][t] = sum[c][t];
  }
  UNROLL for (int t = 0; t < T; t++) {
    const SAMPLE(_vector) sum =
        ((all[0][t] + all[4][t]) + (all[2][t] + all[6][t])) + ((all[1][t] + all[5][t]) + (all[3][t] + all[7][t]));
    float *at = gradient + t * step;
    if (maps == SAMPLE_WIDTH)
      *(SAMPLE(_at) *)at = *(const SAMPLE(_at) *)at + sum;
    else
      for (long map = 0; map < maps; map++)
        at[map] += sum[map];
  }
}

#define SAMPLE_INSTANCE(T, REST)                                                                                       \
  static void SAMPLE(_##T##_##REST)(const struct sample_pass *pass, const float *delta, const float *x,                \
                                    float *gradient, long step, long maps) {                                           \
    SAMPLE(_tile)(T, REST, 1, pass, delta, x, gradient, step, maps);                                                   \
  }
#define SAMPLE_STRIDED(T, REST)                                                                                        \
  static void SAMPLE(_strided_##REST)(const struct sample_pass *pass, const float *delta, const float *x,              \
                                      float *gradient, long step, long maps) {                                         \
    SAMPLE(_tile)(T, REST, pass->stride, pass, delta, x, gradient, step, maps);                                        \
  }
#define SAMPLE_ENTRY(T, REST) [REST] = SAMPLE(_##T##_##REST),
#define SAMPLE_STRIDED_ENTRY(T, REST) [REST] = SAMPLE(_strided_##REST),
#define EACH_REST(X, T) X(T, 0) X(T, 1) X(T, 2) X(T, 3) X(T, 4) X(T, 5) X(T, 6) X(T, 7)
EACH_REST(SAMPLE_STRIDED, 1)
EACH_REST(SAMPLE_INSTANCE, 1)
EACH_REST(SAMPLE_INSTANCE, 2)
EACH_REST(SAMPLE_INSTANCE, 3)

/* By taps, and 0 for one tap with a stride; then by columns of a row mod 8. */
static const sample_function SAMPLE(_tiles)[SAMPLE_TAPS + 1][LANES] = {
    {EACH_REST(SAMPLE_STRIDED_ENTRY, 1)},
    {EACH_REST(SAMPLE_ENTRY, 1)},
    {EACH_REST(SAMPLE_ENTRY, 2)},
    {EACH_REST(SAMPLE_ENTRY, 3)},
};

#undef SAMPLE_INSTANCE
#undef SAMPLE_STRIDED
#undef SAMPLE_ENTRY
#undef SAMPLE_STRIDED_ENTRY
#undef EACH_REST
