#include "driver/code_state.h"

#include "base/address_cache.h"
#include "driver/local_events.h"
#include "pyver/code_kind.h"

namespace tephra::driver {
namespace {

struct States {
  std::unordered_map<PyCodeObject*, CodeState*> by_code;
  std::unordered_set<CodeState*> all;
  CodeDies dies = nullptr;
};

States& self() {
  static auto* states = new States;  // code dies until the very end of the process
  return *states;
}

AddressCache<PyCodeObject, CodeState> recent;  // each new closure and each counted call asks

int onCodeEvent(PyCodeEvent event, PyCodeObject* code) {
  if (event != PY_CODE_EVENT_DESTROY) return 0;
  forgetLocalEvents(code);
  recent.forget(code);
  auto found = self().by_code.find(code);
  if (found == self().by_code.end()) return 0;
  CodeState* state = found->second;
  self().by_code.erase(found);
  self().all.erase(state);
  self().dies(state);
  delete state;
  return 0;
}

}  // namespace

bool initCodeStates(CodeDies dies, std::string* error) {
  self().dies = dies;
  const int watcher = PyCode_AddWatcher(onCodeEvent);
  if (watcher < 0) {
    PyErr_Clear();
    *error = "no free code watcher: other tools have taken all of them";
    return false;
  }
  return true;
}

void forgetCodeStates() {
  self() = {};
  recent.forgetAll();
}

bool isCandidate(PyCodeObject* code, std::string* why) {
  BailoutReason reason{};
  if (py::isPlainFunctionBody(code, &reason)) return true;
  if (why) *why = bailoutText(reason);
  return false;
}

ExitTotals exitTotals(const CodeState& state) {
  ExitTotals totals{state.past_exits, state.past_lost_ns};
  if (state.unit && state.unit->code.metadata) {
    totals.exits += state.unit->code.metadata->taken;
    totals.lost_ns += state.unit->code.metadata->lost_ns;
  }
  return totals;
}

CodeState* findState(PyCodeObject* code) { return recent.find(self().by_code, code); }

CodeState* stateOf(PyCodeObject* code) {
  if (PyInterpreterState_Get() != PyInterpreterState_Main()) {
    PyErr_SetString(PyExc_RuntimeError, "functions of other interpreters are not compiled");
    return nullptr;
  }
  CodeState*& state = self().by_code[code];
  if (!state) {
    state = new CodeState;
    state->code = code;
    state->suspended = hasLocalEvents(code);
    recent.forget(code);
    self().all.insert(state);
  }
  return state;
}

const std::unordered_set<CodeState*>& allStates() { return self().all; }

bool hasCompiledCode(const PyFunctionObject* function) {
  CodeState* state = findState(codeOf(function));
  return state && state->unit && function->vectorcall == state->unit->function.vectorcall_entry;
}

}  // namespace tephra::driver
