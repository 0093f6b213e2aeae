// Purpose: makes HIR instructions at the end of a block; one typed function per row of ops.tbl.
#pragma once

#include <vector>

#include "hir/ir.h"

namespace tephra::hir {

class Builder {
 public:
  explicit Builder(Function* function, Block* block = nullptr)
      : function_(function), block_(block) {}

  Function& function() { return *function_; }
  Block* block() const { return block_; }
  void setBlock(Block* block) {
    block_ = block;
    insert_before_ = nullptr;
  }
  // New instructions go before `at` instead of to the end of the block.
  void setInsertBefore(Instr* at) {
    insert_before_ = at;
    block_ = at->block;
  }
  void setOffset(uint32_t offset) { offset_ = offset; }
  void setScope(uint32_t scope) { scope_ = static_cast<uint16_t>(scope); }
  // New instructions stem from where `instr` does.
  void setPlace(const Instr* instr) {
    offset_ = instr->offset;
    scope_ = instr->scope;
  }

  Instr* Phi(std::span<Instr* const> inputs, Type type) {
    return add(function_->make(Op::kPhi, inputs, type));
  }
  // `values`: the stack, then the overridden locals (named by `locals`), then the parent if any.
  Instr* FrameState(std::span<Instr* const> values, std::span<const uint32_t> locals,
                    uint32_t offset, uint32_t raise_offset, uint32_t nstack) {
    Instr* instr = function_->make(Op::kFrameState, values);
    instr->aux = function_->arena().copy(locals);
    instr->attr[0] = offset;
    instr->attr[1] = raise_offset;
    instr->attr[2] = nstack;
    return add(instr);
  }
#include "hir/builder_ops.gen.h"

 private:
  Instr* add(Instr* instr) {
    instr->offset = offset_;
    instr->scope = scope_;
    if (insert_before_) {
      Function::insertBefore(insert_before_, instr);
    } else {
      Function::append(block_, instr);
    }
    return instr;
  }

  Function* function_;
  Block* block_;
  Instr* insert_before_ = nullptr;
  uint32_t offset_ = 0;
  uint16_t scope_ = kRootScope;
};

}  // namespace tephra::hir
