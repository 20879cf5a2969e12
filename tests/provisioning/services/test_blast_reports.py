"""A blast radius is worked out once for one question, in chunks, by whoever claims it, for those who may ask."""

from __future__ import annotations

import copy
import time
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from governance.services.quota import quota_set
from idp.kernel.actor import PLATFORM
from idp.kernel.errors import Forbidden, InvalidInput, NotFound, RateLimited
from provisioning.contracts import builtin_documents
from provisioning.models import BlastItem, BlastReport, Capability, Environment, Resource, Revision, Stage
from provisioning.orchestrator import blast
from provisioning.selectors import blast as selectors
from provisioning.services import blast_reports as services
from provisioning.services.blast_reports import blast_of_draft, blast_of_version
from provisioning.services.changes import ChangeRequest, change_submit
from provisioning.services.runs import LeaseLost
from tests.personas import NOW, Organisation
from tests.provisioning.organisation import Clock, create, equip, spec

pytestmark = pytest.mark.django_db

GRACE = ("objects", "server", "manifest", "spec", "template", "spec", "terminationGracePeriodSeconds")


@pytest.fixture
def organisation() -> Organisation:
    made = Organisation.found()
    equip(made)
    Capability.objects.filter(name="web-service").update(owner=made.storefront)
    create(made, "one")
    create(made, "two", api={"replicas": 1})
    return made


def draft(version: str = "1.3.0", *, summary: str = "", at: tuple[str, ...] = GRACE, value: Any = 60) -> dict[str, Any]:
    """The built-in web-service under another version, with one value changed; by default its pods restart."""
    data: dict[str, Any] = copy.deepcopy(dict(dict(builtin_documents())["web-service/1.2.0.yaml"].data))
    data["metadata"]["version"] = version
    data["spec"]["summary"] = summary or data["spec"]["summary"]
    *steps, last = at
    place = data["spec"]
    for step in steps:
        place = place[step]
    place[last] = value
    return data


def ask(organisation: Organisation, document: dict[str, Any] | None = None, who: str = "admin") -> BlastReport:
    return blast_of_draft(organisation.actor(who), document=document or draft(), now=NOW)


def work_off(report: BlastReport, clock: Clock | None = None) -> BlastReport:
    blast.blast_advance(report.pk, now=clock or Clock())
    report.refresh_from_db()
    return report


def many(organisation: Organisation, number: int, *, start: int = 0) -> None:
    """``number`` more environments, all as ``checkout/one`` is."""
    model = Environment.objects.select_related("desired").get(name="one")
    assert model.desired is not None
    made = Environment.objects.bulk_create(
        Environment(
            system=model.system, name=f"e{index}", stage=model.stage, cluster=model.cluster,
            namespace=f"checkout-e{index}", state="ready", created_at=NOW, changed_at=NOW,
        )
        for index in range(start, start + number)
    )  # fmt: skip
    document, digest = model.desired.document, model.desired.digest
    rows = Revision.objects.bulk_create(
        Revision(environment=one, number=1, document=document, digest=digest, created_at=NOW) for one in made
    )
    for one, revision in zip(made, rows, strict=True):
        one.desired = revision
    Environment.objects.bulk_update(made, ["desired"], batch_size=500)
    uses = list(model.resources.all())
    Resource.objects.bulk_create(
        Resource(environment=one, name=use.name, contract_id=use.contract_id, state="ready", changed_at=NOW)
        for one in made
        for use in uses
    )


def test_it_says_what_happens_to_each(organisation: Organisation) -> None:
    report = ask(organisation)
    assert (report.state, report.total, report.done) == ("queued", 2, 0)
    report = work_off(report)
    assert (report.state, report.done, report.resources, report.counts) == ("succeeded", 2, 2, {"restarts": 2})
    items = list(BlastItem.objects.filter(report=report).select_related("environment"))
    assert [(one.position, one.environment.name, one.resource, one.version) for one in items] == [
        (0, "one", "api", "1.2.0"),
        (1, "two", "api", "1.2.0"),
    ]
    [changed] = items[0].objects_changed
    assert changed["lines"] == [
        {"path": "spec.template.spec.terminationGracePeriodSeconds", "before": "30", "after": "60"}
    ]
    assert report.teams[str(organisation.payments.pk)]["counts"] == {"restarts": 2}


def test_the_same_question_has_the_same_report(organisation: Organisation) -> None:
    first = work_off(ask(organisation))
    again = ask(organisation, who="storefront_maintainer")
    assert (again.pk, again.state) == (first.pk, "succeeded")
    assert ask(organisation, draft(summary="Other words.")).pk != first.pk


