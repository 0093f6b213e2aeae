#include "regalloc/checker.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

namespace tephra::regalloc {

using lir::Bank;
using lir::Block;
using lir::Instr;
using lir::Op;
using lir::Operand;

FunctionSnapshot takeSnapshot(const lir::Function& function) {
  FunctionSnapshot snapshot;
  snapshot.num_vregs = function.numVRegs();
  for (const Block* block : function.blocks()) {
    snapshot.index[block] = snapshot.blocks.size();
    BlockSnapshot& copy = snapshot.blocks.emplace_back();
    copy.block = block;
    copy.params = block->params;
    for (const Instr* instr = block->first; instr; instr = instr->next) {
      InstrSnapshot& c = copy.instrs.emplace_back();
      c.instr = instr;
      c.op = instr->op;
      c.defs.assign(instr->defs.begin(), instr->defs.end());
      c.uses.assign(instr->uses.begin(), instr->uses.end());
      std::copy(instr->attr, instr->attr + 3, c.attr);
      c.targets.assign(instr->targets.begin(), instr->targets.end());
    }
  }
  return snapshot;
}

namespace {

using Value = uint32_t;  // a virtual register, a constant or an argument, numbered together
using Values = std::vector<Value>;  // sorted

bool contains(const Values& values, Value value) {
  return std::binary_search(values.begin(), values.end(), value);
}
void insert(Values& values, Value value) {
  auto at = std::lower_bound(values.begin(), values.end(), value);
  if (at == values.end() || *at != value) values.insert(at, value);
}
void erase(Values& values, Value value) {
  auto at = std::lower_bound(values.begin(), values.end(), value);
  if (at != values.end() && *at == value) values.erase(at);
}

struct State {
  bool reached = false;
  std::vector<Values> places;
  Value pinned[2] = {0, 0};  // what the pinned registers hold, by lir::Pinned
};

class Checker {
 public:
  Checker(const FunctionSnapshot& before, const lir::Function& after, const Target& target)
      : before_(before), after_(after), target_(target), next_value_(before.num_vregs) {}

  std::vector<lir::Diagnostic> run() {
    slots_at_ = 128;
    num_places_ = slots_at_ + after_.num_slots;
    findConstants();
    for (size_t i = 0; i < after_.blocks().size(); ++i) number_[after_.blocks()[i]] = i;
    if (after_.blocks().empty() || after_.blocks()[0] != before_.blocks[0].block)
      return {{nullptr, nullptr, "the entry block changed", "the entry block changed"}};
    entry_.assign(after_.blocks().size(), {});
    entry_[0].reached = true;
    entry_[0].places.resize(num_places_);
    for (int which = 0; which < 2; ++which) entry_[0].pinned[which] = unknownPinned(0, which);
    auto arguments = target_.argumentRegisters(Bank::kGp);
    for (size_t i = 0; i < arguments.size(); ++i) {
      entry_[0].places[arguments[i]] = {argument(static_cast<uint32_t>(i))};
    }
    // To the fixed point in silence, then once more with messages.
    std::vector<size_t> work{0};
    while (!work.empty()) {
      size_t block = work.back();
      work.pop_back();
      walk(block, &work);
    }
    reporting_ = true;
    for (size_t i = 0; i < after_.blocks().size(); ++i) {
      if (entry_[i].reached) walk(i, nullptr);
    }
    return std::move(problems_);
  }

 private:
  // --- messages

  void problem(const std::string& message) {
    if (!reporting_ || problems_.size() >= 50) return;
    problems_.push_back(
        {block_, instr_, message,
         fmt::format("bb{}: `{}`: {}", block_->id, instr_ ? lir::print(*instr_) : "", message)});
  }

  // --- values

