"""The results as JUnit XML: one suite per target and configuration under the JIT, one case per test."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ElementTree
from pathlib import Path

from tephra.verify.jobs import STOCK
from tephra.verify.records import Problem
from tephra.verify.report import Summary

_FORBIDDEN = re.compile("[^\t\n\r -\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")  # XML 1.0 has no such characters


def _clean(text: str) -> str:
    return _FORBIDDEN.sub("?", text)


def tree(summary: Summary) -> ElementTree.Element:
    """The document. A case fails where the verification fails because of it."""
    root = ElementTree.Element("testsuites", name=_clean(summary.title))
    for (target, config), run in summary.state.runs.items():
        if config == STOCK:
            continue
        findings = {each.test: each for each in summary.state.findings.get((target, config), ())}
        names = [*run.tests, *(test for test in findings if test not in run.tests)]
        suite = ElementTree.SubElement(
            root, "testsuite", name=f"{target} {config}", tests=str(len(names)), time=str(run.seconds),
            failures=str(sum(each.fails for each in findings.values())),
            skipped=str(run.count("skipped", "xfailed")))
        properties = ElementTree.SubElement(suite, "properties")
        for measure in ("cpu_seconds", "compile_seconds", "peak_kib", "functions"):
            ElementTree.SubElement(properties, "property", name=measure, value=str(getattr(run, measure)))
        for name in names:
            case = ElementTree.SubElement(suite, "testcase", classname=_clean(f"{target} {config}"), name=_clean(name))
            finding = findings.get(name)
            if finding and finding.fails:
                failure = ElementTree.SubElement(case, "failure", message=_clean(finding.line()))
                failure.text = _clean(f"{finding.detail}\nreproduce: {finding.command}")
            elif run.tests.get(name) in ("skipped", "xfailed"):
                ElementTree.SubElement(case, "skipped")
            elif finding:
                ElementTree.SubElement(case, "system-out").text = _clean(finding.line())
    problems = ElementTree.SubElement(root, "testsuite", name="verify", tests=str(len(summary.problems)),
                                      failures=str(len(summary.problems)))
    for line in summary.problems:
        case = ElementTree.SubElement(problems, "testcase", classname="verify", name=_clean(line))
        ElementTree.SubElement(case, "failure", message=_clean(line))
    return root


def write(path: Path, summary: Summary) -> None:
    """Writes the file. Raises: Problem."""
    try:
        ElementTree.ElementTree(tree(summary)).write(path, encoding="utf-8", xml_declaration=True)
    except OSError as error:
        raise Problem(f"{path}: {error.strerror}") from None
