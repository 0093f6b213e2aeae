"""`./dev test --full --cpython` calls the build as it is, runs `verify`, and keeps chosen modules apart from all."""

import argparse
import os
import platform
import sys
from pathlib import Path
from unittest import mock

import pytest

ROOT = Path(__file__).parents[2]
VERSION = platform.python_version().rpartition(".")[0]


@pytest.fixture
def suite(monkeypatch, tmp_path):
    """The module dev.cpython_suite with this interpreter as the result of a build."""
    monkeypatch.syspath_prepend(str(ROOT / "tools"))
    from dev import build, cpython_suite, matrix, paths

    monkeypatch.setattr(paths, "DEV", tmp_path)

    def prepared(versions, flavour, machine, **_):
        pythons = {version: Path(sys.executable) for version in versions}
        return build.Setup(flavour, machine, tmp_path, pythons, {})

    # The signatures are those of the real functions: a call that does not fit them fails here as it would there.
    monkeypatch.setattr(build, "prepare", mock.create_autospec(build.prepare, side_effect=prepared))
    monkeypatch.setattr(matrix, "available", mock.create_autospec(matrix.available, side_effect=lambda v, m: v))
    return cpython_suite


def arguments(*paths, **changed):
    """What the command line would give."""
    return argparse.Namespace(**{"full": True, "arch": None, "resume": False, "paths": list(paths)} | changed)


@pytest.mark.skipif(bool(os.environ.get("TEPHRA_TEST_EMULATED")), reason="the command for this machine; emulation is chosen with --arch")
def test_runs_and_keeps_chosen_modules_apart(suite, tmp_path, capfd):
    whole = tmp_path / f"cpython-{VERSION}"
    whole.mkdir()
    (whole / "state.jsonl").write_text("two hours of results\n")
    assert suite.main([VERSION], "release", arguments("test_keyword")) == 0, capfd.readouterr()
    out = capfd.readouterr().out
    assert "verify: no regressions" in out and f"CPython {VERSION}: no regressions" in out
    assert "after=0" in out and "after=default" in out
    assert (whole / "state.jsonl").read_text() == "two hours of results\n"
    assert (tmp_path / f"cpython-{VERSION}-chosen/state.jsonl").stat().st_size > 0


def test_without_an_interpreter_nothing_is_proved(suite, capfd):
    assert suite.main([], "release", arguments()) == 1


@pytest.mark.parametrize("changed, said", [({"full": False}, "--full --cpython"), ({"arch": "all"}, "one machine")])
def test_wrong_words(suite, changed, said):
    with pytest.raises(Exception, match=said):
        suite.main([VERSION], "release", arguments(**changed))
