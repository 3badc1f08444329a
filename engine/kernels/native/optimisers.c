/*
 * From the shards' gradients to new parameters: their sum in shard order, its norm, and the update rules (Bouvrie (2),
 * Nesterov, Adam, stochastic diagonal Levenberg–Marquardt). Flat arrays of floats; a vector at a time, every element on
 * its own.
 */
#include "thread.h"
#include "vectors.h"

ALWAYS wide root_of(wide x) {
  wide y;
  for (int n = 0; n < WIDE; n++)
    y[n] = __builtin_sqrtf(x[n]);
  return y;
}

static void reduce(struct thread *thread, const struct reduce *call) {
  const char *gradients = ARRAY(const char, gradients);
  float *output = ARRAY(float, output);
  const float factor = *ARRAY(const float, scale);
  const long shards = call->shards, stride = call->stride;
  EACH_VECTOR(call->count, wide sum = load((const float *)gradients + n);
              for (long shard = 1; shard < shards; shard++) sum =
                  sum + load((const float *)(gradients + shard * stride) + n);
              store_part(output + n, sum * factor, size));
}

static void squaredNorm(struct thread *thread, const struct squaredNorm *call) {
  const float *gradient = ARRAY(const float, gradient);
  double sums[LANES] = {0};
  const long count = call->count, whole = count / LANES * LANES;
  for (long n = 0; n < whole; n += LANES)
    for (long k = 0; k < LANES; k++) {
      const double g = gradient[n + k];
      sums[k] = sums[k] + g * g;
    }
  for (long n = whole; n < count; n++) {
    const double g = gradient[n];
    sums[n - whole] = sums[n - whole] + g * g;
  }
  *ARRAY(double, partial) = tree_of_doubles(sums);
}

static void scale(struct thread *thread, const struct scale *call) {
  float *gradient = ARRAY(float, gradient);
  const float factor = *ARRAY(const float, scale);
  EACH_VECTOR(call->count, store_part(gradient + n, load(gradient + n) * factor, size));
}

static void sgd(struct thread *thread, const struct sgd *call) {
  float *parameters = ARRAY(float, parameters), *velocity = ARRAY(float, velocity);
  const float *gradient = ARRAY(const float, gradient), *settings = ARRAY(const float, settings);
  const float rate = settings[0], momentum = settings[1], decay = settings[2];
  if (call->velocity == 0) {
    EACH_VECTOR(call->count, const wide w = load(parameters + n); const wide g = load(gradient + n) + decay * w;
                store_part(parameters + n, w - rate * g, size));
  } else if (call->nesterov) {
    EACH_VECTOR(call->count, const wide w = load(parameters + n); const wide g = load(gradient + n) + decay * w;
                const wide v = momentum * load(velocity + n) + g; store_part(velocity + n, v, size);
                store_part(parameters + n, w - rate * (g + momentum * v), size));
  } else {
    EACH_VECTOR(call->count, const wide w = load(parameters + n); const wide g = load(gradient + n) + decay * w;
                const wide v = momentum * load(velocity + n) + g; store_part(velocity + n, v, size);
                store_part(parameters + n, w - rate * v, size));
  }
}

static void adam(struct thread *thread, const struct adam *call) {
  float *parameters = ARRAY(float, parameters), *first = ARRAY(float, first), *second = ARRAY(float, second);
  const float *gradient = ARRAY(const float, gradient), *settings = ARRAY(const float, settings);
  const float rate = settings[0], beta1 = settings[1], rest1 = settings[2], beta2 = settings[3], rest2 = settings[4];
  const float correction = settings[5], epsilon = settings[6], decay = settings[7];
  EACH_VECTOR(call->count, const wide w = load(parameters + n); const wide g = load(gradient + n) + decay * w;
              const wide m = beta1 * load(first + n) + rest1 * g;
              const wide v = beta2 * load(second + n) + rest2 * (g * g); store_part(first + n, m, size);
              store_part(second + n, v, size);
              store_part(parameters + n, w - rate * m / (root_of(v) * correction + epsilon), size));
}

static void levenbergMarquardt(struct thread *thread, const struct levenbergMarquardt *call) {
  float *parameters = ARRAY(float, parameters);
  const float *gradient = ARRAY(const float, gradient), *curvature = ARRAY(const float, curvature),
              *settings = ARRAY(const float, settings);
  const float rate = settings[0], damping = settings[1], decay = settings[2];
  EACH_VECTOR(call->count, const wide w = load(parameters + n); const wide g = load(gradient + n) + decay * w;
              store_part(parameters + n, w - rate / (damping + load(curvature + n)) * g, size));
}
