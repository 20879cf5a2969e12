"""A team asks for more quota, an admin decides."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from governance.models import AuditEntry, LimitEntry, Notice, QuotaRequest
from governance.selectors.quota import quota_state
from governance.services.edits import edit_last
from governance.services.quota import Amounts
from governance.services.quota_limits import quota_undo
from governance.services.quota_requests import request_decide, request_make, request_withdraw
from idp.kernel.errors import Conflict, Forbidden, InvalidInput
from tests.personas import NOW, Organisation

pytestmark = pytest.mark.usefixtures("both_sides_told")

MORE = Amounts(cpu=Decimal(5), environments=2)


def ask(organisation: Organisation, who: str = "developer", **changed: Any) -> QuotaRequest:
    given: dict[str, Any] = {"team": organisation.payments, "amounts": MORE, "reason": "Black Friday.", **changed}
    return request_make(organisation.actor(who), now=NOW, **given)


def test_a_granted_request_raises_the_limits_and_can_be_taken_back(organisation: Organisation) -> None:
    made = ask(organisation)
    request_decide(organisation.actor("admin"), made.pk, grant=True, now=NOW)
    state = quota_state(organisation.payments.pk)
    assert (state.limits.cpu, state.limits.environments) == (25, 12)
    assert LimitEntry.objects.get(kind="granted").request_id == made.pk
    edit = edit_last("quota", organisation.payments.pk)
    assert edit is not None
    quota_undo(organisation.actor("admin"), team=organisation.payments, edit_id=edit.pk, now=NOW)
    assert quota_state(organisation.payments.pk).limits.cpu == 20
    with pytest.raises(Conflict):
        quota_undo(organisation.actor("admin"), team=organisation.payments, edit_id=edit.pk, now=NOW)
    actions = (
        AuditEntry.objects.filter(object_type="quota-request").order_by("sequence").values_list("action", flat=True)
    )
    assert list(actions) == ["quota-request.ask", "quota-request.grant"]


def test_admins_and_who_asked_hear_of_it(organisation: Organisation) -> None:
    made = ask(organisation)
    request_decide(organisation.actor("admin"), made.pk, grant=False, answer="Use what sleeps.", now=NOW)
    told = dict(Notice.objects.values_list("kind", "person__username"))
    assert told == {"quota-asked": "admin", "quota-answered": "developer"}
    assert "Use what sleeps." in Notice.objects.get(kind="quota-answered").text
    assert quota_state(organisation.payments.pk).limits.cpu == 20


def test_one_waits_at_a_time(organisation: Organisation) -> None:
    made = ask(organisation)
    with pytest.raises(Conflict):
        ask(organisation, "maintainer")
    request_withdraw(organisation.actor("developer"), made.pk, now=NOW)
    assert ask(organisation, "maintainer").state == "open"


REFUSED = {
    "a viewer asks": lambda o: ask(o, "viewer"),
    "another team asks": lambda o: ask(o, "stranger"),
    "a maintainer grants": lambda o: request_decide(o.actor("maintainer"), ask(o).pk, grant=True, now=NOW),
    "an admin grants their own": lambda o: request_decide(o.actor("admin"), ask(o, "admin").pk, grant=True, now=NOW),
    "a stranger withdraws": lambda o: request_withdraw(o.actor("stranger"), ask(o).pk, now=NOW),
}


@pytest.mark.parametrize("act", REFUSED.values(), ids=REFUSED.keys())
def test_others_may_not(organisation: Organisation, act: Any) -> None:
    with pytest.raises(Forbidden):
        act(organisation)
    assert quota_state(organisation.payments.pk).limits.cpu == 20


WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "nothing": ({"amounts": Amounts()}, "cpu"),
    "below zero": ({"amounts": Amounts(memory_gib=Decimal(-1))}, "memory_gib"),
    "far too much": ({"amounts": Amounts(cpu=Decimal(10**6))}, "cpu"),
    "no reason": ({"reason": "  "}, "reason"),
}


@pytest.mark.parametrize(("changed", "path"), WRONG.values(), ids=WRONG.keys())
def test_it_names_what_is_wrong(organisation: Organisation, changed: dict[str, Any], path: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        ask(organisation, **changed)
    assert path in [one.path for one in caught.value.errors]


def test_a_refusal_says_why_and_comes_once(organisation: Organisation) -> None:
    made, admin = ask(organisation), organisation.actor("admin")
    with pytest.raises(InvalidInput):
        request_decide(admin, made.pk, grant=False, now=NOW)
    request_decide(admin, made.pk, grant=False, answer="No.", now=NOW)
    with pytest.raises(Conflict):
        request_decide(admin, made.pk, grant=True, now=NOW)
