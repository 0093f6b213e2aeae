#include "tools/jit_tool/arguments.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <sstream>

#include "lower/lower.h"
#include "passes/pipeline.h"
#include "tests/unit/lower/layouts.h"

namespace tephra::tool {
namespace {

constexpr const char* kHead = R"(usage: jit-tool COMMAND [options] FILE...

Runs any stage of the compiler on the textual IR that `python -m tephra dump` and the golden files of tests/ show.
FILE is HIR or LIR text (its first line that is no comment tells which); - is standard input.
Of a golden file only the input is read: what follows "=>", "===" or "---" is left aside.

commands:
)";

constexpr const char* kTail = R"(
exit status: 0; 1 when the text breaks a rule or a stage refuses it; 2 when the command line is wrong,
a FILE cannot be read or is no text of the IR (FILE:LINE: what).
docs/jit-tool.md shows each command at work.
)";

std::vector<std::string> split(const std::string& list) {
  std::vector<std::string> parts;
  std::istringstream in(list);
  for (std::string part; std::getline(in, part, ',');) parts.push_back(part);
  return parts;
}

int setTarget(const std::string& value, Arguments* out) {
  for (const Target* each : {&x86_64Target(), &aarch64Target()}) {
    if (each->name() != value) continue;
    out->target = each;
    return kGood;
  }
  return usageError(fmt::format("--target: '{}' is neither x86_64 nor aarch64", value));
}

int setPython(const std::string& value, Arguments* out) {
  for (const PyLayout* each : {&lower_test::layout312(), &lower_test::layout314()}) {
    if (each->version != value) continue;
    out->layout = each;
    return kGood;
  }
  return usageError(fmt::format("--python: '{}' is neither 3.12 nor 3.14", value));
}

int setShuffle(const std::string& value, Arguments* out) {
  char* end = nullptr;
  out->allocation.shuffle_seed = std::strtoull(value.c_str(), &end, 10);
  if (!value.empty() && *end == '\0' && out->allocation.shuffle_seed != 0) return kGood;
  return usageError(fmt::format("--shuffle: '{}' is no number above 0", value));
}

bool isPhase(const std::string& name) {
  auto all = lower::phases();
  for (const lir::PhaseInfo& phase : regalloc::phases()) all.push_back(phase);
  return std::any_of(all.begin(), all.end(),
                     [&](const lir::PhaseInfo& phase) { return phase.name == name; });
}

int setWithout(const std::string& value, Arguments* out) {
  if (passes::PassOptions().disable(value) || isPhase(value))
    return out->without.push_back(value), kGood;
  return usageError(fmt::format("--without: '{}' is no pass; jit-tool passes lists them", value));
}

struct Option {
  const char* name;
  const char* value;  // nullptr: takes none
  const char* doc;
  int (*set)(const std::string& value, Arguments* out);
};

constexpr Option kOptions[] = {
    {"--target", "NAME", "lower, allocate, emit, iongraph: x86_64 (default) or aarch64", setTarget},
    {"--python", "VERSION",
     "lower, emit, iongraph: object layouts of CPython 3.12 or 3.14 (default)", setPython},
    {"--case", "NAME", "of a FILE with cases (tests/lower/*.txt): the first whose name holds NAME",
     [](const std::string& value, Arguments* out) { return out->test_case = value, kGood; }},
    {"--trace", nullptr,
     "run, lower, allocate: print the function after all that changed it, with the time taken",
     [](const std::string&, Arguments* out) { return out->trace = true, kGood; }},
    {"--without", "PASS", "leave this pass or phase out, unless it always runs (may be repeated)",
     setWithout},
    {"--refcounts", nullptr,
     "verify: also check the reference counts on all paths (after refcount_insertion)",
     [](const std::string&, Arguments* out) { return out->refcounts = true, kGood; }},
    {"--spill", nullptr, "allocate: a register only where an instruction needs one",
     [](const std::string&, Arguments* out) {
       return out->allocation.spill_everything = true, kGood;
     }},
    {"--shuffle", "SEED", "allocate: choose registers at random", setShuffle},
    {"--bytes", nullptr, "emit: print the bytes instead of the assembly",
     [](const std::string&, Arguments* out) { return out->bytes = true, kGood; }},
    {"--expect", "TEXT", "reduce: only what prints TEXT counts as the same failure",
     [](const std::string& value, Arguments* out) { return out->expect = value, kGood; }},
    {"--command", "CMD", "reduce: instead of a stage; CMD exits with 0 while its file ({}) fails",
     [](const std::string& value, Arguments* out) { return out->shell = value, kGood; }},
};

