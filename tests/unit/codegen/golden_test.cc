// Every operation and operand form against golden machine code. tests/emit/<target>.golden holds,
// per case, LIR lines and below them, indented, the bytes and their disassembly by objdump. To add
// a case write its LIR line and run with TEPHRA_UPDATE_GOLDEN=1; then read what objdump says.
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <set>
#include <sstream>

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <new>

#include "codegen/block_order.h"
#include "codegen/frame_layout.h"
#include "tests/unit/codegen/support.h"

namespace tephra::codegen_test {
namespace {

std::string fileOf(const Target& target) {
  return std::string(TEPHRA_SOURCE_DIR "/tests/emit/") + target.name() + ".golden";
}
bool isX86(const Target& target) { return target.arch() == Arch::kX86_64; }

struct Case {
  std::vector<std::string> comments, lines, expected;
  std::vector<uint8_t> bytes;
};

std::vector<Case> readCases(const Target& target) {
  std::ifstream file(fileOf(target));
  std::vector<Case> cases;
  std::vector<std::string> comments;
  bool open = false;
  for (std::string line; std::getline(file, line);) {
    if (line.empty() || line[0] == '#') {
      comments.push_back(line);
      open = false;
    } else if (line[0] == ' ') {
      cases.back().expected.push_back(line);
      open = false;
    } else {
      if (!open) cases.push_back({std::move(comments), {}, {}, {}});
      comments.clear();
      cases.back().lines.push_back(line);
      open = line.back() == ';';
    }
  }
  return cases;
}

bool contains(const std::string& text, const char* what) {
  return text.find(what) != std::string::npos;
}

std::string functionText(const Case& test) {
  std::string blocks = "bb0:\n", all;
  for (std::string line : test.lines) {
    if (line.back() == ';') line.pop_back();
    blocks += "  " + line + "\n";
    all += line + "\n";
  }
  bool ends = contains(all, "Branch") || contains(all, "Jump") || contains(all, "Return") ||
              contains(all, "Exit {") || contains(all, "Unlink") || contains(all, "Entries");
  if (!ends) blocks += "  Trap\n";
  if (contains(all, "bb1")) blocks += "bb1:\n  %0 = Move 1\n  Return %0\n";
  if (contains(all, "bb2")) blocks += "bb2:\n  %0 = Move 2\n  Return %0\n";
  return wrap(blocks, "params=1 outgoing=4 slots=4", 1);
}

EmittedCode emitText(const Target& target, const std::string& text, const PyLayout& py) {
  lir::Function function;
  if (!parseInto(text, &function)) return {};
  // Its address is in the code, so it is the same in each run.
  constexpr uint64_t kMetadata = 0x10000000;
  static void* page = mmap(reinterpret_cast<void*>(kMetadata), 4096, PROT_READ | PROT_WRITE,
                           MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
  if (reinterpret_cast<uint64_t>(page) != kMetadata) {
    ADD_FAILURE() << "no memory at that address";
    return {};
  }
  static auto* metadata = new (page) CodeMetadata;
  RuntimeAddresses addresses;
  addresses.helpers.fill(0x123456789A);
  addresses.take_exit = addresses.call_slow = addresses.dealloc = addresses.thread_state =
      0x123456789A;
  EmitInput input;
  input.function = &function;
  BlockOrder order = orderBlocks(function);
  input.hot = order.hot;
  input.cold = order.cold;
  input.frame = layOutFrame(function, target);
  input.layout = &py;
  input.addresses = &addresses;
  input.metadata = metadata;
  input.decref_thunk = input.exit_thunk = 0x20000000;
  input.push_thunk = 0x20000000;
  input.reach.call = [](uint64_t address) { return address >= 0x20000000 && address < 0x30000000; };
  input.reach.data = input.reach.call;
  if (!isX86(target)) input.reach.stub = [](uint64_t) { return uint64_t{0x20000040}; };
  Result<EmittedCode> code = emitFunction(target, input);
  EXPECT_TRUE(code) << text << (code ? "" : code.bailout().detail);
  return code ? *code : EmittedCode();
}

// The hot code behind the prologue.
std::vector<uint8_t> body(const Target& target, const Case& test) {
  bool comparing = contains(test.lines[0], "@14");
  EmittedCode code =
      emitText(target, functionText(test), layout(comparing ? 0xBFFFFFFF : 0xFFFFFFFF));
  if (code.bytes.empty()) return {};
  // push rbp; mov rbp, rsp; perhaps push r14; sub rsp, imm8
  // stp x29, x30; mov x29, sp; sub sp, sp, size; perhaps str x28
  bool saves = contains(test.lines[0], "frame = ");
  size_t prologue =
      code.entry(EntryKind::kRegister) + (isX86(target) ? (saves ? 10 : 8) : (saves ? 16 : 12));
  return {code.bytes.begin() + static_cast<long>(prologue), code.bytes.begin() + code.hot_bytes};
}

std::string objdump(const Target& target) {
  return std::string(target.name()) + "-linux-gnu-objdump";
}
bool haveObjdump(const Target& target) {
  return std::system((objdump(target) + " --version >/dev/null 2>&1").c_str()) == 0;
}

// "offset: bytes  text" lines of objdump, by address; offsets of jumps made relative to the case.
std::vector<std::string> disassemble(const Target& target, std::vector<Case>& cases) {
  char path[] = "/tmp/tephra-golden-XXXXXX";
  int fd = mkstemp(path);
  FILE* out = fdopen(fd, "wb");
  for (const Case& test : cases) fwrite(test.bytes.data(), 1, test.bytes.size(), out);
  fclose(out);
  const char* machine =
      isX86(target) ? " -m i386:x86-64 -M intel --insn-width=16 " : " -m aarch64 ";
  std::string command = objdump(target) + " -D -b binary" + machine + path;
  FILE* pipe = popen(command.c_str(), "r");
  std::vector<std::string> lines;
  char buffer[512];
  while (fgets(buffer, sizeof buffer, pipe) != nullptr) lines.emplace_back(buffer);
  pclose(pipe);
  unlink(path);
  return lines;
}

std::string squeeze(std::string text) {
  while (!text.empty() && (text.back() == '\n' || text.back() == ' ')) text.pop_back();
  std::string result;
  for (char c : text) {
    if (c == '\t') c = ' ';
    if (c == ' ' && !result.empty() && result.back() == ' ') continue;
    result += c;
  }
  return result;
}

// An AArch64 word as its bytes.
std::string wordAsBytes(const std::string& hex) {
  if (hex.size() != 8) return hex;
  return hex.substr(6, 2) + " " + hex.substr(4, 2) + " " + hex.substr(2, 2) + " " +
         hex.substr(0, 2);
}

// Branches, calls and literals name addresses in objdump's file; as distances they are stable.
std::string withDistance(const Target& target, const std::string& text, size_t start) {
  size_t at = text.find(" 0x");
  bool jump = isX86(target) && (text[0] == 'j' || text.rfind("call 0x", 0) == 0);
  if (!isX86(target)) {
    at = text.rfind(" 0x");
    jump = text[0] == 'b' || text.rfind("cb", 0) == 0 || text.rfind("tb", 0) == 0 ||
           text.rfind("ldr", 0) == 0;
    if (text.rfind("adrp", 0) == 0) return text.substr(0, at) + " page";
    jump = jump && text.rfind("bti", 0) != 0 && text.rfind("brk", 0) != 0;
  }
  if (at == std::string::npos || !jump) return text;
  long distance =
      static_cast<long>(std::strtoul(text.c_str() + at, nullptr, 16)) - static_cast<long>(start);
  return text.substr(0, at) + " +" + std::to_string(distance);
}

std::vector<std::vector<std::string>> texts(const Target& target, std::vector<Case>& cases) {
  std::vector<std::vector<std::string>> result(cases.size());
  std::vector<size_t> starts;
  size_t total = 0;
  for (const Case& test : cases) {
    starts.push_back(total);
    total += test.bytes.size();
  }
  for (const std::string& line : disassemble(target, cases)) {
    unsigned long address = 0;
    int consumed = 0;
    if (sscanf(line.c_str(), " %lx:%n", &address, &consumed) != 1 || consumed == 0 ||
        line[static_cast<size_t>(consumed) - 1] != ':')
      continue;
    size_t index = static_cast<size_t>(std::upper_bound(starts.begin(), starts.end(), address) -
                                       starts.begin()) -
                   1;
    std::string rest = line.substr(static_cast<size_t>(consumed) + 1);
    size_t tab = rest.find('\t');
    std::string hex = squeeze(rest.substr(0, tab)),
                text = squeeze(tab == std::string::npos ? "" : rest.substr(tab + 1));
    if (!isX86(target)) hex = wordAsBytes(hex);
    size_t note = std::min(text.find(isX86(target) ? " #" : " //"), text.size());
    text = withDistance(target, text.substr(0, note), starts[index]);
    char padded[256];
    snprintf(padded, sizeof padded, "    %-32s %s", hex.c_str(), text.c_str());
    result[index].push_back(squeeze(padded).empty() ? padded : std::string(padded));
  }
  return result;
}

std::string hexOf(const std::vector<uint8_t>& bytes) {
  std::string text;
  char two[4];
  for (uint8_t byte : bytes) {
    snprintf(two, sizeof two, "%02x", byte);
    text += two;
  }
  return text;
}

std::string hexOf(const std::vector<std::string>& expected) {
  std::string text;
  for (const std::string& line : expected) {
    for (char c : line.substr(4, 32)) {
      if (c != ' ') text += c;
    }
  }
  return text;
}

void update(const Target& target, std::vector<Case>& cases,
            const std::vector<std::vector<std::string>>& found) {
  std::ofstream file(fileOf(target));
  for (size_t i = 0; i < cases.size(); ++i) {
    for (const auto& line : cases[i].comments) file << line << "\n";
    for (const auto& line : cases[i].lines) file << line << "\n";
    for (const auto& line : found[i]) file << line << "\n";
  }
}

class EmitGolden : public ::testing::TestWithParam<const Target*> {};
INSTANTIATE_TEST_SUITE_P(Targets, EmitGolden, ::testing::Values(&x86_64Target(), &aarch64Target()),
                         [](const auto& info) { return std::string(info.param->name()); });

TEST_P(EmitGolden, EveryFormIsWhatObjdumpSays) {
  const Target& target = *GetParam();
  std::vector<Case> cases = readCases(target);
  ASSERT_FALSE(cases.empty());
  for (Case& test : cases) test.bytes = body(target, test);
  bool updating = std::getenv("TEPHRA_UPDATE_GOLDEN") != nullptr;
  if (updating) {
    ASSERT_TRUE(haveObjdump(target));
    update(target, cases, texts(target, cases));
    return;
  }
  for (const Case& test : cases)
    EXPECT_EQ(hexOf(test.bytes), hexOf(test.expected)) << test.lines[0];
  if (!haveObjdump(target)) GTEST_SKIP() << "no objdump: bytes compared, their text not";
  auto found = texts(target, cases);
  for (size_t i = 0; i < cases.size(); ++i)
    EXPECT_EQ(found[i], cases[i].expected) << cases[i].lines[0];
}

TEST_P(EmitGolden, EveryOperationHasACase) {
  std::set<std::string> seen;
  for (const Case& test : readCases(*GetParam())) {
    for (const std::string& line : test.lines) {
      std::istringstream words(line);
      for (std::string word; words >> word;) seen.insert(word);
    }
  }
  for (int i = 0; i <= static_cast<int>(lir::Op::kDecrefRef); ++i) {
    const char* name = lir::opInfo(static_cast<lir::Op>(i)).name;
    EXPECT_TRUE(seen.count(name)) << name;
  }
}

}  // namespace
}  // namespace tephra::codegen_test
