// Purpose: interpreter frames: data stack, exception table, unwinding; the parts with one text for
// all versions.
#include <algorithm>
#include <utility>

#include "pyver/internal.h"

namespace tephra::py {

namespace {

constexpr size_t kChunkBytes = 16 * 1024;  // DATA_STACK_CHUNK_SIZE
constexpr size_t kChunkOverhead = 1000;    // MINIMUM_OVERHEAD, in words

_PyStackChunk* allocateChunk(PyThreadState* ts, size_t bytes) {
  _PyStackChunk*& spare = spareChunk(ts);
  if (spare != nullptr && bytes <= spare->size) return std::exchange(spare, nullptr);
  PyObjectArenaAllocator arena;
  PyObject_GetArenaAllocator(&arena);
  auto* chunk = static_cast<_PyStackChunk*>(arena.alloc(arena.ctx, bytes));
  if (chunk != nullptr) chunk->size = bytes;
  return chunk;
}

// As push_chunk() in pystate.c; the memory comes from where _PyThreadState_PopFrame gives it back.
PyObject** pushChunk(PyThreadState* ts, size_t words) {
  size_t bytes = kChunkBytes;
  while (bytes < sizeof(PyObject*) * (words + kChunkOverhead)) bytes *= 2;
  _PyStackChunk* chunk = allocateChunk(ts, bytes);
  if (chunk == nullptr) return nullptr;
  chunk->previous = ts->datastack_chunk;
  chunk->top = 0;
  if (ts->datastack_chunk != nullptr) {
    ts->datastack_chunk->top = ts->datastack_top - &ts->datastack_chunk->data[0];
  }
  ts->datastack_chunk = chunk;
  ts->datastack_limit = reinterpret_cast<PyObject**>(reinterpret_cast<char*>(chunk) + bytes);
  // The first word of a thread's root chunk stays unused, so that popping never frees that chunk.
  PyObject** base = &chunk->data[chunk->previous == nullptr ? 1 : 0];
  ts->datastack_top = base + words;
  return base;
}

}  // namespace

namespace {

// Templates, for fields that only some versions have.
template <typename Thread>
Frame*& currentFrameOf(Thread* ts) {
  if constexpr (requires { ts->cframe; }) {
    return ts->cframe->current_frame;
  } else {
    return ts->current_frame;
  }
}

template <typename AnyFrame>
_Py_CODEUNIT*& executedInstr(AnyFrame* frame) {
  if constexpr (requires { frame->prev_instr; }) {
    return frame->prev_instr;
  } else {
    return frame->instr_ptr;
  }
}

// Where the frame stores the instruction before the next one, not the next.
template <typename AnyFrame>
constexpr bool storesPrevious(const AnyFrame* frame) {
  return requires { frame->prev_instr; };
}

// Each evaluation of a frame may count two units of C stack; nested resumptions of compiled frames
// would use up the budget (1,500) far too early. The real stack is checked by compiled code.
template <typename Thread>
void addRecursion(Thread* ts, int units) {
  if constexpr (requires { ts->c_recursion_remaining; }) ts->c_recursion_remaining += units;
}

}  // namespace

PyThreadState* threadState() { return PyThreadState_Get(); }

Frame* currentFrame(PyThreadState* ts) { return currentFrameOf(ts); }
void setCurrentFrame(PyThreadState* ts, Frame* frame) { currentFrameOf(ts) = frame; }

void setPosition(Frame* frame, PyCodeObject* code, uint32_t offset) {
  executedInstr(frame) = _PyCode_CODE(code) + offset;
}
void setNextInstr(Frame* frame, PyCodeObject* code, uint32_t offset) {
  executedInstr(frame) = _PyCode_CODE(code) + offset - (storesPrevious(frame) ? 1 : 0);
}
uint32_t framePosition(Frame* frame) {
  return static_cast<uint32_t>(executedInstr(frame) - _PyCode_CODE(frameCode(frame)));
}

PyObject* evalFrame(PyThreadState* ts, Frame* frame, int throwflag) {
  constexpr int kUnits = 2;
  addRecursion(ts, kUnits);
  PyObject* result = _PyEval_EvalFrameDefault(ts, frame, throwflag);
  addRecursion(ts, -kUnits);
  return result;
}

bool hasForeignEvaluator(PyThreadState* ts) { return ts->interp->eval_frame != nullptr; }

Frame* allocateFrame(PyThreadState* ts, size_t words) {
  if (ts->datastack_top != nullptr &&
      static_cast<ptrdiff_t>(words) < ts->datastack_limit - ts->datastack_top) {
    auto* frame = reinterpret_cast<Frame*>(ts->datastack_top);
    ts->datastack_top += words;
    return frame;
  }
  PyObject** base = pushChunk(ts, words);
  if (base == nullptr) {
    PyErr_NoMemory();
    return nullptr;
  }
  return reinterpret_cast<Frame*>(base);
}

bool findHandler(PyCodeObject* code, uint32_t offset, Handler* out) {
  bool found = false;
  eachException(code, [&](const ExceptionEntry& entry) {
    found = offset >= entry.start && offset < entry.start + entry.length;
    if (found) *out = Handler{entry.depth_lasti >> 1, entry.target, (entry.depth_lasti & 1) != 0};
    return !found && offset >= entry.start;  // sorted by start, and they do not overlap
  });
  return found;
}

uint32_t firstHandler(PyCodeObject* code) {
  uint32_t first = UINT32_MAX;
  eachException(code, [&](const ExceptionEntry& entry) {
    first = std::min(first, entry.target);
    return true;
  });
  return first;
}

PyFrameObject* frameObjectOf(PyThreadState* ts, Frame* frame) {
  if (frame->frame_obj != nullptr) {
    return reinterpret_cast<PyFrameObject*>(
        Py_NewRef(reinterpret_cast<PyObject*>(frame->frame_obj)));
  }
  // The function that makes frame objects is hidden; the public getter makes the one of the current
  // frame. It swallows the pending exception when memory runs out, so that is put aside here.
  PyObject* pending = ts->current_exception;
  ts->current_exception = nullptr;
  Frame* current = currentFrame(ts);
  setCurrentFrame(ts, frame);
  PyFrameObject* object = PyThreadState_GetFrame(ts);
  setCurrentFrame(ts, current);
  PyErr_Clear();
  ts->current_exception = pending;
  return object;
}

namespace {

template <typename Visit>
void forEachFrame(Visit visit) {
  PyThreadState* ts = PyInterpreterState_ThreadHead(PyInterpreterState_Main());
  for (; ts != nullptr; ts = PyThreadState_Next(ts)) {
    for (Frame* frame = currentFrame(ts); frame != nullptr; frame = frame->previous) {
      visit(ts, frame);
    }
  }
}

}  // namespace

bool observeFrames(const std::vector<PyCodeObject*>& codes, bool own) {
  if (codes.empty()) return true;
  bool good = true;
  PyObject* pending = PyErr_GetRaisedException();
  forEachFrame([&](PyThreadState* ts, Frame* frame) {
    if (std::find(codes.begin(), codes.end(), rawCode(frame)) == codes.end()) return;
    if (own) ownCodeAndFunction(frame);
    PyFrameObject* object = frameObjectOf(ts, frame);
    good &= object != nullptr;
    if (object != nullptr) *spareByte(object) = kKept;
    Py_XDECREF(object);  // the frame keeps it
  });
  PyErr_SetRaisedException(pending);
  return good;
}

void keepFrameObjects() {
  forEachFrame([](PyThreadState*, Frame* frame) {
    if (runningFrame(frame) == frame && frame->frame_obj != nullptr)
      *spareByte(frame->frame_obj) = kKept;
  });
}

bool dropFrameObject(Frame* frame) {
  PyFrameObject* object = frame->frame_obj;
  if (object == nullptr || Py_REFCNT(object) != 1 || frame->owner != FRAME_OWNED_BY_THREAD)
    return false;
  if (*spareByte(object) == kKept || !isUntouched(object, frame)) return false;
  frame->frame_obj = nullptr;
  Py_DECREF(object);
  return true;
}

std::unordered_set<const PyCodeObject*> runningCodes() {
  std::unordered_set<const PyCodeObject*> codes;
  forEachFrame([&](PyThreadState*, Frame* frame) { codes.insert(rawCode(frame)); });
  return codes;
}

Frame* runningFrame(Frame* frame) {
  while (frame != nullptr && frame->owner > FRAME_OWNED_BY_GENERATOR) frame = frame->previous;
  return frame;
}

bool atEntry(Frame* frame) {
  const int first = frameCode(frame)->_co_firsttraceable;
  return framePosition(frame) <= static_cast<uint32_t>(first);
}

bool collecting() { return PyInterpreterState_Main()->gc.collecting != 0; }

bool stacksAreSwitched() {
  static bool found = false;
  static PyObject* const name = PyUnicode_InternFromString("greenlet");
  PyObject* modules = PyInterpreterState_Main()->imports.modules;  // null when Python ends
  if (modules == nullptr) return true;
  if (found || !PyDict_CheckExact(modules)) return found;
  PyObject* pending = PyErr_GetRaisedException();
  found = PyDict_GetItemWithError(modules, name) != nullptr;
  PyErr_SetRaisedException(pending);
  return found;
}

void addTraceback(PyThreadState* ts, Frame* frame) {
  if (_PyFrame_IsIncomplete(frame)) return;
  PyFrameObject* object = frameObjectOf(ts, frame);
  if (object == nullptr) return;
  PyTraceBack_Here(object);
  Py_DECREF(object);
}

void enterFrame(PyThreadState* ts, Frame* frame) {
  setCurrentFrame(ts, frame);
  ts->py_recursion_remaining--;
}

void leaveFrame(PyThreadState* ts, Frame* frame) {
  // Unlinked before it is cleared: releasing its content may run code that looks at the frames.
  setCurrentFrame(ts, frame->previous);
  ts->py_recursion_remaining++;
  clearFrame(ts, frame);
}

PyObject* resumeInterpreter(PyThreadState* ts, Frame* frame) {
  setCurrentFrame(ts, frame->previous);
  ts->py_recursion_remaining++;
  return evalFrame(ts, frame, 0);
}

PyObject* raiseInFrame(PyThreadState* ts, Frame* frame, uint32_t offset, bool reraise) {
  PyCodeObject* code = frameCode(frame);
  if (!reraise) setPosition(frame, code, offset);
  if (toolsActive(ts)) return interpretWithThrow(ts, frame);
  if (!reraise) addTraceback(ts, frame);
  Handler handler;
  if (findHandler(code, offset, &handler)) {
    dropStack(frame, static_cast<int>(handler.depth));
    if (handler.lasti) pushLasti(frame, framePosition(frame));
    PyObject* exc = ts->current_exception;
    ts->current_exception = nullptr;
    pushStack(frame, exc);
    setNextInstr(frame, code, handler.target);
    return resumeInterpreter(ts, frame);
  }
  dropStack(frame, 0);
  leaveFrame(ts, frame);
  return nullptr;
}

void dropStack(Frame* frame, int depth) {
  while (stackDepth(frame) > depth) {
    PyObject* value = popStack(frame);
    Py_XDECREF(value);
  }
}

PyObject* interpretBound(PyThreadState* ts, PyFunctionObject* func, PyObject** slots,
                         uint32_t count) {
  auto* code = reinterpret_cast<PyCodeObject*>(func->func_code);
  Frame* frame = pushFrame(ts, func, code);
  if (frame == nullptr) {
    PyObject* exception = PyErr_GetRaisedException();
    for (uint32_t i = 0; i < count; ++i) slotReferenceDrop(slots[i]);
    PyErr_SetRaisedException(exception);
    return nullptr;
  }
  setNextInstr(frame, code, 0);
  for (uint32_t i = 0; i < count; ++i) slotSetReference(frame, i, slots[i]);
  canonicaliseHomes(frame);
  if (auto evaluator = ts->interp->eval_frame) return evaluator(ts, frame, 0);
  return evalFrame(ts, frame, 0);
}

int recursionRemaining(PyThreadState* ts) { return ts->py_recursion_remaining; }

}  // namespace tephra::py
