"""The public workflows and forms parse, and call only what there is."""

import itertools
import re
import tomllib
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
WORKFLOWS = sorted((ROOT / ".github/workflows").glob("*.yml"))
FORMS = sorted((ROOT / ".github/ISSUE_TEMPLATE").glob("*.yml"))


def names(paths):
    return [path.name for path in paths]


def read(path):
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def steps(workflow):
    return list(itertools.chain.from_iterable(job["steps"] for job in workflow["jobs"].values()))


def test_there_are_workflows_and_forms():
    assert names(WORKFLOWS) == ["release.yml", "tests.yml"] and len(FORMS) > 2


@pytest.mark.parametrize("path", WORKFLOWS, ids=names(WORKFLOWS))
def test_a_workflow(path):
    workflow = read(path)
    assert True in workflow and workflow["permissions"] == {"contents": "read"}  # YAML's `on` is True
    for job in workflow["jobs"].values():
        assert job["timeout-minutes"] and job["runs-on"]
        assert set(job.get("needs", [])) <= set(workflow["jobs"])
        assert all(("uses" in step) != ("run" in step) for step in job["steps"])
        assert set(re.findall(r"steps\.(\w+)\.outputs", yaml.dump(job))) <= {step.get("id") for step in job["steps"]}
        rows = job.get("strategy", {}).get("matrix", {}).get("include", [])
        for used in re.findall(r"matrix\.(\w+)", yaml.dump(job)):
            assert any(used in row for row in rows), used
    for step in steps(workflow):
        if "uses" in step:
            assert re.fullmatch(r"actions/[\w-]+@v\d+", step["uses"]), step


def test_commands_of_dev_are_there(monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT / "tools"))
    from dev import cli, pages

    scripts = [step["run"] for path in WORKFLOWS for step in steps(read(path)) if "run" in step]
    scripts += [option for path in WORKFLOWS for job in read(path)["jobs"].values()
                for row in job.get("strategy", {}).get("matrix", {}).get("include", []) if (option := f"./dev test {row.get('options', '')}")]
    called = [script for script in scripts if "./dev " in script]
    assert len(called) >= 4 and any("./dev check" in script for script in called)
    assert [list(pages.wrong_commands(script, cli.command_line())) for script in called] == [[]] * len(called)


def test_wheels_for_both_versions():
    built = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["cibuildwheel"]["build"]
    assert built == ["cp312-manylinux_*", "cp314-manylinux_*"]
    runners = {row["arch"]: row["runner"] for row in read(ROOT / ".github/workflows/release.yml")["jobs"]["wheels"]["strategy"]["matrix"]["include"]}
    assert set(runners) == {"x86_64", "aarch64"} and runners["aarch64"].endswith("-arm")


@pytest.mark.parametrize("path", FORMS, ids=names(FORMS))
def test_a_form(path):
    form = read(path)
    if path.name == "config.yml":
        assert set(form) == {"blank_issues_enabled"}
        return
    assert form["name"] and form["description"]
    fields = [field for field in form["body"] if field["type"] != "markdown"]
    assert fields and all(field["attributes"]["label"] for field in fields)
    assert len({field["id"] for field in fields}) == len(fields)
