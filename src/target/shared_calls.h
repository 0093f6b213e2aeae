// Purpose: finds calls of helpers that a function repeats, each followed by the same checks and the
// same release of the result, so that emission can put all that once into a piece of cold code that
// the sites call: 20 to 24 bytes a site instead of 64.
// Invariant in: allocated LIR. Invariant out: the sites of one group do exactly the same from the
// call on, in the same registers; only position, exits and their values differ.
//
// A site costs some six instructions, 1 to 1.5 ns, more (x86-64; calls of 31 and 55 ns), and with a
// thousand sites nothing: what is fetched is a third. So they are shared outside of loops only, and
// from the option's number of equal sites on.
#pragma once

#include <cstdint>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "lir/ir.h"
#include "target/target.h"

namespace tephra {

class SharedCalls {
 public:
  struct Site {
    uint32_t group = 0;
    const lir::Instr* position = nullptr;  // the store of the position before it, or nullptr
    const lir::Instr* call = nullptr;
    const lir::Instr* last = nullptr;  // of the sequence that begins with the call
    std::vector<uint32_t> exits;       // in order
  };

  // With groups of `threshold` sites or more; 0: none.
  SharedCalls(const Target& target, const std::vector<lir::Block*>& blocks, uint32_t threshold);

  // The site whose call this is, or nullptr.
  const Site* siteAt(const lir::Instr& call) const;
  // Is it done in the shared piece (all but the call itself)?
  bool isShared(const lir::Instr& instr) const { return shared_.count(&instr) != 0; }
  // What a piece does where `release`, a BranchRelease, was of the last reference, one by one.
  static const lir::Instr* firstBehind(const lir::Instr* release);
  static const lir::Instr* nextBehind(const lir::Instr& instr);
  static bool isMove(const lir::Instr& instr);
  // The block behind a release that a shared piece does: nobody comes there.
  bool isReplaced(const lir::Block& block) const { return replaced_.count(&block) != 0; }
  // One site of each group, in the order in which they come first.
  const std::vector<const Site*>& groups() const { return groups_; }

 private:
  std::vector<Site> sites_;
  std::vector<const Site*> groups_;
  std::unordered_map<const lir::Instr*, const Site*> by_call_;
  std::unordered_set<const lir::Instr*> shared_;
  std::unordered_set<const lir::Block*> replaced_;
};

}  // namespace tephra
