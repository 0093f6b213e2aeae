"""Local events of sys.monitoring act at once on compiled functions: what a tool sees is what it sees in the interpreter.

Mode: force_compile, unless a test says otherwise. Each scenario runs on a compiled module and on an equal one that is
never compiled, in this process; what the tools were told must be the same, offsets and arguments included.
"""

import functools
import gc
import os
import subprocess
import sys
import textwrap
import threading
import time

import pytest
from support import SLOWER, functions_of, load

from tephra import _tephra, jit

M = sys.monitoring
E = M.events
TOOL = 3
KINDS = ["PY_START", "PY_RESUME", "PY_RETURN", "PY_YIELD", "CALL", "LINE", "INSTRUCTION", "JUMP", "STOP_ITERATION"]
KINDS += ["BRANCH_LEFT", "BRANCH_RIGHT"] if hasattr(E, "BRANCH_LEFT") else ["BRANCH"]

SOURCE = """
def leaf(x):
    if x % 2:
        y = x + 1
    else:
        y = x
    for i in range(2):
        y += i
    return y

def other(x):
    return x

def numbers(n):
    for i in range(n):
        yield i

def loop(n, at=-1, action=None, after=-1):
    total = 0
    for i in range(n):
        if i == at or i == after:
            action()
        total += leaf(i)
        if i % 3:
            total += other(i)
    return total

def recursive(n, at=-1, action=None):
    if n == at:
        action()
    if n == 0:
        return 0
    return n + recursive(n - 1, at, action)

def over(n, at, action):
    total = 0
    for i in numbers(n):
        if i == at:
            action()
        total += i
    return total

def while_loop(flag):
    n = 0
    while not flag[0]:
        n += 1
    return n

def handed(n, at, leave, enter):
    total = 0
    for i in range(n):
        if i == at:
            leave()
            enter()
        total += leaf(i)
    return total

def catching(n, at, action):
    total = 0
    for i in range(n):
        try:
            if i == at:
                action()
            total += 1
        except ValueError:
            total += 100
        total += i
    return total

class Made:
    def __init__(self, x):
        self.x = x
    @property
    def twice(self):
        return 2 * self.x
    def method(self, x, *, k=1):
        return self.x + x + k
    def __eq__(self, other):
        other()
        return self.x == 1

def make_all(n, at, action):
    total = 0
    for i in range(n):
        if i == at:
            action()
        made = Made(i)
        total += made.twice + made.method(i) + made.method(i, k=3)
    return total

def compares(n, made, action):
    found = 0
    for i in range(n):
        if made == action:
            found += 1
        found += 2
    return found

def makes(n, at, action):
    def inner(x):
        return x + n
    total = 0
    for i in range(n):
        def fresh(x):
            return x + i
        if i == at:
            action(fresh.__code__, inner.__code__)
        total += inner(i) + fresh(i)
    return total

def nine(a, b, c, d, e, f, g, h, i):
    return a + i

def rest(*args, **kw):
    return args, kw
"""


class Modules:
    """The source twice: compiled, and not."""

    def __init__(self, source=SOURCE):
        self.plain, self.compiled = load(source, "loop")[0], load(source, "loop")[0]
        for function in functions_of(self.plain):
            jit.jit_suppress(function)
        for namespace in (self.plain, self.compiled):
            warm(namespace)
        for function in functions_of(self.compiled):
            if function.__name__ != "numbers":
                assert jit.force_compile(function), function
        self.assert_compiled()
        warm(self.compiled)

    def assert_compiled(self):
        for function in functions_of(self.compiled):
            assert jit.is_jit_compiled(function) == (function.__name__ != "numbers"), function
        assert not any(map(jit.is_jit_compiled, functions_of(self.plain)))

    def same(self, scenario):
        """Run the scenario on both; give what the tool saw."""
        wanted, got = (observed(scenario, namespace) for namespace in (self.plain, self.compiled))
        assert got == wanted
        return wanted


def warm(namespace):
    def nothing(*args):
        pass

    for _ in range(20):
        namespace["loop"](4, 2, nothing)
        namespace["recursive"](3)
        namespace["over"](3, 2, nothing)
        namespace["make_all"](3, 2, nothing)
        namespace["makes"](3, 2, nothing)
        namespace["compares"](3, namespace["Made"](1), nothing)
        namespace["handed"](3, 1, nothing, nothing)
        namespace["catching"](3, 1, nothing)


