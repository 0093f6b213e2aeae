// Purpose: what the driver knows of one Python code object: its call count, its compiled code, the
// functions that run it, its failed assumptions. It dies with the code object, as a code watcher
// says. Not in co_extra: code objects that have any cannot be sent to other interpreters.
// Invariant: see driver/function_tables.h for `functions`; compiled code
// is installed only in functions with the unit's own globals and builtins.
#pragma once

#include <compare>
#include <memory>
#include <set>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

#include "codegen/generate.h"
#include "driver/counts.h"
#include "policy/crossings.h"
#include "policy/exit_policy.h"
#include "policy/policy.h"
#include "pyver/contract.h"
#include "runtime/compiled_function.h"

namespace tephra::driver {

struct CodeState;

// A loop of the bytecode, in code units, and its instructions.
struct CodeLoop {
  uint32_t begin = 0, end = 0;
  uint32_t instructions = 0;
};

// An entry of a dict (both borrowed: the code that names it, or its globals, hold them).
struct DictEntry {
  PyObject *dict = nullptr, *name = nullptr;
  auto operator<=>(const DictEntry&) const = default;
};

// One generation of compiled code of a code object.
struct CompiledUnit {
  CompiledCode code;
  CompiledFunction function;     // what the runtime needs: entries, metadata
  PyObject* globals = nullptr;   // borrowed: functions are compared with it before installation
  PyObject* builtins = nullptr;  // borrowed
  CodeState* owner = nullptr;    // null: not installed yet, or its code object is dead
  std::vector<PyObject*> references;  // strong: plain data that the code embeds
  std::vector<PyObject*> names;       // what the code knows by its address only (driver/names.h)
  std::set<DictEntry> entries;        // what it takes for constants (driver/entries.h)
  std::vector<uint64_t*> cells;       // that the code calls through
  std::unique_ptr<uint64_t> calls;    // counted by the code itself, where it may raise too often
  policy::ExitHistory exit_history;
  policy::Crossings crossings;
  // With what is interpreted as long as tools are there; forgotten when they have gone.
  policy::Crossings crossings_under_tools;
  std::vector<CodeLoop> loops;
  // Of classes, by the interpreter's caches: (bytecode offset, version).
  std::vector<std::pair<uint32_t, uint32_t>> shapes;
  uint32_t instructions = 0;  // of bytecode
  double compile_seconds = 0;
  uint32_t deopt_exits = 0;  // exits that deoptimise
  int64_t forced_exit = -1;  // option force-exit: the one that is always taken
  std::vector<std::pair<std::string, int>> hir_counts;

  CompiledUnit() = default;
  CompiledUnit(const CompiledUnit&) = delete;
  CompiledUnit& operator=(const CompiledUnit&) = delete;
  ~CompiledUnit();
};

enum class Availability : uint8_t { kCounting, kCompiled, kRefused, kSuppressed };

struct CodeState {
  PyCodeObject* code = nullptr;     // borrowed: the state dies with it
  uint64_t calls = 0;               // interpreted calls seen
  uint64_t interpreted_ns = 0;      // time of interpreted calls, where there is a loop
  policy::Heat heat;                // where it is sampled
  uint64_t compiled_ns = 0;         // CPU time seen in compiled code, all units
  uint64_t compiled_before_ns = 0;  // in those that are gone
  double compile_seconds = 0;       // CPU time of all its compilations
  bool entered = false;             // a sample met it at its entry: it is not one long call
  bool over_budget = false;         // it would have paid
  bool examined = false;            // what `heat` says of the bytecode is known
  uint64_t compile_at = 0;          // the count at which compilation is due
  Availability availability = Availability::kCounting;
  bool suppressed = false;
  // Tools have local events in the code: it is not compiled, and the unit that it has waits.
  bool suspended = false;
  // A tool has concerned the code for a while: its functions wait with the interpreter's
  // vectorcall.
  bool paused = false;
  bool relearning = false;  // an assumption failed: compile again at compile_at
  bool lazy = false;        // compile at the next call, whatever the count
  int recompiles = 0;
  // Of compiled code that is gone: exitTotals() adds what is there.
  uint64_t past_exits = 0, past_lost_ns = 0;
  uint32_t lost_callees = 0;  // times that compiled code went because a function in it died
  bool hopeless = false;      // its exits cost too much: stays interpreted
  std::string refusal;        // why it is not compiled
  std::unique_ptr<CompiledUnit> unit;
  // With our vectorcall, and the version that each gets back (py::savedVersion).
  std::unordered_map<PyFunctionObject*, uint32_t> functions;
  uint32_t listed = 0;                           // by noteFunction, ever
  bool unlisted = false;                         // there are more: listFunctions
  bool ever_unlisted = false;                    // there were
  std::unordered_set<PyFunctionObject*> direct;  // those that have an entry cell
  bool version_killed = false;
  // For code that makes functions of this code and calls them, if it has these globals and builtins
  // (borrowed, only compared): register entry and vectorcall of the compiled code, or zeros. Null:
  // nobody does.
  uint64_t* cell = nullptr;
  uint64_t* vectorcall_cell = nullptr;
  PyObject* cell_globals = nullptr;
  PyObject* cell_builtins = nullptr;
  uint32_t code_version = 0;                         // before that
  std::set<std::pair<uint32_t, int>> refused_sites;  // (bytecode offset, ExitReason)
  std::set<std::pair<uint32_t, uint32_t>> shapes;    // met by guards: (bytecode offset, version)
};

// Exits of a code object's compiled code, and the CPU time that the interpreter took behind them.
struct ExitTotals {
  uint64_t exits = 0, lost_ns = 0;
};
ExitTotals exitTotals(const CodeState& state);

// The state of a code object, made on demand; nullptr with an exception set in other interpreters
// than the main one: code watchers are one interpreter's.
CodeState* stateOf(PyCodeObject* code);
// The state if there is one, else nullptr (no exception).
CodeState* findState(PyCodeObject* code);
bool initCodeStates(std::string* error);
// The interpreter is gone: what it left behind is forgotten, not destroyed.
void forgetCodeStates();

}  // namespace tephra::driver
