"""Pygments: sources of several languages to HTML and to a terminal's colours."""

import inputs
import pycparser_c
import sqlglot_transpiler
from pygments import highlight
from pygments.formatters import HtmlFormatter, Terminal256Formatter
from pygments.lexers import get_lexer_by_name

DEFAULT_SIZE = 1200
PACKAGES = ("Pygments", "docutils", "pycparser", "sqlglot")


def run(step, size):
    python = inputs.definitions("docutils", 20, 60)
    lexers = {name: get_lexer_by_name(name) for name in ("python", "c", "sql")}
    formatters = [HtmlFormatter(linenos="table"), Terminal256Formatter(style="monokai")]
    for i in range(size):
        texts = {"python": python[i % len(python)], "c": pycparser_c.text(i), "sql": sqlglot_transpiler.text(i)}
        step([highlight(text, lexers[name], formatters[i % 2]) for name, text in texts.items()])
