// Purpose: what is particular to CPython 3.14's layout.
#include "pyver/internal.h"

namespace tephra::py {

void fillVersionLayout(PyLayout* l) {
  l->frame_holds_stack_refs = true;
  l->stack_pointer_is_pointer = true;
  l->eval_breaker_in_tstate = true;
  l->inline_values = true;
  l->locals_cleared_backwards = true;
  l->inputs_released_from_top = true;
  l->has_ref_tracer = true;

  l->values_pointer = MANAGED_DICT_OFFSET;
  l->values_first = offsetof(PyDictValues, values);
  l->values_valid = offsetof(PyDictValues, valid);
  l->frame_code = offsetof(Frame, f_executable);
  l->frame_instr = offsetof(Frame, instr_ptr);
  l->frame_stack = offsetof(Frame, stackpointer);
  // A bit field in debug builds; the byte after `owner` in all.
  l->frame_visited = offsetof(Frame, owner) + 1;
  l->ts_current_frame = offsetof(PyThreadState, current_frame);
  l->ts_eval_breaker = offsetof(PyThreadState, eval_breaker);
  l->incref_immortal_min = static_cast<uint32_t>(_Py_IMMORTAL_INITIAL_REFCNT) - 1;
}

}  // namespace tephra::py
