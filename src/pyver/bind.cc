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

}  // namespace

int bindArguments(PyThreadState*, PyFunctionObject* func, const Arguments& args, PyObject** slots) {
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

// What binding reads of a function's code.
struct Signature {
  uint32_t parameters, named;  // by position; and those by keyword only
  bool has_args, has_kwargs;
  uint32_t total;
  Py_ssize_t posonly;
  PyObject** names;

  explicit Signature(const PyFunctionObject* func) {
    const auto* code = reinterpret_cast<const PyCodeObject*>(func->func_code);
    parameters = static_cast<uint32_t>(code->co_argcount);
    named = parameters + static_cast<uint32_t>(code->co_kwonlyargcount);
    has_args = (code->co_flags & CO_VARARGS) != 0;
    has_kwargs = (code->co_flags & CO_VARKEYWORDS) != 0;
    total = named + has_args + has_kwargs;
    posonly = code->co_posonlyargcount;
    names = reinterpret_cast<PyTupleObject*>(code->co_localsplusnames)->ob_item;
  }
};

// The slot of a keyword, where so many of the first are filled; or kInKwargs; -1: not certain.
int placeKeyword(const Signature& signature, uint32_t filled, PyObject* keyword) {
  const auto first = std::max(filled, static_cast<uint32_t>(signature.posonly));
  uint32_t slot = first;
  while (slot < signature.named && signature.names[slot] != keyword) ++slot;
  if (slot < signature.named) return static_cast<int>(slot);
  // Interned strings are equal only if they are the same one. One of the slots in front may have
  // that name, which is an error, or is right for a positional-only parameter.
  PyObject** end = signature.names + first;
  if (!signature.has_kwargs || std::find(signature.names, end, keyword) != end) return -1;
  const bool interned = PyUnicode_CheckExact(keyword) && PyUnicode_CHECK_INTERNED(keyword);
  return interned ? QuickBinding::kInKwargs : -1;
}

// The slot of each keyword; they leave `open` (bits: slots without a value). False: not certain.
bool placeKeywords(const Signature& signature, PyObject* kwnames, uint32_t* open,
                   QuickBinding* binding) {
  const Py_ssize_t count = PyTuple_GET_SIZE(kwnames);
  if (count > Py_ssize_t{kQuickSlots}) return false;
  for (Py_ssize_t i = 0; i < count; i++) {
    const int slot = placeKeyword(signature, binding->by_position, PyTuple_GET_ITEM(kwnames, i));
    if (slot < 0) return false;
    binding->places[i] = static_cast<uint8_t>(slot);
    if (slot != QuickBinding::kInKwargs) *open &= ~(1U << slot);
  }
  return true;
}

// The defaults, borrowed, of all slots that are open.
bool placeDefaults(const PyFunctionObject* func, const Signature& signature, uint32_t open,
                   PyObject** slots) {
  PyObject* defaults = func->func_defaults;
  const auto count = defaults == nullptr ? 0 : static_cast<uint32_t>(PyTuple_GET_SIZE(defaults));
  PyObject* kwdefaults = func->func_kwdefaults;
  const bool simple =
      kwdefaults != nullptr && DK_IS_UNICODE(reinterpret_cast<PyDictObject*>(kwdefaults)->ma_keys);
  for (uint32_t rest = open; rest != 0; rest &= rest - 1) {
    const auto slot = static_cast<uint32_t>(std::countr_zero(rest));
    PyObject* value = nullptr;
    if (slot >= signature.parameters)
      value = simple ? PyDict_GetItemWithError(kwdefaults, signature.names[slot]) : nullptr;
    else if (slot + count >= signature.parameters)
      value = PyTuple_GET_ITEM(defaults, slot + count - signature.parameters);
    if (value == nullptr) return false;
    slots[slot] = value;
  }
  return true;
}

}  // namespace

