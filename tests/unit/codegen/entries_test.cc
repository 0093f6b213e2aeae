// A function with several ways in, run by each of them: a call, a loop, a handler.
#include <gtest/gtest.h>

#include "regalloc/regalloc.h"
#include "support.h"

namespace tephra::codegen_test {
namespace {

uint64_t addressOf(auto* what) { return reinterpret_cast<uint64_t>(what); }

uint64_t twice(uint64_t a) {
  TEPHRA_TEST_DESTROY();
  return 2 * a;
}

// From `n` on as often as the frame's word at 80 says: n = 2 * n + the thread's word at 8.
constexpr const char* kText = R"(fun entries params=2 outgoing=0 {
bb0:
  Entries bb1, bb2, bb3
bb1:
  g1 = Param {index=0}
  g2 = Param {index=1}
  g11 = Load [g2 + 72] {width=8, sign=false}
  frame = Move g2
  Jump bb4(g11, 2)
bb2:
  g3 = Load [frame + 72] {width=8, sign=false}
  g12 = Load [frame + 80] {width=8, sign=false}
  Jump bb4(g3, g12)
bb3 cold:
  g4 = Load [frame + 88] {width=8, sign=false}
  Return g4
bb4(g5, g13) depth=1:
  BranchCmp g13, 0, bb6, bb5 {cond=eq, width=8, likely=2}
bb5 depth=1:
  g7 = Call g5 {helper=is_truthy}
  g8 = Load [thread + 8] {width=8, sign=false}
  g9 = Add g7, g8 {width=8}
  g14 = Sub g13, 1 {width=8}
  Jump bb4(g9, g14)
bb6:
  Return g5
entry 0 register @0
entry 1 loop @24
entry 2 handler @60
}
)";

TEST(Entries, EachOfThem) {
  for (bool spill : {false, true}) {
    lir::Function function;
    ASSERT_TRUE(parseInto(kText, &function));
    for (const std::string& problem : lir::verify(function)) ADD_FAILURE() << problem;
    regalloc::AllocationOptions options;
    options.spill_everything = spill;
    options.check = true;
    ASSERT_TRUE(regalloc::allocateRegisters(function, hostTarget(), options));
    CodeMemory memory{
        CodeMemoryOptions{.reserve_bytes = size_t{1} << 20, .near = {addressOf(&twice)}}};
    RuntimeAddresses addresses;
    addresses.helpers.fill(addressOf(&twice));
    addresses.take_exit = addresses.call_slow = addresses.thread_state = addressOf(&twice);
    CodeUnit unit;
    unit.layout = &layout();
    Result<CompiledCode> code = generateCode(function, unit, hostTarget(), memory, addresses);
    ASSERT_TRUE(code) << code.bailout().detail;
    uint64_t thread[2] = {0, 1};
    uint64_t frame[12] = {};
    frame[9] = 5;
    frame[10] = 3;
    frame[11] = 77;
    using Enter = uint64_t (*)(uint64_t*, uint64_t*);
    auto enter = [&](EntryKind kind, uint32_t offset) {
      void* entry = code->entry(kind, offset);
      return entry == nullptr ? 0 : reinterpret_cast<Enter>(entry)(thread, frame);
    };
    EXPECT_EQ(enter(EntryKind::kLoop, 24), 47u);  // 11, 23, 47
    EXPECT_EQ(enter(EntryKind::kHandler, 60), 77u);
    EXPECT_EQ(code->entry(EntryKind::kLoop, 25), nullptr);
    EXPECT_EQ(code->entry(EntryKind::kResume, 24), nullptr);
    EXPECT_NE(code->entry(EntryKind::kRegister), nullptr);
    EXPECT_NE(code->entry(EntryKind::kArray), code->entry(EntryKind::kVectorcall));
    memory.free(code->base);
  }
}

// What cannot be run here is emitted all the same.
TEST(Entries, OnBothTargets) {
  for (const Target* target : {&x86_64Target(), &aarch64Target()}) {
    lir::Function function;
    ASSERT_TRUE(parseInto(kText, &function));
    regalloc::AllocationOptions options;
    options.check = true;
    ASSERT_TRUE(regalloc::allocateRegisters(function, *target, options));
    CodeUnit unit;
    unit.layout = &layout();
    RuntimeAddresses addresses;
    addresses.helpers.fill(addressOf(&twice));
    addresses.take_exit = addresses.call_slow = addresses.thread_state = addressOf(&twice);
    Result<CodeMeasure> measure = measureCode(function, unit, *target, addresses);
    ASSERT_TRUE(measure) << target->name() << ": " << measure.bailout().detail;
    EXPECT_GT(measure->instructions, 30u);
  }
}

}  // namespace
}  // namespace tephra::codegen_test
