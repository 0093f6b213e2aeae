// Purpose: the guard against native stack overflow. Compiled code compares its stack pointer with
// one thread-local word in each prologue. Invariant: the word is ~0 in a thread that has not been
// seen yet, so that its first compiled frame takes the slow way, which finds the thread's real
// limit: no entry needs to initialise anything.
#pragma once

#include <cstdint>

namespace tephra {

// Lowest stack address that compiled code may use in this thread. Below it calls go to the
// interpreter, which needs no native stack for calls among Python functions (runtime/recursion.h).
extern constinit thread_local uintptr_t tephra_stack_limit
    __attribute__((tls_model("initial-exec")));

// Offset of that word from the thread pointer: PyLayout::tls_stack_limit.
int64_t stackLimitTlsOffset();

enum class StackState : uint8_t {
  kRoom,
  kLow,       // below the limit for compiled code; the interpreter may still run
  kVeryLow,   // some nested evaluations more, and it may not
  kOverflow,  // no further call; never where the interpreter sees to that
};
// Finds the limit if need be; answers for the caller's stack pointer. On a stack that is not the
// thread's own (a library that switches stacks) there is always room: nothing is known about it.
StackState checkStack();

}  // namespace tephra
