// The runner: names, switches, dumps, timing, and that a pass is held to what it says.
#include "passes/pipeline.h"

#include <gtest/gtest.h>

#include <set>

namespace tephra::passes {
namespace {

const char* const kText =
    "fun f {\nbb0:\n  v0:Object = LoadArg {index=0}\n  v1:Bool = PtrEqual v0, v0\n"
    "  PushFrame\n  LeaveFrame aux[0]\n  Return v0\n}\n";

void parsed(hir::Function* function) {
  hir::ParseError error{};
  ASSERT_TRUE(hir::parse(kText, function, &error)) << error.message;
}

TEST(Pipeline, NamesAreUniqueAndFound) {
  std::set<std::string> names;
  for (const PassInstance& instance : pipeline()) {
    EXPECT_TRUE(names.insert(instance.name).second) << instance.name;
    std::string name = instance.name;
    EXPECT_EQ(name.substr(0, name.find('$')), instance.pass);
    EXPECT_NE(findPass(instance.pass), nullptr);
  }
  EXPECT_EQ(findPass("nonsense"), nullptr);
  // Releases need positions: the counts come first, and nothing but the positions behind them.
  EXPECT_STREQ(pipeline().back().name, "position_stores");
  EXPECT_STREQ(pipeline()[pipeline().size() - 2].name, "refcount_insertion");
}

TEST(Pipeline, RunsDumpsAndTimesEveryPass) {
  hir::Function function(nullptr);
  parsed(&function);
  PassContext context;
  context.options.verify = true;
  std::vector<std::string> dumped;
  context.dump = [&](const char* pass, const hir::Function&) { dumped.push_back(pass); };
  runPipeline(function, context);
  EXPECT_TRUE(context.errors.empty());
  EXPECT_EQ(context.timings.size(), pipeline().size());
  ASSERT_EQ(dumped.size(), pipeline().size() + 1);
  EXPECT_EQ(dumped[0], "");
}

TEST(Pipeline, PassesAreSwitchedOffByName) {
  PassContext context;
  EXPECT_TRUE(context.options.disable("simplify"));
  EXPECT_TRUE(context.options.disable("refcount_insertion"));  // required: runs all the same
  EXPECT_FALSE(context.options.disable("nonsense"));
  EXPECT_EQ(context.options.disabled.count(), 4u);
  hir::Function function(nullptr);
  parsed(&function);
  runPipeline(function, context);
  bool refcounts = false;
  for (const PhaseTiming& timing : context.timings) {
    EXPECT_EQ(std::string(timing.name).find("simplify"), std::string::npos);
    refcounts |= std::string(timing.name) == "refcount_insertion";
  }
  EXPECT_TRUE(refcounts);
  PassOptions one;
  EXPECT_TRUE(one.disable("simplify$after_unbox"));
  EXPECT_EQ(one.disabled.count(), 1u);
}

// The table gives every pass that may be left out an option, which switches all its instances off.
TEST(Pipeline, OptionsSwitchPassesOff) {
  PassOptions usual;
  usual.disableAsIn(Options());
  EXPECT_EQ(usual.disabled.count(), 0u);
  Options options;
  ASSERT_EQ(setOption(&options, "pass-simplify", "0"), "");
  ASSERT_EQ(setOption(&options, "pass-dce", "0"), "");
  PassOptions without, by_name;
  without.disableAsIn(options);
  by_name.disable("simplify");
  by_name.disable("dce");
  EXPECT_EQ(without.disabled, by_name.disabled);
  for (const PassInstance& instance : pipeline()) {
    const bool always = instance.required();
    EXPECT_NE(always, !optionValue(options, "pass-" + std::string(instance.pass)).empty())
        << instance.name;
  }
}

// Before each exit of its own, and before what only raises unless a part of the instruction has
// been done: the second BinaryOp of offset 5 not, the one at offset 7 again. Not before a call,
// whose state is that behind it.
TEST(Pipeline, StressExitsStandWhereTheInterpreterCouldTakeOver) {
  const char* text =
      "fun f {\nbb0:\n  v0:Object = LoadArg {index=0}\n  PushFrame\n"
      "  v1:State = FrameState v0 {offset=3, raise_offset=3, nstack=1}\n"
      "  v2:Int = GuardType v0, v1 {type=Int} @3\n"
      "  v3:State = FrameState v0 {offset=5, raise_offset=5, nstack=1}\n"
      "  v4:Object = BinaryOp v0, v0, v3 {kind=add} @5\n"
      "  v5:Object = BinaryOp v4, v0, v3 {kind=add} @5\n"
      "  v6:State = FrameState v5 {offset=7, raise_offset=7, nstack=1}\n"
      "  v7:Object = BinaryOp v5, v0, v6 {kind=add} @7\n"
      "  v8:State = FrameState v0 {offset=9, raise_offset=9, nstack=1}\n"
      "  v9:Object = Call v7, v8 {kwnames=none} @9\n"
      "  LeaveFrame aux[0] @10\n  Return v9 @10\n}\n";
  for (uint64_t counter : {uint64_t{0}, uint64_t{4096}}) {
    hir::Function function(nullptr);
    hir::ParseError error{};
    ASSERT_TRUE(hir::parse(text, &function, &error)) << error.line << ": " << error.message;
    PassContext context;
    context.options.verify = true;
    context.stress_counter = counter;
    ASSERT_TRUE(runPass(*findPass("stress_deopt"), function, context)) << context.errors.front();
    std::vector<uint32_t> places;
    for (hir::Instr* instr = function.entry()->first; instr; instr = instr->next) {
      if (instr->op == hir::Op::kStressExit) places.push_back(instr->offset);
    }
    EXPECT_EQ(places, counter ? (std::vector<uint32_t>{3, 5, 7}) : std::vector<uint32_t>{});
  }
}

TEST(Pipeline, InputAndPassesAreVerified) {
  hir::Function function(nullptr);
  parsed(&function);
  PassContext context;
  context.options.verify = true;
  PassInstance lies{"lies", "lies",
                    [](hir::Function& f, PassContext&) {
                      f.entry()->cold = true;
                      return false;
                    },
                    nullptr, ""};
  EXPECT_FALSE(runPass(lies, function, context));
  ASSERT_EQ(context.errors.size(), 1u);
  EXPECT_NE(context.errors[0].find("says that it did not"), std::string::npos);
  context.errors.clear();
  PassInstance breaks{"breaks", "breaks",
                      [](hir::Function& f, PassContext&) {
                        hir::Function::remove(f.entry()->last);
                        return true;
                      },
                      nullptr, ""};
  EXPECT_FALSE(runPass(breaks, function, context));
  ASSERT_FALSE(context.errors.empty());
  EXPECT_EQ(context.errors[0].rfind("breaks: ", 0), 0u);
  context.errors.clear();
  runPipeline(function, context);
  ASSERT_FALSE(context.errors.empty());
  EXPECT_EQ(context.errors[0].rfind("input: ", 0), 0u);
}

}  // namespace
}  // namespace tephra::passes
