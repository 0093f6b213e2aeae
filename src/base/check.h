// Purpose: the only macros of the project. TEPHRA_CHECK is always on and names what was expected;
// TEPHRA_DCHECK is on in debug builds only.
#pragma once

namespace tephra {
[[noreturn]] void checkFailed(const char* file, int line, const char* expression,
                              const char* message);
}

#define TEPHRA_CHECK(condition, message)                              \
  do {                                                                \
    if (!(condition)) [[unlikely]]                                    \
      ::tephra::checkFailed(__FILE__, __LINE__, #condition, message); \
  } while (0)

#ifdef TEPHRA_DEBUG
#define TEPHRA_DCHECK(condition, message) TEPHRA_CHECK(condition, message)
#else
#define TEPHRA_DCHECK(condition, message) \
  do {                                    \
  } while (0)
#endif
