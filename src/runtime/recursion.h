// Purpose: native recursion from compiled code into the interpreter's loop. Where the interpreter
// counts such calls against a small fixed limit (it takes a native frame for each to be C code's
// doing), the count is taken back and the real stack is watched instead. And the other way round:
// when the native stack is nearly used up, functions step aside, so that the interpreter runs them
// without native stack and recursion ends at sys.getrecursionlimit(), as without the JIT.
// Invariant: what is given back is what the callee takes. A compiled callee takes nothing, so it is
// given nothing: C recursion below compiled frames ends where it ends below interpreted ones.
#pragma once

#include "pyver/python.h"

namespace tephra {

// What the driver does for this file.
struct RecursionHooks {
  vectorcallfunc counting_call = nullptr;  // the vectorcall of functions that are not compiled yet
  // What that does before it decides how to run a function: compile it if that is due.
  void (*compile_if_due)(PyFunctionObject*) = nullptr;
  // Gives a function the interpreter's vectorcall until step_back.
  void (*step_aside)(PyFunctionObject*) = nullptr;
  void (*step_back)() = nullptr;  // all of them get ours again
};
void setRecursionHooks(const RecursionHooks& hooks);

// RecursionError. Always -1.
int setRecursionError(PyThreadState* ts);

// Has the callable the interpreter's own vectorcall? Compiles it first if that is due.
bool entersInterpreter(PyObject* callable);

// Is there too little native stack left for compiled code (and for a counted call of it)?
bool stackIsLow();
// A call in that state: by the interpreter, whose loop then calls this function and those that it
// meets below without native stack. RecursionError where even that has none left.
PyObject* callWithLowStack(PyThreadState* ts, PyObject* function, PyObject* const* args,
                           size_t nargsf, PyObject* kwnames);

// Around a call that the interpreter's loop runs, and that costs no C recursion without the JIT.
class NativeRecursion {
 public:
  explicit NativeRecursion(PyThreadState* ts);
  ~NativeRecursion() { give(ts_, -kUnits); }
  NativeRecursion(const NativeRecursion&) = delete;
  NativeRecursion& operator=(const NativeRecursion&) = delete;
  bool refused() const { return refused_; }  // RecursionError is set

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
