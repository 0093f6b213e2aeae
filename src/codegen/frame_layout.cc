#include "codegen/frame_layout.h"

#include <algorithm>

#include "base/check.h"
#include "target/constraints.h"

namespace tephra {

namespace {

constexpr int32_t kWord = 8;

// Words of stack arguments that the call with the most of them needs.
uint32_t stackArgumentWords(const lir::Function& function, const Target& target) {
  uint32_t words = 0;
  for (const lir::Block* block : function.blocks()) {
    for (const lir::Instr* instr = block->first; instr != nullptr; instr = instr->next) {
      if (!instr->info().is_call) continue;
      for (const ArgumentPlace& place : placeArguments(target, *instr)) {
        if (!place.in_register) words = std::max(words, place.stack_word + 1);
      }
    }
  }
  return words;
}

}  // namespace

bool writesPinned(const lir::Function& function, lir::Pinned which) {
  if (which == lir::Pinned::kFrame && function.entries.size() > 1) return true;  // entries set it
  for (const lir::Block* block : function.blocks()) {
    for (const lir::Instr* instr = block->first; instr != nullptr; instr = instr->next) {
      for (const lir::Operand& def : instr->defs) {
        if (def.kind == lir::Operand::kPinned && def.base == static_cast<uint32_t>(which))
          return true;
      }
    }
  }
  return false;
}

NativeFrame layOutFrame(const lir::Function& function, const Target& target) {
  NativeFrame frame;
  int32_t cursor = 0;  // distance below the frame pointer
  for (lir::Bank bank : {lir::Bank::kGp, lir::Bank::kFp}) {
    RegSet used = function.used_callee_saved[static_cast<int>(bank)];
    if (bank == lir::Bank::kGp && writesPinned(function, lir::Pinned::kFrame)) {
      used |= RegSet{1} << target.pinned(lir::Pinned::kFrame);
    }
    for (int reg = 0; reg < target.numRegisters(bank); ++reg) {
      if ((used >> reg & 1) == 0) continue;
      cursor += kWord;
      frame.saved.push_back({bank, static_cast<uint8_t>(reg), -cursor});
    }
  }
  frame.first_slot = -cursor - kWord;
  frame.num_slots = function.num_slots;
  cursor += kWord * static_cast<int32_t>(function.num_slots);
  // What lies below is addressed from the stack pointer, so the padding goes here.
  frame.stack_argument_words = stackArgumentWords(function, target);
  frame.outgoing_words = function.outgoing_words;
  frame.outgoing_offset = frame.stack_argument_words * kWord;
  cursor += kWord * static_cast<int32_t>(frame.stack_argument_words + frame.outgoing_words);
  frame.size = static_cast<uint32_t>((cursor + 15) / 16 * 16);
  TEPHRA_CHECK(checkFrame(frame).empty(), "native frame");
  return frame;
}

std::string checkFrame(const NativeFrame& frame) {
  struct Area {
    int64_t low, high;  // from the frame pointer
    const char* name;
  };
  std::vector<Area> areas;
  int64_t sp = -static_cast<int64_t>(frame.size);
  for (const auto& saved : frame.saved)
    areas.push_back({saved.offset, saved.offset + kWord, "saved register"});
  if (frame.num_slots != 0) {
    areas.push_back(
        {frame.slotOffset(frame.num_slots - 1), frame.first_slot + kWord, "spill slots"});
  }
  int64_t outgoing = sp + frame.outgoing_offset;
  areas.push_back({sp, sp + kWord * int64_t{frame.stack_argument_words}, "stack arguments"});
  areas.push_back({outgoing, outgoing + kWord * int64_t{frame.outgoing_words}, "outgoing area"});
  if (frame.size % 16 != 0) return "the stack pointer is not aligned";
  for (size_t i = 0; i < areas.size(); ++i) {
    if (areas[i].low < sp || areas[i].high > 0)
      return std::string(areas[i].name) + " outside the frame";
    for (size_t j = 0; j < i; ++j) {
      if (areas[i].low < areas[j].high && areas[j].low < areas[i].high) {
        return std::string(areas[i].name) + " overlaps " + areas[j].name;
      }
    }
  }
  return "";
}

}  // namespace tephra
