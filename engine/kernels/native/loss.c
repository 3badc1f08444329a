/*
 * The output's softmax, the losses with δ^L = ∂E/∂u^L (Bouvrie §2), the Gauss–Newton curvature at the output (LeCun
 * 1998), and the way of the outputs back to their samples' rows. Vectors [unit][lanes]; the lanes are one (part of a)
 * vector, units are its loop.
 */
#include "elementary.h"
#include "thread.h"

/* The largest unit of each of `size` lanes, rows `lanes` apart; a NaN is larger than everything. */
ALWAYS wide largest_of(const float *u, long units, long lanes, long size) {
  wide m = load(u);
  for (long unit = 1; unit < units; unit++) {
    const wide x = load(u + unit * lanes);
    m = choose((x > m) | (x != x), x, m);
  }
  return m;
}

/* Parts of a block that fit a register: one, or two halves. */
#define PART_LANES(lanes) ((lanes) < WIDE ? (lanes) : WIDE)

static void softmax_part(const float *input, float *output, long units, long lanes, long size) {
  const wide m = largest_of(input, units, lanes, size);
  wide sum = splat(0.0f);
  for (long unit = 0; unit < units; unit++) {
    const wide e = exp_of(load(input + unit * lanes) - m);
    store_part(output + unit * lanes, e, size);
    sum = sum + e;
  }
  for (long unit = 0; unit < units; unit++)
    store_part(output + unit * lanes, load(output + unit * lanes) / sum, size);
}

static void softmax(struct thread *thread, const struct softmax *call) {
  const long lanes = call->lanes, size = PART_LANES(lanes);
  for (long part = 0; part < lanes; part += size)
    softmax_part(ARRAY(const float, input) + part, ARRAY(float, output) + part, call->units, lanes, size);
}

/* ln Σ exp(u − m) − (u_t − m) of one part. */
static void cross_entropy_part(const float *logits, const int32_t *targets, float *losses, long units, long lanes,
                               long size) {
  const wide m = largest_of(logits, units, lanes, size);
  wide sum = splat(0.0f);
  for (long unit = 0; unit < units; unit++)
    sum = sum + exp_of(load(logits + unit * lanes) - m);
  float chosen[WIDE] = {0};
  for (long lane = 0; lane < size; lane++)
    if (targets[lane] >= 0) chosen[lane] = logits[targets[lane] * lanes + lane];
  store_part(losses, log_of(sum) - (load(chosen) - m), size);
}

struct errors {
  const float *output;
  float low, high;
  long units, lanes;
};

/* y − t. */
ALWAYS float error_of(const struct errors *e, int32_t target, long unit, long lane) {
  return e->output[unit * e->lanes + lane] - (unit == target ? e->high : e->low);
}

/* ½ Σ (y − t)² of one lane; its predicted unit is the first largest. */
static float squared_error(const struct errors *e, int32_t target, long lane) {
  float sum = 0;
  for (long unit = 0; unit < e->units; unit++) {
    const float error = error_of(e, target, unit, lane);
    sum = sum + error * error;
  }
  return 0.5f * sum;
}

static long predicted(const struct errors *e, long lane) {
  long best = 0;
  for (long unit = 1; unit < e->units; unit++)
    if (e->output[unit * e->lanes + lane] > e->output[best * e->lanes + lane]) best = unit;
  return best;
}

/* δ of the squared error through a softmax: y_i((y − t)_i − Σ y (y − t)). */
static void softmax_delta(const struct errors *e, int32_t target, long lane, float *delta) {
  float sum = 0;
  for (long unit = 0; unit < e->units; unit++)
    sum = sum + e->output[unit * e->lanes + lane] * error_of(e, target, unit, lane);
  for (long unit = 0; unit < e->units; unit++)
    delta[unit * e->lanes + lane] = e->output[unit * e->lanes + lane] * (error_of(e, target, unit, lane) - sum);
}

