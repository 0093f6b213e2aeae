// Purpose: interpreter frames with tagged references and a stack pointer.
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

Frame* pushFrame(PyThreadState* ts, PyFunctionObject* func, PyCodeObject* code) {
  Frame* frame = allocateFrame(ts, code->co_framesize);
  if (frame == nullptr) return nullptr;
  _PyFrame_Initialize(ts, frame, PyStackRef_FromPyObjectNew(func), nullptr, code, 0,
                      currentFrame(ts));
  setPosition(frame, code, code->_co_firsttraceable);
  return frame;
}

PyCodeObject* frameCode(Frame* frame) { return _PyFrame_GetCode(frame); }
PyFunctionObject* frameFunction(Frame* frame) { return _PyFrame_GetFunction(frame); }

PyCodeObject* rawCode(Frame* frame) {
  return reinterpret_cast<PyCodeObject*>(frame->f_executable.bits & ~Py_TAG_BITS);
}
void ownCodeAndFunction(Frame* frame) {
  frame->f_executable = PyStackRef_MakeHeapSafe(frame->f_executable);
  frame->f_funcobj = PyStackRef_MakeHeapSafe(frame->f_funcobj);
}

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
void slotSetReference(Frame* frame, uint32_t slot, PyObject* reference) {
  frame->localsplus[slot] = fromBits(reinterpret_cast<uintptr_t>(reference));
}

PyObject* slotReference(PyObject* value, bool lent) {
  return reinterpret_cast<PyObject*>(reinterpret_cast<uintptr_t>(value) |
                                     (lent ? Py_TAG_REFCNT : 0));
}
PyObject* slotReferenceObject(PyObject* reference) {
  return reinterpret_cast<PyObject*>(reinterpret_cast<uintptr_t>(reference) & ~Py_TAG_BITS);
}
bool slotReferenceLent(PyObject* reference) {
  return (reinterpret_cast<uintptr_t>(reference) & Py_TAG_REFCNT) != 0;
}
void slotReferenceDrop(PyObject* reference) {
  if (!slotReferenceLent(reference)) Py_DECREF(reference);
}

// The stack of a CALL is [callable, self or NULL, arguments], the keyword names above; what is
// called gets a copy of it without tags. None takes the place of what is taken: it owns nothing.
// Self is lent: the interpreter's loop has it in a register, too, and releases that.
namespace {

// Where the values are, if that is so. `plain`: there is no self before them.
_PyStackRef* argumentsOfCall(PyThreadState* ts, PyObject* callable, PyObject* const* values,
                             size_t count, bool keywords, bool* plain) {
  Frame* frame = currentFrame(ts);
  if (frame == nullptr || frame->owner > FRAME_OWNED_BY_GENERATOR || !frame->stackpointer)
    return nullptr;
  const uint8_t opcode = frame->instr_ptr->op.code;
  const bool calls = keywords ? opcode == CALL_KW || opcode == CALL_KW_NON_PY
                              : opcode == CALL || opcode == CALL_NON_PY_GENERAL;
  _PyStackRef* first = frame->stackpointer - (keywords ? 1 : 0) - count;
  if (!calls || first - 1 < _PyFrame_Stackbase(frame)) return nullptr;
  // The argument count tells this call from one that what is called makes with its own arguments.
  const size_t oparg = frame->instr_ptr->op.arg;
  *plain = count == oparg && first[-1].bits == kNullBits && first - 1 > _PyFrame_Stackbase(frame);
  if (!*plain && count != oparg + 1) return nullptr;
  if (borrow(first[*plain ? -2 : -1]) != callable) return nullptr;
  for (size_t k = 0; k < count; ++k) {
    if (borrow(first[k]) != values[k]) return nullptr;
  }
  return first;
}

}  // namespace

bool isInterpretersCall(PyThreadState* ts, PyObject* callable, PyObject* const* values,
                        size_t count, bool keywords) {
  bool plain = false;
  return argumentsOfCall(ts, callable, values, count, keywords, &plain) != nullptr;
}

bool takeFromStack(PyThreadState* ts, PyObject* callable, PyObject* const* values, size_t count,
                   bool keywords, PyObject** taken) {
  bool plain = false;
  _PyStackRef* first = argumentsOfCall(ts, callable, values, count, keywords, &plain);
  if (first == nullptr) return false;
  size_t k = 0;
  if (!plain) taken[k++] = slotReference(values[0], true);
  for (; k < count; ++k) {
    taken[k] = reinterpret_cast<PyObject*>(first[k].bits);
    if ((first[k].bits & Py_TAG_REFCNT) == 0) first[k] = PyStackRef_None;
  }
  return true;
}

void releaseArguments(const Arguments& args) {
  for (size_t k = args.count(); k-- > 0;) {
    if (!args.isLent(k)) Py_DECREF(args.values[k]);
  }
  Py_XDECREF(args.callable);
}

void slotClear(Frame* frame, uint32_t slot) {
  _PyStackRef old = frame->localsplus[slot];
  frame->localsplus[slot] = fromBits(kNullBits);
  PyStackRef_XCLOSE(old);
}

void makeHeapSafe(Frame* frame) {
  ownCodeAndFunction(frame);
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

}  // namespace tephra::py
