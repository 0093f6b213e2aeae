"""Jinja2: compiling templates, and rendering pages with inheritance, macros, loops, filters and tests."""

import inputs
from jinja2 import DictLoader, Environment

DEFAULT_SIZE = 1700
PACKAGES = ("Jinja2", "MarkupSafe")

TEMPLATES = {
    "base.html": "<html><head><title>{% block title %}x{% endblock %}</title></head><body>{% block body %}{% endblock %}"
                 "<footer>{{ version }}</footer></body></html>",
    "macros.html": "{% macro field(name, value='', kind='text') %}<input name='{{ name }}' type='{{ kind }}' value='"
                   "{{ value|e }}'>{% endmacro %}{% macro cell(value) %}<td>{{ value }}</td>{% endmacro %}",
    "page.html": "{% extends 'base.html' %}{% from 'macros.html' import field, cell %}{% block title %}{{ super() }}"
                 "{{ title|upper }}{% endblock %}{% block body %}<table>{% for row in rows recursive %}<tr>{{ cell(row.id) }}"
                 "{{ cell(row.name|title|replace('a', 'A')) }}{{ cell(row.score|round(1)) }}{% if row.active %}"
                 "<td>{{ row.tags|sort|join('/') }}</td>{% elif loop.index is divisibleby 3 %}<td>third</td>{% else %}"
                 "<td>{{ row.tags|map('length')|sum }}</td>{% endif %}{% if row.children %}<td>{{ loop(row.children) }}</td>"
                 "{% endif %}</tr>{% endfor %}</table>{% set total = namespace(value=0) %}{% for row in rows %}"
                 "{% set total.value = total.value + row.score %}{% endfor %}{{ field('total', total.value) }}"
                 "{% for key, group in rows|groupby('active') %}<p>{{ key }}: {{ group|list|length }}</p>{% endfor %}"
                 "{% endblock %}"}


def run(step, size):
    environment = Environment(loader=DictLoader(TEMPLATES), autoescape=True, trim_blocks=True)
    for i in range(size):
        rng = inputs.generator(i)
        rows = [inputs.record(rng, 1) for _ in range(12)]
        page = environment.get_template("page.html").render(title=f"page {i}", version=i, rows=rows)
        text = TEMPLATES["page.html"].replace("third", f"third {i}")
        code = environment.compile(text, raw=True)
        step([page, len(code)])
