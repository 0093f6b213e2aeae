// Purpose: argument binding as the interpreter does it (initialize_locals). Success is done here;
// every failure is handed to the interpreter's own vectorcall with the same arguments, which fails
// in the same place with its exact message (suggestions included) and never gets to run the body.
#include "pyver/internal.h"

#include <algorithm>
#include <bit>
#include <utility>
#include <vector>

namespace tephra::py {

uint32_t parameterCount(const PyCodeObject* code) {
  return static_cast<uint32_t>(code->co_argcount + code->co_kwonlyargcount +
                               ((code->co_flags & CO_VARARGS) != 0) +
                               ((code->co_flags & CO_VARKEYWORDS) != 0));
}

namespace {

enum class Bound { kYes, kRaised, kMisfit };  // kMisfit: the interpreter is to say why not

// While it binds, slots and arguments share their references: only success consumes any.
struct Binder {
  PyFunctionObject* func;
  PyCodeObject* code;
  const Arguments& args;
  PyObject** slots;
  Py_ssize_t positional, keyword_slots, total;
  PyObject* kwdict = nullptr;           // borrowed from its slot
  std::vector<Py_ssize_t> places = {};  // by keyword: its slot, -1 = kwdict

  Binder(PyFunctionObject* f, const Arguments& given, PyObject** s)
      : func(f), code(reinterpret_cast<PyCodeObject*>(f->func_code)), args(given), slots(s) {
    positional = code->co_argcount;
    keyword_slots = positional + code->co_kwonlyargcount;
    total = static_cast<Py_ssize_t>(parameterCount(code));
  }

  Py_ssize_t given() const { return static_cast<Py_ssize_t>(args.positional); }
  Py_ssize_t taken() const { return given() < positional ? given() : positional; }

  // Behind a bind() that failed, in the interpreter's order: first what has not got into a slot,
  // then the slots as those of any frame. (Defaults come last and cannot fail.)
  void releaseAll() {
    for (Py_ssize_t i = taken(); i < given(); i++) drop(static_cast<size_t>(i));
    for (size_t k = args.positional + places.size(); k < args.count(); ++k) drop(k);
    std::vector<size_t> held_by(static_cast<size_t>(total), args.count());  // argument, by slot
    for (Py_ssize_t i = 0; i < taken(); i++) held_by[i] = static_cast<size_t>(i);
    for (size_t i = 0; i < places.size(); i++) {
      if (places[i] < 0)
        drop(args.positional + i);  // the dict holds it
      else
        held_by[places[i]] = args.positional + i;
    }
    const bool backwards = pyLayout().locals_cleared_backwards;
    for (Py_ssize_t n = 0; n < total; n++) {
      const Py_ssize_t slot = backwards ? total - 1 - n : n;
      if (held_by[slot] < args.count())
        drop(held_by[slot]);
      else if (slot >= keyword_slots)
        Py_XDECREF(slots[slot]);
    }
  }

  // The values themselves; the lent ones are tagged (or get a reference) when all is bound.
  Bound bindPositional() {
    for (Py_ssize_t i = 0; i < taken(); i++) slots[i] = args.values[i];
    if (code->co_flags & CO_VARARGS) {
      PyObject* const* rest = args.values + taken();
      const Py_ssize_t count = given() - taken();
      for (Py_ssize_t i = 0; i < count; i++) Py_INCREF(rest[i]);
      slots[keyword_slots] = buildTuple(rest, count);
      if (slots[keyword_slots] == nullptr) {
        for (Py_ssize_t i = 0; i < count; i++) Py_DECREF(rest[i]);
        return Bound::kRaised;
      }
    }
    return Bound::kYes;
  }

  // The slot that `keyword` names, -1 = none, -2 = comparing raised.
  Py_ssize_t findSlot(PyObject* keyword) {
    PyObject** names = reinterpret_cast<PyTupleObject*>(code->co_localsplusnames)->ob_item;
    for (Py_ssize_t i = code->co_posonlyargcount; i < keyword_slots; i++) {
      if (names[i] == keyword) return i;
    }
    for (Py_ssize_t i = code->co_posonlyargcount; i < keyword_slots; i++) {
      int same = PyObject_RichCompareBool(keyword, names[i], Py_EQ);
      if (same > 0) return i;
      if (same < 0) return -2;
    }
    return -1;
  }

