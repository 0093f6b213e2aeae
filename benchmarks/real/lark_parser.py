"""Lark: a language with expressions and statements, by LALR with a transformer and by Earley."""

import inputs
from lark import Lark, Transformer, v_args

DEFAULT_SIZE = 1200
PACKAGES = ("lark",)

GRAMMAR = r"""
start: statement+
statement: NAME "=" expression ";" -> assign
         | "if" expression block ["else" block] -> choice
         | "print" expression ";" -> output
block: "{" statement* "}"
?expression: expression "+" product -> add | expression "-" product -> sub | product
?product: product "*" atom -> mul | product "/" atom -> div | atom
?atom: NUMBER -> number | NAME -> name | "-" atom -> neg | "(" expression ")" | NAME "(" [expression ("," expression)*] ")" -> call
NAME: /[a-z_]\w*/
NUMBER: /\d+(\.\d+)?/
COMMENT: /#[^\n]*/
%ignore COMMENT
%ignore /\s+/
"""


@v_args(inline=True)
class Count(Transformer):
    """Sizes of the parts."""

    def number(self, token):
        return float(token)

    def name(self, token):
        return len(token)

    def add(self, a, b):
        return a + b

    def sub(self, a, b):
        return a - b

    def mul(self, a, b):
        return (a * b) % 1000003

    def div(self, a, b):
        return a / b if b else 0

    def neg(self, a):
        return -a

    def call(self, name, *arguments):
        return len(name) + sum(each or 0 for each in arguments)

    def assign(self, name, value):
        return value

    def choice(self, value, *blocks):
        return value + sum(each or 0 for each in blocks)

    def output(self, value):
        return value

    def block(self, *values):
        return sum(values)

    def start(self, *values):
        return sum(values)


def _expression(rng, depth):
    if not depth or rng.random() < 0.2:
        return rng.choice([str(rng.randrange(1000)), inputs.words(rng, 1)[0] + "_"])
    a, b = _expression(rng, depth - 1), _expression(rng, depth - 1)
    return rng.choice([f"{a} + {b}", f"({a} - {b})", f"{a} * ({b})", f"-({a})", f"{inputs.words(rng, 1)[0]}_({a}, {b})"])


def text(number, statements):
    """A program."""
    rng = inputs.generator(number)
    lines = []
    for _ in range(statements):
        lines.append(f"{inputs.words(rng, 1)[0]}_ = {_expression(rng, 3)}; # {inputs.words(rng, 1)[0]}")
        lines.append(f"if {_expression(rng, 1)} {{ print {_expression(rng, 2)}; }} else {{ a = {_expression(rng, 1)}; }}")
    return "\n".join(lines)


def run(step, size):
    lalr = Lark(GRAMMAR, parser="lalr")
    earley = Lark(GRAMMAR, parser="earley", lexer="basic")
    for i in range(size):
        tree = lalr.parse(text(i, 12))
        other = earley.parse(text(i, 1))
        step([Count().transform(tree), other.pretty()])