static void loss(struct thread *thread, const struct loss *call) {
  const int32_t *header = ARRAY(const int32_t, header), *labels = ARRAY(const int32_t, labels);
  const float *targets = ARRAY(const float, targets);
  double *totals = ARRAY(double, totals);
  float *delta = call->delta ? ARRAY(float, delta) : 0;
  const long lanes = call->lanes, units = call->units, count = smaller(header[HEADER_COUNT], lanes),
             size = PART_LANES(lanes);
  const struct errors errors = {ARRAY(const float, output), targets[0], targets[1], units, lanes};
  int32_t labelled[LANES];
  float losses[LANES];
  for (long lane = 0; lane < LANES; lane++)
    labelled[lane] = lane < count ? labels[header[HEADER_SAMPLES + lane]] : -1;
  if (call->kind == LOSS_cross_entropy)
    for (long part = 0; part < lanes; part += size)
      cross_entropy_part(ARRAY(const float, logits) + part, labelled + part, losses + part, units, lanes, size);
  else
    for (long lane = 0; lane < count; lane++)
      losses[lane] = squared_error(&errors, labelled[lane], lane);
  for (long lane = 0; lane < count; lane++) {
    totals[0] = totals[0] + (double)losses[lane];
    totals[1] = totals[1] + (predicted(&errors, lane) == labelled[lane] ? 1.0 : 0.0);
  }
  if (!delta) return;
  EACH_VECTOR(units * lanes, store_part(delta + n, load(errors.output + n) - errors.low, size));
  for (long lane = 0; lane < count; lane++)
    if (labelled[lane] >= 0)
      delta[labelled[lane] * lanes + lane] = errors.output[labelled[lane] * lanes + lane] - errors.high;
  for (long unit = 0; unit < units; unit++)
    for (long lane = count; lane < lanes; lane++)
      delta[unit * lanes + lane] = 0.0f;
  if (call->kind == LOSS_cross_entropy) return;
  if (call->softmax)
    for (long lane = 0; lane < count; lane++)
      softmax_delta(&errors, labelled[lane], lane, delta);
  else {
    gate_run(call->activation, delta, errors.output, delta, units * lanes);
    for (long unit = 0; unit < units; unit++)
      for (long lane = count; lane < lanes; lane++)
        delta[unit * lanes + lane] = 0.0f;
  }
}

/* h of the squared error through a softmax, every square of its Jacobian: y²((1 − y)² + Σ of the other units' y²). */
static void softmax_curvature_part(const float *output, float *delta, long units, long lanes, long size) {
  wide sum = splat(0.0f);
  for (long unit = 0; unit < units; unit++) {
    const wide y = load(output + unit * lanes);
    sum = sum + y * y;
  }
  for (long unit = 0; unit < units; unit++) {
    const wide y = load(output + unit * lanes), difference = sum - y * y;
    const wide rest = choose(difference < 0.0f, splat(0.0f), difference);
    store_part(delta + unit * lanes, (y * y) * ((1.0f - y) * (1.0f - y) + rest), size);
  }
}

static void lossCurvature(struct thread *thread, const struct lossCurvature *call) {
  const float *output = ARRAY(const float, output);
  float *delta = ARRAY(float, delta);
  const long lanes = call->lanes, count = smaller(ARRAY(const int32_t, header)[HEADER_COUNT], lanes),
             values = (long)call->units * lanes;
  if (call->kind == LOSS_cross_entropy) {
    /* y(1 − y) is the sigmoid's own derivative. */
    EACH_VECTOR(values, store_part(delta + n, derivative(ACTIVATION_sigmoid, load(output + n)), size));
  } else if (call->softmax) {
    const long size = PART_LANES(lanes);
    for (long part = 0; part < lanes; part += size)
      softmax_curvature_part(output + part, delta + part, call->units, lanes, size);
  } else {
    EACH_VECTOR(values, const wide g = derivative(call->activation, load(output + n));
                store_part(delta + n, g * g, size));
  }
  for (long unit = 0; unit < (long)call->units; unit++)
    for (long lane = count; lane < lanes; lane++)
      delta[unit * lanes + lane] = 0.0f;
}

static void scatter(struct thread *thread, const struct scatter *call) {
  const float *output = ARRAY(const float, output);
  const int32_t *header = ARRAY(const int32_t, header);
  float *results = ARRAY(float, results);
  const long units = call->units, lanes = call->lanes, count = smaller(header[HEADER_COUNT], lanes);
  for (long lane = 0; lane < count; lane++)
    for (long unit = 0; unit < units; unit++)
      results[(long)header[HEADER_RESULTS + lane] * units + unit] = output[unit * lanes + lane];
}
