"""Pycparser (PLY's lexer and LALR parser): C functions to trees and back to C."""

import inputs
from pycparser import c_ast, c_generator, c_parser

DEFAULT_SIZE = 1400
PACKAGES = ("pycparser",)


def text(number):
    """Some C."""
    rng = inputs.generator(number)
    parts = ["typedef struct node { int value; struct node *next; char name[16]; } node;"]
    for k, word in enumerate(inputs.words(rng, 4)):
        parts.append(f"""
static int {word}_{k}(node *list, const char *text, int n) {{
  int i, total = {rng.randrange(100)}; unsigned long mask = 0x{rng.randrange(1 << 30):x}UL;
  for (i = 0; i < n && list != 0; i++) {{
    if ((mask >> i) & 1) total += list->value * (i + {rng.randrange(9)}) - text[i % 16];
    else switch (list->value % 3) {{ case 0: total--; break; case 1: total ^= i; break; default: total = -total; }}
    list = list->next;
  }}
  do {{ total /= 2; }} while (total > {rng.randrange(1000)});
  return total ? total : sizeof(node) + (int)mask;
}}""")
    return "\n".join(parts)


class _Count(c_ast.NodeVisitor):
    def __init__(self):
        self.names = {}

    def generic_visit(self, node):
        name = type(node).__name__
        self.names[name] = self.names.get(name, 0) + 1
        super().generic_visit(node)


def run(step, size):
    parser, generator = c_parser.CParser(), c_generator.CGenerator()
    for i in range(size):
        tree = parser.parse(text(i))
        count = _Count()
        count.visit(tree)
        step([sorted(count.names.items()), generator.visit(tree)])
