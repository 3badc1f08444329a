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
  EACH_VECTOR(count, store_part(output + n, load(output + n) + gated(gate, load(delta + n), load(input + n)), size))

static void add_gated(uint32_t gate, const float *delta, const float *input, float *output, long count) {
  const uint32_t activation = gate & ~(uint32_t)GATE_SQUARED;
  if (gate & GATE_SQUARED)
    FOR_ACTIVATION(activation, f, ADD_GATED(f | GATE_SQUARED))
  else
    FOR_ACTIVATION(activation, f, ADD_GATED(f))
}

/* A row of which each stride-th pixel has a δ: those pixels of the input, then their gated δ, lie in `near` side by
 * side. */
static void add_gated_pixels(uint32_t gate, const float *delta, const float *input, float *output, long pixels,
                             long step, long lanes, float *near) {
  for (long pixel = 0; pixel < pixels; pixel++)
    copy_floats(near + pixel * lanes, input + pixel * step, lanes);
  gate_run(gate, delta, near, near, pixels * lanes);
  for (long pixel = 0; pixel < pixels; pixel++) {
    float *at = output + pixel * step;
    const float *more = near + pixel * lanes;
    if (lanes == LANES)
      for (long part = 0; part < LANES; part += NARROW)
        *(narrow_at *)(at + part) = *(narrow_at *)(at + part) + *(const narrow_at *)(more + part);
    else
      *at += *more;
  }
}

static void residualBackward(struct thread *thread, const struct residualBackward *call) {
  const float *delta = ARRAY(const float, delta), *input = ARRAY(const float, input);
  float *output = ARRAY(float, output);
  const long stride = call->stride, rows = call->rows, lanes = call->lanes, run = (long)call->columns * lanes;
  if (stride == 1) {
    add_gated(call->gate, delta, input, output, call->maps * rows * run);
    return;
  }
  const long pixels = divided_up(call->columns, stride);
  float *near = scratch(thread, pixels * lanes + WIDE);
  for (long map = 0; map < (long)call->maps; map++)
    for (long row = 0; row < rows; row += stride, delta += pixels * lanes) {
      const long at = (map * rows + row) * run;
      add_gated_pixels(call->gate, delta, input + at, output + at, pixels, stride * lanes, lanes, near);
    }
}
