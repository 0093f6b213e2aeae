#include "runtime/helpers.h"

#include "runtime/exit.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <ctime>
#include <memory>
#include <span>
#include <utility>
#include <vector>

#include "base/check.h"
#include "runtime/raise.h"
#include "runtime/stats.h"
#include "runtime/tools.h"

namespace tephra {
namespace {

// Set by a helper and read by the exit that follows it with no Python code between them.
thread_local bool reraise_noted = false;
thread_local PyObject* released_last = nullptr;

ExitHook exit_hook = nullptr;

struct MachineState {
  const RegisterFile* registers;
  const char* native_fp;
};

uint64_t rawBits(const ValueLocation& at, const MachineState& state) {
  switch (at.where) {
    case ValueLocation::kGp: return state.registers->gp[at.reg];
    case ValueLocation::kFp: return std::bit_cast<uint64_t>(state.registers->fp[at.reg]);
    case ValueLocation::kSpill: {
      uint64_t bits;
      std::memcpy(&bits, state.native_fp + at.offset, sizeof(bits));
      return bits;
    }
    case ValueLocation::kConstant: return at.bits;
    case ValueLocation::kNull: return 0;
  }
  return 0;
}

PyObject* objectAt(const ValueLocation& at, const MachineState& state) {
  return reinterpret_cast<PyObject*>(rawBits(at, state));
}

// Everything that one exit needs while it runs.
class Exit {
 public:
  Exit(CodeMetadata& metadata, ExitRecord& record, MachineState state, py::Frame* frame,
       PyThreadState* ts)
      : metadata_(metadata),
        record_(record),
        state_(state),
        ts_(ts),
        last_(std::exchange(released_last, nullptr)) {
    const size_t count = record.frames.size();
    if (count > few_.size()) many_ = std::make_unique<py::Frame*[]>(count);
    py::Frame** all = count > few_.size() ? many_.get() : few_.data();
    for (size_t i = count; i-- > 0;) {
      all[i] = isAbsent(i) ? nullptr : std::exchange(frame, frame->previous);
    }
    frames_ = {all, count};
  }

  PyObject* take(uint32_t exit, bool reraise);
  // The exception leaves the function: nothing goes on in this frame.
  bool unwinds() const;
  PyObject* unwind(uint32_t exit, bool reraise);

 private:
  bool isAbsent(size_t index) const;
  void makeFrames();
  py::Frame* makeFrame(const ExitFrame& from);
  void loseFrames(size_t first);
  PyObject* materialise(const ValueLocation& at);
  void fillFrame(size_t index);
  void replaceHome(py::Frame* frame, uint32_t slot, PyObject* value);
  void collectDrops();
  void release();
  void callHook(uint32_t exit);
  PyObject* unwindOrResume(size_t index, bool raised, bool reraise);

