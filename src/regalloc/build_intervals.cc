// Purpose: live intervals, use positions, hints and blocked registers, in one walk backwards
// (Wimmer and Franz, figure 4; the rules for inputs and results are in interval.h).
//
// - An input in a fixed register is copied there by the moves in front (read at i - 1); the
// register
//   itself is blocked at i, so the value may live there up to the copy, or anywhere else.
// - An input that a result reuses is copied into the result's register, which begins at i.
// - A result in a fixed register is copied out by the moves behind (begins at i + 2).
// - A copy is only such a move: its input is read at i - 1 and its result begins at i.
// - Arguments of the function are blocked from the entry on, until each was taken.
// - Values of an exit are read at the very end and may be anywhere.
#include <algorithm>

#include "base/check.h"
#include "regalloc/allocation.h"

namespace tephra::regalloc {

int reusingDef(const Instr& instr, std::span<const OperandConstraint> all, size_t use) {
  size_t defs = instr.defs.size();
  for (size_t d = 0; d < defs; ++d) {
    if (all[d].kind != OperandConstraint::kReuseInput) continue;
    size_t reused = all[d].reg;
    if (all[defs + reused].kind == OperandConstraint::kFixed) continue;
    if (use == reused) return static_cast<int>(d);
    const Operand& first = instr.uses[reused];
    bool same = first.isVReg() && instr.uses[use].isVReg() && instr.uses[use].base == first.base;
    const OperandConstraint& c = all[defs + use];
    if (same && c.kind == OperandConstraint::kAnyRegister && !c.late) return static_cast<int>(d);
  }
  return -1;
}

namespace {

// Lists grow at the front while walking backwards, so they come out ascending.
template <typename T>
struct Node {
  T value;
  Node* next;
};

class IntervalBuilder {
 public:
  explicit IntervalBuilder(Allocation& a)
      : a_(a), ranges_(a.function.numVRegs(), nullptr), uses_(a.function.numVRegs(), nullptr) {
    a_.vregs.assign(a.function.numVRegs(), {});
    a_.first_constraint.assign(a.instr_at.size(), 0);
  }

  void run() {
    for (size_t b = a_.blocks.size(); b-- > 0;) walkBlock(b);
    for (auto& bank : a_.fixed) {
      for (auto& ranges : bank) std::reverse(ranges.begin(), ranges.end());
    }
    for (uint32_t v = 1; v < a_.vregs.size(); ++v) flatten(v);
  }

 private:
  void walkBlock(size_t b) {
    BlockInfo& info = a_.blocks[b];
    block_ = &info;
    // Arguments of the jump are read in the block itself.
    for (const Block* next : info.block->last->targets) {
      for (uint32_t v : a_.infoOf(next).live_in) addRange(v, info.to);
    }
    for (Instr* instr = info.block->last; instr; instr = instr->prev) walkInstr(*instr);
    for (const Operand& param : info.block->params) {
      VRegInfo& v = a_.vregs[param.base];
      v.is_param = true;
      v.def_block = static_cast<int>(b);
      define(param.base, info.from, false, -1);
    }
    // Arguments of jumps hither, and parameters: one register for all of them spares the moves.
    if (info.block->params.empty()) return;
    for (Block* pred : info.block->preds) {
      for (size_t i = 0; i < info.block->params.size(); ++i) {
        const Operand& arg = pred->last->uses[i];
        if (arg.isVReg()) a_.vregs[arg.base].param = info.block->params[i].base;
      }
    }
  }

  void addRange(uint32_t vreg, int to) {
    int from = block_->from;
    Node<Range>*& head = ranges_[vreg];
    if (head && head->value.from <= to) {
      head->value.from = std::min(head->value.from, from);
      head->value.to = std::max(head->value.to, to);
    } else {
      head = a_.arena.make<Node<Range>>(Node<Range>{{from, to}, head});
    }
  }

  void addUse(uint32_t vreg, int position, bool needs_register, int hint = -1) {
    uses_[vreg] = a_.arena.make<Node<UsePosition>>(
        Node<UsePosition>{{position, needs_register, static_cast<int8_t>(hint)}, uses_[vreg]});
  }

  // The register's life begins at `position`; `needs_register`: the instruction writes a register.
  void define(uint32_t vreg, int position, bool needs_register, int min_end) {
    Node<Range>*& head = ranges_[vreg];
    if (head) {
      head->value.from = position;
    } else if (min_end > position) {
      head = a_.arena.make<Node<Range>>(Node<Range>{{position, min_end}, nullptr});
    } else {
      return;  // never used, and the instruction puts the result in a place of its own
    }
    if (head->value.to < min_end) head->value.to = min_end;
    addUse(vreg, position, needs_register);
  }

  void walkInstr(Instr& instr) {
    a_.target.constraints(instr, &scratch_);
    TEPHRA_CHECK(scratch_.size() == instr.defs.size() + instr.uses.size(),
                 "a constraint for each operand");
    adjust(instr);
    a_.first_constraint[instr.id / 4] = static_cast<uint32_t>(a_.constraints.size());
    a_.constraints.insert(a_.constraints.end(), scratch_.begin(), scratch_.end());
    for (const Operand& def : instr.defs) {
      if (def.isVReg()) a_.vregs[def.base].def_block = static_cast<int>(block_ - a_.blocks.data());
    }
    int i = static_cast<int>(instr.id);
    if (isCopy(instr)) return walkCopy(instr, i);
    RegSet early[2] = {0, 0}, late[2] = {0, 0};
    for (int bank = 0; bank < 2; ++bank)
      late[bank] = a_.target.clobbers(instr, static_cast<Bank>(bank));
    for (size_t d = 0; d < instr.defs.size(); ++d) walkDef(instr, d, i, late);
    for (size_t u = 0; u < instr.uses.size(); ++u) walkUse(instr, u, i, early, late);
    block(instr, i, early, late);
  }

