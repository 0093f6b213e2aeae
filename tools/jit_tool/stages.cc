#include "tools/jit_tool/stages.h"

#include <fmt/format.h>

#include <algorithm>

#include "lower/lower.h"
#include "passes/pipeline.h"
#include "passes/refcount_checker.h"
#include "regalloc/regalloc.h"
#include "tools/jit_tool/input.h"

namespace tephra::tool {
namespace {

lir::PhaseContext phaseContext(const Arguments& arguments) {
  lir::PhaseContext context;
  context.verify = true;
  context.without = arguments.without;
  return context;
}

int refused(const std::string& file, const Bailout& bailout, const lir::PhaseContext& context) {
  complain(file, fmt::format("{}: {}", bailoutText(bailout.reason), bailout.detail), kWrong);
  fmt::print(stderr, "{}", context.annotated);
  return kWrong;
}

int verifyText(const std::string& file, const Arguments& arguments, bool print) {
  std::string text;
  if (int status = readInput(file, arguments, &text)) return status;
  if (isLir(text)) {
    lir::Function function;
    int status = loadLir(file, text, &function);
    if (status == kGood && print) fmt::print("{}", lir::print(function));
    return status;
  }
  HirInput input;
  int status = loadHir(file, text, nullptr, &input);
  if (status == kGood && arguments.refcounts)
    status = report(file, *input.function, passes::checkRefcounts(*input.function).diagnostics);
  if (status == kGood && print) fmt::print("{}", hir::print(*input.function));
  return status;
}

// Prints the function after each pass or phase that changed it.
template <typename Function, typename Context>
void trace(const Function& function, Context* context) {
  std::string before = print(function);
  context->dump = [before, context](const char* pass, const Function& now) mutable {
    std::string text = print(now);
    if (pass[0] == '\0' || text == before) return;
    before = text;
    fmt::print("// after {} ({:.0f} us)\n{}", pass, 1e6 * context->timings.back().seconds, text);
  };
}

}  // namespace

int verify(const std::string& file, const Arguments& arguments) {
  return verifyText(file, arguments, false);
}
int print(const std::string& file, const Arguments& arguments) {
  return verifyText(file, arguments, true);
}

int runPasses(const std::string& file, const Arguments& arguments) {
  std::string text;
  if (int status = readInput(file, arguments, &text)) return status;
  if (isLir(text)) return complain(file, "passes run over HIR; this is LIR", kUnusable);
  HirInput input;
  if (int status = loadHir(file, text, nullptr, &input)) return status;
  passes::PassContext context;
  context.options.verify = true;
  const auto& asked = arguments.passes;
  const bool stress = std::find(asked.begin(), asked.end(), "stress_deopt") != asked.end();
  if (stress) context.stress_counter = 0x1000;  // an address that is made up
  for (const std::string& name : arguments.without) context.options.disable(name);
  if (arguments.trace) trace(*input.function, &context);
  for (const std::string& name : arguments.passes) {
    if (name == "pipeline") {
      passes::runPipeline(*input.function, context);
    } else {
      passes::runPass(*passes::findPass(name), *input.function, context);
    }
    if (!context.errors.empty()) break;
  }
  if (!arguments.trace || !context.errors.empty()) fmt::print("{}", hir::print(*input.function));
  for (const std::string& line : context.errors) complain(file, line, kWrong);
  fmt::print(stderr, "{}", context.annotated);
  return context.errors.empty() ? kGood : kWrong;
}

int lower(const std::string& file, const Arguments& arguments) {
  std::string text;
  if (int status = readInput(file, arguments, &text)) return status;
  if (isLir(text)) return complain(file, "HIR is lowered; this is LIR", kUnusable);
  HirInput input;
  if (int status = loadHir(file, text, arguments.layout, &input)) return status;
  lir::PhaseContext context = phaseContext(arguments);
  if (arguments.trace) trace(lir::Function(), &context);
  auto lowered = lowerToLir(*input.function, *arguments.target, {}, context);
  if (!lowered) return refused(file, lowered.bailout(), context);
  if (!arguments.trace) fmt::print("{}", lir::print(**lowered));
  return kGood;
}

int allocate(const std::string& file, const Arguments& arguments) {
  std::string text;
  if (int status = readInput(file, arguments, &text)) return status;
  if (!isLir(text)) return complain(file, "registers are allocated in LIR; this is HIR", kUnusable);
  lir::Function function;
  if (int status = loadLir(file, text, &function)) return status;
  lir::PhaseContext context = phaseContext(arguments);
  if (arguments.trace) trace(function, &context);
  auto result =
      regalloc::allocateRegisters(function, *arguments.target, arguments.allocation, context);
  if (!result) return refused(file, result.bailout(), context);
  if (!arguments.trace) fmt::print("{}", lir::print(function));
  return kGood;
}

}  // namespace tephra::tool
