#include "target/target.h"

namespace tephra {

const Target& hostTarget() {
#if defined(__aarch64__)
  return aarch64Target();
#else
  return x86_64Target();
#endif
}

const Target& otherTarget() {
  return hostTarget().arch() == Arch::kX86_64 ? aarch64Target() : x86_64Target();
}

}  // namespace tephra
