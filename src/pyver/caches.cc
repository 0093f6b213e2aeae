// Purpose: what inline caches hold, as feedback. Where a cache's fields are comes from the
// version's own headers (pycore_code.h), in code units.
#include "pyver/opcodes.h"

namespace tephra::py {

namespace {

using F = Feedback;

#define TEPHRA_FIELD(cache, field) (offsetof(cache, field) / sizeof(_Py_CODEUNIT))

FeedbackInfo ofKind(F kind) {
  FeedbackInfo info;
  info.kind = kind;
  return info;
}

}  // namespace

// What opcodes.tbl names; some versions lack the rows that name some of it.
namespace read {

FeedbackInfo only(Decoder&, const RawInstr&, F kind) { return ofKind(kind); }

// --- attributes

FeedbackInfo indexed(Decoder& d, const RawInstr& raw, F kind) {
  FeedbackInfo info = ofKind(kind);
  info.type_version = read32(raw.cache + TEPHRA_FIELD(_PyAttrCache, version));
  info.index = raw.cache[TEPHRA_FIELD(_PyAttrCache, index)];
  attachType(d, &info);
  return info;
}

FeedbackInfo moduleEntry(Decoder&, const RawInstr& raw, F kind) {
  FeedbackInfo info = ofKind(kind);
  info.keys_version = read32(raw.cache + TEPHRA_FIELD(_PyAttrCache, version));
  info.index = raw.cache[TEPHRA_FIELD(_PyAttrCache, index)];
  return info;
}

// Where values are in the object, the cache has their byte offset.
FeedbackInfo instanceValue(Decoder& d, const RawInstr& raw, F kind) {
  FeedbackInfo info = indexed(d, raw, kind);
  if (!kInlineValues) return info;
  if (info.type == kNoRef) return ofKind(F::kNone);
  auto* type = reinterpret_cast<PyTypeObject*>(d.unit().objects[info.type].address);
  int64_t first = type->tp_basicsize + static_cast<int64_t>(offsetof(PyDictValues, values));
  info.offset = info.index;
  info.index =
      static_cast<int32_t>((info.offset - first) / static_cast<int64_t>(sizeof(PyObject*)));
  return info;
}

FeedbackInfo describedBy(Decoder& d, const RawInstr& raw, FeedbackInfo info) {
  info.type_version = read32(raw.cache + TEPHRA_FIELD(_PyLoadMethodCache, type_version));
  attachType(d, &info);
  if (info.type == kNoRef) return ofKind(F::kNone);
  PyObject* name = PyTuple_GET_ITEM(d.code()->co_names, raw.arg >> 1);
  attachDescriptor(d, &info, name,
                   readPointer(raw.cache + TEPHRA_FIELD(_PyLoadMethodCache, descr)));
  return info;
}

FeedbackInfo descriptor(Decoder& d, const RawInstr& raw, F kind) {
  return describedBy(d, raw, ofKind(kind));
}

FeedbackInfo keyedDescriptor(Decoder& d, const RawInstr& raw, F kind) {
  FeedbackInfo info = ofKind(kind);
  info.keys_version = read32(raw.cache + TEPHRA_FIELD(_PyLoadMethodCache, keys_version));
  return describedBy(d, raw, info);
}

// --- globals

FeedbackInfo global(Decoder& d, const RawInstr& raw, F kind) {
  FeedbackInfo info = ofKind(kind);
  const bool builtin = kind == F::kGlobalBuiltin;
  info.index = raw.cache[TEPHRA_FIELD(_PyLoadGlobalCache, index)];
  info.keys_version = raw.cache[TEPHRA_FIELD(_PyLoadGlobalCache, module_keys_version)];
  if (builtin)
    info.keys_version2 = raw.cache[TEPHRA_FIELD(_PyLoadGlobalCache, builtin_keys_version)];
  attachGlobal(d, &info, builtin);
  return info;
}

// --- calls

// Where the version alone does not give the callee, it is found afterwards among the functions of
// the unit (Decoder::resolveCallees).
FeedbackInfo pythonCall(Decoder& d, const RawInstr& raw, F kind) {
  FeedbackInfo info = ofKind(kind);
  info.keys_version = read32(raw.cache + TEPHRA_FIELD(_PyCallCache, func_version));
  if (PyFunctionObject* func = functionByVersion(info.keys_version)) {
    info.object = d.object(reinterpret_cast<PyObject*>(func));
  }
  return info;
}

#ifdef CALL_ALLOC_AND_ENTER_INIT
FeedbackInfo constructor(Decoder& d, const RawInstr& raw, F kind) {
  FeedbackInfo info = ofKind(kind);
  info.type_version = read32(raw.cache + TEPHRA_FIELD(_PyCallCache, func_version));  // the class's
  attachType(d, &info);
  if (info.type == kNoRef) return ofKind(F::kNone);
  auto* type = reinterpret_cast<PyHeapTypeObject*>(d.unit().objects[info.type].address);
  PyObject* name = &_Py_ID(__init__);
  attachDescriptor(d, &info, name, type->_spec_cache.init);
  return info;
}
#endif

// --- operators

#ifdef BINARY_OP_EXTEND
// The cache holds a descriptor with a pure guard: it is asked with sample operands.
FeedbackInfo extended(Decoder&, const RawInstr& raw, F) {
  auto* descr = reinterpret_cast<_PyBinaryOpSpecializationDescr*>(
      readPointer(raw.cache + TEPHRA_FIELD(_PyBinaryOpCache, external_cache)));
  if (descr == nullptr || descr->guard == nullptr) return ofKind(F::kNone);
  static PyObject* const number = PyLong_FromLong(7);
  static PyObject* const real = PyFloat_FromDouble(1.5);
  if (descr->guard(number, number)) return ofKind(F::kBinaryInt);
  if (descr->guard(number, real)) return ofKind(F::kBinaryIntFloat);
  if (descr->guard(real, number)) return ofKind(F::kBinaryFloatInt);
  return ofKind(F::kNone);
}
#endif

#ifdef TO_BOOL
struct ToBoolCache {  // counter, version: the interpreter has no name for it
  uint16_t counter;
  uint16_t version[2];
};

FeedbackInfo typeVersion(Decoder& d, const RawInstr& raw, F kind) {
  FeedbackInfo info = ofKind(kind);
  info.type_version = read32(raw.cache + TEPHRA_FIELD(ToBoolCache, version));
  attachType(d, &info);
  return info;
}
#endif

}  // namespace read

namespace {

struct SpecialisedRow {
  int opcode = 0;
  Feedback kind = Feedback::kNone;
  ReadCache read = nullptr;
};

constexpr SpecialisedRow kRows[] = {
#define TEPHRA_OPCODE(opcode, canonical, how, from)
#define TEPHRA_SPECIALISED(opcode, kind, reader) {opcode, Feedback::k##kind, read::reader},
#include "pyver/opcodes_list.gen.h"
#undef TEPHRA_OPCODE
#undef TEPHRA_SPECIALISED
};

struct Table {
  SpecialisedRow rows[256];
  Table() {
    for (const SpecialisedRow& row : kRows) rows[row.opcode] = row;
  }
};

const Table kTable;

// Counter: value << 4 | backoff; each failed specialisation raises the backoff (it starts at 1).
F unspecialised(const RawInstr& raw) {
  if (raw.cache == nullptr || raw.next == raw.at + 1) return F::kNone;
  constexpr uint16_t kManyFailures = 5;
  return (raw.cache[0] & 15) >= kManyFailures ? F::kMegamorphic : F::kNone;
}

}  // namespace

FeedbackInfo readFeedback(Decoder& d, const RawInstr& raw, FeedbackFrom from) {
  const SpecialisedRow& row = kTable.rows[raw.adaptive];
  if (row.read != nullptr) return row.read(d, raw, row.kind);
  return ofKind(from == FeedbackFrom::kCounter ? unspecialised(raw) : F::kNone);
}

}  // namespace tephra::py
