// Purpose: CPython 3.12's inline caches as feedback.
#include "pyver/decode.h"

namespace tephra::py {

namespace {

using F = Feedback;

FeedbackInfo only(F kind) {
  FeedbackInfo info;
  info.kind = kind;
  return info;
}

FeedbackInfo withDescriptor(Decoder& d, const RawInstr& raw, F kind) {
  FeedbackInfo info = only(kind);
  info.type_version = read32(raw.cache + 1);
  if (kind == F::kMethodWithValues) info.keys_version = read32(raw.cache + 3);
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
    case LOAD_ATTR_INSTANCE_VALUE: return indexed(d, raw, F::kAttrInstance);
    case LOAD_ATTR_SLOT: return indexed(d, raw, F::kAttrSlot);
    case LOAD_ATTR_WITH_HINT: return indexed(d, raw, F::kAttrWithHint);
    case LOAD_ATTR_MODULE: return indexed(d, raw, F::kAttrModule);
    case LOAD_ATTR_CLASS: return withDescriptor(d, raw, F::kAttrClass);
    case LOAD_ATTR_PROPERTY: return withDescriptor(d, raw, F::kAttrProperty);
    case LOAD_ATTR_METHOD_WITH_VALUES: return withDescriptor(d, raw, F::kMethodWithValues);
    case LOAD_ATTR_METHOD_NO_DICT: return withDescriptor(d, raw, F::kMethodNoDict);
    case LOAD_ATTR_METHOD_LAZY_DICT: return withDescriptor(d, raw, F::kMethodLazyDict);
    case LOAD_ATTR_GETATTRIBUTE_OVERRIDDEN: return only(F::kNone);
    default: return only(unspecialised(raw));
  }
}

FeedbackInfo storeAttr(Decoder& d, const RawInstr& raw) {
  switch (raw.adaptive) {
    case STORE_ATTR_INSTANCE_VALUE: return indexed(d, raw, F::kAttrInstance);
    case STORE_ATTR_SLOT: return indexed(d, raw, F::kAttrSlot);
    case STORE_ATTR_WITH_HINT: return indexed(d, raw, F::kAttrWithHint);
    default: return only(unspecialised(raw));
  }
}

FeedbackInfo loadGlobal(Decoder& d, const RawInstr& raw) {
  FeedbackInfo info;
  info.index = raw.cache[1];
  info.keys_version = raw.cache[2];
  if (raw.adaptive == LOAD_GLOBAL_MODULE) {
    info.kind = F::kGlobalModule;
    attachGlobal(d, &info, false);
  } else if (raw.adaptive == LOAD_GLOBAL_BUILTIN) {
    info.kind = F::kGlobalBuiltin;
    info.keys_version2 = raw.cache[3];
    attachGlobal(d, &info, true);
  } else {
    return only(unspecialised(raw));
  }
  return info;
}

// The callee is found afterwards among the functions of the unit (Decoder::resolveCallees).
FeedbackInfo pythonCall(const RawInstr& raw, F kind) {
  FeedbackInfo info = only(kind);
  info.keys_version = read32(raw.cache + 1);  // the function's version
  return info;
}

FeedbackInfo call(const RawInstr& raw) {
  switch (raw.adaptive) {
    case CALL_PY_EXACT_ARGS: return pythonCall(raw, F::kCallPyExact);
    case CALL_PY_WITH_DEFAULTS: return pythonCall(raw, F::kCallPyGeneral);
    case CALL_BOUND_METHOD_EXACT_ARGS: return pythonCall(raw, F::kCallBoundPyExact);
    case CALL_NO_KW_BUILTIN_O: return only(F::kCallBuiltinO);
    case CALL_NO_KW_BUILTIN_FAST: return only(F::kCallBuiltinFast);
    case CALL_BUILTIN_FAST_WITH_KEYWORDS: return only(F::kCallBuiltinFastKw);
    case CALL_BUILTIN_CLASS: return only(F::kCallBuiltinClass);
    case CALL_NO_KW_METHOD_DESCRIPTOR_O: return only(F::kCallMethodDescrO);
    case CALL_NO_KW_METHOD_DESCRIPTOR_FAST: return only(F::kCallMethodDescrFast);
    case CALL_METHOD_DESCRIPTOR_FAST_WITH_KEYWORDS: return only(F::kCallMethodDescrFastKw);
    case CALL_NO_KW_METHOD_DESCRIPTOR_NOARGS: return only(F::kCallMethodDescrNoArgs);
    case CALL_NO_KW_LEN: return only(F::kCallLen);
    case CALL_NO_KW_ISINSTANCE: return only(F::kCallIsInstance);
    case CALL_NO_KW_LIST_APPEND: return only(F::kCallListAppend);
    case CALL_NO_KW_TYPE_1: return only(F::kCallType1);
    case CALL_NO_KW_STR_1: return only(F::kCallStr1);
    case CALL_NO_KW_TUPLE_1: return only(F::kCallTuple1);
    default: return only(F::kNone);  // generic calls say nothing of the callee
  }
}

F simpleKind(const RawInstr& raw) {
  switch (raw.adaptive) {
    case BINARY_OP_ADD_INT:
    case BINARY_OP_SUBTRACT_INT:
    case BINARY_OP_MULTIPLY_INT: return F::kBinaryInt;
    case BINARY_OP_ADD_FLOAT:
    case BINARY_OP_SUBTRACT_FLOAT:
    case BINARY_OP_MULTIPLY_FLOAT: return F::kBinaryFloat;
    case BINARY_OP_ADD_UNICODE:
    case BINARY_OP_INPLACE_ADD_UNICODE: return F::kBinaryStr;
    case BINARY_SUBSCR_LIST_INT: return F::kItemListInt;
    case BINARY_SUBSCR_TUPLE_INT: return F::kItemTupleInt;
    case BINARY_SUBSCR_DICT: return F::kItemDict;
    case BINARY_SUBSCR_GETITEM: return F::kItemFunction;
    case COMPARE_OP_INT: return F::kCompareInt;
    case COMPARE_OP_FLOAT: return F::kCompareFloat;
    case COMPARE_OP_STR: return F::kCompareStr;
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
    case LOAD_ATTR: return loadAttr(d, raw);
    case STORE_ATTR: return storeAttr(d, raw);
    case LOAD_GLOBAL: return loadGlobal(d, raw);
    case CALL: return call(raw);
    default: return only(simpleKind(raw));
  }
}

PyFunctionObject* functionByVersion(uint32_t) { return nullptr; }

PyTypeObject* typeByVersion(uint32_t version) { return findTypeByWalk(version); }

}  // namespace tephra::py
