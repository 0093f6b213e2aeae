#include "codegen/exit_locations.h"

#include <string_view>

#include "target/constraints.h"

namespace tephra {

using lir::Instr;
using lir::Operand;

namespace {

int exitAttribute(const Instr& instr) {
  const auto& attributes = instr.info().attrs;
  for (size_t i = 0; i < attributes.size(); ++i) {
    if (std::string_view(attributes[i].name) == "exit") return static_cast<int>(i);
  }
  return -1;
}

bool place(ValueLocation* location, std::span<const Operand> values, const Target& target,
           const NativeFrame& frame) {
  if (location->where != ValueLocation::kSpill) return true;  // constant or null: no operand
  auto index = static_cast<size_t>(location->offset);
  if (location->offset < 0 || index >= values.size()) return false;
  const Operand& value = values[index];
  location->offset = 0;
  switch (value.kind) {
    case Operand::kReg:
      location->where = value.bank == lir::Bank::kGp ? ValueLocation::kGp : ValueLocation::kFp;
      location->reg = static_cast<uint8_t>(value.base);
      return true;
    case Operand::kPinned:
      location->where = ValueLocation::kGp;
      location->reg = target.pinned(static_cast<lir::Pinned>(value.base));
      return true;
    case Operand::kSlot:
      location->where = ValueLocation::kSpill;
      location->offset = frame.slotOffset(value.base);
      return value.base < frame.num_slots;
    case Operand::kImm:
      location->where = ValueLocation::kConstant;
      location->bits = value.bits;
      return true;
    case Operand::kNone:
    case Operand::kVReg:
    case Operand::kMem: return false;
  }
  return false;
}

bool placeAll(ExitRecord* record, std::span<const Operand> values, const Target& target,
              const NativeFrame& frame) {
  bool good = !record->has_culprit || place(&record->culprit, values, target, frame);
  for (ExitFrame& one : record->frames) {
    for (ValueLocation& location : one.stack)
      good = good && place(&location, values, target, frame);
    for (auto& [home, location] : one.locals)
      good = good && place(&location, values, target, frame);
  }
  for (ValueLocation& location : record->drops)
    good = good && place(&location, values, target, frame);
  return good;
}

bool sameValues(std::span<const Operand> a, std::span<const Operand> b) {
  if (a.size() != b.size()) return false;
  for (size_t i = 0; i < a.size(); ++i) {
    if (a[i].kind != b[i].kind || a[i].bank != b[i].bank || a[i].bits != b[i].bits) return false;
  }
  return true;
}

}  // namespace

bool fillExitLocations(lir::Function* function, const Target& target, const NativeFrame& frame) {
  const std::vector<ExitRecord> originals = function->exits;
  std::vector<const Instr*> owner(originals.size(), nullptr);
  for (lir::Block* block : function->blocks()) {
    for (Instr* instr = block->first; instr != nullptr; instr = instr->next) {
      if (!instr->info().has_exit) continue;
      int attribute = exitAttribute(*instr);
      uint32_t exit = instr->u32(attribute);
      if (exit >= originals.size()) return false;
      auto values = std::span<const Operand>(instr->uses).subspan(firstVariadic(*instr));
      if (owner[exit] != nullptr) {
        auto theirs =
            std::span<const Operand>(owner[exit]->uses).subspan(firstVariadic(*owner[exit]));
        if (sameValues(values, theirs)) continue;
        function->exits.push_back(originals[exit]);
        instr->attr[attribute] = function->exits.size() - 1;
      } else {
        owner[exit] = instr;
      }
      if (!placeAll(&function->exits[instr->u32(attribute)], values, target, frame)) return false;
    }
  }
  return true;
}

}  // namespace tephra
