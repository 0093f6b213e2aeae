#include "hir/unit_facts.h"

#include <algorithm>
#include <charconv>
#include <sstream>

#include "hir/types.h"

namespace tephra::hir {
namespace {

constexpr size_t kLocals = 16;  // homes that text may name

template <typename Number>
bool number(const std::string& text, Number* out) {
  const char* end = text.data() + text.size();
  auto [stopped, error] = std::from_chars(text.data(), end, *out);
  return error == std::errc() && stopped == end;
}

// The error, or "".
std::string parseObject(std::istringstream& words, ObjectInfo* info) {
  std::string word;
  words >> word;
  Type type;
  if (!parseType(word, &type)) return "'" + word + "' is no type";
  info->type_mask = type.mask;
  while (words >> word) {
    bool good = true;
    if (word == "immortal") {
      info->immortal = true;
    } else if (word.starts_with("int=")) {
      info->is_word_int = true;
      good = number(word.substr(4), &info->int_value);
    } else if (word.starts_with("float=")) {
      good = number(word.substr(6), &info->float_value);
    } else if (word.size() > 2 && word[0] == '"') {
      info->text = word.substr(1, word.size() - 2);
    } else {
      good = false;
    }
    if (!good) {
      return "'" + word +
             "' is no fact of an object: immortal, int=N, float=N or \"text\" expected";
    }
  }
  return "";
}

std::string parseFact(const std::string& line, std::unique_ptr<CodeUnit>* unit) {
  std::istringstream words(line.substr(2));
  std::string kind, count;
  words >> kind;
  if (kind != "object" && kind != "arguments") return "";
  if (!*unit) {
    *unit = std::make_unique<CodeUnit>();
    (*unit)->locals.resize(kLocals);
  }
  if (kind == "arguments") {
    words >> count;
    return number(count, &(*unit)->total_args) ? "" : "'" + count + "' is no number of arguments";
  }
  ObjectInfo info;
  std::string error = parseObject(words, &info);
  if (error.empty()) (*unit)->addObject(info);
  return error;
}

uint32_t countLoadedArguments(const std::string& text) {
  uint32_t count = 0;
  for (size_t at = 0; (at = text.find("LoadArg {", at)) != std::string::npos; ++at) ++count;
  return count;
}

}  // namespace

bool parseFacts(const std::string& text, std::unique_ptr<CodeUnit>* unit, FactsError* error) {
  std::istringstream in(text);
  int number = 0;
  for (std::string line; std::getline(in, line) && line.starts_with("//");) {
    ++number;
    std::string wrong = parseFact(line, unit);
    if (wrong.empty()) continue;
    *error = {number, wrong};
    return false;
  }
  if (*unit && (*unit)->total_args == 0) (*unit)->total_args = countLoadedArguments(text);
  return true;
}

}  // namespace tephra::hir
