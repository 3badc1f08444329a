/*
 * The Node-API door of the native kernels. It knows nothing about numbers: it lists the levels this processor can run,
 * binds one of them to a memory, and runs programs.
 *
 *     levels(): string[]                                  best first
 *     built: string[]                                     all levels of this file
 *     bind(memory: Uint8Array, level: string, fast: boolean): (program: number, calls: number) => void
 *     judgeWidths(seconds: Float64Array): "wider" | "narrower" | "undecided"      where a file has two widths
 *
 * A bound function belongs to the thread that made it: its scratch is not shared. It keeps the view alive, and with it
 * the memory. Loads in any number of threads: all that they share is which of two vector widths is faster here, which
 * the first call of levels() measures.
 */
#define _POSIX_C_SOURCE 200809L
#include <node_api.h>
#include <stdbool.h>
#include <string.h>
#include "thread.h"

#define DECLARE(symbol)                                                                                                \
  int run_##symbol##_strict(struct thread *thread, uint32_t program, uint32_t calls);                                  \
  int run_##symbol##_fast(struct thread *thread, uint32_t program, uint32_t calls);

struct level {
  const char *name;
  run_function strict, fast;
};

#if defined(__x86_64__)
DECLARE(x86_64_v4_512)
DECLARE(x86_64_v4)
DECLARE(x86_64_v3)
DECLARE(x86_64_v2)
static const struct level levels[] = {
    {"x86-64-v4-512", run_x86_64_v4_512_strict, run_x86_64_v4_512_fast},
    {"x86-64-v4", run_x86_64_v4_strict, run_x86_64_v4_fast},
    {"x86-64-v3", run_x86_64_v3_strict, run_x86_64_v3_fast},
    {"x86-64-v2", run_x86_64_v2_strict, run_x86_64_v2_strict},
};
static bool can_run(size_t level) {
  __builtin_cpu_init();
  const bool v2 =
      __builtin_cpu_supports("sse4.2") && __builtin_cpu_supports("ssse3") && __builtin_cpu_supports("popcnt");
  const bool v3 = v2 && __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") &&
                  __builtin_cpu_supports("bmi") && __builtin_cpu_supports("bmi2");
  const bool v4 = v3 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                  __builtin_cpu_supports("avx512cd") && __builtin_cpu_supports("avx512dq") &&
                  __builtin_cpu_supports("avx512vl");
  return level < 2 ? v4 : level == 2 ? v3 : v2;
}

/* Two levels of one instruction set: sixteen floats a vector, and eight. */
#define WIDER 0
#define NARROWER 1
#include "widths.h"
#elif defined(__aarch64__)
DECLARE(arm_neon)
static const struct level levels[] = {{"arm-neon", run_arm_neon_strict, run_arm_neon_fast}};
static bool can_run(size_t level) { return level == 0; }
#else
#error "the native kernels know x86-64 and 64-bit Arm; elsewhere the assembly kernels serve"
#endif

#define LEVELS (sizeof levels / sizeof *levels)

/* The level at place n of those this processor can run or not, best first. Measured once a process: whichever thread
 * is the first to say so decides for all. */
static size_t level_at(size_t n) {
#if defined(WIDER)
  enum { UNKNOWN, IN_ORDER, EXCHANGED };
  static int known = UNKNOWN;
  int order = __atomic_load_n(&known, __ATOMIC_ACQUIRE);
  if (order == UNKNOWN) {
    const int measured =
        can_run(WIDER) && measure_wider(levels[WIDER].strict, levels[NARROWER].strict) ? IN_ORDER : EXCHANGED;
    if (__atomic_compare_exchange_n(&known, &order, measured, false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE))
      order = measured;
  }
  if (order == EXCHANGED && n <= NARROWER) return n == WIDER ? NARROWER : WIDER;
#endif
  return n;
}

struct bound {
  struct thread thread;
  run_function run;
  napi_ref view;
};

static napi_value refuse(napi_env env, const char *sentence) {
  napi_throw_error(env, NULL, sentence);
  return NULL;
}

static void release(napi_env env, void *data, void *hint) {
  struct bound *bound = data;
  (void)hint;
  napi_delete_reference(env, bound->view);
  free(bound->thread.scratch);
  free(bound);
}

static napi_value run(napi_env env, napi_callback_info info) {
  size_t count = 2;
  napi_value arguments[2];
  void *data = NULL;
  uint32_t program = 0, calls = 0;
  if (napi_get_cb_info(env, info, &count, arguments, NULL, &data) != napi_ok || count < 2 ||
      napi_get_value_uint32(env, arguments[0], &program) != napi_ok ||
      napi_get_value_uint32(env, arguments[1], &calls) != napi_ok)
    return refuse(env, "a program needs its byte address and its number of calls");
  struct bound *bound = data;
  if (program % 4 != 0 || (uint64_t)program + (uint64_t)calls * CALL_BYTES > bound->thread.bytes)
    return refuse(env, "a program must be 4-byte aligned and end inside the memory");
  if (bound->run(&bound->thread, program, calls) != 0)
    return refuse(env, "a program holds an opcode that is not in the contract of the kernels");
  return NULL;
}