const Option* findOption(const std::string& name) {
  for (const Option& option : kOptions) {
    if (name == option.name) return &option;
  }
  return nullptr;
}

std::string commandNames(const std::vector<Command>& commands) {
  std::string names;
  for (const Command& command : commands)
    names += (names.empty() ? "" : ", ") + std::string(command.name);
  return names;
}

const Command* findCommand(const std::string& name, const std::vector<Command>& commands) {
  for (const Command& command : commands) {
    if (name == command.name) return &command;
  }
  return nullptr;
}

int setPasses(const std::string& list, Arguments* out) {
  out->passes = split(list);
  for (const std::string& name : out->passes) {
    if (name == "pipeline" || passes::findPass(name) != nullptr) continue;
    return usageError(fmt::format("'{}' is no pass; there are {}", name, passNames()));
  }
  return kGood;
}

}  // namespace

int usageError(const std::string& message) {
  fmt::print(stderr, "jit-tool: {}\ntry: jit-tool --help\n", message);
  return kUnusable;
}

std::string passNames() {
  std::string names = "pipeline";
  for (const passes::PassInstance& pass : passes::pipeline())
    names += std::string(", ") + pass.name;
  return names;
}

std::string helpText(const std::vector<Command>& commands) {
  std::string text = kHead;
  auto row = [&](const std::string& left, const char* doc) {
    text += fmt::format("  {:24} {}\n", left, doc);
  };
  for (const Command& command : commands)
    row(fmt::format("{} {}", command.name, command.operands), command.doc);
  text += "\noptions:\n";
  for (const Option& option : kOptions) {
    row(option.value ? fmt::format("{} {}", option.name, option.value) : option.name, option.doc);
  }
  row("-- STAGE [options]", "reduce: what fails, a command line of jit-tool without its FILE");
  row("--help", "this text");
  return text + kTail;
}

int parseArguments(const std::vector<std::string>& words, const std::vector<Command>& commands,
                   const Command** command, Arguments* out) {
  out->allocation.check = true;
  out->layout = &lower_test::layout314();
  std::vector<std::string> plain;
  for (size_t i = 0; i < words.size(); ++i) {
    const std::string& word = words[i];
    if (word == "--") {
      out->stage.assign(words.begin() + static_cast<std::ptrdiff_t>(i) + 1, words.end());
      break;
    }
    if (word.size() < 2 || word[0] != '-') {
      plain.push_back(word);
      continue;
    }
    const Option* option = findOption(word);
    if (option == nullptr) return usageError(fmt::format("unknown option '{}'", word));
    if (option->value && i + 1 == words.size()) return usageError(word + " needs a value");
    if (int status = option->set(option->value ? words[++i] : "", out)) return status;
  }
  if (plain.empty()) return usageError("which command? " + commandNames(commands));
  *command = findCommand(plain[0], commands);
  if (*command == nullptr) {
    return usageError(
        fmt::format("unknown command '{}': there are {}", plain[0], commandNames(commands)));
  }
  size_t next = 1;
  if (plain[0] == "run") {
    if (plain.size() < 2) return usageError("run which passes? There are " + passNames());
    if (int status = setPasses(plain[next++], out)) return status;
  }
  out->files.assign(plain.begin() + static_cast<std::ptrdiff_t>(next), plain.end());
  const bool wants_file = std::strstr((*command)->operands, "FILE") != nullptr;
  if (wants_file && out->files.empty()) return usageError("no FILE given");
  const bool one = wants_file && std::strstr((*command)->operands, "...") == nullptr;
  if (one && out->files.size() > 1) return usageError(plain[0] + " takes one FILE");
  if (!wants_file && !out->files.empty()) return usageError(plain[0] + " takes no FILE");
  return kGood;
}

}  // namespace tephra::tool
