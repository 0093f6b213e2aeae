// Purpose: makes LIR instructions at the end of a block; one function per row of ops.tbl.
#pragma once

#include <vector>

#include "lir/ir.h"

namespace tephra::lir {

class Builder {
 public:
  explicit Builder(Function* function, Block* block = nullptr)
      : function_(function), block_(block) {}

  Function& function() { return *function_; }
  Block* block() const { return block_; }
  void setBlock(Block* block) { block_ = block; }
  void setPlace(uint32_t offset, uint16_t scope = 0) {
    offset_ = offset;
    scope_ = scope;
  }
  void setOrigin(uint16_t origin) { origin_ = origin; }
#include "lir/builder_ops.gen.h"

 private:
  Instr* add(Instr* instr) {
    instr->bytecode_offset = offset_;
    instr->scope = scope_;
    instr->origin = origin_;
    Function::append(block_, instr);
    return instr;
  }

  Function* function_;
  Block* block_;
  uint32_t offset_ = 0;
  uint16_t origin_ = 0, scope_ = 0;
};

}  // namespace tephra::lir
