// Purpose: how many instructions a function's code has, and where: the code is cut into segments
// whose instructions are all executed as often; each segment has a name that is the same on every
// machine, and, in counting code, a counter. So one run gives the exact number of executed
// instructions for the machine that ran, and, where names meet, for the other one too.
// Names: "b7" begins block 7, "e7-9" the edge from 7 to 9 (also an inserted block on it),
// "b7.Decref#2.1" the part behind the first branch or label within the third Decref of block 7,
// "b7.Decref#2.end" what follows that operation, "….cold.1" its deferred part, "exit4" an exit.
// Invariant: a segment begins at every label and behind every branch.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "lir/ir.h"

namespace tephra {

struct TallyRow {
  std::string operation;  // of LIR, or the part of the code
  uint16_t origin = 0;    // of HIR, as lir::Instr::origin
  uint32_t instructions = 0, bytes = 0;
};

struct Tally {
  struct Segment {
    std::string name;
    std::vector<TallyRow> rows;
  };
  std::vector<Segment> segments;
  // Further names: where an operation without branches ends, the segment that it ends in.
  std::map<std::string, uint32_t> aliases;
};

struct TallyOptions {
  bool on = false;
  uint64_t counters = 0;  // address of 64-bit words, one per segment; 0: the code does not count
  uint32_t capacity = 0;  // of them
  uint32_t first_inserted_block = UINT32_MAX;  // blocks from this id on are register allocation's
  const lir::Function* function = nullptr;
  // Instructions of the shared stubs.
  uint32_t decref_stub = 0, exit_stub = 0, push_stub = 0, pop_stub = 0;
};

class Tallier {
 public:
  explicit Tallier(const TallyOptions& options = {});

  bool on() const { return options_.on; }
  const TallyOptions& options() const { return options_; }

  // Where the code is that follows. Each takes effect with the next instruction.
  void part(const std::string& name);
  void block(const lir::Block* block);
  void instr(const lir::Instr& instr);
  void endInstr();
  // Behind a branch of block `from`, on the way to `to`.
  void edge(const lir::Block* from, const lir::Block* to);
  // At a label, and behind a branch.
  void split();

  // The context of an operation's deferred part.
  struct Context {
    std::string prefix, operation;
    uint16_t origin = 0;
    uint32_t events = 0;
  };
  Context deferred() const;
  void enter(Context context);

  // Does a segment begin here? Then its number.
  bool pending() const { return pending_; }
  uint32_t begin();
  bool overflow() const {
    return options_.counters != 0 && tally_.segments.size() > options_.capacity;
  }

  void add(uint32_t bytes);
  // A call of a shared stub runs so many instructions there.
  void addStub(const char* name, uint32_t instructions);

  Tally take() { return std::move(tally_); }

 private:
  std::string blockName(const lir::Block* block) const;
  TallyRow& row(const std::string& operation);

  TallyOptions options_;
  std::map<uint32_t, std::string> inserted_;  // blocks: edge names
  Tally tally_;
  Context context_;
  bool pending_ = false;
  std::string pending_name_;
  uint32_t current_ = 0;
  std::string block_name_;
  std::map<lir::Op, uint32_t> seen_;
};

}  // namespace tephra
