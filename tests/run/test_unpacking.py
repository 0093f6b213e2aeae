"""f(*args, **kwargs): bound straight from the tuple and the dict; instances and attributes that Python code answers for."""

import pytest
from support import call, compile_all, differential, load

from tephra import jit

SIGNATURES = ["", "a", "a, b=2", "a, /, b=2, *, k=3", "*rest", "**names", "*rest, **names", "a, *rest, **names", "a, b=5, *rest, k, **names",
              "a, /, **names", "*, k=1, **names"]
ARGUMENTS = ["()", "(1,)", "(1, 2)", "(1, 2, 3)", "[1, 2]", "iter((1, 2))"]
KEYWORDS = ["{}", "{'k': 7}", "{'b': 8}", "{'a': 9}", "{'k': 7, 'z': 1, 'y': 2}", "{'new' + str(len('ab')): 4}", "{3: 4}", "{'z': 1, 3: 4}"]


@pytest.mark.parametrize("signature", SIGNATURES)
def test_every_signature_gets_what_the_interpreter_gives(signature):
    differential(f"""
        class Holder:
            def method(self, {signature}):
                return list(locals().items())[1:]
        held = Holder().method

        def plain({signature}):
            return list(locals().items())

        def forward(function, *args, **kwargs):
            return function(*args, **kwargs)

        def spread(function, args, kwargs):
            def inner(**own):
                return function(*args, **own)
            return inner(**kwargs)

        def attempt(how, *args, **kwargs):
            try:
                return how(*args, **kwargs)
            except TypeError as error:
                return str(error)

        def f():
            seen = []
            for args in {", ".join(ARGUMENTS)}:
                for kwargs in {", ".join(KEYWORDS)}:
                    for function in plain, held:
                        seen.append(attempt(lambda: spread(function, args, kwargs)))
                        seen.append(attempt(lambda: forward(function, *args, **kwargs)))
                        args = tuple(args)
            return seen
        """, [()], warm_rounds=3)


FORWARD = """
    def callee(*args, **kwargs):
        return args, kwargs

    def f(*args, **kwargs):
        return callee(*args, **kwargs)
    """


def warmed(source):
    namespace, function = load(source)
    for _ in range(20):
        call(function, (1,))
    compile_all(namespace, [function])
    return namespace, function


def test_callees_have_containers_of_their_own():
    _, function = warmed(FORWARD)
    given, names = (1, 2), {"a": 3}
    args, kwargs = function(*given, **names)
    assert (args, kwargs) == (given, names)
    assert args is not given and kwargs is not names
    kwargs["a"] = 4
    assert names == {"a": 3}
    assert function() == ((), {})
    assert function()[1] is not function()[1]


def test_no_dict_is_merged_where_the_callee_binds_it():
    _, function = warmed(FORWARD)
    counts = jit.get_function_hir_opcode_counts(function)
    assert counts["CallEx"] == 1 and "DictMerge" not in counts and "MakeMap" not in counts
    jit.clear_runtime_stats()
    assert function(1, a=2) == ((1,), {"a": 2})
    assert not jit.get_and_clear_runtime_stats()["deopt"]


@pytest.mark.parametrize("body", [
    "return g(*args, x=1, **kwargs)", "return g(**kwargs, **{'y': 2})", "kwargs = [('q', 1)]; return g(*args, **kwargs)",
    "kwargs = Mapping(); return g(*args, **kwargs)", "return g(*[*args, 4], **kwargs)", "return g(*args, **kwargs, z=kwargs)"])
def test_other_shapes_are_merged(body):
    differential(f"""
        class Mapping:
            def keys(self): return ["one", "two"]
            def __getitem__(self, key): return key * 2

        def g(*args, **kwargs):
            return args, kwargs

        def h(*args, **kwargs):
            {body}

        def f(n):
            return h(n, k=n), h(), h(n, n, y=1) if n else None
        """, [(3,), (0,)], warm_rounds=20)


def test_arguments_that_change_the_keywords_while_they_are_unpacked():
    differential("""
        def g(*args, **kwargs):
            return args, kwargs

        def spoil(kwargs):
            yield 1
            kwargs.clear()
            kwargs["late"] = 5

        def h(**kwargs):
            return g(*spoil(kwargs), **kwargs), kwargs

        def f(n):
            return h(a=n, b=2)
        """, [(3,)], warm_rounds=20)


def test_c_functions_get_a_dict_of_their_own():
    differential("""
        import functools

        def h(*args, **kwargs):
            made = dict(*args, **kwargs)
            part = functools.partial(print, **kwargs)
            made["other"] = 1
            return made, part.keywords, part.keywords is kwargs, kwargs

        def f(n):
            return h({"a": n}, sep=1, end=2), h()
        """, [(3,)], warm_rounds=20)


def test_when_what_is_passed_dies():
    differential("""
        class Thing:
            def __init__(self, name): self.name = name
            def __del__(self): log.append(self.name)
        log = []

        def drop(a, *rest, k=None, **names):
            log.append("in")
            del a, rest
            log.append("rest")
            k = None
            names.clear()
            log.append("out")

        class Holder:
            def method(self, *args, **kwargs):
                drop(*args, **kwargs)
                log.append("method")
                del args
                kwargs.clear()
                log.append("cleared")

            def __call__(self, a, k=None):
                log.append("called")
                del a
                k = None
                log.append("end")

        def through(make, function):
            function(*[make(1), make(2)], **{"k": make(3), "z": make(4)})
            log.append("after")

        def f(n):
            log.clear()
            holder = Holder()
            through(Thing, drop)
            through(Thing, holder.method)
            holder(Thing(5), k=Thing(6))
            holder(*[Thing(7)], **{"k": Thing(8)})
            return list(log)
        """, [(1,)], warm_rounds=20)


