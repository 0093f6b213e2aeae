#include "driver/jit.h"

namespace tephra::driver {

Jit* const the_jit = new Jit;

std::string offReason() {
  std::string refusal = py::refusal();
  return refusal.empty() ? jit().off_reason : refusal;
}

}  // namespace tephra::driver
