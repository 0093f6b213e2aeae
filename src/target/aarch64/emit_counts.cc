// Reference counts, looks at the frame and the version, the ends of shared pieces.
#include "target/aarch64/emitter.h"

namespace tephra::aarch64 {

namespace {

a64::Mem at(uint8_t base, int32_t offset) { return a64::ptr(x(base), offset); }

}  // namespace

// --- reference counts

Condition FunctionEmitter::isNull(uint8_t object) { return Condition::zero(object, true, false); }

Condition FunctionEmitter::isTagged(uint8_t reference) {
  return Condition::ofBit(reference, 0, true);
}

void FunctionEmitter::increment(uint8_t object) {
  a64::Mem count = at(object, in_.layout->ob_refcnt);
  Label skip = as_.newLabel();
  uint32_t limit = in_.layout->incref_immortal_min;
  a_.ldr(w(kScratchGp), count);
  if (limit == UINT32_MAX) {
    // All ones: the count saturates there, one more would wrap to zero.
    a_.adds(w(kScratchGp), w(kScratchGp), 1);
    as_.jumpIf(flags(Cc::kEq), skip);
  } else {
    // Above the limit all are immortal, and so is every count with its top bit: it is never counted
    // down. That bit is tested in one instruction.
    if (limit < INT32_MAX) as_.fail("a limit of counts without the top bit");
    as_.jumpIf(Condition::ofBit(kScratchGp, 31, true), skip);
    a_.add(w(kScratchGp), w(kScratchGp), 1);
  }
  a_.str(w(kScratchGp), count);
  as_.bind(skip);
}

// Leaves the new count in x16.
Condition FunctionEmitter::decrement(uint8_t object, const Label& immortal) {
  a64::Mem count = at(object, in_.layout->ob_refcnt);
  a_.ldr(w(kScratchGp), count);
  if (immortal.isValid()) as_.jumpIf(Condition::ofBit(kScratchGp, 31, true), immortal);
  a_.sub(w(kScratchGp), w(kScratchGp), 1);
  a_.str(w(kScratchGp), count);
  return Condition::zero(kScratchGp, false, false);
}

// --- looks

Condition FunctionEmitter::isSet(uint8_t base, int32_t offset, uint32_t width) {
  const uint8_t seen = base == kScratchGp ? kScratchGp2 : kScratchGp;
  a_.ldr(sized(seen, width), at(base, offset));
  return Condition::zero(seen, width == 8, true);
}

Condition FunctionEmitter::versionDiffers(uint8_t base, int32_t offset, uint64_t version,
                                          uint32_t width) {
  a_.ldr(sized(kScratchGp, width), at(base, offset));
  as_.loadVersion(kScratchGp2, version, width);
  a_.cmp(sized(kScratchGp, width), sized(kScratchGp2, width));
  return flags(Cc::kNe);
}

void FunctionEmitter::loadWord(uint8_t to, uint8_t base, int32_t offset) {
  a_.ldr(x(to), at(base, offset));
}

void FunctionEmitter::storeWord(uint8_t from, uint8_t base, int32_t offset) {
  a_.str(x(from), at(base, offset));
}

// --- shared pieces: the position comes in x17, the exit goes back in x16

Condition FunctionEmitter::exitIsTaken() { return Condition::zero(kScratchGp, false, true); }

Condition FunctionEmitter::takenExitIs(uint32_t number) {
  a_.cmp(w(kScratchGp), number);
  return flags(Cc::kEq);
}

void FunctionEmitter::openPiece(const SharedCalls::Site& site) {
  if (site.position != nullptr)
    storeRegister(mem(site.position->uses[0]), kScratchGp2, site.position->u32(0));
  a_.str(a64::x30, a64::ptr_pre(a64::sp, -16));
}

void FunctionEmitter::closePiece() {
  a_.ldr(a64::x30, a64::ptr_post(a64::sp, 16));
  a_.ret(a64::x30);
}

}  // namespace tephra::aarch64
