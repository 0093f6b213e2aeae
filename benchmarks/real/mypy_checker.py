"""Mypy in pure Python: typeshed and a program of typed modules, checked from nothing, one import cycle after the other."""

import tempfile
from pathlib import Path

import inputs
import mypy.build
from mypy.modulefinder import BuildSource
from mypy.options import Options

DEFAULT_SIZE = 400
PACKAGES = ("mypy",)


def text(number):
    """A typed module that uses the one before it."""
    rng = inputs.generator(number)
    before = f"from module{number - 1} import Node{number - 1} as Base\n" if number else "class Base: pass\n"
    parts = [f"from __future__ import annotations\nfrom dataclasses import dataclass\nfrom typing import Callable, Generic, "
             f"Iterable, TypeVar, overload\n{before}T = TypeVar('T')\n"]
    names = [f"{word}_{k}" for k, word in enumerate(inputs.words(rng, 8))]
    parts.append(f"""
@dataclass
class Item(Generic[T]):
    value: T
    names: dict[str, list[T]]

class Node{number}(Base):
    def __init__(self, items: Iterable[Item[int]]) -> None:
        self.items = {{each.value: each for each in items}}
        self.wrong: str = len(self.items)
""")
    for name in names:
        parts.append(f"""
def {name}(first: Node{number}, *rest: int, key: Callable[[int], T] | None = None) -> list[T] | dict[str, int]:
    found: list[T] = []
    for number, item in sorted(first.items.items(), key=lambda pair: (pair[0], str(pair[1].value))):
        if key is not None and number in rest:
            found.append(key(item.value))
        elif isinstance(item, Item) and item.names:
            return {{name: sum(values) for name, values in item.names.items() if all(v > 0 for v in values)}}
    result = {name}(first, *rest, key=lambda n: n + {rng.randrange(9)} if n else None)
    return [str(each).upper() for each in result]
""")
    return "\n".join(parts)


def run(step, size):
    options = Options()
    options.incremental, options.cache_dir, options.show_traceback = False, "/dev/null", True
    assert mypy.build.__file__.endswith(".py"), "mypy is compiled"
    check, parse = mypy.build.process_stale_scc, mypy.build.State.parse_file

    def checked(graph, scc, manager):
        check(graph, scc, manager)
        step(sorted(scc))

    def parsed(state, **options):
        parse(state, **options)
        step(state.id)

    # A step for each file that is parsed, and one for each import cycle that is checked.
    mypy.build.process_stale_scc, mypy.build.State.parse_file = checked, parsed
    with tempfile.TemporaryDirectory() as folder:
        found = []
        for number in range(size // 2):
            path = Path(folder, f"module{number}.py")
            path.write_text(text(number))
            found.append(BuildSource(str(path), f"module{number}", None))
        options.mypy_path = [folder]
        mypy.build.build(found, options)
