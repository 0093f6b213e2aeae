// Purpose: attribute access that the compiler leaves to the runtime (a site that sees many
// classes): one table for the process, keyed by (type version, name), tells where an attribute is.
// Invariant: a type version names one state of one class for ever, so an entry never lies; what its
// class does not fix - the instance's own keys - is checked at each use. Whatever is not plain goes
// CPython's own way.
#include "pyver/internal.h"

namespace tephra::py {

namespace {

enum class Place : uint8_t {
  kUnknown,   // CPython's own way
  kValue,     // instance value `index`
  kSlot,      // object pointer at byte `index`
  kModule,    // entry of a module's dict
  kConstant,  // class attribute that binds nothing; no instance attribute of that name
  kMethod,    // the same, a method descriptor
  kOfClass,   // the same, a classmethod of a Python function
  kGetter,    // the same, a getter written in C (PyGetSetDef), which nothing shadows
  kMissing,   // there is none: the class's __getattr__, a Python function, is called
};

struct Entry {
  PyObject* name = nullptr;   // owned
  PyObject* found = nullptr;  // borrowed: the class holds it as long as it has this version
  uint32_t version = 0;
  uint32_t keys = 0;  // how many keys the instances shared when the entry was made
  int32_t index = 0;
  Place place = Place::kUnknown;
  bool writable = false;
  bool own_keys = false;      // instances may have attributes of their own
  mutable uint32_t hint = 0;  // where a dict had the name last
};

constexpr size_t kEntries = 2048;
Entry g_entries[kEntries];

bool hasValues(PyTypeObject* type) {
  return (type->tp_flags & kValuesFlag) && (type->tp_flags & Py_TPFLAGS_HEAPTYPE) &&
         reinterpret_cast<PyHeapTypeObject*>(type)->ht_cached_keys != nullptr;
}

uint32_t sharedKeys(PyTypeObject* type) {
  return static_cast<uint32_t>(
      reinterpret_cast<PyHeapTypeObject*>(type)->ht_cached_keys->dk_nentries);
}

PyDictObject* ownDict(PyObject* object) {
  PyObject* dict = managedDict(object);
  return dict != nullptr && PyDict_CheckExact(dict) ? reinterpret_cast<PyDictObject*>(dict)
                                                    : nullptr;
}

int64_t indexAt(const PyDictKeysObject* keys, size_t slot) {
  const char* all = keys->dk_indices;
  switch (keys->dk_log2_index_bytes - keys->dk_log2_size) {
    case 0: return reinterpret_cast<const int8_t*>(all)[slot];
    case 1: return reinterpret_cast<const int16_t*>(all)[slot];
    case 2: return reinterpret_cast<const int32_t*>(all)[slot];
    default: return reinterpret_cast<const int64_t*>(all)[slot];
  }
}

// Where an interned name is among the keys of a dict that has strings only, as CPython's
// unicodekeys_lookup_unicode (Objects/dictobject.c) probes; kNowhere, or kUnknown where strings
// would have to be compared.
constexpr int64_t kNowhere = -1, kUnknown = -2;

int64_t indexOf(PyDictKeysObject* keys, PyObject* name) {
  const Py_hash_t hash = reinterpret_cast<PyASCIIObject*>(name)->hash;
  if (hash == -1) return kUnknown;
  const PyDictUnicodeEntry* entries = DK_UNICODE_ENTRIES(keys);
  const size_t mask = (size_t{1} << keys->dk_log2_size) - 1;
  auto perturb = static_cast<size_t>(hash);
  for (size_t slot = perturb & mask;; slot = (slot * 5 + perturb + 1) & mask) {
    const int64_t index = indexAt(keys, slot);
    if (index == DKIX_EMPTY) return kNowhere;
    if (index >= 0) {
      PyObject* key = entries[index].me_key;
      if (key == name) return index;
      if (!PyUnicode_CHECK_INTERNED(key)) return kUnknown;  // interned ones are equal only if same
    }
    perturb >>= 5;  // PERTURB_SHIFT
  }
}

// A dict's keys, if they are strings and nobody shares them; else null.
PyDictKeysObject* unsharedKeys(const PyDictObject* dict) {
  const bool plain = dict->ma_values == nullptr && DK_IS_UNICODE(dict->ma_keys);
  return plain ? dict->ma_keys : nullptr;
}

// The same of an instance's own dict.
PyDictKeysObject* ownKeys(PyObject* object) {
  PyDictObject* dict = ownDict(object);
  return dict != nullptr ? unsharedKeys(dict) : nullptr;
}

// Borrowed; null where it is not found at once.
PyObject* fromKeys(PyDictKeysObject* keys, const Entry* entry) {
  if (keys == nullptr) return nullptr;
  const PyDictUnicodeEntry* entries = DK_UNICODE_ENTRIES(keys);
  const auto count = static_cast<uint32_t>(keys->dk_nentries);
  if (entry->hint < count && entries[entry->hint].me_key == entry->name) {
    return entries[entry->hint].me_value;
  }
  const int64_t index = indexOf(keys, entry->name);
  if (index < 0) return nullptr;
  entry->hint = static_cast<uint32_t>(index);
  return entries[index].me_value;
}

PyObject* fromModule(PyObject* module, const Entry* entry) {
  PyObject* dict = dictOf(module);
  const bool plain = dict != nullptr && PyDict_CheckExact(dict);
  return plain ? fromKeys(unsharedKeys(reinterpret_cast<PyDictObject*>(dict)), entry) : nullptr;
}

// Has the instance certainly no attribute of its own of that name, which none has in place?
bool hasNoneOfItsOwn(PyObject* object, const Entry* entry) {
  if (!entry->own_keys || valuesInPlace(object, false) != nullptr) return true;
  PyDictKeysObject* keys = ownKeys(object);
  return keys != nullptr && indexOf(keys, entry->name) == kNowhere;
}

}  // namespace

int32_t keyIndex(PyTypeObject* type, PyObject* name) {
  PyDictKeysObject* keys = reinterpret_cast<PyHeapTypeObject*>(type)->ht_cached_keys;
  for (Py_ssize_t i = 0; i < keys->dk_nentries; ++i) {
    PyObject* key = DK_UNICODE_ENTRIES(keys)[i].me_key;
    if (key == name) return static_cast<int32_t>(i);
    // vars(object)[key] = ... does not intern the key; interned ones are equal only if the same.
    if (key != nullptr && !PyUnicode_CHECK_INTERNED(key) && PyUnicode_Compare(key, name) == 0)
      return static_cast<int32_t>(i);
  }
  return -1;
}

namespace {

// The function of a classmethod, borrowed; null where it is something else than a function.
PyObject* functionOf(PyObject* classmethod) {
  if (!hidden().classmethod_function_first) return nullptr;
  PyObject* function = firstMember(classmethod);
  return function != nullptr && PyFunction_Check(function) ? function : nullptr;
}

// Is an attribute looked up as in a plain object? If so, `hook` is what is called where there is
// none, borrowed: a __getattr__ written in Python, or null.
bool looksUpPlainly(PyTypeObject* type, PyObject** hook) {
  *hook = nullptr;
  if (type->tp_getattro == PyObject_GenericGetAttr) return true;
  static PyObject* const getattribute = PyUnicode_InternFromString("__getattribute__");
  static PyObject* const getattr = PyUnicode_InternFromString("__getattr__");
  if (type->tp_getattro != hidden().getattr_slot) return false;
  PyObject* plain = _PyType_Lookup(&PyBaseObject_Type, getattribute);
  if (plain == nullptr || _PyType_Lookup(type, getattribute) != plain) return false;
  *hook = _PyType_Lookup(type, getattr);
  return *hook != nullptr && PyFunction_Check(*hook);
}

// __slots__ and the like: an object pointer that is NULL while it is not set.
bool describeSlot(PyTypeObject* type, PyObject* descr, Entry* entry) {
  if (!Py_IS_TYPE(descr, &PyMemberDescr_Type)) return false;
  auto* member = reinterpret_cast<PyMemberDescrObject*>(descr);
  const PyMemberDef* def = member->d_member;
  if (def->type != T_OBJECT_EX || (def->flags & ~READONLY) ||
      !PyType_IsSubtype(type, member->d_common.d_type)) {
    return false;
  }
  entry->place = Place::kSlot;
  entry->index = static_cast<int32_t>(def->offset);
  entry->writable = !(def->flags & READONLY) && type->tp_setattro == PyObject_GenericSetAttr;
  return true;
}

void describeGetter(PyTypeObject* type, PyObject* descr, Entry* entry) {
  if (!Py_IS_TYPE(descr, &PyGetSetDescr_Type)) return;
  auto* getset = reinterpret_cast<PyGetSetDescrObject*>(descr);
  if (getset->d_getset->get == nullptr || !PyType_IsSubtype(type, PyDescr_TYPE(descr))) return;
  entry->place = Place::kGetter;
  entry->found = descr;
}

void describe(PyTypeObject* type, PyObject* name, Entry* entry) {
  PyObject* hook = nullptr;
  if (!PyUnicode_CHECK_INTERNED(name)) return;
  if (isModulesOwn(type, name)) {
    entry->place = Place::kModule;
    return;
  }
  if (!looksUpPlainly(type, &hook)) return;
  PyObject* descr = _PyType_Lookup(type, name);
  if (descr != nullptr) {
    PyTypeObject* cls = Py_TYPE(descr);
    if (!(cls->tp_flags & Py_TPFLAGS_IMMUTABLETYPE)) return;
    if (cls->tp_descr_set != nullptr) {
      if (!describeSlot(type, descr, entry) && hook == nullptr) describeGetter(type, descr, entry);
      return;
    }
  }
  bool inside = hasValues(type);
  if (inside) entry->keys = sharedKeys(type);
  entry->own_keys = inside;
  entry->index = inside ? keyIndex(type, name) : -1;
  if (entry->index >= 0) {
    entry->place = Place::kValue;
    entry->writable = type->tp_setattro == PyObject_GenericSetAttr;
    return;
  }
  bool dictless = type->tp_dictoffset == 0 && !(type->tp_flags & Py_TPFLAGS_MANAGED_DICT);
  if (!inside && !dictless) return;
  entry->found = descr != nullptr ? descr : hook;
  if (entry->found == nullptr) return;
  if (descr == nullptr) {
    entry->place = Place::kMissing;
  } else if (Py_TYPE(descr)->tp_flags & Py_TPFLAGS_METHOD_DESCRIPTOR) {
    entry->place = Place::kMethod;
  } else if (Py_IS_TYPE(descr, &PyClassMethod_Type) && functionOf(descr) != nullptr) {
    entry->place = Place::kOfClass;
  } else if (Py_TYPE(descr)->tp_descr_get == nullptr) {
    entry->place = Place::kConstant;
  }
}

size_t placeOf(uint32_t version, PyObject* name) {
  return (version * 31 + (reinterpret_cast<uintptr_t>(name) >> 4)) % kEntries;
}

[[gnu::noinline]] const Entry* fill(PyTypeObject* type, PyObject* name) {
  Entry fresh;
  describe(type, name, &fresh);
  uint32_t version = type->tp_version_tag;  // the look-up may just have given it
  if (version == 0) return nullptr;
  fresh.version = version;
  fresh.name = Py_NewRef(name);
  Entry* entry = &g_entries[placeOf(version, name)];
  PyObject* old = entry->name;
  *entry = fresh;
  Py_XDECREF(old);
  return entry;
}

inline const Entry* find(PyTypeObject* type, PyObject* name) {
  uint32_t version = type->tp_version_tag;
  const Entry* entry = &g_entries[placeOf(version, name)];
  if (entry->version != version || entry->name != name || version == 0) return fill(type, name);
  // The instances have got another key since: it may be this one.
  if (entry->own_keys && entry->place != Place::kValue && entry->keys != sharedKeys(type)) {
    return fill(type, name);
  }
  return entry;
}

// Borrowed, or null: CPython's own way.
inline PyObject* quickly(PyObject* object, const Entry* entry) {
  switch (entry->place) {
    case Place::kValue: {
      PyObject** at = valuesInPlace(object, false);
      return at != nullptr ? at[entry->index] : fromKeys(ownKeys(object), entry);
    }
    case Place::kSlot:
      return *reinterpret_cast<PyObject**>(reinterpret_cast<char*>(object) + entry->index);
    case Place::kModule: return fromModule(object, entry);
    case Place::kConstant: return hasNoneOfItsOwn(object, entry) ? entry->found : nullptr;
    case Place::kMethod:
    case Place::kOfClass:
    case Place::kGetter:
    case Place::kMissing:
    case Place::kUnknown: break;
  }
  return nullptr;
}

// PyObject_GetAttr would name the attribute, too.
PyObject* callGetter(PyObject* object, PyObject* name, PyObject* descr) {
  Py_INCREF(descr);
  const PyGetSetDef* def = reinterpret_cast<PyGetSetDescrObject*>(descr)->d_getset;
  PyObject* value = def->get(object, def->closure);
  Py_DECREF(descr);
  if (value == nullptr) nameAttribute(object, name);
  return value;
}

// Borrowed; null where nothing is certain.
inline PyObject* hookOf(PyObject* object, const Entry* entry) {
  const bool missing = entry->place == Place::kMissing && hasNoneOfItsOwn(object, entry);
  return missing ? entry->found : nullptr;
}

// What super(cls, self).name is for instances of a class of this version: an unbound method.
struct SuperEntry {
  PyTypeObject* cls = nullptr;  // among the bases of that class, which holds it
  PyObject* name = nullptr;     // owned
  PyObject* found = nullptr;    // borrowed, as in Entry
  uint32_t version = 0;
};

constexpr size_t kSuperEntries = 256;
SuperEntry g_super_entries[kSuperEntries];

template <typename Entries>
void clear(Entries& entries, bool alive) {
  for (auto& entry : entries) {
    PyObject* name = alive ? entry.name : nullptr;
    entry = {};
    Py_XDECREF(name);
  }
}

}  // namespace

// Versions of types are given anew in each interpreter.
void forgetAttributes(bool alive) {
  clear(g_entries, alive);
  clear(g_super_entries, alive);
}

PyObject* superMethod(PyTypeObject* cls, PyObject* self, PyObject* name, int* unbound) {
  PyTypeObject* type = Py_TYPE(self);
  const uint32_t version = type->tp_version_tag;
  size_t place = placeOf(version, name) + (reinterpret_cast<uintptr_t>(cls) >> 5);
  SuperEntry& entry = g_super_entries[place % kSuperEntries];
  if (version != 0 && entry.version == version && entry.cls == cls && entry.name == name) {
    *unbound = 1;
    return Py_NewRef(entry.found);
  }
  PyObject* method = superLookup(cls, self, name, unbound);
  // Of instances only: super(cls, subclass) goes another way. A self whose class has no place for
  // cls pretends to be of another one.
  if (method == nullptr || !*unbound || PyType_Check(self) || !PyType_IsSubtype(type, cls)) {
    return method;
  }
  if (version == 0) PyUnstable_Type_AssignVersionTag(type);  // for the next time
  if (version == 0 || type->tp_version_tag != version) return method;
  PyObject* old = entry.name;
  entry = {cls, Py_NewRef(name), method, version};
  Py_XDECREF(old);
  return method;
}

PyObject* loadAttr(PyObject* object, PyObject* name, PyObject** hook) {
  const Entry* entry = find(Py_TYPE(object), name);
  *hook = nullptr;
  if (entry == nullptr) return PyObject_GetAttr(object, name);
  if (PyObject* value = quickly(object, entry)) return Py_NewRef(value);
  if (entry->place == Place::kGetter) return callGetter(object, name, entry->found);
  if (entry->place == Place::kMethod && PyFunction_Check(entry->found) &&
      hasNoneOfItsOwn(object, entry)) {
    return PyMethod_New(entry->found, object);
  }
  if ((*hook = hookOf(object, entry)) != nullptr) return nullptr;
  return PyObject_GetAttr(object, name);
}

PyObject* getMethod(PyObject* object, PyObject* name, PyObject** self, PyObject** hook) {
  *self = *hook = nullptr;
  const Entry* entry = find(Py_TYPE(object), name);
  if (entry != nullptr) {
    const bool of_class = entry->place == Place::kOfClass;
    if (of_class || entry->place == Place::kMethod) {
      // What a bound method of the class would call, without making one.
      PyObject* method = of_class ? functionOf(entry->found) : entry->found;
      if (method != nullptr && hasNoneOfItsOwn(object, entry)) {
        *self = Py_NewRef(of_class ? reinterpret_cast<PyObject*>(Py_TYPE(object)) : object);
        return Py_NewRef(method);
      }
    } else if (PyObject* value = quickly(object, entry)) {
      return Py_NewRef(value);
    } else if ((*hook = hookOf(object, entry)) != nullptr) {
      return nullptr;
    }
  }
  PyObject* method = nullptr;
  int unbound = _PyObject_GetMethod(object, name, &method);
  if (unbound) *self = Py_NewRef(object);
  return method;
}

int storeAttr(PyObject* object, PyObject* name, PyObject* value) {
  const Entry* entry = find(Py_TYPE(object), name);
  if (entry == nullptr || !entry->writable) return PyObject_SetAttr(object, name, value);
  PyObject** at = nullptr;
  if (entry->place == Place::kSlot) {
    at = reinterpret_cast<PyObject**>(reinterpret_cast<char*>(object) + entry->index);
  } else if (PyObject** all = valuesInPlace(object, true)) {
    at = &all[entry->index];
  }
  // A first store enters the insertion order: not here.
  if (at == nullptr || *at == nullptr) return PyObject_SetAttr(object, name, value);
  PyObject* old = *at;
  *at = Py_NewRef(value);
  Py_DECREF(old);
  return 0;
}

}  // namespace tephra::py
