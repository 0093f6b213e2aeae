// Purpose: a helper thread that lives beside the program: no signals, no fork with it, and none
// left when the interpreter has come to its end. Header only, for src/boot links nothing; nothing
// here needs C++'s library.
#pragma once

#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <linux/futex.h>
#include <pthread.h>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <cstdint>
#include <ctime>
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

// Nanoseconds of CPU time, CLOCK_PROCESS_CPUTIME_ID, say.
inline uint64_t readClock(clockid_t clock) {
  timespec now{};
  clock_gettime(clock, &now);
  return static_cast<uint64_t>(now.tv_sec) * 1'000'000'000 + static_cast<uint64_t>(now.tv_nsec);
}

// Ends in its sleep, not by cancellation: for that glibc loads the unwinder's library, which takes
// a fifth of a millisecond of each short process.
class HelperThread {
 public:
  // Begins, without signals. False: there can be no thread.
  bool start(size_t stack_bytes, void* (*run)(void*)) {
    SignalsBlocked signals;  // the thread inherits it
    ending_ = 0;
    pthread_attr_t attributes;
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, stack_bytes);
    const bool started = pthread_create(&thread_, &attributes, run, nullptr) == 0;
    pthread_attr_destroy(&attributes);
    process_ = started ? getpid() : 0;
    return started;
  }
  // It is gone when this returns. One of another process, before a fork, is only forgotten.
  void stop() {
    const bool runs = isOurs();
    process_ = 0;
    if (!runs) return;
    ending_ = 1;
    syscall(SYS_futex, &ending_, FUTEX_WAKE_PRIVATE, 1, nullptr, nullptr, 0);
    pthread_join(thread_, nullptr);
  }
  bool isStarted() const { return process_ != 0; }  // and not stopped, perhaps before a fork
  bool isOurs() const { return process_ == getpid(); }

  // By the thread. False: it is to end.
  bool sleep(uint64_t nanoseconds) {
    const timespec spec{static_cast<time_t>(nanoseconds / 1'000'000'000),
                        static_cast<long>(nanoseconds % 1'000'000'000)};
    if (ending_ == 0) syscall(SYS_futex, &ending_, FUTEX_WAIT_PRIVATE, 0, &spec, nullptr, 0);
    return ending_ == 0;
  }

 private:
  pthread_t thread_{};
  pid_t process_ = 0;  // in which it was started; 0: there is none
  std::atomic<uint32_t> ending_{0};
};

// `ends` is called when the interpreter is being cleared: by an object in its own dict, which
// Python code does not see, for the functions of module atexit come too early, those of Py_AtExit
// too late. False: it will not be, and an exception may be set.
inline bool noticeEnd(const char* name, void* pointer, PyCapsule_Destructor ends) {
  PyObject* dict = PyInterpreterState_GetDict(PyInterpreterState_Get());  // borrowed
  PyObject* capsule = PyCapsule_New(pointer, name, ends);
  const bool good = dict && capsule && PyDict_SetItemString(dict, name, capsule) == 0;
  Py_XDECREF(capsule);
  return good;
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
