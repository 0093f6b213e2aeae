// Purpose: real instructions in canonical form, by the rows of opcodes.tbl.
#include "pyver/opcodes.h"

namespace tephra::py {

namespace emit {

using C = Canonical;

void plain(Decoder& d, const RawInstr&, C op) { d.emit(op); }
void withArg(Decoder& d, const RawInstr& raw, C op) { d.emit(op, raw.arg); }
void constant(Decoder& d, const RawInstr& raw, C op) { d.emit(op, d.constant(raw.arg)); }
void name(Decoder& d, const RawInstr& raw, C op) { d.emit(op, d.name(raw.arg)); }
void forward(Decoder& d, const RawInstr& raw, C op) { d.emitJump(op, raw.next + raw.arg); }
void lowAndHigh(Decoder& d, const RawInstr& raw, C op) { d.emit(op, raw.arg & 0xFF, raw.arg >> 8); }

void pair(Decoder& d, const RawInstr& raw, C first, C second, bool held) {
  d.emit(first, raw.arg >> 4, held && first == C::kLoadFast);
  d.emit(second, raw.arg & 15, held && second == C::kLoadFast);
}

void loadPair(Decoder& d, const RawInstr& raw, C op) { pair(d, raw, op, C::kLoadFast, false); }

// What follows is named in opcodes.tbl only, by rows that some versions lack.

void heldPair(Decoder& d, const RawInstr& raw, C op) { pair(d, raw, op, C::kLoadFast, true); }
void storeHeldPair(Decoder& d, const RawInstr& raw, C op) { pair(d, raw, op, C::kLoadFast, true); }
void storePair(Decoder& d, const RawInstr& raw, C op) { pair(d, raw, op, C::kStoreFast, false); }
void heldLocal(Decoder& d, const RawInstr& raw, C op) { d.emit(op, raw.arg, 1); }  // see pair()

void resume(Decoder& d, const RawInstr& raw, C op) {
  constexpr uint32_t kLocation = 3;  // above it, some versions say more
  d.emit(op, raw.arg & kLocation);
}

void object(Decoder& d, C op, PyObject* object) { d.emit(op, d.kept(object)); }

void assertionError(Decoder& d, const RawInstr&, C op) { object(d, op, PyExc_AssertionError); }

void smallInt(Decoder& d, const RawInstr& raw, C op) {
  object(d, op, PyLong_FromLong(static_cast<long>(raw.arg)));  // immortal
}

#ifdef LOAD_COMMON_CONSTANT
void commonConstant(Decoder& d, const RawInstr& raw, C op) {
  object(d, op, threadState()->interp->common_consts[raw.arg]);
}
#endif

void returnConstant(Decoder& d, const RawInstr& raw, C op) {
  constant(d, raw, op);
  d.emit(C::kReturn);
}

void nameAndFlag(Decoder& d, const RawInstr& raw, C op) {
  d.emit(op, d.name(raw.arg >> 1), raw.arg & 1);
}

void nameAndFlags(Decoder& d, const RawInstr& raw, C op) {
  d.emit(op, d.name(raw.arg >> 2), raw.arg & 3);
}

void attribute(Decoder& d, const RawInstr& raw, C op) {
  d.emit((raw.arg & 1) ? C::kLoadMethod : op, d.name(raw.arg >> 1));
}

void binary(Decoder& d, const RawInstr& raw, C op) {
#ifdef NB_SUBSCR
  if (raw.arg == NB_SUBSCR) {
    d.emit(C::kGetItem);
    return;
  }
#endif
  d.emit(op, raw.arg);
}

void comparison(Decoder& d, const RawInstr& raw, C op) {
  d.emit(op, raw.arg >> 5, (raw.arg >> 4) & 1);
}

void backward(Decoder& d, const RawInstr& raw, C op) { d.emitJump(op, raw.next - raw.arg, 0); }
void backwardQuietly(Decoder& d, const RawInstr& raw, C op) {
  d.emitJump(op, raw.next - raw.arg, 1);
}

// Past END_FOR.
void forIter(Decoder& d, const RawInstr& raw, C op) { d.emitJump(op, raw.next + raw.arg + 1, 0); }

void formatValue(Decoder& d, const RawInstr& raw, C op) {
  d.emit(op, raw.arg & 3, (raw.arg & 4) ? 1 : 0);
}

void keywordNames(Decoder& d, const RawInstr& raw, C) {
  d.pending_kwnames = d.constant(raw.arg);
  d.pending_start = raw.start;
}

void call(Decoder& d, const RawInstr& raw, C op) {
  d.emit(op, raw.arg, d.pending_kwnames);
  d.pending_kwnames = kNoRef;
}

void callExtended(Decoder& d, const RawInstr&, C op) { d.emit(op, 1); }

}  // namespace emit

namespace {

constexpr OpcodeRow kRows[] = {
#define TEPHRA_OPCODE(opcode, canonical, how, from) \
  {opcode, Canonical::k##canonical, emit::how, FeedbackFrom::from},
#define TEPHRA_SPECIALISED(opcode, kind, reader)
#include "pyver/opcodes_list.gen.h"
#undef TEPHRA_OPCODE
#undef TEPHRA_SPECIALISED
};

struct Table {
  OpcodeRow rows[256];
  Table() {
    for (const OpcodeRow& row : kRows) rows[row.opcode] = row;
    for (const OpcodeRow& row : opcodeOverrides()) rows[row.opcode] = row;
  }
};

const Table kTable;

}  // namespace

void decodeOpcode(Decoder& d, const RawInstr& raw) {
  const OpcodeRow& row = kTable.rows[raw.opcode];
  if (row.emit == nullptr) {
    d.emit(Canonical::kUnsupported, static_cast<uint32_t>(raw.opcode));
    return;
  }
  row.emit(d, raw, row.op);
  if (row.feedback != FeedbackFrom::kNone) d.attach(readFeedback(d, raw, row.feedback));
}

}  // namespace tephra::py
