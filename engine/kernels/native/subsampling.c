/*
 * Bouvrie §3.2: x_j = f( β_j down(x_j) + b_j ), its way back (§3.1) δ_j = β_j ( f'(u_j) ∘ up(δ_j) ), and the gradients
 * of β and b.
 *
 * Maps [map][row][column][lanes]; output [map][⌊rows/block_rows⌋][⌊columns/block_columns⌋][lanes]. Rows and columns
 * that do not fill a block are dropped. down: the block's rows, then columns ascending, from its first pixel; a maximum
 * is replaced where new > old or new is NaN. Eight lanes: a pixel is NARROW vectors of adjacent lanes. One lane: four
 * blocks of 2×2 at a time, other blocks number by number. f and the gate run over finished rows.
 */
#include "elementary.h"
#include "thread.h"
#include "vectors.h"

ALWAYS narrow narrow_load(const float *from) { return *(const narrow_at *)from; }
ALWAYS void narrow_store(float *to, narrow value) { *(narrow_at *)to = value; }
struct blocks {
  long rows, columns, block_rows, block_columns, lanes, out_rows, out_columns;
  uint32_t reduce;
  float inverse;
};

#define BLOCKS(call)                                                                                                   \
  blocks_of((call)->rows, (call)->columns, (call)->blockRows, (call)->blockColumns, (call)->reduce, (call)->lanes)

static struct blocks blocks_of(long rows, long columns, long block_rows, long block_columns, uint32_t reduce,
                               long lanes) {
  return (struct blocks){.rows = rows,
                         .columns = columns,
                         .block_rows = block_rows,
                         .block_columns = block_columns,
                         .lanes = lanes,
                         .out_rows = rows / block_rows,
                         .out_columns = columns / block_columns,
                         .reduce = reduce,
                         .inverse = (float)(1.0 / (double)(block_rows * block_columns))};
}

/* Blocks of 2×2 are by far the most common, those of 3×3 come next. */
ALWAYS int is_side(const struct blocks *b, long side) { return b->block_rows == side && b->block_columns == side; }

/* One output row of one map in eight lanes: `kept` gets d (may be 0), `out` gets β·d + b. */
ALWAYS void down_row(const long high, const long across, const uint32_t reduce, const struct blocks *b, const float *in,
                     float *kept, float *out, float beta, float bias) {
  for (long column = 0; column < b->out_columns; column++)
    for (long part = 0; part < LANES; part += NARROW) {
      const float *at = in + column * across * LANES + part;
      narrow d = narrow_load(at);
      for (long r = 0; r < high; r++)
        for (long c = r == 0; c < across; c++) {
          const narrow x = narrow_load(at + (r * b->columns + c) * LANES);
          if (reduce == REDUCE_max)
            d = narrow_choose((x > d) | (x != x), x, d);
          else
            d = d + x;
        }
      if (reduce == REDUCE_mean) d = d * b->inverse;
      if (kept) narrow_store(kept + column * LANES + part, d);
      narrow_store(out + column * LANES + part, beta * d + bias);
    }
}

/* One number at a time: any block, and the ends of rows. */
static void down_numbers(const struct blocks *b, const float *in, float *kept, float *out, float beta, float bias,
                         long from) {
  for (long column = from; column < b->out_columns; column++) {
    const float *at = in + column * b->block_columns;
    float d = at[0];
    for (long r = 0; r < b->block_rows; r++)
      for (long c = r == 0; c < b->block_columns; c++) {
        const float x = at[r * b->columns + c];
        if (b->reduce == REDUCE_max)
          d = x > d || x != x ? x : d;
        else
          d = d + x;
      }
    if (b->reduce == REDUCE_mean) d = d * b->inverse;
    if (kept) kept[column] = d;
    out[column] = beta * d + bias;
  }
}

