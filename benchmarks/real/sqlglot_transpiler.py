"""Sqlglot: queries parsed, optimised and written in other dialects."""

import inputs
import sqlglot
from sqlglot.optimizer import optimize

DEFAULT_SIZE = 470
PACKAGES = ("sqlglot",)

SCHEMA = {"orders": {"id": "int", "customer": "int", "total": "double", "day": "date"},
          "customers": {"id": "int", "name": "text", "city": "text"}}


def text(number):
    """A query."""
    rng = inputs.generator(number)
    a, b = inputs.words(rng, 2)
    return f"""
WITH {a}_x AS (SELECT o.customer, SUM(o.total) AS total, COUNT(*) AS n FROM orders AS o
  WHERE o.day BETWEEN '2024-01-{number % 28 + 1:02}' AND DATE '2024-12-31' AND o.total > {rng.randrange(100)} GROUP BY o.customer
  HAVING COUNT(*) > {rng.randrange(9)})
SELECT c.name AS {b}_y, x.total / NULLIF(x.n, 0) AS mean, CASE WHEN x.total > 100 + {rng.randrange(99)} THEN 'big' WHEN x.n = 1 THEN
  'once' ELSE LOWER(c.city) END AS kind, ROW_NUMBER() OVER (PARTITION BY c.city ORDER BY x.total DESC) AS place
FROM customers c JOIN {a}_x x ON c.id = x.customer LEFT JOIN (SELECT id, day FROM orders WHERE total IN (1, 2, 3)) d ON d.id = c.id
WHERE c.city LIKE '%{b}%' AND NOT (x.n < 2 OR x.total IS NULL) AND EXISTS (SELECT 1 FROM orders q WHERE q.customer = c.id)
ORDER BY mean DESC LIMIT {rng.randrange(1, 50)}"""


def run(step, size):
    for i in range(size):
        tree = sqlglot.parse_one(text(i), read="postgres")
        outputs = [tree.sql(dialect=dialect, pretty=True) for dialect in ("mysql", "bigquery", "snowflake")]
        optimised = optimize(tree, schema=SCHEMA).sql("duckdb") if i % 2 else ""
        step([outputs, optimised])
