// Purpose: the phases over LIR as data and the one function that runs them; lowering and register
// allocation have a table each, and a compilation hands one context to both. The counterpart of
// passes/pipeline.h.
#pragma once

#include <algorithm>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "base/phases.h"
#include "lir/ir.h"

namespace tephra::lir {

struct PhaseContext {
  bool verify = false;               // after each phase
  std::vector<std::string> without;  // phases that do not run; required ones always do
  // Called after each phase with its name, where set.
  std::function<void(const char* phase, const Function&)> dump;
  std::vector<PhaseTiming> timings;
  // What verification found, each line with the phase to blame; and the function at that time, with
  // the errors below what they concern.
  std::vector<std::string> errors;
  std::string annotated;
};

struct PhaseInfo {
  const char* name;
  bool required;  // later phases cannot do without it
  const char* doc;
};

// Work is what the phases of one table share.
template <typename Work>
struct Phase {
  PhaseInfo info;
  bool (*run)(Work& work);  // false: the function is given up
};

template <typename Work>
std::vector<PhaseInfo> listed(std::span<const Phase<Work>> phases) {
  std::vector<PhaseInfo> infos;
  for (const Phase<Work>& phase : phases) infos.push_back(phase.info);
  return infos;
}

// False: a phase gave up, or context.errors says what it broke.
template <typename Work>
bool runPhases(std::span<const Phase<Work>> phases, Work& work, const Function& function,
               PhaseContext& context) {
  for (const auto& [info, run] : phases) {
    const bool off = std::any_of(context.without.begin(), context.without.end(),
                                 [&](const std::string& name) { return name == info.name; });
    if (off && !info.required) continue;
    if (!timed(info.name, context, [&] { return run(work); })) return false;
    if (context.dump) context.dump(info.name, function);
    if (context.verify && !blame(info.name, function, diagnose(function), context)) return false;
  }
  return true;
}

}  // namespace tephra::lir