/* One lane, blocks of 2×2: four blocks at a time, their left and right pixels taken apart. */
ALWAYS void down_row_of_one(const uint32_t reduce, const struct blocks *b, const float *in, float *kept, float *out,
                            float beta, float bias) {
  long column = 0;
  for (; is_side(b, 2) && column + 4 <= b->out_columns; column += 4) {
    const float *above = in + 2 * column, *below = above + b->columns;
    const four a = *(const four_at *)above, a4 = *(const four_at *)(above + 4), e = *(const four_at *)below,
               e4 = *(const four_at *)(below + 4);
    const four pixels[4] = {PICK_FLOATS(a, a4, 0, 2, 4, 6), PICK_FLOATS(a, a4, 1, 3, 5, 7),
                            PICK_FLOATS(e, e4, 0, 2, 4, 6), PICK_FLOATS(e, e4, 1, 3, 5, 7)};
    four d = pixels[0];
    UNROLL for (int n = 1; n < 4; n++) {
      const four x = pixels[n];
      if (reduce == REDUCE_max)
        d = four_choose((x > d) | (x != x), x, d);
      else
        d = d + x;
    }
    if (reduce == REDUCE_mean) d = d * b->inverse;
    if (kept) *(four_at *)(kept + column) = d;
    *(four_at *)(out + column) = beta * d + bias;
  }
  down_numbers(b, in, kept, out, beta, bias, column);
}

/* The common block and the three reductions as constants. */
#define FOR_REDUCE(b, name, ...)                                                                                       \
  switch (b.reduce) {                                                                                                  \
  case REDUCE_max: {                                                                                                   \
    const uint32_t name = REDUCE_max;                                                                                  \
    __VA_ARGS__;                                                                                                       \
  } break;                                                                                                             \
  case REDUCE_mean: {                                                                                                  \
    const uint32_t name = REDUCE_mean;                                                                                 \
    __VA_ARGS__;                                                                                                       \
  } break;                                                                                                             \
  default: {                                                                                                           \
    const uint32_t name = REDUCE_sum;                                                                                  \
    __VA_ARGS__;                                                                                                       \
  } break;                                                                                                             \
  }

static void subsamplingForward(struct thread *thread, const struct subsamplingForward *call) {
  const struct blocks b = BLOCKS(call);
  const float *input = ARRAY(const float, input), *beta = ARRAY(const float, beta), *bias = ARRAY(const float, bias);
  float *output = ARRAY(float, output), *down = call->down ? ARRAY(float, down) : 0;
  const long in_row = b.columns * b.lanes, out_row = b.out_columns * b.lanes;
  for (long map = 0; map < (long)call->maps; map++)
    for (long row = 0; row < b.out_rows; row++) {
      const float *in = input + (map * b.rows + row * b.block_rows) * in_row;
      float *out = output + (map * b.out_rows + row) * out_row;
      float *kept = down ? down + (map * b.out_rows + row) * out_row : 0;
      if (b.lanes == 1)
        FOR_REDUCE(b, reduce, down_row_of_one(reduce, &b, in, kept, out, beta[map], bias[map]))
      else if (is_side(&b, 2))
        FOR_REDUCE(b, reduce, down_row(2, 2, reduce, &b, in, kept, out, beta[map], bias[map]))
      else
        FOR_REDUCE(b, reduce, down_row(b.block_rows, b.block_columns, reduce, &b, in, kept, out, beta[map], bias[map]))
    }
  activate_run(call->activation, output, (long)call->maps * b.out_rows * out_row);
}

/* up(δ): every pixel of a block gets the value, for a maximum only the first that equals d. One output row is `high`
 * rows of pixels. */
ALWAYS void up_row(const long high, const long across, const uint32_t reduce, const struct blocks *b,
                   const float *delta, const float *kept, const float *in, float *out, float slope, float inverse) {
  for (long column = 0; column < b->out_columns; column++)
    for (long part = 0; part < LANES; part += NARROW) {
      narrow value = slope * narrow_load(delta + column * LANES + part);
      if (reduce == REDUCE_mean) value = value * inverse;
      const long at = column * across * LANES + part;
      if (reduce == REDUCE_max) {
        const narrow d = narrow_load(kept + column * LANES + part), zero = (narrow)SPLAT(NARROW, 0.0f);
        narrow_ints waiting = ~(narrow_ints)zero;
        for (long r = 0; r < high; r++)
          for (long c = 0; c < across; c++) {
            const long pixel = at + (r * b->columns + c) * LANES;
            const narrow_ints wins = waiting & (narrow_load(in + pixel) == d);
            narrow_store(out + pixel, narrow_choose(wins, value, zero));
            waiting &= ~wins;
          }
      } else {
        for (long r = 0; r < high; r++)
          for (long c = 0; c < across; c++)
            narrow_store(out + at + (r * b->columns + c) * LANES, value);
      }
    }
}

