// Purpose: the instruction words that asmjit 5b5b0b3 has no form for, refuses or encodes wrongly,
// the branches and literals whose distance this code computes itself, and the fields that a
// distance is put into. Every function here has a golden test against a disassembler's text.
// Invariant: each function checks its operands' ranges; an operand outside is an internal error.
#pragma once

#include <cstdint>

namespace tephra::aarch64 {

// As encoded.
enum class Cc : uint8_t { kEq, kNe, kHs, kLo, kMi, kPl, kVs, kVc, kHi, kLs, kGe, kLt, kGt, kLe };
const char* ccName(Cc cc);

inline constexpr uint32_t kZeroRegister = 31;  // in these functions' register operands

// Distance fields of instructions that refer to a place; the words below come with distance 0.
enum class Field : uint8_t {
  kBranch26,  // b, bl: +-128 MB
  kBranch19,  // b.cond, cbz, cbnz, ldr literal: +-1 MB
  kBranch14,  // tbz, tbnz: +-32 KB
};
bool fits(Field field, int64_t distance);
// `distance` in bytes from the instruction; it must fit.
uint32_t withDistance(uint32_t word, Field field, int64_t distance);

uint32_t encodeB(bool link);
uint32_t encodeBCond(Cc cc);
uint32_t encodeCbz(bool wide, bool nonzero, uint32_t reg);
uint32_t encodeTbz(uint32_t bit, bool nonzero, uint32_t reg);
uint32_t encodeLdrLiteral(uint32_t reg);   // 64 bits
uint32_t encodeLdrLiteralD(uint32_t reg);  // a double
uint32_t encodeLdrLiteralW(uint32_t reg);  // 32 bits, zero-extended
// adrp takes the distance of pages; asmjit's takes a label at a multiple of 4,096 only.
uint32_t encodeAdrp(uint32_t reg);
bool adrpReaches(uint64_t place, uint64_t target);
uint32_t withPages(uint32_t word, uint64_t place, uint64_t target);
// ldr x, [x, low 12 bits of target], the other half of adrp.
uint32_t encodeLdrLow12(uint32_t reg, uint32_t base);
uint32_t withLow12(uint32_t word, uint64_t target);
// fmov d, #0.0 is refused, and has no immediate form: movi d, #0.
uint32_t encodeZeroD(uint32_t reg);
// add/sub with the extended second register, where the stack pointer is an operand (number 31).
uint32_t encodeAddSp(bool subtract, uint32_t to, uint32_t from, uint32_t amount);
// mrs x, tpidr_el0
uint32_t encodeThreadPointer(uint32_t reg);
// orr x, xzr, #immediate: is it one, and the word.
bool encodeMoveLogical(uint32_t reg, uint64_t value, bool wide, uint32_t* word);
// bti c: landing pad of calls.
inline constexpr uint32_t kBtiC = 0xD503245F;

}  // namespace tephra::aarch64
