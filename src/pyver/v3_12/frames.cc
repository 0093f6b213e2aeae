// Purpose: what is particular to CPython 3.12's frames: they are left without the interpreter's own
// function, which is hidden, and their locals are written from a dict.
#include <utility>

#include "pyver/internal.h"

namespace tephra::py {

void popFrame(PyThreadState* ts, Frame* frame) {
  auto** base = reinterpret_cast<PyObject**>(frame);
  _PyStackChunk* chunk = ts->datastack_chunk;
  if (base != &chunk->data[0]) {
    ts->datastack_top = base;
    return;
  }
  _PyStackChunk* previous = chunk->previous;  // the root chunk is never emptied down to data[0]
  ts->datastack_top = &previous->data[previous->top];
  ts->datastack_chunk = previous;
  ts->datastack_limit =
      reinterpret_cast<PyObject**>(reinterpret_cast<char*>(previous) + previous->size);
  _PyStackChunk*& spare = spareChunk(ts);
  std::swap(spare, chunk);
  if (chunk == nullptr) return;
  PyObjectArenaAllocator arena;
  PyObject_GetArenaAllocator(&arena);
  arena.free(arena.ctx, chunk, chunk->size);
}

namespace {

// The frame object outlives the frame: it takes the content (take_ownership in frame.c).
void moveToFrameObject(PyThreadState* ts, PyFrameObject* object, Frame* frame) {
  size_t bytes =
      reinterpret_cast<char*>(&frame->localsplus[frame->stacktop]) - reinterpret_cast<char*>(frame);
  Py_INCREF(frame->f_code);
  auto* copy = reinterpret_cast<Frame*>(object->_f_frame_data);
  memcpy(static_cast<void*>(copy), frame, bytes);
  object->f_frame = copy;
  copy->owner = FRAME_OWNED_BY_FRAME_OBJECT;
  if (_PyFrame_IsIncomplete(copy))
    setPosition(copy, copy->f_code, copy->f_code->_co_firsttraceable);
  Frame* back = _PyFrame_GetFirstComplete(copy->previous);
  copy->previous = nullptr;
  // f_back becomes a link between frame objects.
  if (back != nullptr) object->f_back = frameObjectOf(ts, back);
  if (!_PyObject_GC_IS_TRACKED(reinterpret_cast<PyObject*>(object))) {
    PyObject_GC_Track(object);
  }
}

void releaseContent(PyThreadState* ts, Frame* frame) {
  if (PyFrameObject* object = frame->frame_obj) {
    frame->frame_obj = nullptr;
    if (Py_REFCNT(object) > 1) {
      moveToFrameObject(ts, object, frame);
      Py_DECREF(object);
      return;
    }
    Py_DECREF(object);
  }
  for (int i = 0; i < frame->stacktop; i++) Py_XDECREF(frame->localsplus[i]);
  Py_XDECREF(frame->f_locals);
  Py_DECREF(frame->f_funcobj);
}

}  // namespace

void clearFrame(PyThreadState* ts, Frame* frame) {
  releaseContent(ts, frame);
  Py_DECREF(frame->f_code);
  popFrame(ts, frame);
}

char* spareByte(PyFrameObject* object) {
  constexpr size_t kAt = offsetof(PyFrameObject, f_fast_as_locals) + 1;
  static_assert(kAt < offsetof(PyFrameObject, _f_frame_data));
  return reinterpret_cast<char*>(object) + kAt;
}

// Locals are written from a dict that the frame has since somebody read them.
bool isUntouched(const PyFrameObject* object, const Frame* frame) {
  return object->f_back == nullptr && object->f_trace == nullptr && object->f_lineno == 0 &&
         object->f_trace_lines == 1 && object->f_trace_opcodes == 0 &&
         object->f_fast_as_locals == 0 && frame->f_locals == nullptr;
}

void watchFrameObjects() {}
void endFrameObjectWatch() {}

// What CALL calls gets a pointer into the value stack, which is [method, self, arguments] or [NULL,
// callable, arguments] there. The interpreter only releases the words afterwards: an immortal
// object takes the place of what is taken.
bool isInterpretersCall(PyThreadState* ts, PyObject* callable, PyObject* const* values,
                        size_t count, bool) {
  Frame* frame = currentFrame(ts);
  if (frame == nullptr || frame->owner > FRAME_OWNED_BY_GENERATOR) return false;
  const PyCodeObject* code = frame->f_code;
  PyObject** base = frame->localsplus + code->co_nlocalsplus;
  if (values < base + 1 || values + count > base + code->co_stacksize) return false;
  if (frame->prev_instr->op.code != CALL || values[-1] != callable) return false;
  // The argument count tells this call from one that what is called makes with its own arguments.
  const size_t oparg = frame->prev_instr->op.arg;
  const bool plain = count == oparg && values > base + 1 && values[-2] == nullptr;
  return plain || count == oparg + 1;
}

bool takeFromStack(PyThreadState* ts, PyObject* callable, PyObject* const* values, size_t count,
                   bool keywords, PyObject** taken) {
  if (!isInterpretersCall(ts, callable, values, count, keywords)) return false;
  for (size_t k = 0; k < count; ++k) {
    taken[k] = values[k];
    const_cast<PyObject**>(values)[k] = Py_None;
  }
  return true;
}

PyObject* interpretWithThrow(PyThreadState* ts, Frame* frame) {
  setCurrentFrame(ts, frame->previous);
  ts->py_recursion_remaining++;
  return evalFrame(ts, frame, 1);
}

}  // namespace tephra::py
