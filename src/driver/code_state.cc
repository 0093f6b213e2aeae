#include "driver/code_state.h"

#include "driver/install.h"

namespace tephra::driver {
namespace {

Py_ssize_t g_extra_index = -1;

void freeState(void* extra) {
  CodeState* state = static_cast<CodeState*>(extra);
  if (!state) return;
  forgetState(state);
  delete state;
}

}  // namespace

CompiledUnit::~CompiledUnit() {
  for (PyObject* object : references) Py_DECREF(object);
}

bool initCodeStates(std::string* error) {
  if (g_extra_index >= 0) return true;
  g_extra_index = PyUnstable_Eval_RequestCodeExtraIndex(freeState);
  if (g_extra_index < 0) {
    *error = "no free co_extra index: another tool has taken all of them";
    return false;
  }
  return true;
}

CodeState* findState(PyCodeObject* code) {
  void* extra = nullptr;
  if (g_extra_index < 0 ||
      PyUnstable_Code_GetExtra(reinterpret_cast<PyObject*>(code), g_extra_index, &extra) < 0) {
    PyErr_Clear();
    return nullptr;
  }
  return static_cast<CodeState*>(extra);
}

CodeState* stateOf(PyCodeObject* code) {
  if (CodeState* found = findState(code)) return found;
  CodeState* state = new CodeState;
  state->code = code;
  if (PyUnstable_Code_SetExtra(reinterpret_cast<PyObject*>(code), g_extra_index, state) < 0) {
    delete state;
    return nullptr;
  }
  rememberState(state);
  return state;
}

}  // namespace tephra::driver
