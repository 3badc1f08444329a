/*
 * §2 and equations (1), (2): x = f(W x + b), Wᵀδ ∘ f'(u), and the gradient δ xᵀ. weights [input][unit].
 *
 * Eight lanes, forward: vectors run over units (adjacent weights), the eight lanes of an input are broadcast; a
 * finished tile is turned to [unit][lane] on its way out. Backward: weights are broadcast, vectors are the lanes of δ.
 * Gradient: δ is turned to [lane][unit] once, then each weight is a chain over the lanes. One lane: vectors over units
 * throughout.
 */
#include "elementary.h"
#include "thread.h"
#include "tiles.h"

/*
 * A run of `count` steps that move a and b by fixed strides: steps of STRETCH taps as outer loop, then the rest as a
 * loop of its own, which goes on from the sums that stand in c.
 */
#define STRETCH 32
static void run_tile(tile_function tile, struct reach reach, long count, long a_step, long b_step, const float *a,
                     const float *b, float *c, const float *bias) {
  struct tap table[STRETCH];
  for (long tap = 0; tap < smaller(STRETCH, count); tap++)
    table[tap] = (struct tap){(int32_t)(tap * a_step * 4), (int32_t)(tap * b_step * 4)};
  reach.table = table;
  reach.taps = STRETCH;
  reach.outer = count / STRETCH;
  reach.a_outer = STRETCH * a_step;
  reach.b_outer = STRETCH * b_step;
  if (reach.outer > 0) tile(&reach, a, b, c, bias);
  if (reach.outer > 0 && count % STRETCH == 0) return;
  a += reach.outer * reach.a_outer;
  b += reach.outer * reach.b_outer;
  if (reach.outer > 0) reach.start = START_OUTPUT;
  reach.outer = 1;
  reach.taps = count % STRETCH;
  tile(&reach, a, b, c, bias);
}

/* Lanes broadcast at once: all eight where their sums fit. */
#define LANE_TILE (REGISTERS == 32 ? 8 : 4)

/* `vectors` vectors of units from `from` on, all lanes, to output [unit][lane]. */
static void forward_units(const float *x, const float *weights, const float *bias, float *output, long inputs,
                          long units, long from, long vectors) {
  float sums[LANE_TILE * 6 * NARROW];
  const long count = vectors * NARROW;
  const struct reach reach = {.a_map = 1, .c_map = count, .start = START_BIASES};
  for (long lane = 0; lane < LANES; lane += LANE_TILE) {
    run_tile(contiguous_tiles[LANE_TILE][vectors], reach, inputs, LANES, units, x + lane, weights + from, sums,
             bias + from);
    transpose(sums, count, output + from * LANES + lane, LANES, LANE_TILE, count);
  }
}

static void forward_block(const float *x, const float *weights, const float *bias, float *output, long inputs,
                          long units) {
  if (units < NARROW) {
    const struct reach reach = {.a_map = 1, .c_map = LANES, .start = START_BIAS};
    for (long unit = 0; unit < units;) {
      const long count = smaller(6, units - unit);
      for (long part = 0; part < LANES; part += NARROW)
        run_tile(strided_tiles[count][1], reach, inputs, units, LANES, weights + unit, x + part,
                 output + unit * LANES + part, bias + unit);
      unit += count;
    }
    return;
  }
  const long vectors = units / NARROW, tiles = divided_up(vectors, TILE_MOST(LANE_TILE));
  for (long tile = 0; tile < tiles; tile++) {
    const long vector = cut(vectors, tiles, tile), count = cut(vectors, tiles, tile + 1) - vector;
    forward_units(x, weights, bias, output, inputs, units, vector * NARROW, count);
  }
  /* What is left is computed in a vector that ends with the row; some units are computed twice, to the same bits. */
  if (units % NARROW) forward_units(x, weights, bias, output, inputs, units, units - NARROW, 1);
}

