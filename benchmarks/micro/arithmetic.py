"""Micro-benchmarks of numbers."""

from .row import Row, group

ROWS = group(
    "operators on ints",
    Row("int_add", "adding small ints", "t = t + i", 499500),
    Row("int_subtract", "subtracting small ints", "t = t - i", -499500),
    Row("int_multiply", "multiplying small ints", "t += i * 3", 1498500),
    Row("int_floor_divide", "floor division of small ints", "t += i // 7", 70929),
    Row("int_modulo", "remainders of small ints", "t += i % 7", 2997),
    Row("int_true_divide", "true division of small ints", "t += i / 4", 124875.0),
    Row("int_power", "powers of small ints", "t += i ** 2", 332833500),
    Row("int_divmod", "divmod of small ints", "t += divmod(i, 7)[1]", 2997),
    Row("int_negative", "unary minus on small ints", "t += -i", -499500),
    Row("int_and_or_xor", "bitwise operators on small ints", "t += (i & 12 | 3) ^ 5", 7968),
    Row("int_shift", "shifts of small ints", "t += (i << 3) >> 1", 1998000),
    Row("int_invert", "inverting small ints", "t += ~i", -500500),
    Row("int_compare", "comparing small ints", """
        if i < 500:
            t += 1
        if i >= 300:
            t += 2
        if i == t:
            t += 4
        """, 1900),
    Row("int_compare_chain", "chained comparisons of small ints", "if 100 < i <= 900: t += 1", 800),
    Row("int_in_place", "in-place operators on small ints", "t += i; t -= 1; t ^= 1", 498500),
    Row("int_medium_add", "adding ints of 40 bits", "t += i; u += t & 255", 1099512255792,
        before="t = 1 << 40\nu = 0",
        result="t + u"),
    Row("int_medium_multiply", "products of 62 bits", "t += a * (i + 1) >> 20", 537407782912000,
        before="t = 0\na = 1 << 50"),
    Row("int_64_bits", "arithmetic modulo two to the 64th",
        "t = (t * 6364136223846793005 + i) & 0xFFFFFFFFFFFFFFFF", 16446656162735904812),
    Row("int_32_bits", "arithmetic modulo two to the 32nd",
        "t = (t * 1664525 + 1013904223) & 0xFFFFFFFF", 3926946568),
    Row("int_big_add", "adding ints of 100 bits", "t = t + i", 1267650600228229401496703704876,
        before="t = 1 << 100"),
    Row("int_big_multiply", "multiplying ints of 100 bits", "t += a * i", 633191474814000586047603251088808500,
        before="t = 0\na = (1 << 100) + 7"),
    Row("int_big_modulo", "remainders of ints of 200 bits", "t += (a + i) % 1000003", 974198500,
        before="t = 0\na = (1 << 200) + 7"),
    Row("int_big_compare", "comparing ints of 100 bits", "if a < b: t += 1", 1000,
        before="t = 0\na = 1 << 100\nb = a + 1"),
    Row("int_big_shift", "shifts of ints of 100 bits", "t += (a >> (i & 63)) & 255", 127500,
        before="t = 0\na = (1 << 100) // 3"),
    Row("int_to_str", "turning ints into str and back", "t += int(str(i))", 499500, size=2000),
    Row("int_min_max", "min and max of two ints", "t += min(i, 500) + max(i, 500)", 999500, size=2500),
    Row("int_abs", "abs of ints", "t += abs(i - 500)", 250000),
    Row("int_sum_of_bools", "adding comparison results", "t += (i > 500) + (i % 2 == 0)", 999),
) + group(
    "operators on bools and None",
    Row("bool_not", "not", "t = not t", False, before="t = False"),
    Row("bool_and_or", "and and or", "t += (i > 10 and i < 990) or (i == 5)", 980),
    Row("bool_truth", "truth of ints, strs, lists and None", """
        if i: t += 1
        if s: t += 1
        if x: t += 1
        if not z: t += 1
        """, 3999, before="t, s, x, z = 0, 'a', [1], None"),
    Row("bool_is_none", "is None and is not None", """
        if a is None: t += 1
        if b is not None: t += 2
        """, 3000, before="t, a, b = 0, None, 5"),
    Row("bool_conditional", "conditional expressions", "t += 1 if i & 1 else 2", 1500),
) + group(
    "operators on floats",
    Row("float_add", "adding floats", "t += a; a += 0.5", 250750.0, before="t, a = 0.0, 1.0"),
    Row("float_subtract", "subtracting floats", "t -= a - 0.25", -750.0, before="t, a = 0.0, 1.0"),
    Row("float_multiply", "multiplying floats", "a *= 1.0078125; t += a * 0.5", 154567.8535463833,
        before="t, a = 0.0, 1.0"),
    Row("float_divide", "dividing floats", "t += 1.0 / a; a += 1.0", 7.485470860550343, before="t, a = 0.0, 1.0"),
    Row("float_floor_divide", "floor division of floats", "t += a // 3.0; a += 1.5", 249500.0,
        before="t, a = 0.0, 1.0"),
    Row("float_modulo", "remainders of floats", "t += a % 3.0; a += 1.5", 1750.0, before="t, a = 0.0, 1.0"),
    Row("float_power", "squares of floats", "t += a ** 2.0; a += 0.5", 83708875.0, before="t, a = 0.0, 1.0"),
    Row("float_negative", "unary minus on floats", "t = -t + a", 0.0, before="t, a = 0.0, 1.0"),
    Row("float_compare", "comparing floats", """
        if a < 500.0: t += 1.0
        if a == 7.0: t += 2.0
        a += 1.0
        """, 501.0, before="t, a = 0.0, 1.0"),
    Row("float_with_int", "mixing floats and ints", "t += a * i + 1", 250750.0, before="t, a = 0.0, 0.5"),
    Row("float_to_int", "turning floats into ints and back", "t += int(a) + float(i); a += 0.75", 874250.0,
        before="t, a = 0.0, 0.5", size=3000),
    Row("float_round", "rounding floats", "t += round(a) + abs(-a); a += 0.75", 750250.0, before="t, a = 0.0, 0.5",
        size=2500),
    Row("float_math", "functions of the math module", "t += math.sqrt(a) + math.floor(a); a += 1.0", 521597.455887,
        before="t, a = 0.0, 1.0", setup="import math", result="round(t, 6)", size=3000),
    Row("complex_multiply", "multiplying complex numbers", "t = t * a + 1", (1+1j), before="t, a = 0j, 0.5 + 0.5j"),
)
