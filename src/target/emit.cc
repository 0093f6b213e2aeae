#include "target/emit.h"

#include "target/aarch64/emit.h"
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

}  // namespace tephra
