// Purpose: register numbers of x86-64, those of the instruction encoding, and the roles they have
// in compiled code. Description and emission share it, so a role is written down once.
#pragma once

#include <cstdint>
#include <iterator>

#include "metadata/register_entry.h"
#include "target/target.h"

namespace tephra::x86_64 {

enum Gp : uint8_t {
  kRax,
  kRcx,
  kRdx,
  kRbx,
  kRsp,
  kRbp,
  kRsi,
  kRdi,
  kR8,
  kR9,
  kR10,
  kR11,
  kR12,
  kR13,
  kR14,
  kR15,
};

inline constexpr uint8_t kThreadReg = kR15;
inline constexpr uint8_t kFrameReg = kR14;
inline constexpr uint8_t kScratchGp = kR11;
inline constexpr uint8_t kScratchFp = 15;
inline constexpr uint8_t kShiftCount = kRcx;
inline constexpr uint8_t kArgumentGp[] = {kRdi, kRsi, kRdx, kRcx, kR8, kR9};
static_assert(1 + kMaxRegisterParameters <= std::size(kArgumentGp));
inline constexpr uint8_t kArgumentFp[] = {0, 1, 2, 3, 4, 5, 6, 7};

constexpr RegSet bit(int reg) { return RegSet{1} << reg; }
inline constexpr RegSet kCallerSavedGp =
    bit(kRax) | bit(kRcx) | bit(kRdx) | bit(kRsi) | bit(kRdi) | bit(kR8) | bit(kR9) | bit(kR10);
inline constexpr RegSet kCalleeSavedGp = bit(kRbx) | bit(kR12) | bit(kR13);
inline constexpr RegSet kAllFp = 0x7FFF;  // xmm15 is the scratch register

}  // namespace tephra::x86_64
