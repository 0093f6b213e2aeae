// Call frame information: its encoding against readelf, and its registration with the unwinder.
#include "codegen/unwind.h"

#include <unwind.h>

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <sstream>

#include "codegen/block_order.h"
#include "codegen/debugger.h"
#include "codegen/frame_layout.h"
#include "tests/unit/codegen/support.h"

namespace tephra::codegen_test {
namespace {

// What readelf makes of an object file with these rows; "" without readelf.
std::string decoded(const Target& target, const std::vector<UnwindRow>& rows, size_t size) {
  auto common = encodeUnwindCommon(target.unwinding());
  auto encoded = encodeUnwindRows(target.unwinding(), rows, 0x10000, size);
  EXPECT_EQ((common.size() + encoded.size() + 8) % 8, 0u);
  auto file = makeObjectFile(target.arch(), 0x10000, size, "<tephra:m.f>",
                             encodeUnwindSection(common, {&encoded}));
  std::string path = testing::TempDir() + "tephra-unwind-" + target.name() + ".o";
  std::ofstream(path, std::ios::binary)
      .write(reinterpret_cast<const char*>(file.data()), static_cast<std::streamsize>(file.size()));
  FILE* pipe = popen(("readelf --debug-dump=frames-interp -s -W " + path + " 2>&1").c_str(), "r");
  std::string text;
  for (char buffer[512]; fgets(buffer, sizeof buffer, pipe) != nullptr;) text += buffer;
  int status = pclose(pipe);
  std::remove(path.c_str());
  return status == 0 ? text : "";
}

bool holds(const std::string& text, const std::string& what) {
  // Columns are padded; compare with single blanks.
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    std::istringstream words(line);
    std::string plain;
    for (std::string word; words >> word;) plain += (plain.empty() ? "" : " ") + word;
    if (plain == what || plain.find(what) != std::string::npos) return true;
  }
  return false;
}

EmittedCode emitWithSavedRegisters(const Target& target) {
  lir::Function function;
  if (!parseInto("fun t params=1 slots=2 {\nbb0:\n  %0 = Move 1\n  Return %0\n}\n", &function))
    return {};
  for (lir::Bank bank : {lir::Bank::kGp, lir::Bank::kFp})
    function.used_callee_saved[static_cast<int>(bank)] = target.calleeSaved(bank);
  static CodeMetadata metadata;
  RuntimeAddresses addresses;
  addresses.helpers.fill(0x123456789A);
  addresses.take_exit = addresses.call_slow = addresses.dealloc = addresses.thread_state = 0x1234;
  EmitInput input;
  input.function = &function;
  BlockOrder order = orderBlocks(function);
  input.hot = order.hot;
  input.cold = order.cold;
  input.frame = layOutFrame(function, target);
  input.layout = &layout();
  input.addresses = &addresses;
  input.metadata = &metadata;
  input.total_args = 1;
  input.decref_thunk = 0x20000000;
  input.reach.call = [](uint64_t) { return true; };
  Result<EmittedCode> code = emitFunction(target, input);
  return code ? *code : EmittedCode();
}

TEST(Unwind, RowsOfAFunctionForX86) {
  const Target& target = x86_64Target();
  EmittedCode code = emitWithSavedRegisters(target);
  ASSERT_FALSE(code.bytes.empty());
  ASSERT_FALSE(code.unwinding.empty());
  EXPECT_EQ(code.unwinding.front().offset, 0u);
  std::string text = decoded(target, code.unwinding, code.bytes.size());
  if (text.empty()) GTEST_SKIP() << "no readelf";
  EXPECT_EQ(text.find("Warning"), std::string::npos) << text;
  EXPECT_TRUE(holds(text, "FUNC GLOBAL DEFAULT 1 <tephra:m.f>")) << text;
  EXPECT_TRUE(holds(text, "LOC CFA rbx rbp r12 r13 r15 ra")) << text;
  EXPECT_TRUE(holds(text, "0000000000010000 rsp+8 u u u u u c-8") ||
              holds(text, "0000000000010000 rsp+8 s s s s s c-8"))
      << text;
  EXPECT_TRUE(holds(text, "rbp+16 c-24 c-16 c-32 c-40")) << text;  // the body
  EXPECT_TRUE(holds(text, "rsp+16")) << text;                      // the frame pointer was pushed
}

// Every row's offset lies between two instructions, so that a profiler's signal finds its frame.
TEST(Unwind, RowsAscendAndEndInTheBody) {
  EmittedCode code = emitWithSavedRegisters(x86_64Target());
  ASSERT_FALSE(code.unwinding.empty());
  for (size_t i = 1; i < code.unwinding.size(); ++i)
    EXPECT_LE(code.unwinding[i - 1].offset, code.unwinding[i].offset);
  EXPECT_LE(code.unwinding.back().offset, code.bytes.size());
  // At the register entry nothing is saved; one byte on, the frame pointer is.
  auto at = [&](uint32_t offset) {
    const UnwindState* state = nullptr;
    for (const UnwindRow& row : code.unwinding) {
      if (row.offset <= offset) state = &row.state;
    }
    return *state;
  };
  const UnwindConvention& convention = x86_64Target().unwinding();
  EXPECT_EQ(at(code.entry(EntryKind::kRegister)), convention.entry);
  EXPECT_EQ(at(code.entry(EntryKind::kRegister) + 1).cfa_offset, 16);
  EXPECT_EQ(at(code.entry(EntryKind::kRegister) + 4), convention.frame);
  EXPECT_EQ(at(code.entry(EntryKind::kVectorcall)), convention.entry);
  EXPECT_EQ(at(code.entry(EntryKind::kArray)), convention.entry);
}

TEST(Unwind, LongDistancesAndManyRegisters) {
  const Target& target = aarch64Target();
  UnwindState record = target.unwinding().frame, body = record;
  body.saved.push_back({target.dwarfRegister(lir::Bank::kGp, 19), -24});
  body.saved.push_back({target.dwarfRegister(lir::Bank::kFp, 8), -32});
  std::vector<UnwindRow> rows = {{0, target.unwinding().entry},
                                 {8, record},
                                 {100, body},
                                 {2000, target.unwinding().entry},
                                 {400000, body}};
  std::string text = decoded(target, rows, 500000);
  if (text.empty()) GTEST_SKIP() << "no readelf";
  EXPECT_EQ(text.find("Warning"), std::string::npos) << text;
  EXPECT_TRUE(holds(text, "LOC CFA x19 x29 ra v8")) << text;
  EXPECT_TRUE(holds(text, "0000000000010008 x29+16 u c-16 c-8 u")) << text;
  EXPECT_TRUE(holds(text, "0000000000010064 x29+16 c-24 c-16 c-8 c-32")) << text;
  EXPECT_TRUE(holds(text, "00000000000107d0 sp+0 u u u s")) << text;
  EXPECT_TRUE(holds(text, "0000000000071a80 x29+16 c-24 c-16 c-8 c-32")) << text;
}

class UnwindTablesTest : public testing::TestWithParam<UnwindTables::Grouping> {};
INSTANTIATE_TEST_SUITE_P(Groupings, UnwindTablesTest,
                         testing::Values(UnwindTables::Grouping::kPerPiece,
                                         UnwindTables::Grouping::kPerSlice));

extern "C" const void* _Unwind_Find_FDE(void* pc, void* bases);

bool found(uint64_t pc) {
  void* bases[3];
  return _Unwind_Find_FDE(reinterpret_cast<void*>(pc), bases) != nullptr;
}

// Addresses at which nothing is mapped: the unwinder reads tables, not code.
constexpr uint64_t kBase = 0x100000000000;

TEST_P(UnwindTablesTest, EachPieceIsFoundUntilItIsRemoved) {
  UnwindTables tables(GetParam());
  const UnwindConvention& convention = hostTarget().unwinding();
  auto common = encodeUnwindCommon(convention);
  std::vector<UnwindRow> rows = {{0, convention.entry}, {8, convention.frame}};
  auto address = [](uint64_t i) { return kBase + i * 1024; };
  auto code = [&](uint64_t i) { return reinterpret_cast<const void*>(address(i)); };
  constexpr uint64_t kCount = 400;  // over several slices
  for (uint64_t i = 0; i < kCount; ++i) {
    tables.add(code(i), common, encodeUnwindRows(convention, rows, address(i), 1000));
    ASSERT_TRUE(found(address(i) + 500)) << i;
    ASSERT_TRUE(found(address(i / 2) + 500)) << i;
  }
  EXPECT_EQ(tables.stats().pieces, kCount);
  size_t slices = kCount * 1024 / UnwindTables::kSlice + 1;
  EXPECT_EQ(tables.stats().tables,
            GetParam() == UnwindTables::Grouping::kPerPiece ? kCount : slices);
  EXPECT_FALSE(found(address(3) + 1010)) << "between two pieces";
  for (uint64_t i = 0; i < kCount; i += 2) tables.remove(code(i));
  for (uint64_t i = 0; i < kCount; ++i) EXPECT_EQ(found(address(i) + 500), i % 2 == 1) << i;
  for (uint64_t i = 1; i < kCount; i += 2) tables.remove(code(i));
  EXPECT_EQ(tables.stats().pieces, 0u);
  EXPECT_EQ(tables.stats().tables, 0u);
  EXPECT_EQ(tables.stats().bytes, 0u);
  EXPECT_FALSE(found(address(1) + 500));
  tables.remove(code(1));  // no-op
}

TEST_P(UnwindTablesTest, TheDestructorDeregisters) {
  const UnwindConvention& convention = hostTarget().unwinding();
  auto common = encodeUnwindCommon(convention);
  std::vector<UnwindRow> rows = {{0, convention.entry}};
  for (int round = 0; round < 3; ++round) {
    UnwindTables tables(GetParam());
    tables.add(reinterpret_cast<const void*>(kBase), common,
               encodeUnwindRows(convention, rows, kBase, 100));
    EXPECT_TRUE(found(kBase + 50));
  }
  EXPECT_FALSE(found(kBase + 50));
}

TEST(Unwind, DebuggerEntriesBalance) {
  size_t before = debuggerEntries();
  DebuggerEntry* first = announceToDebugger({1, 2, 3});
  DebuggerEntry* second = announceToDebugger({4, 5});
  DebuggerEntry* third = announceToDebugger({6});
  EXPECT_EQ(debuggerEntries(), before + 3);
  withdrawFromDebugger(second);
  withdrawFromDebugger(third);
  withdrawFromDebugger(first);
  EXPECT_EQ(debuggerEntries(), before);
}

TEST(Unwind, CodeForAnotherMachineIsNotAnnounced) {
  CodeMemory memory;
  const Target& other = hostTarget().arch() == Arch::kX86_64 ? aarch64Target() : x86_64Target();
  void* code = memory.allocate(64);
  memory.announce(code, 64, "other", other, {{0, other.unwinding().entry}});
  EXPECT_EQ(memory.unwindStats().pieces, 0u);
  memory.announce(code, 64, "mine", hostTarget(), {{0, hostTarget().unwinding().entry}});
  EXPECT_EQ(memory.unwindStats().pieces, 1u);
  EXPECT_TRUE(found(reinterpret_cast<uint64_t>(code) + 10));
  memory.free(code);
  EXPECT_EQ(memory.unwindStats().pieces, 0u);
  EXPECT_FALSE(found(reinterpret_cast<uint64_t>(code) + 10));
}

}  // namespace
}  // namespace tephra::codegen_test
