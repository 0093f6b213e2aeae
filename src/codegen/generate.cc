#include "codegen/generate.h"

#include <algorithm>

#include "codegen/block_order.h"
#include "codegen/exit_locations.h"
#include "codegen/frame_layout.h"

namespace tephra {

namespace {

// Copies relocated code into memory; nullptr when there is none.
void* placeCode(EmittedCode* code, CodeMemory& memory, const Target& target,
                const std::string& name) {
  void* base = memory.allocate(code->bytes.size());
  if (base == nullptr) return nullptr;
  for (const Relocation& relocation : code->relocations) {
    relocate(relocation, code->bytes.data() + relocation.offset,
             reinterpret_cast<uint64_t>(base) + relocation.offset);
  }
  if (memory.write(base, code->bytes.data(), code->bytes.size())) {
    memory.announce(base, code->bytes.size(), name, target, code->unwinding);
    return base;
  }
  memory.free(base);
  return nullptr;
}

const char* stubName(StubKind kind) {
  switch (kind) {
    case StubKind::kDecref: return "tephra-stub:release";
    case StubKind::kDecrefGeneral: return "tephra-stub:release-general";
    case StubKind::kExit: return "tephra-stub:exit";
    case StubKind::kPushFrame: return "tephra-stub:push-frame";
    case StubKind::kPopFrame: return "tephra-stub:pop-frame";
    case StubKind::kUncompiled: return "tephra-stub:call-uncompiled";
    case StubKind::kFar: return "tephra-stub:far-call";
  }
  return "tephra-stub";
}

constexpr uint64_t kFarStub = UINT64_C(1) << 63;  // keys of stubs to far addresses

// One stub per far address and memory, shared by all that go there.
uint64_t farStub(const Target& target, uint64_t destination, CodeMemory& memory) {
  uint64_t key = kFarStub | destination;
  void* stub = memory.sharedStub(key);
  if (stub == nullptr) {
    StubInput input;
    input.kind = StubKind::kFar;
    input.destination = destination;
    Result<EmittedCode> code = emitStub(target, input);
    if (!code) return 0;
    stub = placeCode(&*code, memory, target, stubName(StubKind::kFar));
    if (stub != nullptr) memory.setSharedStub(key, stub);
  }
  return reinterpret_cast<uint64_t>(stub);
}

Reach reachOf(const Target& target, CodeMemory& memory) {
  Reach reach;
  reach.call = [&memory, limit = target.callReach()](uint64_t address) {
    return memory.reaches(address, limit);
  };
  reach.data = [&memory, limit = target.dataReach()](uint64_t address) {
    return memory.reaches(address, limit);
  };
  reach.stub = [&target, &memory](uint64_t address) { return farStub(target, address, memory); };
  return reach;
}

// A stub of this memory, made at first use.
uint64_t sharedStub(const Target& target, StubKind kind, uint32_t nargs, CodeMemory& memory,
                    const RuntimeAddresses& addresses, const PyLayout* layout = nullptr) {
  uint64_t key =
      static_cast<uint64_t>(target.arch()) << 40 | static_cast<uint64_t>(kind) << 32 | nargs;
  void* stub = memory.sharedStub(key);
  if (stub == nullptr) {
    StubInput input;
    input.kind = kind;
    input.nargs = nargs;
    input.landing_pads = memory.enforcesBranchTargets();
    input.addresses = &addresses;
    input.layout = layout;
    input.reach = reachOf(target, memory);
    Result<EmittedCode> code = emitStub(target, input);
    if (!code) return 0;
    stub = placeCode(&*code, memory, target, stubName(kind));
    if (stub != nullptr) memory.setSharedStub(key, stub);
  }
  return reinterpret_cast<uint64_t>(stub);
}

bool uses(const lir::Function& function, bool (*matches)(const lir::Instr&)) {
  for (const lir::Block* block : function.blocks()) {
    for (const lir::Instr* instr = block->first; instr != nullptr; instr = instr->next) {
      if (matches(*instr)) return true;
    }
  }
  return false;
}

bool usesVectors(const lir::Instr& instr) {
  auto vector = [](const lir::Operand& operand) {
    return operand.kind == lir::Operand::kReg && operand.bank == lir::Bank::kFp;
  };
  return std::any_of(instr.defs.begin(), instr.defs.end(), vector) ||
         std::any_of(instr.uses.begin(), instr.uses.end(), vector);
}

StubKind releaseStub(const lir::Function& function) {
  return uses(function, usesVectors) ? StubKind::kDecref : StubKind::kDecrefGeneral;
}

// Without PushFrame nobody asks for it.
FrameShape shapeOf(const lir::Function& function, const CodeUnit& unit) {
  FrameShape shape;
  const PyLayout& py = *unit.layout;
  for (const lir::Block* block : function.blocks()) {
    for (const lir::Instr* instr = block->first; instr != nullptr; instr = instr->next) {
      if (instr->op != lir::Op::kPushFrame) continue;
      shape.code = unit.objects[unit.code_object].address | (py.frame_holds_stack_refs ? 1 : 0);
      shape.position = static_cast<uint64_t>(instr->i64(2));
      const uint64_t locals = instr->u32(1);
      // stacktop, return_offset and owner are neighbours.
      shape.stack = py.stack_pointer_is_pointer
                        ? static_cast<uint64_t>(py.frame_localsplus) + 8 * locals
                        : locals | uint64_t{py.frame_owner_thread} << 48;
      shape.bytes = uint64_t{8} * instr->u32(0);
      return shape;
    }
  }
  return shape;
}

void fillMetadata(const EmittedCode& code, const NativeFrame& frame, CodeMetadata* metadata) {
  metadata->hot_bytes = code.hot_bytes;
  metadata->cold_bytes = code.cold_bytes;
  metadata->spill_bytes = 8 * frame.num_slots;
  metadata->stack_bytes = frame.size + 16;  // with the return address and the saved frame pointer
}

EmitInput makeInput(const lir::Function& function, const CodeUnit& unit, const Target& target,
                    const RuntimeAddresses& addresses) {
  EmitInput input;
  BlockOrder order = orderBlocks(function);
  input.function = &function;
  input.hot = std::move(order.hot);
  input.cold = std::move(order.cold);
  input.frame = layOutFrame(function, target);
  input.layout = unit.layout;
  input.addresses = &addresses;
  input.total_args = unit.total_args;
  return input;
}

void makeStubs(EmitInput* made, const lir::Function& function, const CodeUnit& unit,
               const Target& target, CodeMemory& memory, const RuntimeAddresses& addresses) {
  EmitInput& input = *made;
  input.reach = reachOf(target, memory);
  input.landing_pads = memory.enforcesBranchTargets();
  // The vectorcall entry releases the arguments that it held.
  if (unit.total_args > 0 || uses(function, [](const lir::Instr& instr) {
        return instr.op == lir::Op::kDecref || instr.op == lir::Op::kDecrefAt ||
               instr.op == lir::Op::kDecrefRef || instr.op == lir::Op::kDecrefMortal ||
               instr.op == lir::Op::kDealloc;
      })) {
    input.decref_thunk = sharedStub(target, releaseStub(function), 0, memory, addresses);
  }
  if (uses(function, [](const lir::Instr& instr) { return instr.info().has_exit; })) {
    input.exit_thunk = sharedStub(target, StubKind::kExit, 0, memory, addresses);
  }
  auto frameStub = [&](StubKind kind) {
    return sharedStub(target, kind, 0, memory, addresses, unit.layout);
  };
  if (uses(function, [](const lir::Instr& instr) { return instr.op == lir::Op::kPushFrame; }))
    input.push_thunk = frameStub(StubKind::kPushFrame);
  if (unit.layout->frame_owns_code_and_func &&
      uses(function, [](const lir::Instr& instr) { return instr.op == lir::Op::kPopFrame; }))
    input.pop_thunk = frameStub(StubKind::kPopFrame);
}

void tallyInto(EmitInput* input, const Target& target) {
  auto length = [&](StubKind kind) {
    StubInput stub;
    stub.kind = kind;
    stub.addresses = input->addresses;
    stub.layout = input->layout;
    stub.reach = input->reach;
    Result<EmittedCode> code = emitStub(target, stub);
    return code ? code->instructions : 0;
  };
  input->tally.on = true;
  input->tally.function = input->function;
  input->tally.first_inserted_block = input->function->first_inserted_block;
  input->tally.decref_stub = length(releaseStub(*input->function));
  input->tally.exit_stub = length(StubKind::kExit);
  input->tally.push_stub = length(StubKind::kPushFrame);
  input->tally.pop_stub = length(StubKind::kPopFrame);
}

// Twice without its result: for the sizes, and for the number of counters.
Result<EmittedCode> emitCounting(const Target& target, EmitInput input, CodeMemory& memory,
                                 CompiledCode* code) {
  tallyInto(&input, target);
  Result<EmittedCode> plain = emitFunction(target, input);
  if (!plain) return plain.bailout();
  code->plain_hot_bytes = plain->hot_bytes;
  code->plain_cold_bytes = plain->cold_bytes;
  code->plain_instructions = plain->instructions;
  uint64_t* probe = memory.allocateCell();
  if (probe == nullptr) return Bailout{BailoutReason::kCodeMemory, "no room for counters"};
  input.tally.counters = reinterpret_cast<uint64_t>(probe);
  input.tally.capacity = UINT32_MAX;
  Result<EmittedCode> probed = emitFunction(target, input);
  memory.freeCell(probe);
  if (!probed) return probed.bailout();
  auto count = static_cast<uint32_t>(probed->tally.segments.size());
  uint64_t* counters = memory.allocateCells(count);
  if (counters == nullptr) return Bailout{BailoutReason::kCodeMemory, "no room for counters"};
  input.tally.counters = reinterpret_cast<uint64_t>(counters);
  input.tally.capacity = count;
  Result<EmittedCode> emitted = emitFunction(target, input);
  if (emitted) code->tally = std::move(emitted->tally);
  code->counters = counters;
  return emitted;
}

}  // namespace

Result<CodeMeasure> measureCode(lir::Function& function, const CodeUnit& unit, const Target& target,
                                const RuntimeAddresses& addresses, uint32_t shared_calls) {
  if (unit.layout == nullptr) return emissionBailout("the unit has no layout");
  CodeMetadata metadata;
  EmitInput input = makeInput(function, unit, target, addresses);
  input.metadata = &metadata;
  input.shared_calls = shared_calls;
  input.reach.call = input.reach.data = [](uint64_t) { return true; };
  input.decref_thunk = input.exit_thunk = addresses.dealloc;
  input.push_thunk = input.pop_thunk = addresses.dealloc;
  if (!fillExitLocations(&function, target, input.frame))
    return emissionBailout("an exit's values are incomplete");
  tallyInto(&input, target);
  Result<EmittedCode> emitted = emitFunction(target, input);
  if (!emitted) return emitted.bailout();
  return CodeMeasure{emitted->hot_bytes, emitted->cold_bytes, emitted->instructions,
                     std::move(emitted->tally)};
}

Result<CompiledCode> generateCode(lir::Function& function, const CodeUnit& unit,
                                  const Target& target, CodeMemory& memory,
                                  const RuntimeAddresses& addresses,
                                  const GenerateOptions& options) {
  if (unit.layout == nullptr) return emissionBailout("the unit has no layout");
  auto metadata = std::make_unique<CodeMetadata>();
  EmitInput input = makeInput(function, unit, target, addresses);
  makeStubs(&input, function, unit, target, memory, addresses);
  metadata->shape = shapeOf(function, unit);
  input.metadata = metadata.get();
  input.disassembly = options.disassembly;
  input.shared_calls = options.shared_calls;
  if (!fillExitLocations(&function, target, input.frame))
    return emissionBailout("an exit's values are incomplete");
  CompiledCode code;
  Result<EmittedCode> emitted =
      options.count ? emitCounting(target, input, memory, &code) : emitFunction(target, input);
  if (!emitted) return emitted.bailout();
  fillMetadata(*emitted, input.frame, metadata.get());
  metadata->exits = std::move(function.exits);
  metadata->scopes = std::move(function.scopes);
  void* base = placeCode(&*emitted, memory, target, "tephra:" + unit.module + "." + unit.qualname);
  if (base == nullptr) return Bailout{BailoutReason::kCodeMemory, ""};
  const auto start = reinterpret_cast<uint64_t>(base);
  for (const CodeEntry& entry : emitted->entries)
    metadata->entries.push_back({entry.point, start + entry.address});
  for (const auto& [exit, offset] : emitted->resumptions)
    metadata->exits[exit].resume = start + offset;
  code.versions = std::move(emitted->versions);
  code.base = base;
  code.size = emitted->bytes.size();
  code.metadata = std::move(metadata);
  code.disassembly = std::move(emitted->disassembly);
  return code;
}

void* makeUncompiledStub(uint32_t nargs, CodeMemory& memory, const RuntimeAddresses& addresses,
                         const Target& target) {
  return reinterpret_cast<void*>(
      sharedStub(target, StubKind::kUncompiled, nargs, memory, addresses));
}

}  // namespace tephra
