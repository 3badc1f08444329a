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
typedef int32_t narrow_ints_at __attribute__((vector_size(NARROW * 4), aligned(4), may_alias));
typedef int32_t four_ints_at __attribute__((vector_size(16), aligned(4), may_alias));

/* Where a row of blocks keeps d and the winners of its maxima; 0: nowhere. */
struct kept {
  float *down;
  int32_t *winners;
};

static struct kept kept_at(struct kept kept, long place) {
  return (struct kept){kept.down ? kept.down + place : 0, kept.winners ? kept.winners + place : 0};
}

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

/* One output row of one map in eight lanes: `kept` gets d and winners, `out` gets β·d + b. */
ALWAYS void down_row(const long high, const long across, const uint32_t reduce, const struct blocks *b, const float *in,
                     struct kept kept, float *out, float beta, float bias) {
  for (long column = 0; column < b->out_columns; column++)
    for (long part = 0; part < LANES; part += NARROW) {
      const float *at = in + column * across * LANES + part;
      narrow d = narrow_load(at);
      narrow_ints winner = {0};
      for (long r = 0; r < high; r++)
        for (long c = r == 0; c < across; c++) {
          const narrow x = narrow_load(at + (r * b->columns + c) * LANES);
          if (reduce == REDUCE_max) {
            const narrow_ints wins = (x > d) | (x != x);
            d = narrow_choose(wins, x, d);
            winner = (wins & (int32_t)(r * across + c)) | (~wins & winner);
          } else
            d = d + x;
        }
      if (reduce == REDUCE_mean) d = d * b->inverse;
      if (kept.down) narrow_store(kept.down + column * LANES + part, d);
      if (reduce == REDUCE_max && kept.winners)
        *(narrow_ints_at *)(kept.winners + column * LANES + part) = winner | (d != d);
      narrow_store(out + column * LANES + part, beta * d + bias);
    }
}

/* One number at a time: any block, and the ends of rows. */
static void down_numbers(const struct blocks *b, const float *in, struct kept kept, float *out, float beta, float bias,
                         long from) {
  for (long column = from; column < b->out_columns; column++) {
    const float *at = in + column * b->block_columns;
    float d = at[0];
    int32_t winner = 0;
    for (long r = 0; r < b->block_rows; r++)
      for (long c = r == 0; c < b->block_columns; c++) {
        const float x = at[r * b->columns + c];
        if (b->reduce != REDUCE_max)
          d = d + x;
        else if (x > d || x != x) {
          d = x;
          winner = (int32_t)(r * b->block_columns + c);
        }
      }
    if (b->reduce == REDUCE_mean) d = d * b->inverse;
    if (kept.down) kept.down[column] = d;
    if (b->reduce == REDUCE_max && kept.winners) kept.winners[column] = d != d ? -1 : winner;
    out[column] = beta * d + bias;
  }
}