def code_of(namespace, name):
    for part in name.split("."):
        namespace = namespace[part] if isinstance(namespace, dict) else getattr(namespace, part)
    return getattr(namespace, "fget", namespace).__code__


class Tool:
    """Records the events of one tool; callbacks may do more."""

    def __init__(self, tool, seen):
        self.id, self.seen, self.then, self.codes = tool, seen, {}, []
        M.use_tool_id(tool, f"test {tool}")
        for kind in KINDS:
            M.register_callback(tool, getattr(E, kind), functools.partial(self.record, kind))

    def record(self, kind, code, *rest):
        self.seen.append((self.id, kind, code.co_name, *map(plain, rest)))
        if kind in self.then:
            return self.then[kind](code, *rest)

    def set(self, code, *kinds):
        self.codes.append(code)
        M.set_local_events(self.id, code, functools.reduce(int.__or__, (getattr(E, kind) for kind in kinds), 0))

    def end(self):
        for code in self.codes:
            M.set_local_events(self.id, code, 0)
        for kind in KINDS:
            M.register_callback(self.id, getattr(E, kind), None)
        M.free_tool_id(self.id)


def plain(value):
    if isinstance(value, (int, str, float)):
        return value
    return getattr(value, "__name__", type(value).__name__)


def observed(scenario, namespace):
    seen = []
    tool = Tool(TOOL, seen)
    try:
        result = scenario(tool, namespace)
    finally:
        tool.end()
    return seen, result


@pytest.fixture(scope="module")
def shared():
    return Modules()


@pytest.fixture
def modules(shared):
    """Still compiled, and by the same units, after each test: events suspend, they do not throw away."""
    before = addresses(shared)
    shared.assert_compiled()
    yield shared
    shared.assert_compiled()
    assert addresses(shared) == before


def addresses(modules):
    return {f.__qualname__: jit.is_jit_compiled(f) and _tephra.function_info(f)["code_address"]
            for f in functions_of(modules.compiled)}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", ["leaf", "loop", "numbers", "recursive"])
def test_in_later_calls(modules, kind, name):
    """Where the function cannot have such events, its compiled code stays in use."""
    generator, loops = name == "numbers", name != "recursive"
    possible = {"PY_RESUME": generator, "PY_YIELD": generator, "JUMP": loops, "STOP_ITERATION": loops}.get(kind, True)

    def scenario(tool, namespace):
        compiled = jit.is_jit_compiled(namespace[name])
        tool.set(code_of(namespace, name), kind)
        assert jit.is_jit_compiled(namespace[name]) == (compiled and not possible)
        first = namespace["loop"](4), namespace["recursive"](3), namespace["over"](3, -1, None)
        tool.set(code_of(namespace, name))
        count = len(tool.seen)
        assert (namespace["loop"](4), namespace["recursive"](3), namespace["over"](3, -1, None)) == first
        return first, len(tool.seen) - count

    seen, (_, late) = modules.same(scenario)
    assert late == 0
    always = {"PY_START", "PY_RETURN", "LINE", "INSTRUCTION"}
    if kind in always or name == "numbers" and kind in ("PY_RESUME", "PY_YIELD"):
        assert seen


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", ["leaf", "loop", "other"])
@pytest.mark.parametrize("until", [-1, 5])
def test_set_in_a_running_loop(modules, kind, name, until):
    """The loop sets the events of itself, or of a callee, and perhaps takes them away again."""
    def scenario(tool, namespace):
        kinds = [kind]
        def action():
            tool.set(code_of(namespace, name), *kinds)
            kinds.clear()
        return namespace["loop"](9, 3, action, until)

    seen, _ = modules.same(scenario)
    runs = {"PY_START", "PY_RETURN", "LINE", "INSTRUCTION"} if name != "loop" else {"LINE", "INSTRUCTION"}
    assert seen or kind not in runs


@pytest.mark.parametrize("kind", ["PY_START", "LINE", "PY_RETURN", "INSTRUCTION"])
def test_set_in_a_recursion(modules, kind):
    modules.same(lambda tool, namespace: namespace["recursive"](
        9, 4, lambda: tool.set(code_of(namespace, "recursive"), kind)))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", ["over", "numbers"])
def test_generators_as_callees(modules, kind, name):
    modules.same(lambda tool, namespace: namespace["over"](6, 2, lambda: tool.set(code_of(namespace, name), kind)))


