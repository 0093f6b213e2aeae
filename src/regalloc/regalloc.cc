#include "regalloc/regalloc.h"

#include "base/check.h"
#include "regalloc/allocation.h"
#include "regalloc/checker.h"

namespace tephra::regalloc {

namespace {

using Phase = lir::Phase<Allocation>;
constexpr Phase kPhases[] = {
    {{"legalise", true, "operands that the target's constraints cannot take as they are"},
     [](Allocation& a) { return legalise(a), true; }},
    {{"liveness", true, "positions of instructions, values live at the ends of blocks"},
     [](Allocation& a) { return numberAndFindLiveness(a), true; }},
    {{"intervals", true, "where each value is live, and what its uses ask for"},
     [](Allocation& a) { return buildIntervals(a), true; }},
    {{"linear_scan", true, "registers and slots, intervals split where there are too few"},
     [](Allocation& a) { return linearScan(a), a.error.empty(); }},
    {{"resolution", true, "operands rewritten, moves between the pieces and on edges"},
     [](Allocation& a) { return resolve(a), true; }},
    {{"redundant_moves", false, "moves of what is there already are gone"},
     [](Allocation& a) {  // the stress mode wants them
       if (!a.options.spill_everything) removeRedundantMoves(a.function, a.target);
       return true;
     }},
};

}  // namespace

Result<bool> allocateRegisters(lir::Function& function, const Target& target,
                               const AllocationOptions& options, lir::PhaseContext& context) {
  bool check = options.check;
#ifdef TEPHRA_DEBUG
  check = true;
#endif
  FunctionSnapshot before;
  if (check) before = takeSnapshot(function);
  Allocation a(function, target, options);
  function.first_inserted_block = function.numBlocks();
  const bool done = lir::runPhases<Allocation>(kPhases, a, function, context);
  if (!context.errors.empty()) return Bailout{BailoutReason::kVerifier, context.errors[0]};
  if (!done) return Bailout{BailoutReason::kRegisterAllocation, a.error};
  if (check) {
    blame("allocation", function, diagnoseAllocation(before, function, target), context);
    TEPHRA_DCHECK(context.errors.empty(), context.errors[0].c_str());
    if (!context.errors.empty())
      return Bailout{BailoutReason::kRegisterAllocation, context.errors[0]};
  }
  return true;
}

Result<bool> allocateRegisters(lir::Function& function, const Target& target,
                               const AllocationOptions& options) {
  lir::PhaseContext context;
  return allocateRegisters(function, target, options, context);
}

std::vector<lir::PhaseInfo> phases() { return lir::listed<Allocation>(kPhases); }

}  // namespace tephra::regalloc
