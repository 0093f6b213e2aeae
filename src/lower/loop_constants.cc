// Constants that emission would make anew at each use (Target::immediateIsMade) become values made
// once before an innermost loop. In a loop without calls, so that they cost no callee-saved
// register; where there is no room all the same, allocation makes the constant again at its use.
#include <algorithm>
#include <map>

#include "lir/cfg.h"
#include "lower/lower.h"
#include "lower/made_constants.h"

namespace tephra::lower {

using lir::Block;
using lir::Instr;
using lir::Operand;

namespace {

constexpr size_t kMostConstants = 8;  // of one loop

struct Loop {
  Block* header = nullptr;
  Block* before = nullptr;  // its only way in
  std::vector<Block*> latches, members;
};

class LoopConstants {
 public:
  LoopConstants(lir::Function* function, const Target& target)
      : function_(*function), target_(target), cfg_(*function) {}

  void run() {
    lir::computePredecessors(function_);
    for (Block* header : cfg_.order()) {
      Loop loop;
      if (findLoop(header, &loop) && isInnermost(loop) && !calls(loop)) hoist(loop);
    }
  }

 private:
  bool findLoop(Block* header, Loop* loop) {
    loop->header = header;
    for (Block* from : header->preds) {
      if (!cfg_.reachable(from)) continue;
      if (cfg_.dominates(header, from)) {
        loop->latches.push_back(from);
      } else if (loop->before != nullptr) {
        return false;
      } else {
        loop->before = from;
      }
    }
    if (loop->latches.empty() || loop->before == nullptr ||
        loop->before->last->op != lir::Op::kJump) {
      return false;
    }
    std::vector<bool> seen(function_.numBlocks(), false);
    std::vector<Block*> work = loop->latches;
    seen[header->id] = true;
    loop->members.push_back(header);
    while (!work.empty()) {
      Block* block = work.back();
      work.pop_back();
      if (seen[block->id] || !cfg_.reachable(block)) continue;
      seen[block->id] = true;
      loop->members.push_back(block);
      work.insert(work.end(), block->preds.begin(), block->preds.end());
    }
    // In the order of the code, so that the result does not depend on the walk.
    std::sort(loop->members.begin(), loop->members.end(),
              [this](const Block* a, const Block* b) { return cfg_.indexOf(a) < cfg_.indexOf(b); });
    return true;
  }

  bool isInnermost(const Loop& loop) const {
    return std::all_of(loop.members.begin(), loop.members.end(), [&](const Block* block) {
      return cfg_.loopDepth(block) == cfg_.loopDepth(loop.header);
    });
  }

  static bool calls(const Loop& loop) {
    for (const Block* block : loop.members) {
      if (block->cold) continue;
      for (const Instr* i = block->first; i != nullptr; i = i->next) {
        if (i->info().is_call) return true;
      }
    }
    return false;
  }

  // Is it executed in every iteration?
  bool isAlwaysRun(const Loop& loop, const Block* block) const {
    return std::all_of(loop.latches.begin(), loop.latches.end(),
                       [&](const Block* latch) { return cfg_.dominates(block, latch); });
  }

  void hoist(const Loop& loop) {
    struct Found {
      uint64_t bits;
      const Instr* first;
      size_t uses = 0;
    };
    std::vector<Found> found;
    for (const Block* block : loop.members) {
      if (block->cold) continue;
      size_t weight = isAlwaysRun(loop, block) ? 2 : 1;
      for (const Instr* i = block->first; i != nullptr; i = i->next) {
        for (size_t use = 0; use < i->firstExitValue(); ++use) {
          if (!isMadeConstant(target_, *i, use)) continue;
          uint64_t bits = i->uses[use].bits;
          auto it = std::find_if(found.begin(), found.end(),
                                 [&](const Found& each) { return each.bits == bits; });
          if (it == found.end()) it = found.insert(found.end(), {bits, i});
          it->uses += weight;
        }
      }
    }
    std::stable_sort(found.begin(), found.end(),
                     [](const Found& a, const Found& b) { return a.uses > b.uses; });
    if (found.size() > kMostConstants) found.resize(kMostConstants);
    std::map<uint64_t, Operand> values;
    for (const Found& each : found) {
      values[each.bits] = makeConstant(&function_, loop.before->last, *each.first, each.bits);
    }
    for (Block* block : loop.members) {
      if (!block->cold) replace(block, values);
    }
  }

  void replace(Block* block, const std::map<uint64_t, Operand>& values) {
    for (Instr* i = block->first; i != nullptr; i = i->next) {
      for (size_t use = 0; use < i->firstExitValue(); ++use) {
        if (!isMadeConstant(target_, *i, use)) continue;
        auto it = values.find(i->uses[use].bits);
        if (it != values.end()) i->uses[use] = it->second;
      }
    }
  }

  lir::Function& function_;
  const Target& target_;
  lir::Cfg cfg_;
};

}  // namespace

void hoistLoopConstants(lir::Function* function, const Target& target) {
  if (hasMadeConstants(*function, target)) LoopConstants(function, target).run();
}

}  // namespace tephra::lower
