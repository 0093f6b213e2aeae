// Purpose: a function's text as blocks of lines and lines of words, HIR and LIR alike. It need not
// be right, only laid out as the printers do: a reducer works on what no stage accepts.
#pragma once

#include <string>
#include <vector>

namespace tephra::tool {

struct BlockText {
  std::string label;               // "bb3 cold (preds bb0):"
  std::vector<std::string> lines;  // the last one names the successors

  std::string name() const;  // "bb3"
};

struct FunctionText {
  std::vector<std::string> head;  // comments, "fun f {"
  std::vector<BlockText> blocks;
  std::vector<std::string> tail;  // LIR's exit records, "}"

  explicit FunctionText(const std::string& text);
  std::string text() const;
  size_t numLines() const;

  // Of HIR: the label's list, or what the parser makes of a label without one.
  std::vector<std::string> predsOf(const BlockText& block) const;
  // One edge less; its input of the phis goes, too.
  void removeEdge(const std::string& from, const std::string& to);
  void dropUnreachable();
};

// A word stands between characters that are neither letters, digits, '_' nor '%'.
bool hasWord(const std::string& line, const std::string& word);
std::string withWord(const std::string& line, const std::string& from, const std::string& to);

// What an instruction defines: v7, g12; "" for none. `kind`: what may stand for each other.
std::string definedBy(const std::string& line, std::string* kind = nullptr);
std::string operationOf(const std::string& line);
std::vector<std::string> operandsOf(const std::string& line);  // values that it uses
std::vector<std::string> targetsOf(const std::string& line);   // blocks that it names

}  // namespace tephra::tool
