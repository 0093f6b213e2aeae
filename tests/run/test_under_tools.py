"""Tools and other frame evaluators come and go: compiled code is not taken out, compiled again or left because of that,
every event comes as in the interpreter, and calls meanwhile cost what they cost there.

Mode: force_compile. Each scenario runs on a compiled module and on an equal one that is never compiled.
"""

import ctypes
import sys
import time

import pytest
from support import EXIT_RATE, frame_evaluator, functions_of, load

from tephra import _tephra, jit

M = sys.monitoring
E = M.events
TOOL = 3

SOURCE = """
def leaf(x, y=1):
    if x % 2:
        return x + y
    return x - y

def loop(n):
    total = 0
    for i in range(n):
        total += leaf(i)
    return total

def toggling(n, toggle):
    total = 0
    for i in range(n):
        toggle()
        total += leaf(i)
    return total

def catching(n):
    total = 0
    for i in range(n):
        try:
            if i % 3 == 0:
                raise ValueError(i)
            total += leaf(i)
        except ValueError:
            total += 100
    return total

class Point:
    def __init__(self, x):
        self.x = x
    def method(self, k):
        return leaf(self.x, k)

def objects(n):
    return sum(Point(i).method(2) for i in range(n))
"""


class Modules:
    def __init__(self):
        self.plain, self.compiled = load(SOURCE, "loop")[0], load(SOURCE, "loop")[0]
        for function in functions_of(self.plain):
            jit.jit_suppress(function)
        for name in ("loop", "catching", "objects"):
            self.compiled[name](6)
        for function in functions_of(self.compiled):
            jit.force_compile(function)
        self.functions = [f for f in functions_of(self.compiled) if jit.is_jit_compiled(f)]
        assert len(self.functions) >= 6
        self.recompiles = self.counted()
        _tephra.clear_runtime_stats()

    def counted(self):
        return _tephra.totals()["functions"]

    def exits(self):
        return {(row["function"], row["reason"]): row["count"] for row in _tephra.runtime_stats()
                if row["kind"] == "deopt"}

    def check(self):
        assert self.counted() == self.recompiles
        assert all(map(jit.is_jit_compiled, self.functions)), [f.__name__ for f in self.functions
                                                               if not jit.is_jit_compiled(f)]


@pytest.fixture
def modules():
    yield Modules()
    sys.settrace(None)
    sys.setprofile(None)
    if M.get_tool(TOOL):
        for event in (E.PY_START, E.LINE, E.PY_RETURN):
            M.register_callback(TOOL, event, None)
        M.set_events(TOOL, 0)
        M.free_tool_id(TOOL)
    _tephra.poll_tools()


def ignore(*args):
    return None


def by_trace():
    sys.settrace(ignore)
    sys.settrace(None)


def by_profile():
    sys.setprofile(ignore)
    sys.setprofile(None)


def by_monitoring():
    M.use_tool_id(TOOL, "test")
    M.set_events(TOOL, E.PY_START | E.LINE | E.RAISE)
    M.set_events(TOOL, 0)
    M.free_tool_id(TOOL)


TOGGLES = {"trace": by_trace, "profile": by_profile, "monitoring": by_monitoring}


@pytest.mark.parametrize("name", TOGGLES)
def test_a_tool_that_came_and_went_takes_no_exit(modules, name):
    for _ in range(50):
        TOGGLES[name]()
        for function in ("loop", "objects"):
            assert modules.compiled[function](9) == modules.plain[function](9)
    assert modules.exits() == {}
    modules.check()


@pytest.mark.parametrize("name", TOGGLES)
def test_a_tool_that_comes_and_goes_in_a_callee_takes_no_exit(modules, name):
    want = modules.plain["toggling"](40, TOGGLES[name])
    assert modules.compiled["toggling"](40, TOGGLES[name]) == want
    assert modules.exits() == {}
    modules.check()


def events_of(namespace, setter, n):
    """What a function of sys.settrace or sys.setprofile is told of the module's functions."""
    events = []

    def hook(frame, event, arg):
        if frame.f_code.co_filename == "<case>":
            events.append((event, frame.f_code.co_name, frame.f_lineno))
        return hook

    setter(hook)
    try:
        namespace["loop"](n), namespace["catching"](n), namespace["objects"](n)
    finally:
        setter(None)
    return events


