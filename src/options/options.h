// Purpose: the options of Tephra, one struct from one table (options.tbl), and their parser.
// Invariant: a bad value leaves the options unchanged and gives one line that names the option,
// what was wrong and the valid choices (of an unknown option: those that are near it).
#pragma once

#include <cstdint>
#include <span>
#include <string>

namespace tephra {

struct Options {
#include "options/options_fields.gen.h"
};

enum class OptionKind : uint8_t { kBool, kInt, kStr, kList };

struct OptionInfo {
  const char* name;
  OptionKind kind;
  const char* fallback;
  const char* choices;  // "a,b,c", "lo..hi" or ""
  const char* doc;
  bool Options::*boolean = nullptr;
  int64_t Options::*integer = nullptr;
  std::string Options::*text = nullptr;
};
std::span<const OptionInfo> optionTable();

// Sets option `name` ("compile-after" or "compile_after") from text. Returns "" or the error line.
std::string setOption(Options* options, const std::string& name, const std::string& value);
// The present value as text; "" for unknown names.
std::string optionValue(const Options& options, const std::string& name);
// Is `word` an element of a comma-separated list?
bool listContains(const std::string& list, const std::string& word);

}  // namespace tephra
