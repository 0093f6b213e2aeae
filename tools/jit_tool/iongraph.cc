#include "tools/jit_tool/iongraph.h"

#include <fmt/format.h>

#include <map>
#include <utility>

#include "hir/dominators.h"
#include "lower/lower.h"
#include "passes/pipeline.h"
#include "regalloc/regalloc.h"
#include "tools/jit_tool/input.h"

namespace tephra::tool {
namespace {

std::string quoted(const std::string& text) {
  std::string result = "\"";
  for (char c : text) {
    if (c == '"' || c == '\\') result += '\\';
    if (static_cast<unsigned char>(c) < ' ')
      result += fmt::format("\\u{:04x}", static_cast<unsigned>(c));
    else
      result += c;
  }
  return result + "\"";
}

// The elements, each as text(element), as a list.
template <typename Range, typename Text>
std::string list(const Range& elements, Text text) {
  std::string all;
  for (const auto& element : elements) all += (all.empty() ? "" : ",") + text(element);
  return "[" + all + "]";
}

template <typename Block>
std::string number(const Block* block) {
  return std::to_string(block->id);
}

// --- HIR

// How many loops each block is in: headers that dominate it and that it can go back to.
std::map<const hir::Block*, int> loopDepths(const hir::Function& function) {
  std::map<const hir::Block*, int> depths;
  hir::Dominators dominators(function);
  for (const hir::Block* header : function.blocks()) {
    std::map<const hir::Block*, bool> in_loop{{header, true}};
    std::vector<const hir::Block*> work;
    for (const hir::Block* pred : header->preds) {
      if (dominators.dominates(header, pred)) work.push_back(pred);
    }
    if (work.empty()) continue;
    while (!work.empty()) {
      const hir::Block* block = work.back();
      work.pop_back();
      if (std::exchange(in_loop[block], true)) continue;
      work.insert(work.end(), block->preds.begin(), block->preds.end());
    }
    for (const auto& [block, in] : in_loop) depths[block] += in ? 1 : 0;
  }
  return depths;
}

std::string hirInstruction(const hir::Instr& instr, const std::vector<const hir::Instr*>& users) {
  std::string attributes;
  if (instr.info().can_deopt) attributes = "\"Guard\"";
  // The opcode is shown as it stands: the text behind the result, operands and attributes.
  std::string text = hir::print(instr);
  if (const size_t equals = text.find(" = "); equals != std::string::npos)
    text.erase(0, equals + 3);
  auto id = [](const hir::Instr* value) { return std::to_string(value->id); };
  return fmt::format(
      R"({{"id":{},"opcode":{},"attributes":[{}],"inputs":{},"uses":{},"memInputs":[],"type":{}}})",
      instr.id, quoted(text), attributes, list(instr.operands, id), list(users, id),
      quoted(instr.type.rep == hir::Rep::kNone ? "None" : hir::typeName(instr.type)));
}

std::string hirBlocks(const hir::Function& function) {
  std::map<const hir::Instr*, std::vector<const hir::Instr*>> users;
  for (const hir::Block* block : function.blocks()) {
    for (const hir::Instr* instr = block->first; instr; instr = instr->next) {
      for (const hir::Instr* operand : instr->operands) users[operand].push_back(instr);
    }
  }
  std::map<const hir::Block*, int> depths = loopDepths(function);
  hir::Dominators dominators(function);
  return list(function.blocks(), [&](const hir::Block* block) {
    std::vector<const hir::Instr*> instructions;
    for (const hir::Instr* instr = block->first; instr; instr = instr->next)
      instructions.push_back(instr);
    std::vector<const char*> attributes;
    if (block->is_loop_header) attributes.push_back("loopheader");
    for (const hir::Block* succ : block->succs()) {
      if (dominators.dominates(succ, block)) attributes.push_back("backedge");
    }
    return fmt::format(
        R"({{"number":{},"loopDepth":{},"attributes":{},"predecessors":{},"successors":{},)"
        R"("instructions":{}}})",
        block->id, depths[block], list(attributes, quoted), list(block->preds, number<hir::Block>),
        list(block->succs(), number<hir::Block>), list(instructions, [&](const hir::Instr* instr) {
          return hirInstruction(*instr, users[instr]);
        }));
  });
}

// --- LIR

std::string lirBlocks(const lir::Function& function) {
  size_t next = 0;  // instructions have no numbers that last
  return list(function.blocks(), [&](const lir::Block* block) {
    std::vector<const lir::Instr*> instructions;
    for (const lir::Instr* instr = block->first; instr; instr = instr->next)
      instructions.push_back(instr);
    return fmt::format(R"({{"number":{},"instructions":{}}})", block->id,
                       list(instructions, [&](const lir::Instr* instr) {
                         return fmt::format(R"({{"id":{},"opcode":{},"defs":[]}})", next++,
                                            quoted(lir::print(*instr)));
                       }));
  });
}

// The passes of one function, in order.
class Graphs {
 public:
  void add(const std::string& pass, const hir::Function& function) {
    hir_ = hirBlocks(function);
    append(pass, "[]");
  }
  void add(const std::string& phase, const lir::Function& function) {
    append(phase, lirBlocks(function));
  }
  void print(const std::string& name) const {
    fmt::print("{{\"functions\":[{{\"name\":{},\"passes\":[\n{}\n]}}]}}\n", quoted(name), passes_);
  }

 private:
  void append(const std::string& name, const std::string& lir) {
    passes_ += fmt::format("{}{{\"name\":{},\"mir\":{{\"blocks\":{}}},\"lir\":{{\"blocks\":{}}}}}",
                           passes_.empty() ? "" : ",\n", quoted(name), hir_, lir);
  }

  std::string hir_, passes_;
};

}  // namespace

int iongraph(const std::string& file, const Arguments& arguments) {
  std::string text;
  if (int status = readInput(file, arguments, &text)) return status;
  if (isLir(text)) return complain(file, "graphs start from HIR; this is LIR", kUnusable);
  HirInput input;
  if (int status = loadHir(file, text, arguments.layout, &input)) return status;
  Graphs graphs;
  passes::PassContext context;
  context.options.verify = true;
  for (const std::string& name : arguments.without) context.options.disable(name);
  context.dump = [&](const char* pass, const hir::Function& function) {
    graphs.add(pass[0] == '\0' ? "input" : pass, function);
  };
  passes::runPipeline(*input.function, context);
  for (const std::string& line : context.errors) complain(file, line, kWrong);
  if (!context.errors.empty()) return kWrong;
  lir::PhaseContext phases;
  phases.without = arguments.without;
  phases.dump = [&](const char* phase, const lir::Function& function) {
    graphs.add(phase, function);
  };
  auto lowered = lowerToLir(*input.function, *arguments.target, {}, phases);
  if (!lowered) return complain(file, lowered.bailout().detail, kWrong);
  auto allocated =
      regalloc::allocateRegisters(**lowered, *arguments.target, arguments.allocation, phases);
  if (!allocated) return complain(file, allocated.bailout().detail, kWrong);
  graphs.print(input.function->name);
  return kGood;
}

}  // namespace tephra::tool
