#include "lir/ir.h"

#include <iterator>

#include "base/check.h"

namespace tephra::lir {
namespace {
constexpr const char* kCondNames[] = {"eq", "ne",  "lt",  "le",  "gt",
                                      "ge", "ult", "ule", "ugt", "uge"};
}  // namespace

Cond negate(Cond cond) {
  switch (cond) {
    case Cond::kEq: return Cond::kNe;
    case Cond::kNe: return Cond::kEq;
    case Cond::kLt: return Cond::kGe;
    case Cond::kLe: return Cond::kGt;
    case Cond::kGt: return Cond::kLe;
    case Cond::kGe: return Cond::kLt;
    case Cond::kULt: return Cond::kUGe;
    case Cond::kULe: return Cond::kUGt;
    case Cond::kUGt: return Cond::kULe;
    case Cond::kUGe: return Cond::kULt;
  }
  return cond;
}

Cond swapOperands(Cond cond) {
  switch (cond) {
    case Cond::kEq: return Cond::kEq;
    case Cond::kNe: return Cond::kNe;
    case Cond::kLt: return Cond::kGt;
    case Cond::kLe: return Cond::kGe;
    case Cond::kGt: return Cond::kLt;
    case Cond::kGe: return Cond::kLe;
    case Cond::kULt: return Cond::kUGt;
    case Cond::kULe: return Cond::kUGe;
    case Cond::kUGt: return Cond::kULt;
    case Cond::kUGe: return Cond::kULe;
  }
  return cond;
}

const char* condName(Cond cond) {
  size_t number = static_cast<size_t>(cond);
  return number < std::size(kCondNames) ? kCondNames[number] : "?";
}

bool condFromName(const std::string& name, Cond* out) {
  for (size_t i = 0; i < std::size(kCondNames); ++i) {
    if (name == kCondNames[i]) {
      *out = static_cast<Cond>(i);
      return true;
    }
  }
  return false;
}

uint32_t Instr::exitIndex() const {
  const OpInfo& row = info();
  for (size_t i = 0; i < row.attrs.size(); ++i) {
    if (std::string_view(row.attrs[i].name) == "exit") return static_cast<uint32_t>(attr[i]);
  }
  TEPHRA_CHECK(false, "the operation has an exit");
}

Function::~Function() {
  for (Block* block : blocks_) delete block;
}

Block* Function::newBlock(uint32_t id) {
  Block* block = new Block;
  block->id = id;
  if (id >= next_block_) next_block_ = id + 1;
  blocks_.push_back(block);
  return block;
}

void Function::declareVReg(uint32_t id, Bank bank) {
  if (id >= banks_.size()) banks_.resize(id + 1, Bank::kGp);
  banks_[id] = bank;
}

Instr* Function::make(Op op, std::span<const Operand> defs, std::span<const Operand> uses) {
  Instr* instr = arena_.make<Instr>();
  instr->op = op;
  instr->defs = arena_.copy(defs);
  instr->uses = arena_.copy(uses);
  return instr;
}

void Function::append(Block* block, Instr* instr) {
  instr->block = block;
  instr->prev = block->last;
  instr->next = nullptr;
  (block->last ? block->last->next : block->first) = instr;
  block->last = instr;
}

void Function::insertBefore(Instr* at, Instr* instr) {
  instr->block = at->block;
  instr->prev = at->prev;
  instr->next = at;
  (at->prev ? at->prev->next : at->block->first) = instr;
  at->prev = instr;
}

void Function::insertAfter(Instr* at, Instr* instr) {
  instr->block = at->block;
  instr->prev = at;
  instr->next = at->next;
  (at->next ? at->next->prev : at->block->last) = instr;
  at->next = instr;
}

void Function::remove(Instr* instr) {
  (instr->prev ? instr->prev->next : instr->block->first) = instr->next;
  (instr->next ? instr->next->prev : instr->block->last) = instr->prev;
  instr->prev = instr->next = nullptr;
  instr->block = nullptr;
}

}  // namespace tephra::lir
