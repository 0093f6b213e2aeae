#include "driver/code_state.h"

#include "base/address_cache.h"
#include "driver/compile.h"
#include "driver/entries.h"
#include "driver/install.h"
#include "driver/jit.h"
#include "driver/monitoring.h"
#include "driver/names.h"

namespace tephra::driver {
namespace {

std::unordered_map<PyCodeObject*, CodeState*>& states() {
  static auto* all = new std::unordered_map<PyCodeObject*, CodeState*>;
  return *all;
}

AddressCache<PyCodeObject, CodeState> recent;  // each new closure and each counted call asks

int onCodeEvent(PyCodeEvent event, PyCodeObject* code) {
  if (event != PY_CODE_EVENT_DESTROY) return 0;
  forgetMonitoredCode(code);
  recent.forget(code);
  auto found = states().find(code);
  if (found == states().end()) return 0;
  CodeState* state = found->second;
  states().erase(found);
  forgetState(state);
  delete state;
  return 0;
}

}  // namespace

CompiledUnit::~CompiledUnit() {
  unwatchNames(this);
  unwatchEntries(this);
  forgetUnit(*this);
  for (uint64_t* cell : cells) releaseCell(cell);
  if (code.base) jit().memory->free(code.base);
  for (PyObject* object : references) Py_DECREF(object);
}

bool initCodeStates(std::string* error) {
  const int watcher = PyCode_AddWatcher(onCodeEvent);
  if (watcher < 0) {
    PyErr_Clear();
    *error = "no free code watcher: other tools have taken all of them";
    return false;
  }
  return true;
}

void forgetCodeStates() {
  states().clear();
  recent.forgetAll();
}

ExitTotals exitTotals(const CodeState& state) {
  ExitTotals totals{state.past_exits, state.past_lost_ns};
  if (state.unit && state.unit->code.metadata) {
    totals.exits += state.unit->code.metadata->taken;
    totals.lost_ns += state.unit->code.metadata->lost_ns;
  }
  return totals;
}

CodeState* findState(PyCodeObject* code) { return recent.find(states(), code); }

CodeState* stateOf(PyCodeObject* code) {
  if (PyInterpreterState_Get() != PyInterpreterState_Main()) {
    PyErr_SetString(PyExc_RuntimeError, "functions of other interpreters are not compiled");
    return nullptr;
  }
  CodeState*& state = states()[code];
  if (!state) {
    state = new CodeState;
    state->code = code;
    state->suspended = isMonitored(code);
    recent.forget(code);
    rememberState(state);
  }
  return state;
}

}  // namespace tephra::driver
