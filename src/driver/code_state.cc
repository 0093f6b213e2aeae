#include "driver/code_state.h"

#include "driver/install.h"
#include "driver/jit.h"
#include "driver/monitoring.h"

namespace tephra::driver {
namespace {

std::unordered_map<PyCodeObject*, CodeState*>& states() {
  static auto* all = new std::unordered_map<PyCodeObject*, CodeState*>;
  return *all;
}

// What was found last, by address: each new closure and each counted call asks.
struct Found {
  PyCodeObject* code;
  CodeState* state;
};
constexpr size_t kRecent = 256;
Found recent[kRecent];

Found& recentFor(PyCodeObject* code) {
  uintptr_t address = reinterpret_cast<uintptr_t>(code) >> 4;
  return recent[(address ^ address >> 8) % kRecent];
}

int onCodeEvent(PyCodeEvent event, PyCodeObject* code) {
  if (event != PY_CODE_EVENT_DESTROY) return 0;
  forgetMonitoredCode(code);
  recentFor(code) = {};
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
  if (code.base) jit().memory->free(code.base);
  for (PyObject* object : references) Py_DECREF(object);
}

bool initCodeStates(std::string* error) {
  static const int watcher = PyCode_AddWatcher(onCodeEvent);
  if (watcher < 0) {
    PyErr_Clear();
    *error = "no free code watcher: other tools have taken all of them";
    return false;
  }
  return true;
}

CodeState* findState(PyCodeObject* code) {
  Found& last = recentFor(code);
  if (last.code == code) return last.state;
  auto found = states().find(code);
  last = {code, found == states().end() ? nullptr : found->second};
  return last.state;
}

CodeState* stateOf(PyCodeObject* code) {
  if (PyInterpreterState_Get() != PyInterpreterState_Main()) {
    PyErr_SetString(PyExc_RuntimeError, "functions of other interpreters are not compiled");
    return nullptr;
  }
  CodeState*& state = states()[code];
  if (!state) {
    state = new CodeState;
    state->code = code;
    recentFor(code) = {};
    rememberState(state);
  }
  return state;
}

}  // namespace tephra::driver
