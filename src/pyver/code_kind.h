// Purpose: what kind of function a code object is of, for all who must not know CPython's flags.
#pragma once

#include "pyver/python.h"

#include "base/result.h"

namespace tephra::py {

// Is it a function's body, and of a kind that can be compiled? If not, *why says so.
inline bool isPlainFunctionBody(const PyCodeObject* code, BailoutReason* why) {
  constexpr int kOfFunction = CO_OPTIMIZED | CO_NEWLOCALS;
  if (code->co_flags & CO_ASYNC_GENERATOR) {
    *why = BailoutReason::kAsyncGenerator;
  } else if (code->co_flags & (CO_COROUTINE | CO_ITERABLE_COROUTINE)) {
    *why = BailoutReason::kCoroutine;
  } else if (code->co_flags & CO_GENERATOR) {
    *why = BailoutReason::kGenerator;
  } else if ((code->co_flags & kOfFunction) != kOfFunction) {
    *why = BailoutReason::kNotAFunctionBody;
  } else {
    return true;
  }
  return false;
}

// Its frames have locals of their own, in slots.
inline bool hasOwnLocals(const PyCodeObject* code) { return (code->co_flags & CO_OPTIMIZED) != 0; }

// Neither *args nor **kwargs nor keyword-only parameters.
inline bool hasOnlyPositional(const PyCodeObject* code) {
  return (code->co_flags & (CO_VARARGS | CO_VARKEYWORDS)) == 0 && code->co_kwonlyargcount == 0;
}

}  // namespace tephra::py
