// What lies out of reach: large functions, whose branches and literals must go the long way, and
// code that is placed far from what it calls.
#include <cstring>
#include <set>

#include "tests/unit/codegen/support.h"

namespace tephra::codegen_test {
namespace {

uint64_t give(uint64_t value) { return value + 1; }

class Ranges : public ::testing::Test {
 protected:
  void SetUp() override {
    addresses.helpers.fill(addressOf(&give));
    addresses.take_exit = addresses.call_slow = addresses.call_uncompiled = addresses.dealloc =
        addresses.thread_state = addressOf(&give);
    unit.layout = &layout();
  }
  Result<CompiledCode> generate(const std::string& text, const Target& target, CodeMemory& into) {
    lir::Function function;
    EXPECT_TRUE(parseInto(text, &function));
    return generateCode(function, unit, target, into, addresses, {.disassembly = true});
  }
  CodeMemory memory{
      CodeMemoryOptions{.reserve_bytes = size_t{32} << 20, .near = {addressOf(&give)}}};
  RuntimeAddresses addresses;
  CodeUnit unit;
};

std::string filler(size_t instructions) {
  std::string text;
  for (size_t i = 0; i < instructions; ++i) text += "  %2 = Add %2, 1 {width=8}\n";
  return text;
}

// Forward and backward over the filler, by each kind of conditional branch, with literals before
// it.
TEST_F(Ranges, BranchesAndLiteralsOfLargeFunctions) {
  for (size_t size : {size_t{10}, size_t{9000}, size_t{300000}}) {
    for (const char* branch : {"BranchCmp %6, 0, bb1, bb2 {cond=eq, width=8, likely=2}",
                               "BranchCmp %6, 0, bb1, bb2 {cond=lt, width=8, likely=2}",
                               "BranchCmp %6, 5, bb1, bb2 {cond=ult, width=8, likely=2}"}) {
      std::string text = wrap(
          "bb0:\n  %2 = Move 81985529216486895\n  %f1 = MoveConstF {value=0.1}\n  %0 = FpToGp "
          "%f1\n  %2 = Add %2, %0 {width=8}\n  " +
              std::string(branch) + "\nbb2:\n" + filler(size) +
              "  ExitCmp %6, 77 {cond=eq, width=8, exit=0}\n  Return %2\nbb1:\n  %0 = Move 5\n  "
              "Return %0\n",
          "params=2 outgoing=0", 1);
      Result<CompiledCode> code = generate(forHost(text), hostTarget(), memory);
      ASSERT_TRUE(code) << code.bailout().detail;
      auto entry =
          reinterpret_cast<uint64_t (*)(uint64_t, uint64_t)>(code->entry(EntryKind::kRegister));
      uint64_t taken = std::strstr(branch, "=lt") != nullptr ? ~uint64_t{0} : 0;
      EXPECT_EQ(entry(0, taken), 5u) << branch << size;
      EXPECT_EQ(entry(0, 9), 81985529216486895u + std::bit_cast<uint64_t>(0.1) + size)
          << branch << size;
      memory.free(code->base);
    }
  }
}

// Long forms are used where the distance needs them and nowhere else; whatever the host.
TEST_F(Ranges, LongFormsOnlyWhereTheyAreNeeded) {
  auto text = [](size_t size) {
    return wrap("bb0:\n  BranchCmp %6, 0, bb1, bb2 {cond=ge, width=8, likely=2}\nbb2:\n" +
                    filler(size) + "  Return %2\nbb1:\n  %0 = Move 5\n  Return %0\n",
                "params=2 outgoing=0");
  };
  auto shown = [&](size_t size) {
    Result<CompiledCode> code = generate(text(size), aarch64Target(), memory);
    EXPECT_TRUE(code);
    std::string found = code ? code->disassembly : "";
    size_t at = found.find("; BranchCmp");
    return found.substr(at, found.find("; block", at) - at);
  };
  EXPECT_NE(shown(8000).find("tbz"), std::string::npos);
  EXPECT_EQ(shown(8000).find("\nb L"), std::string::npos);
  EXPECT_NE(shown(9000).find("tbnz"), std::string::npos) << shown(9000);
  EXPECT_NE(shown(9000).find("\nb L"), std::string::npos);
}

// The code's instructions of AArch64, as words.
std::vector<uint32_t> wordsOf(const CompiledCode& code) {
  std::vector<uint32_t> words(code.size / 4);
  std::memcpy(words.data(), code.base, 4 * words.size());
  return words;
}

std::string calls(int count) {
  std::string body = "bb0:\n";
  for (int i = 0; i < count; ++i) body += "  %0 = Call %0 {helper=load_global}\n";
  return wrap(body + "  Return %0\n", "params=1 outgoing=0");
}

TEST_F(Ranges, FarHelpersHaveOneStubPerCodeMemory) {
  CodeMemory far{CodeMemoryOptions{.reserve_bytes = size_t{4} << 20, .near = {0x100000000}}};
  const Target& target = aarch64Target();
  ASSERT_FALSE(far.reaches(addressOf(&give), target.callReach()));
  std::set<int64_t> destinations;
  size_t blocks = 0;
  for (int function = 0; function < 3; ++function) {
    Result<CompiledCode> code = generate(calls(50), target, far);
    ASSERT_TRUE(code) << code.bailout().detail;
    std::vector<uint32_t> words = wordsOf(*code);
    int found = 0;
    for (size_t i = 0; i < words.size(); ++i) {
      if (words[i] >> 26 != 0x25) continue;  // bl
      int64_t distance = static_cast<int32_t>(words[i] << 6) >> 4;
      int64_t to = static_cast<int64_t>(reinterpret_cast<uint64_t>(code->base)) +
                   static_cast<int64_t>(4 * i) + distance;
      if (far.contains(reinterpret_cast<void*>(to)) &&
          (to < static_cast<int64_t>(reinterpret_cast<uint64_t>(code->base)) ||
           to >= static_cast<int64_t>(reinterpret_cast<uint64_t>(code->base) + code->size))) {
        destinations.insert(to);
        ++found;
      }
    }
    EXPECT_GE(found, 50);
    if (function == 0) blocks = far.stats().blocks;
  }
  EXPECT_EQ(far.stats().blocks, blocks + 2);  // two more functions, and no stub
  // The helper, and what the vectorcall and array entries call.
  EXPECT_LE(destinations.size(), 3u);
}

TEST_F(Ranges, FurtherCallsOfOneHelperCostFewBytes) {
  for (bool near : {true, false}) {
    CodeMemory into{CodeMemoryOptions{.reserve_bytes = size_t{4} << 20,
                                      .near = {near ? addressOf(&give) : 0x100000000}}};
    uint32_t hot[2] = {};
    for (int i = 0; i < 2; ++i) {
      Result<CompiledCode> code = generate(calls(i == 0 ? 2 : 200), aarch64Target(), into);
      ASSERT_TRUE(code);
      hot[i] = code->metadata->hot_bytes;
    }
    EXPECT_LE((hot[1] - hot[0]) / 198.0, 4.0);
  }
}

TEST_F(Ranges, FarPlacementRunsOnTheHost) {
  CodeMemory far{CodeMemoryOptions{.reserve_bytes = size_t{4} << 20, .near = {0x100000000}}};
  ASSERT_FALSE(far.reaches(addressOf(&give), hostTarget().callReach()));
  std::string name = hostIsX86() ? "%7" : "%0";
  std::string body = "bb0:\n  " + name + " = Move 5\n";
  for (int i = 0; i < 3; ++i)
    body +=
        "  %0 = Call " + name + " {helper=load_global}\n" + (hostIsX86() ? "  %7 = Move %0\n" : "");
  Result<CompiledCode> code =
      generate(wrap(body + "  Return %0\n", "params=1 outgoing=0"), hostTarget(), far);
  ASSERT_TRUE(code) << code.bailout().detail;
  EXPECT_EQ(reinterpret_cast<uint64_t (*)()>(code->entry(EntryKind::kRegister))(), 8u);
}

}  // namespace
}  // namespace tephra::codegen_test
