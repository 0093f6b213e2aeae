// Purpose: the type of an HIR value: its representation and, for objects, which exact builtin types
// it may have, or which class or function of the unit it is. Invariant: a type never claims less
// than the value can be (it is sound), so a pass may only narrow it with proof (a guard, a
// constant, an operation's own result), and widens it by join alone.
#pragma once

#include <cstdint>
#include <string>

namespace tephra::hir {

enum class Rep : uint8_t { kNone, kObject, kInt64, kDouble, kBool, kPtr, kState };

// Exact types; a subclass of int is Other, never Int.
enum : uint32_t {
  kMaskNull = 1u << 0,
  kMaskInt = 1u << 1,
  kMaskPyBool = 1u << 2,
  kMaskFloat = 1u << 3,
  kMaskStr = 1u << 4,
  kMaskBytes = 1u << 5,
  kMaskList = 1u << 6,
  kMaskTuple = 1u << 7,
  kMaskDict = 1u << 8,
  kMaskSet = 1u << 9,
  kMaskFrozenSet = 1u << 10,
  kMaskNoneType = 1u << 11,
  kMaskType = 1u << 12,
  kMaskFunction = 1u << 13,
  kMaskBuiltin = 1u << 14,
  kMaskMethodDescr = 1u << 15,
  kMaskSlice = 1u << 16,
  kMaskRange = 1u << 17,
  kMaskRangeIter = 1u << 18,
  kMaskListIter = 1u << 19,
  kMaskTupleIter = 1u << 20,
  kMaskCell = 1u << 21,
  kMaskModule = 1u << 22,
  kMaskBoundMethod = 1u << 23,
  kMaskOther = 1u << 24,
  kMaskObject = (1u << 25) - 2,
  kMaskOptObject = (1u << 25) - 1,
};

// Of these, one may be named: the exact class of an object, or the function itself.
inline constexpr uint32_t kMaskNamed = kMaskOther | kMaskFunction;

inline constexpr uint32_t kMaskImmortal = kMaskNull | kMaskPyBool | kMaskNoneType;
// Releasing the last reference of these runs no code and touches no other object.
inline constexpr uint32_t kMaskHarmless =
    kMaskImmortal | kMaskInt | kMaskFloat | kMaskStr | kMaskBytes | kMaskRangeIter;

// Of what is known of an object by its address: what it stays as long as it lives. (The class of a
// module may be replaced.)
inline uint32_t lastingMask(uint32_t mask) { return mask & kMaskObject & ~kMaskModule; }

struct Type {
  Rep rep = Rep::kNone;
  uint32_t mask = 0;  // objects only
  // An ObjRef plus one; 0: none. With the mask kMaskOther the exact class of the object, with
  // kMaskFunction the function that it is; either may be NULL, too, and nothing else.
  uint32_t named = 0;

  static constexpr Type object(uint32_t mask) { return {Rep::kObject, mask, 0}; }
  static constexpr Type of(Rep rep) { return {rep, 0, 0}; }
  static constexpr Type ofClass(uint32_t ref) { return {Rep::kObject, kMaskOther, ref + 1}; }
  static constexpr Type function(uint32_t ref) { return {Rep::kObject, kMaskFunction, ref + 1}; }

  constexpr bool isObject() const { return rep == Rep::kObject; }
  constexpr bool isNamed() const { return named != 0; }
  constexpr uint32_t name() const { return named - 1; }  // where isNamed()
  constexpr bool isSubtypeOf(Type other) const {
    const bool any = !other.isNamed() || (mask & kMaskNamed) == 0;
    return rep == other.rep && (mask & ~other.mask) == 0 && (any || named == other.named);
  }
  constexpr bool couldBe(uint32_t m) const { return (mask & m) != 0; }
  constexpr bool is(uint32_t m) const { return rep == Rep::kObject && (mask & ~m) == 0; }
  constexpr Type meet(Type o) const {
    Type both{rep, mask & o.mask, isNamed() ? named : o.named};
    if (isNamed() && o.isNamed() && named != o.named) both.mask &= ~kMaskNamed;
    if ((both.mask & kMaskNamed) == 0) both.named = 0;
    return both;
  }
  constexpr Type join(Type o) const {
    if (rep != o.rep) return {};
    // What is NULL or nothing at all says nothing against the other's name.
    const bool same = named == o.named && ((mask ^ o.mask) & ~kMaskNull) == 0;
    const uint32_t name = same || (o.mask & ~kMaskNull) == 0 ? named
                          : (mask & ~kMaskNull) == 0         ? o.named
                                                             : 0;
    return {rep, mask | o.mask, name};
  }
  constexpr bool operator==(const Type&) const = default;

  // Packed into one attribute word: 31 bits for the name.
  constexpr uint64_t encode() const {
    return uint64_t{named} << 33 | uint64_t{mask} << 8 | static_cast<uint8_t>(rep);
  }
  static constexpr Type decode(uint64_t bits) {
    return {static_cast<Rep>(bits & 0xFF), static_cast<uint32_t>(bits >> 8) & kMaskOptObject,
            static_cast<uint32_t>(bits >> 33)};
  }
};

inline constexpr Type kTypeNone{};
inline constexpr Type kTypeObject = Type::object(kMaskObject);
inline constexpr Type kTypeOptObject = Type::object(kMaskOptObject);
inline constexpr Type kTypeNull = Type::object(kMaskNull);
inline constexpr Type kTypeInt = Type::object(kMaskInt);
inline constexpr Type kTypePyBool = Type::object(kMaskPyBool);
inline constexpr Type kTypeFloat = Type::object(kMaskFloat);
inline constexpr Type kTypeStr = Type::object(kMaskStr);
inline constexpr Type kTypeList = Type::object(kMaskList);
inline constexpr Type kTypeTuple = Type::object(kMaskTuple);
inline constexpr Type kTypeDict = Type::object(kMaskDict);
inline constexpr Type kTypeNoneType = Type::object(kMaskNoneType);
inline constexpr Type kTypeRangeIter = Type::object(kMaskRangeIter);
inline constexpr Type kTypeListIter = Type::object(kMaskListIter);
inline constexpr Type kTypeTupleIter = Type::object(kMaskTupleIter);
inline constexpr Type kTypeInt64 = Type::of(Rep::kInt64);
inline constexpr Type kTypeDouble = Type::of(Rep::kDouble);
inline constexpr Type kTypeBool = Type::of(Rep::kBool);
inline constexpr Type kTypePtr = Type::of(Rep::kPtr);
inline constexpr Type kTypeState = Type::of(Rep::kState);

// "Object", "OptObject", "Int|Float", "Other#3" (of exactly the class #3), "Null|Function#4",
// "Int64", ...; parseType is its inverse.
std::string typeName(Type type);
bool parseType(const std::string& text, Type* out);

// May the ends of both objects run code? Then the instruction at which they die fixes their order.
inline bool bothMayEnd(const Type& left, const Type& right) {
  return left.couldBe(~kMaskHarmless) && right.couldBe(~kMaskHarmless);
}

}  // namespace tephra::hir
