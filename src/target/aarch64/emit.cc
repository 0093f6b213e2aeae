#include "target/aarch64/emit.h"

namespace tephra::aarch64 {

Result<EmittedCode> emitFunction(const Target& target, const EmitInput&) {
  return emissionBailout(std::string("no machine code is emitted for ") + target.name() + " yet");
}

Result<EmittedCode> emitStub(const Target& target, const StubInput&) {
  return emissionBailout(std::string("no machine code is emitted for ") + target.name() + " yet");
}

}  // namespace tephra::aarch64
