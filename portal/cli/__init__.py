"""``slipway``, the command line: a client of the REST API and nothing else.

It has no rule of its own, imports no Django and nothing of the server, so that it can be installed alone. Its modules
import each other relatively, because the wheel that ``portal/cli/pyproject.toml`` builds installs this folder as
``slipway_cli``; from a checkout it is ``python -m portal.cli``.
"""

__version__ = "0.1.0"
