#include "driver/counts.h"

#include <vector>

#include "hir/ir.h"

namespace tephra::driver {
namespace {

struct CountRecord {
  std::string module, qualname, filename;
  uint32_t line = 0;
  CodeMeasure own;
  const uint64_t* counters = nullptr;
  std::vector<uint64_t> cleared;  // what the counters were at the last clear
  CodeMeasure other;
  std::string other_missing;  // why there is none
};

std::vector<CountRecord>& records() {
  static auto* all = new std::vector<CountRecord>;
  return *all;
}

const char* originName(uint16_t origin) {
  return origin == 0 ? "" : hir::opInfo(static_cast<hir::Op>(origin - 1)).name;
}

bool append(PyObject* list, PyObject* item) {
  bool good = item && PyList_Append(list, item) == 0;
  Py_XDECREF(item);
  return good;
}

PyObject* rowsAsList(const Tally::Segment& segment) {
  PyObject* rows = PyList_New(0);
  for (const TallyRow& row : segment.rows) {
    PyObject* item = rows ? Py_BuildValue("(ssII)", row.operation.c_str(), originName(row.origin),
                                          row.instructions, row.bytes)
                          : nullptr;
    if (rows && !append(rows, item)) Py_CLEAR(rows);
  }
  return rows;
}

// [(name, count, [(operation, HIR operation, instructions, bytes)])]; count 0 without counters.
PyObject* segmentsAsList(const Tally& tally, const CountRecord* record) {
  PyObject* list = PyList_New(0);
  for (size_t i = 0; list && i < tally.segments.size(); ++i) {
    unsigned long long count = 0;
    if (record) count = record->counters[i] - (i < record->cleared.size() ? record->cleared[i] : 0);
    PyObject* rows = rowsAsList(tally.segments[i]);
    PyObject* item =
        rows ? Py_BuildValue("(sKN)", tally.segments[i].name.c_str(), count, rows) : nullptr;
    if (!append(list, item)) Py_CLEAR(list);
  }
  return list;
}

PyObject* measureWith(const char* arch, const CodeMeasure& measure, const CountRecord* record) {
  PyObject* segments = segmentsAsList(measure.tally, record);
  PyObject* aliases = segments ? PyDict_New() : nullptr;
  for (const auto& [name, index] : measure.tally.aliases) {
    PyObject* value = aliases ? PyLong_FromUnsignedLong(index) : nullptr;
    if (aliases && (!value || PyDict_SetItemString(aliases, name.c_str(), value) < 0))
      Py_CLEAR(aliases);
    Py_XDECREF(value);
  }
  if (!aliases) {
    Py_XDECREF(segments);
    return nullptr;
  }
  return Py_BuildValue("{s:s,s:I,s:I,s:I,s:N,s:N}", "arch", arch, "hot_bytes", measure.hot_bytes,
                       "cold_bytes", measure.cold_bytes, "instructions", measure.instructions,
                       "segments", segments, "aliases", aliases);
}

PyObject* recordAsObject(const CountRecord& record) {
  PyObject* own = measureWith(hostTarget().name(), record.own, &record);
  PyObject* other = record.other_missing.empty()
                        ? measureWith(otherTarget().name(), record.other, nullptr)
                        : Py_NewRef(Py_None);
  if (!own || !other) {
    Py_XDECREF(own);
    Py_XDECREF(other);
    return nullptr;
  }
  return Py_BuildValue("{s:s,s:s,s:s,s:I,s:N,s:N,s:s}", "module", record.module.c_str(), "function",
                       record.qualname.c_str(), "filename", record.filename.c_str(), "line",
                       record.line, "own", own, "other", other, "other_missing",
                       record.other_missing.c_str());
}

}  // namespace

void recordCounts(const CodeUnit& unit, const CompiledCode& code, Result<CodeMeasure>& other) {
  CountRecord record;
  record.module = unit.module;
  record.qualname = unit.qualname;
  record.filename = unit.filename;
  record.line = unit.first_line;
  record.own = {code.plain_hot_bytes, code.plain_cold_bytes, code.plain_instructions, code.tally};
  record.counters = code.counters;
  if (other) {
    record.other = *other;
  } else {
    record.other_missing = other.bailout().detail;
    if (record.other_missing.empty()) record.other_missing = "it does not compile there";
  }
  records().push_back(std::move(record));
}

void clearCounts() {
  for (CountRecord& record : records()) {
    record.cleared.assign(record.counters, record.counters + record.own.tally.segments.size());
  }
}

void forgetCounts() { records().clear(); }

PyObject* countsAsObjects() {
  PyObject* list = PyList_New(0);
  for (const CountRecord& record : records()) {
    if (list && !append(list, recordAsObject(record))) Py_CLEAR(list);
  }
  return list;
}

PyObject* measureAsObject(const Target& target, const CodeMeasure& measure) {
  return measureWith(target.name(), measure, nullptr);
}

}  // namespace tephra::driver
