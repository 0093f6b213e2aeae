// Purpose: a few version numbers near each other: what a guard can compare with at once.
#pragma once

#include <bit>
#include <cstdint>

namespace tephra {

struct VersionSet {
  uint32_t first = 0;  // the least
  uint64_t bits = 0;   // bit i: first + i; 0: none at all

  bool has(uint32_t version) const {
    return version >= first && version - first < 64 && (bits >> (version - first) & 1) != 0;
  }
  bool isSingle() const { return (bits & (bits - 1)) == 0; }

  // False: too far from the others.
  bool add(uint32_t version) {
    if (bits == 0) first = version;
    if (version < first) {
      const uint32_t down = first - version;
      if (down >= 64 || bits >> (64 - down) != 0) return false;
      bits <<= down;
      first = version;
    }
    if (version - first >= 64) return false;
    bits |= uint64_t{1} << (version - first);
    return true;
  }

  bool isSubsetOf(const VersionSet& other) const {
    for (uint64_t rest = bits; rest != 0; rest &= rest - 1) {
      if (!other.has(first + static_cast<uint32_t>(std::countr_zero(rest)))) return false;
    }
    return true;
  }
};

}  // namespace tephra
