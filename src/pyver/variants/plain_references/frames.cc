// Purpose: interpreter frames with plain references and an integer stack top.
#include "pyver/internal.h"

namespace tephra::py {

namespace {

// A template, for the field's two names.
template <typename AnyFrame>
PyCodeObject* codeOf(const AnyFrame* frame) {
  if constexpr (requires { frame->f_code; }) {
    return frame->f_code;
  } else {
    return reinterpret_cast<PyCodeObject*>(frame->f_executable);
  }
}

}  // namespace

Frame* pushFrame(PyThreadState* ts, PyFunctionObject* func, PyCodeObject* code) {
  Frame* frame = allocateFrame(ts, code->co_framesize);
  if (frame == nullptr) return nullptr;
  _PyFrame_Initialize(frame, reinterpret_cast<PyFunctionObject*>(Py_NewRef(func)), nullptr, code,
                      0);
  frame->previous = currentFrame(ts);
  setPosition(frame, code, code->_co_firsttraceable);
  return frame;
}

PyCodeObject* frameCode(Frame* frame) { return codeOf(frame); }
PyFunctionObject* frameFunction(Frame* frame) {
  return reinterpret_cast<PyFunctionObject*>(frame->f_funcobj);
}

PyCodeObject* rawCode(Frame* frame) { return codeOf(frame); }
void ownCodeAndFunction(Frame*) {}  // it does

PyObject* slotGet(Frame* frame, uint32_t slot) { return frame->localsplus[slot]; }
bool slotOwned(Frame* frame, uint32_t slot) { return frame->localsplus[slot] != nullptr; }
void slotSetOwned(Frame* frame, uint32_t slot, PyObject* value) { frame->localsplus[slot] = value; }
void slotSetBorrowed(Frame* frame, uint32_t slot, PyObject* value) {
  frame->localsplus[slot] = Py_XNewRef(value);
}
void slotSetReference(Frame* frame, uint32_t slot, PyObject* reference) {
  frame->localsplus[slot] = reference;
}

PyObject* slotReference(PyObject* value, bool lent) { return lent ? Py_NewRef(value) : value; }
PyObject* slotReferenceObject(PyObject* reference) { return reference; }
bool slotReferenceLent(PyObject*) { return false; }
void slotReferenceDrop(PyObject* reference) { Py_DECREF(reference); }

void releaseArguments(const Arguments& args) {
  Py_XDECREF(args.callable);
  for (size_t k = 0; k < args.count(); ++k) {
    if (!args.isLent(k)) Py_DECREF(args.values[k]);
  }
}

void slotClear(Frame* frame, uint32_t slot) { Py_CLEAR(frame->localsplus[slot]); }
void makeHeapSafe(Frame*) {}

void canonicaliseHomes(Frame*) {}

int stackDepth(Frame* frame) { return frame->stacktop - codeOf(frame)->co_nlocalsplus; }
void pushStack(Frame* frame, PyObject* owned) { frame->localsplus[frame->stacktop++] = owned; }
PyObject* popStack(Frame* frame) { return frame->localsplus[--frame->stacktop]; }
void pushLasti(Frame* frame, uint32_t offset) {
  PyObject* lasti = PyLong_FromLong(static_cast<long>(offset));
  if (lasti ==
      nullptr) {  // out of memory for an int: 0 keeps the stack right, at the price of a line
    PyErr_Clear();
    lasti = PyLong_FromLong(0);
  }
  pushStack(frame, lasti);
}

}  // namespace tephra::py