@pytest.mark.parametrize("kind", ["PY_START", "PY_RETURN", "LINE"])
@pytest.mark.parametrize("name", ["Made.__init__", "Made.twice", "Made.method", "make_all"])
def test_methods_properties_and_constructors(modules, kind, name):
    seen, _ = modules.same(
        lambda tool, namespace: namespace["make_all"](6, 2, lambda: tool.set(code_of(namespace, name), kind)))
    assert seen or (name, kind) == ("make_all", "PY_START")


@pytest.mark.parametrize("kind", KINDS)
def test_set_by_an_operator(modules, kind):
    """The event comes in the middle of an instruction that calls nothing by its looks."""
    def scenario(tool, namespace):
        left = [2]
        def action():
            left[0] -= 1
            if left[0] == 0:
                tool.set(code_of(namespace, "compares"), kind)
        return namespace["compares"](5, namespace["Made"](1), action)

    modules.same(scenario)


@pytest.mark.parametrize("kind", ["PY_START", "LINE", "PY_RETURN", "CALL"])
def test_functions_that_the_loop_makes(modules, kind):
    def scenario(tool, namespace):
        def action(*codes):
            for code in codes:
                tool.set(code, kind)
        return [namespace["makes"](6, 3, action), namespace["makes"](6, 3, action)]

    modules.same(scenario)


def test_calls_from_c(modules):
    def scenario(tool, namespace):
        for name in ("leaf", "nine", "rest", "Made.method"):
            tool.set(code_of(namespace, name), "LINE", "PY_RETURN")
        leaf, nine, made = namespace["leaf"], namespace["nine"], namespace["Made"](4)
        return [list(map(leaf, range(3))), sorted([3, 1, 2], key=leaf), functools.partial(nine, 1, 2)(3, 4, 5, 6, 7, 8, 9),
                nine(*range(9)), nine(*range(8), i=3), namespace["rest"](1, 2, k=3), made.method(1), made.method(x=2, k=4),
                list(map(made.method, [1, 2]))]

    modules.same(scenario)


class Toggling(str):
    """A keyword whose comparison with the parameters' names sets events: the arguments are being bound then."""

    def __hash__(self):
        return super().__hash__()

    def __eq__(self, other):
        self.action()
        return super().__eq__(other)


def test_set_while_arguments_are_bound(modules):
    def scenario(tool, namespace):
        method, made = namespace["Made"].method, namespace["Made"](4)
        names = []
        for kind in ("PY_START", "LINE"):
            tool.set(method.__code__)
            keyword = Toggling("k")
            keyword.action = lambda: tool.set(method.__code__, kind)
            names.append(method(made, 1, **{keyword: 2}))
        return names

    seen, _ = modules.same(scenario)
    assert {kind for _, kind, *_ in seen} == {"PY_START", "LINE"}


def test_errors_of_the_call_are_the_interpreters(modules):
    def scenario(tool, namespace):
        tool.set(code_of(namespace, "leaf"), "PY_START")
        messages = []
        for args in ((), (1, 2), ("a",)):
            try:
                namespace["leaf"](*args)
            except TypeError as error:
                messages.append(str(error))
        return messages

    modules.same(scenario)


def test_set_by_another_thread(modules):
    """The thread is let in where compiled code calls something that gives the interpreter's lock away."""
    def scenario(tool, namespace):
        go, done = threading.Lock(), threading.Lock()
        go.acquire()
        done.acquire()
        def work():
            go.acquire()
            tool.set(code_of(namespace, "handed"), "LINE")
            tool.set(code_of(namespace, "leaf"), "PY_START", "PY_RETURN")
            done.release()
        thread = threading.Thread(target=work)
        thread.start()
        result = namespace["handed"](6, 3, go.release, done.acquire)
        thread.join()
        return result

    seen, _ = modules.same(scenario)
    assert {kind for _, kind, *_ in seen} == {"LINE", "PY_START", "PY_RETURN"}


def test_set_on_another_threads_frames(modules):
    """Recursive frames of a thread that waits."""
    def scenario(tool, namespace):
        inside, done = threading.Lock(), threading.Lock()
        inside.acquire()
        done.acquire()
        def wait():
            inside.release()
            done.acquire()
        result = []
        thread = threading.Thread(target=lambda: result.append(namespace["recursive"](6, 2, wait)))
        thread.start()
        inside.acquire()
        tool.set(code_of(namespace, "recursive"), "PY_RETURN")
        done.release()
        thread.join()
        return result

    seen, _ = modules.same(scenario)
    assert len(seen) == 7


