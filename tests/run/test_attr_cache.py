"""Attributes of sites that see many classes go through the runtime's table: whatever happens to
classes and instances, the answer must be the interpreter's."""

import io
import sys
import types

import pytest

from support import differential

from tephra import jit


def compiled(function):
    jit.force_compile(function)  # a closure of compiled code is compiled from its creation on
    assert jit.is_jit_compiled(function)
    return function


def fresh():
    """New functions: generic sites, never specialised."""
    def get(o):
        return o.name

    def put(o, value):
        o.name = value

    def call(o):
        return o.method()

    return compiled(get), compiled(put), compiled(call)


def test_class_changes():
    get, put, call = fresh()

    class A:
        name = "class"

        def method(self):
            return 1

    a = A()
    for _ in range(3):
        assert get(a) == "class"
        assert call(a) == 1
    A.name = "new"
    assert get(a) == "new"
    put(a, "own")
    assert get(a) == "own"
    del a.name
    assert get(a) == "new"
    A.method = lambda self: 2
    assert call(a) == 2
    a.method = lambda: 3
    assert call(a) == 3
    del A.name
    with pytest.raises(AttributeError, match="'A' object has no attribute 'name'"):
        get(a)


def test_another_instance_shadows_the_class():
    get, put, call = fresh()

    class A:
        name = "class"

        def method(self):
            return "class"

    a, b = A(), A()
    assert get(a) == get(b) == call(a) == call(b) == "class"
    b.name = "own"
    b.method = lambda: "own"
    assert (get(a), get(b), call(a), call(b)) == ("class", "own", "class", "own")


def test_materialised_dict():
    get, put, call = fresh()

    class A:
        def __init__(self):
            self.name = 1

    a = A()
    assert get(a) == 1
    d = a.__dict__
    assert get(a) == 1
    put(a, 2)
    assert d == {"name": 2} and get(a) == 2
    d["name"] = 3
    assert get(a) == 3
    a.__dict__ = {"name": 4, "method": lambda: 5}
    assert get(a) == 4 and call(a) == 5
    put(a, 6)
    assert a.__dict__["name"] == 6
    for i in range(100):
        setattr(a, f"x{i}", i)
    assert get(a) == 6


def test_first_stores_keep_their_order():
    get, put, call = fresh()

    class A:
        pass

    for order in range(2):
        a = A()
        if order:
            a.other = 1
        put(a, 2)
        a.last = 3
        assert list(a.__dict__) == (["other"] if order else []) + ["name", "last"]
        del a.name
        put(a, 4)
        assert list(vars(a))[-1] == "name"


def test_slots_and_hooks():
    get, put, call = fresh()

    class Slotted:
        __slots__ = ("name",)

    class Watched(Slotted):
        def __setattr__(self, key, value):
            super().__setattr__(key, value * 2)

    class Getter:
        def __getattr__(self, key):
            return key * 2

    class Property:
        @property
        def name(self):
            return "p"

    class Reads:
        def __getattribute__(self, key):
            return "r" + key

    s, w = Slotted(), Watched()
    with pytest.raises(AttributeError):
        get(s)
    for _ in range(2):
        put(s, 1)
        assert get(s) == 1
        put(w, 1)
        assert get(w) == 2
        assert get(Getter()) == "namename"
        assert get(Property()) == "p"
        assert get(Reads()) == "rname"
        with pytest.raises(AttributeError):
            put(Property(), 1)
    del s.name
    with pytest.raises(AttributeError):
        get(s)
    Slotted.__setattr__ = lambda self, key, value: None
    put(s, 5)
    with pytest.raises(AttributeError):
        get(s)
    with pytest.raises(TypeError):
        class Alien:
            pass
        Alien.name = Slotted.__dict__["name"]
        get(Alien())


def test_old_value_dies_after_the_store():
    get, put, call = fresh()
    seen = []

    class A:
        pass

    class Old:
        def __del__(self):
            seen.append(get(a))

    a = A()
    a.name = Old()
    put(a, "new")
    assert seen == ["new"]


