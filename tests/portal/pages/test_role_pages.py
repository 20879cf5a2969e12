"""A role in a team is looked at before it is given or taken: what somebody gains and loses, and who is left."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from governance.models import AuditEntry
from governance.services.people import account_update
from idp.catalog.models import Membership
from provisioning.models import Change
from tests.personas import NOW, Organisation
from tests.provisioning.organisation import create

pytestmark = pytest.mark.django_db
URL = "team-member-set"


@pytest.fixture
def waiting(equipped: Organisation) -> Change:
    """A change into production, which a maintainer of payments has to agree to."""
    return create(equipped, "live", who="developer", stage="prod")


def looked_at(client: Any, user: str, role: str = "") -> Any:
    name = URL if role else "team-member-remove"
    answer = client.post(reverse(name, args=["payments"]), {"user": user, **({"role": role} if role else {})})
    assert answer.status_code == 200
    return answer


def test_a_new_maintainer_gains_powers_and_what_waits(waiting: Change, sign_in: Any) -> None:
    answer = looked_at(sign_in("admin"), "stranger", "maintainer")
    reach, shown = answer.context["reach"], answer.content.decode()
    assert (reach.before, reach.after, len(reach.gains), reach.loses) == ("", "maintainer", 4, ())
    assert [one.change.pk for one in reach.decides] == [waiting.pk]
    assert "Add stranger as maintainer" in shown
    assert "Agree to changes as the team" in shown
    assert f"#{waiting.pk}" in shown
    assert not Membership.objects.filter(user__username="stranger", team__slug="payments").exists()
    assert not AuditEntry.objects.filter(action="membership.set", data__user="stranger", team_slug="payments").exists()


def test_a_maintainer_who_becomes_a_viewer_loses_them(waiting: Change, sign_in: Any) -> None:
    reach = looked_at(sign_in("admin"), "second_maintainer", "viewer").context["reach"]
    assert (reach.before, reach.gains, len(reach.loses)) == ("maintainer", (), 3)
    assert [one.change.pk for one in reach.decides_no_more] == [waiting.pk]
    assert "maintainer" in reach.decides_no_more[0].others
    assert not reach.alone


def test_nobody_gains_a_decision_on_what_they_asked_for(waiting: Change, sign_in: Any) -> None:
    reach = looked_at(sign_in("admin"), "developer", "maintainer").context["reach"]
    assert reach.decides == ()


def test_it_warns_when_nobody_would_be_left(equipped: Organisation, sign_in: Any) -> None:
    for name in ("developer", "second_maintainer"):
        account_update(equipped.actor("admin"), username=name, active=False, now=NOW)
    client = sign_in("admin")
    assert "Nobody else may ask for changes" in looked_at(client, "maintainer").content.decode()
    assert "Nobody else may ask for changes" in looked_at(client, "maintainer", "viewer").content.decode()
    assert "Nobody else may ask for changes" not in looked_at(client, "maintainer", "developer").content.decode()


def test_the_same_role_moves_nothing(equipped: Organisation, sign_in: Any) -> None:
    assert "the role is the one that viewer has" in looked_at(sign_in("admin"), "viewer", "viewer").content.decode()


def test_a_role_that_nobody_may_give_is_refused_before_it_is_looked_at(equipped: Organisation, sign_in: Any) -> None:
    account_update(equipped.actor("admin"), username="stranger", active=False, now=NOW)
    answer = sign_in("admin").post(reverse(URL, args=["payments"]), {"user": "stranger", "role": "viewer"})
    assert answer.status_code == 422


def test_looking_costs_few_queries(waiting: Change, sign_in: Any) -> None:
    client = sign_in("admin")
    looked_at(client, "stranger", "maintainer")
    with CaptureQueriesContext(connection) as asked:
        looked_at(client, "stranger", "maintainer")
    assert len(asked) <= 16
