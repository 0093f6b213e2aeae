// Purpose: threads, periodic work and instrumentation of CPython 3.12.
#include "pyver/internal.h"

namespace tephra::py {

namespace {

int load(const _Py_atomic_int& value) { return __atomic_load_n(&value._value, __ATOMIC_RELAXED); }

// The only thread that serves signals and the pending calls of the process.
bool isMainThread(PyThreadState* ts) {
  return PyThread_get_thread_ident() == _PyRuntime.main_thread &&
         ts->interp == PyInterpreterState_Main();
}

// COMPUTE_EVAL_BREAKER of ceval_gil.c.
void recomputeBreaker(PyThreadState* ts) {
  _ceval_state& ceval = ts->interp->ceval;
  _ceval_runtime_state& runtime = _PyRuntime.ceval;
  bool main_thread = isMainThread(ts);
  int breaker = load(ceval.gil_drop_request) | (load(runtime.signals_pending) && main_thread) |
                load(ceval.pending.calls_to_do) |
                (main_thread && load(runtime.pending_mainthread.calls_to_do)) |
                ceval.pending.async_exc | load(ceval.gc_scheduled);
  _Py_atomic_store_relaxed(&ceval.eval_breaker, breaker);
}

// What make_pending_calls of ceval_gil.c does in a thread that is not the main one, where
// Py_MakePendingCalls, the only exported function for it, does nothing. One thread at a time.
int makeInterpreterCalls(PyThreadState* ts) {
  _pending_calls& pending = ts->interp->ceval.pending;
  PyThread_acquire_lock(pending.lock, WAIT_LOCK);
  const bool busy = pending.busy != 0;
  pending.busy = 1;
  PyThread_release_lock(pending.lock);
  if (busy) return 0;  // the request stays
  _Py_atomic_store_relaxed(&pending.calls_to_do, 0);
  int status = 0;
  // Bounded: a call may add itself again.
  for (int i = 0; i < NPENDINGCALLS && status == 0; i++) {
    PyThread_acquire_lock(pending.lock, WAIT_LOCK);
    const int first = pending.first;
    const bool empty = first == pending.last;
    const auto call = pending.calls[first];
    if (!empty) pending.first = (first + 1) % NPENDINGCALLS;
    PyThread_release_lock(pending.lock);
    if (empty) break;
    if (call.func(call.arg) != 0) status = -1;
  }
  if (status != 0) _Py_atomic_store_relaxed(&pending.calls_to_do, 1);  // there may be more
  pending.busy = 0;
  recomputeBreaker(ts);
  return status;
}

}  // namespace

bool eventsPending(PyThreadState* ts) { return load(ts->interp->ceval.eval_breaker) != 0; }

int handlePending(PyThreadState* ts) {
  // _Py_HandlePending is hidden. The same services through exported functions, in its order.
  _ceval_state& ceval = ts->interp->ceval;
  if (isMainThread(ts)) {
    if (load(_PyRuntime.ceval.signals_pending) || load(ceval.pending.calls_to_do) ||
        load(_PyRuntime.ceval.pending_mainthread.calls_to_do)) {
      if (Py_MakePendingCalls() != 0) return -1;
    }
  } else if (load(ceval.pending.calls_to_do)) {
    if (makeInterpreterCalls(ts) != 0) return -1;
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

uintptr_t nativeStackLimit(PyThreadState*) { return 0; }

uint64_t currentInstrumentationVersion(PyThreadState* ts) { return ts->interp->monitoring_version; }
unsigned untoldOfLine(PyThreadState*, PyCodeObject*, uint32_t, uint32_t, int*) { return 0; }

bool isFinalizing() { return _Py_IsFinalizing() != 0; }

bool addPendingCall(int (*call)(void*)) {
  return _PyEval_AddPendingCall(PyInterpreterState_Main(), call, nullptr, 0) == 0;
}

void setVersion(PyFunctionObject* func, uint32_t version) { func->func_version = version; }

}  // namespace tephra::py
