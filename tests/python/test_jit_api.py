"""tephra.jit against a stand-in for the extension: names, states, arguments, and doing nothing when off."""

import functools
import inspect
import io
import sys

import package
import pytest

NAMES = """auto compile_after_n_calls force_compile lazy_compile force_uncompile enable disable pause jit_suppress
    jit_unsuppress append_jit_list read_jit_list get_jit_list is_enabled is_jit_compiled status
    get_compile_after_n_calls count_interpreted_calls get_compiled_functions get_compiled_size
    get_compiled_stack_size get_compiled_spill_stack_size get_compilation_time get_function_compilation_time
    get_function_hir_opcode_counts get_and_clear_runtime_stats clear_runtime_stats get_allocator_stats
    set_max_code_size print_hir disassemble get_instruction_counts clear_instruction_counts
    measure_for""".split()


@pytest.fixture
def jit(tmp_path):
    with package.loaded(package.make(tmp_path)) as module:
        yield module


@pytest.fixture(params=["no extension", "refuses", "TEPHRA=0"])
def off(request, tmp_path, monkeypatch):
    folder = package.make(tmp_path, fake=request.param != "no extension")
    if request.param == "refuses":
        monkeypatch.setattr("os.environ", dict(__import__("os").environ))
    with package.loaded(folder) as module:
        import os

        native = sys.modules["tephra._native"]
        if request.param == "refuses":
            os.environ["TEPHRA_TEST_OFF"] = "the moon is full"
        elif request.param == "TEPHRA=0":
            os.environ["TEPHRA"] = "0"
        native.api, native.reason = native._choose()
        yield module
        os.environ.pop("TEPHRA", None)
        os.environ.pop("TEPHRA_TEST_OFF", None)


def plain():
    """Never run."""


def generator():
    yield


class Class:
    def method(self):
        """Never run."""

    @staticmethod
    def static():
        """Never run."""

    @classmethod
    def of_class(cls):
        """Never run."""


def test_names_are_there_documented_and_annotated(jit):
    assert sorted(jit.__all__) == sorted(NAMES)
    for name in NAMES:
        function = getattr(jit, name)
        assert function.__doc__, name
        target = function.__init__ if inspect.isclass(function) else function
        signature = inspect.signature(target)
        assert signature.return_annotation is not inspect.Signature.empty, name
        assert all(p.annotation is not p.empty for p in signature.parameters.values() if p.name != "self"), name


def test_forcing_switches_on_without_automatic_compilation(jit):
    assert not jit.is_enabled() and jit.get_compile_after_n_calls() is None
    assert "TEPHRA=1" in str(jit.status())
    assert jit.force_compile(plain) is True
    assert jit.force_compile(plain) is False  # already
    assert jit.is_jit_compiled(plain) and jit.is_enabled()
    assert jit.get_compile_after_n_calls() is None
    assert jit.get_compiled_functions() == [plain]
    assert jit.force_uncompile(plain) is True and jit.force_uncompile(plain) is False


def test_auto_and_thresholds(jit):
    jit.auto()
    assert jit.is_enabled() and jit.get_compile_after_n_calls() is None and jit.status().sampled
    assert "when samples show that it pays" in str(jit.status())
    jit.compile_after_n_calls(0)
    assert jit.get_compile_after_n_calls() == 0
    assert "first call" in str(jit.status()) and not jit.status().sampled


def test_no_threshold_compiles_forced_functions_only(jit):
    jit.compile_after_n_calls(None)
    assert jit.is_enabled() and jit.get_compile_after_n_calls() is None
    assert "only forced functions are compiled" in str(jit.status())
    assert jit.force_compile(plain)
    jit.compile_after_n_calls(3)
    jit.compile_after_n_calls(None)
    assert jit.get_compile_after_n_calls() is None and jit.is_jit_compiled(plain)
    jit.disable()
    jit.compile_after_n_calls(None)  # switches on, like any threshold
    assert jit.is_enabled()


def test_disable_and_enable_do_not_start_automatic_compilation(jit):
    jit.disable()
    assert jit.get_compile_after_n_calls() is None
    jit.enable()
    assert jit.is_enabled() and jit.get_compile_after_n_calls() is None


