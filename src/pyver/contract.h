// Purpose: what each supported CPython version provides to the runtime and the driver, under one
// name: the layout, interpreter frames, the private API of the interpreter, the decoder.
// Invariant in: the GIL is held; the thread state given is the current one.
// Invariant out: object results are new references unless said otherwise; NULL or a negative int
// means that an exception is set. Operands are borrowed unless said otherwise.
#pragma once

#include "pyver/python.h"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <unordered_set>
#include <vector>

#include "base/result.h"
#include "metadata/helpers.h"
#include "pyver/common/unit.h"

namespace tephra::py {

using Frame = _PyInterpreterFrame;

// --- start-up ---------------------------------------------------------------------------------

// Fills the layout and makes what the functions below need. Call once in an interpreter's life, at
// import. False: an exception is set.
bool initialize();
// What is remembered of the interpreter's objects goes: references are given back if it is alive,
// and only forgotten if it is gone.
void forgetObjects(bool alive);
// PyUnstable_GC_VisitObjects, and the frozen objects (gc.freeze; the interpreter's own start-up
// does it, too), which that leaves out in some versions and tells of twice here in others.
void visitAllObjects(gcvisitobjects_t visit, void* argument);
const PyLayout& pyLayout();  // tls_stack_limit is the runtime's to fill: mutablePyLayout()
PyLayout& mutablePyLayout();
// Every offset, constant and private symbol relied on, compared with the running interpreter.
// Empty: all as expected. Runs a few lines of Python; leaves no exception set.
std::vector<std::string> selfTest();
// PyRun_String in these globals without its audit event "exec", which a hook may refuse. `start`
// is Py_eval_input or Py_file_input. New reference; null: an exception is set.
PyObject* evaluate(const char* source, int start, PyObject* globals);
// Why the JIT must stay off in this process (free-threaded build, subinterpreter, other version,
// another micro version than the headers', debug build mismatch); empty: it may run. Cheap.
std::string refusal();

// --- threads, periodic work, instrumentation ----------------------------------------------------

PyThreadState* threadState();
// Signals, pending calls, collection, GIL hand-over, asynchronous exceptions: as RESUME does.
int handlePending(PyThreadState* ts);
bool eventsPending(PyThreadState* ts);  // handlePending has something to do
bool isFinalizing();                    // Py_Finalize has begun to take the interpreter apart
// Any thread of the interpreter calls `call` where it serves events next. From any thread, without
// the GIL. False: too many calls are waiting.
bool addPendingCall(int (*call)(void*));
// The word that compiled code expects (CodeUnit::instrumentation_version), and the running value
// of the word that it compares. Equal for code that is not out of date.
uint64_t instrumentationVersion(PyCodeObject* code);
uint64_t currentInstrumentationVersion(PyThreadState* ts);
bool toolsActive(PyThreadState* ts);  // any global monitoring events, tracing or profiling
// Would the interpreter tell some tool of what this thread does in the code from now on? Events
// that a callback has disabled in all places are none. True also where the interpreter has to bring
// the code's bytecode up to date first, which it does when it enters it.
bool toolsConcern(PyThreadState* ts, PyCodeObject* code);
// What sys.monitoring calls for an event of a tool: borrowed, or null.
PyObject*& monitoringCallable(PyThreadState* ts, int tool, int event);
// The events of sys.monitoring that some tool has for this code alone, as bits.
uint32_t localEvents(PyCodeObject* code);
// The tools that watch the line which begins at `to` and which the interpreter, entered there, does
// not tell of it, since it takes the frame to have been there before; it comes from `from`. 0 where
// the interpreter tells them.
unsigned untoldOfLine(PyThreadState* ts, PyCodeObject* code, uint32_t from, uint32_t to, int* line);

// --- functions and code -------------------------------------------------------------------------

// Function versions. Installing our vectorcall clears the function's own version; the code's
// version must go too, or closures made later are bypassed at specialised sites.
// What a function that gets our vectorcall has and may get back; call it before that. `code`: the
// code's own version, which may be gone already.
uint32_t savedVersion(PyFunctionObject* func, uint32_t code);
uint32_t voidVersion();  // instead, when the function's code or defaults are replaced
void setVersion(PyFunctionObject* func, uint32_t version);
void killCodeVersion(PyCodeObject* code);
bool isCodeVersionKilled(PyCodeObject* code);  // or is so for want of versions
void setCodeVersion(PyCodeObject* code, uint32_t version);
uint32_t codeVersion(PyCodeObject* code);
vectorcallfunc interpreterVectorcall();  // _PyFunction_Vectorcall

struct Handler {
  uint32_t depth = 0;   // value stack entries to keep
  uint32_t target = 0;  // code units
  bool lasti = false;   // push the raising offset before the exception
};
bool findHandler(PyCodeObject* code, uint32_t offset, Handler* out);
// Where the first of the code's handlers begins, in code units; UINT32_MAX: there is none. CPython
// puts what runs only for exceptions behind everything else.
uint32_t firstHandler(PyCodeObject* code);

// --- frames

Frame* currentFrame(PyThreadState* ts);
void setCurrentFrame(PyThreadState* ts, Frame* frame);
// Raw data stack memory, with a new chunk where needed: nothing filled in. NULL: MemoryError.
Frame* allocateFrame(PyThreadState* ts, size_t words);
// PEP 523: does another tool evaluate frames (TorchDynamo, debuggers)?
bool hasForeignEvaluator(PyThreadState* ts);
// Allocates and fills a frame: strong references of code and function, locals NULL, stack empty,
// position = first traceable instruction, previous = the current frame. Not linked, recursion not
// counted. NULL: MemoryError.
Frame* pushFrame(PyThreadState* ts, PyFunctionObject* func, PyCodeObject* code);
// Gives the memory back; the frame must be the topmost of the data stack and hold nothing.
void popFrame(PyThreadState* ts, Frame* frame);
// Releases all that the (unlinked) frame holds exactly as the interpreter does when a function
// returns - handing the content over to the frame object if somebody else holds it - and pops it.
// An exception that is set stays set. Recursion is not counted.
void clearFrame(PyThreadState* ts, Frame* frame);
// Links a frame that pushFrame made and counts the recursion.
void enterFrame(PyThreadState* ts, Frame* frame);
// The whole leave: unlink, recursion count back, clearFrame.
void leaveFrame(PyThreadState* ts, Frame* frame);

// The frame itself or the nearest one outwards that runs Python code; null: there is none.
Frame* runningFrame(Frame* frame);
bool atEntry(Frame* frame);  // it runs its first instruction, where functions serve events
PyCodeObject* frameCode(Frame* frame);  // borrowed
// The same, null or no code object where the interpreter's own frames have something else: to be
// compared only.
PyCodeObject* rawCode(Frame* frame);
PyFunctionObject* frameFunction(Frame* frame);   // borrowed
PyObject* slotGet(Frame* frame, uint32_t slot);  // borrowed or NULL
bool slotOwned(Frame* frame, uint32_t slot);     // holds a reference that clearing would drop
void slotSetOwned(Frame* frame, uint32_t slot,
                  PyObject* value);  // steals; old content not released
void slotSetBorrowed(Frame* frame, uint32_t slot,
                     PyObject* value);  // takes no reference where it can
void slotSetReference(Frame* frame, uint32_t slot, PyObject* reference);  // slotReference's
void slotClear(Frame* frame, uint32_t slot);  // NULL, then releases what was owned
// Frame code and function become strong references (compiled frames may hold borrowed ones), and
// so do all slots: the frame can then outlive its caller's references.
void makeHeapSafe(Frame* frame);

// --- frames of all threads (not those of stacks that a library has switched away from)

// Every frame that runs one of `codes` gets a frame object: compiled code leaves it for the
// interpreter at its next look. `own`: it also holds its code and function from now on. False: out
// of memory (no exception is set).
bool observeFrames(const std::vector<PyCodeObject*>& codes, bool own);
// Nobody but the frame has its frame object, and nobody has changed anything through it: it goes,
// and compiled code may go on as if nobody had looked. False: it stays, or there is none.
bool dropFrameObject(Frame* frame);
// What it needs to know that: who looks at locals from now on (until then it drops nothing).
void watchFrameObjects();
void endFrameObjectWatch();
// The code objects of all frames.
std::unordered_set<const PyCodeObject*> runningCodes();
bool collecting();  // is the garbage collector at work?
// Is there a library that runs Python on stacks of its own (greenlet)? Then there may be frames
// that nobody finds.
bool stacksAreSwitched();

// Locals become what the interpreter itself would have stored (it compares whole slots with None,
// True and False): call before it continues a compiled frame.
void canonicaliseHomes(Frame* frame);

int stackDepth(Frame* frame);                   // entries above the locals
void pushStack(Frame* frame, PyObject* owned);  // NULL allowed
PyObject* popStack(Frame* frame);               // new reference or NULL
void dropStack(Frame* frame, int depth);        // releases down to `depth` entries
void pushLasti(Frame* frame, uint32_t offset);

// Position. setPosition: "executing the instruction at offset" (line numbers, tracebacks).
// setNextInstr: "resume at offset" for resumeInterpreter.
void setPosition(Frame* frame, PyCodeObject* code, uint32_t offset);
void setNextInstr(Frame* frame, PyCodeObject* code, uint32_t offset);
uint32_t framePosition(Frame* frame);

// Continue a linked frame in the interpreter, to its end. The frame is unlinked, its recursion
// count undone (the interpreter counts again), run, cleared and popped. Result: the function's.
// resumeInterpreter: at setNextInstr's position. interpretWithThrow: an exception is set, and the
// interpreter unwinds from setPosition's instruction (fires PY_THROW for tools).
PyObject* resumeInterpreter(PyThreadState* ts, Frame* frame);
PyObject* interpretWithThrow(PyThreadState* ts, Frame* frame);
// An exception is set: adds the traceback entry of the current frame at its position.
void addTraceback(PyThreadState* ts, Frame* frame);
// The linked frame has raised at `offset` with its stack as it was before the instruction:
// traceback (unless `reraise`), then the handler in the interpreter, or clear and NULL. Uses
// interpretWithThrow only while tools watch exceptions.
PyObject* raiseInFrame(PyThreadState* ts, Frame* frame, uint32_t offset, bool reraise);

int recursionRemaining(PyThreadState* ts);
// The address on the thread's native stack below which the interpreter refuses to run; 0 where it
// does not look (it counts).
uintptr_t nativeStackLimit(PyThreadState* ts);

// --- names

PyObject* loadGlobal(PyThreadState* ts, PyObject* globals, PyObject* builtins, PyObject* name);
int deleteGlobal(PyThreadState* ts, PyObject* globals, PyObject* name);
PyObject* loadBuildClass(PyThreadState* ts, PyObject* builtins);
void unboundLocalError(PyThreadState* ts, PyCodeObject* code, uint32_t slot);
void unboundDerefError(PyThreadState* ts, PyCodeObject* code, uint32_t slot);
void nameError(PyThreadState* ts, PyObject* name);
PyObject* importName(PyThreadState* ts, Frame* frame, PyObject* name, PyObject* fromlist,
                     PyObject* level);
PyObject* importFrom(PyThreadState* ts, PyObject* module, PyObject* name);

// --- attributes

// PyObject_GetAttr and PyObject_SetAttr, with a table of where plain attributes of classes are.
// `hook`, borrowed: where it is set, there is no such attribute, and this __getattr__ of the class,
// a Python function, is still to be called; else it is null.
PyObject* loadAttr(PyObject* object, PyObject* name, PyObject** hook);
int storeAttr(PyObject* object, PyObject* name, PyObject* value);
// The callable; *self = a new reference of object for an unbound method, else NULL.
PyObject* getMethod(PyObject* object, PyObject* name, PyObject** self, PyObject** hook);
// What PyObject_GetAttr does with an AttributeError (set_attribute_error_context of object.c).
void nameAttribute(PyObject* object, PyObject* name);
PyObject* loadSuperAttr(PyThreadState* ts, PyObject* super, PyObject* type, PyObject* self,
                        PyObject* name, bool two_arg);
PyObject* loadSuperMethod(PyThreadState* ts, PyObject* super, PyObject* type, PyObject* self,
                          PyObject* name, bool two_arg, PyObject** out_self);
PyObject* loadSpecial(PyThreadState* ts, PyObject* owner, int kind,
                      PyObject** self);                                          // LOAD_SPECIAL
PyObject* beforeWith(PyThreadState* ts, PyObject* manager, PyObject** entered);  // BEFORE_WITH
// First store of value `index` into an instance with live values. Steals value. Cannot fail.
void storeInlineValueFirst(PyObject* object, PyObject* value, uint32_t index, PyObject* name);

// --- containers

// Writes new references left to right: argcnt items; argcntafter >= 0: then the list, then those.
int unpackIterable(PyThreadState* ts, PyObject* sequence, int argcnt, int argcntafter,
                   PyObject** out);
int listExtend(PyThreadState* ts, PyObject* list, PyObject* iterable);
int setUpdate(PyObject* set, PyObject* iterable);
int dictUpdate(PyThreadState* ts, PyObject* dict, PyObject* mapping);
int dictMerge(PyThreadState* ts, PyObject* dict, PyObject* mapping, PyObject* callable);
void formatKwargsError(PyThreadState* ts, PyObject* callable, PyObject* kwargs);
// BUILD_TUPLE, garbage collector tracking included. Steals the items on success only.
PyObject* buildTuple(PyObject* const* items, Py_ssize_t count);
PyObject* binarySlice(PyObject* container, PyObject* start, PyObject* stop);
int storeSlice(PyObject* container, PyObject* start, PyObject* stop, PyObject* value);
PyObject* matchKeys(PyThreadState* ts, PyObject* subject, PyObject* keys);  // tuple or None
PyObject* matchClass(PyThreadState* ts, PyObject* subject, PyObject* type, PyObject* names,
                     int npos);

// --- strings

PyObject* formatValue(PyObject* value, PyObject* spec,
                      int conversion);                    // FORMAT_VALUE; spec may be NULL
PyObject* convertValue(PyObject* value, int conversion);  // CONVERT_VALUE
PyObject* formatSimple(PyObject* value);
PyObject* formatWithSpec(PyObject* value, PyObject* spec);
PyObject* buildString(PyObject* const* pieces, Py_ssize_t count);
PyObject* buildInterpolation(PyObject* value, PyObject* str, PyObject* spec, int conversion);
PyObject* buildTemplate(PyObject* strings, PyObject* interpolations);

// --- operators

PyObject* binaryOp(PyObject* left, PyObject* right, int kind);  // NB_*, in-place kinds too
PyObject* intrinsic1(PyThreadState* ts, PyObject* value, int kind);
PyObject* intrinsic2(PyThreadState* ts, PyObject* first, PyObject* second, int kind);

// --- functions and calls

PyObject* makeFunction(PyObject* code, PyObject* globals);
// kind: 1 defaults, 2 kwdefaults, 4 annotations, 8 closure, 16 __annotate__. Steals value.
void setFunctionAttribute(PyObject* function, PyObject* value, int kind);
void finishFunction(
    PyObject* function);  // func_version = co_version, as MAKE_FUNCTION does at its end
// Does a specialised call of the class with positional arguments, whose __init__ is `init`, enter
// that without C frames in between (CALL_ALLOC_AND_ENTER_INIT)? Else tp_call only borrows them.
bool entersInit(PyTypeObject* cls, PyFunctionObject* init);
// The Python function that calling an instance calls, with the instance before the arguments (the
// __call__ of a class written in Python), borrowed; null: something else happens.
PyFunctionObject* callOperator(PyObject* callable);
// CALL_FUNCTION_EX's `args` as a tuple, with its error messages.
PyObject* callArguments(PyThreadState* ts, PyObject* callable, PyObject* args);

// The arguments of one call, handed over: who gets them consumes the reference of each value that
// the caller does not lend, whether the call succeeds or not.
struct Arguments {
  PyObject** values = nullptr;  // positional ones, then those that kwnames names
  size_t positional = 0;
  PyObject* kwnames = nullptr;   // borrowed; NULL: none
  uint64_t lent = 0;             // bit k: value k stays the caller's, who keeps it alive
  bool room = false;             // values[-1] is a free word
  PyObject* callable = nullptr;  // what is called, if that is handed over, too

