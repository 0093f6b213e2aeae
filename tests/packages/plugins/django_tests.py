"""pytest plugin for Django's tests: the set-up of its own runner (tests/runtests.py) for the folders of the command line, on SQLite."""

import atexit
import os
import shutil
import sys
import tempfile
from pathlib import Path

import pytest


def _labels(words, tests):
    """The folders below tests/ that the paths of the command line lie in: test apps, by Django's word."""
    files = [Path(word.partition("::")[0]).resolve() for word in words]
    return sorted({file.relative_to(tests).parts[0] for file in files if file.exists() and tests in file.parents})


@pytest.hookimpl(trylast=True)
def pytest_configure(config):
    tests = (config.invocation_params.dir / "tests").resolve()
    os.environ["DJANGO_SETTINGS_MODULE"] = "test_sqlite"
    sys.path.insert(0, str(tests))
    os.environ["TMPDIR"] = folder = tempfile.mkdtemp(prefix="django_")  # where runtests would make it as a program
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    import runtests  # of tests/
    from django.conf import settings
    from django.db import connections
    from django.test.utils import get_runner

    runtests.setup_run_tests(0, None, None, _labels(config.args, tests))
    runner = get_runner(settings)(verbosity=0, interactive=False)
    runner.setup_test_environment()
    config.django_runner = runner, runner.setup_databases(aliases=set(connections))


def pytest_unconfigure(config):
    if hasattr(config, "django_runner"):
        runner, databases = config.django_runner
        runner.teardown_databases(databases)
        runner.teardown_test_environment()
