"""A code cache that is far too small: functions stay interpreted and say why, memory is used again."""

import gc

import pytest
from support import load

from tephra import _tephra, jit

ROOM = 24 * 1024


@pytest.fixture
def tiny():
    """A limit that leaves ROOM bytes. 0 afterwards: no limit."""
    gc.collect()
    jit.set_max_code_size(_tephra.allocator_stats()["used_bytes"] + ROOM)
    yield
    jit.set_max_code_size(0)


def compiled(function):
    """Compiles a function; False where there is no room."""
    return _tephra.force_compile(function) == ""


def source(number):
    return f"""
        def f(n):
            total = {number}
            for i in range(n):
                total += i * {number} - len(str(total)) + [i, (i, total)][0]
            return total
    """


def expected(number, n):
    namespace, function = load(source(number))
    return function(n)


def test_a_full_cache_refuses_and_the_program_goes_on(tiny):
    made = [load(source(number))[1] for number in range(60)]
    found_room = [compiled(function) for function in made]
    assert any(found_room) and not all(found_room)
    assert found_room == [jit.is_jit_compiled(function) for function in made]
    assert [function(7) for function in made] == [expected(number, 7) for number in range(60)]
    reasons = {_tephra.force_compile(function) for function, done in zip(made, found_room) if not done}
    reasons.discard("")  # it has run since: its code may be shorter, and fit into what was left
    assert len(reasons) == 1 and "code memory" in reasons.pop()
    jit.set_max_code_size(0)
    assert all(compiled(function) for function in made)
    assert [function(7) for function in made] == [expected(number, 7) for number in range(60)]


def test_memory_of_dead_functions_is_used_again(tiny):
    for number in range(200):
        namespace, function = load(source(number))
        assert compiled(function), f"function {number} of 200 found no room"
        assert function(5) == expected(number, 5)
        del namespace, function
        gc.collect()


def test_a_recompiled_function_that_finds_no_room_goes_on_interpreted(tiny):
    fill = []
    while True:
        namespace, function = load(source(len(fill)))
        if not compiled(function):
            break
        fill.append((namespace, function))
    assert fill and not jit.is_jit_compiled(function)
    assert function(9) == expected(len(fill), 9)
    for number, (_, each) in enumerate(fill):
        assert each(9) == expected(number, 9)


def test_what_is_only_shown_takes_no_room():
    namespace, function = load(source(1))
    assert compiled(function)
    used = _tephra.allocator_stats()["used_bytes"]
    for _ in range(20):
        assert _tephra.dump(function, "asm")
    assert _tephra.allocator_stats()["used_bytes"] == used
