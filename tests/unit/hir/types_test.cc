// The lattice of types: masks of exact builtin types, and classes and functions by name.
#include "hir/types.h"

#include <gtest/gtest.h>

#include <vector>

namespace tephra::hir {
namespace {

const Type kOrNull = Type::object(kMaskNull);

std::vector<Type> samples() {
  return {Type::object(0),
          kTypeNull,
          kTypeObject,
          kTypeOptObject,
          kTypeInt,
          Type::object(kMaskOther),
          Type::object(kMaskFunction),
          Type::object(kMaskOther | kMaskFunction),
          Type::object(kMaskOther | kMaskInt),
          Type::ofClass(3),
          Type::ofClass(4),
          Type::ofClass(3).join(kOrNull),
          Type::function(3),
          Type::function(7),
          Type::function(7).join(kOrNull)};
}

TEST(HirTypes, JoinIsTheLeastUpperBoundAndMeetTheGreatestLowerOne) {
  const std::vector<Type> types = samples();
  for (Type a : types) {
    for (Type b : types) {
      const Type join = a.join(b), meet = a.meet(b);
      SCOPED_TRACE(typeName(a) + " and " + typeName(b));
      EXPECT_EQ(join, b.join(a));
      EXPECT_EQ(meet, b.meet(a));
      EXPECT_TRUE(a.isSubtypeOf(join) && b.isSubtypeOf(join)) << typeName(join);
      EXPECT_TRUE(meet.isSubtypeOf(a) && meet.isSubtypeOf(b)) << typeName(meet);
      EXPECT_EQ(a.isSubtypeOf(b), a.join(b) == b);
      EXPECT_EQ(a.isSubtypeOf(b), a.meet(b) == a);
      for (Type c : types) {
        const bool above = a.isSubtypeOf(c) && b.isSubtypeOf(c);
        EXPECT_EQ(above, join.isSubtypeOf(c)) << typeName(c);
        const bool below = c.isSubtypeOf(a) && c.isSubtypeOf(b);
        EXPECT_EQ(below, c.isSubtypeOf(meet)) << typeName(c);
      }
    }
  }
}

TEST(HirTypes, NamesSurviveWhereNothingElseIsPossible) {
  const Type a = Type::ofClass(3), b = Type::ofClass(4), f = Type::function(3);
  EXPECT_EQ(a.join(a), a);
  EXPECT_EQ(a.join(b), Type::object(kMaskOther));
  EXPECT_EQ(a.join(f), Type::object(kMaskOther | kMaskFunction));
  EXPECT_EQ(a.join(kTypeInt), Type::object(kMaskOther | kMaskInt));
  EXPECT_EQ(a.join(kOrNull).name(), 3u);
  EXPECT_EQ(Type::object(0).join(f), f);
  EXPECT_EQ(kTypeObject.meet(a), a);
  EXPECT_EQ(a.meet(b), Type::object(0));
  EXPECT_EQ(a.join(kOrNull).meet(b.join(kOrNull)), kTypeNull);
  EXPECT_FALSE(Type::object(kMaskOther).isSubtypeOf(a));
  EXPECT_TRUE(kTypeNull.isSubtypeOf(a.join(kOrNull)));
  EXPECT_EQ(kTypeInt64.join(kTypeDouble), kTypeNone);
}

TEST(HirTypes, TextAndAttributeWordsRoundTrip) {
  std::vector<Type> types = samples();
  types.insert(types.end(), {kTypeInt64, kTypeState, Type::ofClass((1u << 31) - 2)});
  for (Type type : types) {
    Type parsed;
    ASSERT_TRUE(parseType(typeName(type), &parsed)) << typeName(type);
    EXPECT_EQ(parsed, type) << typeName(type);
    EXPECT_EQ(Type::decode(type.encode()), type) << typeName(type);
  }
  EXPECT_EQ(typeName(Type::ofClass(3)), "Other#3");
  EXPECT_EQ(typeName(Type::function(4).join(kOrNull)), "Null|Function#4");
  for (const char* bad : {"Int#3", "Other#", "Other#x", "Other|Function#3", "Other#3|Null", "#3",
                          "Object#3", "Other#2147483647", "Other#99999999999", "Int64#1"}) {
    Type parsed;
    EXPECT_FALSE(parseType(bad, &parsed)) << bad;
  }
}

}  // namespace
}  // namespace tephra::hir
