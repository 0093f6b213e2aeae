// The extension module tephra._boot: loads the JIT (tephra._tephra) once the process has used some
// CPU time. Loading it takes milliseconds and memory, and most processes end before they gain by
// it.
//
// Until then a thread sleeps; it blocks all signals, never touches a Python object and is not there
// during a fork. When the time has come it asks by a pending call whoever runs Python to load. It
// does not begin before the program has code of its own to speak of: what the standard library
// loads for `python -c pass` is none (a thread is a sixth of a millisecond). Only
// starts that say no more than TEPHRA=1 wait (and TEPHRA_BUDGET=N): what other options mean, and
// what is wrong with them, is for tephra._startup to find at once. No module is imported in the
// middle of the program, no code is traced, and no signal's handler runs within. (An audit hook
// sees that the JIT's self-test compiles a few lines.)
// Stands on nothing but CPython and libc, for its size is what each start costs.
#include <dlfcn.h>
#include <unistd.h>

#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <initializer_list>

#include "boot/helper_thread.h"

// Internal to CPython, whose header does not stand alone in C++: any thread of the interpreter
// calls `call`, where Py_AddPendingCall means the main thread, which may wait for the others. 0:
// done.
extern "C" int _PyEval_AddPendingCall(PyInterpreterState*, int (*call)(void*), void*,
                                      int main_only);

