#include "regalloc/parallel_moves.h"

#include <algorithm>
#include <optional>

#include "base/check.h"

namespace tephra::regalloc {

using lir::Bank;
using lir::Op;
using lir::Operand;

Operand Location::operand() const {
  switch (kind) {
    case kNone: break;
    case kReg: return Operand::reg(static_cast<uint32_t>(value), bank);
    case kSlot: return Operand::slot(static_cast<uint32_t>(value), bank);
    case kConstant: {
      Operand imm = Operand::imm(static_cast<int64_t>(value));
      imm.bank = bank;
      return imm;
    }
  }
  return {};
}

namespace {

class Sequencer {
 public:
  Sequencer(std::vector<ParallelMove> moves, lir::Function& function, const Target& target,
            std::vector<lir::Instr*>* out)
      : pending_(std::move(moves)), function_(function), target_(target), out_(out) {}

  void run() {
    std::erase_if(pending_, [](const ParallelMove& m) { return m.to.samePlace(m.from); });
    // Constants free no place and wait for none to be filled: they come last.
    auto constants = std::stable_partition(
        pending_.begin(), pending_.end(),
        [](const ParallelMove& m) { return m.from.kind != Location::kConstant; });
    std::vector<ParallelMove> last(constants, pending_.end());
    pending_.erase(constants, pending_.end());
    while (!pending_.empty()) {
      if (!emitReady()) breakCycle();
    }
    for (const ParallelMove& move : last) emit(move);
  }

 private:
  bool isSource(const Location& place) const {
    return std::any_of(pending_.begin(), pending_.end(),
                       [&](const ParallelMove& m) { return m.from.samePlace(place); });
  }

  // One move whose destination nobody reads any more.
  bool emitReady() {
    for (size_t i = 0; i < pending_.size(); ++i) {
      if (isSource(pending_[i].to)) continue;
      ParallelMove move = pending_[i];
      pending_.erase(pending_.begin() + static_cast<ptrdiff_t>(i));
      emit(move);
      if (held_ && move.from.samePlace(*held_)) held_.reset();
      return true;
    }
    return false;
  }

  void breakCycle() {
    TEPHRA_CHECK(!held_, "one cycle at a time");
    ParallelMove& move = pending_.front();
    Bank bank = move.to.bank;
    Location scratch = Location::reg(bank, target_.scratch(bank));
    emit({scratch, move.from});
    // Everybody who wanted this source reads the scratch register instead.
    Location from = move.from;
    for (ParallelMove& other : pending_) {
      if (other.from.samePlace(from)) {
        TEPHRA_CHECK(other.to.bank == bank, "one value has one bank");
        other.from = scratch;
      }
    }
    held_ = scratch;
  }

  void append(Location to, Location from) {
    Operand def[] = {to.operand()}, use[] = {from.operand()};
    out_->push_back(function_.make(to.bank == Bank::kFp ? Op::kMoveF : Op::kMove, def, use));
  }

  void emit(const ParallelMove& move) {
    bool to_slot = move.to.kind == Location::kSlot;
    if (move.from.kind == Location::kConstant) return emitConstant(move);
    if (!to_slot || move.from.kind != Location::kSlot) return append(move.to, move.from);
    // Eight bytes are eight bytes: any free scratch register carries them.
    Bank carrier = held_ && held_->bank == Bank::kGp ? Bank::kFp : Bank::kGp;
    Location through = Location::reg(carrier, target_.scratch(carrier));
    append(through, Location::slot(carrier, static_cast<uint32_t>(move.from.value)));
    append(Location::slot(carrier, static_cast<uint32_t>(move.to.value)), through);
  }

  void emitConstant(const ParallelMove& move) {
    bool to_slot = move.to.kind == Location::kSlot;
    // Bits are bits: a double on its way to a slot goes through the general scratch register.
    Bank bank = to_slot ? Bank::kGp : move.to.bank;
    Location place = to_slot ? Location::reg(bank, target_.scratch(bank)) : move.to;
    Operand def[] = {place.operand()};
    if (bank == Bank::kFp) {
      lir::Instr* instr = function_.make(Op::kMoveConstF, def, {});
      instr->attr[0] = move.from.value;
      out_->push_back(instr);
    } else {
      Operand use[] = {Operand::imm(static_cast<int64_t>(move.from.value))};
      out_->push_back(function_.make(Op::kMove, def, use));
    }
    if (to_slot) append(Location::slot(bank, static_cast<uint32_t>(move.to.value)), place);
  }

  std::vector<ParallelMove> pending_;
  lir::Function& function_;
  const Target& target_;
  std::vector<lir::Instr*>* out_;
  std::optional<Location> held_;  // scratch register that holds a cycle's first value
};

}  // namespace

void sequenceMoves(std::vector<ParallelMove> moves, lir::Function& function, const Target& target,
                   std::vector<lir::Instr*>* out) {
  Sequencer(std::move(moves), function, target, out).run();
}

}  // namespace tephra::regalloc
