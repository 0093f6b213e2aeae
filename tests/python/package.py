"""A copy of the Python package with the stand-in extension of fake_tephra.py, and ways to run it."""

import contextlib
import importlib
import os
import pathlib
import shutil
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]


def make(folder, fake=True):
    """Copies python/ to `folder`, with the stand-in as the extension (or with none). Gives `folder`."""
    shutil.copytree(ROOT / "python", folder, dirs_exist_ok=True,
                    ignore=shutil.ignore_patterns("__pycache__", "*.so"))
    if fake:
        shutil.copy(pathlib.Path(__file__).with_name("fake_tephra.py"), folder / "tephra/_tephra.py")
    return folder


def environment(folder=None, **more):
    """Ours without any TEPHRA_* variable; `folder` first on the module path."""
    env = {key: text for key, text in os.environ.items() if not key.startswith(("TEPHRA", "PYTHON"))}
    if folder:
        env["PYTHONPATH"] = str(folder)
    return dict(env, PYTHONDONTWRITEBYTECODE="1", **more)


def python(folder, *args, input=None, cwd=None, options=(), **env):
    """Runs the interpreter with the package in `folder`."""
    return subprocess.run([sys.executable, *options, *map(str, args)], env=environment(folder, **env), cwd=cwd,
                          input=input, text=True, capture_output=True, timeout=120, check=False)


def tephra(folder, *args, **kwargs):
    """Runs `python -m tephra ARGS`."""
    return python(folder, "-m", "tephra", *args, **kwargs)


@contextlib.contextmanager
def loaded(folder):
    """tephra.jit of the copy, within this process; the package that was loaded before comes back."""
    saved = {name: module for name, module in sys.modules.items() if name.partition(".")[0] == "tephra"}
    environ = {key: text for key, text in os.environ.items() if key.startswith("TEPHRA")}
    for name in saved:
        del sys.modules[name]
    for key in environ:
        del os.environ[key]
    sys.path.insert(0, str(folder))
    try:
        yield importlib.import_module("tephra.jit")
    finally:
        sys.path.remove(str(folder))
        for name in [name for name in sys.modules if name.partition(".")[0] == "tephra"]:
            del sys.modules[name]
        sys.modules.update(saved)
        os.environ.update(environ)
