#include "pyver/numbers.h"

#include <bit>

#include "pyver/floats.h"
#include "pyver/internal.h"

namespace tephra::py {

namespace {

constexpr int64_t kExactInDouble = int64_t{1} << 53;

PyLongObject* asLong(PyObject* object) { return reinterpret_cast<PyLongObject*>(object); }

uint64_t magnitudeOf(int64_t value) {
  return value < 0 ? uint64_t{0} - static_cast<uint64_t>(value) : static_cast<uint64_t>(value);
}

int digitsOf(uint64_t magnitude) {
  int digits = 0;
  for (; magnitude != 0; magnitude >>= PyLong_SHIFT) ++digits;
  return digits;
}

// Sets sign, number of digits and digits; the object has room for them.
void setValue(PyLongObject* made, int64_t value, int digits) {
  uint64_t magnitude = magnitudeOf(value);
  _PyLong_SetSignAndDigitCount(made, value < 0 ? -1 : 1, digits);
  for (int i = 0; i < digits; ++i, magnitude >>= PyLong_SHIFT) {
    made->long_value.ob_digit[i] = static_cast<digit>(magnitude & PyLong_MASK);
  }
}

// The value of an exact int, if a word holds it.
bool readInt(const PyLongObject* number, int64_t* value) {
  Py_ssize_t digits = _PyLong_DigitCount(number);
  const digit* d = number->long_value.ob_digit;
  if (digits > 3 || (digits == 3 && d[2] >= 8)) return false;
  int64_t magnitude = digits == 0 ? 0 : d[0];
  if (digits > 1) magnitude |= int64_t{d[1]} << PyLong_SHIFT;
  if (digits > 2) magnitude |= int64_t{d[2]} << 2 * PyLong_SHIFT;
  *value = _PyLong_IsNegative(number) ? -magnitude : magnitude;
  return true;
}

bool shiftLeft(int64_t a, int64_t b, int64_t* result) {
  if (b < 0 || b > 62 || magnitudeOf(a) >> (62 - b) != 0) return false;
  *result = a * (int64_t{1} << b);
  return true;
}

bool floorDivide(int64_t a, int64_t b, int64_t* quotient, int64_t* remainder) {
  if (b == 0) return false;
  *quotient = a / b;
  *remainder = a % b;
  if (*remainder != 0 && (*remainder < 0) != (b < 0)) {
    --*quotient;
    *remainder += b;
  }
  return true;
}

bool power(int64_t base, int64_t exponent, int64_t* result) {
  if (exponent < 0 || exponent > 62) return false;
  for (*result = 1; exponent > 0; --exponent) {
    if (__builtin_mul_overflow(*result, base, result)) return false;
  }
  return true;
}

// The value of an operator whose result is an int of at most 64 bits.
bool wordOp(int64_t a, int64_t b, int kind, int64_t* result) {
  int64_t other;
  switch (kind) {
    case NB_ADD: return !__builtin_add_overflow(a, b, result);
    case NB_SUBTRACT: return !__builtin_sub_overflow(a, b, result);
    case NB_AND: *result = a & b; return true;
    case NB_OR: *result = a | b; return true;
    case NB_XOR: *result = a ^ b; return true;
    case NB_MULTIPLY: return !__builtin_mul_overflow(a, b, result);
    case NB_LSHIFT: return shiftLeft(a, b, result);
    case NB_RSHIFT:
      if (b < 0) return false;
      *result = a >> (b > 63 ? 63 : b);
      return true;
    case NB_FLOOR_DIVIDE: return floorDivide(a, b, result, &other);
    case NB_REMAINDER: return floorDivide(a, b, &other, result);
    case NB_POWER: return power(a, b, result);
    default: return false;
  }
}

// --- ints that two words hold: hashes, random numbers, products of word-sized numbers

using Wide = __int128;

constexpr Py_ssize_t kWideDigits = 3;  // beyond these CPython is as fast

bool readWide(const PyLongObject* number, Wide* value) {
  Py_ssize_t digits = _PyLong_DigitCount(number);
  if (digits > kWideDigits) return false;
  Wide magnitude = 0;
  for (Py_ssize_t i = digits; i-- > 0;) {
    magnitude = (magnitude << PyLong_SHIFT) | number->long_value.ob_digit[i];
  }
  *value = _PyLong_IsNegative(number) ? -magnitude : magnitude;
  return true;
}

// One multiplication of words; anything larger is CPython's.
bool wideProduct(Wide a, Wide b, Wide* result) {
  constexpr Wide kWord = static_cast<Wide>(1) << 64;
  if (a <= -kWord || a >= kWord || b != static_cast<int64_t>(b)) return false;
  const bool negative = (a < 0) != (b < 0);
  auto product = static_cast<unsigned __int128>(static_cast<uint64_t>(a < 0 ? -a : a)) *
                 magnitudeOf(static_cast<int64_t>(b));
  if (product >> 127 != 0) return false;
  *result = negative ? -static_cast<Wide>(product) : static_cast<Wide>(product);
  return true;
}

bool wideOp(Wide a, Wide b, int kind, Wide* result) {
  switch (kind) {
    case NB_ADD: *result = a + b; return true;
    case NB_SUBTRACT: *result = a - b; return true;
    case NB_AND: *result = a & b; return true;
    case NB_OR: *result = a | b; return true;
    case NB_XOR: *result = a ^ b; return true;
    case NB_MULTIPLY: return wideProduct(a, b, result) || wideProduct(b, a, result);
    case NB_RSHIFT:
      if (b < 0) return false;
      *result = a >> (b > 127 ? 127 : static_cast<int>(b));
      return true;
    default: return false;
  }
}

PyObject* makeWide(Wide value) {
  if (value == static_cast<int64_t>(value)) return makeInt(static_cast<int64_t>(value));
  return _PyLong_FromByteArray(reinterpret_cast<const unsigned char*>(&value), sizeof value,
                               std::endian::native == std::endian::little, /*is_signed=*/1);
}

bool twoWords(PyObject* left, PyObject* right, int kind, PyObject** result) {
  Wide a, b, value;
  if (!readWide(asLong(left), &a) || !readWide(asLong(right), &b)) return false;
  if (!wideOp(a, b, kind, &value)) return false;
  *result = makeWide(value);
  return true;
}

// What PyNumber_* would call in the end.
PyObject* slotOp(PyObject* left, PyObject* right, int kind) {
  const PyNumberMethods* slots = PyLong_Type.tp_as_number;
  switch (kind) {
    case NB_ADD: return slots->nb_add(left, right);
    case NB_SUBTRACT: return slots->nb_subtract(left, right);
    case NB_AND: return slots->nb_and(left, right);
    case NB_OR: return slots->nb_or(left, right);
    case NB_XOR: return slots->nb_xor(left, right);
    case NB_MULTIPLY: return slots->nb_multiply(left, right);
    case NB_LSHIFT: return slots->nb_lshift(left, right);
    case NB_RSHIFT: return slots->nb_rshift(left, right);
    case NB_FLOOR_DIVIDE: return slots->nb_floor_divide(left, right);
    case NB_REMAINDER: return slots->nb_remainder(left, right);
    case NB_POWER: return slots->nb_power(left, right, Py_None);
    default: return slots->nb_true_divide(left, right);
  }
}

bool divide(int64_t a, int64_t b, PyObject** result) {
  if (b == 0 || magnitudeOf(a) > kExactInDouble || magnitudeOf(b) > kExactInDouble) return false;
  *result = makeFloat(static_cast<double>(a) / static_cast<double>(b));
  return true;
}

bool intOp(PyObject* left, PyObject* right, int kind, PyObject** result) {
  if (kind > NB_XOR || kind == NB_MATRIX_MULTIPLY) return false;
  int64_t a, b, value;
  if (readInt(asLong(left), &a) && readInt(asLong(right), &b)) {
    if (kind == NB_TRUE_DIVIDE && divide(a, b, result)) return true;
    if (wordOp(a, b, kind, &value)) {
      *result = makeInt(value);
      return true;
    }
  }
  if (!twoWords(left, right, kind, result)) *result = slotOp(left, right, kind);
  return true;
}

// The value of an exact float, or of an exact int that a double holds.
bool readDouble(PyObject* object, double* value) {
  if (PyFloat_CheckExact(object)) {
    *value = PyFloat_AS_DOUBLE(object);
    return true;
  }
  int64_t number;
  if (!PyLong_CheckExact(object) || !readInt(asLong(object), &number)) return false;
  *value = static_cast<double>(number);
  return magnitudeOf(number) <= kExactInDouble;
}

bool floatOp(PyObject* left, PyObject* right, int kind, PyObject** result) {
  double a, b;
  if (!readDouble(left, &a) || !readDouble(right, &b)) return false;
  switch (kind) {
    case NB_ADD: *result = makeFloat(a + b); return true;
    case NB_SUBTRACT: *result = makeFloat(a - b); return true;
    case NB_MULTIPLY: *result = makeFloat(a * b); return true;
    case NB_TRUE_DIVIDE:
      if (b == 0.0) return false;
      *result = makeFloat(a / b);
      return true;
    default: return false;
  }
}

}  // namespace

namespace {

// Templates, since only some interpreters keep free ints, in a list like that of floats.
template <typename Interpreter>
PyObject* takeInt(Interpreter* interp, int64_t value) {
  if constexpr (kMaxFreeInts > 0) {
    auto& ints = interp->object_state.freelists.ints;  // linked by the first word
    bool immortal = value >= -_PY_NSMALLNEGINTS && value < _PY_NSMALLPOSINTS;
    bool one_digit = magnitudeOf(value) <= PyLong_MASK && !immortal;
    if (!one_digit || ints.freelist == nullptr) return PyLong_FromLongLong(value);
    PyObject* made = static_cast<PyObject*>(ints.freelist);
    ints.freelist = *reinterpret_cast<void**>(made);
    --ints.size;
    _Py_NewReference(made);  // the type is still there
    setValue(asLong(made), value, 1);
    return made;
  }
  return PyLong_FromLongLong(value);
}

template <typename Interpreter, typename Int>
void giveBackInt(Interpreter* interp, Int* number) {
  auto* object = reinterpret_cast<PyObject*>(number);
  if constexpr (kMaxFreeInts > 0) {
    bool traced = isTraced(_PyRuntime);
    bool listed = _PyLong_IsCompact(number) && !_PyLong_IsSmallInt(number);
    auto& ints = interp->object_state.freelists.ints;
    if (!traced && !_PyLong_IsCompact(number)) return PyObject_Free(object);
    if (traced || !listed || ints.size < 0 || ints.size >= kMaxFreeInts) return _Py_Dealloc(object);
    *reinterpret_cast<void**>(object) = ints.freelist;
    ints.freelist = object;
    ++ints.size;
  } else if (isTraced(_PyRuntime)) {
    _Py_Dealloc(object);
  } else {
    PyObject_Free(object);  // all that int's dealloc does
  }
}

}  // namespace

PyObject* makeInt(int64_t value) { return takeInt(interpreter(), value); }
void releaseInt(PyObject* object) { giveBackInt(interpreter(), asLong(object)); }

bool rewriteInt(PyObject* object, int64_t value) {
  if (Py_REFCNT(object) != 1) return false;
  int digits = digitsOf(magnitudeOf(value));
  if (digits < 2 || digits != _PyLong_DigitCount(asLong(object))) return false;
  setValue(asLong(object), value, digits);
  return true;
}

bool numberOp(PyObject* left, PyObject* right, int kind, PyObject** result) {
  if (kind >= NB_INPLACE_ADD && kind <= NB_INPLACE_XOR) kind -= NB_INPLACE_ADD;
  if (PyLong_CheckExact(left) && PyLong_CheckExact(right)) return intOp(left, right, kind, result);
  return (PyFloat_CheckExact(left) || PyFloat_CheckExact(right)) &&
         floatOp(left, right, kind, result);
}

}  // namespace tephra::py
