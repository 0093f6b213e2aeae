// Layouts with the offsets of CPython 3.12.1 and 3.14.8 on 64-bit Linux, and a unit with one object
// of each kind that lowering asks about. Addresses are made up: low ones for 3.12 (an interpreter
// that is not position-independent), high ones for 3.14, so that both immediate forms are seen.
#pragma once

#include "hir/types.h"
#include "pyver/common/unit.h"

namespace tephra::lower_test {

inline void typeAddresses(PyLayout* l, uint64_t base) {
  uint64_t PyLayout::*const types[] = {
      &PyLayout::int_type,       &PyLayout::float_type,       &PyLayout::bool_type,
      &PyLayout::str_type,       &PyLayout::list_type,        &PyLayout::tuple_type,
      &PyLayout::dict_type,      &PyLayout::set_type,         &PyLayout::frozenset_type,
      &PyLayout::bytes_type,     &PyLayout::none_type,        &PyLayout::type_type,
      &PyLayout::function_type,  &PyLayout::builtin_type,     &PyLayout::method_descr_type,
      &PyLayout::slice_type,     &PyLayout::range_type,       &PyLayout::range_iter_type,
      &PyLayout::list_iter_type, &PyLayout::tuple_iter_type,  &PyLayout::cell_type,
      &PyLayout::module_type,    &PyLayout::bound_method_type};
  for (auto member : types) {
    l->*member = base;
    base += 0x1a0;
  }
  l->py_true = base;
  l->py_false = base + 0x20;
  l->py_none = base + 0x40;
  l->small_ints = base + 0x1000;
  l->interp = base + 0x8000;
  l->tls_stack_limit = -16;
}

// What both builds share.
inline PyLayout commonLayout() {
  PyLayout l;
  l.function_code = 48;
  l.function_defaults = 56;
  l.function_closure = 72;
  l.function_globals = 16;
  l.function_builtins = 24;
  l.type_version_tag = 384;
  l.type_flags = 168;
  l.type_basicsize = 32;
  l.type_cached_keys = 880;
  l.keys_version = 12;
  l.keys_log2_index_bytes = 9;
  l.keys_entries = 32;
  l.module_dict = 16;
  l.range_iter_start = 16;
  l.range_iter_step = 24;
  l.range_iter_len = 32;
  l.list_iter_index = l.tuple_iter_index = 16;
  l.list_iter_seq = l.tuple_iter_seq = 24;
  l.ts_interp = 16;
  l.ts_datastack_chunk = 232;
  l.ts_datastack_top = 240;
  l.ts_datastack_limit = 248;
  return l;
}

inline const PyLayout& layout312() {
  static const PyLayout layout = [] {
    PyLayout l = commonLayout();
    l.version = "3.12";
    l.current_frame_in_cframe = true;
    l.method_null_first = true;
    l.frame_owns_code_and_func = true;
    l.frame_keeps_locals = true;
    l.function_vectorcall = 128;
    l.function_version = 136;
    l.frame_return_offset = 68;
    l.frame_owner = 70;
    l.frame_localsplus = 72;
    l.ts_cframe = 56;
    l.ts_current_frame = 0;
    l.ts_py_recursion_remaining = 28;
    l.ts_current_exception = 96;
    l.ts_exc_info = 104;
    l.interp_eval_breaker = 368;
    l.interp_monitoring_version = 48;
    l.code_instrumentation_version = 160;
    l.code_bytecode = 192;
    typeAddresses(&l, 0xa00000);
    return l;
  }();
  return layout;
}

inline const PyLayout& layout314() {
  static const PyLayout layout = [] {
    PyLayout l = commonLayout();
    l.version = "3.14";
    l.frame_holds_stack_refs = true;
    l.stack_pointer_is_pointer = true;
    l.eval_breaker_in_tstate = true;
    l.inline_values = true;
    l.locals_cleared_backwards = true;
    l.inputs_released_from_top = true;
    l.function_vectorcall = 136;
    l.function_version = 144;
    l.tuple_items = 32;
    l.values_first = 8;
    l.values_valid = 3;
    l.frame_return_offset = 72;
    l.frame_owner = 74;
    l.frame_visited = 75;
    l.frame_localsplus = 80;
    l.ts_current_frame = 72;
    l.ts_py_recursion_remaining = 48;
    l.ts_current_exception = 112;
    l.ts_exc_info = 120;
    l.ts_eval_breaker = 24;
    l.code_instrumentation_version = 168;
    l.code_bytecode = 208;
    l.incref_immortal_min = 0xBFFFFFFF;
    typeAddresses(&l, 0x7f1200a00000);
    return l;
  }();
  return layout;
}

// Objects of the unit, by number, as the texts in tests/lower name them.
enum Object : ObjRef {
  kName,
  kNone,
  kSeven,
  kFunction,
  kUncompiled,
  kCode,
  kKeywordNames,
  kBuiltin,
  kModule,
  kMortal,
};

inline ObjectInfo object(uint64_t address, const char* text, uint32_t mask, bool immortal = false) {
  ObjectInfo info;
  info.address = address;
  info.text = text;
  info.type_mask = mask;
  info.immortal = immortal;
  return info;
}

// Locals: `args` parameters, then a local and a cell.
inline CodeUnit fakeUnit(const PyLayout& layout, uint32_t args) {
  CodeUnit unit;
  unit.name = unit.qualname = "f";
  unit.layout = &layout;
  unit.argcount = unit.total_args = args;
  unit.locals.resize(args + 2);
  unit.stack_size = 4;
  unit.frame_size = static_cast<uint32_t>(layout.frame_localsplus / 8) + args + 2 + unit.stack_size;
  unit.first_traceable = 1;
  uint64_t base = layout.inline_values ? 0x7f1200c00000 : 0xc00000;
  unit.bytecode = base + 0x10000;
  unit.instrumentation_version = layout.eval_breaker_in_tstate ? 0x300 : 3;
  unit.addObject(object(base, "'name'", hir::kMaskStr, true));
  unit.addObject(object(layout.py_none, "None", hir::kMaskNoneType, true));
  unit.addObject(object(base + 0x100, "7", hir::kMaskInt, true));
  unit.addObject(object(base + 0x200, "<function g>", hir::kMaskFunction));
  unit.objects.back().entry_cell = base + 0x280;
  unit.addObject(object(base + 0x300, "<function h>", hir::kMaskFunction));
  unit.code_object = unit.addObject(object(base + 0x400, "<code f>", hir::kMaskOther));
  unit.addObject(object(base + 0x500, "('k',)", hir::kMaskTuple));
  unit.addObject(object(base + 0x600, "<built-in len>", hir::kMaskBuiltin));
  unit.objects.back().c_self = base + 0x680;
  unit.addObject(object(base + 0x700, "<module math>", hir::kMaskModule));
  unit.addObject(object(base + 0x800, "12345678901234567890", hir::kMaskInt));
  unit.addObject(object(base + 0x900, "<code g>", hir::kMaskOther));
  unit.objects.back().entry_cell = base + 0x980;
  unit.objects.back().vectorcall_cell = base + 0x988;
  return unit;
}

}  // namespace tephra::lower_test
