#include "lower/lower.h"

#include "lower/context.h"

namespace tephra {

namespace lower {

namespace {

struct Lowering {
  Context& context;
  lir::Function* out;
  const Target& target;
  const LowerOptions& options;
};

using Phase = lir::Phase<Lowering>;
constexpr Phase kPhases[] = {
    {{"lower", true, "machine-like code for each operation of HIR"},
     [](Lowering& l) { return l.context.run(); }},
    {{"encodable_operands", true, "immediates and addresses that the target cannot encode"},
     [](Lowering& l) { return legalize(l.out, l.target), true; }},
    {{"loop_constants", false, "constants that loops use are made before them"},
     [](Lowering& l) {
       if (l.options.loop_constants) hoistLoopConstants(l.out, l.target);
       return true;
     }},
    {{"shared_constants", false, "constants made once for uses with no call between them"},
     [](Lowering& l) {
       if (l.options.shared_constants) shareConstants(l.out, l.target);
       return true;
     }},
};

}  // namespace

std::vector<lir::PhaseInfo> phases() { return lir::listed<Lowering>(kPhases); }

}  // namespace lower

Result<std::unique_ptr<lir::Function>> lowerToLir(const hir::Function& function,
                                                  const Target& target, const LowerOptions& options,
                                                  lir::PhaseContext& context) {
  TEPHRA_CHECK(function.unit() && function.unit()->layout, "a unit with its layout");
  auto out = std::make_unique<lir::Function>();
  lower::Context lowering(function, target, out.get());
  lowering.force_exit = options.force_exit;
  lowering.reuse_boxes = options.reuse_boxes;
  lowering.wide_ints = options.wide_ints;
  lower::Lowering work{lowering, out.get(), target, options};
  const bool done = lir::runPhases<lower::Lowering>(lower::kPhases, work, *out, context);
  if (!context.errors.empty()) return Bailout{BailoutReason::kVerifier, context.errors[0]};
  if (!done) return lowering.bailout();
  return out;
}

Result<std::unique_ptr<lir::Function>> lowerToLir(const hir::Function& function,
                                                  const Target& target,
                                                  const LowerOptions& options) {
  lir::PhaseContext context;
  return lowerToLir(function, target, options, context);
}

}  // namespace tephra
