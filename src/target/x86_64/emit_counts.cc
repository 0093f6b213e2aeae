// Reference counts, looks at the frame and the version, the ends of shared pieces.
#include "target/x86_64/emitter.h"

namespace tephra::x86_64 {

// --- reference counts

Condition FunctionEmitter::isNull(uint8_t object) {
  a_.test(x86::gpq(object), x86::gpq(object));
  return flags(x86::CondCode::kZero);
}

Condition FunctionEmitter::isTagged(uint8_t reference) {
  a_.test(x86::gpb(reference), 1);
  return flags(x86::CondCode::kNotZero);
}

void FunctionEmitter::increment(uint8_t object) {
  x86::Mem count = x86::ptr(x86::gpq(object), in_.layout->ob_refcnt, 4);
  Label skip = as_.newLabel();
  auto limit = static_cast<int32_t>(in_.layout->incref_immortal_min);
  a_.cmp(count, limit);
  // All ones: the count saturates there, one more would wrap to zero. Else all above are immortal.
  as_.jumpIf(limit == -1 ? x86::CondCode::kEqual : x86::CondCode::kUnsignedGT, skip);
  a_.inc(count);
  as_.bind(skip);
}

// Leaves the flags of the new count.
Condition FunctionEmitter::decrement(uint8_t object, const Label& immortal) {
  x86::Mem count = x86::ptr(x86::gpq(object), in_.layout->ob_refcnt, 4);
  if (immortal.isValid()) {
    a_.cmp(count, 0);
    as_.jumpIf(x86::CondCode::kSign, immortal);
  }
  a_.dec(count);
  return flags(x86::CondCode::kZero);
}

// --- looks

Condition FunctionEmitter::isSet(uint8_t base, int32_t offset, uint32_t width) {
  a_.cmp(x86::ptr(x86::gpq(base), offset, width), 0);
  return flags(x86::CondCode::kNotEqual);
}

Condition FunctionEmitter::versionDiffers(uint8_t base, int32_t offset, uint64_t version,
                                          uint32_t width) {
  const x86::Gp scratch = width == 8 ? x86::Gp(x86::gpq(kScratchGp)) : x86::gpd(kScratchGp);
  x86::Mem found = x86::ptr(x86::gpq(base), offset, width);
  if (base == kScratchGp) {
    a_.mov(scratch, found);
    a_.cmp(scratch, as_.version(version, width));
  } else {
    a_.mov(scratch, as_.version(version, width));
    a_.cmp(found, scratch);
  }
  return flags(x86::CondCode::kNotEqual);
}

void FunctionEmitter::loadWord(uint8_t to, uint8_t base, int32_t offset) {
  a_.mov(x86::gpq(to), x86::ptr(x86::gpq(base), offset, 8));
}

void FunctionEmitter::storeWord(uint8_t from, uint8_t base, int32_t offset) {
  a_.mov(x86::ptr(x86::gpq(base), offset, 8), x86::gpq(from));
}

// --- shared pieces: r11 brings the position, and comes back, tested

Condition FunctionEmitter::exitIsTaken() { return flags(x86::CondCode::kNotZero); }

Condition FunctionEmitter::takenExitIs(uint32_t number) {
  a_.cmp(x86::gpd(kScratchGp), static_cast<int32_t>(number));
  return flags(x86::CondCode::kEqual);
}

void FunctionEmitter::openPiece(const SharedCalls::Site& site) {
  if (site.position != nullptr) {
    uint32_t width = site.position->u32(0);
    x86::Gp position = width == 8 ? x86::Gp(x86::gpq(kScratchGp)) : x86::gpd(kScratchGp);
    a_.mov(mem(site.position->uses[0], width), position);
  }
  a_.sub(x86::rsp, 8);  // aligned again
}

void FunctionEmitter::closePiece() {
  a_.add(x86::rsp, 8);
  a_.test(x86::gpd(kScratchGp), x86::gpd(kScratchGp));
  a_.ret();
}

}  // namespace tephra::x86_64
