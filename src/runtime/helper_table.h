// Purpose: addresses of the runtime helpers by their numbers, for code generation.
#pragma once

#include <cstdint>
#include <span>

#include "metadata/helpers.h"

namespace tephra {

// One address per Helper, in the order of runtime/helpers.tbl.
std::span<const uint64_t> helperAddresses();

}  // namespace tephra