def test_instances_with_a_call_of_their_own():
    differential("""
        class Base:
            def __call__(self, x, *rest, k=2, **names):
                return type(self).__name__, x, rest, k, sorted(names)
        class Derived(Base):
            def __call__(self, x, *rest, **names):
                return "derived", super().__call__(x, *rest, **names)
        class Static:
            @staticmethod
            def __call__(*args): return args
        class Wrapped:
            __call__ = len
        class Bound:
            __call__ = Base()
        class Nothing:
            pass

        def attempt(thing, *args, **kwargs):
            try:
                return thing(*args, **kwargs), thing(1), thing(x=2), thing(1, 2, k=3, z=4)
            except (TypeError, RecursionError) as error:
                return type(error), str(error)

        def use(thing):
            try:
                return thing(1), thing(1, 2, 3), thing(1, z=4)
            except TypeError as error:
                return str(error)

        def f(n):
            things = [Base(), Derived(), Static(), Wrapped(), Bound(), Nothing()]
            things[-1].__call__ = lambda: 3  # of the instance: is not called
            seen = [attempt(thing, 5) for thing in things] + [use(thing) for thing in things]
            class Changing:
                def __call__(self, *args): return "old"
            changing = Changing()
            seen.append(use(changing))
            Changing.__call__ = lambda self, *args, **kwargs: "new"
            seen.append(use(changing))
            del Changing.__call__
            seen.append(use(changing))
            return seen
        """, [(1,)], warm_rounds=20)


def test_deep_calls_of_instances_end_as_deep_calls_do():
    differential("""
        class Deep:
            def __call__(self, n):
                return self(n + 1)

        def f():
            try:
                Deep()(0)
            except RecursionError:
                return "deep"
        """, [()], warm_rounds=1)


GETATTR = """
    class Answers:
        known = 1
        def __init__(self): self.own = 2
        def __getattr__(self, name):
            if name.startswith("no"):
                raise AttributeError(f"none: {name}")
            if name == "division":
                return 1 / 0
            return lambda *args: (name, args)
        @property
        def broken(self): raise AttributeError("inside")

    class Loud(Answers):
        def __getattribute__(self, name):
            return "loud" if name == "found" else super().__getattribute__(name)

    class Other:
        __getattr__ = getattr

    class Tight:
        __slots__ = ("place",)
        def __getattr__(self, name): return name.upper()

    def found(thing): return thing.found
    def own(thing): return thing.own, thing.known
    def method(thing): return thing.found(1)
    def missing(thing): return thing.nothing
    def broken(thing): return thing.broken
    def place(thing): return thing.place

    def attempt(function, thing):
        try:
            value = function(thing)
            return value() if callable(value) else value
        except AttributeError as error:
            return str(error), error.name, error.obj is thing
        except (ZeroDivisionError, TypeError, RecursionError) as error:
            return type(error).__name__
    """


def test_attributes_that_getattr_answers_for():
    differential(GETATTR + """
    def f(n):
        seen = []
        for thing in Answers(), Loud(), Other(), Tight(), Answers():
            for function in found, own, method, missing, broken, place:
                seen.append(attempt(function, thing))
        thing = Answers()
        seen.append(attempt(found, thing))
        thing.found = 5
        seen.append(attempt(found, thing))
        del thing.found
        seen.append(attempt(found, thing))
        vars(thing)["found"] = 6
        seen.append(attempt(found, thing))
        thing.__dict__ = {"found": 7}
        seen.append(attempt(found, thing))
        thing.__dict__ = {}
        seen.append(attempt(found, thing))
        for i in range(40):
            setattr(thing, f"a{i}", i)
        seen.append(attempt(found, thing))
        thing.found = 8
        seen.append(attempt(found, thing))
        return seen
    """, [(1,)], warm_rounds=20)


def test_a_class_that_changes_what_answers():
    differential(GETATTR + """
    def f(n):
        class Changing:
            def __getattr__(self, name): return "first"
        thing, seen = Changing(), []
        seen.append(attempt(found, thing))
        Changing.__getattr__ = lambda self, name: "second"
        seen.append(attempt(found, thing))
        Changing.found = "class"
        seen.append(attempt(found, thing))
        del Changing.found
        seen.append(attempt(found, thing))
        Changing.__getattribute__ = lambda self, name: "all"
        seen.append(attempt(found, thing))
        del Changing.__getattribute__, Changing.__getattr__
        seen.append(attempt(found, thing))
        return seen
    """, [(1,)], warm_rounds=20)


def test_an_attribute_error_names_its_attribute():
    namespace, _ = load(GETATTR + """
    def f(thing): return thing.nothing
    """)
    compile_all(namespace, [namespace["f"]])
    thing = namespace["Answers"]()
    with pytest.raises(AttributeError, match="none: nothing") as caught:
        namespace["f"](thing)
    assert caught.value.name == "nothing" and caught.value.obj is thing


def test_getattr_that_never_ends():
    differential("""
        class Deep:
            def __getattr__(self, name):
                return self.other

        def f():
            try:
                return Deep().first
            except RecursionError:
                return "deep"
        """, [()], warm_rounds=1)
