// Purpose: the ways into compiled code: calls by three conventions, and into the middle of a
// function whose frame is there already. Invariant: of a function's entries the calls come first.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace tephra {

enum class EntryKind : uint8_t {
  kRegister,    // a call with its arguments in registers, the function first
  kVectorcall,  // vectorcallfunc
  kArray,       // a call with its arguments in an array
  kLoop,        // a loop's head, from the interpreter's frame
  kHandler,     // an exception handler, likewise
  kResume,      // behind a yield, likewise
};
inline constexpr uint32_t kEntryKinds = 6;

const char* entryKindName(EntryKind kind);
bool entryKindFromName(const std::string& name, EntryKind* out);

// Where one leads, by its kind and (loops, handlers, resumptions) its bytecode offset in code
// units.
struct EntryPoint {
  EntryKind kind = EntryKind::kRegister;
  uint32_t offset = 0;
};

// A row of the table of a function's entries.
struct CodeEntry {
  EntryPoint point;
  uint64_t address = 0;  // of the code; until it has its place, from its beginning
};
// The address of the one; 0: there is none.
uint64_t findEntry(const std::vector<CodeEntry>& entries, EntryKind kind, uint32_t offset);

}  // namespace tephra