/*
 * What a gate makes of a block's maximum d, which is what it makes of the pixel that receives the value; to all others'
 * zeros it changes nothing: `low` for d ≤ 0, 1 otherwise. So the two gates that are never NaN need no pass of their
 * own, where a block's pixels are unrolled; in a loop over them the pass costs less.
 */
static int gates_maximum(const struct blocks *b, uint32_t gate, float *low) {
  const uint32_t activation = gate & ~(uint32_t)GATE_SQUARED;
  const int is_relu = activation == ACTIVATION_relu, is_leaky = activation == ACTIVATION_leaky_relu;
  const float slope = is_leaky ? LEAKY_SLOPE : 0.0f;
  *low = gate & GATE_SQUARED ? slope * slope : slope;
  return b->lanes == LANES && b->reduce == REDUCE_max && (is_relu || is_leaky) && (is_side(b, 2) || is_side(b, 3));
}

/* The same of a maximum over side × side pixels, through that gate. */
ALWAYS void up_gated_row(const long side, const struct blocks *b, const float *delta, const float *kept,
                         const float *in, float *out, float slope, float low) {
  const narrow zero = (narrow)SPLAT(NARROW, 0.0f), one = (narrow)SPLAT(NARROW, 1.0f);
  for (long column = 0; column < b->out_columns; column++)
    for (long part = 0; part < LANES; part += NARROW) {
      const narrow d = narrow_load(kept + column * LANES + part);
      const narrow factor = narrow_choose(d <= 0.0f, (narrow)SPLAT(NARROW, low), one);
      const narrow value = slope * narrow_load(delta + column * LANES + part) * factor;
      narrow_ints waiting = ~(narrow_ints)zero;
      UNROLL for (long r = 0; r < side; r++) UNROLL for (long c = 0; c < side; c++) {
        const long pixel = column * side * LANES + part + (r * b->columns + c) * LANES;
        const narrow_ints wins = waiting & (narrow_load(in + pixel) == d);
        narrow_store(out + pixel, narrow_choose(wins, value, zero));
        waiting &= ~wins;
      }
    }
}

ALWAYS void up_numbers(const uint32_t reduce, const struct blocks *b, const float *delta, const float *kept,
                       const float *in, float *out, float slope, float inverse, long from) {
  for (long column = from; column < b->out_columns; column++) {
    float value = slope * delta[column];
    if (reduce == REDUCE_mean) value = value * inverse;
    int is_waiting = 1;
    for (long r = 0; r < b->block_rows; r++)
      for (long c = 0; c < b->block_columns; c++) {
        const long pixel = r * b->columns + column * b->block_columns + c;
        const int wins = reduce != REDUCE_max || (is_waiting && in[pixel] == kept[column]);
        out[pixel] = wins ? value : 0.0f;
        if (wins) is_waiting = 0;
      }
  }
}

/* One lane, blocks of 2×2: left and right pixels of four blocks are made apart and put side by side. */
ALWAYS void up_row_of_one(const uint32_t reduce, const struct blocks *b, const float *delta, const float *kept,
                          const float *in, float *out, float slope, float inverse) {
  long column = 0;
  for (; is_side(b, 2) && column + 4 <= b->out_columns; column += 4) {
    four value = slope * *(const four_at *)(delta + column);
    if (reduce == REDUCE_mean) value = value * inverse;
    four_ints waiting = {-1, -1, -1, -1};
    for (long r = 0; r < 2; r++) {
      const long at = r * b->columns + 2 * column;
      four l = value, g = value;
      if (reduce == REDUCE_max) {
        const four a = *(const four_at *)(in + at), a4 = *(const four_at *)(in + at + 4),
                   d = *(const four_at *)(kept + column);
        const four_ints wins_left = waiting & (PICK_FLOATS(a, a4, 0, 2, 4, 6) == d);
        waiting &= ~wins_left;
        const four_ints wins_right = waiting & (PICK_FLOATS(a, a4, 1, 3, 5, 7) == d);
        waiting &= ~wins_right;
        l = (four)(wins_left & (four_ints)value);
        g = (four)(wins_right & (four_ints)value);
      }
      *(four_at *)(out + at) = PICK_FLOATS(l, g, 0, 4, 1, 5);
      *(four_at *)(out + at + 4) = PICK_FLOATS(l, g, 2, 6, 3, 7);
    }
  }
  up_numbers(reduce, b, delta, kept, in, out, slope, inverse, column);
}

