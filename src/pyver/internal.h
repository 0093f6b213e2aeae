// Purpose: what the files of src/pyver share among themselves: the seam between the parts common to
// all versions (src/pyver/*.cc) and what is a version's own: its folder v3_XX and the variants that
// it takes (CMakeLists.txt).
#pragma once

#include "pyver/contract.h"

namespace tephra::py {

// --- attr_cache.cc, versions.cc: see forgetObjects
void forgetAttributes(bool alive);
void forgetTypes(bool alive);

// --- layout.cc: what CPython hides, found out once, at the start (in a static's initialisation
// Python code could let another thread run into its guard). NULL, false: not found.
struct Hidden {
  ternaryfunc call_slot = nullptr;          // slot_tp_call of typeobject.c
  getattrofunc getattr_slot = nullptr;      // slot_tp_getattr_hook
  bool classmethod_function_first = false;  // is a classmethod's function its firstMember()?
};
const Hidden& hidden();
// The object pointer behind the head of an object.
inline PyObject* firstMember(PyObject* object) {
  return *reinterpret_cast<PyObject**>(reinterpret_cast<char*>(object) + sizeof(PyObject));
}

// --- layout.cc
const char* expectedVersion();  // as "3.14"
// May a build against these headers run on the running micro version?
bool microVersionsAgree();
void checkPrivateSymbols(std::vector<std::string>* problems);

// --- v3_XX/layout.cc, variants/exported_api/debug_offsets.cc
void fillVersionLayout(PyLayout* layout);
void checkVersionLayout(std::vector<std::string>* problems);

// --- frames.cc
PyObject* evalFrame(PyThreadState* ts, Frame* frame, int throwflag);
// --- the version's own (v3_XX or a variant)
void ownCodeAndFunction(Frame* frame);

// --- the version's own
PyObject** functionField(PyFunctionObject* func, int kind);  // of SET_FUNCTION_ATTRIBUTE's kind
// Since some release of 3.14, SET_FUNCTION_ATTRIBUTE renames a function's __annotate__ function.
void nameAnnotate(PyFunctionObject* func, PyObject* annotate);
PyObject* superLookup(PyTypeObject* type, PyObject* self, PyObject* name, int* method);
// superLookup for a self with the generic tp_getattro, remembered by its class.
PyObject* superMethod(PyTypeObject* cls, PyObject* self, PyObject* name, int* unbound);
int checkArgsIterable(PyThreadState* ts, PyObject* callable, PyObject* args);
// 1, or 0 with *value NULL, where there is no such attribute, or -1.
int lookUpAttribute(PyObject* object, PyObject* name, PyObject** value);

// The emptied data stack chunk that is kept for the next one that is needed, so that calls at a
// chunk's end map and unmap no memory: the interpreter's own where it keeps one for each thread
// (3.14.8; earlier releases of 3.14 do not, and give chunks back themselves), else one of ours.
template <typename ThreadState>
_PyStackChunk*& spareChunk(ThreadState* ts) {
  if constexpr (requires { ts->datastack_cached_chunk; }) {
    return ts->datastack_cached_chunk;
  } else {
    static _PyStackChunk* ours = nullptr;
    return ours;
  }
}

// A new reference to the frame object of `frame`, or NULL (exception state is kept either way).
PyFrameObject* frameObjectOf(PyThreadState* ts, Frame* frame);

// --- the version's own
// A byte of a frame object that no field uses (the compiler fills up to the next pointer): kKept
// there means that dropFrameObject leaves it. (Whatever else CPython's memory held may stand there,
// kKept, too.)
inline constexpr char kKept = static_cast<char>(0xA7);
char* spareByte(PyFrameObject* object);
// Is it as CPython made it, and has nobody seen the locals of its frame who could write them?
bool isUntouched(const PyFrameObject* object, const Frame* frame);
// --- frames.cc
// dropFrameObject leaves all frame objects that there are now.
void keepFrameObjects();

inline bool reportIf(std::vector<std::string>* problems, bool bad, const std::string& what) {
  if (bad) problems->push_back(what);
  return bad;
}

// Of an interned name in the keys that the instances of a heap type share; -1: it is not there.
int32_t keyIndex(PyTypeObject* type, PyObject* name);
// Is a module's entry of that name its attribute? It comes before the module's __getattr__, but
// behind what the class has.
bool isModulesOwn(PyTypeObject* type, PyObject* name);

// An entry of a code object's exception table, in code units.
struct ExceptionEntry {
  uint32_t start = 0, length = 0, target = 0, depth_lasti = 0;
};

// As long as `visit` gives true.
template <typename Visit>
void eachException(PyCodeObject* code, Visit visit) {
  const auto* p =
      reinterpret_cast<const unsigned char*>(PyBytes_AS_STRING(code->co_exceptiontable));
  const unsigned char* end = p + PyBytes_GET_SIZE(code->co_exceptiontable);
  auto varint = [&p] {
    uint32_t byte = *p++;
    uint32_t value = byte & 63;
    while (byte & 64) {
      byte = *p++;
      value = (value << 6) | (byte & 63);
    }
    return value;
  };
  while (p < end) {
    ExceptionEntry entry;
    entry.start = varint();
    entry.length = varint();
    entry.target = varint();
    entry.depth_lasti = varint();
    if (!visit(entry)) return;
  }
}

}  // namespace tephra::py
