// Purpose: what is particular to CPython 3.12's layout.
#include "pyver/internal.h"

namespace tephra::py {

void fillVersionLayout(PyLayout* l) {
  l->current_frame_in_cframe = true;
  l->method_null_first = true;
  l->frame_owns_code_and_func = true;
  l->frame_keeps_locals = true;
  l->for_iter_pops = true;

  l->values_pointer = -3 * static_cast<int32_t>(sizeof(PyObject*));
  l->values_first = offsetof(PyDictValues, values);
  l->frame_code = offsetof(Frame, f_code);
  l->frame_instr = offsetof(Frame, prev_instr);
  l->frame_stack = offsetof(Frame, stacktop);
  l->frame_visited = -1;
  l->ts_current_frame = offsetof(_PyCFrame, current_frame);
  l->ts_cframe = offsetof(PyThreadState, cframe);
  l->interp_eval_breaker = offsetof(PyInterpreterState, ceval.eval_breaker);
  l->interp_monitoring_version = offsetof(PyInterpreterState, monitoring_version);
  l->incref_immortal_min = 0xFFFFFFFF;
}

void checkVersionLayout(std::vector<std::string>* problems) {
  // No table of offsets in this version: the behavioural probes of selftest.cc are all there is,
  // and the micro version: structures were frozen from 3.12.0 on.
  reportIf(problems, sizeof(_Py_CODEUNIT) != 2, "code units are not two bytes");
  PyThreadState* ts = PyThreadState_Get();
  reportIf(problems, ts->interp->monitoring_version > (uint64_t{1} << 40),
           "PyInterpreterState.monitoring_version is implausible");
  reportIf(problems, ts->cframe == nullptr || ts->cframe->current_frame == nullptr,
           "PyThreadState.cframe is not where it should be");
  reportIf(problems, ts->interp != PyInterpreterState_Get(), "PyThreadState.interp moved");
}

}  // namespace tephra::py
