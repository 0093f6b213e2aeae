"""Runs programs of deaths_generator and reports the order of deaths. A process of its own: stock or under the JIT.

Reads a JSON object from stdin: ``rounds`` and ``programs`` (a list of source texts). Writes a JSON line
for each: ``start`` (its index) before it, and after it ``log`` (of the last round), ``logs`` (the different ones of all
rounds, the first few), ``alive`` (names of objects that never died), and ``compiled`` (names of functions).
"""

import gc
import json
import resource
import sys
import types

from deaths_generator import PRELUDE

GENERATOR_LIKE = 0x20 | 0x80 | 0x200


def play(f, log, refs, rounds):
    """Calls ``f`` so often. The last round's log, and the different ones of all rounds."""
    logs = []
    for _ in range(rounds):
        log.clear()
        refs.clear()
        try:
            result = f()
        except MemoryError:
            raise
        except Exception as error:
            log.append(type(error).__name__ + ": " + str(error))
        log.append("end")
        result = None  # noqa: F841 - the end of what f returned
        if log not in logs and len(logs) < 5:
            logs.append(list(log))
    return list(log), logs


def plain_functions(namespace):
    """The functions of a namespace and of its classes that are no generators."""
    found = []
    for value in namespace.values():
        members = vars(value).values() if isinstance(value, type) else [value]
        for member in members:
            member = getattr(member, "fget", getattr(member, "__func__", member))
            if isinstance(member, types.FunctionType) and not member.__code__.co_flags & GENERATOR_LIKE:
                found.append(member)
    return found


def run(source, rounds, is_compiled):
    """What is reported of one program."""
    namespace = {"__name__": "case"}
    exec(compile(PRELUDE + source, "<case>", "exec"), namespace)
    log = namespace["log"]
    sys.unraisablehook = lambda lost: log.append(f"lost {lost.exc_type.__name__}")  # what a finaliser raised
    last, logs = play(namespace["f"], log, namespace["refs"], rounds)
    compiled = [function.__qualname__ for function in plain_functions(namespace) if is_compiled(function)]
    namespace["refs"].clear()
    namespace["G"] = None  # which takes the code out that has it for a constant
    gc.collect()
    alive = sorted(thing.name for thing in gc.get_objects() if isinstance(thing, namespace["D"]))
    return {"log": last, "logs": logs, "alive": alive, "compiled": compiled}


def main():
    request = json.load(sys.stdin)
    sys.stdin.close()
    resource.setrlimit(resource.RLIMIT_AS, (request["memory"], request["memory"]))
    from tephra import _status, jit  # with TEPHRA=0 they answer that nothing is compiled

    for function in (play, run, plain_functions, main):  # they are not under test
        jit.jit_suppress(function)
    gc.disable()
    gc.freeze()
    for index, source in enumerate(request["programs"]):
        print(json.dumps({"start": index}), flush=True)
        try:
            report = run(source, request["rounds"], jit.is_jit_compiled)
        except MemoryError:
            report = {"memory": True}
        except SyntaxError as error:  # the generator may name a variable as nonlocal that no function binds
            report = {"invalid": str(error)}
        print(json.dumps(report), flush=True)
    print(json.dumps({"totals": _status.totals()}))


if __name__ == "__main__":
    main()
