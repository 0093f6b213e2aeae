"""A JSON parser and serialiser: stands for character-wise parsing with recursive methods."""

import json

DEFAULT_SIZE = 3000
QUICK_SIZE = 400
HOT = ("Parser.skip_space", "Parser.value", "Parser.object", "Parser.array", "Parser.string", "Parser.number", "write")

EXPECTED = {400: 60587, 3000: 470372}

ESCAPES = {'"': '"', "\\": "\\", "/": "/", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t"}
WRITTEN = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\t": "\\t", "\r": "\\r"}


class Parser:
    def __init__(self, text):
        self.text = text
        self.position = 0

    def fail(self, expected):
        raise ValueError(f"expected {expected} at character {self.position}: "
                         f"{self.text[self.position:self.position + 20]!r}")

    def parse(self):
        value = self.value()
        self.skip_space()
        if self.position != len(self.text):
            self.fail("the end")
        return value

    def skip_space(self):
        text = self.text
        while self.position < len(text) and text[self.position] in " \t\n\r":
            self.position += 1

    def peek(self):
        if self.position >= len(self.text):
            self.fail("more text")
        return self.text[self.position]

    def literal(self, word, value):
        if self.text[self.position:self.position + len(word)] != word:
            self.fail(word)
        self.position += len(word)
        return value

    def value(self):
        self.skip_space()
        first = self.peek()
        if first == "{":
            return self.object()
        if first == "[":
            return self.array()
        if first == '"':
            return self.string()
        if first == "t":
            return self.literal("true", True)
        if first == "f":
            return self.literal("false", False)
        if first == "n":
            return self.literal("null", None)
        return self.number()

    def object(self):
        result = {}
        self.position += 1
        self.skip_space()
        if self.peek() == "}":
            self.position += 1
            return result
        while True:
            self.skip_space()
            if self.peek() != '"':
                self.fail("a key")
            key = self.string()
            self.skip_space()
            if self.peek() != ":":
                self.fail("a colon")
            self.position += 1
            result[key] = self.value()
            self.skip_space()
            after = self.peek()
            self.position += 1
            if after == "}":
                return result
            if after != ",":
                self.fail("a comma or brace")

    def array(self):
        result = []
        self.position += 1
        self.skip_space()
        if self.peek() == "]":
            self.position += 1
            return result
        while True:
            result.append(self.value())
            self.skip_space()
            after = self.peek()
            self.position += 1
            if after == "]":
                return result
            if after != ",":
                self.fail("a comma or bracket")

    def string(self):
        text = self.text
        self.position += 1
        start = self.position
        parts = []
        while True:
            character = self.peek()
            if character == '"':
                parts.append(text[start:self.position])
                self.position += 1
                return "".join(parts)
            if character == "\\":
                parts.append(text[start:self.position])
                self.position += 1
                escape = self.peek()
                if escape == "u":
                    parts.append(chr(int(text[self.position + 1:self.position + 5], 16)))
                    self.position += 5
                elif escape in ESCAPES:
                    parts.append(ESCAPES[escape])
                    self.position += 1
                else:
                    self.fail("an escape")
                start = self.position
            else:
                self.position += 1

    def number(self):
        text = self.text
        start = self.position
        is_float = False
        while self.position < len(text) and text[self.position] in "+-0123456789.eE":
            if text[self.position] in ".eE":
                is_float = True
            self.position += 1
        if start == self.position:
            self.fail("a value")
        word = text[start:self.position]
        return float(word) if is_float else int(word)


def write_string(value):
    result = ['"']
    for character in value:
        if character in WRITTEN:
            result.append(WRITTEN[character])
        elif character < " ":
            result.append(f"\\u{ord(character):04x}")
        else:
            result.append(character)
    result.append('"')
    return "".join(result)


def write(value):
    if value is None:
        return "null"
    if value is True:
        return "true"
    if value is False:
        return "false"
    if isinstance(value, str):
        return write_string(value)
    if isinstance(value, (int, float)):
        return repr(value)
    if isinstance(value, dict):
        return "{" + ",".join([write_string(key) + ":" + write(each) for key, each in value.items()]) + "}"
    if isinstance(value, list):
        return "[" + ",".join([write(each) for each in value]) + "]"
    raise TypeError(f"cannot write {value!r}")


def make_document(n):
    return {
        "title": 'quotes " and \\ and\ttabs',
        "records": [
            {"id": i, "name": f"record {i}", "ratio": i / 8, "tags": ["a", "bc", f"t{i % 5}"],
             "flag": i % 3 == 0, "nothing": None, "nested": {"x": -i, "y": [i, [i + 1, {}]], "e": 1.5e10}}
            for i in range(n)
        ],
    }


def run(n):
    """Parse and write a document of n records."""
    document = make_document(n)
    for text in (json.dumps(document), json.dumps(document, indent=1)):
        if Parser(text).parse() != document:
            raise AssertionError(f"json_parser({n}): the document was parsed wrongly")
    written = write(document)
    if json.loads(written) != document:
        raise AssertionError(f"json_parser({n}): the document was written wrongly")
    if len(written) != EXPECTED.get(n, len(written)):
        raise AssertionError(f"json_parser({n}): wrote {len(written)} characters, expected {EXPECTED[n]}")
    return len(written)


if __name__ == "__main__":
    import harness

    harness.main(run, DEFAULT_SIZE)
