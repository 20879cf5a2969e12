"""The second factor: adding it, signing in with it, losing it, and what a half-signed-in browser may do: nothing."""

from __future__ import annotations

import json
import re

import pytest
from django.contrib.auth.hashers import make_password
from django.core.cache import cache
from django.test import Client
from django.urls import reverse

from governance.domain.second_factor import code_at, recovery_hash, seed_of, step_of
from governance.models import (
    AuditEntry,
    AuthenticatorApp,
    LocalSignInRule,
    Notice,
    OpenSession,
    Passkey,
    RecoveryCode,
)
from governance.services import second_factors
from governance.services.second_factor_rule import factors_reset, second_factor_require
from idp.catalog.models import User
from idp.kernel import clock, vault
from idp.kernel.actor import PLATFORM
from idp.kernel.errors import Conflict
from portal.pages import attempts
from tests.passkeys import PRESENT, Device
from tests.personas import PASSWORD, Organisation, actor_of
from tests.portal.api.client import token_for

pytestmark = pytest.mark.django_db
HERE = "http://localhost:8000"
SEED = b"12345678901234567890"


@pytest.fixture(autouse=True)
def nothing_counted(settings):
    settings.BASE_URL = HERE
    cache.clear()
    yield
    cache.clear()


@pytest.fixture
def organisation(organisation: Organisation, settings) -> Organisation:
    """Founded with the usual hash, which is remembered for other tests; then with a quick one."""
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    User.objects.update(password=make_password(PASSWORD))
    for person in organisation.people.values():
        person.refresh_from_db()
    return organisation


@pytest.fixture
def developer(organisation: Organisation) -> User:
    return organisation.developer


def code(off: int = 0, seed: bytes = SEED) -> str:
    return code_at(seed, step_of(clock.now().timestamp()) + off)


def with_app(user: User) -> list[str]:
    """The person has an app with SEED, whose code of the step before the last was used; the recovery codes."""
    codes = second_factors.app_add(actor_of(user), seed=SEED, code=code(), now=clock.now())
    AuthenticatorApp.objects.update(last_step=0)
    return codes


def browser() -> Client:
    return Client(HTTP_HOST="localhost:8000")


def password(client: Client, user: User, **more: str):
    return client.post(reverse("login"), {"username": user.username, "password": PASSWORD, **more})


def is_in(client: Client) -> bool:
    return client.get(reverse("account")).status_code == 200


def actions() -> list[str]:
    return list(AuditEntry.objects.order_by("sequence").values_list("action", flat=True))


def half(user: User) -> Client:
    client = browser()
    assert password(client, user).url == reverse("second-step")
    return client


def test_a_code_comes_after_the_password_and_leads_to_where_one_wanted(developer):
    with_app(developer)
    client = browser()
    assert password(client, developer, next="/systems/").url == reverse("second-step")
    assert not is_in(client)
    assert not OpenSession.objects.exists()
    answer = client.post(reverse("second-step"), {"code": code()})
    assert (answer.status_code, answer.url) == (302, "/systems/")
    assert is_in(client)
    assert OpenSession.objects.get().user == developer
    assert actions()[-1] == "session.sign-in"
    assert AuditEntry.objects.latest("sequence").data == {"way": "password", "second": "app"}
    assert client.session.get_expiry_age() > 24 * 3600


def test_a_code_signs_in_once(developer):
    with_app(developer)
    used = code()
    assert half(developer).post(reverse("second-step"), {"code": used}).status_code == 302
    again = half(developer).post(reverse("second-step"), {"code": used})
    assert again.status_code == 422
    assert "used already" in again.content.decode()
    assert actions()[-1] == "session.second-step-failed"
    assert half(developer).post(reverse("second-step"), {"code": code(1)}).status_code == 302


ADDRESSES = ("home", "systems", "account", "second-factor", "factor-app", "account-confirm", "changes", "people")


def test_half_signed_in_one_reaches_nothing(developer):
    with_app(developer)
    client = half(developer)
    for name in ADDRESSES:
        assert client.get(reverse(name)).url.startswith(reverse("login")), name
    for path in ("/api/v1/me", "/api/v1/systems/"):
        assert client.get(path).status_code == 401, path
    assert client.post(reverse("token-new"), {"name": "x", "scopes": ["read"], "days": "30"}).status_code == 302
    assert client.post(reverse("factor-app-remove")).status_code == 302
    assert AuthenticatorApp.objects.exists()
    assert client.get(reverse("second-factor-set-up")).url == reverse("login")