  CodeMetadata& metadata_;
  ExitRecord& record_;
  MachineState state_;
  PyThreadState* ts_;
  PyObject* last_;  // releaseLast's, or null
  std::array<py::Frame*, 4> few_;
  std::unique_ptr<py::Frame*[]> many_;
  std::span<py::Frame*> frames_;
  std::vector<PyObject*> to_release_;
  bool out_of_memory_ = false;
};

bool Exit::isAbsent(size_t index) const {
  const uint32_t scope = record_.frames[index].scope;
  return scope < metadata_.scopes.size() && metadata_.scopes[scope].frame == FrameOrigin::kAbsent;
}

// Those that are not there, outermost first, as calls would have made them.
void Exit::makeFrames() {
  for (size_t i = 0; i < frames_.size(); ++i) {
    if (frames_[i] != nullptr) continue;
    frames_[i] = makeFrame(record_.frames[i]);
    if (frames_[i] == nullptr) return loseFrames(i);
  }
}

py::Frame* Exit::makeFrame(const ExitFrame& from) {
  const auto function = std::find_if(from.locals.begin(), from.locals.end(), [](const auto& local) {
    return local.first == kFrameFunction;
  });
  TEPHRA_CHECK(function != from.locals.end(), "an absent frame's function is named");
  auto* code = reinterpret_cast<PyCodeObject*>(metadata_.scopes[from.scope].code);
  auto* of = reinterpret_cast<PyFunctionObject*>(objectAt(function->second, state_));
  py::Frame* frame = py::pushFrame(ts_, of, code);
  if (frame != nullptr) py::enterFrame(ts_, frame);
  return frame;
}

// No memory for them: the call of the first one raises MemoryError, which is set.
void Exit::loseFrames(size_t first) {
  auto lose = [&](const ValueLocation& at) {
    if (at.where != ValueLocation::kNull && at.owned) to_release_.push_back(objectAt(at, state_));
  };
  for (size_t i = first; i < frames_.size(); ++i) {
    for (const auto& [slot, at] : record_.frames[i].locals) lose(at);
    for (const ValueLocation& at : record_.frames[i].stack) lose(at);
  }
  frames_ = frames_.first(first);
  out_of_memory_ = true;
}

// A reference for the interpreter frame. Boxing cannot run Python code.
PyObject* Exit::materialise(const ValueLocation& at) {
  if (at.where == ValueLocation::kNull) return nullptr;
  const uint64_t bits = rawBits(at, state_);
  PyObject* boxed = nullptr;
  switch (at.form) {
    case ValueLocation::kObject: {
      PyObject* object = reinterpret_cast<PyObject*>(bits);
      return at.owned ? object : Py_XNewRef(object);
    }
    case ValueLocation::kInt64: boxed = PyLong_FromLongLong(static_cast<int64_t>(bits)); break;
    case ValueLocation::kDouble: boxed = PyFloat_FromDouble(std::bit_cast<double>(bits)); break;
    case ValueLocation::kBool: return PyBool_FromLong((bits & 0xFF) != 0);
  }
  if (boxed != nullptr) return boxed;
  // MemoryError is set. The frame must stay whole for its handlers and for the traceback.
  out_of_memory_ = true;
  return Py_NewRef(Py_None);
}

void Exit::replaceHome(py::Frame* frame, uint32_t slot, PyObject* value) {
  if (py::slotOwned(frame, slot)) to_release_.push_back(py::slotGet(frame, slot));
  py::slotSetOwned(frame, slot, value);
}

void Exit::fillFrame(size_t index) {
  const ExitFrame& from = record_.frames[index];
  py::Frame* frame = frames_[index];
  TEPHRA_DCHECK(py::stackDepth(frame) == 0, "compiled code keeps the value stack to itself");
  for (const auto& [slot, at] : from.locals) {
    if (slot != kFrameFunction) replaceHome(frame, slot, materialise(at));
  }
  for (const ValueLocation& at : from.stack) py::pushStack(frame, materialise(at));
  py::canonicaliseHomes(frame);
  py::setPosition(frame, py::frameCode(frame), from.raise_offset);
}

void Exit::collectDrops() {
  for (const ValueLocation& at : record_.drops) {
    if (PyObject* object = objectAt(at, state_)) to_release_.push_back(object);
  }
  if (last_ != nullptr) to_release_.push_back(last_);
}

// Finalisers see complete frames, so this comes when all of them are.
void Exit::release() {
  for (PyObject* object : to_release_) Py_DECREF(object);
  to_release_.clear();
}

// All references are taken by now, so retiring code cannot take a value away.
void Exit::callHook(uint32_t exit) {
  if (exit_hook == nullptr) return;
  if (record_.kind == ExitKind::kRaise) return exit_hook(&metadata_, exit);
  PyObject* exception = PyErr_GetRaisedException();
  exit_hook(&metadata_, exit);
  PyErr_SetRaisedException(exception);
}

PyObject* Exit::unwindOrResume(size_t index, bool raised, bool reraise) {
  const ExitFrame& from = record_.frames[index];
  py::Frame* frame = frames_[index];
  if (raised) return raiseInFrame(ts_, frame, from.raise_offset, reraise);
  py::setNextInstr(frame, py::frameCode(frame), from.offset);
  // Behind an instruction that is done, the next one may begin a line that a tool waits for.
  if (from.offset > from.raise_offset && fireLine(ts_, frame, from.raise_offset, from.offset) < 0) {
    return raiseInFrame(ts_, frame, from.offset, false);
  }
  return py::resumeInterpreter(ts_, frame);
}

bool Exit::unwinds() const {
  if (record_.kind != ExitKind::kRaise || frames_.size() != 1) return false;
  const ExitFrame& from = record_.frames[0];
  py::Handler handler;
  return from.locals.empty() && !py::toolsActive(ts_) &&
         !py::findHandler(py::frameCode(frames_[0]), from.raise_offset, &handler);
}

// As take() does for a frame without a handler, but the value stack, which nobody will read, is not
// built up: what it would own is released where the interpreter would pop it, from the top down.
PyObject* Exit::unwind(uint32_t exit, bool reraise) {
  const ExitFrame& from = record_.frames[0];
  py::Frame* frame = frames_[0];
  py::canonicaliseHomes(frame);  // a frame object of it may outlive the call
  py::setPosition(frame, py::frameCode(frame), from.raise_offset);
  collectDrops();
  release();
  callHook(exit);
  if (!PyErr_Occurred()) PyErr_SetString(PyExc_SystemError, "error return without exception set");
  if (!reraise) py::addTraceback(ts_, frame);
  for (size_t i = from.stack.size(); i-- > 0;) {
    const ValueLocation& at = from.stack[i];
    if (at.form == ValueLocation::kObject && at.owned) Py_XDECREF(objectAt(at, state_));
  }
  py::leaveFrame(ts_, frame);
  return nullptr;
}

PyObject* Exit::take(uint32_t exit, bool reraise) {
  // New references first, releases last: no value may die while a location still names it.
  makeFrames();
  for (size_t i = 0; i < frames_.size(); ++i) fillFrame(i);
  collectDrops();
  release();
  callHook(exit);
  bool raised = record_.kind == ExitKind::kRaise || out_of_memory_;
  if (raised && !PyErr_Occurred()) {
    PyErr_SetString(PyExc_SystemError, "error return without exception set");
  }
  PyObject* result = nullptr;
  for (size_t i = frames_.size(); i-- > 0;) {
    result = unwindOrResume(i, raised, reraise);
    raised = result == nullptr;
    reraise = false;
    if (i > 0 && result != nullptr) py::pushStack(frames_[i - 1], result);
  }
  return result;
}

// CPU time of this thread: a rest of the call that sleeps loses nothing.
uint64_t threadCpu() {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<uint64_t>(now.tv_sec) * 1'000'000'000 + static_cast<uint64_t>(now.tv_nsec);
}

// Measures what an exit costs in the interpreter behind it. Looking at the clock costs as much as
// the exit itself: of the later ones some stand for all.
class LostTime {
 public:
  LostTime(CodeMetadata* metadata, ExitRecord* record) : metadata_(metadata), record_(record) {
    if (record->count <= kEach) {
      weight_ = 1;
    } else if (record->count % kOneOf == 0) {
      weight_ = kOneOf;
    }
    if (weight_ != 0) start_ = threadCpu();
  }
  ~LostTime() {
    if (weight_ == 0) return;
    const uint64_t lost = weight_ * (threadCpu() - start_);
    record_->lost_ns += lost;
    metadata_->lost_ns += lost;
  }
  LostTime(const LostTime&) = delete;
  LostTime& operator=(const LostTime&) = delete;