  void findConstants() {
    defined_as_.assign(before_.num_vregs, 0);
    std::vector<std::pair<uint32_t, uint32_t>> copies;
    for (const BlockSnapshot& block : before_.blocks) {
      for (const InstrSnapshot& c : block.instrs) {
        bool gp = c.op == Op::kMove && c.uses[0].isImm() && c.defs[0].isVReg();
        bool fp = c.op == Op::kMoveConstF && c.defs[0].isVReg();
        if (gp) defined_as_[c.defs[0].base] = constant(Bank::kGp, c.uses[0].bits);
        if (fp) defined_as_[c.defs[0].base] = constant(Bank::kFp, c.attr[0]);
        if (isCopy(c)) copies.push_back({c.defs[0].base, c.uses[0].base});
      }
    }
    // A copy of a constant is the constant, wherever the copy stands: registers are assigned once.
    for (bool changed = true; changed;) {
      changed = false;
      for (auto [to, from] : copies) {
        if (defined_as_[to] || !defined_as_[from]) continue;
        defined_as_[to] = defined_as_[from];
        changed = true;
      }
    }
  }

  static bool isCopy(const InstrSnapshot& c) {
    return (c.op == Op::kMove || c.op == Op::kMoveF) && c.defs[0].isVReg() && c.uses[0].isVReg();
  }

  // Bits are bits in a slot, but a general constant in a vector register would be a mistake of
  // banks, which operand() finds; so both banks share the numbers.
  Value constant(Bank, uint64_t bits) { return fresh(constants_, bits); }
  Value argument(uint32_t index) { return fresh(arguments_, index); }
  Value fresh(std::map<uint64_t, Value>& table, uint64_t key) {
    auto [it, is_new] = table.try_emplace(key, next_value_);
    if (is_new) ++next_value_;
    return it->second;
  }

  bool holds(const State& state, size_t place, uint32_t vreg) const {
    const Values& values = state.places[place];
    return contains(values, vreg) || (defined_as_[vreg] && contains(values, defined_as_[vreg]));
  }

  // --- places

  static constexpr size_t kNowhere = SIZE_MAX;

  size_t placeOf(const Operand& operand) {
    switch (operand.kind) {
      case Operand::kReg: return operand.base + (operand.bank == Bank::kFp ? 64 : 0);
      case Operand::kPinned: return target_.pinned(static_cast<lir::Pinned>(operand.base));
      case Operand::kSlot:
        if (operand.base < after_.num_slots) return slots_at_ + operand.base;
        problem("slot out of range");
        return kNowhere;
      default: return kNowhere;
    }
  }

  bool isPinned(size_t place) const {
    return place == target_.pinned(lir::Pinned::kThread) ||
           place == target_.pinned(lir::Pinned::kFrame);
  }
  bool isScratch(size_t place) const {
    return place == target_.scratch(Bank::kGp) || place == size_t{64} + target_.scratch(Bank::kFp);
  }

  void checkWritten(const Operand& operand, bool by_program) {
    size_t place = placeOf(operand);
    if (operand.kind == Operand::kPinned) return problem("writes a pinned register");
    if (place == kNowhere || operand.kind != Operand::kReg) return;
    int bank = static_cast<int>(operand.bank);
    if (operand.bank == Bank::kGp && isPinned(place)) return problem("writes a pinned register");
    if (isScratch(place)) {
      if (by_program) problem("its result is in a scratch register");
      return;
    }
    RegSet general = target_.allocatable(operand.bank) | target_.callerSaved(operand.bank) |
                     target_.calleeSaved(operand.bank);
    if (!(general >> operand.base & 1)) problem("writes a register that is not allocatable");
    bool saved = target_.calleeSaved(operand.bank) >> operand.base & 1;
    if (saved && !(after_.used_callee_saved[bank] >> operand.base & 1))
      problem("writes a callee-saved register that is not noted");
  }

  // --- one block

  void walk(size_t number, std::vector<size_t>* work) {
    block_ = after_.blocks()[number];
    state_ = entry_[number];
    for (uint32_t which = 0; which < 2; ++which) {
      insert(state_.places[target_.pinned(static_cast<lir::Pinned>(which))], state_.pinned[which]);
    }
    auto found = before_.index.find(block_);
    const BlockSnapshot* original =
        found == before_.index.end() ? nullptr : &before_.blocks[found->second];
    size_t next = 0;
    for (instr_ = block_->first; instr_; instr_ = instr_->next) {
      size_t at = next;
      if (original) {
        while (at < original->instrs.size() && original->instrs[at].instr != instr_) ++at;
      }
      if (original && at < original->instrs.size()) {
        for (; next < at; ++next) removed(original->instrs[next]);
        ++next;
        program(original->instrs[at]);
        if (instr_->next == nullptr) edges(&original->instrs[at], work);
      } else {
        inserted(original == nullptr, work);
      }
    }
    if (original && next != original->instrs.size()) problem("the block's end is missing");
  }

