// Allocated LIR is generated for the host and run against a fake runtime.
#include <cmath>
#include <cstring>
#include <limits>

#include "tests/unit/codegen/support.h"

namespace tephra::codegen_test {
namespace {

// --- the fake runtime

struct FakeObject {
  uint32_t refcnt = 1, upper = 0xABCD;
  uint64_t type = 0;
};

struct Taken {
  CodeMetadata* metadata = nullptr;
  uint32_t exit = 0;
  RegisterFile registers;
  uint64_t native_fp = 0, frame = 0, thread = 0;
  uint64_t stack_values[4] = {};
  int count = 0;
};
Taken taken;
std::vector<uint64_t> record;
uint64_t misaligned = 0;

// Every fake function checks the stack alignment and destroys all that C code may destroy.
#define TEPHRA_TEST_CLOBBER()                                                  \
  do {                                                                         \
    misaligned |= reinterpret_cast<uint64_t>(__builtin_frame_address(0)) & 15; \
    TEPHRA_TEST_DESTROY();                                                     \
  } while (0)

uint64_t takeExit(CodeMetadata* metadata, uint32_t exit, RegisterFile* registers, void* fp,
                  void* frame, void* thread) {
  taken.metadata = metadata;
  taken.exit = exit;
  taken.registers = *registers;
  taken.native_fp = reinterpret_cast<uint64_t>(fp);
  taken.frame = reinterpret_cast<uint64_t>(frame);
  taken.thread = reinterpret_cast<uint64_t>(thread);
  std::memcpy(taken.stack_values, static_cast<char*>(fp) - 32, 32);
  ++taken.count;
  TEPHRA_TEST_CLOBBER();
  return 0xE817;
}

uint64_t callSlow(uint64_t function, uint64_t* args, uint64_t nargsf, uint64_t kwnames) {
  record = {function, reinterpret_cast<uint64_t>(args), nargsf, kwnames};
  return 0x510;
}

uint64_t callUncompiled(uint64_t function, uint64_t* args, uint64_t nargs) {
  record = {function, nargs};
  for (uint64_t i = 0; i < nargs; ++i) record.push_back(args[i]);
  misaligned |= reinterpret_cast<uint64_t>(__builtin_frame_address(0)) & 15;
  return 77;
}

void dealloc(FakeObject* object) {
  record.push_back(reinterpret_cast<uint64_t>(object));
  TEPHRA_TEST_CLOBBER();
}

int fake_thread;
thread_local uint64_t fake_thread_word = 0x7171, fake_limit = 0;
void* threadState() {
  TEPHRA_TEST_CLOBBER();
  return &fake_thread;
}
void initLimit() {
  fake_limit = 4096;
  TEPHRA_TEST_CLOBBER();
}

uint64_t helper(uint64_t a, uint64_t b, uint64_t c, uint64_t d, uint64_t e, uint64_t f, uint64_t g,
                uint64_t h, uint64_t i) {
  record = {a, b, c, d, e, f, g, h, i};
  TEPHRA_TEST_CLOBBER();
  return 1000;
}
double helperF(double x, uint64_t a, double y) { return x * 100 + static_cast<double>(a) * 10 + y; }

int64_t tlsOffset(const void* variable) {
  return static_cast<int64_t>(reinterpret_cast<uint64_t>(variable) -
                              reinterpret_cast<uint64_t>(__builtin_thread_pointer()));
}

// --- the fixture

class Execute : public ::testing::Test {
 protected:
  void SetUp() override {
    addresses.helpers.fill(addressOf(&helper));
    addresses.helpers[1] = addressOf(&helperF);
    addresses.take_exit = addressOf(&takeExit);
    addresses.call_slow = addressOf(&callSlow);
    addresses.call_uncompiled = addressOf(&callUncompiled);
    addresses.dealloc = addressOf(&dealloc);
    addresses.thread_state = addressOf(&threadState);
    unit.layout = &layout();
    taken = Taken();
    record.clear();
    misaligned = 0;
  }
  void TearDown() override { EXPECT_EQ(misaligned, 0u); }

  void generate(const std::string& text) {
    lir::Function function;
    ASSERT_TRUE(parseInto(forHost(text), &function));
    Result<CompiledCode> result = generateCode(function, unit, hostTarget(), memory, addresses);
    ASSERT_TRUE(result) << result.bailout().detail;
    code = std::move(*result);
  }
  template <typename... Args>
  uint64_t call(Args... args) {
    if (code.entry(EntryKind::kRegister) == nullptr) return 0;
    return reinterpret_cast<uint64_t (*)(uint64_t, Args...)>(code.entry(EntryKind::kRegister))(
        0xF0, args...);
  }
  // Body text "…" with parameters in rsi, rdx, … and the result in rax (see forHost()).
  uint64_t run(const std::string& body, uint64_t a = 0, uint64_t b = 0, uint64_t c = 0) {
    generate(wrap("bb0:\n" + body, "params=4 outgoing=4 slots=4 saved=0x3008,0x0", 3));
    return call(a, b, c);
  }
  uint64_t runArray(uint64_t* args) {
    return reinterpret_cast<uint64_t (*)(uint64_t, uint64_t*)>(code.entry(EntryKind::kArray))(0xF0,
                                                                                              args);
  }

