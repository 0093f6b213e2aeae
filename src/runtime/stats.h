// Purpose: counts of the exits that compiled code took: function, line, reason and, for guards on a
// value, the type that came. Reports and the recompilation policy read them.
// Invariant: a row outlives the compiled code that it is about. All under the GIL.
#pragma once

#include "pyver/python.h"

#include <cstdint>
#include <string>
#include <vector>

#include "metadata/exits.h"

namespace tephra {

struct ExitCount {
  std::string filename, qualname;
  uint32_t line = 0;
  ExitKind kind = ExitKind::kDeopt;
  ExitReason reason{};
  std::string type;  // offending type's name; empty where there is none
  uint64_t count = 0;
};

// One more exit of `record`; `code` is the innermost frame's, `culprit` may be null.
void countExit(ExitRecord& record, PyCodeObject* code, PyTypeObject* culprit);
// Most frequent first; equal counts by function, line, reason, type (deterministic).
std::vector<ExitCount> exitCounts();
void clearExitCounts();
// The metadata is about to be destroyed: its rows stay, under text only.
void retireExitCounts(const CodeMetadata& metadata);

}  // namespace tephra
