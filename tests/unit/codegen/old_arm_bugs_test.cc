// The bugs of an earlier ARM back end, each by its number and by what went wrong, on both targets:
// what can be seen in the code is looked at for both on any host, the rest is run on the host.
#include <cstring>
#include <set>

#include "codegen/block_order.h"
#include "codegen/frame_layout.h"
#include "regalloc/regalloc.h"
#include "tests/unit/codegen/support.h"

namespace tephra::codegen_test {
namespace {

std::vector<uint64_t> seen;
uint64_t* watched = nullptr;

uint64_t observe(uint64_t a, uint64_t b, uint64_t c, uint64_t d, uint64_t e, uint64_t f, uint64_t g,
                 uint64_t h, uint64_t i, uint64_t j) {
  seen = {a, b, c, d, e, f, g, h, i, j};
  return a;
}
uint64_t readPosition() {
  seen.push_back(*watched);
  return 0;
}
uint64_t sumOf(uint64_t* words, uint64_t count) {
  uint64_t sum = 0;
  for (uint64_t i = 0; i < count; ++i) sum += words[i];
  return sum;
}

class OldArmBugs : public ::testing::TestWithParam<const Target*> {
 protected:
  void SetUp() override {
    addresses.helpers.fill(addressOf(&observe));
    addresses.take_exit = addresses.call_slow = addresses.call_uncompiled = addresses.dealloc =
        addresses.thread_state = addressOf(&observe);
    unit.layout = &layout();
    seen.clear();
  }
  bool runs() const { return &target() == &hostTarget(); }
  const Target& target() const { return *GetParam(); }
  // From virtual registers.
  void compile(const std::string& text) {
    lir::Function function;
    ASSERT_TRUE(parseInto(text, &function));
    Result<bool> allocated = regalloc::allocateRegisters(function, target());
    ASSERT_TRUE(allocated) << allocated.bailout().detail;
    generate(function);
  }
  void generate(lir::Function& function) {
    Result<CompiledCode> result =
        generateCode(function, unit, target(), memory, addresses, {.disassembly = true});
    ASSERT_TRUE(result) << result.bailout().detail;
    code = std::move(*result);
  }
  template <typename... Args>
  uint64_t call(Args... args) {
    return reinterpret_cast<uint64_t (*)(Args...)>(code.entry(EntryKind::kRegister))(args...);
  }
  // The instructions of AArch64 code from the register entry on.
  std::vector<uint32_t> words() const {
    auto* start = static_cast<uint8_t*>(code.entry(EntryKind::kRegister));
    size_t count = (code.size - static_cast<size_t>(start - static_cast<uint8_t*>(code.base))) / 4;
    std::vector<uint32_t> result(count);
    std::memcpy(result.data(), start, 4 * count);
    return result;
  }

