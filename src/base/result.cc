#include "base/result.h"

namespace tephra {

const char* bailoutName(BailoutReason reason) {
  switch (reason) {
#define TEPHRA_BAILOUT(name, text) \
  case BailoutReason::k##name:     \
    return #name;
#include "base/bailouts.def"
#undef TEPHRA_BAILOUT
  }
  return "?";
}

const char* bailoutText(BailoutReason reason) {
  switch (reason) {
#define TEPHRA_BAILOUT(name, text) \
  case BailoutReason::k##name:     \
    return text;
#include "base/bailouts.def"
#undef TEPHRA_BAILOUT
  }
  return "?";
}

}  // namespace tephra
