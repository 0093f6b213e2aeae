#include "metadata/exits.h"

#include <algorithm>
#include <iterator>

namespace tephra {
namespace {
constexpr const char* kNames[] = {
#define TEPHRA_EXIT(name, text) #name,
#include "metadata/exit_reasons.def"
#undef TEPHRA_EXIT
};
constexpr const char* kOrigins[] = {"pushed", "adopted", "absent"};
}  // namespace

const char* frameOriginName(FrameOrigin origin) { return kOrigins[static_cast<size_t>(origin)]; }

bool frameOriginFromName(const std::string& name, FrameOrigin* out) {
  const auto* found = std::find(std::begin(kOrigins), std::end(kOrigins), name);
  if (found == std::end(kOrigins)) return false;
  *out = static_cast<FrameOrigin>(found - std::begin(kOrigins));
  return true;
}

const char* exitReasonName(ExitReason reason) { return kNames[static_cast<int>(reason)]; }

bool exitReasonFromName(const std::string& name, ExitReason* out) {
  for (size_t i = 0; i < std::size(kNames); ++i) {
    if (name == kNames[i]) {
      *out = static_cast<ExitReason>(i);
      return true;
    }
  }
  return false;
}

}  // namespace tephra
