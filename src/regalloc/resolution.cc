#include "regalloc/resolution.h"

#include <algorithm>

#include "base/check.h"

namespace tephra::regalloc {

// --- places

Location Resolution::locationOf(const Interval* piece) const {
  if (piece->reg >= 0) return Location::reg(piece->bank, static_cast<uint32_t>(piece->reg));
  const VRegInfo& v = a_.vregs[piece->vreg];
  if (v.constant) {
    bool fp = v.constant->op == Op::kMoveConstF;
    return Location::constant(piece->bank, fp ? v.constant->attr[0] : v.constant->uses[0].bits);
  }
  return Location::slot(piece->bank, static_cast<uint32_t>(v.slot));
}

Interval* Resolution::mustPiece(uint32_t vreg, int position) const {
  auto begin = pieces_.begin() + first_piece_[vreg], end = pieces_.begin() + first_piece_[vreg + 1];
  auto behind = end;
  if (end - begin > 1) {
    behind = std::upper_bound(begin, end, position,
                              [](int p, const Interval* piece) { return p < piece->start(); });
  }
  TEPHRA_CHECK(behind != begin && (*(behind - 1))->placed, "a live register has a place");
  TEPHRA_DCHECK((*(behind - 1))->covers(position), "a register is read where it is live");
  return *(behind - 1);
}

Location Resolution::read(uint32_t vreg, int position) {
  Interval* piece = mustPiece(vreg, position);
  ++piece->reads;
  return locationOf(piece);
}

Operand Resolution::registerOperand(uint32_t vreg, int position) {
  Location place = read(vreg, position);
  TEPHRA_CHECK(place.kind == Location::kReg, "an operand that needs a register has one");
  return place.operand();
}

Location Resolution::operandSource(const Operand& use, int position) {
  switch (use.kind) {
    case Operand::kVReg: return read(use.base, position);
    case Operand::kImm: return Location::constant(use.bank, use.bits);
    case Operand::kPinned:
      return Location::reg(Bank::kGp, a_.target.pinned(static_cast<lir::Pinned>(use.base)));
    default: break;
  }
  TEPHRA_CHECK(false, "a register, a constant or a pinned register");
}

// --- operands

void Resolution::rewriteInstr(Instr& instr) {
  if (isCopy(instr)) return rewriteCopy(instr);
  if (instr.op == Op::kJump) {
    return;  // arguments are moved on the edge
  }
  // A reused input goes where the result will be: results are rewritten last, and which inputs are
  // meant is worked out while all of them still name virtual registers.
  auto constraints = a_.constraintsOf(&instr);
  reusing_.clear();
  for (size_t u = 0; u < instr.uses.size(); ++u)
    reusing_.push_back(reusingDef(instr, constraints, u));
  for (size_t u = 0; u < instr.uses.size(); ++u) rewriteUse(instr, u);
  for (size_t d = 0; d < instr.defs.size(); ++d) rewriteDef(instr, d);
}

void Resolution::rewriteCopy(Instr& instr) {
  dropped_.push_back(&instr);
  VRegInfo& v = a_.vregs[instr.defs[0].base];
  if (!v.first) return;
  int i = static_cast<int>(instr.id);
  Location from = operandSource(instr.uses[0], i - 1);
  Location to = locationOf(mustPiece(instr.defs[0].base, i));
  addMove(i, to, from);
  if (v.slot_from_def && to.kind == Location::kReg) {
    addMove(i + 2, Location::slot(to.bank, static_cast<uint32_t>(v.slot)), to);
  }
}

void Resolution::rewriteDef(Instr& instr, size_t d) {
  Operand& def = instr.defs[d];
  if (!def.isVReg()) return;
  auto constraints = a_.constraintsOf(&instr);
  VRegInfo& v = a_.vregs[def.base];
  int i = static_cast<int>(instr.id);
  uint8_t fixed;
  Location written;
  bool store = v.first && v.slot_from_def;
  if (isFixedDef(constraints, instr, d, &fixed)) {
    written = Location::reg(def.bank, fixed);
    if (v.first) {
      Location to = locationOf(mustPiece(def.base, i + 2));
      addMove(i + 2, to, written);
      store &= to.kind != Location::kSlot;
    }
  } else {
    Interval* piece = mustPiece(def.base, i + 1);
    if (v.constant && piece->reg < 0) {
      dropped_.push_back(&instr);  // made where it is used
      return;
    }
    written = locationOf(piece);
    TEPHRA_CHECK(written.kind == Location::kReg, "a result has a register");
  }
  def = written.operand();
  if (store) {
    addMove(i + 2, Location::slot(written.bank, static_cast<uint32_t>(v.slot)), written);
  }
}

void Resolution::rewriteUse(Instr& instr, size_t u) {
  Operand& use = instr.uses[u];
  auto constraints = a_.constraintsOf(&instr);
  const OperandConstraint& c = constraints[instr.defs.size() + u];
  int i = static_cast<int>(instr.id);
  if (c.kind == OperandConstraint::kFixed) {
    Location to = Location::reg(use.bank, c.reg);
    addMove(i, to, operandSource(use, i - 1));
    use = to.operand();
    return;
  }
  if (int d = reusing_[u]; d >= 0) {
    Operand def = instr.defs[static_cast<size_t>(d)];
    Location to = locationOf(mustPiece(def.base, i));
    if (u == constraints[static_cast<size_t>(d)].reg) addMove(i, to, operandSource(use, i - 1));
    use = to.operand();
    return;
  }
  if (use.isMem()) {
    if (use.base_kind == Operand::kVReg) {
      use.base = registerOperand(use.base, i).base;
      use.base_kind = Operand::kReg;
    }
    if (use.index_kind == Operand::kVReg) {
      use.index = registerOperand(use.index, i).base;
      use.index_kind = Operand::kReg;
    }
    return;
  }
  if (!use.isVReg()) return;
  Location place = read(use.base, i);
  bool anywhere = c.kind == OperandConstraint::kAnywhere;
  TEPHRA_CHECK(anywhere || place.kind == Location::kReg,
               "an operand that needs a register has one");
  use = place.operand();
}

// --- moves

// Pieces side by side: edges and operands ask for them by position.
void Resolution::collectPieces() {
  split_ = BitSet(a_.vregs.size());
  for (uint32_t v = 0; v < a_.vregs.size(); ++v) {
    first_piece_.push_back(static_cast<uint32_t>(pieces_.size()));
    for (Interval* piece = a_.vregs[v].first; piece; piece = piece->next) pieces_.push_back(piece);
    if (pieces_.size() - first_piece_.back() > 1) split_.add(v);
  }
  first_piece_.push_back(static_cast<uint32_t>(pieces_.size()));
}

void Resolution::moveBetweenPieces() {
  split_.forEach([&](uint32_t v) {
    for (Interval* piece = a_.vregs[v].first; piece->next; piece = piece->next) {
      int at = piece->next->start();
      if (piece->end() != at || !a_.instr_at[static_cast<size_t>(at) / 4]) continue;
      Location to = locationOf(piece->next);
      if (to.kind == Location::kConstant) continue;
      if (to.kind == Location::kSlot && a_.vregs[v].slot_from_def) continue;
      ++piece->reads;  // staying where it is reads it too
      if (to.samePlace(locationOf(piece))) continue;
      addMove(at, to, locationOf(piece));
    }
  });
}

void Resolution::edgeMoves(const BlockInfo& from, const BlockInfo& to,
                           std::vector<ParallelMove>* moves) {
  moves->clear();
  for (uint32_t v : to.live_in) {
    if (!split_.has(v)) continue;
    Interval* before = mustPiece(v, from.to - 1);
    const Interval* after = mustPiece(v, to.from);
    if (before == after) continue;
    Location target = locationOf(after);
    if (target.kind == Location::kConstant) continue;
    if (target.kind == Location::kSlot && a_.vregs[v].slot_from_def) continue;
    Location source = locationOf(before);
    ++before->reads;
    if (target.samePlace(source)) continue;
    moves->push_back({target, source});
  }
  const auto& params = to.block->params;
  for (size_t p = 0; p < params.size(); ++p) {
    if (!a_.vregs[params[p].base].first) continue;  // never used
    Location target = locationOf(mustPiece(params[p].base, to.from));
    Location source = operandSource(from.block->last->uses[p], from.to - 1);
    if (!target.samePlace(source)) moves->push_back({target, source});
  }
}

void Resolution::moveOnEdges() {
  std::vector<ParallelMove> moves;
  size_t count = a_.blocks.size();
  for (size_t b = 0; b < count; ++b) {
    const BlockInfo& from = a_.blocks[b];
    Instr* last = from.block->last;
    int targets = last->numTargets();
    for (int t = 0; t < targets; ++t) {
      const BlockInfo& to = a_.infoOf(last->targets[t]);
      edgeMoves(from, to, &moves);
      if (moves.empty()) continue;
      if (targets == 1) {
        for (const ParallelMove& move : moves)
          addMove(static_cast<int>(last->id) + 1, move.to, move.from);
      } else if (to.block->preds.size() == 1) {
        for (const ParallelMove& move : moves) addMove(to.from, move.to, move.from);
      } else {
        Block* between = splitEdge(from, t, to);
        sequence_.clear();
        sequenceMoves(moves, a_.function, a_.target, &sequence_);
        for (Instr* instr : sequence_) lir::Function::insertBefore(between->last, instr);
      }
    }
  }
  placeBetween();
  for (const BlockInfo& info : a_.blocks) {
    for (const Operand& param : info.block->params) {
      const VRegInfo& v = a_.vregs[param.base];
      if (!v.first || v.first->reg < 0 || !v.slot_from_def) continue;
      Location from = locationOf(v.first);
      addMove(info.from + 2, Location::slot(from.bank, static_cast<uint32_t>(v.slot)), from);
    }
  }
}

// A block of its own for the moves of an edge between a branch and a merge. Which targets were
// already replaced does not matter: infoOf() is asked per target before this.
Block* Resolution::splitEdge(const BlockInfo& from, int target, const BlockInfo& to) {
  Block* between = a_.function.newBlock();
  a_.function.blocks().pop_back();
  between_.emplace_back(from.block, between);
  between->cold = from.block->cold || to.block->cold;
  between->loop_depth = std::min(from.block->loop_depth, to.block->loop_depth);
  Instr* jump = a_.function.make(Op::kJump, {}, {});
  jump->targets[0] = to.block;
  jump->stemLike(*from.block->last);
  lir::Function::append(between, jump);
  from.block->last->targets[target] = between;
  return between;
}

// Each behind the block that its edge comes from; those of one block the last one first.
void Resolution::placeBetween() {
  if (between_.empty()) return;
  std::vector<std::vector<Block*>> behind(a_.function.numBlocks());
  for (const auto& [from, block] : between_) behind[from->id].push_back(block);
  std::vector<Block*> blocks;
  for (Block* block : a_.function.blocks()) {
    blocks.push_back(block);
    blocks.insert(blocks.end(), behind[block->id].rbegin(), behind[block->id].rend());
  }
  a_.function.blocks() = std::move(blocks);
}

void Resolution::insertPending() {
  std::stable_sort(pending_.begin(), pending_.end(),
                   [](const Pending& x, const Pending& y) { return x.key < y.key; });
  std::vector<ParallelMove> group;
  for (size_t i = 0; i < pending_.size();) {
    int key = pending_[i].key;
    group.clear();
    for (; i < pending_.size() && pending_[i].key == key; ++i) group.push_back(pending_[i].move);
    sequence_.clear();
    sequenceMoves(group, a_.function, a_.target, &sequence_);
    // Groups come in ascending order, so each is put in front of the same or a later instruction.
    Instr* here = a_.instr_at[static_cast<size_t>(key) / 4];
    bool behind = here && (key & 3) == 2;
    Instr* at = !here || behind ? a_.instr_at[static_cast<size_t>(key) / 4 + 1] : here;
    for (Instr* move : sequence_) {
      move->stemLike(here ? *here : *at);
      lir::Function::insertBefore(at, move);
    }
  }
}

// Copies are moves now, and a constant whose register nobody reads was made again elsewhere.
void Resolution::dropDead() {
  for (VRegInfo& v : a_.vregs) {
    if (v.constant && v.constant->block && v.first && v.first->reg >= 0 && v.first->reads == 0) {
      dropped_.push_back(v.constant);
    }
  }
  for (Instr* instr : dropped_) {
    if (instr->block) lir::Function::remove(instr);
  }
}

void Resolution::run() {
  collectPieces();
  assignSlots();
  chooseStores();
  // Moves between pieces first: constants and slots are known, operands still name virtual
  // registers.
  moveBetweenPieces();
  moveOnEdges();
  for (Instr* instr : a_.instr_at) {
    if (instr) rewriteInstr(*instr);
  }
  insertPending();
  dropDead();
  for (BlockInfo& info : a_.blocks) {
    info.block->params.clear();
    if (info.block->last->op == Op::kJump) info.block->last->uses = {};
  }
  lir::computePredecessors(a_.function);
}

void resolve(Allocation& a) { Resolution(a).run(); }

}  // namespace tephra::regalloc