  // The allocator's own rules on top of the target's.
  void adjust(const Instr& instr) {
    size_t defs = instr.defs.size();
    for (size_t u = 0; u < instr.uses.size(); ++u) {
      OperandConstraint& c = scratch_[defs + u];
      const Operand& use = instr.uses[u];
      if (u >= instr.firstExitValue()) {
        // Read when the exit is taken, after results and clobbers: whatever the target says.
        c = {use.isVReg() ? OperandConstraint::kAnywhere : OperandConstraint::kImmediate, 0, true};
      } else if (instr.info().is_call && c.kind == OperandConstraint::kAnywhere) {
        // A stack argument is read while arguments in registers are put in place.
        c.late = true;
      }
    }
  }

  void walkCopy(const Instr& instr, int i) {
    uint32_t d = instr.defs[0].base;
    define(d, i, false, -1);
    const Operand& from = instr.uses[0];
    if (!from.isVReg()) return;
    addRange(from.base, i);  // of a copy that nobody uses too: liveness counted it
    if (!ranges_[d]) return;
    a_.vregs[d].copy_of = from.base;
    addUse(from.base, i - 1, false);
  }

  void walkDef(Instr& instr, size_t d, int i, RegSet* late) {
    const Operand& def = instr.defs[d];
    uint8_t reg;
    if (isFixedDef(scratch_, instr, d, &reg)) {
      if (def.kind == Operand::kNone) return;
      late[static_cast<int>(def.bank)] |= RegSet{1} << reg;
      if (!def.isVReg()) return;
      a_.vregs[def.base].def_hint = static_cast<int8_t>(reg);
      define(def.base, i + 2, false, -1);
      return;
    }
    if (!def.isVReg()) return;
    if (isConstant(instr)) {
      // Needs no register by itself: where it is used it can be made again.
      a_.vregs[def.base].constant = &instr;
      define(def.base, i + 1, false, i + 2);
      return;
    }
    if (scratch_[d].kind == OperandConstraint::kReuseInput) {
      const Operand& from = instr.uses[scratch_[d].reg];
      if (from.isVReg()) a_.vregs[def.base].copy_of = from.base;
      define(def.base, i, true, i + 2);
      return;
    }
    define(def.base, i + 1, true, i + 2);
  }

  void walkUse(Instr& instr, size_t u, int i, RegSet* early, RegSet* late) {
    const Operand& use = instr.uses[u];
    const OperandConstraint& c = scratch_[instr.defs.size() + u];
    if (c.kind == OperandConstraint::kFixed) {
      RegSet bit = RegSet{1} << c.reg;
      int bank = static_cast<int>(use.bank);
      early[bank] |= bit;
      if (c.late) late[bank] |= bit;
    }
    if (instr.op == Op::kJump) {
      if (use.isVReg()) {
        addRange(use.base, block_->to);
        addUse(use.base, i, false);
      }
      return;
    }
    bool before = c.kind == OperandConstraint::kFixed || reusingDef(instr, scratch_, u) >= 0;
    bool anywhere =
        c.kind == OperandConstraint::kAnywhere &&
        !(instr.info().is_call && use.bank == Bank::kFp);  // no double immediates on the stack
    forEachUsedVReg(use, [&](uint32_t v) {
      addRange(v, before ? i : c.late ? i + 2 : i + 1);
      if (before)
        addUse(v, i - 1, false, c.kind == OperandConstraint::kFixed ? c.reg : -1);
      else
        addUse(v, i, !anywhere);
    });
  }

  void block(const Instr& instr, int i, RegSet* early, RegSet* late) {
    bool param = instr.op == Op::kParam;
    for (int bank = 0; bank < 2; ++bank) {
      RegSet usable = a_.target.allocatable(static_cast<Bank>(bank));
      for (RegSet rest = (early[bank] | late[bank]) & usable; rest; rest &= rest - 1) {
        int reg = std::countr_zero(rest);
        bool is_early = early[bank] >> reg & 1, is_late = late[bank] >> reg & 1;
        Range range{is_early ? i : i + 1, is_late ? i + 2 : i + 1};
        if (param) range.from = 0;  // the entry block starts at 0
        a_.fixed[bank][reg].push_back(range);
      }
    }
  }

  void flatten(uint32_t v) {
    if (!ranges_[v]) return;
    Interval* interval = a_.arena.make<Interval>();
    interval->vreg = v;
    interval->bank = a_.function.bankOf(v);
    interval->ranges = flattenList(ranges_[v]);
    interval->uses = flattenList(uses_[v]);
    std::stable_sort(
        interval->uses.begin(), interval->uses.end(),
        [](const UsePosition& x, const UsePosition& y) { return x.position < y.position; });
    a_.vregs[v].first = interval;
  }

  template <typename T>
  std::span<T> flattenList(Node<T>* head) {
    size_t count = 0;
    for (Node<T>* node = head; node; node = node->next) ++count;
    std::span<T> all = a_.arena.array<T>(count);
    count = 0;
    for (Node<T>* node = head; node; node = node->next) all[count++] = node->value;
    return all;
  }

  Allocation& a_;
  BlockInfo* block_ = nullptr;
  std::vector<Node<Range>*> ranges_;
  std::vector<Node<UsePosition>*> uses_;
  std::vector<OperandConstraint> scratch_;
};

}  // namespace

void buildIntervals(Allocation& a) { IntervalBuilder(a).run(); }

}  // namespace tephra::regalloc
