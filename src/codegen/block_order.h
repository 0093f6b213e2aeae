// Purpose: the order of blocks in the code. Hot blocks first: loops contiguous, the likely
// successor next, the test of a loop at its bottom where that saves the jump back; then the cold
// blocks. Invariant out: every reachable block exactly once, the entry block first.
#pragma once

#include <vector>

#include "lir/ir.h"

namespace tephra {

struct BlockOrder {
  std::vector<lir::Block*> hot, cold;
};

BlockOrder orderBlocks(const lir::Function& function);

}  // namespace tephra