def test_half_signed_in_ends_after_minutes_and_with_the_password(developer):
    with_app(developer)
    late, other = half(developer), half(developer)
    session = late.session
    session["half_way"] = session["half_way"] | {"until": clock.now().timestamp() - 1}
    session.save()
    developer.set_password("another horse battery staple")
    developer.save()
    for client in (late, other):
        assert client.post(reverse("second-step"), {"code": code()}).url == reverse("login")
        assert not is_in(client)
    assert half_session_seconds(developer) <= 300


def half_session_seconds(user: User) -> int:
    client = browser()
    client.post(reverse("login"), {"username": user.username, "password": "another horse battery staple"})
    return int(client.session.get_expiry_age())


def test_it_looks_at_no_code_after_ten_wrong_ones_nor_with_the_password_typed_again(developer):
    with_app(developer)
    client = half(developer)
    for _ in range(attempts.MOST_FOR_A_NAME):
        assert client.post(reverse("second-step"), {"code": "000000"}).status_code == 422
    assert client.post(reverse("second-step"), {"code": code()}).status_code == 429
    assert half(developer).post(reverse("second-step"), {"code": code()}).status_code == 429


def test_codes_are_not_tried_from_everywhere(developer):
    with_app(developer)
    for number in range(attempts.MOST_OF_A_PERSON):
        client = browser()
        client.defaults["REMOTE_ADDR"] = f"192.0.2.{number}"
        assert password(client, developer).status_code == 302
        assert client.post(reverse("second-step"), {"code": "000000"}).status_code == 422
    client = browser()
    client.defaults["REMOTE_ADDR"] = "198.51.100.1"
    password(client, developer)
    assert client.post(reverse("second-step"), {"code": code()}).status_code == 429


def test_a_recovery_code_works_once_and_is_told(developer):
    codes = with_app(developer)
    assert half(developer).post(reverse("second-step"), {"recovery": codes[3].upper()}).status_code == 302
    assert half(developer).post(reverse("second-step"), {"recovery": codes[3]}).status_code == 422
    told = Notice.objects.filter(person=developer).latest("pk")
    assert (told.kind, told.title) == ("second-factor", "A recovery code of your account was used")
    assert "Recovery codes left: 9." in told.text
    assert told.mail == "due"
    assert "second-factor.code-used" in actions()


def test_nothing_in_the_database_opens_an_account(developer):
    codes = with_app(developer)
    row = AuthenticatorApp.objects.get()
    assert seed_of(vault.decrypt(row.seed)) == SEED
    kept = row.seed + str(list(RecoveryCode.objects.values())) + str(list(AuditEntry.objects.values("data")))
    for secret in (SEED.decode(), "GEZDGNBVGY3TQOJQ", *codes, *(one.replace("-", "") for one in codes)):
        assert secret not in kept
    assert RecoveryCode.objects.filter(hash=recovery_hash(codes[0])).exists()


# --- the account's pages --------------------------------------------------------------------------------------------


@pytest.fixture
def here(developer) -> Client:
    """A browser in which the developer has just signed in."""
    client = browser()
    assert password(client, developer).status_code == 302
    return client


def test_an_app_is_added_by_its_first_code(here, developer):
    page = here.get(reverse("factor-app"))
    seed = seed_of(page.context["key"].replace(" ", ""))
    assert here.get(reverse("factor-app")).context["key"] == page.context["key"]
    assert re.search(r'<path d="M\d+ \d+h', page.content.decode())
    assert page.context["key"].replace(" ", "") not in json.dumps(dict(here.session.items()))
    wrong = here.post(reverse("factor-app"), {"code": "000000"})
    assert wrong.status_code == 422
    assert 'aria-invalid="true"' in wrong.content.decode()
    done = here.post(reverse("factor-app"), {"code": code(seed=seed)})
    assert done["Cache-Control"] == "no-store"
    assert len(done.context["codes"]) == 10
    assert done.context["codes"][0] in done.content.decode()
    assert "Authenticator app" in here.get(reverse("account")).content.decode()
    assert Notice.objects.filter(person=developer, kind="second-factor").count() == 1
    assert here.post(reverse("factor-app"), {"code": code(seed=seed)}).status_code == 409


