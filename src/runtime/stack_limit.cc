#include "runtime/stack_limit.h"

#include <pthread.h>

#include <algorithm>

namespace tephra {

constinit thread_local uintptr_t tephra_stack_limit __attribute__((tls_model("initial-exec"))) =
    UINTPTR_MAX;

namespace {

// Kept free for the C code that compiled code calls and for reporting the error: an eighth of the
// stack within these bounds. The interpreter's own C functions need a few kilobytes each; deep
// recursion inside C (repr of nested lists) has limits of its own.
constexpr size_t kMinMargin = 16 * 1024;
constexpr size_t kMaxMargin = 512 * 1024;

struct Bounds {
  uintptr_t low = 0, high = 0;
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
  tephra_stack_limit =
      bounds.low + std::min(guard, size / 2) + std::clamp(size / 8, kMinMargin, kMaxMargin);
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
  return StackState::kOverflow;
}

}  // namespace tephra
