#include "driver/heat.h"

#include <algorithm>
#include <utility>

#include "driver/install.h"
#include "driver/jit.h"
#include "driver/placing.h"
#include "driver/sampler.h"
#include "runtime/poll.h"
#include "runtime/recursion.h"
#include "runtime/tools.h"

namespace tephra::driver {
namespace {

// Time that compiled code takes, against what the interpreter would take beyond that.
constexpr double kGained = policy::kSaved / (1 - policy::kSaved);

struct Seen {
  PyFunctionObject* function = nullptr;
  CodeState* state = nullptr;
};

// Who has called what runs in the frame? (Calls from C have a frame of the interpreter's in
// between.)
policy::Caller callerOf(py::Frame* frame) {
  py::Frame* caller = frame->previous;
  if (caller == nullptr || py::runningFrame(caller) != caller) return policy::Caller::kOutside;
  PyCodeObject* code = py::frameCode(caller);
  if (code == py::frameCode(frame)) return policy::Caller::kOutside;  // both will be compiled
  const CodeState* state = findState(code);
  if (state != nullptr && state->unit) return policy::Caller::kOutside;
  const bool open = state == nullptr || state->availability == Availability::kCounting;
  return isCandidate(code, nullptr) && open ? policy::Caller::kCompilable
                                            : policy::Caller::kInterpreted;
}

// The state of the function's code, if that may ever be compiled.
Seen lookAt(PyFunctionObject* function) {
  auto* code = reinterpret_cast<PyCodeObject*>(function->func_code);
  if (!isCandidate(code, nullptr)) return {};
  CodeState* state = stateOf(code);
  if (state == nullptr) PyErr_Clear();
  return {function, state};
}

// The same of what runs in the frame; __code__ may have been replaced since the call.
Seen lookAt(py::Frame* frame) {
  PyFunctionObject* function = py::frameFunction(frame);
  auto* code = reinterpret_cast<PyObject*>(py::frameCode(frame));
  return function != nullptr && function->func_code == code ? lookAt(function) : Seen{};
}

void compile(const Seen& seen) {
  // A loop that always went on when it was looked at may be one long call; compiling helps the
  // next.
  if (examine(seen.state).loops && !seen.state->entered) {
    compileAtNextCall(seen.function);
  } else {
    Py_INCREF(seen.function);  // the frame may only borrow it
    compileHot(seen.function, seen.state);
    Py_DECREF(seen.function);
  }
}

// Something has happened to the function, for the last `time`, that speaks for compiling it. True:
// it is compiled.
bool judge(const Seen& seen, uint64_t time, policy::CpuTime policy::Heat::*what, bool looped) {
  CodeState& state = *seen.state;
  if (!mayCompile(seen.function, state)) return false;
  policy::Heat& heat = state.heat;
  examine(seen.state);
  const uint64_t used = processCpuTime();
  if (heat.seen == 0 && heat.crossed == 0) heat.since = used - std::min(used, time);
  heat.*what += time;
  heat.sample = std::max(heat.sample, time);
  if (looped) heat.looped += time;
  switch (jit().policy.judge(heat, used)) {
    case policy::Verdict::kWait: return false;
    case policy::Verdict::kCompile: compile(seen); return true;
    case policy::Verdict::kOverBudget: break;
  }
  if (!std::exchange(state.over_budget, true)) ++jit().totals.over_budget;
  return false;
}

bool charge(py::Frame* frame, uint64_t time, bool looped) {
  const Seen seen = lookAt(frame);
  if (seen.state == nullptr) return false;
  if (seen.state->unit) {
    installCompiled(seen.function, seen.state);
    return false;
  }
  seen.state->heat.caller = callerOf(frame);
  return judge(seen, time, &policy::Heat::seen, looped);
}

bool chargeCaller(py::Frame* frame, uint64_t time) {
  py::Frame* caller = py::runningFrame(frame->previous);
  return caller != nullptr && charge(caller, time, false);
}

bool mayJudge(PyThreadState* ts) {
  if (!jit().enabled || !jit().automatic || !jit().sampled || jit().paused) return false;
  return ts->interp == PyInterpreterState_Main();
}

// Bytecode that runs compiled for each call that the code makes at `place`.
uint32_t instructionsAround(const CompiledUnit& unit, uint32_t place) {
  uint32_t result = unit.instructions;
  for (const CodeLoop& loop : unit.loops) {
    if (place >= loop.begin && place < loop.end) result = std::min(result, loop.instructions);
  }
  return result;
}

// Does the code lose by calls from and to functions that stay interpreted? What a loop gains that
// makes none is not known.
bool loses(const CompiledUnit& unit, const policy::Crossings& crossings, uint64_t compiled_ns,
           uint64_t noticed_ns) {
  for (const CodeLoop& loop : unit.loops) {
    if (!crossings.leavesWithin(loop.begin, loop.end)) return false;
  }
  return crossings.lose(unit.instructions, compiled_ns, noticed_ns);
}

void note(policy::Crossings* crossings, Crossing way, const CompiledUnit& unit, py::Frame* frame) {
  if (way == Crossing::kIntoCompiled) return crossings->enter(kCrossingsPerSample);
  const uint32_t place = py::framePosition(frame);
  crossings->leave(place, instructionsAround(unit, place), kCrossingsPerSample);
}

}  // namespace

bool chargeSample(PyThreadState* ts, uint64_t elapsed) {
  if (!mayJudge(ts)) return false;
  pollTools();
  if (evaluatesElsewhere(ts) || py::toolsActive(ts) || stackIsLow()) return false;
  py::Frame* frame = py::runningFrame(py::currentFrame(ts));
  if (frame == nullptr) return false;
  // At a function's entry the time has passed in what came before, half of it in the caller.
  const bool entered = py::atEntry(frame);
  const uint64_t own = entered ? elapsed - elapsed / 2 : elapsed;
  CodeState* state = findState(py::frameCode(frame));
  jit().policy.mix.note(state == nullptr ? nullptr : &state->heat.share, elapsed, processCpuTime());
  if (isPolling(frame)) {  // compiled code
    if (state != nullptr) state->compiled_ns += own;
    return entered && chargeCaller(frame, elapsed - own);
  }
  const bool news = entered && chargeCaller(frame, elapsed - own);
  const bool more = charge(frame, own, !entered);
  state = findState(py::frameCode(frame));
  if (entered && state != nullptr) state->entered = true;
  return more || news;
}

void onCrossing(PyThreadState* ts, PyFunctionObject* callee, Crossing way) {
  py::Frame* frame = py::currentFrame(ts);
  if (frame == nullptr || jit().options.exit_rate == 0 || PyErr_Occurred()) return;
  const bool into = way == Crossing::kIntoCompiled;
  auto* compiled = into ? reinterpret_cast<PyCodeObject*>(callee->func_code) : py::rawCode(frame);
  CodeState* state = findState(compiled);
  if (state == nullptr || !state->unit) return;
  const Seen other = into ? lookAt(frame) : lookAt(callee);
  const CompiledUnit* compiled_too = other.state != nullptr ? other.state->unit.get() : nullptr;
  const bool aside =
      compiled_too && (other.state->paused || staysWithTools(compiled_too->function));
  if (compiled_too && !aside) return;  // an old frame
  CompiledUnit& unit = *state->unit;
  // For good? What may be compiled will be when such calls have cost enough; what waits for its
  // next call will come by itself. While tools are there, nothing is compiled.
  const bool stays = other.state == nullptr || other.state->availability == Availability::kRefused;
  const bool tools = aside || py::toolsActive(ts);
  if (stays) note(&unit.crossings, way, unit, frame);
  const uint64_t compiled_ns = state->compiled_ns - state->compiled_before_ns;
  if (loses(unit, unit.crossings, compiled_ns, policy::Crossings::kNoticedNs)) {
    return giveUp(state, "it does little beside calls from and to functions that stay interpreted");
  }
  if (!stays && tools && !state->paused) {
    note(&unit.crossings_under_tools, way, unit, frame);
    const bool aside_too =
        loses(unit, unit.crossings_under_tools, 0, policy::Crossings::kNoticedForAWhileNs);
    if (aside_too) pauseForTool(&unit.function);
  }
  if (stays || tools || !mayJudge(ts) || evaluatesElsewhere(ts) || stackIsLow()) return;
  if (!into) other.state->entered = true;
  constexpr uint64_t kLost = kCrossingsPerSample * policy::Crossings::kCallNs;
  judge(other, kLost, &policy::Heat::crossed, false);
}

double loss(const CodeState& state) {
  return state.compile_seconds - 1e-9 * kGained * static_cast<double>(state.compiled_ns);
}

Gains gains() {
  Gains sum;
  for (const CodeState* state : allStates()) sum.compiled_ns += state->compiled_ns;
  sum.gained_ns = static_cast<uint64_t>(static_cast<double>(sum.compiled_ns) * kGained);
  return sum;
}

}  // namespace tephra::driver