def test_changing_factors_needs_a_proof_that_is_fresh(here, developer):
    with_app(developer)
    session = here.session
    session["confirmed_at"] -= 601
    session.save()
    url = f"{reverse('account-confirm')}?next=%2Faccount%2Fsecond-factor%2F"
    assert here.post(reverse("factor-app-remove")).url == url
    assert here.get(reverse("passkey-new")).url.startswith(reverse("account-confirm"))
    assert AuthenticatorApp.objects.exists()
    assert here.post(reverse("account-confirm"), {"password": "no"}).status_code == 422
    assert here.post(reverse("account-confirm"), {"code": "000000"}).status_code == 422
    assert actions()[-2:] == ["session.proof-failed", "session.proof-failed"]
    assert here.post(reverse("account-confirm"), {"code": code(), "next": "//evil.test/"}).url == reverse("account")
    proofs = AuditEntry.objects.filter(action__startswith="session.proof").order_by("sequence")
    assert [one.data["way"] for one in proofs] == ["password", "app", "app"]
    assert here.post(reverse("factor-app-remove")).url == reverse("second-factor")
    assert not AuthenticatorApp.objects.exists()
    assert not RecoveryCode.objects.exists()
    assert "no second factor any more" in Notice.objects.latest("pk").text


def test_new_recovery_codes_end_those_before(here, developer):
    before = with_app(developer)
    codes = here.post(reverse("factor-codes")).context["codes"]
    assert not set(codes) & set(before)
    assert half(developer).post(reverse("second-step"), {"recovery": before[0]}).status_code == 422
    assert half(developer).post(reverse("second-step"), {"recovery": codes[0]}).status_code == 302


def test_a_person_of_another_provider_has_none(here, developer):
    with_app(developer)
    User.objects.filter(pk=developer.pk).update(password="!none")
    client = browser()
    client.force_login(User.objects.get(pk=developer.pk))
    assert "Whoever signs you in asks" in client.get(reverse("second-factor")).content.decode()
    session = client.session
    session["confirmed_at"] = int(clock.now().timestamp())
    session.save()
    assert client.post(reverse("factor-codes")).status_code == 403


# --- passkeys -------------------------------------------------------------------------------------------------------


def add_passkey(client: Client, device: Device, name: str = "Laptop", **lies):
    options = json.loads(client.get(reverse("passkey-new")).context["question"]["options"])
    return client.post(reverse("passkey-new"), {"name": name, "answer": device.make(options, **lies)})


@pytest.fixture
def device(here) -> Device:
    made = Device(HERE)
    assert len(add_passkey(here, made).context["codes"]) == 10
    return made


def ask(client: Client, name: str) -> dict:
    return json.loads(client.get(reverse(name)).context["question"]["options"])


def test_several_passkeys_are_named_renamed_and_removed(here, device):
    assert add_passkey(here, Device(HERE), "Laptop").status_code == 422
    assert add_passkey(here, Device(HERE), "Key ring").status_code == 302
    first, second = Passkey.objects.order_by("pk")
    assert first.handle == second.handle
    here.post(reverse("passkey-rename", args=[second.pk]), {"name": "Blue key"})
    assert "Blue key" in here.get(reverse("second-factor")).content.decode()
    here.post(reverse("passkey-rename", args=[second.pk]), {"name": "Laptop"})
    assert Passkey.objects.filter(name="Blue key").exists()
    here.post(reverse("passkey-remove", args=[first.pk]))
    assert [one.name for one in Passkey.objects.all()] == ["Blue key"]
    assert RecoveryCode.objects.count() == 10


def test_nobody_touches_the_passkeys_of_another(here, device, organisation):
    other = browser()
    password(other, organisation.viewer)
    mine = Passkey.objects.get().pk
    assert other.post(reverse("passkey-remove", args=[mine])).status_code == 404
    assert other.post(reverse("passkey-rename", args=[mine]), {"name": "x"}).status_code == 404


