/*
 * The sum that ends a residual block (He et al. 2016), y = f( F(x) + x ), and its way back, on which the shortcut's
 * sensitivity is added to what came through F.
 */
#include "elementary.h"
#include "thread.h"
#include "vectors.h"

static void residualForward(struct thread *thread, const struct residualForward *call) {
  const float *input = ARRAY(const float, input), *shortcut = ARRAY(const float, shortcut);
  float *output = ARRAY(float, output);
  FOR_ACTIVATION(call->activation, f,
                 EACH_VECTOR(call->count, wide v = load(input + n) + load(shortcut + n); activate(1, f, &v);
                             store_part(output + n, v, size)))
}

/* The choice of the gate stands outside of the loop: inside it, no vector is left of it. */
#define ADD_GATED(gate)                                                                                                \
  EACH_VECTOR(call->count,                                                                                             \
              store_part(output + n, load(output + n) + gated(gate, load(delta + n), load(input + n)), size))

static void residualBackward(struct thread *thread, const struct residualBackward *call) {
  const float *delta = ARRAY(const float, delta), *input = ARRAY(const float, input);
  float *output = ARRAY(float, output);
  const uint32_t activation = call->gate & ~(uint32_t)GATE_SQUARED;
  if (call->gate & GATE_SQUARED)
    FOR_ACTIVATION(activation, f, ADD_GATED(f | GATE_SQUARED))
  else
    FOR_ACTIVATION(activation, f, ADD_GATED(f))
}
