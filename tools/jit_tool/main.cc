// jit-tool: the compiler's own text forms on the command line, without Python: check them, run
// passes over them one by one, allocate registers. See --help.
#include <fmt/format.h>

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <sstream>
#include <string>
#include <vector>

#include "hir/ir.h"
#include "hir/unit_facts.h"
#include "lir/ir.h"
#include "passes/pipeline.h"
#include "passes/refcount_checker.h"
#include "regalloc/regalloc.h"
#include "target/target.h"

namespace tephra::tool {
namespace {

constexpr const char* kHelp = R"(usage: jit-tool COMMAND [options] FILE...

Reads the textual IR that `python -m tephra dump` and the golden files of tests/ show.
FILE is HIR or LIR text (its first line that is no comment tells which); - is standard input.
Of a golden file only the input is read: what follows "=>" or "===" is left aside.

commands:
  passes                  list the passes in the order of the pipeline
  verify FILE...          parse and verify; prints nothing when all is well
  print FILE...           parse, verify and print again
  run PASS[,PASS...] FILE run these passes over HIR and print the result; "pipeline" is all of them
  allocate FILE           allocate the registers of LIR, check the allocation, print the result

options:
  --trace                 run: print the function after every pass that changed it, with the time taken
  --without PASS          run: leave this pass out of the pipeline (may be repeated)
  --refcounts             verify: also check the reference counts on all paths (after refcount_insertion)
  --target NAME           allocate: x86_64 (default) or aarch64
  --spill                 allocate: a register only where an instruction needs one
  --shuffle SEED          allocate: choose registers at random
  --help                  this text

exit status: 0; 1 when the text is wrong (FILE:LINE: what); 2 when the command line is wrong.
)";

struct Arguments {
  std::string command;
  std::vector<std::string> passes, files, without;
  bool trace = false, refcounts = false;
  const Target* target = &x86_64Target();
  regalloc::AllocationOptions allocation;
};

int usageError(const std::string& message) {
  fmt::print(stderr, "jit-tool: {}\ntry: jit-tool --help\n", message);
  return 2;
}

int textError(const std::string& file, const std::string& message) {
  fmt::print(stderr, "{}: {}\n", file, message);
  return 1;
}

std::string passNames() {
  std::string names = "pipeline";
  for (const passes::PassInstance& pass : passes::pipeline())
    names += std::string(", ") + pass.name;
  return names;
}

std::vector<std::string> split(const std::string& list) {
  std::vector<std::string> parts;
  std::istringstream in(list);
  for (std::string part; std::getline(in, part, ',');) parts.push_back(part);
  return parts;
}

// The input's part of a file; false: it cannot be read.
bool readInput(const std::string& file, std::string* text) {
  std::ifstream opened;
  if (file != "-") {
    opened.open(file);
    if (!opened) return false;
  }
  std::istream& in = file == "-" ? std::cin : opened;
  for (std::string line; std::getline(in, line);) {
    if (line == "=>" || line.starts_with("=== ")) break;
    *text += line + "\n";
  }
  return true;
}

// LIR's first line counts parameters: "fun f params=3 ...".
bool isLir(const std::string& text) {
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);) {
    if (!line.empty() && !line.starts_with("//")) return line.find(" params=") != std::string::npos;
  }
  return false;
}

// One HIR function with the facts that it needs.
struct HirInput {
  std::unique_ptr<CodeUnit> unit;
  std::unique_ptr<hir::Function> function;
};

int loadHir(const std::string& file, const std::string& text, HirInput* out) {
  hir::FactsError facts;
  if (!hir::parseFacts(text, &out->unit, &facts)) {
    return textError(fmt::format("{}:{}", file, facts.line), facts.message);
  }
  out->function = std::make_unique<hir::Function>(out->unit.get());
  hir::ParseError error{};
  if (!hir::parse(text, out->function.get(), &error)) {
    return textError(fmt::format("{}:{}", file, error.line), error.message);
  }
  int status = 0;
  for (const std::string& line : hir::verify(*out->function)) status = textError(file, line);
  return status;
}

int loadLir(const std::string& file, const std::string& text, lir::Function* out) {
  lir::ParseError error{};
  if (!lir::parse(text, out, &error)) {
    return textError(fmt::format("{}:{}", file, error.line), error.message);
  }
  int status = 0;
  for (const std::string& line : lir::verify(*out)) status = textError(file, line);
  return status;
}

int verifyFile(const std::string& file, const std::string& text, const Arguments& arguments,
               bool print) {
  if (isLir(text)) {
    lir::Function function;
    int status = loadLir(file, text, &function);
    if (status == 0 && print) fmt::print("{}", lir::print(function));
    return status;
  }
  HirInput input;
  int status = loadHir(file, text, &input);
  if (status == 0 && arguments.refcounts) {
    for (const std::string& line : passes::checkRefcounts(*input.function).errors) {
      status = textError(file, line);
    }
  }
  if (status == 0 && print) fmt::print("{}", hir::print(*input.function));
  return status;
}

