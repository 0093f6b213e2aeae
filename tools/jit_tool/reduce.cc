#include "tools/jit_tool/reduce.h"

#include <fmt/format.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <set>

#include "hir/unit_facts.h"
#include "tools/jit_tool/child.h"
#include "tools/jit_tool/input.h"
#include "tools/jit_tool/shrink.h"

namespace tephra::tool {
namespace {

constexpr unsigned kSeconds = 20;  // for one run: what takes longer, hangs

enum class Soundness : uint8_t { kNoText, kParses, kVerifies };

Soundness soundness(const std::string& text) {
  if (isLir(text)) {
    lir::Function function;
    if (!lir::parse(text, &function, nullptr)) return Soundness::kNoText;
    return lir::verify(function).empty() ? Soundness::kVerifies : Soundness::kParses;
  }
  std::unique_ptr<CodeUnit> unit;
  hir::FactsError error;
  if (!hir::parseFacts(text, &unit, &error)) return Soundness::kNoText;
  hir::Function function(unit.get());
  if (!hir::parse(text, &function, nullptr)) return Soundness::kNoText;
  return hir::verify(function).empty() ? Soundness::kVerifies : Soundness::kParses;
}

// Runs the stage or the command on candidates.
class Judge {
 public:
  explicit Judge(const Arguments& arguments) : arguments_(arguments) {
    path_ = std::filesystem::temp_directory_path() / fmt::format("jit-tool-{}.ir", getpid());
  }
  ~Judge() { std::filesystem::remove(path_); }
  Judge(const Judge&) = delete;
  Judge& operator=(const Judge&) = delete;

  // The whole text's outcome; later ones are compared with it. False: nothing goes wrong.
  bool start(const std::string& text, std::string* why) {
    soundness_ = soundness(text);
    Outcome outcome = run(text);
    status_ = outcome.status;
    *why = fmt::format("status {}: {}", outcome.status, outcome.output);
    const bool fails =
        arguments_.shell.empty() ? status_ != kGood && status_ != kUnusable : status_ == kGood;
    return fails && asExpected(outcome);
  }

  bool operator()(const std::string& text) {
    if (!seen_.insert(text).second) return false;
    const Soundness sound = soundness(text);
    // A command may want what does not verify; a stage fails for another reason on that.
    const bool comparable =
        arguments_.shell.empty() ? sound == soundness_ : sound != Soundness::kNoText;
    if (!comparable) return false;
    ++runs_;
    return asExpected(run(text));
  }
  size_t runs() const { return runs_; }

 private:
  bool asExpected(const Outcome& outcome) const {
    return outcome.status == status_ && outcome.output.find(arguments_.expect) != std::string::npos;
  }

  Outcome run(const std::string& text) const {
    std::ofstream(path_) << text;
    return inChild(
        [this] {
          if (arguments_.shell.empty()) {
            std::vector<std::string> words = arguments_.stage;
            words.push_back(path_);
            return runTool(words);
          }
          std::string command = arguments_.shell;
          const size_t at = command.find("{}");
          if (at == std::string::npos) {
            command += " " + path_;
          } else {
            command.replace(at, 2, path_);
          }
          return shell(command);
        },
        kSeconds);
  }

  const Arguments& arguments_;
  std::string path_;
  int status_ = 0;
  Soundness soundness_ = Soundness::kParses;  // what is sound fails for another reason
  std::set<std::string> seen_;                // no text is tried twice
  size_t runs_ = 0;
};

}  // namespace

int reduce(const std::string& file, const Arguments& arguments) {
  if (arguments.stage.empty() == arguments.shell.empty())
    return usageError("reduce: either --command CMD or -- STAGE says what goes wrong");
  std::string text, why;
  if (int status = readInput(file, arguments, &text)) return status;
  if (soundness(text) == Soundness::kNoText)
    return complain(file, "cannot be parsed (jit-tool verify says why)", kUnusable);
  Judge judge(arguments);
  if (!judge.start(text, &why))
    return complain(file, "does not go wrong as expected: " + why, kUnusable);
  FunctionText function(text);
  const size_t before = function.numLines();
  const Accept accept = [&](const FunctionText& smaller) { return judge(smaller.text()); };
  for (bool again = true; again;) {
    again = false;
    for (Shrink shrink :
         {cutEdges, endBlocks, dropInstructions, mergeBlocks, dropExits, dropItems, dropHead})
      again |= shrink(&function, accept);
  }
  fmt::print("{}", function.text());
  fmt::print(stderr, "// {} lines of {}, after {} runs\n", function.numLines(), before,
             judge.runs());
  return kGood;
}

}  // namespace tephra::tool
