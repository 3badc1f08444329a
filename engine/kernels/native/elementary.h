/*
 * exp, log, tanh, the activations f and their gates f'(u), a vector at a time: elementary.md word for word, so that assembly gives the
 * same bits. Selects, never branches; a NaN passes. Constants are float32.
 */
#ifndef ELEMENTARY_H
#define ELEMENTARY_H

#include "contract.h"
#include "vectors.h"

ALWAYS wide exp_of(wide x) {
  const wide t = x * 1.44269504088896341f + 12582912.0f;
  const wide n = t - 12582912.0f;
  wide r = x - n * 0.693359375f;
  r = r - n * -2.12194440e-4f;
  wide p = splat(1.9875691500e-4f);
  p = p * r + 1.3981999507e-3f;
  p = p * r + 8.3334519073e-3f;
  p = p * r + 4.1665795894e-2f;
  p = p * r + 1.6666665459e-1f;
  p = p * r + 5.0000001201e-1f;
  wide y = p * (r * r) + r;
  y = y + 1.0f;
  y = y * (wide)(((wide_ints)t << 23) + 0x3f800000);
  y = choose(x > 88.37626f, splat(__builtin_inff()), y);
  return choose(x < -87.33654f, splat(0.0f), y);
}

/* x at least 1. */
ALWAYS wide log_of(wide x) {
  const wide_ints i = (wide_ints)x - 0x3f3504f3;
  const wide_ints exponent = i >> 23;
  const wide e = __builtin_convertvector(exponent, wide);
  const wide f = (wide)((wide_ints)x - (exponent << 23)) - 1.0f;
  const wide z = f * f;
  wide p = splat(7.0376836292e-2f);
  p = p * f + -1.1514610310e-1f;
  p = p * f + 1.1676998740e-1f;
  p = p * f + -1.2420140846e-1f;
  p = p * f + 1.4249322787e-1f;
  p = p * f + -1.6668057665e-1f;
  p = p * f + 2.0000714765e-1f;
  p = p * f + -2.4999993993e-1f;
  p = p * f + 3.3333331174e-1f;
  wide y = (p * f) * z;
  y = y + e * -2.12194440e-4f;
  y = y - 0.5f * z;
  y = f + y;
  y = y + e * 0.693359375f;
  return choose(x < __builtin_inff(), y, x);
}

ALWAYS wide tanh_of(wide x) {
  x = choose(x > 7.90531110763549805f, splat(7.90531110763549805f), x);
  x = choose(x < -7.90531110763549805f, splat(-7.90531110763549805f), x);
  const wide z = x * x;
  wide p = splat(-2.76076847742355e-16f);
  p = p * z + 2.00018790482477e-13f;
  p = p * z + -8.60467152213735e-11f;
  p = p * z + 5.12229709037114e-08f;
  p = p * z + 1.48572235717979e-05f;
  p = p * z + 6.37261928875436e-04f;
  p = p * z + 4.89352455891786e-03f;
  p = x * p;
  wide q = splat(1.19825839466702e-06f);
  q = q * z + 1.18534705686654e-04f;
  q = q * z + 2.26843463243900e-03f;
  q = q * z + 4.89352518554385e-03f;
  return p / q;
}

#define SCALED_TANH_A 1.7159f
#define SCALED_TANH_S ((float)(2.0 / 3.0))
#define SCALED_TANH_B ((float)(1.0 / 1.7159))
#define LEAKY_SLOPE 0.01f

/* x = f(u). */
ALWAYS wide activate(uint32_t activation, wide u) {
  switch (activation) {
    case ACTIVATION_sigmoid: return 1.0f / (1.0f + exp_of((wide)((wide_ints)u ^ INT32_MIN)));
    case ACTIVATION_tanh: return tanh_of(u);
    case ACTIVATION_scaled_tanh: return SCALED_TANH_A * tanh_of(SCALED_TANH_S * u);
    case ACTIVATION_relu: return choose(u < 0.0f, splat(0.0f), u);
    case ACTIVATION_leaky_relu: return choose(u < 0.0f, LEAKY_SLOPE * u, u);
    default: return u;
  }
}

/* f'(u) from x = f(u); never asked for linear. */
ALWAYS wide derivative(uint32_t activation, wide x) {
  switch (activation) {
    case ACTIVATION_sigmoid: return x * (1.0f - x);
    case ACTIVATION_tanh: return 1.0f - x * x;
    case ACTIVATION_scaled_tanh: return SCALED_TANH_S * (SCALED_TANH_A - (x * x) * SCALED_TANH_B);
    case ACTIVATION_relu: return choose(x <= 0.0f, splat(0.0f), splat(1.0f));
    case ACTIVATION_leaky_relu: return choose(x <= 0.0f, splat(LEAKY_SLOPE), splat(1.0f));
    default: return splat(1.0f);
  }
}

/* value · f'(u), or · f'(u)² for a squared gate. */
ALWAYS wide gated(uint32_t gate, wide value, wide x) {
  const wide g = derivative(gate & ~(uint32_t)GATE_SQUARED, x);
  return value * (gate & GATE_SQUARED ? g * g : g);
}

/* Makes the loop once for each activation, so that the choice stands outside of it. */
#define FOR_ACTIVATION(code, name, ...)                                                               \
  switch (code) {                                                                                     \
    case ACTIVATION_sigmoid: { const uint32_t name = ACTIVATION_sigmoid; __VA_ARGS__; } break;         \
    case ACTIVATION_tanh: { const uint32_t name = ACTIVATION_tanh; __VA_ARGS__; } break;               \
    case ACTIVATION_scaled_tanh: { const uint32_t name = ACTIVATION_scaled_tanh; __VA_ARGS__; } break; \
    case ACTIVATION_relu: { const uint32_t name = ACTIVATION_relu; __VA_ARGS__; } break;               \
    case ACTIVATION_leaky_relu: { const uint32_t name = ACTIVATION_leaky_relu; __VA_ARGS__; } break;   \
    default: { const uint32_t name = ACTIVATION_linear; __VA_ARGS__; } break;                          \
  }

/* values = f(values), in place. */
static void activate_run(uint32_t activation, float *values, long count) {
  if (activation == ACTIVATION_linear) return;
  FOR_ACTIVATION(activation, f, EACH_VECTOR(count, store_part(values + n, activate(f, load_part(values + n, size)), size)))
}

/* output = values · gate(x). output may be values. A linear gate copies. */
static void gate_run(uint32_t gate, const float *values, const float *x, float *output, long count) {
  const uint32_t activation = gate & ~(uint32_t)GATE_SQUARED;
  if (activation == ACTIVATION_linear) {
    if (output != values) memcpy(output, values, (size_t)count * 4);
  } else if (gate & GATE_SQUARED) {
    FOR_ACTIVATION(activation, f,
      EACH_VECTOR(count, store_part(output + n, gated(f | GATE_SQUARED, load_part(values + n, size), load_part(x + n, size)), size)))
  } else {
    FOR_ACTIVATION(activation, f, EACH_VECTOR(count, store_part(output + n, gated(f, load_part(values + n, size), load_part(x + n, size)), size)))
  }
}

#endif
