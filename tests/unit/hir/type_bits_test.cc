#include "pyver/common/type_bits.h"

#include <gtest/gtest.h>

#include "hir/types.h"

namespace tephra {

TEST(TypeBits, DecoderAndHirAgree) {
  EXPECT_EQ(kTypeBitInt, hir::kMaskInt);
  EXPECT_EQ(kTypeBitBool, hir::kMaskPyBool);
  EXPECT_EQ(kTypeBitFloat, hir::kMaskFloat);
  EXPECT_EQ(kTypeBitStr, hir::kMaskStr);
  EXPECT_EQ(kTypeBitBytes, hir::kMaskBytes);
  EXPECT_EQ(kTypeBitList, hir::kMaskList);
  EXPECT_EQ(kTypeBitTuple, hir::kMaskTuple);
  EXPECT_EQ(kTypeBitDict, hir::kMaskDict);
  EXPECT_EQ(kTypeBitSet, hir::kMaskSet);
  EXPECT_EQ(kTypeBitFrozenSet, hir::kMaskFrozenSet);
  EXPECT_EQ(kTypeBitNone, hir::kMaskNoneType);
  EXPECT_EQ(kTypeBitType, hir::kMaskType);
  EXPECT_EQ(kTypeBitFunction, hir::kMaskFunction);
  EXPECT_EQ(kTypeBitBuiltin, hir::kMaskBuiltin);
  EXPECT_EQ(kTypeBitMethodDescr, hir::kMaskMethodDescr);
  EXPECT_EQ(kTypeBitSlice, hir::kMaskSlice);
  EXPECT_EQ(kTypeBitRange, hir::kMaskRange);
  EXPECT_EQ(kTypeBitRangeIter, hir::kMaskRangeIter);
  EXPECT_EQ(kTypeBitListIter, hir::kMaskListIter);
  EXPECT_EQ(kTypeBitTupleIter, hir::kMaskTupleIter);
  EXPECT_EQ(kTypeBitCell, hir::kMaskCell);
  EXPECT_EQ(kTypeBitModule, hir::kMaskModule);
  EXPECT_EQ(kTypeBitBoundMethod, hir::kMaskBoundMethod);
  EXPECT_EQ(kTypeBitOther, hir::kMaskOther);
}

}  // namespace tephra