/* One lane: a single row of vectors over units. */
static void forward_sample(const float *x, const float *weights, const float *bias, float *output, long inputs,
                           long units) {
  if (units < NARROW) {
    const struct reach reach = {.a_map = 1, .c_map = 1, .start = START_BIAS};
    for (long unit = 0; unit < units;) {
      const long count = smaller(4, units - unit);
      run_tile(single_tiles[count], reach, inputs, units, 1, weights + unit, x, output + unit, bias + unit);
      unit += count;
    }
    return;
  }
  struct reach reach = {.start = START_BIASES};
  const long vectors = divided_up(units, NARROW), tiles = divided_up(vectors, TILE_VECTORS);
  for (long tile = 0; tile < tiles; tile++) {
    const long vector = cut(vectors, tiles, tile), count = cut(vectors, tiles, tile + 1) - vector;
    /* The last vectors end with the row. */
    const long from = vector * NARROW, spare = larger(0, from + count * NARROW - units);
    if (spare == 0)
      run_tile(contiguous_tiles[1][count], reach, inputs, 1, units, x, weights + from, output + from, bias + from);
    else if (count <= 2) {
      reach.b_step = reach.c_step = NARROW - spare;
      run_tile(strided_tiles[1][count], reach, inputs, 1, units, x, weights + from - (count == 1 ? spare : 0),
               output + from - (count == 1 ? spare : 0), bias + from - (count == 1 ? spare : 0));
    } else {
      run_tile(contiguous_tiles[1][count - 1], reach, inputs, 1, units, x, weights + from, output + from, bias + from);
      run_tile(contiguous_tiles[1][1], reach, inputs, 1, units, x, weights + units - NARROW, output + units - NARROW,
               bias + units - NARROW);
    }
  }
}

static void denseForward(struct thread *thread, const struct denseForward *call) {
  const float *x = ARRAY(const float, input), *weights = ARRAY(const float, weights), *bias = ARRAY(const float, bias);
  float *output = ARRAY(float, output);
  if (call->lanes == LANES)
    forward_block(x, weights, bias, output, call->inputs, call->units);
  else
    forward_sample(x, weights, bias, output, call->inputs, call->units);
  activate_run(call->activation, output, (long)call->units * call->lanes);
}

#define ROWS_AT_ONCE 4

/* Eight partial sums of weights[row][u] · δ[u] by u mod 8 for each of four rows; `behind` masks what lies behind the
 * last unit of a row. */
ALWAYS void row_products(const float *d, const float *weights, long units, const narrow_ints *behind, float *sums) {
  const long whole = units / LANES, rest = units % LANES;
  for (long part = 0; part < LANES; part += NARROW) {
    narrow sum[ROWS_AT_ONCE];
    UNROLL for (int n = 0; n < ROWS_AT_ONCE; n++) sum[n] = (narrow)SPLAT(NARROW, 0.0f);
    const float *w = weights + part;
    for (long vector = 0; vector < whole; vector++, w += LANES) {
      const narrow v = *(const narrow_at *)(d + vector * LANES + part);
      UNROLL for (int n = 0; n < ROWS_AT_ONCE; n++) sum[n] = sum[n] + *(const narrow_at *)(w + n * units) * v;
    }
    if (rest > part) {
      const narrow v = *(const narrow_at *)(d + whole * LANES + part);
      UNROLL for (int n = 0; n < ROWS_AT_ONCE; n++) sum[n] =
          sum[n] + (narrow)((narrow_ints) * (const narrow_at *)(w + n * units) & behind[part / NARROW]) * v;
    }
    UNROLL for (int n = 0; n < ROWS_AT_ONCE; n++) * (narrow_at *)(sums + n * LANES + part) = sum[n];
  }
}

/* One lane: output[i] = tree of the eight partial sums, four inputs at a time. δ is copied with zeros behind, and so
 * are the last rows, whose vectors would end outside. */
