// Helpers for frames, recursion limits, periodic work and deallocation.
#include "runtime/helpers.h"

#include "pyver/floats.h"
#include "pyver/numbers.h"

#include "runtime/exit.h"
#include "runtime/native_waits.h"
#include "runtime/passing.h"
#include "runtime/poll.h"
#include "runtime/recursion.h"

namespace py = tephra::py;

const void* tephra::polling_frame = nullptr;

// Homes that hold a plain pointer without a reference: borrowed parameters, a home whose reference
// went into the returned value. A tagged borrowed home needs nothing: the interpreter knows the
// tag.
extern "C" void tephra_own_homes(_PyInterpreterFrame* frame, int64_t first, int64_t mask) {
  for (uint64_t rest = static_cast<uint64_t>(mask); rest != 0; rest &= rest - 1) {
    const uint32_t slot = static_cast<uint32_t>(first + __builtin_ctzll(rest));
    if (py::slotOwned(frame, slot)) Py_INCREF(py::slotGet(frame, slot));
  }
}

extern "C" void tephra_leave_observed_frame(PyThreadState* ts, _PyInterpreterFrame* frame,
                                            int64_t unowned) {
  // Clearing releases every home, and a frame object may take the homes over: they must own.
  tephra_own_homes(frame, 0, unowned);
  tephra::NativeWait wait;
  py::leaveFrame(ts, frame);
}

namespace {

// What the interpreter does for a Python-to-Python call (_Py_CheckRecursiveCallPy, hidden).
bool countRecursion(PyThreadState* ts) {
  if (--ts->py_recursion_remaining >= 0) return true;
  if (ts->recursion_headroom) {
    if (ts->py_recursion_remaining < -50) {
      Py_FatalError("Cannot recover from Python stack overflow.");
    }
    return true;
  }
  ts->py_recursion_remaining++;
  tephra::setRecursionError(ts);
  return false;
}

}  // namespace

extern "C" void* tephra_push_frame_slow(PyThreadState* ts, PyObject*, void* shape) {
  if (py::hasForeignEvaluator(ts) || tephra::stackIsLow() || !countRecursion(ts)) return nullptr;
  const auto words = static_cast<const tephra::FrameShape*>(shape)->bytes / sizeof(void*);
  void* frame = py::allocateFrame(ts, words);
  if (frame == nullptr) ts->py_recursion_remaining++;
  return frame;
}

extern "C" void* tephra_push_inlined_frame(PyThreadState* ts, PyObject* function, PyObject* code) {
  const bool odd = py::hasForeignEvaluator(ts) || tephra::stackIsLow();
  if (odd || py::recursionRemaining(ts) <= 0) return nullptr;
  py::Frame* frame = py::pushFrame(ts, reinterpret_cast<PyFunctionObject*>(function),
                                   reinterpret_cast<PyCodeObject*>(code));
  if (frame == nullptr) {
    PyErr_Clear();
    return nullptr;
  }
  py::enterFrame(ts, frame);
  return frame;
}

extern "C" PyObject* tephra_frame_refused(PyObject* function, void* args, int64_t count) {
  auto** bound = static_cast<PyObject**>(args);
  if (!PyErr_Occurred()) return tephra::callInterpreted(function, bound, count);
  tephra::dropArguments(bound, count);
  return nullptr;
}

extern "C" int64_t tephra_handle_pending(PyThreadState* ts) {
  tephra::polling_frame = py::currentFrame(ts);
  const int status = py::handlePending(ts);
  tephra::polling_frame = nullptr;
  return status;
}

extern "C" void tephra_collect_garbage(PyThreadState*) { PyGC_Collect(); }

extern "C" void tephra_dealloc(PyObject* object) {
  if (PyFloat_CheckExact(object)) return py::releaseFloat(object);
  if (PyLong_CheckExact(object)) return py::releaseInt(object);
  tephra::NativeWait wait;
  _Py_Dealloc(object);
}

extern "C" int64_t tephra_raise_exception(PyThreadState* ts, PyObject* exception, PyObject* cause) {
  // doRaise consumes its operands in the interpreter; here they stay the caller's.
  tephra::noteReraise(py::doRaise(ts, exception, cause));
  return -1;
}
