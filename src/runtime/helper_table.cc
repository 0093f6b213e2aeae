#include "runtime/helpers.h"

#include "runtime/helper_table.h"

namespace tephra {

std::span<const uint64_t> helperAddresses() {
  static const uint64_t addresses[] = {
#define TEPHRA_HELPER(name) reinterpret_cast<uint64_t>(&tephra_##name),
#include "metadata/helpers_list.gen.h"
#undef TEPHRA_HELPER
  };
  static_assert(std::size(addresses) == static_cast<size_t>(Helper::kCount));
  return addresses;
}

}  // namespace tephra
