"""`python -m tephra verify`: the same tests on the stock interpreter and under the JIT, compared test by test.

One module per concern: targets (what to run), child (inside the process that runs it), jobs (processes),
records (what they leave), compare, rerun (differences proved before they are called regressions), vacuity
(runs that prove nothing), state (resumable), expected and baseline (what is known), cost (CPU time, memory), report,
jsonfile, junit, html, progress, cli.
"""
