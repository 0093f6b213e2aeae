// Constants that emission would make anew at each use (Target::immediateIsMade) become one value
// for the uses that follow each other with no call between them, so that it costs no callee-saved
// register. Where there is no room all the same, allocation makes the constant again at its use.
#include <map>

#include "lir/cfg.h"
#include "lower/lower.h"
#include "lower/made_constants.h"

namespace tephra::lower {

using lir::Block;
using lir::Instr;
using lir::Operand;

namespace {

class SharedConstants {
 public:
  SharedConstants(lir::Function* function, const Target& target)
      : function_(*function), target_(target), cfg_(*function) {}

  void run() {
    lir::computePredecessors(function_);
    states_.resize(cfg_.order().size());
    for (Block* block : cfg_.order()) walk(block);
    for (const Group& group : groups_) {
      if (group.uses.size() > 1) share(group);
    }
  }

 private:
  struct Group {
    uint64_t bits;
    std::vector<std::pair<Instr*, size_t>> uses;  // the first dominates the others
  };
  // What holds at a place: the groups that can take more uses, and the stretch without calls that
  // it is part of.
  struct State {
    uint32_t stretch = 0;
    std::map<uint64_t, size_t> groups;
  };

  State& stateOf(const Block* block) { return states_[static_cast<size_t>(cfg_.indexOf(block))]; }

  // No call on any hot way from the immediate dominator's end. Ways through cold blocks are
  // allocation's business.
  bool continues(const Block* block, const Block* dominator) {
    if (dominator == nullptr || dominator->cold) return false;
    for (const Block* from : block->preds) {
      if (from->cold || !cfg_.reachable(from)) continue;
      if (cfg_.indexOf(from) >= cfg_.indexOf(block)) return false;  // a loop
      if (stateOf(from).stretch != stateOf(dominator).stretch) return false;
    }
    return true;
  }

  void walk(Block* block) {
    const Block* dominator = cfg_.immediateDominator(block);
    State state;
    if (!block->cold && continues(block, dominator)) {
      state = stateOf(dominator);
    } else {
      state.stretch = ++stretches_;
    }
    for (Instr* i = block->cold ? nullptr : block->first; i != nullptr; i = i->next) {
      if (i->info().is_call) {
        state.groups.clear();
        state.stretch = ++stretches_;
        continue;
      }
      for (size_t use = 0; use < i->firstExitValue(); ++use) add(&state, i, use);
    }
    stateOf(block) = std::move(state);
  }

  void add(State* state, Instr* instr, size_t use) {
    if (!isMadeConstant(target_, *instr, use)) return;
    uint64_t bits = instr->uses[use].bits;
    auto [it, fresh] = state->groups.try_emplace(bits, groups_.size());
    if (fresh) groups_.push_back({bits, {}});
    groups_[it->second].uses.emplace_back(instr, use);
  }

  void share(const Group& group) {
    Instr* first = group.uses.front().first;
    Operand made = makeConstant(&function_, first, *first, group.bits);
    for (auto [instr, index] : group.uses) instr->uses[index] = made;
  }

  lir::Function& function_;
  const Target& target_;
  lir::Cfg cfg_;
  std::vector<State> states_;  // at the end of each block, by its place in the order
  std::vector<Group> groups_;
  uint32_t stretches_ = 0;
};

}  // namespace

void shareConstants(lir::Function* function, const Target& target) {
  if (hasMadeConstants(*function, target)) SharedConstants(function, target).run();
}

}  // namespace tephra::lower
