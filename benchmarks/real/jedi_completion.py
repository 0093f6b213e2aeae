"""Jedi: inference, completions and signatures in a module of classes and functions."""

import inputs
import jedi

DEFAULT_SIZE = 80
PACKAGES = ("jedi", "parso")


def text(number):
    """A module, and what is asked about in its last line."""
    rng = inputs.generator(number)
    names = [f"{word}_{k}" for k, word in enumerate(inputs.words(rng, 4))]
    parts = []
    for k, name in enumerate(names):
        base = f"C{k - 1}" if k else "object"
        parts.append(f"class C{k}({base}):\n    def __init__(self, {name}, other=None):\n        self.{name} = {name}\n"
                     f"        self.items = [{name}, str(other)]\n\n    def method_{name}(self, first, *, flag=False):\n"
                     f"        result = {{'a': self}}\n        return result['a'] if flag else C{k}(first)\n")
    parts.append(f"value = C3(1).method_{names[3]}(2)\nother = [value for _ in range(3)][0]\n")
    return "\n".join(parts), names


def run(step, size):
    for i in range(size):
        source, names = text(i)
        lines = source.count("\n") + 1
        script = jedi.Script(f"{source}other.")
        completions = [each.name for each in script.complete(lines, 6) if not each.name.startswith("__")]
        script = jedi.Script(f"{source}value.method_{names[0]}(")
        signatures = [each.to_string() for each in script.get_signatures(lines, len(f"value.method_{names[0]}("))]
        inferred = [each.full_name for each in jedi.Script(f"{source}other").infer(lines, 3)]
        step([completions, signatures, inferred])
