"""What the programs run under.

A target is a command that starts an interpreter, an environment, and how the JIT under test is switched on in it.
`tephra` is the subject, `cpython` the base: the interpreter that Tephra runs in, without it, in a process of its own.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from dataclasses import dataclass, field, replace

from tephra import _config
from tephra.bench.errors import BenchError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

TEPHRA, PLAIN = "tephra", "plain"
SUBJECT, BASE = "tephra", "cpython"
_LABEL = re.compile(r"[A-Za-z][\w.+-]*")
_ASSIGNMENT = re.compile(r"[A-Za-z_]\w*=")

AGAINST_HELP = """\
--against takes one of
  cpython-jit               CPython's own JIT (PYTHON_JIT=1) in the same interpreter, where the build has it
  pypy3, /path/to/python    another interpreter, on PATH or by path
  LABEL:COMMAND             the same with a name of its own; COMMAND may begin with VAR=VALUE words and have
                            options: 'py3.15-jit:PYTHON_JIT=1 /opt/python3.15'
  package:NAME[=CODE]       a JIT that is a package of this interpreter; CODE switches it on (default: import NAME):
                            'package:somejit=import somejit; somejit.enable()'
  build:LABEL=PYTHON        another build of Tephra: an interpreter that has it installed
"""

_PROBE = """
import sys, platform, json, sysconfig
jit = getattr(sys, '_jit', None)
arguments = sysconfig.get_config_var('CONFIG_ARGS') or ''
print(json.dumps({
    'python': platform.python_version(), 'implementation': platform.python_implementation(),
    'executable': sys.executable, 'base': getattr(sys, '_base_executable', sys.executable),
    'build': ' '.join(sys.version.split()), 'machine': platform.machine(),
    'jit_available': bool(jit and jit.is_available()), 'jit_enabled': bool(jit and jit.is_enabled()),
    'optimised': '--enable-optimizations' in arguments, 'lto': '--with-lto' in arguments}))
"""


@dataclass(frozen=True)
class Target:
    """One side of a comparison.

    Attributes:
        name: short and unique in a run.
        label: what tables call it.
        kind: TEPHRA (the worker asks tephra.jit for figures) or PLAIN.
        command: starts the interpreter; the worker's file follows.
        env: added to the environment; a value None removes the variable.
        activate: code that the worker runs first.
        facts: versions and build.
    """

    name: str
    label: str
    kind: str
    command: tuple[str, ...]
    env: dict[str, str] = field(default_factory=dict)
    activate: str = ""
    facts: dict[str, Any] = field(default_factory=dict, compare=False)

    def environment(self, seed: int) -> dict[str, str]:
        """The environment of a process; only Tephra's processes see TEPHRA_* and PYTHONPATH."""
        dropped = ("TEPHRA", "PYTHON") if self.kind == PLAIN else ("PYTHON",)
        env = {key: text for key, text in os.environ.items() if not key.startswith(dropped)}
        if self.kind == PLAIN:
            env.pop("LD_PRELOAD", None)
        elif "PYTHONPATH" in os.environ:
            env["PYTHONPATH"] = os.environ["PYTHONPATH"]
        env.update(self.env, PYTHONHASHSEED=str(seed), PYTHONDONTWRITEBYTECODE="1")
        return env

    def option(self, name: str) -> str | None:
        """The value that the command or the environment gives an option of Tephra; None: neither says it."""
        for word in self.command:
            if word.startswith(f"--{name}="):
                return word.partition("=")[2]
        variable = _config.variable(name)
        return self.env.get(variable, os.environ.get(variable))

    def as_json(self) -> dict[str, Any]:
        return {"name": self.name, "label": self.label, "kind": self.kind, "command": list(self.command),
                "env": dict(self.env), "activate": self.activate, **self.facts}


def in_exact_mode(target: Target) -> Target:
    """The target in exact mode: functions are compiled at their 400th call, as short processes need it.

    Unless its options say what gets compiled. Others than Tephra's stay as they are.
    """
    if target.kind != TEPHRA or any(target.option(name) is not None for name in ("compile-after", "budget", "sample-us")):
        return target
    return replace(target, env={**target.env, "TEPHRA_COMPILE_AFTER": "400"})