def test_classes_modules_and_builtins():
    import math

    def get(o):
        return o.__doc__

    compiled(get)

    class A:
        "a"

    for o in (A, A(), math, 1, "s", [], len):
        assert get(o) == o.__doc__


def test_super_methods_follow_the_classes():
    differential("""
        class A:
            def m(self, x): return ["A", x]
            @classmethod
            def c(cls, x): return ["A.c", cls.__name__, x]

        class B(A):
            def m(self, x): return ["B"] + super().m(x)
            @classmethod
            def c(cls, x): return ["B.c"] + super().c(x)

        class Mixin(A):
            def m(self, x): return ["Mixin"] + super().m(x)

        class C(B, Mixin): pass

        class D(B):
            def __getattribute__(self, name): return object.__getattribute__(self, name)

        class Pretends:
            __class__ = B
            m = B.m

        class Other:
            def m(self, x): return ["Other", x]

        def f(n):
            seen = []
            objects = [A(), B(), C(), D()]
            saved = A.m, Mixin.m
            for i in range(n):
                seen += [o.m(i) for o in objects] + [B.c(i), C.c(i), C().c(i)]
                if i == 2:
                    A.m = lambda self, x: ["new A", x]
                if i == 4:
                    del Mixin.m
                if i == 6:
                    B.__bases__ = (Mixin,)
                if i == 8:
                    A.m = staticmethod(lambda x: ["static", x])
                if i == 10:
                    A.m = saved[0]
                    objects[0].m = objects[1].m = lambda x: ["own", x]
                try:
                    seen.append(Pretends().m(i))
                except Exception as error:
                    seen.append([type(error).__name__, str(error)])
            B.__bases__ = (A,)
            A.m, Mixin.m = saved
            return seen
        """, [(2,), (13,)], warm=[(2,)], warm_rounds=30)


def test_class_methods_of_instances():
    get, put, call = fresh()

    class A:
        @classmethod
        def method(cls):
            return "A", cls

    class B(A):
        pass

    class Slotted:
        __slots__ = ()

        @classmethod
        def method(cls):
            return "slotted", cls

    class Meta(type):
        def method(cls):
            return "meta"

    class C(A, metaclass=Meta):
        pass

    for _ in range(3):
        for o in (A(), B(), C(), Slotted()):
            kind = "slotted" if isinstance(o, Slotted) else "A"
            assert call(o) == (kind, type(o))
        assert call(A) == ("A", A)
        assert call(C) == ("A", C)
    shadowed = A()
    shadowed.method = lambda: "own"
    assert call(shadowed) == "own"
    assert call(A()) == ("A", A)
    vars(shadowed)["other"] = 1
    assert call(shadowed) == "own"
    del shadowed.method
    assert call(shadowed) == ("A", A)


def test_class_methods_that_change():
    get, put, call = fresh()

    class A:
        @classmethod
        def method(cls):
            return 1

    a = A()
    for _ in range(3):
        assert call(a) == 1
    vars(A)["method"].__init__(lambda cls: (2, cls))  # no new version of the class
    assert call(a) == (2, A)
    vars(A)["method"].__init__(len)
    with pytest.raises(TypeError):
        call(a)
    A.method = classmethod(lambda cls: 3)
    assert call(a) == 3

    class Own(classmethod):
        def __get__(self, instance, owner):
            return lambda: (instance, owner)
    A.method = Own(lambda cls: 4)
    assert call(a) == (a, A)
    A.method = staticmethod(lambda: 5)
    assert call(a) == 5


