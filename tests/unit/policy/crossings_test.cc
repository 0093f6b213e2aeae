// Calls between compiled code and interpreted, against what the code between them saves.
#include <gtest/gtest.h>

#include "policy/crossings.h"

namespace tephra::policy {
namespace {

constexpr uint64_t kMany = 1'000'000;
// So many instructions for each call save as much as it loses.
constexpr uint32_t kEven = 2 * Crossings::kCallNs / Crossings::kTwoSaveNs;

TEST(Crossings, AFewAreNotNoticed) {
  Crossings few;
  few.enter(Crossings::kNoticedNs / Crossings::kCallNs);
  EXPECT_FALSE(few.lose(0, 0));
  few.enter(1);
  EXPECT_TRUE(few.lose(0, 0));
}

TEST(Crossings, WhatComesBackIsPutAsideSooner) {
  Crossings few;
  few.enter(Crossings::kNoticedForAWhileNs / Crossings::kCallNs + 1);
  EXPECT_FALSE(few.lose(0, 0));
  EXPECT_TRUE(few.lose(0, 0, Crossings::kNoticedForAWhileNs));
  EXPECT_FALSE(few.lose(kEven, 0, Crossings::kNoticedForAWhileNs));
}

TEST(Crossings, CallsOfLittleCodeLose) {
  Crossings in;
  in.enter(kMany);
  EXPECT_EQ(in.lost_ns(), kMany * Crossings::kCallNs);
  EXPECT_TRUE(in.lose(kEven / 2, 0));
  EXPECT_FALSE(in.lose(kEven, 0));
}

TEST(Crossings, EachCallOutNeedsItsOwnInstructions) {
  Crossings one;
  one.leave(10, kEven, kMany);
  EXPECT_FALSE(one.lose(kEven, 0));
  one.leave(20, kEven, kMany);  // in the same run of the code
  EXPECT_TRUE(one.lose(kEven, 0));
}

TEST(Crossings, ALoopIsWorthWhatRunsInIt) {
  Crossings loop;
  loop.leave(10, kEven / 2, kMany);  // of a loop in a long function that is called once
  EXPECT_TRUE(loop.lose(10 * kEven, 0));
}

TEST(Crossings, ItIsKnownWhereCallsAre) {
  Crossings calls;
  calls.leave(10, 5, 1);
  EXPECT_TRUE(calls.leavesWithin(10, 11));
  EXPECT_FALSE(calls.leavesWithin(5, 10));
  EXPECT_FALSE(calls.leavesWithin(11, 20));
}

TEST(Crossings, TimeInCompiledCodeOutweighsThem) {
  Crossings in;
  in.enter(kMany);
  const uint64_t enough = kMany * Crossings::kCallNs * 100 / Crossings::kSavedPercent;
  EXPECT_TRUE(in.lose(0, enough / 2));
  EXPECT_FALSE(in.lose(0, enough));
}

}  // namespace
}  // namespace tephra::policy
