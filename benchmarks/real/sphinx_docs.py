"""Sphinx: reading, resolving and writing a manual with cross-references, an index and documented Python objects."""

import io
import tempfile
from pathlib import Path

import docutils_html
import inputs
from sphinx.application import Sphinx

DEFAULT_SIZE = 300
PACKAGES = ("Sphinx", "docutils")


def page(number, pages):
    """One source file."""
    rng = inputs.generator(number)
    objects = "\n".join(f".. py:function:: f{number}_{k}(first, *, {word}=None)\n\n   {inputs.sentence(rng)} :py:func:`f0_{k}`\n\n"
                        f"   :param first: {inputs.sentence(rng)}\n   :returns: {word}\n" for k, word in
                        enumerate(inputs.words(rng, 5)))
    return f".. _page{number}:\n\n{docutils_html.text(number)}\n\nSee :ref:`page{(number + 1) % pages}` and " \
           f":doc:`page{(number * 7) % pages}`.\n\n.. index:: {', '.join(inputs.words(rng, 3))}\n\n{objects}\n"


def run(step, size):
    pages = size // 2  # a step for each that is read, and one for each that is written
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder, "source")
        source.mkdir()
        names = [f"page{number}" for number in range(pages)]
        (source / "index.rst").write_text("Manual\n======\n\n.. toctree::\n\n" + "".join(f"   {name}\n" for name in names))
        for number, name in enumerate(names):
            (source / f"{name}.rst").write_text(page(number, pages))
        app = Sphinx(source, None, Path(folder, "out"), Path(folder, "trees"), "html", freshenv=True, status=io.StringIO(),
                     warning=io.StringIO(), confoverrides={"project": "bench", "master_doc": "index", "html_copy_source": False})
        left = set(names)
        app.connect("doctree-read", lambda _app, tree: tree.document["source"].endswith("index.rst") or step(len(tree.astext())))

        def written(_app, name, _template, context, _tree):
            if name in left:
                left.discard(name)
                step(len(context["body"]))

        app.connect("html-page-context", written)
        app.build(force_all=True)
