#include "regalloc/regalloc.h"

#include "base/check.h"
#include "regalloc/allocation.h"
#include "regalloc/checker.h"

namespace tephra::regalloc {

Result<bool> allocateRegisters(lir::Function& function, const Target& target,
                               const AllocationOptions& options) {
  bool check = options.check;
#ifdef TEPHRA_DEBUG
  check = true;
#endif
  FunctionSnapshot before;
  if (check) before = takeSnapshot(function);
  Allocation a(function, target, options);
  function.first_inserted_block = function.numBlocks();
  legalise(a);
  numberAndFindLiveness(a);
  buildIntervals(a);
  linearScan(a);
  if (!a.error.empty()) return Bailout{BailoutReason::kRegisterAllocation, a.error};
  resolve(a);
  if (!options.spill_everything) removeRedundantMoves(function, target);
  if (check) {
    std::vector<std::string> problems = checkAllocation(before, function, target);
    TEPHRA_DCHECK(problems.empty(), problems[0].c_str());
    if (!problems.empty()) return Bailout{BailoutReason::kRegisterAllocation, problems[0]};
  }
  return true;
}

}  // namespace tephra::regalloc
