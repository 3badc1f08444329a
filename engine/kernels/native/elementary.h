/*
 * exp, log, tanh, the activations f and their gates f'(u), a vector at a time: elementary.md word for word, so that
 * assembly gives the same bits. Selects, never branches; a NaN passes. Constants are float32.
 */
#ifndef ELEMENTARY_H
#define ELEMENTARY_H

#include "contract.h"
#include "vectors.h"

/*
 * Each function is one long chain, so a single one leaves the processor waiting: G vectors go through it abreast,
 * statement by statement. In place: v holds x, then the result.
 */
#define ABREAST UNROLL for (int n = 0; n < G; n++)
#define GROUP (REGISTERS == 32 ? 4 : 2)

ALWAYS void exp_abreast(const int G, wide *v) {
  wide t[GROUP], r[GROUP], p[GROUP];
  ABREAST t[n] = v[n] * 1.44269504088896341f + 12582912.0f;
  ABREAST p[n] = t[n] - 12582912.0f;
  ABREAST r[n] = v[n] - p[n] * 0.693359375f;
  ABREAST r[n] = r[n] - p[n] * -2.12194440e-4f;
  ABREAST p[n] = 1.9875691500e-4f * r[n] + 1.3981999507e-3f;
  ABREAST p[n] = p[n] * r[n] + 8.3334519073e-3f;
  ABREAST p[n] = p[n] * r[n] + 4.1665795894e-2f;
  ABREAST p[n] = p[n] * r[n] + 1.6666665459e-1f;
  ABREAST p[n] = p[n] * r[n] + 5.0000001201e-1f;
  ABREAST p[n] = p[n] * (r[n] * r[n]) + r[n];
  ABREAST p[n] = p[n] + 1.0f;
  ABREAST p[n] = p[n] * (wide)(((wide_ints)t[n] << 23) + 0x3f800000);
  ABREAST p[n] = choose(v[n] > 88.37626f, splat(__builtin_inff()), p[n]);
  ABREAST v[n] = choose(v[n] < -87.33654f, splat(0.0f), p[n]);
}

