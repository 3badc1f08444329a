/*
 * Learned combinations of feature maps (Bouvrie §3.3): weights α_ij·k_ij with α_·j = softmax(c_·j), their gradients,
 * and the penalties of §3.3.1. mix (c), alpha, logAlpha [map][input]; filters and weights [input][tap][map], shared
 * filters [input][tap]. Small arrays, done number by number in the order of the contract; only exp and log use a
 * register.
 */
#include "elementary.h"
#include "thread.h"

static float exp_of_one(float x) { return exp_of(splat(x))[0]; }
static float log_of_one(float x) { return log_of(splat(x))[0]; }

static void combinationAlpha(struct thread *thread, const struct combinationAlpha *call) {
  const long inputs = call->inputs;
  for (long map = 0; map < (long)call->maps; map++) {
    const float *c = ARRAY(const float, mix) + map * inputs;
    float *alpha = ARRAY(float, alpha) + map * inputs, *log_alpha = ARRAY(float, logAlpha) + map * inputs;
    float m = c[0], sum = 0;
    for (long i = 1; i < inputs; i++)
      m = c[i] > m || c[i] != c[i] ? c[i] : m;
    for (long i = 0; i < inputs; i++) {
      alpha[i] = exp_of_one(c[i] - m);
      sum = sum + alpha[i];
    }
    const float log_sum = log_of_one(sum);
    for (long i = 0; i < inputs; i++) {
      alpha[i] = alpha[i] / sum;
      log_alpha[i] = (c[i] - m) - log_sum;
    }
  }
}

static void combinationWeights(struct thread *thread, const struct combinationWeights *call) {
  const float *filters = ARRAY(const float, filters), *alpha = ARRAY(const float, alpha);
  float *weights = ARRAY(float, weights);
  const long inputs = call->inputs, area = call->area, maps = call->maps;
  for (long i = 0; i < inputs; i++)
    for (long k = 0; k < area; k++)
      for (long j = 0; j < maps; j++) {
        const long tap = i * area + k;
        weights[tap * maps + j] = alpha[j * inputs + i] * filters[call->shared ? tap : tap * maps + j];
      }
}

static void combinationGradient(struct thread *thread, const struct combinationGradient *call) {
  const float *gradient = ARRAY(const float, gradient), *filters = ARRAY(const float, filters),
              *alpha = ARRAY(const float, alpha);
  float *filter_gradient = ARRAY(float, filterGradient), *mix_gradient = ARRAY(float, mixGradient),
        *work = ARRAY(float, work);
  const long inputs = call->inputs, area = call->area, maps = call->maps;
  for (long i = 0; i < inputs; i++)
    for (long k = 0; k < area; k++) {
      const long tap = i * area + k;
      float sum = 0;
      for (long j = 0; j < maps; j++) {
        const float product = alpha[j * inputs + i] * gradient[tap * maps + j];
        if (call->shared)
          sum = sum + product;
        else
          filter_gradient[tap * maps + j] = product;
      }
      if (call->shared) filter_gradient[tap] = sum;
    }
  for (long j = 0; j < maps; j++) {
    float total = 0;
    for (long i = 0; i < inputs; i++) {
      float sum = 0;
      for (long k = 0; k < area; k++) {
        const long tap = i * area + k;
        sum = sum + filters[call->shared ? tap : tap * maps + j] * gradient[tap * maps + j];
      }
      work[j * inputs + i] = sum;
      total = total + sum * alpha[j * inputs + i];
    }
    for (long i = 0; i < inputs; i++)
      mix_gradient[j * inputs + i] = alpha[j * inputs + i] * (work[j * inputs + i] - total);
  }
}

/* α·∂Ω/∂α of one coefficient, without λ. */
static float slope_of(uint32_t penalty, float alpha, float log_alpha) {
  switch (penalty) {
  case PENALTY_l1:
    return alpha;
  case PENALTY_entropy:
    return -(alpha * (log_alpha + 1.0f));
  case PENALTY_half:
    return __builtin_sqrtf(alpha) * 0.5f;
  default:
    return -2.0f * (alpha * alpha);
  }
}

/* One term of Ω, without λ. */
static float term_of(uint32_t penalty, float alpha, float log_alpha) {
  switch (penalty) {
  case PENALTY_l1:
    return alpha;
  case PENALTY_entropy:
    return -(alpha * log_alpha);
  case PENALTY_half:
    return __builtin_sqrtf(alpha);
  default:
    return -(alpha * alpha);
  }
}

static void combinationPenalty(struct thread *thread, const struct combinationPenalty *call) {
  const float *all_alpha = ARRAY(const float, alpha), *all_logs = ARRAY(const float, logAlpha),
              strength = *ARRAY(const float, strength);
  float *mix_gradient = ARRAY(float, mixGradient);
  double *omega = ARRAY(double, omega), total = 0;
  const long inputs = call->inputs;
  for (long map = 0; call->penalty != PENALTY_none && map < (long)call->maps; map++) {
    const float *alpha = all_alpha + map * inputs, *logs = all_logs + map * inputs;
    float sum = 0;
    for (long i = 0; i < inputs; i++) {
      sum = sum + strength * slope_of(call->penalty, alpha[i], logs[i]);
      total = total + (double)term_of(call->penalty, alpha[i], logs[i]);
    }
    if (call->penalty == PENALTY_l1) sum = strength;
    for (long i = 0; i < inputs; i++)
      mix_gradient[map * inputs + i] =
          mix_gradient[map * inputs + i] + (strength * slope_of(call->penalty, alpha[i], logs[i]) - alpha[i] * sum);
  }
  *omega = total * (double)strength;
}

static void mask(struct thread *thread, const struct mask *call) {
  float *gradient = ARRAY(float, gradient);
  const uint8_t *connected = ARRAY(const uint8_t, mask);
  const long area = call->area, maps = call->maps;
  for (long i = 0; i < (long)call->inputs; i++)
    for (long k = 0; k < area; k++)
      for (long j = 0; j < maps; j++)
        if (!connected[i * maps + j]) gradient[(i * area + k) * maps + j] = 0.0f;
}
