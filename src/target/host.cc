#include "target/target.h"

namespace tephra {

const Target& hostTarget() {
#if defined(__aarch64__)
  return aarch64Target();
#else
  return x86_64Target();
#endif
}

}  // namespace tephra
