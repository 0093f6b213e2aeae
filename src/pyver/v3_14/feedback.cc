// Purpose: CPython 3.14's inline caches as feedback.
#include "pyver/decode.h"

namespace tephra::py {

namespace {

using F = Feedback;

FeedbackInfo only(F kind) {
  FeedbackInfo info;
  info.kind = kind;
  return info;
}

// BINARY_OP_EXTEND holds a descriptor with a pure guard: it is asked with sample operands.
F extendKind(const RawInstr& raw) {
  auto* descr = reinterpret_cast<_PyBinaryOpSpecializationDescr*>(readPointer(raw.cache + 1));
  if (descr == nullptr || descr->guard == nullptr) return F::kNone;
  static PyObject* const number = PyLong_FromLong(7);
  static PyObject* const real = PyFloat_FromDouble(1.5);
  if (descr->guard(number, number)) return F::kBinaryInt;
  if (descr->guard(number, real)) return F::kBinaryIntFloat;
  if (descr->guard(real, number)) return F::kBinaryFloatInt;
  return F::kNone;
}

FeedbackInfo binaryOp(Decoder& d, const RawInstr& raw) {
  switch (raw.adaptive) {
    case BINARY_OP_ADD_INT:
    case BINARY_OP_SUBTRACT_INT:
    case BINARY_OP_MULTIPLY_INT: return only(F::kBinaryInt);
    case BINARY_OP_ADD_FLOAT:
    case BINARY_OP_SUBTRACT_FLOAT:
    case BINARY_OP_MULTIPLY_FLOAT: return only(F::kBinaryFloat);
    case BINARY_OP_ADD_UNICODE:
    case BINARY_OP_INPLACE_ADD_UNICODE: return only(F::kBinaryStr);
    case BINARY_OP_EXTEND: return only(extendKind(raw));
    case BINARY_OP_SUBSCR_LIST_INT: return only(F::kItemListInt);
    case BINARY_OP_SUBSCR_LIST_SLICE: return only(F::kItemListSlice);
    case BINARY_OP_SUBSCR_TUPLE_INT: return only(F::kItemTupleInt);
    case BINARY_OP_SUBSCR_STR_INT: return only(F::kItemStrInt);
    case BINARY_OP_SUBSCR_DICT: return only(F::kItemDict);
    case BINARY_OP_SUBSCR_GETITEM: return only(F::kItemFunction);
    default: return only(unspecialised(raw));
  }
  (void)d;
}

FeedbackInfo instanceValue(Decoder& d, const RawInstr& raw) {
  FeedbackInfo info = only(F::kAttrInstance);
  info.type_version = read32(raw.cache + 1);
  info.offset = raw.cache[3];
  attachType(d, &info);
  if (info.type == kNoRef) return only(F::kNone);
  auto* type = reinterpret_cast<PyTypeObject*>(d.unit().objects[info.type].address);
  int64_t first = type->tp_basicsize + static_cast<int64_t>(offsetof(PyDictValues, values));
  info.index =
      static_cast<int32_t>((info.offset - first) / static_cast<int64_t>(sizeof(PyObject*)));
  return info;
}

FeedbackInfo withDescriptor(Decoder& d, const RawInstr& raw, F kind) {
  FeedbackInfo info = only(kind);
  info.type_version = read32(raw.cache + 1);
  if (kind == F::kMethodWithValues || kind == F::kAttrNondescriptorValues ||
      kind == F::kAttrClassGuarded) {
    info.keys_version = read32(raw.cache + 3);
  }
  attachType(d, &info);
  if (info.type == kNoRef) return only(F::kNone);
  PyObject* name = PyTuple_GET_ITEM(d.code()->co_names, raw.arg >> 1);
  attachDescriptor(d, &info, name, readPointer(raw.cache + 5));
  return info;
}

FeedbackInfo indexed(Decoder& d, const RawInstr& raw, F kind) {
  FeedbackInfo info = only(kind);
  uint32_t version = read32(raw.cache + 1);
  info.index = raw.cache[3];
  if (kind == F::kAttrModule) {
    info.keys_version = version;
  } else {
    info.type_version = version;
    attachType(d, &info);
  }
  return info;
}

FeedbackInfo loadAttr(Decoder& d, const RawInstr& raw) {
  switch (raw.adaptive) {
    case LOAD_ATTR_INSTANCE_VALUE: return instanceValue(d, raw);
    case LOAD_ATTR_SLOT: return indexed(d, raw, F::kAttrSlot);
    case LOAD_ATTR_WITH_HINT: return indexed(d, raw, F::kAttrWithHint);
    case LOAD_ATTR_MODULE: return indexed(d, raw, F::kAttrModule);
    case LOAD_ATTR_CLASS: return withDescriptor(d, raw, F::kAttrClass);
    case LOAD_ATTR_CLASS_WITH_METACLASS_CHECK: return withDescriptor(d, raw, F::kAttrClassGuarded);
    case LOAD_ATTR_PROPERTY: return withDescriptor(d, raw, F::kAttrProperty);
    case LOAD_ATTR_METHOD_WITH_VALUES: return withDescriptor(d, raw, F::kMethodWithValues);
    case LOAD_ATTR_METHOD_NO_DICT: return withDescriptor(d, raw, F::kMethodNoDict);
    case LOAD_ATTR_METHOD_LAZY_DICT: return withDescriptor(d, raw, F::kMethodLazyDict);
    case LOAD_ATTR_NONDESCRIPTOR_NO_DICT: return withDescriptor(d, raw, F::kAttrNondescriptor);
    case LOAD_ATTR_NONDESCRIPTOR_WITH_VALUES:
      return withDescriptor(d, raw, F::kAttrNondescriptorValues);
    case LOAD_ATTR_GETATTRIBUTE_OVERRIDDEN: return only(F::kNone);
    default: return only(unspecialised(raw));
  }
}

FeedbackInfo storeAttr(Decoder& d, const RawInstr& raw) {
  switch (raw.adaptive) {
    case STORE_ATTR_INSTANCE_VALUE: return instanceValue(d, raw);
    case STORE_ATTR_SLOT: return indexed(d, raw, F::kAttrSlot);
    case STORE_ATTR_WITH_HINT: return indexed(d, raw, F::kAttrWithHint);
    default: return only(unspecialised(raw));
  }
}

FeedbackInfo loadGlobal(Decoder& d, const RawInstr& raw) {
  FeedbackInfo info;
  info.keys_version = raw.cache[1];
  info.index = raw.cache[3];
  if (raw.adaptive == LOAD_GLOBAL_MODULE) {
    info.kind = F::kGlobalModule;
    attachGlobal(d, &info, false);
  } else if (raw.adaptive == LOAD_GLOBAL_BUILTIN) {
    info.kind = F::kGlobalBuiltin;
    info.keys_version2 = raw.cache[2];
    attachGlobal(d, &info, true);
  } else {
    return only(unspecialised(raw));
  }
  return info;
}

FeedbackInfo pythonCall(Decoder& d, const RawInstr& raw, F kind) {
  FeedbackInfo info = only(kind);
  info.keys_version = read32(raw.cache + 1);  // the function's version
  if (PyFunctionObject* func = functionByVersion(info.keys_version)) {
    info.object = d.object(reinterpret_cast<PyObject*>(func));
  }
  return info;
}

FeedbackInfo allocInit(Decoder& d, const RawInstr& raw) {
  FeedbackInfo info = only(F::kCallAllocInit);
  info.type_version = read32(raw.cache + 1);
  attachType(d, &info);
  if (info.type == kNoRef) return only(F::kNone);
  auto* type = reinterpret_cast<PyHeapTypeObject*>(d.unit().objects[info.type].address);
  PyObject* name = &_Py_ID(__init__);
  attachDescriptor(d, &info, name, type->_spec_cache.init);
  return info;
}

FeedbackInfo call(Decoder& d, const RawInstr& raw) {
  switch (raw.adaptive) {
    case CALL_PY_EXACT_ARGS: return pythonCall(d, raw, F::kCallPyExact);
    case CALL_PY_GENERAL: return pythonCall(d, raw, F::kCallPyGeneral);
    case CALL_BOUND_METHOD_EXACT_ARGS: return pythonCall(d, raw, F::kCallBoundPyExact);
    case CALL_BOUND_METHOD_GENERAL: return pythonCall(d, raw, F::kCallBoundPyGeneral);
    case CALL_KW_PY: return pythonCall(d, raw, F::kCallPyGeneral);
    case CALL_KW_BOUND_METHOD: return pythonCall(d, raw, F::kCallBoundPyGeneral);
    case CALL_ALLOC_AND_ENTER_INIT: return allocInit(d, raw);
    case CALL_BUILTIN_O: return only(F::kCallBuiltinO);
    case CALL_BUILTIN_FAST: return only(F::kCallBuiltinFast);
    case CALL_BUILTIN_FAST_WITH_KEYWORDS: return only(F::kCallBuiltinFastKw);
    case CALL_BUILTIN_CLASS: return only(F::kCallBuiltinClass);
    case CALL_METHOD_DESCRIPTOR_O: return only(F::kCallMethodDescrO);
    case CALL_METHOD_DESCRIPTOR_FAST: return only(F::kCallMethodDescrFast);
    case CALL_METHOD_DESCRIPTOR_FAST_WITH_KEYWORDS: return only(F::kCallMethodDescrFastKw);
    case CALL_METHOD_DESCRIPTOR_NOARGS: return only(F::kCallMethodDescrNoArgs);
    case CALL_LEN: return only(F::kCallLen);
    case CALL_ISINSTANCE: return only(F::kCallIsInstance);
    case CALL_LIST_APPEND: return only(F::kCallListAppend);
    case CALL_TYPE_1: return only(F::kCallType1);
    case CALL_STR_1: return only(F::kCallStr1);
    case CALL_TUPLE_1: return only(F::kCallTuple1);
    default: return only(F::kNone);  // generic calls say nothing of the callee
  }
}

FeedbackInfo toBool(Decoder& d, const RawInstr& raw) {
  switch (raw.adaptive) {
    case TO_BOOL_BOOL: return only(F::kBoolBool);
    case TO_BOOL_INT: return only(F::kBoolInt);
    case TO_BOOL_LIST: return only(F::kBoolList);
    case TO_BOOL_NONE: return only(F::kBoolNone);
    case TO_BOOL_STR: return only(F::kBoolStr);
    case TO_BOOL_ALWAYS_TRUE: {
      FeedbackInfo info = only(F::kBoolAlwaysTrue);
      info.type_version = read32(raw.cache + 1);
      attachType(d, &info);
      return info;
    }
    default: return only(unspecialised(raw));
  }
}

F simpleKind(const RawInstr& raw) {
  switch (raw.adaptive) {
    case COMPARE_OP_INT: return F::kCompareInt;
    case COMPARE_OP_FLOAT: return F::kCompareFloat;
    case COMPARE_OP_STR: return F::kCompareStr;
    case CONTAINS_OP_DICT: return F::kContainsDict;
    case CONTAINS_OP_SET: return F::kContainsSet;
    case STORE_SUBSCR_DICT: return F::kStoreDict;
    case STORE_SUBSCR_LIST_INT: return F::kStoreListInt;
    case UNPACK_SEQUENCE_LIST: return F::kUnpackList;
    case UNPACK_SEQUENCE_TUPLE: return F::kUnpackTuple;
    case UNPACK_SEQUENCE_TWO_TUPLE: return F::kUnpackTwoTuple;
    case FOR_ITER_LIST: return F::kForList;
    case FOR_ITER_TUPLE: return F::kForTuple;
    case FOR_ITER_RANGE: return F::kForRange;
    case FOR_ITER_GEN: return F::kForGen;
    case LOAD_SUPER_ATTR_ATTR: return F::kSuperAttr;
    case LOAD_SUPER_ATTR_METHOD: return F::kSuperMethod;
    default: return unspecialised(raw);
  }
}

}  // namespace

FeedbackInfo readFeedback(Decoder& d, const RawInstr& raw) {
  switch (raw.opcode) {
    case BINARY_OP: return binaryOp(d, raw);
    case LOAD_ATTR: return loadAttr(d, raw);
    case STORE_ATTR: return storeAttr(d, raw);
    case LOAD_GLOBAL: return loadGlobal(d, raw);
    case CALL:
    case CALL_KW: return call(d, raw);
    case TO_BOOL: return toBool(d, raw);
    default: return only(simpleKind(raw));
  }
}

PyFunctionObject* functionByVersion(uint32_t version) {
  if (version < FUNC_VERSION_FIRST_VALID) return nullptr;
  auto& slot =
      threadState()->interp->func_state.func_version_cache[version % FUNC_VERSION_CACHE_SIZE];
  // A function that is being destroyed stands there while its weak references' callbacks run.
  const bool valid = slot.func != nullptr && slot.func->func_version == version;
  return valid && Py_REFCNT(slot.func) > 0 ? slot.func : nullptr;
}

PyTypeObject* typeByVersion(uint32_t version) {
  PyTypeObject* type =
      threadState()->interp->types.type_version_cache[version % TYPE_VERSION_CACHE_SIZE];
  if (type != nullptr && type->tp_version_tag == version && Py_REFCNT(type) > 0) return type;
  return findTypeByWalk(version);
}

}  // namespace tephra::py
