#include "driver/install.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "driver/compile.h"
#include "driver/entries.h"
#include "driver/function_tables.h"
#include "driver/jit.h"
#include "driver/monitoring.h"
#include "driver/names.h"
#include "driver/retired.h"
#include "driver/sampler.h"
#include "driver/trail.h"
#include "runtime/passing.h"
#include "runtime/recursion.h"
#include "runtime/tools.h"

namespace tephra::driver {
namespace {

// Interpreted calls between a failed assumption and the next compilation: enough for the
// interpreter's adaptive instructions (warm-up 1, back-off up to 64 executions) to see the new
// types.
constexpr uint64_t kRelearnCalls = 70;

// In code memory, within reach of all code; lives as long as the function or code that calls
// through it.
struct EntryCell {
  uint64_t* entry = nullptr;
  uint32_t argcount = 0;
};

uint64_t addressOf(void* code) { return reinterpret_cast<uint64_t>(code); }

struct InstallState {
  vectorcallfunc interpreted = nullptr;
  int watcher = -1;  // none yet
  bool compiling = false;
  bool suspended = false;
  bool all_aside = false;
  uint8_t suspensions = 0;   // of enum class Suspension
  bool watch_later = false;  // all functions, when there is no suspension any more
  bool taken_out = false;    // compiled code has been, for tools, at some time
  bool paused = false;       // some code is, since this version:
  uint64_t paused_version = 0;
  std::unordered_set<PyFunctionObject*> waiting;  // with the interpreter's vectorcall, until then
  std::unordered_set<PyFunctionObject*> aside;    // the same, for a while
  std::unordered_map<uint32_t, void*> stubs;      // by argument count
  std::unordered_set<CodeState*> states;
  std::unordered_map<PyFunctionObject*, EntryCell> cell_of;
  std::unordered_map<uint64_t*, uint32_t> cell_users;
};

// Outlives the interpreter's last function. No static of a function: each of a program's functions
// asks for it when it is made and when it dies.
InstallState* const the_state = new InstallState;
InstallState& self() { return *the_state; }

PyCodeObject* codeOf(PyFunctionObject* function) {
  return reinterpret_cast<PyCodeObject*>(function->func_code);
}

void* uncompiledStub(uint32_t argcount) {
  void*& stub = self().stubs[argcount];
  if (!stub) stub = makeUncompiledStub(argcount, *jit().memory, jit().addresses);
  return stub;
}

// The cells of a code object (CodeState::cell): full while compiled code may be entered that is for
// their globals and builtins. What has another vectorcall than they say is called through that.
void openCell(CodeState* state) {
  const CompiledUnit& unit = *state->unit;
  if (unit.function.suspended || state->cell == nullptr || unit.globals != state->cell_globals)
    return;
  if (unit.builtins != state->cell_builtins) return;
  *state->cell = addressOf(unit.code.register_entry);
  *state->vectorcall_cell = addressOf(unit.code.vectorcall_entry);
}

void closeCell(CodeState* state) {
  if (state->cell != nullptr) *state->cell = *state->vectorcall_cell = 0;
}

void resetCell(PyFunctionObject* function) {
  if (!isMarked(function)) return;
  auto found = self().cell_of.find(function);
  if (found == self().cell_of.end()) return;
  *found->second.entry = addressOf(uncompiledStub(found->second.argcount));
}

// The function's own cell, if it has one, gets its compiled code.
void fillCell(PyFunctionObject* function, CodeState* state) {
  if (!isMarked(function)) return;
  auto cell = self().cell_of.find(function);
  if (cell == self().cell_of.end()) return;
  state->direct.insert(function);
  if (state->unit->function.suspended) return;
  *cell->second.entry = addressOf(state->unit->code.register_entry);
}

bool fits(PyFunctionObject* function, const CompiledUnit& unit) {
  return function->func_globals == unit.globals && function->func_builtins == unit.builtins;
}

PyObject* countingCall(PyObject* callable, PyObject* const* args, size_t nargsf, PyObject* kwnames);
int onFunctionEvent(PyFunction_WatchEvent event, PyFunctionObject* function, PyObject*);

// Is it a function with one of our vectorcalls?
bool isOurs(PyObject* object) {
  if (!PyFunction_Check(object)) return false;
  const vectorcallfunc call = reinterpret_cast<PyFunctionObject*>(object)->vectorcall;
  return call == countingCall || jit().memory->contains(reinterpret_cast<void*>(call));
}

void setVectorcall(PyFunctionObject* function, vectorcallfunc call) {
  if (function->vectorcall != call) PyFunction_SetVectorcall(function, call);
}

// Puts one of our vectorcalls in. Function and code lose their versions, so that no specialised
// call site bypasses it (closures take their version from the code).
void adopt(PyFunctionObject* function, CodeState* state, vectorcallfunc call) {
  if (!state->version_killed) {
    state->code_version = py::codeVersion(state->code);
    state->version_killed = true;
    py::killCodeVersion(state->code);
  }
  noteFunction(state, function);
  setVectorcall(function, call);
}

void installUnit(PyFunctionObject* function, CodeState* state) {
  adopt(function, state, reinterpret_cast<vectorcallfunc>(state->unit->code.vectorcall_entry));
  openCell(state);
  fillCell(function, state);
}

// Back to the interpreter's own vectorcall, specialisable again.
void restoreFunction(PyFunctionObject* function, uint32_t version) {
  resetCell(function);
  setVectorcall(function, self().interpreted);
  py::setVersion(function, version);
}

// Takes our vectorcalls out of all functions of a code object.
void restoreAll(CodeState* state) {
  closeCell(state);
  listFunctions(state);
  auto functions = std::move(state->functions);
  state->functions.clear();
  for (auto& [function, version] : functions) restoreFunction(function, version);
  if (std::exchange(state->version_killed, false)) {
    py::setCodeVersion(state->code, state->code_version);
  }
}

void waitForTools(PyFunctionObject* function) {
  if (self().waiting.insert(function).second) markFunction(function);
}

// restoreAll for a while.
void takeOut(CodeState* state) {
  self().taken_out = true;
  listFunctions(state);
  for (auto& [function, version] : state->functions) waitForTools(function);
  restoreAll(state);
}

void refuse(CodeState* state, const std::string& why) {
  state->availability = Availability::kRefused;
  state->refusal = why;
  restoreAll(state);
}

// "module:qualname"; "" where there is no such text.
std::string nameOf(PyFunctionObject* function) {
  const char* module = "";
  if (function->func_module && PyUnicode_Check(function->func_module)) {
    module = PyUnicode_AsUTF8(function->func_module);
  }
  const char* name = PyUnicode_AsUTF8(function->func_qualname);
  if (!module || !name) {
    PyErr_Clear();
    return "";
  }
  return std::string(module) + ":" + name;
}

// Function events matter once a function may have one of our vectorcalls, and cost a program that
// makes many functions a little: so not before that. False: no longer possible.
bool watchFunctions() {
  if (self().watcher < 0) self().watcher = PyFunction_AddWatcher(onFunctionEvent);
  if (self().watcher >= 0) return true;
  PyErr_Clear();
  jit().enabled = false;
  jit().off_reason = "no free function watcher: other tools have taken all of them";
  return false;
}

uint32_t unitsOf(PyCodeObject* code) { return static_cast<uint32_t>(Py_SIZE(code)); }

// Does the option "list" exclude this function?
bool isListed(PyFunctionObject* function) {
  return !jit().has_list || jit().list.count(nameOf(function)) != 0;
}

bool compileNow(PyFunctionObject* function, CodeState* state) {
  // While the interpreter is taken apart it cannot pay, and watchers go one by one.
  if (self().compiling || py::isFinalizing()) return false;
  if (!watchFunctions()) {
    refuse(state, jit().off_reason);
    return false;
  }
  self().compiling = true;
  if (!jit().options.last_compiled.empty()) trailBegins(nameOf(function));
  const uint64_t start = threadCpuTime();
  Result<std::unique_ptr<CompiledUnit>> result = compileUnit(function, *state, nullptr);
  jit().policy.spend(unitsOf(state->code), threadCpuTime() - start);
  self().compiling = false;
  if (!result) {
    trailEnds(false);
    const Bailout& bailout = result.bailout();
    ++jit().totals.bailouts[bailoutName(bailout.reason)];
    std::string why = bailoutText(bailout.reason);
    if (!bailout.detail.empty()) why += " (" + bailout.detail + ")";
    if (bailout.reason == BailoutReason::kInstrumented) {
      state->refusal = why;  // not for ever: the tool may go away
      state->compile_at = state->calls + 1000;
      state->heat.seen = 0;
    } else {
      refuse(state, why);
    }
    return false;
  }
  state->unit = std::move(*result);
  state->compile_seconds += state->unit->compile_seconds;
  state->availability = Availability::kCompiled;
  state->refusal.clear();
  state->lazy = false;
  state->relearning = false;
  publishUnit(state);
  state->unit->function.suspended = state->suspended;
  trailEnds(true);
  listFunctions(state);
  installUnit(function, state);
  std::vector<PyFunctionObject*> others;
  for (auto& [each, version] : state->functions) others.push_back(each);
  for (PyFunctionObject* each : others) {
    if (fits(each, *state->unit)) installUnit(each, state);
  }
  return true;
}

// By so many doublings code waits longer that went because what it named died.
uint32_t lossesCounted(const CodeState& state) {
  constexpr uint32_t kMostDoublings = 16;
  return std::min(state.lost_callees, kMostDoublings);
}

// Is the code to be compiled at its call number `call`?
bool isDue(const CodeState& state, uint64_t call) {
  if (state.availability != Availability::kCounting || state.suspended) return false;
  const bool reached = call >= state.compile_at;
  if (state.lazy || (state.relearning && reached)) return true;
  if (!jit().enabled || !jit().counting() || jit().paused) return false;
  const auto limit = static_cast<uint64_t>(jit().options.compile_after_ms) * 1'000'000;
  return reached || (limit != 0 && state.interpreted_ns >= limit << lossesCounted(state));
}

void stepAside(PyFunctionObject* function) {
  if (CodeState* state = findState(codeOf(function))) listFunction(state, function);
  setVectorcall(function, self().interpreted);
  self().aside.insert(function);
  markFunction(function);
}

int stepAsideIfOurs(PyObject* object, void*) {
  if (isOurs(object)) stepAside(reinterpret_cast<PyFunctionObject*>(object));
  return 1;
}

void stepAllAside() {
  if (!std::exchange(self().all_aside, true)) py::visitAllObjects(stepAsideIfOurs, nullptr);
}

void stepBack() {
  self().all_aside = false;
  for (PyFunctionObject* function : std::exchange(self().aside, {})) {
    CodeState* state = findState(codeOf(function));
    // What happened to it meanwhile is what counts.
    if (!state || !state->functions.count(function)) continue;
    if (function->vectorcall != self().interpreted) continue;
    if (state->unit && fits(function, *state->unit)) {
      installUnit(function, state);
    } else {
      setVectorcall(function, countingCall);
    }
  }
}

bool adoptKnown(PyFunctionObject* function) {
  CodeState* state = findState(codeOf(function));
  return state && state->unit && installCompiled(function, state);
}

PyObject* interpretLow(PyThreadState* ts, PyFunctionObject* function, const py::Arguments& args) {
  LowStack low(ts, function);
  if (!low.refused()) return interpretFunction(ts, function, args);
  PyObject* exception = PyErr_GetRaisedException();
  py::releaseArguments(args);
  PyErr_SetRaisedException(exception);
  return nullptr;
}

// countingCall with arguments that are handed over.
PyObject* countedCall(PyThreadState* ts, PyFunctionObject* function, const py::Arguments& args) {
  if (stackIsLow()) return interpretLow(ts, function, args);
  CodeState* state = findState(codeOf(function));
  if (!state) {  // __code__ was replaced
    watchFunction(function);
    return interpretFunction(ts, function, args);
  }
  ++state->calls;
  if (isDue(*state, state->calls) && compileNow(function, state) &&
      function->vectorcall != countingCall) {
    return callFunction(ts, function, args);
  }
  if (jit().options.compile_after_ms == 0 || !examine(state).loops) {
    return interpretFunction(ts, function, args);
  }
  // The function, its code and so its state may die in the call.
  PyCodeObject* code = reinterpret_cast<PyCodeObject*>(Py_NewRef(state->code));
  const auto start = std::chrono::steady_clock::now();
  PyObject* result = interpretFunction(ts, function, args);
  const std::chrono::nanoseconds time = std::chrono::steady_clock::now() - start;
  if (CodeState* after = findState(code)) {
    after->interpreted_ns += static_cast<uint64_t>(time.count());
  }
  PyObject* exception = result == nullptr ? PyErr_GetRaisedException() : nullptr;
  Py_DECREF(code);
  if (result == nullptr) PyErr_SetRaisedException(exception);
  return result;
}

PyObject* countingCall(PyObject* callable, PyObject* const* args, size_t nargsf,
                       PyObject* kwnames) {
  return callTakingOver(callable, args, nargsf, kwnames, countedCall);
}

// The unit is in no function and no cell any more.
void retire(CodeState* state) {
  unregisterCompiled(reinterpret_cast<PyObject*>(state->code));
  const ExitTotals totals = exitTotals(*state);
  state->past_exits = totals.exits;
  state->past_lost_ns = totals.lost_ns;
  state->compiled_before_ns = state->compiled_ns;
  retireUnit(std::move(state->unit));
}

// Takes the compiled code out; it is compiled again (in forced mode too) after so many more calls.
void relearn(CodeState* state, uint64_t calls) {
  closeCell(state);
  listFunctions(state);
  if (!jit().sampled) {
    for (auto& [function, version] : state->functions) {
      resetCell(function);
      setVectorcall(function, countingCall);
    }
  } else {
    restoreAll(state);
  }
  state->availability = Availability::kCounting;
  state->compile_at = state->calls + calls;
  state->relearning = true;
  state->interpreted_ns = 0;
  state->heat.seen = state->heat.looped = state->heat.crossed = 0;
  ++state->heat.recompiles;
  retire(state);
}

// Something that the code names died, most often because another one took its place, or an entry
// has changed. Nothing was wrong with the code, so max-recompiles does not count it; but it waits
// longer each time.
void loseNamed(CodeState* state, uint64_t calls) {
  if (!state->unit) return;
  if (state->suppressed) return uninstall(state);
  const uint64_t wait = calls << lossesCounted(*state);
  ++state->lost_callees;
  relearn(state, wait);
}

// Code that embeds the function knows it by its number of parameters and, through the cell, by its
// register entry; it is taken out. What of it is running still calls through the cell, which keeps
// the stub for that number; who compiles a call of the function from now on gets another cell.
void dropCallers(PyFunctionObject* function) {
  if (!isMarked(function)) return;
  resetCell(function);
  auto cell = self().cell_of.find(function);
  if (cell != self().cell_of.end()) {
    releaseCell(cell->second.entry);
    self().cell_of.erase(cell);
  }
  if (CodeState* state = findState(codeOf(function))) state->direct.erase(function);
  loseName(reinterpret_cast<PyObject*>(function));
}

void functionDies(PyFunctionObject* function) {
  // No walk over all functions may list it again: a recursive one is its own caller.
  function->vectorcall = self().interpreted;
  if (!isMarked(function)) return;
  if (CodeState* state = findState(codeOf(function))) state->functions.erase(function);
  self().aside.erase(function);
  self().waiting.erase(function);
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
  setVectorcall(function, counts ? countingCall : self().interpreted);
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

// A function with the interpreter's vectorcall.
void watchKnown(PyFunctionObject* function, CodeState* state) {
  if (!isCandidate(state->code, nullptr)) return;
  if (state->suppressed || state->availability == Availability::kRefused) return;
  if (jit().has_list && !isListed(function)) return;
  if (state->unit) {
    if (fits(function, *state->unit)) installUnit(function, state);
    return;
  }
  if (!jit().counting()) return;
  if (state->calls == 0) state->compile_at = jit().compile_after;
  adopt(function, state, countingCall);
}

// What one more function of a code object gets, of which there are many; null: not that simple.
vectorcallfunc callOfOneMore(PyFunctionObject* function, CodeState* state) {
  if (!state->version_killed) return nullptr;
  if (state->unit) {
    return fits(function, *state->unit)
               ? reinterpret_cast<vectorcallfunc>(state->unit->code.vectorcall_entry)
               : nullptr;
  }
  const Jit& now = jit();
  bool counts = now.enabled && now.counting() && !now.has_list && !state->suppressed &&
                state->availability == Availability::kCounting;
  if (!counts) return nullptr;
  if (state->calls == 0) state->compile_at = now.compile_after;
  return countingCall;
}

void giveVectorcall(PyFunctionObject* function) {
  CodeState* state = findState(codeOf(function));
  if (state && state->paused) return waitForTools(function);
  if (state) {
    vectorcallfunc call = callOfOneMore(function, state);
    if (call && noteNewFunction(state)) return PyFunction_SetVectorcall(function, call);
    if (state->unit && fits(function, *state->unit)) return installUnit(function, state);
  }
  if (!jit().enabled || !jit().counting()) return;
  if (state)
    watchKnown(function, state);
  else
    watchFunction(function);
}

// Short, since programs make functions in loops.
void functionIsMade(PyFunctionObject* function) {
  if (self().suspensions != 0 || self().paused) pollTools();
  if (self().suspensions != 0 && isCandidate(codeOf(function), nullptr)) waitForTools(function);
  if (self().suspended) return;
  // Most functions are of code that never gets a vectorcall of ours: it has its version still.
  if (!self().taken_out && !jit().counting() && !py::isCodeVersionKilled(codeOf(function))) return;
  giveVectorcall(function);
  if (self().all_aside && isOurs(reinterpret_cast<PyObject*>(function))) stepAside(function);
}

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

int collectFunction(PyObject* object, void* out) {
  if (PyFunction_Check(object)) {
    static_cast<std::vector<PyFunctionObject*>*>(out)->push_back(
        reinterpret_cast<PyFunctionObject*>(object));
  }
  return 1;
}

int releaseFunction(PyObject* object, void*) {
  if (isOurs(object)) {
    setVectorcall(reinterpret_cast<PyFunctionObject*>(object), self().interpreted);
  }
  return 1;
}

}  // namespace

bool initInstall(std::string* error) {
  PyObject* globals = PyDict_New();
  PyObject* probe = globals ? py::evaluate("lambda: None", Py_eval_input, globals) : nullptr;
  Py_XDECREF(globals);
  if (!probe || !PyFunction_Check(probe)) {
    PyErr_Clear();
    Py_XDECREF(probe);
    *error = "could not make a probe function";
    return false;
  }
  self().interpreted = reinterpret_cast<PyFunctionObject*>(probe)->vectorcall;
  Py_DECREF(probe);
  setRecursionHooks({countingCall, countedCall, stepAside, stepAllAside, stepBack, adoptKnown});
  return true;
}

void endInstall() {
  endEntries();
  self().suspended = true;
  self().suspensions = 0;
  self().paused = false;
  self().waiting.clear();
  for (CodeState* state : self().states) {
    closeCell(state);
    // What the last deaths take out must not give them back to anybody.
    state->functions.clear();
    state->unlisted = false;
    // Static code objects live on.
    if (state->version_killed) state->code->co_version = state->code_version;
  }
  py::visitAllObjects(releaseFunction, nullptr);
}

void forgetFunctions() {
  self() = {};
  unmarkAllFunctions();
}

void rememberState(CodeState* state) { self().states.insert(state); }

void forgetState(CodeState* state) {
  closeCell(state);
  for (uint64_t* cell : {state->cell, state->vectorcall_cell}) {
    if (cell != nullptr) releaseCell(cell);
  }
  self().states.erase(state);
  if (state->unit) retire(state);
  orphanUnits(state);
}

const std::unordered_set<CodeState*>& allStates() { return self().states; }

bool isCandidate(PyCodeObject* code, std::string* why) {
  auto no = [&](BailoutReason reason) {
    if (why) *why = bailoutText(reason);
    return false;
  };
  if (code->co_flags & CO_ASYNC_GENERATOR) return no(BailoutReason::kAsyncGenerator);
  if (code->co_flags & CO_COROUTINE) return no(BailoutReason::kCoroutine);
  if (code->co_flags & CO_GENERATOR) return no(BailoutReason::kGenerator);
  if ((code->co_flags & (CO_OPTIMIZED | CO_NEWLOCALS)) != (CO_OPTIMIZED | CO_NEWLOCALS)) {
    return no(BailoutReason::kNotAFunctionBody);
  }
  return true;
}

void watchFunction(PyFunctionObject* function) {
  if (function->vectorcall != self().interpreted || self().suspended) return;
  CodeState* state = findState(codeOf(function));
  const bool counts = jit().counting() && watchFunctions();
  if (!state && counts && isCandidate(codeOf(function), nullptr) && isListed(function)) {
    state = stateOf(codeOf(function));
    if (!state) return PyErr_Clear();
  }
  if (state) watchKnown(function, state);
}

void watchExistingFunctions() {
  self().watch_later = self().suspended;
  if (self().suspended) return;
  std::vector<PyFunctionObject*> functions;
  py::visitAllObjects(collectFunction, &functions);
  for (PyFunctionObject* function : functions) watchFunction(function);
}

void unwatchFunction(PyFunctionObject* function) {
  if (CodeState* state = findState(codeOf(function))) {
    listFunction(state, function);
    auto found = state->functions.find(function);
    if (found == state->functions.end()) return;
    const uint32_t version = found->second;
    state->functions.erase(found);
    restoreFunction(function, version);
    if (state->functions.empty() && !state->unlisted) restoreAll(state);
  }
}

void unwatchAll(bool compiled) {
  listFunctionsOf(self().states);
  for (CodeState* state : self().states) {
    if (state->unit && !compiled) continue;
    restoreAll(state);
    if (state->unit) retire(state);
    if (state->availability == Availability::kCompiled) {
      state->availability = Availability::kCounting;
    }
  }
}

void stopCounting() {
  listFunctionsOf(self().states);
  for (CodeState* state : self().states) {
    if (!state->unit && !state->lazy && !state->relearning) restoreAll(state);
  }
}

namespace {

void putBack() {
  self().paused = false;
  for (CodeState* state : self().states) {
    state->paused = false;
    if (state->unit) state->unit->crossings_under_tools = {};
  }
  for (PyFunctionObject* function : std::exchange(self().waiting, {})) {
    if (function->vectorcall == self().interpreted) giveVectorcall(function);
  }
  if (self().watch_later && jit().enabled) watchExistingFunctions();
}

}  // namespace

void suspendFunctions(Suspension why, bool suspended) {
  if (!jit().off_reason.empty()) return;
  const auto bit = static_cast<uint8_t>(why);
  uint8_t& all = self().suspensions;
  all = static_cast<uint8_t>(suspended ? all | bit : all & ~bit);
  if (self().suspended == (all != 0)) return;
  self().suspended = all != 0;
  if (!self().suspended) return putBack();
  listFunctionsOf(self().states);
  for (CodeState* state : self().states) takeOut(state);
}

void pauseForTool(CompiledFunction* compiled) {
  if (!compiled) return suspendFunctions(Suspension::kEvaluator, true);
  CodeState* state = findState(compiled->code);
  if (!state || state->paused || self().suspended) return;
  state->paused = self().paused = true;
  self().paused_version = py::currentInstrumentationVersion(py::threadState());
  takeOut(state);
}

void pollTools() {
  PyThreadState* ts = py::threadState();
  if (!evaluatesElsewhere(ts)) suspendFunctions(Suspension::kEvaluator, false);
  if (!self().paused || self().suspended) return;
  const bool same = self().paused_version == py::currentInstrumentationVersion(ts);
  if (!same || !(py::toolsActive(ts) || anyLocalEvents())) putBack();
}

bool suspendCode(PyCodeObject* code, bool suspended) {
  CodeState* state = findState(code);
  if (!state || state->suspended == suspended) return true;
  state->suspended = suspended;
  if (state->unit && suspended) suspendUnit(state, true);
  if (suspended) return py::observeFrames({code}, false);
  if (!state->unit) return true;
  PyThreadState* ts = py::threadState();
  settleTools(state->unit->code.metadata.get(), py::toolsConcern(ts, code),
              py::currentInstrumentationVersion(ts));
  return true;
}

void suspendUnit(CodeState* state, bool suspended) {
  CompiledFunction& compiled = state->unit->function;
  if (compiled.suspended == suspended) return;
  compiled.suspended = suspended;
  compiled.looked_version = 0;
  if (suspended) {
    closeCell(state);
    for (PyFunctionObject* function : state->direct) resetCell(function);
    return;
  }
  if (!self().suspended) openCell(state);
  for (PyFunctionObject* function : state->direct) {
    if (hasCompiledCode(function)) fillCell(function, state);
  }
}

const policy::Heat& examine(CodeState* state) {
  policy::Heat& heat = state->heat;
  if (std::exchange(state->examined, true)) return heat;
  heat.units = unitsOf(state->code);
  PyObject* bytes = PyCode_GetCode(state->code);
  if (!bytes) {
    PyErr_Clear();
    return heat;
  }
  const uint32_t end = std::min(heat.units, py::firstHandler(state->code));
  for (uint32_t i = 0; i < heat.units; i++) {
    const auto op = static_cast<uint8_t>(PyBytes_AS_STRING(bytes)[2 * i]);
    heat.loops |= op == JUMP_BACKWARD;
    if (i < end && op != CACHE && op != EXTENDED_ARG) ++heat.work;
  }
  Py_DECREF(bytes);
  return heat;
}

bool mayCompile(PyFunctionObject* function, const CodeState& state) {
  const bool open = state.availability == Availability::kCounting && !state.lazy;
  return open && !state.suppressed && !state.suspended && !self().suspended && isListed(function);
}

void compileHot(PyFunctionObject* function, CodeState* state) { compileNow(function, state); }

bool installCompiled(PyFunctionObject* function, CodeState* state) {
  if (self().suspended || self().all_aside || state->suppressed || state->paused) return false;
  if (!fits(function, *state->unit) || self().aside.count(function) != 0) return false;
  if (function->vectorcall != self().interpreted) return false;
  installUnit(function, state);
  return true;
}

std::string compileFunction(PyFunctionObject* function) {
  if (std::string off = offReason(); !off.empty()) return off;
  std::string why;
  if (!isCandidate(codeOf(function), &why)) {
    ++jit().totals.bailouts[why];
    return why;
  }
  CodeState* state = stateOf(codeOf(function));
  if (!state) {
    PyErr_Clear();
    return "functions of other interpreters are not compiled";
  }
  if (state->suppressed) return bailoutText(BailoutReason::kSuppressed);
  if (state->suspended || self().suspended) return bailoutText(BailoutReason::kInstrumented);
  if (state->unit) {
    if (!fits(function, *state->unit)) return "the code is compiled for other globals";
    installUnit(function, state);
    return "";
  }
  if (state->hopeless) return state->refusal;
  if (py::isFinalizing()) return "the interpreter is being taken apart";
  if (!compileNow(function, state)) {
    return state->refusal.empty() ? "a compilation is already under way" : state->refusal;
  }
  return "";
}

bool compileAtNextCall(PyFunctionObject* function) {
  if (!offReason().empty() || !isCandidate(codeOf(function), nullptr)) return false;
  CodeState* state = stateOf(codeOf(function));
  if (!state) {
    PyErr_Clear();
    return false;
  }
  if (state->suppressed || state->availability == Availability::kRefused) return false;
  if (state->unit) return true;
  if (!watchFunctions()) return false;
  state->lazy = true;
  if (!self().suspended) adopt(function, state, countingCall);
  return true;
}

void uninstall(CodeState* state) {
  if (!state->unit) return;
  closeCell(state);
  bool count = jit().enabled && jit().counting() && !state->suppressed;
  if (count) {
    listFunctions(state);
    for (auto& [function, version] : state->functions) {
      resetCell(function);
      setVectorcall(function, countingCall);
    }
  } else {
    restoreAll(state);
  }
  state->availability = Availability::kCounting;
  retire(state);
}

void learnFromExit(CodeState* state) {
  if (!state->unit) return;
  ++state->recompiles;
  // A loop that was interpreted to its end has told the interpreter enough.
  relearn(state, examine(state).loops ? 1 : kRelearnCalls);
}

void giveUp(CodeState* state, const char* why) {
  if (!state->unit) return;
  state->hopeless = true;
  refuse(state, why);
  retire(state);
}

bool hasCompiledCode(PyFunctionObject* function) {
  CodeState* state = findState(codeOf(function));
  return state && state->unit &&
         function->vectorcall ==
             reinterpret_cast<vectorcallfunc>(state->unit->code.vectorcall_entry);
}

bool isCompiled(PyFunctionObject* function) {
  if (!hasCompiledCode(function)) return false;
  CompiledUnit& unit = *findState(codeOf(function))->unit;
  if (!unit.function.suspended) return true;
  PyThreadState* ts = py::threadState();  // what the next call would find out
  settleTools(unit.code.metadata.get(), py::toolsConcern(ts, unit.function.code),
              py::currentInstrumentationVersion(ts));
  return !unit.function.suspended;
}

uint64_t entryCellOf(PyFunctionObject* function, uint32_t argcount) {
  auto found = self().cell_of.find(function);
  if (found != self().cell_of.end()) return reinterpret_cast<uint64_t>(found->second.entry);
  uint64_t* entry = jit().memory->allocateCell();
  if (entry == nullptr) return 0;
  retainCell(entry);
  self().cell_of[function] = {entry, argcount};
  markFunction(function);
  *entry = addressOf(uncompiledStub(argcount));
  if (hasCompiledCode(function)) fillCell(function, findState(codeOf(function)));
  return reinterpret_cast<uint64_t>(entry);
}

CodeCells cellsOf(PyCodeObject* code, PyObject* globals, PyObject* builtins) {
  if (!isCandidate(code, nullptr)) return {};
  CodeState* state = stateOf(code);
  if (!state) {
    PyErr_Clear();
    return {};
  }
  if (state->cell == nullptr) {
    uint64_t *entry = jit().memory->allocateCell(), *call = jit().memory->allocateCell();
    if (entry == nullptr || call == nullptr) return {};
    retainCell(entry);
    retainCell(call);
    state->cell = entry;
    state->vectorcall_cell = call;
    state->cell_globals = globals;
    state->cell_builtins = builtins;
    closeCell(state);
    if (state->unit) openCell(state);
  }
  if (state->cell_globals != globals || state->cell_builtins != builtins) return {};
  return {reinterpret_cast<uint64_t>(state->cell),
          reinterpret_cast<uint64_t>(state->vectorcall_cell)};
}

void retainCell(uint64_t* cell) { ++self().cell_users[cell]; }

void releaseCell(uint64_t* cell) {
  auto users = self().cell_users.find(cell);
  if (users == self().cell_users.end() || --users->second != 0) return;
  self().cell_users.erase(users);
  jit().memory->freeCell(cell);
}

void loseName(PyObject* object) { loseUnits(takeUnitsNaming(object), kRelearnCalls); }

void loseUnits(const std::vector<CompiledUnit*>& units, uint64_t calls) {
  if (units.empty()) return;
  std::vector<PyCodeObject*> codes;
  std::vector<CodeState*> owners;
  for (CompiledUnit* unit : units) {
    if (unit->owner == nullptr) continue;
    codes.push_back(unit->owner->code);
    if (unit->owner->unit.get() == unit) owners.push_back(unit->owner);
  }
  for (CodeState* state : owners) loseNamed(state, calls);
  // What is running leaves the code before it can meet what is there now.
  py::observeFrames(codes, false);
}

void detachFunctions(const std::vector<std::unique_ptr<CompiledUnit>>& units) {
  std::vector<CodeState*> unlisted;
  for (const auto& unit : units) {
    if (unit->owner != nullptr && unit->owner->ever_unlisted) unlisted.push_back(unit->owner);
  }
  if (unlisted.empty()) return;
  std::vector<PyFunctionObject*> functions;
  py::visitAllObjects(collectFunction, &functions);
  for (PyFunctionObject* function : functions) {
    for (const auto& unit : units) {
      if (unit->owner == nullptr) continue;
      if (function->vectorcall != unit->function.vectorcall_entry) continue;
      if (jit().counting()) {
        unit->owner->unlisted = true;
        setVectorcall(function, countingCall);
      } else {
        restoreFunction(function, py::savedVersion(function, unit->owner->code_version));
      }
    }
  }
}

}  // namespace tephra::driver
