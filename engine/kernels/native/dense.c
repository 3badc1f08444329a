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
 * A run of steps that move a and b by fixed strides: STRETCH taps as a table, which an outer loop repeats, then the
 * rest as a loop of its own, which goes on from the sums that stand in c.
 */
#define STRETCH 32
struct steps {
  long a, b;
  struct tap table[STRETCH];
};

static void fill_steps(struct steps *steps, long most, long a, long b) {
  steps->a = a;
  steps->b = b;
  for (long tap = 0; tap < smaller(STRETCH, most); tap++)
    steps->table[tap] = (struct tap){(int32_t)(tap * a * 4), (int32_t)(tap * b * 4)};
}

static void run_tile(tile_function tile, struct reach reach, const struct steps *steps, long count, const float *a,
                     const float *b, float *c, const float *bias) {
  reach.table = steps->table;
  reach.taps = STRETCH;
  reach.outer = count / STRETCH;
  reach.a_outer = STRETCH * steps->a;
  reach.b_outer = STRETCH * steps->b;
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

/* A block of samples as a table of the contract has it: where its maps and sensitivities are. */
struct block {
  uint32_t input, output, delta, below, lanes;
};

#define BLOCK_ARRAY(type, block, name) ((type *)(thread->memory + (block)->name))

/* Blocks from the first on that have as many lanes. */
static long as_many_lanes(const struct block *blocks, long count) {
  long some = 1;
  while (some < count && blocks[some].lanes == blocks->lanes)
    some++;
  return some;
}

/*
 * Several blocks with one pass over the weights: all of them go through a few inputs, whose weights of a tile stay in
 * the first cache from block to block, while their sums so far wait in scratch, [block][lane][unit]. What is left of
 * the units behind whole vectors is a vector that ends with the row and has a place of its own behind the others: some
 * units are computed twice, to the same bits.
 */
struct forward {
  const float *weights, *bias;
  long inputs, units, activation;
  /* Whole vectors of a row, and from the sums of a lane to the next. */
  long vectors, pitch;
};

static struct forward forward_of(const float *weights, const float *bias, long inputs, long units, long activation) {
  const long vectors = units / NARROW;
  return (struct forward){weights, bias, inputs, units, activation, vectors, (vectors + (units % NARROW > 0)) * NARROW};
}

/* Sums to [unit][lane], and f. */
static void finish_forward(const struct forward *dense, long lanes, const float *sums, float *output) {
  const long units = dense->units, whole = dense->vectors * NARROW, pitch = dense->pitch;
  transpose(sums, pitch, output, lanes, lanes, whole);
  if (whole < units) transpose(sums + whole, pitch, output + (units - NARROW) * lanes, lanes, lanes, NARROW);
  activate_run(dense->activation, output, units * lanes);
}

/* A tile's vectors of units: how many, from which unit on, and where their sums are. */
struct units {
  long vectors, unit, place;
};

static struct units units_of(const struct forward *dense, long tiles, long tile) {
  if (tile == tiles) return (struct units){1, dense->units - NARROW, dense->vectors * NARROW};
  const long vector = cut(dense->vectors, tiles, tile);
  return (struct units){cut(dense->vectors, tiles, tile + 1) - vector, vector * NARROW, vector * NARROW};
}

/* Asks the second cache for some floats of each of the rows `row` … `end` − 1: what comes from memory then comes while
 * there is other work. */
ALWAYS void ask_for_rows(const float *rows, long pitch, long floats, long row, long end) {
  for (; row < end; row++) {
    for (long n = 0; n < floats; n += 16)
      __builtin_prefetch(rows + row * pitch + n, 0, 2);
    __builtin_prefetch(rows + row * pitch + floats - 1, 0, 2);
  }
}

/* Inputs that all blocks go through before the next. */
#define INPUTS_AT_ONCE 128

/* Blocks of `lanes` lanes; the units fill a vector. Each pass asks for a share of what the next tile reads. */
static void forward_blocks(struct thread *thread, const struct forward *dense, const struct block *blocks, long count,
                           long lanes) {
  const long units = dense->units, pitch = dense->pitch, at_once = count == 1 ? dense->inputs : INPUTS_AT_ONCE;
  const long most = smaller(lanes, LANE_TILE), passes = count * lanes / most;
  const long tiles = divided_up(dense->vectors, TILE_MOST(most)), all = tiles + (units % NARROW > 0);
  float *sums = scratch(thread, count * lanes * pitch);
  struct reach reach = {.a_map = 1, .c_map = pitch, .start = START_BIASES};
  struct steps steps;
  fill_steps(&steps, at_once, lanes, units);
  long from = 0;
  do {
    const long inputs = smaller(at_once, dense->inputs - from), ahead = smaller(at_once, dense->inputs - from - inputs);
    for (long tile = 0; tile < all; tile++) {
      const int isLast = tile + 1 == all;
      const struct units now = units_of(dense, tiles, tile), next = units_of(dense, tiles, isLast ? 0 : tile + 1);
      const float *weights = dense->weights + from * units + now.unit;
      const float *coming = dense->weights + (isLast ? from + inputs : from) * units + next.unit;
      const long rows = isLast ? ahead : inputs;
      for (long pass = 0; pass < passes; pass++) {
        const long lane = pass * most % lanes;
        const float *x = BLOCK_ARRAY(const float, blocks + pass * most / lanes, input) + from * lanes;
        if (count > 1) {
          ask_for_rows(coming, units, next.vectors * NARROW, cut(rows, passes, pass), cut(rows, passes, pass + 1));
          if (lane == 0)
            ask_for_rows(x + inputs * lanes, lanes, lanes, cut(ahead, all, tile), cut(ahead, all, tile + 1));
        }
        run_tile(contiguous_tiles[most][now.vectors], reach, &steps, inputs, x + lane, weights,
                 sums + pass * most * pitch + now.place, dense->bias + now.unit);
      }
    }
    reach.start = START_OUTPUT;
    from += at_once;
  } while (from < dense->inputs);
  for (long block = 0; block < count; block++)
    finish_forward(dense, lanes, sums + block * lanes * pitch, BLOCK_ARRAY(float, blocks + block, output));
}

/* Fewer units than a vector: vectors are the lanes. */
static void forward_few(const struct forward *dense, const float *x, float *output) {
  const long units = dense->units;
  const struct reach reach = {.a_map = 1, .c_map = LANES, .start = START_BIAS};
  struct steps steps;
  fill_steps(&steps, dense->inputs, units, LANES);
  for (long unit = 0; unit < units;) {
    const long count = smaller(6, units - unit);
    for (long part = 0; part < LANES; part += NARROW)
      run_tile(strided_tiles[count][1], reach, &steps, dense->inputs, dense->weights + unit, x + part,
               output + unit * LANES + part, dense->bias + unit);
    unit += count;
  }
  activate_run(dense->activation, output, units * LANES);
}

/* A single sample: a row of vectors over units. */
static void forward_sample(const struct forward *dense, const float *x, float *output) {
  const float *weights = dense->weights, *bias = dense->bias;
  const long inputs = dense->inputs, units = dense->units;
  struct steps steps;
  if (units < NARROW) {
    const struct reach reach = {.a_map = 1, .c_map = 1, .start = START_BIAS};
    fill_steps(&steps, inputs, units, 1);
    for (long unit = 0; unit < units;) {
      const long count = smaller(4, units - unit);
      run_tile(single_tiles[count], reach, &steps, inputs, weights + unit, x, output + unit, bias + unit);
      unit += count;
    }
  } else {
    struct reach reach = {.start = START_BIASES};
    fill_steps(&steps, inputs, 1, units);
    const long vectors = divided_up(units, NARROW), tiles = divided_up(vectors, TILE_VECTORS);
    for (long tile = 0; tile < tiles; tile++) {
      const long vector = cut(vectors, tiles, tile), count = cut(vectors, tiles, tile + 1) - vector;
      /* The last vectors end with the row. */
      const long from = vector * NARROW, spare = larger(0, from + count * NARROW - units);
      if (spare == 0)
        run_tile(contiguous_tiles[1][count], reach, &steps, inputs, x, weights + from, output + from, bias + from);
      else if (count <= 2) {
        const long unit = from - (count == 1 ? spare : 0);
        reach.b_step = reach.c_step = NARROW - spare;
        run_tile(strided_tiles[1][count], reach, &steps, inputs, x, weights + unit, output + unit, bias + unit);
      } else {
        const long unit = units - NARROW;
        run_tile(contiguous_tiles[1][count - 1], reach, &steps, inputs, x, weights + from, output + from, bias + from);
        run_tile(contiguous_tiles[1][1], reach, &steps, inputs, x, weights + unit, output + unit, bias + unit);
      }
    }
  }
  activate_run(dense->activation, output, units);
}

static void forward(struct thread *thread, const struct forward *dense, const struct block *blocks, long count) {
  const long lanes = blocks->lanes;
  const int isFew = dense->units < NARROW;
  if (!isFew && (lanes == LANES || count > 1)) {
    forward_blocks(thread, dense, blocks, count, lanes);
    return;
  }
  for (long block = 0; block < count; block++) {
    const float *x = BLOCK_ARRAY(const float, blocks + block, input);
    float *output = BLOCK_ARRAY(float, blocks + block, output);
    if (lanes == LANES)
      forward_few(dense, x, output);
    else
      forward_sample(dense, x, output);
  }
}

static void denseForward(struct thread *thread, const struct denseForward *call) {
  const struct forward dense =
      forward_of(ARRAY(const float, weights), ARRAY(const float, bias), call->inputs, call->units, call->activation);
  const struct block block = {.input = call->input, .output = call->output, .lanes = call->lanes};
  forward(thread, &dense, &block, 1);
}

static void denseBlocksForward(struct thread *thread, const struct denseBlocksForward *call) {
  const struct forward dense =
      forward_of(ARRAY(const float, weights), ARRAY(const float, bias), call->inputs, call->units, call->activation);
  const struct block *blocks = ARRAY(const struct block, blocks);
  for (long first = 0, some; first < call->count; first += some) {
    some = as_many_lanes(blocks + first, call->count - first);
    forward(thread, &dense, blocks + first, some);
  }
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

struct backward {
  const float *weights;
  long inputs, units, gate;
};

static void backward_dense(struct thread *thread, const struct backward *dense, const struct block *block) {
  const float *delta = BLOCK_ARRAY(const float, block, delta), *weights = dense->weights;
  const long inputs = dense->inputs, units = dense->units;
  float *below = BLOCK_ARRAY(float, block, below);
  if (block->lanes == 1)
    backward_sample(thread, delta, weights, below, inputs, units);
  else {
    long i = 0;
    for (; i + 8 <= inputs; i += 8)
      backward_inputs(8, delta, weights + i * units, below + i * LANES, units);
    for (; i < inputs; i++)
      backward_inputs(1, delta, weights + i * units, below + i * LANES, units);
  }
  gate_run(dense->gate, below, BLOCK_ARRAY(const float, block, input), below, inputs * block->lanes);
}

/*
 * Several blocks of eight lanes, a few inputs at a time: a weight that is broadcast serves the vectors of all of them.
 * δ lies side by side for that, [unit][block][lane]; so do the sums, while they go through the units in parts that the
 * first cache holds.
 */
#define INPUTS_BACK 60
#define UNITS_BACK 128

/* A few inputs, and how many come after them. */
static void backward_inputs_of(const struct backward *dense, const struct steps *steps, const float *weights,
                               long inputs, long ahead, const float *delta, float *sums, long pitch) {
  const long units = dense->units, vectors = pitch / NARROW;
  const struct cutting tiles = cut_tiles(inputs, vectors);
  struct reach reach = {.a_map = units, .c_map = pitch, .start = START_ZERO};
  long unit = 0;
  do {
    const long some = smaller(UNITS_BACK, units - unit);
    for (long v = 0; v < tiles.vector_tiles; v++) {
      const long vector = cut(vectors, tiles.vector_tiles, v), width = cut(vectors, tiles.vector_tiles, v + 1) - vector;
      for (long m = 0; m < tiles.map_tiles; m++) {
        const long row = cut(inputs, tiles.map_tiles, m), rows = cut(inputs, tiles.map_tiles, m + 1) - row;
        run_tile(contiguous_tiles[rows][width], reach, steps, some, weights + row * units + unit,
                 delta + unit * pitch + vector * NARROW, sums + row * pitch + vector * NARROW, 0);
        if (v == 0)
          ask_for_rows(weights + inputs * units + unit, units, some, smaller(row, ahead), smaller(row + rows, ahead));
      }
    }
    reach.start = START_OUTPUT;
    unit += some;
  } while (unit < units);
}

static void backward_blocks(struct thread *thread, const struct backward *dense, const struct block *blocks,
                            long count) {
  const long units = dense->units, pitch = count * LANES;
  float *delta = scratch(thread, (units + INPUTS_BACK) * pitch), *sums = delta + units * pitch;
  for (long block = 0; block < count; block++) {
    const float *from = BLOCK_ARRAY(const float, blocks + block, delta);
    for (long unit = 0; unit < units; unit++)
      copy_floats(delta + unit * pitch + block * LANES, from + unit * LANES, LANES);
  }
  struct steps steps;
  fill_steps(&steps, smaller(units, UNITS_BACK), 1, pitch);
  for (long i = 0; i < dense->inputs; i += INPUTS_BACK) {
    const long inputs = smaller(INPUTS_BACK, dense->inputs - i);
    backward_inputs_of(dense, &steps, dense->weights + i * units, inputs, dense->inputs - i - inputs, delta, sums,
                       pitch);
    for (long block = 0; block < count; block++) {
      float *below = BLOCK_ARRAY(float, blocks + block, below) + i * LANES;
      for (long row = 0; row < inputs; row++)
        copy_floats(below + row * LANES, sums + row * pitch + block * LANES, LANES);
      gate_run(dense->gate, below, BLOCK_ARRAY(const float, blocks + block, input) + i * LANES, below, inputs * LANES);
    }
  }
}

static void denseBackward(struct thread *thread, const struct denseBackward *call) {
  const struct backward dense = {ARRAY(const float, weights), call->inputs, call->units, call->gate};
  const struct block block = {.input = call->input, .delta = call->delta, .below = call->output, .lanes = call->lanes};
  backward_dense(thread, &dense, &block);
}

static void denseBlocksBackward(struct thread *thread, const struct denseBlocksBackward *call) {
  const struct backward dense = {ARRAY(const float, weights), call->inputs, call->units, call->gate};
  const struct block *blocks = ARRAY(const struct block, blocks);
  for (long first = 0, some; first < call->count; first += some) {
    some = as_many_lanes(blocks + first, call->count - first);
    if (some > 1 && blocks[first].lanes == LANES)
      backward_blocks(thread, &dense, blocks + first, some);
    else
      for (long block = first; block < first + some; block++)
        backward_dense(thread, &dense, blocks + block);
  }
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

/* As many blocks at once as turned sensitivities fit the first cache: a weight's gradient stays in its register from
 * the first sample to the last of them. */
#define BLOCKS_AT_ONCE 16
#define TURNED_BYTES 49152

static void denseBlocksGradient(struct thread *thread, const struct denseBlocksGradient *call) {
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
