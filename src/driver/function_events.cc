#include "driver/function_events.h"

#include "driver/cells.h"
#include "driver/function_tables.h"
#include "driver/install.h"
#include "driver/jit.h"
#include "driver/placing.h"

namespace tephra::driver {
namespace {

// Code that embeds the function knows it by its number of parameters and, through the cell, by its
// register entry; it is taken out. What of it is running still calls through the cell, which keeps
// the stub for that number; who compiles a call of the function from now on gets another cell.
void dropCallers(PyFunctionObject* function) {
  if (!isMarked(function)) return;
  dropCell(function);
  if (CodeState* state = findState(codeOf(function))) state->direct.erase(function);
  loseName(reinterpret_cast<PyObject*>(function));
}

void functionDies(PyFunctionObject* function) {
  // No walk over all functions may list it again: a recursive one is its own caller.
  function->vectorcall = py::interpreterVectorcall();
  if (!isMarked(function)) return;
  if (CodeState* state = findState(codeOf(function))) state->functions.erase(function);
  functionLeaves(function);
  dropCallers(function);
  unmarkFunction(function);
}

// func.__code__ is about to be replaced.
void codeChanges(PyFunctionObject* function) {
  dropCallers(function);
  CodeState* state = findState(codeOf(function));
  if (state) listFunction(state, function);
  if (!state || !state->functions.erase(function)) return;
  // Frames that run it keep it from now on; where nobody can find all of them, nothing ends it.
  py::observeFrames({state->code}, true);
  if (py::stacksAreSwitched()) Py_INCREF(state->code);
  const bool counts = jit().enabled && jit().counting();
  counts ? setCounting(function) : setInterpreted(function);
}

// What specialised call sites know of the function by its version is no longer true.
void loseVersion(PyFunctionObject* function) {
  if (!isOurs(reinterpret_cast<PyObject*>(function)) && !isMarked(function)) return;
  CodeState* state = findState(codeOf(function));
  if (state == nullptr) return;
  listFunction(state, function);
  auto found = state->functions.find(function);
  if (found != state->functions.end()) found->second = py::voidVersion();
}

}  // namespace

// What the interpreter has specialised for the defaults that the function had must not be taken for
// right again when it gets its version back.
int onFunctionEvent(PyFunction_WatchEvent event, PyFunctionObject* function, PyObject*) {
  switch (event) {
    case PyFunction_EVENT_CREATE: functionIsMade(function); break;
    case PyFunction_EVENT_DESTROY: functionDies(function); break;
    case PyFunction_EVENT_MODIFY_CODE: codeChanges(function); break;
    // Callers may know the tuple by its address, which may become another's.
    case PyFunction_EVENT_MODIFY_DEFAULTS:
      dropCallers(function);
      loseVersion(function);
      break;
    case PyFunction_EVENT_MODIFY_KWDEFAULTS:  // the binder reads them at each call
      loseVersion(function);
      break;
    default: break;
  }
  return 0;
}

}  // namespace tephra::driver
