// Calls that share their code run against a fake runtime: same results, exits and positions as
// without sharing, and 24 bytes a call.
#include <cstring>

#include "tests/unit/codegen/support.h"

namespace tephra::codegen_test {
namespace {

struct FakeObject {
  uint32_t refcnt = 1, upper = 0xABCD;
  uint64_t type = 0;
};
// Made for the test: the layout names where things are.
struct FakeFrame {
  uint64_t observed = 0;
  uint32_t position = 0, upper = 0x7777;
};
struct FakeThread {
  uint64_t breaker = 0;  // the version from bit 8 on
};

PyLayout fakeLayout() {
  PyLayout py = layout();
  py.eval_breaker_in_tstate = true;
  py.ts_eval_breaker = offsetof(FakeThread, breaker);
  py.frame_frame_obj = offsetof(FakeFrame, observed);
  return py;
}

constexpr int kSites = 20;

// What the helper finds and does at its n-th call.
struct Script {
  FakeObject objects[kSites];
  int fails = -1, observes = -1, changes = -1;  // at which call
  int calls = 0;
  uint64_t positions[kSites] = {}, arguments[kSites] = {};
  uint64_t misaligned = 0;
  int freed = 0;
  FakeFrame frame;
  FakeThread thread;
};
Script* script = nullptr;

struct Taken {
  uint32_t exit = 0;
  RegisterFile registers;
  uint64_t frame = 0;
  int count = 0;
} taken;

FakeObject* helper(uint64_t a, uint64_t b) {
  script->misaligned |= reinterpret_cast<uint64_t>(__builtin_frame_address(0)) & 15;
  int call = script->calls++;
  script->positions[call] = script->frame.position;
  script->arguments[call] = a * 100 + b;
  if (call == script->observes) script->frame.observed = 1;
  if (call == script->changes) script->thread.breaker = 5 << 8;
  return call == script->fails ? nullptr : &script->objects[call];
}
uint64_t takeExit(CodeMetadata*, uint32_t exit, RegisterFile* registers, void*, void* frame,
                  void*) {
  taken = {exit, *registers, reinterpret_cast<uint64_t>(frame), taken.count + 1};
  script->misaligned |= reinterpret_cast<uint64_t>(__builtin_frame_address(0)) & 15;
  return 0xE817;
}
void dealloc(FakeObject*) {
  ++script->freed;
  script->misaligned |= reinterpret_cast<uint64_t>(__builtin_frame_address(0)) & 15;
}
void* threadState() { return &script->thread; }

// Register numbers of the host.
int argument(int n) { return hostIsX86() ? (n == 0 ? 7 : 6) : n; }
int kept() { return hostIsX86() ? 12 : 20; }
std::string r(int number) { return "%" + std::to_string(number); }

std::string siteText(int number) {
  auto exitOf = [&](int k) { return ", exit=" + std::to_string(2 * number + k) + "}\n"; };
  return "  Store [frame + 8], " + std::to_string(1000 + number) + " {width=4}\n  " +
         r(argument(0)) + " = Move " + r(kept()) + "\n  %0 = Call " + r(argument(0)) +
         ", 4 {helper=binary_op}\n  ExitCmp %0, 0, " + r(kept()) + " {cond=eq, width=8" +
         exitOf(0) + "  ExitLook %0 {version=0" + exitOf(1) + "  Decref %0 {maybe_null=false}\n";
}

std::string program(int sites) {
  std::string text = std::string("fun t params=3 outgoing=0 saved=") +
                     (hostIsX86() ? "0x3008,0x0" : "0x380000,0x0") + " {\nbb0:\n  frame = Move " +
                     r(argument(1)) + "\n  " + r(kept()) + " = Move 42\n";
  for (int i = 0; i < sites; ++i) text += siteText(i);
  text += "  Return " + r(kept()) + "\n";
  const char* records[] = {"raise Raised", "deopt FrameObserved"};
  for (int i = 0; i < 2 * sites; ++i) {
    text += "exit " + std::to_string(i) + " {" + records[i % 2] +
            " line=1 frame(offset=1 raise=1 stack=[#0] locals=[]) drops=[]}\n";
  }
  return text + "}\n";
}

class SharedCallCode : public ::testing::TestWithParam<uint32_t> {
 protected:
  void SetUp() override {
    addresses.helpers.fill(addressOf(&helper));
    addresses.take_exit = addressOf(&takeExit);
    addresses.call_slow = addresses.call_uncompiled = addressOf(&takeExit);
    addresses.dealloc = addressOf(&dealloc);
    addresses.thread_state = addressOf(&threadState);
    unit.layout = &py;
    unit.total_args = 2;
    script = &current;
    taken = Taken();
  }
  void TearDown() override { EXPECT_EQ(current.misaligned, 0u); }
  void generate(int sites, uint32_t shared) {
    lir::Function function;
    ASSERT_TRUE(parseInto(program(sites), &function));
    GenerateOptions options;
    options.shared_calls = shared;
    Result<CompiledCode> result =
        generateCode(function, unit, hostTarget(), memory, addresses, options);
    ASSERT_TRUE(result) << result.bailout().detail;
    code = std::move(*result);
  }
  uint64_t run() {
    uint64_t args[] = {reinterpret_cast<uint64_t>(&current.frame), 0};
    return reinterpret_cast<uint64_t (*)(uint64_t, uint64_t*)>(code.entry(EntryKind::kArray))(0xF0,
                                                                                              args);
  }
  CodeMemory memory{
      CodeMemoryOptions{.reserve_bytes = size_t{16} << 20, .near = {addressOf(&helper)}}};
  RuntimeAddresses addresses;
  PyLayout py = fakeLayout();
  CodeUnit unit;
  CompiledCode code;
  Script current;
};
INSTANTIATE_TEST_SUITE_P(Sharing, SharedCallCode, ::testing::Values(0u, 1u));

TEST_P(SharedCallCode, EverySiteDoesItsOwn) {
  generate(kSites, GetParam());
  for (int i = 0; i < kSites; ++i)
    current.objects[i].refcnt = i % 3 == 0 ? 1 : i % 3 == 1 ? 2 : 0xC0000000;
  EXPECT_EQ(run(), 42u);
  ASSERT_EQ(current.calls, kSites);
  for (int i = 0; i < kSites; ++i) {
    EXPECT_EQ(current.positions[i], 1000u + static_cast<uint64_t>(i));
    EXPECT_EQ(current.arguments[i], 4204u);
    EXPECT_EQ(current.objects[i].refcnt, i % 3 == 0 ? 0u : i % 3 == 1 ? 1u : 0xC0000000u) << i;
    EXPECT_EQ(current.objects[i].upper, 0xABCDu);
  }
  EXPECT_EQ(current.freed, 7);
  EXPECT_EQ(current.frame.upper, 0x7777u);
  EXPECT_EQ(taken.count, 0);
}

TEST_P(SharedCallCode, EveryExitIsItsSites) {
  generate(kSites, GetParam());
  for (int at : {0, 1, kSites - 1}) {
    for (int kind = 0; kind < 3; ++kind) {
      current = Script();
      taken = Taken();
      (kind == 0 ? current.fails : kind == 1 ? current.observes : current.changes) = at;
      EXPECT_EQ(run(), 0xE817u);
      EXPECT_EQ(current.calls, at + 1);
      ASSERT_EQ(taken.count, 1);
      EXPECT_EQ(taken.frame, reinterpret_cast<uint64_t>(&current.frame));
      const ExitRecord& record = code.metadata->exits[taken.exit];
      EXPECT_EQ(record.reason, kind == 0 ? ExitReason::kRaised : ExitReason::kFrameObserved);
      EXPECT_EQ(taken.exit, static_cast<uint32_t>(2 * at + (kind != 0 ? 1 : 0)));
      EXPECT_EQ(current.frame.position, 1000u + static_cast<uint32_t>(at));
      EXPECT_EQ(taken.registers.gp[kept()], 42u);
      if (kind != 0) {
        EXPECT_EQ(taken.registers.gp[0], reinterpret_cast<uint64_t>(&current.objects[at]));
        EXPECT_EQ(current.objects[at].refcnt, 1u);  // the exit owns it
      }
    }
  }
}

TEST_P(SharedCallCode, AFurtherCallTakes24Bytes) {
  auto hotBytes = [&](int sites) {
    generate(sites, GetParam());
    return code.metadata->hot_bytes;
  };
  uint32_t each = (hotBytes(120) - hotBytes(20)) / 100;
  if (GetParam() == 0) {
    EXPECT_GT(each, 48u);
  } else {
    EXPECT_LE(each, 24u);
  }
}

}  // namespace
}  // namespace tephra::codegen_test
