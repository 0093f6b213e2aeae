// Exit records from frame states. A location is where = kSpill with the operand's index until
// allocation; constants and NULL need no operand.
#include <algorithm>

#include "hir/death_order.h"
#include "lower/context.h"

namespace tephra::lower {

using hir::Op;

namespace {

class RecordBuilder {
 public:
  RecordBuilder(Context& context, const Instr& at) : c_(context), at_(at) {}

  void culprit(const Instr* value) {
    record.has_culprit = true;
    record.culprit = locate(value, false);
  }

  void frames(const Instr* state) {
    std::vector<const Instr*> chain;  // innermost first
    for (; state; state = parentOf(state)) chain.push_back(state);
    for (size_t i = chain.size(); i-- > 0;) {
      record.frames.push_back(frame(chain[i], i == 0 ? released_inputs_ : 0));
    }
  }

  // The instruction that raises releases its inputs before the exception unwinds the stack.
  void releaseInputs(const Instr* state) {
    std::vector<Instr*> released = hir::releasedWhenRaising(&at_, &c_.py);
    size_t count = released.size(), depth = state->u32(2);
    if (count == 0 || depth < count) return;
    auto roots = [](std::span<Instr* const> values) {
      std::vector<const Instr*> all;
      for (Instr* value : values) all.push_back(hir::rootOf(value));
      std::sort(all.begin(), all.end());
      return all;
    };
    std::span<Instr* const> top(state->operands.data() + (depth - count), count);
    bool objects = std::all_of(top.begin(), top.end(), [](Instr* v) { return v->type.isObject(); });
    if (!objects || roots(top) != roots(released)) return;
    released_inputs_ = count;
    for (Instr* value : released) {
      const Instr* root = hir::rootOf(value);
      if (!canHandOver(root)) continue;
      drop(root);
      handed_over_.push_back(root);
    }
  }

  // What the register file owns and no frame takes over.
  void drops() {
    for (const Instr* root : at_.exit_owned) {
      auto handed = std::find(handed_over_.begin(), handed_over_.end(), root);
      if (handed != handed_over_.end()) {  // one reference, one taker
        handed_over_.erase(handed);
        continue;
      }
      drop(root);
    }
  }

  ExitRecord record;
  Operands values;

 private:
  void drop(const Instr* root) {
    ValueLocation location = locate(root, false);
    if (location.where == ValueLocation::kNull) return;
    location.owned = true;
    record.drops.push_back(location);
  }

  static const Instr* parentOf(const Instr* state) {
    bool has = !state->aux.empty() && state->aux.back() == hir::kParentState;
    return has ? state->operands.back() : nullptr;
  }

  // Without the topmost `released` values of the stack.
  ExitFrame frame(const Instr* state, size_t released) {
    ExitFrame frame;
    frame.scope = state->scope;
    frame.offset = state->u32(0);
    frame.raise_offset = state->u32(1);
    size_t nstack = state->u32(2);
    for (size_t i = 0; i + released < nstack; ++i) {
      frame.stack.push_back(locate(state->operands[i], true));
    }
    for (size_t i = 0; i < state->aux.size(); ++i) {
      if (state->aux[i] == hir::kParentState) continue;
      // A frame takes a reference of its function, whoever else has one.
      const bool mention = state->aux[i] != kFrameFunction;
      frame.locals.emplace_back(state->aux[i], locate(state->operands[nstack + i], mention));
    }
    return frame;
  }

  // Is there a reference of `root` that no earlier mention has taken? (Several may be owned.)
  bool canHandOver(const Instr* root) const {
    auto owned = at_.exit_owned;
    return std::count(owned.begin(), owned.end(), root) >
           std::count(handed_over_.begin(), handed_over_.end(), root);
  }

  // `mention`: a frame names the value, and so takes over a reference if there is one to take;
  // a further mention needs a reference of its own.
  ValueLocation locate(const Instr* value, bool mention) {
    ValueLocation location;
    location.form = formOf(value);
    if (Context::isNull(value)) return location;
    const Instr* root = value->type.isObject() ? hir::rootOf(const_cast<Instr*>(value)) : value;
    if (auto bits = c_.constant(root)) {
      location.bits = *bits;
      location.where = ValueLocation::kConstant;
      return location;
    }
    location.where = ValueLocation::kSpill;
    location.offset = static_cast<int32_t>(values.size());
    values.push_back(c_.use(value));
    if (mention && canHandOver(root)) {
      location.owned = true;
      handed_over_.push_back(root);
    }
    return location;
  }

