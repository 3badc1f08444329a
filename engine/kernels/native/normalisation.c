/*
 * Batch normalisation (Ioffe & Szegedy 2015): y = (x − mean)/√(variance + ε) · weight + bias with the moments of the
 * whole batch. Sums in double, a partial sum a lane (one lane: the position mod 8), shard by shard and finished once.
 * Maps [map][position][lanes]; only the first `count` lanes hold samples, the others become 0.
 */
#include "elementary.h"
#include "thread.h"

/* Where term `position` of lane `lane` goes. */
ALWAYS long partial_of(long position, long lane, long lanes) { return lanes == 1 ? position % LANES : lane; }

static void normalisationStatistics(struct thread *thread, const struct normalisationStatistics *call) {
  const float *input = ARRAY(const float, input);
  double *sums = ARRAY(double, sums);
  const long positions = call->positions, lanes = call->lanes,
             count = smaller(ARRAY(const int32_t, header)[HEADER_COUNT], lanes);
  for (long map = 0; map < (long)call->maps; map++) {
    double values[LANES] = {0}, squares[LANES] = {0};
    for (long position = 0; position < positions; position++)
      for (long lane = 0; lane < count; lane++) {
        const double x = input[(map * positions + position) * lanes + lane];
        const long k = partial_of(position, lane, lanes);
        values[k] = values[k] + x;
        squares[k] = squares[k] + x * x;
      }
    sums[2 * map] = sums[2 * map] + tree_of_doubles(values);
    sums[2 * map + 1] = sums[2 * map + 1] + tree_of_doubles(squares);
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
              *weight = ARRAY(const float, weight), *bias = ARRAY(const float, bias);
  float *output = ARRAY(float, output);
  const long lanes = call->lanes, run = (long)call->positions * lanes,
             count = smaller(ARRAY(const int32_t, header)[HEADER_COUNT], lanes);
  for (long map = 0; map < (long)call->maps; map++) {
    const float mean = moments[2 * map], inverse = moments[2 * map + 1], w = weight[map], b = bias[map];
    const float *x = input + map * run;
    float *out = output + map * run;
    EACH_VECTOR(run, store_part(out + n, (load(x + n) - mean) * inverse * w + b, size));
    activate_run(call->activation, out, run);
    clear_lanes(out, call->positions, count, lanes);
  }
}

static void normalisationBackwardStatistics(struct thread *thread, const struct normalisationBackwardStatistics *call) {
  const float *delta = ARRAY(const float, delta), *input = ARRAY(const float, input),
              *moments = ARRAY(const float, moments);
  double *sums = ARRAY(double, sums);
  const long positions = call->positions, lanes = call->lanes,
             count = smaller(ARRAY(const int32_t, header)[HEADER_COUNT], lanes);
  for (long map = 0; map < (long)call->maps; map++) {
    const float mean = moments[2 * map], inverse = moments[2 * map + 1];
    double deltas[LANES] = {0}, products[LANES] = {0};
    for (long position = 0; position < positions; position++)
      for (long lane = 0; lane < count; lane++) {
        const long at = (map * positions + position) * lanes + lane, k = partial_of(position, lane, lanes);
        const float normalised = (input[at] - mean) * inverse;
        const double d = delta[at];
        deltas[k] = deltas[k] + d;
        products[k] = products[k] + d * (double)normalised;
      }
    sums[2 * map] = sums[2 * map] + tree_of_doubles(deltas);
    sums[2 * map + 1] = sums[2 * map + 1] + tree_of_doubles(products);
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
    EACH_VECTOR(run, const wide normalised = (load(x + n) - mean) * inverse;
                store_part(out + n, ((load(d + n) - first) - normalised * second) * factor, size));
    gate_run(call->gate, out, x, out, run);
    clear_lanes(out, call->positions, count, lanes);
  }
}