ALWAYS wide exp_of(wide x) {
  exp_abreast(1, &x);
  return x;
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

ALWAYS void tanh_abreast(const int G, wide *v) {
  wide z[GROUP], p[GROUP], q[GROUP];
  ABREAST v[n] = choose(v[n] > 7.90531110763549805f, splat(7.90531110763549805f), v[n]);
  ABREAST v[n] = choose(v[n] < -7.90531110763549805f, splat(-7.90531110763549805f), v[n]);
  ABREAST z[n] = v[n] * v[n];
  ABREAST p[n] = 1.0113161579e-7f * z[n] + -6.25758658716e-5f;
  ABREAST q[n] = z[n] + 101.040555883f;
  ABREAST p[n] = p[n] * z[n] + 4.17408561784e-2f;
  ABREAST p[n] = p[n] * z[n] + 12.5683164047f;
  ABREAST q[n] = q[n] * z[n] + 1945.79670322f;
  ABREAST p[n] = p[n] * z[n] + 545.478191187f;
  ABREAST q[n] = q[n] * z[n] + 4200.95748767f;
  ABREAST p[n] = p[n] * z[n] + 4200.95741709f;
  ABREAST p[n] = v[n] * p[n];
  ABREAST v[n] = p[n] / q[n];
}

/* x = f(u) of G vectors, in place. */
ALWAYS void activate(const int G, uint32_t activation, wide *v) {
  switch (activation) {
  case ACTIVATION_sigmoid:
    ABREAST v[n] = (wide)((wide_ints)v[n] ^ INT32_MIN);
    exp_abreast(G, v);
    ABREAST v[n] = 1.0f + v[n];
    ABREAST v[n] = 1.0f / v[n];
    break;
  case ACTIVATION_tanh:
    tanh_abreast(G, v);
    break;
  case ACTIVATION_scaled_tanh:
    ABREAST v[n] = SCALED_TANH_S * v[n];
    tanh_abreast(G, v);
    ABREAST v[n] = SCALED_TANH_A * v[n];
    break;
  case ACTIVATION_relu:
    ABREAST v[n] = choose(v[n] < 0.0f, splat(0.0f), v[n]);
    break;
  case ACTIVATION_leaky_relu:
    ABREAST v[n] = choose(v[n] < 0.0f, LEAKY_SLOPE * v[n], v[n]);
    break;
  default:
    break;
  }
}

/* f'(u) from x = f(u); never asked for linear. */
ALWAYS wide derivative(uint32_t activation, wide x) {
  switch (activation) {
  case ACTIVATION_sigmoid:
    return x * (1.0f - x);
  case ACTIVATION_tanh:
    return 1.0f - x * x;
  case ACTIVATION_scaled_tanh:
    return SCALED_TANH_S * (SCALED_TANH_A - (x * x) * SCALED_TANH_B);
  case ACTIVATION_relu:
    return choose(x <= 0.0f, splat(0.0f), splat(1.0f));
  case ACTIVATION_leaky_relu:
    return choose(x <= 0.0f, splat(LEAKY_SLOPE), splat(1.0f));
  default:
    return splat(1.0f);
  }
}

/* value · f'(u), or · f'(u)² for a squared gate. */
ALWAYS wide gated(uint32_t gate, wide value, wide x) {
  const wide g = derivative(gate & ~(uint32_t)GATE_SQUARED, x);
  return value * (gate & GATE_SQUARED ? g * g : g);
}

/* Makes the loop once for each activation, so that the choice stands outside of it. */
#define FOR_ACTIVATION(code, name, ...)                                                                                \
  switch (code) {                                                                                                      \
  case ACTIVATION_sigmoid: {                                                                                           \
    const uint32_t name = ACTIVATION_sigmoid;                                                                          \
    __VA_ARGS__;                                                                                                       \
  } break;                                                                                                             \
  case ACTIVATION_tanh: {                                                                                              \
    const uint32_t name = ACTIVATION_tanh;                                                                             \
    __VA_ARGS__;                                                                                                       \
  } break;                                                                                                             \
  case ACTIVATION_scaled_tanh: {                                                                                       \
    const uint32_t name = ACTIVATION_scaled_tanh;                                                                      \
    __VA_ARGS__;                                                                                                       \
  } break;                                                                                                             \
  case ACTIVATION_relu: {                                                                                              \
    const uint32_t name = ACTIVATION_relu;                                                                             \
    __VA_ARGS__;                                                                                                       \
  } break;                                                                                                             \
  case ACTIVATION_leaky_relu: {                                                                                        \
    const uint32_t name = ACTIVATION_leaky_relu;                                                                       \
    __VA_ARGS__;                                                                                                       \
  } break;                                                                                                             \
  default: {                                                                                                           \
    const uint32_t name = ACTIVATION_linear;                                                                           \
    __VA_ARGS__;                                                                                                       \
  } break;                                                                                                             \
  }

/* values = f(values), in place. */
static void activate_run(uint32_t activation, float *values, long count) {
  if (activation == ACTIVATION_linear) return;
  FOR_ACTIVATION(activation, f, {
    for (; count >= GROUP * WIDE; count -= GROUP * WIDE, values += GROUP * WIDE) {
      wide v[GROUP];
      UNROLL for (int n = 0; n < GROUP; n++) v[n] = load(values + n * WIDE);
      activate(GROUP, f, v);
      UNROLL for (int n = 0; n < GROUP; n++) store(values + n * WIDE, v[n]);
    }
    EACH_VECTOR(count, wide v = load(values + n); activate(1, f, &v); store_part(values + n, v, size));
  })
}

/* output = values · gate(x). output may be values. A linear gate copies. */
static void gate_run(uint32_t gate, const float *values, const float *x, float *output, long count) {
  const uint32_t activation = gate & ~(uint32_t)GATE_SQUARED;
  if (activation == ACTIVATION_linear) {
    if (output != values) memcpy(output, values, (size_t)count * 4);
  } else if (gate & GATE_SQUARED) {
    FOR_ACTIVATION(
        activation, f,
        EACH_VECTOR(count, store_part(output + n, gated(f | GATE_SQUARED, load(values + n), load(x + n)), size)))
  } else {
    FOR_ACTIVATION(activation, f,
                   EACH_VECTOR(count, store_part(output + n, gated(f, load(values + n), load(x + n)), size)))
  }
}

#endif
