// Purpose: numbers and signatures of the runtime helpers that compiled code calls, as data, so that
// the compiler needs no runtime header. The runtime hands their addresses over at start-up.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

namespace tephra {

// Operands of a call from here on are never lent: a mask of 64 bits says which ones are.
inline constexpr size_t kMaxLent = 62;

enum class Helper : uint16_t {
#define TEPHRA_HELPER(name) name,
#include "metadata/helpers_list.gen.h"
#undef TEPHRA_HELPER
  kCount,
};
enum class HelperError : uint8_t { kNull, kNegative, kOne, kNone };

struct HelperInfo {
  const char* name;
  const char* args;  // codes of helpers.tbl
  char result;
  HelperError error;
};
const HelperInfo& helperInfo(Helper helper);
bool helperFromName(const std::string& name, Helper* out);

}  // namespace tephra
