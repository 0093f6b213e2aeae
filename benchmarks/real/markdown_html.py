"""Python-Markdown with its extra extensions: pages to HTML."""

import inputs
import markdown

DEFAULT_SIZE = 900
PACKAGES = ("Markdown",)


def text(number):
    """A page of Markdown."""
    rng = inputs.generator(number)
    parts = [f"# Page {number}", "[TOC]"]
    for section in range(4):
        parts += [f"## {' '.join(inputs.words(rng, 3))} {{#s{section}}}", inputs.paragraph(rng) + f" *{section}* and `code`[^{section}].",
                  "\n".join(f"{k}. **{word}** [link](http://example.org/{word} 'title')" for k, word in
                            enumerate(inputs.words(rng, 5), 1)),
                  "> " + inputs.paragraph(rng, 2), "a | b | c\n---|:-:|--:\n" + "\n".join(" | ".join(inputs.words(rng, 3)) for _ in range(4)),
                  "```python\nfor i in range(10):\n    print(i)\n```", f"[^{section}]: {inputs.sentence(rng)}"]
    return "\n\n".join(parts)


def run(step, size):
    for i in range(size):
        step(markdown.markdown(text(i), extensions=["extra", "toc", "sane_lists", "smarty"]))
