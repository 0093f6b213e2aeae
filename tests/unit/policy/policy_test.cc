// The policy: what pays, within which budget, by the costs that were measured.
#include <gtest/gtest.h>

#include "policy/policy.h"

namespace tephra::policy {
namespace {

constexpr CpuTime kMs = 1'000'000;
constexpr CpuTime kLong = 60'000 * kMs;

TEST(Policy, AFunctionPaysWhenItTookTwiceWhatCompilingCosts) {
  const Policy policy;
  const CpuTime cost = policy.expectedCost(100);
  EXPECT_EQ(policy.judge({2 * cost - 1000, 100, 0}, kLong), Verdict::kWait);
  EXPECT_EQ(policy.judge({2 * cost + 1000, 100, 0}, kLong), Verdict::kCompile);
  EXPECT_EQ(policy.judge({0, 100, 0}, kLong), Verdict::kWait);
}

TEST(Policy, LongFunctionsMustBeHotter) {
  const Policy policy;
  EXPECT_GT(policy.worth({10 * kMs, 50, 0}), policy.worth({10 * kMs, 500, 0}));
  EXPECT_DOUBLE_EQ(policy.worth({10 * kMs, 50, 0}), policy.worth({100 * kMs, 500, 0}));
}

TEST(Policy, SmallFunctionsLetTheirCallersGoFirst) {
  const Policy policy;
  auto worth = [&](uint32_t units, bool loops, Caller caller) {
    return policy.worth({10 * kMs, units, 0, loops, caller});
  };
  EXPECT_EQ(worth(20, false, Caller::kInterpreted), 0);
  EXPECT_GT(worth(20, true, Caller::kInterpreted), 0);
  EXPECT_GT(worth(100, false, Caller::kInterpreted), 0);
  EXPECT_LT(worth(20, false, Caller::kCompilable), worth(20, false, Caller::kOutside));
  EXPECT_GT(worth(20, false, Caller::kCompilable), 0);
  EXPECT_DOUBLE_EQ(worth(100, false, Caller::kCompilable), worth(100, false, Caller::kOutside));
}

TEST(Policy, CodeThatWasTakenOutMustBeHotterEachTime) {
  const Policy policy;
  for (uint32_t times = 0; times < 5; ++times) {
    EXPECT_DOUBLE_EQ(policy.worth({10 * kMs, 50, times}),
                     2 * policy.worth({10 * kMs, 50, times + 1}));
  }
  EXPECT_GT(policy.worth({10 * kMs, 50, 4'000'000'000U}), 0);
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
  EXPECT_EQ(none.judge({kLong, 10, 0}, kLong), Verdict::kOverBudget);
  EXPECT_EQ(none.judge({0, 10, 0}, kLong), Verdict::kWait);
}

TEST(Policy, SpendingEndsWhereTheBudgetDoes) {
  Policy policy;
  CpuTime took = 0;
  const CpuTime used = 1000 * kMs;
  for (int i = 0; i < 1000 && policy.judge({kLong, 100, 0}, used) == Verdict::kCompile; ++i) {
    took += 2 * kMs;
    policy.spend(100, 2 * kMs);
  }
  EXPECT_EQ(policy.spent(), took);
  EXPECT_LE(took, policy.allowed(used));
  EXPECT_GT(took, policy.allowed(used) - 5 * kMs);
  EXPECT_EQ(policy.judge({kLong, 100, 0}, used), Verdict::kOverBudget);
  EXPECT_EQ(policy.judge({kLong, 100, 0}, used + 500 * kMs), Verdict::kCompile);
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