  Bound bindKeywords() {
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(args.kwnames); i++) {
      PyObject* keyword = PyTuple_GET_ITEM(args.kwnames, i);
      PyObject* value = args.values[given() + i];
      if (!PyUnicode_Check(keyword)) return Bound::kMisfit;
      Py_ssize_t slot = findSlot(keyword);
      if (slot == -2) return Bound::kRaised;
      if (slot >= 0) {
        if (slots[slot] != nullptr) return Bound::kMisfit;  // multiple values
        slots[slot] = value;
      } else {
        if (kwdict == nullptr) return Bound::kMisfit;
        if (PyDict_SetItem(kwdict, keyword, value) < 0) return Bound::kRaised;
      }
      places.push_back(slot);
    }
    return Bound::kYes;
  }

  // The default of a slot that has no argument, borrowed; nullptr: there is none, or (an exception
  // is set) it could not be looked up.
  PyObject* defaultOf(Py_ssize_t slot) {
    PyObject* defaults = func->func_defaults;
    const Py_ssize_t count = defaults != nullptr ? PyTuple_GET_SIZE(defaults) : 0;
    if (slot < positional) {
      const Py_ssize_t item = slot - (positional - count);
      return item < 0 ? nullptr : PyTuple_GET_ITEM(defaults, item);
    }
    if (func->func_kwdefaults == nullptr) return nullptr;
    return PyDict_GetItemWithError(func->func_kwdefaults,
                                   PyTuple_GET_ITEM(code->co_localsplusnames, slot));
  }

  Bound findDefaults(std::vector<std::pair<Py_ssize_t, PyObject*>>* found) {
    for (Py_ssize_t i = 0; i < keyword_slots; i++) {
      if (slots[i] != nullptr) continue;
      PyObject* value = defaultOf(i);
      if (value == nullptr) return PyErr_Occurred() ? Bound::kRaised : Bound::kMisfit;
      found->emplace_back(i, value);
    }
    return Bound::kYes;
  }

  Bound bind(std::vector<std::pair<Py_ssize_t, PyObject*>>* defaults) {
    if (code->co_flags & CO_VARKEYWORDS) {
      kwdict = PyDict_New();
      if (kwdict == nullptr) return Bound::kRaised;
      slots[total - 1] = kwdict;
    }
    Bound result = bindPositional();
    if (result == Bound::kYes && args.kwnames != nullptr) result = bindKeywords();
    if (result != Bound::kYes) return result;
    if (given() > positional && !(code->co_flags & CO_VARARGS)) return Bound::kMisfit;
    return findDefaults(defaults);
  }

  // Behind a bind() that succeeded.
  void consume(const std::vector<std::pair<Py_ssize_t, PyObject*>>& defaults) {
    for (const auto& [slot, value] : defaults) slots[slot] = slotReference(Py_NewRef(value), false);
    for (Py_ssize_t i = 0; i < taken(); i++)
      slots[i] = slotReference(args.values[i], args.isLent(static_cast<size_t>(i)));
    for (Py_ssize_t i = taken(); i < given(); i++) drop(static_cast<size_t>(i));  // in the tuple
    for (size_t i = 0; i < places.size(); i++) {
      const size_t k = args.positional + i;
      if (places[i] < 0)
        drop(k);
      else
        slots[places[i]] = slotReference(args.values[k], args.isLent(k));
    }
  }

