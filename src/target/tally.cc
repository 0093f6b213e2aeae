#include "target/tally.h"

namespace tephra {

Tallier::Tallier(const TallyOptions& options) : options_(options) {
  if (!on() || options_.function == nullptr) return;
  for (const lir::Block* block : options_.function->blocks()) {
    for (const lir::Block* to : block->last->targets) {
      if (to->id < options_.first_inserted_block) continue;
      inserted_[to->id] =
          "e" + std::to_string(block->id) + "-" + std::to_string(to->last->targets[0]->id);
    }
  }
}

std::string Tallier::blockName(const lir::Block* block) const {
  auto it = inserted_.find(block->id);
  return it != inserted_.end() ? it->second : "b" + std::to_string(block->id);
}

void Tallier::part(const std::string& name) {
  if (!on()) return;
  context_ = {name, name, 0, 0};
  pending_ = true;
  pending_name_ = name;
}

void Tallier::block(const lir::Block* block) {
  if (!on()) return;
  seen_.clear();
  block_name_ = blockName(block);
  context_ = {block_name_, "", 0, 0};
  pending_ = true;
  pending_name_ = block_name_;
}

void Tallier::instr(const lir::Instr& instr) {
  if (!on()) return;
  std::string name = instr.info().name;
  context_ = {block_name_ + "." + name + "#" + std::to_string(seen_[instr.op]++), name,
              instr.origin, 0};
}

void Tallier::endInstr() {
  if (!on()) return;
  std::string end = context_.prefix + ".end";
  if (context_.events == 0) {
    if (!pending_) tally_.aliases[end] = current_;
  } else if (pending_) {
    pending_name_ = end;
  } else {
    tally_.aliases[tally_.segments.back().name] = current_;
    tally_.segments.back().name = end;
  }
}

void Tallier::edge(const lir::Block* from, const lir::Block* to) {
  if (!on()) return;
  pending_ = true;
  auto it = inserted_.find(to->id);
  pending_name_ = it != inserted_.end()
                      ? it->second
                      : "e" + std::to_string(from->id) + "-" + std::to_string(to->id);
}

void Tallier::split() {
  if (!on()) return;
  ++context_.events;
  pending_ = true;
  pending_name_ = context_.prefix + "." + std::to_string(context_.events);
}

Tallier::Context Tallier::deferred() const {
  Context context = context_;
  context.prefix += ".cold";
  context.events = 0;
  return context;
}

void Tallier::enter(Context context) {
  if (!on()) return;
  context_ = std::move(context);
}

uint32_t Tallier::begin() {
  pending_ = false;
  current_ = static_cast<uint32_t>(tally_.segments.size());
  tally_.segments.push_back({pending_name_, {}});
  return current_;
}

TallyRow& Tallier::row(const std::string& operation) {
  if (pending_) begin();
  std::vector<TallyRow>& rows = tally_.segments[current_].rows;
  if (rows.empty() || rows.back().operation != operation || rows.back().origin != context_.origin)
    rows.push_back({operation, context_.origin, 0, 0});
  return rows.back();
}

void Tallier::add(uint32_t bytes) {
  if (!on()) return;
  TallyRow& to = row(context_.operation);
  ++to.instructions;
  to.bytes += bytes;
}

void Tallier::addStub(const char* name, uint32_t instructions) {
  if (on()) row(name).instructions += instructions;
}

}  // namespace tephra
