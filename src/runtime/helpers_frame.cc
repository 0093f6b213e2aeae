// Helpers for frames, recursion limits, periodic work and deallocation.
#include "runtime/helpers.h"

#include "runtime/exit.h"
#include "runtime/recursion.h"
#include "runtime/stack_limit.h"

namespace py = tephra::py;

int tephra::checkNativeStack(PyThreadState* ts) {
  if (checkStack() == StackState::kRoom) return 0;
  // Headroom as for the counted limit: making the error must not meet the limit again.
  ts->recursion_headroom++;
  PyErr_SetString(PyExc_RecursionError, "maximum recursion depth exceeded");
  ts->recursion_headroom--;
  return -1;
}

extern "C" void* tephra_push_frame_slow(PyThreadState* ts, PyObject* function) {
  const auto* code = reinterpret_cast<PyCodeObject*>(PyFunction_GET_CODE(function));
  return py::allocateFrame(ts, static_cast<size_t>(code->co_framesize));
}

extern "C" void tephra_leave_observed_frame(PyThreadState* ts, _PyInterpreterFrame* frame,
                                            int64_t borrowed) {
  // Clearing releases every home, and a frame object may take the homes over: they must own.
  if (!py::pyLayout().frame_holds_stack_refs) {
    for (uint64_t rest = static_cast<uint64_t>(borrowed); rest != 0; rest &= rest - 1) {
      Py_XINCREF(py::slotGet(frame, static_cast<uint32_t>(__builtin_ctzll(rest))));
    }
  }
  py::leaveFrame(ts, frame);
}

extern "C" int64_t tephra_recursion_error(PyThreadState* ts) { return py::recursionError(ts); }

extern "C" int64_t tephra_stack_check(PyThreadState* ts) { return tephra::checkNativeStack(ts); }

extern "C" int64_t tephra_handle_pending(PyThreadState* ts) { return py::handlePending(ts); }

extern "C" void tephra_dealloc(PyObject* object) { _Py_Dealloc(object); }

extern "C" int64_t tephra_raise_exception(PyThreadState* ts, PyObject* exception, PyObject* cause) {
  // doRaise consumes its operands in the interpreter; here they stay the caller's.
  tephra::noteReraise(py::doRaise(ts, exception, cause));
  return -1;
}
