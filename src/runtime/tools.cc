#include "runtime/tools.h"

#include <algorithm>

namespace tephra {
namespace {

ToolHooks hooks;

// While a tool is concerned, it is looked again after so many calls at most: its callback may have
// disabled the code's events meanwhile. A look is a walk over the bytecode. That many calls are a
// while: each costs more than the interpreter's own (sixty functions, 1,000 calls each: 10 ms).
constexpr uint32_t kLongestWait = 128;

// So many calls under another evaluator are a while.
constexpr uint32_t kEvaluatorCalls = 2048;
uint32_t evaluator_calls = 0;

void settle(CodeMetadata* metadata, bool concerned, uint64_t version) {
  if (hooks.settle != nullptr) hooks.settle(metadata, concerned, version);
}

}  // namespace

void setToolHooks(const ToolHooks& given) { hooks = given; }

void noteEvaluator() {
  if (++evaluator_calls % kEvaluatorCalls == 0 && hooks.pause != nullptr) hooks.pause(nullptr);
}

bool lookForTools(PyThreadState* ts, CompiledFunction* compiled) {
  const uint64_t version = py::currentInstrumentationVersion(ts);
  const bool looked = compiled->suspended && compiled->looked_version == version;
  if (looked && compiled->calls_to_look > 0) {
    --compiled->calls_to_look;
    return true;
  }
  compiled->looks_after = looked ? std::min(2 * compiled->looks_after, kLongestWait) : 1;
  compiled->calls_to_look = compiled->looks_after;
  compiled->looked_version = version;
  settle(compiled->metadata, py::toolsConcern(ts, compiled->code), version);
  const bool concerned = compiled->suspended;
  const bool long_since = compiled->looks_after == kLongestWait;
  if (concerned && long_since && hooks.pause != nullptr) hooks.pause(compiled);
  return concerned;
}

bool mayGoOn(CodeMetadata* metadata, py::Frame* innermost, size_t frames, PyThreadState* ts) {
  bool concerned = false;
  for (py::Frame* frame = innermost; frames-- > 0; frame = frame->previous)
    concerned |= py::toolsConcern(ts, py::frameCode(frame));
  settle(metadata, concerned, py::currentInstrumentationVersion(ts));
  return !concerned;
}

}  // namespace tephra
