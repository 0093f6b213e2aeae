// Purpose: moves that put a value where it already is are dropped, and loads from a slot whose
// value is still in a register become copies: what is left when the moves behind one instruction
// meet those in front of the next (result register -> home -> argument register). Values are
// numbered within a block; instructions other than moves give their results new numbers.
#include <unordered_map>

#include "regalloc/allocation.h"

namespace tephra::regalloc {
namespace {

class MoveCleaner {
 public:
  MoveCleaner(lir::Function& function, const Target& target)
      : function_(function),
        target_(target),
        values_(kSlots + function.num_slots, 0),
        epochs_(values_.size(), 0) {}

  void run() {
    for (Block* block : function_.blocks()) {
      ++epoch_;  // forgets everything
      constants_.clear();
      for (Instr* instr = block->first; instr;) {
        Instr* next = instr->next;
        if (isMove(*instr))
          move(instr);
        else
          other(*instr);
        instr = next;
      }
    }
  }

 private:
  static constexpr size_t kSlots = 128, kNowhere = SIZE_MAX;

  static bool isMove(const Instr& instr) {
    return instr.op == Op::kMove || instr.op == Op::kMoveF || instr.op == Op::kMoveConstF;
  }
  size_t placeOf(const Operand& o) const {
    if (o.isReg()) return o.base + (o.bank == Bank::kFp ? 64 : 0);
    if (o.isSlot()) return kSlots + o.base;
    if (o.kind == Operand::kPinned) return target_.pinned(static_cast<lir::Pinned>(o.base));
    return kNowhere;
  }
  uint32_t valueIn(size_t place) {
    if (epochs_[place] != epoch_) set(place, ++last_);
    return values_[place];
  }
  void set(size_t place, uint32_t value) {
    epochs_[place] = epoch_;
    values_[place] = value;
  }

  uint32_t sourceValue(const Instr& instr) {
    bool constant = instr.op == Op::kMoveConstF || instr.uses[0].isImm();
    if (!constant) return valueIn(placeOf(instr.uses[0]));
    uint32_t& value = constants_[instr.op == Op::kMoveConstF ? instr.attr[0] : instr.uses[0].bits];
    if (!value) value = ++last_;
    return value;
  }

  void move(Instr* instr) {
    size_t to = placeOf(instr->defs[0]);
    uint32_t value = sourceValue(*instr);
    // The program's own moves stay, and what a scratch register held for an earlier group of moves
    // does not count.
    bool keep = instr->defs[0].kind == Operand::kPinned || to == target_.scratch(Bank::kGp) ||
                to == size_t{64} + target_.scratch(Bank::kFp);
    if (!keep && epochs_[to] == epoch_ && values_[to] == value) return lir::Function::remove(instr);
    if (instr->op != Op::kMoveConstF && instr->uses[0].isSlot()) fromRegister(instr, value);
    set(to, value);
  }

  void fromRegister(Instr* instr, uint32_t value) {
    size_t first = instr->defs[0].bank == Bank::kFp ? 64 : 0;
    RegSet usable = target_.allocatable(instr->defs[0].bank);
    for (RegSet rest = usable; rest; rest &= rest - 1) {
      size_t reg = static_cast<size_t>(std::countr_zero(rest));
      if (epochs_[first + reg] != epoch_ || values_[first + reg] != value) continue;
      instr->uses[0] = Operand::reg(static_cast<uint32_t>(reg), instr->defs[0].bank);
      return;
    }
  }

  void other(const Instr& instr) {
    for (int bank = 0; bank < 2; ++bank) {
      RegSet lost = target_.clobbers(instr, static_cast<Bank>(bank));
      lost |= RegSet{1} << target_.scratch(static_cast<Bank>(bank));
      for (; lost; lost &= lost - 1)
        set(static_cast<size_t>(std::countr_zero(lost) + 64 * bank), ++last_);
    }
    for (const Operand& def : instr.defs) {
      if (size_t place = placeOf(def); place != kNowhere) set(place, ++last_);
    }
  }

  lir::Function& function_;
  const Target& target_;
  std::vector<uint32_t> values_, epochs_;
  std::unordered_map<uint64_t, uint32_t> constants_;
  uint32_t epoch_ = 0, last_ = 0;
};

}  // namespace

void removeRedundantMoves(lir::Function& function, const Target& target) {
  MoveCleaner(function, target).run();
}

}  // namespace tephra::regalloc
