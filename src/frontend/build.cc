#include "frontend/build.h"

#include <algorithm>

#include "frontend/graph_builder.h"

namespace tephra::frontend {

using namespace hir;  // NOLINT: the frontend speaks HIR

FrontendOptions FrontendOptions::generic() {
  FrontendOptions o;
  o.arithmetic = o.compare = o.guess_ints = o.truth = o.subscripts = o.attributes = o.methods =
      o.globals = false;
  o.constant_globals = o.direct_calls = o.builtins = o.iteration = o.unpacking = false;
  o.loop_types = false;
  return o;
}

Result<std::unique_ptr<hir::Function>> buildHir(const CodeUnit& unit,
                                                const FrontendOptions& options) {
  if (unit.code.size() > options.max_instructions) {
    return Bailout{BailoutReason::kTooLarge, std::to_string(unit.code.size()) + " instructions"};
  }
  Result<Cfg> cfg = buildCfg(unit);
  if (!cfg) return cfg.bailout();
  Widening widening;
  while (true) {
    GraphBuilder builder(unit, options, *cfg, widening);
    if (!builder.build()) return builder.bailout();
    if (!builder.widened()) return builder.take();
    ++widening.round;
  }
}

GraphBuilder::GraphBuilder(const CodeUnit& unit, const FrontendOptions& options, const Cfg& cfg,
                           Widening& widening)
    : unit_(unit),
      options_(options),
      cfg_(cfg),
      layout_(*unit.layout),
      widening_(widening),
      function_(std::make_unique<hir::Function>(&unit)),
      b_(function_.get()),
      info_(cfg.blocks.size()) {
  function_->name = unit.qualname.empty() ? unit.name : unit.qualname;
}

bool GraphBuilder::build() {
  prologue();
  for (uint32_t i = 0; i < cfg_.blocks.size() && !bailout_; ++i) translateBlock(i);
  if (bailout_) return false;
  sealPhis();
  if (widened_) return true;
  dropTrivialPhis();
  finishLeaves();
  function_->recomputeCfg();
  return true;
}

void GraphBuilder::refuse(BailoutReason reason, std::string detail) {
  if (!bailout_) bailout_ = Bailout{reason, std::move(detail)};
}

void GraphBuilder::prologue() {
  Block* entry = function_->newBlock();
  b_.setBlock(entry);
  b_.setOffset(unit_.first_traceable);
  size_t slots = unit_.locals.size();
  s_.locals.assign(slots, nullptr);
  s_.known.assign(slots, kHoldsNull);
  running_function_ = b_.LoadFunction();
  running_function_->type = Type::object(kMaskFunction);
  uint32_t star = unit_.argcount + unit_.kwonly;
  for (uint32_t i = 0; i < unit_.total_args && i < slots; ++i) {
    s_.locals[i] = b_.LoadArg(i);
    if (unit_.has_varargs && i == star) s_.locals[i]->type = kTypeTuple;
    uint32_t star_star = star + (unit_.has_varargs ? 1 : 0);
    if (unit_.has_varkeywords && i == star_star) s_.locals[i]->type = kTypeDict;
    s_.known[i] = kHoldsObject;
  }
  b_.PushFrame();
  Instr* null = nullptr;
  for (uint32_t i = 0; i < slots; ++i) {
    if (s_.locals[i] || !cfg_.blocks[0].live_in.has(i)) continue;
    if (!null) null = b_.ConstNull();
    s_.locals[i] = null;
  }
  jumpTo(0);
}

void GraphBuilder::translateBlock(uint32_t index) {
  block_index_ = index;
  if (info_[index].incoming.empty()) return;  // every way here deoptimises before
  startBlock(index);
  ended_ = false;
  const CfgBlock& block = cfg_.blocks[index];
  for (uint32_t i = block.start; i < block.end && !ended_ && !bailout_; ++i) translate(i);
  if (!ended_ && !bailout_) jumpTo(block.succs[0]);
}

void GraphBuilder::translate(uint32_t index) {
  index_ = index;
  in_ = &unit_.code[index];
  if (in_->piece == 0 || !group_) {
    group_ = in_;
    group_stack_ = s_.stack;
    before_ = nullptr;
    fused_ = in_->fused && !fused_;  // of three in a row the first two
  }
  b_.setOffset(in_->lasti);
  if (options_.collect_everywhere && in_->piece == 0 && in_->offset > unit_.first_traceable) {
    b_.CollectGarbage();
    observe(in_->offset);
  }
  dispatch(in_->op);
  if (ended_ || !in_->last_piece || bailout_) return;
  observeAfter(in_->next_offset);
}

// The interpreter serves pending events behind a call, unless it was of a Python function.
bool GraphBuilder::servesEvents() const {
  switch (in_->op) {
    case Canonical::kCall:
    case Canonical::kCallKw:
    case Canonical::kCallEx: return last_any_->op != Op::kCallDirect;
    default: return false;
  }
}

void GraphBuilder::dispatch(Canonical op) {
  switch (op) {
#define TEPHRA_CANONICAL(name) \
  case Canonical::k##name:     \
    return do##name();
#include "pyver/common/canonical_list.gen.h"
#undef TEPHRA_CANONICAL
  }
}

// Which homes own a reference where the frame is left.
void GraphBuilder::finishLeaves() {
  for (auto& [leave, known] : leaves_) {
    std::vector<uint32_t> homes;
    for (uint32_t slot = 0; slot < known.size(); ++slot) {
      if (known[slot] == kHoldsNull) continue;
      homes.push_back(slot * 2 + (known[slot] == kHoldsEither ? 1 : 0));
    }
    leave->aux = function_->arena().copy(std::span<const uint32_t>(homes));
  }
}

void GraphBuilder::doUnsupported() {
  refuse(BailoutReason::kUnsupportedOperation, "opcode " + std::to_string(in_->arg));
}

}  // namespace tephra::frontend
