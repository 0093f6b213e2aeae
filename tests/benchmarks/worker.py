"""Runs benchmarks stock and under the JIT in one process; prints one line of JSON for each.

    worker.py programs|micro [NAME ...]

The line of a benchmark has: name, doc, attributes, stock and jit (results), wrong (what a wrong expectation raised),
known (names of the code objects it defines), generators (those that are generators or coroutines), compiled (names of
the functions that were compiled), error.
"""

import json
import pathlib
import sys
import types

BENCHMARKS = pathlib.Path(__file__).resolve().parents[2] / "benchmarks"
GENERATOR_LIKE = 0x20 | 0x80 | 0x200


def load_program(name):
    path = BENCHMARKS / f"{name}.py"
    module = types.ModuleType(name)
    module.__file__ = str(path)
    # Without assertions, as under -O: a benchmark must check its result all the same.
    exec(compile(path.read_text(), str(path), "exec", optimize=1), vars(module))
    return module


def load_micro(name):
    sys.path.insert(0, str(BENCHMARKS))
    import micro

    return micro.load(name)


def code_objects(code):
    yield code
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            yield from code_objects(constant)


def describe(module, size):
    """The stock part: attributes, result, and whether a wrong expectation is noticed."""
    codes = list(code_objects(compile(pathlib.Path(module.__file__).read_text() if pathlib.Path(module.__file__).exists()
                                      else module.SOURCE, module.__file__, "exec")))
    data = {
        "doc": module.__doc__, "attributes": {key: getattr(module, key, None) for key in (
            "DEFAULT_SIZE", "QUICK_SIZE", "HOT", "KNOWN_GAP")},
        "known": [code.co_qualname for code in codes],
        "generators": [code.co_qualname for code in codes if code.co_flags & GENERATOR_LIKE],
        "pinned": sorted(module.EXPECTED) if isinstance(module.EXPECTED, dict) else [],
        "stock": repr(module.run(size)),
    }
    right = module.EXPECTED
    if isinstance(right, dict):
        value = right[module.QUICK_SIZE]
        module.EXPECTED = {**right, module.QUICK_SIZE: "wrong" if isinstance(value, str) else
                           (-1, -1) if isinstance(value, tuple) else value + 1}
    else:
        module.EXPECTED = "wrong"
    try:
        module.run(size)
        data["wrong"] = ""
    except AssertionError as error:
        data["wrong"] = str(error) or "no message"
    module.EXPECTED = right
    return data


def compiled_names(jit, filename):
    return sorted({function.__code__.co_qualname for function in jit.get_compiled_functions()
                   if function.__code__.co_filename == filename})


def main():
    kind, names = sys.argv[1], sys.argv[2:]
    load = load_program if kind == "programs" else load_micro
    from tephra import _tephra, jit

    # What compiles is asked here, not what is worth it: nothing is given up for raising.
    _tephra.set_option("give-up-raising", "0")
    _tephra.set_option("exit-rate", "0")
    for name in names:
        print(json.dumps({"name": name, "begun": True}), flush=True)
        data = {"name": name, "error": ""}
        jit.disable(deopt_all=True)
        try:
            module = load(name)
            size = module.QUICK_SIZE if kind == "programs" else 3
            data |= describe(module, size)
            fresh = load(name)
            jit.compile_after_n_calls(0)
            results = {repr(fresh.run(size)) for _ in range(2)}
            data["jit"] = results.pop() if len(results) == 1 else f"different each time: {results}"
            data["compiled"] = compiled_names(jit, fresh.__file__)
        except Exception as error:
            data["error"] = f"{type(error).__name__}: {error}"
        print(json.dumps(data), flush=True)


if __name__ == "__main__":
    main()
