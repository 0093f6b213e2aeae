#include "runtime/recursion.h"

#include "pyver/contract.h"
#include "runtime/stack_limit.h"

namespace tephra {
namespace {

RecursionHooks hooks;
int low_calls = 0;  // LowStack that have not returned, of all threads

}  // namespace

void setRecursionHooks(const RecursionHooks& given) {
  hooks = given;
  low_calls = 0;  // threads that ended with an interpreter never returned from theirs
}

int setRecursionError(PyThreadState* ts) {
  // Headroom: making the error must not meet the limit again.
  ts->recursion_headroom++;
  PyErr_SetString(PyExc_RecursionError, "maximum recursion depth exceeded");
  ts->recursion_headroom--;
  return -1;
}

bool isCounted(const PyFunctionObject* function) {
  return hooks.counting_call != nullptr && function->vectorcall == hooks.counting_call;
}

PyObject* countedCall(PyThreadState* ts, PyFunctionObject* function, const py::Arguments& args) {
  return hooks.counted_call(ts, function, args);
}

bool adoptCompiled(PyFunctionObject* function) {
  return hooks.adopt != nullptr && hooks.adopt(function);
}

bool stackIsLow() { return checkStack() != StackState::kRoom; }

LowStack::LowStack(PyThreadState* ts, PyFunctionObject* function)
    : refused_(checkStack() == StackState::kOverflow && setRecursionError(ts) < 0) {
  if (refused_) return;
  ++low_calls;
  if (hooks.step_aside != nullptr) hooks.step_aside(function);
  const bool all = checkStack() == StackState::kVeryLow;
  if (all && hooks.step_all_aside != nullptr) hooks.step_all_aside();
}

LowStack::~LowStack() {
  if (!refused_ && --low_calls == 0 && hooks.step_back != nullptr) hooks.step_back();
}

}  // namespace tephra
