// The words that target/aarch64/encodings makes itself, each against what a disassembler (binutils'
// objdump) prints for it. The expected text stands here; where the cross objdump is there, it is
// asked again.
#include "target/aarch64/encodings.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "target/aarch64/registers.h"
#include "target/emit.h"

namespace tephra::aarch64 {
namespace {

struct Row {
  uint32_t word, expected;
  const char* text;
};

uint32_t logicalMove(uint64_t value, bool wide) {
  uint32_t word = 0;
  EXPECT_TRUE(encodeMoveLogical(3, value, wide, &word)) << value;
  return word;
}

std::vector<Row> rows() {
  auto far = [](uint32_t word, Field field, int64_t distance) {
    return withDistance(word, field, distance);
  };
  constexpr int64_t kMega = 1 << 20;
  return {
      {far(encodeB(false), Field::kBranch26, 8), 0x14000002, "b 0x8"},
      {far(encodeB(true), Field::kBranch26, -4), 0x97FFFFFF, "bl 0xfffffffffffffffc"},
      {far(encodeB(true), Field::kBranch26, 128 * kMega - 4), 0x95FFFFFF, "bl 0x7fffffc"},
      {far(encodeB(false), Field::kBranch26, -128 * kMega), 0x16000000, "b 0xfffffffff8000000"},
      {far(encodeBCond(Cc::kEq), Field::kBranch19, kMega - 4), 0x547FFFE0, "b.eq 0xffffc"},
      {far(encodeBCond(Cc::kLe), Field::kBranch19, -kMega), 0x5480000D, "b.le 0xfffffffffff00000"},
      {far(encodeBCond(Cc::kVs), Field::kBranch19, 16), 0x54000086, "b.vs 0x10"},
      {far(encodeCbz(true, false, 5), Field::kBranch19, 16), 0xB4000085, "cbz x5, 0x10"},
      {far(encodeCbz(false, true, 30), Field::kBranch19, -8), 0x35FFFFDE,
       "cbnz w30, 0xfffffffffffffff8"},
      {far(encodeTbz(0, false, 1), Field::kBranch14, 32764), 0x3603FFE1, "tbz w1, #0, 0x7ffc"},
      {far(encodeTbz(63, true, 16), Field::kBranch14, -32768), 0xB7FC0010,
       "tbnz x16, #63, 0xffffffffffff8000"},
      {far(encodeLdrLiteral(7), Field::kBranch19, 64), 0x58000207, "ldr x7, 0x40"},
      {far(encodeLdrLiteralD(31), Field::kBranch19, 64), 0x5C00021F, "ldr d31, 0x40"},
      {withPages(encodeAdrp(16), 0x1000, 0x3456), 0xD0000010, "adrp x16, 0x2000"},
      {withPages(encodeAdrp(16), 0x7000, 0x1008), 0xD0FFFFD0, "adrp x16, 0xffffffffffffa000"},
      {withLow12(encodeLdrLow12(16, 16), 0x12348), 0xF941A610, "ldr x16, [x16, #840]"},
      {encodeZeroD(12), 0x2F00E40C, "movi d12, #0x0"},
      {encodeAddSp(true, kStackPointer, kStackPointer, 17), 0xCB3163FF, "sub sp, sp, x17"},
      {encodeAddSp(false, 3, kStackPointer, 17), 0x8B3163E3, "add x3, sp, x17"},
      {encodeThreadPointer(9), 0xD53BD049, "mrs x9, tpidr_el0"},
      {logicalMove(0x5555555555555555, true), 0xB200F3E3, "mov x3, #0x5555555555555555"},
      {logicalMove(0xFFFFFFFFFFFFF, true), 0xB240CFE3, "orr x3, xzr, #0xfffffffffffff"},
      {logicalMove(0x8000000000000001, true), 0xB24107E3, "mov x3, #0x8000000000000001"},
      {logicalMove(0x00FF00FF, false), 0x32009FE3, "mov w3, #0xff00ff"},
      {kBtiC, 0xD503245F, "bti c"},
  };
}

std::string squeezed(const std::string& text) {
  std::string result;
  for (char c : text) {
    if (c == '\n') break;
    if (c == '\t') c = ' ';
    if (c == ' ' && !result.empty() && result.back() == ' ') continue;
    result += c;
  }
  while (!result.empty() && result.back() == ' ') result.pop_back();
  size_t note = result.find(" //");
  return result.substr(0, note);
}

// What objdump says of one word at address 0; "" without objdump.
std::string disassembled(uint32_t word) {
  char path[] = "/tmp/tephra-encoding-XXXXXX";
  int fd = mkstemp(path);
  bool written = fd >= 0 && write(fd, &word, 4) == 4;
  close(fd);
  std::string command =
      std::string("aarch64-linux-gnu-objdump -D -b binary -m aarch64 ") + path + " 2>/dev/null";
  FILE* pipe = written ? popen(command.c_str(), "r") : nullptr;
  std::string text;
  char line[256];
  while (pipe != nullptr && fgets(line, sizeof line, pipe) != nullptr) {
    std::string one = line;
    if (one.rfind("   0:", 0) == 0) text = squeezed(one.substr(one.find('\t', 6) + 1));
  }
  if (pipe != nullptr) pclose(pipe);
  unlink(path);
  return text;
}

TEST(Encodings, AreWhatTheDisassemblerSays) {
  bool asked = false;
  for (const Row& row : rows()) {
    EXPECT_EQ(row.word, row.expected) << row.text;
    std::string text = disassembled(row.word);
    asked = asked || !text.empty();
    if (!text.empty()) {
      EXPECT_EQ(text, row.text);
    }
  }
  if (!asked) GTEST_SKIP() << "no aarch64-linux-gnu-objdump: words compared, their text not";
}

TEST(Encodings, EveryLogicalImmediateIsTheValueItCameFrom) {
  int count = 0;
  for (unsigned size = 2; size <= 64; size *= 2) {
    for (unsigned ones = 1; ones < size; ++ones) {
      for (unsigned rotation = 0; rotation < size; ++rotation) {
        uint64_t mask = size == 64 ? ~UINT64_C(0) : (UINT64_C(1) << size) - 1;
        uint64_t run = (UINT64_C(1) << ones) - 1, element = run;
        if (rotation != 0) element = ((run >> rotation) | (run << (size - rotation))) & mask;
        uint64_t value = 0;
        for (unsigned at = 0; at < 64; at += size) value |= element << at;
        uint32_t word = 0;
        ASSERT_TRUE(encodeMoveLogical(0, value, true, &word)) << value;
        // Decoded as the architecture's DecodeBitMasks does.
        unsigned n = word >> 22 & 1, immr = word >> 16 & 63, imms = word >> 10 & 63;
        unsigned length = 31 - static_cast<unsigned>(__builtin_clz(n << 6 | (~imms & 63)));
        unsigned levels = (1u << length) - 1;
        EXPECT_EQ(1u << length, size);
        EXPECT_EQ(imms & levels, ones - 1);
        EXPECT_EQ(immr & levels, rotation);
        ++count;
      }
    }
  }
  EXPECT_EQ(count, 5334);  // all there are
}

TEST(EncodingsDeathTest, DistancesOutOfRangeAreInternalErrors) {
  EXPECT_FALSE(fits(Field::kBranch14, 32768));
  EXPECT_TRUE(fits(Field::kBranch14, -32768));
  EXPECT_FALSE(fits(Field::kBranch19, 1 << 20));
  EXPECT_FALSE(fits(Field::kBranch26, INT64_C(1) << 27));
  EXPECT_DEATH(withDistance(encodeTbz(1, false, 1), Field::kBranch14, 32768), "within its range");
  EXPECT_DEATH(withDistance(encodeBCond(Cc::kEq), Field::kBranch19, -(1 << 20) - 4), "its range");
  EXPECT_DEATH(withDistance(encodeB(true), Field::kBranch26, INT64_C(1) << 27), "its range");
  EXPECT_DEATH(withDistance(encodeB(true), Field::kBranch26, 2), "its range");
  EXPECT_DEATH(withPages(encodeAdrp(0), 0, UINT64_C(1) << 33), "4 GB");
  EXPECT_DEATH(withLow12(encodeLdrLow12(0, 0), 0x1004), "aligned");
}

TEST(EncodingsDeathTest, RelocationsOutOfRangeAreInternalErrors) {
  uint8_t bytes[4] = {0, 0, 0, 0x94};
  relocate({0, 0x8000000, RelocationKind::kArmBranch}, bytes, 0x1000);
  EXPECT_EQ(bytes[3], 0x95);
  EXPECT_DEATH(relocate({0, 0x8001000, RelocationKind::kArmBranch}, bytes, 0x1000), "its range");
  EXPECT_DEATH(relocate({0, UINT64_C(1) << 40, RelocationKind::kX86Relative}, bytes, 0), "2 GB");
}

}  // namespace
}  // namespace tephra::aarch64
