// The stubs that push, unlink and pop the interpreter's frame, executed on the host: HIR of a whole
// function is compiled with the layout of each CPython version, over a fake thread state.
#include <algorithm>
#include <array>
#include <functional>

#include "regalloc/regalloc.h"
#include "tests/unit/codegen/support.h"
#include "tests/unit/lower/support.h"

namespace tephra::codegen_test {
namespace {

using Memory = std::array<uint64_t, 128>;

struct Called {
  std::string name;
  std::array<uint64_t, 4> arguments{};
};
std::vector<Called> calls;
uint64_t pushed_slowly = 0;  // what push_frame_slow returns
uint64_t left_by = UINT64_MAX;
uint64_t frame_at_exit = 0;
Memory* current_thread = nullptr;
std::function<void()> at_end;  // what a finaliser does
thread_local uint64_t stack_limit = 0;
uint64_t foreign_evaluator = 0;

uint64_t pushSlow(uint64_t thread, uint64_t function, uint64_t shape) {
  calls.push_back({"push_frame_slow", {thread, function, shape}});
  TEPHRA_TEST_DESTROY();
  return pushed_slowly;
}
uint64_t frameRefused(uint64_t function, uint64_t* args, uint64_t count) {
  calls.push_back({"frame_refused", {function, args[0], args[1], count}});
  return 0x5EF;
}
void leaveObserved(uint64_t thread, uint64_t frame, uint64_t unowned) {
  calls.push_back({"leave_observed_frame", {thread, frame, unowned}});
}
void endObject(uint64_t object) {
  calls.push_back({"dealloc", {object}});
  if (at_end) at_end();
}
uint64_t handlePending(uint64_t thread) {
  calls.push_back({"handle_pending", {thread}});
  TEPHRA_TEST_DESTROY();
  return 0;
}
uint64_t takeExit(CodeMetadata*, uint32_t exit, RegisterFile*, void*, uint64_t frame, void*) {
  left_by = exit;
  frame_at_exit = frame;
  return 0xE817;
}
void* threadState() { return current_thread; }

const char* const kText =
    "fun f {\nbb0:\n  v0:Object = LoadArg {index=0}\n  v1:Object = LoadArg {index=1}\n  PushFrame\n"
    "  v2:Object = TakeHome {slot=1}\n  Decref v2\n  Incref v0\n  StoreHome v0 {slot=1, old=0}\n"
    "  v3:State = FrameState {offset=4, raise_offset=4, nstack=0}\n  SetPosition {offset=4}\n";
const char* const kLook = "  GuardUnobserved v3\n";
const char* const kStay = "  Deopt v3 {reason=Stress}\n}\n";
const char* const kLeave = "  Incref v0\n  LeaveFrame aux[0, 2]\n  Return v0\n}\n";

class FrameStubs : public ::testing::TestWithParam<const PyLayout*> {
 protected:
  FrameStubs() : py(*GetParam()) {
    py.tls_stack_limit = static_cast<int64_t>(
        addressOf(&stack_limit) - reinterpret_cast<uint64_t>(__builtin_thread_pointer()));
    py.interp = addressOf(&foreign_evaluator) - 8;
    py.interp_eval_frame = 8;
    calls.clear();
    pushed_slowly = foreign_evaluator = stack_limit = 0;
    left_by = UINT64_MAX;
    at_end = nullptr;
    current_thread = &thread;
    at(thread, py.ts_py_recursion_remaining) = 10;
    at(thread, py.ts_datastack_top) = addressOf(&stack[10]);
    at(thread, py.ts_datastack_limit) = addressOf(&stack[0]) + sizeof stack;
    at(thread, py.ts_datastack_chunk) = addressOf(&stack[0]);
    at(thread, py.ts_interp) = addressOf(&interp);
    if (py.current_frame_in_cframe) at(thread, py.ts_cframe) = addressOf(&cframe);
    current() = 0xCA11;
    at(function, py.function_globals) = 0x6100;
    at(function, py.function_builtins) = 0xB100;
    // A pending event beside the version: not the guard's business.
    if (py.eval_breaker_in_tstate) at(thread, py.ts_eval_breaker) |= 0x301;
    at(interp, py.interp_monitoring_version) = 3;
    for (uint64_t& word : stack) word = 0xFEFEFEFEFEFEFEFE;
    first[0] = second[0] = 5;
    if (py.frame_owns_code_and_func) function[0] = code_object[0] = 7;
    addresses.helpers[static_cast<size_t>(Helper::push_frame_slow)] = addressOf(&pushSlow);
    addresses.helpers[static_cast<size_t>(Helper::frame_refused)] = addressOf(&frameRefused);
    addresses.helpers[static_cast<size_t>(Helper::leave_observed_frame)] =
        addressOf(&leaveObserved);
    addresses.helpers[static_cast<size_t>(Helper::handle_pending)] = addressOf(&handlePending);
    addresses.take_exit = addressOf(&takeExit);
    addresses.call_slow = addresses.call_uncompiled = addressOf(&frameRefused);
    addresses.dealloc = addressOf(&endObject);
    addresses.thread_state = addressOf(&threadState);
  }

