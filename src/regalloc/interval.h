// Purpose: where a virtual register is live, with holes, and the pieces that allocation cuts it
// into. Wimmer and Mössenböck, "Optimized Interval Splitting in a Linear Scan Register Allocator"
// (2005); Wimmer and Franz, "Linear Scan Register Allocation on SSA Form" (2010).
//
// Positions. A block and each instruction take four numbers from a multiple of 4, `i`:
//   i - 1   before the moves in front of the instruction (inputs that a move puts in place are
//   read) i       the instruction reads its inputs; moves in front of it have happened i + 1   it
//   writes its results; `late` inputs are still read i + 2   moves behind it have happened (results
//   that leave a fixed register)
// Intervals are cut at multiples of 4 only. Invariant: pieces are disjoint and ascending.
#pragma once

#include <climits>
#include <cstdint>
#include <span>

#include "base/arena.h"
#include "lir/ir.h"

namespace tephra::regalloc {

constexpr int kForever = INT_MAX;
constexpr int gapAt(int position) { return position & ~3; }
constexpr int gapAfter(int position) { return (position & ~3) + 4; }

struct Range {  // [from, to)
  int from = 0;
  int to = 0;
};

struct UsePosition {
  int position = 0;
  bool needs_register = false;
  int8_t hint = -1;                                    // a register that spares a move
  bool copied() const { return (position & 3) == 3; }  // by the moves in front of an instruction
};

struct Interval {
  uint32_t vreg = 0;
  lir::Bank bank = lir::Bank::kGp;
  int8_t reg = -1;      // -1: in the stack slot (or a constant, made again where it is used)
  bool placed = false;  // reg says where it is
  uint32_t reads = 0;   // by operands and moves, counted by resolution
  uint32_t cursor = 0;  // allocation: the first range that ends behind the current position
  std::span<Range> ranges;
  std::span<UsePosition> uses;
  Interval* next = nullptr;  // the following piece of the same virtual register

  int start() const { return ranges.front().from; }
  int end() const { return ranges.back().to; }
  bool covers(int position) const;
  // First position >= `from` at which a register is needed.
  int nextRegisterUse(int from) const;
  // The same for uses that are served best by a register: copies to a fixed or reused one count
  // too.
  int nextNearUse(int from) const;
  // Last use of any kind below `before`, or -1.
  int lastUse(int before) const;
};

// First position that both cover, or kForever; ranges of `a` before its cursor are ignored.
int firstIntersection(const Interval& a, const Interval& b);
int firstIntersection(std::span<const Range> a, std::span<const Range> b);

// Cuts at `position`, start < position < end; gives the piece behind (it may start later: in a
// hole).
Interval* splitInterval(Interval* interval, int position, Arena& arena);

// The piece that covers `position`; null when the register is not live there.
Interval* pieceAt(Interval* first, int position);

}  // namespace tephra::regalloc
