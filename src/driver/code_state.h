// Purpose: what the driver knows of one Python code object: its call count, its compiled code, the
// functions that run it, its failed assumptions. It dies with the code object, as a code watcher
// says. Not in co_extra: code objects that have any cannot be sent to other interpreters.
// Invariant: see driver/function_tables.h for `functions`; compiled code
// is installed only in functions with the unit's own globals and builtins.
#pragma once

#include <memory>
#include <set>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <utility>

#include "driver/unit.h"
#include "policy/policy.h"
#include "pyver/contract.h"

namespace tephra::driver {

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

inline PyCodeObject* codeOf(const PyFunctionObject* function) {
  return reinterpret_cast<PyCodeObject*>(function->func_code);
}

// May Tephra ever compile this code object (a plain function's, not suppressed)? Else `why`.
bool isCandidate(PyCodeObject* code, std::string* why);

// The state of a code object, made on demand; nullptr with an exception set in other interpreters
// than the main one: code watchers are one interpreter's.
CodeState* stateOf(PyCodeObject* code);
// The state if there is one, else nullptr (no exception).
CodeState* findState(PyCodeObject* code);
const std::unordered_set<CodeState*>& allStates();

// The code object dies: what refers to its state has to forget it.
using CodeDies = void (*)(CodeState* state);
bool initCodeStates(CodeDies dies, std::string* error);
// The interpreter is gone: what it left behind is forgotten, not destroyed.
void forgetCodeStates();

// May the function run the unit, which knows globals and builtins?
inline bool fits(const PyFunctionObject* function, const CompiledUnit& unit) {
  return function->func_globals == unit.globals && function->func_builtins == unit.builtins;
}
// Has it the vectorcall of its code's compiled code, which may be suspended?
bool hasCompiledCode(const PyFunctionObject* function);

}  // namespace tephra::driver