  size_t count() const {
    return positional + (kwnames == nullptr ? 0 : static_cast<size_t>(PyTuple_GET_SIZE(kwnames)));
  }
  bool isLent(size_t k) const { return k < kMaxLent && (lent >> k & 1) != 0; }
  // Puts self before the others, into the free word.
  void prepend(PyObject* self, bool self_lent) {
    *--values = self;
    lent = lent << 1 | (self_lent ? 1 : 0);
    ++positional;
    room = false;
  }
};
// Releases all that is not lent, in the order in which the interpreter drops a call's arguments. An
// exception that is set stays set.
void releaseArguments(const Arguments& args);
// Is the interpreter's own CALL instruction calling `callable` with these (borrowed) values?
bool isInterpretersCall(PyThreadState* ts, PyObject* callable, PyObject* const* values,
                        size_t count, bool keywords);
// If so, its value stack gives them up: `taken` gets the references, as below. Else false, and
// nothing has happened.
bool takeFromStack(PyThreadState* ts, PyObject* callable, PyObject* const* values, size_t count,
                   bool keywords, PyObject** taken);

// A reference as a slot of a frame holds it: tagged, where frames hold tagged references, if none
// is held. slotReference consumes `value` unless it is lent.
PyObject* slotReference(PyObject* value, bool lent);
PyObject* slotReferenceObject(PyObject* reference);  // borrowed
bool slotReferenceLent(PyObject* reference);
void slotReferenceDrop(PyObject* reference);

uint32_t parameterCount(const PyCodeObject* code);  // *args and **kwargs included
// Binds as the interpreter does, with its error messages: slots[0 .. total_args) get references as
// above. 0 or -1; the arguments are consumed in any case.
int bindArguments(PyThreadState* ts, PyFunctionObject* func, const Arguments& args,
                  PyObject** slots);
// The same for the usual calls, in two steps, of which the first does not touch the arguments.
// Usual: keywords that are the parameters' own names or certainly no parameter's, defaults that run
// no code when they are looked up.
inline constexpr uint32_t kQuickSlots = 16;
struct QuickBinding {
  PyObject* slots[kQuickSlots];
  uint32_t by_position = 0;     // arguments that go into the first slots
  int rest = -1;                // slot of *args; -1: there is none
  PyObject* kwargs = nullptr;   // **kwargs, for keywords without a slot
  uint8_t places[kQuickSlots];  // the slot of each keyword, or kInKwargs
  static constexpr uint8_t kInKwargs = 255;
};
// Everything but the arguments; false: nothing has happened.
bool bindQuickly(PyFunctionObject* func, size_t positional, PyObject* kwnames,
                 QuickBinding* binding);
// The arguments, as references of slots, which are consumed. False, with an exception set: no
// memory, and all is dropped.
bool fillQuickly(PyFunctionObject* func, PyObject** references, size_t positional,
                 PyObject* kwnames, QuickBinding* binding);
// The same for CALL_FUNCTION_EX, in one step: `slots` (kQuickSlots) get new references. `spare`:
// the only reference, which the caller gives up behind this: the callee may get the very object, as
// its *args or **kwargs. False: nothing has happened.
struct Unpacked {
  PyObject* self = nullptr;  // of a bound method; before the others
  PyObject* tuple = nullptr;
  PyObject* dict = nullptr;  // NULL: no keywords
  bool tuple_is_spare = false, dict_is_spare = false;
};
bool bindUnpacked(PyFunctionObject* func, const Unpacked& given, PyObject** slots);
// Runs a function with bound arguments (which it consumes) in the interpreter, or in what other
// tool evaluates frames. For functions whose code has locals of its own (CO_OPTIMIZED).
PyObject* interpretBound(PyThreadState* ts, PyFunctionObject* func, PyObject** slots,
                         uint32_t count);

// --- exceptions

// RAISE_VARARGS; both may be NULL (re-raise). Always leaves an exception set. True: it was a
// re-raise of the handled exception, which gets no new traceback entry.
bool doRaise(PyThreadState* ts, PyObject* exc, PyObject* cause);
PyObject* handledException(
    PyThreadState* ts);  // borrowed; NULL when none: what PUSH_EXC_INFO saves
void setHandledException(PyThreadState* ts, PyObject* exc);  // steals; NULL or None: none
int checkExceptType(PyThreadState* ts, PyObject* type);  // CHECK_EXC_MATCH's validation: 0 or -1
int exceptionGroupMatch(PyThreadState* ts, Frame* frame, PyObject* exc, PyObject* type,
                        PyObject** match, PyObject** rest);

// --- decoding

// The version of a class, which gets one if it has none; 0: there are no more.
uint32_t versionOf(PyTypeObject* type);
bool isVersionOfClass(uint32_t version);  // of one that lives, and has not changed since

// ObjectInfo::address values are borrowed: take references of all `objects` before anything else
// runs. seen: versions of classes that compiled code of the function has met; attribute sites let
// them through where they find the same as the class of the interpreter's cache.
// watchable: may an entry of globals, builtins or a module's dict be taken for a constant, as
// somebody will tell of its change? Null: none may.
using EntryQuestion = bool (*)(PyObject* dict, PyObject* name);
Result<std::unique_ptr<CodeUnit>> decode(PyFunctionObject* func,
                                         std::span<const uint32_t> seen = {},
                                         EntryQuestion watchable = nullptr);
// The dict of a module, or the dict itself; borrowed.
PyObject* dictOf(PyObject* holder);
ObjectInfo describeObject(PyObject* object);
// Canonical bytecode and feedback as text, or why not: for tephra._tephra.dump_bytecode(func).
std::string dumpBytecode(PyFunctionObject* func);

}  // namespace tephra::py
