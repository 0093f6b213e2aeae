// Options are set from text; what cannot be set changes nothing and says why in one line.
#include <gtest/gtest.h>

#include "options/options.h"

namespace tephra {
namespace {

TEST(Options, AreSetByEitherSpelling) {
  Options options;
  EXPECT_EQ(setOption(&options, "compile-after", "7"), "");
  EXPECT_EQ(options.compile_after, 7);
  EXPECT_EQ(setOption(&options, "compile_after", "8"), "");
  EXPECT_EQ(optionValue(options, "compile-after"), "8");
}

TEST(Options, ABadValueLeavesTheOldOne) {
  Options options;
  EXPECT_EQ(
      setOption(&options, "compile-after", "x"),
      "tephra: option compile-after: bad value 'x'; expected a whole number in -1..1000000000");
  EXPECT_EQ(setOption(&options, "summary", "maybe"),
            "tephra: option summary: bad value 'maybe'; expected 0 or 1");
  EXPECT_EQ(setOption(&options, "dump", "hir,foo"),
            "tephra: option dump: bad value 'foo'; expected a comma-separated list of "
            "hir,hir-passes,lir,lir-phases,asm,bytecode");
  EXPECT_EQ(options.compile_after, -1);
  EXPECT_FALSE(options.summary);
  EXPECT_EQ(options.dump, "");
}

TEST(Options, AnUnknownOneIsAnsweredByThoseNearIt) {
  Options options;
  EXPECT_EQ(setOption(&options, "sumary", "1"),
            "tephra: unknown option 'sumary'; near it are: summary");
  EXPECT_EQ(setOption(&options, "compil_after", "1"),
            "tephra: unknown option 'compil_after'; near it are: compile-after, recompile-after, "
            "compile-after-ms");
  EXPECT_EQ(setOption(&options, "perf", "1"),
            "tephra: unknown option 'perf'; near it are: perf-map");
  EXPECT_EQ(setOption(&options, "frobnicate", "1"), "tephra: unknown option 'frobnicate'");
}

}  // namespace
}  // namespace tephra
