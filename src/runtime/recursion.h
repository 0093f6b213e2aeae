// Purpose: native recursion from compiled code into the interpreter's loop. Where the interpreter
// counts such calls against a small fixed limit (it takes a native frame for each to be C code's
// doing), the count is taken back and the real stack is watched instead.
#pragma once

#include "pyver/python.h"

namespace tephra {

// 0 = room; -1 = RecursionError set.
int checkNativeStack(PyThreadState* ts);

class NativeRecursion {
 public:
  explicit NativeRecursion(PyThreadState* ts) : ts_(ts), refused_(checkNativeStack(ts) < 0) {
    give(ts_, kUnits);
  }
  ~NativeRecursion() { give(ts_, -kUnits); }
  NativeRecursion(const NativeRecursion&) = delete;
  NativeRecursion& operator=(const NativeRecursion&) = delete;
  bool refused() const { return refused_; }

 private:
  // What one entry of the interpreter's loop costs where it is counted.
  static constexpr int kUnits = 2;

  template <typename ThreadState>
  static void give(ThreadState* ts, int units) {
    if constexpr (requires { ts->c_recursion_remaining; }) ts->c_recursion_remaining += units;
  }

  PyThreadState* ts_;
  bool refused_;
};

}  // namespace tephra