  CodeMemory memory{
      CodeMemoryOptions{.reserve_bytes = size_t{16} << 20, .near = {addressOf(&helper)}}};
  RuntimeAddresses addresses;
  CodeUnit unit;
  CompiledCode code;
};

uint64_t bitsOf(double value) { return std::bit_cast<uint64_t>(value); }

// --- arithmetic

TEST_F(Execute, Integers) {
  EXPECT_EQ(run("  %0 = Add %6, %2 {width=8}\n  Return %0\n", 40, 2), 42u);
  EXPECT_EQ(run("  %0 = Add %6, 1 {width=4}\n  Return %0\n", 0xFFFFFFFF), 0u);
  EXPECT_EQ(run("  %2 = Sub %6, %2 {width=8}\n  Return %2\n", 40, 2), 38u);
  EXPECT_EQ(run("  %0 = Sub %6, 7 {width=8}\n  Return %0\n", 5), static_cast<uint64_t>(-2));
  EXPECT_EQ(run("  %0 = Mul %6, -3 {width=8}\n  Return %0\n", 5), static_cast<uint64_t>(-15));
  EXPECT_EQ(run("  %0 = And %6, 15 {width=8}\n  Return %0\n", 0x123F), 15u);
  EXPECT_EQ(run("  %1 = Shl %6, %1 {width=8}\n  Return %1\n", 3, 0, 5), 96u);
  EXPECT_EQ(run("  %0 = Sar %6, 2 {width=8}\n  Return %0\n", static_cast<uint64_t>(-9)),
            static_cast<uint64_t>(-3));
  EXPECT_EQ(run("  %0 = Shr %6, 4 {width=4}\n  Return %0\n", 0xFFFFFFFF), 0x0FFFFFFFu);
  EXPECT_EQ(run("  %0 = Neg %6 {width=8}\n  Return %0\n", 5), static_cast<uint64_t>(-5));
  EXPECT_EQ(run("  %0 = NegIf %6, %1 {bit=1}\n  Return %0\n", 5, 0, 2), static_cast<uint64_t>(-5));
  EXPECT_EQ(run("  %0 = NegIf %6, %1 {bit=1}\n  Return %0\n", 5, 0, 9), 5u);
  EXPECT_EQ(run("  %6 = NegIf %6, %6 {bit=63}\n  Return %6\n", static_cast<uint64_t>(-7)), 7u);
  EXPECT_EQ(
      run("  %0 = Move %6\n  %8 = Move %2\n  %0, %2 = DivRem %0, %8\n  %0 = Mul %0, 100 {width=8}\n"
          "  %0 = Add %0, %2 {width=8}\n  Return %0\n",
          static_cast<uint64_t>(-17), 5),
      static_cast<uint64_t>(-302));
  EXPECT_EQ(run("  %0 = Select %1, %6, %2\n  Return %0\n", 1, 2, 3), 1u);
  EXPECT_EQ(run("  %6 = Select %1, %6, %2\n  Return %6\n", 1, 2, 0), 2u);
}

TEST_F(Execute, ComparisonsOfIntegers) {
  struct {
    const char* cond;
    bool less, equal, greater;
  } rows[] = {{"eq", false, true, false}, {"ne", true, false, true},  {"lt", true, false, false},
              {"le", true, true, false},  {"gt", false, false, true}, {"ge", false, true, true}};
  for (auto& row : rows) {
    std::string body =
        std::string("  %0 = SetCmp %6, %2 {cond=") + row.cond + ", width=8}\n  Return %0\n";
    auto minus = static_cast<uint64_t>(-1);
    EXPECT_EQ(run(body, minus, 1), row.less) << row.cond;
    EXPECT_EQ(run(body, 5, 5), row.equal) << row.cond;
    EXPECT_EQ(run(body, 1, minus), row.greater) << row.cond;
    std::string branch = std::string("  BranchCmp %6, %2, bb1, bb2 {cond=") + row.cond +
                         ", width=8, likely=0}\nbb1:\n  %0 = Move 1\n  Return %0\nbb2:\n  %0 = "
                         "Move 0\n  Return %0\n";
    EXPECT_EQ(run(branch, minus, 1), row.less) << row.cond;
    EXPECT_EQ(run(branch, 5, 5), row.equal) << row.cond;
    EXPECT_EQ(run(branch, 1, minus), row.greater) << row.cond;
  }
  EXPECT_EQ(
      run("  %0 = SetCmp %6, 1 {cond=ult, width=8}\n  Return %0\n", static_cast<uint64_t>(-1)), 0u);
}

// The arguments as doubles.
constexpr const char* kTwoDoubles =
    "  slot0 = Move %6\n  %f1 = MoveF fslot0\n  slot1 = Move %2\n  %f2 = MoveF fslot1\n";

TEST_F(Execute, ComparisonsOfDoublesWithNaN) {
  double nan = std::numeric_limits<double>::quiet_NaN();
  struct {
    const char* cond;
    bool less, equal, greater, unordered;
  } rows[] = {{"eq", false, true, false, false}, {"ne", true, false, true, true},
              {"lt", true, false, false, false}, {"le", true, true, false, false},
              {"gt", false, false, true, false}, {"ge", false, true, true, false}};
  for (auto& row : rows) {
    std::string get = kTwoDoubles, cond = row.cond;
    std::string ends = "bb1:\n  %0 = Move 1\n  Return %0\nbb2:\n  %0 = Move 0\n  Return %0\n";
    std::string forms[] = {
        get + "  %0 = SetCmpF %f1, %f2 {cond=" + cond + "}\n  Return %0\n",
        get + "  BranchCmpF %f1, %f2, bb1, bb2 {cond=" + cond + ", likely=1}\n" + ends,
        get + "  BranchCmpF %f1, %f2, bb1, bb2 {cond=" + cond + ", likely=2}\n" + ends,
        get + "  ExitCmpF %f1, %f2 {cond=" + cond + ", exit=0}\n  %0 = Move 0\n  Return %0\n"};
    for (const std::string& form : forms) {
      auto holds = [&](double a, double b) { return run(form, bitsOf(a), bitsOf(b)) != 0; };
      EXPECT_EQ(holds(1, 2), row.less) << form;
      EXPECT_EQ(holds(2, 2), row.equal) << form;
      EXPECT_EQ(holds(0.0, -0.0), row.equal) << form;
      EXPECT_EQ(holds(3, 2), row.greater) << form;
      EXPECT_EQ(holds(nan, 2), row.unordered) << form;
      EXPECT_EQ(holds(2, nan), row.unordered) << form;
    }
  }
}

TEST_F(Execute, Doubles) {
  std::string get = kTwoDoubles;
  auto result = [&](const std::string& op, double a, double b) {
    return std::bit_cast<double>(
        run(get + op + "  %0 = FpToGp %f0\n  Return %0\n", bitsOf(a), bitsOf(b)));
  };
  EXPECT_EQ(result("  %f0 = AddF %f1, %f2\n", 1.5, 2), 3.5);
  EXPECT_EQ(result("  %f0 = SubF %f1, %f2\n", 1.5, 2), -0.5);
  EXPECT_EQ(result("  %f2 = SubF %f1, %f2\n  %f0 = MoveF %f2\n", 1.5, 2), -0.5);
  EXPECT_EQ(result("  %f0 = MulF %f1, %f2\n", 1.5, 2), 3);
  EXPECT_EQ(result("  %f0 = DivF %f1, %f2\n", 1.5, 2), 0.75);
  EXPECT_TRUE(std::signbit(result("  %f0 = NegF %f1\n", 0.0, 2)));
  EXPECT_EQ(result("  %f3 = MoveConstF {value=2.5}\n  %f0 = MulF %f3, %f1\n", 4, 0), 10);
  EXPECT_EQ(result("  fslot1 = MoveF %f1\n  fslot2 = MoveF fslot1\n  %f0 = MoveF fslot2\n", 4, 0),
            4);
  EXPECT_EQ(result("  %8 = Move -7\n  %f0 = IntToF %8\n", 4, 0), -7);
}

TEST_F(Execute, ConstantsOfAllSizes) {
  uint64_t near = addressOf(&helper);  // x86-64 makes it by lea: the code lies within its reach
  for (uint64_t value :
       {uint64_t{0}, uint64_t{1}, ~uint64_t{0}, uint64_t{0xFFFFFFFF}, uint64_t{1} << 40, near}) {
    for (const char* reg : {"%0", "%9", "%13"}) {
      std::string text = std::to_string(static_cast<int64_t>(value));
      EXPECT_EQ(run("  " + std::string(reg) + " = Move " + text + "\n  Return " + reg + "\n"),
                value);
    }
  }
}

TEST_F(Execute, MovesKeepScratchRegisters) {
  // A slot-to-slot move in the middle of a parallel move that holds a value in r11 and xmm15.
  EXPECT_EQ(run("  %11 = Move %6\n  slot2 = Move %2\n  %f15 = MoveF fslot2\n"
                "  slot0 = Move 81985529216486895\n  slot3 = Move slot0\n"
                "  fslot1 = MoveF fslot3\n  %0 = Move slot1\n  %8 = FpToGp %f15\n  %0 = Sub %0, "
                "%11 {width=8}\n"
                "  %0 = Sub %0, %8 {width=8}\n  Return %0\n",
                5, 6),
            81985529216486895u - 11);
}

TEST_F(Execute, Memory) {
  struct {
    int8_t a = -1;
    uint8_t b = 200;
    int16_t c = -3;
    int32_t d = -4;
    uint64_t e = 5;
    double f = 1.25;
  } data;
  auto at = reinterpret_cast<uint64_t>(&data);
  EXPECT_EQ(run("  %0 = Load [%6] {width=1, sign=true}\n  Return %0\n", at),
            static_cast<uint64_t>(-1));
  EXPECT_EQ(run("  %0 = Load [%6 + 1] {width=1, sign=false}\n  Return %0\n", at), 200u);
  EXPECT_EQ(run("  %0 = Load [%6 + 2] {width=2, sign=true}\n  Return %0\n", at),
            static_cast<uint64_t>(-3));
  EXPECT_EQ(run("  %0 = Load [%6 + 4] {width=4, sign=false}\n  Return %0\n", at), 0xFFFFFFFCu);
  EXPECT_EQ(run("  %0 = Load [%6 + %2*4] {width=4, sign=true}\n  Return %0\n", at, 1),
            static_cast<uint64_t>(-4));
  run("  AddMem [%6 + 8], 10 {width=8}\n  Store [%6 + 2], -9 {width=2}\n  %f0 = LoadF [%6 + 16]\n"
      "  %f0 = AddF %f0, %f0\n  StoreF [%6 + 16], %f0\n  Return %6\n",
      at);
  EXPECT_EQ(data.e, 15u);
  EXPECT_EQ(data.c, -9);
  EXPECT_EQ(data.f, 2.5);
  EXPECT_EQ(run("  StoreOut %6 {index=2}\n  %8 = LeaOut {index=0}\n  %0 = Load [%8 + 16] {width=8, "
                "sign=false}\n"
                "  %9 = LoadOut {index=2}\n  %0 = Add %0, %9 {width=8}\n  Return %0\n",
                21),
            42u);
}

TEST_F(Execute, LoopsAndShortAndLongJumps) {
  std::string filler;
  for (int i = 0; i < 60; ++i) filler += "  Store [%7], %8 {width=8}\n";
  for (const std::string& extra : {std::string(), filler}) {
    generate(
        wrap("bb0:\n  %7 = LeaOut {index=0}\n  %0 = Move 0\n  %8 = Move 0\n  Jump bb1\n"
             "bb1 depth=1:\n  BranchCmp %8, %6, bb2, bb3 {cond=lt, width=8, likely=1}\n"
             "bb2 depth=1:\n" +
                 extra +
                 "  %0 = Add %0, %8 {width=8}\n  %8 = Add %8, 1 {width=8}\n  Jump bb1\n"
                 "bb3:\n  Return %0\n",
             "params=2 outgoing=1"));
    EXPECT_EQ(call(uint64_t{100}), 4950u);
    EXPECT_EQ(call(uint64_t{0}), 0u);
  }
}

// --- exits

TEST_F(Execute, ExitsSeeValuesInEveryKindOfPlace) {
  generate(
      "fun t params=3 outgoing=0 slots=4 saved=0x3008,0x0 {\nbb0:\n"
      "  %12 = Move %6\n  slot1 = Move %2\n  %f13 = MoveConstF {value=2.5}\n  fslot2 = MoveF %f13\n"
      "  frame = Move 12345\n"
      "  ExitCmp %6, 1 {cond=eq, width=8, exit=0}\n"
      "  ExitCmp %6, 2, %12, slot1, %f13, 77, frame, fslot2 {cond=eq, width=8, exit=1}\n"
      "  %0 = Move 5\n  Return %0\n"
      "exit 0 {deopt TypeChanged line=0 drops=[]}\n"
      "exit 1 {raise Raised line=3 culprit=#0 frame(offset=3 raise=2 stack=[#1, #2:double, "
      "#3:int64, null] "
      "locals=[1=#4]) drops=[#5:double]}\n}\n");
  auto* metadata = code.metadata.get();
  uint64_t args[2] = {2, 222};
  unit.total_args = 2;
  EXPECT_EQ(call(uint64_t{3}, uint64_t{222}), 5u);
  EXPECT_EQ(taken.count, 0);
  EXPECT_EQ(call(args[0], args[1]), 0xE817u);
  ASSERT_EQ(taken.count, 1);
  EXPECT_EQ(taken.metadata, metadata);
  EXPECT_EQ(taken.exit, 1u);
  EXPECT_EQ(taken.frame, 12345u);
  const ExitRecord& exit = metadata->exits[1];
  EXPECT_EQ(exit.culprit.where, ValueLocation::kGp);
  EXPECT_EQ(taken.registers.gp[exit.culprit.reg], 2u);
  const auto& stack = exit.frames[0].stack;
  EXPECT_EQ(stack[0].where, ValueLocation::kSpill);
  uint64_t spilled = 0;
  ASSERT_GE(stack[0].offset, -48);
  // The frame is gone by now: takeExit() copied the words below the frame pointer.
  int lowest = -32;
  if (stack[0].offset >= lowest)
    std::memcpy(&spilled, reinterpret_cast<char*>(taken.stack_values) + (stack[0].offset - lowest),
                8);
  EXPECT_EQ(stack[1].where, ValueLocation::kFp);
  EXPECT_EQ(taken.registers.fp[stack[1].reg], 2.5);
  EXPECT_EQ(stack[2].where, ValueLocation::kConstant);
  EXPECT_EQ(stack[2].bits, 77u);
  EXPECT_EQ(stack[3].where, ValueLocation::kNull);
  EXPECT_EQ(taken.registers.gp[exit.frames[0].locals[0].second.reg], 12345u);
  EXPECT_EQ(exit.drops[0].where, ValueLocation::kSpill);
  EXPECT_EQ(stack[0].offset - exit.drops[0].offset, 8);
}

TEST_F(Execute, SpilledValuesLieWhereTheRecordSays) {
  generate(
      "fun t params=3 outgoing=0 slots=2 {\nbb0:\n  slot0 = Move %6\n  slot1 = Move %2\n"
      "  Exit slot0, slot1 {exit=0}\n"
      "exit 0 {deopt TypeChanged line=0 frame(offset=0 raise=0 stack=[#0, #1] locals=[]) "
      "drops=[]}\n}\n");
  call(uint64_t{11}, uint64_t{22});
  for (int i = 0; i < 2; ++i) {
    const ValueLocation& location = code.metadata->exits[0].frames[0].stack[static_cast<size_t>(i)];
    ASSERT_EQ(location.where, ValueLocation::kSpill);
    ASSERT_GE(location.offset, -32);
    EXPECT_EQ(taken.stack_values[(location.offset + 32) / 8], i == 0 ? 11u : 22u);
  }
}

TEST_F(Execute, SharedRecordsAreSplitWherePlacesDiffer) {
  generate(
      "fun t params=3 outgoing=0 {\nbb0:\n"
      "  ExitCmp %6, 1, %6 {cond=eq, width=8, exit=0}\n  ExitCmp %6, 2, %6 {cond=eq, width=8, "
      "exit=0}\n"
      "  ExitCmp %6, 3, %2 {cond=eq, width=8, exit=0}\n  Return %6\n"
      "exit 0 {deopt TypeChanged line=0 frame(offset=0 raise=0 stack=[#0] locals=[]) "
      "drops=[]}\n}\n");
  ASSERT_EQ(code.metadata->exits.size(), 2u);
  for (uint64_t value : {1, 2, 3}) {
    call(value, uint64_t{50});
    const ValueLocation& location = code.metadata->exits[taken.exit].frames[0].stack[0];
    EXPECT_EQ(taken.registers.gp[location.reg], value == 3 ? 50 : value);
  }
}

TEST_F(Execute, OverflowExits) {
  uint64_t most = INT64_MAX, least = static_cast<uint64_t>(INT64_MIN);
  EXPECT_EQ(run("  %0 = AddExit %6, %2, %6 {exit=0}\n  Return %0\n", 1, 2), 3u);
  EXPECT_EQ(run("  %0 = AddExit %6, %2, %6 {exit=0}\n  Return %0\n", most, 1), 0xE817u);
  EXPECT_EQ(run("  %2 = SubExit %6, %2, %6 {exit=1}\n  Return %2\n", 7, 2), 5u);
  EXPECT_EQ(run("  %2 = SubExit %6, %2, %6 {exit=1}\n  Return %2\n", least, 1), 0xE817u);
  EXPECT_EQ(taken.exit, 1u);
  EXPECT_EQ(run("  %0 = MulExit %6, 3 {exit=2}\n  Return %0\n", 7), 21u);
  EXPECT_EQ(run("  %0 = MulExit %6, 3 {exit=2}\n  Return %0\n", most / 2), 0xE817u);
  EXPECT_EQ(taken.exit, 2u);
}

// --- calls and frames

TEST_F(Execute, CallsWithManyArguments) {
  addresses.helpers[2] = addressOf(&helper);
  // Stack arguments: three on x86-64, one on AArch64.
  const char* arguments =
      hostIsX86() ? "%7, 1, 2, 3, 4, 5, %3, slot2, 9000000000" : "%7, 1, 2, 3, 4, 5, 30, 80, slot1";
  EXPECT_EQ(run("  %3 = Move 30\n  slot2 = Move 80\n  slot1 = Move 9000000000\n  StoreOut 4321 "
                "{index=0}\n  %7 = Move %6\n  %0 = Call " +
                    std::string(arguments) +
                    " {helper=" + std::string(helperInfo(static_cast<Helper>(2)).name) +
                    "}\n"
                    "  %8 = LoadOut {index=0}\n  %0 = Add %0, %8 {width=8}\n  %0 = Add %0, %3 "
                    "{width=8}\n  Return %0\n",
                10),
            1000u + 4321 + 30);
  EXPECT_EQ(record, (std::vector<uint64_t>{10, 1, 2, 3, 4, 5, 30, 80, 9000000000}));
}

TEST_F(Execute, CallsOfAllKinds) {
  std::string name = helperInfo(static_cast<Helper>(1)).name;
  EXPECT_EQ(run("  %f0 = MoveConstF {value=1}\n  %7 = Move 2\n  %f1 = MoveConstF {value=3}\n"
                "  %f0 = CallF %f0, %7, %f1 {helper=" +
                name + "}\n  %0 = FpToGp %f0\n  Return %0\n"),
            bitsOf(123));
  char hex[32];
  snprintf(hex, sizeof hex, "%#lx", static_cast<unsigned long>(addressOf(&helper)));
  EXPECT_EQ(
      run(std::string("  %7 = Move 2\n  %0 = CallAddress %7 {address=") + hex + "}\n  Return %0\n"),
      1000u);
  EXPECT_EQ(record[0], 2u);
  uint64_t* cell = memory.allocateCell();
  static uint64_t far_cell;
  for (uint64_t* one : {cell, &far_cell}) {
    *one = addressOf(&helper);
    snprintf(hex, sizeof hex, "%#lx", static_cast<unsigned long>(reinterpret_cast<uint64_t>(one)));
    EXPECT_EQ(
        run(std::string("  %7 = Move 3\n  %0 = CallCell %7, 6 {cell=") + hex + "}\n  Return %0\n"),
        1000u);
    EXPECT_EQ(record[0], 3u);
    EXPECT_EQ(record[1], 6u);
  }
}

TEST_F(Execute, CallsOutOfReach) {
  CodeMemory far{CodeMemoryOptions{.reserve_bytes = size_t{4} << 20, .near = {0x100000000}}};
  ASSERT_FALSE(far.reaches(addressOf(&helper)));
  lir::Function function;
  ASSERT_TRUE(parseInto(forHost(wrap("bb0:\n  %0 = Call 1, 2, 3, 4, 5, 6 {helper=store_global}\n"
                                     "  Decref %0 {maybe_null=true}\n  Exit {exit=0}\n",
                                     "params=1 outgoing=0", 1)),
                        &function));
  static FakeObject object;
  auto give = +[]() -> FakeObject* { return &object; };
  addresses.helpers.fill(addressOf(give));
  Result<CompiledCode> result = generateCode(function, unit, hostTarget(), far, addresses);
  ASSERT_TRUE(result);
  EXPECT_EQ(reinterpret_cast<uint64_t (*)()>(result->entry(EntryKind::kRegister))(), 0xE817u);
  EXPECT_EQ(record, std::vector<uint64_t>{reinterpret_cast<uint64_t>(&object)});
}

TEST_F(Execute, LargeFrames) {
  for (uint32_t slots : {1u, 16u, 600u, 9000u}) {  // 4 KB and more, 64 KB and more
    std::string last = "slot" + std::to_string(slots - 1);
    generate(wrap("bb0:\n  " + last +
                      " = Move %6\n  slot0 = Move %6\n  StoreOut 5 {index=40}\n  %3 = Move 9\n"
                      "  %7 = Move 1\n  %0 = Call %7, 2, 3, 4, 5, 6, 7, 8 {helper=load_global}\n"
                      "  %0 = Move " +
                      last +
                      "\n  %8 = LoadOut {index=40}\n  %0 = Add %0, %8 {width=8}\n  Return %0\n",
                  "params=2 outgoing=41 slots=" + std::to_string(slots) + " saved=0x3008,0x0"));
    EXPECT_EQ(call(uint64_t{100}), 105u) << slots;
    EXPECT_EQ(code.metadata->spill_bytes, slots * 8);
    EXPECT_GE(code.metadata->stack_bytes, slots * 8 + 41 * 8);
  }
}

#if defined(__x86_64__)
// Calls `entry` with known values in the callee-saved registers and says whether they survived.
bool keepsCalleeSaved(void* entry) {
  uint64_t bad = 0;
  asm volatile(
      "push %%rbx\n push %%rbp\n push %%r12\n push %%r13\n push %%r14\n push %%r15\n"
      "mov $0x1111, %%rbx\n mov $0x2222, %%r12\n mov $0x3333, %%r13\n mov $0x4444, %%r14\n mov "
      "$0x5555, %%r15\n"
      "mov $0x6666, %%rbp\n mov %%rsp, %%rcx\n sub $8, %%rsp\n and $-16, %%rsp\n push %%rcx\n push "
      "%%rcx\n"
      "mov $1, %%rsi\n call *%%rax\n pop %%rcx\n mov %%rcx, %%rsp\n xor %%eax, %%eax\n"
      "cmp $0x1111, %%rbx\n setne %%al\n mov %%rax, %%rcx\n"
      "cmp $0x2222, %%r12\n setne %%al\n or %%rax, %%rcx\n cmp $0x3333, %%r13\n setne %%al\n or "
      "%%rax, %%rcx\n"
      "cmp $0x4444, %%r14\n setne %%al\n or %%rax, %%rcx\n cmp $0x5555, %%r15\n setne %%al\n or "
      "%%rax, %%rcx\n"
      "cmp $0x6666, %%rbp\n setne %%al\n or %%rax, %%rcx\n"
      "pop %%r15\n pop %%r14\n pop %%r13\n pop %%r12\n pop %%rbp\n pop %%rbx\n"
      : "=&c"(bad), "+a"(entry)
      :
      : "rdx", "rsi", "rdi", "r8", "r9", "r10", "r11", "memory", "cc");
  return bad == 0;
}
#else
// The same for x19 to x28 and d8 to d15: each holds its number, times 0x101 in the general bank.
extern "C" uint64_t tephra_test_keeps(void* entry);
asm(R"(
.text
.type tephra_test_keeps, %function
tephra_test_keeps:
  stp x29, x30, [sp, #-176]!
  mov x29, sp
  stp x19, x20, [sp, #16]
  stp x21, x22, [sp, #32]
  stp x23, x24, [sp, #48]
  stp x25, x26, [sp, #64]
  stp x27, x28, [sp, #80]
  stp d8, d9, [sp, #96]
  stp d10, d11, [sp, #112]
  stp d12, d13, [sp, #128]
  stp d14, d15, [sp, #144]
  mov x9, x0
  .irp n, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28
  mov x\n, #(\n * 0x101)
  .endr
  .irp n, 8, 9, 10, 11, 12, 13, 14, 15
  fmov d\n, #\n
  .endr
  mov x1, #1
  blr x9
  mov x0, #0
  .irp n, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28
  mov x1, #(\n * 0x101)
  eor x1, x1, x\n
  orr x0, x0, x1
  .endr
  .irp n, 8, 9, 10, 11, 12, 13, 14, 15
  fmov d0, #\n
  fmov x1, d0
  fmov x2, d\n
  eor x1, x1, x2
  orr x0, x0, x1
  .endr
  mov x1, sp
  eor x1, x1, x29
  orr x0, x0, x1
  ldp x19, x20, [sp, #16]
  ldp x21, x22, [sp, #32]
  ldp x23, x24, [sp, #48]
  ldp x25, x26, [sp, #64]
  ldp x27, x28, [sp, #80]
  ldp d8, d9, [sp, #96]
  ldp d10, d11, [sp, #112]
  ldp d12, d13, [sp, #128]
  ldp d14, d15, [sp, #144]
  ldp x29, x30, [sp], #176
  ret
.size tephra_test_keeps, . - tephra_test_keeps
)");
bool keepsCalleeSaved(void* entry) { return tephra_test_keeps(entry) == 0; }
#endif

TEST_F(Execute, CalleeSavedRegistersSurvive) {
  std::string spoil =
      "  %3 = Move 1\n  %12 = Move 2\n  %13 = Move 3\n  frame = Move 4\n  slot3 = Move 5\n";
  run("  Jump bb1\nbb1:\n" + spoil + "  Return %6\n");
  EXPECT_TRUE(keepsCalleeSaved(code.entry(EntryKind::kRegister)));
  run("  Jump bb1\nbb1:\n" + spoil + "  Exit {exit=0}\n");
  EXPECT_TRUE(keepsCalleeSaved(code.entry(EntryKind::kRegister)));
  EXPECT_TRUE(keepsCalleeSaved(code.entry(EntryKind::kArray)));
}

// Every callee-saved register of both banks, in frames with an odd and an even number of them.
TEST_F(Execute, EveryCalleeSavedRegisterSurvives) {
  const Target& target = hostTarget();
  for (bool all : {false, true}) {
    RegSet gp = target.calleeSaved(lir::Bank::kGp), fp = target.calleeSaved(lir::Bank::kFp);
    if (!all) gp &= gp - 1;
    if (!all) fp &= fp - 1;
    std::string body = "bb0:\n";
    for (int reg = 0; reg < 64; ++reg) {
      if (gp >> reg & 1) body += "  %" + std::to_string(reg) + " = Move 77\n";
      if (fp >> reg & 1) body += "  %f" + std::to_string(reg) + " = MoveConstF {value=0.5}\n";
    }
    char saved[64];
    snprintf(saved, sizeof saved, "params=1 outgoing=0 slots=3 saved=%#lx,%#lx",
             static_cast<unsigned long>(gp), static_cast<unsigned long>(fp));
    std::string ends[] = {"  %" + std::to_string(target.returnRegister(lir::Bank::kGp)) +
                              " = Move 5\n  Return %" +
                              std::to_string(target.returnRegister(lir::Bank::kGp)) + "\n",
                          "  Exit {exit=0}\n"};
    for (const std::string& end : ends) {
      lir::Function function;
      ASSERT_TRUE(parseInto(wrap(body + end, saved, 1), &function));
      Result<CompiledCode> result = generateCode(function, unit, target, memory, addresses);
      ASSERT_TRUE(result) << result.bailout().detail;
      EXPECT_TRUE(keepsCalleeSaved(result->entry(EntryKind::kRegister)));
      EXPECT_TRUE(keepsCalleeSaved(result->entry(EntryKind::kArray)));
    }
  }
}

// --- reference counts

TEST_F(Execute, ReferenceCounts) {
  for (uint32_t immortal : {0xFFFFFFFFu, 0xBFFFFFFFu}) {
    unit.layout = &layout(immortal);
    FakeObject object;
    auto at = reinterpret_cast<uint64_t>(&object);
    run("  Incref %6 {maybe_null=false}\n  Incref %6 {maybe_null=true}\n  Return %6\n", at);
    EXPECT_EQ(object.refcnt, 3u);
    run("  Decref %6 {maybe_null=false}\n  Decref %6 {maybe_null=true}\n  Return %6\n", at);
    EXPECT_EQ(object.refcnt, 1u);
    EXPECT_EQ(object.upper, 0xABCDu);
    EXPECT_TRUE(record.empty());
    run("  Incref %6 {maybe_null=true}\n  Decref %6 {maybe_null=true}\n  Return %6\n", 0);
    for (uint32_t count : {0xFFFFFFFFu, 0xC0000000u}) {
      if (immortal == 0xFFFFFFFF && count != immortal) continue;
      object.refcnt = count;
      run("  Incref %6 {maybe_null=false}\n  Decref %6 {maybe_null=false}\n  Return %6\n", at);
      EXPECT_EQ(object.refcnt, count);
    }
  }
}

TEST_F(Execute, PositionIsStoredWithTheLastReferenceOnly) {
  struct {
    uint64_t value, width, expected;
  } cases[] = {{12648454, 4, 0x7777'0000'0000 + 12648454}, {0x7F12'3456'789A, 8, 0x7F12'3456'789A}};
  for (auto& [value, width, expected] : cases) {
    FakeObject object;
    object.refcnt = 2;
    uint64_t place[2] = {1, 0x7777'0000'1111};
    auto at = reinterpret_cast<uint64_t>(&object), frame = reinterpret_cast<uint64_t>(place);
    std::string body = "  DecrefAt %6, [%2 + 8], " + std::to_string(value) +
                       " {maybe_null=true, width=" + std::to_string(width) + "}\n  Return %6\n";
    record.clear();
    run(body, 0, frame);
    EXPECT_EQ(run(body, at, frame), at);
    EXPECT_EQ(object.refcnt, 1u);
    EXPECT_EQ(place[1], 0x7777'0000'1111u);
    EXPECT_TRUE(record.empty());
    EXPECT_EQ(run(body, at, frame), at);
    EXPECT_EQ(record, std::vector<uint64_t>{at});
    EXPECT_EQ(place[0], 1u);
    EXPECT_EQ(place[1], expected);
  }
}

TEST_F(Execute, TheLastReferenceGoesAnotherWay) {
  for (bool maybe_null : {false, true}) {
    FakeObject object;
    object.refcnt = 2;
    auto at = reinterpret_cast<uint64_t>(&object);
    std::string body = std::string("  BranchRelease %6, bb1, bb2 {maybe_null=") +
                       (maybe_null ? "true" : "false") +
                       ", likely=2}\nbb1 cold:\n  Dealloc %6\n  %6 = Move 1\n  Return %6\n"
                       "bb2:\n  %6 = Move 2\n  Return %6\n";
    record.clear();
    EXPECT_EQ(run(body, at), 2u);
    EXPECT_EQ(object.refcnt, 1u);
    EXPECT_EQ(object.upper, 0xABCDu);
    EXPECT_TRUE(record.empty());
    EXPECT_EQ(run(body, at), 1u);
    EXPECT_EQ(object.refcnt, 0u);
    EXPECT_EQ(record, std::vector<uint64_t>{at});
    object.refcnt = 0xFFFFFFFFu;  // immortal
    EXPECT_EQ(run(body, at), 2u);
    EXPECT_EQ(object.refcnt, 0xFFFFFFFFu);
    if (maybe_null) {
      EXPECT_EQ(run(body, 0), 2u);
    }
  }
}

TEST_F(Execute, LastReferencePreservesEveryRegister) {
  // All registers that compiled code may use hold something; the object's thunk destroys what it
  // may.
  const Target& target = hostTarget();
  int object_register = target.argumentRegisters(lir::Bank::kGp)[1];
  RegSet gp = target.allocatable(lir::Bank::kGp) & ~(RegSet{1} << object_register);
  RegSet fp = target.allocatable(lir::Bank::kFp);
  int result = target.returnRegister(lir::Bank::kGp);
  std::string fill, sum, d = "%" + std::to_string(result);
  uint64_t expected = 0, expected_fp = 0;
  for (int reg = 0; reg < 32; ++reg) {
    std::string name = std::to_string(reg), value = std::to_string(INT64_C(1) << reg);
    if (gp >> reg & 1) {
      expected += UINT64_C(1) << reg;
      fill += "  %" + name + " = Move " + value + "\n";
      if (reg != result) sum += "  " + d + " = Add " + d + ", %" + name + " {width=8}\n";
    }
    if (fp >> reg & 1) {
      expected_fp += UINT64_C(1) << reg;
      fill += "  %f" + name + " = MoveConstF {value=" + value + "}\n";
      if (reg != 0) sum += "  %f0 = AddF %f0, %f" + name + "\n";
    }
  }
  std::string o = "%" + std::to_string(object_register);
  char header[80];
  snprintf(header, sizeof header, "params=2 outgoing=0 saved=%#lx,%#lx",
           static_cast<unsigned long>(target.calleeSaved(lir::Bank::kGp)),
           static_cast<unsigned long>(target.calleeSaved(lir::Bank::kFp)));
  lir::Function function;
  ASSERT_TRUE(parseInto(wrap("bb0:\n" + fill + "  Decref " + o + " {maybe_null=false}\n" + sum +
                                 "  StoreF [" + o + " + 8], %f0\n  Return " + d + "\n",
                             header),
                        &function));
  Result<CompiledCode> generated = generateCode(function, unit, target, memory, addresses);
  ASSERT_TRUE(generated) << generated.bailout().detail;
  FakeObject object;
  auto at = reinterpret_cast<uint64_t>(&object);
  uint64_t bits = reinterpret_cast<uint64_t (*)(uint64_t, uint64_t)>(
      generated->entry(EntryKind::kRegister))(0, at);
  EXPECT_EQ(record, std::vector<uint64_t>{at});
  EXPECT_EQ(object.refcnt, 0u);
  EXPECT_EQ(bits, expected);
  EXPECT_EQ(std::bit_cast<double>(object.type), static_cast<double>(expected_fp));
}

// --- entries

TEST_F(Execute, VectorcallGoesToTheBinderAndComesBackByTheArrayEntry) {
  using Vectorcall = uint64_t (*)(uint64_t, uint64_t*, uint64_t, uint64_t);
  for (bool tls : {false, true}) {
    for (uint32_t count = 0; count <= 5; ++count) {
      fake_thread_word = 0x7171;
      addresses.thread_state_tls = tls ? tlsOffset(&fake_thread_word) : 0;
      unit.total_args = count;
      std::string body = "bb0:\n  %0 = Add %7, 0 {width=8}\n";
      int registers[] = {6, 2, 1, 8, 9};
      for (uint32_t i = 0; i < count; ++i) {
        body += "  %10 = Mul %" + std::to_string(registers[i]) + ", " +
                std::to_string(10 << (4 * i)) + " {width=8}\n  %0 = Add %0, %10 {width=8}\n";
      }
      body += "  %10 = Move thread\n  Exit %0 {exit=0}\n";
      generate(wrap(body, "params=6 outgoing=0", 1));
      auto entry = reinterpret_cast<Vectorcall>(code.entry(EntryKind::kVectorcall));
      uint64_t args[6], expected = 0xF0;
      for (uint64_t i = 0; i < 6; ++i) args[i] = 0x1000 * (i + 1);
      for (uint32_t i = 0; i < count; ++i) expected += args[i] * (10u << (4 * i));
      for (uint64_t flag : {uint64_t{0}, uint64_t{1} << 63}) {
        EXPECT_EQ(entry(0xF0, args, count | flag, 0x99), 0x510u);
        EXPECT_EQ(record, (std::vector<uint64_t>{0xF0, reinterpret_cast<uint64_t>(args),
                                                 count | flag, 0x99}));
      }
      EXPECT_EQ(runArray(args), 0xE817u);
      EXPECT_EQ(taken.registers.gp[hostGp(0)], expected);
      EXPECT_EQ(taken.thread, tls ? 0x7171 : reinterpret_cast<uint64_t>(&fake_thread));
    }
  }
}

TEST_F(Execute, ManyParametersComeAsAnArray) {
  unit.total_args = 7;
  generate(wrap("bb0:\n  %0 = Load [%6 + 48] {width=8, sign=false}\n  Return %0\n",
                "params=2 outgoing=0"));
  uint64_t args[7];
  for (uint64_t i = 0; i < 7; ++i) args[i] = 0x1000 + i;
  EXPECT_EQ(runArray(args), args[6]);
}

TEST_F(Execute, StackLimitIsInitialisedOnce) {
  PyLayout with_limit = layout();
  with_limit.tls_stack_limit = tlsOffset(&fake_limit);
  unit.layout = &with_limit;
  addresses.init_stack_limit = addressOf(&initLimit);
  unit.total_args = 2;
  fake_limit = 0;
  generate(wrap("bb0:\n  %0 = Add %6, %2 {width=8}\n  %0 = Add %0, %7 {width=8}\n  Return %0\n",
                "params=3 outgoing=0"));
  uint64_t args[2] = {1, 2};
  EXPECT_EQ(runArray(args), 0xF3u);
  EXPECT_EQ(fake_limit, 4096u);
  fake_limit = 8192;
  EXPECT_EQ(runArray(args), 0xF3u);
  EXPECT_EQ(fake_limit, 8192u);
}

TEST_F(Execute, UncompiledStubs) {
  uint64_t array[7] = {1, 2, 3, 4, 5, 6, 7};
  for (uint32_t count = 0; count <= 7; ++count) {
    void* stub = makeUncompiledStub(count, memory, addresses);
    ASSERT_NE(stub, nullptr);
    EXPECT_EQ(stub, makeUncompiledStub(count, memory, addresses));
    std::vector<uint64_t> expected = {0xF0, count};
    for (uint64_t i = 1; i <= count; ++i) expected.push_back(i);
    if (count <= 5) {
      using Entry = uint64_t (*)(uint64_t, uint64_t, uint64_t, uint64_t, uint64_t, uint64_t);
      EXPECT_EQ(reinterpret_cast<Entry>(stub)(0xF0, 1, 2, 3, 4, 5), 77u);
    } else {
      EXPECT_EQ(reinterpret_cast<uint64_t (*)(uint64_t, uint64_t*)>(stub)(0xF0, array), 77u);
    }
    EXPECT_EQ(record, expected);
  }
}

// --- tables and refusals

TEST_F(Execute, HotAndColdAreAll) {
  generate(
      wrap("bb0:\n  %3 = Move %6 @1\n  %3 = Add %3, 1 {width=8} @1\n  %3 = Add %3, 2 {width=8} @2\n"
           "  BranchCmp %3, 0, bb1, bb2 {cond=eq, width=8, likely=2} @3\nbb1 cold:\n  %3 = Move 8 "
           "@9\n  Return %3 @9\nbb2:\n  Return %3 @4\n",
           "params=2 outgoing=0 saved=0x8,0x0"));
  EXPECT_EQ(code.metadata->hot_bytes + code.metadata->cold_bytes, code.size);
  EXPECT_GT(code.metadata->hot_bytes, 0u);
  EXPECT_GT(code.metadata->cold_bytes, 0u);  // bb1
}

TEST_F(Execute, DisassemblyNamesOperations) {
  lir::Function function;
  ASSERT_TRUE(parseInto(
      wrap("bb0:\n  %0 = Add %6, 5 {width=8}\n  Exit {exit=0}\n", "params=2 outgoing=0", 1),
      &function));
  const char* add = hostIsX86() ? "lea rax" : "add x0, x6";
  Result<CompiledCode> result =
      generateCode(function, unit, hostTarget(), memory, addresses, {true, false});
  ASSERT_TRUE(result);
  for (const char* part : {"; %0 = Add %6, 5", add, "; register entry", "; exit 0"}) {
    EXPECT_NE(result->disassembly.find(part), std::string::npos) << part << "\n"
                                                                 << result->disassembly;
  }
}

TEST_F(Execute, RefusalsAreClean) {
  auto refuse = [&](const Target& target, const std::string& body) {
    lir::Function function;
    EXPECT_TRUE(parseInto(wrap("bb0:\n" + body, "params=2 outgoing=0", 1), &function));
    Result<CompiledCode> result = generateCode(function, unit, target, memory, addresses);
    EXPECT_FALSE(result) << body;
    return result
               ? std::string()
               : std::string(bailoutName(result.bailout().reason)) + ": " + result.bailout().detail;
  };
  size_t before = memory.stats().used;
  for (const Target* target : {&x86_64Target(), &aarch64Target()}) {
    EXPECT_NE(refuse(*target, "  g1 = Add %6, 5 {width=8}\n  Return %0\n").find("Emission"),
              std::string::npos);
    EXPECT_NE(refuse(*target, "  %0 = Move slot3\n  Return %0\n").find("slot"), std::string::npos);
    EXPECT_NE(
        refuse(*target, "  %0 = Call %6 {helper=load_global}\n  Return %0\n").find("register"),
        std::string::npos);
  }
  EXPECT_EQ(memory.stats().used, before);
  memory.setMaxCodeSize(1);
  EXPECT_NE(refuse(x86_64Target(), "  Return %0\n").find("CodeMemory"), std::string::npos);
}

}  // namespace
}  // namespace tephra::codegen_test
