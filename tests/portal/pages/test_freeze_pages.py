"""The pages of freezes: declared by looking first, said on the pages they concern, broken with a reason."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.core.cache import cache
from django.db import connection
from django.test.utils import CaptureQueriesContext

from idp.kernel import clock
from provisioning.models import Change, Freeze, GlassBreak
from provisioning.services.changes import ChangeRequest, change_submit
from provisioning.services.freezes import freeze_declare
from tests.personas import Organisation
from tests.provisioning.organisation import create, spec

pytestmark = pytest.mark.django_db


def text(answer: Any) -> str:
    return answer.content.decode()


def freeze(organisation: Organisation, **fields: Any) -> Freeze:
    now = clock.now()
    given = {"title": "Sale", "reason": "The sale.", "ends_at": now + timedelta(hours=1)}
    row = freeze_declare(organisation.actor("admin"), now=now, **given | fields)
    cache.clear()
    return row


def looked(client: Any, url: str, form: dict[str, Any]) -> Any:
    """Post a form as a person does: look first, then save what was looked at."""
    shown = text(client.post(url, form | {"do": "look"}))
    seen = shown.partition('name="looked_at" value="')[2].partition('"')[0]
    return client.post(url, form | {"do": "save", "looked_at": seen})


FORM = {
    "title": "Sale",
    "reason": "The sale.",
    "covers": ["changes", "promotions"],
    "stages": "prod",
    "glass": "admins",
}


def test_an_admin_looks_whom_it_meets_and_declares(equipped: Organisation, sign_in: Any) -> None:
    create(equipped, "live", stage="prod")
    admin = sign_in("admin")
    shown = text(admin.post("/freezes/new", FORM | {"do": "look"}))
    assert "Payments" in shown
    assert not Freeze.objects.exists()
    assert looked(admin, "/freezes/new", FORM).status_code == 302
    row = Freeze.objects.get()
    assert (row.scope, row.covers, row.glass) == ({"stages": ["prod"]}, ["changes", "promotions"], "admins")


def test_nothing_is_saved_that_was_not_looked_at(equipped: Organisation, sign_in: Any) -> None:
    admin = sign_in("admin")
    answer = admin.post("/freezes/new", FORM | {"do": "save"})
    assert answer.status_code == 200
    assert not Freeze.objects.exists()
    shown = text(admin.post("/freezes/new", FORM | {"do": "look"}))
    seen = shown.partition('name="looked_at" value="')[2].partition('"')[0]
    admin.post("/freezes/new", FORM | {"stages": "", "do": "save", "looked_at": seen})
    assert not Freeze.objects.exists()


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"reason": ""}, "Say why"),
        ({"starts": "tomorrow"}, "Write a moment"),
        ({"stages": "moon"}, "There is no stage “moon”."),
        ({"covers": []}, "Choose at least one of"),
        ({"zone": "Mars/Olympus"}, "Write the name of a time zone"),
        ({"w0_days": ["mon"], "w0_from": "25:00", "w0_to": "07:00"}, "Write a time"),
    ],
    ids=["reason", "moment", "stage", "covers", "zone", "window"],
)
def test_it_says_at_the_field_what_is_wrong(
    equipped: Organisation, sign_in: Any, fields: dict[str, Any], said: str
) -> None:
    answer = looked(sign_in("admin"), "/freezes/new", FORM | fields)
    assert answer.status_code == 422
    assert said in text(answer)


def test_it_is_edited_taken_back_and_lifted(equipped: Organisation, sign_in: Any) -> None:
    row, admin = freeze(equipped, starts_at=clock.now()), sign_in("admin")
    url = f"/freezes/{row.pk}/"
    form = FORM | {"version": "1", "starts": "2026-03-02 09:00", "ends": "", "stages": ""}
    assert looked(admin, f"{url}edit", form).status_code == 302
    assert "Take the last edit back" in text(admin.get(url))
    assert admin.post(f"{url}take-back").status_code == 302
    row.refresh_from_db()
    assert row.ends_at is not None
    assert admin.post(f"{url}lift").status_code == 302
    assert "Take the lifting back" in text(admin.get(url))
    assert admin.post(f"{url}lift").status_code == 409
    assert admin.post(f"{url}melt").status_code == 404


def test_the_red_switch_freezes_everything_and_thaws_it(equipped: Organisation, sign_in: Any) -> None:
    admin = sign_in("admin")
    assert "/freezes/switch" in text(admin.get("/")).partition("<main")[0]
    assert "/freezes/switch" not in text(sign_in("maintainer").get("/"))
    assert admin.post("/freezes/switch", {"reason": " ", "hours": "4"}).status_code == 422
    assert admin.post("/freezes/switch", {"reason": "An attack.", "hours": "4"}).status_code == 302
    row = Freeze.objects.get()
    assert (row.scope, row.ends_at and row.ends_at - row.starts_at) == ({}, timedelta(hours=4))
    cache.clear()
    assert "Thaw everything" in text(admin.get("/freezes/switch"))


@pytest.mark.parametrize(
    ("scope", "url", "said"),
    [
        ({}, "/", True),
        ({}, "/capabilities/", True),
        ({"teams": ["payments"]}, "/systems/checkout/", True),
        ({"teams": ["payments"]}, "/teams/payments/", True),
        ({"teams": ["storefront"]}, "/systems/checkout/", False),
        ({"systems": ["checkout"]}, "/environments/checkout/try/", True),
        ({"systems": ["checkout"]}, "/systems/shop/", False),
        ({"stages": ["prod"]}, "/systems/checkout/", True),
        ({"stages": ["prod"]}, "/", False),
        ({"capabilities": ["postgres"]}, "/capabilities/postgres/", True),
        ({"capabilities": ["postgres"]}, "/capabilities/cache/", False),
    ],
    ids=str,
)
def test_pages_that_it_concerns_say_so(
    living: Change, organisation: Organisation, sign_in: Any, scope: dict[str, list[str]], url: str, said: bool
) -> None:
    freeze(organisation, scope=scope)
    assert ("Frozen: " in text(sign_in("viewer").get(url))) is said


def test_a_page_asks_no_more_while_frozen(living: Change, organisation: Organisation, sign_in: Any) -> None:
    viewer = sign_in("viewer")
    counts = []
    for _ in range(2):
        viewer.get("/systems/checkout/")
        with CaptureQueriesContext(connection) as captured:
            viewer.get("/systems/checkout/")
        counts.append(len(captured))
        freeze(organisation, scope={"teams": ["payments"]})
        viewer.get("/systems/checkout/")
    assert counts[0] == counts[1]


def test_who_asks_while_it_is_frozen_comes_to_the_page_where_the_glass_is(
    living: Change, organisation: Organisation, sign_in: Any
) -> None:
    freeze(organisation)
    maintainer, url = sign_in("maintainer"), "/environments/checkout/try/ask/sleep"
    shown = text(maintainer.get(url))
    assert "Ask all the same" in shown
    assert "its page lets you break the glass" in shown
    answer = maintainer.post(url, {"do": "submit", "reason": "Nobody is here."})
    denied = Change.objects.get(state="denied")
    assert answer.url == f"/changes/{denied.pk}/"
    assert f"/changes/{denied.pk}/glass" in text(maintainer.get(answer.url))


def test_the_glass_is_broken_on_the_page_of_the_change_and_agreed_to_in_the_inbox(
    living: Change, organisation: Organisation, sign_in: Any
) -> None:
    freeze(organisation)
    request = ChangeRequest("update", "checkout", "try", spec=spec(api={"replicas": 4}), reason="More.")
    with pytest.raises(Exception, match="froze"):
        change_submit(organisation.actor("maintainer"), request, now=clock.now())
    denied = Change.objects.get(state="denied")
    maintainer, admin = sign_in("maintainer"), sign_in("admin")
    glass = f"/changes/{denied.pk}/glass"
    assert glass in text(maintainer.get(f"/changes/{denied.pk}/"))
    assert maintainer.post(glass, {"reason": ""}).status_code == 422
    assert sign_in("developer").post(glass, {"reason": "Now."}).status_code == 403
    assert maintainer.post(glass, {"reason": "Customers cannot pay."}).status_code == 302
    row = GlassBreak.objects.get()
    assert "Customers cannot pay." in text(admin.get("/changes/"))
    assert "Customers cannot pay." not in text(sign_in("auditor").get("/freezes/"))
    assert admin.post(f"/freezes/glass/{row.pk}", {"verdict": "objected"}).status_code == 302
    assert not GlassBreak.objects.exclude(verdict="").exists()
    assert admin.post(f"/freezes/glass/{row.pk}", {"verdict": "agreed"}).status_code == 302
    assert GlassBreak.objects.get().verdict == "agreed"


def test_what_waits_for_the_thaw_says_so(equipped: Organisation, waiting: Change, sign_in: Any) -> None:
    freeze(equipped)
    decision = {"decision": "approve", "plan_digest": waiting.plan_digest}
    assert sign_in("maintainer").post(f"/changes/{waiting.pk}/decide", decision).status_code == 302
    shown = text(sign_in("developer").get(f"/changes/{waiting.pk}/"))
    assert "It starts by itself when it has thawed." in shown
    assert "It waits. admin froze" in shown
