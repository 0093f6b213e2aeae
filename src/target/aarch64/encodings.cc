#include "target/aarch64/encodings.h"

#include "base/check.h"
#include "target/aarch64/registers.h"

namespace tephra::aarch64 {

namespace {

constexpr const char* kCcNames[] = {"eq", "ne", "hs", "lo", "mi", "pl", "vs",
                                    "vc", "hi", "ls", "ge", "lt", "gt", "le"};

struct FieldShape {
  unsigned bits, shift;
};
FieldShape shapeOf(Field field) {
  switch (field) {
    case Field::kBranch26: return {26, 0};
    case Field::kBranch19: return {19, 5};
    case Field::kBranch14: return {14, 5};
  }
  return {0, 0};
}

bool isRegister(uint32_t reg) { return reg < 32; }

}  // namespace

const char* ccName(Cc cc) { return kCcNames[static_cast<size_t>(cc)]; }

bool fits(Field field, int64_t distance) {
  int64_t reach = INT64_C(4) << (shapeOf(field).bits - 1);
  return distance >= -reach && distance < reach;
}

uint32_t withDistance(uint32_t word, Field field, int64_t distance) {
  TEPHRA_CHECK(distance % 4 == 0 && fits(field, distance), "a branch within its range");
  FieldShape shape = shapeOf(field);
  uint32_t mask = (UINT32_C(1) << shape.bits) - 1;
  return (word & ~(mask << shape.shift)) | (static_cast<uint32_t>(distance >> 2) & mask)
                                               << shape.shift;
}

uint32_t encodeB(bool link) { return link ? 0x94000000 : 0x14000000; }

uint32_t encodeBCond(Cc cc) { return 0x54000000 | static_cast<uint32_t>(cc); }

uint32_t encodeCbz(bool wide, bool nonzero, uint32_t reg) {
  TEPHRA_CHECK(isRegister(reg), "a register number");
  return 0x34000000 | uint32_t{wide} << 31 | uint32_t{nonzero} << 24 | reg;
}

uint32_t encodeTbz(uint32_t bit, bool nonzero, uint32_t reg) {
  TEPHRA_CHECK(isRegister(reg) && bit < 64, "a register and a bit number");
  return 0x36000000 | (bit >> 5) << 31 | uint32_t{nonzero} << 24 | (bit & 31) << 19 | reg;
}

uint32_t encodeLdrLiteral(uint32_t reg) {
  TEPHRA_CHECK(isRegister(reg), "a register number");
  return 0x58000000 | reg;
}

uint32_t encodeLdrLiteralD(uint32_t reg) {
  TEPHRA_CHECK(isRegister(reg), "a register number");
  return 0x5C000000 | reg;
}

uint32_t encodeLdrLiteralW(uint32_t reg) {
  TEPHRA_CHECK(isRegister(reg), "a register number");
  return 0x18000000 | reg;
}

uint32_t encodeAdrp(uint32_t reg) {
  TEPHRA_CHECK(isRegister(reg), "a register number");
  return 0x90000000 | reg;
}

bool adrpReaches(uint64_t place, uint64_t target) {
  int64_t pages = static_cast<int64_t>((target >> 12) - (place >> 12));
  return pages >= -(INT64_C(1) << 20) && pages < INT64_C(1) << 20;
}

uint32_t withPages(uint32_t word, uint64_t place, uint64_t target) {
  TEPHRA_CHECK(adrpReaches(place, target), "an address within 4 GB");
  auto pages = static_cast<uint32_t>((target >> 12) - (place >> 12));
  return (word & 0x9F00001F) | (pages & 3) << 29 | (pages >> 2 & 0x7FFFF) << 5;
}

uint32_t encodeLdrLow12(uint32_t reg, uint32_t base) {
  TEPHRA_CHECK(isRegister(reg) && isRegister(base), "register numbers");
  return 0xF9400000 | base << 5 | reg;
}

uint32_t withLow12(uint32_t word, uint64_t target) {
  auto low = static_cast<uint32_t>(target & 0xFFF);
  TEPHRA_CHECK(low % 8 == 0, "an aligned address");
  return (word & ~UINT32_C(0x3FFC00)) | (low / 8) << 10;
}

uint32_t encodeZeroD(uint32_t reg) {
  TEPHRA_CHECK(isRegister(reg), "a register number");
  return 0x2F00E400 | reg;
}

uint32_t encodeAddSp(bool subtract, uint32_t to, uint32_t from, uint32_t amount) {
  TEPHRA_CHECK(isRegister(to) && isRegister(from) && isRegister(amount), "register numbers");
  return 0x8B206000 | uint32_t{subtract} << 30 | amount << 16 | from << 5 | to;
}

uint32_t encodeThreadPointer(uint32_t reg) {
  TEPHRA_CHECK(isRegister(reg), "a register number");
  return 0xD53BD040 | reg;
}

bool encodeMoveLogical(uint32_t reg, uint64_t value, bool wide, uint32_t* word) {
  TEPHRA_CHECK(isRegister(reg), "a register number");
  if (!isLogicalImmediate(value, wide ? 64 : 32)) return false;
  if (!wide) value = (value & 0xFFFFFFFF) | value << 32;
  unsigned size = 64;
  while (size > 2) {
    unsigned half = size / 2;
    uint64_t mask = (UINT64_C(1) << half) - 1;
    if ((value & mask) != ((value >> half) & mask)) break;
    size = half;
  }
  uint64_t mask = size == 64 ? ~UINT64_C(0) : (UINT64_C(1) << size) - 1;
  uint64_t element = value & mask;
  auto ones = static_cast<unsigned>(__builtin_popcountll(element));
  // Rotating the run of ones, low-aligned, right by `rotation` gives the element.
  unsigned rotation = 0;
  auto rotated = [&](unsigned by) {
    uint64_t run = ones == 64 ? ~UINT64_C(0) : (UINT64_C(1) << ones) - 1;
    return by == 0 ? run : ((run >> by) | (run << (size - by))) & mask;
  };
  while (rotated(rotation) != element) ++rotation;
  uint32_t n = size == 64, imms = (~(size * 2 - 1) & 0x3F) | (ones - 1);
  *word = 0x32000000 | uint32_t{wide} << 31 | n << 22 | rotation << 16 | (imms & 0x3F) << 10 |
          kZeroRegister << 5 | reg;
  return true;
}

}  // namespace tephra::aarch64
