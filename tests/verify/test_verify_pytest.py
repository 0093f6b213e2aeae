"""`verify` and pytest: what the user tells pytest reaches it, in each process."""

import subprocess
import sys

import cases
import pytest
from running import ENV, findings, outcomes, put, rows, verify
from tephra.verify import jobs, targets

THREE = cases.COMPILED + """
import pytest
def test_one():
    assert work(10) == 45
@pytest.mark.special
def test_two():
    assert work(10) == 45
class TestThree:
    def test_three(self):
        assert work(10) == 45
"""
INI = "[pytest]\nmarkers = special\n"


@pytest.mark.parametrize("words, more, left", [
    (["-k", "one or three"], {}, {"test_one", "test_three"}),
    (["-m", "special"], {}, {"test_two"}),
    (["--deselect", "test_it.py::TestThree"], {}, {"test_one", "test_two"}),
    (["--", "--deselect=test_it.py::test_one", "-k", "not three"], {}, {"test_two"}),
    ([], {"PYTEST_ADDOPTS": "-k two"}, {"test_two"}),
    ([], {"PYTEST_PLUGINS": "only_one"}, {"test_one"}),
])
def test_choice(tmp_path, words, more, left):
    put(tmp_path, test_it=THREE,
        only_one="def pytest_collection_modifyitems(items):\n    del items[1:]\n")
    (tmp_path / "pytest.ini").write_text(INI)
    done = verify(tmp_path, ".", "--after", "default", *words, PYTHONPATH=str(tmp_path), **more)
    assert done.returncode == 0, done.stdout + done.stderr
    assert set(outcomes(tmp_path)) == set(outcomes(tmp_path, "after=default")) == left


def test_configuration_chooses_the_files(tmp_path):
    """python_files, testpaths, norecursedirs, collect_ignore, --ignore in addopts; a cache option, warnings as errors."""
    (tmp_path / "pytest.ini").write_text(
        INI + "python_files = check_*.py\ntestpaths = here\nnorecursedirs = data\naddopts = --ff -W error --ignore=here/d\n")
    for name in ("here", "here/data", "here/d", "elsewhere", "here/e"):
        (tmp_path / name).mkdir()
        put(tmp_path / name, **{f"check_{name.replace('/', '_')}": THREE, f"test_{name.replace('/', '_')}": "x ="})
    put(tmp_path / "here", conftest="collect_ignore = ['check_left_out.py']\n", check_left_out="x =")

    def listed(*words):
        return sorted(verify(tmp_path, "--list", *words).stdout.split())

    assert listed("pytest") == ["pytest:here/check_here.py", "pytest:here/e/check_here_e.py"]
    assert listed("here", "--exclude", "here/e") == listed("here", "--ignore", "here/e") == ["pytest:here/check_here.py"]
    assert listed("pytest:elsewhere") == ["pytest:elsewhere/check_elsewhere.py"]
    assert listed("pytest", "--process-per", "target") == ["pytest"]
    done = verify(tmp_path, "pytest", "--after", "default")
    assert done.returncode == 0 and len(outcomes(tmp_path)) == 3, done.stdout
    assert not (tmp_path / ".pytest_cache").exists()


@pytest.mark.parametrize("where, words", [("deep/sub", ["."]), ("other", ["../deep/sub"])])
def test_alone_whatever_the_root_directory(tmp_path, where, words):
    """Node ids are relative to the root directory, which is neither the working folder nor the target's."""
    (tmp_path / "deep/sub").mkdir(parents=True)
    (tmp_path / "other").mkdir()
    (tmp_path / "deep/pytest.ini").write_text("[pytest]\n")
    put(tmp_path / "deep/sub", conftest="def pytest_addoption(parser):\n    parser.addoption('--ours', default='o')\n",
        test_planted=cases.PLANTED + "import pytest\n@pytest.mark.parametrize('n', ['a::b c#1'])\n"
        "def test_n(n, request):\n    assert request.config.getoption('ours') == 'o'\n    work(3)\n    assert not compiled(work)\n")
    folder = tmp_path / where
    done = verify(folder, *words)
    found = findings(folder)
    assert done.returncode == 1 and len(found) == 2, done.stdout + done.stderr
    for each in found.values():
        assert each["kind"] == "regression" and "; alone passed and failed" in each["evidence"], each
        again = subprocess.run(each["command"], shell=True, cwd=folder, env=ENV, capture_output=True, text=True)
        assert again.returncode == 1 and "1 failed" in again.stdout, again.stdout + again.stderr


