#include "driver/cells.h"

#include <unordered_map>

#include "driver/function_tables.h"
#include "driver/jit.h"

namespace tephra::driver {
namespace {

// In code memory, within reach of all code.
struct EntryCell {
  uint64_t* entry = nullptr;
  uint32_t argcount = 0;
};

struct Cells {
  std::unordered_map<uint32_t, void*> stubs;  // by argument count
  std::unordered_map<PyFunctionObject*, EntryCell> of_function;
  std::unordered_map<uint64_t*, uint32_t> users;
};

Cells& self() {
  static auto* cells = new Cells;  // compiled code may run until the very end of the process
  return *cells;
}

uint64_t addressOf(void* code) { return reinterpret_cast<uint64_t>(code); }

void* uncompiledStub(uint32_t argcount) {
  void*& stub = self().stubs[argcount];
  if (!stub) stub = makeUncompiledStub(argcount, *jit().memory, jit().addresses);
  return stub;
}

}  // namespace

uint64_t entryCellOf(PyFunctionObject* function, uint32_t argcount) {
  auto found = self().of_function.find(function);
  if (found != self().of_function.end()) return reinterpret_cast<uint64_t>(found->second.entry);
  uint64_t* entry = jit().memory->allocateCell();
  if (entry == nullptr) return 0;
  retainCell(entry);
  self().of_function[function] = {entry, argcount};
  markFunction(function);
  *entry = addressOf(uncompiledStub(argcount));
  if (hasCompiledCode(function)) fillCell(function, findState(codeOf(function)));
  return reinterpret_cast<uint64_t>(entry);
}

CodeCells cellsOf(PyCodeObject* code, PyObject* globals, PyObject* builtins) {
  if (!isCandidate(code, nullptr)) return {};
  CodeState* state = stateOf(code);
  if (!state) {
    PyErr_Clear();
    return {};
  }
  if (state->cell == nullptr) {
    uint64_t *entry = jit().memory->allocateCell(), *call = jit().memory->allocateCell();
    if (entry == nullptr || call == nullptr) return {};
    retainCell(entry);
    retainCell(call);
    state->cell = entry;
    state->vectorcall_cell = call;
    state->cell_globals = globals;
    state->cell_builtins = builtins;
    closeCell(state);
    if (state->unit) openCell(state);
  }
  if (state->cell_globals != globals || state->cell_builtins != builtins) return {};
  return {reinterpret_cast<uint64_t>(state->cell),
          reinterpret_cast<uint64_t>(state->vectorcall_cell)};
}

void retainCell(uint64_t* cell) { ++self().users[cell]; }

void releaseCell(uint64_t* cell) {
  auto users = self().users.find(cell);
  if (users == self().users.end() || --users->second != 0) return;
  self().users.erase(users);
  jit().memory->freeCell(cell);
}

void openCell(CodeState* state) {
  const CompiledUnit& unit = *state->unit;
  if (unit.function.suspended || state->cell == nullptr || unit.globals != state->cell_globals)
    return;
  if (unit.builtins != state->cell_builtins) return;
  *state->cell = addressOf(unit.code.entry(EntryKind::kRegister));
  *state->vectorcall_cell = addressOf(unit.code.entry(EntryKind::kVectorcall));
}

void closeCell(CodeState* state) {
  if (state->cell != nullptr) *state->cell = *state->vectorcall_cell = 0;
}

void releaseCellsOf(CodeState* state) {
  closeCell(state);
  for (uint64_t* cell : {state->cell, state->vectorcall_cell}) {
    if (cell != nullptr) releaseCell(cell);
  }
}

void fillCell(PyFunctionObject* function, CodeState* state) {
  if (!isMarked(function)) return;
  auto cell = self().of_function.find(function);
  if (cell == self().of_function.end()) return;
  state->direct.insert(function);
  if (state->unit->function.suspended) return;
  *cell->second.entry = addressOf(state->unit->code.entry(EntryKind::kRegister));
}

void resetCell(PyFunctionObject* function) {
  if (!isMarked(function)) return;
  auto found = self().of_function.find(function);
  if (found == self().of_function.end()) return;
  *found->second.entry = addressOf(uncompiledStub(found->second.argcount));
}

void dropCell(PyFunctionObject* function) {
  auto cell = self().of_function.find(function);
  if (cell == self().of_function.end()) return;
  resetCell(function);
  releaseCell(cell->second.entry);
  self().of_function.erase(cell);
}

void forgetCells() { self() = {}; }

}  // namespace tephra::driver