def facts_of(command: tuple[str, ...], env: dict[str, str] | None = None) -> dict[str, Any]:
    """What an interpreter says about itself. Raises: BenchError where it cannot be run."""
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("PYTHON", "TEPHRA")) and k != "LD_PRELOAD"}
    try:
        done = subprocess.run([*command, "-c", _PROBE], env={**clean, **(env or {})}, text=True, timeout=60,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise BenchError(f"cannot run the interpreter {command[0]}: {error}") from None
    try:
        return dict(json.loads(done.stdout.splitlines()[-1]))
    except (ValueError, IndexError):
        why = (done.stderr.strip().splitlines() or [f"exit status {done.returncode}"])[-1]
        raise BenchError(f"{command[0]} is no Python interpreter that can run: {why}") from None


def tephra(name: str = SUBJECT, label: str = "Tephra", python: str = sys.executable,
           options: dict[str, str] | None = None) -> Target:
    """Tephra in `python` with `options` (name -> value)."""
    settings = [f"--{key}={text}" for key, text in (options or {}).items()]
    return Target(name, label, TEPHRA, (python, "-m", "tephra", *settings), facts=facts_of((python,)))


def left_on(name: str = SUBJECT, label: str = "Tephra", options: dict[str, str] | None = None) -> Target:
    """Tephra as people leave it on: this interpreter with TEPHRA=1 (or what the environment says), `options` by variables."""
    env = {"TEPHRA": os.environ.get("TEPHRA") or "1"}
    env.update({_config.variable(key): text for key, text in (options or {}).items()})
    return Target(name, label, TEPHRA, (sys.executable,), env, facts=facts_of((sys.executable,)))


def stock() -> Target:
    """This very interpreter with its packages, and Tephra off: what `left_on` is measured against."""
    facts = facts_of((sys.executable,))
    env = {"PYTHONPATH": os.environ["PYTHONPATH"]} if "PYTHONPATH" in os.environ else {}
    return Target(BASE, f"CPython {facts['python']}", PLAIN, (sys.executable,), env, facts=facts)


def base() -> Target:
    """The plain interpreter that this process runs in; of a venv the one below it."""
    python = getattr(sys, "_base_executable", "") or sys.executable
    facts = facts_of((python,))
    # -S: no site-packages, so nothing that is installed there takes part.
    return Target(BASE, f"CPython {facts['python']}", PLAIN, (python, "-S"), facts=facts)


def own_jit(plain: Target) -> Target | None:
    """CPython's own JIT in the same interpreter; None where the build has none."""
    if not plain.facts.get("jit_available"):
        return None
    env = {"PYTHON_JIT": "1"}
    facts = facts_of(plain.command[:1], env)
    if not facts["jit_enabled"]:
        return None
    return Target("cpython-jit", f"{plain.label} JIT", PLAIN, plain.command, env, facts=facts)


def _interpreter(label: str, words: list[str], written: str) -> Target:
    env = {}
    while words and _ASSIGNMENT.match(words[0]):
        key, _, text = words.pop(0).partition("=")
        env[key] = text
    if not words:
        raise BenchError(f"--against {written}: no interpreter in it\n{AGAINST_HELP}".rstrip())
    found = shutil.which(words[0])
    if not found:
        raise BenchError(f"--against {written}: there is no interpreter {words[0]!r} on PATH or at that path")
    command = (os.path.abspath(found), *words[1:])
    facts = facts_of(command, env)
    name = label or os.path.basename(words[0])
    jit = " JIT" if facts["jit_enabled"] else ""
    return Target(name, label or f"{facts['implementation']} {facts['python']}{jit}", PLAIN, (*command, "-S"), env,
                  facts=facts)


def against(written: str, plain: Target) -> Target:
    """The target that an --against argument means. Raises: BenchError."""
    if written == "cpython-jit":
        found = own_jit(plain)
        if not found:
            raise BenchError(f"--against cpython-jit: {plain.command[0]} was built without CPython's own JIT")
        return found
    kind, colon, rest = written.partition(":")
    if kind == "package" and colon:
        name, _, code = rest.partition("=")
        if not name.isidentifier() and not all(part.isidentifier() for part in name.split(".")):
            raise BenchError(f"--against {written}: {name!r} is no package name\n{AGAINST_HELP}".rstrip())
        done = subprocess.run([sys.executable, "-c", code or f"import {name}"], capture_output=True, text=True,
                              check=False)
        if done.returncode:
            why = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
            raise BenchError(f"--against {written}: it cannot be switched on in {sys.executable}: {why}")
        return Target(name, name, PLAIN, (sys.executable,), activate=code or f"import {name}",
                      facts=facts_of((sys.executable,)))
    if kind == "build" and colon:
        label, _, python = rest.partition("=")
        if not label or not python:
            raise BenchError(f"--against {written}: expected build:LABEL=PYTHON")
        if not shutil.which(python):
            raise BenchError(f"--against {written}: there is no interpreter {python!r}")
        return tephra(label, f"Tephra {label}", shutil.which(python) or python)
    if colon and _LABEL.fullmatch(kind):
        return _interpreter(kind, shlex.split(rest), written)
    return _interpreter("", shlex.split(written), written)