def test_one_process_per_target(tmp_path):
    """The second file passes only where the first ran before it in the same process."""
    put(tmp_path, test_a=cases.COMPILED + "def test_a():\n    sys.seen = work(3)\n",
        test_b=cases.COMPILED + "def test_b():\n    assert work(3) == getattr(sys, 'seen', None)\n", test_c="x =")
    more = ["--exclude", "test_c.py", "--after", "default"]
    done = verify(tmp_path, ".", *more)
    assert done.returncode == 1 and findings(tmp_path)["test_b.py", "(passed)"]["kind"] == "nothing passed", done.stdout
    done = verify(tmp_path, ".", *more, "--process-per", "target")
    assert done.returncode == 0 and "after=default: the JIT made this suite " in done.stdout, done.stdout
    assert [row["run"]["target"] for row in rows(tmp_path) if "run" in row] == ["pytest:.", "pytest:."]
    assert set(outcomes(tmp_path)) == {"test_a", "test_b"}
    done = verify(tmp_path, ".", *more, "--resume")
    assert done.returncode == 2 and "is of another run" in done.stderr
    done = verify(tmp_path, ".", "--process-per", "target", "--after", "default")
    assert done.returncode == 1 and findings(tmp_path)["", "test_c.py"]["kind"] == "not imported", done.stdout


def test_one_process_per_target_of_cpythons_suite(tmp_path):
    whole = verify(tmp_path, "--list", "--process-per", "target", "cpython:test_future_stmt", "cpython").stdout.split()
    assert whole == ["cpython:test_future_stmt", "cpython"]
    parts = verify(tmp_path, "--list", "cpython:test_future_stmt").stdout.split()
    assert len(parts) > 1
    done = verify(tmp_path, "--process-per", "target", "cpython:test_future_stmt", "--exclude", parts[0])
    assert done.returncode == 0, done.stdout + done.stderr
    modules = {test.rpartition(".")[0].rpartition(".")[0] for test in outcomes(tmp_path)}
    assert modules and modules <= {each.replace("cpython:", "test.") for each in parts[1:]}, modules
    leaves_out = targets.parse(["cpython"], targets.Selection(sys.executable, whole=True),
                               ["cpython:test_socket", parts[0]])[0]
    settings = jobs.Settings(sys.executable, 1.0, tmp_path, ignored=("*.test_x",))
    words = jobs.arguments(leaves_out, "stock", settings, "record", "scratch")
    assert words[-6:] == ["-i", "*.test_x", "-i", parts[0].replace("cpython:", "test.") + ".*", "-x", "test_socket"]


def test_installed_packages(tmp_path):
    (tmp_path / "site/package/tests").mkdir(parents=True)
    for folder in ("package", "package/tests"):
        put(tmp_path / "site" / folder, __init__="")
    file = put(tmp_path / "site/package/tests", test_it=THREE) / "test_it.py"
    more = {"PYTHONPATH": str(tmp_path / "site")}
    done = verify(tmp_path, "--list", "pytest:package.tests", "--", "--pyargs", **more)
    assert done.stdout == f"pytest:{file}\n", done.stdout + done.stderr
    done = verify(tmp_path, "pytest:package.tests", "--after", "default", "--", "--pyargs", **more)
    assert done.returncode == 0 and len(outcomes(tmp_path)) == 3, done.stdout + done.stderr


def test_both_meanings_of_ignore(tmp_path):
    """A path for pytest, a pattern for CPython's suite; a file of the same name as a pattern changes nothing there."""
    (tmp_path / "more").mkdir()
    put(tmp_path, test_it=THREE)
    put(tmp_path / "more", test_more=THREE)
    (tmp_path / "pytest.ini").write_text(INI)
    done = verify(tmp_path, ".", "cpython:test_keyword", "--ignore", "more", "--ignore", "*.test_keywords_are_sorted",
                  "--after", "default")
    assert done.returncode == 0, done.stdout + done.stderr
    found = {row["run"]["target"] for row in rows(tmp_path) if "run" in row}
    assert found == {"pytest:test_it.py", "cpython:test_keyword"}
    names = {name.rpartition(".")[2] for name in outcomes(tmp_path)}
    assert "test_one" in names and "test_true_is_a_keyword" in names and "test_keywords_are_sorted" not in names
    (tmp_path / "test_keywords_are_sorted").touch()
    verify(tmp_path, "cpython:test_keyword", "--ignore", "test_keywords_are_sorted")
    names = {name.rpartition(".")[2] for name in outcomes(tmp_path)}
    assert "test_true_is_a_keyword" in names and "test_keywords_are_sorted" not in names


def test_folder_inside_of_a_package(tmp_path):
    """pytest looks into each package above a folder; the files beside it are not meant."""
    inner = tmp_path / "outer/inner"
    inner.mkdir(parents=True)
    for folder in (tmp_path / "outer", inner):
        put(folder, __init__="", **{f"test_{folder.name}": THREE})
    assert verify(tmp_path, "--list", "outer/inner").stdout.split() == ["pytest:outer/inner/test_inner.py"]
    assert verify(tmp_path, "--list", "outer/../outer/inner").stdout.split() == ["pytest:outer/inner/test_inner.py"]


def test_folder_in_which_pytest_cannot_start(tmp_path):
    put(tmp_path, conftest=cases.BROKEN, test_it=THREE)
    done = verify(tmp_path, ".")
    assert done.returncode == 2 and len(done.stderr.splitlines()) == 1, done.stderr
    assert "pytest finds no files: ImportError while loading conftest" in done.stderr