  void drop(size_t k) {
    if (!args.isLent(k)) Py_DECREF(args.values[k]);
  }
};

// Positional arguments, and defaults for the last parameters: by far the most frequent.
bool bindPlain(PyFunctionObject* func, const Arguments& args, PyObject** slots) {
  auto* code = reinterpret_cast<PyCodeObject*>(func->func_code);
  PyObject* defaults = func->func_defaults;
  const auto given = static_cast<Py_ssize_t>(args.positional);
  const Py_ssize_t count = defaults != nullptr ? PyTuple_GET_SIZE(defaults) : 0;
  const Py_ssize_t missing = code->co_argcount - given;
  const bool plain = code->co_kwonlyargcount == 0 &&
                     (code->co_flags & (CO_VARARGS | CO_VARKEYWORDS)) == 0 && missing >= 0 &&
                     missing <= count;
  if (!plain) return false;
  for (size_t i = 0; i < args.positional; i++)
    slots[i] = slotReference(args.values[i], args.isLent(i));
  for (Py_ssize_t i = 0; i < missing; i++) {
    slots[given + i] = Py_NewRef(PyTuple_GET_ITEM(defaults, count - missing + i));
  }
  return true;
}

}  // namespace

int bindArguments(PyThreadState*, PyFunctionObject* func, const Arguments& args, PyObject** slots) {
  if (args.kwnames == nullptr && bindPlain(func, args, slots)) return 0;
  Binder binder(func, args, slots);
  for (Py_ssize_t i = 0; i < binder.total; i++) slots[i] = nullptr;
  std::vector<std::pair<Py_ssize_t, PyObject*>> defaults;
  Bound bound = binder.bind(&defaults);
  if (bound == Bound::kYes) {
    binder.consume(defaults);
    return 0;
  }
  if (bound == Bound::kMisfit) {
    PyObject* result = interpreterVectorcall()(reinterpret_cast<PyObject*>(func), args.values,
                                               args.positional, args.kwnames);
    if (result != nullptr) {  // only if comparing keywords has side effects
      Py_DECREF(result);
      PyErr_SetString(PyExc_SystemError, "Tephra and CPython disagree about arguments");
    }
  }
  PyObject* exception = PyErr_GetRaisedException();
  binder.releaseAll();
  PyErr_SetRaisedException(exception);
  return -1;
}

namespace {

// The slot of each keyword; they leave `open` (bits: slots without a value). False: not certain.
bool placeKeywords(const PyCodeObject* code, PyObject* kwnames, uint32_t named, bool has_kwargs,
                   uint32_t* open, QuickBinding* binding) {
  PyObject** names = reinterpret_cast<PyTupleObject*>(code->co_localsplusnames)->ob_item;
  const auto first =
      std::max(binding->by_position, static_cast<uint32_t>(code->co_posonlyargcount));
  const Py_ssize_t count = PyTuple_GET_SIZE(kwnames);
  if (count > Py_ssize_t{kQuickSlots}) return false;
  for (Py_ssize_t i = 0; i < count; i++) {
    PyObject* keyword = PyTuple_GET_ITEM(kwnames, i);
    uint32_t slot = first;
    while (slot < named && names[slot] != keyword) ++slot;
    if (slot < named) {
      binding->places[i] = static_cast<uint8_t>(slot);
      *open &= ~(1U << slot);
      continue;
    }
    // Interned strings are equal only if they are the same one. One of the slots in front may have
    // that name, which is an error, or is right for a positional-only parameter.
    const bool in_front = std::find(names, names + first, keyword) != names + first;
    if (!has_kwargs || in_front) return false;
    if (!PyUnicode_CheckExact(keyword) || !PyUnicode_CHECK_INTERNED(keyword)) return false;
    binding->places[i] = QuickBinding::kInKwargs;
  }
  return true;
}

// The defaults, borrowed, of all slots that are open.
bool placeDefaults(PyFunctionObject* func, uint32_t open, PyObject** slots) {
  auto* code = reinterpret_cast<PyCodeObject*>(func->func_code);
  PyObject** names = reinterpret_cast<PyTupleObject*>(code->co_localsplusnames)->ob_item;
  const auto by_position = static_cast<uint32_t>(code->co_argcount);
  PyObject* defaults = func->func_defaults;
  const auto count = defaults == nullptr ? 0 : static_cast<uint32_t>(PyTuple_GET_SIZE(defaults));
  PyObject* kwdefaults = func->func_kwdefaults;
  const bool simple =
      kwdefaults != nullptr && DK_IS_UNICODE(reinterpret_cast<PyDictObject*>(kwdefaults)->ma_keys);
  for (uint32_t rest = open; rest != 0; rest &= rest - 1) {
    const auto slot = static_cast<uint32_t>(std::countr_zero(rest));
    PyObject* value = nullptr;
    if (slot >= by_position)
      value = simple ? PyDict_GetItemWithError(kwdefaults, names[slot]) : nullptr;
    else if (slot + count >= by_position)
      value = PyTuple_GET_ITEM(defaults, slot + count - by_position);
    if (value == nullptr) return false;
    slots[slot] = value;
  }
  return true;
}

}  // namespace

