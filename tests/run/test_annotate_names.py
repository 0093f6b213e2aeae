"""CPython 3.14's compiler-made __annotate__ functions carry the name that the interpreter gives them."""

import sys

import pytest
import support

from tephra import jit

SOURCE = """
def f():
    def nested(a: int) -> None: pass
    return nested
"""


@pytest.mark.skipif(sys.version_info < (3, 14), reason="no __annotate__ functions before 3.14")
def test_annotate_is_named_after_its_function():
    _, plain = support.load(SOURCE)
    _, compiled = support.load(SOURCE)
    jit.force_compile(compiled)
    assert jit.is_jit_compiled(compiled) and not jit.is_jit_compiled(plain)
    assert compiled().__annotate__.__qualname__ == plain().__annotate__.__qualname__
