"""The backend module for Backstage in ``deploy/backstage``, as far as this machine can run it.

Its pure parts run with node alone. Types are checked where its packages are installed, and the generated templates are
held against a real Backstage where ``BACKSTAGE_URL`` names one; both are asked for by whoever sets them up.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest
import yaml

from governance.domain.backstage.refs import ref_of
from governance.models import Entity
from governance.services.backstage_reading import kept
from governance.services.backstage_runs import import_ask, import_carry_out
from governance.services.backstage_sources import source_save
from provisioning.contracts import builtin_documents
from provisioning.domain.backstage_template import capability_template, environment_template, promotion_template
from provisioning.domain.contract import parse_contract
from tests.personas import NOW, Organisation

MODULE = Path(__file__).parents[2] / "deploy" / "backstage"
TSC = MODULE / "node_modules" / ".bin" / "tsc"


def run(*command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, cwd=MODULE, capture_output=True, text=True, timeout=120, check=False)


@pytest.mark.skipif(shutil.which("node") is None, reason="node is not on this machine")
def test_its_pure_parts_do_what_they_say() -> None:
    done = run("node", "--test", "src/pure.test.js")
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.skipif(
    not TSC.exists(), reason="the module's packages are not installed (npm install in deploy/backstage)"
)
def test_its_types_are_right() -> None:
    done = run(str(TSC), "--noEmit")
    assert done.returncode == 0, done.stdout


def test_it_names_nobody_but_the_person_whom_backstage_knows() -> None:
    action = (MODULE / "src" / "action.ts").read_text()
    assert action.count("personOf(ctx.user?.ref)") == 1
    assert "input.person" not in action


@pytest.mark.skipif(not os.environ.get("BACKSTAGE_URL"), reason="BACKSTAGE_URL names no running Backstage")
@pytest.mark.parametrize("proxy", ["slipway", None], ids=["by proxy", "by action"])
def test_a_real_backstage_takes_every_template(proxy: str | None) -> None:
    contracts = [parse_contract(document.data) for _, document in builtin_documents()]
    made = [capability_template(one, proxy=proxy) for one in contracts]
    made += [environment_template(["dev"], proxy=proxy, owner="platform")]
    made += [promotion_template(proxy=proxy, owner="platform")]
    token = os.environ.get("BACKSTAGE_TOKEN", "")
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    with httpx.Client(base_url=os.environ["BACKSTAGE_URL"], headers=headers, timeout=30) as client:
        for template in made:
            entity = yaml.safe_load(yaml.safe_dump(template))
            body = {"entity": entity, "location": "url:https://slipway.example/templates.yaml"}
            answer = client.post("/api/catalog/validate-entity", json=body)
            assert answer.status_code == 200, f"{template['metadata']['name']}: {answer.text}"


@pytest.mark.skipif(not os.environ.get("BACKSTAGE_URL"), reason="BACKSTAGE_URL names no running Backstage")
@pytest.mark.django_db
def test_a_real_backstage_is_read_as_a_source_and_not_again_while_nothing_changes(settings) -> None:
    """Asks for a catalog of one page or more that is not empty; entities may only differ by what a server adds."""
    admin, url = Organisation.found().actor("admin"), os.environ["BACKSTAGE_URL"]
    token = os.environ.get("BACKSTAGE_TOKEN", "")
    settings.OUTBOUND_ALLOW = [urlsplit(url).hostname]
    source_save(admin, name="real", kind="backstage", url=url, secret=token, owner="payments", now=NOW)
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    asked = f"{url.rstrip('/')}/api/catalog/entities/by-query?limit=1000"
    has = {str(ref_of(one)): kept(one) for one in httpx.get(asked, headers=headers, timeout=30).json()["items"]}

    first = import_ask(admin, source="real", now=NOW)
    import_carry_out(first.pk, now=NOW)
    first.refresh_from_db()
    again = import_ask(admin, source="real", now=NOW + timedelta(minutes=5))
    import_carry_out(again.pk, now=NOW + timedelta(minutes=5))
    again.refresh_from_db()

    stored = dict(Entity.objects.values_list("ref", "data"))
    assert stored
    assert {ref: data for ref, data in stored.items() if has.get(ref) != data} == {}
    assert sorted([*stored, *(one["ref"] for one in first.report["refused"])]) == sorted(has)
    assert (again.state, again.report.get("created", []), again.report.get("changed", [])) == ("done", [], [])