/* One lane, blocks of 2×2: four blocks at a time, their left and right pixels taken apart. */
ALWAYS void down_row_of_one(const uint32_t reduce, const struct blocks *b, const float *in, struct kept kept,
                            float *out, float beta, float bias) {
  long column = 0;
  for (; is_side(b, 2) && column + 4 <= b->out_columns; column += 4) {
    const float *above = in + 2 * column, *below = above + b->columns;
    const four a = *(const four_at *)above, a4 = *(const four_at *)(above + 4), e = *(const four_at *)below,
               e4 = *(const four_at *)(below + 4);
    const four pixels[4] = {PICK_FLOATS(a, a4, 0, 2, 4, 6), PICK_FLOATS(a, a4, 1, 3, 5, 7),
                            PICK_FLOATS(e, e4, 0, 2, 4, 6), PICK_FLOATS(e, e4, 1, 3, 5, 7)};
    four d = pixels[0];
    four_ints winner = {0};
    UNROLL for (int n = 1; n < 4; n++) {
      const four x = pixels[n];
      if (reduce == REDUCE_max) {
        const four_ints wins = (x > d) | (x != x);
        d = four_choose(wins, x, d);
        winner = (wins & n) | (~wins & winner);
      } else
        d = d + x;
    }
    if (reduce == REDUCE_mean) d = d * b->inverse;
    if (kept.down) *(four_at *)(kept.down + column) = d;
    if (reduce == REDUCE_max && kept.winners) *(four_ints_at *)(kept.winners + column) = winner | (d != d);
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
  float *output = ARRAY(float, output);
  const struct kept all = {call->down ? ARRAY(float, down) : 0, call->winners ? ARRAY(int32_t, winners) : 0};
  const long in_row = b.columns * b.lanes, out_row = b.out_columns * b.lanes;
  for (long map = 0; map < (long)call->maps; map++)
    for (long row = 0; row < b.out_rows; row++) {
      const float *in = input + (map * b.rows + row * b.block_rows) * in_row;
      float *out = output + (map * b.out_rows + row) * out_row;
      const struct kept kept = kept_at(all, (map * b.out_rows + row) * out_row);
      if (b.lanes == 1)
        FOR_REDUCE(b, reduce, down_row_of_one(reduce, &b, in, kept, out, beta[map], bias[map]))
      else if (is_side(&b, 2))
        FOR_REDUCE(b, reduce, down_row(2, 2, reduce, &b, in, kept, out, beta[map], bias[map]))
      else
        FOR_REDUCE(b, reduce, down_row(b.block_rows, b.block_columns, reduce, &b, in, kept, out, beta[map], bias[map]))
    }
  activate_run(call->activation, output, (long)call->maps * b.out_rows * out_row);
}

/* up(δ): every pixel of a block gets the value. One output row is `high` rows of pixels. */
ALWAYS void up_row(const long high, const long across, const uint32_t reduce, const struct blocks *b,
                   const float *delta, float *out, float slope, float inverse) {
  for (long column = 0; column < b->out_columns; column++)
    for (long part = 0; part < LANES; part += NARROW) {
      narrow value = slope * narrow_load(delta + column * LANES + part);
      if (reduce == REDUCE_mean) value = value * inverse;
      for (long r = 0; r < high; r++)
        for (long c = 0; c < across; c++)
          narrow_store(out + (column * across + r * b->columns + c) * LANES + part, value);
    }
}

/* One lane, blocks of 2×2: the values of four blocks, each twice. */
ALWAYS void up_row_of_one(const uint32_t reduce, const struct blocks *b, const float *delta, float *out, float slope,
                          float inverse) {
  long column = 0;
  for (; is_side(b, 2) && column + 4 <= b->out_columns; column += 4) {
    four value = slope * *(const four_at *)(delta + column);
    if (reduce == REDUCE_mean) value = value * inverse;
    for (long r = 0; r < 2; r++) {
      float *at = out + r * b->columns + 2 * column;
      *(four_at *)at = PICK_FLOATS(value, value, 0, 0, 1, 1);
      *(four_at *)(at + 4) = PICK_FLOATS(value, value, 2, 2, 3, 3);
    }
  }
  for (; column < b->out_columns; column++) {
    float value = slope * delta[column];
    if (reduce == REDUCE_mean) value = value * inverse;
    for (long r = 0; r < b->block_rows; r++)
      for (long c = 0; c < b->block_columns; c++)
        out[r * b->columns + column * b->block_columns + c] = value;
  }
}

/* A row of maxima: the winner of each block gets the value, all others 0. */
ALWAYS void award_row(const long high, const long across, const struct blocks *b, const float *values,
                      const int32_t *winners, float *out) {
  for (long column = 0; column < b->out_columns; column++)
    for (long part = 0; part < LANES; part += NARROW) {
      const narrow_ints value = (narrow_ints)narrow_load(values + column * LANES + part),
                        winner = *(const narrow_ints_at *)(winners + column * LANES + part);
      for (long r = 0; r < high; r++)
        for (long c = 0; c < across; c++)
          narrow_store(out + (column * across + r * b->columns + c) * LANES + part,
                       (narrow)(value & (winner == (int32_t)(r * across + c))));
    }
}

static void award_row_of_one(const struct blocks *b, const float *values, const int32_t *winners, float *out) {
  long column = 0;
  for (; is_side(b, 2) && column + 4 <= b->out_columns; column += 4) {
    const four_ints value = *(const four_ints_at *)(values + column),
                    winner = *(const four_ints_at *)(winners + column);
    for (int r = 0; r < 2; r++) {
      const four left = (four)(value & (winner == 2 * r)), right = (four)(value & (winner == 2 * r + 1));
      float *at = out + r * b->columns + 2 * column;
      *(four_at *)at = PICK_FLOATS(left, right, 0, 4, 1, 5);
      *(four_at *)(at + 4) = PICK_FLOATS(left, right, 2, 6, 3, 7);
    }
  }
  for (; column < b->out_columns; column++)
    for (long r = 0; r < b->block_rows; r++)
      for (long c = 0; c < b->block_columns; c++)
        out[r * b->columns + column * b->block_columns + c] =
            winners[column] == r * b->block_columns + c ? values[column] : 0.0f;
}

/* The pixels that no block covers. */
static void clear_dropped(const struct blocks *b, float *out) {
  const long covered_rows = b->out_rows * b->block_rows, covered = b->out_columns * b->block_columns;
  if (covered < b->columns)
    for (long row = 0; row < covered_rows; row++)
      memset(out + (row * b->columns + covered) * b->lanes, 0, (size_t)((b->columns - covered) * b->lanes) * 4);
  memset(out + covered_rows * b->columns * b->lanes, 0, (size_t)((b->rows - covered_rows) * b->columns * b->lanes) * 4);
}

/* The pixel that receives the value equals d, so d is what the gate reads. */
static void up_maximum(struct thread *thread, const struct subsamplingBackward *call, const struct blocks *b,
                       const float *delta, const float *down, const int32_t *winners, float *out, float slope) {
  const long count = b->out_columns * b->lanes;
  float *values = scratch(thread, count + WIDE);
  EACH_VECTOR(count, store_part(values + n, slope * load(delta + n), size));
  gate_run(call->gate, values, down, values, count);
  if (b->lanes == 1)
    award_row_of_one(b, values, winners, out);
  else if (is_side(b, 2))
    award_row(2, 2, b, values, winners, out);
  else if (is_side(b, 3))
    award_row(3, 3, b, values, winners, out);
  else
    award_row(b->block_rows, b->block_columns, b, values, winners, out);
}

static void subsamplingBackward(struct thread *thread, const struct subsamplingBackward *call) {
  const struct blocks b = BLOCKS(call);
  const float *delta = ARRAY(const float, delta), *beta = ARRAY(const float, beta), *input = ARRAY(const float, input),
              *down = ARRAY(const float, down);
  const int32_t *winners = ARRAY(const int32_t, winners);
  float *output = ARRAY(float, output);
  const int is_squared = (call->gate & GATE_SQUARED) != 0,
            is_linear = (call->gate & ~(uint32_t)GATE_SQUARED) == ACTIVATION_linear;
  const float inverse = is_squared ? b.inverse * b.inverse : b.inverse;
  const long in_row = b.columns * b.lanes, out_row = b.out_columns * b.lanes;
  for (long map = 0; map < (long)call->maps; map++) {
    const float slope = is_squared ? beta[map] * beta[map] : beta[map];
    float *out_map = output + map * b.rows * in_row;
    for (long row = 0; row < b.out_rows; row++) {
      const long small = (map * b.out_rows + row) * out_row, large = (map * b.rows + row * b.block_rows) * in_row;
      const float *d = delta + small;
      float *out = output + large;
      if (b.reduce == REDUCE_max) {
        up_maximum(thread, call, &b, d, down + small, winners + small, out, slope);
        continue;
      }
      if (b.lanes == 1)
        FOR_REDUCE(b, reduce, up_row_of_one(reduce, &b, d, out, slope, inverse))
      else if (is_side(&b, 2))
        FOR_REDUCE(b, reduce, up_row(2, 2, reduce, &b, d, out, slope, inverse))
      else
        FOR_REDUCE(b, reduce, up_row(b.block_rows, b.block_columns, reduce, &b, d, out, slope, inverse))
      if (!is_linear) gate_run(call->gate, out, input + large, out, b.block_rows * in_row);
    }
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
