// Purpose: the bits of ObjectInfo::type_mask. The same numbers as hir::kMask* (a unit test compares
// them); here because the decoder stands below HIR.
#pragma once

#include <cstdint>

namespace tephra {

enum : uint32_t {
  kTypeBitInt = 1u << 1,
  kTypeBitBool = 1u << 2,
  kTypeBitFloat = 1u << 3,
  kTypeBitStr = 1u << 4,
  kTypeBitBytes = 1u << 5,
  kTypeBitList = 1u << 6,
  kTypeBitTuple = 1u << 7,
  kTypeBitDict = 1u << 8,
  kTypeBitSet = 1u << 9,
  kTypeBitFrozenSet = 1u << 10,
  kTypeBitNone = 1u << 11,
  kTypeBitType = 1u << 12,
  kTypeBitFunction = 1u << 13,
  kTypeBitBuiltin = 1u << 14,
  kTypeBitMethodDescr = 1u << 15,
  kTypeBitSlice = 1u << 16,
  kTypeBitRange = 1u << 17,
  kTypeBitRangeIter = 1u << 18,
  kTypeBitListIter = 1u << 19,
  kTypeBitTupleIter = 1u << 20,
  kTypeBitCell = 1u << 21,
  kTypeBitModule = 1u << 22,
  kTypeBitBoundMethod = 1u << 23,
  kTypeBitOther = 1u << 24,
};

}  // namespace tephra