static napi_value bind(napi_env env, napi_callback_info info) {
  size_t count = 3, length = 0, bytes = 0;
  napi_value arguments[3], function;
  napi_typedarray_type type;
  char name[32];
  bool fast = false;
  void *memory = NULL;
  if (napi_get_cb_info(env, info, &count, arguments, NULL, NULL) != napi_ok || count < 3 ||
      napi_get_typedarray_info(env, arguments[0], &type, &bytes, &memory, NULL, NULL) != napi_ok ||
      type != napi_uint8_array ||
      napi_get_value_string_utf8(env, arguments[1], name, sizeof name, &length) != napi_ok ||
      napi_get_value_bool(env, arguments[2], &fast) != napi_ok)
    return refuse(env, "bind needs a Uint8Array over the whole memory, a level's name and whether to fuse");
  for (size_t level = 0; level < LEVELS; level++) {
    if (strcmp(levels[level].name, name) != 0 || !can_run(level)) continue;
    struct bound *bound = calloc(1, sizeof *bound);
    if (!bound) return refuse(env, "no memory for a binding of the kernels");
    bound->thread = (struct thread){.memory = memory, .bytes = bytes};
    bound->run = fast ? levels[level].fast : levels[level].strict;
    if (napi_create_reference(env, arguments[0], 1, &bound->view) != napi_ok ||
        napi_create_function(env, "run", NAPI_AUTO_LENGTH, run, bound, &function) != napi_ok ||
        napi_add_finalizer(env, function, bound, release, NULL, NULL) != napi_ok)
      return refuse(env, "Node-API refused to make a binding of the kernels");
    return function;
  }
  return refuse(env, "this processor cannot run that level; levels() lists those it can");
}

static napi_value list_levels(napi_env env, napi_callback_info info) {
  napi_value list, name;
  uint32_t next = 0;
  (void)info;
  if (napi_create_array(env, &list) != napi_ok) return refuse(env, "Node-API refused to make a list");
  for (size_t n = 0; n < LEVELS; n++) {
    const size_t level = level_at(n);
    if (can_run(level) && napi_create_string_utf8(env, levels[level].name, NAPI_AUTO_LENGTH, &name) == napi_ok)
      napi_set_element(env, list, next++, name);
  }
  return list;
}

#if defined(WIDER)
/* What would be chosen after rounds that took so long: [round][wider: forward, gradient; narrower: forward, gradient].
 * The clock left out, so that the decision can be looked into. */
static napi_value judge_widths(napi_env env, napi_callback_info info) {
  static const char *const words[] = {[UNDECIDED] = "undecided", [WIDER_WINS] = "wider", [NARROWER_STAYS] = "narrower"};
  size_t count = 1, numbers = 0;
  napi_value argument, word;
  napi_typedarray_type type;
  void *seconds = NULL;
  const size_t of_a_round = sizeof(struct round_times) / sizeof(double);
  if (napi_get_cb_info(env, info, &count, &argument, NULL, NULL) != napi_ok || count < 1 ||
      napi_get_typedarray_info(env, argument, &type, &numbers, &seconds, NULL, NULL) != napi_ok ||
      type != napi_float64_array || numbers % of_a_round != 0)
    return refuse(env, "judgeWidths needs a Float64Array of four times for each round");
  struct evidence evidence = {.rounds = 0};
  enum verdict verdict = UNDECIDED;
  for (size_t n = 0; n < numbers / of_a_round && verdict == UNDECIDED; n++) {
    add_round(&evidence, (const struct round_times *)seconds + n);
    verdict = judge(&evidence);
  }
  if (napi_create_string_utf8(env, words[verdict], NAPI_AUTO_LENGTH, &word) != napi_ok)
    return refuse(env, "Node-API refused to make a string");
  return word;
}
#endif

NAPI_MODULE_INIT() {
  napi_value function, built, name;
  if (napi_create_array(env, &built) == napi_ok) {
    for (uint32_t level = 0; level < LEVELS; level++)
      if (napi_create_string_utf8(env, levels[level].name, NAPI_AUTO_LENGTH, &name) == napi_ok)
        napi_set_element(env, built, level, name);
    napi_set_named_property(env, exports, "built", built);
  }
  if (napi_create_function(env, "bind", NAPI_AUTO_LENGTH, bind, NULL, &function) == napi_ok)
    napi_set_named_property(env, exports, "bind", function);
  if (napi_create_function(env, "levels", NAPI_AUTO_LENGTH, list_levels, NULL, &function) == napi_ok)
    napi_set_named_property(env, exports, "levels", function);
#if defined(WIDER)
  if (napi_create_function(env, "judgeWidths", NAPI_AUTO_LENGTH, judge_widths, NULL, &function) == napi_ok)
    napi_set_named_property(env, exports, "judgeWidths", function);
#endif
  return exports;
}
