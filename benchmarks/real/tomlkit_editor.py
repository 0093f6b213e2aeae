"""Tomlkit: project files parsed, edited with their layout kept, and written."""

import inputs
import tomlkit

DEFAULT_SIZE = 1700
PACKAGES = ("tomlkit",)


def text(number):
    """A project file."""
    rng = inputs.generator(number)
    parts = [f'# Project {number}\n[project]\nname = "{inputs.words(rng, 1)[0]}"\nversion = "1.{number}.0"  # the version\n'
             f'dependencies = [\n  "a>=1",\n  "b[c]<{number}",  # a comment\n]\nauthors = [{{name = "A", email = "a@b.c"}}]\n']
    for word in inputs.words(rng, 12):
        parts.append(f"[tool.{word}-x{len(parts)}]\nflag = {rng.choice(['true', 'false'])}\ncount = {rng.randrange(10000):_}\n"
                     f"ratio = {rng.random():.4f}\nday = 2024-0{rng.randrange(1, 9)}-11T10:00:00Z\nnames = {inputs.words(rng, 4)!r}\n"
                     f"nested.key.deep = '{inputs.sentence(rng)}'\n")
    parts += [f'[[items]]\nid = {k}\ntext = """\n{inputs.sentence(rng)}\n"""\n' for k in range(4)]
    return "\n".join(parts)


def run(step, size):
    for i in range(size):
        document = tomlkit.parse(text(i))
        document["project"]["version"] = f"2.{i}.0"
        document["project"]["dependencies"].append(f"d~={i}")
        for key, table in document["tool"].items():
            table["count"] += 1
            table.add("path", key)
        document["new"] = {"x": [1, 2.5, "three"], "y": {"z": True}}
        step(tomlkit.dumps(document))
