#include "runtime/stack_limit.h"

#include <pthread.h>

#include <algorithm>

#include "pyver/contract.h"

namespace tephra {

constinit thread_local uintptr_t tephra_stack_limit __attribute__((tls_model("initial-exec"))) =
    UINTPTR_MAX;

namespace {

// Kept free of compiled code: a quarter of the stack within these bounds. The first half is for the
// interpreter, which takes over, and for the C functions that it calls: where the interpreter
// counts C recursion (1,500 units, 750 nested evaluations at about a kilobyte each) all that must
// fit. The second half is never entered knowingly. Where the interpreter looks at the stack pointer
// and ends recursion at an address of its own, all of the margin lies above that one.
constexpr size_t kMinMargin = 16 * 1024;
constexpr size_t kMaxMargin = 2048 * 1024;
// Where little is left, each call that comes from C walks over all objects (LowStack): a recursion
// of C functions that calls Python at each level must not do so a thousand times.
constexpr size_t kMostLittle = 48 * 1024;

struct Bounds {
  uintptr_t low = 0, high = 0;
  uintptr_t little = 0;  // kVeryLow below it
  uintptr_t last = 0;    // kOverflow below it
};
constinit thread_local Bounds bounds __attribute__((tls_model("initial-exec")));

void findLimit() {
  tephra_stack_limit = 0;  // without better knowledge nothing is refused
  pthread_attr_t attributes;
  if (pthread_getattr_np(pthread_self(), &attributes) != 0) return;
  void* address = nullptr;
  size_t size = 0, guard = 0;
  const bool known = pthread_attr_getstack(&attributes, &address, &size) == 0;
  if (pthread_attr_getguardsize(&attributes, &guard) != 0) guard = 0;
  pthread_attr_destroy(&attributes);
  if (!known || size == 0) return;
  bounds.low = reinterpret_cast<uintptr_t>(address);
  bounds.high = bounds.low + size;
  const uintptr_t interpreters = py::nativeStackLimit(py::threadState());
  const bool it_looks = interpreters > bounds.low && interpreters < bounds.high;
  const uintptr_t end = it_looks ? interpreters : bounds.low + std::min(guard, size / 2);
  const size_t room = bounds.high - end;
  const size_t margin = std::min(std::clamp(room / 4, kMinMargin, kMaxMargin), room / 2);
  tephra_stack_limit = end + margin;
  bounds.last = it_looks ? bounds.low : end + margin / 2;
  bounds.little =
      (it_looks ? end : bounds.last) + std::min(margin / (it_looks ? 2 : 4), kMostLittle);
}

}  // namespace

int64_t stackLimitTlsOffset() {
  return static_cast<int64_t>(reinterpret_cast<intptr_t>(&tephra_stack_limit) -
                              reinterpret_cast<intptr_t>(__builtin_thread_pointer()));
}

StackState checkStack() {
  if (tephra_stack_limit == UINTPTR_MAX) findLimit();
  const uintptr_t here = reinterpret_cast<uintptr_t>(__builtin_frame_address(0));
  if (here >= tephra_stack_limit || here < bounds.low || here >= bounds.high) {
    return StackState::kRoom;
  }
  if (here >= bounds.little) return StackState::kLow;
  return here >= bounds.last ? StackState::kVeryLow : StackState::kOverflow;
}

}  // namespace tephra
