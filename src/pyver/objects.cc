// Purpose: what the compiler may know of a Python object, as plain data.
#include "pyver/code_kind.h"
#include "pyver/common/type_bits.h"
#include "pyver/internal.h"

namespace tephra::py {

namespace {

uint32_t typeBit(PyTypeObject* type) {
  struct Row {
    PyTypeObject* type;
    uint32_t bit;
  };
  static const Row rows[] = {
      {&PyLong_Type, kTypeBitInt},
      {&PyBool_Type, kTypeBitBool},
      {&PyFloat_Type, kTypeBitFloat},
      {&PyUnicode_Type, kTypeBitStr},
      {&PyBytes_Type, kTypeBitBytes},
      {&PyList_Type, kTypeBitList},
      {&PyTuple_Type, kTypeBitTuple},
      {&PyDict_Type, kTypeBitDict},
      {&PySet_Type, kTypeBitSet},
      {&PyFrozenSet_Type, kTypeBitFrozenSet},
      {Py_TYPE(Py_None), kTypeBitNone},
      {&PyType_Type, kTypeBitType},
      {&PyFunction_Type, kTypeBitFunction},
      {&PyCFunction_Type, kTypeBitBuiltin},
      {&PyMethodDescr_Type, kTypeBitMethodDescr},
      {&PySlice_Type, kTypeBitSlice},
      {&PyRange_Type, kTypeBitRange},
      {&PyRangeIter_Type, kTypeBitRangeIter},
      {&PyListIter_Type, kTypeBitListIter},
      {&PyTupleIter_Type, kTypeBitTupleIter},
      {&PyCell_Type, kTypeBitCell},
      {&PyModule_Type, kTypeBitModule},
      {&PyMethod_Type, kTypeBitBoundMethod},
  };
  for (const Row& row : rows) {
    if (row.type == type) return row.bit;
  }
  return kTypeBitOther;
}

std::string utf8(PyObject* str) {
  if (str == nullptr || !PyUnicode_Check(str)) return "?";
  PyObject* bytes = PyUnicode_AsEncodedString(str, "utf-8", "backslashreplace");
  if (bytes == nullptr) {
    PyErr_Clear();
    return "?";
  }
  std::string text(PyBytes_AS_STRING(bytes), static_cast<size_t>(PyBytes_GET_SIZE(bytes)));
  Py_DECREF(bytes);
  return text;
}

std::string shortRepr(PyObject* object) {
  constexpr size_t kLongest = 40;
  // Not PyObject_Repr, which checks for signals and so may collect garbage: what inline caches name
  // may be garbage by now, and the unit holds it only once it is complete.
  PyObject* repr = Py_TYPE(object)->tp_repr(object);
  std::string text = utf8(repr);
  if (repr == nullptr) PyErr_Clear();
  Py_XDECREF(repr);
  if (text.size() > kLongest) {
    size_t cut = kLongest - 3;
    while (cut > 0 && (static_cast<unsigned char>(text[cut]) & 0xC0) == 0x80) cut--;
    text = text.substr(0, cut) + "...";
  }
  return text;
}

// Never an address, never code of the user's: only exact builtin types are asked for their repr.
std::string describeText(PyObject* object) {
  PyTypeObject* type = Py_TYPE(object);
  if (type == &PyUnicode_Type && PyUnicode_GET_LENGTH(object) > 200) {
    return "str of " + std::to_string(PyUnicode_GET_LENGTH(object));
  }
  if (type == &PyBytes_Type && PyBytes_GET_SIZE(object) > 200) {
    return "bytes of " + std::to_string(PyBytes_GET_SIZE(object));
  }
  if (type == &PyLong_Type && !_PyLong_IsCompact(reinterpret_cast<PyLongObject*>(object))) {
    constexpr int kReadable =
        120;  // bits: longer ones may exceed the interpreter's limit for str()
    return static_cast<int64_t>(_PyLong_NumBits(object)) < kReadable ? shortRepr(object)
                                                                     : "large int";
  }
  if (type == &PyLong_Type || type == &PyBool_Type || type == &PyFloat_Type ||
      type == &PyUnicode_Type || type == &PyBytes_Type || object == Py_None ||
      object == Py_Ellipsis) {
    return shortRepr(object);
  }
  if (type == &PyTuple_Type) return "tuple of " + std::to_string(PyTuple_GET_SIZE(object));
  if (type == &PyDict_Type) return "dict";
  if (type == &PyCode_Type) {
    return "code " + utf8(reinterpret_cast<PyCodeObject*>(object)->co_qualname);
  }
  if (type == &PyFunction_Type) {
    return "function " + utf8(reinterpret_cast<PyFunctionObject*>(object)->func_qualname);
  }
  if (PyType_Check(object))
    return std::string("class ") + reinterpret_cast<PyTypeObject*>(object)->tp_name;
  if (type == &PyModule_Type) {
    const char* name = PyModule_GetName(object);
    if (name == nullptr) PyErr_Clear();
    return std::string("module ") + (name != nullptr ? name : "?");
  }
  return std::string(type->tp_name) + " object";
}

void describeCode(PyCodeObject* code, ObjectInfo* info) {
  info->is_plain_callable = hasOnlyPositional(code) && hasOwnLocals(code);
  info->argcount = static_cast<uint32_t>(code->co_argcount);
  info->posonly = static_cast<uint32_t>(code->co_posonlyargcount);
  for (int i = 0; i < code->co_argcount; i++) {
    info->names.push_back(utf8(PyTuple_GET_ITEM(code->co_localsplusnames, i)));
  }
}

// The names of a call's keyword arguments, say.
void describeTuple(PyObject* tuple, ObjectInfo* info) {
  constexpr Py_ssize_t kLongest = 32;
  info->items = static_cast<uint32_t>(PyTuple_GET_SIZE(tuple));
  if (PyTuple_GET_SIZE(tuple) > kLongest) return;
  for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(tuple); i++) {
    if (!PyUnicode_CheckExact(PyTuple_GET_ITEM(tuple, i))) {
      info->names.clear();
      return;
    }
    info->names.push_back(utf8(PyTuple_GET_ITEM(tuple, i)));
  }
}

void describeBuiltin(PyObject* object, ObjectInfo* info) {
  auto* builtin = reinterpret_cast<PyCFunctionObject*>(object);
  info->c_function = reinterpret_cast<uint64_t>(builtin->m_ml->ml_meth);
  info->c_self = reinterpret_cast<uint64_t>(PyCFunction_GET_SELF(object));
  info->c_flags = static_cast<uint32_t>(builtin->m_ml->ml_flags);
  std::string owner;
  if (builtin->m_module != nullptr && PyUnicode_Check(builtin->m_module)) {
    owner = utf8(builtin->m_module);
  } else if (PyObject* self = builtin->m_self; self != nullptr) {
    owner = PyType_Check(self) ? reinterpret_cast<PyTypeObject*>(self)->tp_name
                               : Py_TYPE(self)->tp_name;
  }
  info->builtin_name = owner.empty() || owner == "builtins" ? std::string(builtin->m_ml->ml_name)
                                                            : owner + "." + builtin->m_ml->ml_name;
  info->text = "builtin " + info->builtin_name;
}

void describeMethodDescr(PyObject* object, ObjectInfo* info) {
  auto* descr = reinterpret_cast<PyMethodDescrObject*>(object);
  info->c_function = reinterpret_cast<uint64_t>(descr->d_method->ml_meth);
  info->c_flags = static_cast<uint32_t>(descr->d_method->ml_flags);
  info->builtin_name =
      std::string(descr->d_common.d_type->tp_name) + "." + descr->d_method->ml_name;
  info->text = "method " + info->builtin_name;
}

// Numbers and text, and tuples of them: they lead to no function.
bool isPlainData(PyObject* object, int depth) {
  constexpr Py_ssize_t kLongest = 64;
  PyTypeObject* type = Py_TYPE(object);
  if (_Py_IsImmortal(object)) return true;
  if (type == &PyLong_Type || type == &PyFloat_Type || type == &PyUnicode_Type ||
      type == &PyBytes_Type || type == &PyComplex_Type) {
    return true;
  }
  if (type != &PyTuple_Type || depth == 0 || PyTuple_GET_SIZE(object) > kLongest) return false;
  for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(object); i++) {
    if (!isPlainData(PyTuple_GET_ITEM(object, i), depth - 1)) return false;
  }
  return true;
}

