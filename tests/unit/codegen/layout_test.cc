// The native frame and the order of blocks.
#include "codegen/block_order.h"
#include "codegen/frame_layout.h"
#include "tests/unit/codegen/support.h"

namespace tephra::codegen_test {
namespace {

NativeFrame frameOf(const std::string& text, const Target& target) {
  lir::Function function;
  return parseInto(text, &function) ? layOutFrame(function, target) : NativeFrame();
}

TEST(FrameLayout, AreasFollowEachOther) {
  NativeFrame frame = frameOf(wrap("bb0:\n  frame = Move %0\n  %0 = Call 1, 2, 3, 4, 5, 6, 7, 8, 9 "
                                   "{helper=load_global}\n  Return %0\n",
                                   "params=1 outgoing=3 slots=5 saved=0x1008,0x0"),
                              x86_64Target());
  EXPECT_EQ(checkFrame(frame), "");
  ASSERT_EQ(frame.saved.size(), 3u);  // rbx, r12, and r14 because the frame register is written
  EXPECT_EQ(frame.saved[0].offset, -8);
  EXPECT_EQ(frame.saved[2].reg, 14);
  EXPECT_EQ(frame.first_slot, -32);
  EXPECT_EQ(frame.slotOffset(4), -64);
  EXPECT_EQ(frame.stack_argument_words, 3u);
  EXPECT_EQ(frame.outgoing_offset, 24u);
  EXPECT_EQ(frame.size, 112u);  // (3 + 5 + 3 + 3) * 8
}

TEST(FrameLayout, MoreArgumentRegistersLeaveFewerWords) {
  std::string text =
      wrap("bb0:\n  %0 = Call 1, 2, 3, 4, 5, 6, 7, 8, 9 {helper=load_global}\n  Return %0\n",
           "params=1 outgoing=0");
  EXPECT_EQ(frameOf(text, x86_64Target()).stack_argument_words, 3u);
  EXPECT_EQ(frameOf(text, aarch64Target()).stack_argument_words, 1u);
}

TEST(FrameLayout, OverlapsAreFound) {
  NativeFrame frame = frameOf(
      wrap("bb0:\n  Return %0\n", "params=1 outgoing=2 slots=2 saved=0x8,0x0"), x86_64Target());
  EXPECT_EQ(checkFrame(frame), "");
  NativeFrame bad = frame;
  bad.first_slot = -8;
  EXPECT_NE(checkFrame(bad).find("overlaps"), std::string::npos);
  bad = frame;
  bad.num_slots = 100;
  EXPECT_NE(checkFrame(bad), "");
  bad = frame;
  bad.stack_argument_words = 1;
  EXPECT_NE(checkFrame(bad).find("overlaps"), std::string::npos);
  bad = frame;
  bad.size += 8;
  EXPECT_NE(checkFrame(bad), "");
}

std::vector<uint32_t> ids(const std::vector<lir::Block*>& blocks) {
  std::vector<uint32_t> result;
  for (const lir::Block* block : blocks) result.push_back(block->id);
  return result;
}

BlockOrder orderOf(const std::string& blocks, lir::Function* function) {
  parseInto(wrap(blocks, "params=1 outgoing=0", 1), function);
  return orderBlocks(*function);
}

TEST(BlockOrder, LikelyFirstColdLast) {
  for (int likely : {1, 2}) {
    lir::Function function;
    BlockOrder order = orderOf(
        "bb0:\n  BranchCmp %0, 0, bb1, bb2 {cond=eq, width=8, likely=" + std::to_string(likely) +
            "}\nbb1:\n  Return %0\nbb2:\n  BranchCmp %0, 1, bb3, bb4 {cond=eq, width=8, likely=1}\n"
            "bb3 cold:\n  Return %0\nbb4:\n  Return %0\nbb5:\n  Return %0\n",
        &function);
    EXPECT_EQ(ids(order.hot), likely == 1 ? (std::vector<uint32_t>{0, 1, 2, 4})
                                          : (std::vector<uint32_t>{0, 2, 4, 1}));
    EXPECT_EQ(ids(order.cold), std::vector<uint32_t>{3});
  }
}

TEST(BlockOrder, ExitsAreCold) {
  lir::Function function;
  BlockOrder order = orderOf(
      "bb0:\n  BranchCmp %0, 0, bb1, bb2 {cond=eq, width=8, likely=0}\nbb1:\n  Exit {exit=0}\n"
      "bb2:\n  Return %0\n",
      &function);
  EXPECT_EQ(ids(order.hot), (std::vector<uint32_t>{0, 2}));
  EXPECT_EQ(ids(order.cold), std::vector<uint32_t>{1});
}

TEST(BlockOrder, LoopsAreContiguousAndTestedAtTheBottom) {
  lir::Function function;
  BlockOrder order = orderOf(
      "bb0:\n  Jump bb1\nbb1 depth=1:\n  BranchCmp %0, 0, bb4, bb2 {cond=eq, width=8, likely=0}\n"
      "bb2 depth=1:\n  BranchCmp %0, 1, bb3, bb5 {cond=eq, width=8, likely=0}\n"
      "bb3 depth=1:\n  Jump bb1\nbb4:\n  Return %0\nbb5:\n  Return %0\n",
      &function);
  EXPECT_EQ(ids(order.hot), (std::vector<uint32_t>{0, 2, 3, 1, 5, 4}));
}

}  // namespace
}  // namespace tephra::codegen_test
