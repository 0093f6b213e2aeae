"""Code-size probes: machine code of functions with 1, 2 and 200 sites of one kind.

    python -m tephra -m tephra.bench.code_size        prints JSON: kind -> {sites: bytes}

The difference between 200 sites and one, divided by 199, is what a further site costs.
"""

from __future__ import annotations

import json
import subprocess
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from tephra.bench.targets import Target

SITES = (1, 2, 200)
_WARM = 60
_SETUP = """
def callee(x):
    return x

def with_default(x, y=1):
    return x

class Thing:
    def __init__(self):
        self.value = 1

    def method(self):
        return self

    @property
    def shown(self):
        return self.value

thing = Thing()
items = [1, 2, 3]
"""
KINDS = {
    "call of a Python function": "callee(x)", "call with a keyword": "with_default(x, y=x)", "method call": "o.method()",
    "call of a class": "Thing()", "call of len()": "len(items)", "attribute": "o.value", "attribute store": "o.value = x",
    "property": "o.shown", "int addition": "x = x + 1", "list item": "items[x]", "global": "items",
}


def _function(statement: str, sites: int) -> Any:
    names: dict[str, Any] = {}
    exec(_SETUP, names)
    body = "\n".join(f"    {statement}" for _ in range(sites))
    exec(f"def probe(x, o):\n{body}\n", names)
    for _ in range(_WARM):
        names["probe"](1, names["thing"])
    return names["probe"]


def measure() -> dict[str, dict[str, int]]:
    """Kind -> {sites: bytes}. Raises: RuntimeError where a probe is not compiled."""
    from tephra import jit

    found: dict[str, dict[str, int]] = {}
    for kind, statement in KINDS.items():
        found[kind] = {}
        for sites in SITES:
            function = _function(statement, sites)
            jit.force_compile(function)
            found[kind][str(sites)] = jit.get_compiled_size(function)
    return found


def of_target(target: Target) -> dict[str, dict[str, int]]:
    """The probes in a fresh process; empty where that fails."""
    # A high threshold: nothing is compiled but by force, with the feedback of the warm-up.
    command = [*target.command, "--compile-after=1000000", "-m", "tephra.bench.code_size"]
    done = subprocess.run(command, env=target.environment(0), capture_output=True, text=True, timeout=300, check=False)
    try:
        return dict(json.loads(done.stdout.splitlines()[-1]))
    except (ValueError, IndexError):
        return {}


if __name__ == "__main__":
    print(json.dumps(measure()))
    sys.stdout.flush()
