#include "metadata/entries.h"

namespace tephra {
namespace {

constexpr const char* kNames[kEntryKinds] = {"register", "vectorcall", "array",
                                             "loop",     "handler",    "resume"};

}  // namespace

const char* entryKindName(EntryKind kind) { return kNames[static_cast<uint32_t>(kind)]; }

bool entryKindFromName(const std::string& name, EntryKind* out) {
  for (uint32_t i = 0; i < kEntryKinds; ++i) {
    if (name != kNames[i]) continue;
    *out = static_cast<EntryKind>(i);
    return true;
  }
  return false;
}

uint64_t findEntry(const std::vector<CodeEntry>& entries, EntryKind kind, uint32_t offset) {
  for (const CodeEntry& entry : entries) {
    if (entry.point.kind == kind && entry.point.offset == offset) return entry.address;
  }
  return 0;
}

}  // namespace tephra