  ValueLocation::Form formOf(const Instr* value) {
    switch (value->type.rep) {
      case hir::Rep::kObject: return ValueLocation::kObject;
      case hir::Rep::kInt64: return ValueLocation::kInt64;
      case hir::Rep::kDouble: return ValueLocation::kDouble;
      case hir::Rep::kBool: return ValueLocation::kBool;
      case hir::Rep::kNone:
      case hir::Rep::kPtr:
      case hir::Rep::kState: break;
    }
    c_.fail(std::string("frame state names a value that Python cannot see: ") + value->info().name);
    return ValueLocation::kObject;
  }

  Context& c_;
  const Instr& at_;
  size_t released_inputs_ = 0;
  std::vector<const Instr*> handed_over_;
};

}  // namespace

Exit Context::makeExit(const Instr& at, ExitKind kind, ExitReason reason, const Instr* culprit) {
  RecordBuilder builder(*this, at);
  builder.record.kind = kind;
  builder.record.reason = reason;
  const Instr* state = at.state();
  if (!state || state->op != Op::kFrameState) {
    fail(std::string(at.info().name) + " has no frame state");
    return {};
  }
  // Where the scope's frame cannot be pushed, the call is to blame.
  builder.record.line_offset = state->scope == at.scope ? at.offset : state->offset;
  if (culprit && culprit->type.isObject()) builder.culprit(culprit);
  if (kind == ExitKind::kRaise) builder.releaseInputs(state);
  builder.frames(state);
  builder.drops();
  out.exits.push_back(std::move(builder.record));
  Exit exit{static_cast<uint32_t>(out.exits.size() - 1), std::move(builder.values)};
  if (kind == ExitKind::kDeopt && out.num_deopts++ == force_exit) forceExit(exit);
  return exit;
}

// Right before the operation that may leave: the same record is taken whatever the operation finds.
void Context::forceExit(const Exit& exit) {
  ExitRecord copy = out.exits[exit.index];
  out.exits.push_back(std::move(copy));
  out.forced_exit = static_cast<int64_t>(out.exits.size() - 1);
  b.ExitCmp(b.Move(imm(0)), imm(0), exit.values, Cond::kEq, 8,
            static_cast<uint32_t>(out.forced_exit));
}

void Context::deoptIf(const Instr& at, Operand a, Operand value, Cond cond, ExitReason reason,
                      const Instr* culprit, uint32_t width) {
  Exit exit = makeExit(at, ExitKind::kDeopt, reason, culprit);
  b.ExitCmp(inReg(a), value, exit.values, cond, width, exit.index);
}

void Context::deoptIfMem(const Instr& at, Operand address, Operand value, Cond cond, uint32_t width,
                         ExitReason reason, const Instr* culprit) {
  Exit exit = makeExit(at, ExitKind::kDeopt, reason, culprit);
  b.ExitCmpMem(address, value, exit.values, cond, width, exit.index);
}

// The interpreter goes on where a tool watches exceptions.
lir::Block* Context::raisedBlock(const Instr& at) {
  if (raising_ == &at) return raised_;
  raising_ = &at;
  raised_ = newBlock(true);
  lir::Block* before = b.block();
  b.setBlock(raised_);
  Exit exit = makeExit(at, ExitKind::kRaise, ExitReason::kRaised);
  b.ExitCmp(inReg(call("may_catch", {thread()})), imm(0), exit.values, Cond::kEq, 8, exit.index);
  storePosition(at, at.state()->u32(1));
  jumpTo(at.block, at.handler(), 0);
  b.setBlock(before);
  return raised_;
}

void Context::raiseIf(const Instr& at, Operand a, Operand value, Cond cond) {
  if (at.handler() != nullptr) {
    lir::Block* raised = raisedBlock(at);
    lir::Block* goes_on = newBlock();
    lir::Instr* branch = b.BranchCmp(inReg(a), value, cond, 8, 2);
    branch->targets[0] = raised;
    branch->targets[1] = goes_on;
    b.setBlock(goes_on);
    return;
  }
  Exit exit = makeExit(at, ExitKind::kRaise, ExitReason::kRaised);
  b.ExitCmp(inReg(a), value, exit.values, cond, 8, exit.index);
}

}  // namespace tephra::lower
