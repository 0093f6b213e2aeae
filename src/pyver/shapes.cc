// Purpose: sites that see several classes. Beside the class that the interpreter's cache names,
// compiled code has met others at its guards; those that would find the same under the name are
// let through as well.
#include "pyver/decode.h"
#include "pyver/internal.h"

namespace tephra::py {

namespace {

// A site with this feedback looks into the instance or at its class by the class's version alone.
bool isOfClass(Feedback kind) {
  switch (kind) {
    case Feedback::kAttrInstance:
    case Feedback::kAttrSlot:
    case Feedback::kAttrProperty:
    case Feedback::kAttrNondescriptor:
    case Feedback::kAttrNondescriptorValues:
    case Feedback::kMethodWithValues:
    case Feedback::kMethodNoDict:
    case Feedback::kMethodLazyDict: return true;
    default: return false;
  }
}

bool laidOutAlike(PyTypeObject* a, PyTypeObject* b) {
  unsigned long layout = Py_TPFLAGS_HEAPTYPE | Py_TPFLAGS_MANAGED_DICT;
#ifdef Py_TPFLAGS_INLINE_VALUES
  layout |= Py_TPFLAGS_INLINE_VALUES;
#endif
  return a->tp_basicsize == b->tp_basicsize && a->tp_itemsize == b->tp_itemsize &&
         a->tp_dictoffset == b->tp_dictoffset && (a->tp_flags & layout) == (b->tp_flags & layout);
}

// Both look for attributes in the same way, and find the same in the class under `name`.
bool findsTheSame(PyTypeObject* a, PyTypeObject* b, PyObject* name) {
  static PyObject* const getattribute = PyUnicode_InternFromString("__getattribute__");
  if (a->tp_getattro != b->tp_getattro || a->tp_setattro != b->tp_setattro) return false;
  bool certain = true;
  auto same = [&](PyObject* what) {
    return classAttribute(a, what, &certain) == classAttribute(b, what, &certain);
  };
  return same(name) && same(getattribute) && certain;
}

// Of keys that are there. 0: there are no more. As _PyDictKeys_GetVersionForCurrentState
// (Objects/dictobject.c), which is hidden.
uint32_t sharedKeysVersion(PyTypeObject* type) {
  PyDictKeysObject* keys = reinterpret_cast<PyHeapTypeObject*>(type)->ht_cached_keys;
  uint32_t& next = threadState()->interp->dict_state.next_keys_version;
  if (keys->dk_version == 0 && next != 0) keys->dk_version = next++;
  return keys->dk_version;
}

// Instances of `other` have the same place for the attribute, or none of their own either.
bool hasTheSamePlace(PyTypeObject* other, PyObject* name, const FeedbackInfo& info) {
  const bool instance = info.kind == Feedback::kAttrInstance;
  if (!instance && info.keys_version == 0) return true;
  if (reinterpret_cast<PyHeapTypeObject*>(other)->ht_cached_keys == nullptr) return false;
  return keyIndex(other, name) == (instance ? info.index : -1);
}

}  // namespace

uint32_t versionOf(PyTypeObject* type) {
  return PyUnstable_Type_AssignVersionTag(type) != 0 ? type->tp_version_tag : 0;
}

bool isVersionOfClass(uint32_t version) { return typeByVersion(version) != nullptr; }

void widenShapes(std::span<const uint32_t> seen, PyObject* name, FeedbackInfo* info) {
  if (seen.empty() || !isOfClass(info->kind) || info->type_version == 0) return;
  PyTypeObject* type = typeByVersion(info->type_version);
  if (type == nullptr || (type->tp_flags & Py_TPFLAGS_HEAPTYPE) == 0) return;
  VersionSet versions, keys;
  versions.add(info->type_version);
  const bool by_keys = info->keys_version != 0;
  if (by_keys) keys.add(info->keys_version);
  for (uint32_t version : seen) {
    PyTypeObject* other = version == info->type_version ? nullptr : typeByVersion(version);
    if (other == nullptr || !laidOutAlike(type, other)) continue;
    if (!findsTheSame(type, other, name) || !hasTheSamePlace(other, name, *info)) continue;
    VersionSet more = keys;
    if (by_keys) {
      const uint32_t shared = sharedKeysVersion(other);
      if (shared == 0 || !more.add(shared)) continue;
    }
    if (versions.add(version)) keys = more;
  }
  if (versions.isSingle()) return;
  info->versions = versions;
  info->keys_versions = keys;
}

}  // namespace tephra::py