@pytest.mark.parametrize("setter", [sys.settrace, sys.setprofile])
def test_events_are_the_interpreters_and_code_is_used_again(modules, setter):
    for n in (5, 40, 7):
        want = events_of(modules.plain, setter, n)
        assert events_of(modules.compiled, setter, n) == want and want
        for function in ("loop", "catching", "objects"):
            for _ in range(3):  # the first call brings the bytecode up to date
                assert modules.compiled[function](n) == modules.plain[function](n)
        assert not any(reason == "InstrumentationChanged" for _, reason in modules.exits()), modules.exits()
    modules.check()


def test_disabled_events_leave_the_code_in_use(modules):
    # As coverage does: starts of all code, lines of the code that is measured, each place once.
    log = []

    def start(code, offset):
        if code.co_filename == "<case>":
            log.append(("start", code.co_name))
            M.set_local_events(TOOL, code, E.LINE | E.PY_RETURN)
        return M.DISABLE

    def line(code, number):
        log.append(("line", code.co_name, number))
        return M.DISABLE

    def leave(code, offset, value):
        log.append(("return", code.co_name, offset))
        return M.DISABLE

    def covered(namespace, between=ignore):
        log.clear()
        M.use_tool_id(TOOL, "test")
        M.register_callback(TOOL, E.PY_START, start)
        M.register_callback(TOOL, E.LINE, line)
        M.register_callback(TOOL, E.PY_RETURN, leave)
        M.set_events(TOOL, E.PY_START)
        try:
            for n in (1, 1, 2, 7, 7, 7, 7, 7, 7, 7):
                log.append(namespace["loop"](n))
            between(namespace)
            M.restart_events()
            log.append(namespace["loop"](7))
            for _ in range(9):
                log.append(namespace["loop"](7))
            between(namespace)
        finally:
            for function in functions_of(namespace):
                M.set_local_events(TOOL, function.__code__, 0)
            M.set_events(TOOL, 0)
            M.free_tool_id(TOOL)
        return list(log)

    used = []
    want = covered(modules.plain)
    have = covered(modules.compiled, lambda namespace: used.append(
        [jit.is_jit_compiled(namespace[name]) for name in ("loop", "leaf")]))
    assert have == want
    assert ("line", "leaf", 4) in want and want.count(("line", "leaf", 4)) == 2
    assert used == [[True, True], [True, True]]
    for _ in range(3):
        assert modules.compiled["loop"](9) == modules.plain["loop"](9)
    modules.check()


def test_events_of_all_code_give_the_interpreter_its_calls_back(modules):
    starts = []
    M.use_tool_id(TOOL, "test")
    M.register_callback(TOOL, E.PY_START, lambda code, offset: starts.append(code.co_name))
    M.set_events(TOOL, E.PY_START)
    modules.compiled["loop"](5000)
    assert starts == ["loop"] + 5000 * ["leaf"]
    assert not jit.is_jit_compiled(modules.compiled["leaf"])
    del starts[:]
    modules.compiled["loop"](50)
    assert starts == ["loop"] + 50 * ["leaf"]
    M.set_events(TOOL, 0)
    M.free_tool_id(TOOL)
    for _ in range(3):
        assert modules.compiled["loop"](50) == modules.plain["loop"](50)
    modules.check()