namespace tephra::boot {
namespace {

constexpr int64_t kMillisecond = 1'000'000;
// Loading takes 2 to 3 ms: a twentieth of this. A program is warm so much later.
constexpr int64_t kWait = 50 * kMillisecond;  // of the process's CPU time, from the start of this
constexpr int64_t kShortestNap = 4 * kMillisecond, kLongestNap = 500 * kMillisecond;
constexpr size_t kStackBytes = 64 * 1024;
constexpr size_t kLoadingStack = 512 * 1024;
constexpr int kTools = 6;  // of sys.monitoring
// Code units of a program that takes no time to speak of, and of as much of the standard library as
// the interpreter itself imports behind site (3.14 for -c: linecache, 1,900).
constexpr Py_ssize_t kTrifle = 12, kManyUnits = 4'000;

enum class State { kIdle, kWaiting, kLoaded };

struct Boot {
  State state = State::kIdle;
  HelperThread thread;
  int watcher = -1;                  // of code, until the thread begins; -1: none
  Py_ssize_t units = 0;              // of the standard library's code that it has seen
  char* standard_library = nullptr;  // its folder; null: unknown
  int64_t begun = 0;
  char* library = nullptr;  // path of the JIT's extension module
  char budget[8] = "";      // the option's text; "": not given
  bool at_forks = false;    // hooks cannot be taken back
};
Boot self;

int64_t cpuTime() { return static_cast<int64_t>(readClock(CLOCK_PROCESS_CPUTIME_ID)); }

int64_t between(int64_t low, int64_t value, int64_t high) {
  return value < low ? low : value > high ? high : value;
}

int serve(void*);

// Until the process has used its time, then until the request is taken. (Not asleep by the
// process's CPU clock: while anybody waits for that, Linux reads it in ticks of milliseconds.)
void* run(void*) {
  int64_t nap = 0;
  for (int64_t before = self.begun;;) {
    const int64_t now = cpuTime();
    const int64_t left = self.begun + kWait - now;
    if (left <= 0) break;
    const bool idle = nap != 0 && now - before < nap / 8;
    nap = between(kShortestNap, idle ? 2 * nap : left, kLongestNap);
    before = now;
    if (!self.thread.sleep(static_cast<uint64_t>(nap))) return nullptr;
  }
  while (_PyEval_AddPendingCall(PyInterpreterState_Main(), serve, nullptr, 0) != 0) {
    if (!self.thread.sleep(static_cast<uint64_t>(kShortestNap))) break;
  }
  return nullptr;
}

bool startThread() { return self.thread.start(kStackBytes, run); }

void stopWatching() {
  if (self.watcher >= 0 && PyCode_ClearWatcher(self.watcher) != 0) PyErr_Clear();
  self.watcher = -1;
}

bool isOfStandardLibrary(const char* file) {
  const size_t length = self.standard_library ? strlen(self.standard_library) : 0;
  return length != 0 && strncmp(file, self.standard_library, length) == 0 && file[length] == '/' &&
         !strstr(file + length, "-packages/");
}

// Is there, with this code, something that may take time? Functions may, and the program itself,
// which is made where no other code runs. (Lines of .pth files are not.)
bool isWorthAThread(PyCodeObject* code) {
  const char* file = PyUnicode_AsUTF8(code->co_filename);
  if (!file) return true;
  if (isOfStandardLibrary(file)) return (self.units += Py_SIZE(code)) > kManyUnits;
  if ((code->co_flags & CO_NEWLOCALS) != 0) return true;
  return Py_SIZE(code) > kTrifle && !PyEval_GetGlobals();
}

// An exception may be set.
int onCode(PyCodeEvent event, PyCodeObject* code) {
  if (event != PY_CODE_EVENT_CREATE) return 0;
  PyObject* raised = PyErr_GetRaisedException();
  if (isWorthAThread(code) && startThread()) stopWatching();
  PyErr_SetRaisedException(raised);
  return 0;
}

// Starts the thread once there is code for it.
bool watchCode() {
  PyObject* folder = PySys_GetObject("_stdlib_dir");  // borrowed
  const char* text = folder && PyUnicode_Check(folder) ? PyUnicode_AsUTF8(folder) : nullptr;
  free(self.standard_library);
  self.standard_library = text ? strdup(text) : nullptr;
  PyErr_Clear();
  self.units = 0;
  self.watcher = PyCode_AddWatcher(onCode);
  if (self.watcher >= 0) return true;
  PyErr_Clear();
  return startThread();
}

// Has some tool of sys.monitoring an id? The JIT would not know for which code it has set events.
bool hasTools() {
  PyObject* monitoring = PySys_GetObject("monitoring");  // borrowed
  bool found = false;
  for (int tool = 0; monitoring && !found && tool < kTools; ++tool) {
    PyObject* name = PyObject_CallMethod(monitoring, "get_tool", "i", tool);
    found = name && name != Py_None;
    Py_XDECREF(name);
    PyErr_Clear();
  }
  return found;
}

// Has this thread the stack that loading takes, parser and dynamic linker included?
bool hasStack() {
  pthread_attr_t attributes;
  if (pthread_getattr_np(pthread_self(), &attributes) != 0) return false;
  void* base = nullptr;
  size_t size = 0;
  pthread_attr_getstack(&attributes, &base, &size);
  pthread_attr_destroy(&attributes);
  const auto here = reinterpret_cast<uintptr_t>(__builtin_frame_address(0));
  const auto least = reinterpret_cast<uintptr_t>(base);  // else it runs on a stack of its own
  return here < least + size && here > least + kLoadingStack;
}

void load() {
  self.state = State::kLoaded;
  void* library = dlopen(self.library, RTLD_NOW);
  // tephra_start in src/driver/module.cc. Why the JIT is off, status() will say.
  if (void* start = library ? dlsym(library, "tephra_start") : nullptr) {
    reinterpret_cast<void (*)(const char*)>(start)(self.budget);
  }
}

// What the program sees of loading, and what it does in the midst of it, is nothing: traces, events
// and signals wait.
void loadUnseen(bool at_once) {
  PyObject* raised = PyErr_GetRaisedException();
  PyThreadState* ts = PyThreadState_Get();
  SignalsBlocked signals;
  PyThreadState_EnterTracing(ts);
  self.thread.stop();
  stopWatching();
  if (at_once || (hasStack() && !hasTools())) {
    load();
  } else {
    self.begun = cpuTime();
    startThread();
  }
  PyErr_Clear();
  PyThreadState_LeaveTracing(ts);
  PyErr_SetRaisedException(raised);
}

bool isFinalizing() {
  PyObject* ask = PySys_GetObject("is_finalizing");  // borrowed; gone at the very end
  PyObject* answer = ask ? PyObject_CallNoArgs(ask) : nullptr;
  const bool is = answer != Py_False;
  Py_XDECREF(answer);
  PyErr_Clear();
  return is;
}

int serve(void*) {
  if (self.state == State::kWaiting && !isFinalizing()) loadUnseen(false);
  return 0;
}

PyObject* beforeFork(PyObject*, PyObject*) {
  self.thread.stop();
  Py_RETURN_NONE;
}

PyObject* afterForkInParent(PyObject*, PyObject*) {
  if (self.state == State::kWaiting && self.watcher < 0) startThread();
  Py_RETURN_NONE;
}

PyObject* afterForkInChild(PyObject* module, PyObject*) {
  self.begun = cpuTime();  // another process, another clock
  return afterForkInParent(module, nullptr);
}

// The interpreter is being cleared; the process may initialise another one.
void interpreterEnds(PyObject*) {
  self.thread.stop();
  stopWatching();
  self.state = State::kIdle;
  self.at_forks = false;
}

PyMethodDef kBefore{"tephra_before_fork", beforeFork, METH_NOARGS, nullptr};
PyMethodDef kInParent{"tephra_in_parent", afterForkInParent, METH_NOARGS, nullptr};
PyMethodDef kInChild{"tephra_in_child", afterForkInChild, METH_NOARGS, nullptr};

bool atForks() {
  if (!self.at_forks) self.at_forks = watchForks(&kBefore, &kInParent, &kInChild);
  return self.at_forks;
}

bool isYes(const char* text) {
  for (const char* yes : {"1", "true", "on", "yes"}) {
    if (strcmp(text, yes) == 0) return true;
  }
  return false;
}

bool isSmallNumber(const char* text) {
  const size_t length = strlen(text);
  return length > 0 && length < 5 && strspn(text, "0123456789") == length;
}

// Do the variables ask for nothing but hot functions to be compiled, within a budget?
bool environmentCanWait() {
  for (char** each = environ; each && *each; ++each) {
    if (strncmp(*each, "TEPHRA", 6) != 0) continue;
    const char* rest = *each + 6;
    if (rest[0] == '=' && (rest[1] == 0 || isYes(rest + 1))) continue;
    if (strncmp(rest, "_BUDGET=", 8) != 0 || !isSmallNumber(rest + 8)) return false;
    strcpy(self.budget, rest + 8);
  }
  return true;
}

// The same for -X options.
bool xoptionsCanWait() {
  PyObject* options = PySys_GetXOptions();  // borrowed
  PyObject *key = nullptr, *value = nullptr;
  Py_ssize_t at = 0;
  while (options && PyDict_Next(options, &at, &key, &value)) {
    const char* name = PyUnicode_AsUTF8(key);
    if (!name) return false;
    if (strncmp(name, "tephra", 6) != 0) continue;
    const char* text = value == Py_True ? "1" : PyUnicode_AsUTF8(value);
    if (strcmp(name, "tephra") != 0 || !text || !isYes(text)) return false;
  }
  return true;
}

bool ignoresEnvironment() {
  PyObject* flags = PySys_GetObject("flags");  // borrowed
  PyObject* flag = flags ? PyObject_GetAttrString(flags, "ignore_environment") : nullptr;
  const bool ignores = flag && PyObject_IsTrue(flag) == 1;
  Py_XDECREF(flag);
  return ignores;
}

// The path of the JIT's module is this one's with another name.
bool findLibrary(PyObject* module) {
  PyObject* file = PyModule_GetFilenameObject(module);
  PyObject* path = nullptr;  // bytes
  const bool found = file && PyUnicode_FSConverter(file, &path);
  const char* own = found ? PyBytes_AS_STRING(path) : "";
  const char* name = strrchr(own, '/');
  constexpr const char* kOwn = "/_boot.";
  constexpr const char* kOther = "/_tephra.";
  free(self.library);
  self.library = nullptr;
  if (name && strncmp(name, kOwn, strlen(kOwn)) == 0) {
    self.library = static_cast<char*>(malloc(strlen(own) + strlen(kOther)));
  }
  if (self.library) {
    const size_t folder = static_cast<size_t>(name - own);
    memcpy(self.library, own, folder);
    strcpy(self.library + folder, kOther);
    strcat(self.library, name + strlen(kOwn));
  }
  Py_XDECREF(path);
  Py_XDECREF(file);
  return self.library != nullptr;
}

// What the import system does with a module that it has loaded; tephra.pth does not go through it.
bool enter(PyObject* module, PyObject* spec) {
  PyObject* modules = PyImport_GetModuleDict();  // borrowed
  PyObject* origin = PyObject_GetAttrString(spec, "origin");
  const bool good = origin && PyObject_SetAttrString(module, "__file__", origin) == 0 &&
                    PyObject_SetAttrString(module, "__spec__", spec) == 0 &&
                    PyDict_SetItemString(modules, "tephra._boot", module) == 0;
  Py_XDECREF(origin);
  return good;
}

PyObject* wait(PyObject* module, PyObject* spec) {
  if (!enter(module, spec)) return nullptr;
  if (PyInterpreterState_Get() != PyInterpreterState_Main()) Py_RETURN_TRUE;
  if (self.state != State::kIdle) Py_RETURN_TRUE;
  self.budget[0] = 0;
  self.begun = cpuTime();
  const bool can = xoptionsCanWait() && (ignoresEnvironment() || environmentCanWait()) &&
                   findLibrary(module) && noticeEnd("tephra.boot", &self, interpreterEnds) &&
                   atForks() && watchCode();
  PyErr_Clear();
  if (can) self.state = State::kWaiting;
  return PyBool_FromLong(can);
}

PyObject* finish(PyObject*, PyObject*) {
  if (self.state == State::kWaiting && PyInterpreterState_Get() == PyInterpreterState_Main()) {
    loadUnseen(true);
  }
  Py_RETURN_NONE;
}

PyObject* isWaiting(PyObject*, PyObject*) { return PyBool_FromLong(self.state == State::kWaiting); }

PyMethodDef kMethods[] = {
    {"wait", wait, METH_O,
     "Switch the JIT on once the process has used 50 ms of CPU time, and be in sys.modules as the "
     "spec says. False: the options are such that tephra._startup has to do it at once."},
    {"finish", finish, METH_NOARGS, "Switch it on now, if that waits."},
    {"is_waiting", isWaiting, METH_NOARGS, "Does it wait?"},
    {nullptr, nullptr, 0, nullptr}};

// site reads tephra.pth in each interpreter; but for the main one nothing is done there.
PyModuleDef_Slot kSlots[] = {{Py_mod_multiple_interpreters, Py_MOD_PER_INTERPRETER_GIL_SUPPORTED},
                             {0, nullptr}};

PyModuleDef kModule = {PyModuleDef_HEAD_INIT,
                       "tephra._boot",
                       "Switches the JIT on in time.",
                       0,
                       kMethods,
                       kSlots,
                       nullptr,
                       nullptr,
                       nullptr};

}  // namespace
}  // namespace tephra::boot

PyMODINIT_FUNC PyInit__boot(void) { return PyModuleDef_Init(&tephra::boot::kModule); }