@pytest.mark.parametrize("kind", ["LINE", "JUMP", "INSTRUCTION"])
def test_a_loop_that_calls_nothing_looks_at_its_polls(modules, kind):
    namespace, seen, flag = modules.compiled, [], [False]
    tool = Tool(TOOL, seen)
    def work():
        time.sleep(0.02)
        tool.set(code_of(namespace, "while_loop"), kind)
        end = time.monotonic() + 20 * SLOWER
        while not seen and time.monotonic() < end:
            time.sleep(0.01)
        flag[0] = True
    thread = threading.Thread(target=work)
    try:
        thread.start()
        assert namespace["while_loop"](flag) > 0
        thread.join()
    finally:
        tool.end()
    assert seen


def test_callbacks_that_change_events(modules):
    def scenario(tool, namespace):
        leaf = code_of(namespace, "leaf")
        lines = []
        def started(code, offset):
            tool.set(leaf, "PY_START", "LINE")
        def line(code, number):
            lines.append(number)
            if len(lines) % 3 == 0:
                tool.set(leaf, "PY_START")
        tool.then = {"PY_START": started, "LINE": line}
        tool.set(leaf, "PY_START")
        return namespace["loop"](6)

    seen, _ = modules.same(scenario)
    assert {kind for _, kind, *_ in seen} == {"PY_START", "LINE"}


def test_a_callback_that_sets_events_of_its_caller(modules):
    def scenario(tool, namespace):
        tool.then = {"PY_START": lambda code, offset: tool.set(code_of(namespace, "loop"), "LINE", "JUMP")}
        tool.set(code_of(namespace, "leaf"), "PY_START")
        return namespace["loop"](6)

    seen, _ = modules.same(scenario)
    assert {kind for _, kind, *_ in seen} == {"PY_START", "LINE", "JUMP"}


@pytest.mark.parametrize("kind", ["LINE", "PY_START", "PY_RETURN", "INSTRUCTION", "CALL"])
def test_disabled_places(modules, kind):
    def scenario(tool, namespace):
        tool.then = {kind: lambda *rest: M.DISABLE}
        tool.set(code_of(namespace, "leaf"), kind)
        result = [namespace["loop"](5)]
        M.restart_events()
        return result + [namespace["loop"](5)]

    # Restarting changes the interpreter's global version, so compiled code is out of date: in modules of its own.
    seen, _ = Modules().same(scenario)
    assert seen


@pytest.mark.parametrize("kind", ["PY_START", "PY_RETURN", "LINE", "INSTRUCTION"])
@pytest.mark.parametrize("name", ["leaf", "loop"])
def test_callbacks_that_raise(modules, kind, name):
    def scenario(tool, namespace):
        def fail(*rest):
            if sum(each[1] == kind for each in tool.seen) == 3:
                raise ValueError("from the tool")
        tool.then = {kind: fail}
        action = functools.partial(tool.set, code_of(namespace, name), kind)
        try:
            return namespace["loop"](8, 2, action), namespace["loop"](8)
        except ValueError as error:
            lines, entry = [], error.__traceback__.tb_next
            while entry:
                lines.append((entry.tb_frame.f_code.co_name, entry.tb_lineno, plain(entry.tb_frame.f_locals.get("total"))))
                entry = entry.tb_next
            return str(error), lines

    modules.same(scenario)


@pytest.mark.parametrize("kind", KINDS)
def test_set_and_raised(modules, kind):
    """The running loop goes on in its handler."""
    def scenario(tool, namespace):
        def action():
            tool.set(code_of(namespace, "catching"), kind)
            raise ValueError
        return namespace["catching"](4, 1, action)

    modules.same(scenario)


def test_c_callables_that_set_events(modules):
    """No Python frame lies between the loop and the change."""
    modules.same(lambda tool, namespace: (tool.codes.append(namespace["loop"].__code__), namespace["loop"](
        6, 2, functools.partial(M.set_local_events, TOOL, namespace["loop"].__code__, E.LINE)))[1])


def test_recursion_ends_where_it_does(modules):
    def scenario(tool, namespace):
        tool.set(code_of(namespace, "recursive"), "PY_START")
        try:
            namespace["recursive"](10**6)
        except RecursionError:
            depth = len(tool.seen)
            tool.seen.clear()
            return depth
        return 0

    _, depth = modules.same(scenario)
    assert depth > 500


