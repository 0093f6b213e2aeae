#include "policy/crossings.h"

#include <algorithm>

namespace tephra::policy {

void Crossings::leave(uint32_t place, uint32_t instructions, uint64_t calls) {
  out_ += calls;
  const uint64_t all = by_place_[place] += calls;
  // As often as it calls there, the code around runs.
  saved_ns_ = std::max(saved_ns_, all * instructions * kTwoSaveNs / 2);
}

bool Crossings::leavesWithin(uint32_t begin, uint32_t end) const {
  return std::any_of(by_place_.begin(), by_place_.end(),
                     [&](const auto& place) { return place.first >= begin && place.first < end; });
}

bool Crossings::lose(uint32_t instructions, uint64_t compiled_ns, uint64_t noticed_ns) const {
  const uint64_t saved =
      std::max({saved_ns_, in_ * instructions * kTwoSaveNs / 2, compiled_ns * kSavedPercent / 100});
  return lost_ns() > saved + noticed_ns;
}

}  // namespace tephra::policy
