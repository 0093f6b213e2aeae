"""A pure Python stand-in for the extension module, for the tests of the Python part of the package.

"Compiling" is a mark on the function. Two environment variables of the tests change its behaviour:
TEPHRA_TEST_OFF (reason why the JIT is off) and TEPHRA_TEST_CRASH (compiling a function of that name kills
the process).
"""

import os
import signal

_TABLE = [
    ("enable", "bool", "0", "0,1", "Compile functions automatically when they are hot."),
    ("compile-after", "int", "-1", "-1..1000000000", "Compile a function at this many interpreted calls."),
    ("list", "str", "", "", "File of functions to compile."),
    ("dump", "list", "", "hir,hir-passes,lir,lir-phases,asm,bytecode", "Print these forms."),
    ("summary", "bool", "0", "0,1", "Print a summary at exit."),
    ("verify", "bool", "0", "0,1", "Verify the IR."),
    ("feedback", "bool", "1", "0,1", "Use type feedback."),
]
_values = {row[0]: row[2] for row in _TABLE}
_state = {"enabled": False, "after": None, "list": None, "limit": 0, "functions": 0, "bailouts": {}}
_compiled = []
_suppressed = []
_lazy = []
_stats = [{"function": "f", "filename": "f.py", "line": 3, "reason": "TypeChanged", "kind": "deopt", "type": "str",
           "count": 2},
          {"function": "g", "filename": "f.py", "line": 9, "reason": "Raised", "kind": "raise", "type": "", "count": 5}]


def off_reason():
    return os.environ.get("TEPHRA_TEST_OFF", "")


def self_test():
    return [off_reason()] if off_reason() else []


def set_option(name, value):
    for row in _TABLE:
        if row[0] != name:
            continue
        if row[1] == "bool":
            if value not in ("", "0", "1", "true", "false", "on", "off", "yes", "no"):
                return f"tephra: option {name}: bad value '{value}'; expected 0 or 1"
            value = "1" if value in ("", "1", "true", "on", "yes") else "0"
        elif row[1] == "int" and not value.removeprefix("-").isdigit():
            return f"tephra: option {name}: bad value '{value}'; expected a whole number in {row[3]}"
        elif row[1] == "list":
            for part in value.split(","):
                if part not in row[3].split(","):
                    return f"tephra: option {name}: bad value '{part}'; expected a comma-separated list of {row[3]}"
        _values[name] = value
        return None
    return f"tephra: unknown option '{name}'"


def options():
    return [(*row, _values[row[0]]) for row in _TABLE]


def enable():
    _state["enabled"] = True
    return True


def disable(deopt_all):
    assert type(deopt_all) is bool
    _state["enabled"] = False
    return True


def is_enabled():
    return _state["enabled"]


def set_compile_after(n):
    _state["after"] = n


def unpaid_functions():
    return []


def is_sampled():
    return _state["after"] == -1


def get_compile_after():
    return None if is_sampled() else _state["after"]


def force_compile(func):
    import inspect

    if func.__name__ == os.environ.get("TEPHRA_TEST_CRASH"):
        os.kill(os.getpid(), signal.SIGSEGV)
    reason = "excluded by jit_suppress or the JIT list" if func in _suppressed else ""
    if inspect.isgeneratorfunction(func):
        reason = "generator functions are not compiled yet"
    if "unsupported" in func.__name__:
        reason = "uses an operation that the frontend does not compile yet: Frob"
    if reason:
        _state["bailouts"][reason] = _state["bailouts"].get(reason, 0) + 1
        return reason
    if func not in _compiled:
        _compiled.append(func)
        _state["functions"] += 1
    return ""


def lazy_compile(func):
    _lazy.append(func)
    return True


def force_uncompile(func):
    if func in _compiled:
        _compiled.remove(func)
        return True
    return False


def suppress(func):
    _suppressed.append(func)


def unsuppress(func):
    _suppressed.remove(func)


def set_jit_list(entries):
    _state["list"] = entries


def get_jit_list():
    return _state["list"]


def is_compiled(func):
    return func in _compiled


def count_interpreted_calls(func):
    return 7


def compiled_functions():
    return _compiled


def function_info(func):
    if func not in _compiled:
        return None
    return {"code_size": 100, "stack_size": 64, "spill_size": 16, "compile_time": 0.0015,
            "hir_opcode_counts": {"Return": 1}, "recompiles": 0}


def totals():
    return {"functions": _state["functions"], "compile_time": 0.0015 * _state["functions"],
            "code_bytes": 100 * _state["functions"], "exits": 3, "bailouts": _state["bailouts"]}


def runtime_stats():
    return list(_stats)


def clear_runtime_stats():
    _stats.clear()


def allocator_stats():
    return {"used": 100, "limit": _state["limit"]}


def instruction_counts():
    return []


def clear_instruction_counts():
    pass


def measure(func, arch):
    return {"arch": arch, "hot_bytes": 1, "cold_bytes": 2, "instructions": 3, "segments": [], "aliases": {}}


def set_max_code_size(size):
    _state["limit"] = size


def dump(func, kind):
    return f"{kind} of {func.__qualname__}\n"