 private:
  static constexpr uint64_t kEach = 4, kOneOf = 16;
  CodeMetadata* metadata_;
  ExitRecord* record_;
  uint64_t weight_ = 0, start_ = 0;
};

// Whose instruction it leaves at.
PyCodeObject* leftCode(const CodeMetadata& metadata, const ExitRecord& record, py::Frame* frame) {
  if (metadata.scopes.empty()) return py::frameCode(frame);
  return reinterpret_cast<PyCodeObject*>(metadata.scopes[record.frames.back().scope].code);
}

PyTypeObject* culpritType(const ExitRecord& record, const MachineState& state) {
  if (!record.has_culprit) return nullptr;
  switch (record.culprit.form) {
    case ValueLocation::kInt64: return &PyLong_Type;
    case ValueLocation::kDouble: return &PyFloat_Type;
    case ValueLocation::kBool: return &PyBool_Type;
    case ValueLocation::kObject: break;
  }
  PyObject* object = objectAt(record.culprit, state);
  return object == nullptr ? nullptr : Py_TYPE(object);
}

void noteShape(CodeMetadata* metadata, uint32_t exit, PyTypeObject* type) {
  std::vector<SeenShape>& seen = metadata->seen_shapes;
  if (seen.size() == CodeMetadata::kMostShapes) return;
  const uint32_t version = py::versionOf(type);
  if (version == 0) return;
  for (const SeenShape& each : seen) {
    if (each.exit == exit && each.version == version) return;
  }
  seen.push_back({exit, version});
}

// What a look around has found this time.
void setReason(ExitRecord* record, ExitReason reason) {
  if (record->reason == reason) return;
  record->reason = reason;
  record->row_epoch = 0;
}

// No tool is concerned, or whoever looked at the frame keeps nothing of it (which counts as an
// exit, as it costs what one does, but for the rest of the call).
bool isNeedless(CodeMetadata* metadata, uint32_t exit, py::Frame* frame, PyThreadState* ts) {
  ExitRecord& record = metadata->exits[exit];
  const size_t frames = record.frames.size();
  const bool observed = frame->frame_obj != nullptr;
  setReason(&record, observed ? ExitReason::kFrameObserved : ExitReason::kInstrumentationChanged);
  if (observed) {
    const bool may = record.resume != 0 && frames == 1 && metadata->drops_frame_objects;
    if (!may || !py::dropFrameObject(frame)) return false;
    ++record.count;
    countExit(record, py::frameCode(frame), nullptr);
    if (exit_hook != nullptr) exit_hook(metadata, exit);
    if (*metadata->expected_version == py::currentInstrumentationVersion(ts)) return true;
    setReason(&record, ExitReason::kInstrumentationChanged);
  }
  return mayGoOn(metadata, frame, frames, ts) && record.resume != 0;
}

}  // namespace

void setExitHook(ExitHook hook) { exit_hook = hook; }

void noteReraise(bool reraise) { reraise_noted = reraise; }
void releaseLast(PyObject* object) { released_last = object; }

PyObject* takeExit(CodeMetadata* metadata, uint32_t exit, RegisterFile* registers,
                   const void* native_fp, _PyInterpreterFrame* frame, PyThreadState* ts) {
  TEPHRA_CHECK(exit < metadata->exits.size(), "an exit number of this code");
  ExitRecord& record = metadata->exits[exit];
  TEPHRA_CHECK(!record.frames.empty(), "an exit has a frame");
  if (record.looks && isNeedless(metadata, exit, frame, ts)) {
    registers->gp[RegisterFile::kResume] = record.resume;
    return nullptr;
  }
  const bool reraise = reraise_noted && record.kind == ExitKind::kRaise;
  reraise_noted = false;
  const MachineState state{registers, static_cast<const char*>(native_fp)};
  ++record.count;
  ++metadata->leaving;
  PyTypeObject* culprit = culpritType(record, state);
  countExit(record, leftCode(*metadata, record, frame), culprit);
  if (record.reason == ExitReason::kTypeVersionChanged && culprit != nullptr)
    noteShape(metadata, exit, culprit);
  Exit leaving(*metadata, record, state, frame, ts);
  PyObject* result = nullptr;
  if (leaving.unwinds()) {
    result = leaving.unwind(exit, reraise);
  } else {
    LostTime lost(metadata, &record);
    result = leaving.take(exit, reraise);
  }
  --metadata->leaving;
  return result;
}

}  // namespace tephra

extern "C" int64_t tephra_may_catch(PyThreadState* ts) { return !tephra::py::toolsActive(ts); }

// As raiseInFrame does for a handler; what an exit would release and forget is released here.
extern "C" PyObject* tephra_catch_exception(PyThreadState* ts, _PyInterpreterFrame* frame) {
  using namespace tephra;
  if (!PyErr_Occurred()) PyErr_SetString(PyExc_SystemError, "error return without exception set");
  if (!std::exchange(reraise_noted, false)) py::addTraceback(ts, frame);
  PyObject* exception = PyErr_GetRaisedException();
  Py_XDECREF(std::exchange(released_last, nullptr));
  return exception;
}

extern "C" PyObject* tephra_take_exit(void* metadata, int64_t exit, void* registers,
                                      void* native_fp, _PyInterpreterFrame* frame,
                                      PyThreadState* ts) {
  return tephra::takeExit(static_cast<tephra::CodeMetadata*>(metadata), static_cast<uint32_t>(exit),
                          static_cast<tephra::RegisterFile*>(registers), native_fp, frame, ts);
}
