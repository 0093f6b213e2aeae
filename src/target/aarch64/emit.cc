#include "target/aarch64/emit.h"

#include "target/aarch64/emitter.h"

namespace tephra::aarch64 {

using lir::Op;
using lir::Operand;

FunctionEmitter::FunctionEmitter(const Target& target, const EmitInput& input, Assembly& assembly)
    : target_(target),
      in_(input),
      as_(assembly),
      a_(assembly.a),
      shared_calls_(target, input.hot, input.shared_calls) {
  uint32_t highest = 0;
  for (const auto* list : {&in_.hot, &in_.cold}) {
    for (const lir::Block* block : *list) highest = std::max(highest, block->id);
  }
  block_labels_.resize(highest + 1);
  for (Label& label : block_labels_) label = as_.newLabel();
  shared_labels_.resize(shared_calls_.groups().size());
  for (Label& label : shared_labels_) label = as_.newLabel();
  exit_labels_.resize(in_.function->exits.size());
  register_entry_ = as_.newLabel();
  return_label_ = as_.newLabel();
}

void FunctionEmitter::fail(const Instr& instr, const char* why) {
  as_.fail(std::string(instr.info().name) + ": " + why);
}

// --- operands

bool FunctionEmitter::isGpRegister(const Operand& operand) const {
  return (operand.kind == Operand::kReg && operand.bank == lir::Bank::kGp) ||
         operand.kind == Operand::kPinned;
}

uint8_t FunctionEmitter::gp(const Operand& operand) {
  if (operand.kind == Operand::kPinned)
    return target_.pinned(static_cast<lir::Pinned>(operand.base));
  if (operand.kind == Operand::kReg && operand.bank == lir::Bank::kGp)
    return static_cast<uint8_t>(operand.base);
  as_.fail("an operand is not in a general register");
  return 0;
}

uint8_t FunctionEmitter::fp(const Operand& operand) {
  if (operand.kind == Operand::kReg && operand.bank == lir::Bank::kFp)
    return static_cast<uint8_t>(operand.base);
  as_.fail("an operand is not in a vector register");
  return 0;
}

namespace {
// 31 is the zero register here; asmjit numbers it otherwise.
a64::Gp sized(uint32_t number, uint32_t width) {
  if (number == kZeroRegister) number = a64::Gp::kIdZr;
  return width == 8 ? a64::Gp(x(number)) : a64::Gp(w(number));
}
}  // namespace

a64::Gp FunctionEmitter::reg(const Operand& operand, uint32_t width) {
  return sized(gp(operand), width);
}

uint32_t FunctionEmitter::valueIn(const Operand& operand, uint8_t scratch, uint32_t width) {
  if (!operand.isImm()) return gp(operand);
  uint64_t bits = operand.bits;
  if (width < 8) bits &= (UINT64_C(1) << (8 * width)) - 1;
  if (bits == 0) return kZeroRegister;
  as_.loadImmediate(scratch, bits);
  return scratch;
}

a64::Mem FunctionEmitter::frameWord(uint64_t offset) {
  if (offset <= 32760) return a64::ptr(a64::sp, static_cast<int32_t>(offset));
  as_.loadImmediate(kScratchAddress, offset);
  return a64::ptr(a64::sp, x(kScratchAddress));
}

a64::Mem FunctionEmitter::slot(const Operand& operand) {
  if (operand.base >= in_.frame.num_slots) as_.fail("a spill slot outside the frame");
  return frameWord(
      static_cast<uint64_t>(int64_t{in_.frame.size} + in_.frame.slotOffset(operand.base)));
}

a64::Mem FunctionEmitter::outgoing(uint32_t word) {
  if (word >= in_.frame.outgoing_words) as_.fail("a word outside the outgoing area");
  return frameWord(in_.frame.outgoing_offset + 8 * uint64_t{word});
}

a64::Mem FunctionEmitter::mem(const Operand& operand) {
  auto part = [&](uint8_t kind, uint32_t number) {
    Operand whole;
    whole.kind = static_cast<Operand::Kind>(kind);
    whole.base = number;
    return x(gp(whole));
  };
  if (operand.kind != Operand::kMem || operand.base_kind == Operand::kNone)
    as_.fail("an operand is not an address of this machine");
  a64::GpX base = part(operand.base_kind, operand.base);
  if (operand.index_kind == Operand::kNone) return a64::ptr(base, operand.disp);
  if (operand.disp != 0) as_.fail("an address with index and displacement");
  a64::GpX index = part(operand.index_kind, operand.index);
  if (operand.scale == 0) return a64::ptr(base, index);
  return a64::ptr(base, index, a64::lsl(operand.scale));
}

// --- the whole function

void FunctionEmitter::emitAll() {
  as_.enterHot();
  as_.unwind(target_.unwinding().entry);
  as_.tallier.part("entry");
  entries();
  as_.tallier.part("padding");
  while (as_.here().offset % 16 != 0) a_.nop();
  addEntry({EntryKind::kRegister});
  as_.bind(register_entry_);
  as_.tallier.part("prologue");
  as_.comment("register entry");
  landingPad();
  prologue();
  for (size_t i = 0; i < in_.hot.size(); ++i) {
    next_ = i + 1 < in_.hot.size() ? in_.hot[i + 1] : nullptr;
    emitBlock(in_.hot[i]);
  }
  as_.enterCold();
  as_.unwind(body_);
  for (size_t i = 0; i < in_.cold.size(); ++i) {
    next_ = i + 1 < in_.cold.size() ? in_.cold[i + 1] : nullptr;
    if (!shared_calls_.isReplaced(*in_.cold[i])) emitBlock(in_.cold[i]);
  }
  for (size_t i = 1; i < in_.function->entries.size(); ++i) frameEntry(i);
  sharedPieces();
  // Deferred pieces may defer no further ones, but may be the first to use an exit.
  for (size_t i = 0; i < deferred_.size(); ++i) deferred_[i]();
  exitStubs();
}

void FunctionEmitter::addEntry(EntryPoint point) { entries_.emplace_back(as_.here(), point); }

void FunctionEmitter::collect(EmittedCode* out) const {
  for (const auto& [place, point] : entries_) out->entries.push_back({point, as_.resolve(place)});
  for (const auto& [place, offset] : lines_) out->lines.push_back({as_.resolve(place), offset});
  for (const auto& [place, exit] : resumptions_)
    out->resumptions.push_back({exit, as_.resolve(place)});
}

void FunctionEmitter::landingPad() {
  if (in_.landing_pads) as_.landingPad();
}

namespace {

// Saved registers in pairs of neighbours of one bank, each pair's lower address last in the layout.
struct SavedPair {
  lir::Bank bank;
  uint8_t low, high;  // equal: only one
  int32_t offset;     // of `low`
};
std::vector<SavedPair> pairs(const NativeFrame& frame) {
  std::vector<SavedPair> result;
  for (size_t i = 0; i < frame.saved.size(); ++i) {
    const auto& saved = frame.saved[i];
    if (i + 1 < frame.saved.size() && frame.saved[i + 1].bank == saved.bank &&
        frame.saved[i + 1].offset == saved.offset - 8) {
      result.push_back({saved.bank, frame.saved[i + 1].reg, saved.reg, saved.offset - 8});
      ++i;
    } else {
      result.push_back({saved.bank, saved.reg, saved.reg, saved.offset});
    }
  }
  return result;
}

}  // namespace

// The record comes first, so that every unwinder finds it from any instruction behind.
void openFrame(Assembly& as, const UnwindConvention& convention, uint32_t bytes_below) {
  as.a.stp(a64::x29, a64::x30, a64::ptr_pre(a64::sp, -16));
  as.unwind({convention.stack_pointer, 16, convention.frame.saved});
  as.a.mov(a64::x29, a64::sp);
  as.unwind(convention.frame);
  if (bytes_below != 0) as.addImmediate(kStackPointer, kStackPointer, -int64_t{bytes_below});
}

void closeFrame(Assembly& as, const UnwindConvention& convention, bool move_stack_pointer) {
  if (move_stack_pointer) as.a.mov(a64::sp, a64::x29);
  as.a.ldp(a64::x29, a64::x30, a64::ptr_post(a64::sp, 16));
  as.unwind(convention.entry);
  as.a.ret(a64::x30);
}

void FunctionEmitter::prologue() {
  openFrame(as_, target_.unwinding(), in_.frame.size);
  body_ = target_.unwinding().frame;
  for (const SavedPair& pair : pairs(in_.frame)) {
    a64::Mem at = a64::ptr(a64::x29, pair.offset);
    bool two = pair.low != pair.high;
    if (pair.bank == lir::Bank::kGp && two) {
      a_.stp(x(pair.low), x(pair.high), at);
    } else if (pair.bank == lir::Bank::kGp) {
      a_.str(x(pair.low), at);
    } else if (two) {
      a_.stp(d(pair.low), d(pair.high), at);
    } else {
      a_.str(d(pair.low), at);
    }
  }
  for (const auto& saved : in_.frame.saved)
    body_.saved.push_back({target_.dwarfRegister(saved.bank, saved.reg), saved.offset - 16});
  as_.unwind(body_);
}

void FunctionEmitter::epilogue(bool stack_pointer_known) {
  for (const SavedPair& pair : pairs(in_.frame)) {
    a64::Mem at = a64::ptr(a64::x29, pair.offset);
    bool two = pair.low != pair.high;
    if (pair.bank == lir::Bank::kGp && two) {
      a_.ldp(x(pair.low), x(pair.high), at);
    } else if (pair.bank == lir::Bank::kGp) {
      a_.ldr(x(pair.low), at);
    } else if (two) {
      a_.ldp(d(pair.low), d(pair.high), at);
    } else {
      a_.ldr(d(pair.low), at);
    }
  }
  closeFrame(as_, target_.unwinding(), !stack_pointer_known || in_.frame.size != 0);
  as_.unwind(body_);
}

// What was tested for may turn out to be no reason to leave, and the exit goes on here. Not in a
// shared piece, which has other sites' exits: there it leaves.
void FunctionEmitter::exitLook(const Instr& instr) {
  const uint32_t exit = instr.exitIndex();
  look({true, false, instr.i64(0)}, exitLabel(exit));
  if (piece_exits_.empty()) resumptions_.push_back({as_.here(), exit});
}

Label FunctionEmitter::exitLabel(uint32_t exit) {
  if (exit >= exit_labels_.size()) {
    as_.fail("an exit without a record");
    return return_label_;
  }
  for (size_t i = 0; i < piece_exits_.size(); ++i) {
    if (piece_->exits[i] == exit) return piece_exits_[i];
  }
  if (!exit_labels_[exit].isValid()) {
    exit_labels_[exit] = as_.newLabel();
    exits_used_.push_back(exit);
  }
  return exit_labels_[exit];
}

// Each exit gives its number in x17; the common part of the function adds the metadata and leaves
// through the stub that all functions share. x16 and x17 hold no value of the frame.
void FunctionEmitter::exitStubs() {
  if (exits_used_.empty()) return;
  as_.unwind(body_);
  Label common = as_.newLabel();
  for (size_t i = 0; i < exits_used_.size(); ++i) {
    uint32_t exit = exits_used_[i];
    if (as_.logging()) as_.comment("exit " + std::to_string(exit));
    as_.bind(exit_labels_[exit]);
    as_.tallier.part("exit" + std::to_string(exit));
    as_.loadImmediate(kScratchGp2, exit);
    if (i + 1 != exits_used_.size()) as_.jump(common);
  }
  as_.bind(common);
  as_.tallier.part("exits");
  as_.loadImmediate(kScratchGp, reinterpret_cast<uint64_t>(in_.metadata));
  as_.call(in_.exit_thunk);
  as_.tallier.addStub("ExitStub", in_.tally.exit_stub);
  epilogue(false);
}

// --- blocks and instructions

void FunctionEmitter::emitBlock(const lir::Block* block) {
  if (as_.logging()) as_.comment("block " + std::to_string(block->id));
  as_.bind(blockLabel(block));
  as_.tallier.block(block);
  as_.count();
  for (const Instr* instr = block->first; instr != nullptr; instr = instr->next) {
    if (as_.failed()) return;
    noteLine(*instr);
    if (as_.logging()) as_.comment(lir::print(*instr));
    as_.tallier.instr(*instr);
    if (const SharedCalls::Site* site = shared_calls_.siteAt(*instr)) {
      sharedSite(*site);
    } else if (shared_calls_.isShared(*instr)) {
      // The piece that the call goes to does it.
      if (instr->op == lir::Op::kBranchRelease) {
        edge(*instr, 1);
        jumpToBlock(instr->targets[1]);
      }
    } else if (instr->next != nullptr && !shared_calls_.isShared(*instr->next) &&
               pairAccess(*instr, *instr->next)) {  // tallied as the first one's
      as_.tallier.endInstr();
      instr = instr->next;
      as_.tallier.instr(*instr);
    } else {
      emitInstr(*instr);
    }
    as_.tallier.endInstr();
    if (!instr->info().is_terminator) as_.count();
  }
}

void FunctionEmitter::noteLine(const Instr& instr) {
  Assembly::Place here = as_.here();
  if (!lines_.empty()) {
    auto& [place, offset] = lines_.back();
    bool same_section = place.cold == here.cold;
    if (same_section && offset == instr.bytecode_offset) return;
    if (same_section && place.offset == here.offset) {  // nothing was emitted for the one before
      offset = instr.bytecode_offset;
      return;
    }
  }
  lines_.push_back({here, instr.bytecode_offset});
}

void FunctionEmitter::emitInstr(const Instr& instr) {
  if (!emitData(instr) && !emitNumber(instr) && !emitControl(instr)) fail(instr, "no emission");
}

bool FunctionEmitter::emitData(const Instr& instr) {
  auto def = [&] { return gp(instr.defs[0]); };
  switch (instr.op) {
    case Op::kMove: move(instr.defs[0], instr.uses[0]); return true;
    case Op::kMoveF: moveFp(instr.defs[0], instr.uses[0]); return true;
    case Op::kMoveConstF: moveConstFp(instr); return true;
    case Op::kFpToGp: a_.fmov(x(def()), d(fp(instr.uses[0]))); return true;
    case Op::kParam: param(instr); return true;
    case Op::kLoad:
      load(x(def()), mem(instr.uses[0]), instr.u32(0), instr.attr[1] != 0);
      return true;
    case Op::kLoadF: a_.ldr(d(fp(instr.defs[0])), mem(instr.uses[0])); return true;
    case Op::kStore: store(mem(instr.uses[0]), instr.uses[1], instr.u32(0)); return true;
    case Op::kStoreF: a_.str(d(fp(instr.uses[1])), mem(instr.uses[0])); return true;
    case Op::kLea: lea(instr); return true;
    case Op::kAddMem: addMem(instr); return true;
    case Op::kLoadOut: a_.ldr(x(def()), outgoing(instr.u32(0))); return true;
    case Op::kStoreOut: store(outgoing(instr.u32(0)), instr.uses[0], 8); return true;
    case Op::kLeaOut:
      if (instr.u32(0) >= in_.frame.outgoing_words) as_.fail("a word outside the outgoing area");
      as_.addImmediate(def(), kStackPointer,
                       int64_t{in_.frame.outgoing_offset} + 8 * int64_t{instr.u32(0)});
      return true;
    case Op::kPushFrame:
    case Op::kPopFrame: frameInstr(instr); return true;
    case Op::kIncref: countInstr(instr, true); return true;
    case Op::kDecref:
    case Op::kDecrefMortal:
    case Op::kDecrefRef:
    case Op::kDecrefAt: countInstr(instr, false); return true;
    case Op::kDealloc: dealloc(gp(instr.uses[0])); return true;
    default: return false;
  }
}

bool FunctionEmitter::emitNumber(const Instr& instr) {
  auto fpOp = [&](asmjit::InstId op) {
    a_.emit(op, d(fp(instr.defs[0])), d(fp(instr.uses[0])), d(fp(instr.uses[1])));
    return true;
  };
  switch (instr.op) {
    case Op::kAdd: addOrSub(instr, false); return true;
    case Op::kSub: addOrSub(instr, true); return true;
    case Op::kMul: mul(instr); return true;
    case Op::kAnd: logical(instr, a64::Inst::kIdAnd); return true;
    case Op::kOr: logical(instr, a64::Inst::kIdOrr); return true;
    case Op::kXor: logical(instr, a64::Inst::kIdEor); return true;
    case Op::kShl: shift(instr, a64::Inst::kIdLslv, a64::Inst::kIdLsl); return true;
    case Op::kShr: shift(instr, a64::Inst::kIdLsrv, a64::Inst::kIdLsr); return true;
    case Op::kSar: shift(instr, a64::Inst::kIdAsrv, a64::Inst::kIdAsr); return true;
    case Op::kNeg:
      a_.neg(reg(instr.defs[0], instr.u32(0)), reg(instr.uses[0], instr.u32(0)));
      return true;
    case Op::kNegIf: negateIf(instr); return true;
    case Op::kDivRem: divRem(instr); return true;
    case Op::kAddExit: overflowExit(instr, false); return true;
    case Op::kSubExit: overflowExit(instr, true); return true;
    case Op::kMulExit: mulExit(instr); return true;
    case Op::kSetCmp: setCondition(instr); return true;
    case Op::kSelect: select(instr); return true;
    case Op::kAddF: return fpOp(a64::Inst::kIdFadd_v);
    case Op::kSubF: return fpOp(a64::Inst::kIdFsub_v);
    case Op::kMulF: return fpOp(a64::Inst::kIdFmul_v);
    case Op::kDivF: return fpOp(a64::Inst::kIdFdiv_v);
    case Op::kNegF: a_.fneg(d(fp(instr.defs[0])), d(fp(instr.uses[0]))); return true;
    case Op::kIntToF: a_.scvtf(d(fp(instr.defs[0])), x(gp(instr.uses[0]))); return true;
    case Op::kSetCmpF: {
      Condition condition = compareFp(instr);
      setFlag(instr.defs[0], condition.cc);
      return true;
    }
    default: return false;
  }
}

bool FunctionEmitter::emitControl(const Instr& instr) {
  auto compared = [&] {
    return compare(gp(instr.uses[0]), instr.uses[1], instr.u32(1), instr.cond(0));
  };
  auto tested = [&] { return test(gp(instr.uses[0]), instr.uses[1], instr.u32(1), instr.cond(0)); };
  switch (instr.op) {
    case Op::kEntries:
    case Op::kJump: jumpToBlock(instr.targets[0]); return true;
    case Op::kBranchCmp: branch(compared(), instr); return true;
    case Op::kBranchRelease: branchRelease(instr); return true;
    case Op::kUnlinkFrame: unlinkFrame(instr); return true;
    case Op::kBranchLook: branchLook(instr); return true;
    case Op::kExitLook: exitLook(instr); return true;
    case Op::kBranchCmpMem: branch(compareMem(instr), instr); return true;
    case Op::kBranchCmpF: branch(compareFp(instr), instr); return true;
    case Op::kReturn: returnInstr(instr); return true;
    case Op::kTrap: a_.brk(0); return true;
    case Op::kExitCmp: exitIf(compared(), instr); return true;
    case Op::kExitTest: exitIf(tested(), instr); return true;
    case Op::kExitCmpMem: exitIf(compareMem(instr), instr); return true;
    case Op::kExitTestMem: exitIf(testMem(instr), instr); return true;
    case Op::kExitCmpF: exitIf(compareFp(instr), instr); return true;
    case Op::kExit: as_.jump(exitLabel(instr.u32(0))); return true;
    case Op::kCall:
    case Op::kCallF:
    case Op::kCallAddress:
    case Op::kCallCell: callInstr(instr); return true;
    default: return false;
  }
}

// --- the runs of the assembler

Result<EmittedCode> emitFunction(const Target& target, const EmitInput& input) {
  std::vector<bool> long_branches;
  while (true) {
    Assembly assembly(input.reach, long_branches, input.disassembly, input.tally);
    FunctionEmitter emitter(target, input, assembly);
    emitter.emitAll();
    EmittedCode code;
    if (assembly.finish(&code)) {
      emitter.collect(&code);
      return code;
    }
    if (assembly.failed()) return emissionBailout(assembly.error());
    long_branches = assembly.longBranches();
  }
}

}  // namespace tephra::aarch64
