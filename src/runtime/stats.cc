#include "runtime/stats.h"

#include <algorithm>
#include <tuple>
#include <unordered_map>

namespace tephra {
namespace {

struct Key {
  const ExitRecord* record;
  const PyTypeObject* culprit;
  ExitReason reason;  // not always the same (ExitRecord::looks)
  bool operator==(const Key&) const = default;
};
struct KeyHash {
  size_t operator()(const Key& key) const {
    const std::hash<const void*> of;
    return (of(key.record) * 31 + of(key.culprit)) * 31 + static_cast<size_t>(key.reason);
  }
};

// Never destroyed: compiled code may run while the process ends.
struct Counts {
  std::unordered_map<Key, ExitCount, KeyHash> live;
  std::vector<ExitCount> retired;
  uint64_t epoch = 1;  // ends when the rows are cleared
};
Counts& counts() {
  static auto* all = new Counts();
  return *all;
}

std::string text(PyObject* string) {
  const char* utf8 = string == nullptr ? nullptr : PyUnicode_AsUTF8(string);
  if (utf8 == nullptr) PyErr_Clear();
  return utf8 == nullptr ? "?" : utf8;
}

ExitCount describe(const ExitRecord& record, PyCodeObject* code, const char* type) {
  // Called in the middle of a raise too: the exception is kept out of the way.
  PyObject* exception = PyErr_GetRaisedException();
  ExitCount row;
  row.filename = text(code->co_filename);
  row.qualname = text(code->co_qualname);
  const int line = PyCode_Addr2Line(code, static_cast<int>(record.line_offset * 2));
  row.line = line > 0 ? static_cast<uint32_t>(line) : 0;
  row.kind = record.kind;
  row.reason = record.reason;
  row.type = type;
  PyErr_SetRaisedException(exception);
  return row;
}

auto identity(const ExitCount& row) {
  return std::tie(row.filename, row.qualname, row.line, row.kind, row.reason, row.type);
}

void merge(std::vector<ExitCount>* rows) {
  std::sort(rows->begin(), rows->end(),
            [](const ExitCount& a, const ExitCount& b) { return identity(a) < identity(b); });
  size_t kept = 0;
  for (size_t i = 0; i < rows->size(); ++i) {
    if (kept > 0 && identity((*rows)[kept - 1]) == identity((*rows)[i])) {
      (*rows)[kept - 1].count += (*rows)[i].count;
    } else {
      if (kept != i) (*rows)[kept] = std::move((*rows)[i]);
      ++kept;
    }
  }
  rows->resize(kept);
}

}  // namespace

void countExit(ExitRecord& record, PyCodeObject* code, PyTypeObject* culprit) {
  if (culprit == nullptr && record.row_epoch == counts().epoch) {
    ++*record.row;
    return;
  }
  const char* type = culprit == nullptr ? "" : culprit->tp_name;
  auto [at, inserted] = counts().live.try_emplace(Key{&record, culprit, record.reason});
  if (inserted) {
    at->second = describe(record, code, type);
  } else if (at->second.type != type) {
    // Another type has taken a dead type's place in memory.
    counts().retired.push_back(at->second);
    at->second.type = type;
    at->second.count = 0;
  }
  ++at->second.count;
  if (culprit != nullptr) return;
  record.row = &at->second.count;  // rows do not move
  record.row_epoch = counts().epoch;
}

std::vector<ExitCount> exitCounts() {
  std::vector<ExitCount> rows = counts().retired;
  for (const auto& [key, row] : counts().live) rows.push_back(row);
  merge(&rows);
  std::stable_sort(rows.begin(), rows.end(),
                   [](const ExitCount& a, const ExitCount& b) { return a.count > b.count; });
  return rows;
}

void clearExitCounts() {
  counts().live.clear();
  counts().retired.clear();
  ++counts().epoch;
}

void retireExitCounts(const CodeMetadata& metadata) {
  if (metadata.exits.empty()) return;
  const ExitRecord* first = metadata.exits.data();
  const ExitRecord* end = first + metadata.exits.size();
  std::erase_if(counts().live, [&](auto& entry) {
    const bool dying = entry.first.record >= first && entry.first.record < end;
    if (dying) counts().retired.push_back(entry.second);
    return dying;
  });
  merge(&counts().retired);
}

}  // namespace tephra