Keep keepOf(PyObject* object) {
  constexpr int kDepth = 4;
  if (_Py_IsImmortal(object)) return Keep::kAlways;
  if (isPlainData(object, kDepth)) return Keep::kHold;
  if (PyFunction_Check(object) || PyType_Check(object) || PyModule_CheckExact(object) ||
      PyCFunction_CheckExact(object)) {
    return Keep::kWatch;
  }
  // Descriptors cannot tell; those of static classes stay as long as the process.
  if (Py_IS_TYPE(object, &PyMethodDescr_Type)) {
    PyTypeObject* owner = reinterpret_cast<PyDescrObject*>(object)->d_type;
    if (!(owner->tp_flags & Py_TPFLAGS_HEAPTYPE)) return Keep::kHold;
  }
  return Keep::kNever;
}

}  // namespace

ObjectInfo describeObject(PyObject* object) {
  ObjectInfo info;
  info.address = reinterpret_cast<uint64_t>(object);
  info.type_mask = typeBit(Py_TYPE(object));
  info.immortal = _Py_IsImmortal(object);
  info.keep = keepOf(object);
  info.text = describeText(object);
  if (info.type_mask == kTypeBitInt) {
    int overflow = 0;
    info.int_value = PyLong_AsLongLongAndOverflow(object, &overflow);
    info.is_word_int = overflow == 0;
  } else if (info.type_mask == kTypeBitBool) {
    info.int_value = object == Py_True;
  } else if (info.type_mask == kTypeBitFloat) {
    info.float_value = PyFloat_AS_DOUBLE(object);
  } else if (info.type_mask == kTypeBitFunction) {
    describeCode(reinterpret_cast<PyCodeObject*>(PyFunction_GET_CODE(object)), &info);
  } else if (PyCode_Check(object)) {
    describeCode(reinterpret_cast<PyCodeObject*>(object), &info);
  } else if (info.type_mask == kTypeBitTuple) {
    describeTuple(object, &info);
  } else if (info.type_mask == kTypeBitBuiltin) {
    describeBuiltin(object, &info);
  } else if (info.type_mask == kTypeBitMethodDescr) {
    describeMethodDescr(object, &info);
  }
  return info;
}

void nameAttribute(PyObject* object, PyObject* name) {
  if (!PyErr_ExceptionMatches(PyExc_AttributeError)) return;
  PyObject* exception = PyErr_GetRaisedException();
  auto* error = reinterpret_cast<PyAttributeErrorObject*>(exception);
  if (error->name == nullptr && error->obj == nullptr) {
    if (PyObject_SetAttrString(exception, "name", name) < 0 ||
        PyObject_SetAttrString(exception, "obj", object) < 0) {
      Py_DECREF(exception);
      return;
    }
  }
  PyErr_SetRaisedException(exception);
}

bool isModulesOwn(PyTypeObject* type, PyObject* name) {
  return type == &PyModule_Type && _PyType_Lookup(type, name) == nullptr;
}

PyObject* dictOf(PyObject* holder) {
  return PyModule_Check(holder) ? reinterpret_cast<PyModuleObject*>(holder)->md_dict : holder;
}

}  // namespace tephra::py
