// Purpose: everything about a CPython build that generated code relies on, as plain data: offsets,
// constants, features. One instance per version is filled in src/pyver/v3_XX and checked against
// the running interpreter at import; the compiler sees only this struct (both versions' lowering
// can be tested on any host). Invariant: no code outside src/pyver tests a version number.
#pragma once

#include <cstdint>

namespace tephra {

struct PyLayout {
  const char* version = "";  // "3.12", "3.14": for people, never for decisions

  // Features.
  bool frame_holds_stack_refs = false;    // slots are tagged: bit 0 = no reference held, NULL = 1
  bool stack_pointer_is_pointer = false;  // frame stores a pointer, not an int index
  bool current_frame_in_cframe = false;   // tstate->cframe->current_frame
  bool eval_breaker_in_tstate = false;    // 3.14: one word: version << 8 | pending bits
  bool method_null_first = false;  // value stack of a call: [NULL, callable] / [method, self]
  bool frame_owns_code_and_func = false;  // push takes references of code and function
  // A function's frame may own a dict of its locals that it has no frame object for: locals() and
  // the like leave it there.
  bool frame_keeps_locals = false;
  bool inline_values = false;  // values follow the object (3.14); else values pointer before it
  bool locals_cleared_backwards = false;  // leaving a frame releases the highest slot first
  bool inputs_released_from_top = false;  // an instruction releases its inputs from the top down
  bool for_iter_pops = false;             // exhausted FOR_ITER has dropped its iterator
  bool has_ref_tracer = false;

  // Object headers.
  int32_t ob_refcnt = 0, ob_type = 8, ob_size = 16;
  int32_t long_tag = 16, long_digit = 24;  // compact: tag < 16; value = (1 - (tag & 3)) * digit;
                                           // tag < 24: two digits of 30 bits
  int32_t float_value = 16;
  int32_t list_items = 24, tuple_items = 24, cell_value = 16;
  int32_t dict_keys = 32;             // PyDictObject::ma_keys
  int32_t keys_version = 0;           // PyDictKeysObject::dk_version (u32)
  int32_t keys_log2_index_bytes = 0;  // u8
  int32_t keys_entries = 0;           // dk_indices; entries start at + (1 << log2_index_bytes)
  int32_t unicode_entry_size = 16, unicode_entry_value = 8;
  int32_t module_dict = 0;
  int32_t function_code = 0, function_closure = 0, function_globals = 0, function_builtins = 0;
  int32_t function_vectorcall = 0, function_version = 0, function_defaults = 0;
  int32_t type_version_tag = 0, type_flags = 0, type_basicsize = 0, type_cached_keys = 0;
  int32_t values_pointer = -24;  // 3.12: tagged dict-or-values word; 3.14: managed dict pointer
  int32_t values_first = 0;      // offset of values[0] in PyDictValues
  int32_t values_valid = 0;      // 3.14: PyDictValues::valid (u8)
  int32_t range_iter_start = 0, range_iter_step = 0, range_iter_len = 0;
  int32_t list_iter_index = 0, list_iter_seq = 0;
  int32_t tuple_iter_index = 0, tuple_iter_seq = 0;

  // Frames.
  int32_t frame_code = 0, frame_previous = 8, frame_func = 16, frame_globals = 24;
  int32_t frame_builtins = 32, frame_locals = 40, frame_frame_obj = 48, frame_instr = 56;
  int32_t frame_stack = 64;         // stackpointer (pointer) or stacktop (int32)
  int32_t frame_return_offset = 0;  // u16
  int32_t frame_owner = 0;          // u8
  int32_t frame_visited = -1;       // u8; -1 = absent
  int32_t frame_localsplus = 0;
  uint8_t frame_owner_thread = 0;

  // Thread and interpreter state.
  int32_t ts_current_frame = 0;  // in tstate, or tstate->cframe when current_frame_in_cframe
  int32_t ts_cframe = 0;
  int32_t ts_py_recursion_remaining = 0, ts_current_exception = 0, ts_exc_info = 0;
  int32_t ts_datastack_top = 0, ts_datastack_limit = 0, ts_datastack_chunk = 0;
  int32_t ts_eval_breaker = 0, ts_interp = 0;
  int32_t interp_eval_breaker = 0;        // 3.12: int32 in the interpreter state
  int32_t interp_monitoring_version = 0;  // 3.12: u64 in the interpreter state
  int32_t interp_eval_frame =
      0;  // PEP 523: not NULL while another tool evaluates frames; 0 = not checked
  int32_t code_instrumentation_version = 0;
  int32_t code_bytecode = 0;  // _PyCode_CODE
  int32_t code_unit_size = 2;

  // Reference counts. Immortal: sign of the low 32 bits (DECREF); INCREF skips when the low 32
  // bits are > incref_immortal_min (3.14) or when adding one wraps to zero (3.12: 0xFFFFFFFF).
  uint32_t incref_immortal_min = 0xFFFFFFFF;

  // Addresses in the running process (0 in tests).
  uint64_t interp = 0;  // the main interpreter state
  uint64_t py_true = 0, py_false = 0, py_none = 0;
  uint64_t small_ints = 0;  // &_PyLong_SMALL_INTS[-5]
  int32_t small_int_size = 32;
  uint64_t int_type = 0, float_type = 0, bool_type = 0, str_type = 0, list_type = 0;
  uint64_t tuple_type = 0, dict_type = 0, set_type = 0, frozenset_type = 0, bytes_type = 0;
  uint64_t none_type = 0, type_type = 0, function_type = 0, builtin_type = 0;
  uint64_t method_descr_type = 0, slice_type = 0, range_type = 0, range_iter_type = 0;
  uint64_t list_iter_type = 0, tuple_iter_type = 0, cell_type = 0, module_type = 0;
  uint64_t bound_method_type = 0;
  // Thread-local storage of ours, as offsets from the thread pointer (fs:0 / TPIDR_EL0).
  int64_t tls_stack_limit = 0;  // lowest stack address that compiled code may use
};

}  // namespace tephra
