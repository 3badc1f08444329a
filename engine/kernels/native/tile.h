/*
 * The one loop nest under every convolution and dense layer, included once for each vector width (TILE_NAME, TILE_WIDTH, and how far
 * apart neighbours lie: TILE_B_STEP, TILE_C_STEP):
 *
 *     sum[m][n] += a[m] (one float, broadcast) · b[n] (one vector),  m < M, n < N, all sums in registers
 *
 * over three counted loops (`struct reach`), each of which moves a and b by its own stride in floats. Forward: a = weights, b = input;
 * backward: a = weights, b = sensitivities, walked the other way; dense over units: a = input, b = weights.
 * Every sum is one chain in the order of the loops, so the tile's shape never changes a bit.
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

ALWAYS void TILE(_tile)(const int M, const int N, const struct reach *reach, const float *a, const float *b, float *c, const float *bias) {
  TILE(_vector) sum[8][6];
  UNROLL for (int m = 0; m < M; m++)
    UNROLL for (int n = 0; n < N; n++) sum[m][n] = TILE(_splat)(0.0f);
  if (reach->start == START_BIAS) {
    UNROLL for (int m = 0; m < M; m++)
      UNROLL for (int n = 0; n < N; n++) sum[m][n] = TILE(_splat)(bias[m]);
  } else if (reach->start == START_BIASES) {
    UNROLL for (int m = 0; m < M; m++)
      UNROLL for (int n = 0; n < N; n++) sum[m][n] = TILE(_load)(bias + n * TILE_B_STEP);
  } else if (reach->start == START_OUTPUT) {
    UNROLL for (int m = 0; m < M; m++)
      UNROLL for (int n = 0; n < N; n++) sum[m][n] = TILE(_load)(c + m * reach->c_map + n * TILE_C_STEP);
  }
  for (long outer = reach->outer; outer > 0; outer--) {
    const float *a1 = a, *b1 = b;
    for (long row = reach->rows; row > 0; row--) {
      const float *a2 = a1, *b2 = b1;
      for (long tap = reach->taps; tap > 0; tap--) {
        TILE(_vector) v[6];
        UNROLL for (int n = 0; n < N; n++) v[n] = TILE(_load)(b2 + n * TILE_B_STEP);
        UNROLL for (int m = 0; m < M; m++) {
          const TILE(_vector) w = TILE(_splat)(a2[m * reach->a_map]);
          UNROLL for (int n = 0; n < N; n++) sum[m][n] = sum[m][n] + w * v[n];
        }
        a2 += reach->a_tap;
        b2 += reach->b_tap;
      }
      a1 += reach->a_row;
      b1 += reach->b_row;
    }
    a += reach->a_outer;
    b += reach->b_outer;
  }
  UNROLL for (int m = 0; m < M; m++)
    UNROLL for (int n = 0; n < N; n++) *(TILE(_at) *)(c + m * reach->c_map + n * TILE_C_STEP) = sum[m][n];
}

#define TILE_INSTANCE(name, M, N)                                                                                                \
  static void name##_##M##_##N(const struct reach *reach, const float *a, const float *b, float *c, const float *bias) {        \
    if (M * N <= TILE_ACCUMULATORS) name##_tile(M, N, reach, a, b, c, bias);                                                    \
  }
