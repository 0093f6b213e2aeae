#include "driver/heat.h"

#include <algorithm>
#include <utility>

#include "driver/install.h"
#include "driver/jit.h"
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
  policy::Caller caller = policy::Caller::kOutside;
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

// The state of what runs in the frame, if that may ever be compiled.
Seen lookAt(py::Frame* frame) {
  PyFunctionObject* function = py::frameFunction(frame);
  PyCodeObject* code = py::frameCode(frame);
  if (function == nullptr || !isCandidate(code, nullptr)) return {};
  // __code__ may have been replaced since the call.
  if (function->func_code != reinterpret_cast<PyObject*>(code)) return {};
  CodeState* state = stateOf(code);
  if (state == nullptr) PyErr_Clear();
  return {function, state, callerOf(frame)};
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

// True: the function is on its way to being compiled.
bool charge(const Seen& seen, uint64_t time) {
  if (seen.state == nullptr) return false;
  CodeState& state = *seen.state;
  if (state.unit) {
    installCompiled(seen.function, seen.state);
    return false;
  }
  if (!mayCompile(seen.function, state)) return false;
  examine(seen.state);
  state.heat.caller = seen.caller;
  const uint64_t used = processCpuTime();
  if (state.heat.seen == 0) state.heat.since = used - std::min(used, time);
  state.heat.seen += time;
  switch (jit().policy.judge(state.heat, used)) {
    case policy::Verdict::kWait: return true;
    case policy::Verdict::kCompile: compile(seen); return true;
    case policy::Verdict::kOverBudget: break;
  }
  if (!std::exchange(state.over_budget, true)) ++jit().totals.over_budget;
  return false;
}

}  // namespace

bool chargeSample(PyThreadState* ts, uint64_t elapsed) {
  if (!jit().enabled || !jit().automatic || !jit().sampled || jit().paused) return false;
  if (ts->interp != PyInterpreterState_Main()) return false;
  pollTools();
  if (evaluatesElsewhere(ts) || py::toolsActive(ts) || stackIsLow()) return false;
  py::Frame* frame = py::runningFrame(py::currentFrame(ts));
  if (frame == nullptr) return false;
  const Seen seen = lookAt(frame);
  if (isPolling(frame)) {  // compiled code
    if (seen.state != nullptr) seen.state->compiled_ns += elapsed;
    return false;
  }
  // At a function's entry the time has passed in what came before, half of it in the caller.
  const bool entered = py::atEntry(frame);
  const uint64_t half = entered ? elapsed / 2 : 0;
  if (entered && seen.state != nullptr) seen.state->entered = true;
  bool news = false;
  if (half != 0) {
    py::Frame* caller = py::runningFrame(frame->previous);
    if (caller != nullptr) news |= charge(lookAt(caller), half);
  }
  return charge(seen, elapsed - half) || news;
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
