"""How a campaign goes on: the states of campaign, wave and environment, and what is to be done now.

``next_steps`` looks at a snapshot and says everything that is due; ``provisioning.services.campaign_sweep`` carries it
out and asks again. Nothing here knows a database or a clock, so a whole campaign can be played in a test.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Final

from idp.kernel.errors import Conflict
from provisioning.domain.campaign_layout import Pace

CAMPAIGN_STATES: Final = ("draft", "running", "paused", "finished", "cancelled")
OPEN_CAMPAIGN_STATES: Final = ("running", "paused")
CAMPAIGN_TRANSITIONS: Final = MappingProxyType(
    {
        ("draft", "start"): "running",
        ("draft", "cancel"): "cancelled",
        ("running", "pause"): "paused",
        ("running", "cancel"): "cancelled",
        ("running", "finish"): "finished",
        ("paused", "resume"): "running",
        ("paused", "cancel"): "cancelled",
        ("finished", "resume"): "running",
    }
)

WAVE_STATES: Final = ("planned", "running", "settled", "reverting", "reverted", "cancelled")
WAVE_TRANSITIONS: Final = MappingProxyType(
    {
        ("planned", "start"): "running",
        ("planned", "cancel"): "cancelled",
        ("running", "settle"): "settled",
        ("running", "cancel"): "cancelled",
        ("running", "revert"): "reverting",
        ("running", "retry"): "running",
        ("settled", "revert"): "reverting",
        ("settled", "retry"): "running",
        ("cancelled", "revert"): "reverting",
        ("reverting", "finish"): "reverted",
        ("reverted", "revert"): "reverting",
        ("reverted", "retry"): "running",
    }
)

ITEM_STATES: Final = (
    "planned", "rescheduled", "waiting", "running", "succeeded", "failed", "refused", "needs-person", "skipped",
    "withdrawn", "reverting", "reverted", "stuck",
)  # fmt: skip
NOT_ASKED: Final = ("planned", "rescheduled")
LAGGING: Final = ("rescheduled", "waiting", "failed", "refused", "needs-person", "stuck")
"""Environments of waves that have begun which are not where they should be; each has its reason."""
TAKEABLE: Final = ("planned", "rescheduled", "refused", "needs-person", "reverted")
"""States in which owners may take the version now: before their day, or once more after what kept it. A run that
failed is resumed instead: what was wanted of the environment is the new version already."""
RETRIED: Final = ("refused", "needs-person", "reverted", "stuck", "withdrawn")
ITEM_TRANSITIONS: Final = MappingProxyType(
    {
        ("planned", "reschedule"): "rescheduled",
        ("rescheduled", "reschedule"): "rescheduled",
        **{(state, "ask"): "waiting" for state in TAKEABLE},
        **{(state, "skip"): "skipped" for state in TAKEABLE},
        **{(state, "puzzle"): "needs-person" for state in TAKEABLE},
        **{(state, "refuse"): "refused" for state in (*TAKEABLE, "waiting")},
        **{(state, "run"): "running" for state in ("waiting", "failed")},
        **{(state, "succeed"): "succeeded" for state in ("waiting", "running", "failed")},
        **{(state, "fail"): "failed" for state in ("waiting", "running")},
        ("waiting", "postpone"): "planned",
        **{(state, "withdraw"): "withdrawn" for state in (*NOT_ASKED, "waiting")},
        **{(state, "retry"): "planned" for state in RETRIED},
        **{(state, "revert"): "reverting" for state in ("succeeded", "failed", "stuck")},
        **{(state, "stick"): "stuck" for state in ("succeeded", "failed", "reverting", "stuck")},
        ("reverting", "finish"): "reverted",
    }
)

LOOK_AGAIN: Final = timedelta(seconds=5)
LOOK_AT_PEOPLE: Final = timedelta(seconds=30)
"""How soon to look again at what is under way, and at what waits for people; neither tells when it ends."""


def next_campaign_state(state: str, event: str) -> str:
    """Raises Conflict in words when the event is not possible in this state; so do the two below."""
    return _next(CAMPAIGN_TRANSITIONS, state, event, "This campaign")


def next_wave_state(state: str, event: str) -> str:
    return _next(WAVE_TRANSITIONS, state, event, "This wave")


def next_item_state(state: str, event: str) -> str:
    return _next(ITEM_TRANSITIONS, state, event, "This environment's part")


def _next(table: Mapping[tuple[str, str], str], state: str, event: str, what: str) -> str:
    try:
        return table[state, event]
    except KeyError:
        raise Conflict(
            f"{what} is {state.replace('-', ' ')}; “{event}” is not possible now.",
            code="illegal-state",
            remedy="Open the campaign again to see where it stands.",
        ) from None


def observed(item_state: str, change_state: str, *, began: bool) -> str:
    """The event that an environment's change means for its part; empty when it means nothing new.

    ``began``: the change had a run. One that was stopped on its way counts as failed, for it left things half done.
    """
    if item_state == "reverting":
        back = {"succeeded": "finish", "pending": "", "approved": "", "running": ""}
        return back.get(change_state, "stick")
    if change_state in ("pending", "approved"):
        event = ""
    elif change_state in ("running", "succeeded", "failed"):
        event = {"running": "run", "succeeded": "succeed", "failed": "fail"}[change_state]
    else:
        event = "fail" if began else "refuse"
    return event if (item_state, event) in ITEM_TRANSITIONS and _is_news(item_state, event) else ""


def _is_news(item_state: str, event: str) -> bool:
    return ITEM_TRANSITIONS[item_state, event] != item_state


@dataclass(frozen=True, slots=True)
class WaveView:
    """``accepted`` is how many failures people had seen when they let the campaign go on."""

    number: int
    state: str
    planned_at: datetime
    started_at: datetime | None = None
    settled_at: datetime | None = None
    accepted: int = 0


@dataclass(frozen=True, slots=True)
class ItemView:
    """One environment. ``own``: its people asked for the change themselves, so the campaign does not withdraw it."""

    id: int
    wave: int
    state: str
    due_at: datetime
    own: bool = False


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A campaign as stored; ``waves`` by number."""

    state: str
    pace: Pace
    waves: tuple[WaveView, ...]
    items: tuple[ItemView, ...]


