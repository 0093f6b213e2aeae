// Purpose: what compiled code must know of monitoring, and function versions.
#include "pyver/internal.h"

namespace tephra::py {

namespace {

constexpr int kTools = 6;  // those of sys.monitoring; the others are the interpreter's own

// Where the tool has an id that was freed since the code got its events, they are void.
template <typename Data, typename Interpreter>
bool isUpToDate(const Data& data, const Interpreter& interp, int tool) {
  if constexpr (requires { data.tool_versions; }) {
    return data.tool_versions[tool] == interp.monitoring_tool_versions[tool];
  }
  return true;
}

}  // namespace

uint32_t localEvents(PyCodeObject* code) {
  if (code->_co_monitoring == nullptr) return 0;
  unsigned valid = 0;
  for (int tool = 0; tool < kTools; ++tool) {
    if (isUpToDate(*code->_co_monitoring, *PyInterpreterState_Get(), tool)) valid |= 1U << tool;
  }
  uint32_t events = 0, bit = 1;
  for (unsigned tools : code->_co_monitoring->local_monitors.tools) {
    if ((tools & valid) != 0) events |= bit;
    bit <<= 1;
  }
  return events;
}

bool toolsActive(PyThreadState* ts) {
  for (auto tools : ts->interp->monitors.tools) {
    if (tools != 0) return true;
  }
  return ts->c_tracefunc != nullptr || ts->c_profilefunc != nullptr;
}

namespace {

// Has it had events when its bytecode was brought up to date last?
bool hadEvents(PyCodeObject* code) {
  if (code->_co_monitoring == nullptr) return false;
  for (auto tools : code->_co_monitoring->active_monitors.tools) {
    if (tools != 0) return true;
  }
  return false;
}

// Exceptions, and what CALL brings with it: such events show in no opcode. So they concern all
// code.
bool unseenEvents(PyThreadState* ts) {
  for (int event = PY_MONITORING_EVENT_RAISE; event <= PY_MONITORING_EVENT_RERAISE; ++event) {
    static_assert(PY_MONITORING_EVENT_RERAISE - PY_MONITORING_EVENT_RAISE == 4);
    if (ts->interp->monitors.tools[event] != 0) return true;
  }
  return false;
}

// The version that the code's bytecode was made for.
uint64_t executedInstrumentation(PyCodeObject* code) { return code->_co_instrumentation_version; }

bool isInstrumentedOpcode(int opcode) {
#ifdef ENTER_EXECUTOR
  if (opcode == ENTER_EXECUTOR) return false;
#endif
  return opcode >= MIN_INSTRUMENTED_OPCODE;
}

bool hasInstrumentedOpcode(PyCodeObject* code) {
  const _Py_CODEUNIT* instr = _PyCode_CODE(code);
  PyObject* base = PyCode_GetCode(code);  // tells instructions and caches apart
  if (base == nullptr) {
    PyErr_Clear();
    return true;
  }
  const auto* bytes = reinterpret_cast<const uint8_t*>(PyBytes_AS_STRING(base));
  Py_ssize_t count = PyBytes_GET_SIZE(base) / 2;
  bool found = false;
  for (Py_ssize_t i = 0; i < count && !found; i++) {
    if (bytes[2 * i] == CACHE && i > 0) continue;
    found = isInstrumentedOpcode(instr[i].op.code);
  }
  Py_DECREF(base);
  return found;
}

}  // namespace

bool toolsConcern(PyThreadState* ts, PyCodeObject* code) {
  if (ts->c_tracefunc != nullptr || ts->c_profilefunc != nullptr) return true;
  const bool up_to_date = executedInstrumentation(code) == currentInstrumentationVersion(ts);
  // Without any tool, only what is left of one in the bytecode matters: nothing, where the code had
  // no events.
  if (!hadEvents(code) && !toolsActive(ts) && localEvents(code) == 0) return false;
  return !up_to_date || unseenEvents(ts) || hasInstrumentedOpcode(code);
}

uint64_t instrumentationVersion(PyCodeObject* code) { return executedInstrumentation(code); }

PyObject*& monitoringCallable(PyThreadState* ts, int tool, int event) {
  return ts->interp->monitoring_callables[tool][event];
}

uint32_t savedVersion(PyFunctionObject* func, uint32_t code) {
  const bool own = func->vectorcall == interpreterVectorcall();
  if (kFunctionVersionsComeBack) return own ? func->func_version : 0;
  constexpr uint32_t kUnset = 0;
  // A new function gets its code's, which may have been killed, when it is complete.
  return own && func->func_version != kUnset ? func->func_version : code;
}

uint32_t voidVersion() { return kClearedFunctionVersion; }

void killCodeVersion(PyCodeObject* code) { code->co_version = kClearedFunctionVersion; }
bool isCodeVersionKilled(PyCodeObject* code) { return code->co_version <= kClearedFunctionVersion; }

void setCodeVersion(PyCodeObject* code, uint32_t version) { code->co_version = version; }

uint32_t codeVersion(PyCodeObject* code) { return code->co_version; }

vectorcallfunc interpreterVectorcall() {
  // Hidden in some versions; every new function starts with it.
  static vectorcallfunc entry = nullptr;
  if (entry != nullptr) return entry;
  PyCodeObject* code = PyCode_NewEmpty("<tephra>", "probe", 1);
  PyObject* globals = PyDict_New();
  if (code != nullptr && globals != nullptr) {
    PyObject* func = PyFunction_New(reinterpret_cast<PyObject*>(code), globals);
    if (func != nullptr) {
      entry = reinterpret_cast<PyFunctionObject*>(func)->vectorcall;
      Py_DECREF(func);
    }
  }
  Py_XDECREF(code);
  Py_XDECREF(globals);
  return entry;
}

}  // namespace tephra::py