def test_two_tools(modules):
    def scenario(tool, namespace):
        leaf = code_of(namespace, "leaf")
        second = Tool(4, tool.seen)
        tool.set(leaf, "LINE")
        second.set(leaf, "PY_START", "LINE")
        results = [namespace["loop"](2)]
        tool.set(leaf)
        results.append(namespace["loop"](2))
        second.set(leaf, "PY_START")
        results.append(namespace["loop"](2))
        second.end()
        assert jit.is_jit_compiled(namespace["leaf"]) == (namespace is modules.compiled)
        return results + [namespace["loop"](2)]

    modules.same(scenario)


@pytest.mark.parametrize("tool", range(6))
def test_every_tool_id(modules, tool):
    if M.get_tool(tool):
        pytest.skip(f"{M.get_tool(tool)} uses the id")
    namespace, seen = modules.compiled, []
    each = Tool(tool, seen)
    try:
        each.set(code_of(namespace, "leaf"), "PY_START")
        namespace["loop"](4)
    finally:
        each.end()
    assert len(seen) == 4


@pytest.mark.parametrize("end", [name for name in ("free_tool_id", "clear_tool_id") if hasattr(M, name)])
def test_freed_tool_ids(end):
    """Whether local events outlive their tool id depends on the version; 3.14 drops them. In modules of their own: the
    global version may change."""
    def scenario(tool, namespace):
        leaf = code_of(namespace, "leaf")
        tool.set(leaf, "PY_START")
        results = [namespace["loop"](3)]
        getattr(M, end)(TOOL)
        results.append(namespace["loop"](3))
        if end == "free_tool_id":
            M.use_tool_id(TOOL, "again")
        M.register_callback(TOOL, E.PY_START, lambda code, offset: tool.seen.append("again"))
        results.append(namespace["loop"](3))
        return results

    Modules().same(scenario)


def test_toggled_around_each_call(modules):
    """As profilers of single functions do. Nothing is compiled for it."""
    def scenario(tool, namespace):
        leaf, results = namespace["leaf"], []
        for i in range(100):
            tool.set(leaf.__code__, "LINE")
            results.append(leaf(i))
            tool.set(leaf.__code__)
            results.append(leaf(i))
        return results

    before = _tephra.totals()["functions"]
    seen, _ = modules.same(scenario)
    assert len(seen) > 500 and _tephra.totals()["functions"] == before


def test_many_closures():
    """More than the driver lists one by one."""
    source = """
    def make(k):
        def inner(x):
            return x + k
        return inner
    def loop(functions):
        return [function(1) for function in functions]
    """
    namespace, loop = load(source, "loop")
    functions = [namespace["make"](k) for k in range(40)]
    assert jit.force_compile(functions[0]) and jit.force_compile(loop)
    later = [namespace["make"](k) for k in range(40)]
    assert all(map(jit.is_jit_compiled, functions[:1] + later))
    seen = []
    tool = Tool(TOOL, seen)
    try:
        expected = loop(functions + later)
        assert not seen
        tool.set(functions[0].__code__, "PY_START")
        assert not any(map(jit.is_jit_compiled, functions + later))
        made = [namespace["make"](k) for k in range(3)]
        assert loop(functions + later) == expected and len(seen) == 80
        loop(made)
        assert len(seen) == 83
        tool.set(functions[0].__code__)
        assert loop(functions + later) == expected and len(seen) == 83
        assert all(map(jit.is_jit_compiled, functions + later + made))
    finally:
        tool.end()


def test_events_before_compilation():
    namespace, f = load("def f(x):\n    return x + 1\n")
    seen = []
    tool = Tool(TOOL, seen)
    try:
        tool.set(f.__code__, "PY_START")
        with pytest.raises(RuntimeError, match="instrumented by a monitoring tool"):
            jit.force_compile(f)
        assert jit.lazy_compile(f)
        assert f(1) == 2 and f(2) == 3 and len(seen) == 2
        assert not jit.is_jit_compiled(f)
        tool.set(f.__code__)
        assert f(3) == 4 and len(seen) == 2
        assert jit.is_jit_compiled(f)
    finally:
        tool.end()


def test_code_that_dies_with_its_events():
    """It holds nothing back: CALL events anywhere keep all compiled code waiting."""
    namespace, f = load("def f(x):\n    return x + 1\n")
    assert jit.force_compile(f)
    tool = Tool(TOOL, [])
    try:
        for _ in range(3):
            other = load("def f(x):\n    return abs(x)\n")[1]
            assert jit.force_compile(other)
            M.set_local_events(TOOL, other.__code__, E.CALL | E.LINE)
            assert other(-1) == 1 and not jit.is_jit_compiled(f)
            del other
            gc.collect()
            assert f(1) == 2 and jit.is_jit_compiled(f)
    finally:
        tool.end()