  // An instruction of the program that is not in the code: its meaning must have been kept.
  void removed(const InstrSnapshot& c) {
    if ((c.op == Op::kMove || c.op == Op::kMoveF) && c.defs[0].isVReg()) {
      if (c.uses[0].isVReg() || c.uses[0].kind == Operand::kPinned)
        return copied(c.defs[0].base, c.uses[0], kNowhere);
      forget(c.defs[0].base);
    } else if (c.op == Op::kMoveConstF) {
      forget(c.defs[0].base);
    } else {
      problem(fmt::format("{} was removed", lir::opInfo(c.op).name));
    }
  }

  // Where the value of a program's operand is now.
  std::vector<size_t> placesOf(const Operand& operand) {
    std::vector<size_t> found;
    for (size_t p = 0; p < state_.places.size(); ++p) {
      bool there = operand.isVReg() ? holds(state_, p, operand.base)
                   : operand.isImm()
                       ? contains(state_.places[p], constant(operand.bank, operand.bits))
                       : contains(state_.places[p], pinnedValue(operand));
      if (there) found.push_back(p);
    }
    return found;
  }

  void forget(uint32_t vreg) {
    for (Values& values : state_.places) erase(values, vreg);
  }

  // From here on `vreg` is the same as `source`.
  void copied(uint32_t vreg, const Operand& source, size_t also) {
    std::vector<size_t> same = placesOf(source);
    forget(vreg);
    for (size_t p : same) insert(state_.places[p], vreg);
    if (also != kNowhere) insert(state_.places[also], vreg);
  }

  Value pinnedValue(const Operand& pinned) const { return state_.pinned[pinned.base]; }

  void writePinned(const Operand& pinned, Value value) {
    state_.places[placeOf(pinned)] = {value};
    state_.pinned[pinned.base] = value;
  }

  // Where ways meet on which a pinned register differs, it has a value of its own.
  Value unknownPinned(size_t block_number, int which) {
    return fresh(arguments_, 1000 + 2 * block_number + static_cast<size_t>(which));
  }

  // A move (or a jump on a split edge) that the allocator made.
  void inserted(bool own_block, std::vector<size_t>* work) {
    if (instr_->info().is_terminator) {
      if (!own_block || instr_->op != Op::kJump)
        return problem("a terminator that the program does not have");
      return flow(instr_->targets[0], nullptr, nullptr, work);
    }
    bool fp = instr_->op == Op::kMoveF || instr_->op == Op::kMoveConstF;
    if (instr_->op != Op::kMove && !fp)
      return problem("an instruction that the program does not have");
    const Operand& def = instr_->defs[0];
    size_t to = placeOf(def);
    if (to == kNowhere || def.bank != (fp ? Bank::kFp : Bank::kGp))
      return problem("bad destination");
    if (def.kind == Operand::kPinned && (instr_->uses[0].isReg() || instr_->uses[0].isSlot())) {
      // The result of an instruction that the program writes to a pinned register.
      const Values& values = state_.places[placeOf(instr_->uses[0])];
      auto written = std::find_if(pinned_writes_.begin(), pinned_writes_.end(),
                                  [&](const auto& item) { return contains(values, item.second); });
      if (written == pinned_writes_.end()) return problem("writes a pinned register");
      return writePinned(def, written->second);
    }
    checkWritten(def, false);
    if (instr_->op == Op::kMoveConstF) {
      state_.places[to] = {constant(Bank::kFp, instr_->attr[0])};
      return;
    }
    const Operand& use = instr_->uses[0];
    if (use.isImm()) {
      if (def.isSlot()) problem("a constant is not stored by one move");
      state_.places[to] = {constant(Bank::kGp, use.bits)};
      return;
    }
    size_t from = placeOf(use);
    if (from == kNowhere || use.bank != def.bank) return problem("bad source");
    if (use.isSlot() && def.isSlot()) problem("a move from slot to slot");
    state_.places[to] = state_.places[from];
  }

