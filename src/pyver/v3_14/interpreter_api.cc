// Purpose: private functions whose parameters are CPython 3.14's alone, under Tephra's names.
#include "pyver/internal.h"

namespace tephra::py {

PyObject* importName(PyThreadState* ts, Frame* frame, PyObject* name, PyObject* fromlist,
                     PyObject* level) {
  return _PyEval_ImportName(ts, frame, name, fromlist, level);
}

PyObject* importFrom(PyThreadState* ts, PyObject* module, PyObject* name) {
  return _PyEval_ImportFrom(ts, module, name);
}

}  // namespace tephra::py
