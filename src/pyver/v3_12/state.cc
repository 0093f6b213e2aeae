// Purpose: threads, periodic work and instrumentation of CPython 3.12.
#include "pyver/internal.h"

namespace tephra::py {

namespace {

int load(const _Py_atomic_int& value) { return __atomic_load_n(&value._value, __ATOMIC_RELAXED); }

// COMPUTE_EVAL_BREAKER of ceval_gil.c.
void recomputeBreaker(PyThreadState* ts) {
  PyInterpreterState* interp = ts->interp;
  _ceval_state& ceval = interp->ceval;
  _ceval_runtime_state& runtime = _PyRuntime.ceval;
  bool main_thread = PyThread_get_thread_ident() == _PyRuntime.main_thread;
  bool main_interp = interp == PyInterpreterState_Main();
  int breaker = load(ceval.gil_drop_request) |
                (load(runtime.signals_pending) && main_thread && main_interp) |
                load(ceval.pending.calls_to_do) |
                (main_thread && main_interp && load(runtime.pending_mainthread.calls_to_do)) |
                ceval.pending.async_exc | load(ceval.gc_scheduled);
  _Py_atomic_store_relaxed(&ceval.eval_breaker, breaker);
}

}  // namespace

bool eventsPending(PyThreadState* ts) { return load(ts->interp->ceval.eval_breaker) != 0; }

int handlePending(PyThreadState* ts) {
  // _Py_HandlePending is hidden. The same services through exported functions, in its order.
  _ceval_state& ceval = ts->interp->ceval;
  if (load(_PyRuntime.ceval.signals_pending) || load(ceval.pending.calls_to_do) ||
      load(_PyRuntime.ceval.pending_mainthread.calls_to_do)) {
    if (Py_MakePendingCalls() != 0) return -1;
  }
  if (load(ceval.gc_scheduled)) {  // runs the collection that is due, then signals once more
    if (PyErr_CheckSignals() != 0) return -1;
  }
  if (load(ceval.gil_drop_request)) {
    PyThreadState* saved = PyEval_SaveThread();
    PyEval_RestoreThread(saved);
  }
  if (ts->async_exc != nullptr) {
    PyObject* exc = ts->async_exc;
    ts->async_exc = nullptr;
    ceval.pending.async_exc = 0;
    recomputeBreaker(ts);
    PyErr_SetNone(exc);
    Py_DECREF(exc);
    return -1;
  }
  // The exported paths leave the summary word set in some cases; without this every back edge would
  // come here again.
  recomputeBreaker(ts);
  return 0;
}

uint64_t executedInstrumentation(PyCodeObject* code) { return code->_co_instrumentation_version; }
uint64_t currentInstrumentationVersion(PyThreadState* ts) { return ts->interp->monitoring_version; }
bool isInstrumentedOpcode(int opcode) { return opcode >= MIN_INSTRUMENTED_OPCODE; }

void killCodeVersion(PyCodeObject* code) { code->co_version = 0; }

void restoreVersion(PyFunctionObject* func, SavedVersion saved) {
  func->func_version = saved.function;
  reinterpret_cast<PyCodeObject*>(func->func_code)->co_version = saved.code;
}

}  // namespace tephra::py
