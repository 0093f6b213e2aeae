#include "target/emit.h"

#include <cstring>

#include "base/check.h"
#include "target/aarch64/emit.h"
#include "target/aarch64/encodings.h"
#include "target/x86_64/emit.h"

namespace tephra {

Result<EmittedCode> emitFunction(const Target& target, const EmitInput& input) {
  switch (target.arch()) {
    case Arch::kX86_64: return x86_64::emitFunction(target, input);
    case Arch::kAArch64: return aarch64::emitFunction(target, input);
  }
  return emissionBailout("no such target");
}

Result<EmittedCode> emitStub(const Target& target, const StubInput& input) {
  switch (target.arch()) {
    case Arch::kX86_64: return x86_64::emitStub(target, input);
    case Arch::kAArch64: return aarch64::emitStub(target, input);
  }
  return emissionBailout("no such target");
}

namespace {

void patchWord(uint8_t* code, uint32_t (*patch)(uint32_t, uint64_t, uint64_t), uint64_t place,
               uint64_t target) {
  uint32_t word = 0;
  std::memcpy(&word, code, 4);
  word = patch(word, place, target);
  std::memcpy(code, &word, 4);
}

}  // namespace

void relocate(const Relocation& relocation, uint8_t* code, uint64_t place) {
  uint64_t target = relocation.target;
  switch (relocation.kind) {
    case RelocationKind::kX86Relative: {
      auto distance = static_cast<int64_t>(target - (place + 4));
      TEPHRA_CHECK(distance == static_cast<int32_t>(distance), "an address within 2 GB");
      auto bits = static_cast<uint32_t>(distance);
      std::memcpy(code, &bits, 4);
      return;
    }
    case RelocationKind::kArmBranch:
      return patchWord(
          code,
          [](uint32_t word, uint64_t from, uint64_t to) {
            return aarch64::withDistance(word, aarch64::Field::kBranch26,
                                         static_cast<int64_t>(to - from));
          },
          place, target);
    case RelocationKind::kArmPages: return patchWord(code, aarch64::withPages, place, target);
    case RelocationKind::kArmLow12Words:
      return patchWord(
          code, [](uint32_t word, uint64_t, uint64_t to) { return aarch64::withLow12(word, to); },
          place, target);
  }
}

}  // namespace tephra
