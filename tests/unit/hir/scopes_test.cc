// Object references are a scope's: what they name in another one.
#include <gtest/gtest.h>

#include "hir/builder.h"
#include "hir/ir.h"

namespace tephra::hir {
namespace {

ObjectInfo at(uint64_t address) {
  ObjectInfo info;
  info.address = address;
  return info;
}

class HirScopes : public ::testing::Test {
 protected:
  HirScopes() : function_(&outer_) {
    for (uint64_t address : {0x10, 0x20, 0}) outer_.addObject(at(address));
    for (uint64_t address : {0, 0x10, 0x30}) inner_.addObject(at(address));
    Scope inlined;
    inlined.unit = &inner_;
    function_.addScope(inlined);
    function_.addScope(inlined);
    function_.addScope({});
  }

  // An object of the scope.
  Instr* value(uint16_t scope, Type type = kTypeObject) {
    Instr* made = function_.make(Op::kLoadFunction, {}, type);
    made->scope = scope;
    return made;
  }

  CodeUnit outer_, inner_;
  Function function_;
};

TEST_F(HirScopes, NumbersNameOneObjectWhereTheyAreOfOneUnitOrItsAddressSaysSo) {
  Instr *outer = value(0), *inner = value(1), *again = value(2), *unknown = value(3);
  EXPECT_TRUE(function_.sameObject(outer, 2, outer, 2));
  EXPECT_FALSE(function_.sameObject(outer, 0, outer, 1));
  EXPECT_TRUE(function_.sameObject(inner, 2, again, 2)) << "inlined twice";
  EXPECT_TRUE(function_.sameObject(outer, 0, inner, 1));
  EXPECT_FALSE(function_.sameObject(outer, 1, inner, 1));
  EXPECT_FALSE(function_.sameObject(outer, 2, inner, 0)) << "no address";
  EXPECT_FALSE(function_.sameObject(outer, 0, unknown, 0));
  EXPECT_TRUE(function_.sameObject(unknown, 7, unknown, 7));
}

TEST_F(HirScopes, ATypeKeepsItsNameWhereTheOtherScopeHasOneForIt) {
  Instr *outer = value(0), *inner = value(1), *unknown = value(3);
  EXPECT_EQ(function_.typeFor(inner, value(0, Type::ofClass(0))), Type::ofClass(1));
  EXPECT_EQ(function_.typeFor(outer, value(1, Type::function(1))), Type::function(0));
  EXPECT_EQ(function_.typeFor(inner, value(0, Type::ofClass(1))), Type::object(kMaskOther));
  EXPECT_EQ(function_.typeFor(inner, value(2, Type::ofClass(2))), Type::ofClass(2));
  EXPECT_EQ(function_.typeFor(unknown, value(0, Type::ofClass(0))), Type::object(kMaskOther));
  EXPECT_EQ(function_.typeFor(inner, value(0, kTypeInt)), kTypeInt);
}

}  // namespace
}  // namespace tephra::hir
