// Purpose: CodeUnit, the plain-data image of a function that the decoder makes under the GIL;
// every later phase reads this and no Python object.
// Invariant: `objects` keeps every referenced object alive (the driver holds the references);
// all indices are in range (checked by the decoder).
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/version_set.h"
#include "pyver/common/layout.h"

namespace tephra {

using ObjRef = uint32_t;
inline constexpr ObjRef kNoRef = 0xFFFFFFFF;

enum class Canonical : uint8_t {
#define TEPHRA_CANONICAL(name) k##name,
#include "pyver/common/canonical_list.gen.h"
#undef TEPHRA_CANONICAL
};
const char* canonicalName(Canonical op);

// How compiled code may name an object. A code object owns what is compiled for it and is no
// collector object: no cycle through a strong reference of compiled code would ever be found.
enum class Keep : uint8_t {
  kAlways,  // immortal, or held by the code object itself: nothing to do
  kHold,    // reaches no other object (numbers, text): a strong reference
  kWatch,   // tells its death: by its address only, and the code goes when it dies
  kNever,   // by nothing that outlives a guard
};

// What is known of a referenced object.
struct ObjectInfo {
  uint64_t address = 0;
  Keep keep = Keep::kAlways;
  uint32_t type_mask = 0;  // hir::kMask*: its exact type
  bool immortal = false;
  bool is_word_int = false;  // an int of at most 64 bits
  int64_t int_value = 0;     // of those, and of bools
  double float_value = 0;
  std::string text;  // short, deterministic: name or literal, never an address
  ObjRef type = kNoRef;
  // Functions and code objects: what a direct call needs.
  bool is_plain_callable = false;  // simple positional parameters, no *args/**kw
  uint32_t argcount = 0;           // positional parameters
  uint32_t posonly = 0;
  std::vector<std::string> names;  // parameters in slot order; also the items of a tuple of strs
  ObjRef code = kNoRef;            // its code object
  ObjRef defaults = kNoRef;        // the tuple of defaults, and its items
  std::vector<ObjRef> default_values;
  uint32_t items = 0;       // of a tuple
  uint64_t entry_cell = 0;  // address of its register-entry cell (0 = none)
  // Code objects: of the cell with the vectorcall of the functions to which entry_cell applies.
  uint64_t vectorcall_cell = 0;
  // Classes whose instances object.__new__ makes and a Python function initialises.
  uint32_t class_version = 0;
  ObjRef init = kNoRef;
  bool init_inlined = false;  // a specialised call with positional arguments has no C frames
  // Builtins and method descriptors: what CallBuiltin needs.
  uint64_t c_function = 0;
  uint64_t c_self = 0;
  uint32_t c_flags = 0;      // METH_*
  std::string builtin_name;  // "len", "isinstance", "list.append", ...
};

// Feedback of one instruction, read from the interpreter's inline caches and already resolved.
enum class Feedback : uint8_t {
  kNone,         // never specialised, or not adaptive
  kMegamorphic,  // specialisation failed repeatedly
  kBinaryInt,
  kBinaryFloat,
  kBinaryStr,
  kBinaryIntFloat,
  kBinaryFloatInt,  // mixed (3.14 BINARY_OP_EXTEND)
  kItemListInt,
  kItemTupleInt,
  kItemStrInt,
  kItemDict,
  kItemListSlice,
  kItemFunction,
  kStoreListInt,
  kStoreDict,
  kCompareInt,
  kCompareFloat,
  kCompareStr,
  kBoolBool,
  kBoolInt,
  kBoolList,
  kBoolNone,
  kBoolStr,
  kBoolAlwaysTrue,
  kContainsDict,
  kContainsSet,
  kAttrInstance,       // LOAD/STORE_ATTR_INSTANCE_VALUE: type_version, index
  kAttrSlot,           // type_version, offset (byte offset in the object)
  kAttrWithHint,       // type_version, index (dict)
  kAttrModule,         // keys_version, index
  kAttrClass,          // type_version, object (the class attribute), receiver is the class itself
  kAttrClassGuarded,   // class attribute through a metaclass check
  kAttrProperty,       // type_version, object = fget
  kAttrNondescriptor,  // type_version, object: class attribute through an instance, no values
  kAttrNondescriptorValues,  // the same with keys_version
  kMethodWithValues,         // type_version, keys_version, object = the function
  kMethodNoDict,
  kMethodLazyDict,  // type_version, object
  kGlobalModule,    // keys_version, index; object = current value where it can be read
  kGlobalBuiltin,   // keys_version (globals), keys_version2 (builtins), index; object
  kUnpackTwoTuple,
  kUnpackTuple,
  kUnpackList,
  kForList,
  kForTuple,
  kForRange,
  kForGen,
  kCallPyExact,
  kCallBoundPyExact,
  kCallPyGeneral,
  kCallBoundPyGeneral,  // object = callee when known
  kCallBuiltinO,
  kCallBuiltinFast,
  kCallBuiltinFastKw,
  kCallBuiltinClass,
  kCallMethodDescrO,
  kCallMethodDescrFast,
  kCallMethodDescrFastKw,
  kCallMethodDescrNoArgs,
  kCallLen,
  kCallIsInstance,
  kCallListAppend,
  kCallType1,
  kCallStr1,
  kCallTuple1,
  kCallAllocInit,  // type_version, object = __init__
  kSuperAttr,
  kSuperMethod,
  kSendGen,
};
const char* feedbackName(Feedback kind);

struct FeedbackInfo {
  Feedback kind = Feedback::kNone;
  uint32_t type_version = 0;
  uint32_t keys_version = 0;
  uint32_t keys_version2 = 0;
  int32_t index = 0;  // value index (kAttrInstance), byte offset (kAttrSlot), entry index
  // kAttrInstance with inline_values: byte offset of the value in the object. kGlobalModule,
  // kGlobalBuiltin: in the keys; 0 where those of that version are gone.
  int32_t offset = 0;
  ObjRef object = kNoRef;
  ObjRef type = kNoRef;  // the type whose version it is, where it could be found
  // kGlobalModule, kGlobalBuiltin; kAttrModule (of the module `type`): `object` may be taken for a
  // constant, whatever the versions.
  bool constant = false;
  // type_version and those of other classes that find the same, and keys_version and theirs; empty
  // where there are no others.
  VersionSet versions, keys_versions;
};

// One bytecode instruction may become several canonical ones ("pieces", same offset). Only the
// first piece starts from the value stack that the interpreter expects at `offset`, only the last
// one leaves what it expects at `next_offset`: no exit may stand before a piece > 0, and guards
// after a piece that is not the last must wait for the last. The decoder splits so that this
// suffices: all pieces but one of each instruction are plain stack moves (LoadConst, LoadFast,
// StoreFast, PopTop, PushNull).
struct CanonicalInstr {
  Canonical op = Canonical::kNop;
  uint32_t arg = 0;
  uint32_t arg2 = 0;
  uint32_t offset = 0;       // code units from _PyCode_CODE, at the first EXTENDED_ARG if any
  uint32_t lasti = 0;        // code units: the instruction itself (position, handler look-up)
  uint32_t next_offset = 0;  // where the interpreter continues after it
  uint32_t feedback = 0;     // index into CodeUnit::feedback; 0 = none
  uint8_t piece = 0;         // number among the pieces of its instruction
  bool last_piece = true;
  bool fused = false;  // done in one with the next instruction: nobody looks between them
};

struct ExceptionRange {
  uint32_t start = 0, end = 0, target = 0;  // code units
  uint32_t depth = 0;
  bool lasti = false;
};

enum class LocalKind : uint8_t { kLocal, kCell, kFree, kHidden };
struct LocalInfo {
  std::string name;
  LocalKind kind = LocalKind::kLocal;
  bool is_arg = false;
  bool is_arg_cell = false;  // a parameter that is also a cell
};

struct CodeUnit {
  std::string name, qualname, module, filename;
  uint32_t first_line = 0;
  uint32_t argcount = 0, posonly = 0, kwonly = 0;
  bool has_varargs = false, has_varkeywords = false;  // *args, **kwargs
  uint32_t total_args = 0;  // slots filled by argument binding, *args and **kwargs included
  uint32_t stack_size = 0, frame_size = 0;  // frame_size in words, as co_framesize
  uint32_t first_traceable = 0;
  std::vector<LocalInfo> locals;  // all of localsplus
  std::vector<CanonicalInstr> code;
  std::vector<ExceptionRange> exceptions;
  std::vector<FeedbackInfo> feedback{FeedbackInfo{}};  // [0] = none
  std::vector<ObjectInfo> objects;
  uint64_t bytecode = 0;                 // address of _PyCode_CODE
  uint64_t instrumentation_version = 0;  // word that the breaker check expects, see CheckPeriodic
  ObjRef code_object = kNoRef, globals = kNoRef, builtins = kNoRef;
  ObjRef function = kNoRef;   // kNoRef when compiled for every closure of the code
  uint64_t call_counter = 0;  // address of a 64-bit word that counts the calls; 0: nobody asks
  const PyLayout* layout = nullptr;

  ObjRef addObject(ObjectInfo info) {
    objects.push_back(std::move(info));
    return static_cast<ObjRef>(objects.size() - 1);
  }
};

// Canonical bytecode and feedback as text, for dumps and decoder tests.
std::string printUnit(const CodeUnit& unit);

}  // namespace tephra
