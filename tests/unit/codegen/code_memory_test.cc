#include "codegen/code_memory.h"

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <iterator>

#include "tests/unit/codegen/support.h"

namespace tephra {
namespace {

void anchor() {}

CodeMemoryOptions small(bool dual) {
  return {.reserve_bytes = size_t{1} << 20,
          .chunk_bytes = size_t{64} << 10,
          .max_code_bytes = 0,
          .near = {reinterpret_cast<uint64_t>(&anchor)},
          .dual_mapping = dual};
}

// A function that returns `value` (below 8): mov eax, value; ret, or mov w0, value; ret.
std::vector<uint8_t> returns(uint8_t value) {
  if (codegen_test::hostIsX86()) return {0xB8, value, 0, 0, 0, 0xC3, 0x90, 0x90};
  return {static_cast<uint8_t>(value << 5), 0, 0x80, 0x52, 0xC0, 0x03, 0x5F, 0xD6};
}
int callAt(void* code) { return reinterpret_cast<int (*)()>(code)(); }

class CodeMemoryTest : public ::testing::TestWithParam<bool> {};
INSTANTIATE_TEST_SUITE_P(Mappings, CodeMemoryTest, ::testing::Values(true, false));

TEST_P(CodeMemoryTest, CodeRunsAndIsNeverWritableAndExecutable) {
  CodeMemory memory(small(GetParam()));
  ASSERT_TRUE(memory.usable());
  // An emulator that does not see the other mapping gets the fallback.
  EXPECT_TRUE(memory.stats().dual_mapping == GetParam() ||
              (GetParam() && !codegen_test::hostIsX86()));
  auto code = returns(5);
  void* at = memory.allocate(code.size());
  ASSERT_NE(at, nullptr);
  ASSERT_TRUE(memory.write(at, code.data(), code.size()));
  EXPECT_EQ(callAt(at), 5);
  std::ifstream maps("/proc/self/maps");
  for (std::string line; std::getline(maps, line);) {
    EXPECT_EQ(line.find("rwx"), std::string::npos) << line;
  }
}

TEST_P(CodeMemoryTest, PlacedWithinReach) {
  CodeMemory memory(small(GetParam()));
  EXPECT_TRUE(memory.reaches(reinterpret_cast<uint64_t>(&anchor)));
  EXPECT_FALSE(memory.reaches(reinterpret_cast<uint64_t>(&anchor) ^ (UINT64_C(1) << 40)));
  auto* cell = memory.allocateCell();
  EXPECT_TRUE(memory.contains(cell));
  EXPECT_TRUE(memory.contains(memory.allocate(16)));
}

TEST_P(CodeMemoryTest, FreedMemoryIsUsedAgainAndCoalesced) {
  CodeMemory memory(small(GetParam()));
  void* a = memory.allocate(100);
  void* b = memory.allocate(200);
  void* c = memory.allocate(300);
  EXPECT_EQ(memory.stats().used, 600u);
  EXPECT_EQ(memory.stats().wasted, 12u + 8 + 4);
  EXPECT_EQ(reinterpret_cast<uint64_t>(b) % CodeMemory::kAlignment, 0u);
  memory.free(a);
  memory.free(b);
  EXPECT_EQ(memory.stats().used, 300u);
  EXPECT_EQ(memory.allocate(112 + 208), a);
  memory.free(c);
  EXPECT_EQ(memory.stats().blocks, 1u);
  memory.free(a);
  memory.free(a);  // a second time, or something else: nothing happens
  memory.free(&memory);
  EXPECT_EQ(memory.stats().used, 0u);
  EXPECT_EQ(memory.stats().wasted, 0u);
}

TEST_P(CodeMemoryTest, LimitsAreKept) {
  CodeMemory memory(small(GetParam()));
  memory.setMaxCodeSize(1000);
  EXPECT_EQ(memory.stats().limit, 1000u);
  EXPECT_EQ(memory.allocate(1001), nullptr);
  EXPECT_NE(memory.allocate(900), nullptr);
  EXPECT_EQ(memory.allocate(200), nullptr);
  memory.setMaxCodeSize(0);
  EXPECT_EQ(memory.allocate(size_t{2} << 20), nullptr);  // more than was reserved
  size_t many = 0;
  while (memory.allocate(size_t{60} << 10) != nullptr) ++many;
  EXPECT_GE(many, 12u);
  EXPECT_LE(memory.stats().committed, size_t{1} << 20);
}

TEST_P(CodeMemoryTest, BlocksLargerThanAChunk) {
  CodeMemory memory(small(GetParam()));
  void* large = memory.allocate(size_t{200} << 10);
  ASSERT_NE(large, nullptr);
  auto seven = returns(7);
  std::vector<uint8_t> code(size_t{200} << 10, 0);
  std::memcpy(code.data() + code.size() - seven.size(), seven.data(), seven.size());
  ASSERT_TRUE(memory.write(large, code.data(), code.size()));
  EXPECT_EQ(callAt(static_cast<char*>(large) + code.size() - seven.size()), 7);
}

TEST_P(CodeMemoryTest, CellsAreZeroedAndReused) {
  CodeMemory memory(small(GetParam()));
  uint64_t* first = memory.allocateCell();
  *first = 5;
  EXPECT_NE(memory.allocateCell(), first);
  memory.freeCell(first);
  EXPECT_EQ(memory.stats().cells, 1u);
  uint64_t* again = memory.allocateCell();
  EXPECT_EQ(again, first);
  EXPECT_EQ(*again, 0u);
}

class NoFileDescriptors {
 public:
  NoFileDescriptors() {
    getrlimit(RLIMIT_NOFILE, &before_);
    rlimit none = before_;
    none.rlim_cur = 0;
    setrlimit(RLIMIT_NOFILE, &none);
  }
  ~NoFileDescriptors() { setrlimit(RLIMIT_NOFILE, &before_); }

