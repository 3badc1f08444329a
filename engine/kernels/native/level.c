/*
 * One instruction-set level in one kind of numerics: all kernels and the interpreter of recorded calls. Compiled once
 * for each pair, with LEVEL_… and RUN (the name of the one symbol it shows) on the command line, so that one file holds
 * them all side by side.
 */
#include "elementary.h"
#include "thread.h"
#include "tiles.h"
#if FAST
#include "winograd-block.c"
#include "winograd-gradient.c"
#include "winograd-sample.c"
#endif

#include "combination.c"
#include "elementwise.c"
#include "convolution-backward.c"
#include "convolution-forward.c"
#include "convolution-gradient.c"
#include "dense.c"
#include "dropout.c"
#include "loss.c"
#include "normalisation.c"
#include "optimisers.c"
#include "residual.c"
#include "subsampling.c"

#define CASE(name)                                                                                                     \
  case OPCODE_##name:                                                                                                  \
    name(thread, (const struct name *)record);                                                                         \
    break;

/* Runs `calls` records from byte address `program`. 0, or 1 where an opcode is not in the contract. */
int RUN(struct thread *thread, uint32_t program, uint32_t calls) {
  const char *record = thread->memory + program;
  for (uint32_t call = 0; call < calls; call++, record += CALL_BYTES)
    switch (*(const uint32_t *)record) {
      EACH_KERNEL(CASE)
    default:
      return 1;
    }
  return 0;
}
