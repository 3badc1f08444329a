/*
 * A convolution of a prediction in `fast` numerics as one call: the padding, the sums, the shortcut of a residual
 * block, f. By Winograd the zeros around the input are never written down, and filters may come transformed.
 */
#include "elementary.h"
#include "thread.h"
#include "tiles.h"

static void convolutionFused(struct thread *thread, const struct convolutionFused *call) {
  const long padding = call->padding;
  const struct convolution_shape s =
      shape_of_convolution(call->inputs, call->rows + 2 * padding, call->columns + 2 * padding, call->maps, call->size,
                           call->stride, call->lanes);
  const float *input = ARRAY(const float, input), *weights = ARRAY(const float, weights),
              *bias = ARRAY(const float, bias);
  float *output = ARRAY(float, output);
  const struct ending ending = {
      .activation = call->activation, .shortcut = call->shortcut ? ARRAY(const float, shortcut) : 0, .output = output};
#if FAST
  if (goes_by_winograd(&s)) {
    const float *prepared = call->prepared ? ARRAY(const float, prepared) : 0;
    forward_by_winograd(thread, &s, padding, prepared, input, weights, bias, output, &ending);
    return;
  }
#endif
  if (padding > 0) {
    const struct pad padded = {OPCODE_pad, call->input,   call->padded,  call->inputs,
                               call->rows, call->columns, call->padding, call->lanes};
    pad(thread, &padded);
    input = ARRAY(const float, padded);
  }
  forward_directly(thread, &s, input, weights, bias, output, &ending);
}

static void convolutionPrepare(struct thread *thread, const struct convolutionPrepare *call) {
#if FAST
  const long inputs = call->inputs, maps = call->maps;
  if (inputs < LANES || maps < LANES) return;
  const struct winograd w = {.inputs = inputs, .maps = maps, .w_input = 9 * maps, .w_map = 1, .w_tap = maps};
  float *prepared = ARRAY(float, prepared);
  transform_panels(&w, ARRAY(const float, weights), prepared);
  if (maps % NARROW == 0) transform_alone(&w, ARRAY(const float, weights), prepared + floats_of_panels(inputs, maps));
#else
  (void)thread, (void)call;
#endif
}