bool bindQuickly(PyFunctionObject* func, size_t positional, PyObject* kwnames,
                 QuickBinding* binding) {
  const Signature signature(func);
  const auto given = static_cast<uint32_t>(positional);
  if (positional > kQuickSlots || (given > signature.parameters && !signature.has_args))
    return false;
  if (signature.total > kQuickSlots) return false;
  binding->by_position = std::min(given, signature.parameters);
  uint32_t open = (1U << signature.named) - (1U << binding->by_position);
  if (kwnames != nullptr && !placeKeywords(signature, kwnames, &open, binding)) return false;
  if (open != 0 && !placeDefaults(func, signature, open, binding->slots)) return false;
  if (signature.has_args) binding->rest = static_cast<int>(signature.named);
  if (signature.has_kwargs) {
    binding->kwargs = PyDict_New();
    if (binding->kwargs == nullptr) return PyErr_Clear(), false;
    binding->slots[signature.total - 1] = binding->kwargs;
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

namespace {

// **kwargs of the callee: those keywords that have no slot. Null with an exception: no memory.
PyObject* restOfKeywords(const Signature& signature, uint32_t filled, const Unpacked& given,
                         Py_ssize_t extras) {
  if (extras == 0 && given.dict == nullptr) return PyDict_New();
  const bool all = extras == PyDict_GET_SIZE(given.dict);
  if (all && given.dict_is_spare) return Py_NewRef(given.dict);
  PyObject* rest = PyDict_New();
  PyObject *keyword, *value;
  for (Py_ssize_t at = 0; rest && extras > 0 && PyDict_Next(given.dict, &at, &keyword, &value);) {
    if (!all && placeKeyword(signature, filled, keyword) != QuickBinding::kInKwargs) continue;
    if (PyDict_SetItem(rest, keyword, value) < 0) Py_CLEAR(rest);
    --extras;
  }
  return rest;
}

// *args of the callee: the last `count` items.
PyObject* restOfItems(const Unpacked& given, Py_ssize_t count) {
  const Py_ssize_t items = PyTuple_GET_SIZE(given.tuple);
  if (count == items && given.tuple_is_spare) return Py_NewRef(given.tuple);
  PyObject* rest = PyTuple_New(count);
  for (Py_ssize_t k = 0; rest != nullptr && k < count; ++k)
    PyTuple_SET_ITEM(rest, k, Py_NewRef(PyTuple_GET_ITEM(given.tuple, items - count + k)));
  return rest;
}

// The slots of the keywords, borrowed, and how many have none; -1: not certain.
Py_ssize_t placeUnpacked(const Signature& signature, uint32_t filled, PyObject* dict,
                         uint32_t* open, PyObject** slots) {
  if (!DK_IS_UNICODE(reinterpret_cast<PyDictObject*>(dict)->ma_keys)) return -1;
  Py_ssize_t extras = 0;
  PyObject *keyword, *value;
  for (Py_ssize_t at = 0; PyDict_Next(dict, &at, &keyword, &value);) {
    const int slot = placeKeyword(signature, filled, keyword);
    if (slot < 0) return -1;
    if (slot == QuickBinding::kInKwargs) {
      ++extras;
      continue;
    }
    slots[slot] = value;
    *open &= ~(1U << slot);
  }
  return extras;
}

}  // namespace

bool bindUnpacked(PyFunctionObject* func, const Unpacked& given, PyObject** slots) {
  const Signature signature(func);
  const auto has_self = static_cast<size_t>(given.self != nullptr);
  const size_t positional = static_cast<size_t>(PyTuple_GET_SIZE(given.tuple)) + has_self;
  if (signature.total > kQuickSlots || (positional > signature.parameters && !signature.has_args))
    return false;
  const auto filled =
      static_cast<uint32_t>(std::min(positional, static_cast<size_t>(signature.parameters)));
  if (filled < has_self) return false;  // self goes into *args
  uint32_t open = (1U << signature.named) - (1U << filled);
  Py_ssize_t extras = 0;
  if (given.dict != nullptr && PyDict_GET_SIZE(given.dict) != 0)
    extras = placeUnpacked(signature, filled, given.dict, &open, slots);
  if (extras < 0 || (open != 0 && !placeDefaults(func, signature, open, slots))) return false;
  PyObject** rest = slots + signature.named;
  if (signature.has_args) {
    *rest = restOfItems(given, static_cast<Py_ssize_t>(positional - filled));
    if (*rest == nullptr) return PyErr_Clear(), false;
  }
  if (signature.has_kwargs) {
    PyObject* dict = restOfKeywords(signature, filled, given, extras);
    if (dict == nullptr) {
      if (signature.has_args) Py_DECREF(*rest);
      return PyErr_Clear(), false;
    }
    slots[signature.total - 1] = dict;
  }
  if (has_self != 0) slots[0] = given.self;
  for (size_t k = has_self; k < filled; ++k)
    slots[k] = PyTuple_GET_ITEM(given.tuple, static_cast<Py_ssize_t>(k - has_self));
  for (uint32_t k = 0; k < signature.named; ++k) Py_INCREF(slots[k]);
  return true;
}

}  // namespace tephra::py
