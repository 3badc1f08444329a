/*
 * What a kernel is given: the shared memory, and a scratch of its thread's own that grows to the largest need and
 * stays. A kernel is `static void name(struct thread *thread, const struct name *call)`; the call's fields are the
 * contract's arguments (contract.h is generated from engine/kernels/kernels.ts, so a name that is not in the contract
 * does not compile).
 */
#ifndef THREAD_H
#define THREAD_H

#include <stdint.h>
#include <stdlib.h>
#include "contract.h"

struct thread {
  char *memory;
  uint64_t bytes;
  void *scratch;
  uint64_t scratch_bytes;
};

typedef int (*run_function)(struct thread *thread, uint32_t program, uint32_t calls);

/* The array an address argument points to. Address 0 means absent and is tested on the call itself. */
#define ARRAY(type, argument) ((type *)(thread->memory + call->argument))

/* `floats` floats, 64-byte aligned, valid until the next request; their values are arbitrary. */
static inline float *scratch(struct thread *thread, long floats) {
  const uint64_t bytes = ((uint64_t)floats * 4 + 127) & ~(uint64_t)63;
  if (bytes > thread->scratch_bytes) {
    free(thread->scratch);
    thread->scratch_bytes = bytes * 2;
    thread->scratch = aligned_alloc(64, thread->scratch_bytes);
    if (!thread->scratch) abort();
  }
  return (float *)thread->scratch;
}

#endif
