"""Where a new environment goes: which clusters may take it, which of them is best, and what is said of the others."""

from __future__ import annotations

import itertools

import pytest

from provisioning.domain.placement import Candidate, chosen, label_problem, lacking, rank
from provisioning.domain.plan import Footprint

EU = {"region": "eu"}


def cluster(name: str, used: float = 0, room: float | None = 10, **fields: object) -> Candidate:
    return Candidate(
        name=name,
        labels=fields.pop("labels", EU),  # type: ignore[arg-type]
        capacity={} if room is None else {"cpu": room},
        used=Footprint(cpu=used),
        **fields,  # type: ignore[arg-type]
    )


@pytest.mark.parametrize(
    ("clusters", "wanted", "order"),
    [
        pytest.param([cluster("a", 8), cluster("b", 2)], EU, ["b", "a"], id="emptiest first"),
        pytest.param([cluster("b", 2), cluster("a", 2)], EU, ["a", "b"], id="by name when alike"),
        pytest.param([cluster("a", 2), cluster("z", 2, home=True)], EU, ["z", "a"], id="home when alike"),
        pytest.param([cluster("a", 6), cluster("b", room=None)], EU, ["b", "a"], id="untold is half full"),
        pytest.param([cluster("a", 4), cluster("b", room=None)], EU, ["a", "b"], id="untold after emptier"),
        pytest.param([cluster("a", labels={}), cluster("b")], EU, ["b"], id="labels"),
        pytest.param([cluster("a"), cluster("b", home=True)], {}, ["b"], id="no labels mean home"),
        pytest.param([cluster("a", cordoned="It is cordoned."), cluster("b", 9)], EU, ["b"], id="cordoned"),
        pytest.param([cluster("a", unreachable=True), cluster("b", 9)], EU, ["b"], id="silent while others answer"),
        pytest.param([cluster("a", unreachable=True)], EU, ["a"], id="silent alone"),
        pytest.param([cluster("a", 0, room=0)], EU, ["a"], id="no room at all"),
        pytest.param([], EU, [], id="none"),
    ],
)
def test_it_ranks_clusters(clusters: list[Candidate], wanted: dict[str, str], order: list[str]) -> None:
    for some in itertools.permutations(clusters):
        assert [one.name for one in rank(some, wanted).order] == order


def test_it_says_why_a_cluster_is_passed_over() -> None:
    found = rank([cluster("b", unreachable=True), cluster("a", cordoned="It is cordoned: old."), cluster("c")], EU)
    assert [(one.cluster, one.why) for one in found.passed_over] == [
        ("a", "It is cordoned: old."),
        ("b", "It does not answer at present."),
    ]


@pytest.mark.parametrize(
    ("one", "need", "told"),
    [
        pytest.param(cluster("a", 8), 2, "", id="fits exactly"),
        pytest.param(cluster("a", 8), 2.5, "It has 2 of 10 cores free; 2.5 are needed.", id="too little"),
        pytest.param(cluster("a", 12), 1, "It has 0 of 10 cores free; 1 are needed.", id="over already"),
        pytest.param(cluster("a", room=None), 99, "", id="nobody has said"),
    ],
)
def test_it_says_what_is_lacking(one: Candidate, need: float, told: str) -> None:
    assert lacking(one, Footprint(cpu=need)) == told


@pytest.mark.parametrize(
    ("one", "others", "wanted", "told"),
    [
        pytest.param(cluster("a"), 0, {}, "It goes to a, the stage’s cluster.", id="home"),
        pytest.param(
            cluster("a", 4), 2, EU, "It goes to a, the emptiest of 3 with region=eu: 40 % of it is taken.", id="best"
        ),
        pytest.param(cluster("a"), 0, EU, "It goes to a, the one cluster with region=eu that can take it.", id="only"),
    ],
)
def test_it_says_why_one_is_chosen(one: Candidate, others: int, wanted: dict[str, str], told: str) -> None:
    assert chosen(one, others, wanted, ()).why == told


@pytest.mark.parametrize(
    ("labels", "fine"),
    [
        pytest.param({}, True, id="none"),
        pytest.param({"region": "eu-west", "example.com/tier": "Gold"}, True, id="usual"),
        pytest.param({"gpu": ""}, True, id="empty value"),
        pytest.param(["region"], False, id="list"),
        pytest.param({"Region": "eu"}, False, id="upper case"),
        pytest.param({"region": 1}, False, id="number"),
        pytest.param({"region": "eu west"}, False, id="space"),
        pytest.param({"x" * 64: "a"}, False, id="long"),
        pytest.param({f"l{n}": "" for n in range(21)}, False, id="many"),
    ],
)
def test_it_knows_labels(labels: object, fine: bool) -> None:
    assert (label_problem(labels) == "") is fine