  static uint64_t& at(Memory& memory, int32_t offset) {
    return *reinterpret_cast<uint64_t*>(reinterpret_cast<char*>(&memory) + offset);
  }
  uint64_t& current() {
    return py.current_frame_in_cframe ? at(cframe, 0) : at(thread, py.ts_current_frame);
  }
  int32_t recursion() { return static_cast<int32_t>(at(thread, py.ts_py_recursion_remaining)); }
  uint64_t tag() const { return py.frame_holds_stack_refs ? 1 : 0; }

  // The caller lends both arguments where a tag can say so, else it hands them over.
  uint64_t run(const std::string& end, const std::string& look = kLook) {
    CodeUnit unit = lower_test::fakeUnit(py, 2);
    unit.objects[unit.code_object].address = addressOf(&code_object);
    hir::Function source(&unit);
    hir::ParseError error{};
    EXPECT_TRUE(hir::parse(kText + look + end, &source, &error)) << error.message;
    auto lowered = lowerToLir(source, hostTarget());
    EXPECT_TRUE(lowered);
    auto allocated = regalloc::allocateRegisters(**lowered, hostTarget(), {});
    EXPECT_TRUE(allocated);
    auto compiled = generateCode(**lowered, unit, hostTarget(), memory, addresses);
    EXPECT_TRUE(compiled) << (compiled ? "" : compiled.bailout().detail);
    if (!compiled) return 0;
    frame_bytes = 8 * uint64_t{unit.frame_size};
    bytecode = unit.bytecode;
    code = std::move(*compiled);
    uint64_t arguments[] = {addressOf(&first) | tag(), addressOf(&second) | tag()};
    return reinterpret_cast<uint64_t (*)(void*, uint64_t*)>(code.entry(EntryKind::kArray))(
        &function, arguments);
  }

