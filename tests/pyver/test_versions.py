"""What each CPython version adds to src/pyver: its opcodes are known."""

import opcode
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

# Only generators, coroutines, class and module bodies have these, or no code that is decoded.
_LEFT_OUT = {
    "BEFORE_ASYNC_WITH", "CACHE", "CLEANUP_THROW", "DELETE_NAME", "END_ASYNC_FOR", "END_SEND", "ENTER_EXECUTOR",
    "EXIT_INIT_CHECK", "EXTENDED_ARG", "GET_AITER", "GET_ANEXT", "GET_AWAITABLE", "GET_YIELD_FROM_ITER",
    "INTERPRETER_EXIT", "LOAD_FROM_DICT_OR_DEREF", "LOAD_FROM_DICT_OR_GLOBALS", "LOAD_LOCALS", "LOAD_NAME", "RESERVED",
    "RETURN_GENERATOR", "SEND", "SETUP_ANNOTATIONS", "STORE_NAME", "YIELD_VALUE",
}
# Specialised forms that tell nothing.
_SILENT = {
    "CALL_KW_NON_PY", "CALL_NON_PY_GENERAL", "JUMP_BACKWARD_JIT", "JUMP_BACKWARD_NO_JIT", "LOAD_CONST_IMMORTAL",
    "LOAD_CONST_MORTAL", "LOAD_CONST__LOAD_FAST", "LOAD_FAST__LOAD_CONST", "LOAD_FAST__LOAD_FAST", "RESUME_CHECK",
    "SEND_GEN", "STORE_FAST__LOAD_FAST", "STORE_FAST__STORE_FAST",
}


def rows():
    """The opcodes of opcodes.tbl: those that the compiler emits, and their specialised forms."""
    text = (ROOT / "src/pyver/opcodes.tbl").read_text(encoding="utf-8")
    lines = [line for line in text.splitlines() if line.strip() and not line.startswith("#")]
    names = {line.partition("|")[0].strip(): line.startswith(" ") for line in lines}
    return {n for n, special in names.items() if not special}, {n for n, special in names.items() if special}


def test_every_opcode_has_a_row():
    emitted = {n for n, number in opcode.opmap.items() if number < 256 and not n.startswith("INSTRUMENTED_")}
    specialised = getattr(opcode, "_specialized_opmap", None) or opcode._specialized_instructions
    plain, special = rows()
    assert emitted - plain == emitted & _LEFT_OUT
    assert set(specialised) - special == set(specialised) & _SILENT