static void backward_sample(struct thread *thread, const float *delta, const float *weights, float *output, long inputs,
                            long units) {
  const long pitch = divided_up(units, LANES) * LANES;
  float *d = scratch(thread, pitch + ROWS_AT_ONCE * units + LANES), *last = d + pitch;
  memset(d + units / LANES * LANES, 0, (size_t)(pitch - units / LANES * LANES) * 4);
  memcpy(d, delta, (size_t)units * 4);
  narrow_ints behind[PARTS];
  for (long n = 0; n < LANES; n++)
    behind[n / NARROW][n % NARROW] = n < units % LANES ? -1 : 0;
  const long inside = larger(0, inputs - divided_up(LANES, larger(1, units))) / ROWS_AT_ONCE * ROWS_AT_ONCE;
  float sums[ROWS_AT_ONCE * LANES];
  for (long i = 0; i < inside; i += ROWS_AT_ONCE) {
    row_products(d, weights + i * units, units, behind, sums);
    *(four_at *)(output + i) = tree_of_four(sums);
  }
  for (long i = inside; i < inputs; i += ROWS_AT_ONCE) {
    const long count = smaller(ROWS_AT_ONCE, inputs - i);
    memset(last, 0, (size_t)(ROWS_AT_ONCE * units + LANES) * 4);
    memcpy(last, weights + i * units, (size_t)(count * units) * 4);
    row_products(d, last, units, behind, sums);
    for (long n = 0; n < count; n++)
      output[i + n] = tree(sums + n * LANES);
  }
}

/* Eight lanes: Wᵀδ of I inputs, a chain over the units. */
ALWAYS void backward_inputs(const int I, const float *delta, const float *weights, float *output, long units) {
  for (long part = 0; part < LANES; part += NARROW) {
    narrow sum[8];
    UNROLL for (int i = 0; i < I; i++) sum[i] = (narrow)SPLAT(NARROW, 0.0f);
    _Pragma("GCC unroll 2") for (long unit = 0; unit < units; unit++) {
      const narrow d = *(const narrow_at *)(delta + unit * LANES + part);
      UNROLL for (int i = 0; i < I; i++) sum[i] = sum[i] + (narrow)SPLAT(NARROW, weights[i * units + unit]) * d;
    }
    UNROLL for (int i = 0; i < I; i++) * (narrow_at *)(output + i * LANES + part) = sum[i];
  }
}

static void denseBackward(struct thread *thread, const struct denseBackward *call) {
  const long inputs = call->inputs, units = call->units;
  const float *delta = ARRAY(const float, delta), *weights = ARRAY(const float, weights),
              *x = ARRAY(const float, input);
  float *output = ARRAY(float, output);
  if (call->lanes == 1)
    backward_sample(thread, delta, weights, output, inputs, units);
  else {
    long i = 0;
    for (; i + 8 <= inputs; i += 8)
      backward_inputs(8, delta, weights + i * units, output + i * LANES, units);
    for (; i < inputs; i++)
      backward_inputs(1, delta, weights + i * units, output + i * LANES, units);
  }
  gate_run(call->gate, output, x, output, inputs * call->lanes);
}

/*
 * A few rows of gradient[i][u] (+)= Σ over the taps of x[i]·δ[u], a tap a sample; delta [sample][unit]. The last units
 * of a row are done by two vectors that overlap: a tile reads all it adds to before it writes, so both hold the same
 * sums where they meet.
 */
#define ROW_TILE 4
static void add_rows(const struct reach *reach, const float *x, const float *delta, float *gradient, long rows,
                     long units) {
  const long whole = units / NARROW, rest = units % NARROW, pairs = rest > 0 && whole > 0;
  for (long vector = 0; vector < whole - pairs;) {
    const long slots = smaller(TILE_MOST(ROW_TILE), whole - pairs - vector);
    contiguous_tiles[rows][slots](reach, x, delta + vector * NARROW, gradient + vector * NARROW, 0);
    vector += slots;
  }
  long unit = (whole - pairs) * NARROW;
  if (pairs) {
    struct reach end = *reach;
    end.b_step = end.c_step = rest;
    strided_tiles[rows][2](&end, x, delta + unit, gradient + unit, 0);
  } else
    for (; unit < units; unit++)
      single_tiles[rows](reach, x, delta + unit, gradient + unit, 0);
}