@dataclass(frozen=True, slots=True)
class Steps:
    """Everything that is due. ``pause`` is the sentence that says why; ``look_at`` when to look again, if ever."""

    pause: str = ""
    finish: bool = False
    start: tuple[int, ...] = ()
    settle: tuple[int, ...] = ()
    reverted: tuple[int, ...] = ()
    ask: tuple[int, ...] = ()
    withdraw: tuple[int, ...] = ()
    revert: tuple[int, ...] = ()
    look_at: datetime | None = None

    @property
    def is_nothing(self) -> bool:
        """Whether nothing is to be done before ``look_at``."""
        return not (
            self.pause
            or self.finish
            or self.start
            or self.settle
            or self.reverted
            or self.ask
            or self.withdraw
            or self.revert
        )


def next_steps(snapshot: Snapshot, now: datetime) -> Steps:
    """What is to be done now. Asking for changes ends with the pause; going back goes on in every state."""
    back = _going_back(snapshot)
    if snapshot.state == "running":
        return _forward(snapshot, now, back)
    withdrawn = [one.id for one in snapshot.items if one.state == "waiting" and not one.own]
    if snapshot.state == "cancelled":
        withdrawn += [one.id for one in snapshot.items if one.state in NOT_ASKED]
    withdraw = tuple(dict.fromkeys((*back.withdraw, *withdrawn))) if snapshot.state != "finished" else back.withdraw
    steps = Steps(withdraw=withdraw, revert=back.revert, reverted=back.reverted)
    return steps if not steps.is_nothing else Steps(look_at=_under_way(snapshot, now))


@dataclass(frozen=True, slots=True)
class _Back:
    withdraw: tuple[int, ...] = ()
    revert: tuple[int, ...] = ()
    reverted: tuple[int, ...] = ()
    waves: frozenset[int] = field(default_factory=frozenset)


def _going_back(snapshot: Snapshot) -> _Back:
    """What moved goes back, what still moves goes back when it has ended, what waits is withdrawn."""
    waves = frozenset(one.number for one in snapshot.waves if one.state == "reverting")
    items = [one for one in snapshot.items if one.wave in waves]
    busy = {one.wave for one in items if one.state in ("succeeded", "failed", "waiting", "running", "reverting")}
    return _Back(
        withdraw=tuple(one.id for one in items if one.state == "waiting"),
        revert=tuple(one.id for one in items if one.state in ("succeeded", "failed")),
        reverted=tuple(sorted(waves - busy)),
        waves=waves,
    )


