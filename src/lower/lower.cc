#include "lower/lower.h"

#include "lower/context.h"

namespace tephra {

Result<std::unique_ptr<lir::Function>> lowerToLir(const hir::Function& function,
                                                  const Target& target,
                                                  const LowerOptions& options) {
  TEPHRA_CHECK(function.unit() && function.unit()->layout, "a unit with its layout");
  auto out = std::make_unique<lir::Function>();
  lower::Context context(function, target, out.get());
  context.force_exit = options.force_exit;
  context.reuse_boxes = options.reuse_boxes;
  context.wide_ints = options.wide_ints;
  if (!context.run()) return context.bailout();
  lower::legalize(out.get(), target);
  if (options.loop_constants) lower::hoistLoopConstants(out.get(), target);
  if (options.shared_constants) lower::shareConstants(out.get(), target);
  return out;
}

}  // namespace tephra
