#include "passes/pipeline.h"

#include <cstring>

#include "passes/cfg_clean.h"
#include "passes/comparison_fusion.h"
#include "passes/dce.h"
#include "passes/guard_removal.h"
#include "passes/number_stores.h"
#include "passes/phi_elimination.h"
#include "passes/position_stores.h"
#include "passes/refcount_checker.h"
#include "passes/refcount_insertion.h"
#include "passes/simplify.h"
#include "passes/stress_deopt.h"
#include "passes/unbox_phis.h"
#include "passes/unboxed_states.h"

namespace tephra::passes {
namespace {

constexpr PassInstance kPipeline[] = {
#define TEPHRA_PASS(name, pass, option, doc) {name, #pass, pass, option, doc},
#include "passes/pipeline.gen.h"
#undef TEPHRA_PASS
};
static_assert(std::size(kPipeline) <= kMaxPasses);

}  // namespace

std::span<const PassInstance> pipeline() { return kPipeline; }

const PassInstance* findPass(const std::string& name) {
  for (const PassInstance& instance : kPipeline) {
    if (name == instance.name || name == instance.pass) return &instance;
  }
  return nullptr;
}

bool PassOptions::disable(const std::string& name) {
  bool found = false;
  for (size_t i = 0; i < std::size(kPipeline); ++i) {
    if (name != kPipeline[i].name && name != kPipeline[i].pass) continue;
    disabled.set(i);
    found = true;
  }
  return found;
}

void PassOptions::disableAsIn(const Options& options) {
  for (size_t i = 0; i < std::size(kPipeline); ++i) {
    if (!kPipeline[i].required() && !(options.*kPipeline[i].option)) disabled.set(i);
  }
}

bool runPass(const PassInstance& instance, hir::Function& function, PassContext& context) {
  bool verify = context.options.verify;
  std::string before = verify ? hir::print(function) : "";
  bool changed = timed(instance.name, context, [&] { return instance.run(function, context); });
  if (context.dump) context.dump(instance.name, function);
  if (!verify) return true;
  std::vector<hir::Diagnostic> found = hir::diagnose(function);
  if (found.empty() && !changed && hir::print(function) != before) {
    const char* message = "changed the function but says that it did not";
    found.push_back({nullptr, nullptr, message, message});
  }
  if (found.empty() && std::strcmp(instance.pass, "refcount_insertion") == 0)
    found = checkRefcounts(function).diagnostics;
  return blame(instance.name, function, found, context);
}

void runPipeline(hir::Function& function, PassContext& context) {
  if (context.dump) context.dump("", function);
  if (context.options.verify) {
    if (!blame("input", function, hir::diagnose(function), context)) return;
  }
  for (size_t i = 0; i < std::size(kPipeline); ++i) {
    if (context.options.disabled.test(i) && !kPipeline[i].required()) continue;
    if (!runPass(kPipeline[i], function, context)) return;
  }
}

}  // namespace tephra::passes
