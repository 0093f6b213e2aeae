"""What Tephra does and says where the process is unlike an ordinary one: -S, -E, -I, frozen, imported from an archive.

With the stand-in extension; test_installed.py tries what matters with the real one.
"""

import shutil
import subprocess
import sys

import package
import pytest

REASON = "from tephra import jit; s = jit.status(); print(s.enabled, s.reason)"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return package.make(tmp_path_factory.mktemp("site"))


@pytest.fixture(scope="module")
def bare(tmp_path_factory):
    return package.make(tmp_path_factory.mktemp("bare"), fake=False)


def run(*args, **env):
    """(status, stdout, stderr) of the interpreter, outside of any venv."""
    done = subprocess.run([sys._base_executable, *args], env=package.environment(**env), text=True,
                          capture_output=True, timeout=60, check=False)
    return done.returncode, done.stdout.strip(), done.stderr.strip()


def site(folder, code):
    """`code` after site has read the .pth files of the folder, as it does at start-up for its own folders."""
    return f"import site; site.addsitedir({str(folder)!r})\n{code}"


def path(folder, code):
    """`code` with the folder on sys.path, without its .pth file."""
    return f"import sys; sys.path.insert(0, {str(folder)!r})\n{code}"


@pytest.mark.parametrize("flag", ["-E", "-I"])
def test_variables_are_ignored_as_those_of_cpython_are(folder, flag):
    show = "from tephra import jit; s = jit.status(); print(s.available, s.enabled, s.compile_after)"
    imported = "import sys; print([name for name in sys.modules if name.startswith('tephra')])"
    variables = {"TEPHRA": "1", "TEPHRA_COMPILE_AFTER": "5", "TEPHRA_SUMMARY": "1", "TEPHRA_NONSENSE": "1"}
    assert run(flag, "-c", site(folder, imported), **variables) == (0, "[]", "")
    assert run(flag, "-c", site(folder, show), **variables) == (0, "True False None", "")
    assert run(flag, "-c", site(folder, show + "; jit.auto(); print(jit.status().sampled)"),
               **variables) == (0, "True False None\nTrue", "")
    # What switches off is a variable like any other; -X is the command line's.
    assert run(flag, "-X", "tephra", "-X", "tephra-compile-after=7", "-c", site(folder, show), TEPHRA="0",
               TEPHRA_COMPILE_AFTER="5") == (0, "True True 7", "")
    assert run(flag, "-X", "tephra=0", "-c", site(folder, show), TEPHRA="1") == (0, "False False None", "")


def test_without_these_flags_the_same_variables_count(folder):
    show = "from tephra import jit; s = jit.status(); print(s.available, s.enabled, s.compile_after)"
    assert run("-c", site(folder, show), TEPHRA="1", TEPHRA_COMPILE_AFTER="5") == (0, "True True 5", "")
    assert run("-X", "tephra", "-c", site(folder, show), TEPHRA="0") == (0, "False False None", "")


def test_the_command_line_works_without_variables(folder):
    show = "from tephra import jit; s = jit.status(); print(s.enabled, s.compile_after)"
    code = path(folder, f"import tephra._cli\ntephra._cli.main(['--compile-after', '6', '-c', {show!r}])")
    assert run("-E", "-c", code, TEPHRA="0", TEPHRA_SUMMARY="1") == (0, "True 6", "")


@pytest.mark.parametrize("flags, env, wanted", [
    ([], {}, "set TEPHRA=1 or call tephra.jit.auto()"),
    ([], {"TEPHRA": "1"}, "TEPHRA=1 was not seen: there is no tephra.pth in a folder that site reads at start-up; "
     "call tephra.jit.auto()"),
    (["-S"], {}, "call tephra.jit.auto()"),
    (["-S"], {"TEPHRA": "1"}, "TEPHRA=1 is seen by site, which -S leaves out: call tephra.jit.auto()"),
    (["-S", "-X", "tephra"], {}, "-X tephra is seen by site, which -S leaves out: call tephra.jit.auto()"),
    (["-E"], {"TEPHRA": "1"}, "start with -X tephra (TEPHRA=1 is ignored: -E or -I) or call tephra.jit.auto()"),
    (["-S", "-E"], {"TEPHRA": "1"}, "call tephra.jit.auto()"),
])
def test_how_to_switch_on_is_true_here(folder, flags, env, wanted):
    assert run(*flags, "-c", path(folder, REASON), **env) == (0, f"False not switched on; {wanted}", "")


def test_how_to_switch_on_in_a_frozen_program(folder):
    frozen = path(folder, "sys.frozen = True\n" + REASON)
    assert run("-S", "-c", frozen) == (0, "False not switched on; call tephra.jit.auto()", "")
    assert run("-c", frozen, TEPHRA="1") == (0, "False not switched on; TEPHRA=1 is not seen in a frozen program: "
                                             "call tephra.jit.auto()", "")


