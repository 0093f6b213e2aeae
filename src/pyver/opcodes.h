// Purpose: the table of opcodes (opcodes.tbl) in C++: how each instruction is decoded and what its
// inline cache tells.
// Invariant: a row of the table stands for every version that has an opcode of that name; where one
// means something else by it, its overrides (v3_XX/opcodes.cc) have another row, which replaces it.
#pragma once

#include <span>

#include "pyver/decode.h"

namespace tephra::py {

// Emits the canonical form of an instruction; `op` is the row's.
using Emit = void (*)(Decoder& d, const RawInstr& raw, Canonical op);
// Reads the inline cache of a specialised instruction; `kind` is the row's.
using ReadCache = FeedbackInfo (*)(Decoder& d, const RawInstr& raw, Feedback kind);

enum class FeedbackFrom : uint8_t {
  kNone,
  kSpecialised,  // specialised forms; the instruction as such says nothing
  kCounter,      // and else the cache's counter
};

struct OpcodeRow {
  int opcode = 0;
  Canonical op = Canonical::kUnsupported;
  Emit emit = nullptr;
  FeedbackFrom feedback = FeedbackFrom::kNone;
};

// --- v3_XX/opcodes.cc
std::span<const OpcodeRow> opcodeOverrides();

// --- caches.cc
FeedbackInfo readFeedback(Decoder& d, const RawInstr& raw, FeedbackFrom from);

// --- opcodes.cc: what the rows name. `arg`, `name` ...: of the instruction.
namespace emit {
void plain(Decoder& d, const RawInstr& raw, Canonical op);       // no argument
void withArg(Decoder& d, const RawInstr& raw, Canonical op);     // arg
void constant(Decoder& d, const RawInstr& raw, Canonical op);    // constant arg
void name(Decoder& d, const RawInstr& raw, Canonical op);        // name arg
void forward(Decoder& d, const RawInstr& raw, Canonical op);     // a jump
void lowAndHigh(Decoder& d, const RawInstr& raw, Canonical op);  // low byte, and what is above it
// Of two instructions in one: `first` with the upper half of arg, `second` with the lower one.
// `held`: locals are loaded with a reference of their own, as the compiler has not proved that they
// outlive it.
void pair(Decoder& d, const RawInstr& raw, Canonical first, Canonical second, bool held);
void loadPair(Decoder& d, const RawInstr& raw, Canonical op);
}  // namespace emit

}  // namespace tephra::py
