// Helpers for operators and containers, on the public object protocol.
#include "runtime/exit.h"
#include "runtime/helpers.h"

#include <cstring>

#include "pyver/code_kind.h"
#include "pyver/numbers.h"

namespace py = tephra::py;

extern "C" PyObject* tephra_binary_op(PyObject* left, PyObject* right, int64_t kind) {
  PyObject* number;
  if (py::numberOp(left, right, static_cast<int>(kind), &number)) return number;
  return py::binaryOp(left, right, static_cast<int>(kind));
}

extern "C" PyObject* tephra_unary_op(PyObject* value, int64_t kind) {
  if (kind == 0) return PyNumber_Negative(value);
  return kind == 1 ? PyNumber_Positive(value) : PyNumber_Invert(value);
}

extern "C" PyObject* tephra_compare(PyObject* left, PyObject* right, int64_t cmp) {
  return PyObject_RichCompare(left, right, static_cast<int>(cmp));
}

// Not PyObject_RichCompareBool: that answers for identical objects without asking them.
extern "C" int64_t tephra_compare_bool(PyObject* left, PyObject* right, int64_t cmp) {
  PyObject* result = PyObject_RichCompare(left, right, static_cast<int>(cmp));
  if (result == nullptr) return -1;
  const int truth = PyObject_IsTrue(result);
  Py_DECREF(result);
  return truth;
}

extern "C" int64_t tephra_is_truthy(PyObject* value) { return PyObject_IsTrue(value); }

extern "C" int64_t tephra_contains(PyObject* item, PyObject* container) {
  return PySequence_Contains(container, item);
}

extern "C" PyObject* tephra_new_instance(PyObject* type) {
  static PyObject* const none = PyTuple_New(0);
  return PyBaseObject_Type.tp_new(reinterpret_cast<PyTypeObject*>(type), none, nullptr);
}

// slot_tp_init's words (CPython's typeobject.c).
extern "C" int64_t tephra_check_init_result(PyObject* result) {
  if (result == Py_None) return 0;
  PyErr_Format(PyExc_TypeError, "__init__() should return None, not '%.200s'",
               Py_TYPE(result)->tp_name);
  return -1;
}

extern "C" int64_t tephra_is_instance(PyObject* value, PyObject* type) {
  return PyObject_IsInstance(value, type);
}

// As the specialisation of BINARY_SUBSCR asks.
extern "C" int64_t tephra_enters_getitem(PyObject* container) {
  static PyObject* name = PyUnicode_InternFromString("__getitem__");
  PyTypeObject* type = Py_TYPE(container);
  if (name == nullptr || (type->tp_flags & Py_TPFLAGS_HEAPTYPE) == 0) return 0;
  PyObject* found = _PyType_Lookup(type, name);
  if (found == nullptr || !PyFunction_Check(found)) return 0;
  auto* code = reinterpret_cast<PyCodeObject*>(PyFunction_GET_CODE(found));
  return py::hasOwnLocals(code) && py::hasOnlyPositional(code) && code->co_argcount == 2;
}

extern "C" PyObject* tephra_get_item(PyObject* container, PyObject* key) {
  return PyObject_GetItem(container, key);
}

extern "C" int64_t tephra_set_item(PyObject* container, PyObject* key, PyObject* value) {
  return PyObject_SetItem(container, key, value);
}

extern "C" int64_t tephra_delete_item(PyObject* container, PyObject* key) {
  return PyObject_DelItem(container, key);
}

extern "C" PyObject* tephra_get_slice(PyObject* container, PyObject* start, PyObject* stop) {
  return py::binarySlice(container, start, stop);
}

extern "C" int64_t tephra_set_slice(PyObject* container, PyObject* start, PyObject* stop,
                                    PyObject* value) {
  return py::storeSlice(container, start, stop, value);
}

extern "C" PyObject* tephra_make_slice(PyObject* start, PyObject* stop, PyObject* step) {
  return PySlice_New(start, stop, step);
}

extern "C" PyObject* tephra_str_concat(PyObject* left, PyObject* right) {
  return PyUnicode_Concat(left, right);
}

extern "C" int64_t tephra_str_equal(PyObject* left, PyObject* right) {
  if (left == right) return 1;
  const Py_ssize_t length = PyUnicode_GET_LENGTH(left);
  if (length != PyUnicode_GET_LENGTH(right)) return 0;
  // The representation is canonical: equal strings have equal kinds.
  const int kind = PyUnicode_KIND(left);
  if (kind != PyUnicode_KIND(right)) return 0;
  return std::memcmp(PyUnicode_DATA(left), PyUnicode_DATA(right),
                     static_cast<size_t>(length) * static_cast<size_t>(kind)) == 0;
}

extern "C" PyObject* tephra_dict_get_item(PyObject* dict, PyObject* key) {
  return PyDict_Type.tp_as_mapping->mp_subscript(dict, key);
}

extern "C" int64_t tephra_dict_set_item(PyObject* dict, PyObject* key, PyObject* value) {
  return PyDict_SetItem(dict, key, value);
}

extern "C" int64_t tephra_map_add(PyObject* dict, PyObject* key, PyObject* value) {
  return PyDict_SetItem(dict, key, value);
}

