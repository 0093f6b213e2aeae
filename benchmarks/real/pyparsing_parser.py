"""Pyparsing: configuration files and arithmetic by combinators, with actions and packrat."""

import inputs
import pyparsing as pp

DEFAULT_SIZE = 4000
PACKAGES = ("pyparsing",)


def _grammar():
    pp.ParserElement.enable_packrat()
    name = pp.Word(pp.alphas + "_", pp.alphanums + "_")
    number = pp.common.number()
    value = pp.Forward()
    array = pp.Group(pp.Suppress("[") + pp.Optional(pp.DelimitedList(value)) + pp.Suppress("]"))
    table = pp.Forward()
    value <<= number | pp.QuotedString('"') | array | table | name
    entry = pp.Group(name + pp.Suppress("=") + value + pp.Suppress(";"))
    table <<= pp.Dict(pp.Suppress("{") + pp.ZeroOrMore(entry) + pp.Suppress("}"))
    arithmetic = pp.infix_notation(number | name, [
        (pp.one_of("+ -"), 1, pp.OpAssoc.RIGHT), (pp.one_of("* /"), 2, pp.OpAssoc.LEFT),
        (pp.one_of("+ -"), 2, pp.OpAssoc.LEFT)])
    return pp.OneOrMore(entry), arithmetic


def text(number):
    """A configuration and a formula."""
    rng = inputs.generator(number)

    def value(depth):
        kind = rng.randrange(5 if depth else 3)
        if kind == 3:
            return "[" + ", ".join(value(depth - 1) for _ in range(4)) + "]"
        if kind == 4:
            return "{ " + " ".join(f"{word}_ = {value(depth - 1)};" for word in inputs.words(rng, 3)) + " }"
        return [str(rng.randrange(1000)), f'"{inputs.sentence(rng)}"', inputs.words(rng, 1)[0]][kind]

    config = "\n".join(f"{word}_ = {value(2)};" for word in inputs.words(rng, 5))
    formula = " ".join(f"{rng.randrange(100)} {rng.choice('+-*/')}" for _ in range(4)) + " (1 + x)"
    return config, formula


def run(step, size):
    config, arithmetic = _grammar()
    for i in range(size):
        first, second = text(i)
        step([config.parse_string(first, parse_all=True).as_list(), arithmetic.parse_string(second, parse_all=True).as_list()])
