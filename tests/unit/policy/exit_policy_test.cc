// What follows from exits: keep, compile again, give up; by counts, by cost, by the rate.
#include <gtest/gtest.h>

#include "policy/exit_policy.h"

namespace tephra::policy {
namespace {

constexpr uint64_t kMs = 1'000'000;
uint64_t now_ns = 0;
uint64_t fakeClock() { return now_ns; }

class ExitPolicyTest : public testing::Test {
 protected:
  void SetUp() override { now_ns = kMs; }

  // `count` exits of one unit, each `apart` nanoseconds after the one before it; until something
  // else than keeping it is said. The number of the exit at which that was, or 0.
  uint64_t leave(ExitHistory* history, uint64_t count, uint64_t apart, ExitFacts facts = {}) {
    for (uint64_t i = 1; i <= count; ++i) {
      now_ns += apart;
      ++facts.unit_exits;
      verdict_ = policy_.judge(rules_, facts, history);
      if (verdict_ != ExitVerdict::kKeep) return i;
    }
    return 0;
  }

  ExitVerdict judge(const ExitFacts& facts) {
    ExitHistory history;
    return policy_.judge(rules_, facts, &history);
  }

  static ExitFacts assumption(uint64_t count, uint64_t lost_ns, uint64_t compile_ns) {
    ExitFacts facts;
    facts.nature = ExitNature::kAssumption;
    facts.count = count;
    facts.lost_ns = lost_ns;
    facts.compile_ns = compile_ns;
    return facts;
  }

