// jit-tool: any stage of the compiler on its own text forms, without Python. See --help.
#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <vector>

#include "lower/lower.h"
#include "passes/pipeline.h"
#include "regalloc/regalloc.h"
#include "tools/jit_tool/arguments.h"
#include "tools/jit_tool/iongraph.h"
#include "tools/jit_tool/reduce.h"
#include "tools/jit_tool/stages.h"

namespace tephra::tool {
namespace {

int listPasses(const std::string&, const Arguments&) {
  const auto show = [](const char* name, bool required, const char* doc) {
    fmt::print("{:24} {}{}\n", name, doc, required ? " (always runs)" : "");
  };
  for (const passes::PassInstance& pass : passes::pipeline())
    show(pass.name, pass.required(), pass.doc);
  fmt::print("\n");
  for (const lir::PhaseInfo& phase : lower::phases()) show(phase.name, phase.required, phase.doc);
  for (const lir::PhaseInfo& phase : regalloc::phases())
    show(phase.name, phase.required, phase.doc);
  return kGood;
}

const std::vector<Command>& commands() {
  static const std::vector<Command> all = {
      {"passes", "", "list the passes over HIR, then the phases over LIR, in their order",
       listPasses},
      {"verify", "FILE...", "parse and verify; prints nothing when all is well", verify},
      {"print", "FILE...", "parse, verify and print again", print},
      {"run", "PASS[,PASS...] FILE...",
       "run these passes over HIR and print the result; \"pipeline\" is all of them", runPasses},
      {"lower", "FILE...", "HIR with explicit reference counts to LIR", lower},
      {"allocate", "FILE...", "allocate the registers of LIR, check the allocation, print it",
       allocate},
      {"emit", "FILE...", "allocated LIR to machine code, disassembled; addresses are made up",
       emit},
      {"iongraph", "FILE", "HIR after every pass, and its LIR, as JSON for the viewer Iongraph",
       iongraph},
      {"reduce", "FILE", "the smallest text on which the stage behind -- still fails as on FILE",
       reduce},
  };
  return all;
}

}  // namespace

int runTool(const std::vector<std::string>& words) {
  for (const std::string& word : words) {
    if (word != "--help" && word != "-h") continue;
    fmt::print("{}", helpText(commands()));
    return kGood;
  }
  const Command* command = nullptr;
  Arguments arguments;
  if (int status = parseArguments(words, commands(), &command, &arguments)) return status;
  if (arguments.files.empty()) return command->run("", arguments);
  int status = kGood;
  for (const std::string& file : arguments.files)
    status = std::max(status, command->run(file, arguments));
  return status;
}

}  // namespace tephra::tool

int main(int argc, char** argv) { return tephra::tool::runTool({argv + 1, argv + argc}); }