def test_disable_wins_over_forcing_until_enable(jit):
    jit.compile_after_n_calls(7)
    jit.disable()
    assert not jit.is_enabled() and jit.force_compile(plain) is False and jit.lazy_compile(plain) is False
    assert "disable()" in jit.status().reason
    assert jit.get_compile_after_n_calls() == 7
    jit.enable()
    assert jit.is_enabled() and jit.get_compile_after_n_calls() == 7


def test_pause_restores_what_was(jit):
    with jit.pause():
        assert not jit.is_enabled()
    assert not jit.is_enabled()  # it was not before
    jit.compile_after_n_calls(3)
    pause = jit.pause(deopt_all=True)
    with pytest.raises(KeyError), pause:
        with pause:
            assert not jit.is_enabled()
        assert not jit.is_enabled()
        raise KeyError
    assert jit.is_enabled() and jit.get_compile_after_n_calls() == 3


def test_a_function_that_cannot_be_compiled(jit):
    with pytest.raises(RuntimeError, match="generator was not compiled: generator functions are not"):
        jit.force_compile(generator)
    assert jit.status().bailouts == {"generator functions are not compiled yet": 1}


def test_methods_stand_for_their_functions(jit):
    for way in (Class.method, Class().method, Class.static, Class.of_class, vars(Class)["static"]):
        jit.force_compile(way)
        assert jit.is_jit_compiled(way)
    assert len(jit.get_compiled_functions()) == 3


def test_suppress_decorators_return_their_argument(jit):
    for thing in (plain, vars(Class)["static"]):
        assert jit.jit_suppress(thing) is thing
        assert jit.jit_unsuppress(thing) is thing
    jit.jit_suppress(plain)
    with pytest.raises(RuntimeError, match="jit_suppress"):
        jit.force_compile(plain)


def test_figures_of_a_function(jit):
    assert jit.get_compiled_size(plain) == jit.get_compiled_stack_size(plain) == 0
    assert jit.get_function_hir_opcode_counts(plain) is None and jit.get_function_compilation_time(plain) == 0.0
    jit.force_compile(plain)
    assert jit.get_compiled_size(plain) == 100 and jit.get_compiled_stack_size(plain) == 64
    assert jit.get_compiled_spill_stack_size(plain) == 16
    assert jit.get_function_compilation_time(plain) == jit.get_compilation_time() == 1.5
    assert jit.get_function_hir_opcode_counts(plain) == {"Return": 1}
    assert jit.count_interpreted_calls(plain) == 7


def test_runtime_stats_are_sorted_and_cleared(jit):
    rows = jit.get_and_clear_runtime_stats()["deopt"]
    assert [row["count"] for row in rows] == [5, 2]
    assert {"function", "filename", "line", "reason", "type", "count"} <= set(rows[0])
    assert jit.get_and_clear_runtime_stats() == {"deopt": []}


def test_printing(jit):
    for printer, form in ((jit.print_hir, "hir"), (jit.disassemble, "asm")):
        before, after = io.StringIO(), io.StringIO()
        printer(plain, file=before)
        assert not jit.is_jit_compiled(plain)
        jit.force_compile(plain)
        printer(plain, file=after)
        jit.force_uncompile(plain)
        assert after.getvalue() == f"{form} of plain\n"
        assert before.getvalue() == f"// plain is not compiled: this is what it would be now\n{form} of plain\n"


def test_jit_list(jit, tmp_path):
    assert jit.get_jit_list() == ({}, {})
    jit.append_jit_list("a.b:C.f  # comment")
    file = tmp_path / "list.txt"
    file.write_text("# all of them\n\na.b:g\n a.b:C.f\nx:h # why\n")
    jit.read_jit_list(file)
    assert jit.get_jit_list() == ({"a.b": {"C.f", "g"}, "x": {"h"}}, {})
    file.write_text("good:f\nno colon\n")
    with pytest.raises(ValueError, match=r"list.txt:2: bad entry 'no colon'; expected module:qualified.name"):
        jit.read_jit_list(file)
    assert "good" not in jit.get_jit_list()[0]
    with pytest.raises(FileNotFoundError):
        jit.read_jit_list(tmp_path / "absent")
    for bad in ("f", "m:", ":f", "a b:c", "f@file.py:3", "", "# only"):
        with pytest.raises(ValueError, match="expected module:qualified.name"):
            jit.append_jit_list(bad)


