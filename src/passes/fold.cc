// Arithmetic of simplify: the operations of ops.tbl on constants, exactly as compiled code does
// them.
#include "passes/simplify.h"

namespace tephra::passes {

using hir::CmpKind;
using hir::Op;

namespace {

bool floorDiv(int64_t left, int64_t right, int64_t* quotient, int64_t* remainder) {
  if (right == 0 || (left == INT64_MIN && right == -1)) return false;
  *quotient = left / right;
  *remainder = left % right;
  if (*remainder != 0 && (*remainder < 0) != (right < 0)) {
    *remainder += right;
    --*quotient;
  }
  return true;
}

bool shiftLeft(int64_t left, int64_t count, int64_t* out) {
  if (count < 0 || count > 62) return false;
  *out = static_cast<int64_t>(static_cast<uint64_t>(left) << count);
  return (*out >> count) == left;
}

template <typename T>
bool compare(CmpKind cmp, T left, T right) {
  switch (cmp) {
    case CmpKind::kLt: return left < right;
    case CmpKind::kLe: return left <= right;
    case CmpKind::kEq: return left == right;
    case CmpKind::kNe: return left != right;
    case CmpKind::kGt: return left > right;
    case CmpKind::kGe: return left >= right;
  }
  return false;
}

}  // namespace

bool foldCompare(CmpKind cmp, int64_t left, int64_t right) { return compare(cmp, left, right); }
bool foldCompare(CmpKind cmp, double left, double right) { return compare(cmp, left, right); }

bool foldInt(Op op, int64_t left, int64_t right, int64_t* out) {
  int64_t other;
  switch (op) {
    case Op::kIntAdd: return !__builtin_add_overflow(left, right, out);
    case Op::kIntSub: return !__builtin_sub_overflow(left, right, out);
    case Op::kIntMul: return !__builtin_mul_overflow(left, right, out);
    case Op::kIntNeg: return !__builtin_sub_overflow(int64_t{0}, left, out);
    case Op::kIntFloorDiv: return floorDiv(left, right, out, &other);
    case Op::kIntMod: return floorDiv(left, right, &other, out);
    case Op::kIntAnd: *out = left & right; return true;
    case Op::kIntOr: *out = left | right; return true;
    case Op::kIntXor: *out = left ^ right; return true;
    case Op::kIntShl: return shiftLeft(left, right, out);
    case Op::kIntShr:
      if (right < 0) return false;
      *out = left >> (right > 63 ? 63 : right);
      return true;
    default: return false;  // no integer operation
  }
}

}  // namespace tephra::passes