@pytest.mark.parametrize(
    "move",
    [
        pytest.param(lambda made: create(made, "three"), id="one-more"),
        pytest.param(lambda made: Environment.objects.filter(name="two").update(deleted_at=NOW), id="one-fewer"),
        pytest.param(lambda made: Stage.objects.filter(name="dev").update(production=True), id="another-stage"),
        pytest.param(
            lambda made: change_submit(
                made.actor("developer"),
                ChangeRequest("update", "checkout", "one", spec=spec(api={"replicas": 3})),
                now=NOW,
            ),
            id="another-revision",
        ),
    ],
)
def test_another_fleet_has_another_report(organisation: Organisation, move: Any) -> None:
    from provisioning.models import Run
    from tests.provisioning.organisation import carry_out

    for run in Run.objects.filter(state="queued"):
        carry_out(run)
    first = ask(organisation)
    move(organisation)
    assert ask(organisation).pk != first.pk


def test_what_does_not_concern_it_makes_no_other_report(organisation: Organisation) -> None:
    first = ask(organisation)
    Environment.objects.update(changed_at=NOW + timedelta(hours=1), state="degraded")
    assert ask(organisation).pk == first.pk


def test_a_published_version_reaches_its_major(organisation: Organisation) -> None:
    report = work_off(blast_of_version(organisation.actor("admin"), capability="web-service", version="1.2.0", now=NOW))
    assert (report.published, report.counts) == (True, {"unchanged": 2})
    assert {one.reason for one in report.items.all()} == {"It is 1.2.0 already."}
    with pytest.raises(NotFound):
        blast_of_version(organisation.actor("admin"), capability="web-service", version="9.0.0", now=NOW)


def test_a_major_reaches_what_its_mapping_takes_along(organisation: Organisation) -> None:
    data = draft("2.0.0")
    data["spec"]["upgrade"] = {"1": {"image": "${inputs.image}"}}
    report = work_off(ask(organisation, data))
    assert (report.counts, report.left_out) == ({"restarts": 2}, {})
    unmapped = work_off(ask(organisation, draft("2.0.0")))
    assert (unmapped.total, unmapped.left_out) == (0, {"1.2.0": 2})


class Killed(BaseException):
    """As SIGKILL: nothing of the worker runs after it."""


@pytest.fixture
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(blast, "CHUNK", 3)


def _dies_after(monkeypatch: pytest.MonkeyPatch, resources: int) -> None:
    left: Iterator[int] = iter(range(resources))
    real = blast.impact_on

    def struck(*args: Any) -> Any:
        if next(left, None) is None:
            raise Killed
        return real(*args)

    monkeypatch.setattr(blast, "impact_on", struck)