  CodeMemory memory{
      CodeMemoryOptions{.reserve_bytes = size_t{16} << 20, .near = {addressOf(&observe)}}};
  RuntimeAddresses addresses;
  CodeUnit unit;
  CompiledCode code;
};
INSTANTIATE_TEST_SUITE_P(Targets, OldArmBugs, ::testing::Values(&x86_64Target(), &aarch64Target()),
                         [](const auto& info) { return std::string(info.param->name()); });

std::string address(uint64_t value) {
  char text[32];
  snprintf(text, sizeof text, "%#lx", static_cast<unsigned long>(value));
  return text;
}

TEST_P(OldArmBugs, A1TheBackEndIsNotSwitchedOff) {
  compile("fun a1 params=1 outgoing=0 {\nbb0:\n  g1 = Param {index=0}\n  Return g1\n}\n");
  EXPECT_GT(code.size, 0u);
  EXPECT_GT(memory.stats().used, 0u);
  EXPECT_TRUE(!runs() || call(uint64_t{7}) == 7);
}

TEST_P(OldArmBugs, A2ThePrologueLeavesArgumentsToTheAllocator) {
  // All arguments live across a call, taken in another order than they come.
  compile(
      "fun a2 params=5 outgoing=0 {\nbb0:\n  g4 = Param {index=3}\n  g1 = Param {index=0}\n"
      "  g5 = Param {index=4}\n  g2 = Param {index=1}\n  g3 = Param {index=2}\n"
      "  g6 = CallAddress g5, g4, g3, g2, g1 {address=" +
      address(addressOf(&observe)) +
      "}\n  g7 = Mul g2, 10 {width=8}\n  g8 = Mul g3, 100 {width=8}\n  g9 = Mul g4, 1000 "
      "{width=8}\n  g10 = Mul g6, 10000 {width=8}\n  g11 = Add g1, g7 {width=8}\n  g12 = Add g8, "
      "g9 "
      "{width=8}\n  g13 = Add g11, g12 {width=8}\n  g14 = Add g13, g10 {width=8}\n  Return "
      "g14\n}\n");
  if (!runs()) return;
  EXPECT_EQ(call(uint64_t{1}, uint64_t{2}, uint64_t{3}, uint64_t{4}, uint64_t{5}), 54321u);
  seen.resize(5);
  EXPECT_EQ(seen, (std::vector<uint64_t>{5, 4, 3, 2, 1}));
}

std::string largeFrame(uint32_t slots) {
  std::string last = "slot" + std::to_string(slots - 1);
  return wrap("bb0:\n  slot0 = Move %7\n  " + last +
                  " = Move %6\n  %0 = Move slot0\n  %10 = Move " + last +
                  "\n  %0 = Add %0, %10 {width=8}\n  %0 = Add %0, %2 {width=8}\n  %0 = Add %0, %1 "
                  "{width=8}\n  %0 = Add %0, %8 {width=8}\n  %0 = Add %0, %9 {width=8}\n  Return "
                  "%0\n",
              "params=6 outgoing=0 slots=" + std::to_string(slots));
}

// Also A5: sizes beyond what an add or sub holds.
TEST_P(OldArmBugs, A3AndA5FrameSetUpUsesNoArgumentRegisterAndAnySize) {
  for (uint32_t slots : {2u, 510u, 512u, 513u, 4095u, 8191u, 8192u, 8193u, 60000u, 3000000u}) {
    lir::Function function;
    std::string text = largeFrame(slots);
    if (!runs() && target().arch() == Arch::kX86_64) continue;  // the text is the host's
    if (runs()) text = forHost(text);
    ASSERT_TRUE(parseInto(text, &function));
    generate(function);
    if (runs() && slots < 100000) {  // larger ones need a larger stack
      EXPECT_EQ(call(uint64_t{1}, uint64_t{20}, uint64_t{300}, uint64_t{4000}, uint64_t{50000},
                     uint64_t{600000}),
                654321u)
          << slots;
    }
    if (target().arch() != Arch::kAArch64) continue;
    // stp x29, x30, [sp, #-16]!; mov x29, sp; then sp goes down by the size.
    std::vector<uint32_t> code_words = words();
    EXPECT_EQ(code_words[0], 0xA9BF7BFDu);
    EXPECT_EQ(code_words[1], 0x910003FDu);
    uint64_t size = 0, built = 0;
    for (size_t i = 2;; ++i) {
      uint32_t word = code_words[i];
      if ((word & 0xFF8003FF) == 0xD10003FF) {  // sub sp, sp, #imm{, lsl #12}
        size += uint64_t{word >> 10 & 0xFFF} << (word >> 22 & 1 ? 12 : 0);
      } else if ((word & 0xFF80001F) == 0xD2800011) {  // movz x17
        built = uint64_t{word >> 5 & 0xFFFF} << (16 * (word >> 21 & 3));
      } else if ((word & 0xFF80001F) == 0xF2800011) {  // movk x17
        built |= uint64_t{word >> 5 & 0xFFFF} << (16 * (word >> 21 & 3));
      } else if (word == 0xCB3163FF) {  // sub sp, sp, x17
        size += built;
      } else {
        break;
      }
    }
    EXPECT_EQ(size, (8 * uint64_t{slots} + 15) / 16 * 16);
    EXPECT_EQ(size + 16, code.metadata->stack_bytes);
  }
}

TEST_P(OldArmBugs, A4SubWordValuesAreExtendedWhereTheyAreLoaded) {
  if (!runs()) return;
  uint8_t bytes[16] = {0x80, 0xFF, 0x80, 0xFF, 0x80, 0xFF, 0xFF, 0xFF, 0x7F};
  struct {
    int width;
    bool sign;
    uint64_t expected;
  } rows[] = {{1, false, 0x80},       {1, true, ~UINT64_C(0x7F)},
              {2, false, 0xFF80},     {2, true, ~UINT64_C(0x7F)},
              {4, false, 0xFF80FF80}, {4, true, 0xFFFFFFFFFF80FF80}};
  for (auto& row : rows) {
    std::string width = std::to_string(row.width);
    compile("fun a4 params=1 outgoing=0 {\nbb0:\n  g1 = Param {index=0}\n  g2 = Load [g1] {width=" +
            width + ", sign=" + (row.sign ? "true" : "false") +
            "}\n  Store [g1 + 8], g2 {width=" + width + "}\n  Return g2\n}\n");
    EXPECT_EQ(call(bytes), row.expected) << width;
    EXPECT_EQ(std::memcmp(bytes, bytes + 8, static_cast<size_t>(row.width)), 0);
  }
  // Comparisons and tests in memory see the part only, with its own sign.
  struct {
    const char *cond, *value;
    int width;
    bool expected;
  } compared[] = {{"lt", "0", 1, true},    {"ult", "129", 1, true}, {"eq", "-128", 1, true},
                  {"eq", "128", 1, true},  {"ge", "0", 2, false},   {"ugt", "65407", 2, true},
                  {"lt", "-126", 1, true}, {"gt", "-129", 2, true}};
  bytes[8] = 0x7F;
  for (auto& row : compared) {
    compile(
        std::string("fun a4 params=1 outgoing=0 {\nbb0:\n  g1 = Param {index=0}\n  BranchCmpMem "
                    "[g1], ") +
        row.value + ", bb1, bb2 {cond=" + row.cond + ", width=" + std::to_string(row.width) +
        ", likely=0}\nbb1:\n  g2 = Move 1\n  Return g2\nbb2:\n  g3 = Move 0\n  Return g3\n}\n");
    EXPECT_EQ(call(bytes), row.expected) << row.cond << row.value << row.width;
  }
}

TEST_P(OldArmBugs, A6PositionsAreInTheFrameBeforeEachCall) {
  if (!runs()) return;
  uint64_t frame[8] = {};
  watched = &frame[7];
  std::string call_it = " {address=" + address(addressOf(&readPosition)) + "}\n", body;
  for (int i = 1; i <= 3; ++i) {
    body += "  Store [frame + 56], " + std::to_string(0x7f1200001000 + 2 * i) + " {width=8}\n";
    body += "  _ = CallAddress" + call_it;
  }
  compile("fun a6 params=1 outgoing=0 {\nbb0:\n  g1 = Param {index=0}\n  frame = Move g1\n" + body +
          "  g2 = Move 0\n  Return g2\n}\n");
  EXPECT_EQ(call(frame), 0u);
  EXPECT_EQ(seen, (std::vector<uint64_t>{0x7f1200001002, 0x7f1200001004, 0x7f1200001006}));
}

TEST_P(OldArmBugs, A7NothingLiesBelowTheStackPointer) {
  for (uint32_t slots : {0u, 1u, 2u, 5u}) {
    for (uint32_t outgoing : {0u, 1u, 3u}) {
      for (const char* saved : {"0x0,0x0", "0x8,0x0", "0x1008,0x0"}) {
        lir::Function function;
        ASSERT_TRUE(parseInto(
            wrap("bb0:\n  %0 = Call 1, 2, 3, 4, 5, 6, 7, 8, 9 {helper=load_global}\n  Return %0\n",
                 "params=1 outgoing=" + std::to_string(outgoing) +
                     " slots=" + std::to_string(slots) + " saved=" + saved),
            &function));
        NativeFrame frame = layOutFrame(function, target());
        EXPECT_EQ(checkFrame(frame), "");
        EXPECT_EQ(frame.size % 16, 0u);
        uint32_t below = 8 * (slots + outgoing + frame.stack_argument_words);
        EXPECT_GE(frame.size, below + 8 * frame.saved.size());
        if (slots != 0) {
          EXPECT_GE(static_cast<int64_t>(frame.size) + frame.slotOffset(slots - 1),
                    8 * static_cast<int64_t>(outgoing + frame.stack_argument_words));
        }
      }
    }
  }
}

TEST_P(OldArmBugs, A8TheCallTargetIsReadBehindPositionAndArguments) {
  std::string arguments;
  for (int i = 1; i <= 5; ++i) arguments += "g" + std::to_string(i) + ", ";
  static uint64_t cell;
  cell = addressOf(&observe);
  std::string call_cell = "CallCell " + arguments +
                          "700, g1, g2, 900 {cell=" + address(reinterpret_cast<uint64_t>(&cell)) +
                          "}\n";
  std::string params;
  for (int i = 1; i <= 5; ++i)
    params += "  g" + std::to_string(i) + " = Param {index=" + std::to_string(i - 1) + "}\n";
  // Far slots bring a second scratch register into play.
  std::string far;
  for (int i = 10; i < 5010; ++i)
    far += "  g" + std::to_string(i) + " = Add g1, " + std::to_string(i) + " {width=8}\n";
  for (const std::string& pressure : {std::string(), far}) {
    std::string sum;
    uint32_t last = 6;
    if (!pressure.empty()) {
      for (int i = 10; i < 5010; i += 499) {
        sum += "  g" + std::to_string(6000 + i) + " = Add g" + std::to_string(last) + ", g" +
               std::to_string(i) + " {width=8}\n";
        last = static_cast<uint32_t>(6000 + i);
      }
    }
    compile("fun a8 params=5 outgoing=2 {\nbb0:\n" + params + pressure +
            "  Store [g5], 123456789012345 {width=8}\n  g6 = " + call_cell + sum +
            "  g9000 = " + call_cell + "  g9001 = Add g" + std::to_string(last) +
            ", g9000 {width=8}\n  Return g9001\n}\n");
    if (!runs()) continue;
    uint64_t word = 0, at = reinterpret_cast<uint64_t>(&word);
    uint64_t expected = 2;
    for (int i = 10; !pressure.empty() && i < 5010; i += 499) expected += 1 + uint64_t(i);
    EXPECT_EQ(call(uint64_t{1}, uint64_t{2}, uint64_t{3}, uint64_t{4}, at), expected);
    EXPECT_EQ(word, 123456789012345u);
    seen.resize(9);
    EXPECT_EQ(seen, (std::vector<uint64_t>{1, 2, 3, 4, at, 700, 1, 2, 900}));
  }
}

TEST_P(OldArmBugs, A9OutgoingWordsAndSpilledValuesDoNotOverlap) {
  std::string body, sum, args;
  for (int i = 0; i < 40; ++i)
    body += "  g" + std::to_string(10 + i) + " = Load [g1 + " + std::to_string(8 * i) +
            "] {width=8, sign=false}\n";
  for (int i = 0; i < 6; ++i)
    body += "  StoreOut g" + std::to_string(10 + i) + " {index=" + std::to_string(i) + "}\n";
  body +=
      "  g60 = LeaOut {index=0}\n  g61 = CallAddress g60, 6, 3, 4, 5, 6, 7, 8, 9, 10 {address=" +
      address(addressOf(&sumOf)) + "}\n";
  std::string last = "g61";
  for (int i = 0; i < 40; ++i) {
    std::string next = "g" + std::to_string(100 + i);
    sum += "  " + next + " = Add " + last + ", g" + std::to_string(10 + i) + " {width=8}\n";
    last = next;
  }
  compile("fun a9 params=1 outgoing=6 {\nbb0:\n  g1 = Param {index=0}\n" + body + sum +
          "  Return " + last + "\n}\n");
  if (!runs()) return;
  uint64_t data[40], expected = 0;
  for (uint64_t i = 0; i < 40; ++i) {
    data[i] = i * i + 1;
    expected += data[i] * (i < 6 ? 2 : 1);
  }
  EXPECT_EQ(call(data), expected);
}

}  // namespace
}  // namespace tephra::codegen_test
