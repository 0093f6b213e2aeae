// Purpose: calls as the interpreter makes them between Python functions: the references of the
// arguments go over to the callee, so that what the callee drops dies. The vectorcall protocol only
// lends, so compiled code calls through here whatever it does not call by its register entry.
// Invariant: of py::Arguments each reference that is not lent is consumed exactly once.
#pragma once

#include <array>
#include <memory>

#include "pyver/contract.h"
#include "runtime/compiled_function.h"

namespace tephra {

// Words on the native stack; more of them on the heap.
class Words {
 public:
  explicit Words(size_t count) {
    if (count <= few_.size()) return;
    many_ = std::make_unique<PyObject*[]>(count);
    data_ = many_.get();
  }
  PyObject** data() { return data_; }

 private:
  std::array<PyObject*, 16> few_;
  std::unique_ptr<PyObject*[]> many_;
  PyObject** data_ = few_.data();
};

// References to values that C code between a caller and a callee would hold, in the interpreter.
class Held {
 public:
  Held(PyObject* const* values, size_t count) : values_(values), count_(count) {
    for (size_t k = 0; k < count_; ++k) Py_INCREF(values_[k]);
  }
  ~Held() {
    for (size_t k = count_; k-- > 0;) Py_DECREF(values_[k]);
  }
  Held(const Held&) = delete;
  Held& operator=(const Held&) = delete;

 private:
  PyObject* const* values_;
  size_t count_;
};

// Any callable, which is consumed, too, unless it is lent. May change `args`. (By reference: a copy
// reads in wide loads what was stored just now in narrow ones, which cost half of a method call.)
PyObject* callObject(PyThreadState* ts, PyObject* callable, bool lent, py::Arguments& args);

// A Python function: by its compiled code, counted, or in the interpreter.
PyObject* callFunction(PyThreadState* ts, PyFunctionObject* function, const py::Arguments& args);
// How a call of a Python function is made now. To be asked before anything is bound: it counts, and
// may compile the function or take its compiled code out.
enum class Way : uint8_t { kCompiled, kInterpreted, kCounted, kForeign };
struct Callee {
  Way way;
  CompiledFunction* compiled;
};
Callee calleeOf(PyThreadState* ts, PyFunctionObject* function);
// Bound arguments are consumed; the way is kCompiled or kInterpreted.
PyObject* runCallee(PyThreadState* ts, PyFunctionObject* function, const Callee& callee,
                    PyObject** slots);
// The vectorcall of compiled code, which may be gone.
PyObject* enterCompiled(PyObject* callable, PyObject* const* args, size_t nargsf,
                        PyObject* kwnames);
// The same, certainly not by compiled code.
PyObject* interpretFunction(PyThreadState* ts, PyFunctionObject* function,
                            const py::Arguments& args);

// A call through the interpreter, of arguments as the register entry takes them, which are
// consumed: for tools that evaluate frames (PEP 523), and when the native stack is nearly used up
// (the function then steps aside, runtime/recursion.h).
PyObject* callInterpreted(PyObject* function, PyObject** args, int64_t count);
// The call has failed before there was a frame. The exception stays set.
void dropArguments(PyObject** args, int64_t count);

// Calls between compiled code and interpreted functions. (C functions that call compiled ones are
// no interpreted code, which would call without any C.)
enum class Crossing : uint8_t { kIntoCompiled, kIntoInterpreted };
// Told of one in so many of them, before it is decided how the callee runs: it may compile, or take
// compiled code out. A prime: programs repeat themselves.
using CrossingHook = void (*)(PyThreadState* ts, PyFunctionObject* callee, Crossing way);
void setCrossingHook(CrossingHook hook);
constexpr uint32_t kCrossingsPerSample = 127;

// Does a call with so many positional arguments fill the parameters just so, and is the function
// interpreted? Then interpretFilled() runs it with them as a frame's slots hold them (consumed).
bool isFilled(const PyFunctionObject* function, int64_t count);
PyObject* interpretFilled(PyThreadState* ts, PyFunctionObject* function, PyObject** slots,
                          uint32_t count);

// What a vectorcall of ours does with its borrowed arguments: takes them over from the
// interpreter's stack, or takes references; then `call`.
using FunctionCall = PyObject* (*)(PyThreadState*, PyFunctionObject*, const py::Arguments&);
PyObject* callTakingOver(PyObject* function, PyObject* const* args, size_t nargsf,
                         PyObject* kwnames, FunctionCall call);

}  // namespace tephra
