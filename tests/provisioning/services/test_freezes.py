"""Freezes at the gate, at the start of a change, in the sweeps, and the glass that is broken in them."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from governance.models import AuditEntry, Notice
from idp.kernel.actor import PLATFORM
from idp.kernel.errors import Conflict, Forbidden, InvalidInput, PolicyDenied
from provisioning.models import Change, Environment, Freeze, GlassBreak, Run, SleepPlan
from provisioning.selectors.freezes import affected, change_holds, standing
from provisioning.services.changes import ChangeRequest, change_plan, change_submit
from provisioning.services.decisions import change_approve
from provisioning.services.expiry import environments_expire
from provisioning.services.freezes import (
    freeze_declare,
    freeze_lift,
    freeze_take_back,
    freeze_update,
    freezes_tell,
)
from provisioning.services.glass import AGREE_WITHIN, glass_break, glass_late_tell, glass_review
from provisioning.services.sleep_sweep import environments_power
from provisioning.services.starts import changes_start_due
from tests.personas import NOW, Organisation
from tests.provisioning.organisation import carry_out, create, equip, spec

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("both_sides_told")]
HOUR = timedelta(hours=1)


@pytest.fixture
def there() -> Organisation:
    organisation = Organisation.found()
    equip(organisation)
    carry_out(Run.objects.get(change=create(organisation)))
    return organisation


def freeze(organisation: Organisation, *, now: datetime = NOW, **fields: Any) -> Freeze:
    given = {"title": "Sale", "reason": "The sale.", "ends_at": now + HOUR}
    return freeze_declare(organisation.actor("admin"), now=now, **given | fields)


def update(organisation: Organisation, *, who: str = "developer", now: datetime = NOW, replicas: int = 3) -> Change:
    request = ChangeRequest("update", "checkout", "try", spec=spec(api={"replicas": replicas}), reason="More.")
    return change_submit(organisation.actor(who), request, now=now)


def test_it_refuses_a_change_and_says_who_why_until_when_and_what_to_do(there: Organisation) -> None:
    freeze(there)
    with pytest.raises(PolicyDenied) as refused:
        update(there)
    assert refused.value.code == "frozen"
    assert refused.value.message == "admin froze the whole organisation until Mon 2 Mar 10:30 UTC: The sale."
    assert "break the glass" in refused.value.remedy
    assert Change.objects.get(pk=refused.value.change_id).state == "denied"


def test_it_says_so_before_anything_is_asked_for(there: Organisation) -> None:
    freeze(there)
    request = ChangeRequest("update", "checkout", "try", spec=spec(api={"replicas": 3}))
    planned = change_plan(there.actor("developer"), request, now=NOW)
    assert planned.outcome == "denied"
    assert [one.policy for one in planned.denials] == ["freeze"]


@pytest.mark.parametrize(
    ("scope", "held"),
    [
        ({"stages": ["dev"]}, True),
        ({"stages": ["prod"]}, False),
        ({"teams": ["payments"]}, True),
        ({"teams": ["storefront"]}, False),
        ({"systems": ["checkout"]}, True),
        ({"systems": ["shop"]}, False),
        ({"capabilities": ["web-service"]}, True),
        ({"capabilities": ["postgres"]}, False),
    ],
    ids=str,
)
def test_it_holds_its_scope_only(there: Organisation, scope: dict[str, list[str]], held: bool) -> None:
    freeze(there, scope=scope)
    if held:
        with pytest.raises(PolicyDenied):
            update(there)
    else:
        assert update(there).state == "running"


def test_a_rollback_goes_on(there: Organisation) -> None:
    carry_out(Run.objects.get(change=update(there)))
    freeze(there)
    back = ChangeRequest("rollback", "checkout", "try", revision=1, reason="It hurts.")
    assert change_submit(there.actor("developer"), back, now=NOW).state == "running"


def test_it_thaws_by_itself(there: Organisation) -> None:
    freeze(there)
    assert update(there, now=NOW + HOUR).state == "running"


def test_what_is_approved_while_frozen_waits_and_starts_by_itself(there: Organisation) -> None:
    waiting = create(there, "live", stage="prod")
    freeze(there)
    change_approve(there.actor("maintainer"), waiting.pk, plan_digest=waiting.plan_digest, now=NOW)
    waiting.refresh_from_db()
    assert waiting.state == "approved"
    assert waiting.events.filter(event="freeze").count() == 1
    assert changes_start_due(now=NOW + HOUR / 2) == 0
    assert changes_start_due(now=NOW + HOUR) == 1
    waiting.refresh_from_db()
    assert waiting.state == "running"


def test_a_freeze_of_a_capability_holds_what_waits_too(there: Organisation) -> None:
    waiting = create(there, "live", stage="prod")
    freeze(there, scope={"capabilities": ["postgres"]})
    change_approve(there.actor("maintainer"), waiting.pk, plan_digest=waiting.plan_digest, now=NOW)
    assert changes_start_due(now=NOW) == 0
    assert changes_start_due(now=NOW + HOUR) == 1


def test_expiry_waits_for_the_thaw_and_denies_nothing(there: Organisation) -> None:
    Environment.objects.update(expires_at=NOW)
    freeze(there)
    assert environments_expire(now=NOW) == []
    assert Change.objects.filter(kind="delete").count() == 0
    assert len(environments_expire(now=NOW + HOUR)) == 1


def test_expiry_goes_on_where_only_changes_are_covered(there: Organisation) -> None:
    Environment.objects.update(expires_at=NOW)
    freeze(there, covers=["changes"])
    assert len(environments_expire(now=NOW)) == 1


def test_expiry_of_a_frozen_capability_waits(there: Organisation) -> None:
    Environment.objects.update(expires_at=NOW)
    freeze(there, scope={"capabilities": ["postgres"]})
    assert environments_expire(now=NOW) == []
    assert Change.objects.filter(kind="delete").count() == 0


def test_a_sleep_schedule_waits_for_the_thaw(there: Organisation) -> None:
    place = Environment.objects.get()
    monday = [{"days": ["mon"], "from": "09:00", "to": "20:00"}]
    SleepPlan.objects.create(
        environment=place, windows=monday, handled_at=NOW - HOUR, due_at=NOW, changed_at=NOW, time_zone="UTC"
    )
    freeze(there)
    environments_power(now=NOW)
    assert "admin froze" in SleepPlan.objects.get().said
    assert not Change.objects.filter(kind="sleep").exists()
    environments_power(now=NOW + HOUR)
    assert Change.objects.get(kind="sleep").state == "running"


def test_only_admins_declare(there: Organisation) -> None:
    with pytest.raises(Forbidden):
        freeze_declare(there.actor("maintainer"), title="No", reason="No.", now=NOW)


def test_it_names_what_is_not_there(there: Organisation) -> None:
    with pytest.raises(InvalidInput) as refused:
        freeze(there, scope={"teams": ["nobody"], "stages": ["moon"]}, reason="")
    assert {one.path for one in refused.value.errors} == {"scope.teams", "scope.stages", "reason"}


def test_it_is_lifted_and_the_lifting_taken_back(there: Organisation) -> None:
    row = freeze(there)
    freeze_lift(there.actor("admin"), row.pk, now=NOW)
    assert update(there).state == "running"
    with pytest.raises(Conflict):
        freeze_lift(there.actor("admin"), row.pk, now=NOW)
    freeze_take_back(there.actor("admin"), row.pk, now=NOW)
    with pytest.raises(PolicyDenied):
        update(there, replicas=4)


def test_an_edit_is_taken_back_and_each_step_is_audited(there: Organisation) -> None:
    row = freeze(there)
    freeze_update(there.actor("admin"), row.pk, ends_at=None, scope={"stages": ["prod"]}, expected_version=1, now=NOW)
    assert change_plan_outcome(there) == "starts"
    back = freeze_take_back(there.actor("admin"), row.pk, now=NOW)
    assert (back.ends_at, back.scope) == (NOW + HOUR, {})
    assert change_plan_outcome(there) == "denied"
    with pytest.raises(Conflict):
        freeze_take_back(there.actor("admin"), row.pk, now=NOW)
    actions = AuditEntry.objects.filter(object_type="freeze").order_by("sequence")
    assert list(actions.values_list("action", flat=True)) == ["freeze.declare", "freeze.edit", "freeze.take-back"]


def change_plan_outcome(there: Organisation) -> str:
    request = ChangeRequest("update", "checkout", "try", spec=spec(api={"replicas": 3}))
    return change_plan(there.actor("developer"), request, now=NOW).outcome


def test_those_it_meets_are_told_once_when_it_begins_and_when_it_thaws(there: Organisation) -> None:
    freeze(there, scope={"teams": ["payments"]}, starts_at=NOW + HOUR, ends_at=NOW + 2 * HOUR)
    assert freezes_tell(now=NOW) == 0
    assert [freezes_tell(now=NOW + HOUR) for _ in range(2)] == [1, 0]
    told = Notice.objects.filter(kind="freeze-began").values_list("person__username", flat=True)
    assert set(told) == {"developer", "maintainer", "second_maintainer"}
    assert freezes_tell(now=NOW + 2 * HOUR) == 1
    assert Notice.objects.filter(kind="freeze-over").count() == 3


def test_a_maintainer_breaks_the_glass_and_an_admin_agrees_afterwards(there: Organisation) -> None:
    freeze(there)
    with pytest.raises(PolicyDenied) as refused:
        update(there, who="maintainer")
    denied = refused.value.change_id
    assert denied is not None
    change = glass_break(there.actor("maintainer"), denied, reason="Customers cannot pay.", now=NOW)
    assert (change.state, change.target["resources"]["api"]["inputs"]["replicas"]) == ("running", 3)
    row = GlassBreak.objects.get(change=change)
    assert row.due_at == NOW + AGREE_WITHIN
    assert Notice.objects.filter(kind="glass-broken", person=there.admin).exists()
    glass_review(there.actor("admin"), row.pk, verdict="agreed", now=NOW)
    assert Notice.objects.filter(kind="glass-reviewed", person=there.maintainer).exists()
    with pytest.raises(Conflict):
        glass_review(there.actor("admin"), row.pk, verdict="agreed", now=NOW)


@pytest.mark.parametrize(
    ("who", "glass", "error"),
    [
        ("developer", "maintainers", Forbidden),
        ("maintainer", "admins", Forbidden),
        ("stranger", "maintainers", Forbidden),
    ],
    ids=["developer", "admins only", "stranger"],
)
def test_not_everybody_breaks_the_glass(there: Organisation, who: str, glass: str, error: type[Exception]) -> None:
    freeze(there, glass=glass)
    with pytest.raises(PolicyDenied) as refused:
        update(there)
    with pytest.raises(error):
        glass_break(there.actor(who), refused.value.change_id or 0, reason="Now.", now=NOW)
    assert not GlassBreak.objects.exists()


def test_the_glass_opens_the_freeze_and_no_approval(there: Organisation) -> None:
    freeze(there)
    with pytest.raises(PolicyDenied) as refused:
        create(there, "live", stage="prod")
    change = glass_break(there.actor("maintainer"), refused.value.change_id or 0, reason="Now.", now=NOW)
    assert change.state == "pending"
    change_approve(there.actor("second_maintainer"), change.pk, plan_digest=change.plan_digest, now=NOW)
    change.refresh_from_db()
    assert change.state == "running"


def test_the_glass_of_what_waits_starts_it_and_a_later_freeze_holds_anew(there: Organisation) -> None:
    waiting = create(there, "live", stage="prod")
    freeze(there)
    change_approve(there.actor("maintainer"), waiting.pk, plan_digest=waiting.plan_digest, now=NOW)
    other = freeze(there, title="Another")
    assert glass_break(there.actor("admin"), waiting.pk, reason="Now.", now=NOW).state == "running"
    assert set(GlassBreak.objects.get().freezes) == {other.pk, Freeze.objects.earliest("pk").pk}
    third = freeze(there, title="Third")
    found = Change.objects.select_related("system__team", "stage", "base", "requester").get(pk=waiting.pk)
    assert [hold.freeze.id for hold in change_holds(found, now=NOW)] == [third.pk]


def test_nobody_agrees_to_their_own_and_an_objection_says_why(there: Organisation) -> None:
    freeze(there)
    with pytest.raises(PolicyDenied) as refused:
        update(there)
    glass_break(there.actor("admin"), refused.value.change_id or 0, reason="Now.", now=NOW)
    row = GlassBreak.objects.get()
    with pytest.raises(Forbidden):
        glass_review(there.actor("admin"), row.pk, verdict="agreed", now=NOW)
    with pytest.raises(InvalidInput):
        glass_review(PLATFORM, row.pk, verdict="objected", now=NOW)
    with pytest.raises(Forbidden):
        glass_review(there.actor("maintainer"), row.pk, verdict="agreed", now=NOW)


def test_glass_that_nobody_agreed_to_is_told_once(there: Organisation) -> None:
    freeze(there)
    with pytest.raises(PolicyDenied) as refused:
        update(there)
    glass_break(there.actor("maintainer"), refused.value.change_id or 0, reason="Now.", now=NOW)
    assert glass_late_tell(now=NOW) == 0
    assert [glass_late_tell(now=NOW + AGREE_WITHIN) for _ in range(2)] == [1, 0]


def test_no_glass_is_broken_where_nothing_is_frozen(there: Organisation) -> None:
    waiting = create(there, "live", stage="prod")
    with pytest.raises(Conflict):
        glass_break(there.actor("admin"), waiting.pk, reason="Now.", now=NOW)


def test_it_counts_whom_it_would_meet(there: Organisation) -> None:
    create(there, "live", stage="prod")
    found = affected(standing_scope({}), ["changes"])
    assert (found.environments, found.waiting, found.teams) == (2, 1, (("payments", "Payments", 2),))
    assert affected(standing_scope({"stages": ["prod"]}), ["changes"]).environments == 1
    assert affected(standing_scope({"capabilities": ["postgres"]}), ["changes"]).environments == 1


def standing_scope(parts: dict[str, list[str]]) -> Any:
    from provisioning.domain.freeze import Scope

    return Scope.of(parts)


def test_it_asks_the_database_nothing_anew_until_a_freeze_is_written(there: Organisation) -> None:
    freeze(there)
    standing()
    with CaptureQueriesContext(connection) as captured:
        standing()
    assert len(captured) == 1
