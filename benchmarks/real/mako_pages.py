"""Mako: compiling and rendering templates with inheritance, defs and Python blocks."""

import inputs
from mako.lookup import TemplateLookup
from mako.template import Template

DEFAULT_SIZE = 3800
PACKAGES = ("Mako",)

BASE = """<html><body>${self.body()}<%def name="row(item)"><tr><td>${item['id']}</td><td>${item['name'] | h,trim}</td>
% for tag in item['tags']:
<td class="${loop.cycle('a', 'b')}">${tag | u}</td>
% endfor
</tr></%def></body></html>"""
PAGE = """<%inherit file="base.html"/><%! import math %><%
    total = sum(math.sqrt(item['score']) for item in rows)
%><h1>${title}: ${'%.2f' % total}</h1><table>
% for item in rows:
%   if item['active']:
${parent.row(item)}
%   else:
<tr><td colspan="3">${item['name'].upper() | h}</td></tr>
%   endif
% endfor
</table>"""


def run(step, size):
    lookup = TemplateLookup()
    lookup.put_string("base.html", BASE)
    lookup.put_string("page.html", PAGE)
    for i in range(size):
        rng = inputs.generator(i)
        rows = [inputs.record(rng, 0) for _ in range(60)]
        page = lookup.get_template("page.html").render(title=f"page {i}", rows=rows)
        fresh = Template(PAGE.replace("<%inherit file=\"base.html\"/>", "").replace("parent.row(item)", f"item['id'] + {i}"))
        step([page, fresh.render(title="fresh", rows=rows)])