@pytest.mark.parametrize("flags", [["-S"], ["-I"], ["-S", "-E"]])
def test_auto_works_without_site(folder, flags):
    code = path(folder, "from tephra import jit; jit.auto(); print(jit.is_enabled())")
    assert run(*flags, "-c", code) == (0, "True", "")


def test_site_that_is_called_late_counts(folder):
    code = f"import site; site.addsitedir({str(folder)!r})\n{REASON}"
    assert run("-S", "-c", code, TEPHRA="1") == (0, "True", "")


def test_missing_extension_is_named_as_it_is(bare, tmp_path):
    """What to do differs: nothing can be installed into a frozen program or an archive."""
    missing = "False the extension module tephra._tephra is not"
    assert run("-c", path(bare, REASON)) == (
        0, f"{missing} installed for {sys._base_executable}: build it with `pip install .` or `./dev build`", "")
    assert run("-c", path(bare, "sys.executable = ''\n" + REASON)) == (
        0, f"{missing} installed: build it with `pip install .` or `./dev build`", "")
    assert run("-S", "-c", path(bare, "sys.frozen = True\n" + REASON)) == (
        0, f"{missing} part of this frozen program: have the tool that makes it include that module", "")
    archive = shutil.make_archive(str(tmp_path / "app"), "zip", bare)
    assert run("-S", "-c", path(archive, REASON)) == (
        0, f"{missing} loadable from the archive {archive}: install Tephra outside of it, with `pip install .`", "")


def test_package_from_an_archive_with_the_extension_beside_it(bare, folder, tmp_path):
    archive = shutil.make_archive(str(tmp_path / "app"), "zip", bare)
    beside = tmp_path / "beside"
    beside.mkdir()
    shutil.copy(folder / "tephra/_tephra.py", beside)
    code = path(archive, f"import tephra; tephra.__path__.append({str(beside)!r})\n"
                "from tephra import jit; jit.auto(); jit.force_compile(lambda: 1); print(jit.status().functions)")
    status, out, err = run("-S", "-c", code, TEPHRA_SUMMARY="1")
    assert (status, out) == (0, "1") and err.startswith("tephra: 1 functions compiled"), err


FROZEN = """
import os, sys
from importlib.machinery import ModuleSpec
class Importer:  # like modules that are part of the executable: no __file__, no __path__ entries
    @classmethod
    def find_spec(cls, name, path=None, target=None):
        inside = os.path.join(ROOT, *name.split("."))
        package = os.path.isdir(inside)
        source = os.path.join(inside, "__init__.py") if package else inside + ".py"
        if name.partition(".")[0] != "tephra" or not os.path.isfile(source):
            return None
        spec = ModuleSpec(name, cls, origin="frozen", is_package=package)
        spec.loader_state = source
        return spec
    @staticmethod
    def create_module(spec):
        return None
    @staticmethod
    def exec_module(module):
        with open(module.__spec__.loader_state) as file:
            exec(compile(file.read(), f"<frozen {module.__name__}>", "exec"), vars(module))
sys.meta_path.insert(0, Importer)
"""


def test_frozen_modules_have_no_file(bare, folder):
    frozen = f"ROOT = {str(bare)!r}\n{FROZEN}\nimport tephra; assert not hasattr(tephra, '__file__')\n"
    assert run("-S", "-c", frozen + REASON) == (
        0, "False the extension module tephra._tephra is not part of this frozen program: "
        "have the tool that makes it include that module", "")
    frozen = frozen.replace(str(bare), str(folder))
    assert run("-S", "-c", frozen + REASON + "\njit.auto(); print(jit.is_enabled(), jit.status().sampled)",
               TEPHRA_COMPILE_AFTER="x", TEPHRA_FROBNICATE="1") == (
        0, "False not switched on; call tephra.jit.auto()\nTrue True",
        "tephra: TEPHRA_COMPILE_AFTER: bad value 'x'; expected a whole number in -1..1000000000; ignored\n"
        "tephra: TEPHRA_FROBNICATE: unknown option; ignored")


@pytest.mark.parametrize("flags, says, uses", [
    (["-S"], "note  tephra.pth        not read under -S: TEPHRA=1 does nothing", "python -m tephra PROGRAM.py"),
    (["-E"], "note  environment       ignored (-E or -I): TEPHRA=1 and all TEPHRA_* do nothing, -X tephra works",
     "python -m tephra PROGRAM.py"),
    ([], "note  tephra.pth        not in a site-packages folder: TEPHRA=1 does nothing", "python -m tephra PROGRAM.py"),
])
def test_doctor_says_what_is_honoured_here(folder, flags, says, uses):
    code = path(folder, "import tephra._cli\nsys.exit(tephra._cli.main(['doctor']))")
    status, out, err = run(*flags, "-c", code)
    assert (status, err) == (0, ""), out + err
    assert says in out and f"Tephra works here. {uses} uses it." in out, out