  ExitRules rules_{.rate = 8000, .give_up_raising = 200, .max_recompiles = 8};
  ExitPolicy policy_{fakeClock};
  ExitVerdict verdict_ = ExitVerdict::kKeep;
};

constexpr uint64_t kGone = ExitPolicy::kStrikes * ExitPolicy::kWindow + 1;

TEST_F(ExitPolicyTest, AnAssumptionInALongLoopIsRelearnedAfterTheSecondTime) {
  EXPECT_EQ(judge(assumption(1, 0, 3 * kMs)), ExitVerdict::kKeep);
  EXPECT_EQ(judge(assumption(1, 900 * kMs, 3 * kMs)), ExitVerdict::kKeep);
  EXPECT_EQ(judge(assumption(2, 900 * kMs, 3 * kMs)), ExitVerdict::kRelearn);
}

TEST_F(ExitPolicyTest, OneInFrontOfAReturnMayFailThousandsOfTimes) {
  const uint64_t enough = 2 * 3 * kMs / ExitPolicy::kExitNs;
  EXPECT_GT(enough, 10'000u);
  EXPECT_EQ(judge(assumption(enough - 1, 0, 3 * kMs)), ExitVerdict::kKeep);
  EXPECT_EQ(judge(assumption(enough, 0, 3 * kMs)), ExitVerdict::kRelearn);
}

TEST_F(ExitPolicyTest, WhatCostsMoreToCompileMustLoseMore) {
  EXPECT_EQ(judge(assumption(10, 7 * kMs, 3 * kMs)), ExitVerdict::kRelearn);
  EXPECT_EQ(judge(assumption(10, 7 * kMs, 4 * kMs)), ExitVerdict::kKeep);
}

TEST_F(ExitPolicyTest, AnExactCountIsTheOnlyMeasureWhereItIsGiven) {
  rules_.recompile_after = 5;
  EXPECT_EQ(judge(assumption(4, 900 * kMs, kMs)), ExitVerdict::kKeep);
  EXPECT_EQ(judge(assumption(5, 0, kMs)), ExitVerdict::kRelearn);
}

TEST_F(ExitPolicyTest, RecompilationsEnd) {
  ExitFacts facts = assumption(2, 900 * kMs, kMs);
  facts.recompiles = 7;
  EXPECT_EQ(judge(facts), ExitVerdict::kRelearn);
  facts.recompiles = 8;
  EXPECT_EQ(judge(facts), ExitVerdict::kFailsTooOften);
}

TEST_F(ExitPolicyTest, ToolsAreLearnedAfterSomeCalls) {
  ExitFacts facts = assumption(ExitPolicy::kToolsAfter - 1, 900 * kMs, kMs);
  facts.nature = ExitNature::kTools;
  EXPECT_EQ(judge(facts), ExitVerdict::kKeep);
  ++facts.count;
  EXPECT_EQ(judge(facts), ExitVerdict::kRelearn);
}

TEST_F(ExitPolicyTest, RaisingInThreeOfFourCallsIsGivenUpAtTheLimit) {
  ExitFacts facts;
  facts.raised = 200;
  facts.calls = 266;
  EXPECT_EQ(judge(facts), ExitVerdict::kRaisesTooOften);
  facts.calls = 267;
  EXPECT_EQ(judge(facts), ExitVerdict::kKeep);
  facts.raised = 199;
  facts.calls = 199;
  EXPECT_EQ(judge(facts), ExitVerdict::kKeep);
  facts.raised = 1000;
  facts.calls = 0;  // not counted
  EXPECT_EQ(judge(facts), ExitVerdict::kKeep);
  facts.calls = 1000;
  rules_.give_up_raising = 0;
  EXPECT_EQ(judge(facts), ExitVerdict::kKeep);
}

TEST_F(ExitPolicyTest, ExceptionsAboveTheRateAreGivenUp) {
  ExitHistory history;
  EXPECT_EQ(leave(&history, 100'000, 124'000), kGone);  // a little more than 8,000 a second
  EXPECT_EQ(verdict_, ExitVerdict::kLeavesTooOften);
}

TEST_F(ExitPolicyTest, ExceptionsBelowTheRateAreKept) {
  ExitHistory history;
  EXPECT_EQ(leave(&history, 100'000, 126'000), 0u);
}

TEST_F(ExitPolicyTest, NoRateIsNoBound) {
  ExitHistory history;
  rules_.rate = 0;
  EXPECT_EQ(leave(&history, 100'000, 1), 0u);
}

TEST_F(ExitPolicyTest, ABurstIsForgotten) {
  ExitHistory history;
  const uint64_t burst = (ExitPolicy::kStrikes - 1) * uint64_t{ExitPolicy::kWindow};
  for (int i = 0; i < 20; ++i) {
    EXPECT_EQ(leave(&history, burst, 100), 0u);
    EXPECT_EQ(leave(&history, ExitPolicy::kWindow, 200'000), 0u);
  }
}

TEST_F(ExitPolicyTest, AnAssumptionAboveTheRateIsRelearned) {
  ExitHistory history;
  EXPECT_EQ(leave(&history, 100'000, 100, assumption(1, 0, 3 * kMs)), kGone);
  EXPECT_EQ(verdict_, ExitVerdict::kRelearn);
}

TEST_F(ExitPolicyTest, WhoLeavesInFewCallsGainsMoreThanThat) {
  ExitHistory history;
  ExitFacts facts;
  facts.calls = 200'000 * ExitPolicy::kSeldom;
  EXPECT_EQ(leave(&history, 100'000, 100, facts), 0u);
}

TEST_F(ExitPolicyTest, WhoLeavesMostGoesFirst) {
  ExitHistory often, seldom;
  uint64_t gone = 0;
  for (int round = 0; round < 1000 && gone == 0; ++round) {
    gone = leave(&often, 9, 1000);
    if (gone == 0) {
      EXPECT_EQ(leave(&seldom, 1, 1000), 0u);
    }
  }
  EXPECT_NE(gone, 0u);
  // Alone, and with more than the rate, it is next.
  EXPECT_NE(leave(&seldom, 10'000, 1000), 0u);
}

TEST_F(ExitPolicyTest, WhoSharesAStormGoesWithIt) {
  ExitHistory histories[50];
  int gone = 0;
  for (int round = 0; round < 1000; ++round) {
    for (ExitHistory& history : histories) {
      if (history.strikes < ExitPolicy::kStrikes && leave(&history, 1, 1000) != 0) ++gone;
    }
  }
  EXPECT_EQ(gone, 50);
}

}  // namespace
}  // namespace tephra::policy
