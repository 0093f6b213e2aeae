// Targets in place and in the arena.
#include "base/targets.h"

#include <gtest/gtest.h>

#include <vector>

namespace tephra {
namespace {

struct Node {};

TEST(Targets, AsManyAsWereAssigned) {
  Arena arena;
  Node nodes[4];
  Targets<Node> targets;
  for (size_t count : {4, 1, 2, 3, 0}) {
    std::vector<Node*> expected;
    for (size_t i = 0; i < count; ++i) expected.push_back(&nodes[count - 1 - i]);
    const size_t before = arena.bytesAllocated();
    targets.assign(expected, arena);
    EXPECT_EQ(std::vector<Node*>(targets.begin(), targets.end()), expected);
    EXPECT_EQ(targets.size(), count);
    if (count <= 2) {
      EXPECT_EQ(arena.bytesAllocated(), before);
    }
  }
}

}  // namespace
}  // namespace tephra
