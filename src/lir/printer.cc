// The text form of the LIR; parser.cc reads it back.
#include <fmt/format.h>

#include <cmath>

#include "lir/ir.h"
#include "metadata/helpers.h"

namespace tephra::lir {
namespace {

std::string baseText(uint8_t kind, uint32_t number) {
  switch (kind) {
    case Operand::kVReg: return fmt::format("g{}", number);
    case Operand::kReg: return fmt::format("%{}", number);
    case Operand::kPinned: return number == 0 ? "thread" : "frame";
    default: return fmt::format("?{}", number);
  }
}

std::string memText(const Operand& o) {
  std::string text = "[";
  bool any = false;
  if (o.base_kind != Operand::kNone) {
    text += baseText(o.base_kind, o.base);
    any = true;
  }
  if (o.index_kind != Operand::kNone) {
    text +=
        fmt::format("{}{}*{}", any ? " + " : "", baseText(o.index_kind, o.index), 1u << o.scale);
    any = true;
  }
  if (!any) return text + fmt::format("{}]", o.disp);
  if (o.disp > 0) text += fmt::format(" + {}", o.disp);
  if (o.disp < 0) text += fmt::format(" - {}", -int64_t{o.disp});
  return text + "]";
}

std::string operandText(const Operand& o) {
  bool fp = o.bank == Bank::kFp;
  switch (o.kind) {
    case Operand::kNone: return "_";
    case Operand::kVReg: return fmt::format("{}{}", fp ? 'f' : 'g', o.base);
    case Operand::kImm: return fp ? fmt::format("#{:#x}", o.bits) : fmt::format("{}", o.immValue());
    case Operand::kMem: return memText(o);
    case Operand::kPinned: return baseText(Operand::kPinned, o.base);
    case Operand::kReg: return fmt::format("{}{}", fp ? "%f" : "%", o.base);
    case Operand::kSlot: return fmt::format("{}{}", fp ? "fslot" : "slot", o.base);
  }
  return "?";
}

template <typename Operands>
std::string listText(const Operands& operands) {
  std::string text;
  for (const Operand& operand : operands) {
    if (!text.empty()) text += ", ";
    text += operandText(operand);
  }
  return text;
}

std::string attrText(const AttrInfo& info, uint64_t value) {
  switch (info.kind) {
    case AttrKind::kU32:
      if (std::string_view(info.name) == "helper" &&
          value < static_cast<uint64_t>(Helper::kCount)) {
        return helperInfo(static_cast<Helper>(value)).name;
      }
      return fmt::format("{}", value);
    case AttrKind::kI64: return fmt::format("{}", static_cast<int64_t>(value));
    case AttrKind::kU64: return fmt::format("{:#x}", value);
    case AttrKind::kF64: {
      double number = std::bit_cast<double>(value);
      return std::isfinite(number) ? fmt::format("{}", number) : fmt::format("{:#x}", value);
    }
    case AttrKind::kBool: return value ? "true" : "false";
    case AttrKind::kCond: return condName(static_cast<Cond>(value));
  }
  return "?";
}

std::string locationText(const ValueLocation& location) {
  static constexpr const char* kForms[] = {"", ":int64", ":double", ":bool"};
  std::string text;
  switch (location.where) {
    case ValueLocation::kGp: text = fmt::format("%{}", location.reg); break;
    case ValueLocation::kFp: text = fmt::format("%f{}", location.reg); break;
    case ValueLocation::kSpill: text = fmt::format("#{}", location.offset); break;
    case ValueLocation::kConstant: text = fmt::format("{:#x}", location.bits); break;
    case ValueLocation::kNull: text = "null"; break;
  }
  return text + kForms[location.form] + (location.owned ? ":owned" : "");
}

std::string exitText(const ExitRecord& record) {
  std::string text =
      fmt::format("{} {} line={}", record.kind == ExitKind::kDeopt ? "deopt" : "raise",
                  exitReasonName(record.reason), record.line_offset);
  if (record.has_culprit) text += " culprit=" + locationText(record.culprit);
  for (const ExitFrame& frame : record.frames) {
    text += " frame(";
    if (frame.scope) text += fmt::format("scope={} ", frame.scope);
    text += fmt::format("offset={} raise={} stack=[", frame.offset, frame.raise_offset);
    for (size_t i = 0; i < frame.stack.size(); ++i) {
      text += (i ? ", " : "") + locationText(frame.stack[i]);
    }
    text += "] locals=[";
    for (size_t i = 0; i < frame.locals.size(); ++i) {
      const auto& [local, at] = frame.locals[i];
      const std::string name = local == kFrameFunction ? "function" : fmt::format("{}", local);
      text += fmt::format("{}{}={}", i ? ", " : "", name, locationText(at));
    }
    text += "])";
  }
  text += " drops=[";
  for (size_t i = 0; i < record.drops.size(); ++i)
    text += (i ? ", " : "") + locationText(record.drops[i]);
  text += "]";
  if (record.count) text += fmt::format(" count={}", record.count);
  return text;
}

}  // namespace

std::string print(const Instr& instr) {
  const OpInfo& info = instr.info();
  std::string text;
  if (!instr.defs.empty()) text = listText(instr.defs) + " = ";
  text += info.name;
  std::string operands;
  if (instr.op == Op::kJump) {
    // The verifier shows jumps that lack their target.
    operands = instr.targets[0] ? fmt::format("bb{}", instr.targets[0]->id) : "bb?";
    if (!instr.uses.empty()) operands += "(" + listText(instr.uses) + ")";
  } else {
    operands = listText(instr.uses);
    for (int i = 0; i < instr.numTargets(); ++i) {
      operands += fmt::format("{}bb{}", operands.empty() ? "" : ", ", instr.targets[i]->id);
    }
  }
  if (!operands.empty()) text += " " + operands;
  if (!info.attrs.empty()) {
    text += " {";
    for (size_t i = 0; i < info.attrs.size(); ++i) {
      text += fmt::format("{}{}={}", i ? ", " : "", info.attrs[i].name,
                          attrText(info.attrs[i], instr.attr[i]));
    }
    text += "}";
  }
  if (instr.bytecode_offset || instr.scope) text += fmt::format(" @{}", instr.bytecode_offset);
  if (instr.scope) text += fmt::format("/{}", instr.scope);
  return text;
}

std::string print(const Function& function) { return print(function, {}); }

std::string print(const Function& function, std::span<const Diagnostic> diagnostics) {
  const Annotations<Block, Instr> errors(diagnostics);
  std::string text = fmt::format("fun {} params={} outgoing={}", function.name, function.num_params,
                                 function.outgoing_words);
  if (function.num_slots) text += fmt::format(" slots={}", function.num_slots);
  if (function.used_callee_saved[0] || function.used_callee_saved[1]) {
    text += fmt::format(" saved={:#x},{:#x}", function.used_callee_saved[0],
                        function.used_callee_saved[1]);
  }
  text += " {\n" + errors.below(nullptr);
  for (const Block* block : function.blocks()) {
    text += fmt::format("bb{}", block->id);
    if (!block->params.empty()) text += "(" + listText(block->params) + ")";
    if (block->cold) text += " cold";
    if (block->loop_depth) text += fmt::format(" depth={}", block->loop_depth);
    text += ":\n" + errors.below(block);
    for (const Instr* instr = block->first; instr; instr = instr->next) {
      text += "  " + print(*instr) + "\n" + errors.below(instr);
    }
  }
  for (size_t i = 0; i < function.scopes.size(); ++i) {
    const CodeScope& scope = function.scopes[i];
    text += fmt::format("scope {} {}\n", i, frameOriginName(scope.frame));
  }
  for (size_t i = 0; i < function.entries.size(); ++i) {
    text += fmt::format("entry {} {} @{}\n", i, entryKindName(function.entries[i].kind),
                        function.entries[i].offset);
  }
  for (size_t i = 0; i < function.exits.size(); ++i) {
    text += fmt::format("exit {} {{{}}}\n", i, exitText(function.exits[i]));
  }
  return text + "}\n";
}

}  // namespace tephra::lir
