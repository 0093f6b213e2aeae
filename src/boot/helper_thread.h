// Purpose: what a helper thread needs that lives beside the program: no signals, no fork with it.
// Header only, for src/boot links nothing; nothing here needs C++'s library.
#pragma once

#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <pthread.h>
#include <signal.h>

#include <initializer_list>

namespace tephra::boot {

// Blocks all signals of the calling thread, and of those that it starts, for as long as it lives.
class SignalsBlocked {
 public:
  SignalsBlocked() {
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before_);
  }
  ~SignalsBlocked() { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }
  SignalsBlocked(const SignalsBlocked&) = delete;
  SignalsBlocked& operator=(const SignalsBlocked&) = delete;

 private:
  sigset_t before_;
};

// Starts `run` with a stack of so many bytes and without signals. False: there is no thread.
inline bool startHelper(pthread_t* thread, size_t stack_bytes, void* (*run)(void*)) {
  SignalsBlocked signals;
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  pthread_attr_setstacksize(&attributes, stack_bytes);
  const int error = pthread_create(thread, &attributes, run, nullptr);
  pthread_attr_destroy(&attributes);
  return error == 0;
}

// os.register_at_fork with these functions, which must outlive the process. Cannot be taken back.
// False, without an exception: it could not be done.
inline bool watchForks(PyMethodDef* before, PyMethodDef* in_parent, PyMethodDef* in_child) {
  PyObject* posix = PyImport_ImportModule("posix");
  PyObject* hook = posix ? PyObject_GetAttrString(posix, "register_at_fork") : nullptr;
  PyObject* none = PyTuple_New(0);
  PyObject* hooks = Py_BuildValue("{s:N,s:N,s:N}", "before", PyCFunction_New(before, nullptr),
                                  "after_in_parent", PyCFunction_New(in_parent, nullptr),
                                  "after_in_child", PyCFunction_New(in_child, nullptr));
  PyObject* done = hook && none && hooks ? PyObject_Call(hook, none, hooks) : nullptr;
  const bool good = done != nullptr;
  for (PyObject* each : {posix, hook, none, hooks, done}) Py_XDECREF(each);
  if (!good) PyErr_Clear();
  return good;
}

}  // namespace tephra::boot