/* The pixels that no block covers. */
static void clear_dropped(const struct blocks *b, float *out) {
  const long covered_rows = b->out_rows * b->block_rows, covered = b->out_columns * b->block_columns;
  if (covered < b->columns)
    for (long row = 0; row < covered_rows; row++)
      memset(out + (row * b->columns + covered) * b->lanes, 0, (size_t)((b->columns - covered) * b->lanes) * 4);
  memset(out + covered_rows * b->columns * b->lanes, 0, (size_t)((b->rows - covered_rows) * b->columns * b->lanes) * 4);
}

static void subsamplingBackward(struct thread *thread, const struct subsamplingBackward *call) {
  const struct blocks b = BLOCKS(call);
  const float *delta = ARRAY(const float, delta), *beta = ARRAY(const float, beta), *input = ARRAY(const float, input),
              *down = ARRAY(const float, down);
  float *output = ARRAY(float, output);
  const int is_squared = (call->gate & GATE_SQUARED) != 0,
            is_linear = (call->gate & ~(uint32_t)GATE_SQUARED) == ACTIVATION_linear;
  float low = 1.0f;
  const int is_gated = gates_maximum(&b, call->gate, &low);
  const float inverse = is_squared ? b.inverse * b.inverse : b.inverse;
  const long in_row = b.columns * b.lanes, out_row = b.out_columns * b.lanes;
  for (long map = 0; map < (long)call->maps; map++) {
    const float slope = is_squared ? beta[map] * beta[map] : beta[map];
    const float *in_map = input + map * b.rows * in_row;
    float *out_map = output + map * b.rows * in_row;
    for (long row = 0; row < b.out_rows; row++) {
      const long small = (map * b.out_rows + row) * out_row, large = row * b.block_rows * in_row;
      const float *d = delta + small, *kept = down + small, *in = in_map + large;
      float *out = out_map + large;
      if (b.lanes == 1)
        FOR_REDUCE(b, reduce, up_row_of_one(reduce, &b, d, kept, in, out, slope, inverse))
      else if (is_gated && is_side(&b, 2))
        up_gated_row(2, &b, d, kept, in, out, slope, low);
      else if (is_gated)
        up_gated_row(3, &b, d, kept, in, out, slope, low);
      else if (is_side(&b, 2))
        FOR_REDUCE(b, reduce, up_row(2, 2, reduce, &b, d, kept, in, out, slope, inverse))
      else
        FOR_REDUCE(b, reduce, up_row(b.block_rows, b.block_columns, reduce, &b, d, kept, in, out, slope, inverse))
      if (b.lanes == LANES && !is_linear && !is_gated) gate_run(call->gate, out, in, out, b.block_rows * in_row);
    }
    if (b.lanes == 1 && !is_linear) gate_run(call->gate, out_map, in_map, out_map, b.out_rows * b.block_rows * in_row);
    if (b.out_columns * b.block_columns < b.columns || b.out_rows * b.block_rows < b.rows) clear_dropped(&b, out_map);
  }
}

/* `positions` vectors of eight: Σ δ·d and Σ δ, a partial sum a lane (one lane: by the position mod 8). */
static void subsamplingGradient(struct thread *thread, const struct subsamplingGradient *call) {
  const float *delta = ARRAY(const float, delta), *down = ARRAY(const float, down);
  float *beta = ARRAY(float, betaGradient), *bias = ARRAY(float, biasGradient);
  const long count = (long)call->positions * call->lanes;
  for (long map = 0; map < (long)call->maps; map++) {
    const float *d = delta + map * count, *x = down + map * count;
    float products[LANES] = {0}, values[LANES] = {0};
    const long whole = count / LANES * LANES;
    for (long part = 0; part < LANES; part += NARROW) {
      narrow product = (narrow)SPLAT(NARROW, 0.0f), value = product;
      for (long n = part; n < whole; n += LANES) {
        product = product + narrow_load(d + n) * narrow_load(x + n);
        value = value + narrow_load(d + n);
      }
      narrow_store(products + part, product);
      narrow_store(values + part, value);
    }
    for (long n = whole; n < count; n++) {
      products[n - whole] = products[n - whole] + d[n] * x[n];
      values[n - whole] = values[n - whole] + d[n];
    }
    beta[map] += tree(products);
    bias[map] += tree(values);
  }
}
