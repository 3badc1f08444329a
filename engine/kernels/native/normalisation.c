/*
 * Batch normalisation (Ioffe & Szegedy 2015): y = (x − mean)/√(variance + ε) · weight + bias with the moments of the
 * whole batch. Sums in double, a partial sum a lane (one lane: the position mod 8), shard by shard and finished once.
 * Maps [map][position][lanes]; only the first `count` lanes hold samples, the others become 0.
 */
#include "elementary.h"
#include "thread.h"

/* A term's partial sum is its lane, or in one lane its position mod 8: both ways its place mod 8, so eight neighbours
 * are a vector. */
typedef float eight __attribute__((vector_size(LANES * 4)));
typedef float eight_at __attribute__((vector_size(LANES * 4), aligned(4), may_alias));
typedef double eight_doubles __attribute__((vector_size(LANES * 8)));

/* Eight terms, or what is left of a run: zeros behind it, which change no sum. */
ALWAYS eight load_eight(const float *from, long left) {
  if (left >= LANES) return *(const eight_at *)from;
  eight terms = {0};
  memcpy(&terms, from, (size_t)left * 4);
  return terms;
}

ALWAYS eight_doubles in_doubles(eight terms) { return __builtin_convertvector(terms, eight_doubles); }

/* Of eight lanes only the first `count` hold samples. */
static double sum_of(eight_doubles partial, long lanes, long count) {
  double sums[LANES];
  memcpy(sums, &partial, sizeof sums);
  for (long lane = lanes == 1 ? count * LANES : count; lane < LANES; lane++)
    sums[lane] = 0;
  return tree_of_doubles(sums);
}

/* What is done at once in one pass after the other: both find it in the first cache. */
#define CHUNK 1024

static void normalisationStatistics(struct thread *thread, const struct normalisationStatistics *call) {
  double *sums = ARRAY(double, sums);
  const long lanes = call->lanes, run = (long)call->positions * lanes,
             count = smaller(ARRAY(const int32_t, header)[HEADER_COUNT], lanes);
  for (long map = 0; map < (long)call->maps; map++) {
    const float *input = ARRAY(const float, input) + map * run;
    eight_doubles values = {0}, squares = {0};
    for (long n = 0; n < run; n += LANES) {
      const eight_doubles x = in_doubles(load_eight(input + n, run - n));
      values = values + x;
      squares = squares + x * x;
    }
    sums[2 * map] = sums[2 * map] + sum_of(values, lanes, count);
    sums[2 * map + 1] = sums[2 * map + 1] + sum_of(squares, lanes, count);
  }
}

struct pair {
  double first, second;
};

/* The pair of sums of one map over all shards, in order. */
static struct pair total_of(const char *sums, long map, long shards, long stride) {
  struct pair total = {((const double *)sums)[2 * map], ((const double *)sums)[2 * map + 1]};
  for (long shard = 1; shard < shards; shard++) {
    const double *at = (const double *)(sums + shard * stride) + 2 * map;
    total.first = total.first + at[0];
    total.second = total.second + at[1];
  }
  return total;
}

static void normalisationMoments(struct thread *thread, const struct normalisationMoments *call) {
  const double *settings = ARRAY(const double, settings);
  const double n = settings[0], momentum = settings[1], epsilon = settings[2];
  float *moments = ARRAY(float, moments);
  for (long map = 0; map < (long)call->maps; map++) {
    const struct pair total = total_of(ARRAY(const char, sums), map, call->shards, call->stride);
    const double mean = total.first / n;
    double variance = total.second / n - mean * mean;
    variance = variance < 0 ? 0 : variance;
    moments[2 * map] = (float)mean;
    moments[2 * map + 1] = (float)(1 / __builtin_sqrt(variance + epsilon));
    if (!call->runningMean) continue;
    float *running_mean = ARRAY(float, runningMean), *running_variance = ARRAY(float, runningVariance);
    const double unbiased = n > 1 ? variance * (n / (n - 1)) : variance, old_mean = running_mean[map],
                 old_variance = running_variance[map];
    running_mean[map] = (float)(old_mean + momentum * (mean - old_mean));
    running_variance[map] = (float)(old_variance + momentum * (unbiased - old_variance));
  }
}

/* Lanes from `count` on become 0. */
static void clear_lanes(float *values, long positions, long count, long lanes) {
  if (count >= lanes) return;
  for (long position = 0; position < positions; position++)
    memset(values + position * lanes + count, 0, (size_t)(lanes - count) * 4);
}