def test_little_code_between_calls_of_what_a_tool_keeps_interpreted_goes_aside(modules):
    """As under coverage: a function with a line that never ran is interpreted, and loses by calls of compiled ones."""
    lines = []

    def line(code, number):
        lines.append((code.co_name, number))
        return M.DISABLE

    _, caller = load("""
def caller(leaf, n, odd):
    total = 0
    for i in range(n):
        total += leaf(i)
        if odd:
            total = -1
    return total
""", "caller")
    leaf = modules.compiled["leaf"]
    assert jit.force_compile(caller)
    modules.recompiles += 1
    _tephra.set_option("exit-rate", EXIT_RATE)
    try:
        M.use_tool_id(TOOL, "test")
        M.register_callback(TOOL, E.LINE, line)
        M.set_local_events(TOOL, caller.__code__, E.LINE)
        caller(leaf, 40_000, False)
        assert jit.is_jit_compiled(leaf)  # it might have been the last time that there was an event
        for n in range(20):
            assert caller(leaf, n, False) == caller(modules.plain["leaf"], n, False)
        caller(leaf, 40_000, False)
        assert not jit.is_jit_compiled(leaf)
        _tephra.poll_tools()
        assert not jit.is_jit_compiled(leaf)
        assert caller(leaf, 1001, False) == caller(modules.plain["leaf"], 1001, False)
        assert caller(leaf, 3, True) == -1
        assert sorted({number for _, number in lines}) == [3, 4, 5, 6, 7, 8]
        M.set_local_events(TOOL, caller.__code__, 0)
        M.free_tool_id(TOOL)
        assert caller(leaf, 1000, False) == caller(modules.plain["leaf"], 1000, False)
        assert jit.is_jit_compiled(leaf) and jit.is_jit_compiled(caller)
    finally:
        _tephra.set_option("exit-rate", "0")
    modules.check()


def test_a_function_gets_no_version_of_its_old_defaults_back(modules):
    leaf, calls = modules.compiled["leaf"], []
    caller = load("def caller(f): return [f(3) for _ in range(20)]", "caller")[1]
    jit.jit_suppress(caller)
    jit.jit_suppress(leaf)
    assert caller(leaf) == 20 * [4]  # the site is specialised for one default
    jit.jit_unsuppress(leaf)
    assert jit.force_compile(leaf)
    leaf.__defaults__ = None
    jit.jit_suppress(leaf)
    with pytest.raises(TypeError):
        caller(leaf)
    leaf.__defaults__ = (5,)
    assert caller(leaf) == 20 * [8], calls


@pytest.fixture(scope="module")
def evaluator(tmp_path_factory):
    return ctypes.PyDLL(frame_evaluator(tmp_path_factory.mktemp("evaluator")))


def test_another_evaluator_gets_every_frame_and_nothing_is_counted(modules, evaluator):
    fresh = load("def fresh(x): return x + 1", "fresh")[1]
    fresh(1)
    counted = jit.count_interpreted_calls(fresh)
    frames = {}
    for which in ("plain", "compiled"):
        namespace = getattr(modules, which)
        evaluator.install(1)
        try:
            before = evaluator.count()
            result = namespace["loop"](3000), namespace["objects"](10), [fresh(i) for i in range(20)]
            frames[which] = evaluator.count() - before, result
        finally:
            evaluator.install(0)
    assert frames["plain"] == frames["compiled"] and frames["plain"][0] > 3000
    assert jit.count_interpreted_calls(fresh) == counted
    assert not jit.is_jit_compiled(modules.compiled["leaf"])  # it stepped aside
    _tephra.poll_tools()
    assert modules.compiled["loop"](9) == modules.plain["loop"](9)
    assert modules.exits() == {}
    modules.check()


def test_an_evaluator_that_comes_and_goes_takes_nothing_out(modules, evaluator):
    for _ in range(100):
        evaluator.install(1)
        assert modules.compiled["loop"](4) == modules.plain["loop"](4)
        evaluator.install(0)
        assert modules.compiled["loop"](4) == modules.plain["loop"](4)
        modules.check()
    assert modules.exits() == {}


def best_ratio(plain, compiled, rounds, good):
    """CPU time of the second by that of the first, each at its best; more rounds until it is good."""
    best = {plain: float("inf"), compiled: float("inf")}
    for _ in range(rounds):
        for function in (plain, compiled):
            start = time.thread_time()
            function()
            best[function] = min(best[function], time.thread_time() - start)
        if best[compiled] <= good * best[plain]:
            break
    return best[compiled] / best[plain]


def test_calls_under_another_evaluator_cost_what_they_cost_the_interpreter(modules, evaluator):
    evaluator.install(1)
    try:
        # Fewer calls than make them step aside: that costs still less.
        ratio = best_ratio(lambda: modules.plain["loop"](150), lambda: modules.compiled["loop"](150), 12, 1.1)
    finally:
        evaluator.install(0)
        _tephra.poll_tools()
    assert ratio <= 1.1, ratio
