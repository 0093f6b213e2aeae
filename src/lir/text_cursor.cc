#include "lir/text_cursor.h"

#include <bit>
#include <cctype>
#include <cerrno>
#include <cstdlib>
#include <cstring>

namespace tephra::lir {
namespace {
bool isWordChar(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) || c == '_' || c == '.';
}
bool isDigit(char c) { return c >= '0' && c <= '9'; }
}  // namespace

void TextCursor::fail(const std::string& message) {
  if (error_.empty()) error_ = message + " at column " + std::to_string(at_ + 1);
}

void TextCursor::skipBlanks() {
  while (at_ < line_.size() && (line_[at_] == ' ' || line_[at_] == '\t' || line_[at_] == '\r'))
    ++at_;
}

bool TextCursor::atEnd() {
  skipBlanks();
  return at_ == line_.size();
}

bool TextCursor::peek(char c) {
  skipBlanks();
  return at_ < line_.size() && line_[at_] == c;
}

bool TextCursor::accept(char c) {
  if (!peek(c)) return false;
  ++at_;
  return true;
}

bool TextCursor::expect(char c) {
  if (accept(c)) return true;
  fail(std::string("expected '") + c + "'");
  return false;
}

bool TextCursor::acceptWord(const char* word) {
  skipBlanks();
  size_t length = std::strlen(word);
  if (line_.compare(at_, length, word) != 0) return false;
  if (at_ + length < line_.size() && isWordChar(line_[at_ + length])) return false;
  at_ += length;
  return true;
}

std::string TextCursor::identifier() {
  skipBlanks();
  size_t start = at_;
  while (at_ < line_.size() && isWordChar(line_[at_])) ++at_;
  return line_.substr(start, at_ - start);
}

std::string TextCursor::word() {
  skipBlanks();
  size_t start = at_;
  while (at_ < line_.size() && line_[at_] != ' ' && line_[at_] != '\t') ++at_;
  return line_.substr(start, at_ - start);
}

bool TextCursor::number(uint64_t* out) {
  skipBlanks();
  const char* start = line_.c_str() + at_;
  if (!isDigit(*start) && !(*start == '-' && isDigit(start[1]))) {
    fail("expected a number");
    return false;
  }
  char* end = nullptr;
  errno = 0;
  bool hex = start[0] == '0' && (start[1] == 'x' || start[1] == 'X');
  *out = *start == '-' ? static_cast<uint64_t>(std::strtoll(start, &end, 10))
                       : std::strtoull(start, &end, hex ? 16 : 10);
  if (errno) fail("number out of range");
  at_ += static_cast<size_t>(end - start);
  return !failed();
}

bool TextCursor::number32(uint32_t* out) {
  uint64_t value = 0;
  if (!number(&value)) return false;
  if (value > UINT32_MAX) {
    fail("number needs more than 32 bits");
    return false;
  }
  *out = static_cast<uint32_t>(value);
  return true;
}

bool TextCursor::real(uint64_t* bits) {
  skipBlanks();
  const char* start = line_.c_str() + at_;
  if (start[0] == '0' && start[1] == 'x') return number(bits);
  char* end = nullptr;
  double value = std::strtod(start, &end);
  if (end == start) {
    fail("expected a number");
    return false;
  }
  *bits = std::bit_cast<uint64_t>(value);
  at_ += static_cast<size_t>(end - start);
  return true;
}

bool TextCursor::numbered(const char* prefix, uint32_t* out) {
  skipBlanks();
  size_t length = std::strlen(prefix);
  if (line_.compare(at_, length, prefix) != 0) return false;
  size_t digits = at_ + length, end = digits;
  while (end < line_.size() && isDigit(line_[end])) ++end;
  if (end == digits || end - digits > 9 || (end < line_.size() && isWordChar(line_[end])))
    return false;
  *out = static_cast<uint32_t>(std::strtoul(line_.c_str() + digits, nullptr, 10));
  at_ = end;
  return true;
}

}  // namespace tephra::lir
