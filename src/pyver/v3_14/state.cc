// Purpose: threads, periodic work and instrumentation of CPython 3.14.
#include "pyver/internal.h"

namespace tephra::py {

bool eventsPending(PyThreadState* ts) {
  return (_Py_atomic_load_uintptr_relaxed(&ts->eval_breaker) & _PY_EVAL_EVENTS_MASK) != 0;
}

int handlePending(PyThreadState* ts) { return _Py_HandlePending(ts); }

uintptr_t nativeStackLimit(PyThreadState* ts) {
  return reinterpret_cast<_PyThreadStateImpl*>(ts)->c_stack_soft_limit;
}

uint64_t executedInstrumentation(PyCodeObject* code) { return code->_co_instrumentation_version; }
uint64_t currentInstrumentationVersion(PyThreadState* ts) {
  return _Py_atomic_load_uintptr_relaxed(&ts->eval_breaker) &
         ~static_cast<uintptr_t>(_PY_EVAL_EVENTS_MASK);
}
bool isInstrumentedOpcode(int opcode) {
  return opcode >= MIN_INSTRUMENTED_OPCODE && opcode != ENTER_EXECUTOR;
}

void killCodeVersion(PyCodeObject* code) { code->co_version = FUNC_VERSION_CLEARED; }

void restoreVersion(PyFunctionObject* func, SavedVersion saved) {
  _PyFunction_SetVersion(func, saved.function);
  reinterpret_cast<PyCodeObject*>(func->func_code)->co_version = saved.code;
}

}  // namespace tephra::py
