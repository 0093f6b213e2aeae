// Sets of version numbers near each other.
#include "base/version_set.h"

#include <gtest/gtest.h>

namespace tephra {
namespace {

VersionSet of(std::initializer_list<uint32_t> versions) {
  VersionSet set;
  for (uint32_t version : versions) EXPECT_TRUE(set.add(version)) << version;
  return set;
}

TEST(VersionSetTest, HasWhatWasAdded) {
  const VersionSet set = of({100, 90, 153, 100});
  EXPECT_EQ(set.first, 90u);
  for (uint32_t version : {0u, 89u, 91u, 99u, 101u, 152u, 154u, 4'000'000'000u}) {
    EXPECT_FALSE(set.has(version)) << version;
  }
  for (uint32_t version : {90u, 100u, 153u}) EXPECT_TRUE(set.has(version)) << version;
  EXPECT_FALSE(set.isSingle());
  EXPECT_TRUE(of({7}).isSingle());
}

TEST(VersionSetTest, WhatIsTooFarIsNotAdded) {
  VersionSet set = of({100, 163});
  EXPECT_FALSE(set.add(164));
  EXPECT_FALSE(set.add(99));
  EXPECT_FALSE(set.add(0));
  EXPECT_FALSE(set.add(UINT32_MAX));
  EXPECT_EQ(set.first, 100u);
  EXPECT_TRUE(set.has(163));
  EXPECT_FALSE(of({100}).add(36));
  EXPECT_TRUE(of({100}).add(37));
}

TEST(VersionSetTest, Subsets) {
  EXPECT_TRUE(of({100}).isSubsetOf(of({100})));
  EXPECT_TRUE(of({100}).isSubsetOf(of({50, 100})));
  EXPECT_TRUE(of({100, 163}).isSubsetOf(of({100, 163, 120})));
  EXPECT_FALSE(of({100, 163}).isSubsetOf(of({99, 100})));
  EXPECT_FALSE(of({100, 101}).isSubsetOf(of({100})));
}

}  // namespace
}  // namespace tephra
