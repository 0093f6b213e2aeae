#include "hir/types.h"

#include <bit>
#include <charconv>
#include <iterator>

namespace tephra::hir {
namespace {

constexpr const char* kMaskNames[] = {
    "Null",    "Int",         "PyBool",      "Float",     "Str",       "Bytes",    "List",
    "Tuple",   "Dict",        "Set",         "FrozenSet", "NoneType",  "Type",     "Function",
    "Builtin", "MethodDescr", "Slice",       "Range",     "RangeIter", "ListIter", "TupleIter",
    "Cell",    "Module",      "BoundMethod", "Other"};
static_assert(std::size(kMaskNames) == 25);

constexpr const char* kRepNames[] = {"Void", nullptr, "Int64", "Double", "Bool", "Ptr", "State"};

// Masks with more bits than this are written as what is missing: "Object-Int-Str".
constexpr int kLongMask = 13;

constexpr uint32_t kLastName = (1u << 31) - 2;  // what encode() has bits for

bool maskFromName(const std::string& name, uint32_t* out) {
  for (size_t i = 0; i < std::size(kMaskNames); ++i) {
    if (name == kMaskNames[i]) {
      *out = 1u << i;
      return true;
    }
  }
  return false;
}

std::string joinNames(uint32_t mask, const char* separator, bool leading) {
  std::string text;
  for (size_t i = 0; i < std::size(kMaskNames); ++i) {
    if (!(mask & (1u << i))) continue;
    if (leading || !text.empty()) text += separator;
    text += kMaskNames[i];
  }
  return text;
}

// "#3" behind the last word of what may be named.
bool parseName(const std::string& digits, Type* type) {
  uint32_t ref = 0;
  const char* end = digits.data() + digits.size();
  auto [stopped, error] = std::from_chars(digits.data(), end, ref);
  if (error != std::errc() || stopped != end || ref > kLastName) return false;
  const uint32_t object = type->mask & ~kMaskNull;
  if (object != kMaskOther && object != kMaskFunction) return false;
  type->named = ref + 1;
  return true;
}

bool parseMask(const std::string& text, uint32_t* out) {
  uint32_t mask = 0;
  size_t at = 0;
  char op = '|';
  while (true) {
    size_t end = text.find_first_of("|-", at);
    std::string word = text.substr(at, end == std::string::npos ? end : end - at);
    uint32_t bits = 0;
    if (word == "Object") {
      bits = kMaskObject;
    } else if (word == "OptObject") {
      bits = kMaskOptObject;
    } else if (word != "Nothing" && !maskFromName(word, &bits)) {
      return false;
    }
    mask = op == '|' ? mask | bits : mask & ~bits;
    if (end == std::string::npos) break;
    op = text[end];
    at = end + 1;
  }
  *out = mask;
  return true;
}

}  // namespace

std::string typeName(Type type) {
  if (!type.isObject()) {
    auto rep = static_cast<size_t>(type.rep);
    return rep < std::size(kRepNames) ? kRepNames[rep] : "?";
  }
  if (type.mask == kMaskObject) return "Object";
  if (type.mask == kMaskOptObject) return "OptObject";
  if (type.mask == 0) return "Nothing";
  if (std::popcount(type.mask) < kLongMask) {
    const std::string name = type.isNamed() ? "#" + std::to_string(type.name()) : "";
    return joinNames(type.mask, "|", false) + name;
  }
  bool null = (type.mask & kMaskNull) != 0;
  uint32_t base = null ? kMaskOptObject : kMaskObject;
  return (null ? "OptObject" : "Object") + joinNames(base & ~type.mask, "-", true);
}

bool parseType(const std::string& text, Type* out) {
  for (size_t i = 0; i < std::size(kRepNames); ++i) {
    if (kRepNames[i] && text == kRepNames[i]) {
      *out = Type::of(static_cast<Rep>(i));
      return true;
    }
  }
  const size_t name = text.find('#');
  uint32_t mask;
  if (!parseMask(text.substr(0, name), &mask)) return false;
  *out = Type::object(mask);
  return name == std::string::npos || parseName(text.substr(name + 1), out);
}

}  // namespace tephra::hir
