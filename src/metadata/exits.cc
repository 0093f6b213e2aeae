#include "metadata/exits.h"

namespace tephra {
namespace {
constexpr const char* kNames[] = {
#define TEPHRA_EXIT(name, text) #name,
#include "metadata/exit_reasons.def"
#undef TEPHRA_EXIT
};
}  // namespace

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