def _forward(snapshot: Snapshot, now: datetime, back: _Back) -> Steps:
    if said := failing(snapshot):
        return Steps(pause=said, withdraw=back.withdraw, revert=back.revert, reverted=back.reverted)
    start, settle = _turns(snapshot, now)
    ask = _due(snapshot, now, back.waves)
    finish = not (start or settle or ask or back.waves) and _is_over(snapshot)
    steps = Steps(
        finish=finish,
        start=start,
        settle=settle,
        reverted=back.reverted,
        ask=ask,
        withdraw=back.withdraw,
        revert=back.revert,
    )
    if not steps.is_nothing:
        return steps
    return Steps(look_at=_look_at(snapshot, now))


def failing(snapshot: Snapshot) -> str:
    """Why the campaign must pause: more of a wave failed than its threshold, and more than people have accepted."""
    for wave in snapshot.waves:
        if wave.state not in ("running", "settled"):
            continue
        failed, size = failures(one.state for one in snapshot.items if one.wave == wave.number)
        if failed > wave.accepted and failed * 100 > snapshot.pace.threshold * size:
            share = f"{failed} of {size} environments of wave {wave.number} failed"
            return f"{share}; the campaign allows {snapshot.pace.threshold} percent."
    return ""


def failures(states: Iterable[str]) -> tuple[int, int]:
    """How many failed, of how many that the wave moves: those that need a person or moved before are not among them."""
    counted = Counter(states)
    size = sum(counted.values()) - counted["skipped"] - counted["needs-person"] - counted["withdrawn"]
    return counted["failed"], size


def _turns(snapshot: Snapshot, now: datetime) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """The wave that begins and those that settle now."""
    settle = tuple(one.number for one in snapshot.waves if one.state == "running" and _has_settled(snapshot, one, now))
    opens = _opens_at(snapshot)
    starts = opens is not None and not settle and now >= opens[1]
    return ((opens[0],) if starts and opens else ()), settle


def _opens_at(snapshot: Snapshot) -> tuple[int, datetime] | None:
    """The next wave with the moment from which it may begin; None while one before it is not settled."""
    before: WaveView | None = None
    for wave in snapshot.waves:
        if wave.state == "planned":
            quiet = before.settled_at + snapshot.pace.soak if before and before.settled_at else wave.planned_at
            return wave.number, max(wave.planned_at, quiet)
        if wave.state != "settled":
            return None
        before = wave
    return None


def _has_settled(snapshot: Snapshot, wave: WaveView, now: datetime) -> bool:
    """Nothing of it moves or is still to be asked for; who waits for approval holds it up for a while only."""
    states = {one.state for one in snapshot.items if one.wave == wave.number}
    if states & {"planned", "running"}:
        return False
    return "waiting" not in states or now >= _patience_ends(snapshot, wave)


def _patience_ends(snapshot: Snapshot, wave: WaveView) -> datetime:
    return (wave.started_at or wave.planned_at) + snapshot.pace.patience


def _due(snapshot: Snapshot, now: datetime, back: frozenset[int]) -> tuple[int, ...]:
    """Environments to ask for now, in waves that have begun, or on a day that their people chose."""
    begun = {one.number for one in snapshot.waves if one.state in ("running", "settled")}
    closed = back | {one.number for one in snapshot.waves if one.state in ("reverted", "cancelled")}
    room = snapshot.pace.at_once - sum(one.state == "running" for one in snapshot.items)
    due = [
        one
        for one in snapshot.items
        if (one.state == "planned" and one.wave in begun)
        or (one.state == "rescheduled" and one.wave not in closed and now >= one.due_at)
    ]
    return tuple(one.id for one in sorted(due, key=lambda one: (one.wave, one.id))[: max(room, 0)])


def _is_over(snapshot: Snapshot) -> bool:
    moving = any(one.state in (*NOT_ASKED, "waiting", "running", "reverting") for one in snapshot.items)
    return not moving and all(one.state == "settled" for one in snapshot.waves)


def _look_at(snapshot: Snapshot, now: datetime) -> datetime | None:
    """The first moment at which something can be different without anybody telling."""
    moments = [one.due_at for one in snapshot.items if one.state == "rescheduled" and one.due_at > now]
    opens = _opens_at(snapshot)
    under_way = _under_way(snapshot, now)
    found = (*moments, *((opens[1],) if opens else ()), *((under_way,) if under_way else ()))
    return min(found, default=None)


def _under_way(snapshot: Snapshot, now: datetime) -> datetime | None:
    """Failed runs are looked at too while the campaign is open: their people may have resumed them."""
    states = {one.state for one in snapshot.items}
    if states & {"running", "reverting"}:
        return now + LOOK_AGAIN
    with_people = {"waiting", "failed"} if snapshot.state in OPEN_CAMPAIGN_STATES else {"waiting"}
    return now + LOOK_AT_PEOPLE if states & with_people else None