def test_a_passkey_is_the_second_step(device, developer):
    client = half(developer)
    answer = device.sign(ask(client, "second-step"))
    assert client.post(reverse("second-step"), {"answer": answer}).status_code == 302
    assert is_in(client)


def test_a_passkey_opens_nothing_to_whom_local_sign_in_is_closed(device):
    LocalSignInRule.objects.create(pk=1, open_to="admins")
    client = browser()
    answer = client.post(reverse("login-passkey"), {"answer": device.sign(ask(client, "login-passkey"))})
    assert (answer.status_code, "are closed to you" in answer.content.decode()) == (403, True)
    assert not is_in(client)
    assert AuditEntry.objects.latest("sequence").data["code"] == "local-sign-in-closed"


def test_a_passkey_signs_in_without_a_password(device):
    client = browser()
    answer = device.sign(ask(client, "login-passkey"))
    assert client.post(reverse("login-passkey"), {"answer": answer, "next": "/teams/"}).url == "/teams/"
    assert is_in(client)
    assert client.session.get_expiry_age() > 24 * 3600
    assert Passkey.objects.get().used_at is not None
    assert AuditEntry.objects.latest("sequence").data == {"way": "passkey"}


REFUSED = {
    "given to another site": ({}, {"origin": "https://slipway.evil.test"}),
    "given to another port": ({}, {"origin": "http://localhost:8001"}),
    "for another question": ({}, {"challenge": "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"}),
    "of a person who was not verified": ({"flags": PRESENT}, {}),
    "without a handle": ({"handle": ""}, {}),
    "of another handle": ({"handle": "AAAA"}, {}),
    "of a device nobody knows": ({"credential": b"x" * 32}, {}),
}


@pytest.mark.parametrize(("bent", "lies"), REFUSED.values(), ids=REFUSED.keys())
def test_it_lets_nobody_in_by_an_answer(device, bent, lies):
    client = browser()
    options = ask(client, "login-passkey")
    for name, value in bent.items():
        setattr(device, name, value)
    answer = client.post(reverse("login-passkey"), {"answer": device.sign(options, **lies)})
    assert answer.status_code == 422
    assert not is_in(client)
    assert "session.sign-in-failed" in actions()


def test_an_answer_is_taken_once_and_in_its_own_place(device, developer):
    client = browser()
    answer = device.sign(ask(client, "login-passkey"))
    assert client.post(reverse("login-passkey"), {"answer": answer}).status_code == 302
    client.post(reverse("logout"))
    assert client.post(reverse("login-passkey"), {"answer": answer}).status_code == 422
    other = half(developer)
    answer = device.sign(ask(other, "second-step"))
    assert other.post(reverse("login-passkey"), {"answer": answer}).status_code == 422


def test_a_passkey_of_a_closed_account_lets_nobody_in(device, developer):
    User.objects.filter(pk=developer.pk).update(is_active=False)
    client = browser()
    answer = device.sign(ask(client, "login-passkey"))
    assert client.post(reverse("login-passkey"), {"answer": answer}).status_code == 422


def test_another_persons_passkey_is_no_second_step(device, developer, organisation):
    with_app(organisation.viewer)
    client = half(organisation.viewer)
    ask_other = browser()
    options = ask(ask_other, "login-passkey")
    assert client.post(reverse("second-step"), {"answer": device.sign(options)}).status_code == 422


def test_at_a_number_it_says_where_passkeys_work(here, developer):
    client = Client(HTTP_HOST="127.0.0.1:8000")
    text = client.get(reverse("login-passkey")).content.decode()
    assert f'href="{HERE}/login/passkey"' in text
    assert "data-options" not in text


def test_it_says_when_the_address_has_none(here, settings):
    settings.BASE_URL = "http://10.0.0.7"
    text = here.get(reverse("passkey-new")).content.decode()
    assert "This installation has no passkeys" in text
    assert "SLIPWAY_URL" in text


# --- administration -------------------------------------------------------------------------------------------------


@pytest.fixture
def admin(organisation) -> Client:
    client = browser()
    client.force_login(organisation.admin)
    return client


