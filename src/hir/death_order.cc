#include "hir/death_order.h"

#include <algorithm>
#include <climits>
#include <numeric>

namespace tephra::hir {
namespace {

using Order = std::vector<size_t>;  // indices of inputs

bool fromTop(const PyLayout* layout) { return layout && layout->inputs_released_from_top; }

// Bottom first.
Order stackOrder(const Instr* instr) {
  switch (instr->op) {
    case Op::kStoreAttr: return {1, 0};
    case Op::kSetItem: return {2, 0, 1};
    default: {
      Order order(instr->inputs().size());
      std::iota(order.begin(), order.end(), size_t{0});
      return order;
    }
  }
}

// BINARY_OP and BUILD_SET name their inputs one by one. (A subscript that enters the class's own
// __getitem__ does not: lower/refcounts.cc.)
bool neverFromTop(Op op) { return op == Op::kBinaryOp || op == Op::kGetItem || op == Op::kMakeSet; }

Order releaseOrder(const Instr* instr, const PyLayout* layout) {
  bool from_top = fromTop(layout);
  switch (instr->op) {
    case Op::kGetSlice: return {1, 2, 0};  // the bounds go with the slice
    case Op::kSetSlice: return from_top ? Order{1, 2, 0, 3} : Order{1, 2, 3, 0};
    // The dict takes the other two over, or drops the key first if that has no hash.
    case Op::kDictSetItem: return {1, 2, 0};
    default: break;
  }
  Order order = stackOrder(instr);
  bool reversed = (from_top && !neverFromTop(instr->op)) || instr->op == Op::kMakeMap;
  if (reversed) std::reverse(order.begin(), order.end());
  return order;
}

int placeInState(const Instr* instr, const Instr* root) {
  const Instr* state = instr->state();
  if (!state || state->op != Op::kFrameState) return -1;
  for (size_t i = state->operands.size(); i-- > 0;) {
    Instr* value = state->operands[i];
    if (value->type.isObject() && rootOf(value) == root) return static_cast<int>(i);
  }
  return -1;
}

}  // namespace

void sortDeaths(const Instr* instr, const PyLayout* layout, std::vector<Instr*>* roots) {
  if (roots->size() < 2) return;
  Order order = releaseOrder(instr, layout);
  std::span<Instr*> inputs = const_cast<Instr*>(instr)->inputs();
  auto rank = [&](const Instr* root) {
    if (root == instr) return instr->info().gives_old && !fromTop(layout) ? -1 : INT_MAX / 2;
    for (size_t i = order.size(); i-- > 0;) {  // several references: the last one counts
      Instr* input = inputs[order[i]];
      if (input->type.isObject() && rootOf(input) == root) return static_cast<int>(i);
    }
    return INT_MAX - 1 - placeInState(instr, root);
  };
  std::stable_sort(roots->begin(), roots->end(),
                   [&](const Instr* a, const Instr* b) { return rank(a) < rank(b); });
}

void sortConstruction(const Instr* instr, const PyLayout* layout, std::vector<Instr*>* owned) {
  const bool checks = instr->op == Op::kCheckInitResult;
  if (!checks && instr->op != Op::kCallDirect) return;
  const Instr* result = checks ? rootOf(instr->operands[0]) : nullptr;
  const Instr* self = nullptr;
  for (Instr* root : *owned) {
    const bool called = !checks && root == rootOf(instr->operands[1]);
    if (root->op == Op::kNewInstance && (checks || called)) self = root;  // the last one made
  }
  if (self == nullptr) return;
  if (fromTop(layout)) std::reverse(owned->begin(), owned->end());  // the arguments
  auto rank = [&](const Instr* root) { return root == result ? 0 : root == self ? 1 : 2; };
  std::stable_sort(owned->begin(), owned->end(),
                   [&](const Instr* a, const Instr* b) { return rank(a) < rank(b); });
}

std::vector<Instr*> releasedWhenRaising(const Instr* instr, const PyLayout* layout) {
  std::vector<Instr*> released;
  switch (instr->op) {
    case Op::kGetSlice:
    case Op::kSetSlice:
    case Op::kDictSetItem:
    case Op::kMakeSet: break;
    case Op::kBinaryOp:
    case Op::kCompare:
    case Op::kCompareBool:
    case Op::kContains:
    case Op::kGetItem:
    case Op::kSetItem:
    case Op::kDeleteItem:
    case Op::kDictGetItem:
    case Op::kStoreAttr:
    case Op::kMatchClass:
    case Op::kImportName:
    case Op::kLoadSuperAttr:
    case Op::kLoadSuperMethod:
    case Op::kFormatValue:
    case Op::kCallIntrinsic2:
      if (fromTop(layout)) return released;
      break;
    default: return released;
  }
  std::span<Instr*> inputs = const_cast<Instr*>(instr)->inputs();
  for (size_t i : releaseOrder(instr, layout)) released.push_back(inputs[i]);
  return released;
}

}  // namespace tephra::hir
