// Every operation and operand form against golden machine code. tests/emit/x86_64.golden holds, per
// case, LIR lines and below them, indented, the bytes and their disassembly by objdump. To add a
// case write its LIR line and run with TEPHRA_UPDATE_GOLDEN=1; then read what objdump says.
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <set>
#include <sstream>

#include <unistd.h>

#include <algorithm>

#include "codegen/block_order.h"
#include "codegen/frame_layout.h"
#include "tests/unit/codegen/support.h"

namespace tephra::codegen_test {
namespace {

const char* const kFile = TEPHRA_SOURCE_DIR "/tests/emit/x86_64.golden";

struct Case {
  std::vector<std::string> comments, lines, expected;
  std::vector<uint8_t> bytes;
};

std::vector<Case> readCases() {
  std::ifstream file(kFile);
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
              contains(all, "Exit {");
  if (!ends) blocks += "  Trap\n";
  if (contains(all, "bb1")) blocks += "bb1:\n  %0 = Move 1\n  Return %0\n";
  if (contains(all, "bb2")) blocks += "bb2:\n  %0 = Move 2\n  Return %0\n";
  return wrap(blocks, "params=1 outgoing=4 slots=4", 1);
}

EmittedCode emitText(const std::string& text, const PyLayout& py) {
  lir::Function function;
  if (!parseInto(text, &function)) return {};
  static CodeMetadata metadata;
  RuntimeAddresses addresses;
  addresses.helpers.fill(0x123456789A);
  addresses.take_exit = addresses.call_slow = addresses.dealloc = addresses.thread_state =
      0x123456789A;
  EmitInput input;
  input.function = &function;
  BlockOrder order = orderBlocks(function);
  input.hot = order.hot;
  input.cold = order.cold;
  input.frame = layOutFrame(function, x86_64Target());
  input.layout = &py;
  input.addresses = &addresses;
  input.metadata = &metadata;
  input.decref_thunk = input.exit_thunk = 0x20000000;
  input.reaches = [](uint64_t address) { return address >= 0x20000000 && address < 0x30000000; };
  Result<EmittedCode> code = emitFunction(x86_64Target(), input);
  EXPECT_TRUE(code) << text << (code ? "" : code.bailout().detail);
  return code ? *code : EmittedCode();
}

// The hot code behind the prologue.
std::vector<uint8_t> body(const Case& test) {
  bool comparing = contains(test.lines[0], "@14");
  EmittedCode code = emitText(functionText(test), layout(comparing ? 0xBFFFFFFF : 0xFFFFFFFF));
  if (code.bytes.empty()) return {};
  // push rbp; mov rbp, rsp; perhaps push r14; sub rsp, imm8
  size_t prologue = code.register_entry + (contains(test.lines[0], "frame = ") ? 10 : 8);
  return {code.bytes.begin() + static_cast<long>(prologue), code.bytes.begin() + code.hot_bytes};
}

bool haveObjdump() { return std::system("objdump --version >/dev/null 2>&1") == 0; }

// "offset: bytes  text" lines of objdump, by address; offsets of jumps made relative to the case.
std::vector<std::string> disassemble(std::vector<Case>& cases) {
  char path[] = "/tmp/tephra-golden-XXXXXX";
  int fd = mkstemp(path);
  FILE* out = fdopen(fd, "wb");
  for (const Case& test : cases) fwrite(test.bytes.data(), 1, test.bytes.size(), out);
  fclose(out);
  std::string command =
      std::string("objdump -D -b binary -m i386:x86-64 -M intel --insn-width=16 ") + path;
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

std::vector<std::vector<std::string>> texts(std::vector<Case>& cases) {
  std::vector<std::vector<std::string>> result(cases.size());
  std::vector<size_t> starts;
  size_t total = 0;
  for (const Case& test : cases) {
    starts.push_back(total);
    total += test.bytes.size();
  }
  for (const std::string& line : disassemble(cases)) {
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
    size_t note = text.find(" #");
    if (note != std::string::npos) text.resize(note);
    // Targets of jumps and calls are addresses in objdump's file; as distances they are stable.
    size_t target = text.find(" 0x");
    if (target != std::string::npos && (text[0] == 'j' || text.rfind("call 0x", 0) == 0)) {
      long distance = static_cast<long>(std::strtoul(text.c_str() + target, nullptr, 16)) -
                      static_cast<long>(starts[index]);
      text = text.substr(0, target) + " +" + std::to_string(distance);
    }
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

void update(std::vector<Case>& cases, const std::vector<std::vector<std::string>>& found) {
  std::ofstream file(kFile);
  for (size_t i = 0; i < cases.size(); ++i) {
    for (const auto& line : cases[i].comments) file << line << "\n";
    for (const auto& line : cases[i].lines) file << line << "\n";
    for (const auto& line : found[i]) file << line << "\n";
  }
}

TEST(EmitGolden, EveryFormIsWhatObjdumpSays) {
  std::vector<Case> cases = readCases();
  ASSERT_FALSE(cases.empty());
  for (Case& test : cases) test.bytes = body(test);
  bool updating = std::getenv("TEPHRA_UPDATE_GOLDEN") != nullptr;
  if (updating) {
    ASSERT_TRUE(haveObjdump());
    update(cases, texts(cases));
    return;
  }
  for (const Case& test : cases)
    EXPECT_EQ(hexOf(test.bytes), hexOf(test.expected)) << test.lines[0];
  if (!haveObjdump()) GTEST_SKIP() << "no objdump: bytes compared, their text not";
  auto found = texts(cases);
  for (size_t i = 0; i < cases.size(); ++i)
    EXPECT_EQ(found[i], cases[i].expected) << cases[i].lines[0];
}

TEST(EmitGolden, EveryOperationHasACase) {
  std::set<std::string> seen;
  for (const Case& test : readCases()) {
    for (const std::string& line : test.lines) {
      std::istringstream words(line);
      for (std::string word; words >> word;) seen.insert(word);
    }
  }
  for (int i = 0; i <= static_cast<int>(lir::Op::kDecref); ++i) {
    const char* name = lir::opInfo(static_cast<lir::Op>(i)).name;
    EXPECT_TRUE(seen.count(name)) << name;
  }
}

}  // namespace
}  // namespace tephra::codegen_test
