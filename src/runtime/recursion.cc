#include "runtime/recursion.h"

#include "pyver/contract.h"

namespace tephra {
namespace {

vectorcallfunc counting_call = nullptr;
void (*compile_due)(PyFunctionObject*) = nullptr;

}  // namespace

void setCountingCall(vectorcallfunc counting, void (*compile_if_due)(PyFunctionObject*)) {
  counting_call = counting;
  compile_due = compile_if_due;
}

bool entersInterpreter(PyObject* callable) {
  if (!PyFunction_Check(callable)) return false;
  PyFunctionObject* function = reinterpret_cast<PyFunctionObject*>(callable);
  if (function->vectorcall == counting_call && compile_due != nullptr) compile_due(function);
  return function->vectorcall == counting_call ||
         function->vectorcall == py::interpreterVectorcall();
}

}  // namespace tephra