  // --- an instruction of the program

  void program(const InstrSnapshot& c) {
    if (c.op == Op::kJump) return;  // edges() does it
    if (instr_->defs.size() != c.defs.size() || instr_->uses.size() != c.uses.size() ||
        instr_->op != c.op) {
      return problem("operation or number of operands changed");
    }
    if (!std::equal(c.attr, c.attr + 3, instr_->attr)) problem("attributes changed");
    Instr original = *instr_;  // as the target saw it
    std::vector<Operand> defs = c.defs, uses = c.uses;
    original.defs = defs;
    original.uses = uses;
    target_.constraints(original, &constraints_);
    for (size_t u = 0; u < uses.size(); ++u) use(original, u);
    if (c.op == Op::kParam) checkArgument(original);
    RegSet clobbers[2];
    for (int bank = 0; bank < 2; ++bank) {
      clobbers[bank] = target_.clobbers(original, static_cast<Bank>(bank));
      for (RegSet rest = clobbers[bank]; rest; rest &= rest - 1) {
        state_.places[static_cast<size_t>(std::countr_zero(rest) + 64 * bank)].clear();
      }
    }
    lateUses(original, clobbers);
    state_.places[target_.scratch(Bank::kGp)].clear();
    state_.places[size_t{64} + target_.scratch(Bank::kFp)].clear();
    for (size_t d = 0; d < defs.size(); ++d) define(original, d);
  }

  void checkArgument(const Instr& original) {
    size_t place = placeOf(instr_->defs[0]);
    if (place == kNowhere || constraints_[0].kind != OperandConstraint::kFixed) return;
    if (!contains(state_.places[place], argument(original.u32(0))))
      problem("the argument is no longer in its register");
  }

  // Does the machine operand hold what the program's operand means?
  void valueIn(const Operand& machine, const Operand& meant, const char* what) {
    if (meant.kind == Operand::kPinned) {
      size_t place = placeOf(machine);
      if (place == kNowhere || placeOf(meant) == place) {
        if (place == kNowhere) problem(fmt::format("{}: not the pinned register", what));
        return;
      }
      if (!contains(state_.places[place], pinnedValue(meant)))
        problem(fmt::format("{}: not the pinned register", what));
      return;
    }
    if (machine.isImm()) {
      bool same = meant.isImm()
                      ? meant.bits == machine.bits
                      : meant.isVReg() && defined_as_[meant.base] &&
                            defined_as_[meant.base] == constant(machine.bank, machine.bits);
      if (!same) problem(fmt::format("{}: another constant", what));
      return;
    }
    size_t place = placeOf(machine);
    if (place == kNowhere) return problem(fmt::format("{}: no register or slot", what));
    if (isScratch(place)) problem(fmt::format("{}: in a scratch register", what));
    if (meant.isVReg() && machine.bank != meant.bank) problem(fmt::format("{}: wrong bank", what));
    bool good = meant.isVReg() ? holds(state_, place, meant.base)
                               : meant.isImm() && contains(state_.places[place],
                                                           constant(meant.bank, meant.bits));
    if (good) return;
    std::string there;
    for (Value value : state_.places[place]) there += fmt::format(" {}", value);
    problem(fmt::format("{}: expected value {}, there is{}", what, meant.isVReg() ? meant.base : 0,
                        there.empty() ? " nothing known" : there));
  }

  void use(const Instr& original, size_t u) {
    const Operand& machine = instr_->uses[u];
    const Operand& meant = original.uses[u];
    const OperandConstraint& c = constraints_[original.defs.size() + u];
    std::string what = fmt::format("operand {}", u);
    if (meant.isMem()) return memory(machine, meant, what);
    if (meant.kind == Operand::kNone) return;
    valueIn(machine, meant, what.c_str());
    if (!meant.isVReg()) return;
    bool is_value = u >= original.firstExitValue();
    bool anywhere = is_value || c.kind == OperandConstraint::kAnywhere;
    if (!anywhere && !machine.isReg()) problem(what + ": needs a register");
    if (!is_value && c.kind == OperandConstraint::kFixed && machine.base != c.reg)
      problem(what + ": not in its fixed register");
  }

