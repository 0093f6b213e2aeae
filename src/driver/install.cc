#include "driver/install.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "driver/cells.h"
#include "driver/compile.h"
#include "driver/entries.h"
#include "driver/function_tables.h"
#include "driver/jit.h"
#include "driver/names.h"
#include "driver/placing.h"
#include "driver/retired.h"
#include "driver/sampler.h"
#include "driver/trail.h"
#include "driver/units.h"
#include "policy/exit_answer.h"
#include "runtime/passing.h"
#include "runtime/recursion.h"

namespace tephra::driver {
namespace {

bool compiling = false;  // under the GIL, which a compilation keeps

void refuse(CodeState* state, const std::string& why) {
  state->availability = Availability::kRefused;
  state->refusal = why;
  restoreAll(state);
}

uint32_t unitsOf(PyCodeObject* code) { return static_cast<uint32_t>(Py_SIZE(code)); }

bool compileNow(PyFunctionObject* function, CodeState* state, const HirText* text = nullptr) {
  // While the interpreter is taken apart it cannot pay, and watchers go one by one.
  if (compiling || py::isFinalizing()) return false;
  if (!watchFunctions()) {
    refuse(state, jit().off_reason);
    return false;
  }
  compiling = true;
  if (!jit().options.last_compiled.empty()) trailBegins(nameOf(function));
  const uint64_t start = threadCpuTime();
  Result<std::unique_ptr<CompiledUnit>> result = compileUnit(function, *state, nullptr, text);
  jit().policy.spend(unitsOf(state->code), threadCpuTime() - start);
  compiling = false;
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
  placeUnit(function, state);
  std::vector<PyFunctionObject*> others;
  for (auto& [each, version] : state->functions) others.push_back(each);
  for (PyFunctionObject* each : others) {
    if (fits(each, *state->unit)) placeUnit(each, state);
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

PyObject* interpretLow(PyThreadState* ts, PyFunctionObject* function, const py::Arguments& args) {
  LowStack low(ts, function);
  if (!low.refused()) return interpretFunction(ts, function, args);
  PyObject* exception = PyErr_GetRaisedException();
  py::releaseArguments(args);
  PyErr_SetRaisedException(exception);
  return nullptr;
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
  if (!jit().sampled) {
    placeCountingInAll(state);
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

// These units took something for granted; they wait for so many calls, or longer.
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

}  // namespace

PyObject* countedCall(PyThreadState* ts, PyFunctionObject* function, const py::Arguments& args) {
  if (stackIsLow()) return interpretLow(ts, function, args);
  CodeState* state = findState(codeOf(function));
  if (!state) {  // __code__ was replaced, by one that nobody has met
    setInterpreted(function);
    watchFunction(function);
    return interpretFunction(ts, function, args);
  }
  ++state->calls;
  if (isDue(*state, state->calls) && compileNow(function, state) && !isCounting(function)) {
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

bool adoptKnown(PyFunctionObject* function) {
  CodeState* state = findState(codeOf(function));
  return state && state->unit && installCompiled(function, state);
}

void codeDies(CodeState* state) {
  releaseCellsOf(state);
  if (state->unit) retire(state);
  orphanUnits(state);
}

void unwatchAll(bool compiled) {
  listFunctionsOf(allStates());
  for (CodeState* state : allStates()) {
    if (state->unit && !compiled) continue;
    restoreAll(state);
    if (state->unit) retire(state);
    if (state->availability == Availability::kCompiled) {
      state->availability = Availability::kCounting;
    }
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
  return open && !state.suppressed && !state.suspended && !areSuspended() && isListed(function);
}

void compileHot(PyFunctionObject* function, CodeState* state) { compileNow(function, state); }

std::string compileFunction(PyFunctionObject* function, const HirText* text) {
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
  if (state->suspended || areSuspended()) return bailoutText(BailoutReason::kInstrumented);
  if (state->unit) {
    if (!fits(function, *state->unit)) return "the code is compiled for other globals";
    placeUnit(function, state);
    return "";
  }
  if (state->hopeless) return state->refusal;
  if (py::isFinalizing()) return "the interpreter is being taken apart";
  if (!compileNow(function, state, text)) {
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
  if (!areSuspended()) placeCounting(function, state);
  return true;
}

void uninstall(CodeState* state) {
  if (!state->unit) return;
  closeCell(state);
  bool count = jit().enabled && jit().counting() && !state->suppressed;
  if (count) {
    placeCountingInAll(state);
  } else {
    restoreAll(state);
  }
  state->availability = Availability::kCounting;
  retire(state);
}

void learnFromExit(CodeState* state, uint64_t calls) {
  if (!state->unit) return;
  ++state->recompiles;
  relearn(state, calls);
}

void giveUp(CodeState* state, const char* why) {
  if (!state->unit) return;
  state->hopeless = true;
  refuse(state, why);
  retire(state);
}

void loseName(PyObject* object) { loseUnits(takeUnitsNaming(object), policy::kRelearnCalls); }
// The interpreter has nothing to learn.
void entriesChange(const std::vector<CompiledUnit*>& units) { loseUnits(units, 1); }

}  // namespace tephra::driver