bool bindQuickly(PyFunctionObject* func, size_t positional, PyObject* kwnames,
                 QuickBinding* binding) {
  auto* code = reinterpret_cast<PyCodeObject*>(func->func_code);
  const auto parameters = static_cast<uint32_t>(code->co_argcount);
  const uint32_t named = parameters + static_cast<uint32_t>(code->co_kwonlyargcount);
  const bool has_args = (code->co_flags & CO_VARARGS) != 0;
  const bool has_kwargs = (code->co_flags & CO_VARKEYWORDS) != 0;
  const auto given = static_cast<uint32_t>(positional);
  if (positional > kQuickSlots || (given > parameters && !has_args)) return false;
  if (named + has_args + has_kwargs > kQuickSlots) return false;
  binding->by_position = std::min(given, parameters);
  uint32_t open = (1U << named) - (1U << binding->by_position);
  if (kwnames != nullptr && !placeKeywords(code, kwnames, named, has_kwargs, &open, binding))
    return false;
  if (open != 0 && !placeDefaults(func, open, binding->slots)) return false;
  if (has_args) binding->rest = static_cast<int>(named);
  if (has_kwargs) {
    binding->kwargs = PyDict_New();
    if (binding->kwargs == nullptr) return PyErr_Clear(), false;
    binding->slots[named + has_args] = binding->kwargs;
  }
  for (; open != 0; open &= open - 1) Py_INCREF(binding->slots[std::countr_zero(open)]);
  return true;
}

bool fillQuickly(PyFunctionObject* func, PyObject** references, size_t positional,
                 PyObject* kwnames, QuickBinding* binding) {
  for (uint32_t k = 0; k < binding->by_position; ++k) binding->slots[k] = references[k];
  // A reference that a container holds is nobody's loan.
  auto hold = [](PyObject* reference) {
    PyObject* object = slotReferenceObject(reference);
    return slotReferenceLent(reference) ? Py_NewRef(object) : object;
  };
  bool good = true;
  if (binding->rest >= 0) {
    PyObject** items = references + binding->by_position;
    const size_t count = positional - binding->by_position;
    for (size_t k = 0; k < count; ++k) items[k] = hold(items[k]);
    PyObject* tuple = buildTuple(items, static_cast<Py_ssize_t>(count));
    for (size_t k = 0; tuple == nullptr && k < count; ++k) Py_DECREF(items[k]);
    good = tuple != nullptr;
    binding->slots[binding->rest] = good ? tuple : slotReference(Py_None, true);
  }
  const Py_ssize_t keywords = kwnames == nullptr ? 0 : PyTuple_GET_SIZE(kwnames);
  for (Py_ssize_t i = 0; i < keywords; i++) {
    PyObject* reference = references[positional + static_cast<size_t>(i)];
    if (binding->places[i] != QuickBinding::kInKwargs) {
      binding->slots[binding->places[i]] = reference;
      continue;
    }
    PyObject* value = hold(reference);
    good = good && PyDict_SetItem(binding->kwargs, PyTuple_GET_ITEM(kwnames, i), value) == 0;
    Py_DECREF(value);
  }
  if (good) return true;
  const uint32_t total = parameterCount(reinterpret_cast<PyCodeObject*>(func->func_code));
  PyObject* exception = PyErr_GetRaisedException();
  for (uint32_t slot = 0; slot < total; ++slot) slotReferenceDrop(binding->slots[slot]);
  PyErr_SetRaisedException(exception);
  return false;
}

}  // namespace tephra::py
