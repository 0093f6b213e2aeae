// Purpose: what codegen writes and the runtime reads when compiled code is left: where each value
// of the interpreter's frame is at an exit, and why the exit is there.
// Invariant: locations are valid exactly at the exit's machine state as saved by the exit stub
// (RegisterFile) or in the native frame (offset from the native frame pointer).
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "metadata/entries.h"
#include "metadata/frame_shape.h"

namespace tephra {

enum class ExitKind : uint8_t {
  kDeopt,  // continue in the interpreter at `offset`
  kRaise,  // an exception is set: traceback, then handler or unwind
};

enum class ExitReason : uint8_t {
#define TEPHRA_EXIT(name, text) k##name,
#include "metadata/exit_reasons.def"
#undef TEPHRA_EXIT
};
const char* exitReasonName(ExitReason reason);
bool exitReasonFromName(const std::string& name, ExitReason* out);

struct ValueLocation {
  enum Where : uint8_t { kGp, kFp, kSpill, kConstant, kNull } where = kNull;
  enum Form : uint8_t { kObject, kInt64, kDouble, kBool } form = kObject;
  bool owned = false;  // kObject: the exit takes over a reference; otherwise it takes a new one
  uint8_t reg = 0;     // register number in its bank
  int32_t offset = 0;  // kSpill: from the native frame pointer
  uint64_t bits = 0;   // kConstant: object address, integer, or double bits
};

// How the frame of a scope (hir::Scope) comes in, and so who owns what it names.
enum class FrameOrigin : uint8_t {
  kPushed,   // by compiled code: it may borrow code, function and parameters that are never written
  kAdopted,  // the interpreter's: it owns all of them
  kAbsent,   // there is none: the locals are values, exits make it
};
const char* frameOriginName(FrameOrigin origin);
bool frameOriginFromName(const std::string& name, FrameOrigin* out);

// What exits ask of a scope.
struct CodeScope {
  uint64_t code = 0;  // its code object; 0: not known, as in text
  FrameOrigin frame = FrameOrigin::kPushed;
};

// In the place of a local: the function of a frame that is absent, which the frame will hold.
inline constexpr uint32_t kFrameFunction = 0xFFFFFFFE;

struct ExitFrame {                   // one frame of the chain, innermost last
  uint32_t scope = 0;                // whose code it runs; 0: the function's
  uint32_t offset = 0;               // code units: next instruction
  uint32_t raise_offset = 0;         // code units: the raising instruction
  std::vector<ValueLocation> stack;  // bottom first
  // Homes that are stale. Of a frame that is absent: its function, and all that is not NULL.
  std::vector<std::pair<uint32_t, ValueLocation>> locals;
};

struct ExitRecord {
  ExitKind kind = ExitKind::kDeopt;
  ExitReason reason{};
  uint32_t line_offset = 0;  // code units of the instruction blamed in statistics
  ValueLocation culprit;     // the guarded value, for the "offending type" statistic
  bool has_culprit = false;
  bool looks = false;  // of a look around: `reason` is what the last one found
  std::vector<ExitFrame> frames;
  std::vector<ValueLocation> drops;  // owned values that no frame holds
  uint64_t count = 0;                // times taken
  uint64_t lost_ns = 0;              // CPU time in the interpreter behind it, partly estimated
  uint64_t resume = 0;               // address where it may go on instead of leaving, or 0
  // The runtime's own: where the statistics of this exit are, as long as the epoch is theirs.
  uint64_t* row = nullptr;
  uint64_t row_epoch = 0;
};

// As pushed by the exit stub: general registers by number, then vector registers' low 64 bits.
struct RegisterFile {
  static constexpr int kMaxRegisters = 32;
  // No register's place: not 0 when the exit is over, it is where compiled code goes on.
  static constexpr int kResume = 31;
  uint64_t gp[kMaxRegisters];
  double fp[kMaxRegisters];
};

// A class that a guard of a version has met, by its own version.
struct SeenShape {
  uint32_t exit = 0, version = 0;
};

// Everything about one piece of compiled code that the runtime needs.
struct CodeMetadata {
  static constexpr size_t kMostShapes = 8;

  FrameShape shape;
  std::vector<CodeEntry> entries;
  std::vector<CodeScope> scopes;  // empty: one, the function's
  std::vector<ExitRecord> exits;
  std::vector<SeenShape> seen_shapes;  // the first kMostShapes
  uint64_t taken = 0;                  // exits
  uint64_t raised = 0;                 // those that were raise exits
  uint64_t lost_ns = 0;                // CPU time in the interpreter behind them, partly estimated
  uint32_t leaving = 0;                // exits being taken: the code waits for their results
  const uint64_t* calls = nullptr;     // where the code counts its calls, if it does
  const uint64_t* expected_version = nullptr;  // of instrumentation, that the code compares with
  bool drops_frame_objects = true;             // may go on where nobody keeps the frame object made
  uint32_t hot_bytes = 0, cold_bytes = 0, spill_bytes = 0, stack_bytes = 0;
};

}  // namespace tephra