static void denseGradient(struct thread *thread, const struct denseGradient *call) {
  const long inputs = call->inputs, units = call->units, lanes = call->lanes;
  const float *x = ARRAY(const float, input), *delta = ARRAY(const float, delta);
  float *gradient = ARRAY(float, gradient);
  if (call->biasGradient) {
    float *bias = ARRAY(float, biasGradient);
    for (long unit = 0; unit < units; unit++)
      bias[unit] += lanes == 1 ? delta[unit] : tree(delta + unit * LANES);
  }
  if (lanes == LANES) {
    float *turned = scratch(thread, units * LANES);
    transpose(delta, LANES, turned, units, units, LANES);
    delta = turned;
  }
  struct tap table[LANES];
  for (long lane = 0; lane < lanes; lane++)
    table[lane] = (struct tap){(int32_t)(lane * 4), (int32_t)(lane * units * 4)};
  const struct reach reach = {
      .outer = 1, .table = table, .taps = lanes, .a_map = lanes, .c_map = units, .start = START_OUTPUT};
  for (long i = 0; i < inputs; i += ROW_TILE)
    add_rows(&reach, x + i * lanes, delta, gradient + i * units, smaller(ROW_TILE, inputs - i), units);
}

struct block {
  uint32_t input, delta, lanes;
};

/* As many blocks at once as turned sensitivities fit the first cache: a weight's gradient stays in its register from
 * the first sample to the last of them. */
#define BLOCKS_AT_ONCE 16
#define TURNED_BYTES 49152

static void denseBatchGradient(struct thread *thread, const struct denseBatchGradient *call) {
  const struct block *blocks = ARRAY(const struct block, blocks);
  const long count = call->count, from = call->from, rows = call->rows, units = call->units;
  const float scale = *ARRAY(const float, scale);
  float *gradient = ARRAY(float, gradient);
  const long most = smaller(BLOCKS_AT_ONCE, block_of(count, units * LANES * 4, TURNED_BYTES));
  float *turned = scratch(thread, most * LANES * units);
  struct tap table[BLOCKS_AT_ONCE * LANES];
  if (count == 0) memset(gradient, 0, (size_t)(rows * units) * 4);
  for (long first = 0, some; first < count; first += some) {
    const long lanes = blocks[first].lanes;
    for (some = 0; some < most && first + some < count && blocks[first + some].lanes == lanes; some++) {
      const struct block *block = blocks + first + some;
      const float *delta = (const float *)(thread->memory + block->delta);
      if (lanes == LANES)
        transpose(delta, LANES, turned + some * LANES * units, units, units, LANES);
      else
        memcpy(turned + some * units, delta, (size_t)units * 4);
      for (long lane = 0; lane < lanes; lane++)
        table[some * lanes + lane] = (struct tap){(int32_t)(block->input - blocks[first].input + lane * 4),
                                                  (int32_t)((some * lanes + lane) * units * 4)};
    }
    const struct reach reach = {.outer = 1,
                                .table = table,
                                .taps = some * lanes,
                                .a_map = lanes,
                                .c_map = units,
                                .start = first == 0 ? START_ZERO : START_OUTPUT};
    const float *x = (const float *)(thread->memory + blocks[first].input) + from * lanes;
    const int last = first + some == count;
    for (long i = 0; i < rows; i += ROW_TILE) {
      const long height = smaller(ROW_TILE, rows - i);
      add_rows(&reach, x + i * lanes, turned, gradient + i * units, height, units);
      if (last)
        EACH_VECTOR(height * units, float *at = gradient + i * units + n;
                    store_part(at, load(at) * (wide)SPLAT(WIDE, scale), size));
    }
  }
}
