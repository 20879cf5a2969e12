"""How a campaign goes on: transitions, what is due, when it pauses, what going back means; and whole ones, played."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from idp.kernel.errors import Conflict
from provisioning.domain import campaign as domain
from provisioning.domain.campaign import ItemView, Snapshot, Steps, WaveView, failing, failures, next_steps
from provisioning.domain.campaign_layout import Pace

NOW = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
PACE = Pace(interval=DAY, soak=HOUR, patience=DAY, threshold=20, at_once=3)


def wave(number: int, state: str = "planned", **fields) -> WaveView:
    began = {"started_at": NOW - HOUR} if state != "planned" else {}
    ended = {"settled_at": NOW} if state == "settled" else {}
    return WaveView(number, state, **{"planned_at": NOW + DAY * (number - 1), **began, **ended, **fields})


def items(number: int, *states: str, due: datetime = NOW, own: bool = False) -> list[ItemView]:
    return [ItemView(number * 100 + at, number, state, due, own) for at, state in enumerate(states)]


def snapshot(state: str, waves: list[WaveView], *found: list[ItemView], pace: Pace = PACE) -> Snapshot:
    return Snapshot(state, pace, tuple(waves), tuple(one for part in found for one in part))


@pytest.mark.parametrize(
    ("table", "states"),
    [
        pytest.param(domain.CAMPAIGN_TRANSITIONS, domain.CAMPAIGN_STATES, id="campaign"),
        pytest.param(domain.WAVE_TRANSITIONS, domain.WAVE_STATES, id="wave"),
        pytest.param(domain.ITEM_TRANSITIONS, domain.ITEM_STATES, id="item"),
    ],
)
def test_its_transitions_lead_from_known_states_to_known_states(table, states):
    assert {start for start, _ in table} | set(table.values()) == set(states)


@pytest.mark.parametrize(
    ("move", "state", "event"),
    [
        pytest.param(domain.next_campaign_state, "cancelled", "resume", id="a cancelled campaign"),
        pytest.param(domain.next_wave_state, "planned", "revert", id="a wave that has not begun"),
        pytest.param(domain.next_item_state, "succeeded", "ask", id="an environment that moved"),
    ],
)
def test_it_refuses_what_is_not_possible_in_words(move, state, event):
    with pytest.raises(Conflict, match=f"is {state}"):
        move(state, event)


DUE = [
    pytest.param(
        snapshot("running", [wave(1, planned_at=NOW + HOUR)], items(1, "planned")),
        Steps(look_at=NOW + HOUR),
        id="waits for its day",
    ),
    pytest.param(snapshot("running", [wave(1)], items(1, "planned")), Steps(start=(1,)), id="begins on its day"),
    pytest.param(
        snapshot("running", [wave(1, "running")], items(1, "planned", "running", "planned", "planned", "planned")),
        Steps(ask=(100, 102)),
        id="asks for as many as may move at once",
    ),
    pytest.param(
        snapshot("running", [wave(1, "running")], items(1, "succeeded", "running")),
        Steps(look_at=NOW + domain.LOOK_AGAIN),
        id="looks at what is under way",
    ),
    pytest.param(
        snapshot("running", [wave(1, "running"), wave(2)], items(1, "succeeded", "needs-person"), items(2, "planned")),
        Steps(settle=(1,)),
        id="settles a wave of which nothing moves",
    ),
    pytest.param(
        snapshot("running", [wave(1, "running")], items(1, "succeeded", "waiting")),
        Steps(look_at=NOW + domain.LOOK_AT_PEOPLE),
        id="waits for approvals",
    ),
    pytest.param(
        snapshot("running", [wave(1, "running", started_at=NOW - DAY)], items(1, "succeeded", "waiting")),
        Steps(settle=(1,)),
        id="goes on without those who wait too long",
    ),
    pytest.param(
        snapshot("running", [wave(1, "settled"), wave(2, planned_at=NOW)], items(1, "succeeded"), items(2, "planned")),
        Steps(look_at=NOW + HOUR),
        id="keeps quiet between two waves",
    ),
    pytest.param(
        snapshot(
            "running",
            [wave(1, "settled", settled_at=NOW - HOUR), wave(2, planned_at=NOW)],
            items(1, "succeeded"),
            items(2, "planned"),
        ),
        Steps(start=(2,)),
        id="begins the next wave",
    ),
    pytest.param(
        snapshot("running", [wave(1)], items(1, "rescheduled", due=NOW), items(1, "planned", due=NOW)[:0]),
        Steps(start=(1,), ask=(100,)),
        id="moves whoever chose this moment",
    ),
    pytest.param(
        snapshot("running", [wave(1, "settled")], items(1, "rescheduled", due=NOW + DAY)),
        Steps(look_at=NOW + DAY),
        id="is not over while somebody has postponed",
    ),
    pytest.param(
        snapshot("running", [wave(1, "settled")], items(1, "succeeded", "needs-person", "skipped", "refused")),
        Steps(finish=True),
        id="is over when nothing is left that moves by itself",
    ),
    pytest.param(
        snapshot("paused", [wave(1, "running")], items(1, "planned", "waiting", "succeeded")),
        Steps(withdraw=(101,)),
        id="paused: asks for nothing, withdraws what waits",
    ),
    pytest.param(
        snapshot("paused", [wave(1, "running")], items(1, "waiting", own=True)),
        Steps(look_at=NOW + domain.LOOK_AT_PEOPLE),
        id="paused: leaves alone what owners asked for",
    ),
    pytest.param(
        snapshot("cancelled", [wave(1, "cancelled")], items(1, "planned", "rescheduled", "waiting", "succeeded")),
        Steps(withdraw=(102, 100, 101)),
        id="cancelled: withdraws everything that has not begun",
    ),
    pytest.param(
        snapshot("paused", [wave(1, "reverting")], items(1, "succeeded", "failed", "running", "planned", "waiting")),
        Steps(withdraw=(104,), revert=(100, 101)),
        id="going back: what moved goes back, what waits is withdrawn",
    ),
    pytest.param(
        snapshot("finished", [wave(1, "reverting")], items(1, "reverted", "stuck", "needs-person")),
        Steps(reverted=(1,)),
        id="gone back, even when the campaign is over",
    ),
    pytest.param(
        snapshot("running", [wave(1, "reverted"), wave(2)], items(1, "reverted"), items(2, "planned"), pace=PACE),
        Steps(),
        id="nothing begins after a wave that went back",
    ),
]


@pytest.mark.parametrize(("found", "expected"), DUE)
def test_it_knows_what_is_due(found, expected):
    assert next_steps(found, NOW) == expected


@pytest.mark.parametrize(
    ("states", "accepted", "pauses"),
    [
        pytest.param(["failed", *["running"] * 4], 0, False, id="at the threshold"),
        pytest.param(["failed", "failed", *["planned"] * 3], 0, True, id="beyond it, before the wave is over"),
        pytest.param(["failed", "failed", *["planned"] * 3], 2, False, id="seen and accepted"),
        pytest.param(["failed"] * 3 + ["planned"] * 2, 2, True, id="one more than accepted"),
        pytest.param(["failed", *["needs-person"] * 3, *["skipped"] * 3], 0, True, id="shares count who moves"),
        pytest.param(["refused"] * 5, 0, False, id="a refusal is no failure"),
    ],
)
def test_it_pauses_beyond_the_threshold(states, accepted, pauses):
    found = snapshot("running", [wave(1, "running", accepted=accepted)], items(1, *states))
    assert bool(failing(found)) is pauses
    steps = next_steps(found, NOW)
    assert bool(steps.pause) is pauses
    assert not (pauses and (steps.ask or steps.start))


@pytest.mark.parametrize(
    ("item", "change", "began", "event"),
    [
        pytest.param("waiting", "pending", False, "", id="still waits"),
        pytest.param("waiting", "approved", False, "", id="queued behind another"),
        pytest.param("waiting", "running", True, "run", id="begins"),
        pytest.param("waiting", "succeeded", True, "succeed", id="was done between two looks"),
        pytest.param("running", "running", True, "", id="still runs"),
        pytest.param("running", "succeeded", True, "succeed", id="is done"),
        pytest.param("running", "failed", True, "fail", id="fails"),
        pytest.param("running", "cancelled", True, "fail", id="stopped on its way"),
        pytest.param("waiting", "cancelled", False, "refuse", id="withdrawn by a person"),
        pytest.param("waiting", "rejected", False, "refuse", id="rejected"),
        pytest.param("waiting", "denied", False, "refuse", id="denied later"),
        pytest.param("failed", "running", True, "run", id="resumed"),
        pytest.param("failed", "succeeded", True, "succeed", id="resumed and done"),
        pytest.param("failed", "failed", True, "", id="still failed"),
        pytest.param("failed", "cancelled", True, "", id="resumed and stopped"),
        pytest.param("reverting", "pending", False, "", id="going back waits"),
        pytest.param("reverting", "succeeded", True, "finish", id="is back"),
        pytest.param("reverting", "rejected", False, "stick", id="may not go back"),
    ],
)
def test_it_follows_what_becomes_of_a_change(item, change, began, event):
    assert domain.observed(item, change, began=began) == event


def test_it_counts_failures_among_those_who_move():
    assert failures(["failed", "succeeded", "skipped", "needs-person", "withdrawn", "planned"]) == (1, 3)


@dataclass
class Play:
    """A campaign played with a clock and given fates; ``asked`` is who was asked for, in order."""

    fates: list[str]
    snapshot: Snapshot
    now: datetime = NOW
    asked: list[int] = field(default_factory=list)
    paused: bool = False

    def run(self, *, rounds: int = 400) -> None:
        for _ in range(rounds):
            steps = next_steps(self.snapshot, self.now)
            resting = self.snapshot.state != "running" and not self.moving
            if steps.is_nothing and (steps.look_at is None or resting):
                return
            self.carry_out(steps)
            self.world_goes_on()
        raise AssertionError("it goes on for ever")

    @property
    def moving(self) -> bool:
        return any(one.state in ("running", "reverting") for one in self.snapshot.items)

    def carry_out(self, steps: Steps) -> None:
        assert not (steps.ask and self.snapshot.state != "running")
        for number in steps.start:
            assert all(one.state == "settled" for one in self.snapshot.waves if one.number < number)
            self.waves(number, state="running", started_at=self.now)
        for number in steps.settle:
            self.waves(number, state="settled", settled_at=self.now)
        for number in steps.reverted:
            self.waves(number, state="reverted")
        for one in steps.ask:
            assert one not in self.asked
            self.asked.append(one)
            fate = self.fates[one % len(self.fates)]
            self.item(one, "running" if fate in ("succeeded", "failed") else fate)
        assert sum(one.state == "running" for one in self.snapshot.items) <= self.snapshot.pace.at_once
        for one in steps.withdraw:
            self.item(one, "withdrawn" if self.snapshot.state == "cancelled" else "planned")
        for one in steps.revert:
            self.item(one, "reverting")
        if steps.pause:
            self.paused = True
        if steps.pause or steps.finish:
            self.snapshot = replace(self.snapshot, state="paused" if steps.pause else "finished")
        if steps.is_nothing and steps.look_at:
            late = timedelta() if self.moving else HOUR
            self.now = max(self.now + late, steps.look_at)

    def world_goes_on(self) -> None:
        for one in self.snapshot.items:
            if one.state == "running":
                self.item(one.id, self.fates[one.id % len(self.fates)])
            if one.state == "reverting":
                self.item(one.id, "reverted")

    def item(self, number: int, state: str) -> None:
        found = tuple(replace(one, state=state) if one.id == number else one for one in self.snapshot.items)
        self.snapshot = replace(self.snapshot, items=found)

    def waves(self, number: int, **fields) -> None:
        found = tuple(replace(one, **fields) if one.number == number else one for one in self.snapshot.waves)
        self.snapshot = replace(self.snapshot, waves=found)


paces = st.builds(
    Pace,
    interval=st.integers(0, 5).map(lambda n: n * DAY),
    soak=st.integers(0, 5).map(lambda n: n * HOUR),
    patience=st.integers(0, 5).map(lambda n: n * DAY),
    threshold=st.integers(0, 99),
    at_once=st.integers(1, 4),
)
sizes = st.lists(st.integers(1, 6), min_size=1, max_size=4)


def _played(fates: list[str], pace: Pace, found: list[int]) -> Play:
    waves = [wave(number, planned_at=NOW + pace.interval * (number - 1)) for number in range(1, len(found) + 1)]
    parts = [items(number, *["planned"] * size) for number, size in enumerate(found, 1)]
    return Play(fates, snapshot("running", waves, *parts, pace=pace))


@settings(deadline=None, max_examples=200)
@given(st.lists(st.sampled_from(["succeeded", "refused", "needs-person", "skipped"]), min_size=1), paces, sizes)
def test_it_comes_to_an_end_and_asks_everyone_once(fates, pace, found):
    play = _played(fates, pace, found)
    play.run()
    assert play.snapshot.state == "finished"
    assert sorted(play.asked) == sorted(one.id for one in play.snapshot.items)
    assert [one // 100 for one in play.asked] == sorted(one // 100 for one in play.asked)


@settings(deadline=None, max_examples=200)
@given(st.lists(st.sampled_from(["succeeded", "failed"]), min_size=1), paces, sizes)
def test_it_never_leaves_more_failures_than_allowed_without_pausing(fates, pace, found):
    play = _played(fates, pace, found)
    play.run()
    for one in play.snapshot.waves:
        failed, size = failures(item.state for item in play.snapshot.items if item.wave == one.number)
        assert play.paused or failed * 100 <= pace.threshold * size
    if play.paused:
        reached = max(item // 100 for item in play.asked)
        assert all(item.state == "planned" for item in play.snapshot.items if item.wave > reached)


@settings(deadline=None, max_examples=100)
@given(st.lists(st.sampled_from(["succeeded", "failed", "refused"]), min_size=1), paces, sizes)
def test_it_goes_back_to_where_nothing_of_a_wave_is_left_moved(fates, pace, found):
    play = _played(fates, pace, found)
    play.run()
    play.waves(1, state="reverting")
    play.run()
    assert play.snapshot.waves[0].state == "reverted"
    assert not {one.state for one in play.snapshot.items if one.wave == 1} & {"succeeded", "failed", "running"}
