#include "tools/jit_tool/function_text.h"

#include <algorithm>
#include <cctype>
#include <cstddef>
#include <functional>
#include <set>
#include <sstream>

namespace tephra::tool {
namespace {

bool inWord(char c) { return std::isalnum(static_cast<unsigned char>(c)) || c == '_' || c == '%'; }

// Calls `see(begin, end)` for each word; comments of the printers name no values.
void forEachWord(const std::string& line, const std::function<void(size_t, size_t)>& see) {
  for (size_t at = 0; at < line.size();) {
    if (line.compare(at, 2, "/*") == 0) {
      at = std::min(line.find("*/", at), line.size());
      continue;
    }
    size_t end = at;
    while (end < line.size() && inWord(line[end])) ++end;
    if (end > at) see(at, end);
    at = std::max(end, at + 1);
  }
}

bool isNumbered(const std::string& word, const char* prefix) {
  const size_t size = std::string_view(prefix).size();
  return word.size() > size && word.starts_with(prefix) &&
         word.find_first_not_of("0123456789", size) == std::string::npos;
}

bool isValue(const std::string& word) {
  return isNumbered(word, "v") || isNumbered(word, "g") || isNumbered(word, "f");
}

std::vector<std::string> wordsOf(const std::string& line, bool (*wanted)(const std::string&)) {
  std::vector<std::string> words;
  forEachWord(line, [&](size_t begin, size_t end) {
    std::string word = line.substr(begin, end - begin);
    if (wanted(word)) words.push_back(std::move(word));
  });
  return words;
}

bool isBlockName(const std::string& word) { return isNumbered(word, "bb"); }

size_t definitionEnd(const std::string& line) {
  const size_t equals = line.find(" = ");
  return equals == std::string::npos ? 0 : equals + 3;
}

BlockText* find(std::vector<BlockText>& blocks, const std::string& name) {
  for (BlockText& block : blocks) {
    if (block.name() == name) return &block;
  }
  return nullptr;
}

std::vector<std::string> successorsOf(const BlockText& block) {
  return block.lines.empty() ? std::vector<std::string>() : targetsOf(block.lines.back());
}

std::string joined(const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& word : words) text += (text.empty() ? "" : ", ") + word;
  return text;
}

void dropInput(std::string* phi, size_t index) {
  std::vector<std::string> inputs = operandsOf(*phi);
  if (index >= inputs.size()) return;
  inputs.erase(inputs.begin() + static_cast<std::ptrdiff_t>(index));
  *phi = phi->substr(0, definitionEnd(*phi)) + "Phi " + joined(inputs);
}

}  // namespace

bool hasWord(const std::string& line, const std::string& word) {
  bool found = false;
  forEachWord(line, [&](size_t begin, size_t end) {
    found |= line.compare(begin, end - begin, word) == 0;
  });
  return found;
}

std::string withWord(const std::string& line, const std::string& from, const std::string& to) {
  std::string result;
  size_t copied = 0;
  forEachWord(line, [&](size_t begin, size_t end) {
    if (line.compare(begin, end - begin, from) != 0) return;
    result += line.substr(copied, begin - copied) + to;
    copied = end;
  });
  return result + line.substr(copied);
}

std::string definedBy(const std::string& line, std::string* kind) {
  const size_t end = definitionEnd(line);
  std::vector<std::string> values = wordsOf(line.substr(0, end), isValue);
  if (values.empty()) return "";
  const size_t colon = line.find(':');
  if (kind) {
    *kind = values[0].substr(0, 1);  // of LIR the bank, of HIR the type
    if (colon < end) *kind = line.substr(colon + 1, end - 3 - colon - 1);
  }
  return values[0];
}

std::string operationOf(const std::string& line) {
  const size_t start = line.find_first_not_of(' ', definitionEnd(line));
  if (start == std::string::npos) return "";
  return line.substr(start, line.find_first_of(" \n", start) - start);
}

std::vector<std::string> operandsOf(const std::string& line) {
  return wordsOf(line.substr(definitionEnd(line)), isValue);
}

std::vector<std::string> targetsOf(const std::string& line) { return wordsOf(line, isBlockName); }

std::string BlockText::name() const { return label.substr(0, label.find_first_of(" (:")); }

FunctionText::FunctionText(const std::string& text) {
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);) {
    if (tail.empty() && isNumbered(line.substr(0, line.find_first_of(" (:")), "bb")) {
      blocks.push_back({line, {}});
    } else if (blocks.empty()) {
      head.push_back(line);
    } else if (!tail.empty() || line.starts_with("}") || line.starts_with("exit ")) {
      tail.push_back(line);
    } else {
      blocks.back().lines.push_back(line);
    }
  }
}

std::string FunctionText::text() const {
  std::string all;
  for (const std::string& line : head) all += line + "\n";
  for (const BlockText& block : blocks) {
    all += block.label + "\n";
    for (const std::string& line : block.lines) all += line + "\n";
  }
  for (const std::string& line : tail) all += line + "\n";
  return all;
}

size_t FunctionText::numLines() const {
  size_t lines = head.size() + tail.size();
  for (const BlockText& block : blocks) lines += 1 + block.lines.size();
  return lines;
}

std::vector<std::string> FunctionText::predsOf(const BlockText& block) const {
  const size_t list = block.label.find("(preds ");
  if (list != std::string::npos) return targetsOf(block.label.substr(list));
  std::vector<std::string> preds;
  for (const BlockText& each : blocks) {
    for (const std::string& successor : successorsOf(each)) {
      if (successor == block.name()) preds.push_back(each.name());
    }
  }
  return preds;
}

void FunctionText::removeEdge(const std::string& from, const std::string& to) {
  BlockText* block = find(blocks, to);
  if (block == nullptr) return;
  std::vector<std::string> preds = predsOf(*block);
  auto at = std::find(preds.begin(), preds.end(), from);
  if (at == preds.end()) return;
  const auto index = static_cast<size_t>(at - preds.begin());
  preds.erase(at);
  for (std::string& line : block->lines) {
    if (operationOf(line) == "Phi") dropInput(&line, index);
  }
  const size_t list = block->label.find(" (preds ");
  if (list == std::string::npos) return;
  block->label.resize(list);
  block->label += preds.empty() ? ":" : " (preds " + joined(preds) + "):";
}

void FunctionText::dropUnreachable() {
  if (blocks.empty()) return;
  std::set<std::string> seen{blocks[0].name()};
  std::vector<std::string> work{blocks[0].name()};
  while (!work.empty()) {
    const BlockText* block = find(blocks, work.back());
    work.pop_back();
    if (block == nullptr) continue;
    for (const std::string& to : successorsOf(*block)) {
      if (seen.insert(to).second) work.push_back(to);
    }
  }
  std::vector<BlockText> gone;
  for (const BlockText& block : blocks) {
    if (!seen.count(block.name())) gone.push_back(block);
  }
  for (const BlockText& block : gone) {
    for (const std::string& to : successorsOf(block)) removeEdge(block.name(), to);
  }
  std::erase_if(blocks, [&](const BlockText& block) { return !seen.count(block.name()); });
}

}  // namespace tephra::tool
