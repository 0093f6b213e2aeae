// Items, slices, displays, unpacking, iterators and match statements.
#include "frontend/graph_builder.h"

namespace tephra::frontend {

using namespace hir;  // NOLINT

hir::Instr* GraphBuilder::speculateItem(Instr* container, Instr* key) {
  const FeedbackInfo& fb = feedback();
  if (!may(options_.subscripts)) return nullptr;
  bool int_key = canBe(key, kMaskInt);
  Feedback kind = fb.kind;
  if (container->type.is(kMaskList) && key->type.is(kMaskInt)) kind = Feedback::kItemListInt;
  if (container->type.is(kMaskTuple) && key->type.is(kMaskInt)) kind = Feedback::kItemTupleInt;
  if (container->type.is(kMaskDict)) kind = Feedback::kItemDict;
  switch (kind) {
    case Feedback::kItemListInt: {
      if (!int_key || !canBe(container, kMaskList)) return nullptr;
      Instr* list = guardType(container, kMaskList);
      Instr* index = unboxInt(guardType(key, kMaskInt));
      return b_.LoadListItem(list, index, before());
    }
    case Feedback::kItemTupleInt: {
      if (!int_key || !canBe(container, kMaskTuple)) return nullptr;
      Instr* tuple = guardType(container, kMaskTuple);
      Instr* index = unboxInt(guardType(key, kMaskInt));
      return b_.LoadTupleItem(tuple, index, before());
    }
    case Feedback::kItemDict:
      if (!canBe(container, kMaskDict)) return nullptr;
      return any(b_.DictGetItem(guardType(container, kMaskDict), key, before()));
    case Feedback::kItemFunction: {
      if (fb.object == kNoRef || !fb.type_version || !ofOneShape(container)) return nullptr;
      if (!(info(fb.object)->type_mask & kMaskFunction)) return nullptr;
      Instr* owner = guardVersion(container, fb);
      return callFunction(fb.object, constant(fb.object), {owner, key});
    }
    default: return nullptr;
  }
}

void GraphBuilder::doGetItem() {
  Instr* key = pop();
  Instr* container = pop();
  Instr* value = speculateItem(container, key);
  push(value ? value : any(b_.GetItem(container, key, before())));
}

bool GraphBuilder::speculateSetItem(Instr* container, Instr* key, Instr* value) {
  if (!may(options_.subscripts)) return false;
  Feedback kind = feedback().kind;
  if (container->type.is(kMaskList) && key->type.is(kMaskInt)) kind = Feedback::kStoreListInt;
  if (container->type.is(kMaskDict)) kind = Feedback::kStoreDict;
  if (kind == Feedback::kStoreListInt && canBe(container, kMaskList) && canBe(key, kMaskInt)) {
    Instr* list = guardType(container, kMaskList);
    Instr* index = unboxInt(guardType(key, kMaskInt));
    replaces(b_.StoreListItem(list, index, value, before()));
    return true;
  }
  if (kind == Feedback::kStoreDict && canBe(container, kMaskDict)) {
    any(b_.DictSetItem(guardType(container, kMaskDict), key, value, before()));
    return true;
  }
  return false;
}

void GraphBuilder::doSetItem() {
  Instr* key = pop();
  Instr* container = pop();
  Instr* value = pop();
  if (speculateSetItem(container, key, value)) return;
  any(b_.SetItem(container, key, value, before()));
}

void GraphBuilder::doDeleteItem() {
  Instr* key = pop();
  Instr* container = pop();
  any(b_.DeleteItem(container, key, before()));
}

void GraphBuilder::doGetSlice() {
  Values v = popMany(3);
  push(any(b_.GetSlice(v[0], v[1], v[2], before())));
}

void GraphBuilder::doSetSlice() {
  Values v = popMany(4);
  any(b_.SetSlice(v[1], v[2], v[3], v[0], before()));
}

void GraphBuilder::doBuildTuple() { push(b_.MakeTuple(popMany(in_->arg), before())); }
void GraphBuilder::doBuildList() { push(b_.MakeList(popMany(in_->arg), before())); }

void GraphBuilder::doBuildSet() {
  Instr* set = any(b_.MakeSet(popMany(in_->arg), before()));
  set->type = Type::object(kMaskSet);
  push(set);
}

// f(*args, **kwargs), with the **kwargs of the running function or another dict for certain:
// merging it into a new one cannot fail and runs no code, so the call is given that dict itself.
bool GraphBuilder::passesDict(size_t build_map) const {
  const size_t size = unit_.code.size();
  if (options_.collect_everywhere || build_map >= size || size - build_map <= 3) return false;
  const auto* in = &unit_.code[build_map];
  const bool shape = in[0].op == Canonical::kBuildMap && in[0].arg == 0 &&
                     in[1].op == Canonical::kLoadFast && in[2].op == Canonical::kDictMerge &&
                     in[2].arg == 1 && in[3].op == Canonical::kCallEx && in[3].arg != 0;
  const Instr* dict = shape ? s_.locals[in[1].arg] : nullptr;
  return dict && s_.known[in[1].arg] == kHoldsObject && dict->type.is(kMaskDict);
}

void GraphBuilder::doBuildMap() {
  if (passesDict(index_)) return push(b_.ConstNull());
  Instr* dict = any(b_.MakeMap(popMany(size_t{in_->arg} * 2), before()));
  dict->type = kTypeDict;
  push(dict);
}

void GraphBuilder::doBuildConstKeyMap() {
  Instr* keys = pop();
  Values values = popMany(in_->arg), pairs;
  Instr* tuple = guardType(keys, kMaskTuple);
  for (uint32_t i = 0; i < values.size(); ++i) {
    pairs.push_back(b_.LoadTupleItemAt(tuple, i));
    pairs.push_back(values[i]);
  }
  Instr* dict = any(b_.MakeMap(pairs, before()));
  dict->type = kTypeDict;
  push(dict);
}

void GraphBuilder::doBuildString() { push(b_.MakeString(popMany(in_->arg), before())); }

void GraphBuilder::doBuildSlice() {
  Instr* step = in_->arg == 3 ? pop() : b_.ConstNone();
  Instr* stop = pop();
  Instr* start = pop();
  Instr* slice = b_.MakeSlice(start, stop, step, before());
  slice->type = Type::object(kMaskSlice);
  push(slice);
}

// Displays and comprehensions work on a list that the compiler made; its type is mostly known.
hir::Instr* GraphBuilder::asList(Instr* value) { return guardType(value, kMaskList); }

void GraphBuilder::doListAppend() {
  Instr* value = pop();
  b_.ListAppend(asList(peek(in_->arg)), value, before());
}

void GraphBuilder::doSetAdd() {
  Instr* value = pop();
  any(b_.SetAdd(peek(in_->arg), value, before()));
}

void GraphBuilder::doMapAdd() {
  Instr* value = pop();
  Instr* key = pop();
  any(b_.MapAdd(peek(in_->arg), key, value, before()));
}

void GraphBuilder::doListExtend() {
  Instr* iterable = pop();
  any(b_.ListExtend(peek(in_->arg), iterable, before()));
}

void GraphBuilder::doSetUpdate() {
  Instr* iterable = pop();
  any(b_.SetUpdate(peek(in_->arg), iterable, before()));
}

void GraphBuilder::doDictUpdate() {
  Instr* mapping = pop();
  any(b_.DictUpdate(peek(in_->arg), mapping, before()));
}

// The call under construction lies below the dict: [NULL, callable, args] or [callable, NULL,
// args].
void GraphBuilder::doDictMerge() {
  Instr* mapping = pop();
  if (passesDict(index_ - 2)) {
    pop();
    return push(mapping);
  }
  Instr* callable = peek(in_->arg + (layout_.method_null_first ? 2 : 3));
  any(b_.DictMerge(peek(in_->arg), mapping, callable, before()));
}

// First item on top.
bool GraphBuilder::speculateUnpack(Instr* sequence, uint32_t count) {
  Feedback kind = feedback().kind;
  bool tuple = kind == Feedback::kUnpackTwoTuple || kind == Feedback::kUnpackTuple ||
               sequence->type.is(kMaskTuple);
  bool list = !tuple && (kind == Feedback::kUnpackList || sequence->type.is(kMaskList));
  if (!may(options_.unpacking) || (!tuple && !list)) return false;
  uint32_t mask = tuple ? kMaskTuple : kMaskList;
  if (!canBe(sequence, mask)) return false;
  Instr* items = guardType(sequence, mask);
  Instr* fits = b_.IntCompare(b_.LoadVarSize(items), b_.ConstInt(count), CmpKind::kEq);
  guardFlag(fits, ExitReason::kShapeChanged);
  for (uint32_t i = count; i-- > 0;) {
    push(tuple ? b_.LoadTupleItemAt(items, i) : b_.LoadListItemAt(items, i));
  }
  return true;
}

void GraphBuilder::doUnpackSequence() {
  Instr* sequence = pop();
  if (speculateUnpack(sequence, in_->arg)) return;
  any(b_.UnpackSequence(sequence, in_->arg, before()));
  Values items;
  for (uint32_t i = 0; i < in_->arg; ++i) items.push_back(b_.UnpackedItem(i));
  s_.stack.insert(s_.stack.end(), items.rbegin(), items.rend());
}

void GraphBuilder::doUnpackEx() {
  any(b_.UnpackEx(pop(), in_->arg, in_->arg2, before()));
  Values items;
  for (uint32_t i = 0; i < in_->arg + 1 + in_->arg2; ++i) items.push_back(b_.UnpackedItem(i));
  items[in_->arg]->type = kTypeList;
  s_.stack.insert(s_.stack.end(), items.rbegin(), items.rend());
}

void GraphBuilder::doGetIter() {
  Instr* iterable = pop();
  Instr* iterator = any(b_.GetIter(iterable, before()));
  if (iterable->type.is(kMaskList)) iterator->type = kTypeListIter;
  if (iterable->type.is(kMaskTuple)) iterator->type = kTypeTupleIter;
  push(iterator);
}

void GraphBuilder::doGetLen() {
  Instr* length = any(b_.GetLen(peek(1), before()));
  length->type = kTypeInt;
  push(length);
}

void GraphBuilder::doMatchMapping() { push(boxBool(b_.MatchMapping(peek(1)))); }
void GraphBuilder::doMatchSequence() { push(boxBool(b_.MatchSequence(peek(1)))); }
void GraphBuilder::doMatchKeys() { push(any(b_.MatchKeys(peek(2), peek(1), before()))); }

void GraphBuilder::doMatchClass() {
  Values v = popMany(3);
  push(any(b_.MatchClass(v[0], v[1], v[2], in_->arg, before())));
}

}  // namespace tephra::frontend