extern "C" int64_t tephra_list_append(PyObject* list, PyObject* value) {
  PyListObject* self = reinterpret_cast<PyListObject*>(list);
  const Py_ssize_t size = Py_SIZE(list);
  if (size < self->allocated) {
    self->ob_item[size] = value;
    Py_SET_SIZE(self, size + 1);
    return 0;
  }
  if (PyList_Append(list, value) < 0) return -1;
  Py_DECREF(value);
  return 0;
}

extern "C" int64_t tephra_set_add(PyObject* set, PyObject* value) { return PySet_Add(set, value); }

extern "C" int64_t tephra_list_extend(PyThreadState* ts, PyObject* list, PyObject* iterable) {
  return py::listExtend(ts, list, iterable);
}

extern "C" int64_t tephra_set_update(PyObject* set, PyObject* iterable) {
  return py::setUpdate(set, iterable);
}

extern "C" int64_t tephra_dict_update(PyThreadState* ts, PyObject* dict, PyObject* mapping) {
  return py::dictUpdate(ts, dict, mapping);
}

extern "C" int64_t tephra_dict_merge(PyThreadState* ts, PyObject* dict, PyObject* mapping,
                                     PyObject* callable) {
  return py::dictMerge(ts, dict, mapping, callable);
}

extern "C" PyObject* tephra_list_to_tuple(PyObject* list) { return PyList_AsTuple(list); }

extern "C" PyObject* tephra_make_tuple(void* items, int64_t count) {
  return py::buildTuple(static_cast<PyObject**>(items), count);
}

extern "C" PyObject* tephra_make_list(void* items, int64_t count) {
  PyObject* list = PyList_New(count);
  if (list == nullptr || count == 0) return list;
  std::memcpy(reinterpret_cast<PyListObject*>(list)->ob_item, items,
              static_cast<size_t>(count) * sizeof(PyObject*));
  return list;
}

extern "C" PyObject* tephra_make_set(void* items, int64_t count) {
  PyObject** from = static_cast<PyObject**>(items);
  PyObject* set = PySet_New(nullptr);
  if (set == nullptr) return nullptr;
  for (int64_t i = 0; i < count; ++i) {
    if (PySet_Add(set, from[i]) < 0) {
      tephra::releaseLast(set);  // BUILD_SET drops the items first
      return nullptr;
    }
  }
  return set;
}

extern "C" PyObject* tephra_make_map(void* items, int64_t pairs) {
  PyObject** from = static_cast<PyObject**>(items);
  PyObject* dict = PyDict_New();
  if (dict == nullptr) return nullptr;
  for (int64_t i = 0; i < pairs; ++i) {
    if (PyDict_SetItem(dict, from[2 * i], from[2 * i + 1]) < 0) {
      Py_DECREF(dict);
      return nullptr;
    }
  }
  return dict;
}

extern "C" PyObject* tephra_make_cell(PyObject* initial) {
  PyObject* cell = PyCell_New(initial);
  if (cell != nullptr) Py_XDECREF(initial);  // the cell took its own
  return cell;
}

extern "C" PyObject* tephra_make_string(void* pieces, int64_t count) {
  return py::buildString(static_cast<PyObject**>(pieces), count);
}

extern "C" int64_t tephra_unpack_sequence(PyThreadState* ts, PyObject* sequence, int64_t count,
                                          void* out) {
  PyObject** to = static_cast<PyObject**>(out);
  PyObject** from = nullptr;
  if (PyTuple_CheckExact(sequence) && PyTuple_GET_SIZE(sequence) == count) {
    from = reinterpret_cast<PyTupleObject*>(sequence)->ob_item;
  } else if (PyList_CheckExact(sequence) && PyList_GET_SIZE(sequence) == count) {
    from = reinterpret_cast<PyListObject*>(sequence)->ob_item;
  }
  if (from == nullptr) {
    return py::unpackIterable(ts, sequence, static_cast<int>(count), -1, to);
  }
  for (int64_t i = 0; i < count; ++i) to[i] = Py_NewRef(from[i]);
  return 0;
}

extern "C" int64_t tephra_unpack_ex(PyThreadState* ts, PyObject* sequence, int64_t before,
                                    int64_t after, void* out) {
  return py::unpackIterable(ts, sequence, static_cast<int>(before), static_cast<int>(after),
                            static_cast<PyObject**>(out));
}

extern "C" PyObject* tephra_get_iter(PyObject* iterable) { return PyObject_GetIter(iterable); }

extern "C" PyObject* tephra_iter_next(PyThreadState*, PyObject* iterator) {
  PyObject* next = Py_TYPE(iterator)->tp_iternext(iterator);
  if (next != nullptr || !PyErr_Occurred()) return next;
  if (!PyErr_ExceptionMatches(PyExc_StopIteration)) return reinterpret_cast<PyObject*>(1);
  PyErr_Clear();
  return nullptr;
}

extern "C" void tephra_seq_iter_exhaust(PyObject* iterator) {
  // At its end tp_iternext itself does exactly this and gives NULL without an exception; a list
  // that has grown meanwhile (a finaliser, another thread) cannot be seen here, since nothing ran
  // between the test and this call.
  PyObject* next = Py_TYPE(iterator)->tp_iternext(iterator);
  Py_XDECREF(next);
}

extern "C" PyObject* tephra_get_len(PyObject* value) {
  const Py_ssize_t length = PyObject_Length(value);
  return length < 0 ? nullptr : PyLong_FromSsize_t(length);
}
