#include "tools/jit_tool/shrink.h"

#include <algorithm>
#include <cctype>
#include <cstddef>
#include <set>

namespace tephra::tool {
namespace {

// The place of an instruction: block, line.
struct Place {
  size_t block, line;
};

std::string& lineAt(FunctionText& function, Place place) {
  return function.blocks[place.block].lines[place.line];
}

bool tryOne(FunctionText* function, FunctionText smaller, const Accept& accept) {
  if (!accept(smaller)) return false;
  *function = std::move(smaller);
  return true;
}

std::vector<Place> instructions(const FunctionText& function) {
  std::vector<Place> places;
  for (size_t b = 0; b < function.blocks.size(); ++b) {
    for (size_t i = 0; i < function.blocks[b].lines.size(); ++i) places.push_back({b, i});
  }
  return places;
}

void replaceEverywhere(FunctionText* function, const std::string& from, const std::string& to) {
  for (BlockText& block : function->blocks) {
    block.label = withWord(block.label, from, to);
    for (std::string& line : block.lines) line = withWord(line, from, to);
  }
}

// What was defined last before `place`, of the same kind; "" if nothing was.
std::string valueBefore(FunctionText& function, Place place, const std::string& kind) {
  std::string found;
  for (Place each : instructions(function)) {
    if (each.block > place.block || (each.block == place.block && each.line >= place.line)) break;
    std::string its_kind, value = definedBy(lineAt(function, each), &its_kind);
    if (!value.empty() && its_kind == kind) found = value;
  }
  return found;
}

// Without the instruction; uses of its result name `instead`.
FunctionText withoutInstruction(FunctionText function, Place place, const std::string& instead) {
  const std::string value = definedBy(lineAt(function, place));
  auto& lines = function.blocks[place.block].lines;
  lines.erase(lines.begin() + static_cast<std::ptrdiff_t>(place.line));
  if (!value.empty() && !instead.empty()) replaceEverywhere(&function, value, instead);
  return function;
}

// Several at once, from the last to the first so that places stay what they are.
FunctionText withoutInstructions(FunctionText function, const std::vector<Place>& places) {
  for (auto place = places.rbegin(); place != places.rend(); ++place) {
    std::string kind;
    definedBy(lineAt(function, *place), &kind);
    std::string instead = valueBefore(function, *place, kind);
    function = withoutInstruction(std::move(function), *place, instead);
  }
  return function;
}

bool isTerminator(const FunctionText& function, Place place) {
  return place.line + 1 == function.blocks[place.block].lines.size();
}

// One instruction, its uses served by what it used or by what came before.
bool dropOne(FunctionText* function, Place place, const Accept& accept) {
  std::string kind;
  const std::string line = lineAt(*function, place);
  const std::string value = definedBy(line, &kind);
  std::vector<std::string> substitutes;
  if (!value.empty()) {
    substitutes = operandsOf(line);
    substitutes.push_back(valueBefore(*function, place, kind));
  }
  substitutes.insert(substitutes.begin(), "");
  std::set<std::string> tried;
  for (const std::string& instead : substitutes) {
    if (instead == value && !value.empty()) continue;
    if (!tried.insert(instead).second) continue;
    if (tryOne(function, withoutInstruction(*function, place, instead), accept)) return true;
  }
  return false;
}

// --- words and lists of one line

// Where the items of the list that opens at `open` begin and end.
std::vector<std::pair<size_t, size_t>> itemsOf(const std::string& line, size_t open) {
  std::vector<std::pair<size_t, size_t>> items;
  size_t from = open + 1;
  int depth = 0;
  for (size_t at = open + 1; at < line.size(); ++at) {
    const char c = line[at];
    if (c == '(' || c == '[' || c == '{') ++depth;
    if (depth > 0 && (c == ')' || c == ']' || c == '}')) {
      --depth;
      continue;
    }
    const bool closes = depth == 0 && (c == ')' || c == ']' || c == '}');
    if (closes || (depth == 0 && c == ',')) {
      if (at > from) items.push_back({from, at});
      from = at + 1;
    }
    if (closes) break;
  }
  return items;
}

// The line without one item of a list, or without the list when it was the only one.
std::string withoutItem(const std::string& line, size_t open,
                        const std::vector<std::pair<size_t, size_t>>& items, size_t index) {
  if (items.size() == 1) {
    size_t start = line.rfind(' ', open);
    return line.substr(0, start) + line.substr(std::min(items[0].second + 1, line.size()));
  }
  auto [from, to] = items[index];
  if (index == 0) return line.substr(0, from) + line.substr(line.find_first_not_of(", ", to));
  return line.substr(0, items[index - 1].second) + line.substr(to);
}

std::vector<std::string> withoutListItems(const std::string& line) {
  std::vector<std::string> all;
  for (size_t open = 0; open < line.size(); ++open) {
    if (line[open] != '(' && line[open] != '[' && line[open] != '{') continue;
    auto items = itemsOf(line, open);
    if (open + 1 == line.size() || items.empty()) continue;  // "fun f {"
    for (size_t i = 0; i < items.size(); ++i) all.push_back(withoutItem(line, open, items, i));
  }
  return all;
}

// " @12", " cold", " depth=2": marks that stand alone.
std::vector<std::string> withoutMarks(const std::string& line) {
  std::vector<std::string> all;
  for (const char* mark : {" @", " cold", " loop", " depth="}) {
    size_t at = line.rfind(mark);
    if (at == std::string::npos) continue;
    size_t end = at + std::string_view(mark).size();
    while (end < line.size() &&
           (std::isdigit(static_cast<unsigned char>(line[end])) || line[end] == '.'))
      ++end;
    all.push_back(line.substr(0, at) + line.substr(end));
  }
  return all;
}

// A FrameState counts its stack values, which stand before those that aux names.
std::string countedDown(std::string line, size_t operand) {
  const size_t at = line.find("nstack=");
  if (at == std::string::npos) return line;
  const int count = std::atoi(line.c_str() + at + 7);
  if (operand < static_cast<size_t>(count)) {
    size_t end = line.find_first_not_of("0123456789", at + 7);
    return line.substr(0, at + 7) + std::to_string(count - 1) + line.substr(end);
  }
  const size_t open = line.find("aux[");
  if (open == std::string::npos) return line;
  auto items = itemsOf(line, open + 3);
  const size_t index = operand - static_cast<size_t>(count);
  return index < items.size() ? withoutItem(line, open + 3, items, index) : line;
}

std::vector<std::string> withoutOperands(const std::string& line) {
  std::vector<std::string> all;
  const std::string operation = operationOf(line);
  const size_t start = line.find(operation + " ") + operation.size() + 1;
  const std::vector<std::string> operands = operandsOf(line);
  if (operation.empty() || operation == "Phi" || start > line.size()) return all;
  const size_t end = std::min(line.find_first_of("{[(@", start), line.size());
  size_t at = start;
  for (size_t i = 0; i < operands.size(); ++i) {
    at = line.find(operands[i], at);
    if (at == std::string::npos || at >= end) break;
    const size_t behind = at + operands[i].size();
    std::string less = line.substr(0, at);
    if (line.compare(behind, 2, ", ") == 0) {
      less += line.substr(behind + 2);
    } else {
      if (less.ends_with(", ")) less.resize(less.size() - 2);
      less += line.substr(behind);
    }
    all.push_back(countedDown(less, i));
    at = behind;
  }
  return all;
}

bool dropFromLine(FunctionText* function, std::string* (*at)(FunctionText*, Place), Place place,
                  const Accept& accept) {
  bool any = false;
  for (bool again = true; again;) {
    again = false;
    const std::string line = *at(function, place);
    std::vector<std::string> smaller = withoutMarks(line);
    for (std::string& less : withoutOperands(line)) smaller.push_back(std::move(less));
    for (std::string& less : withoutListItems(line)) smaller.push_back(std::move(less));
    for (std::string& less : smaller) {
      FunctionText candidate = *function;
      *at(&candidate, place) = std::move(less);
      if (!tryOne(function, std::move(candidate), accept)) continue;
      any = again = true;
      break;
    }
  }
  return any;
}

}  // namespace

bool cutEdges(FunctionText* function, const Accept& accept) {
  bool any = false;
  for (size_t b = 0; b < function->blocks.size(); ++b) {
    const BlockText& block = function->blocks[b];
    if (block.lines.empty()) continue;
    const std::vector<std::string> targets = targetsOf(block.lines.back());
    if (targets.size() != 2) continue;
    for (size_t kept = 0; kept < 2; ++kept) {
      FunctionText candidate = *function;
      candidate.removeEdge(block.name(), targets[1 - kept]);
      candidate.blocks[b].lines.back() = "  Jump " + targets[kept];
      candidate.dropUnreachable();
      if (!tryOne(function, std::move(candidate), accept)) continue;
      any = true;
      break;
    }
  }
  return any;
}

bool endBlocks(FunctionText* function, const Accept& accept) {
  bool any = false;
  for (size_t b = 0; b < function->blocks.size(); ++b) {
    const BlockText& block = function->blocks[b];
    if (block.lines.empty() || targetsOf(block.lines.back()).empty()) continue;
    const Place end{b, block.lines.size() - 1};
    std::vector<std::string> ends{"  Trap"};
    for (const char* kind : {"Object", "Int", "g"}) {
      std::string value = valueBefore(*function, end, kind);
      if (!value.empty()) ends.push_back("  Return " + value);
    }
    for (const std::string& line : ends) {
      FunctionText candidate = *function;
      for (const std::string& to : targetsOf(block.lines.back()))
        candidate.removeEdge(block.name(), to);
      lineAt(candidate, end) = line;
      candidate.dropUnreachable();
      if (!tryOne(function, std::move(candidate), accept)) continue;
      any = true;
      break;
    }
  }
  return any;
}

bool dropInstructions(FunctionText* function, const Accept& accept) {
  bool any = false;
  for (size_t size = instructions(*function).size() / 2; size > 1; size /= 2) {
    for (size_t from = 0; from < instructions(*function).size();) {
      std::vector<Place> all = instructions(*function), chunk;
      for (size_t i = from; i < std::min(from + size, all.size()); ++i) {
        if (!isTerminator(*function, all[i])) chunk.push_back(all[i]);
      }
      if (!chunk.empty() && tryOne(function, withoutInstructions(*function, chunk), accept)) {
        any = true;
      } else {
        from += size;
      }
    }
  }
  std::vector<Place> places = instructions(*function);
  for (auto place = places.rbegin(); place != places.rend(); ++place) {
    if (!isTerminator(*function, *place)) any |= dropOne(function, *place, accept);
  }
  return any;
}

bool mergeBlocks(FunctionText* function, const Accept& accept) {
  bool any = false;
  for (size_t b = 0; b < function->blocks.size();) {
    const BlockText& block = function->blocks[b++];
    if (block.lines.empty() || operationOf(block.lines.back()) != "Jump") continue;
    const std::string& jump = block.lines.back();
    const std::string name = block.name(), to = targetsOf(jump)[0];
    FunctionText candidate = *function;
    auto next = std::find_if(candidate.blocks.begin(), candidate.blocks.end(),
                             [&](const BlockText& each) { return each.name() == to; });
    if (next == candidate.blocks.end() || to == name || function->predsOf(*next).size() != 1)
      continue;
    const std::vector<std::string> arguments = operandsOf(jump),
                                   parameters = operandsOf(next->label);
    if (arguments.size() != parameters.size()) continue;
    std::vector<std::string> lines = std::move(next->lines);
    auto& into = candidate.blocks[b - 1].lines;
    into.pop_back();
    into.insert(into.end(), lines.begin(), lines.end());
    candidate.blocks.erase(next);
    replaceEverywhere(&candidate, to, name);
    for (size_t i = 0; i < parameters.size(); ++i)
      replaceEverywhere(&candidate, parameters[i], arguments[i]);
    if (!tryOne(function, std::move(candidate), accept)) continue;
    any = true;
    b = 0;
  }
  return any;
}

// Records that no instruction names, the later ones numbered anew.
bool dropExits(FunctionText* function, const Accept& accept) {
  FunctionText candidate = *function;
  size_t kept = 0;
  candidate.tail.clear();
  for (const std::string& line : function->tail) {
    if (!line.starts_with("exit ")) {
      candidate.tail.push_back(line);
      continue;
    }
    const size_t brace = line.find(" {");
    const std::string number = line.substr(5, brace - 5), now = std::to_string(kept);
    bool used = false;
    for (BlockText& block : candidate.blocks) {
      for (std::string& text : block.lines) {
        const size_t at = text.find("exit=" + number + "}");
        if (at == std::string::npos) continue;
        used = true;
        text.replace(at + 5, number.size(), now);
      }
    }
    if (!used) continue;
    candidate.tail.push_back("exit " + now + line.substr(brace));
    ++kept;
  }
  return candidate.tail.size() < function->tail.size() &&
         tryOne(function, std::move(candidate), accept);
}

bool dropItems(FunctionText* function, const Accept& accept) {
  bool any = false;
  auto label = [](FunctionText* in, Place place) { return &in->blocks[place.block].label; };
  auto line = [](FunctionText* in, Place place) { return &lineAt(*in, place); };
  for (size_t b = 0; b < function->blocks.size(); ++b) {
    any |= dropFromLine(function, label, {b, 0}, accept);
    for (size_t i = 0; i < function->blocks[b].lines.size(); ++i)
      any |= dropFromLine(function, line, {b, i}, accept);
  }
  return any;
}

bool dropHead(FunctionText* function, const Accept& accept) {
  bool any = false;
  for (size_t i = function->head.size(); i-- > 0;) {
    FunctionText candidate = *function;
    candidate.head.erase(candidate.head.begin() + static_cast<std::ptrdiff_t>(i));
    any |= tryOne(function, std::move(candidate), accept);
  }
  return any;
}

}  // namespace tephra::tool
