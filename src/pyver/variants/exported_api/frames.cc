// Purpose: leaving frames through functions that the interpreter exports; frame objects whose
// locals are read and written through proxies (PEP 667).
#include "pyver/internal.h"

namespace tephra::py {

void popFrame(PyThreadState* ts, Frame* frame) { _PyThreadState_PopFrame(ts, frame); }
void clearFrame(PyThreadState* ts, Frame* frame) { _PyEval_FrameClearAndPop(ts, frame); }

char* spareByte(PyFrameObject* object) {
  constexpr size_t kAt = offsetof(PyFrameObject, f_trace_opcodes) + 1;
  static_assert(kAt < offsetof(PyFrameObject, f_extra_locals));
  return reinterpret_cast<char*>(object) + kAt;
}

namespace {

bool proxies_are_seen = false;

// Has writing through a proxy put nothing aside?
template <typename Object>
bool hasAllLocals(const Object* object) {
  if constexpr (requires { object->f_overwritten_fast_locals; })
    return object->f_overwritten_fast_locals == nullptr;
  return true;
}

// Through a proxy (PEP 667) locals can be written without a trace in frame or frame object, so
// whenever one is made, all frame objects that there are count as written.
PyObject* allocateProxy(PyTypeObject* type, Py_ssize_t count) {
  if (PyThreadState_Get()->interp == PyInterpreterState_Main()) keepFrameObjects();
  return PyType_GenericAlloc(type, count);
}

}  // namespace

bool isUntouched(const PyFrameObject* object, const Frame*) {
  return proxies_are_seen && object->f_back == nullptr && object->f_trace == nullptr &&
         object->f_lineno == 0 && object->f_trace_lines == 1 && object->f_trace_opcodes == 0 &&
         object->f_extra_locals == nullptr && object->f_locals_cache == nullptr &&
         hasAllLocals(object);
}

void watchFrameObjects() {
  // A proxy that there is already may be of any frame.
  keepFrameObjects();
  if (PyFrameLocalsProxy_Type.tp_alloc != PyType_GenericAlloc) return;
  PyFrameLocalsProxy_Type.tp_alloc = allocateProxy;
  proxies_are_seen = true;
}

void endFrameObjectWatch() {
  if (proxies_are_seen) PyFrameLocalsProxy_Type.tp_alloc = PyType_GenericAlloc;
  proxies_are_seen = false;
}

PyObject* interpretWithThrow(PyThreadState* ts, Frame* frame) {
  setCurrentFrame(ts, frame->previous);
  ts->py_recursion_remaining++;
  // Entered this way, the interpreter looks the handler up one unit before instr_ptr. The line is
  // still right for instructions with caches, which nearly all raising ones have.
  frame->instr_ptr++;
  return evalFrame(ts, frame, 1);
}

}  // namespace tephra::py
