// Purpose: threads, periodic work and instrumentation where each thread has an eval breaker.
#include "pyver/internal.h"

namespace tephra::py {

bool eventsPending(PyThreadState* ts) {
  return (_Py_atomic_load_uintptr_relaxed(&ts->eval_breaker) & _PY_EVAL_EVENTS_MASK) != 0;
}

int handlePending(PyThreadState* ts) { return _Py_HandlePending(ts); }

namespace {

template <typename Thread>
uintptr_t softLimit(const Thread* ts) {
  if constexpr (requires { ts->c_stack_soft_limit; }) return ts->c_stack_soft_limit;
  return 0;
}

}  // namespace

uintptr_t nativeStackLimit(PyThreadState* ts) {
  return softLimit(reinterpret_cast<_PyThreadStateImpl*>(ts));
}

uint64_t currentInstrumentationVersion(PyThreadState* ts) {
  return _Py_atomic_load_uintptr_relaxed(&ts->eval_breaker) &
         ~static_cast<uintptr_t>(_PY_EVAL_EVENTS_MASK);
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

void setVersion(PyFunctionObject* func, uint32_t version) { _PyFunction_SetVersion(func, version); }

}  // namespace tephra::py
