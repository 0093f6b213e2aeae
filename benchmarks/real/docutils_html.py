"""Docutils: reStructuredText with sections, lists, tables, footnotes and code to HTML."""

import inputs
from docutils.core import publish_string

DEFAULT_SIZE = 600
PACKAGES = ("docutils",)


def text(number):
    """A page of reStructuredText."""
    rng = inputs.generator(number)
    parts = [f"=========\nPage {number:4}\n=========\n"]
    for section in range(3):
        title = " ".join(inputs.words(rng, 3))
        parts.append(f"{title}\n{'-' * len(title)}\n\n{inputs.paragraph(rng)} *{inputs.words(rng, 1)[0]}* and "
                     f"``{inputs.words(rng, 1)[0]}`` see [#note{section}]_ and `a link <https://example.org/{section}>`_.\n")
        parts.append("\n".join(f"- **{word}**: {inputs.sentence(rng)}" for word in inputs.words(rng, 4)) + "\n")
        parts.append("======  ======\nleft    right\n======  ======\n"
                     + "".join(f"{a[:6]:6}  {b[:6]:6}\n" for a, b in zip(inputs.words(rng, 4), inputs.words(rng, 4)))
                     + "======  ======\n")
        parts.append(".. note::\n\n   " + inputs.paragraph(rng, 2) + "\n\n.. code:: python\n\n   def f(x):\n"
                     "       return [y for y in range(x) if y % 2]\n")
        parts.append(f".. [#note{section}] {inputs.sentence(rng)}\n")
    return "\n".join(parts)


def run(step, size):
    settings = {"output_encoding": "unicode", "embed_stylesheet": False, "stylesheet_path": None, "_disable_config": True}
    for i in range(size):
        page = publish_string(text(i), writer="html5", settings_overrides=settings)
        assert "system-message" not in page
        step(page)
