"""``manage.py policy test`` and ``policy replay``: files and stored policies, with the place of each fault."""

from __future__ import annotations

from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from governance.domain.policy_text import policy_text
from governance.models import Policy
from governance.services.policies import policy_save
from idp.kernel import clock
from provisioning.models import PolicyReplay
from provisioning.services.setup import sandbox_install
from tests.governance.domain.test_policy import DOCUMENT, document
from tests.personas import NOW, Organisation
from tests.provisioning.services.test_policy_replays import NO_LATEST, record

pytestmark = pytest.mark.django_db


@pytest.fixture
def file(tmp_path: Path) -> Path:
    made = tmp_path / "policy.yaml"
    made.write_text(policy_text(DOCUMENT), encoding="utf-8")
    return made


def call(*words: str) -> str:
    out = StringIO()
    call_command("policy", *words, stdout=out, stderr=out)
    return out.getvalue()


def failing(*words: str) -> tuple[str, str]:
    out = StringIO()
    with pytest.raises(CommandError) as refused:
        call_command("policy", *words, stdout=out, stderr=out)
    return out.getvalue(), str(refused.value)


def test_it_tests_files_and_stored_policies(organisation: Organisation, file: Path) -> None:
    policy_save(organisation.actor("admin"), document=DOCUMENT, now=NOW)
    told = call("test", str(file), "prod-needs-two")
    assert told.count("holds: dev is free. Comes out as pass.") == 2
    assert told.count("nothing stands against it") == 2
    assert Policy.objects.count() == 1


def test_it_points_at_what_is_wrong(organisation: Organisation, file: Path) -> None:
    file.write_text(policy_text(document(when="stge.production")), encoding="utf-8")
    told, refused = failing("test", str(file))
    assert "spec.when: “stge” is not known here; did you mean “stage”" in told
    assert "  stge.production\n  ^" in told
    assert refused == "1 of 1 policy must be mended."
    assert failing("replay", str(file))[1].endswith("must be mended first.")


def test_it_fails_with_a_test_that_fails(organisation: Organisation, file: Path) -> None:
    tests = [{"name": "dev", "facts": {"environment": {"stage": "dev"}}, "expect": "ask"}]
    file.write_text(policy_text(document(tests=tests, mode="observe")), encoding="utf-8")
    told, _ = failing("test", str(file))
    assert "FAILS: dev. Expects ask and comes out as pass." in told
    assert failing("test", "nothing")[1] == "There is no file and no policy “nothing”."


def test_it_replays_over_what_was_recorded(organisation: Organisation) -> None:
    sandbox_install(now=NOW)
    record(organisation, 3, image="api:latest", at=clock.now())
    record(organisation, 2, at=clock.now())
    policy_save(organisation.actor("admin"), document=NO_LATEST, now=NOW)
    told = call("replay", "no-latest", "--days", "7")
    report = PolicyReplay.objects.get()
    assert "It would have denied 3 of 5 changes in 7 days." in told
    assert "  payments: 3 denies" in told
    assert f"/policies/replays/{report.pk}/" in told
    assert failing("replay", "no-latest", "--days", "900")[1] == "Write 1 to 366 days."
