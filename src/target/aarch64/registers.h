// Purpose: register numbers of AArch64 and their roles in compiled code (AAPCS64 on Linux).
// x18 belongs to the platform and is never touched. x16 is the allocator's scratch register too: it
// may hold a value of a parallel move, so a move never touches it. x17 and x30 are the emission's
// alone (x30 is saved by every function's frame record, so between calls it is free).
#pragma once

#include <cstdint>
#include <iterator>

#include "metadata/register_entry.h"
#include "target/target.h"

namespace tephra::aarch64 {

inline constexpr uint8_t kThreadReg = 27;
inline constexpr uint8_t kFrameReg = 28;
inline constexpr uint8_t kFramePointer = 29, kLinkRegister = 30, kStackPointer = 31;
inline constexpr uint8_t kScratchGp = 16;
inline constexpr uint8_t kScratchGp2 = 17;
inline constexpr uint8_t kScratchAddress = kLinkRegister;  // of a frame word that is far away
inline constexpr uint8_t kScratchFp = 31;
inline constexpr uint8_t kFrameResult = 9;  // of the stub of PushFrame
inline constexpr uint8_t kFrameShape = 10;  // PushFrame's stub is given a FrameShape
inline constexpr uint8_t kArgumentGp[] = {0, 1, 2, 3, 4, 5, 6, 7};
static_assert(1 + kMaxRegisterParameters <= std::size(kArgumentGp));
inline constexpr uint8_t kArgumentFp[] = {0, 1, 2, 3, 4, 5, 6, 7};

constexpr RegSet bit(int reg) { return RegSet{1} << reg; }
constexpr RegSet range(int first, int last) { return (bit(last + 1) - 1) & ~(bit(first) - 1); }
inline constexpr RegSet kCallerSavedGp = range(0, 15);
inline constexpr RegSet kPushFrameGp = range(10, 12);  // what its stub overwrites, the result aside
inline constexpr RegSet kCalleeSavedGp = range(19, 26);
inline constexpr RegSet kCallerSavedFp = range(0, 7) | range(16, 30);
inline constexpr RegSet kCalleeSavedFp = range(8, 15);  // their low halves

// Can `value` be the immediate of and/orr/eor/tst of this width (a rotated run of ones, repeated)?
bool isLogicalImmediate(uint64_t value, unsigned bits);
// 12 bits, or 12 bits shifted left by 12.
constexpr bool isAddImmediate(int64_t value) {
  return value >= 0 && (value < 4096 || ((value & 0xFFF) == 0 && value < (INT64_C(4096) << 12)));
}
// The immediate of add, sub, cmp and cmn: add and sub are each other's negative, as are cmp and
// cmn.
constexpr bool fitsAddOrSub(int64_t value) {
  return isAddImmediate(value) || (value != INT64_MIN && isAddImmediate(-value));
}

}  // namespace tephra::aarch64
