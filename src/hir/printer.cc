// HIR as text. The grammar is in tests/hir/README.md; parser.cc is the inverse.
#include "hir/attr_text.h"
#include "hir/ir.h"

namespace tephra::hir {
namespace {

std::string valueName(const Instr* value) { return value ? "v" + std::to_string(value->id) : "v?"; }

std::string blockName(const Block* block) {
  return block ? "bb" + std::to_string(block->id) : "bb?";
}

// The object's text as a comment; "*/" must not end it early, nor a line break split the line.
std::string objectComment(const CodeUnit* unit, uint64_t ref) {
  if (!unit || ref >= unit->objects.size() || unit->objects[ref].text.empty()) return "";
  std::string text;
  for (char c : unit->objects[ref].text) {
    bool plain = c >= ' ' && c < 127 && c != '/' && c != '*';
    text += plain ? c : '.';
  }
  return " /*" + text + "*/";
}

void printList(std::string& out, const char* open, std::span<Instr* const> values) {
  out += open;
  for (size_t i = 0; i < values.size(); ++i) {
    if (i) out += ", ";
    out += valueName(values[i]);
  }
  out += ")";
}

void printAttrs(std::string& out, const Instr& instr, const CodeUnit* unit) {
  const OpInfo& info = instr.info();
  if (info.attrs.empty()) return;
  out += " {";
  for (size_t i = 0; i < info.attrs.size(); ++i) {
    if (i) out += ", ";
    out += info.attrs[i].name;
    out += "=" + attrText(info.attrs[i].kind, instr.attr[i]);
    if (info.attrs[i].kind == AttrKind::kObj) out += objectComment(unit, instr.attr[i]);
  }
  out += "}";
}

std::string printInstr(const Instr& instr, const CodeUnit* unit) {
  std::string out;
  if (instr.type.rep != Rep::kNone) {
    out += valueName(&instr) + ":" + typeName(instr.type) + " = ";
  }
  out += instr.info().name;
  const char* separator = " ";
  for (const Instr* operand : instr.operands) {
    out += separator + valueName(operand);
    separator = ", ";
  }
  for (const Block* target : instr.targets) {
    out += separator + blockName(target);
    separator = ", ";
  }
  printAttrs(out, instr, unit);
  if (!instr.aux.empty()) {
    out += " aux[";
    for (size_t i = 0; i < instr.aux.size(); ++i) {
      if (i) out += ", ";
      out += instr.aux[i] == kParentState     ? "parent"
             : instr.aux[i] == kFrameFunction ? "function"
                                              : std::to_string(instr.aux[i]);
    }
    out += "]";
  }
  if (!instr.exit_owned.empty()) printList(out, " owned(", instr.exit_owned);
  if (instr.lent) {
    out += " lent(";
    for (size_t i = 0, shown = 0; i < kMaxLent; ++i) {
      if (instr.isLent(i)) out += (shown++ ? ", " : "") + std::to_string(i);
    }
    out += ")";
  }
  if (instr.offset || instr.scope) out += " @" + std::to_string(instr.offset);
  if (instr.scope) out += "/" + std::to_string(instr.scope);
  return out;
}

std::string scopeText(const Function& function, size_t number) {
  const Scope& scope = function.scopes()[number];
  return "scope " + std::to_string(number) + " in " + std::to_string(scope.parent) + " @" +
         std::to_string(scope.call_offset) + " " + frameOriginName(scope.frame) + " " + scope.name +
         "\n";
}

}  // namespace

std::string print(const Instr& instr) { return printInstr(instr, nullptr); }

std::string print(const Function& function) { return print(function, {}); }

std::string print(const Function& function, std::span<const Diagnostic> diagnostics) {
  const Annotations<Block, Instr> errors(diagnostics);
  std::string out = "fun " + function.name + " {\n" + errors.below(nullptr);
  for (size_t i = 1; i < function.scopes().size(); ++i) out += scopeText(function, i);
  for (const Block* block : function.blocks()) {
    out += blockName(block);
    if (block->cold) out += " cold";
    if (block->is_loop_header) out += " loop";
    if (!block->preds.empty()) {
      out += " (preds ";
      for (size_t i = 0; i < block->preds.size(); ++i) {
        if (i) out += ", ";
        out += blockName(block->preds[i]);
      }
      out += ")";
    }
    out += ":\n" + errors.below(block);
    for (const Instr* instr = block->first; instr; instr = instr->next) {
      out += "  " + printInstr(*instr, function.scopeOf(instr).unit) + "\n" + errors.below(instr);
    }
  }
  return out + "}\n";
}

}  // namespace tephra::hir