  void memory(const Operand& machine, const Operand& meant, const std::string& what) {
    if (!machine.isMem() || machine.disp != meant.disp || machine.scale != meant.scale)
      return problem(what + ": another address");
    auto part = [&](uint8_t machine_kind, uint32_t machine_base, uint8_t meant_kind,
                    uint32_t meant_base, const char* name) {
      if (meant_kind == Operand::kVReg) {
        if (machine_kind != Operand::kReg) return problem(what + name + ": needs a register");
        valueIn(Operand::reg(machine_base, Bank::kGp), Operand::vreg(meant_base, Bank::kGp),
                (what + name).c_str());
      } else if (machine_kind != meant_kind ||
                 (meant_kind != Operand::kNone && machine_base != meant_base)) {
        problem(what + name + ": changed");
      }
    };
    part(machine.base_kind, machine.base, meant.base_kind, meant.base, " base");
    part(machine.index_kind, machine.index, meant.index_kind, meant.index, " index");
  }

  // Late operands are read after clobbers and results were written.
  void lateUses(const Instr& original, const RegSet* clobbers) {
    auto check = [&](uint32_t reg, Bank bank, size_t u) {
      bool lost = clobbers[static_cast<int>(bank)] >> reg & 1;
      for (const Operand& def : instr_->defs)
        lost |= def.isReg() && def.bank == bank && def.base == reg;
      if (lost) problem(fmt::format("operand {} is overwritten before it is read", u));
    };
    for (size_t u = 0; u < original.uses.size(); ++u) {
      bool late = constraints_[original.defs.size() + u].late || u >= original.firstExitValue();
      const Operand& machine = instr_->uses[u];
      if (!late) continue;
      if (machine.isReg()) check(machine.base, machine.bank, u);
      if (machine.isMem() && machine.base_kind == Operand::kReg) check(machine.base, Bank::kGp, u);
      if (machine.isMem() && machine.index_kind == Operand::kReg)
        check(machine.index, Bank::kGp, u);
    }
  }

  void define(const Instr& original, size_t d) {
    const Operand& machine = instr_->defs[d];
    const Operand& meant = original.defs[d];
    if (meant.kind == Operand::kNone) return;
    const OperandConstraint& c = constraints_[d];
    if (meant.kind == Operand::kPinned) return definePinned(original, machine, meant, c);
    if (!machine.isReg() || machine.bank != meant.bank)
      return problem("a result needs a register of its bank");
    checkWritten(machine, true);
    if (c.kind == OperandConstraint::kFixed && machine.base != c.reg)
      problem("a result is not in its fixed register");
    if (c.kind == OperandConstraint::kReuseInput) {
      const Operand& input = instr_->uses[c.reg];
      if (!input.isReg() || input.base != machine.base)
        problem("a result does not share its input's register");
    }
    for (size_t other = 0; other < d; ++other) {
      if (instr_->defs[other].isReg() && instr_->defs[other].bank == machine.bank &&
          instr_->defs[other].base == machine.base) {
        problem("two results in one register");
      }
    }
    size_t place = placeOf(machine);
    if (original.op == Op::kMove || original.op == Op::kMoveF) {
      const Operand& from = original.uses[0];
      if (from.isVReg() || from.kind == Operand::kPinned) {
        state_.places[place].clear();
        return copied(meant.base, from, place);
      }
    }
    forget(meant.base);
    // A constant is known as such, so that it may be made again on one of two ways that meet.
    state_.places[place] = {defined_as_[meant.base] ? defined_as_[meant.base] : meant.base};
  }

  void definePinned(const Instr& original, const Operand& machine, const Operand& meant,
                    const OperandConstraint& c) {
    bool moved = c.kind == OperandConstraint::kFixed || c.kind == OperandConstraint::kReuseInput;
    size_t place = placeOf(machine);
    if (!moved && placeOf(meant) != place) return problem("does not write the pinned register");
    if (place == kNowhere) return problem("a result needs a register");
    Value value = fresh(pinned_writes_, reinterpret_cast<uintptr_t>(instr_));
    // Through a register: the move that follows carries the value.
    if (placeOf(meant) != place) {
      state_.places[place] = {value};
      return;
    }
    std::vector<size_t> same;
    Values carried;
    if (original.op == Op::kMove) {
      same = placesOf(original.uses[0]);
      if (size_t from = placeOf(instr_->uses[0]); from != kNowhere) carried = state_.places[from];
    }
    writePinned(meant, value);
    for (size_t p : same) insert(state_.places[p], value);
    for (Value also : carried) insert(state_.places[place], also);
  }

