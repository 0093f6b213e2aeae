// Purpose: native recursion from compiled code into the interpreter's loop. Where the interpreter
// counts such calls against a small fixed limit (it takes a native frame for each to be C code's
// doing), the count is taken back and the real stack is watched instead. And the other way round:
// when the native stack is nearly used up, functions step aside, so that the interpreter runs them
// without native stack and recursion ends at sys.getrecursionlimit(), as without the JIT. Each
// function that is met there has still cost a nested evaluation, so after a few of them all others
// step aside too.
// Invariant: what is given back is what the callee takes (py::evalFrame). A compiled callee takes
// nothing, so it is given nothing: C recursion below compiled frames ends where it ends below
// interpreted ones.
#pragma once

#include "pyver/contract.h"

namespace tephra {

// What the driver does for this file and for passing.h.
struct RecursionHooks {
  vectorcallfunc counting_call = nullptr;  // the vectorcall of functions that are not compiled yet
  // The same with arguments that are handed over.
  PyObject* (*counted_call)(PyThreadState*, PyFunctionObject*, const py::Arguments&) = nullptr;
  // Gives a function the interpreter's vectorcall until step_back.
  void (*step_aside)(PyFunctionObject*) = nullptr;
  void (*step_all_aside)() = nullptr;  // the same for all functions
  void (*step_back)() = nullptr;       // all of them get ours again
  // A function with the interpreter's vectorcall, whose code is compiled, gets that if it may.
  bool (*adopt)(PyFunctionObject*) = nullptr;
};
void setRecursionHooks(const RecursionHooks& hooks);

// RecursionError. Always -1.
int setRecursionError(PyThreadState* ts);

// Is the function one that is counted until it is compiled?
bool isCounted(const PyFunctionObject* function);
PyObject* countedCall(PyThreadState* ts, PyFunctionObject* function, const py::Arguments& args);
// Closures that existed before their code was compiled get it when compiled code calls them.
bool adoptCompiled(PyFunctionObject* function);

// Is there too little native stack left for compiled code (and for a counted call of it)?
bool stackIsLow();
// Around a call in that state, which the interpreter makes: its loop then calls this function and
// those that it meets below without native stack.
class LowStack {
 public:
  LowStack(PyThreadState* ts, PyFunctionObject* function);
  ~LowStack();
  LowStack(const LowStack&) = delete;
  LowStack& operator=(const LowStack&) = delete;
  bool refused() const { return refused_; }  // not even that is possible: RecursionError is set

 private:
  bool refused_;
};

}  // namespace tephra
