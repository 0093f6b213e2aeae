// The function as a whole: entries, blocks, exits, tables; and its operands.
#include "target/emit_function.h"

#include <algorithm>

namespace tephra {

EmitterBase::EmitterBase(const Target& target, const EmitInput& input, AssemblyBase& assembly,
                         Roles roles)
    : target_(target),
      in_(input),
      out_(assembly),
      roles_(roles),
      shared_calls_(target, input.hot, input.shared_calls) {
  uint32_t highest = 0;
  for (const auto* list : {&in_.hot, &in_.cold}) {
    for (const lir::Block* block : *list) highest = std::max(highest, block->id);
  }
  block_labels_.resize(highest + 1);
  for (Label& label : block_labels_) label = out_.newLabel();
  shared_labels_.resize(shared_calls_.groups().size());
  for (Label& label : shared_labels_) label = out_.newLabel();
  exit_labels_.resize(in_.function->exits.size());
  register_entry_ = out_.newLabel();
  return_label_ = out_.newLabel();
}

void EmitterBase::emitAll() {
  out_.enterHot();
  out_.unwind(target_.unwinding().entry);
  out_.tallier.part("entry");
  entries();
  alignEntry();
  addEntry({EntryKind::kRegister});
  out_.bind(register_entry_);
  out_.tallier.part("prologue");
  out_.comment("register entry");
  landingPad();
  prologue();
  for (size_t i = 0; i < in_.hot.size(); ++i) {
    next_ = i + 1 < in_.hot.size() ? in_.hot[i + 1] : nullptr;
    emitBlock(in_.hot[i]);
  }
  out_.enterCold();
  out_.unwind(body_);
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

void EmitterBase::collect(EmittedCode* out) const {
  for (const auto& [place, point] : entries_) out->entries.push_back({point, out_.resolve(place)});
  for (const auto& [place, exit] : resumptions_)
    out->resumptions.push_back({exit, out_.resolve(place)});
}

void EmitterBase::defer(std::function<void()> cold) {
  deferred_.push_back([this, cold = std::move(cold), state = out_.unwindState(),
                       context = out_.tallier.deferred()] {
    out_.unwind(state);
    out_.tallier.enter(context);
    cold();
  });
}

void EmitterBase::fail(const Instr& instr, const char* why) {
  out_.fail(std::string(instr.info().name) + ": " + why);
}

// --- entries

void EmitterBase::landingPad() {
  if (in_.landing_pads) out_.landingPad();
}

// Vectorcall: (function, args, nargsf, kwnames). The runtime takes the arguments over, binds them,
// and goes on as the array entry, (function, bound).
void EmitterBase::entries() {
  addEntry({EntryKind::kVectorcall});
  out_.comment("vectorcall entry");
  landingPad();
  out_.jumpTo(in_.addresses->call_slow);
  addEntry({EntryKind::kArray});
  out_.comment("array entry");
  landingPad();
  arrayEntry();
}

// Entry `number` of the function's: the frame is the current one, with its locals in their homes
// and nothing on its value stack that the entry does not load.
void EmitterBase::frameEntry(size_t number) {
  const EntryPoint& point = in_.function->entries[number];
  Label inside = out_.newLabel();
  out_.tallier.part("entry");
  out_.unwind(target_.unwinding().entry);
  addEntry(point);
  out_.comment(entryKindName(point.kind));
  landingPad();
  enterWithFrame(inside);
  out_.unwind(target_.unwinding().entry);
  out_.bind(inside);
  prologue();
  pinFrame();
  next_ = nullptr;
  jumpToBlock(in_.function->blocks().front()->last->targets[number]);
}

void EmitterBase::initStackLimit() {
  if (in_.addresses->init_stack_limit == 0) return;
  Label unknown = out_.newLabel(), known = out_.newLabel();
  out_.jumpIf(stackLimitIsUnknown(), unknown);
  out_.bind(known);
  defer([this, unknown, known] {
    out_.bind(unknown);
    callKeepingArguments(in_.addresses->init_stack_limit);
    out_.jump(known);
  });
}

// --- exits

Label EmitterBase::exitLabel(uint32_t exit) {
  if (exit >= exit_labels_.size()) {
    out_.fail("an exit without a record");
    return return_label_;
  }
  for (size_t i = 0; i < piece_exits_.size(); ++i) {
    if (piece_->exits[i] == exit) return piece_exits_[i];
  }
  if (!exit_labels_[exit].isValid()) {
    exit_labels_[exit] = out_.newLabel();
    exits_used_.push_back(exit);
  }
  return exit_labels_[exit];
}

// Each exit gives its number; the common part of the function adds the metadata and leaves through
// the stub that all functions share. The scratch registers hold no value of the frame.
void EmitterBase::exitStubs() {
  if (exits_used_.empty()) return;
  out_.unwind(body_);
  Label common = out_.newLabel();
  for (size_t i = 0; i < exits_used_.size(); ++i) {
    uint32_t exit = exits_used_[i];
    if (out_.logging()) out_.comment("exit " + std::to_string(exit));
    out_.bind(exit_labels_[exit]);
    out_.tallier.part("exit" + std::to_string(exit));
    giveExit(exit);
    if (i + 1 != exits_used_.size()) out_.jump(common);
  }
  out_.bind(common);
  out_.tallier.part("exits");
  giveMetadata(reinterpret_cast<uint64_t>(in_.metadata));
  out_.call(in_.exit_thunk);
  out_.tallier.addStub("ExitStub", in_.tally.exit_stub);
  epilogue(false);
}

// --- blocks

void EmitterBase::emitBlock(const lir::Block* block) {
  if (out_.logging()) out_.comment("block " + std::to_string(block->id));
  out_.bind(blockLabel(block));
  out_.tallier.block(block);
  out_.count();
  for (const Instr* instr = block->first; instr != nullptr; instr = instr->next) {
    if (out_.failed()) return;
    if (out_.logging()) out_.comment(lir::print(*instr));
    out_.tallier.instr(*instr);
    if (const SharedCalls::Site* site = shared_calls_.siteAt(*instr)) {
      sharedSite(*site);
    } else if (isShared(*instr)) {  // the piece that the call goes to does it
      if (instr->op == lir::Op::kBranchRelease) {
        edge(*instr, 1);
        jumpToBlock(instr->targets[1]);
      }
    } else if (emitWithNext(*instr)) {  // tallied as the first one's
      out_.tallier.endInstr();
      instr = instr->next;
      out_.tallier.instr(*instr);
    } else {
      emitInstr(*instr);
    }
    out_.tallier.endInstr();
    if (!instr->info().is_terminator) out_.count();
  }
}

// --- operands

bool EmitterBase::isGpRegister(const Operand& operand) const {
  return (operand.kind == Operand::kReg && operand.bank == lir::Bank::kGp) ||
         operand.kind == Operand::kPinned;
}

uint8_t EmitterBase::gpNumber(const Operand& operand) {
  if (operand.kind == Operand::kPinned)
    return target_.pinned(static_cast<lir::Pinned>(operand.base));
  if (operand.kind == Operand::kReg && operand.bank == lir::Bank::kGp)
    return static_cast<uint8_t>(operand.base);
  out_.fail("an operand is not in a general register");
  return 0;
}

uint8_t EmitterBase::fpNumber(const Operand& operand) {
  if (operand.kind == Operand::kReg && operand.bank == lir::Bank::kFp)
    return static_cast<uint8_t>(operand.base);
  out_.fail("an operand is not in a vector register");
  return 0;
}

uint8_t EmitterBase::baseNumber(const Operand& address) {
  Operand base;
  base.kind = static_cast<Operand::Kind>(address.base_kind);
  base.base = address.base;
  return gpNumber(base);
}

uint8_t EmitterBase::indexNumber(const Operand& address) {
  Operand index;
  index.kind = static_cast<Operand::Kind>(address.index_kind);
  index.base = address.index;
  return gpNumber(index);
}

int32_t EmitterBase::slotOffset(const Operand& slot) {
  if (slot.base >= in_.frame.num_slots) out_.fail("a spill slot outside the frame");
  return in_.frame.slotOffset(slot.base);
}

uint32_t EmitterBase::outgoingOffset(uint32_t word) {
  if (word >= in_.frame.outgoing_words) out_.fail("a word outside the outgoing area");
  return in_.frame.outgoing_offset + 8 * word;
}

int64_t narrow(int64_t value, uint32_t width) {
  switch (width) {
    case 1: return static_cast<int8_t>(value);
    case 2: return static_cast<int16_t>(value);
    case 4: return static_cast<int32_t>(value);
    default: return value;
  }
}

}  // namespace tephra
