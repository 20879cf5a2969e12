"""``slipway_demo`` and ``slipway_setup`` where there is nothing yet, or somebody else's organisation."""

from __future__ import annotations

import re
import stat
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from governance.access import rights_of
from governance.models import AuditEntry, Policy
from governance.services.audit import audit_verify
from idp.catalog.models import System, Team, User
from idp.kernel.actor import Actor
from provisioning.demo.founding import found
from provisioning.demo.password import demo_password
from provisioning.models import Cluster, Contract, Stage

pytestmark = pytest.mark.django_db

PASSWORD = "otter-haven-quay-skiff-4711"
ROWS = (Team, User, System, Policy, Cluster, Contract, Stage, AuditEntry)


@pytest.fixture
def as_demo(settings, tmp_path):
    settings.DEMO = True
    settings.DATA_DIR = tmp_path
    settings.STATIC_ROOT = tmp_path / "static"
    return tmp_path


def command(name: str, *arguments: str) -> str:
    out = StringIO()
    call_command(name, *arguments, stdout=out)
    return out.getvalue()


def setup(*arguments: str) -> str:
    return command("slipway_setup", "--admin", "ops", *arguments)


def person(name: str) -> Actor:
    return Actor(User.objects.get(username=name).pk, name, via="portal")


def counts() -> list[int]:
    return [rows.objects.count() for rows in ROWS]


def test_it_makes_the_demo_in_an_empty_database(as_demo, monkeypatch):
    asked = []
    monkeypatch.setattr(
        "provisioning.management.commands.slipway_demo.demo_make",
        lambda *, password_hash, now: asked.append(found(lambda: now, password_hash=password_hash)),
    )
    told = command("slipway_demo")
    assert len(asked) == 1
    assert (as_demo / "demo-password").read_text().strip() in told
    assert (as_demo / "static").exists()


def test_it_refuses_outside_a_demo(settings):
    settings.DEMO = False
    with pytest.raises(CommandError, match="SLIPWAY_DEMO=1"):
        command("slipway_demo")
    assert not Team.objects.exists()


def test_it_leaves_another_organisation_alone(organisation, as_demo):
    before = counts()
    with pytest.raises(CommandError, match="another organisation"):
        command("slipway_demo")
    assert counts() == before


def test_it_keeps_one_password_that_only_its_owner_reads(tmp_path):
    path = tmp_path / "new" / "demo-password"
    first, fresh = demo_password(path)
    assert fresh
    assert demo_password(path) == (first, False)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert re.fullmatch(r"([a-z]+-){4}\d{4}", first)
    assert demo_password(tmp_path / "other")[0] != first


class TestSetup:
    @pytest.fixture(autouse=True)
    def password(self, monkeypatch):
        monkeypatch.setenv("SLIPWAY_ADMIN_PASSWORD", PASSWORD)

    def test_it_makes_an_admin_contracts_and_policies(self, client):
        told = setup()
        assert client.login(username="ops", password=PASSWORD)
        assert rights_of(person("ops")).may_administer()
        assert "postgres 1.0.0" in told
        assert Policy.objects.filter(active=True).count() >= 5
        assert not Stage.objects.exists()
        assert audit_verify() == []

    def test_it_adds_a_sandbox_when_asked(self):
        setup("--sandbox")
        assert [stage.name for stage in Stage.objects.order_by("order")] == ["preview", "dev", "staging", "prod"]

    def test_it_changes_nothing_the_second_time(self):
        setup("--sandbox")
        before = counts()
        assert "is there already" in setup("--sandbox")
        assert counts() == before

    def test_it_does_not_lift_an_account_that_is_there(self):
        User.objects.create(username="mallory")
        with pytest.raises(CommandError, match="Choose another name"):
            command("slipway_setup", "--admin", "mallory")
        assert not rights_of(person("mallory")).may_administer()

    @pytest.mark.parametrize(
        ("password", "message"),
        [("short", "at least 12"), ("123456789012345", "numeric"), ("", "SLIPWAY_ADMIN_PASSWORD")],
        ids=["short", "only digits", "none, without a terminal"],
    )
    def test_it_refuses_a_password(self, monkeypatch, password, message):
        monkeypatch.setenv("SLIPWAY_ADMIN_PASSWORD", password)
        monkeypatch.setattr("sys.stdin", StringIO())
        with pytest.raises(CommandError, match=message):
            setup()
        assert not User.objects.exists()

    @pytest.mark.parametrize(
        ("typed", "made"),
        [((PASSWORD, PASSWORD), True), ((PASSWORD, "another one"), False)],
        ids=["equal", "different"],
    )
    def test_it_asks_twice_at_a_terminal(self, monkeypatch, typed, made):
        monkeypatch.delenv("SLIPWAY_ADMIN_PASSWORD")
        monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
        answers = iter(typed)
        monkeypatch.setattr("getpass.getpass", lambda _: next(answers))
        if made:
            setup()
        else:
            with pytest.raises(CommandError, match="differ"):
                setup()
        assert User.objects.filter(username="ops").exists() is made

    def test_it_asks_for_tables_first(self, monkeypatch):
        monkeypatch.setattr(
            "django.db.migrations.executor.MigrationExecutor.migration_plan", lambda *_: [("governance", False)]
        )
        with pytest.raises(CommandError, match="Run “manage"):
            setup()
