/*
 * The one loop nest under every convolution and dense layer, included once for each vector width (TILE_NAME,
 * TILE_WIDTH, and how far apart neighbours lie: TILE_B_STEP, TILE_C_STEP):
 *
 *     sum[m][n] += a[m] (one float, broadcast) · b[n] (one vector),  m < M, n < N, all sums in registers
 *
 * over an outer loop (inputs or maps, fixed strides) and in it a table of taps, each an offset for a and one for b
 * (`struct reach`). Forward: a = weights, b = input; backward: a = weights, b = sensitivities, walked the other way;
 * dense over units: a = input, b = weights. Every sum is one chain in the order of the loops, so the tile's shape never
 * changes a bit. A table rather than two more loops: their bookkeeping between two rows of taps cost a sixth of the
 * time.
 */
#define TILE_JOIN_(a, b) a##b
#define TILE_JOIN(a, b) TILE_JOIN_(a, b)
#define TILE(name) TILE_JOIN(TILE_NAME, name)

#if TILE_WIDTH == 1
typedef float TILE(_vector);
typedef float TILE(_at);
#else
typedef float TILE(_vector) __attribute__((vector_size(TILE_WIDTH * 4)));
typedef float TILE(_at) __attribute__((vector_size(TILE_WIDTH * 4), aligned(4), may_alias));
#endif

ALWAYS TILE(_vector) TILE(_load)(const float *from) { return *(const TILE(_at) *)from; }
ALWAYS TILE(_vector) TILE(_splat)(float s) { return (TILE(_vector))SPLAT(TILE_WIDTH, s); }

ALWAYS void TILE(_tile)(const int M, const int N, const struct reach *reach, const float *a, const float *b, float *c,
                        const float *bias) {
  TILE(_vector) sum[8][6];
  if (reach->start == START_BIAS) {
    UNROLL for (int m = 0; m < M; m++) UNROLL for (int n = 0; n < N; n++) sum[m][n] = TILE(_splat)(bias[m]);
  } else if (reach->start == START_ZERO) {
    UNROLL for (int m = 0; m < M; m++) UNROLL for (int n = 0; n < N; n++) sum[m][n] = TILE(_splat)(0.0f);
  } else {
    /* Vectors from memory: one row of biases for all m, or what the output holds. */
    const int adds = reach->start == START_OUTPUT;
    const float *from = adds ? c : bias;
    const long map = adds ? reach->c_map : 0;
    UNROLL for (int m = 0; m < M; m++) UNROLL for (int n = 0; n < N; n++) sum[m][n] =
        TILE(_load)(from + m * map + n * TILE_C_STEP);
  }
  const struct tap *const end = reach->table + reach->taps;
  for (long outer = reach->outer; outer > 0; outer--) {
    for (const struct tap *tap = reach->table; tap != end; tap++) {
      const float *a2 = (const float *)((const char *)a + tap->a), *b2 = (const float *)((const char *)b + tap->b);
      TILE(_vector) v[6];
      UNROLL for (int n = 0; n < N; n++) v[n] = TILE(_load)(b2 + n * TILE_B_STEP);
      UNROLL for (int m = 0; m < M; m++) {
        const TILE(_vector) w = TILE(_splat)(a2[m * reach->a_map]);
        UNROLL for (int n = 0; n < N; n++) sum[m][n] = sum[m][n] + w * v[n];
      }
    }
    a += reach->a_outer;
    b += reach->b_outer;
  }
  UNROLL for (int m = 0; m < M; m++) UNROLL for (int n = 0; n < N; n++) *
      (TILE(_at) *)(c + m * reach->c_map + n * TILE_C_STEP) = sum[m][n];
}

#define TILE_INSTANCE(name, M, N)                                                                                      \
  static void name##_##M##_##N(const struct reach *reach, const float *a, const float *b, float *c,                    \
                               const float *bias) {                                                                    \
    if (N <= TILE_MOST(M)) name##_tile(M, N, reach, a, b, c, bias);                                                    \
  }
