// Purpose: interpreter frames of CPython 3.14: tagged references, a stack pointer, the position as
// the instruction being executed.
#include "pyver/internal.h"

namespace tephra::py {

namespace {

_PyStackRef fromBits(uintptr_t bits) {
  _PyStackRef ref;
  ref.bits = bits;
  return ref;
}

constexpr uintptr_t kNullBits = PyStackRef_NULL_BITS;

// An owned reference as the interpreter would tag it: immortal objects carry the "not counted" bit.
_PyStackRef owned(PyObject* value) {
  return value == nullptr ? fromBits(kNullBits) : PyStackRef_FromPyObjectSteal(value);
}

PyObject* borrow(_PyStackRef ref) {
  return ref.bits == kNullBits ? nullptr : PyStackRef_AsPyObjectBorrow(ref);
}

bool isTaggedInt(_PyStackRef ref) { return PyStackRef_IsTaggedInt(ref); }

}  // namespace

PyThreadState* threadState() { return PyThreadState_Get(); }

Frame* currentFrame(PyThreadState* ts) { return ts->current_frame; }
void setCurrentFrame(PyThreadState* ts, Frame* frame) { ts->current_frame = frame; }

Frame* pushFrame(PyThreadState* ts, PyFunctionObject* func, PyCodeObject* code) {
  Frame* frame = allocateFrame(ts, code->co_framesize);
  if (frame == nullptr) return nullptr;
  _PyFrame_Initialize(ts, frame, PyStackRef_FromPyObjectNew(func), nullptr, code, 0,
                      currentFrame(ts));
  setPosition(frame, code, code->_co_firsttraceable);
  return frame;
}

void popFrame(PyThreadState* ts, Frame* frame) { _PyThreadState_PopFrame(ts, frame); }
void clearFrame(PyThreadState* ts, Frame* frame) { _PyEval_FrameClearAndPop(ts, frame); }

PyCodeObject* frameCode(Frame* frame) { return _PyFrame_GetCode(frame); }
PyFunctionObject* frameFunction(Frame* frame) { return _PyFrame_GetFunction(frame); }

PyObject* slotGet(Frame* frame, uint32_t slot) { return borrow(frame->localsplus[slot]); }
bool slotOwned(Frame* frame, uint32_t slot) {
  return (frame->localsplus[slot].bits & Py_TAG_REFCNT) == 0;
}
void slotSetOwned(Frame* frame, uint32_t slot, PyObject* value) {
  frame->localsplus[slot] = owned(value);
}
void slotSetBorrowed(Frame* frame, uint32_t slot, PyObject* value) {
  frame->localsplus[slot] =
      fromBits(value == nullptr ? kNullBits : reinterpret_cast<uintptr_t>(value) | Py_TAG_REFCNT);
}
void slotClear(Frame* frame, uint32_t slot) {
  _PyStackRef old = frame->localsplus[slot];
  frame->localsplus[slot] = fromBits(kNullBits);
  PyStackRef_XCLOSE(old);
}

void makeHeapSafe(Frame* frame) {
  frame->f_executable = PyStackRef_MakeHeapSafe(frame->f_executable);
  frame->f_funcobj = PyStackRef_MakeHeapSafe(frame->f_funcobj);
  for (_PyStackRef* slot = frame->localsplus; slot < frame->stackpointer; slot++) {
    if (slot->bits != kNullBits && !isTaggedInt(*slot)) *slot = PyStackRef_MakeHeapSafe(*slot);
  }
}

void canonicaliseHomes(Frame* frame) {
  _PyStackRef* end = _PyFrame_Stackbase(frame);
  for (_PyStackRef* slot = frame->localsplus; slot < end; slot++) {
    if ((slot->bits & Py_TAG_BITS) == 0 &&
        _Py_IsImmortal(reinterpret_cast<PyObject*>(slot->bits))) {
      slot->bits |= Py_TAG_REFCNT;
    }
  }
}

int stackDepth(Frame* frame) {
  return static_cast<int>(frame->stackpointer - _PyFrame_Stackbase(frame));
}
void pushStack(Frame* frame, PyObject* value) { *frame->stackpointer++ = owned(value); }
PyObject* popStack(Frame* frame) {
  _PyStackRef ref = *--frame->stackpointer;
  if (ref.bits == kNullBits || isTaggedInt(ref)) return nullptr;
  return PyStackRef_AsPyObjectSteal(ref);
}
void pushLasti(Frame* frame, uint32_t offset) {
  *frame->stackpointer++ = PyStackRef_TagInt(static_cast<intptr_t>(offset));
}

void setPosition(Frame* frame, PyCodeObject* code, uint32_t offset) {
  frame->instr_ptr = _PyCode_CODE(code) + offset;
}
void setNextInstr(Frame* frame, PyCodeObject* code, uint32_t offset) {
  frame->instr_ptr = _PyCode_CODE(code) + offset;
}
uint32_t framePosition(Frame* frame) {
  return static_cast<uint32_t>(frame->instr_ptr - _PyCode_CODE(frameCode(frame)));
}

PyObject* evalFrame(PyThreadState* ts, Frame* frame, int throwflag) {
  return _PyEval_EvalFrameDefault(ts, frame, throwflag);
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
