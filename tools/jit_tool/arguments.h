// Purpose: the command line of jit-tool as data: one row per command and per option, from which
// parsing, --help and error messages are made.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "pyver/common/layout.h"
#include "regalloc/regalloc.h"
#include "target/target.h"

namespace tephra::tool {

// Exit statuses.
inline constexpr int kGood = 0;
inline constexpr int kWrong = 1;     // the text breaks a rule, or a stage refuses it
inline constexpr int kUnusable = 2;  // the command line, or what is no text of the IR at all

struct Arguments {
  std::vector<std::string> passes;  // of `run`
  std::vector<std::string> files;
  std::vector<std::string> stage;  // of `reduce`: what follows --
  std::vector<std::string> without;
  std::string test_case, expect, shell;
  bool trace = false, refcounts = false, bytes = false;
  const Target* target = &x86_64Target();
  const PyLayout* layout = nullptr;
  regalloc::AllocationOptions allocation;
};

struct Command {
  const char* name;
  const char* operands;
  const char* doc;
  int (*run)(const std::string& file, const Arguments& arguments);  // once per FILE
};

std::string helpText(const std::vector<Command>& commands);

// kGood with *command and *out filled; else a message has been printed.
int parseArguments(const std::vector<std::string>& words, const std::vector<Command>& commands,
                   const Command** command, Arguments* out);

int usageError(const std::string& message);
std::string passNames();

}  // namespace tephra::tool
