#include "hir/attr_text.h"

#include <charconv>
#include <cmath>
#include <iterator>

namespace tephra::hir {
namespace {

constexpr const char* kCmpNames[] = {"lt", "le", "eq", "ne", "gt", "ge"};
constexpr const char* kBinOpNames[] = {
    "add",    "and",  "floordiv", "lshift", "matmul",  "mul",  "mod",       "or",      "pow",
    "rshift", "sub",  "truediv",  "xor",    "iadd",    "iand", "ifloordiv", "ilshift", "imatmul",
    "imul",   "imod", "ior",      "ipow",   "irshift", "isub", "itruediv",  "ixor"};
constexpr const char* kUnOpNames[] = {"neg", "pos", "invert"};
static_assert(std::size(kBinOpNames) == static_cast<size_t>(BinOp::kIXor) + 1);

template <size_t n>
std::string nameOf(const char* const (&names)[n], uint64_t value) {
  return value < n ? names[value] : "?" + std::to_string(value);
}

template <size_t n>
bool valueOf(const char* const (&names)[n], const std::string& text, uint64_t* out) {
  for (size_t i = 0; i < n; ++i) {
    if (text == names[i]) {
      *out = i;
      return true;
    }
  }
  return false;
}

std::string doubleText(double value) {
  char buffer[40];
  if (!std::isfinite(value)) {  // NaN payloads and signs too
    uint64_t bits = std::bit_cast<uint64_t>(value);
    auto end = std::to_chars(buffer, buffer + sizeof buffer, bits, 16).ptr;
    return "bits:" + std::string(buffer, end);
  }
  auto end = std::to_chars(buffer, buffer + sizeof buffer, value).ptr;  // shortest that round-trips
  return std::string(buffer, end);
}

template <typename T>
bool number(const std::string& text, T* out, int base = 10) {
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), *out, base);
  return error == std::errc() && end == text.data() + text.size();
}

bool doubleFromText(const std::string& text, uint64_t* out) {
  if (text.rfind("bits:", 0) == 0) return number(text.substr(5), out, 16);
  double value;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return false;
  *out = std::bit_cast<uint64_t>(value);
  return true;
}

}  // namespace

std::string attrText(AttrKind kind, uint64_t value) {
  switch (kind) {
    case AttrKind::kI64: return std::to_string(static_cast<int64_t>(value));
    case AttrKind::kU64: return std::to_string(value);
    case AttrKind::kU32: return value == 0xFFFFFFFF ? "none" : std::to_string(value);
    case AttrKind::kF64: return doubleText(std::bit_cast<double>(value));
    case AttrKind::kBool: return value == 0 ? "false" : value == 1 ? "true" : "?";
    case AttrKind::kObj: return value == kNoObject ? "none" : "#" + std::to_string(value);
    case AttrKind::kType: return typeName(Type::decode(value));
    case AttrKind::kCmp: return nameOf(kCmpNames, value);
    case AttrKind::kBinOp: return nameOf(kBinOpNames, value);
    case AttrKind::kUnOp: return nameOf(kUnOpNames, value);
    case AttrKind::kReason: {
      // The enumeration is dense; the metadata table has no bound to ask for.
      if (value <= static_cast<uint64_t>(ExitReason::kRaised)) {
        return exitReasonName(static_cast<ExitReason>(value));
      }
      return "?" + std::to_string(value);
    }
  }
  return "?";
}

bool attrFromText(AttrKind kind, const std::string& text, uint64_t* out) {
  switch (kind) {
    case AttrKind::kI64: {
      int64_t value;
      if (!number(text, &value)) return false;
      *out = static_cast<uint64_t>(value);
      return true;
    }
    case AttrKind::kU64: return number(text, out);
    case AttrKind::kU32:
      if (text == "none") {
        *out = 0xFFFFFFFF;
        return true;
      }
      return number(text, out);
    case AttrKind::kF64: return doubleFromText(text, out);
    case AttrKind::kBool: *out = text == "true"; return text == "true" || text == "false";
    case AttrKind::kObj:
      if (text == "none") {
        *out = kNoObject;
        return true;
      }
      return !text.empty() && text[0] == '#' && number(text.substr(1), out);
    case AttrKind::kType: {
      Type type;
      if (!parseType(text, &type)) return false;
      *out = type.encode();
      return true;
    }
    case AttrKind::kCmp: return valueOf(kCmpNames, text, out);
    case AttrKind::kBinOp: return valueOf(kBinOpNames, text, out);
    case AttrKind::kUnOp: return valueOf(kUnOpNames, text, out);
    case AttrKind::kReason: {
      ExitReason reason;
      if (!exitReasonFromName(text, &reason)) return false;
      *out = static_cast<uint64_t>(reason);
      return true;
    }
  }
  return false;
}

}  // namespace tephra::hir
