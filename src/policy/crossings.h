// Purpose: whether compiled code pays although it calls functions that stay interpreted and is
// called by them. Each such call costs more than one that stays on one side, and of the whole code
// only what runs between two of them gains. A ledger for one generation of compiled code: what
// calls lose, against what its instructions save. Invariant: pure: no Python, no clock. All under
// the GIL.
#pragma once

#include <cstdint>
#include <unordered_map>

namespace tephra::policy {

class Crossings {
 public:
  // Calls by interpreted code.
  void enter(uint64_t calls) { in_ += calls; }
  // Calls of interpreted functions at one place of the code; `instructions` of bytecode run for
  // each of them: the loop's around it, or all.
  void leave(uint32_t place, uint32_t instructions, uint64_t calls);

  // Do they cost more than the code saves? `instructions`: all of the code's. `compiled_ns`: CPU
  // time that was seen in it. By `noticed_ns` at least.
  bool lose(uint32_t instructions, uint64_t compiled_ns, uint64_t noticed_ns = kNoticedNs) const;

  // Does the code call out at a place in [begin, end)?
  bool leavesWithin(uint32_t begin, uint32_t end) const;

  uint64_t lost_ns() const { return (in_ + out_) * kCallNs; }

  // What a call from one side to the other costs more than another: 170 to 190 instructions
  // (callgrind), and what they displace.
  static constexpr uint64_t kCallNs = 50;
  // What two instructions of bytecode save; about half of the code runs in one call.
  static constexpr uint64_t kTwoSaveNs = 1;
  // Of the time in compiled code, in percent, what the interpreter would take more: not what it
  // would in a loop over numbers, as calls of C functions count, too.
  static constexpr uint64_t kSavedPercent = 15;
  // A loss that is noticed: what compiling a small function costs.
  static constexpr uint64_t kNoticedNs = 1'000'000;
  // The same where the code is only put aside for a while: that costs next to nothing.
  static constexpr uint64_t kNoticedForAWhileNs = 100'000;

 private:
  uint64_t in_ = 0, out_ = 0;
  uint64_t saved_ns_ = 0;                            // at most, at one place
  std::unordered_map<uint32_t, uint64_t> by_place_;  // calls
};

}  // namespace tephra::policy