@pytest.mark.parametrize("bad, says", [
    (3, "got int: pass a function"), (len, "got len, which is compiled C code"), (str.upper, "compiled C code"),
    (Class, "got the class Class: pass one of its methods"), (None, "got NoneType"),
    (functools.partial(plain), "pass its .func"), (functools.lru_cache(plain), "pass its __wrapped__"),
])
def test_bad_functions(jit, bad, says):
    for name in ("force_compile", "lazy_compile", "force_uncompile", "jit_suppress", "jit_unsuppress",
                 "is_jit_compiled", "count_interpreted_calls", "get_compiled_size", "get_compiled_stack_size",
                 "get_compiled_spill_stack_size", "get_function_compilation_time",
                 "get_function_hir_opcode_counts", "print_hir", "disassemble"):
        with pytest.raises(TypeError) as caught:
            getattr(jit, name)(bad)
        assert str(caught.value).startswith(f"{name}(): expected a Python function, ") and says in str(caught.value)


@pytest.mark.parametrize("call, error, says", [
    (("compile_after_n_calls", -1), ValueError, "calls must be in 0..1000000000, got -1"),
    (("compile_after_n_calls", "3"), TypeError, "calls must be None or an int in 0..1000000000, got str '3'"),
    (("compile_after_n_calls", True), TypeError, "got bool True"),
    (("set_max_code_size", 1 << 40), ValueError, "must be in 0..4294967296"),
    (("set_max_code_size", 1.5), TypeError, "got float 1.5"),
    (("disable", "yes"), TypeError, "deopt_all must be True or False, got str 'yes'"),
    (("pause", None), TypeError, "deopt_all must be True or False"),
    (("append_jit_list", 1), TypeError, "must be a str such as 'module:qualified.name', got int 1"),
    (("read_jit_list", 1), TypeError, "must be a str or a path, got int 1"),
])
def test_bad_arguments(jit, call, error, says):
    with pytest.raises(error) as caught:
        getattr(jit, call[0])(*call[1:])
    assert says in str(caught.value) and "\n" not in str(caught.value)


def test_everything_is_harmless_when_off(off):
    status = off.status()
    assert not status.available and not status.enabled and status.reason and status.reason in str(status)
    off.auto()
    off.compile_after_n_calls(0)
    off.disable(deopt_all=True)
    with off.pause():
        pass
    assert off.force_compile(plain) is off.lazy_compile(plain) is off.force_uncompile(plain) is False
    assert off.jit_suppress(plain) is off.jit_unsuppress(plain) is plain
    off.append_jit_list("a:b")
    off.set_max_code_size(0)
    off.clear_runtime_stats()
    assert not off.is_enabled() and not off.is_jit_compiled(plain)
    assert off.get_compile_after_n_calls() is None and off.get_function_hir_opcode_counts(plain) is None
    assert off.get_compiled_functions() == [] and off.get_jit_list() == ({}, {}) and off.get_allocator_stats() == {}
    assert off.get_compiled_size(plain) == off.count_interpreted_calls(plain) == off.get_compilation_time() == 0
    assert off.get_and_clear_runtime_stats() == {"deopt": []}
    out = io.StringIO()
    off.print_hir(plain, file=out)
    off.disassemble(plain, file=out)
    assert len(out.getvalue().splitlines()) == 2
    with pytest.raises(TypeError):
        off.force_compile(3)


def test_enable_warns_when_it_cannot(tmp_path):
    with package.loaded(package.make(tmp_path, fake=False)) as jit, pytest.warns(RuntimeWarning, match="not installed"):
        jit.enable()


def test_status_is_a_record(jit):
    status = jit.status()
    assert status.available and status.python_version == sys.version.split()[0] and "Status(" in repr(status)
    with pytest.raises(AttributeError):
        status.enabled = True


def test_light_import(tmp_path):
    package.make(tmp_path)
    script = tmp_path / "script.py"
    script.write_text("import sys\nbefore = set(sys.modules)\nimport tephra\nafter = set(sys.modules) - before\n"
                      "assert after <= {'tephra', '__future__'}, after\nimport tephra.jit\n"
                      "after = {'typing', 'dataclasses', 'contextlib', 're', 'inspect'} & (set(sys.modules) - before)\n"
                      "assert not after, after\nprint(tephra.jit is sys.modules['tephra.jit'])\n")
    done = package.python(tmp_path, script)
    assert done.stdout == "True\n", done.stderr
