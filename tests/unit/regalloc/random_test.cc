// Random functions through verifier, allocation, checker, and both sides through the interpreter.
#include <gtest/gtest.h>

#include <chrono>
#include <cstdlib>

#include "regalloc/checker.h"
#include "regalloc/regalloc.h"
#include "tests/unit/regalloc/generator.h"
#include "tests/unit/regalloc/interpreter.h"
#include "tests/unit/regalloc/small_target.h"

namespace tephra::regalloc_test {
namespace {

using regalloc::AllocationOptions;

uint64_t runs(uint64_t usual) {
  const char* factor = std::getenv("TEPHRA_TEST_FACTOR");
  return factor ? usual * std::strtoull(factor, nullptr, 10) : usual;
}

std::string tryOne(uint64_t seed, const Target& target, const GeneratorOptions& size,
                   const AllocationOptions& options) {
  lir::Function f;
  Generator(&f, seed, size).run();
  std::string text = lir::print(f);
  if (std::getenv("TEPHRA_TEST_TRACE"))
    fprintf(stderr, "// %s, seed %d\n%s", target.name(), static_cast<int>(seed), text.c_str());
  auto problems = lir::verify(f);
  if (!problems.empty()) return "verifier: " + problems[0] + "\n" + text;
  lir::Function again;
  lir::ParseError error{};
  if (!lir::parse(text, &again, &error)) return "parser: " + error.message + "\n" + text;
  if (lir::print(again) != text) return "text changed:\n" + text + lir::print(again);
  auto expected = Interpreter(f, target, false).run(300);
  auto snapshot = regalloc::takeSnapshot(f);
  auto result = regalloc::allocateRegisters(f, target, options);
  if (!result) return "refused: " + result.bailout().detail + "\n" + text;
  problems = regalloc::checkAllocation(snapshot, f, target);
  if (!problems.empty()) return "checker: " + problems[0] + "\n" + text + "after\n" + lir::print(f);
  problems = lir::verify(f);
  if (!problems.empty() && problems[0].find("definitions") == std::string::npos) {
    return "verifier, after: " + problems[0] + "\n" + lir::print(f);
  }
  if (Interpreter(f, target, true).run(300) != expected)
    return "does something else:\n" + text + "after\n" + lir::print(f);
  return "";
}

struct Case {
  const char* name;
  const Target* target;
};

std::vector<Case> targets() {
  static const SmallTarget x86(x86_64Target(), 0b1111 | 1 << 12, 0b111);  // rax rcx rdx rbx r12
  static const SmallTarget arm(aarch64Target(), 0b1111 | 1 << 19 | 1 << 20, 0b11 | 1 << 8);
  static const SmallTarget many(aarch64Target(), 0b111111111 | 1 << 19, 0b1111);
  return {{"x86_64", &x86_64Target()},
          {"aarch64", &aarch64Target()},
          {"x86_64 small", &x86},
          {"aarch64 small", &arm},
          {"aarch64 nine", &many}};
}

void tryMany(uint64_t count, uint64_t first_seed, const GeneratorOptions& size,
             AllocationOptions options, bool shuffle) {
  for (const Case& c : targets()) {
    int failures = 0;
    for (uint64_t seed = first_seed; seed < first_seed + count && failures < 3; ++seed) {
      if (shuffle) options.shuffle_seed = seed * 7 + 1;
      std::string problem = tryOne(seed, *c.target, size, options);
      if (!problem.empty()) {
        ++failures;
        ADD_FAILURE() << c.name << ", seed " << seed << ": " << problem;
      }
    }
  }
}

TEST(RegallocRandom, SmallFunctions) { tryMany(runs(1000), 1, {12, 1, 4}, {}, false); }
TEST(RegallocRandom, MiddleFunctions) { tryMany(runs(600), 10000, {60, 3, 8}, {}, false); }
TEST(RegallocRandom, LargeFunctions) { tryMany(runs(60), 20000, {400, 5, 20}, {}, false); }
TEST(RegallocRandom, SpillEverything) {
  AllocationOptions options;
  options.spill_everything = true;
  tryMany(runs(300), 30000, {60, 3, 8}, options, false);
}
TEST(RegallocRandom, Shuffled) { tryMany(runs(500), 40000, {60, 3, 8}, {}, true); }
TEST(RegallocRandom, ShuffledAndSpilled) {
  AllocationOptions options;
  options.spill_everything = true;
  tryMany(runs(200), 50000, {40, 3, 8}, options, true);
}

TEST(RegallocRandom, Deterministic) {
  for (uint64_t seed = 1; seed < 50; ++seed) {
    std::string first;
    for (int time = 0; time < 2; ++time) {
      lir::Function f;
      Generator(&f, seed, {100, 3, 8}).run();
      ASSERT_TRUE(static_cast<bool>(regalloc::allocateRegisters(f, x86_64Target())));
      std::string text = lir::print(f);
      if (time == 0)
        first = text;
      else
        EXPECT_EQ(text, first);
    }
  }
}

TEST(RegallocRandom, CompileTime) {
  for (const Case& c : {targets()[0], targets()[1]}) {
    for (int size : {300, 1200}) {
      std::vector<double> times;
      int instructions = 0;
      for (uint64_t seed = 1; seed <= 60; ++seed) {
        lir::Function f;
        Generator(&f, seed * 977, {size, 8, 10}).run();
        int count = 0;
        for (lir::Block* block : f.blocks())
          for (lir::Instr* i = block->first; i; i = i->next) ++count;
        if (count < size * 3 / 4) continue;
        auto start = std::chrono::steady_clock::now();
        ASSERT_TRUE(static_cast<bool>(regalloc::allocateRegisters(f, *c.target)));
        std::chrono::duration<double, std::micro> time = std::chrono::steady_clock::now() - start;
        times.push_back(time.count());
        instructions += count;
      }
      if (times.empty()) continue;
      std::sort(times.begin(), times.end());
      printf("%s: %zu functions of %zu instructions, median %.0f us, worst %.0f us\n", c.name,
             times.size(), static_cast<size_t>(instructions) / times.size(),
             times[times.size() / 2], times.back());
    }
  }
}

}  // namespace
}  // namespace tephra::regalloc_test
