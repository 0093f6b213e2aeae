#include "runtime/recursion.h"

#include "pyver/contract.h"
#include "runtime/stack_limit.h"

namespace tephra {
namespace {

RecursionHooks hooks;
int low_calls = 0;  // callWithLowStack that have not returned, of all threads

}  // namespace

void setRecursionHooks(const RecursionHooks& given) { hooks = given; }

int setRecursionError(PyThreadState* ts) {
  // Headroom: making the error must not meet the limit again.
  ts->recursion_headroom++;
  PyErr_SetString(PyExc_RecursionError, "maximum recursion depth exceeded");
  ts->recursion_headroom--;
  return -1;
}

bool entersInterpreter(PyObject* callable) {
  if (!PyFunction_Check(callable)) return false;
  PyFunctionObject* function = reinterpret_cast<PyFunctionObject*>(callable);
  if (function->vectorcall == hooks.counting_call && hooks.compile_if_due != nullptr) {
    hooks.compile_if_due(function);
  }
  return function->vectorcall == py::interpreterVectorcall();
}

bool stackIsLow() { return checkStack() != StackState::kRoom; }

PyObject* callWithLowStack(PyThreadState* ts, PyObject* function, PyObject* const* args,
                           size_t nargsf, PyObject* kwnames) {
  NativeRecursion recursion(ts);
  if (recursion.refused()) return nullptr;
  ++low_calls;
  if (hooks.step_aside != nullptr) hooks.step_aside(reinterpret_cast<PyFunctionObject*>(function));
  PyObject* result = py::interpreterVectorcall()(function, args, nargsf, kwnames);
  if (--low_calls == 0 && hooks.step_back != nullptr) hooks.step_back();
  return result;
}

NativeRecursion::NativeRecursion(PyThreadState* ts)
    : ts_(ts), refused_(checkStack() == StackState::kOverflow && setRecursionError(ts) < 0) {
  give(ts_, kUnits);
}

}  // namespace tephra
