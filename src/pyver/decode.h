// Purpose: the decoder's frame: walks real bytecode, keeps indices, objects and jump targets; each
// one is decoded by its row of opcodes.tbl (opcodes.h).
// Invariant: the base stream (PyCode_GetCode: no specialised, instrumented or executor opcodes)
// says what the instructions are; the adaptive stream is read for feedback only.
#pragma once

#include <span>
#include <unordered_map>
#include <vector>

#include "pyver/internal.h"

namespace tephra::py {

struct RawInstr {
  uint32_t start = 0;  // code units, the first EXTENDED_ARG if any
  uint32_t at = 0;     // the instruction itself
  uint32_t next = 0;   // after its caches
  int opcode = 0;      // base opcode
  int adaptive = 0;    // opcode in the adaptive stream
  uint32_t arg = 0;
  const uint16_t* cache =
      nullptr;  // adaptive stream: [0] counter, [1].. as the instruction defines
};

inline uint32_t read32(const uint16_t* p) { return p[0] | (static_cast<uint32_t>(p[1]) << 16); }
inline PyObject* readPointer(const uint16_t* p) {
  PyObject* object;
  memcpy(static_cast<void*>(&object), p, sizeof(object));
  return object;
}

class Decoder {
 public:
  // seen: see decode() in contract.h.
  Decoder(PyFunctionObject* func, PyCodeObject* code, std::span<const uint32_t> seen,
          EntryQuestion watchable);
  Result<std::unique_ptr<CodeUnit>> run();

  // For the rows of opcodes.tbl.
  CanonicalInstr& emit(Canonical op, uint32_t arg = 0, uint32_t arg2 = 0);
  void emitJump(Canonical op, uint32_t target_offset, uint32_t arg2 = 0);
  // A ToBool that is an instruction of its own: the interpreter may run `raw` on the exact bool.
  void emitToBool(const RawInstr& raw);
  void attach(FeedbackInfo info);  // to the instruction emitted last
  ObjRef object(PyObject* object);
  // One that lives as long as the code object does.
  ObjRef kept(PyObject* object);
  ObjRef constant(uint32_t index) { return kept(PyTuple_GET_ITEM(code_->co_consts, index)); }
  ObjRef name(uint32_t index) { return kept(PyTuple_GET_ITEM(code_->co_names, index)); }
  PyCodeObject* code() const { return code_; }
  PyFunctionObject* function() const { return func_; }
  CodeUnit& unit() { return *unit_; }
  void fail(Bailout bailout) { failure_ = std::move(bailout), failed_ = true; }

  // 3.12: KW_NAMES before its CALL. The pair is one instruction that starts at KW_NAMES.
  ObjRef pending_kwnames = kNoRef;
  uint32_t pending_start = 0;

 private:
  void describe();
  void addLocals();
  void findConstant(FeedbackInfo* info);
  void readExceptions();
  bool readNext(uint32_t* position, RawInstr* raw);
  void finishInstr(const RawInstr& raw, size_t first);
  bool resolveTargets();
  void resolveCallees();
  void describeCallables();

  PyFunctionObject* func_;
  PyCodeObject* code_;
  std::span<const uint32_t> seen_;
  EntryQuestion watchable_;
  std::unique_ptr<CodeUnit> unit_;
  const uint8_t* base_ = nullptr;
  uint32_t units_ = 0;
  std::unordered_map<PyObject*, ObjRef> refs_;
  std::vector<int32_t> index_of_;                     // code unit -> canonical index, -1
  std::vector<std::pair<uint32_t, uint32_t>> jumps_;  // canonical index, target code unit
  Bailout failure_{};
  bool failed_ = false;
};

// --- opcodes.cc: emits the canonical form of one instruction.
void decodeOpcode(Decoder& d, const RawInstr& raw);

// --- versions.cc. Borrowed; NULL when no live function or type has this version.
PyFunctionObject* functionByVersion(uint32_t version);
PyTypeObject* typeByVersion(uint32_t version);

// --- feedback.cc
void attachType(Decoder& d, FeedbackInfo* info);  // info->type from type_version
// info->object from a cache's pointer, if that is what the class info->type has under the name (or
// the getter of the property that it has); else there is no feedback.
void attachDescriptor(Decoder& d, FeedbackInfo* info, PyObject* name, PyObject* descriptor);
// What a look-up in the class and its bases finds; borrowed. NULL also where looking might run
// code, which is not certain then.
PyObject* classAttribute(PyTypeObject* type, PyObject* name, bool* certain = nullptr);
// The value of a global variable that may be taken for a constant, and of a module's attribute.
void attachConstantGlobal(Decoder& d, FeedbackInfo* info, PyObject* name, EntryQuestion watchable);
void attachConstantOf(Decoder& d, FeedbackInfo* info, ObjRef module, PyObject* name,
                      EntryQuestion watchable);
// info->object and info->offset from keys and index.
void attachGlobal(Decoder& d, FeedbackInfo* info, bool builtin);
// --- shapes.cc
// Of the classes with these versions, those too that find the same under the name.
void widenShapes(std::span<const uint32_t> seen, PyObject* name, FeedbackInfo* info);

}  // namespace tephra::py
