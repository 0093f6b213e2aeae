#include "base/check.h"

#include <cstdio>
#include <cstdlib>

namespace tephra {

void checkFailed(const char* file, int line, const char* expression, const char* message) {
  std::fprintf(stderr, "tephra: internal error at %s:%d: expected %s (%s). Please report this.\n",
               file, line, expression, message);
  std::abort();
}

}  // namespace tephra