int runPasses(const std::string& file, const std::string& text, const Arguments& arguments) {
  if (isLir(text)) return textError(file, "passes run over HIR; this is LIR");
  HirInput input;
  if (int status = loadHir(file, text, &input)) return status;
  passes::PassContext context;
  context.options.verify = true;
  for (const std::string& name : arguments.without) {
    if (!context.options.disable(name)) {
      return usageError(fmt::format("--without: '{}' is no pass; there are {}", name, passNames()));
    }
  }
  if (arguments.trace) {
    std::string before = hir::print(*input.function);
    context.dump = [before, &context](const char* pass, const hir::Function& function) mutable {
      std::string now = hir::print(function);
      if (pass[0] == '\0' || now == before) return;
      before = now;
      fmt::print("// after {} ({:.0f} us)\n{}", pass, 1e6 * context.timings.back().seconds, now);
    };
  }
  for (const std::string& name : arguments.passes) {
    if (name == "pipeline") {
      passes::runPipeline(*input.function, context);
    } else {
      passes::runPass(*passes::findPass(name), *input.function, context);
    }
    if (!context.errors.empty()) break;
  }
  if (!arguments.trace || !context.errors.empty()) fmt::print("{}", hir::print(*input.function));
  for (const std::string& line : context.errors) textError(file, line);
  return context.errors.empty() ? 0 : 1;
}

int allocate(const std::string& file, const std::string& text, const Arguments& arguments) {
  if (!isLir(text)) return textError(file, "registers are allocated in LIR; this is HIR");
  lir::Function function;
  if (int status = loadLir(file, text, &function)) return status;
  auto result = regalloc::allocateRegisters(function, *arguments.target, arguments.allocation);
  if (!result) {
    return textError(
        file, fmt::format("{}: {}", bailoutText(result.bailout().reason), result.bailout().detail));
  }
  fmt::print("{}", lir::print(function));
  return 0;
}

int listPasses() {
  for (const passes::PassInstance& pass : passes::pipeline()) {
    fmt::print("{:24} {}{}\n", pass.name, pass.doc, pass.required() ? " (always runs)" : "");
  }
  return 0;
}

// The value of an option; nullptr: there is none.
const char* valueOf(int argc, char** argv, int* i) { return *i + 1 < argc ? argv[++*i] : nullptr; }

int parseOption(const std::string& option, int argc, char** argv, int* i, Arguments* out) {
  if (option == "--trace") return out->trace = true, 0;
  if (option == "--refcounts") return out->refcounts = true, 0;
  if (option == "--spill") return out->allocation.spill_everything = true, 0;
  if (option != "--without" && option != "--target" && option != "--shuffle") {
    return usageError(fmt::format("unknown option '{}'", option));
  }
  const char* value = valueOf(argc, argv, i);
  if (value == nullptr) return usageError(option + " needs a value");
  if (option == "--without") {
    out->without.push_back(value);
  } else if (option == "--target") {
    out->target = nullptr;
    for (const Target* each : {&x86_64Target(), &aarch64Target()}) {
      if (each->name() == std::string(value)) out->target = each;
    }
    if (out->target == nullptr) {
      return usageError(fmt::format("--target: '{}' is neither x86_64 nor aarch64", value));
    }
  } else {
    char* end = nullptr;
    out->allocation.shuffle_seed = std::strtoull(value, &end, 10);
    if (*value == '\0' || *end != '\0' || out->allocation.shuffle_seed == 0) {
      return usageError(fmt::format("--shuffle: '{}' is no number above 0", value));
    }
  }
  return 0;
}

int parseArguments(int argc, char** argv, Arguments* out) {
  out->allocation.check = true;
  std::vector<std::string> words;
  for (int i = 1; i < argc; ++i) {
    std::string word = argv[i];
    if (word.size() < 2 || word[0] != '-') {
      words.push_back(word);
    } else if (int status = parseOption(word, argc, argv, &i, out)) {
      return status;
    }
  }
  if (words.empty()) return usageError("which command? passes, verify, print, run or allocate");
  out->command = words[0];
  size_t next = 1;
  if (out->command == "run") {
    if (words.size() < 2) return usageError("run which passes? There are " + passNames());
    out->passes = split(words[next++]);
    for (const std::string& name : out->passes) {
      if (name == "pipeline" || passes::findPass(name) != nullptr) continue;
      return usageError(fmt::format("'{}' is no pass; there are {}", name, passNames()));
    }
  }
  out->files.assign(words.begin() + static_cast<ptrdiff_t>(next), words.end());
  if (out->command != "passes" && out->files.empty()) return usageError("no FILE given");
  return 0;
}

int runOnFile(const std::string& file, const Arguments& arguments) {
  std::string text;
  if (!readInput(file, &text)) return textError(file, "cannot be read");
  if (arguments.command == "run") return runPasses(file, text, arguments);
  if (arguments.command == "allocate") return allocate(file, text, arguments);
  return verifyFile(file, text, arguments, arguments.command == "print");
}

int run(int argc, char** argv) {
  for (int i = 1; i < argc; ++i) {
    if (std::string(argv[i]) == "--help" || std::string(argv[i]) == "-h") {
      fmt::print("{}", kHelp);
      return 0;
    }
  }
  Arguments arguments;
  if (int status = parseArguments(argc, argv, &arguments)) return status;
  if (arguments.command == "passes") return listPasses();
  for (const char* known : {"verify", "print", "run", "allocate"}) {
    if (arguments.command != known) continue;
    int status = 0;
    for (const std::string& file : arguments.files) {
      status = std::max(status, runOnFile(file, arguments));
    }
    return status;
  }
  return usageError(fmt::format(
      "unknown command '{}': passes, verify, print, run or allocate expected", arguments.command));
}

}  // namespace
}  // namespace tephra::tool

int main(int argc, char** argv) { return tephra::tool::run(argc, argv); }
