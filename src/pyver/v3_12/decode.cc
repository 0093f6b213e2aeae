// Purpose: CPython 3.12's opcodes in canonical form.
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
  plain(POP_TOP, C::kPopTop);
  plain(PUSH_NULL, C::kPushNull);
  plain(RETURN_VALUE, C::kReturn);
  plain(UNARY_INVERT, C::kUnaryInvert);
  plain(UNARY_NEGATIVE, C::kUnaryNegative);
  plain(BINARY_SLICE, C::kGetSlice);
  plain(STORE_SLICE, C::kSetSlice);
  plain(DELETE_SUBSCR, C::kDeleteItem);
  plain(GET_ITER, C::kGetIter);
  plain(GET_LEN, C::kGetLen);
  plain(LOAD_BUILD_CLASS, C::kLoadBuildClass);
  plain(MATCH_KEYS, C::kMatchKeys);
  plain(MATCH_MAPPING, C::kMatchMapping);
  plain(MATCH_SEQUENCE, C::kMatchSequence);
  plain(BEFORE_WITH, C::kBeforeWith);
  plain(POP_EXCEPT, C::kPopExcept);
  plain(PUSH_EXC_INFO, C::kPushExcInfo);
  plain(CHECK_EXC_MATCH, C::kCheckExcMatch);
  plain(CHECK_EG_MATCH, C::kCheckEgMatch);
  plain(WITH_EXCEPT_START, C::kWithExceptStart);
  withArg(MAKE_FUNCTION, C::kMakeFunction);
  withArg(BUILD_CONST_KEY_MAP, C::kBuildConstKeyMap);
  withArg(BUILD_LIST, C::kBuildList);
  withArg(BUILD_MAP, C::kBuildMap);
  withArg(BUILD_SET, C::kBuildSet);
  withArg(BUILD_SLICE, C::kBuildSlice);
  withArg(BUILD_STRING, C::kBuildString);
  withArg(BUILD_TUPLE, C::kBuildTuple);
  withArg(COPY, C::kCopy);
  withArg(SWAP, C::kSwap);
  withArg(COPY_FREE_VARS, C::kCopyFreeVars);
  withArg(MAKE_CELL, C::kMakeCell);
  withArg(LOAD_CLOSURE, C::kLoadFast);  // the cell itself, which MAKE_CELL has put there
  withArg(LOAD_DEREF, C::kLoadDeref);
  withArg(STORE_DEREF, C::kStoreDeref);
  withArg(DELETE_DEREF, C::kDeleteDeref);
  withArg(LOAD_FAST, C::kLoadFast);
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
  withArg(MATCH_CLASS, C::kMatchClass);
  withArg(RAISE_VARARGS, C::kRaiseVarargs);
  withArg(RERAISE, C::kReraise);
  withArg(RESUME, C::kResume);
}

const Table kTable;

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
    case POP_JUMP_IF_TRUE:
      d.emitToBool(raw);
      d.emitJump(C::kPopJumpIfTrue, forward);
      return true;
    case POP_JUMP_IF_FALSE:
      d.emitToBool(raw);
      d.emitJump(C::kPopJumpIfFalse, forward);
      return true;
    case POP_JUMP_IF_NONE: d.emitJump(C::kPopJumpIfNone, forward); return true;
    case POP_JUMP_IF_NOT_NONE: d.emitJump(C::kPopJumpIfNotNone, forward); return true;
    case JUMP_FORWARD: d.emitJump(C::kJump, forward); return true;
    case JUMP_BACKWARD: d.emitJump(C::kJumpBackward, raw.next - raw.arg, 0); return true;
    case JUMP_BACKWARD_NO_INTERRUPT:
      d.emitJump(C::kJumpBackward, raw.next - raw.arg, 1);
      return true;
    case FOR_ITER: d.emitJump(C::kForIter, forward + 1, 1); return true;  // past END_FOR
    default: return false;
  }
}

void decodeCall(Decoder& d, const RawInstr& raw) {
  d.emit(C::kCall, raw.arg, d.pending_kwnames);
  d.pending_kwnames = kNoRef;
}

bool decodeOperators(Decoder& d, const RawInstr& raw) {
  switch (raw.opcode) {
    case BINARY_OP: d.emit(C::kBinaryOp, raw.arg); return true;
    case BINARY_SUBSCR: d.emit(C::kGetItem); return true;
    case STORE_SUBSCR: d.emit(C::kSetItem); return true;
    case COMPARE_OP: d.emit(C::kCompare, raw.arg >> 4, 0); return true;
    case CONTAINS_OP: d.emit(C::kContainsOp, raw.arg); return true;
    case UNPACK_SEQUENCE: d.emit(C::kUnpackSequence, raw.arg); return true;
    case UNPACK_EX: d.emit(C::kUnpackEx, raw.arg & 0xFF, raw.arg >> 8); return true;
    case CALL: decodeCall(d, raw); return true;
    case CALL_FUNCTION_EX: d.emit(C::kCallEx, raw.arg & 1); return true;
    default: return false;
  }
}

// Kinds for class, module and type scopes and for generators stay with the interpreter.
bool decodeIntrinsic(Decoder& d, const RawInstr& raw) {
  bool known = raw.opcode == CALL_INTRINSIC_2
                   ? raw.arg == INTRINSIC_PREP_RERAISE_STAR
                   : raw.arg == INTRINSIC_PRINT || raw.arg == INTRINSIC_UNARY_POSITIVE ||
                         raw.arg == INTRINSIC_LIST_TO_TUPLE;
  if (!known) return false;
  d.emit(raw.opcode == CALL_INTRINSIC_2 ? C::kCallIntrinsic2 : C::kCallIntrinsic1, raw.arg);
  return true;
}

bool decodeOthers(Decoder& d, const RawInstr& raw) {
  switch (raw.opcode) {
    case LOAD_CONST: d.emit(C::kLoadConst, d.constant(raw.arg)); return true;
    case LOAD_ASSERTION_ERROR: d.emit(C::kLoadConst, d.kept(PyExc_AssertionError)); return true;
    case RETURN_CONST:
      d.emit(C::kLoadConst, d.constant(raw.arg));
      d.emit(C::kReturn);
      return true;
    case END_FOR:  // reached only from the interpreter's inlined generators
      d.emit(C::kPopTop);
      d.emit(C::kPopTop);
      return true;
    case UNARY_NOT:
      d.emitToBool(raw);
      d.emit(C::kUnaryNot);
      return true;
    case CALL_INTRINSIC_1:
    case CALL_INTRINSIC_2: return decodeIntrinsic(d, raw);
    case FORMAT_VALUE: d.emit(C::kFormatValue, raw.arg & 3, (raw.arg & 4) ? 1 : 0); return true;
    case KW_NAMES:
      d.pending_kwnames = d.constant(raw.arg);
      d.pending_start = raw.start;
      return true;
    default: return false;
  }
}

}  // namespace

void decodeOpcode(Decoder& d, const RawInstr& raw) {
  const Row& row = kTable.rows[raw.opcode];
  if (row.known) {
    CanonicalInstr& instr = d.emit(row.op, row.has_arg ? raw.arg : 0);
    instr.fused = raw.adaptive == STORE_FAST__LOAD_FAST || raw.adaptive == STORE_FAST__STORE_FAST;
    return;
  }
  if (decodeOthers(d, raw)) return;
  if (decodeJumps(d, raw)) {
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