  // --- edges

  void edges(const InstrSnapshot* c, std::vector<size_t>* work) {
    for (size_t t = 0; t < c->targets.size(); ++t) {
      if (t >= instr_->targets.size()) return problem("a target is missing");
      const Block* now = instr_->targets[t];
      if (now != c->targets[t]) {
        bool split = before_.index.find(now) == before_.index.end() && now->last &&
                     now->last->op == Op::kJump && now->last->targets[0] == c->targets[t];
        if (!split) problem("another target than in the program");
      }
      flow(now, c->op == Op::kJump ? &before_.blocks[before_.index.at(c->targets[t])] : nullptr, c,
           work);
    }
    if (c->op == Op::kJump && !instr_->uses.empty()) problem("a jump still has arguments");
  }

  // The state here reaches `to`; with a jump, its parameters become the arguments, all at once.
  void flow(const Block* to, const BlockSnapshot* original, const InstrSnapshot* jump,
            std::vector<size_t>* work) {
    if (reporting_ || !work) return;
    auto found = number_.find(to);
    if (found == number_.end()) return;
    State next = state_;
    if (original) {
      for (const Operand& param : original->params) {
        for (Values& values : next.places) erase(values, param.base);
      }
      for (size_t i = 0; i < original->params.size(); ++i) {
        const Operand& arg = jump->uses[i];
        Value wanted = arg.isImm()    ? constant(arg.bank, arg.bits)
                       : arg.isVReg() ? arg.base
                                      : pinnedValue(arg);
        for (size_t p = 0; p < num_places_; ++p) {
          bool same = arg.isVReg() ? holds(state_, p, wanted) : contains(state_.places[p], wanted);
          if (same) insert(next.places[p], original->params[i].base);
        }
      }
    }
    next.reached = true;
    State& entry = entry_[found->second];
    bool changed = !entry.reached;
    if (!entry.reached) {
      entry = std::move(next);
    } else {
      for (size_t p = 0; p < num_places_; ++p) {
        Values both;
        std::set_intersection(entry.places[p].begin(), entry.places[p].end(),
                              next.places[p].begin(), next.places[p].end(),
                              std::back_inserter(both));
        if (both.size() != entry.places[p].size()) {
          entry.places[p] = std::move(both);
          changed = true;
        }
      }
      for (int which = 0; which < 2; ++which) {
        Value unknown = unknownPinned(found->second, which);
        if (entry.pinned[which] == next.pinned[which] || entry.pinned[which] == unknown) continue;
        entry.pinned[which] = unknown;
        changed = true;
      }
    }
    if (changed) work->push_back(found->second);
  }

  const FunctionSnapshot& before_;
  const lir::Function& after_;
  const Target& target_;
  Value next_value_;
  size_t slots_at_ = 0, num_places_ = 0;
  std::vector<Value> defined_as_;  // by virtual register: the constant that it is, or 0
  std::map<uint64_t, Value> constants_, arguments_, pinned_writes_;
  std::unordered_map<const Block*, size_t> number_;
  std::vector<State> entry_;
  State state_;
  const Block* block_ = nullptr;
  const Instr* instr_ = nullptr;
  bool reporting_ = false;
  std::vector<OperandConstraint> constraints_;
  std::vector<lir::Diagnostic> problems_;
};

}  // namespace

std::vector<std::string> checkAllocation(const FunctionSnapshot& before, const lir::Function& after,
                                         const Target& target) {
  return linesOf(diagnoseAllocation(before, after, target));
}

std::vector<lir::Diagnostic> diagnoseAllocation(const FunctionSnapshot& before,
                                                const lir::Function& after, const Target& target) {
  return Checker(before, after, target).run();
}

}  // namespace tephra::regalloc
