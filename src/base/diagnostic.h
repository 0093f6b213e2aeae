// Purpose: what a checker of the IR found, with the place it concerns, so that the printers can
// show it there. One template for HIR and LIR.
#pragma once

#include <map>
#include <span>
#include <string>
#include <vector>

namespace tephra {

template <typename Block, typename Instr>
struct Diagnostic {
  const Block* block = nullptr;  // null: the function as a whole
  const Instr* instr = nullptr;  // null: the block
  std::string message;           // what is wrong
  std::string line;              // the same with the place, for where no function is shown
};

template <typename Block, typename Instr>
std::vector<std::string> linesOf(const std::vector<Diagnostic<Block, Instr>>& diagnostics) {
  std::vector<std::string> lines;
  for (const auto& diagnostic : diagnostics) lines.push_back(diagnostic.line);
  return lines;
}

// The lines that a printer puts below a place. They are comments to the parsers.
template <typename Block, typename Instr>
class Annotations {
 public:
  explicit Annotations(std::span<const Diagnostic<Block, Instr>> diagnostics) {
    for (const auto& diagnostic : diagnostics) {
      const void* place = diagnostic.block;
      if (diagnostic.instr != nullptr) place = diagnostic.instr;
      texts_[place] += "  // error: " + diagnostic.message + "\n";
    }
  }
  // Below the instruction, the block's label, or (nullptr) the function's first line.
  std::string below(const void* place) const {
    auto found = texts_.find(place);
    return found == texts_.end() ? "" : found->second;
  }

 private:
  std::map<const void*, std::string> texts_;
};

}  // namespace tephra
