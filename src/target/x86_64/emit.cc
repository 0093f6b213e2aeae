#include "target/x86_64/emit.h"

#include "target/x86_64/emitter.h"

namespace tephra::x86_64 {

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

uint8_t FunctionEmitter::gpNumber(const Operand& operand) {
  if (operand.kind == Operand::kPinned)
    return target_.pinned(static_cast<lir::Pinned>(operand.base));
  if (operand.kind == Operand::kReg && operand.bank == lir::Bank::kGp)
    return static_cast<uint8_t>(operand.base);
  as_.fail("an operand is not in a general register");
  return kRax;
}

x86::Gp FunctionEmitter::gp(const Operand& operand, uint32_t width) {
  uint8_t number = gpNumber(operand);
  switch (width) {
    case 1: return x86::gpb(number);
    case 2: return x86::gpw(number);
    case 4: return x86::gpd(number);
    default: return x86::gpq(number);
  }
}

x86::Xmm FunctionEmitter::fp(const Operand& operand) {
  if (operand.kind == Operand::kReg && operand.bank == lir::Bank::kFp)
    return x86::xmm(operand.base);
  as_.fail("an operand is not in a vector register");
  return x86::xmm0;
}

x86::Mem FunctionEmitter::slot(const Operand& operand) {
  if (operand.base >= in_.frame.num_slots) as_.fail("a spill slot outside the frame");
  return x86::ptr(x86::rbp, in_.frame.slotOffset(operand.base), 8);
}

x86::Mem FunctionEmitter::outgoing(uint32_t word) {
  if (word >= in_.frame.outgoing_words) as_.fail("a word outside the outgoing area");
  return x86::ptr(x86::rsp, static_cast<int32_t>(in_.frame.outgoing_offset + 8 * word), 8);
}

x86::Mem FunctionEmitter::mem(const Operand& operand, uint32_t width) {
  auto part = [&](uint8_t kind, uint32_t number) {
    Operand whole;
    whole.kind = static_cast<Operand::Kind>(kind);
    whole.base = number;
    return x86::gpq(gpNumber(whole));
  };
  if (operand.kind != Operand::kMem) as_.fail("an operand is not an address");
  bool indexed = operand.index_kind != Operand::kNone;
  if (operand.base_kind == Operand::kNone) {
    auto address = static_cast<uint64_t>(static_cast<int64_t>(operand.disp));
    if (!indexed) return x86::ptr_abs(address, width);
    return x86::ptr_abs(address, part(operand.index_kind, operand.index), operand.scale, width);
  }
  x86::Gp base = part(operand.base_kind, operand.base);
  if (!indexed) return x86::ptr(base, operand.disp, width);
  return x86::ptr(base, part(operand.index_kind, operand.index), operand.scale, operand.disp,
                  width);
}

// --- the whole function

void FunctionEmitter::emitAll() {
  as_.enterHot();
  as_.unwind(target_.unwinding().entry);
  as_.tallier.part("entry");
  entries();
  a_.align(asmjit::AlignMode::kCode, 16);
  addEntry({EntryKind::kRegister});
  as_.bind(register_entry_);
  as_.tallier.part("prologue");
  as_.comment("register entry");
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

void pushFrameRecord(Assembly& as, const UnwindConvention& convention) {
  as.a.push(x86::rbp);
  as.unwind({convention.stack_pointer, 16, convention.frame.saved});
  as.a.mov(x86::rbp, x86::rsp);
  as.unwind(convention.frame);
}

// Of a frame in which no register was saved, or where they have their values again.
void FunctionEmitter::leaveAndReturn() {
  a_.leave();
  as_.unwind(target_.unwinding().entry);
  a_.ret();
}

void FunctionEmitter::prologue() {
  pushFrameRecord(as_, target_.unwinding());
  body_ = target_.unwinding().frame;
  int32_t pushed = 0;
  for (const auto& saved : in_.frame.saved) {
    pushed += 8;
    if (saved.bank != lir::Bank::kGp || saved.offset != -pushed)
      return as_.fail("saved registers out of order");
    a_.push(x86::gpq(saved.reg));
    body_.saved.push_back({target_.dwarfRegister(saved.bank, saved.reg), saved.offset - 16});
  }
  as_.unwind(body_);
  int32_t rest = static_cast<int32_t>(in_.frame.size) - pushed;
  if (rest > 0) a_.sub(x86::rsp, rest);
}

void FunctionEmitter::epilogue(bool stack_pointer_known) {
  auto saved = static_cast<int32_t>(8 * in_.frame.saved.size());
  if (saved == 0) {
    if (stack_pointer_known && in_.frame.size == 0) {
      a_.pop(x86::rbp);
    } else {
      a_.leave();
    }
  } else {
    if (!stack_pointer_known || saved != static_cast<int32_t>(in_.frame.size)) {
      a_.lea(x86::rsp, x86::ptr(x86::rbp, -saved));
    }
    for (size_t i = in_.frame.saved.size(); i-- > 0;) a_.pop(x86::gpq(in_.frame.saved[i].reg));
    a_.pop(x86::rbp);
  }
  as_.unwind(target_.unwinding().entry);
  a_.ret();
  as_.unwind(body_);
}

// What was tested for may turn out to be no reason to leave, and the exit goes on here. Not in a
// shared piece, which has other sites' exits: there it leaves.
void FunctionEmitter::exitLook(const Instr& instr) {
  const uint32_t exit = instr.exitIndex();
  look({true, false, instr.i64(0)}, exitLabel(exit));
  if (piece_exits_.empty()) resumptions_.push_back({as_.here(), exit});
}

asmjit::Label FunctionEmitter::exitLabel(uint32_t exit) {
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

// Each exit pushes its number; the common part of the function adds the metadata and leaves through
// the stub that all functions share. r11 holds no value of the frame.
void FunctionEmitter::exitStubs() {
  if (exits_used_.empty()) return;
  as_.unwind(body_);
  Label common = as_.newLabel();
  for (size_t i = 0; i < exits_used_.size(); ++i) {
    uint32_t exit = exits_used_[i];
    if (as_.logging()) as_.comment("exit " + std::to_string(exit));
    as_.bind(exit_labels_[exit]);
    as_.tallier.part("exit" + std::to_string(exit));
    a_.push(exit);
    if (i + 1 != exits_used_.size()) as_.jump(common);
  }
  as_.bind(common);
  as_.tallier.part("exits");
  a_.mov(x86::gpq(kScratchGp), reinterpret_cast<uint64_t>(in_.metadata));
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
    } else if (!shared_calls_.isShared(*instr)) {  // else the piece that the call goes to does it
      emitInstr(*instr);
    } else if (instr->op == lir::Op::kBranchRelease) {
      edge(*instr, 1);
      jumpToBlock(instr->targets[1]);
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
  if (!emitData(instr) && !emitControl(instr)) fail(instr, "no emission");
}

bool FunctionEmitter::emitData(const Instr& instr) {
  switch (instr.op) {
    case Op::kMove: move(instr.defs[0], instr.uses[0]); return true;
    case Op::kMoveF: moveFp(instr.defs[0], instr.uses[0]); return true;
    case Op::kMoveConstF: moveConstFp(instr); return true;
    case Op::kFpToGp: a_.movq(gp(instr.defs[0]), fp(instr.uses[0])); return true;
    case Op::kParam: param(instr); return true;
    case Op::kLoad: load(instr); return true;
    case Op::kLoadF: a_.movsd(fp(instr.defs[0]), mem(instr.uses[0], 8)); return true;
    case Op::kStore:
      store(mem(instr.uses[0], instr.u32(0)), instr.uses[1], instr.u32(0));
      return true;
    case Op::kStoreF: a_.movsd(mem(instr.uses[0], 8), fp(instr.uses[1])); return true;
    case Op::kLea: lea(instr); return true;
    case Op::kAddMem: addMem(instr); return true;
    case Op::kLoadOut: a_.mov(gp(instr.defs[0]), outgoing(instr.u32(0))); return true;
    case Op::kStoreOut: store(outgoing(instr.u32(0)), instr.uses[0], 8); return true;
    case Op::kLeaOut: a_.lea(gp(instr.defs[0]), outgoing(instr.u32(0))); return true;
    case Op::kAdd: add(instr); return true;
    case Op::kSub: sub(instr); return true;
    case Op::kMul: mul(instr, instr.u32(0)); return true;
    case Op::kAnd: twoOperand(instr, x86::Inst::kIdAnd, true, instr.u32(0)); return true;
    case Op::kOr: twoOperand(instr, x86::Inst::kIdOr, true, instr.u32(0)); return true;
    case Op::kXor: twoOperand(instr, x86::Inst::kIdXor, true, instr.u32(0)); return true;
    case Op::kShl: shift(instr, x86::Inst::kIdShl); return true;
    case Op::kShr: shift(instr, x86::Inst::kIdShr); return true;
    case Op::kSar: shift(instr, x86::Inst::kIdSar); return true;
    case Op::kNeg:
      move(instr.defs[0], instr.uses[0]);
      a_.neg(gp(instr.defs[0], instr.u32(0)));
      return true;
    case Op::kNegIf: negateIf(instr); return true;
    case Op::kDivRem: divRem(instr); return true;
    case Op::kAddExit: overflowExit(instr, x86::Inst::kIdAdd); return true;
    case Op::kSubExit: overflowExit(instr, x86::Inst::kIdSub); return true;
    case Op::kMulExit: mulExit(instr); return true;
    case Op::kSetCmp: setCondition(instr); return true;
    case Op::kSelect: select(instr); return true;
    case Op::kAddF: twoOperandFp(instr, x86::Inst::kIdAddsd, true); return true;
    case Op::kSubF: twoOperandFp(instr, x86::Inst::kIdSubsd, false); return true;
    case Op::kMulF: twoOperandFp(instr, x86::Inst::kIdMulsd, true); return true;
    case Op::kDivF: twoOperandFp(instr, x86::Inst::kIdDivsd, false); return true;
    case Op::kNegF: negateFp(instr); return true;
    case Op::kIntToF:  // the zeroing breaks the dependency on the register's old upper half
      a_.xorps(fp(instr.defs[0]), fp(instr.defs[0]));
      a_.cvtsi2sd(fp(instr.defs[0]), gp(instr.uses[0]));
      return true;
    case Op::kSetCmpF: setCompareFp(instr); return true;
    case Op::kPushFrame:
    case Op::kPopFrame: frameInstr(instr); return true;
    case Op::kIncref: incref(instr); return true;
    case Op::kDecref:
    case Op::kDecrefMortal:
    case Op::kDecrefRef:
    case Op::kDecrefAt: decref(instr); return true;
    case Op::kDealloc: dealloc(gp(instr.uses[0])); return true;
    default: return false;
  }
}

bool FunctionEmitter::emitControl(const Instr& instr) {
  auto cond = [&] { return condCode(instr.cond(0)); };
  switch (instr.op) {
    case Op::kEntries:
    case Op::kJump: jumpToBlock(instr.targets[0]); return true;
    case Op::kBranchCmp:
      compare(instr.uses[0], instr.uses[1], instr.u32(1));
      branch(cond(), instr);
      return true;
    case Op::kBranchCmpMem:
      compareMem(instr.uses[0], instr.uses[1], instr.u32(1));
      branch(cond(), instr);
      return true;
    case Op::kBranchRelease: branchRelease(instr); return true;
    case Op::kUnlinkFrame: unlinkFrame(instr); return true;
    case Op::kBranchLook: branchLook(instr); return true;
    case Op::kExitLook: exitLook(instr); return true;
    case Op::kBranchCmpF: branchCompareFp(instr); return true;
    case Op::kReturn:
      if (gpNumber(instr.uses[0]) != kRax) a_.mov(x86::rax, gp(instr.uses[0]));
      if (return_bound_ && !in_.frame.saved.empty()) {  // a short epilogue is repeated
        as_.jump(return_label_);
        return true;
      }
      if (!return_bound_) as_.bind(return_label_);
      return_bound_ = true;
      epilogue(true);
      return true;
    case Op::kTrap: a_.ud2(); return true;
    case Op::kExitCmp:
      compare(instr.uses[0], instr.uses[1], instr.u32(1));
      exitIf(cond(), instr);
      return true;
    case Op::kExitTest:
      test(instr.uses[0], instr.uses[1], instr.u32(1), instr.cond(0));
      exitIf(cond(), instr);
      return true;
    case Op::kExitCmpMem:
      compareMem(instr.uses[0], instr.uses[1], instr.u32(1));
      exitIf(cond(), instr);
      return true;
    case Op::kExitTestMem:
      testMem(instr.uses[0], instr.uses[1], instr.u32(1), instr.cond(0));
      exitIf(cond(), instr);
      return true;
    case Op::kExitCmpF: exitCompareFp(instr); return true;
    case Op::kExit: as_.jump(exitLabel(instr.u32(0))); return true;
    case Op::kCall:
    case Op::kCallF:
    case Op::kCallAddress:
    case Op::kCallCell: callInstr(instr); return true;
    default: return false;
  }
}

x86::CondCode condCode(lir::Cond cond) {
  switch (cond) {
    case lir::Cond::kEq: return x86::CondCode::kEqual;
    case lir::Cond::kNe: return x86::CondCode::kNotEqual;
    case lir::Cond::kLt: return x86::CondCode::kSignedLT;
    case lir::Cond::kLe: return x86::CondCode::kSignedLE;
    case lir::Cond::kGt: return x86::CondCode::kSignedGT;
    case lir::Cond::kGe: return x86::CondCode::kSignedGE;
    case lir::Cond::kULt: return x86::CondCode::kUnsignedLT;
    case lir::Cond::kULe: return x86::CondCode::kUnsignedLE;
    case lir::Cond::kUGt: return x86::CondCode::kUnsignedGT;
    case lir::Cond::kUGe: return x86::CondCode::kUnsignedGE;
  }
  return x86::CondCode::kEqual;
}

// --- the runs of the assembler

Result<EmittedCode> emitFunction(const Target& target, const EmitInput& input) {
  EmittedCode best;
  bool have = false;
  std::vector<bool> short_jumps;
  for (int run = 0; run < 2; ++run) {
    bool last = run == 1;
    Assembly assembly(input.reach.call, short_jumps, input.disassembly && (last || run == 0),
                      input.tally);
    FunctionEmitter emitter(target, input, assembly);
    emitter.emitAll();
    EmittedCode code;
    if (!assembly.failed() && assembly.finish(&code)) {
      emitter.collect(&code);
      best = std::move(code);
      have = true;
    } else if (!have) {
      return emissionBailout(assembly.error());
    }
    short_jumps = assembly.failed() ? std::vector<bool>() : assembly.shortJumps();
    if (short_jumps.empty()) break;
  }
  return best;
}

}  // namespace tephra::x86_64
