"""Pylint: its standard checkers on functions and classes of real packages, a module each."""

import contextlib
import io
import tempfile
from pathlib import Path

import inputs
from pylint.lint import PyLinter
from pylint.reporters.text import TextReporter

DEFAULT_SIZE = 500
QUICK = True
PACKAGES = ("pylint", "astroid", "docutils")


def run(step, size):
    found = inputs.definitions("docutils", 8, 40)
    with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
        output = io.StringIO()
        linter = PyLinter(reporter=TextReporter(output))
        linter.load_default_plugins()
        for i in range(size):
            Path(f"checked{i}.py").write_text(f"import re\nimport sys\n\n\n{found[i % len(found)]}\n")
            linter.check([f"checked{i}.py"])
            step(sorted(line for line in output.getvalue().splitlines() if line.startswith("checked")))
            output.seek(0)
            output.truncate()
