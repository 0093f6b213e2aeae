#include "driver/stress.h"

#include "driver/jit.h"

namespace tephra::driver {
namespace {

int64_t g_countdown = 0;
int64_t g_seed = 0;
uint64_t g_random = 0;

uint64_t next() {  // splitmix64
  uint64_t z = g_random += 0x9E3779B97F4A7C15;
  z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9;
  z = (z ^ z >> 27) * 0x94D049BB133111EB;
  return z ^ z >> 31;
}

}  // namespace

uint64_t stressCounter() {
  int64_t seed = jit().options.stress_deopt;
  if (seed == 0) return 0;
  if (seed != g_seed) {
    g_seed = seed;
    g_random = static_cast<uint64_t>(seed);
    restartStressCounter();
  }
  return reinterpret_cast<uint64_t>(&g_countdown);
}

// The countdown leaves at the (value + 1)-th opportunity: 1 .. 2n - 1, n on average.
void restartStressCounter() {
  uint64_t every = static_cast<uint64_t>(jit().options.stress_deopt_every);
  g_countdown = static_cast<int64_t>(next() % (2 * every - 1));
}

}  // namespace tephra::driver
