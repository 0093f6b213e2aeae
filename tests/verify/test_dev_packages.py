"""`./dev test packages`: what makes it fail, and that it does run a package's tests through `verify`."""

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
VERSION = platform.python_version().rpartition(".")[0]
pytestmark = pytest.mark.skipif(bool(os.environ.get("TEPHRA_TEST_EMULATED")), reason="the command for this machine")

GOOD = """
def double(x): return 2 * x
def test_ints():
    for i in range(100): assert double(i) == i + i
def test_text(): assert double("ab") == "abab"
"""


@pytest.fixture
def dev(monkeypatch, tmp_path):
    """The module dev.package_suites with this interpreter as that with the packages, and an empty list."""
    monkeypatch.syspath_prepend(str(ROOT / "tools"))
    from dev import build, package_suites, packages, paths, testing

    monkeypatch.setattr(paths, "DEV", tmp_path / "dev")
    monkeypatch.setenv("TEPHRA_CACHE", str(tmp_path / "cache"))

    def prepared(versions, flavour, machine, **_):
        return build.Setup(flavour, machine, tmp_path, {version: Path(sys.executable) for version in versions}, {})

    monkeypatch.setattr(build, "prepare", mock.create_autospec(build.prepare, side_effect=prepared))
    monkeypatch.setattr(testing, "available", mock.create_autospec(testing.available, side_effect=lambda v, m: v))
    monkeypatch.setattr(packages, "ensure", mock.create_autospec(packages.ensure, return_value=Path(sys.executable)))
    monkeypatch.setattr(package_suites, "DOCS", tmp_path / "packages.md")
    return package_suites


def toml(value):
    if isinstance(value, dict):
        return "{" + ", ".join(f"{json.dumps(key)} = {toml(item)}" for key, item in value.items()) + "}"
    return json.dumps(value)


def listed(dev, monkeypatch, tmp_path, content=GOOD, **changed):
    """A list with one package of one test file, as it lies in the cache after it was fetched."""
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w:gz") as tar:
        entry = tarfile.TarInfo("some-1.0/tests/test_some.py")
        entry.size = len(content)
        tar.addfile(entry, io.BytesIO(content.encode()))
    digest = hashlib.sha256(archive.getvalue()).hexdigest()
    folder = tmp_path / "cache/sources" / digest[:16]
    folder.mkdir(parents=True)
    (folder / "some-1.0.tar.gz").write_bytes(archive.getvalue())
    fields = {"source": "some-1.0.tar.gz", "sha256": digest, "targets": ["tests"], "tests": 2, "functions": 3} | changed
    lines = [f"{name} = {toml(value)}" for name, value in fields.items()]
    file = tmp_path / "packages.toml"
    file.write_text("[some]\n" + "\n".join(lines) + "\n")
    monkeypatch.setattr(dev, "LIST", file)


def arguments(**changed):
    return argparse.Namespace(**{"full": True, "arch": None, "resume": False, "write_docs": False} | changed)


def test_a_package_that_passes(dev, monkeypatch, tmp_path, capfd):
    listed(dev, monkeypatch, tmp_path)
    dev.DOCS.write_text(f"before\n<!-- packages {VERSION} -->\n<!-- /packages {VERSION} -->\nafter\n")
    assert dev.main([VERSION], "release", [], arguments(write_docs=True)) == 0, capfd.readouterr()
    out = capfd.readouterr().out
    assert "packages: no regressions" in out and "verify: no regressions" in out
    row = next(line for line in dev.DOCS.read_text().splitlines() if line.startswith("| some-1.0"))
    assert row.startswith("| some-1.0 | 2 | 0 / 0 | 2 | 2 |") and row.endswith("| ok |")


@pytest.mark.parametrize("changed, said", [
    ({"tests": 3}, "2 tests passed on stock, expected 3 at least"),
    ({"functions": 1000}, "functions were compiled at the first call, expected 1000 at least"),
    ({"content": "import no_such_module\n"}, "ended with exit status"),
    ({"targets": ["nothing"]}, "ended with exit status"),
    ({"without": {"tests/test_some.py::test_ints": "sabotage", "tests/test_some.py::test_text": "sabotage"}}, "0 tests passed"),
    # What hides the JIT from the tests: nothing is compiled.
    ({"environment": {"PYTHONPATH": "off"}, "content": GOOD}, "0 functions were compiled"),
])
def test_what_proves_nothing_fails(dev, monkeypatch, tmp_path, capfd, changed, said):
    if "environment" in changed:
        (tmp_path / "off").mkdir()
        (tmp_path / "off/sitecustomize.py").write_text("import os\nos.environ['TEPHRA'] = '0'\n")
        changed = changed | {"environment": {"PYTHONPATH": str(tmp_path / "off")}}
    listed(dev, monkeypatch, tmp_path, **changed)
    assert dev.main([VERSION], "release", [], arguments()) == 1
    out = capfd.readouterr().out
    assert "FAILED: " in out and said in out and "packages: no regressions" not in out


@pytest.mark.parametrize("names, full, said", [(["other"], True, "there is no other; there are some"), ([], False, "nothing to test")])
def test_an_empty_selection(dev, monkeypatch, tmp_path, names, full, said):
    listed(dev, monkeypatch, tmp_path)
    with pytest.raises(Exception, match=said):
        dev.main([VERSION], "release", names, arguments(full=full))


def test_another_archive_under_the_same_name(dev, monkeypatch, tmp_path):
    from dev import sources

    monkeypatch.setattr(sources, "_address", lambda *_: "file:///there")
    monkeypatch.setattr(sources, "_get", lambda *_, **__: io.BytesIO(b"other"))
    listed(dev, monkeypatch, tmp_path, sha256="0" * 64)
    with pytest.raises(Exception, match="its SHA-256 is .*, expected 000"):
        dev.main([VERSION], "release", [], arguments())


def test_fields_are_checked(dev, monkeypatch, tmp_path):
    listed(dev, monkeypatch, tmp_path, wanted=1)
    with pytest.raises(Exception, match="unknown: wanted; known: "):
        dev.main([VERSION], "release", [], arguments())


def test_the_list_is_in_order(dev):
    found = dev.suites.read(dev.LIST)
    assert len(found) >= 2 and any(suite.quick for suite in found.values())
    for suite in found.values():
        assert suite.tests > 0 and suite.functions > 0 and suite.targets, suite.name
        assert bool(suite.source) == bool(suite.sha256), suite.name
