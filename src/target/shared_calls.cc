#include "target/shared_calls.h"

#include <map>
#include <string_view>

#include "target/constraints.h"

namespace tephra {

namespace {

using lir::Instr;
using lir::Op;
using lir::Operand;
using Key = std::vector<uint64_t>;

bool isRegister(const Operand& operand, const Operand& wanted) {
  return operand.isReg() && wanted.isReg() && operand.bank == wanted.bank &&
         operand.base == wanted.base;
}

bool isPinnedAddress(const Operand& address) {
  return address.isMem() && address.index_kind == Operand::kNone &&
         address.base_kind == Operand::kPinned;
}

// The release of `result` where, with the last reference, only its end and a look around follow:
// the piece does all of that, and the site goes on as if the object lived; what the block moves to
// where the two ways meet is there already.
bool isRelease(const Instr& branch, const Operand& result) {
  if (branch.op != Op::kBranchRelease || !isRegister(branch.uses[0], result)) return false;
  const Instr* on = branch.targets[1]->first;
  const Instr* i = branch.targets[0]->first;
  if (on->op != Op::kJump || !on->uses.empty()) return false;
  if (i->op != Op::kDealloc || !isRegister(i->uses[0], result)) return false;
  i = i->next;
  while (i != nullptr && i->op == Op::kExitLook) i = i->next;
  while (i != nullptr && SharedCalls::isMove(*i)) i = i->next;
  bool meets = i != nullptr && i->op == Op::kJump && i->targets[0] == on->targets[0];
  return meets && i->uses.empty();
}

// The last instruction of what can be shared from the call on; the call where that is nothing.
const Instr* endOfSequence(const Instr& call) {
  const Operand& result = call.defs[0];
  const Instr* last = &call;
  for (const Instr* i = call.next; i != nullptr; last = i, i = i->next) {
    if (i->op == Op::kDecref) return isRegister(i->uses[0], result) ? i : last;
    if (i->op == Op::kBranchRelease) return isRelease(*i, result) ? i : last;
    bool check = i->op == Op::kExitCmp && isRegister(i->uses[0], result) && i->uses[1].isImm();
    if (!check && i->op != Op::kExitLook) return last;
  }
  return last;
}

bool argumentsAreInRegisters(const Target& target, const Instr& call) {
  for (const ArgumentPlace& place : placeArguments(target, call)) {
    if (!place.in_register) return false;
  }
  return true;
}

// The store of the position, with nothing but moves between it and the call.
const Instr* positionBefore(const Instr& call) {
  for (const Instr* i = call.prev; i != nullptr; i = i->prev) {
    if (i->op == Op::kStore) {
      bool position = isPinnedAddress(i->uses[0]) && i->uses[1].isImm() &&
                      i->uses[0].base == static_cast<uint32_t>(lir::Pinned::kFrame) &&
                      i->u32(0) >= 4;
      return position ? i : nullptr;
    }
    if (i->op != Op::kMove && i->op != Op::kMoveF) return nullptr;
  }
  return nullptr;
}

void addOperand(const Operand& operand, Key* key) {
  key->push_back(uint64_t{operand.kind} | static_cast<uint64_t>(operand.bank) << 8 |
                 uint64_t{operand.scale} << 16 | uint64_t{operand.base_kind} << 24 |
                 uint64_t{operand.index_kind} << 32);
  key->push_back(static_cast<uint32_t>(operand.disp));
  key->push_back(operand.bits);
}

// Everything but exits and their values.
void addInstr(const Instr& instr, Key* key) {
  key->push_back(static_cast<uint64_t>(instr.op));
  const auto& attributes = instr.info().attrs;
  for (size_t i = 0; i < attributes.size(); ++i) {
    if (std::string_view(attributes[i].name) != "exit") key->push_back(instr.attr[i]);
  }
  for (const Operand& def : instr.defs) addOperand(def, key);
  for (size_t i = 0; i < instr.firstExitValue(); ++i) addOperand(instr.uses[i], key);
}

// What the sequence does from the call on, the block behind a release among it.
template <typename Visit>
void forEach(const SharedCalls::Site& site, const Visit& visit) {
  for (const Instr* i = site.call; i != nullptr; i = i == site.last ? nullptr : i->next) visit(*i);
  if (site.last->op != Op::kBranchRelease) return;
  for (const Instr* i = SharedCalls::firstBehind(site.last); i != nullptr;
       i = SharedCalls::nextBehind(*i))
    visit(*i);
}

Key keyOf(const SharedCalls::Site& site) {
  Key key;
  if (site.position != nullptr) {
    addOperand(site.position->uses[0], &key);
    key.push_back(site.position->attr[0]);
  }
  forEach(site, [&](const Instr& instr) { addInstr(instr, &key); });
  return key;
}

bool findSite(const Target& target, const Instr& call, SharedCalls::Site* site) {
  if (call.op != Op::kCall || !argumentsAreInRegisters(target, call)) return false;
  // A result that is not there cannot be compared with anything.
  if (call.defs.empty() || !call.defs[0].isReg()) return false;
  *site = {0, positionBefore(call), &call, endOfSequence(call), {}};
  forEach(*site, [&](const Instr& instr) {
    if (&instr != &call && instr.info().has_exit) site->exits.push_back(instr.exitIndex());
  });
  return site->exits.size() >= 2;
}

}  // namespace

SharedCalls::SharedCalls(const Target& target, const std::vector<lir::Block*>& blocks,
                         uint32_t threshold) {
  if (threshold == 0) return;
  std::map<Key, std::vector<Site>> found;
  std::vector<const std::vector<Site>*> order;
  for (const lir::Block* block : blocks) {
    if (block->loop_depth != 0 || block->cold) continue;
    for (const Instr* i = block->first; i != nullptr; i = i->next) {
      Site site;
      if (!findSite(target, *i, &site)) continue;
      auto [it, inserted] = found.try_emplace(keyOf(site));
      if (inserted) order.push_back(&it->second);
      it->second.push_back(std::move(site));
    }
  }
  size_t count = 0;
  for (const auto* sites : order) count += sites->size() >= threshold ? sites->size() : 0;
  sites_.reserve(count);  // their addresses stay
  for (const auto* sites : order) {
    if (sites->size() < threshold) continue;
    auto group = static_cast<uint32_t>(groups_.size());
    for (const Site& site : *sites) {
      sites_.push_back(site);
      sites_.back().group = group;
      const Site& kept = sites_.back();
      if (groups_.size() == group) groups_.push_back(&kept);
      by_call_[kept.call] = &kept;
      if (kept.position != nullptr) shared_.insert(kept.position);
      for (const Instr* i = kept.call; i != kept.last; i = i->next) shared_.insert(i->next);
      if (kept.last->op == Op::kBranchRelease) replaced_.insert(kept.last->targets[0]);
    }
  }
}

bool SharedCalls::isMove(const lir::Instr& instr) {
  return instr.op == Op::kMove || instr.op == Op::kMoveF;
}

const lir::Instr* SharedCalls::firstBehind(const lir::Instr* release) {
  return release->targets[0]->first;
}

const lir::Instr* SharedCalls::nextBehind(const lir::Instr& instr) {
  const Instr* next = instr.next;
  return isMove(*next) || next->info().is_terminator ? nullptr : next;
}

const SharedCalls::Site* SharedCalls::siteAt(const lir::Instr& call) const {
  auto it = by_call_.find(&call);
  return it == by_call_.end() ? nullptr : it->second;
}

}  // namespace tephra