@pytest.mark.parametrize("resources", [0, 1, 3, 7, 11])
def test_a_killed_worker_loses_one_chunk_at_most(
    organisation: Organisation, monkeypatch: pytest.MonkeyPatch, small_chunks: None, resources: int
) -> None:
    many(organisation, 10)
    report, clock = ask(organisation), Clock()
    with monkeypatch.context() as patched:
        _dies_after(patched, resources)
        with pytest.raises(Killed):
            blast.blast_advance(report.pk, now=clock)
    report.refresh_from_db()
    assert (report.state, report.done, report.resources) == ("running", resources // 3 * 3, resources // 3 * 3)
    assert work_off(report, clock).done == resources // 3 * 3, "its lease is not over"
    clock.forward(60)
    assert services.blasts_due(clock()) == [report.pk]
    report = work_off(report, clock)
    assert (report.state, report.done, report.counts) == ("succeeded", 12, {"restarts": 12})
    positions = list(BlastItem.objects.filter(report=report).values_list("position", flat=True))
    assert positions == list(range(12))
    assert BlastItem.objects.filter(report=report).values("environment").distinct().count() == 12


def test_who_lost_the_lease_stores_nothing(organisation: Organisation) -> None:
    report, clock = ask(organisation), Clock()
    late = services.blast_claim(report.pk, owner="late", lease=timedelta(seconds=30), now=clock())
    assert late is not None
    clock.forward(60)
    work_off(report, clock)
    with pytest.raises(LeaseLost):
        services.blast_settle(late, done=2, impacts=[], now=clock())
    assert services.blast_claim(report.pk, owner="more", lease=timedelta(seconds=30), now=clock()) is None


def test_a_long_report_gives_its_worker_back(
    organisation: Organisation, monkeypatch: pytest.MonkeyPatch, small_chunks: None
) -> None:
    many(organisation, 4)
    monkeypatch.setattr(blast, "SLICE_SECONDS", 0)
    woken: list[int] = []
    monkeypatch.setattr(blast, "wake", lambda kind, number: woken.append(number) or True)
    report = work_off(ask(organisation))
    assert (report.state, report.lease_owner, woken) == ("running", "", [report.pk])


def test_a_fault_is_told_and_asking_again_goes_on(
    organisation: Organisation, monkeypatch: pytest.MonkeyPatch, small_chunks: None
) -> None:
    many(organisation, 4)
    report = ask(organisation)
    with monkeypatch.context() as patched:
        patched.setattr(blast, "impact_on", lambda *args: 1 / 0)
        report = work_off(report)
    assert (report.state, report.done) == ("failed", 0)
    assert "ZeroDivisionError" in report.error
    assert ask(organisation).pk == report.pk
    assert work_off(report).state == "succeeded"


def test_the_sweep_wakes_what_is_due(organisation: Organisation, monkeypatch: pytest.MonkeyPatch) -> None:
    woken: list[int] = []
    monkeypatch.setattr(blast, "wake", lambda kind, number: woken.append(number) or True)
    report = ask(organisation)
    assert (blast.blast_sweep(now=Clock()), woken) == (1, [report.pk])
    work_off(report)
    assert blast.blast_sweep(now=Clock()) == 0


@pytest.mark.parametrize(
    ("persona", "may"),
    [
        ("admin", True),
        ("storefront_maintainer", True),
        ("maintainer", False),
        ("stranger", False),
        ("developer", False),
        ("auditor", False),
    ],
)
def test_it_is_for_admins_and_for_maintainers_of_the_owner(organisation: Organisation, persona: str, may: bool) -> None:
    report = ask(organisation)
    actor = organisation.actor(persona)
    calls = (
        lambda: blast_of_draft(actor, document=draft(), now=NOW),
        lambda: blast_of_version(actor, capability="web-service", version="1.2.0", now=NOW),
        lambda: selectors.report_get(organisation.rights(persona), report.pk),
    )
    for call in calls:
        if may:
            call()
        else:
            with pytest.raises(Forbidden):
                call()


def test_restricted_systems_are_counted_and_not_shown(organisation: Organisation) -> None:
    request = ChangeRequest("create", "vault", "safe", spec=spec())
    change_submit(organisation.actor("developer"), request, now=NOW)
    report = work_off(ask(organisation))
    assert report.counts == {"restarts": 3}
    rights = organisation.rights("storefront_maintainer")
    assert {one.system.slug for one in selectors.items_of(rights, report)} == {"checkout"}
    assert selectors.hidden_counts(rights, report) == {"restarts": 1}
    hidden = BlastItem.objects.get(report=report, system__slug="vault")
    with pytest.raises(NotFound):
        selectors.item_get(rights, report, hidden.pk)
    everything = organisation.rights("admin")
    assert selectors.items_of(everything, report).count() == 3
    assert selectors.hidden_counts(everything, report) == {}


def test_it_says_who_would_go_over_the_quota(organisation: Organisation) -> None:
    heavier = draft(at=("usage", "cpu"), value=8)
    report = work_off(ask(organisation, heavier))
    [line] = selectors.team_lines(report)
    assert (line.slug, line.short) == ("payments", ())
    quota_set(PLATFORM, team=organisation.payments, cpu=6, memory_gib=40, storage_gib=500, environments=10, now=NOW)
    [line] = selectors.team_lines(report)
    assert [one.dimension for one in line.quota] == ["cpu"]
    assert line.short[0].startswith("CPU: ")
    assert line.cost > 0


def test_a_draft_that_fails_its_checks_is_refused(organisation: Organisation) -> None:
    with pytest.raises(InvalidInput) as refused:
        ask(organisation, draft(at=("usage", "cpu"), value="${nonsense}"))
    assert refused.value.code == "contract-refused"
    assert not BlastReport.objects.exists()


def test_one_person_has_a_few_under_way(organisation: Organisation) -> None:
    for number in range(services.MOST_OPEN):
        ask(organisation, draft(summary=f"Words {number}."))
    with pytest.raises(RateLimited):
        ask(organisation, draft(summary="One more."))
    assert ask(organisation, draft(summary="Words 0.")).state == "queued"
    assert ask(organisation, draft(summary="One more."), who="storefront_maintainer").state == "queued"


def test_old_reports_are_forgotten(organisation: Organisation) -> None:
    work_off(ask(organisation))
    ask(organisation, draft(summary="Still open."))
    assert services.blasts_forget(NOW + timedelta(days=29)) == 0
    assert services.blasts_forget(NOW + timedelta(days=31)) == 1
    assert BlastReport.objects.get().state == "queued"
    assert not BlastItem.objects.exists()


def test_a_chunk_asks_as_often_whatever_is_in_it(organisation: Organisation, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(blast, "CHUNK", 100)
    work_off(ask(organisation))  # contracts are parsed once per process
    counts = []
    for number in (1, 20):
        many(organisation, number, start=number)
        report = ask(organisation)
        with CaptureQueriesContext(connection) as captured:
            assert work_off(report).total == 2 + number + (number == 20)
        counts.append(len(captured))
    assert counts[0] == counts[1] <= 16


def test_a_thousand_resources_take_less_than_ten_seconds_of_two_cores(organisation: Organisation) -> None:
    """Processor time and not the clock's: what else the machine does must not decide."""
    many(organisation, 998)
    report, clock = ask(organisation), Clock()
    before = time.process_time()
    report = work_off(report, clock)
    while report.state == "running":  # a slice ends by the clock on the wall; the same clock reaches when it is due
        was = report.done
        report = work_off(report, clock)
        assert report.done > was
    assert (report.state, report.resources) == ("succeeded", 1000)
    assert time.process_time() - before < 10
