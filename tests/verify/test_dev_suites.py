"""`./dev test packages` and `torch`: what makes them fail, and that they do run tests through `verify`."""

import argparse
import hashlib
import io
import json
import os
import platform
import sys
import tarfile
from pathlib import Path
from unittest import mock

import pytest

ROOT = Path(__file__).parents[2]
VERSIONS = ("3.12", "3.14")
VERSION = platform.python_version().rpartition(".")[0]
pytestmark = pytest.mark.skipif(bool(os.environ.get("TEPHRA_TEST_EMULATED")), reason="the command for this machine")

GOOD = """
def double(x): return 2 * x
def test_ints():
    for i in range(100): assert double(i) == i + i
def test_text(): assert double("ab") == "abab"
"""


class Packages:
    """`./dev test packages` with one package, whose archive lies in the cache as if it was fetched."""

    name, row = "packages", "some-1.0"

    def __init__(self, monkeypatch, folder):
        from dev import package_suites, packages

        self.module, self._folder, self._set = package_suites, folder, monkeypatch.setattr
        self._set(packages, "ensure", mock.create_autospec(packages.ensure, return_value=Path(sys.executable)))

    def put(self, content, changed):
        archive = io.BytesIO()
        with tarfile.open(fileobj=archive, mode="w:gz") as tar:
            entry = tarfile.TarInfo("some-1.0/tests/test_some.py")
            entry.size = len(content)
            tar.addfile(entry, io.BytesIO(content.encode()))
        digest = hashlib.sha256(archive.getvalue()).hexdigest()
        folder = self._folder / "cache/sources" / digest[:16]
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "some-1.0.tar.gz").write_bytes(archive.getvalue())
        return {"source": "some-1.0.tar.gz", "sha256": digest, "targets": ["tests"]} | changed


class Torch:
    """`./dev test torch` with one module, without torch."""

    name, row = "torch", "some"

    def __init__(self, monkeypatch, folder):
        from dev import torch_suites

        self.module, self._folder = torch_suites, folder
        (folder / "home").mkdir()
        (folder / "home/tephra_torch_shim.py").touch()
        monkeypatch.setattr(torch_suites, "HOME", folder / "home")
        monkeypatch.setattr(torch_suites, "environment", lambda setup, version: Path(sys.executable))
        monkeypatch.setattr(torch_suites, "tests", lambda: folder / "torch-tests")

    def put(self, content, changed):
        (self._folder / "torch-tests/test/tests").mkdir(parents=True, exist_ok=True)
        (self._folder / "torch-tests/test/tests/test_some.py").write_text(content)
        return {"targets": ["tests/test_some.py"]} | changed


class Command:
    """The command under test: its list, its page, and how it is run."""

    def __init__(self, kind, monkeypatch, folder):
        self.kind, self.module, self._folder, self._monkeypatch = kind, kind.module, folder, monkeypatch
        self.docs = folder / "page.md"
        monkeypatch.setattr(self.module, "DOCS", self.docs)

    def listed(self, content=GOOD, **changed):
        fields = {"tests": 2, "functions": 3} | self.kind.put(content, changed)
        file = self._folder / "list.toml"
        file.write_text("\n".join(["[some]", *(f"{name} = {toml(value)}" for name, value in fields.items()), ""]))
        self._monkeypatch.setattr(self.module, "LIST", file)

    def run(self, names=(), **changed):
        from dev import suites

        args = argparse.Namespace(**{"full": True, "arch": None, "resume": False, "write_docs": False} | changed)
        return suites.main(self.module.collection(), [VERSION], "release", list(names), args)


@pytest.fixture(params=[Packages, Torch], ids=["packages", "torch"])
def command(request, monkeypatch, tmp_path):
    """The command with this interpreter as that with the packages."""
    monkeypatch.syspath_prepend(str(ROOT / "tools"))
    from dev import build, matrix, paths

    monkeypatch.setattr(paths, "DEV", tmp_path / "dev")
    monkeypatch.setenv("TEPHRA_CACHE", str(tmp_path / "cache"))

    def prepared(versions, flavour, machine, **_):
        return build.Setup(flavour, machine, tmp_path, {version: Path(sys.executable) for version in versions}, {})

    monkeypatch.setattr(build, "prepare", mock.create_autospec(build.prepare, side_effect=prepared))
    monkeypatch.setattr(matrix, "available", mock.create_autospec(matrix.available, side_effect=lambda v, m: v))
    return Command(request.param(monkeypatch, tmp_path), monkeypatch, tmp_path)


def toml(value):
    if isinstance(value, dict):
        return "{" + ", ".join(f"{json.dumps(key)} = {toml(item)}" for key, item in value.items()) + "}"
    return json.dumps(value)


def test_a_suite_that_passes(command, capfd):
    name = command.kind.name
    command.listed()
    command.docs.write_text(f"before\n<!-- {name} {VERSION} -->\n<!-- /{name} {VERSION} -->\nafter\n")
    assert command.run(write_docs=True) == 0, capfd.readouterr()
    out = capfd.readouterr().out
    assert f"{name}: no regressions" in out and "verify: no regressions" in out
    row = next(line for line in command.docs.read_text().splitlines() if line.startswith(f"| {command.kind.row}"))
    assert row.startswith(f"| {command.kind.row} | 2 | 0 / 0 | 2 | 2 |") and row.endswith("| ok |")


