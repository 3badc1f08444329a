/*
 * The plain movers: clear, square, padding, and the gathering of samples into a block, (sample − mean)·factor (Bouvrie §2).
 * Samples [row][channel][pixel] become [channel][pixel][lanes].
 */
#include "thread.h"
#include "vectors.h"

static void clear(struct thread *thread, const struct clear *call) { memset(ARRAY(float, output), 0, (size_t)call->count * 4); }

static void square(struct thread *thread, const struct square *call) {
  const float *input = ARRAY(const float, input);
  float *output = ARRAY(float, output);
  EACH_VECTOR(call->count, const wide x = load_part(input + n, size); store_part(output + n, x * x, size));
}

static void pad(struct thread *thread, const struct pad *call) {
  const float *input = ARRAY(const float, input);
  float *output = ARRAY(float, output);
  const long rows = call->rows, padding = call->padding, lanes = call->lanes, run = (long)call->columns * lanes, out_run = run + 2 * padding * lanes;
  for (long map = 0; map < (long)call->maps; map++)
    for (long row = 0; row < rows; row++)
      memcpy(output + (map * (rows + 2 * padding) + row + padding) * out_run + padding * lanes, input + (map * rows + row) * run, (size_t)run * 4);
}

typedef uint64_t words2 __attribute__((vector_size(16)));
typedef uint8_t wide_bytes __attribute__((vector_size(WIDE)));

/* Eight bytes of one row beside eight of another. */
ALWAYS bytes16 side_by_side(const uint8_t *low, const uint8_t *high) {
  words2 both;
  uint64_t word;
  memcpy(&word, low, 8);
  both[0] = word;
  memcpy(&word, high, 8);
  both[1] = word;
  return (bytes16)both;
}

/* The two halves of one vector, and the lower or upper halves of two, byte by byte in turn. */
ALWAYS bytes16 zip(bytes16 a) { return PICK_BYTES(a, a, 0, 8, 1, 9, 2, 10, 3, 11, 4, 12, 5, 13, 6, 14, 7, 15); }
#define LOW_ZIP(a, b) PICK_BYTES(a, b, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23)
#define HIGH_ZIP(a, b) PICK_BYTES(a, b, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31)

/* From eight rows to pixels of eight lanes: three rounds of interleaving bytes turn eight pixels at a time. */
static long gather_eight(const uint8_t *const *rows, float *output, long pixels, long count, float mean, float factor) {
  wide_ints has_sample[LANES < WIDE ? 1 : LANES / WIDE];
  for (long lane = 0; lane < (long)sizeof has_sample / 4; lane++) has_sample[lane / WIDE][lane % WIDE] = lane % LANES < count ? -1 : 0;
  long pixel = 0;
  for (; pixel + 8 <= pixels; pixel += 8) {
    const bytes16 r04 = zip(side_by_side(rows[0] + pixel, rows[4] + pixel)), r26 = zip(side_by_side(rows[2] + pixel, rows[6] + pixel));
    const bytes16 r15 = zip(side_by_side(rows[1] + pixel, rows[5] + pixel)), r37 = zip(side_by_side(rows[3] + pixel, rows[7] + pixel));
    const bytes16 even[2] = { LOW_ZIP(r04, r26), HIGH_ZIP(r04, r26) }, odd[2] = { LOW_ZIP(r15, r37), HIGH_ZIP(r15, r37) };
    uint8_t turned[64];
    UNROLL for (int half = 0; half < 2; half++) {
      const bytes16 front = LOW_ZIP(even[half], odd[half]), back = HIGH_ZIP(even[half], odd[half]);
      memcpy(turned + half * 32, &front, 16);
      memcpy(turned + half * 32 + 16, &back, 16);
    }
    UNROLL for (int n = 0; n < 64 / WIDE; n++) {
      wide_bytes bytes;
      memcpy(&bytes, turned + n * WIDE, WIDE);
      const wide value = (__builtin_convertvector(__builtin_convertvector(bytes, wide_ints), wide) - mean) * factor;
      store(output + pixel * LANES + n * WIDE, (wide)((wide_ints)value & has_sample[n % (LANES < WIDE ? 1 : LANES / WIDE)]));
    }
  }
  return pixel;
}

/* One number at a time, from pixel `from`. */
#define GATHER(name, type)                                                                                                                       \
  static void name(const type *const *rows, float *output, long from, long pixels, long count, long lanes, float mean, float factor) {          \
    for (long pixel = from; pixel < pixels; pixel++)                                                                                             \
      for (long lane = 0; lane < lanes; lane++) output[pixel * lanes + lane] = lane < count ? ((float)rows[lane][pixel] - mean) * factor : 0.0f; \
  }
GATHER(gather_bytes, uint8_t)
GATHER(gather_floats, float)

static void gather_sample(const uint8_t *row, float *output, long pixels, float mean, float factor) {
  for (long pixel = 0; pixel < pixels; pixel++) output[pixel] = ((float)row[pixel] - mean) * factor;
}

static void gather(struct thread *thread, const struct gather *call) {
  const int32_t *header = ARRAY(const int32_t, header);
  const float *mean = ARRAY(const float, mean), *factor = ARRAY(const float, factor);
  float *output = ARRAY(float, output);
  const long lanes = call->lanes, pixels = call->pixels, channels = call->channels, count = smaller(header[HEADER_COUNT], lanes);
  if (count == 0) {
    memset(output, 0, (size_t)(channels * pixels * lanes) * 4);
    return;
  }
  for (long channel = 0; channel < channels; channel++) {
    const uint8_t *bytes[LANES];
    const float *floats[LANES];
    for (long lane = 0; lane < lanes; lane++) {
      const long row = header[HEADER_ROWS + (lane < count ? lane : 0)], at = (row * channels + channel) * pixels;
      bytes[lane] = ARRAY(const uint8_t, samples) + at;
      floats[lane] = ARRAY(const float, samples) + at;
    }
    float *out = output + channel * pixels * lanes;
    if (call->dtype == DTYPE_uint8) {
      if (lanes == 1) gather_sample(bytes[0], out, pixels, mean[channel], factor[channel]);
      else gather_bytes(bytes, out, gather_eight(bytes, out, pixels, count, mean[channel], factor[channel]), pixels, count, lanes, mean[channel], factor[channel]);
    } else gather_floats(floats, out, 0, pixels, count, lanes, mean[channel], factor[channel]);
  }
}