def test_replaced_code(modules):
    """A function that gets another code object leaves the events behind, and meets those of the new one."""
    source = """
    def f(x):
        return x
    def g(x):
        return x + 1
    def loop(n):
        return [f(i) for i in range(n)]
    """
    def scenario(tool, namespace):
        f, g, loop = (namespace[name] for name in ("f", "g", "loop"))
        if namespace is compiled:
            for function in (f, g, loop):
                assert jit.force_compile(function)
        tool.set(g.__code__, "PY_START", "LINE")
        results = [loop(2)]
        f.__code__ = g.__code__
        results.append(loop(2))
        tool.set(g.__code__)
        return results + [loop(2)]

    reference = load(source, "loop")[0]
    for function in functions_of(reference):
        jit.jit_suppress(function)
    compiled = load(source, "loop")[0]
    assert observed(scenario, compiled) == observed(scenario, reference)


PROGRAM = """
import sys
from tephra import jit
M, E = sys.monitoring, sys.monitoring.events
seen, ever = [], set()

def callee(x):
    y = x + 1
    return y

def loop(n, at, what):
    for i in range(n):
        if i == at:
            M.set_local_events(4, *what)
        callee(i)

def note():
    ever.update(f.__name__ for f in (callee, loop) if jit.is_jit_compiled(f))

M.use_tool_id(4, "tool")
for event in (E.PY_START, E.LINE, E.PY_RETURN):
    M.register_callback(4, event, lambda code, offset: seen.append(code.co_name))
M.register_callback(4, E.PY_RETURN, lambda code, offset, value: seen.append(code.co_name))
for i in range(2000):
    loop(3, -1, None)
note()
for event in (E.PY_START, E.LINE, E.PY_RETURN):
    M.set_local_events(4, callee.__code__, event)
    for i in range(3):
        callee(i)
    M.set_local_events(4, callee.__code__, 0)
    print(len(seen))
    seen.clear()
loop(10, 6, (callee.__code__, E.PY_START))
print(seen.count("callee"))
seen.clear()
note()
M.set_local_events(4, callee.__code__, 0)
loop(10, 6, (loop.__code__, E.LINE))
print(seen.count("loop"))
M.set_local_events(4, loop.__code__, 0)
seen.clear()
for i in range(300):
    M.set_local_events(4, callee.__code__, E.LINE)
    callee(i)
    M.set_local_events(4, callee.__code__, 0)
print(len(seen))
note()
if sys.argv[1] == "1":
    assert ever == {"callee", "loop"} and jit.is_jit_compiled(callee), ever
"""


@pytest.mark.parametrize("setting", [{"TEPHRA": "0"}, {"TEPHRA": "1", "TEPHRA_COMPILE_AFTER": "400"}, {"TEPHRA": "1", "TEPHRA_COMPILE_AFTER": "1"}])
def test_the_programs_that_saw_nothing(setting):
    """Modes: off, compiled at the 400th call, at the first call."""
    done = subprocess.run([sys.executable, "-c", PROGRAM, setting["TEPHRA"]], env={**os.environ, **setting}, text=True,
                          capture_output=True, timeout=100 * SLOWER)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["3", "6", "3", "4", "11", "600"]


def test_events_from_before_the_jit_was_there():
    """Mode: automatic, at the first call. The tool comes first."""
    program = textwrap.dedent("""
        import sys
        M, E = sys.monitoring, sys.monitoring.events
        seen = []
        def f(x):
            return x + 1
        def g(x):
            return f(x)
        M.use_tool_id(4, "tool")
        M.register_callback(4, E.PY_START, lambda code, offset: seen.append(code.co_name))
        M.set_local_events(4, f.__code__, E.PY_START)
        from tephra import jit
        jit.compile_after_n_calls(1)
        for i in range(100):
            g(i)
        assert jit.is_jit_compiled(g) and not jit.is_jit_compiled(f)
        assert len(seen) == 100, len(seen)
        M.set_local_events(4, f.__code__, 0)
        for i in range(100):
            g(i)
        assert jit.is_jit_compiled(f) and len(seen) == 100, len(seen)
    """)
    environment = {name: value for name, value in os.environ.items() if not name.startswith("TEPHRA")}
    done = subprocess.run([sys.executable, "-c", program], env=environment, text=True,
                          capture_output=True, timeout=100 * SLOWER)
    assert done.returncode == 0, done.stderr
