"""Which comes first, Dynamo's hook or the JIT: `early` (the JIT) or `late`, the first argument of each program."""

import os
import sys


def begin():
    """Before torch is imported."""
    if sys.argv[1:] == ["late"] and os.environ.get("TEPHRA", "0") != "0":
        from tephra import jit

        jit.disable()


def hooked():
    """Behind the first call of something compiled by torch."""
    if sys.argv[1:] == ["late"] and os.environ.get("TEPHRA", "0") != "0":
        from tephra import jit

        jit.enable()


def counts():
    """Dynamo's frames, graphs and operations so far, and forgets them."""
    from torch._dynamo.utils import counters

    found = {name: dict(sorted(counters[name].items())) for name in ("frames", "stats") if counters[name]}
    # Their texts hold addresses and paths.
    found |= {name: sum(counters[name].values()) for name in ("graph_break", "unimplemented") if counters[name]}
    counters.clear()
    return found


def show(tensor):
    """A tensor's content, rounded: generated code may add in another order."""
    return [round(value, 4) for value in tensor.detach().double().flatten().tolist()]
