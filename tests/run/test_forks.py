"""Forks cost neither process code memory, and neither sees the other's code change."""

import gc
import os

from tephra import _tephra, jit


def made(value):
    """A compiled function of a code object of its own."""
    names = {}
    exec(f"def f(x): return x + {value}", names)
    jit.force_compile(names["f"])
    assert jit.is_jit_compiled(names["f"])
    return names["f"]


def place(function):
    info = _tephra.function_info(function)
    return info["code_address"], info["code_size"]


def in_a_child(body):
    """Forks; True when body() gave a true value there."""
    pid = os.fork()
    if pid == 0:
        good = False
        try:
            good = bool(body())
        finally:
            os._exit(0 if good else 1)
    return os.waitpid(pid, 0)[1] == 0


def test_a_parent_that_forks_again_and_again_has_as_much_code_memory_as_ever():
    keep = [made(-1)]
    committed = jit.get_allocator_stats()["committed_bytes"]
    for i in range(300):  # a MiB of code memory each was 300 MiB of 256
        keep.append(made(i))
        assert in_a_child(lambda: True)
    assert [f(1) for f in keep] == list(range(301))
    assert jit.get_allocator_stats()["committed_bytes"] <= committed + (1 << 20)


def test_parent_and_child_each_compile_and_drop_code():
    old = made(1)

    def child():
        mine = [made(100 + i) for i in range(20)]
        assert in_a_child(lambda: made(7)(1) == 8 and old(1) == 2 and mine[3](1) == 104)
        return [f(1) for f in mine] == [101 + i for i in range(20)] and old(1) == 2

    dropped = [made(i) for i in range(10)]
    for _ in range(5):
        assert in_a_child(child)
        del dropped[:2]
        fresh = [made(200 + i) for i in range(10)]  # in what has just become free
        assert [f(1) for f in fresh] == [201 + i for i in range(10)]
    assert old(1) == 2


def test_a_child_runs_code_that_its_parent_has_dropped_and_written_over():
    """The child waits until the parent has reused the memory of a function that the child still has."""
    keep = [made(i) for i in range(30)]
    gc.collect()
    address, _ = place(keep[10])
    to_child, from_parent = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(from_parent)  # reading ends with the parent, too
        os.read(to_child, 1)
        os._exit(0 if [f(1) for f in keep] == [1 + i for i in range(30)] else 1)
    keep.clear()
    gc.collect()
    others = []
    while len(others) < 2000 and not any(begins <= address < begins + size for begins, size in map(place, others[-1:])):
        others.append(made(50 + len(others)))
    assert len(others) < 2000, "the memory was not used again"
    os.write(from_parent, b"x")
    assert os.waitpid(pid, 0)[1] == 0
    assert [f(1) for f in others] == [51 + i for i in range(len(others))]
    os.close(to_child)
    os.close(from_parent)
