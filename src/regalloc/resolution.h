// Purpose: from intervals to code: slots, operands, and the moves between pieces of an interval, at
// instructions and on edges. Invariant in: every piece is placed. Invariant out: see regalloc.h.
#pragma once

#include <algorithm>
#include <vector>

#include "regalloc/allocation.h"
#include "regalloc/parallel_moves.h"

namespace tephra::regalloc {

class Resolution {
 public:
  explicit Resolution(Allocation& a) : a_(a) {}
  void run();

 private:
  // Moves are collected with a key that says where, relative to positions: in front of instruction
  // i: i; behind it: i + 2; at the end of a block, in front of its jump j: j + 1; at the start of
  // block b: b.from; behind those, the stores of parameters: b.from + 2.
  struct Pending {
    int key;
    ParallelMove move;
  };

  // slots.cc
  void assignSlots();
  void chooseStores();

  // Every way on which a register's value changes its place: f(vreg, from, to, frequency).
  template <typename F>
  void forEachTransition(F f);
  template <typename F>
  void forEachEdge(F f);
  void collectPieces();

  Location locationOf(const Interval* piece) const;
  Location read(uint32_t vreg, int position);  // counts the read
  Interval* mustPiece(uint32_t vreg, int position) const;
  void addMove(int key, Location to, Location from) { pending_.push_back({key, {to, from}}); }

  void rewriteInstr(Instr& instr);
  void rewriteCopy(Instr& instr);
  void rewriteDef(Instr& instr, size_t d);
  void rewriteUse(Instr& instr, size_t u);
  Operand registerOperand(uint32_t vreg, int position);
  Location operandSource(const Operand& use, int position);

  void moveBetweenPieces();
  void moveOnEdges();
  void edgeMoves(const BlockInfo& from, const BlockInfo& to, std::vector<ParallelMove>* moves);
  void placeBetween();
  Block* splitEdge(const BlockInfo& from, int target, const BlockInfo& to);
  void insertPending();
  void dropDead();

  Allocation& a_;
  std::vector<Pending> pending_;
  std::vector<Instr*> dropped_;
  std::vector<int>
      reusing_;  // of the instruction being rewritten, by use: the def that reuses it, or -1
  std::vector<Interval*> pieces_;      // of all registers, in order
  std::vector<uint32_t> first_piece_;  // by register, and one behind
  BitSet split_;                       // registers with several pieces
  std::vector<Instr*> sequence_;
  std::vector<std::pair<Block*, Block*>> between_;  // blocks on edges, with where those come from
};

template <typename F>
void Resolution::forEachEdge(F f) {
  for (const BlockInfo& from : a_.blocks) {
    Instr* last = from.block->last;
    for (int t = 0; t < last->numTargets(); ++t) f(from, t, a_.infoOf(last->targets[t]));
  }
}

template <typename F>
void Resolution::forEachTransition(F f) {
  for (uint32_t v = 1; v < a_.vregs.size(); ++v) {
    for (Interval* piece = a_.vregs[v].first; piece && piece->next; piece = piece->next) {
      int at = piece->next->start();
      if (piece->end() != at || !a_.instr_at[static_cast<size_t>(at) / 4]) continue;  // on edges
      f(v, piece, piece->next, a_.blockInfoAt(at).frequency);
    }
  }
  forEachEdge([&](const BlockInfo& from, int, const BlockInfo& to) {
    uint32_t frequency = std::min(from.frequency, to.frequency);
    for (uint32_t v : to.live_in) {
      if (!split_.has(v)) continue;
      const Interval* before = mustPiece(v, from.to - 1);
      const Interval* after = mustPiece(v, to.from);
      if (before != after) f(v, before, after, frequency);
    }
  });
}

}  // namespace tephra::regalloc
