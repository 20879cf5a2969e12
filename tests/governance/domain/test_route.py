"""Routes of approvals: documents, stages, conditions and samples."""

from __future__ import annotations

from typing import Any

import pytest

from governance.domain.approval import first_stages, source_label
from governance.domain.facts import completed
from governance.domain.route import parse_route, route_needs
from idp.kernel import cel
from idp.kernel.errors import InvalidInput


def document(*stages: dict[str, Any], **spec: Any) -> dict[str, Any]:
    return {
        "apiVersion": "slipway.dev/v1",
        "kind": "ApprovalRoute",
        "metadata": {"name": "production"},
        "spec": {"title": "Into production", "stages": list(stages), **spec},
    }


def stage(name: str, *sources: str, count: int = 1, **more: Any) -> dict[str, Any]:
    return {"name": name, "approvers": [{"from": source, "count": count} for source in sources], **more}


def needs(given: dict[str, Any], *, digest: str = "d", **facts: Any) -> list[Any]:
    owners = {"capabilities": ["data", "data", ""], "dependencies": ["storefront"], "capability:redis": ["cache"]}
    return route_needs(
        parse_route(given),
        team="payments",
        facts=cel.Facts(completed(facts)),
        digest=digest,
        owners=lambda asked: owners[asked],
        reason="because",
        policy="prod",
    )


TEAM = stage("Team", "team:maintainer")
PLATFORM = stage("Platform", "group:platform", count=2)


def test_it_asks_stage_after_stage_or_side_by_side() -> None:
    in_order = needs(document(TEAM, PLATFORM))
    assert [(one.source, one.count, one.stage, one.stage_name) for one in in_order] == [
        ("team:payments:maintainer", 1, 1, "Team"),
        ("group:platform", 2, 2, "Platform"),
    ]
    assert [one.stage for one in needs(document(TEAM, PLATFORM, order="side-by-side"))] == [1, 1]


@pytest.mark.parametrize(
    ("source", "asked"),
    [
        ("team:storefront:maintainer", ["team:storefront:maintainer"]),
        ("people:ann,bob", ["people:ann,bob"]),
        ("capabilities", ["team:data:maintainer", "group:platform-admins"]),
        ("capability:redis", ["team:cache:maintainer"]),
        ("dependencies", ["team:storefront:maintainer"]),
    ],
)
def test_it_asks_the_owners_of_what_is_touched(source: str, asked: list[str]) -> None:
    assert [one.source for one in needs(document(stage("Owners", source)))] == asked


SMALL = {"when": "plan.counts.removed == 0 && quota.cpu.ratio_after < 0.8"}


@pytest.mark.parametrize(
    ("facts", "skipped"),
    [
        ({"plan": {"counts": {"removed": 0}}}, True),
        ({"plan": {"counts": {"removed": 1}}}, False),
        ({"quota": {"cpu": {"ratio_after": 0.9}}}, False),
    ],
    ids=["small and ample", "removes something", "quota is near"],
)
def test_it_leaves_a_stage_out_on_a_condition(facts: dict[str, Any], skipped: bool) -> None:
    found = needs(document(stage("Team", "team:maintainer", skip=SMALL), PLATFORM), **facts)
    assert [bool(one.skipped) for one in found] == [skipped, False]
    assert first_stages(found) == {"production": 2 if skipped else 1}


def test_a_condition_that_cannot_be_evaluated_leaves_nothing_out() -> None:
    broken = stage("Team", "team:maintainer", skip={"when": "plan.nothing.of_the_kind > 3"})
    assert not needs(document(broken))[0].skipped


def test_a_sample_is_asked_all_the_same_and_always_the_same_one() -> None:
    sampled = document(stage("Team", "team:maintainer", skip={"when": "true", "sample": 20}))
    asked = [not needs(sampled, digest=f"{number:064x}")[0].skipped for number in range(300)]
    assert 30 < sum(asked) < 90
    assert asked == [not needs(sampled, digest=f"{number:064x}")[0].skipped for number in range(300)]


WRONG = [
    ("no stages", document(), "spec.stages"),
    ("unknown source", document(stage("Team", "everybody")), "spec.stages.0.approvers.0.from"),
    ("no names", document(stage("Team", "people:")), "spec.stages.0.approvers.0.from"),
    ("bad condition", document(stage("Team", "team:maintainer", skip={"when": "plan.("})), "spec.stages.0.skip.when"),
    ("unknown fact", document(stage("Team", "team:maintainer", skip={"when": "budget"})), "spec.stages.0.skip.when"),
    ("same name twice", document(TEAM, TEAM), "spec.stages.1.name"),
    ("escalates to a rule", document({**TEAM, "escalate": {"after": 4, "to": "dependencies"}}),
     "spec.stages.0.escalate.to"),
    ("no such field", document({**TEAM, "skip_when": "true"}), "spec.stages.0.skip_when"),
]  # fmt: skip


@pytest.mark.parametrize(("given", "path"), [row[1:] for row in WRONG], ids=[row[0] for row in WRONG])
def test_it_names_the_place_that_is_wrong(given: dict[str, Any], path: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        parse_route(given)
    assert path in [one.path for one in caught.value.errors]


@pytest.mark.parametrize(
    ("source", "count", "label"),
    [
        ("people:ann", 1, "ann"),
        ("people:ann,bob", 1, "ann or bob"),
        ("people:ann,bob,carl", 2, "2 of ann, bob and carl"),
        ("people:ann,bob", 2, "ann and bob"),
    ],
)
def test_it_names_people_in_words(source: str, count: int, label: str) -> None:
    assert source_label(source, count) == label