static void normalisationForward(struct thread *thread, const struct normalisationForward *call) {
  const float *input = ARRAY(const float, input), *moments = ARRAY(const float, moments),
              *weight = ARRAY(const float, weight), *bias = ARRAY(const float, bias),
              *shortcut = call->shortcut ? ARRAY(const float, shortcut) : 0;
  float *output = ARRAY(float, output);
  const long lanes = call->lanes, run = (long)call->positions * lanes,
             count = smaller(ARRAY(const int32_t, header)[HEADER_COUNT], lanes);
  for (long map = 0; map < (long)call->maps; map++) {
    const float mean = moments[2 * map], inverse = moments[2 * map + 1], w = weight[map], b = bias[map];
    const float *x = input + map * run;
    float *out = output + map * run;
    for (long at = 0; at < run; at += CHUNK) {
      const long some = smaller(CHUNK, run - at);
      if (shortcut) {
        const float *more = shortcut + map * run + at;
        EACH_VECTOR(some, store_part(out + at + n, (load(x + at + n) - mean) * inverse * w + b + load(more + n), size));
      } else
        EACH_VECTOR(some, store_part(out + at + n, (load(x + at + n) - mean) * inverse * w + b, size));
      activate_run(call->activation, out + at, some);
    }
    clear_lanes(out, call->positions, count, lanes);
  }
}

static void normalisationBackwardStatistics(struct thread *thread, const struct normalisationBackwardStatistics *call) {
  const float *moments = ARRAY(const float, moments);
  double *sums = ARRAY(double, sums);
  const long lanes = call->lanes, run = (long)call->positions * lanes,
             count = smaller(ARRAY(const int32_t, header)[HEADER_COUNT], lanes);
  for (long map = 0; map < (long)call->maps; map++) {
    const float mean = moments[2 * map], inverse = moments[2 * map + 1];
    const float *delta = ARRAY(const float, delta) + map * run, *input = ARRAY(const float, input) + map * run;
    eight_doubles deltas = {0}, products = {0};
    for (long n = 0; n < run; n += LANES) {
      const eight_doubles d = in_doubles(load_eight(delta + n, run - n));
      deltas = deltas + d;
      products = products + d * in_doubles((load_eight(input + n, run - n) - mean) * inverse);
    }
    sums[2 * map] = sums[2 * map] + sum_of(deltas, lanes, count);
    sums[2 * map + 1] = sums[2 * map + 1] + sum_of(products, lanes, count);
  }
}

static void normalisationBackwardMoments(struct thread *thread, const struct normalisationBackwardMoments *call) {
  const double n = *ARRAY(const double, settings);
  float *means = ARRAY(float, means), *weight = ARRAY(float, weightGradient), *bias = ARRAY(float, biasGradient);
  for (long map = 0; map < (long)call->maps; map++) {
    const struct pair total = total_of(ARRAY(const char, sums), map, call->shards, call->stride);
    means[2 * map] = (float)(total.first / n);
    means[2 * map + 1] = (float)(total.second / n);
    bias[map] = (float)total.first;
    weight[map] = (float)total.second;
  }
}

static void normalisationBackward(struct thread *thread, const struct normalisationBackward *call) {
  const float *delta = ARRAY(const float, delta), *input = ARRAY(const float, input),
              *moments = ARRAY(const float, moments);
  const float *means = ARRAY(const float, means), *weight = ARRAY(const float, weight);
  float *output = ARRAY(float, output);
  const long lanes = call->lanes, run = (long)call->positions * lanes,
             count = smaller(ARRAY(const int32_t, header)[HEADER_COUNT], lanes);
  for (long map = 0; map < (long)call->maps; map++) {
    const float mean = moments[2 * map], inverse = moments[2 * map + 1], first = means[2 * map],
                second = means[2 * map + 1];
    const float factor = inverse * weight[map];
    const float *x = input + map * run, *d = delta + map * run;
    float *out = output + map * run;
    for (long at = 0; at < run; at += CHUNK) {
      const long some = smaller(CHUNK, run - at);
      EACH_VECTOR(some, const wide normalised = (load(x + at + n) - mean) * inverse;
                  store_part(out + at + n, ((load(d + at + n) - first) - normalised * second) * factor, size));
      gate_run(call->gate, out + at, x + at, out + at, some);
    }
    clear_lanes(out, call->positions, count, lanes);
  }
}
