"""Measurements of Slipway against the budgets of docs/benchmarks.md: ``python -m bench``, or ``make bench``.

Every figure is taken beside a floor in the same run, and said as a ratio to it. Nothing here is imported by the
product; ``bench.seed`` is also what the tests of query ceilings fill their database with.
"""
