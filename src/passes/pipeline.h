// Purpose: the passes over HIR as data (pipeline.tbl) and the one function that runs them.
// Invariant in: a verified function from the frontend. Invariant out: the same function, cleaned
// and simplified, with positions and reference counts explicit: ready for lower/. After each pass,
// where PassOptions::verify says so, the function is verified, a pass that claims to have changed
// nothing is held to it, and after refcount_insertion the counts are checked on all paths.
#pragma once

#include <bitset>
#include <functional>
#include <string>
#include <vector>

#include "base/phases.h"
#include "hir/ir.h"
#include "options/options.h"

namespace tephra::passes {

inline constexpr size_t kMaxPasses = 64;

struct PassOptions {
  // Instances of pipeline.tbl that do not run. Required passes always run.
  std::bitset<kMaxPasses> disabled;
#ifdef TEPHRA_DEBUG
  bool verify = true;
#else
  bool verify = false;
#endif

  // "simplify" disables every instance of the pass, "simplify$late" the one. False: no such name.
  bool disable(const std::string& name);
  // What the options pass-* switch off.
  void disableAsIn(const Options& options);
};

struct PassContext {
  PassOptions options;
  // Address of the countdown that stress mode shares among all functions; 0: no stress mode.
  uint64_t stress_counter = 0;
  // Called before the first pass with "" and after each one with its name, where set.
  std::function<void(const char* pass, const hir::Function&)> dump;
  std::vector<PhaseTiming> timings;
  // What verification found, each line with the pass to blame; the pipeline stops at the first
  // pass. And the function at that time, with the errors below what they concern.
  std::vector<std::string> errors;
  std::string annotated;
};

using PassFunction = bool (*)(hir::Function&, PassContext&);  // true: the function was changed

struct PassInstance {
  const char* name;  // "simplify$after_guards"
  const char* pass;  // "simplify"
  PassFunction run;
  bool Options::*option;  // what switches it off; null: nothing does
  const char* doc;

  bool required() const { return option == nullptr; }
};

// In order of execution.
std::span<const PassInstance> pipeline();
// The first instance with this name, or the pass itself; nullptr if there is none.
const PassInstance* findPass(const std::string& name);

void runPipeline(hir::Function& function, PassContext& context);
// One instance, with everything that runPipeline does around it. False: verification failed.
bool runPass(const PassInstance& instance, hir::Function& function, PassContext& context);

}  // namespace tephra::passes
