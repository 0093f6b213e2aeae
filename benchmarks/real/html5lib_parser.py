"""Html5lib: broken pages to trees, walked, filtered and written again."""

import html5lib
import inputs

DEFAULT_SIZE = 2900
QUICK = True
PACKAGES = ("html5lib",)


def text(number):
    """A page with the usual mistakes."""
    rng = inputs.generator(number)
    parts = [f"<!doctype html><title>Page {number}</title><body onload='x()'><!-- a comment -->"]
    for k in range(6):
        parts.append(f"<div class='c{k}' id=d{k}><p>{inputs.paragraph(rng, 2)}<p><b>bold <i>both</b> italic</i> &amp; &eacute;&#65;"
                     f"<table><tr><td>1<td>2<tr><td>{inputs.words(rng, 1)[0]}<p>out</table><ul><li>a<li>b</ul>"
                     f"<a href='/x?a=1&b=2'>{inputs.words(rng, 1)[0]}</a><img src=x.png alt=''><br></div>")
    return "".join(parts) + "<script>if (a < b && c) { d(); }</script>"


def run(step, size):
    for i in range(size):
        tree = html5lib.parse(text(i), treebuilder="etree" if i % 2 else "dom")
        walker = html5lib.getTreeWalker("etree" if i % 2 else "dom")
        serializer = html5lib.serializer.HTMLSerializer(quote_attr_values="always", omit_optional_tags=True)
        step("".join(serializer.serialize(walker(tree))))
