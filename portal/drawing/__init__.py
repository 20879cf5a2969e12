"""Draws what the pages show as pictures: states, bars, the resource graph, figures in words.

Pure functions from plain values to text or SVG; the template tags in `portal.templatetags.slipway` are their only
callers. Nothing here imports Django, reads a clock or a database, so everything is testable as a table of values.
Every function that returns markup has escaped its arguments.
"""
