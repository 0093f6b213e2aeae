// Purpose: resolving what inline caches hold (caches.cc reads them).
// Invariant: caches hold borrowed pointers and versions that may be stale; nothing is believed
// unless the version still matches (checked here, under the GIL, with no code run in between), and
// no pointer out of a cache is followed unless its owner still holds it: a value that is being
// replaced may run code (weak references' callbacks, finalisers) before the version changes.
#include "pyver/decode.h"

namespace tephra::py {

namespace {

// The function that a property calls; borrowed, the property holds it.
PyObject* getterOf(PyObject* property) {
  if (!Py_IS_TYPE(property, &PyProperty_Type)) return nullptr;
  PyObject* getter = PyObject_GetAttrString(property, "fget");
  if (getter == nullptr) PyErr_Clear();
  Py_XDECREF(getter);
  return getter;
}

}  // namespace

PyObject* classAttribute(PyTypeObject* type, PyObject* name, bool* certain) {
  PyObject* mro = type->tp_mro;
  for (Py_ssize_t i = 0; mro != nullptr && i < PyTuple_GET_SIZE(mro); i++) {
    PyObject* dict = PyType_GetDict(reinterpret_cast<PyTypeObject*>(PyTuple_GET_ITEM(mro, i)));
    // Keys that are no str might run code when they are compared.
    const bool plain =
        dict != nullptr && DK_IS_UNICODE(reinterpret_cast<PyDictObject*>(dict)->ma_keys);
    PyObject* found = plain ? PyDict_GetItemWithError(dict, name) : nullptr;
    Py_XDECREF(dict);  // the class holds it
    if (!plain && certain != nullptr) *certain = false;
    if (found != nullptr || !plain) return found;
  }
  return nullptr;
}

void attachDescriptor(Decoder& d, FeedbackInfo* info, PyObject* name, PyObject* descriptor) {
  auto* type = reinterpret_cast<PyTypeObject*>(d.unit().objects[info->type].address);
  PyObject* found = classAttribute(type, name);
  if (found != nullptr && info->kind == Feedback::kAttrProperty) found = getterOf(found);
  if (found == nullptr || found != descriptor) {
    *info = FeedbackInfo{};
    return;
  }
  info->object = d.object(descriptor);
}

void attachGlobal(Decoder& d, FeedbackInfo* info, bool builtin) {
  PyFunctionObject* func = d.function();
  PyObject* dict = builtin ? func->func_builtins : func->func_globals;
  if (!PyDict_CheckExact(dict)) return;
  PyDictKeysObject* keys = reinterpret_cast<PyDictObject*>(dict)->ma_keys;
  uint32_t version = builtin ? info->keys_version2 : info->keys_version;
  if (keys->dk_version != version || !DK_IS_UNICODE(keys)) return;
  if (info->index < 0 || info->index >= keys->dk_nentries) return;
  PyObject** value = &DK_UNICODE_ENTRIES(keys)[info->index].me_value;
  ptrdiff_t offset = reinterpret_cast<char*>(value) - reinterpret_cast<char*>(keys);
  if (offset > INT32_MAX) return;
  info->offset = static_cast<int32_t>(offset);
  if (*value != nullptr) info->object = d.object(*value);
}

namespace {

// False: no plain dict of strings, whose look-up runs no code.
bool findEntry(PyObject* dict, PyObject* name, PyObject** value) {
  if (dict == nullptr || !PyDict_CheckExact(dict)) return false;
  if (!DK_IS_UNICODE(reinterpret_cast<PyDictObject*>(dict)->ma_keys)) return false;
  *value = PyDict_GetItemWithError(dict, name);
  return true;
}

}  // namespace

void attachConstantGlobal(Decoder& d, FeedbackInfo* info, PyObject* name, EntryQuestion watchable) {
  PyObject *globals = d.function()->func_globals, *builtins = d.function()->func_builtins;
  PyObject* value = nullptr;
  if (!findEntry(globals, name, &value) || !watchable(globals, name)) return;
  const bool builtin = value == nullptr;
  if (builtin && (!findEntry(builtins, name, &value) || !watchable(builtins, name))) return;
  if (value == nullptr) return;
  info->kind = builtin ? Feedback::kGlobalBuiltin : Feedback::kGlobalModule;
  info->object = d.object(value);
  info->constant = true;
}

void attachConstantOf(Decoder& d, FeedbackInfo* info, ObjRef module, PyObject* name,
                      EntryQuestion watchable) {
  const bool fits = info->kind == Feedback::kNone || info->kind == Feedback::kMegamorphic ||
                    info->kind == Feedback::kAttrModule;
  auto* object = reinterpret_cast<PyObject*>(d.unit().objects[module].address);
  if (!fits || !isModulesOwn(Py_TYPE(object), name)) return;
  PyObject *dict = dictOf(object), *value = nullptr;
  if (!findEntry(dict, name, &value) || value == nullptr || !watchable(dict, name)) return;
  info->kind = Feedback::kAttrModule;
  info->object = d.object(value);
  info->type = module;
  info->constant = true;
}

void attachType(Decoder& d, FeedbackInfo* info) {
  if (info->type_version == 0) return;
  PyTypeObject* type = typeByVersion(info->type_version);
  if (type != nullptr) info->type = d.object(reinterpret_cast<PyObject*>(type));
}

}  // namespace tephra::py
