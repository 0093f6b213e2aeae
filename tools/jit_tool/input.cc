#include "tools/jit_tool/input.h"

#include <fmt/format.h>

#include <algorithm>
#include <fstream>
#include <iostream>
#include <sstream>

#include "hir/unit_facts.h"
#include "tests/unit/lower/layouts.h"

namespace tephra::tool {
namespace {

constexpr const char* kCase = "=== ";

bool endsInput(const std::string& line) {
  return line == "=>" || line.starts_with(kCase) || line.starts_with("--- ");
}

// Goes to the case's first line; false: there is none.
bool findCase(std::istream& in, const std::string& name) {
  for (std::string line; std::getline(in, line);) {
    if (line.starts_with(kCase) && line.find(name) != std::string::npos) return true;
  }
  return false;
}

// What the unit of a function from text must have for lowering: the objects of tests/lower where
// the text states no facts, and made-up ones for what else it names.
void complete(const PyLayout& layout, const hir::Function& function, CodeUnit* unit) {
  size_t homes = 0, objects = 0;
  for (const hir::Block* block : function.blocks()) {
    for (const hir::Instr* instr = block->first; instr; instr = instr->next) {
      auto home = [&](uint64_t slot) { homes = std::max<size_t>(homes, slot + 1); };
      const hir::OpInfo& info = instr->info();
      for (size_t i = 0; i < info.attrs.size(); ++i) {
        const uint64_t value = instr->attr[i];
        if (info.attrs[i].kind == hir::AttrKind::kObj && value != hir::kNoObject)
          objects = std::max<size_t>(objects, value + 1);
        if (std::string_view(info.attrs[i].name) == "slot") home(value);
      }
      for (uint32_t entry : instr->aux) {
        if (instr->op == hir::Op::kLeaveFrame) home(entry / 2);
        if (instr->op == hir::Op::kFrameState && entry < kFrameFunction) home(entry);
      }
      if (instr->op == hir::Op::kLoadArg)
        unit->total_args = std::max(unit->total_args, instr->u32(0) + 1);
    }
  }
  // A typing error must not take gigabytes; the verifier names what stays out of range.
  constexpr size_t kMost = 10000;
  CodeUnit fake = lower_test::fakeUnit(layout, unit->total_args);
  if (unit->objects.empty()) {
    unit->objects = fake.objects;
    unit->code_object = fake.code_object;
  } else {
    unit->code_object = unit->addObject(fake.objects[fake.code_object]);
  }
  while (unit->objects.size() < std::min(objects, kMost))
    unit->addObject(lower_test::object(0, "", hir::kMaskObject));
  for (size_t i = 0; i < unit->objects.size(); ++i) {
    if (unit->objects[i].address == 0) unit->objects[i].address = fake.bytecode + 0x1000 * (i + 1);
  }
  unit->locals.resize(std::max({unit->locals.size(), fake.locals.size(), std::min(homes, kMost)}));
  unit->name = unit->qualname = function.name;
  unit->layout = &layout;
  unit->stack_size = fake.stack_size;
  unit->frame_size = static_cast<uint32_t>(static_cast<size_t>(layout.frame_localsplus) / 8 +
                                           unit->locals.size() + unit->stack_size);
  unit->first_traceable = fake.first_traceable;
  unit->bytecode = fake.bytecode;
  unit->instrumentation_version = fake.instrumentation_version;
}

}  // namespace

int complain(const std::string& file, const std::string& message, int status) {
  fmt::print(stderr, "{}: {}\n", file, message);
  return status;
}

int readInput(const std::string& file, const Arguments& arguments, std::string* text) {
  std::ifstream opened;
  if (file != "-") opened.open(file);
  std::istream& in = file == "-" ? std::cin : opened;
  if (!in) return complain(file, "cannot be read", kUnusable);
  if (!arguments.test_case.empty() && !findCase(in, arguments.test_case))
    return complain(file, fmt::format("no case '{}'", arguments.test_case), kUnusable);
  for (std::string line; std::getline(in, line) && !endsInput(line);) *text += line + "\n";
  return in.bad() ? complain(file, "cannot be read", kUnusable) : kGood;
}

// LIR's first line counts parameters: "fun f params=3 ...".
bool isLir(const std::string& text) {
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);) {
    if (!line.empty() && !line.starts_with("//")) return line.find(" params=") != std::string::npos;
  }
  return false;
}

int loadHir(const std::string& file, const std::string& text, const PyLayout* layout,
            HirInput* out) {
  hir::FactsError facts;
  if (!hir::parseFacts(text, &out->unit, &facts))
    return complain(fmt::format("{}:{}", file, facts.line), facts.message, kUnusable);
  if (layout && !out->unit) out->unit = std::make_unique<CodeUnit>();
  out->function = std::make_unique<hir::Function>(out->unit.get());
  hir::ParseError error{};
  if (!hir::parse(text, out->function.get(), &error))
    return complain(fmt::format("{}:{}", file, error.line), error.message, kUnusable);
  if (layout) complete(*layout, *out->function, out->unit.get());
  return report(file, *out->function, hir::diagnose(*out->function));
}

int loadLir(const std::string& file, const std::string& text, lir::Function* out) {
  lir::ParseError error{};
  if (!lir::parse(text, out, &error))
    return complain(fmt::format("{}:{}", file, error.line), error.message, kUnusable);
  return report(file, *out, lir::diagnose(*out));
}

}  // namespace tephra::tool
