// Purpose: compiled code under tools (tracers, profilers, sys.monitoring, PEP 523). It tells them
// nothing; it compares the instrumentation version with a word of its unit (CodeUnit's
// instrumentation_version at first). Where they differ, or the unit is suspended, it is found out
// here whether any tool is to be told of what this code does. If none is, the unit's word gets the
// running version, and the code goes on or is entered: nothing is compiled again because tools came
// and went. Invariant: a version that a unit expects is one for which no tool was concerned; events
// that come without a new version suspend the unit (driver/monitoring.cc).
#pragma once

#include "pyver/contract.h"
#include "runtime/compiled_function.h"

namespace tephra {

struct ToolHooks {
  // From now on the code is interpreted, or it is entered and expects `version`.
  void (*settle)(CodeMetadata*, bool concerned, uint64_t version) = nullptr;
  // A tool concerns the code, or (null) another evaluator gets all frames, and that for a while.
  void (*pause)(CompiledFunction*) = nullptr;
};
void setToolHooks(const ToolHooks& hooks);

// PEP 523: another evaluator than the interpreter's own gets all frames.
inline bool evaluatesElsewhere(PyThreadState* ts) { return ts->interp->eval_frame != nullptr; }

// A call met one. May change the vectorcalls of all functions.
void noteEvaluator();

// Out of line: looks.
bool lookForTools(PyThreadState* ts, CompiledFunction* compiled);
// Must a call of it be interpreted?
inline bool leftToTools(PyThreadState* ts, CompiledFunction* compiled) {
  const bool usual =
      !compiled->suspended && compiled->expected_version == py::currentInstrumentationVersion(ts);
  return !usual && lookForTools(ts, compiled);
}

// Has it been so for some calls? What is disabled at its first event at each place is not.
inline bool staysWithTools(const CompiledFunction& compiled) {
  constexpr uint32_t kSomeCalls = 8;
  return compiled.suspended && compiled.looks_after >= kSomeCalls;
}

// At an exit because the version has changed: may the code that is running go on?
bool mayGoOn(CodeMetadata* metadata, py::Frame* innermost, size_t frames, PyThreadState* ts);

}  // namespace tephra
