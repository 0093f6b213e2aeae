// Purpose: reads one line of the LIR's text form, token by token. The first error wins.
#pragma once

#include <cstdint>
#include <string>

namespace tephra::lir {

class TextCursor {
 public:
  explicit TextCursor(std::string line) : line_(std::move(line)) {}

  bool failed() const { return !error_.empty(); }
  const std::string& error() const { return error_; }
  void fail(const std::string& message);

  bool atEnd();
  bool peek(char c);
  bool accept(char c);
  bool acceptWord(const char* word);  // a whole identifier
  bool expect(char c);
  std::string identifier();    // letters, digits, _ and .; empty when there is none
  std::string word();          // everything up to a blank
  bool number(uint64_t* out);  // decimal with sign, or 0x…
  bool number32(uint32_t* out);
  bool real(uint64_t* bits);  // decimal, or 0x… = bits
  // A name like g12: `prefix` directly followed by digits.
  bool numbered(const char* prefix, uint32_t* out);

 private:
  void skipBlanks();
  std::string line_;
  size_t at_ = 0;
  std::string error_;
};

}  // namespace tephra::lir
