// Purpose: HIR to LIR. Each HIR row becomes straight machine-like code over virtual registers:
// object layouts, frames, calls and exits are explicit afterwards. Invariant in: HIR after
// passes/refcount_insertion and passes/position_stores (every reference and position explicit);
// `function.unit()` and its layout are set. Invariant out: LIR that its verifier accepts, every
// immediate and address encodable on `target`, no critical edge, one ExitRecord per exiting
// instruction with locations that are operand indices.
#pragma once

#include <cstdint>
#include <memory>

#include "base/result.h"
#include "hir/ir.h"
#include "lir/ir.h"
#include "lir/phases.h"
#include "target/target.h"

namespace tephra {

struct LowerOptions {
  // Tests: the exit with this number among those that deoptimise is always taken. It gets a record
  // of its own, lir::Function::forced_exit. -1: none.
  int64_t force_exit = -1;
  // A number stored to a local becomes the object that was there, and a str that is appended to
  // grows in place, where nobody else refers to it.
  bool reuse_boxes = true;
  // UnboxInt takes ints of two digits; without: of one.
  bool wide_ints = true;
  // Constants that the machine would make anew in every iteration are made before the loop.
  bool loop_constants = true;
  // ... and once for uses with no call between them.
  bool shared_constants = true;
};

Result<std::unique_ptr<lir::Function>> lowerToLir(const hir::Function& function,
                                                  const Target& target, const LowerOptions& options,
                                                  lir::PhaseContext& context);
Result<std::unique_ptr<lir::Function>> lowerToLir(const hir::Function& function,
                                                  const Target& target,
                                                  const LowerOptions& options = {});

namespace lower {

// The phases of it, in order.
std::vector<lir::PhaseInfo> phases();

// Rewrites operands that `target` cannot encode into registers. Part of lowerToLir.
void legalize(lir::Function* function, const Target& target);

// Makes constants of innermost loops before them, where that saves instructions.
void hoistLoopConstants(lir::Function* function, const Target& target);

// Makes constants once for several uses with no call between them, where that saves instructions.
void shareConstants(lir::Function* function, const Target& target);

}  // namespace lower
}  // namespace tephra