def test_who_has_none_is_shown_before_it_is_required_and_it_is_taken_back(admin, organisation):
    url, chosen = reverse("second-factor-rule"), {"required_of": "everybody", "was": "nobody"}
    with_app(organisation.viewer)
    looked = admin.post(url, chosen | {"do": "look"})
    assert looked.status_code == 200
    assert looked.context["asked"] == looked.context["missing_count"] + 1
    assert "you among them" in looked.content.decode()
    unseen = admin.post(url, chosen | {"do": "save"})
    assert unseen.status_code == 200
    saved = admin.post(url, chosen | {"do": "save", "looked_at": looked.context["looked_at"]})
    assert saved.status_code == 302
    entry = AuditEntry.objects.get(action="second-factor.require")
    assert (entry.data["before"], entry.data["after"]) == ({"required_of": "nobody"}, {"required_of": "everybody"})
    edit = admin.get(url).context["edits"][0]
    admin.post(reverse("people-undo", args=[edit.pk]))
    assert admin.get(url).context["rule"] == "nobody"


def test_who_must_have_one_sets_it_up_before_anything_else(organisation, developer):
    second_factor_require(PLATFORM, of="everybody", now=clock.now())
    client = browser()
    assert password(client, developer, next="/systems/").url == reverse("second-factor-set-up")
    for name in ADDRESSES:
        assert client.get(reverse(name)).url.startswith(reverse("login")), name
    assert client.get(reverse("second-step")).url == reverse("login")
    assert not is_in(client)


def test_the_first_app_signs_in_and_shows_the_codes(organisation, developer):
    second_factor_require(PLATFORM, of="everybody", now=clock.now())
    client = browser()
    password(client, developer, next="/systems/")
    seed = seed_of(client.get(reverse("second-factor-set-up")).context["key"].replace(" ", ""))
    assert client.post(reverse("second-factor-set-up"), {"code": "000000"}).status_code == 422
    assert not is_in(client)
    done = client.post(reverse("second-factor-set-up"), {"code": code(seed=seed)})
    assert len(done.context["codes"]) == 10
    assert 'href="/systems/"' in done.content.decode()
    assert "no-store" in done["Cache-Control"]
    assert is_in(client)
    assert OpenSession.objects.filter(user=developer).count() == 1


def test_the_first_passkey_signs_in_too(organisation):
    second_factor_require(PLATFORM, of="admins", now=clock.now())
    client = browser()
    assert password(client, organisation.admin).url == reverse("second-factor-set-up")
    options = ask(client, "second-factor-set-up-passkey")
    sent = {"name": "Laptop", "answer": Device(HERE).make(options)}
    assert client.post(reverse("second-factor-set-up-passkey"), sent).status_code == 200
    assert is_in(client)
    assert password(browser(), organisation.developer).url == "/"


def test_the_last_one_stays_while_it_is_required(here, developer):
    with_app(developer)
    second_factor_require(PLATFORM, of="everybody", now=clock.now())
    here.post(reverse("factor-app-remove"))
    assert AuthenticatorApp.objects.exists()
    assert RecoveryCode.objects.exists()


def test_an_admin_sees_who_has_one_and_resets_it(admin, organisation, developer):
    with_app(developer)
    people = admin.get(reverse("people")).content.decode()
    assert 'data-label="Second factor">App' in people
    assert "Authenticator app" in admin.get(reverse("person", args=["developer"])).content.decode()
    assert "Make sure first" in admin.get(reverse("person-factors", args=["developer"])).content.decode()
    assert admin.post(reverse("person-factors", args=["developer"])).status_code == 302
    assert not AuthenticatorApp.objects.exists()
    entry = AuditEntry.objects.get(action="second-factor.reset")
    assert (entry.actor_name, entry.data["before"]["app"], entry.data["after"]["app"]) == ("admin", True, False)
    assert Notice.objects.filter(person=developer).latest("pk").title == "A platform admin reset your second factor"
    assert password(browser(), developer).url == "/"


def test_tokens_are_not_asked(developer, organisation):
    with_app(developer)
    second_factor_require(PLATFORM, of="everybody", now=clock.now())
    answer = browser().get("/api/v1/me", headers={"authorization": f"Bearer {token_for(developer, 'read')}"})
    assert answer.status_code == 200


def test_nobody_resets_their_own(organisation):
    with_app(organisation.admin)
    with pytest.raises(Conflict, match="Nobody resets their own"):
        factors_reset(organisation.actor("admin"), username="admin", now=clock.now())
