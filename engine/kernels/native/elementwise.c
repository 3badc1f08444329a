/*
 * The plain movers: clear, square, padding, and the gathering of samples into a block, (sample − mean)·factor (Bouvrie
 * §2). Samples [row][channel][pixel] become [channel][pixel][lanes].
 */
#include "thread.h"
#include "vectors.h"

static void clear(struct thread *thread, const struct clear *call) {
  memset(ARRAY(float, output), 0, (size_t)call->count * 4);
}

static void square(struct thread *thread, const struct square *call) {
  const float *input = ARRAY(const float, input);
  float *output = ARRAY(float, output);
  EACH_VECTOR(call->count, const wide x = load(input + n); store_part(output + n, x * x, size));
}

/* Maps to the middle of larger ones, whose border is zero. */
static void pad_maps(const float *input, float *output, long maps, long rows, long columns, long padding, long lanes) {
  const long run = columns * lanes, out_run = run + 2 * padding * lanes;
  for (long map = 0; map < maps; map++)
    for (long row = 0; row < rows; row++)
      memcpy(output + (map * (rows + 2 * padding) + row + padding) * out_run + padding * lanes,
             input + (map * rows + row) * run, (size_t)run * 4);
}

static void pad(struct thread *thread, const struct pad *call) {
  pad_maps(ARRAY(const float, input), ARRAY(float, output), call->maps, call->rows, call->columns, call->padding,
           call->lanes);
}

/* Pixels that are normalised at once, before they are turned: eight rows of them stay in the first cache. */
#define GATHERED 256

/* Asks for memory ahead of its use: samples lie anywhere in the dataset, so nobody else foresees the next one. */
static void ask_for(const void *from, long bytes) {
  for (long at = 0; at < bytes; at += 64)
    __builtin_prefetch((const char *)from + at);
}

/* Rows of one channel to [pixel][lanes], normalised; lanes from `count` on become 0. */
#define GATHER(name, type)                                                                                             \
  static void name(const type *const *rows, float *output, long pixels, long count, long lanes, float mean,            \
                   float factor) {                                                                                     \
    float normal[LANES][GATHERED] = {{0}};                                                                             \
    for (long lane = 0; lane < count; lane++)                                                                          \
      ask_for(rows[lane], smaller(GATHERED, pixels) * (long)sizeof(type));                                             \
    for (long from = 0; from < pixels; from += GATHERED) {                                                             \
      const long some = smaller(GATHERED, pixels - from), next = smaller(GATHERED, pixels - from - some);              \
      for (long lane = 0; lane < count; lane++) {                                                                      \
        const type *row = rows[lane] + from;                                                                           \
        float *to = lanes == 1 ? output + from : normal[lane];                                                         \
        ask_for(row + GATHERED, next * (long)sizeof(type));                                                            \
        for (long pixel = 0; pixel < some; pixel++)                                                                    \
          to[pixel] = ((float)row[pixel] - mean) * factor;                                                             \
      }                                                                                                                \
      if (lanes > 1) transpose(normal[0], GATHERED, output + from * lanes, lanes, lanes, some);                        \
    }                                                                                                                  \
  }
GATHER(gather_bytes, uint8_t)
GATHER(gather_floats, float)

static void gather(struct thread *thread, const struct gather *call) {
  const int32_t *header = ARRAY(const int32_t, header);
  const float *mean = ARRAY(const float, mean), *factor = ARRAY(const float, factor);
  float *output = ARRAY(float, output);
  const long lanes = call->lanes, pixels = call->pixels, channels = call->channels,
             count = smaller(header[HEADER_COUNT], lanes);
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
    if (call->dtype == DTYPE_uint8)
      gather_bytes(bytes, out, pixels, count, lanes, mean[channel], factor[channel]);
    else
      gather_floats(floats, out, pixels, count, lanes, mean[channel], factor[channel]);
  }
}
