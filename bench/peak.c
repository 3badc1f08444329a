/*
 * What one core can do: independent chains of vector operations that stay in registers, as GFLOP/s.
 * `strict` multiplies and adds as two instructions (what reproducible numerics may use), `fused` as one.
 */
#include <stdio.h>
#include <time.h>

#ifndef WIDTH
#define WIDTH 32
#endif
typedef float lanes __attribute__((vector_size(WIDTH)));
enum { chains = 12, per_lane = WIDTH / 4 };

/* Processor time: what others do on a busy machine is not this core's peak. */
static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
  return t.tv_sec + t.tv_nsec * 1e-9;
}

static double measure(long rounds) {
  lanes sum[chains], factor, step;
  for (int l = 0; l < per_lane; l++) {
    factor[l] = 0.999f;
    step[l] = 0.001f * (l + 1);
    for (int c = 0; c < chains; c++)
      sum[c][l] = c;
  }
  __asm__ volatile("" : "+x"(factor), "+x"(step));
  double start = now();
  for (long r = 0; r < rounds; r++)
    for (int c = 0; c < chains; c++)
      sum[c] = sum[c] * factor + step;
  double seconds = now() - start;
  float total = 0;
  for (int c = 0; c < chains; c++)
    for (int l = 0; l < per_lane; l++)
      total += sum[c][l];
  volatile float sink = total;
  (void)sink;
  return 2.0 * rounds * chains * per_lane / seconds * 1e-9;
}

int main(void) {
  double best = 0;
  measure(1000000);
  for (int i = 0; i < 40; i++) {
    double rate = measure(4000000);
    if (rate > best) best = rate;
  }
  printf("%.1f\n", best);
  return 0;
}