@pytest.mark.parametrize("changed, said", [
    ({"tests": 3}, "2 tests passed on stock, expected 3 at least"),
    ({"functions": 1000}, "functions were compiled at the first call, expected 1000 at least"),
    ({"content": "import no_such_module\n"}, "ended with exit status"),
    ({"targets": ["nothing"]}, "ended with exit status"),
    ({"without": {"tests/test_some.py::test_ints": "sabotage", "tests/test_some.py::test_text": "sabotage"}}, "0 tests passed"),
    # What hides the JIT from the tests: nothing is compiled.
    ({"environment": {"PYTHONPATH": "off"}, "content": GOOD}, "0 functions were compiled"),
])
def test_what_proves_nothing_fails(command, tmp_path, capfd, changed, said):
    if "environment" in changed:
        (tmp_path / "off").mkdir()
        (tmp_path / "off/sitecustomize.py").write_text("import os\nos.environ['TEPHRA'] = '0'\n")
        changed = changed | {"environment": {"PYTHONPATH": os.pathsep.join([str(tmp_path / "off"), str(tmp_path / "home")])}}
    command.listed(**changed)
    assert command.run() == 1
    out = capfd.readouterr().out
    assert "FAILED: " in out and said in out and f"{command.kind.name}: no regressions" not in out


OTHER = "aarch64"
emulated = pytest.mark.skipif(platform.machine() == OTHER, reason="AArch64 is no other machine here")


@emulated
def test_on_an_emulated_machine(command, capfd):
    name, mark = command.kind.name, f"{command.kind.name} {VERSION} {OTHER}"
    command.listed(emulated=True)
    command.docs.write_text(f"<!-- {name} {VERSION} -->\n<!-- /{name} {VERSION} -->\n<!-- {mark} -->\n<!-- /{mark} -->\n")
    assert command.run(arch=OTHER, write_docs=True) == 0, capfd.readouterr()
    before, _, table = command.docs.read_text().partition(f"<!-- {mark} -->\n")
    assert "|" not in before and f"{OTHER} emulated" in table
    assert f"| {command.kind.row} | 2 | 0 / 0 | 2 | 2 |" in table and "| - | - | - | ok |" in table  # no times


@emulated
def test_all_machines(command, capfd):
    command.listed(tests=3, emulated=True)
    assert command.run(arch="all") == 1
    out = capfd.readouterr().out
    for where in (f"CPython {VERSION}", f"CPython {VERSION}, {OTHER} emulated"):
        assert f"FAILED: {where}: some: 2 tests passed on stock, expected 3" in out


@emulated
def test_what_is_not_emulated(command):
    command.listed()
    with pytest.raises(Exception, match=f"nothing to test with CPython {VERSION}, {OTHER} emulated"):
        command.run(["some"], arch=OTHER)
    assert command.run(arch="all") == 0


@pytest.mark.parametrize("names, full, said", [(["other"], True, "there is no other; there are some"), ([], False, "nothing to test")])
def test_an_empty_selection(command, names, full, said):
    command.listed()
    with pytest.raises(Exception, match=said):
        command.run(names, full=full)


@pytest.mark.parametrize("command", [Packages], indirect=True)
def test_another_archive_under_the_same_name(command, monkeypatch):
    from dev import sources

    monkeypatch.setattr(sources, "_address", lambda *_: "file:///there")
    monkeypatch.setattr(sources, "_get", lambda *_, **__: io.BytesIO(b"other"))
    command.listed(sha256="0" * 64)
    with pytest.raises(Exception, match="its SHA-256 is .*, expected 000"):
        command.run()


def test_fields_are_checked(command):
    command.listed(wanted=1)
    with pytest.raises(Exception, match="unknown: wanted; known: "):
        command.run()


@pytest.mark.parametrize("field, more, said", [
    ("tests", 3, "2 tests passed on stock, expected 3 at least"),
    ("functions", 1000, "functions were compiled at the first call, expected 1000 at least"),
])
def test_the_least_numbers_of_each_version(command, capfd, field, more, said):
    other, = set(VERSIONS) - {VERSION}
    command.listed(**{field: {VERSION: 2, other: more}})
    assert command.run() == 0, capfd.readouterr()
    command.listed(**{field: {VERSION: more, other: 2}})
    assert command.run() == 1
    assert said in capfd.readouterr().out


@pytest.mark.parametrize("floor", [{"3.12": 2}, {"3.12": 2, "3.14": 2, "3.15": 2}])
def test_a_number_for_each_version(command, floor):
    command.listed(tests=floor)
    with pytest.raises(Exception, match="tests: a number, or one for each of 3.12, 3.14"):
        command.run()


def test_the_list_is_in_order(command):
    found = command.module.suites.read(command.module.LIST)
    assert len(found) >= 2 and any(suite.quick for suite in found.values())
    for suite in found.values():
        assert suite.targets and all(floor > 0 for version in suite.only or VERSIONS for floor in suite.least(version)), suite.name
        assert bool(suite.source) == bool(suite.sha256), suite.name