  PyLayout py;
  CodeMemory memory{
      CodeMemoryOptions{.reserve_bytes = size_t{16} << 20, .near = {addressOf(&pushSlow)}}};
  RuntimeAddresses addresses;
  CompiledCode code;
  uint64_t frame_bytes = 0, bytecode = 0;
  Memory thread{}, cframe{}, interp{}, function{}, code_object{}, stack{}, first{}, second{};
};

TEST_P(FrameStubs, Contents) {
  EXPECT_EQ(run(kStay), 0xE817u);
  const uint64_t frame = addressOf(&stack[10]);
  EXPECT_NE(left_by, UINT64_MAX);
  EXPECT_EQ(frame_at_exit, frame);
  EXPECT_EQ(current(), frame);
  EXPECT_EQ(recursion(), 9);
  EXPECT_EQ(at(thread, py.ts_datastack_top), frame + frame_bytes);
  auto field = [&](int32_t offset) {
    return *reinterpret_cast<uint64_t*>(frame + static_cast<uint64_t>(offset));
  };
  EXPECT_EQ(field(py.frame_code), addressOf(&code_object) | tag());
  EXPECT_EQ(field(py.frame_func), addressOf(&function) | tag());
  EXPECT_EQ(code_object[0], py.frame_owns_code_and_func ? 8u : 0u);
  EXPECT_EQ(function[0], py.frame_owns_code_and_func ? 8u : 0u);
  EXPECT_EQ(field(py.frame_previous), 0xCA11u);
  EXPECT_EQ(field(py.frame_globals), 0x6100u);
  EXPECT_EQ(field(py.frame_builtins), 0xB100u);
  EXPECT_EQ(field(py.frame_locals), 0u);
  EXPECT_EQ(field(py.frame_frame_obj), 0u);
  EXPECT_EQ(field(py.frame_instr), bytecode + 8);
  if (py.stack_pointer_is_pointer) {
    EXPECT_EQ(field(py.frame_stack), frame + static_cast<uint64_t>(py.frame_localsplus) + 8 * 4);
    EXPECT_EQ(static_cast<uint32_t>(field(py.frame_return_offset)), 0u);
  } else {
    EXPECT_EQ(field(py.frame_stack), 4u);  // stacktop, return_offset and owner
  }
  EXPECT_EQ(field(py.frame_localsplus), addressOf(&first) | tag());  // as it was passed
  EXPECT_EQ(field(py.frame_localsplus + 8), addressOf(&first));      // written: owns
  EXPECT_EQ(field(py.frame_localsplus + 16), tag());                 // NULL
  EXPECT_EQ(first[0], 6u);
  EXPECT_EQ(second[0], tag() ? 5u : 4u);
  EXPECT_TRUE(calls.empty());
}

TEST_P(FrameStubs, LeavingUndoesAll) {
  EXPECT_EQ(run(kLeave), addressOf(&first));
  EXPECT_EQ(current(), 0xCA11u);
  EXPECT_EQ(recursion(), 10);
  EXPECT_EQ(at(thread, py.ts_datastack_top), addressOf(&stack[10]));
  EXPECT_EQ(code_object[0], py.frame_owns_code_and_func ? 7u : 0u);
  EXPECT_EQ(function[0], py.frame_owns_code_and_func ? 7u : 0u);
  // One more than the caller has for the result; what was handed over is gone.
  EXPECT_EQ(first[0], tag() ? 6u : 5u);
  EXPECT_EQ(second[0], tag() ? 5u : 4u);
  EXPECT_TRUE(calls.empty());
}

TEST_P(FrameStubs, TheLastReferenceOfTheFrame) {
  if (!py.frame_owns_code_and_func) GTEST_SKIP() << "the frame owns neither";
  function[0] = code_object[0] = 0;  // all others are released during the call
  EXPECT_EQ(run(kLeave), addressOf(&first));
  ASSERT_EQ(calls.size(), 2u);
  EXPECT_EQ(calls[0].arguments[0], addressOf(&function));
  EXPECT_EQ(calls[1].arguments[0], addressOf(&code_object));
  EXPECT_EQ(at(thread, py.ts_datastack_top), addressOf(&stack[10]));
}

TEST_P(FrameStubs, FirstOfItsChunk) {
  at(thread, py.ts_datastack_chunk) = addressOf(&stack[10]) - 24;
  EXPECT_EQ(run(kLeave), addressOf(&first));
  ASSERT_EQ(calls.size(), 1u);
  EXPECT_EQ(calls[0].name, "leave_observed_frame");
  EXPECT_EQ(calls[0].arguments[0], addressOf(&thread));
  EXPECT_EQ(calls[0].arguments[1], addressOf(&stack[10]));
  EXPECT_EQ(calls[0].arguments[2], 0b1100u);
  EXPECT_EQ(recursion(), 9);  // that helper does all of it
}

// locals() leaves a dict in 3.12's frames without making a frame object: the runtime releases it.
TEST_P(FrameStubs, ADictOfLocals) {
  second[0] = tag() ? 0 : 1;  // it ends
  at_end = [&] {
    const uint64_t frame = addressOf(&stack[10]) + static_cast<uint64_t>(py.frame_locals);
    *reinterpret_cast<uint64_t*>(frame) = 0xD1C7;
  };
  EXPECT_EQ(run(kLeave), addressOf(&first));
  EXPECT_EQ(left_by, UINT64_MAX);  // a look behind a call is for others
  const auto left = std::count_if(calls.begin(), calls.end(), [](const Called& call) {
    return call.name == "leave_observed_frame";
  });
  EXPECT_EQ(left, py.frame_keeps_locals ? 1 : 0);
}

// What the object that ends before it has done is seen by each kind of look, and nothing else is.
TEST_P(FrameStubs, Looks) {
  struct Kind {
    const char* text;
    bool frame, pending;  // does it look for that?
  };
  const Kind kinds[] = {{kLook, true, false},
                        {"  CheckPeriodic v3 {behind_call=false}\n", false, true},
                        {"  CheckPeriodic v3 {behind_call=true}\n", true, true}};
  const bool one_word = py.eval_breaker_in_tstate;
  auto events = [&](uint64_t bits) -> void {
    uint64_t& word = one_word ? at(thread, py.ts_eval_breaker) : at(interp, py.interp_eval_breaker);
    word = one_word ? (word & ~uint64_t{0xFF}) | bits : bits;
  };
  for (const Kind& kind : kinds) {
    for (const char* what : {"nothing", "frame", "version", "events"}) {
      SCOPED_TRACE(std::string(kind.text) + what);
      const std::string news = what;
      events(0);
      if (one_word) at(thread, py.ts_eval_breaker) = 0x300;
      at(interp, py.interp_monitoring_version) = 3;
      at(thread, py.ts_datastack_top) = addressOf(&stack[10]);
      at(thread, py.ts_py_recursion_remaining) = 10;
      current() = 0xCA11;
      if (py.frame_owns_code_and_func) function[0] = code_object[0] = 7;
      first[0] = 5;
      second[0] = tag() ? 0 : 1;  // it ends, whoever held it
      calls.clear();
      left_by = UINT64_MAX;
      at_end = [&] {
        const uint64_t frame = addressOf(&stack[10]) + static_cast<uint64_t>(py.frame_frame_obj);
        if (news == "frame") *reinterpret_cast<uint64_t*>(frame) = 0xF0;
        if (news == "version" && one_word) at(thread, py.ts_eval_breaker) = 0x400;
        if (news == "version") at(interp, py.interp_monitoring_version) = 4;
        if (news == "events") events(1);
      };
      run(kLeave, kind.text);
      const bool leaves = news == "version" || (news == "frame" && kind.frame);
      EXPECT_EQ(left_by != UINT64_MAX, leaves);
      const bool serves = kind.pending && (leaves || news == "events");
      const auto served = std::count_if(calls.begin(), calls.end(), [](const Called& call) {
        return call.name == "handle_pending";
      });
      EXPECT_EQ(served, serves ? 1 : 0);
      if (!leaves) continue;
      EXPECT_TRUE(code.metadata->exits[left_by].looks);
      EXPECT_NE(code.metadata->exits[left_by].resume, 0u);
    }
  }
}

// What the stub leaves to the runtime: each time all arguments arrive, and nothing has happened.
TEST_P(FrameStubs, Refused) {
  const std::pair<const char*, std::function<void()>> reasons[] = {
      {"another evaluator", [this] { foreign_evaluator = 1; }},
      {"little native stack", [] { stack_limit = UINT64_MAX; }},
      {"recursion", [this] { at(thread, py.ts_py_recursion_remaining) = 0; }},
      {"a full chunk",
       [this] {
         at(thread, py.ts_datastack_limit) =
             at(thread, py.ts_datastack_top) + 8 * lower_test::fakeUnit(py, 2).frame_size;
       }},
  };
  for (const auto& [name, arrange] : reasons) {
    SCOPED_TRACE(name);
    calls.clear();
    foreign_evaluator = stack_limit = 0;
    at(thread, py.ts_py_recursion_remaining) = 10;
    at(thread, py.ts_datastack_limit) = addressOf(&stack[0]) + sizeof stack;
    arrange();
    const int32_t before = recursion();
    EXPECT_EQ(run(kStay), 0x5EFu);
    ASSERT_EQ(calls.size(), 2u);
    EXPECT_EQ(calls[0].name, "push_frame_slow");
    EXPECT_EQ(calls[0].arguments[0], addressOf(&thread));
    EXPECT_EQ(calls[0].arguments[1], addressOf(&function));
    EXPECT_EQ(reinterpret_cast<FrameShape*>(calls[0].arguments[2])->bytes, frame_bytes);
    EXPECT_EQ(calls[1].name, "frame_refused");
    EXPECT_EQ(calls[1].arguments,
              (std::array<uint64_t, 4>{addressOf(&function), addressOf(&first) | tag(),
                                       addressOf(&second) | tag(), 2}));
    EXPECT_EQ(recursion(), before);
    EXPECT_EQ(current(), 0xCA11u);
    EXPECT_EQ(at(thread, py.ts_datastack_top), addressOf(&stack[10]));
  }
}

// Memory that the runtime has found is filled as the stub's own.
TEST_P(FrameStubs, PushedByTheRuntime) {
  at(thread, py.ts_datastack_limit) = at(thread, py.ts_datastack_top);
  pushed_slowly = addressOf(&stack[40]);
  EXPECT_EQ(run(kStay), 0xE817u);
  EXPECT_EQ(frame_at_exit, addressOf(&stack[40]));
  EXPECT_EQ(current(), addressOf(&stack[40]));
  EXPECT_EQ(stack[40 + static_cast<size_t>(py.frame_func) / 8], addressOf(&function) | tag());
  EXPECT_EQ(stack[40 + static_cast<size_t>(py.frame_localsplus) / 8], addressOf(&first) | tag());
  EXPECT_EQ(calls.size(), 1u);
}

INSTANTIATE_TEST_SUITE_P(Versions, FrameStubs,
                         ::testing::Values(&lower_test::layout312(), &lower_test::layout314()),
                         [](const auto& info) {
                           return std::string(info.param->version) == "3.12" ? "v312" : "v314";
                         });

}  // namespace
}  // namespace tephra::codegen_test
