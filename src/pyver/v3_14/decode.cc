// Purpose: CPython 3.14's opcodes in canonical form.
#include "pyver/decode.h"

namespace tephra::py {

namespace {

using C = Canonical;

struct Row {
  C op = C::kUnsupported;
  bool has_arg = false;  // arg = oparg
  bool known = false;
};

struct Table {
  Row rows[256];
  void plain(int opcode, C op) { rows[opcode] = Row{op, false, true}; }
  void withArg(int opcode, C op) { rows[opcode] = Row{op, true, true}; }
  Table();
};

// Opcodes whose canonical form has the same argument or none; the others are cases below.
Table::Table() {
  plain(NOP, C::kNop);
  plain(NOT_TAKEN, C::kNop);
  plain(END_FOR, C::kPopTop);  // reached only from the interpreter's inlined generators
  plain(POP_ITER, C::kPopTop);
  plain(POP_TOP, C::kPopTop);
  plain(PUSH_NULL, C::kPushNull);
  plain(RETURN_VALUE, C::kReturn);
  plain(UNARY_INVERT, C::kUnaryInvert);
  plain(UNARY_NEGATIVE, C::kUnaryNegative);
  plain(UNARY_NOT, C::kUnaryNot);
  plain(BINARY_SLICE, C::kGetSlice);
  plain(STORE_SLICE, C::kSetSlice);
  plain(DELETE_SUBSCR, C::kDeleteItem);
  plain(GET_ITER, C::kGetIter);
  plain(GET_LEN, C::kGetLen);
  plain(LOAD_BUILD_CLASS, C::kLoadBuildClass);
  plain(MAKE_FUNCTION, C::kMakeFunction);
  plain(MATCH_KEYS, C::kMatchKeys);
  plain(MATCH_MAPPING, C::kMatchMapping);
  plain(MATCH_SEQUENCE, C::kMatchSequence);
  plain(POP_EXCEPT, C::kPopExcept);
  plain(PUSH_EXC_INFO, C::kPushExcInfo);
  plain(CHECK_EXC_MATCH, C::kCheckExcMatch);
  plain(CHECK_EG_MATCH, C::kCheckEgMatch);
  plain(WITH_EXCEPT_START, C::kWithExceptStart);
  plain(FORMAT_SIMPLE, C::kFormatSimple);
  plain(FORMAT_WITH_SPEC, C::kFormatWithSpec);
  plain(BUILD_TEMPLATE, C::kBuildTemplate);
  withArg(BUILD_INTERPOLATION, C::kBuildInterpolation);
  withArg(BUILD_LIST, C::kBuildList);
  withArg(BUILD_MAP, C::kBuildMap);
  withArg(BUILD_SET, C::kBuildSet);
  withArg(BUILD_SLICE, C::kBuildSlice);
  withArg(BUILD_STRING, C::kBuildString);
  withArg(BUILD_TUPLE, C::kBuildTuple);
  withArg(CALL_INTRINSIC_1, C::kCallIntrinsic1);
  withArg(CALL_INTRINSIC_2, C::kCallIntrinsic2);
  withArg(CONVERT_VALUE, C::kConvertValue);
  withArg(COPY, C::kCopy);
  withArg(SWAP, C::kSwap);
  withArg(COPY_FREE_VARS, C::kCopyFreeVars);
  withArg(MAKE_CELL, C::kMakeCell);
  withArg(LOAD_DEREF, C::kLoadDeref);
  withArg(STORE_DEREF, C::kStoreDeref);
  withArg(DELETE_DEREF, C::kDeleteDeref);
  withArg(LOAD_FAST_BORROW, C::kLoadFast);
  withArg(LOAD_FAST_CHECK, C::kLoadFastCheck);
  withArg(LOAD_FAST_AND_CLEAR, C::kLoadFastAndClear);
  withArg(STORE_FAST, C::kStoreFast);
  withArg(DELETE_FAST, C::kDeleteFast);
  withArg(DICT_MERGE, C::kDictMerge);
  withArg(DICT_UPDATE, C::kDictUpdate);
  withArg(LIST_APPEND, C::kListAppend);
  withArg(LIST_EXTEND, C::kListExtend);
  withArg(MAP_ADD, C::kMapAdd);
  withArg(SET_ADD, C::kSetAdd);
  withArg(SET_UPDATE, C::kSetUpdate);
  withArg(IS_OP, C::kIsOp);
  withArg(LOAD_SPECIAL, C::kLoadSpecial);
  withArg(MATCH_CLASS, C::kMatchClass);
  withArg(RAISE_VARARGS, C::kRaiseVarargs);
  withArg(RERAISE, C::kReraise);
  withArg(SET_FUNCTION_ATTRIBUTE, C::kSetFunctionAttribute);
}

const Table kTable;

// `held`: locals are loaded with a reference of their own, as the compiler has not proved that they
// outlive it.
void decodeSuper(Decoder& d, const RawInstr& raw, C first, C second, bool held = false) {
  d.emit(first, raw.arg >> 4, held && first == C::kLoadFast);
  d.emit(second, raw.arg & 15, held && second == C::kLoadFast);
}

void loadObject(Decoder& d, PyObject* object) { d.emit(C::kLoadConst, d.kept(object)); }

bool decodeNames(Decoder& d, const RawInstr& raw) {
  switch (raw.opcode) {
    case LOAD_GLOBAL: d.emit(C::kLoadGlobal, d.name(raw.arg >> 1), raw.arg & 1); return true;
    case STORE_GLOBAL: d.emit(C::kStoreGlobal, d.name(raw.arg)); return true;
    case DELETE_GLOBAL: d.emit(C::kDeleteGlobal, d.name(raw.arg)); return true;
    case LOAD_ATTR:
      d.emit((raw.arg & 1) ? C::kLoadMethod : C::kLoadAttr, d.name(raw.arg >> 1));
      return true;
    case STORE_ATTR: d.emit(C::kStoreAttr, d.name(raw.arg)); return true;
    case DELETE_ATTR: d.emit(C::kDeleteAttr, d.name(raw.arg)); return true;
    case LOAD_SUPER_ATTR: d.emit(C::kLoadSuperAttr, d.name(raw.arg >> 2), raw.arg & 3); return true;
    case IMPORT_NAME: d.emit(C::kImportName, d.name(raw.arg)); return true;
    case IMPORT_FROM: d.emit(C::kImportFrom, d.name(raw.arg)); return true;
    default: return false;
  }
}

bool decodeJumps(Decoder& d, const RawInstr& raw) {
  uint32_t forward = raw.next + raw.arg;
  switch (raw.opcode) {
    case POP_JUMP_IF_TRUE: d.emitJump(C::kPopJumpIfTrue, forward); return true;
    case POP_JUMP_IF_FALSE: d.emitJump(C::kPopJumpIfFalse, forward); return true;
    case POP_JUMP_IF_NONE: d.emitJump(C::kPopJumpIfNone, forward); return true;
    case POP_JUMP_IF_NOT_NONE: d.emitJump(C::kPopJumpIfNotNone, forward); return true;
    case JUMP_FORWARD: d.emitJump(C::kJump, forward); return true;
    case JUMP_BACKWARD: d.emitJump(C::kJumpBackward, raw.next - raw.arg, 0); return true;
    case JUMP_BACKWARD_NO_INTERRUPT:
      d.emitJump(C::kJumpBackward, raw.next - raw.arg, 1);
      return true;
    case FOR_ITER: d.emitJump(C::kForIter, forward + 1, 0); return true;  // past END_FOR
    default: return false;
  }
}

bool decodeOperators(Decoder& d, const RawInstr& raw) {
  switch (raw.opcode) {
    case BINARY_OP:
      if (raw.arg == NB_SUBSCR) {
        d.emit(C::kGetItem);
      } else {
        d.emit(C::kBinaryOp, raw.arg);
      }
      return true;
    case STORE_SUBSCR: d.emit(C::kSetItem); return true;
    case COMPARE_OP: d.emit(C::kCompare, raw.arg >> 5, (raw.arg >> 4) & 1); return true;
    case CONTAINS_OP: d.emit(C::kContainsOp, raw.arg); return true;
    case TO_BOOL: d.emit(C::kToBool); return true;
    case UNPACK_SEQUENCE: d.emit(C::kUnpackSequence, raw.arg); return true;
    case UNPACK_EX: d.emit(C::kUnpackEx, raw.arg & 0xFF, raw.arg >> 8); return true;
    case CALL: d.emit(C::kCall, raw.arg, kNoRef); return true;
    case CALL_KW: d.emit(C::kCallKw, raw.arg); return true;
    case CALL_FUNCTION_EX: d.emit(C::kCallEx, 1); return true;
    case RESUME: d.emit(C::kResume, raw.arg & RESUME_OPARG_LOCATION_MASK); return true;
    default: return false;
  }
}

bool decodeLoads(Decoder& d, const RawInstr& raw) {
  switch (raw.opcode) {
    case LOAD_CONST: d.emit(C::kLoadConst, d.constant(raw.arg)); return true;
    case LOAD_SMALL_INT: {
      PyObject* number = PyLong_FromLong(static_cast<long>(raw.arg));  // immortal
      loadObject(d, number);
      return true;
    }
    case LOAD_COMMON_CONSTANT:
      loadObject(d, threadState()->interp->common_consts[raw.arg]);
      return true;
    case LOAD_FAST: d.emit(C::kLoadFast, raw.arg, 1); return true;  // held, see decodeSuper
    case LOAD_FAST_LOAD_FAST: decodeSuper(d, raw, C::kLoadFast, C::kLoadFast, true); return true;
    case LOAD_FAST_BORROW_LOAD_FAST_BORROW:
      decodeSuper(d, raw, C::kLoadFast, C::kLoadFast);
      return true;
    case STORE_FAST_LOAD_FAST: decodeSuper(d, raw, C::kStoreFast, C::kLoadFast, true); return true;
    case STORE_FAST_STORE_FAST: decodeSuper(d, raw, C::kStoreFast, C::kStoreFast); return true;
    default: return false;
  }
}

}  // namespace

void decodeOpcode(Decoder& d, const RawInstr& raw) {
  const Row& row = kTable.rows[raw.opcode];
  if (row.known) {
    d.emit(row.op, row.has_arg ? raw.arg : 0);
    return;
  }
  if (decodeLoads(d, raw) || decodeJumps(d, raw)) {
    if (raw.opcode == FOR_ITER) d.attach(readFeedback(d, raw));
    return;
  }
  if (decodeNames(d, raw) || decodeOperators(d, raw)) {
    d.attach(readFeedback(d, raw));
    return;
  }
  d.emit(C::kUnsupported, static_cast<uint32_t>(raw.opcode));
}

}  // namespace tephra::py
