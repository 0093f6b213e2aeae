// jit-tool emit: allocated LIR to machine code, as tests/unit/codegen/golden_test.cc does it: with
// made-up addresses, so that the same text gives the same bytes everywhere.
#include <fmt/format.h>
#include <sys/mman.h>

#include <new>

#include "codegen/block_order.h"
#include "codegen/exit_locations.h"
#include "codegen/frame_layout.h"
#include "target/emit.h"
#include "tools/jit_tool/input.h"
#include "tools/jit_tool/stages.h"

namespace tephra::tool {
namespace {

constexpr uint64_t kMetadata = 0x10000000, kStubs = 0x20000000, kStubsEnd = 0x30000000;
constexpr uint64_t kFarAway = 0x123456789A;  // helpers: out of a direct call's reach

// What emission takes for granted: "" or why the operand cannot be.
std::string wrongOperand(const lir::Operand& operand, const Target& target) {
  using lir::Operand;
  auto part = [&](uint8_t kind, uint32_t number, lir::Bank bank) -> std::string {
    if (kind == Operand::kVReg) return "registers are not allocated yet (jit-tool allocate)";
    if (kind == Operand::kReg && number >= static_cast<uint32_t>(target.numRegisters(bank)))
      return fmt::format("{} has no register {}", target.name(), number);
    return "";
  };
  if (!operand.isMem()) return part(operand.kind, operand.base, operand.bank);
  std::string wrong = part(operand.base_kind, operand.base, lir::Bank::kGp);
  return wrong.empty() ? part(operand.index_kind, operand.index, lir::Bank::kGp) : wrong;
}

// Operands that are machine registers, and parameters of blocks gone.
int checkAllocated(const std::string& file, const lir::Function& function, const Target& target) {
  for (const lir::Block* block : function.blocks()) {
    if (!block->params.empty()) {
      return complain(
          file, fmt::format("bb{} has parameters: registers are not allocated yet", block->id),
          kWrong);
    }
    for (const lir::Instr* instr = block->first; instr; instr = instr->next) {
      for (auto operands : {instr->defs, instr->uses}) {
        for (const lir::Operand& operand : operands) {
          std::string wrong = wrongOperand(operand, target);
          if (wrong.empty()) continue;
          return complain(file, fmt::format("bb{}: `{}`: {}", block->id, lir::print(*instr), wrong),
                          kWrong);
        }
      }
    }
  }
  return kGood;
}

// Its address is in the code, so it is the same in each run.
CodeMetadata* metadataAtFixedAddress() {
  void* page = mmap(reinterpret_cast<void*>(kMetadata), 4096, PROT_READ | PROT_WRITE,
                    MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
  return page == MAP_FAILED ? nullptr : new (page) CodeMetadata;
}

void printBytes(const EmittedCode& code) {
  for (size_t i = 0; i < code.bytes.size(); ++i) {
    const bool end = i % 16 == 15 || i + 1 == code.bytes.size();
    fmt::print("{:02x}{}", code.bytes[i], end ? "\n" : " ");
  }
}

}  // namespace

int emit(const std::string& file, const Arguments& arguments) {
  std::string text;
  if (int status = readInput(file, arguments, &text)) return status;
  if (!isLir(text)) return complain(file, "code is made from LIR; this is HIR", kUnusable);
  lir::Function function;
  if (int status = loadLir(file, text, &function)) return status;
  const Target& target = *arguments.target;
  if (int status = checkAllocated(file, function, target)) return status;
  static const CodeMetadata* metadata = metadataAtFixedAddress();
  if (metadata == nullptr) return complain(file, "no memory at a fixed address", kUnusable);
  RuntimeAddresses addresses;
  addresses.helpers.fill(kFarAway);
  addresses.take_exit = addresses.call_slow = addresses.dealloc = addresses.thread_state = kFarAway;
  EmitInput input;
  BlockOrder order = orderBlocks(function);
  input.function = &function;
  input.hot = order.hot;
  input.cold = order.cold;
  input.frame = layOutFrame(function, target);
  input.layout = arguments.layout;
  input.addresses = &addresses;
  input.metadata = metadata;
  input.total_args = function.num_params > 0 ? function.num_params - 1 : 0;
  input.decref_thunk = input.exit_thunk = input.push_thunk = input.pop_thunk = kStubs;
  input.reach.call =
      input.reach.data = [](uint64_t address) { return address >= kStubs && address < kStubsEnd; };
  input.reach.stub = [](uint64_t) { return kStubs + 0x40; };
  input.disassembly = !arguments.bytes;
  if (!fillExitLocations(&function, target, input.frame))
    return complain(file, "an exit's values are incomplete", kWrong);
  Result<EmittedCode> code = emitFunction(target, input);
  if (!code) return complain(file, code.bailout().detail, kWrong);
  if (arguments.bytes) {
    printBytes(*code);
  } else {
    fmt::print("{}", code->disassembly);
  }
  return kGood;
}

}  // namespace tephra::tool
