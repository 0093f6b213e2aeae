// Purpose: control flow of canonical bytecode: blocks that normal flow reaches from the entry, in
// reverse post-order, with loops and liveness of locals.
// Invariant: blocks[0] is the entry; a predecessor with a higher or equal index is a back edge.
#pragma once

#include <cstdint>
#include <vector>

#include "base/result.h"
#include "pyver/common/unit.h"

namespace tephra::frontend {

// A set of locals.
class SlotSet {
 public:
  explicit SlotSet(size_t size = 0) : words_((size + 63) / 64) {}
  bool has(uint32_t i) const { return (words_[i / 64] >> (i % 64)) & 1; }
  void add(uint32_t i) { words_[i / 64] |= uint64_t{1} << (i % 64); }
  void remove(uint32_t i) { words_[i / 64] &= ~(uint64_t{1} << (i % 64)); }
  // Adds all of `other`; true if anything was new.
  bool unite(const SlotSet& other);
  void subtract(const SlotSet& other);

 private:
  std::vector<uint64_t> words_;
};

inline constexpr uint32_t kNoBlock = 0xFFFFFFFF;

struct CfgBlock {
  uint32_t start = 0, end = 0;  // canonical indices
  std::vector<uint32_t> succs;  // of a conditional jump: fall-through, target
  std::vector<uint32_t> preds;  // one per edge; the function's entry is none
  bool loop_header = false;
  SlotSet live_in;   // locals that may be read before they are written
  SlotSet loop_set;  // of a loop header: locals written somewhere in the loop
};

struct Cfg {
  std::vector<CfgBlock> blocks;
  std::vector<uint32_t> block_at;  // by canonical index: the block that starts there, or kNoBlock
  SlotSet written;  // locals that any reachable instruction writes, prologue included
};

Result<Cfg> buildCfg(const CodeUnit& unit);

// How control leaves an instruction.
enum class Flow : uint8_t {
  kNext,         // to the next one
  kJump,         // to the target
  kConditional,  // to either
  kEnd,          // nowhere that is compiled
};
Flow flowOf(Canonical op);

// Which local an instruction reads or writes; kNoSlot = none.
inline constexpr uint32_t kNoSlot = 0xFFFFFFFF;
uint32_t localRead(const CanonicalInstr& in);
uint32_t localWritten(const CanonicalInstr& in);

}  // namespace tephra::frontend
