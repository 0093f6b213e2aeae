#include "driver/placing.h"

#include <utility>

#include "driver/cells.h"
#include "driver/function_tables.h"
#include "driver/jit.h"
#include "driver/local_events.h"
#include "driver/units.h"
#include "runtime/tools.h"

namespace tephra::driver {
namespace {

struct Placing {
  PlacingHooks hooks;
  vectorcallfunc interpreted = nullptr;
  int watcher = -1;  // none yet
  bool suspended = false;
  bool all_aside = false;
  uint8_t suspensions = 0;   // of enum class Suspension
  bool watch_later = false;  // all functions, when there is no suspension any more
  bool taken_out = false;    // compiled code has been, for tools, at some time
  bool paused = false;       // some code is, since this version:
  uint64_t paused_version = 0;
  std::unordered_set<PyFunctionObject*> waiting;  // with the interpreter's vectorcall, until then
  std::unordered_set<PyFunctionObject*> aside;    // the same, for a while
};

// Outlives the interpreter's last function. No static of a function: each of a program's functions
// asks for it when it is made and when it dies.
Placing* const the_placing = new Placing;
Placing& self() { return *the_placing; }

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

int collectFunction(PyObject* object, void* out) {
  if (PyFunction_Check(object)) {
    static_cast<std::vector<PyFunctionObject*>*>(out)->push_back(
        reinterpret_cast<PyFunctionObject*>(object));
  }
  return 1;
}

int releaseFunction(PyObject* object, void*) {
  if (isOurs(object)) setInterpreted(reinterpret_cast<PyFunctionObject*>(object));
  return 1;
}

int stepAsideIfOurs(PyObject* object, void*) {
  if (isOurs(object)) stepAside(reinterpret_cast<PyFunctionObject*>(object));
  return 1;
}

// A function whose code may have no state yet.
void placeNew(PyFunctionObject* function) {
  CodeState* state = findState(codeOf(function));
  if (state)
    place(function, state);
  else if (jit().enabled && jit().counting())
    watchFunction(function);
}

void putBack() {
  self().paused = false;
  for (CodeState* state : allStates()) {
    state->paused = false;
    if (state->unit) state->unit->crossings_under_tools = {};
  }
  for (PyFunctionObject* function : std::exchange(self().waiting, {})) {
    if (function->vectorcall == self().interpreted) placeNew(function);
  }
  if (self().watch_later && jit().enabled) watchExistingFunctions();
}

}  // namespace

void initPlacing(const PlacingHooks& hooks) {
  self().hooks = hooks;
  self().interpreted = py::interpreterVectorcall();
}

void endPlacing() {
  self().suspended = true;
  self().suspensions = 0;
  self().paused = false;
  self().waiting.clear();
  for (CodeState* state : allStates()) {
    closeCell(state);
    // What the last deaths take out must not give them back to anybody.
    state->functions.clear();
    state->unlisted = false;
    // Static code objects live on.
    if (state->version_killed) state->code->co_version = state->code_version;
  }
  py::visitAllObjects(releaseFunction, nullptr);
}

void forgetPlacing() {
  self() = {};
  forgetCells();
  unmarkAllFunctions();
}

Entry entryOf(PyFunctionObject* function, const CodeState& state) {
  if (state.paused) return Entry::kWaits;
  if (state.unit) return fits(function, *state.unit) ? Entry::kCompiled : Entry::kInterpreter;
  const Jit& now = jit();
  if (!now.enabled || !now.counting() || state.suppressed) return Entry::kInterpreter;
  if (state.availability == Availability::kRefused) return Entry::kInterpreter;
  const bool may = isCandidate(state.code, nullptr) && isListed(function);
  return may ? Entry::kCounting : Entry::kInterpreter;
}

void place(PyFunctionObject* function, CodeState* state) {
  switch (entryOf(function, *state)) {
    case Entry::kInterpreter: return;
    case Entry::kWaits: return waitForTools(function);
    case Entry::kCompiled: return placeUnit(function, state);
    case Entry::kCounting:
      if (state->calls == 0) state->compile_at = jit().compile_after;
      return placeCounting(function, state);
  }
}

void placeUnit(PyFunctionObject* function, CodeState* state) {
  adopt(function, state, state->unit->function.vectorcall_entry);
  openCell(state);
  fillCell(function, state);
}

void placeCounting(PyFunctionObject* function, CodeState* state) {
  adopt(function, state, self().hooks.counting);
}

void placeCountingInAll(CodeState* state) {
  listFunctions(state);
  for (auto& [function, version] : state->functions) {
    resetCell(function);
    setCounting(function);
  }
}

void restoreFunction(PyFunctionObject* function, uint32_t version) {
  resetCell(function);
  setInterpreted(function);
  py::setVersion(function, version);
}

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

void setInterpreted(PyFunctionObject* function) { setVectorcall(function, self().interpreted); }
void setCounting(PyFunctionObject* function) { setVectorcall(function, self().hooks.counting); }

bool isCounting(const PyFunctionObject* function) {
  return function->vectorcall == self().hooks.counting;
}

bool isOurs(PyObject* object) {
  if (!PyFunction_Check(object)) return false;
  const auto* function = reinterpret_cast<PyFunctionObject*>(object);
  return isCounting(function) ||
         jit().memory->contains(reinterpret_cast<void*>(function->vectorcall));
}

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

bool isListed(PyFunctionObject* function) {
  return !jit().has_list || jit().list.count(nameOf(function)) != 0;
}

bool watchFunctions() {
  if (self().watcher < 0) self().watcher = PyFunction_AddWatcher(self().hooks.event);
  if (self().watcher >= 0) return true;
  PyErr_Clear();
  jit().enabled = false;
  jit().off_reason = "no free function watcher: other tools have taken all of them";
  return false;
}

void watchFunction(PyFunctionObject* function) {
  if (function->vectorcall != self().interpreted || self().suspended) return;
  CodeState* state = findState(codeOf(function));
  const bool counts = jit().counting() && watchFunctions();
  if (!state && counts && isCandidate(codeOf(function), nullptr) && isListed(function)) {
    state = stateOf(codeOf(function));
    if (!state) return PyErr_Clear();
  }
  if (state) place(function, state);
}

void watchExistingFunctions() {
  self().watch_later = self().suspended;
  if (self().suspended) return;
  std::vector<PyFunctionObject*> functions;
  py::visitAllObjects(collectFunction, &functions);
  for (PyFunctionObject* function : functions) watchFunction(function);
}

void unwatchFunction(PyFunctionObject* function) {
  CodeState* state = findState(codeOf(function));
  if (!state) return;
  listFunction(state, function);
  auto found = state->functions.find(function);
  if (found == state->functions.end()) return;
  const uint32_t version = found->second;
  state->functions.erase(found);
  restoreFunction(function, version);
  if (state->functions.empty() && !state->unlisted) restoreAll(state);
}

void stopCounting() {
  listFunctionsOf(allStates());
  for (CodeState* state : allStates()) {
    if (!state->unit && !state->lazy && !state->relearning) restoreAll(state);
  }
}

void functionIsMade(PyFunctionObject* function) {
  if (self().suspensions != 0 || self().paused) pollTools();
  if (self().suspensions != 0 && isCandidate(codeOf(function), nullptr)) waitForTools(function);
  if (self().suspended) return;
  // Most functions are of code that never gets a vectorcall of ours: it has its version still.
  if (!self().taken_out && !jit().counting() && !py::isCodeVersionKilled(codeOf(function))) return;
  placeNew(function);
  if (self().all_aside && isOurs(reinterpret_cast<PyObject*>(function))) stepAside(function);
}

void functionLeaves(PyFunctionObject* function) {
  self().aside.erase(function);
  self().waiting.erase(function);
}

void suspendFunctions(Suspension why, bool suspended) {
  if (!jit().off_reason.empty()) return;
  const auto bit = static_cast<uint8_t>(why);
  uint8_t& all = self().suspensions;
  all = static_cast<uint8_t>(suspended ? all | bit : all & ~bit);
  if (self().suspended == (all != 0)) return;
  self().suspended = all != 0;
  if (!self().suspended) return putBack();
  listFunctionsOf(allStates());
  for (CodeState* state : allStates()) takeOut(state);
}

bool areSuspended() { return self().suspended; }

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

void settleTools(CodeMetadata* metadata, bool concerned, uint64_t version) {
  CompiledUnit* unit = unitOf(metadata);
  if (unit == nullptr) return;
  if (!concerned && unit->function.expected_version != version) {
    concerned = !expectVersion(unit, version);
  }
  if (currentUnit(metadata) == unit) suspendUnit(unit->owner, concerned);
}

void stepAside(PyFunctionObject* function) {
  if (CodeState* state = findState(codeOf(function))) listFunction(state, function);
  setInterpreted(function);
  self().aside.insert(function);
  markFunction(function);
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
      placeUnit(function, state);
    } else {
      setCounting(function);
    }
  }
}

bool installCompiled(PyFunctionObject* function, CodeState* state) {
  if (self().suspended || self().all_aside || self().aside.count(function) != 0) return false;
  if (function->vectorcall != self().interpreted || state->suppressed) return false;
  if (entryOf(function, *state) != Entry::kCompiled) return false;
  placeUnit(function, state);
  return true;
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
        setCounting(function);
      } else {
        restoreFunction(function, py::savedVersion(function, unit->owner->code_version));
      }
    }
  }
}

}  // namespace tephra::driver
