"""Functions that are made and dropped all the time: only the first few of a code object are listed one by one."""

import gc
import os
import subprocess
import sys
import textwrap
import weakref

from support import SLOWER, load

from tephra import _tephra, jit

MANY = 40


def closures(count=MANY):
    namespace, make = load("def make(k):\n    def inner(x): return x + k\n    return inner", "make")
    return make, [make(k) for k in range(count)]


def test_closures_made_later_are_compiled():
    make, inner = closures()
    assert jit.force_compile(inner[0])
    later = [make(k) for k in range(MANY)]
    assert all(jit.is_jit_compiled(function) for function in later)
    assert [function(1) for function in later] == [k + 1 for k in range(MANY)]
    assert set(later) <= set(jit.get_compiled_functions())


def test_automatic_mode_compiles_all_and_takes_all_out_again():
    """In a process of its own: it switches the JIT on and off."""
    source = """
        from tephra import jit
        def make(k):
            def inner(x): return x + k
            return inner
        before = [make(k) for k in range(40)]
        for i in range(5): before[30](1)
        def compiled(functions): return [jit.is_jit_compiled(f) for f in functions]
        assert all(compiled(before)), compiled(before)
        after = [make(k) for k in range(40)]
        assert all(compiled(after)), compiled(after)
        everything = before + after
        assert set(everything) <= set(jit.get_compiled_functions())
        def right(): return all(f(1) == k % 40 + 1 for k, f in enumerate(everything))
        assert right()
        jit.disable(deopt_all=True)
        assert not any(compiled(everything))
        assert right()
        jit.enable()
        everything += [make(k) for k in range(40)]
        for i in range(5): assert right()
        assert all(compiled(everything))
    """
    result = subprocess.run([sys.executable, "-c", textwrap.dedent(source)], capture_output=True, text=True,
                            timeout=100 * SLOWER, env={**os.environ, "TEPHRA": "1", "TEPHRA_COMPILE_AFTER": "3"})
    assert result.returncode == 0, result.stderr


def test_uncompiling_reaches_all():
    make, first = closures(1)
    assert jit.force_compile(first[0])
    inner = [make(k) for k in range(MANY)]
    assert all(jit.is_jit_compiled(function) for function in inner)
    assert jit.force_uncompile(inner[MANY - 1])
    assert not any(jit.is_jit_compiled(function) for function in inner + first)
    assert [function(1) for function in inner] == [k + 1 for k in range(MANY)]
    assert not set(inner) & set(jit.get_compiled_functions())


def test_relearning_reaches_all():
    _tephra.set_option("recompile-after", "5")
    try:
        make, first = closures(1)
        for _ in range(40):
            first[0](1)
        assert jit.force_compile(first[0])
        inner = [make(k) for k in range(MANY)]
        for _ in range(20):
            assert inner[0](0.5) == 0.5
        assert not any(jit.is_jit_compiled(function) for function in inner)  # all of them gather feedback
        for _ in range(10):
            for k, function in enumerate(inner):
                assert function(0.5) == k + 0.5
        assert all(jit.is_jit_compiled(function) for function in inner)
    finally:
        _tephra.set_option("recompile-after", "1000000000")


def test_dropped_closures_leave_nothing():
    make, first = closures(1)
    assert jit.force_compile(first[0])
    alive = [make(k) for k in range(MANY)]
    gone = [weakref.ref(function) for function in alive]
    listed = len(jit.get_compiled_functions())
    del alive
    gc.collect()
    assert not any(ref() for ref in gone)
    for _ in range(10 * MANY):  # at the same addresses
        assert make(5)(1) == 6
    assert len(jit.get_compiled_functions()) <= listed - MANY


def test_code_of_an_unlisted_closure_changes():
    make, first = closures(1)
    assert jit.force_compile(first[0])
    inner = [make(k) for k in range(MANY)]

    def other(k):
        def inner(x): return x * k
        return inner
    inner[-1].__code__ = other(0).__code__
    assert inner[-1](3) == 3 * (MANY - 1)
    assert inner[-2](3) == 3 + MANY - 2
    assert not jit.is_jit_compiled(inner[-1])
    assert jit.is_jit_compiled(inner[-2])


def test_callers_of_a_closure_notice_its_end():
    namespace, use = load("""
        def make(k):
            def inner(x): return x + k
            return inner
        many = [make(k) for k in range(40)]
        g = make(1)
        def use(x): return g(x)
        """, "use")
    for _ in range(40):
        use(1)
    assert jit.force_compile(namespace["g"]) and jit.force_compile(use)
    assert use(1) == 2
    namespace["g"] = namespace["make"](10)
    gc.collect()
    for _ in range(100):
        assert use(1) == 11


def test_frozen_functions_are_found():
    """gc.freeze() sets objects apart where CPython 3.12's PyUnstable_GC_VisitObjects does not look."""
    source = """
        import gc
        from tephra import jit
        def make(k):
            def inner(x): return x + k
            return inner
        before = [make(k) for k in range(40)]
        gc.freeze()
        {switch_on}
        assert [f(1) for f in before] == list(range(1, 41))
        {compile}
        assert [f(1) for f in before] == list(range(1, 41))
        assert all(map(jit.is_jit_compiled, before)) and set(before) <= set(jit.get_compiled_functions())
        jit.force_uncompile(before[0])
        assert not any(map(jit.is_jit_compiled, before)), jit.get_compiled_functions()
        assert [f(1) for f in before] == list(range(1, 41))
        print("done")
        """
    for switch_on, compile_, after in [("jit.enable(); jit.compile_after_n_calls(0)", "pass", "0"), ("pass", "assert jit.force_compile(before[0])", "1000000")]:
        program = textwrap.dedent(source).format(switch_on=switch_on, compile=compile_)
        env = {**os.environ, "TEPHRA": "1", "TEPHRA_COMPILE_AFTER": after}
        if after == "0":
            del env["TEPHRA"], env["TEPHRA_COMPILE_AFTER"]
        done = subprocess.run([sys.executable, "-c", program], text=True, capture_output=True, env=env, check=False, timeout=60 * SLOWER)
        assert done.stdout == "done\n", done.stdout + done.stderr