def test_dicts_of_instances():
    get, put, call = fresh()

    class A:
        def __init__(self):
            self.first, self.name = 0, 1

    def with_dict(**content):
        a = A()
        a.__dict__ = content
        return a

    wide = {f"k{i}": i for i in range(50)}
    objects = [A(), with_dict(name=2), with_dict(a=0, b=0, name=3), with_dict(**wide, name=4)]
    for _ in range(5):
        assert [get(o) for o in objects] == [1, 2, 3, 4]
    a = with_dict(x=0, name=5)
    assert get(a) == 5
    del a.name
    with pytest.raises(AttributeError):
        get(a)
    a.name = 6
    assert get(a) == 6
    vars(a)[1] = 2  # no longer keys that are all strs
    assert get(a) == 6

    class Own(dict):
        def __getitem__(self, key):
            return "never asked"
    a.__dict__ = Own(name=7)
    assert get(a) == 7
    A.name = property(lambda self: 8)
    assert get(a) == get(objects[0]) == 8
    A.name = 9  # no data descriptor: instances come first
    assert [get(o) for o in objects] == [1, 2, 3, 4]
    assert get(with_dict(x=1)) == 9


def test_instances_with_dicts_of_their_own():
    """Beyond thirty attributes an instance has a real dict: methods of its class, unless it has one of that name."""
    get, put, call = fresh()

    class Many:
        name = "class"

        def __init__(self):
            for i in range(60):
                setattr(self, f"field{i}", i)

        def method(self):
            return self.field59

    many = [Many() for _ in range(3)]
    for one in many * 2:
        assert get(one) == "class"
        assert call(one) == 59
        put(one, "own")
        assert get(one) == "own"
        del one.name
        assert get(one) == "class"
    many[1].method = lambda: "mine"
    assert [call(one) for one in many] == [59, "mine", 59]
    del many[1].method
    assert [call(one) for one in many] == [59, 59, 59]
    # A name that only compares equal to the one looked for; and names that are no strings.
    many[2].__dict__["".join(["meth", "od"])] = lambda: "equal"
    many[0].__dict__[7] = "number"
    assert [call(one) for one in many] == [59, 59, "equal"]
    many[0].__dict__["method"] = lambda: "mine"
    assert call(many[0]) == "mine"
    for one in many:
        one.__dict__.clear()
        one.field59 = 60
    assert [call(one) for one in many] == [60, 60, 60]


class Equal(str):
    """Hashes and compares as the string does, but is none that attributes are looked up by."""

    __slots__ = ()


def test_dicts_with_keys_of_another_class():
    get, _, call = fresh()

    class Few:
        def method(self):
            return 1

    few = Few()
    few.__dict__.update({f"field{i}": i for i in range(60)})
    assert call(few) == 1
    few.__dict__[Equal("method")] = lambda: 2
    few.__dict__[Equal("name")] = "found"
    assert call(few) == 2
    assert get(few) == "found"


@pytest.mark.parametrize("first", ["x.__dict__[spelled] = 'own'", "vars(x).update({spelled: 'own'})", "setattr(x, spelled, 'own')"])
@pytest.mark.parametrize("body", ["_render = 'class'", "pass", "def _render(self): return 'class'",
                                  "_render = property(lambda self: 'property')", "def __getattr__(self, name): return 'hook'"])
def test_names_in_instances_that_are_no_interned_strings(first, body):
    """The class's shared keys then hold a string that is equal to the name in the code, but another one."""
    differential(f"""
        class C:
            {body}
        def read(o):
            try: return o._render
            except AttributeError as error: return type(error).__name__
        def call(o):
            try: return o._render()
            except (AttributeError, TypeError) as error: return type(error).__name__
        def f(n):
            spelled = '_ren' + 'der'[:n]
            log = []
            for i in range(4):
                x = C()
                try:
                    {first}
                except AttributeError as error:
                    log.append(type(error).__name__)
                log.append((read(x), call(x), getattr(x, '_render', None), hasattr(x, '_render'), read(C())))
                y = C()
                y.other = 1
                log.append((read(y), list(vars(y)), list(vars(x))))
                if hasattr(type(x), '__getattr__') or i % 2:
                    continue
                try:
                    x._render = 'stored'
                    log.append((read(x), list(vars(x).values())))
                    del x._render
                except AttributeError as error:
                    log.append(type(error).__name__)
                log.append(read(x))
            return log
    """, [(3,), (2,)])


