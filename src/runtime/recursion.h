// Purpose: native recursion from compiled code into the interpreter's loop. Where the interpreter
// counts such calls against a small fixed limit (it takes a native frame for each to be C code's
// doing), the count is taken back and the real stack is watched instead.
// Invariant: what is given back is what the callee takes. A compiled callee takes nothing, so it is
// given nothing: C recursion below compiled frames ends where it ends below interpreted ones.
#pragma once

#include "pyver/python.h"

namespace tephra {

// 0 = room; -1 = RecursionError set.
int checkNativeStack(PyThreadState* ts);

// The driver's vectorcall of functions that are not compiled yet, and what it does before it
// decides how to run one: compile it if that is due.
void setCountingCall(vectorcallfunc counting, void (*compile_if_due)(PyFunctionObject*));

// Will the interpreter's loop run this call? Compiles the callable first if that is due.
bool entersInterpreter(PyObject* callable);

// Around a call for which entersInterpreter() holds.
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
