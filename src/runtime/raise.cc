#include "runtime/raise.h"

namespace tephra {
namespace {

// sys.monitoring.DISABLE, borrowed (the module keeps it); NULL when there is none.
PyObject* disableMarker() {
  PyObject* monitoring = PySys_GetObject("monitoring");
  PyObject* marker =
      monitoring == nullptr ? nullptr : PyObject_GetAttrString(monitoring, "DISABLE");
  if (marker == nullptr) PyErr_Clear();
  Py_XDECREF(marker);
  return marker;
}

// 0, -1 with an exception set, or 1: the tool wants no more such events here.
int callTool(PyThreadState* ts, int tool, int event, PyObject** args, size_t count) {
  PyObject*& slot = py::monitoringCallable(ts, tool, event);
  if (slot == nullptr) return 0;
  PyObject* callable = Py_NewRef(slot);
  const int old_event = ts->what_event;
  ts->what_event = event;
  ts->tracing++;
  PyObject* result =
      PyObject_Vectorcall(callable, args, count | PY_VECTORCALL_ARGUMENTS_OFFSET, nullptr);
  ts->tracing--;
  ts->what_event = old_event;
  Py_DECREF(callable);
  if (result == nullptr) return -1;
  Py_DECREF(result);
  return result == disableMarker() ? 1 : 0;
}

// An event that a tool cannot disable.
int callToolAlways(PyThreadState* ts, int tool, int event, PyObject** args) {
  const int answer = callTool(ts, tool, event, args, 3);
  if (answer <= 0) return answer;
  // These events belong to no instruction that could stop firing them.
  PyErr_SetString(PyExc_ValueError, "Cannot disable exception events. Callback removed.");
  Py_CLEAR(py::monitoringCallable(ts, tool, event));
  return -1;
}

// 0, or -1 with a callback's exception set. No exception may be set before.
int fire(PyThreadState* ts, py::Frame* frame, int event, uint32_t offset, PyObject* exception) {
  unsigned tools = ts->interp->monitors.tools[event];
  if (tools == 0 || ts->tracing) return 0;
  PyObject* where = PyLong_FromLong(static_cast<long>(offset * sizeof(_Py_CODEUNIT)));
  if (where == nullptr) return -1;
  PyObject* args[] = {nullptr, reinterpret_cast<PyObject*>(py::frameCode(frame)), where, exception};
  int error = 0;
  while (tools != 0 && error == 0) {  // highest tool first
    const int tool = 31 - __builtin_clz(tools);
    tools &= ~(1u << tool);
    error = callToolAlways(ts, tool, event, args + 1);
  }
  Py_DECREF(where);
  return error;
}

// With the exception set: it stays set, unless a callback raises another.
void fireWithRaised(PyThreadState* ts, py::Frame* frame, int event, uint32_t offset) {
  if (ts->interp->monitors.tools[event] == 0) return;
  PyObject* exception = PyErr_GetRaisedException();
  if (fire(ts, frame, event, offset, exception) == 0) {
    PyErr_SetRaisedException(exception);
  } else {
    Py_DECREF(exception);
  }
}

PyObject* raiseWithTools(PyThreadState* ts, py::Frame* frame, uint32_t offset, bool reraise) {
  PyCodeObject* code = py::frameCode(frame);
  fireWithRaised(ts, frame, reraise ? PY_MONITORING_EVENT_RERAISE : PY_MONITORING_EVENT_RAISE,
                 offset);
  uint32_t lookup = offset;
  py::Handler handler;
  while (py::findHandler(code, lookup, &handler)) {
    py::dropStack(frame, static_cast<int>(handler.depth));
    if (handler.lasti) py::pushLasti(frame, py::framePosition(frame));
    PyObject* exception = PyErr_GetRaisedException();
    py::pushStack(frame, exception);
    if (fire(ts, frame, PY_MONITORING_EVENT_EXCEPTION_HANDLED, handler.target, exception) == 0) {
      py::setNextInstr(frame, code, handler.target);
      return py::resumeInterpreter(ts, frame);
    }
    lookup = handler.target - 1;  // where the interpreter goes on searching
  }
  py::dropStack(frame, 0);
  fireWithRaised(ts, frame, PY_MONITORING_EVENT_PY_UNWIND, offset);
  py::leaveFrame(ts, frame);
  return nullptr;
}

// sys.settrace's function, called as the interpreter does, without the monitoring callback.
int traceLine(PyThreadState* ts, int line) {
  if (ts->c_tracefunc == nullptr) return 0;
  PyFrameObject* object = PyThreadState_GetFrame(ts);  // of the linked frame
  if (object == nullptr) return -1;
  int error = 0;
  if (object->f_trace_lines) {
    const int old_event = ts->what_event;
    ts->what_event = PY_MONITORING_EVENT_LINE;
    ts->tracing++;
    object->f_lineno = line;
    error = ts->c_tracefunc(ts->c_traceobj, object, PyTrace_LINE, Py_None);
    object->f_lineno = 0;
    ts->tracing--;
    ts->what_event = old_event;
  }
  Py_DECREF(object);
  return error;
}

}  // namespace

int fireLine(PyThreadState* ts, py::Frame* frame, uint32_t from, uint32_t to) {
  PyCodeObject* code = py::frameCode(frame);
  int line = 0;
  unsigned tools = py::untoldOfLine(ts, code, from, to, &line);
  if (tools == 0) return 0;
  constexpr unsigned kTrace = 1u << PY_MONITORING_SYS_TRACE_ID;
  if ((tools & kTrace) != 0 && traceLine(ts, line) != 0) return -1;
  tools &= ~kTrace;
  PyObject* number = tools == 0 ? nullptr : PyLong_FromLong(line);
  if (tools != 0 && number == nullptr) return -1;
  PyObject* args[] = {nullptr, reinterpret_cast<PyObject*>(code), number};
  int answer = 0;
  while (tools != 0 && answer >= 0) {  // highest tool first
    const int tool = 31 - __builtin_clz(tools);
    tools &= ~(1u << tool);
    // A tool that wants the line no more says so again when the interpreter comes by.
    answer = callTool(ts, tool, PY_MONITORING_EVENT_LINE, args + 1, 2);
  }
  Py_XDECREF(number);
  return answer < 0 ? -1 : 0;
}

PyObject* raiseInFrame(PyThreadState* ts, py::Frame* frame, uint32_t offset, bool reraise) {
  if (!py::toolsActive(ts)) return py::raiseInFrame(ts, frame, offset, reraise);
  if (!reraise) {
    py::setPosition(frame, py::frameCode(frame), offset);
    py::addTraceback(ts, frame);
  }
  return raiseWithTools(ts, frame, offset, reraise);
}

}  // namespace tephra