def test_getters_written_in_c():
    get, _, _ = fresh()

    class Sub(complex):
        pass

    class Hooked(complex):
        def __getattr__(self, name):
            return "hook"

    def real(o):
        return o.real

    def imag(o):
        return o.imag

    def kind(o):
        return o.__class__

    real, imag, kind = compiled(real), compiled(imag), compiled(kind)
    values = [1.5, 2 + 3j, Sub(4, 5), 7, True, Hooked(8, 9)]
    for _ in range(3):
        assert [real(value) for value in values] == [1.5, 2.0, 4.0, 7, 1, 8.0]
        assert [kind(value) for value in values] == [float, complex, Sub, int, bool, Hooked]
    shadowed = Sub(1, 2)
    vars(shadowed)["real"] = "not this"  # a data descriptor comes first
    assert real(shadowed) == 1.0
    Sub.real = "of the class"
    assert real(shadowed) == "not this" and real(Sub(1, 2)) == "of the class"
    del Sub.real
    assert real(shadowed) == 1.0


def test_a_getter_that_raises():
    def closed(o):
        return o.closed

    closed = compiled(closed)
    stream = io.TextIOWrapper(io.BytesIO())
    assert closed(stream) is False
    stream.detach()
    for _ in range(2):
        with pytest.raises(ValueError, match="underlying buffer has been detached"):
            closed(stream)

    def abstract(o):
        return o.__abstractmethods__

    def text(o):
        return o.__text_signature__

    abstract, text = compiled(abstract), compiled(text)
    for _ in range(2):
        assert text(len) == "($module, obj, /)"
        with pytest.raises(AttributeError) as caught:
            abstract(int)
        assert caught.value.name == "__abstractmethods__"


def test_an_attribute_error_of_a_getter_is_named():
    frames = []

    def loads(o):
        return o.__annotations__

    loads = compiled(loads)

    def plain(a: int):
        frames.append(a)

    assert loads(plain) == {"a": int}
    with pytest.raises(AttributeError) as caught:
        loads(len)
    assert (caught.value.name, caught.value.obj) == ("__annotations__", len)


def test_bound_methods():
    get, _, _ = fresh()

    class A:
        def name(self, x=1):
            return (self, x)

    class B(A):
        pass

    class C(A):
        def __getattr__(self, name):
            return "hook"

    for _ in range(3):
        for cls in (A, B, C):
            o = cls()
            method = get(o)
            assert type(method) is types.MethodType and method == o.name
            assert method.__self__ is o and method(2) == (o, 2)
    o = B()
    before = sys.getrefcount(o)
    method = get(o)
    assert sys.getrefcount(o) == before + 1
    del method
    assert sys.getrefcount(o) == before
    o.name = "own"
    assert get(o) == "own"
    A.name = staticmethod(lambda: "static")
    assert get(B())() == "static"


def test_modules():
    get, put, _ = fresh()
    plain, lazy = types.ModuleType("plain"), types.ModuleType("lazy")
    asked = []

    def getattr_of_module(name):
        asked.append(name)
        if name != "name":
            raise AttributeError(name)
        return "lazily"

    lazy.__getattr__ = getattr_of_module
    with pytest.raises(AttributeError, match="module 'plain' has no attribute 'name'"):
        get(plain)
    assert get(lazy) == "lazily" and asked == ["name"]
    plain.name, lazy.name = 1, 2
    for _ in range(3):
        assert (get(plain), get(lazy)) == (1, 2)
    put(lazy, 3)
    assert get(lazy) == 3 and asked == ["name"]
    del lazy.name
    assert get(lazy) == "lazily" and asked == ["name", "name"]
    vars(plain)[7] = "a key that is no text"
    assert get(plain) == 1
    del plain.name
    vars(plain)["".join(["na", "me"])] = "a key that is not interned"
    assert get(plain) == "a key that is not interned"

    class Module(types.ModuleType):
        name = property(lambda self: "of the class")

    assert get(Module("m")) == "of the class"

    def what(o):
        return o.__dict__

    what = compiled(what)
    assert what(plain) is vars(plain)
    vars(plain)["__dict__"] = "not this"
    assert what(plain) is vars(plain)