 private:
  rlimit before_;
};

// Where no memory file can be had for a copy of its own, a process gets private memory.
TEST(CodeMemory, AfterAForkWithoutFileDescriptors) {
  CodeMemory memory(small(true));
  if (!memory.stats().dual_mapping) GTEST_SKIP() << "this machine refuses second mappings";
  auto one = returns(1), three = returns(3);
  void* first = memory.allocate(8);
  ASSERT_TRUE(memory.write(first, one.data(), 8));
  const int child_status = [&] {
    pid_t child = fork();
    if (child == 0) {
      NoFileDescriptors none;
      void* mine = memory.allocate(8);
      bool good = memory.write(mine, three.data(), 8) && callAt(mine) == 3 && callAt(first) == 1;
      void* large = memory.allocate(size_t{64} << 10);  // another chunk: private, too
      good = good && memory.write(large, three.data(), 8) && callAt(large) == 3;
      _exit(good && !memory.stats().dual_mapping ? 0 : 1);
    }
    int status = 1;
    waitpid(child, &status, 0);
    return status;
  }();
  EXPECT_EQ(child_status, 0);
  void* mine = memory.allocate(8);
  const auto* bytes = static_cast<const uint8_t*>(mine);
  EXPECT_NE(std::memcmp(bytes, three.data(), 8), 0) << "written by the child";
}

// Each fork used to take the rest of every chunk out of use.
TEST_P(CodeMemoryTest, ForksUseUpNothing) {
  CodeMemory memory(small(GetParam()));
  auto one = returns(1);
  void* first = memory.allocate(8);
  ASSERT_TRUE(memory.write(first, one.data(), 8));
  size_t mappings = 0;
  for (int round = 0; round < 200; ++round) {
    const pid_t child = fork();
    if (child == 0) _exit(0);
    ASSERT_EQ(waitpid(child, nullptr, 0), child);
    auto mine = returns(static_cast<uint8_t>(round % 8));
    void* at = memory.allocate(8);
    ASSERT_NE(at, nullptr);
    ASSERT_TRUE(memory.write(at, mine.data(), 8));
    EXPECT_EQ(callAt(at), round % 8);
    if (round % 3 != 0) memory.free(at);
    std::ifstream maps("/proc/self/maps");
    const std::string text{std::istreambuf_iterator<char>(maps), {}};
    const auto lines = static_cast<size_t>(std::count(text.begin(), text.end(), '\n'));
    if (round == 0) mappings = lines;
    EXPECT_LE(lines, mappings + 4);
  }
  EXPECT_EQ(callAt(first), 1);
  EXPECT_EQ(memory.stats().committed, size_t{64} << 10);
  EXPECT_EQ(memory.stats().blocks, 1u + 67);
}

std::string mappingOf(const void* code) {
  std::ifstream maps("/proc/self/maps");
  for (std::string line; std::getline(maps, line);) {
    unsigned long low = 0, high = 0;
    if (std::sscanf(line.c_str(), "%lx-%lx", &low, &high) != 2) continue;
    auto at = reinterpret_cast<unsigned long>(code);
    if (at >= low && at < high) return line;
  }
  return "";
}

// perf looks names up in its map for anonymous memory only.
TEST_P(CodeMemoryTest, WithThePerfMapCodeIsInAnonymousMemory) {
  CodeMemory memory(small(GetParam()));
  auto one = returns(1), two = returns(2);
  void* first = memory.allocate(8);
  ASSERT_TRUE(memory.write(first, one.data(), 8));
  memory.setAnnouncements({.perf_map = true});
  void* next = memory.allocate(8);
  ASSERT_TRUE(memory.write(next, two.data(), 8));
  EXPECT_EQ(callAt(first), 1);
  EXPECT_EQ(callAt(next), 2);
  for (void* code : {first, next}) {
    const std::string line = mappingOf(code);
    EXPECT_NE(line.find(" r-xp "), std::string::npos) << line;
    EXPECT_EQ(line.find('/'), std::string::npos) << line;
  }
  memory.free(first);
  EXPECT_EQ(memory.allocate(8), first);
}

// A child must not see code change under it, nor change its parent's.
TEST_P(CodeMemoryTest, ForkedProcessesDoNotShareNewCode) {
  CodeMemory memory(small(GetParam()));
  auto one = returns(1), two = returns(2), three = returns(3);
  void* before = memory.allocate(8);
  memory.write(before, one.data(), 8);
  int to_parent[2], to_child[2];
  ASSERT_EQ(pipe(to_parent) + pipe(to_child), 0);
  pid_t child = fork();
  if (child == 0) {
    void* mine = memory.allocate(8);
    bool good = mine != nullptr && memory.write(mine, two.data(), 8);
    char go = good;
    good = write(to_parent[1], &go, 1) == 1 && read(to_child[0], &go, 1) == 1 && good;
    _exit(good && callAt(mine) == 2 && callAt(before) == 1 ? 0 : 1);
  }
  char go = 0;
  ASSERT_EQ(read(to_parent[0], &go, 1), 1);
  void* mine = memory.allocate(8);
  ASSERT_TRUE(memory.write(mine, three.data(), 8));
  memory.free(before);
  void* again = memory.allocate(8);
  memory.write(again, three.data(), 8);
  ASSERT_EQ(write(to_child[1], &go, 1), 1);
  int status = 0;
  waitpid(child, &status, 0);
  EXPECT_EQ(status, 0);
  EXPECT_EQ(callAt(mine), 3);
}

}  // namespace
}  // namespace tephra
