/*
 * Inverted dropout (Hinton et al. 2012): a unit is kept where a hash of its place, (key, sample, unit), reaches the
 * threshold. There is no state: forward and backward draw the same number again. [unit][lanes].
 */
#include "elementary.h"
#include "thread.h"

ALWAYS uint32_t mix(uint32_t h) {
  h ^= h >> 16;
  h *= 0x85EBCA6Bu;
  h ^= h >> 13;
  h *= 0xC2B2AE35u;
  return h ^ (h >> 16);
}

/* output = kept ? values · factor : 0. */
static void drop(const int32_t *header, uint32_t key, uint32_t threshold, float factor, const float *values,
                 float *output, long units, long lanes) {
  uint32_t samples[LANES];
  for (long lane = 0; lane < lanes; lane++)
    samples[lane] = mix(key + (uint32_t)header[HEADER_SAMPLES + lane] * 0x9E3779B1u);
  for (long unit = 0; unit < units; unit++)
    for (long lane = 0; lane < lanes; lane++) {
      const int is_kept = mix(samples[lane] + (uint32_t)unit * 0x85EBCA77u) >= threshold;
      const float value = values[unit * lanes + lane] * factor;
      output[unit * lanes + lane] = is_kept ? value : 0.0f;
    }
}

static void dropoutForward(struct thread *thread, const struct dropoutForward *call) {
  drop(ARRAY(const int32_t, header), *ARRAY(const uint32_t, key), call->threshold, *ARRAY(const float, factor),
       ARRAY(const float, input), ARRAY(float, output), call->units, call->lanes);
}

static void dropoutBackward(struct thread *thread, const struct dropoutBackward *call) {
  const float factor = *ARRAY(const float, factor);
  float *output = ARRAY(float, output);
  drop(ARRAY(const int32_t, header), *ARRAY(const uint32_t, key), call->threshold,
       call->gate & GATE_SQUARED ? factor * factor : factor, ARRAY(const float, delta), output, call->units,
       call->lanes);
  gate_run(call->gate, output, ARRAY(const float, input), output, (long)call->units * call->lanes);
}
