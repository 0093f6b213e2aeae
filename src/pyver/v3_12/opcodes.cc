// Purpose: what instructions mean to CPython 3.12 alone.
#include "pyver/opcodes.h"

namespace tephra::py {

namespace {

using C = Canonical;

void tested(Decoder& d, const RawInstr& raw, C op) {
  d.emitToBool(raw);
  if (raw.opcode == UNARY_NOT) {
    d.emit(op);
  } else {
    emit::forward(d, raw, op);
  }
}

void storeFast(Decoder& d, const RawInstr& raw, C op) {
  d.emit(op, raw.arg).fused =
      raw.adaptive == STORE_FAST__LOAD_FAST || raw.adaptive == STORE_FAST__STORE_FAST;
}

void comparison(Decoder& d, const RawInstr& raw, C op) { d.emit(op, raw.arg >> 4, 0); }
// Drops the iterator.
void forIter(Decoder& d, const RawInstr& raw, C op) { d.emitJump(op, raw.next + raw.arg + 1, 1); }

// Reached only from the interpreter's inlined generators.
void endFor(Decoder& d, const RawInstr&, C op) {
  d.emit(op);
  d.emit(op);
}

void callExtended(Decoder& d, const RawInstr& raw, C op) { d.emit(op, raw.arg & 1); }

// Kinds for class, module and type scopes and for generators stay with the interpreter.
void intrinsic(Decoder& d, const RawInstr& raw, C op) {
  const bool known = raw.opcode == CALL_INTRINSIC_2
                         ? raw.arg == INTRINSIC_PREP_RERAISE_STAR
                         : raw.arg == INTRINSIC_PRINT || raw.arg == INTRINSIC_UNARY_POSITIVE ||
                               raw.arg == INTRINSIC_LIST_TO_TUPLE;
  if (known) {
    d.emit(op, raw.arg);
  } else {
    d.emit(C::kUnsupported, static_cast<uint32_t>(raw.opcode));
  }
}

constexpr OpcodeRow kOverrides[] = {
    {LOAD_FAST, C::kLoadFast, emit::withArg},
    {STORE_FAST, C::kStoreFast, storeFast},
    {UNARY_NOT, C::kUnaryNot, tested},
    {POP_JUMP_IF_TRUE, C::kPopJumpIfTrue, tested},
    {POP_JUMP_IF_FALSE, C::kPopJumpIfFalse, tested},
    {COMPARE_OP, C::kCompare, comparison, FeedbackFrom::kCounter},
    {FOR_ITER, C::kForIter, forIter, FeedbackFrom::kCounter},
    {END_FOR, C::kPopTop, endFor},
    {CALL_FUNCTION_EX, C::kCallEx, callExtended},
    {CALL_INTRINSIC_1, C::kCallIntrinsic1, intrinsic},
    {CALL_INTRINSIC_2, C::kCallIntrinsic2, intrinsic},
    {MAKE_FUNCTION, C::kMakeFunction, emit::withArg},
};

}  // namespace

std::span<const OpcodeRow> opcodeOverrides() { return kOverrides; }

}  // namespace tephra::py
