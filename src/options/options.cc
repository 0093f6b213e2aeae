#include "options/options.h"

#include <algorithm>
#include <charconv>
#include <numeric>
#include <sstream>
#include <string_view>
#include <utility>
#include <vector>

namespace tephra {
namespace {

std::vector<std::string> split(const std::string& text) {
  std::vector<std::string> parts;
  std::stringstream stream(text);
  for (std::string part; std::getline(stream, part, ',');) {
    if (!part.empty()) parts.push_back(part);
  }
  return parts;
}

const OptionInfo* findOption(std::string name) {
  std::replace(name.begin(), name.end(), '_', '-');
  for (const OptionInfo& info : optionTable()) {
    if (name == info.name) return &info;
  }
  return nullptr;
}

std::string badValue(const OptionInfo& info, const std::string& value,
                     const std::string& expected) {
  return std::string("tephra: option ") + info.name + ": bad value '" + value + "'; expected " +
         expected;
}

// How many letters to insert, to leave out or to replace to make one word the other.
size_t distance(std::string_view a, std::string_view b) {
  std::vector<size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), size_t{0});
  for (size_t i = 0; i < a.size(); ++i) {
    size_t diagonal = row[0]++;
    for (size_t j = 0; j < b.size(); ++j) {
      const size_t replaced = diagonal + (a[i] == b[j] ? 0 : 1);
      diagonal = row[j + 1];
      row[j + 1] = std::min({replaced, row[j] + 1, row[j + 1] + 1});
    }
  }
  return row.back();
}

// "; near it are: x, y" with the options that may have been meant, nearest first; "" for none.
std::string nearOptions(std::string name) {
  std::replace(name.begin(), name.end(), '_', '-');
  constexpr size_t kMost = 3;
  std::vector<std::pair<size_t, std::string>> found;
  for (const OptionInfo& info : optionTable()) {
    const std::string option = info.name;
    const size_t away = distance(name, option);
    const bool part = name.size() > 2 && option.find(name) != std::string::npos;
    if (part || away * 3 <= std::max(name.size(), option.size())) found.emplace_back(away, option);
  }
  std::sort(found.begin(), found.end());
  std::string text;
  for (size_t i = 0; i < std::min(found.size(), kMost); ++i) {
    text += (i == 0 ? "; near it are: " : ", ") + found[i].second;
  }
  return text;
}

std::string setBool(Options* options, const OptionInfo& info, const std::string& value) {
  for (const char* yes : {"1", "true", "on", "yes", ""}) {
    if (value == yes) {
      options->*info.boolean = true;
      return "";
    }
  }
  for (const char* no : {"0", "false", "off", "no"}) {
    if (value == no) {
      options->*info.boolean = false;
      return "";
    }
  }
  return badValue(info, value, "0 or 1");
}

std::string setInt(Options* options, const OptionInfo& info, const std::string& value) {
  int64_t number = 0;
  auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), number);
  int64_t low = 0, high = 0;
  std::string range = info.choices;
  size_t dots = range.find("..");
  std::from_chars(range.data(), range.data() + dots, low);
  std::from_chars(range.data() + dots + 2, range.data() + range.size(), high);
  if (error != std::errc() || end != value.data() + value.size() || number < low || number > high) {
    return badValue(info, value, "a whole number in " + range);
  }
  options->*info.integer = number;
  return "";
}

std::string setList(Options* options, const OptionInfo& info, const std::string& value) {
  std::vector<std::string> choices = split(info.choices);
  for (const std::string& part : split(value)) {
    if (!choices.empty() && std::find(choices.begin(), choices.end(), part) == choices.end()) {
      return badValue(info, part, std::string("a comma-separated list of ") + info.choices);
    }
  }
  options->*info.text = value;
  return "";
}

}  // namespace

std::string setOption(Options* options, const std::string& name, const std::string& value) {
  const OptionInfo* info = findOption(name);
  if (!info) return "tephra: unknown option '" + name + "'" + nearOptions(name);
  switch (info->kind) {
    case OptionKind::kBool: return setBool(options, *info, value);
    case OptionKind::kInt: return setInt(options, *info, value);
    case OptionKind::kStr: options->*info->text = value; return "";
    case OptionKind::kList: return setList(options, *info, value);
  }
  return "";
}

std::string optionValue(const Options& options, const std::string& name) {
  const OptionInfo* info = findOption(name);
  if (!info) return "";
  if (info->boolean) return options.*info->boolean ? "1" : "0";
  if (info->integer) return std::to_string(options.*info->integer);
  return options.*info->text;
}

bool listContains(const std::string& list, const std::string& word) {
  std::vector<std::string> parts = split(list);
  return std::find(parts.begin(), parts.end(), word) != parts.end();
}

}  // namespace tephra
