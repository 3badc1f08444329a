/*
 * Which of two vector widths is faster here, sixteen floats or eight: a convolution forward and its gradient, a few
 * rows of a real layer, timed at both in turn. Other work on the machine only ever adds time, so each kernel counts
 * with its best round. The decision (`judge`) is apart from the clock.
 *
 * Where 512 bits are done whole, the wider vectors take little more than half of the time; where they are done in two
 * halves, a quarter more. Only while something else uses the same core do the two come near each other, and then the
 * measurement says little: so the wider ones must win clearly, and where it is close more rounds are asked for.
 */
#ifndef WIDTHS_H
#define WIDTHS_H

#include <stdbool.h>
#include <string.h>
#include <time.h>
#include "thread.h"

enum { TRIAL_FORWARD, TRIAL_GRADIENT, TRIAL_KERNELS };

/* Seconds of one round, or the best of several. */
struct round_times {
  double wider[TRIAL_KERNELS], narrower[TRIAL_KERNELS];
};

struct evidence {
  int rounds;
  struct round_times best;
};

static void add_round(struct evidence *evidence, const struct round_times *round) {
  struct round_times *best = &evidence->best;
  for (int kernel = 0; kernel < TRIAL_KERNELS; kernel++) {
    const bool is_first = evidence->rounds == 0;
    if (is_first || round->wider[kernel] < best->wider[kernel]) best->wider[kernel] = round->wider[kernel];
    if (is_first || round->narrower[kernel] < best->narrower[kernel]) best->narrower[kernel] = round->narrower[kernel];
  }
  evidence->rounds++;
}

enum verdict { UNDECIDED, WIDER_WINS, NARROWER_STAYS };

/* A round takes an eighth of a millisecond. */
enum { LEAST_ROUNDS = 6, MOST_ROUNDS = 24 };
/* Parts of the narrower vectors' time: what the wider ones must stay below, and from where to where it is close. */
#define WINS_BELOW 0.85
#define CLOSE_FROM 0.75
#define CLOSE_TO 1.0

static enum verdict judge(const struct evidence *evidence) {
  if (evidence->rounds < LEAST_ROUNDS) return UNDECIDED;
  const struct round_times *best = &evidence->best;
  const double part = (best->wider[TRIAL_FORWARD] + best->wider[TRIAL_GRADIENT]) /
                      (best->narrower[TRIAL_FORWARD] + best->narrower[TRIAL_GRADIENT]);
  if (part > CLOSE_FROM && part < CLOSE_TO && evidence->rounds < MOST_ROUNDS) return UNDECIDED;
  return part < WINS_BELOW ? WIDER_WINS : NARROWER_STAYS;
}

/* 8 → 24 maps of 4 × 24 pixels of eight samples. */
enum { INPUTS = 8, MAPS = 24, ROWS = 6, COLUMNS = 26, LANE_COUNT = 8 };
enum {
  PROGRAM_AT = 64,
  INPUT_AT = PROGRAM_AT + TRIAL_KERNELS * CALL_BYTES + 64,
  WEIGHTS_AT = INPUT_AT + INPUTS * ROWS * COLUMNS * LANE_COUNT * 4 + 64,
  BIAS_AT = WEIGHTS_AT + INPUTS * 9 * MAPS * 4 + 64,
  OUTPUT_AT = BIAS_AT + MAPS * 4 + 64,
  TRIAL_BYTES = OUTPUT_AT + MAPS * (ROWS - 2) * (COLUMNS - 2) * LANE_COUNT * 4 + 128
};

static void record_trial(char *memory) {
  const struct convolutionForward forward = {.opcode = OPCODE_convolutionForward,
                                             .input = INPUT_AT,
                                             .weights = WEIGHTS_AT,
                                             .bias = BIAS_AT,
                                             .output = OUTPUT_AT,
                                             .inputs = INPUTS,
                                             .rows = ROWS,
                                             .columns = COLUMNS,
                                             .maps = MAPS,
                                             .size = 3,
                                             .stride = 1,
                                             .activation = ACTIVATION_linear,
                                             .lanes = LANE_COUNT};
  const struct convolutionGradient gradient = {.opcode = OPCODE_convolutionGradient,
                                               .input = INPUT_AT,
                                               .delta = OUTPUT_AT,
                                               .gradient = WEIGHTS_AT,
                                               .biasGradient = BIAS_AT,
                                               .inputs = INPUTS,
                                               .rows = ROWS,
                                               .columns = COLUMNS,
                                               .maps = MAPS,
                                               .size = 3,
                                               .stride = 1,
                                               .lanes = LANE_COUNT};
  memcpy(memory + PROGRAM_AT + TRIAL_FORWARD * CALL_BYTES, &forward, sizeof forward);
  memcpy(memory + PROGRAM_AT + TRIAL_GRADIENT * CALL_BYTES, &gradient, sizeof gradient);
}

/* Processor time of this thread: what others do meanwhile says nothing about a vector's width. */
static double seconds_of(run_function run, struct thread *thread, int kernel) {
  struct timespec from, to;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &from);
  run(thread, (uint32_t)(PROGRAM_AT + kernel * CALL_BYTES), 1);
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &to);
  return (double)(to.tv_sec - from.tv_sec) + 1e-9 * (double)(to.tv_nsec - from.tv_nsec);
}

/* Whether sixteen floats a vector are faster here; one to three milliseconds. */
static bool measure_wider(run_function wider, run_function narrower) {
  char *memory = aligned_alloc(64, (TRIAL_BYTES + 63) / 64 * 64);
  if (!memory) return false;
  memset(memory, 0, TRIAL_BYTES);
  record_trial(memory);
  struct thread thread = {.memory = memory, .bytes = TRIAL_BYTES};
  struct evidence evidence = {.rounds = 0};
  enum verdict verdict = UNDECIDED;
  while (verdict == UNDECIDED) {
    struct round_times round;
    for (int kernel = 0; kernel < TRIAL_KERNELS; kernel++) {
      /* Whoever comes second may find the caches, or the clock of the core, changed by the first: so they take turns.
       */
      const bool is_wider_first = evidence.rounds % 2 == 0;
      if (is_wider_first) round.wider[kernel] = seconds_of(wider, &thread, kernel);
      round.narrower[kernel] = seconds_of(narrower, &thread, kernel);
      if (!is_wider_first) round.wider[kernel] = seconds_of(wider, &thread, kernel);
    }
    add_round(&evidence, &round);
    verdict = judge(&evidence);
  }
  free(thread.scratch);
  free(memory);
  return verdict == WIDER_WINS;
}

#endif
