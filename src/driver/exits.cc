#include "driver/exits.h"

#include <algorithm>

#include "driver/compile.h"
#include "driver/install.h"
#include "driver/jit.h"
#include "driver/sampler.h"
#include "driver/stress.h"
#include "policy/exit_policy.h"

namespace tephra::driver {
namespace {

using policy::ExitNature;
using policy::ExitVerdict;

policy::ExitPolicy& exitPolicy() {
  static policy::ExitPolicy instance(processCpuTime);
  return instance;
}

ExitNature natureOf(const ExitRecord& record) {
  if (record.kind == ExitKind::kRaise) return ExitNature::kUnavoidable;
  switch (record.reason) {
    case ExitReason::kFrameObserved:
    case ExitReason::kUnsupported:
    case ExitReason::kUnboundLocal: return ExitNature::kUnavoidable;
    case ExitReason::kInstrumentationChanged: return ExitNature::kTools;
    default: return ExitNature::kAssumption;
  }
}

policy::ExitRules rules() {
  const Options& options = jit().options;
  policy::ExitRules rules;
  rules.rate = static_cast<uint64_t>(options.exit_rate);
  rules.recompile_after = static_cast<uint64_t>(options.recompile_after);
  rules.give_up_raising = static_cast<uint64_t>(options.give_up_raising);
  rules.max_recompiles = static_cast<uint64_t>(options.max_recompiles);
  return rules;
}

policy::ExitFacts factsOf(const CompiledUnit& unit, const ExitRecord& record) {
  const CodeMetadata& metadata = *unit.code.metadata;
  policy::ExitFacts facts;
  facts.nature = natureOf(record);
  facts.count = record.count;
  facts.lost_ns = record.lost_ns;
  facts.unit_exits = metadata.taken;
  facts.raised = metadata.raised;
  facts.calls = metadata.calls == nullptr ? 0 : *metadata.calls;
  facts.compile_ns = static_cast<uint64_t>(1e9 * unit.compile_seconds);
  facts.recompiles = static_cast<uint64_t>(unit.owner->recompiles);
  return facts;
}

// The classes that the guard has met and may let through the next time (settleShapes, compile.cc,
// says where it cannot). False: there are too many, or they were let through before, or the other
// half of the recompilations is for what the function must not guess.
bool learnShapes(CodeState* state, const CodeMetadata& metadata, const ExitRecord& record) {
  if (!jit().options.shapes || 2 * state->recompiles >= jit().options.max_recompiles) return false;
  constexpr size_t kMost = 12;  // in all sites of the function
  bool news = false;
  // What cannot be found again by its version would be forgotten, not settled.
  for (const SeenShape& seen : metadata.seen_shapes) {
    if (&metadata.exits[seen.exit] != &record || state->shapes.size() >= kMost) continue;
    if (!py::isVersionOfClass(seen.version)) continue;
    news |= state->shapes.insert({record.line_offset, seen.version}).second;
  }
  for (auto [offset, version] : state->unit->shapes) {
    if (news && offset == record.line_offset) state->shapes.insert({offset, version});
  }
  return news;
}

// The assumption that fails is not made again. Where exits are weighed, neither are the others that
// fail about as often: each would be learned at the price of another compilation.
void refuseSites(CodeState* state, const CodeMetadata& metadata, const ExitRecord& failed) {
  for (const ExitRecord& record : metadata.exits) {
    const bool as_often = jit().options.recompile_after == 0 && 2 * record.count >= failed.count;
    if (&record != &failed && !as_often) continue;
    if (natureOf(record) != ExitNature::kAssumption || record.reason == ExitReason::kStress)
      continue;
    if (record.reason == ExitReason::kTypeVersionChanged && learnShapes(state, metadata, record))
      continue;
    state->refused_sites.insert({record.line_offset, static_cast<int>(record.reason)});
  }
}

}  // namespace

void onExitTaken(CodeMetadata* metadata, uint32_t exit) {
  ++jit().totals.exits;
  const ExitRecord& record = metadata->exits[exit];
  ++metadata->taken;
  if (record.kind == ExitKind::kRaise) ++metadata->raised;
  if (record.reason == ExitReason::kStress) return restartStressCounter();
  if (record.reason == ExitReason::kInstrumentationChanged) return;  // runtime/tools.h sees to it
  CompiledUnit* unit = currentUnit(metadata);
  if (unit == nullptr) return;
  CodeState* state = unit->owner;
  switch (exitPolicy().judge(rules(), factsOf(*unit, record), &unit->exit_history)) {
    case ExitVerdict::kKeep: return;
    case ExitVerdict::kRelearn: refuseSites(state, *metadata, record); return learnFromExit(state);
    case ExitVerdict::kFailsTooOften: return giveUp(state, "its assumptions failed too often");
    case ExitVerdict::kRaisesTooOften:
      return giveUp(state, "it raises in nearly every call, which the interpreter does faster");
    case ExitVerdict::kLeavesTooOften:
      return giveUp(state, "it leaves its compiled code too often, most often by exceptions");
  }
}

}  // namespace tephra::driver
