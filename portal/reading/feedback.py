"""“Was this easy?” as pages show it: the question to who asked for a run, and what the answers say of a capability."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from governance.access import Rights
from idp.kernel import clock
from provisioning.domain.feedback import DISMISSED, Tally
from provisioning.models import Capability, Run
from provisioning.selectors import feedback as selectors

ASKED_FOR = timedelta(days=7)
"""How long an environment's page asks about its last run; the run's own page asks for good."""


@dataclass(frozen=True, slots=True)
class Ask:
    """The question about one run, with what was answered. ``back`` is where the answer leads: run or environment."""

    run: int
    answer: str = ""
    words: str = ""
    back: str = "run"


@dataclass(frozen=True, slots=True)
class Said:
    """What the answers say; ``reads``: the reader may read what people wrote, on a page of its own."""

    tally: Tally
    reads: bool


def ask_on_run(rights: Rights, run: Run) -> Ask | None:
    """The question on the page of a run, changeable; None for everyone who is not asked. Needs ``feedback`` joined."""
    if not selectors.may_answer(rights, run):
        return None
    row = selectors.feedback_of(run)
    answer = "" if row is None or row.answer == DISMISSED else row.answer
    return Ask(run.pk, answer, row.words if row else "")


def ask_on_environment(rights: Rights, run: Run | None) -> Ask | None:
    """The question about the last run, once: not when it was answered, dismissed, or is long ago."""
    if run is None or not selectors.may_answer(rights, run):
        return None
    if run.finished_at is None or clock.now() - run.finished_at > ASKED_FOR or selectors.feedback_of(run) is not None:
        return None
    return Ask(run.pk, back="environment")


def said_of(rights: Rights, capability: Capability) -> Said:
    """No query: ``capability`` as ``capability_for_page`` gives it."""
    tally = Tally(capability.easy, capability.hard)  # type: ignore[attr-defined]  # annotated
    return Said(tally, selectors.may_read_words(rights, capability))
