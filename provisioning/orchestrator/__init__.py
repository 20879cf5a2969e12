"""Carries runs out. The database is the truth: a wake is a hint, a lease is the right to act.

Called by tasks (and by tests) with an id. Driver calls happen outside transactions; what they came to is stored
in one transaction by ``provisioning.services``. Nothing here sleeps: a step that waits gives the run back.
"""

from provisioning.orchestrator.advance import advance, sweep

__all__ = ["advance", "sweep"]
