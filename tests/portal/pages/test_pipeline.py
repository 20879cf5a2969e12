"""The pipeline compares each stage with the next that has an environment, and says what to do."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from idp.catalog.models import System, Team
from portal.reading.matrix import lines, main_environment
from portal.reading.pipeline import differences, image_tag, pipeline, version_text
from provisioning.models import Change, Environment, Revision, Stage

NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
SYSTEM = System(pk=1, slug="checkout", name="Checkout", team=Team(pk=1, slug="payments", name="Payments"))
STAGES = [Stage(pk=number, name=name, order=number) for number, name in enumerate(("dev", "staging", "prod"), 1)]


def resource(contract="1.0.0", image="", capability="web-service"):
    return {"capability": capability, "contract": contract, "inputs": {"image": image} if image else {}}


def environment(key, stage, resources, *, name="", state="ready"):
    made = Environment(
        pk=key, system=SYSTEM, stage=stage, name=name or stage.name, state=state, created_at=NOW, monthly_cost=10
    )
    made.desired = Revision(pk=key, environment=made, number=key, document={"resources": resources})
    return made


IMAGES = {
    "a tag": ("registry.example/a:1.8.3", "1.8.3"),
    "a port is no tag": ("registry.example:5000/a", "latest"),
    "a port and a tag": ("registry.example:5000/a:2", "2"),
    "a digest": ("registry.example/a@sha256:" + "ab" * 32, "abab…abab"),
    "no image": ("", ""),
}


@pytest.mark.parametrize(("image", "tag"), IMAGES.values(), ids=IMAGES.keys())
def test_it_names_an_image_by_its_tag(image, tag):
    assert image_tag(resource(image=image)) == tag


def test_it_shows_the_contract_of_what_runs_no_image():
    assert version_text(resource("1.2.0", capability="postgres")) == "postgres 1.2.0"


def drawn(environments, changes=(), *, may_request=True, decides=()):
    asked = {"may_request": may_request, "decides": decides, "now": NOW}
    return pipeline(SYSTEM, STAGES, environments, [], list(changes), **asked)


def test_it_marks_what_promotion_would_carry():
    here = {"api": resource(image="x/a:2"), "db": resource("1.1.0", capability="postgres"), "new": resource()}
    there = {"api": resource(image="x/a:1"), "db": resource("1.2.0", capability="postgres"), "old": resource()}
    dev, staging, _ = drawn([environment(1, STAGES[0], here), environment(2, STAGES[1], there)]).columns
    assert {one.name: (one.text, one.kind, one.note) for one in dev.versions} == {
        "api": ("image 2", "ahead", "Ahead"),
        "db": ("postgres 1.1.0", "behind", "Behind"),
        "new": ("web-service 1.0.0", "ahead", "New"),
        "old": ("", "absent", ""),
    }
    assert [one.note for one in staging.versions] == ["", "", "", ""]
    assert (dev.differs_from, dev.differs) == (
        "staging",
        "1 image, 1 contract, 1 new resource, 1 missing resource.",
    )


STANDINGS = {
    "newer": ("x/a:2.31.0", "x/a:2.30.0", ("ahead", "Ahead")),
    "older": ("x/a:2.9.0", "x/a:2.30.0", ("behind", "Behind")),
    "older, with a letter": ("x/a:v2", "x/a:v3", ("behind", "Behind")),
    "a branch": ("x/a:main", "x/a:2.30.0", ("ahead", "Differs")),
    "a digest": (f"x/a@sha256:{'ab' * 32}", "x/a:2", ("ahead", "Differs")),
    "the same": ("x/a:2", "y/a:2", ("", "")),
}


@pytest.mark.parametrize(("here", "there", "standing"), STANDINGS.values(), ids=STANDINGS.keys())
def test_it_tells_older_images_from_newer_ones(here, there, standing):
    pair = [environment(1, STAGES[0], {"api": resource(image=here)})]
    pair.append(environment(2, STAGES[1], {"api": resource(image=there)}))
    api = drawn(pair).columns[0].versions[0]
    assert (api.kind, api.note) == standing


def test_it_compares_over_a_stage_without_an_environment():
    same = {"api": resource(image="x/a:1")}
    dev, staging, prod = drawn([environment(1, STAGES[0], same), environment(3, STAGES[2], same)]).columns
    assert (dev.differs_from, dev.differs) == ("prod", "Same images, contracts and resources.")
    assert (staging.environment, staging.versions, staging.differs, prod.differs) == (None, (), "", "")


def test_it_counts_contracts_and_images_apart():
    assert differences({"a": resource("1.0.0", "x:1")}, {"a": resource("1.1.0", "x:2")}) == "1 image, 1 contract."


def change(key, environment, state):
    return Change(pk=key, environment=environment, system=SYSTEM, state=state)


DEV = environment(1, STAGES[0], {})
NEXT = {
    "a developer may change it": ([DEV], [], True, ("/environments/checkout/dev/edit", "Change it")),
    "a stranger may open it": ([DEV], [], False, ("/environments/checkout/dev/", "Open it")),
    "a waiting change comes first": ([DEV], [change(7, DEV, "pending")], True, ("/changes/7/", "See the change")),
    "a running change is watched": ([DEV], [change(8, DEV, "running")], True, ("/changes/8/", "Watch the change")),
    "a finished change is no matter": (
        [DEV],
        [change(9, DEV, "failed")],
        True,
        ("/environments/checkout/dev/edit", "Change it"),
    ),
    "a failed one is looked at": (
        [environment(1, STAGES[0], {}, state="failed")],
        [],
        True,
        ("/environments/checkout/dev/", "See what is wrong"),
    ),
    "an empty stage begins": ([], [], True, ("/environments/new?system=checkout&stage=dev", "New environment in dev")),
    "an empty stage tells a stranger whom to ask": ([], [], False, ("", "")),
}


@pytest.mark.parametrize(("environments", "changes", "may_request", "expected"), NEXT.values(), ids=NEXT.keys())
def test_it_says_what_to_do_next(environments, changes, may_request, expected):
    first = drawn(environments, changes, may_request=may_request).columns[0].next
    assert (first.url, first.label) == expected
    assert first.label or first.hint


def test_it_keeps_previews_beside_the_one_that_stands_for_the_stage():
    named, preview = environment(5, STAGES[0], {}), environment(4, STAGES[0], {}, name="pr-1")
    drawing = drawn([preview, named])
    assert drawing.columns[0].environment is named
    assert drawing.others == [preview]


def test_it_takes_the_oldest_where_none_is_named_like_its_stage():
    older = environment(2, STAGES[0], {}, name="a")
    older.created_at = NOW.replace(year=2025)
    assert main_environment(STAGES[0], [environment(1, STAGES[0], {}, name="b"), older]) is older
    assert main_environment(STAGES[0], []) is None


def test_the_matrix_sums_the_cost_of_every_environment_and_counts_the_hidden_ones():
    environments = [DEV, environment(2, STAGES[0], {}, name="pr-1"), environment(3, STAGES[2], {})]
    (line,) = lines([SYSTEM], STAGES, environments, {SYSTEM.pk: 4})
    assert (line.cost, line.open_changes) == (30, 4)
    assert [(cell.environment and cell.environment.name, cell.more) for cell in line.cells] == [
        ("dev", 1),
        (None, 0),
        ("prod", 0),
    ]


@pytest.mark.parametrize(("decides", "label"), [((7,), "Review the change"), ((), "See the change")])
def test_it_invites_only_those_to_review_who_decide(decides, label):
    column = drawn([DEV], [change(7, DEV, "pending")], decides=decides).columns[0]
    assert (column.next.label, column.next.primary) == (label, bool(decides))


def test_it_shows_the_stages_that_promotion_passes_and_the_rest_beside():
    dev = Stage(pk=1, name="dev", order=1)
    preview, prod = Stage(pk=2, name="preview", order=0), Stage(pk=3, name="prod", order=3, promotes_from=dev)
    stages = [preview, dev, prod]
    shown = [environment(one.pk, one, {"api": resource()}) for one in stages]
    drawn_now = pipeline(SYSTEM, stages, shown, [], [], may_request=True, now=NOW)
    assert [one.stage.name for one in drawn_now.columns] == ["dev", "prod"]
    assert [one.name for one in drawn_now.others] == ["preview"]


def test_it_says_what_a_promotion_still_waits_for():
    dev = Stage(pk=1, name="dev", order=1)
    prod = Stage(pk=3, name="prod", order=3, promotes_from=dev, soak_minutes=60)
    here = environment(1, dev, {"api": resource()})
    here.ready_since = NOW - timedelta(minutes=20)
    first = pipeline(SYSTEM, [dev, prod], [here], [], [], may_request=True, now=NOW).columns[0]
    assert (first.promote.label, first.promote.hint) == ("Promote to prod", "Proven in 40 min")
    here.state = "progressing"
    first = pipeline(SYSTEM, [dev, prod], [here], [], [], may_request=True, now=NOW).columns[0]
    assert (first.promote.url, first.promote.hint) == ("", "When r1 is ready")
