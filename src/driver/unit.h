// Purpose: one generation of compiled code of a code object: what the compiler made and what it
// takes for granted. Invariant: a unit is its owner's present one (CodeState::unit), or retired
// (driver/retired.h), or not installed yet; where it ends, it leaves every table that knows it
// (driver/units.cc).
#pragma once

#include <compare>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "codegen/generate.h"
#include "policy/crossings.h"
#include "policy/exit_answer.h"
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
  std::vector<policy::Shape> shapes;  // of classes, by the interpreter's caches
  uint32_t instructions = 0;          // of bytecode
  double compile_seconds = 0;
  uint32_t deopt_exits = 0;  // exits that deoptimise
  int64_t forced_exit = -1;  // option force-exit: the one that is always taken
  std::vector<std::pair<std::string, int>> hir_counts;

  CompiledUnit() = default;
  CompiledUnit(const CompiledUnit&) = delete;
  CompiledUnit& operator=(const CompiledUnit&) = delete;
  ~CompiledUnit();
};

}  // namespace tephra::driver
