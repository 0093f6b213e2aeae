// The policy: what pays, within which budget, by the costs that were measured.
#include <gtest/gtest.h>

#include <random>
#include <vector>

#include "policy/policy.h"

namespace tephra::policy {
namespace {

constexpr CpuTime kMs = 1'000'000;
constexpr CpuTime kLong = 60'000 * kMs;

// A function of `units` that was seen for `seen` without a pause, long after the start.
Heat hot(CpuTime seen, uint32_t units = 100, uint32_t recompiles = 0) {
  Heat heat;
  heat.seen = seen;
  heat.since = kLong - seen;
  heat.units = heat.work = units;
  heat.recompiles = recompiles;
  return heat;
}

TEST(Policy, AFunctionThatTakesAnEighthPaysWhenItTookTwiceWhatCompilingCosts) {
  const Policy policy;
  const CpuTime cost = policy.expectedCost(5000);
  EXPECT_EQ(policy.judge(hot(2 * cost - 1000, 5000), kLong), Verdict::kWait);
  EXPECT_EQ(policy.judge(hot(2 * cost + 1000, 5000), kLong), Verdict::kCompile);
  EXPECT_EQ(policy.judge(hot(0), kLong), Verdict::kWait);
}

TEST(Policy, OneOfManyLukewarmFunctionsMustBeSeenLonger) {
  const Policy policy;
  const CpuTime cost = policy.expectedCost(100);
  Heat heat = hot(0);
  heat.since = 0;
  // Of a minute: a tenth as warm, which saves a thousandth of what heat does.
  heat.seen = kLong / 80;
  EXPECT_NEAR(policy.worth(heat, kLong) * static_cast<double>(cost),
              static_cast<double>(heat.seen) * kSaved / 1000, 10);
  // The less of all time it takes, the more it must be.
  double last = 2 * policy.worth(heat, kLong / 10000);
  for (CpuTime used = kLong / 10000; used <= kLong; used *= 10) {
    EXPECT_LE(policy.worth(heat, used), last);
    last = policy.worth(heat, used);
  }
}

TEST(Policy, OneLongSampleTellsLessThanManyShortOnes) {
  const Policy policy;
  const CpuTime cost = policy.expectedCost(100);
  Heat heat = hot(50 * cost);  // all of the time since it was seen first: hot by any measure
  heat.sample = kMs;
  EXPECT_EQ(policy.judge(heat, kLong), Verdict::kCompile);
  heat.sample = heat.seen;  // a 25th of what it may stand for: a third of hot, of which the cube
  const double hotness = 1.0 / 25 / 0.125;
  EXPECT_NEAR(policy.worth(heat, kLong), 50 * kSaved * hotness * hotness * hotness, 0.01);
  heat.seen *= 2;  // the second one
  EXPECT_NEAR(policy.worth(heat, kLong), 8 * 2 * 50 * kSaved * hotness * hotness * hotness, 0.02);
}

// Samples of 2 ms from `begin` on, of so many functions at random.
void runAny(Mix* mix, std::vector<Mix::Share>* shares, CpuTime begin, int samples) {
  std::minstd_rand random(7);
  for (int i = 0; i < samples; ++i) {
    Mix::Share* share = &(*shares)[random() / 7 % shares->size()];
    mix->note(share, 2 * kMs, begin + static_cast<CpuTime>(i) * 2 * kMs);
  }
}

TEST(Mix, CountsTheFunctionsThatRunTogether) {
  for (size_t functions : {1, 4, 20, 100}) {
    Mix mix;
    std::vector<Mix::Share> shares(functions);
    runAny(&mix, &shares, 0, 2000);
    EXPECT_NEAR(mix.functions(), static_cast<double>(functions),
                0.15 * static_cast<double>(functions));
  }
}

TEST(Mix, IsOfVeryManyUntilAFunctionIsMetAgain) {
  Mix mix;
  EXPECT_GT(mix.functions(), 1000);
  std::vector<Mix::Share> shares(50);
  for (CpuTime i = 0; i < 50; ++i) mix.note(&shares[i], 2 * kMs, i * 2 * kMs);
  EXPECT_GT(mix.functions(), 1000);
  mix.note(&shares[3], 2 * kMs, 100 * kMs);
  EXPECT_LT(mix.functions(), 2000);
  EXPECT_GT(mix.functions(), 500);
}

TEST(Mix, SeesThroughSamplesThatAreFarApart) {
  Mix mix;  // each counts for half a second, in which there are few
  std::vector<Mix::Share> shares(100);
  for (size_t i = 0; i < 10'000; ++i) mix.note(&shares[i * 37 % 100], 16 * kMs, i * 16 * kMs);
  EXPECT_GT(mix.functions(), 80);
}

TEST(Mix, ForgetsWhatRanBefore) {
  Mix mix;
  std::vector<Mix::Share> before(100), now(3);
  runAny(&mix, &before, 0, 1000);
  runAny(&mix, &now, 2000 * kMs, 100);
  EXPECT_GT(mix.functions(), 3.5);
  runAny(&mix, &now, 2200 * kMs, 1500);
  EXPECT_LT(mix.functions(), 3.2);
}

TEST(Mix, CodeThatIsNeverCompiledIsOfOthers) {
  Mix mix;
  Mix::Share share;
  for (CpuTime i = 0; i < 1000; ++i) mix.note(i % 2 == 0 ? &share : nullptr, 2 * kMs, i * 2 * kMs);
  EXPECT_NEAR(mix.functions(), 4, 0.2);  // two samples meet it with the chance of a half, each
}

TEST(Policy, WhereFewFunctionsRunLukewarmOnesPaySooner) {
  Heat heat = hot(0);
  heat.since = 0;
  heat.seen = kLong / 80;
  auto worth = [&](size_t functions) {
    Policy policy;
    std::vector<Mix::Share> shares(functions);
    runAny(&policy.mix, &shares, 0, 3000);
    return policy.worth(heat, kLong);
  };
  EXPECT_DOUBLE_EQ(worth(100), Policy().worth(heat, kLong));
  EXPECT_DOUBLE_EQ(worth(20), worth(100));
  EXPECT_NEAR(worth(10) / worth(100), 1.875 * 1.875 * 1.875, 1);
  EXPECT_NEAR(worth(1) / worth(100), 1000, 1);  // hot: more is not to be had
}

TEST(Policy, TimeInLoopsCountsMoreWhereItIsLukewarm) {
  const Policy policy;
  Heat called = hot(0), looped = hot(0);
  called.since = looped.since = 0;
  called.seen = looped.seen = looped.looped = kLong / 40;
  EXPECT_DOUBLE_EQ(policy.worth(looped, kLong), 5 * policy.worth(called, kLong));
  called.seen = looped.seen = looped.looped = kLong / 8;  // hot
  EXPECT_DOUBLE_EQ(policy.worth(looped, kLong), policy.worth(called, kLong));
}

TEST(Policy, AtFirstSightAShareIsOfMoreThanTheMomentThatWasSeen) {
  const Policy policy;
  // 5 ms: a fortieth of the least that shares are of.
  EXPECT_NEAR(policy.worth(hot(5 * kMs), kLong) * static_cast<double>(policy.expectedCost(100)),
              5.0 * kMs * 0.5 / (5 * 5 * 5), 10);
}

TEST(Policy, LongFunctionsMustBeHotter) {
  const Policy policy;
  EXPECT_GT(policy.worth(hot(10 * kMs, 50), kLong), policy.worth(hot(10 * kMs, 500), kLong));
  // But they cost something for themselves, too.
  EXPECT_GT(10 * policy.expectedCost(50), policy.expectedCost(500));
  EXPECT_LT(policy.expectedCost(50), policy.expectedCost(100));
}

TEST(Policy, SmallFunctionsLetTheirCallersGoFirst) {
  const Policy policy;
  auto worth = [&](uint32_t work, bool loops, Caller caller) {
    Heat heat = hot(20 * kMs);
    heat.work = work;
    heat.loops = loops;
    heat.caller = caller;
    return policy.worth(heat, kLong);
  };
  EXPECT_EQ(worth(20, false, Caller::kInterpreted), 0);
  EXPECT_GT(worth(20, true, Caller::kInterpreted), 0);
  EXPECT_GT(worth(100, false, Caller::kInterpreted), 0);
  EXPECT_LT(worth(20, false, Caller::kCompilable), worth(20, false, Caller::kOutside));
  EXPECT_GT(worth(20, false, Caller::kCompilable), 0);
  EXPECT_DOUBLE_EQ(worth(100, false, Caller::kCompilable), worth(100, false, Caller::kOutside));
}

TEST(Policy, CallsFromAndToCompiledCodeCountInFull) {
  const Policy policy;
  const CpuTime cost = policy.expectedCost(20);
  Heat heat = hot(0, 20);
  heat.caller = Caller::kInterpreted;
  heat.crossed = cost - 1000;
  EXPECT_EQ(policy.judge(heat, kLong), Verdict::kWait);
  heat.crossed = cost + 1000;
  EXPECT_EQ(policy.judge(heat, kLong), Verdict::kCompile);
}

TEST(Policy, CrossingsCountForMoreWhereFewFunctionsRunInTheBeginningOnlyIfTheyAreMany) {
  // Of calls that have cost so much of what compiling will, after `passed`, in a process that has
  // used `used` and where so many functions take turns: how much more they count than they cost.
  auto worth = [](size_t functions, CpuTime passed, CpuTime used, uint64_t part = 10) {
    Policy policy;
    std::vector<Mix::Share> shares(functions);
    for (uint64_t now = 0; now < 100 * functions; ++now) {
      policy.mix.note(&shares[now % functions], kMs / 100, now * kMs / 100);
    }
    Heat heat = hot(0, 20);
    heat.crossed = policy.expectedCost(20) / part;
    heat.since = used - passed;
    return static_cast<double>(part) * policy.worth(heat, used);
  };
  const CpuTime soon = 10 * kMs, crossed = Policy().expectedCost(20) / 10, begun = 1000 * kMs;
  EXPECT_NEAR(worth(40, soon, begun), 4, 0.2);
  EXPECT_NEAR(worth(120, soon, begun), 1, 1e-3);
  // A 500th of the time: four times the share. At first, of 20 ms.
  EXPECT_NEAR(worth(5, crossed * 500, begun), 4, 1e-2);
  EXPECT_NEAR(worth(5, crossed * 4000, begun), 1, 1e-3);
  EXPECT_NEAR(worth(5, soon, begun), static_cast<double>(crossed) / (20.0 * kMs) / 0.0005, 1e-2);
  EXPECT_NEAR(worth(5, soon, begun, 1), 16, 1e-2);
  EXPECT_NEAR(worth(1, soon, begun, 2), 16, 1e-2);
  for (const CpuTime passed : {soon, crossed * 4000}) {
    EXPECT_NEAR(worth(5, passed, begun + crossed * 4000), 16, 1e-2);
    EXPECT_NEAR(worth(40, passed, begun + crossed * 4000), 4, 0.2);
    EXPECT_NEAR(worth(120, passed, begun + crossed * 4000), 1, 1e-3);
  }
}

TEST(Policy, CodeThatWasTakenOutMustBeHotterEachTime) {
  const Policy policy;
  for (uint32_t times = 0; times < 5; ++times) {
    EXPECT_DOUBLE_EQ(policy.worth(hot(10 * kMs, 50), kLong),
                     (times + 1) * policy.worth(hot(10 * kMs, 50, times), kLong));
  }
  EXPECT_GT(policy.worth(hot(10 * kMs, 50, 4'000'000'000U), kLong), 0);
}

TEST(Policy, TheBudgetIsAnAdvanceThenATwentiethThenATenth) {
  const Policy policy;
  EXPECT_EQ(policy.allowed(0), 50 * kMs);
  EXPECT_EQ(policy.allowed(1000 * kMs), 100 * kMs);
  EXPECT_EQ(policy.allowed(3000 * kMs), 200 * kMs);
  EXPECT_EQ(policy.allowed(13'000 * kMs), 1200 * kMs);
  EXPECT_EQ(Policy(50).allowed(3000 * kMs), 100 * kMs);
  EXPECT_EQ(Policy(0).allowed(kLong), 0);
}

TEST(Policy, BudgetZeroRefusesWhatWouldPay) {
  const Policy none(0);
  EXPECT_EQ(none.judge(hot(kLong, 10), kLong), Verdict::kOverBudget);
  EXPECT_EQ(none.judge(hot(0, 10), kLong), Verdict::kWait);
}

TEST(Policy, SpendingEndsWhereTheBudgetDoes) {
  Policy policy;
  CpuTime took = 0;
  const CpuTime used = 1000 * kMs;
  for (int i = 0; i < 1000 && policy.judge(hot(kLong), used) == Verdict::kCompile; ++i) {
    took += 2 * kMs;
    policy.spend(100, 2 * kMs);
  }
  EXPECT_EQ(policy.spent(), took);
  EXPECT_LE(took, policy.allowed(used));
  EXPECT_GT(took, policy.allowed(used) - 5 * kMs);
  EXPECT_EQ(policy.judge(hot(kLong), used), Verdict::kOverBudget);
  EXPECT_EQ(policy.judge(hot(kLong), used + 500 * kMs), Verdict::kCompile);
}

TEST(Policy, TheCostOfAUnitIsMeasured) {
  Policy slow, fast;
  for (int i = 0; i < 100; ++i) {
    slow.spend(100, 10 * kMs);
    fast.spend(100, kMs / 10);
  }
  EXPECT_NEAR(static_cast<double>(slow.expectedCost(100)), 10.0 * kMs, 0.3 * kMs);
  EXPECT_NEAR(static_cast<double>(fast.expectedCost(100)), 0.1 * kMs, 0.05 * kMs);
  for (int i = 0; i < 2000; ++i) slow.spend(100, kMs / 10);  // what was long ago counts less
  EXPECT_LT(slow.expectedCost(100), kMs / 2);
}

}  // namespace
}  // namespace tephra::policy
