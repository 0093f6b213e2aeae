#include "driver/exits.h"

#include <algorithm>
#include <utility>

#include "driver/install.h"
#include "driver/jit.h"
#include "driver/sampler.h"
#include "driver/stress.h"
#include "driver/units.h"
#include "policy/exit_answer.h"

namespace tephra::driver {
namespace {

using policy::ExitAnswer;
using policy::ExitNature;

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

// The state of the code that a scope of the unit runs.
CodeState* stateOfScope(CodeState* root, const CodeMetadata& metadata, uint32_t scope) {
  if (scope == 0) return root;
  return stateOf(reinterpret_cast<PyCodeObject*>(metadata.scopes[scope].code));
}

// What the exits of the code have met. What cannot be found again by its version would be
// forgotten, not settled (settleShapes, compile.cc).
policy::ExitScene sceneOf(CodeState* state, const CodeMetadata& metadata, uint32_t exit) {
  policy::ExitScene scene;
  for (const ExitRecord& record : metadata.exits) {
    policy::ExitSite site;
    site.at = {record.frames.back().scope, record.line_offset};
    site.reason = static_cast<int>(record.reason);
    site.count = record.count;
    site.avoidable =
        natureOf(record) == ExitNature::kAssumption && record.reason != ExitReason::kStress;
    site.by_class = record.reason == ExitReason::kTypeVersionChanged;
    scene.sites.push_back(std::move(site));
  }
  for (const SeenShape& seen : metadata.seen_shapes) {
    if (py::isVersionOfClass(seen.version)) scene.sites[seen.exit].met.push_back(seen.version);
  }
  scene.failed = exit;
  scene.learns_shapes = jit().options.shapes;
  for (uint32_t scope = 0; scope < std::max<size_t>(1, metadata.scopes.size()); ++scope) {
    for (auto [offset, version] : stateOfScope(state, metadata, scope)->shapes)
      scene.shapes.insert({{scope, offset}, version});
  }
  scene.assumed = state->unit->shapes;
  scene.loops = examine(state).loops;
  return scene;
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
  const ExitAnswer answer =
      policy::answerExit(&exitPolicy(), rules(), factsOf(*unit, record), &unit->exit_history,
                         [&] { return sceneOf(state, *metadata, exit); });
  switch (answer.kind) {
    case ExitAnswer::Kind::kKeep: return;
    case ExitAnswer::Kind::kRelearn:
      for (const auto& [site, version] : answer.shapes)
        stateOfScope(state, *metadata, site.scope)->shapes.insert({site.offset, version});
      for (const auto& [site, reason] : answer.refused)
        stateOfScope(state, *metadata, site.scope)->refused_sites.insert({site.offset, reason});
      return learnFromExit(state, answer.calls);
    case ExitAnswer::Kind::kGiveUp: return giveUp(state, answer.why);
  }
}

}  // namespace tephra::driver
