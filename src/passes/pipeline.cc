#include "passes/pipeline.h"

#include <chrono>
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

void report(PassContext& context, const PassInstance& instance, const std::string& message) {
  context.errors.push_back(std::string(instance.name) + ": " + message);
}

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
  auto start = std::chrono::steady_clock::now();
  bool changed = instance.run(function, context);
  std::chrono::duration<double> time = std::chrono::steady_clock::now() - start;
  context.timings.push_back({instance.name, time.count(), changed});
  if (context.dump) context.dump(instance.name, function);
  if (!verify) return true;
  size_t errors = context.errors.size();
  for (const std::string& line : hir::verify(function)) report(context, instance, line);
  if (context.errors.size() != errors) return false;
  if (!changed && hir::print(function) != before) {
    report(context, instance, "changed the function but says that it did not");
  }
  if (std::strcmp(instance.pass, "refcount_insertion") == 0) {
    for (const std::string& line : checkRefcounts(function).errors) report(context, instance, line);
  }
  return context.errors.size() == errors;
}

void runPipeline(hir::Function& function, PassContext& context) {
  if (context.dump) context.dump("", function);
  if (context.options.verify) {
    for (const std::string& line : hir::verify(function))
      context.errors.push_back("input: " + line);
    if (!context.errors.empty()) return;
  }
  for (size_t i = 0; i < std::size(kPipeline); ++i) {
    if (context.options.disabled.test(i) && !kPipeline[i].required()) continue;
    if (!runPass(kPipeline[i], function, context)) return;
  }
}

}  // namespace tephra::passes
