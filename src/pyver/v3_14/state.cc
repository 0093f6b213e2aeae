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

// As _Py_call_instrumentation_line, for which the previous instruction is the one at instr_ptr.
unsigned untoldOfLine(PyThreadState* ts, PyCodeObject* code, uint32_t from, uint32_t to,
                      int* line) {
  const _PyCoMonitoringData* data = code->_co_monitoring;
  if (_PyCode_CODE(code)[to].op.code != INSTRUMENTED_LINE || data == nullptr || ts->tracing)
    return 0;
  constexpr int kUnit = sizeof(_Py_CODEUNIT);
  *line = PyCode_Addr2Line(code, static_cast<int>(to) * kUnit);
  if (*line == PyCode_Addr2Line(code, static_cast<int>(from) * kUnit)) return 0;
  if (data->line_tools != nullptr) return data->line_tools[to];
  return ts->interp->monitors.tools[PY_MONITORING_EVENT_LINE] |
         data->local_monitors.tools[PY_MONITORING_EVENT_LINE];
}

bool isFinalizing() { return Py_IsFinalizing() != 0; }

bool addPendingCall(int (*call)(void*)) {
  return _PyEval_AddPendingCall(PyInterpreterState_Main(), call, nullptr, 0) ==
         _Py_ADD_PENDING_SUCCESS;
}

// A new function gets its code's, which may have been killed, when it is complete. Once cleared in
// a function that is not ours, it stays so: the interpreter never gives it another.
uint32_t savedVersion(PyFunctionObject* func, uint32_t code) {
  const bool own = func->vectorcall == interpreterVectorcall();
  return own && func->func_version != FUNC_VERSION_UNSET ? func->func_version : code;
}

uint32_t voidVersion() { return FUNC_VERSION_CLEARED; }

void setVersion(PyFunctionObject* func, uint32_t version) { _PyFunction_SetVersion(func, version); }

void killCodeVersion(PyCodeObject* code) { code->co_version = FUNC_VERSION_CLEARED; }
bool isCodeVersionKilled(PyCodeObject* code) { return code->co_version <= FUNC_VERSION_CLEARED; }

void setCodeVersion(PyCodeObject* code, uint32_t version) { code->co_version = version; }

}  // namespace tephra::py
